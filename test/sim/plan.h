// What a run is to be: drawn from its seed but for what was said, and the words that say it.
//
//     --calls 400 --lines 40 --workers 2 --rate 20 --faults loss,crash --loss 2000 --character hostile --events 12000
#pragma once

#include "base/buf.h"
#include "sim/sim.h"

// Nothing said yet.
struct sim_plan plan_unsaid(void);
// Reads one option and its value from the front of `words` (count of them): how many it took; 0: it is no option of a
// plan; -1: its value is wrong.
int plan_read(struct sim_plan *said, char *const *words, int count);
// The plan of this seed: what was not said is drawn from it.
struct sim_plan plan_of(const struct sim_plan *said, uint64_t seed);
// The command that runs it again, with what was said.
void put_plan(struct buf *b, const struct sim_plan *said, uint64_t seed);
