// A call: an originating half and a terminating half of ITU-T Q.1224, joined. Each half is a table (orig.c, term.c);
// legs tell the halves what happens in verbs, and get verbs back.
//
//            ┌──────────────── struct call ────────────────┐
//   o_leg ──▶│ half O  ──setup──▶  half T                  │──▶ t_legs[0..7]
//            │         ◀─alert, answer, fail, redirect──   │
//            └── trail, ladder, media session, record ─────┘
//
// Two points in call are ours beside Q.1224's: RECORDING (the far party answered; the caller is told when the record is
// on disk) and COUNTING, CLOSING (the call is over; its statistics and its release record are on their way).
#pragma once

#include "base/env.h"
#include "base/fsm.h"
#include "base/wheel.h"
#include "call/media/media.h"
#include "call/model/invariant.h"
#include "call/model/line_dialog.h"
#include "call/model/record.h"
#include "call/model/trail.h"
#include "call/model/verb.h"
#include "call/number/translate.h"
#include "call/route/route.h"
#include "live/live.h"
#include "office/office.h"

#define CALL_LEGS_MAX 8
#define CALL_DIVERSIONS_MAX 5
#define CALL_DIALLED_MAX 48

#define O_PICS(X) \
	X(NULL) X(AUTHORISE) X(COLLECT) X(ANALYSE) X(SELECT_ROUTE) X(SEND) X(ALERTING) X(RECORDING) X(ACTIVE) X(EXCEPTION)  \
	X(COUNTING) X(CLOSING) X(OVER)
#define O_PIC_ENUM(name) O_##name,
enum o_pic { O_PICS(O_PIC_ENUM) O_PIC_COUNT };

#define O_EVENTS(X) \
	X(OFFER) X(DENIED) X(NO_DIGITS) X(DIGITS) X(DIGIT) X(TIMER) X(COLLECTED) X(RECALL) X(CONFIRM) X(ANALYSED) X(ROUTED)  \
	X(T_PROGRESS) X(T_ALERT) X(T_ANSWER) X(T_FAIL) X(T_REDIRECT) X(T_RELEASE) X(MEDIA) X(RECORDED) X(LATE) X(REFUSE)     \
	X(PLAYED) X(STATS) X(RELEASE) X(GIVE_UP) X(TRANSFER) X(TIE) X(PARTED) X(REPLACE) X(TAKE)
#define O_EV_ENUM(name) O_EV_##name,
enum o_event { O_EVENTS(O_EV_ENUM) O_EV_COUNT };

#define T_PICS(X) X(NULL) X(AUTHORISE) X(SELECT_FACILITY) X(PRESENT) X(ALERTING) X(ACTIVE) X(EXCEPTION)
#define T_PIC_ENUM(name) T_##name,
enum t_pic { T_PICS(T_PIC_ENUM) T_PIC_COUNT };

#define T_EVENTS(X) \
	X(SETUP) X(AUTHORISED) X(PRESENTED) X(BUSY) X(NO_ANSWER) X(DIVERTED) X(FAILED) X(NEXT) X(PROGRESS) X(ALERT)          \
	X(ANSWER) X(LEG_FAILED) X(ALL_FAILED) X(TIMER) X(MEDIA) X(LEG_RELEASE) X(O_RELEASE)
#define T_EV_ENUM(name) T_EV_##name,
enum t_event { T_EVENTS(T_EV_ENUM) T_EV_COUNT };

enum call_side { SIDE_O, SIDE_T };
enum released_by { BY_CALLER, BY_CALLED, BY_SWITCH, BY_OPERATOR };

struct half {
	uint8_t pic; // assigned by the engine alone
	struct timer timer; // of the state
};

#define CALL_LEG_TIE 0xff // as the leg of a verb: the tie of that side, wherever it stands by now

enum leg_phase { LEG_FREE, LEG_OFFERED, LEG_ALERTING, LEG_ANSWERED, LEG_GONE };
struct call_leg {
	struct leg_link link;
	struct addr peer; // of its signalling
	uint8_t phase;    // enum leg_phase
};

// A tie: one end of what joins two calls after a transfer. It stands, like a leg, in the place of the party that left.
// Few calls have one.
enum tie_phase {
	TIE_ASKED,  // the other call is on its way; the party is still in its place
	TIE_PARTED, // the same, but the party has left, and the tie is in its place
	TIE_STANDS, // the two calls are one conversation
};
struct call_tie {
	struct leg_link link;
	uint8_t phase;       // enum tie_phase
	uint8_t as;          // enum record_tied
	bool rings;          // the other party hears ringing of ours
	bool media_old;      // what was agreed on this side is still that of who left
	uint64_t other;      // number of the other call; 0: not known yet
	struct party party;  // who is at the far end
};

