// What the files of this folder share and nobody else sees.
#pragma once

#include "base/slab.h"
#include "call/half/call.h"

#define CALL_QUEUE_MAX 128

struct call_event {
	ref call;
	uint8_t side;  // enum call_side: whose machine
	uint8_t event; // enum o_event or enum t_event
	uint8_t leg;   // of T
	struct verb verb;
};

struct calls {
	struct calls_setup setup;
	struct pool pool;
	struct pool ties; // of struct call_tie
	struct wheel wheel;
	struct slab texts;
	struct media_worker media;
	struct call_event queue[CALL_QUEUE_MAX]; // events of the step that runs, in order
	uint32_t queue_first, queue_count;
	bool running, stopping, released; // a step runs; calls_stop was said, calls_release_all
	uint64_t begun; // calls so far
	struct call_record record; // scratch for the one being written
};

ref call_ref(const struct call *c);
void o_post(struct call *c, enum o_event event, const struct verb *v);
void t_post(struct call *c, enum t_event event, uint8_t leg, const struct verb *v);
// One event through a machine.
void orig_step(struct call *c, const struct call_event *ev);
void term_step(struct call *c, const struct call_event *ev);

// Takes a place in a limit; false: it is reached.
bool call_take(struct call *c, enum occupancy_kind kind, uint32_t id, uint32_t max);
// Tells the watch what was looked up; and that a line or trunk group has so many calls, those that this one holds with
// them.
void call_looked_up(struct call *c, const struct call_lookup *l);
void call_looked_up_calls(struct call *c, enum occupancy_kind kind, uint32_t id, uint32_t calls);

// Timers of a half; 0 ms: none.
void half_timer(struct call *c, enum call_side side, uint64_t ms);

// Verbs to legs.
void o_tell(struct call *c, const struct verb *v);
void t_tell(struct call *c, uint8_t leg, const struct verb *v);
// A line has a part in the call: are its calls traced? From now on, then, messages are kept in full.
void call_trace(struct call *c, uint32_t line);
// Keeps for the record what the protocol calls a leg.
void call_note_leg(struct call *c, enum call_side side, const struct call_leg *leg);
// The leg of T that counts: the one that answered, else the one that was made last; NULL: none.
const struct call_leg *t_leg(const struct call *c);
// Index + 1 of the leg of T with which the caller's media are joined: the one that answered, or that rings alone; 0: none.
uint8_t t_joined(const struct call *c);
// Ends all legs of T; `elsewhere`: all but the one that answered, and they hear that it did.
void t_release_all(struct call *c, struct cause cause, bool elsewhere);

// show.c: what who watches a line is told of its calls. After each step.
void call_show(struct call *c);

// join.c: media between the sides.
// A command to the media plane, whose failure changes nothing for the call: counted.
void join_told(enum err e);
// Media could not be had: leaves in the trail why, and gives the cause.
struct cause join_failed(struct call *c, enum call_side side, enum err e);
struct media_leg join_leg(const struct call *c, enum call_side side);
// Can this side hear what is about to be played? The trail tells when it is not as usual.
bool join_can_play(struct call *c, enum call_side side);
// Are the media that a side agreed to as secure as they must be?
bool join_is_secure(const struct call *c, enum call_side side);
// An offer, answer, request or refusal that a leg brought in the middle of a call.
void join_media(struct call *c, enum call_side from, const struct verb *v);
// The offer for a T leg: fills v->media and v->sdp.
enum err join_offer(struct call *c, struct verb *v);
// A T leg's media in a progress, alert or answer, its answer or its offer: leaves in to_o what the caller's leg is to be
// told.
enum err join_early_offer(struct call *c, const struct verb *from_t, struct verb *to_o);
enum err join_answer(struct call *c, const struct verb *from_t, struct verb *to_o);
// Opens the caller's leg ourselves, so that it hears us: an ANSWER when `open`, else a PROGRESS.
enum err join_local(struct call *c, bool open);

// takeover.c
// The answer of a phone that came by itself, with an offer, while another one rang: the answers for both sides. *held:
// that for the caller; empty: it has one already.
enum err take_answers(struct call *c, struct str offer, struct str *held);
// The word for a leg that took a place and waits for its answer: MEDIA becomes ANSWER, or the end of the call.
bool take_word(struct call *c, struct verb *v);

// transfer.c
// Who is on a side, as the other side is to see it.
void call_who(struct party *out, const struct call *c, enum call_side side);
// A transfer is under way, and who asked for it is still in its place.
bool tie_is_asked(const struct call *c, enum call_side side);
// A transfer is under way, and who asked for it has left: there is nobody to talk to on this side yet.
bool tie_is_parted(const struct call *c, enum call_side side);
// The call begins with a tie as its caller's leg, to the call of this number.
void tie_begin(struct call *c, uint64_t to);
// The call ends: transfers that are under way have come to nothing.
void ties_drop(struct call *c);
// Gives the memory of its ties back.
void ties_free(struct call *c);

// treat.c: what the caller of a failed call hears. False: nothing, release it at once.
bool treat_begin(struct call *c);
// The tone after which a treatment ends, or the next; false: it is over.
bool treat_next(struct call *c);

// divert.c: where a call was sent on, by others before it came and by us.
// Keeps what the offer tells of it.
void divert_take(struct call *c, const struct verb_offer *offer);
// What the next network is told, oldest first; their number.
uint8_t divert_history(const struct call *c, struct diversion out[DIVERSIONS_MAX]);

// record.c
void call_put_answer(struct call *c);
void call_put_release(struct call *c);
