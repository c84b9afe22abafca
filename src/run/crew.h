// The crew: the workers of a node and what crosses between them, without a thread, a socket or a clock. The node
// (run/node.c) runs each member on a thread of its own with its sockets; the simulator runs all of them on virtual
// time.
//
//     packets ─▶ crew_input ─▶ worker ─▶ outbox
//                    │          ▲ ▲ ▲
//     another ◀─mail─┘          │ │ └── records on disk, media events, calls that a crash cut off
//     control thread ── jobs ───┘ └──── mail
//                    ◀── features set from phones
//
// What crosses is a value on a ring and a wake-up; each ring has one who puts and one who takes.
#pragma once

#include "base/ring.h"
#include "keep/journal.h"
#include "run/control.h"
#include "run/trace.h"
#include "run/worker.h"

struct member;

// Work for a worker that the control thread waits for (node_ask) or not (crew_tell). Whoever comes second frees it.
enum job_state { JOB_WAITS, JOB_DONE, JOB_GIVEN_UP };
struct job {
	void (*run)(struct member *m, struct job *j); // as the worker
	_Atomic int state;                            // enum job_state
	enum err err;
	// asked
	uint64_t call;
	uint32_t line, text;
	bool on;
	struct control_calls_query calls;
	struct {
		uint64_t owner;
		enum err result;
	} feature;
	struct occupancy_audit *audit; // borrowed
	uint8_t ticket_key[80];        // of TLS, a new one
	// answered
	struct control_call *rows; // owned; of a list
	uint32_t count, max;
	struct control_call one;
	struct call_record record;
	struct {
		char *p;
		uint32_t n;
	} copied; // owned
};
// NULL: no memory.
struct job *job_new(void (*run)(struct member *m, struct job *j));
struct job *job_free(struct job *j);

struct feature_change { // a value on a ring
	uint64_t owner;
	uint32_t line;
	uint8_t feature;
	bool active;
	char target[OFFICE_DIGITS_MAX + 1];
};

struct recovering { // a call that a crash cut off, on its way
	struct call_record answer;
	uint64_t life_wall_ms;
	bool waits;    // there was no room
	uint32_t done; // of it (worker_recover)
};

struct member { // its own worker's thread alone touches it, but for the atomics and the far ends of the rings
	struct crew *crew;
	uint32_t index;
	struct worker *worker; // owned, and all below
	struct outbox out;
	struct trace trace;
	struct ring *mail;    // one from each member and, last, one from the control thread
	struct ring features;      // to the control thread,
	struct ring subscriptions; // ... those to be kept,
	struct ring reports;       // ... those of voice quality
	struct recovering *recovering; // NULL: there is none, or no more
	uint64_t swept_ms;
	_Atomic int sleep; // enum member_sleep
	_Atomic int heard; // enum crew_phase: the last of which it did what is to be done
	struct { // as of its last turn
		_Atomic uint32_t calls, legs, transactions, tombstones, recovering, leaving;
	} use;
};

struct crew_setup { // borrowed
	struct worker_setup worker; // of all of them: index, count, journal, outbox, features and trace are the crew's
	uint32_t count;
	uint32_t mail_max;          // letters on their way from one to another; more are lost, as on a network
	struct journal_log *journal;
	struct media *(*media)(void *self, uint32_t index);
	struct inputs *(*inputs)(void *self, uint32_t index); // keep those of a member's calls; NULL: none does
	void (*send)(void *self, uint32_t index, struct outbox *o); // a member's packets
	// A connection that another member accepted is this one's. NULL: there are no connections.
	void (*adopt)(void *self, uint32_t index, int fd, uint16_t listener, const struct addr *peer);
	// Called from any thread: this member has something to do, and so has the control thread.
	void (*wake)(void *self, uint32_t index);
	void (*wake_control)(void *self);
	void *self;
};

