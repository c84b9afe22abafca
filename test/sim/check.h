// The checkers: what must hold after every event, and at the end of a run.
//
// After every event: each half's and each call's invariants (call/half), both halves agree, counters of occupancy equal
// the calls that stand, no message leaves that our own strict parser refuses, audio and digits reach whom they should.
// At the end: each call that a party saw answered by the far party has exactly one CDR, its seconds are what the parties
// heard; sequence numbers have no gap; no call, transaction, dialog, port, timer or handle is left, and all pools are
// full again.
#pragma once

#include "base/packet.h"
#include "sim/sim.h"

struct checker;
struct checker *checker_new(struct sim *s);
struct checker *checker_free(struct checker *c);
// Each says sim_fail when something does not hold. The node calls them:
void check_event(struct checker *c);                          // after each of its events
void check_got(struct checker *c, const struct packet *p);    // before a worker takes a message
void check_sent(struct checker *c, const struct packet *p);   // each message that it sends
// Keys: a party presses one, and the media plane passes it to this ear (family 0: to nobody's); and the switch has the
// plane make one, as it does when a party says it by INFO.
struct ledger_call;
void check_said_digit(struct checker *c, const struct ledger_call *by, char digit, const struct addr *ear);
struct made_digit {
	uint32_t worker;
	uint8_t side; // enum media_side, that hears it
	char digit;
	uint64_t session; // its handle
	struct addr ear;
};
void check_made_digit(struct checker *c, const struct made_digit *d);
void check_crash(struct checker *c);                          // before its memory is gone
void check_stopping(struct checker *c, int phase);            // of a stop, as it begins (enum crew_phase, run/crew.h)
void check_stopped(struct checker *c);                        // before its memory is gone, all being written
void check_boot(struct checker *c);                           // when it is up again, before it takes anything
void check_end(struct checker *c);                            // the run does, when all is quiet
