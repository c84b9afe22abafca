// Keeps the inputs of a worker's calls (run/recording.h), as far as the configuration wants it: none, those of calls
// that failed, all. On the worker's path nothing is formatted and nothing is asked of the system: entries are copied
// into blocks that were there from the start, and a recording that is over crosses to the control thread on a ring,
// which writes it into a file (run/inputs_keep.h) and gives the blocks back.
//
//     worker_input ──inputs_begin──▶ what comes now  ─┐
//     call/half ──── struct call_watch ───────────────┼─▶ struct recording ──ring──▶ control thread ─▶ CALL.call
//     office ─────── struct office_watch ─────────────┘                  ◀──ring──
#pragma once

#include "call/leg/tie.h"
#include "run/config.h"
#include "run/recording.h"

#include <stdatomic.h>

struct inputs;

// Memory for recordings of calls that stand and of those on their way to the control thread. ERR_FULL: no memory.
MUST_CHECK enum err inputs_new(struct inputs **out, uint64_t bytes_max, enum config_inputs mode);
struct inputs *inputs_free(struct inputs *in);
// By any thread: which calls are kept, of those that begin from now on.
void inputs_set_mode(struct inputs *in, enum config_inputs mode);

// The worker's own, who says once what a recording needs to know; all borrowed.
struct inputs_site {
	const struct env *env;
	const struct office *office;
	uint32_t listener_count;
	const struct addr *listeners; // as Via and Contact say them
	struct media *media;
};
void inputs_bind(struct inputs *in, const struct inputs_site *site);
// What the calls are given as their watch, and as their media plane: that of the site, of which each refusal is noted.
struct call_watch *inputs_watch(struct inputs *in);
struct media *inputs_media(struct inputs *in);

// What comes to the worker now; one of the pointers, by kind.
struct input {
	enum entry_kind kind;
	const struct packet *packet;
	const struct media_event *media;
	const struct journal_done *journal;
	const struct tie_letter *tie;
	bool failed;      // FEATURE
	bool by_operator; // RELEASE
};
// Before and after all that a worker does with it. Nothing is kept: a branch each.
void inputs_begin(struct inputs *in, const struct input *i);
void inputs_end(struct inputs *in);

// The next recording of a call that is over and is to be kept, for one other thread, which gives it back.
struct recording *inputs_take(struct inputs *in);
void inputs_give_back(struct inputs *in, struct recording *r);