// How a crew ends.
//
//     works ──crew_stop──▶ drains ──no call stands, or it is time──▶ releases ──nothing stands, or 1 s──▶ stopped
enum crew_phase { CREW_WORKS, CREW_DRAINS, CREW_RELEASES, CREW_STOPPED };

struct crew {
	struct crew_setup setup;
	struct member *members; // owned
	uint32_t count;
	_Atomic int phase;  // enum crew_phase; set by whoever stops it, who alone has
	uint64_t until_ms;  // the end of this phase
};

MUST_CHECK enum err crew_new(struct crew **out, const struct crew_setup *setup);
// Gives a subscription of before a restart to the home worker of the line that is watched; before any member runs.
void crew_restore(struct crew *c, const struct kept_subscription *row);
// No member may run any more. NULL is fine; returns NULL.
struct crew *crew_free(struct crew *c);

// AS A MEMBER
// A packet that its sockets got: does it, or passes it on to whose it is. The time is set first by worker_at.
void crew_input(struct member *m, const struct packet *p);
// A connection lives with the member that its peer's address names: whoever has a packet for it passes it on, and
// whoever accepted it.
uint32_t crew_of_peer(const struct crew *c, const struct addr *peer);
void crew_pass_out(struct member *m, uint32_t to, const struct packet *p);
// The connection to a peer, over which somebody's requests were under way, has ended: all are told.
void crew_connection_ended(struct member *m, const struct addr *peer);
// ERR_FULL: the descriptor is still the caller's.
MUST_CHECK enum err crew_pass_socket(struct member *m, uint32_t to, int fd, uint16_t listener, const struct addr *peer);
// Does all that waits and is due, and sends; when to come again, monotonic ms.
uint64_t crew_turn(struct member *m, uint64_t now_ms, uint64_t wall_ms);
// The last that it does, once the crew has stopped.
void crew_leave(struct member *m);
// May it sleep until then? From a true answer to its next turn it is woken when something comes for it.
bool crew_may_sleep(struct member *m);

// FROM ANY THREAD
// A member has something to do: it takes another turn. setup.wake is called only if it sleeps (crew_may_sleep).
void crew_wake(struct crew *c, uint32_t index);

// AS THE CONTROL THREAD
// Hands a job over: freed when it is done, or for who waits at its state. ERR_FULL: it is still the caller's.
MUST_CHECK enum err crew_give(struct crew *c, uint32_t index, struct job *j);
// Nobody waits for it.
void crew_tell(struct crew *c, uint32_t index, struct job *j);
// The next feature that was set from a phone of this member; its call hears of it by crew_feature_done.
bool crew_next_feature(struct crew *c, uint32_t index, struct feature_change *out);
// The next subscription of this member that is to be kept, or forgotten.
bool crew_next_subscription(struct crew *c, uint32_t index, struct kept_subscription *out);
// The next report of voice quality.
bool crew_next_report(struct crew *c, uint32_t index, struct quality_report *out);
// result: OK when the change is in the office for good, else why it is not. Without memory, or room on the way to the
// member, the call never hears of it, and its own timer goes on without.
void crew_feature_done(struct crew *c, uint32_t index, const struct feature_change *change, enum err result);
// What stands, as of each member's last turn.
struct worker_use crew_use(const struct crew *c);
// From now on no new call is taken but emergency calls (503 with Retry-After), and those that stand may finish until
// then (monotonic ms). Said again, until another time. Needs neither memory nor room in anybody's mail.
void crew_stop(struct crew *c, uint64_t until_ms);
// Has each member done what its phase asks of it?
bool crew_has_heard(const struct crew *c);
// May it go on from drains to releases?
bool crew_is_drained(const struct crew *c, uint64_t now_ms);
// Goes on when it may, to be asked every CREW_LOOK_MS. Released are all that still stand: cause 41, a record and BYEs,
// which CREW_RELEASE_MS are given for. Once stopped, its members leave.
#define CREW_LOOK_MS 10u
#define CREW_RELEASE_MS 1000u
enum crew_phase crew_stopping(struct crew *c, uint64_t now_ms);
