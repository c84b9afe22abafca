// The queue: two free-running indices, each written by one side.
#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

enum err ring_init(struct ring *r, uint32_t item_size, uint32_t count)
{
	uint32_t size = 2;
	while (size < count) size *= 2;
	memset(r, 0, sizeof *r);
	r->item_size = item_size;
	r->mask = size - 1;
	r->items = calloc(size, item_size);
	return r->items ? OK : ERR_FULL;
}

void ring_fini(struct ring *r)
{
	free(r->items);
	r->items = NULL;
}

enum err ring_put(struct ring *r, const void *value)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	if (tail - head > r->mask) return ERR_FULL;
	memcpy(r->items + (size_t)(tail & r->mask) * r->item_size, value, r->item_size);
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return OK;
}

static bool take(struct ring *r, void *value, bool wipe)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	if (head == tail) return false;
	char *item = r->items + (size_t)(head & r->mask) * r->item_size;
	memcpy(value, item, r->item_size);
	if (wipe) explicit_bzero(item, r->item_size);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

bool ring_take(struct ring *r, void *value)
{
	return take(r, value, false);
}

bool ring_take_wiping(struct ring *r, void *value)
{
	return take(r, value, true);
}
