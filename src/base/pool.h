// A fixed number of objects of one type, taken and given back; each named by a handle that dies with it.
//
//     handle = generation << 32 | index + 1        0 is no handle; the two highest bits are never set, and may be marks
//
// Whatever waits (a timer, a look-up, a peer, another thread) keeps the handle: when the object ended meanwhile, the
// handle finds nothing. Memory is reserved at start and touched on first use, so a large limit costs little.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t ref; // a handle; 0 is none

struct pool {
	char *items;           // owned
	uint32_t *generations; // owned; odd while taken
	uint32_t *free_next;   // owned; index + 1 of the next free slot
	uint32_t free_first;   // index + 1
	uint32_t touched;      // slots that were ever taken
	uint32_t used, max;
	uint32_t item_size;
	const char *name;
};

MUST_CHECK enum err pool_init(struct pool *p, const char *name, uint32_t item_size, uint32_t max);
void pool_fini(struct pool *p);

// A zeroed object, or NULL when all are taken.
void *pool_get(struct pool *p);
// Gives back; NULL is fine. Returns NULL, to be assigned.
void *pool_put(struct pool *p, void *item);

// Handle of a taken object, and the object of a handle (NULL when it was given back since).
ref pool_ref(const struct pool *p, const void *item);
void *pool_at(const struct pool *p, ref r);

// For audits: the first taken object at or after index *at, which is advanced; NULL at the end.
void *pool_each(const struct pool *p, uint32_t *at);
