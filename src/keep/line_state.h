// What phones know of lines, and say of them: the messages that wait (live/waiting) and who subscribed to what, saved in
// records.db by the control thread and put back at start, beside keep/registration.h and as it; and what phones report
// that they heard in a call, which is found with its record (keep/cdr.h).
#pragma once

#include "base/env.h"
#include "call/model/record.h"
#include "keep/store.h"
#include "live/live.h"

#define KEPT_SUBSCRIPTION_TEXT_MAX 1024 // octets of its dialog; one that needs more is not kept

// A subscription as a value. Its texts stand one after the other in `text`, each ended by '\n', which none holds:
//     package, event id, Call-ID, our tag, their tag, our URI, their URI, their target, routes
struct kept_subscription {
	bool over; // it is to be forgotten: the texts but our tag may be missing
	bool first_route_loose;
	uint32_t watcher, watched; // lines
	uint32_t local_cseq, remote_cseq;
	uint64_t expires_ms; // monotonic
	struct addr peer;
	uint16_t listener;
	uint16_t text_n;
	char tag[24]; // ours once more, NUL-terminated: its name in the table
	char text[KEPT_SUBSCRIPTION_TEXT_MAX];
};

struct quality_report {
	uint32_t line; // whose phone
	uint64_t wall_ms;
	char call_id[RECORD_TEXT_MAX]; // of its dialog
	struct record_heard heard;
};

struct line_state_store;
// Errors as store_open.
MUST_CHECK enum err line_state_open(struct line_state_store **out, const char *path, struct store_fault *fault);
struct line_state_store *line_state_close(struct line_state_store *s);

// Puts the counts of messages back, before the workers run.
MUST_CHECK enum err line_state_restore_messages(struct line_state_store *s, struct waiting_table *to);
// Saves those that changed; on an error they stay changed.
MUST_CHECK enum err line_state_save_messages(struct line_state_store *s, struct waiting_table *from);

// Each subscription that has not expired, before the workers run; expired ones are forgotten.
typedef void line_state_visit(void *self, const struct kept_subscription *row);
MUST_CHECK enum err line_state_restore_subscriptions(struct line_state_store *s, const struct env *env,
                                                     uint64_t longest_ms, line_state_visit *visit, void *self);
// Puts, replaces or (over) forgets so many, all or none.
MUST_CHECK enum err line_state_save_subscriptions(struct line_state_store *s, const struct env *env,
                                                  const struct kept_subscription *rows, uint32_t count);

// Puts so many reports, all or none; of the same line and call the last one holds.
MUST_CHECK enum err line_state_save_reports(struct line_state_store *s, const struct quality_report *rows, uint32_t count);
