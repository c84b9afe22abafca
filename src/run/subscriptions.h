// Subscriptions (RFC 6665): who is told what of a line's state. They live with the home worker of the line that is
// watched, to which SUBSCRIBE goes as REGISTER does, and which is told what the line's calls do.
//
//     SUBSCRIBE ─▶ run/subscribe ─▶ subscription ──NOTIFY──▶ phone
//                                        ▲ print of the state ≠ what was last told
//                    watched line, message counts, registrations (run/event_package)
//
// One NOTIFY is out at a time, and NOTIFY_REST_MS pass between two: what changes meanwhile is told then, so that the
// newest state is always the last that was told. Each body tells all. Every state is looked at anew every
// SUBSCRIPTION_LOOK_MS, whether or not anybody said that it changed.
#pragma once

#include "base/wheel.h"
#include "call/leg/sip_auth.h"
#include "keep/line_state.h"
#include "run/event_package.h"
#include "wire/sip/dialog.h"

#define NOTIFY_REST_MS 1000            // RFC 4235 3.10
#define NOTIFY_LATER_MS 60000          // after a refusal that does not end the subscription
#define SUBSCRIPTION_LOOK_MS 2000
#define SUBSCRIPTION_TAG_LEN 17        // not that of a leg: it names no worker, the line does
#define SUBSCRIPTION_EVENT_ID_MAX 31   // octets of the id of an Event header

#define SUBSCRIPTION_STATES(X) X(NEW) X(CURRENT) X(TELLING) X(RESTING) X(CLOSING) X(LAST) X(OVER)
#define SUBSCRIPTION_STATE_ENUM(id) SUBSCRIPTION_##id,
enum subscription_state { SUBSCRIPTION_STATES(SUBSCRIPTION_STATE_ENUM) SUBSCRIPTION_STATE_COUNT };

#define SUBSCRIPTION_EVENTS(X) X(SUBSCRIBE) X(CHANGED) X(ANSWERED) X(ASKED_AGAIN) X(REFUSED) X(UNKNOWN) X(RESTED) X(END) X(RESTORED)
#define SUBSCRIPTION_EVENT_ENUM(id) SUBSCRIPTION_EV_##id,
enum subscription_event { SUBSCRIPTION_EVENTS(SUBSCRIPTION_EVENT_ENUM) SUBSCRIPTION_EVENT_COUNT };

struct subscriptions;
struct subscription {
	struct subscriptions *all;
	struct map_node by_tag;
	struct list of_line; // of the watched line
	struct list due;     // among those to be looked at
	struct watched_line *line;
	struct sip_dialog dialog;
	struct timer expires, rest;
	ref notify_txn;
	uint32_t watcher;    // line
	uint8_t state;       // assigned by the table alone
	uint8_t package;     // enum event_package
	bool unkept;         // what is kept of it is not as it is
	bool knows_calls;    // others watch the line's calls: what they are is known
	bool asked_again;    // a SUBSCRIBE came while a NOTIFY was out: another must follow (RFC 6665 4.2.1.2)
	const char *reason;  // of its end
	uint64_t expires_ms; // monotonic
	uint64_t told_ms;    // when the last NOTIFY went out
	uint64_t told;       // print of the state in it; 0: it is not known what the phone shows
	uint32_t later_ms;   // rest after a refusal
	char tag[SUBSCRIPTION_TAG_LEN];
	char event_id[SUBSCRIPTION_EVENT_ID_MAX + 1];
};

struct subscriptions_setup { // all borrowed
	struct env *env;
	struct sip_stack *stack;
	const struct sip_auth *auth;
	uint32_t listener_count;
	const struct addr *listeners; // as Via and Contact say them
	uint32_t max, transactions_max;
	// Asks all workers to tell what their calls are to this line.
	void (*ask)(void *self, uint32_t line);
	void *self;
	// See run/worker.h.
	enum err (*keep)(void *self, const struct kept_subscription *row);
	void *keep_self;
};

struct subscriptions {
	struct subscriptions_setup setup;
	struct pool pool;
	struct map by_tag;
	struct wheel wheel;
	struct watched_lines lines;
	struct list due;
	uint64_t look_ms; // when the next share is looked at
	uint32_t look_at; // in the pool
};

MUST_CHECK enum err subscriptions_init(struct subscriptions *s, const struct subscriptions_setup *setup,
                                       struct hash_key key);
void subscriptions_fini(struct subscriptions *s);

// A SUBSCRIBE of the stack's request callback, in a dialog that is none of a leg's, or in none; answers it
// (run/subscribe.c).
void subscriptions_request(struct subscriptions *s, ref txn, const struct sip_msg *m, const struct sip_source *from);

// What the stack tells; false: the transaction is not of a subscription.
bool subscriptions_on_response(struct subscriptions *s, uint64_t owner, const struct sip_msg *m);
bool subscriptions_on_failure(struct subscriptions *s, uint64_t owner);
bool subscriptions_own(uint64_t owner);

// A call's worker says what it is to a line.
void subscriptions_take(struct subscriptions *s, const struct line_dialog *d);
// Something of a line's state changed: its phones, its messages.
void subscriptions_look(struct subscriptions *s, uint32_t line);
// Tells and ends what is due; the next deadline.
uint64_t subscriptions_tick(struct subscriptions *s);

// One of before a restart. What the phone shows is not known: it is told.
void subscriptions_restore(struct subscriptions *s, const struct kept_subscription *row);

// For run/subscribe.c: a new one of which nothing was told yet. NULL: no room.
struct subscription *subscription_new(struct subscriptions *s, uint32_t watcher, uint32_t watched,
                                      enum event_package package);
// One that was not begun after all.
void subscription_free(struct subscription *sub);
struct subscription *subscription_of(const struct subscriptions *s, const struct sip_msg *m);
// Accepted, or refreshed, for so long; 0 s: the state is told once more, and that is the end.
void subscription_accept(struct subscription *sub, uint32_t seconds);
// May this line watch that one? Both exist and are of one customer.
bool subscription_is_allowed(const struct subscriptions *s, uint32_t watcher, uint32_t watched);

extern const struct fsm subscription_machine;