// What was taken from the limits, each given back once.
struct call_taken {
	uint32_t o_line, t_line, o_trunk; // the trunk group toward T is trunk_at
};

// What its lines were last seen to do, by who watches them.
struct call_shown {
	uint32_t line;
	uint8_t state; // enum dialog_state
};

struct calls;
struct recording;
struct call {
	struct calls *calls;
	struct recording *recording; // what the watch keeps of it; NULL: nothing
	uint64_t id; // unique over restarts
	struct half o, t;
	struct call_leg o_leg;             // the caller's; GONE when it hung up or was released
	struct call_leg t_legs[CALL_LEGS_MAX];
	struct call_tie *ties[2];          // owned (pool), by enum call_side; NULL: that side has none
	uint8_t t_leg_count, t_answered;   // t_answered: index + 1
	bool o_open;                       // the caller's leg is up and hears us, without an answer of the far party
	bool answered, unsynced, emergency;
	bool broken;                       // an invariant broke, and it was said
	bool over_limit;                   // taken beyond its line's calls, since 911 may be what is dialled
	bool on_reserve;                   // taken beyond the switch's calls, since 911 may be what is dialled
	bool prefix_refused;                // *67 or *82 from a line that may not: only 911 may follow
	bool bye_waits;                    // the side that hung up waits for its release to be on disk
	bool release_kept;                 // the journal has taken the release record
	bool asks_early;                   // the caller sent no offer, and can answer one before the call is answered
	bool in_band;                      // the far party's early media is connected
	bool rings;                        // the caller hears ringing of ours
	uint8_t taking;                    // enum call_side + 1 of a leg that took a place and waits for its answer
	bool far_told;                     // ... and was no ringing: what the far network has to say was heard
	bool heard_of;                     // the attempt that stands got an answer of any kind (its peer is not silent)
	uint8_t prompt, tone;              // treatment chosen: enum media_prompt, enum media_tone; 0 by the cause
	uint8_t star, star_feature;        // enum star_action of the code dialled first, whose target is being collected
	struct str held_sdp;               // owned (slab): the answer for the caller while its record is written
	// who
	uint32_t o_line, o_trunk, t_line;  // ids; 0 none
	uint32_t payer_line;               // whose rights and number the onward part hangs on: the caller's, or a forwarder's
	struct party caller;
	char dialled[CALL_DIALLED_MAX];    // all that the caller dialled, NUL-terminated, for the record
	char collected[CALL_DIALLED_MAX];  // what is analysed now: after a star code, at a forwarding target, is another
	struct translation translation;
	struct number called;
	struct number diverted_from;
	uint8_t diversion_feature, diversions, hops; // diversions: how often it was sent on, by others too
	struct str history;                // owned (slab): the diversions that are known (divert.c); empty: never sent on
	struct str identities;             // owned (slab); all Identity tokens, each ended by '\n'
	struct route_list routes;
	uint32_t route_at;                 // attempt that stands
	// how it ends
	struct cause cause, t_cause;       // of the call; of the legs of T that failed so far (busy counts most)
	uint8_t released_by;
	struct call_taken taken;
	uint32_t trunk_at, trunk_last;     // trunk group of the attempt that stands (0 none); of the last one
	// when, monotonic ms; 0 never
	uint64_t began_ms, alerted_ms, answered_ms, ended_ms;
	uint64_t began_wall_ms; // UTC
	char call_ids[2][RECORD_TEXT_MAX]; // by enum call_side: of the caller's leg, of the called one that counts
	struct call_shown shown[2]; // by enum call_side
	struct call_media media;
	struct record_media stats[2];
	struct trail trail;
	struct ladder_row ladder[RECORD_LADDER_MAX];
	uint32_t ladder_n;
	bool traced;
};

// What a feature says at a detection point.
enum feature_says { FEATURE_CONTINUE, FEATURE_WAIT, FEATURE_REDIRECT, FEATURE_COLLECT_MORE, FEATURE_RELEASE };

#define DETECTION_POINTS(X)                                                                                            \
	X(O_ANALYSED, "analysed information") X(T_ATTEMPT, "termination attempt authorised") X(T_BUSY, "called party busy")  \
	X(T_NO_ANSWER, "no answer")
#define DETECTION_POINT_ENUM(name, text) DP_##name,
enum detection_point { DETECTION_POINTS(DETECTION_POINT_ENUM) DP_COUNT };

// A feature's function: looks at the call, may change who is called or shown, and says how to go on.
//   CONTINUE      nothing of mine
//   WAIT          call_set_feature was asked; its answer resumes the call
//   REDIRECT      call_divert said where to; the originating half analyses again
//   COLLECT_MORE  c->collected holds what is left to analyse; "": recall dial tone, and digits anew
//   RELEASE       c->cause and c->prompt say why
typedef enum feature_says feature_function(struct call *c);
struct feature_row {
	enum detection_point at;
	enum office_feature feature;
	feature_function *run;
};
struct feature_table {
	const struct feature_row *rows; // in order of precedence
	uint32_t count;
};

