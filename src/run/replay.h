// A recorded call (run/recording.h), run again offline through the same code: an office of the rows that it found, a
// live state that answers as it did, a media plane without sockets, a journal in memory, virtual time.
//
//     recording ──inputs, in order, at their times──▶ struct worker ──▶ a recording of the new run
//         └──────────────────── compared ◀──────────────────────────────────────┘
//
// What chance made (tags, branches, Call-IDs) is another in the new run: it is learnt from what both sent, and put into
// what comes next.
#pragma once

#include "run/recording.h"

#define REPLAY_DIFFERENCES_MAX 16
#define REPLAY_TEXT_MAX 200

struct replay_difference {
	uint32_t at_ms;
	char was[REPLAY_TEXT_MAX], is[REPLAY_TEXT_MAX]; // "": nothing
};

struct replay {
	struct office *office;       // owned; of the rows, for names
	struct call_record record;   // of the new run, with trail and ladder
	bool began, ended;           // did it become a call, and did that end?
	bool cut;                    // the recording is: compared as far as it goes
	uint32_t difference_count;   // all; of which the first are kept
	struct replay_difference differences[REPLAY_DIFFERENCES_MAX];
};

// Runs it. ERR_BAD: the recording cannot be run (fault says why), ERR_FULL: no memory.
MUST_CHECK enum err replay_run(struct replay **out, const struct recording *recorded, struct recording_fault *fault);
struct replay *replay_free(struct replay *r);
