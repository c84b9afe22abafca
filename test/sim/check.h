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
// Each says sim_fail when something does not hold.
void check_event(struct checker *c);                          // after every event of the node
void check_sent(struct checker *c, const struct packet *p);   // each message that the node sends
void check_end(struct checker *c);                            // when all is quiet