// Makes the legs that a T half asks for; filled by call/leg. Each makes a leg without sending anything: the OFFER verb
// follows. ERR_FULL: no more legs, or only those that are kept for emergency calls.
struct leg_factory {
	void *self;
	enum err (*line)(void *self, struct leg_link *out, ref call, uint8_t index, const struct office_line *line,
	                 const struct binding *binding);
	enum err (*trunk)(void *self, struct leg_link *out, ref call, uint8_t index, const struct office_trunk_group *group,
	                  const struct addr *peer, bool emergency);
};

// Makes a tie and asks for the call at its other end; filled by call/leg. What becomes of it comes as verbs of the leg
// CALL_LEG_TIE: ALERT, ANSWER, RELEASE. ERR_FULL: no more ties.
struct tie_wish {
	uint64_t call;              // the number of this one
	uint32_t line, trunk_group; // who asks and pays: one of the two
	const struct verb_transfer *to;
	const struct party *caller; // who will be at this end
	struct diversion diversion;   // who asks sends the other party on, which the next network may hear
	uint8_t hops;
};
struct tie_factory {
	void *self;
	enum err (*ask)(void *self, struct leg_link *out, ref call, enum call_side side, const struct tie_wish *wish);
};

// What a call asked of what is live, and what it was told.
enum call_lookup_kind {
	LOOKUP_LINE,    // calls: that the line has beside this one
	LOOKUP_TRUNK,   // the same of a trunk group
	LOOKUP_PEER,    // silent: does peer `peer` of the trunk group answer?
	LOOKUP_PHONES,  // calls: phones that the line is registered from; each follows:
	LOOKUP_PHONE,   // phone
	LOOKUP_REFUSED, // what was asked for was not to be had: `id` says which; of a leg `calls` is its index
};
enum call_refused { REFUSED_RECORD, REFUSED_FEATURE, REFUSED_LEG };
struct call_lookup {
	uint8_t kind; // enum call_lookup_kind
	bool silent;
	uint32_t id, peer, calls;
	const struct binding *phone;
};

// Who keeps the inputs of calls, told of all that reaches a call and of all that it says (run/inputs.h).
struct call_watch {
	void (*began)(struct call_watch *w, struct call *c); // may set c->recording
	void (*reached)(struct call_watch *w, struct call *c); // before each event
	void (*message)(struct call_watch *w, struct call *c, const struct ladder_row *row, struct str bytes);
	void (*looked_up)(struct call_watch *w, struct call *c, const struct call_lookup *l);
	void (*ended)(struct call_watch *w, struct call *c); // before its place is given back
};

// What all calls of a worker share. Everything but the pools is borrowed.
struct calls_setup {
	struct env *env;
	const struct office *office;
	struct live *live;
	struct media *media;
	struct journal journal;
	struct leg_factory legs;
	struct tie_factory ties;
	struct feature_table features;
	uint32_t calls_max;
	uint32_t boot; // of this start, greater than before: it stands in the call numbers
	// See run/worker.h: the answer comes as calls_on_feature_done.
	enum err (*set_feature)(void *self, uint64_t owner, uint32_t line, uint8_t feature, bool active, struct str target);
	void *set_feature_self;
	// Keeps the whole text of a message of a traced call; its place, or UINT32_MAX. NULL: nothing is traced.
	uint32_t (*keep_text)(void *self, uint64_t call, struct str bytes);
	bool (*trace_line)(void *self, uint32_t line); // are the calls of and to this line traced?
	void *trace_self;
	struct call_watch *watch; // NULL: nobody watches
	// A line that others watch does something else now; called in the middle of a step. NULL: nobody is told.
	void (*show)(void *self, const struct line_dialog *d);
	void *show_self;
};
MUST_CHECK enum err calls_new(struct calls **out, const struct calls_setup *setup);
struct calls *calls_free(struct calls *cs);

