// A queue of values between two threads: one puts, one takes, nobody waits. What crosses threads crosses so.
#pragma once

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ring {
	char *items; // owned
	uint32_t item_size, mask;
	_Alignas(64) _Atomic uint32_t head; // next to take; written by the taker
	_Alignas(64) _Atomic uint32_t tail; // next to put; written by the putter
};

// A ring of at least `count` values of item_size octets.
MUST_CHECK enum err ring_init(struct ring *r, uint32_t item_size, uint32_t count);
void ring_fini(struct ring *r);
// Copies a value in; ERR_FULL when the taker is behind. Only one thread may put.
MUST_CHECK enum err ring_put(struct ring *r, const void *value);
// Copies a value out; false when it is empty. Only one thread may take.
bool ring_take(struct ring *r, void *value);
// The same, and leaves nothing behind in the ring: for values with keys in them.
bool ring_take_wiping(struct ring *r, void *value);
