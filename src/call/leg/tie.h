// Ties: what joins two calls after a transfer. Each end is a leg of its call; what the call tells it crosses to the
// other end as a letter, a value, and is told to the other call as if a phone had said it. The two calls may live on
// two workers, and always speak as if they did.
//
//     call 1 ──verb──▶ end ──letter──▶ end ──verb──▶ call 2
//            ◀──verb── end ◀──letter── end ◀──verb──
//
// An end lives from the wish of its call until that call has released it and the other end knows.
#pragma once

#include "base/wheel.h"
#include "call/half/call.h"
#include "call/leg/sip_leg.h"

#define TIE_STATES(X) X(ASKING) X(TIED) X(CUT) X(LOST) X(GIVEN_UP) X(ENDING) X(GONE)
#define TIE_STATE_ENUM(name) TIE_##name##_STATE,
enum tie_state { TIE_STATES(TIE_STATE_ENUM) TIE_STATE_COUNT };
#define TIE_EVENTS(X) X(ACCEPTED) X(FAR_VERB) X(FAR_RELEASE) X(VERB) X(RELEASE) X(UNSENT) X(SENT) X(TIMER)
#define TIE_EVENT_ENUM(name) TIE_EV_##name,
enum tie_event { TIE_EVENTS(TIE_EVENT_ENUM) TIE_EVENT_COUNT };

enum tie_letter_kind { TIE_LETTER_ASK, TIE_LETTER_ACCEPTED, TIE_LETTER_VERB };

// A letter from one end to the other. Its text is good until it is taken or sent.
struct tie_letter {
	uint8_t kind;               // enum tie_letter_kind
	uint8_t from_side, to_side; // enum call_side
	uint32_t to_worker, from_worker;
	ref to, from;               // ends; to 0: one is asked for
	uint64_t call;              // number of the call that it comes from
	// ASK: of a new call
	uint32_t line, trunk_group;
	char dialled[CALL_DIALLED_MAX];
	uint8_t hops;
	struct diversion diversion;
	// VERB
	uint8_t verb, media, refusal, signal, digit; // as in struct verb
	bool in_band;
	uint16_t digit_ms;
	struct cause cause;
	struct party party; // number nature NUMBER_NONE: not said
	struct str text;    // a session description; of ASK: the leg that is to be replaced, or empty
};

struct tie_end {
	struct ties *ties;
	uint8_t state;   // assigned by its table alone
	uint8_t side, far_side; // in the call
	bool offered;    // an offer of our call waits for its answer from there
	ref call;
	uint32_t far_worker;
	ref far;         // 0: not known yet
	struct cause cause;
	struct timer timer; // of ASKING and GIVEN_UP: how long; of ENDING: until it is said again
};

struct ties_setup { // all borrowed
	struct env *env;
	struct calls *calls;
	struct sip_legs *legs;
	uint32_t ends_max;
	// Sends a letter to a worker, its own too: it is taken in a later step. ERR_FULL: no room.
	enum err (*send)(void *self, const struct tie_letter *l);
	void *send_self;
};
struct ties {
	struct ties_setup setup;
	struct pool pool;
	struct wheel wheel;
};

MUST_CHECK enum err ties_init(struct ties *ts, const struct ties_setup *setup);
void ties_fini(struct ties *ts);
// For calls_setup.
struct tie_factory tie_factory(struct ties *ts);
// A letter has come.
void ties_take(struct ties *ts, const struct tie_letter *l);
// Fires what is due; the next deadline (UINT64_MAX: none).
uint64_t ties_tick(struct ties *ts);

// The machine, for the matrices in the manual.
extern const struct fsm tie_machine;