// A leg brings a call: makes it, with the leg as the caller's. ERR_FULL: no more calls; ERR_STATE: calls_stop was said
// (the leg answers 503 to both, and says to the second when to come again). An emergency call is taken all the same, for
// which CALLS_RESERVED more are held ready; so is a line that opens without digits, as long as half of them are left:
// it is denied when it has dialled something else.
#define CALLS_RESERVED 16
struct call_begin {
	struct leg_link leg;
	uint32_t line, trunk_group; // who brings it: one of the two
	struct addr peer;
	struct str dialled; // as in the OFFER that follows
	uint64_t tied_to;   // it begins as the other half of a transfer, with a tie as its leg: of the call of this number
};
MUST_CHECK enum err calls_begin(ref *out, struct calls *cs, const struct call_begin *b);
// Are these digits an emergency number, also after *67 or *82? `line` (0: not known yet) is who dials them.
bool calls_is_emergency(const struct calls *cs, uint32_t line, struct str dialled);
// How many of `reserved` that are kept for emergency calls this new one may have: all, half or none.
uint32_t calls_reserve(const struct calls *cs, uint32_t line, struct str dialled, uint32_t reserved);
// A verb from a leg. Runs the call until nothing is left to do, unless a step is running: then it waits its turn.
// A call that ended meanwhile: nothing happens.
void calls_take(struct calls *cs, ref call, enum call_side side, uint8_t leg, const struct verb *v);
// A leg is replaced (RFC 3891): by a tie, or by a leg that comes with an offer of its own. It is told ANSWER when it is
// (a tie of a call that is not answered yet ALERT), RELEASE when it may not be.
struct call_replacement {
	struct leg_link by;
	uint64_t tied_to;           // of a tie: number of the call at its other end; 0: it is none
	const struct party *party;  // of a tie: who is at the other end
	uint32_t line;              // of a leg: whose phone it is
	struct addr peer;           // ... of its signalling
	struct str offer;
	bool rings;                 // what is replaced is not answered yet: this one answers
};
void calls_replace(struct calls *cs, ref call, enum call_side side, uint8_t leg, const struct call_replacement *r);
// The place of a leg that will replace this one, which `rings` or talks. ERR_NOT_FOUND, ERR_STATE: it may not be
// replaced now; ERR_FULL: there is no room.
MUST_CHECK enum err calls_seat(const struct calls *cs, ref call, enum call_side side, uint8_t leg, bool rings,
                               uint8_t *seat);
// A message of one of its legs, for the ladder; with its text, for calls that are traced.
void calls_ladder(struct calls *cs, ref call, const struct ladder_row *row, struct str bytes);
void calls_on_media(struct calls *cs, const struct media_event *e);
void calls_on_journal(struct calls *cs, const struct journal_done *d);
void calls_on_feature_done(struct calls *cs, uint64_t owner, enum err result);
// Fires what is due; the next deadline.
uint64_t calls_tick(struct calls *cs);
// Releases one call at an operator's word. ERR_NOT_FOUND.
MUST_CHECK enum err calls_release(struct calls *cs, uint64_t call_id);
// All that stand: `at` starts at 0 and is advanced; NULL at the end.
struct call *calls_each(struct calls *cs, uint32_t *at);
// The number of a call; 0: it ended.
uint64_t calls_number(const struct calls *cs, ref call);
uint32_t calls_count(const struct calls *cs);
// Of texts that they keep: descriptions, identities.
uint64_t calls_text_bytes(const struct calls *cs);
// Tells again (calls_setup.show) what calls are to a line that is watched; or what the next `count` calls are to theirs:
// *at is 0 at the beginning of a round; false at its end.
void calls_show_line(struct calls *cs, uint32_t line);
bool calls_show_some(struct calls *cs, uint32_t *at, uint32_t count);
// No new call is taken from now on, but emergency calls; those that stand go on.
void calls_stop(struct calls *cs);
// Releases all with a cause. From now on no call is taken at all.
void calls_release_all(struct calls *cs, struct cause cause);
// A monotonic time of this call as UTC; 0 stays 0. All hang on its beginning, so that they agree with each other
// whatever the clock did meanwhile.
uint64_t call_wall_ms(const struct call *c, uint64_t ms);
// The first invariant that is broken between two events; 0: they hold.
enum call_invariant call_wrong(const struct call *c);
// Does this call hold this leg of that adapter?
bool calls_hold(const struct calls *cs, ref call, enum call_side side, uint8_t index, const void *adapter, ref leg);
// The record of a call as it stands.
void call_record(struct call_record *r, struct call *c, enum record_kind kind);

// For features. Office rows are good until the step ends.
const struct office_line *call_line(const struct call *c, uint32_t id);
const struct office_rules *call_rules(const struct call *c);
const struct env *call_env(const struct call *c);
void call_trail(struct call *c, enum call_side side, enum trail_kind kind, uint32_t a, uint32_t b);
// Asks the control thread to change a feature of a line; the answer resumes the call. ERR_FULL: it is behind.
MUST_CHECK enum err call_set_feature(struct call *c, uint32_t line, enum office_feature f, bool active, struct str target);
// Sends the call elsewhere at the expense of `line`. False: it was diverted too often.
bool call_divert(struct call *c, uint32_t line, enum office_feature f, struct str target);
// What the table's features say at a detection point: the first that does not continue.
enum feature_says call_features(struct call *c, enum detection_point at);

// The machines, for the matrices in the manual.
extern const struct fsm orig_machine, term_machine;
