// How many calls got through: the figure of a run in bad weather.
#pragma once

#include "sim/sim.h"

struct completed {
	uint32_t begun, completed;
};
// Of the calls from line to line whose callers and called ones leave no doubt of what should happen: how many there were,
// and how many got an answer (by voice, busy, declined, or ringing until somebody had enough) from the telephone that
// they went to. At the end of a run. What the office or another network decided is not among them.
struct completed completed_calls(struct sim *s);
