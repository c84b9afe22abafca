// What the program's edge (HTTP API, command line) asks of the running switch: values in, values out.
//
//     dialtone ──HTTP──▶ admin ──▶ control ──ring──▶ worker        one thread, the control thread, asks;
//                              ◀── answer ◀──ring──┘               it waits at most CONTROL_WAIT_MS
//
// The node fills the table; tests fill it with a fake. Every function runs on the control thread only. An answer that
// does not come in time is ERR_TIMEOUT and nothing of it is written later into the caller's memory. Lines and trunk
// groups stand as ids, which the office makes into names.
#pragma once

#include "call/model/record.h"
#include "live/trunk_registered.h"
#include "live/waiting.h"
#include "office/office.h"

#define CONTROL_WAIT_MS 5000 // a busy worker answers late; the thread that asks has time
#define CONTROL_STATE_MAX 24
#define CONTROL_URI_MAX 192
#define CONTROL_AGENT_MAX 64

struct control_status {
	uint64_t started_wall_ms, up_ms;
	uint32_t workers, media_threads;
	uint32_t calls, calls_max;             // that stand now, and the limit of the node
	uint32_t transactions, transactions_max;
	uint32_t media_ports, media_ports_max; // RTP ports taken, and those there are
	uint32_t registrations;                // contacts
	uint64_t cdr_sequence;                 // of the last release record
	bool journal_healthy;                  // false: records reach the disk late or not at all
	bool stopping;                         // no new call is taken; those that stand may finish
};

struct control_side {
	uint32_t line, trunk_group; // ids; 0 none
	struct number number;
	char state[CONTROL_STATE_MAX]; // point in call, as call/half names it
};

struct control_call { // a line of the list of calls
	uint64_t call;
	uint64_t began_wall_ms, alerted_wall_ms, answered_wall_ms; // UTC; 0 not yet
	struct control_side o, t;
	bool emergency, traced;
};

struct control_calls_query {
	uint32_t line, trunk_group; // only calls of this one, on either side; 0 all
};

struct control_registration {
	uint32_t line;
	char contact[CONTROL_URI_MAX];   // the URI that it registered, cut
	char agent[CONTROL_AGENT_MAX];   // User-Agent, cut
	struct addr peer;                // whence the REGISTER came
	uint64_t since_wall_ms, expires_wall_ms;
};

struct control_registered { // how a trunk group stands with its carrier
	uint8_t state;       // enum trunk_registered_state
	uint16_t status;     // of the last refusal; 0: none, or no answer
	uint64_t at_wall_ms; // when it ends, or is asked for again; 0: not known
};

struct control_peer { // a far switch of a trunk group
	uint32_t trunk_group;
	struct addr addr;
	bool supervised, answers; // by OPTIONS
	uint64_t since_wall_ms;   // in this state
	uint32_t calls;           // of the whole group
	char name[OFFICE_HOST_MAX + 32]; // that it was found by; "": it is provisioned. Family 0: the name has no address
	uint64_t found_wall_ms;   // when DNS last said so; 0: not yet
	uint32_t good_for_s;      // how long that may be believed
	bool stale;               // longer already: DNS is silent
	struct control_registered registered; // the whole group
};

struct control_dial {
	uint32_t line;
	struct str digits;
};

struct config;

struct control_ops {
	enum err (*status)(void *self, struct control_status *out);

	// Fills at most max rows; *count says how many there are in all, which may be more.
	enum err (*calls)(void *self, const struct control_calls_query *q, struct control_call *out, uint32_t max,
	                  uint32_t *count);
	// A call that stands, as its record would be if it ended now, with trail and ladder. ERR_NOT_FOUND: it does not.
	enum err (*call)(void *self, uint64_t call, struct control_call *out, struct call_record *record);
	// Ends it with cause 31, "released by an operator". ERR_NOT_FOUND: it does not stand.
	enum err (*call_release)(void *self, uint64_t call);

	// Keeps the messages of a call in full from now on, or no longer; also of the next calls of and to a line.
	enum err (*trace_call)(void *self, uint64_t call, bool on);
	enum err (*trace_line)(void *self, uint32_t line, bool on);
	// The full text of the message that stands in a ladder at offset `text` of its trace, of a call that stands or
	// ended lately. ERR_NOT_FOUND: it is not kept; ERR_FULL: out is too small.
	enum err (*trace_text)(void *self, uint64_t call, uint32_t text, struct buf *out);

	// What would happen if this line dialled these digits now: the record of a call that never was, with its trail,
	// where it went (t.line, t.trunk_group) or why not (cause). Touches nothing.
	enum err (*dial)(void *self, const struct control_dial *q, struct call_record *record);

	// Fills at most max rows; *count says how many there are in all. line: only of this one; 0 all.
	enum err (*registrations)(void *self, uint32_t line, struct control_registration *out, uint32_t max,
	                          uint32_t *count);
	// Messages that wait in a line's mailbox: sets them first, unless set is NULL.
	enum err (*messages)(void *self, uint32_t line, const struct waiting *set, struct waiting *out);
	enum err (*peers)(void *self, struct control_peer *out, uint32_t max, uint32_t *count);

	// A configuration file was read again: take over what may change under a running switch.
	enum err (*reload)(void *self, const struct config *config);

	// The workers' way to the control thread: the descriptor is readable when they have something for it; step does
	// that and returns after how many ms it wants to be called again at the latest.
	int (*wake_fd)(void *self);
	uint32_t (*step)(void *self);
};

struct control {
	const struct control_ops *ops;
	void *self;
};
