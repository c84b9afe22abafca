// Timers in a hierarchical wheel: start and stop cost the same whatever waits.
//
//     level 0: 64 slots of 1 ms    level 1: 64 of 64 ms    ...    level 5: 64 of 12.4 days
//
// A timer keeps a handle of what it is for, never a pointer; kinds are the owner's own enumeration.
#pragma once

#include "base/list.h"
#include "base/pool.h"

#define WHEEL_LEVELS 6
#define WHEEL_SLOTS 64

struct timer {
	struct list node;
	uint64_t at_ms;
	ref owner;
	uint32_t kind;
	bool armed;
};

struct wheel {
	uint64_t now_ms;  // all that was due up to and with this has been given out
	uint64_t next_ms; // when the next slot comes up that may hold timers; UINT64_MAX: none
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t taken[WHEEL_LEVELS]; // a bit per slot that may hold timers
	struct list due;
	uint32_t count;
};

void wheel_init(struct wheel *w, uint64_t now_ms);
// (Re)starts at an absolute time; one in the past is due at once. `t` must live until it fired or was stopped.
void wheel_start(struct wheel *w, struct timer *t, uint64_t at_ms, uint32_t kind, ref owner);
void wheel_stop(struct wheel *w, struct timer *t);
// Takes out the next timer that is due at now_ms, or gives NULL; call until NULL. In order of time.
struct timer *wheel_expire(struct wheel *w, uint64_t now_ms);
// When to look again: never later than the next timer, UINT64_MAX when there is none.
uint64_t wheel_next(const struct wheel *w);
