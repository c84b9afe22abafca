// What a step may ask of the world: the time, chance, scratch memory. Nothing in wire/ (but net), office, live or call
// asks the system itself, so that a run can be repeated from a seed.
#pragma once

#include "base/arena.h"
#include "base/random.h"

struct env {
	uint64_t now_ms;      // monotonic: all timers and durations
	uint64_t wall_ms;     // UTC since 1970: for people and records
	uint32_t worker;      // which worker this is
	struct random random; // seeded
	struct arena scratch; // dies with the event
};
