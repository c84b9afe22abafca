// What the files of a replay share.
#pragma once

#include "base/packet.h"
#include "run/inputs.h"
#include "run/replay.h"
#include "run/worker.h"

#define TOKENS_MAX 1024 // a branch of each request of ours, and a recording holds some five hundred messages
#define MESSAGES_MAX 1024

// What chance made, then and now.
struct token {
	struct str was, is; // stand in the recordings
};

struct others { // calls of a line or trunk group beside this one
	enum occupancy_kind kind;
	uint32_t id, calls;
};

struct world {
	struct replay *result;
	const struct recording *recorded;
	struct live *live;
	struct inputs *inputs;
	struct worker *worker;
	uint32_t listener_count;
	struct outbox out;
	struct media media;           // its ops are replay.c's
	struct arena arena;           // of one step
	const struct recording_entry *step;     // the input that is given
	uint64_t now_ms;
	// Handles of the new call: as the media, the journal, the control thread know it.
	uint64_t media_owner, journal_owner, feature_owner;
	ref ties[2];                  // its ends of ties, by enum call_side
	struct recording *again;      // of the new run, borrowed until `ended`
	const struct recording_entry *paired;   // of `again`: the last message sent that was looked at
	const struct recording_entry *tried[MESSAGES_MAX]; // messages of the recording that have no partner yet
	uint32_t tried_count;
	struct token tokens[TOKENS_MAX];
	uint32_t token_count, nonces;
	struct others others[32];
	uint32_t other_count;
	struct binding phones[LOCATION_BINDINGS_MAX];
	uint32_t phone_count;
};

// replay_office.c: what stands between the step and the next input becomes office and live state. ERR_BAD: fault.
enum err replay_know(struct world *w, struct recording_fault *fault);
// The largest ids that the recording names.
void replay_limits(const struct recording *r, struct live_limits *limits);

// replay_message.c
// The text of the step with what chance made in this run.
struct str replay_text(struct world *w);
// The message of the step with what chance made in this run, and credentials that are right.
struct str replay_message(struct world *w);
// Learns from what both runs sent in this step.
void replay_learn(struct world *w);

// replay_compare.c: fills the differences; `is` may be NULL.
void replay_compare(struct replay *result, const struct recording *was, const struct recording *is);
