// Registering with carriers (RFC 3261 §10.2): a trunk group with an address of record keeps a binding of it alive at
// one of its peers, so that the carrier's calls find us. Each worker does so for its share of the trunk groups.
//
//     OFF ─▶ ASKING ──200──▶ REGISTERED ──before it ends──▶ REFRESHING ──200──▶ REGISTERED
//              ▲ │ refused, silent: the next peer; after the last ─▶ WAITING (longer each time) ─▶ ASKING
//     the group no longer registers, or the switch stops ─▶ LEAVING (Expires: 0) ─▶ OFF
//
// After a restart all is asked at once: what a carrier still has of us is replaced, since the Contact is the same.
#pragma once

#include "base/fsm.h"
#include "live/live.h"
#include "office/office.h"
#include "wire/sip/txn.h"

#define REGISTRANT_MAX 256 // trunk groups of one worker that register

struct registrant_setup { // borrowed
	struct env *env;
	struct sip_stack *stack;
	const struct office *office;
	struct live *live;
	uint32_t worker, workers, listener_count;
	const struct addr *listeners; // as Via and Contact say them
};

struct registration { // one trunk group
	uint32_t group;   // id; 0: the place is free
	uint8_t state;    // assigned by the table alone
	uint8_t peer;     // of the group, which is asked
	uint8_t tried;    // peers since it last stood
	uint8_t answered; // challenges, and intervals that were too brief, since it was last asked by itself
	uint16_t status;  // of the last refusal
	uint32_t failures; // rounds of all peers, in a row
	uint32_t interval_s, cseq;
	uint64_t due_ms, ends_ms; // when to go on; when the binding ends (0: there is none)
	uint64_t print;           // of all that it hangs on: another one begins anew
	struct addr to;
	uint16_t listener;
	char aor[OFFICE_AOR_MAX], call_id[17], tag[17]; // aor: "sip:user@host"
};

struct registrant {
	struct registrant_setup setup;
	uint64_t next_ms; // when to look at the groups again
	uint32_t count;   // places that were ever taken
	bool stopping;
	struct registration *all; // owned
};

MUST_CHECK enum err registrant_init(struct registrant *r, const struct registrant_setup *setup);
void registrant_fini(struct registrant *r);
// Does what is due; the next deadline.
uint64_t registrant_tick(struct registrant *r);
// True when the owner names one of ours (then it was dealt with).
bool registrant_owns(uint64_t owner);
bool registrant_on_response(struct registrant *r, uint64_t owner, const struct sip_msg *m);
bool registrant_on_failure(struct registrant *r, uint64_t owner);
// The switch stops: all take leave. How many still wait for the answer to that.
void registrant_stop(struct registrant *r);
uint32_t registrant_leaving(const struct registrant *r);

// The machine, for the matrix in the manual.
extern const struct fsm registrant_machine;
