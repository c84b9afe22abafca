// Memory that dies together: one event's, one message's. Allocation moves a mark; freeing sets it back.
#pragma once

#include "base/buf.h"

struct arena {
	char *p; // owned when made by arena_init
	uint32_t n, cap;
};

MUST_CHECK enum err arena_init(struct arena *a, uint32_t cap);
void arena_fini(struct arena *a);

// Memory aligned for any type, not zeroed; NULL when the arena is full.
void *arena_alloc(struct arena *a, size_t size);

// Copies; on a full arena the empty slice.
struct str arena_dup(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void arena_reset(struct arena *a)
{
	a->n = 0;
}
