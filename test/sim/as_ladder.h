// A conversation of a run as a scenario of test/ladders: two parties and the switch, with the times between rounded and
// the weather left out. It can be saved among the ladders, and holds there.
#pragma once

#include "base/buf.h"
#include "sim/sim.h"

// Of a run that kept its messages (plan.keep). `call_id`: of the caller's side; empty: the first call that can be said
// so. False: none can, or not this one (*why says why not): no answered or refused call of two parties in calm weather,
// somebody is out of character, or more happened than the ladder's words can say.
bool put_as_ladder(struct buf *b, struct sim *s, struct str call_id, const char **why);
