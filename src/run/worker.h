// One worker: the stacks, halves, legs and features of one core, without a socket, a thread or a clock of its own. It
// is given packets, the time and what others answered; it leaves packets in its outbox. The node (run/node.c) wires it
// to the system; ladders and the simulator wire it to virtual time.
//
//     worker_input ─▶ sip stack ─▶ sip_leg ─▶ half ─▶ actions ─▶ sip_leg ─▶ outbox
//     worker_media_event ────────────────────▶   (a digit, a finished announcement)
//     worker_journal_done ───────────────────▶   (a record is on disk)
#pragma once

#include "base/env.h"
#include "base/packet.h"
#include "call/leg/tie.h"
#include "call/model/line_dialog.h"
#include "call/model/media.h"
#include "call/model/record.h"
#include "keep/line_state.h"
#include "live/live.h"
#include "office/office.h"
#include "wire/sip/digest.h"
#include "wire/sip/txn.h"

#define LISTENERS_MAX 8

struct worker_listener {
	struct addr bound;      // what the socket is bound to
	struct addr advertised; // what Via and Contact say (1:1 NAT)
};

// What workers tell each other of lines: values.
enum line_news_kind {
	NEWS_DIALOG,  // to the line's home worker: what a call is to it
	NEWS_ASKED,   // to all: say what your calls are to it
	NEWS_CHANGED, // to the home worker: its messages changed
};
struct line_news {
	uint8_t kind; // enum line_news_kind
	struct line_dialog dialog; // NEWS_DIALOG; of the others its line alone
};

struct worker_setup {
	uint32_t index, count; // this worker among all
	uint32_t boot;         // of this start, greater than before: call numbers are unique over restarts
	uint64_t seed, now_ms, wall_ms;
	uint32_t listener_count;
	struct worker_listener listeners[LISTENERS_MAX];
	uint32_t calls_max, transactions_max;
	uint64_t message_bytes_max;
	struct sip_times times; // zero: the RFC's
	struct sip_nonce_secret nonce_secret;
	const struct office *office; // borrowed, all of these
	struct live *live;
	struct media *media;
	struct journal journal;
	struct outbox *out;
	// A feature was set from a phone: the control thread changes the office and answers with worker_feature_done.
	enum err (*set_feature)(void *self, uint32_t worker, uint64_t owner, uint32_t line, uint8_t feature, bool active,
	                        struct str target);
	void *set_feature_self;
	uint32_t subscriptions_max;
	// A subscription to be kept over a restart, or to be forgotten; ERR_FULL: later. NULL: none is kept.
	enum err (*keep)(void *self, const struct kept_subscription *row);
	void *keep_self;
	// What a phone reported that it heard, to be kept with the record of its call; ERR_FULL: not now. NULL: none is.
	enum err (*report)(void *self, const struct quality_report *r);
	void *report_self;
	// News for another worker (worker_news), or for this one. NULL: this is the only one.
	void (*tell)(void *self, uint32_t worker, const struct line_news *n);
	void *tell_self;
	// Sends a letter of a tie to a worker, perhaps to this one: it comes by worker_tie. NULL: there are no ties.
	enum err (*send_tie)(void *self, const struct tie_letter *l);
	void *send_tie_self;
	bool (*refuses_leg)(void *self, uint32_t index); // of a replay: was this called leg refused? NULL: none is
	void *refuses_leg_self;
	struct trace *trace;   // NULL: nothing is ever traced
	struct inputs *inputs; // keeps the inputs of calls; NULL: of none
};

struct worker;
struct worker *worker_new(const struct worker_setup *setup);
struct worker *worker_free(struct worker *w);

// All below are for the worker's own thread; the time is set first by worker_tick or worker_at.
void worker_at(struct worker *w, uint64_t now_ms, uint64_t wall_ms);
void worker_input(struct worker *w, const struct packet *p);
// Fires what is due; gives the next deadline (monotonic ms).
uint64_t worker_tick(struct worker *w);
void worker_media_event(struct worker *w, const struct media_event *e);
void worker_journal_done(struct worker *w, const struct journal_done *d);
void worker_news(struct worker *w, const struct line_news *n);
void worker_tie(struct worker *w, const struct tie_letter *l);
void worker_feature_done(struct worker *w, uint64_t owner, enum err result);

// A subscription of before a restart, before the worker runs; its watched line's home worker must be this one.
void worker_restore(struct worker *w, const struct kept_subscription *row);

// Which worker a packet belongs to (design idea 3): our own tag or branch names it, else the hash of the Call-ID;
// REGISTER, and SUBSCRIBE but for one in the dialog of a leg, go to the home worker of the line in To. Cheap: looks only
// for those fields.
uint32_t worker_of_packet(const struct worker *w, struct str bytes);
// The same for what we sent and got back.
uint32_t worker_of_returned(const struct worker *w, struct str bytes);

// A call that was answered before a crash: hands its release record to the journal, then sends BYE to both its phones.
// ERR_FULL: the journal takes no more just now, there are too many transactions, or no memory. Then it is to be asked
// again with the same *done, which is 0 at first: how much of it was done.
MUST_CHECK enum err worker_recover(struct worker *w, const struct call_record *answer, uint64_t last_life_wall_ms,
                                   uint32_t *done);

// Releases one call at an operator's word (ERR_NOT_FOUND), or all that stand because the switch stops.
MUST_CHECK enum err worker_release(struct worker *w, uint64_t call_id);
void worker_release_all(struct worker *w);
// From now on no new call is taken (503 with Retry-After) but emergency calls; those that stand go on.
void worker_stop(struct worker *w);
// Its last act, after worker_release_all: whoever waits to be told by BYE is told now.
void worker_leave(struct worker *w);
// The calls that stand, for lists and releases, on the worker's own thread.
struct calls;
struct calls *worker_calls(struct worker *w);

// What is wrong with what stands, between two events, in words, and the Call-ID of the call; NULL: nothing.
const char *worker_wrong(const struct worker *w, struct str *call_id);

// What stands, for audits: all zero when all is quiet.
struct worker_use {
	uint32_t calls, legs, ties, transactions, tombstones;
	uint64_t text_bytes; // that they keep
	uint32_t subscriptions;
	uint32_t leaving; // registrations with carriers that still wait for the answer to their end
};
struct worker_use worker_use(const struct worker *w);
