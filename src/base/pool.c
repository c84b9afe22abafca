// The pool: a stack of free slots, and a generation per slot.
#include "base/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define GENERATION_MASK 0x3fffffffu // odd ones are of taken objects, also when it begins anew

enum err pool_init(struct pool *p, const char *name, uint32_t item_size, uint32_t max)
{
	uint32_t size = (item_size + 15u) & ~15u;
	*p = (struct pool){ .name = name, .item_size = size, .max = max };
	p->items = calloc(max, size);
	p->generations = calloc(max, sizeof *p->generations);
	p->free_next = calloc(max, sizeof *p->free_next);
	if (p->items && p->generations && p->free_next) return OK;
	pool_fini(p);
	return ERR_FULL;
}

void pool_fini(struct pool *p)
{
	free(p->items);
	free(p->generations);
	free(p->free_next);
	*p = (struct pool){ 0 };
}

void *pool_get(struct pool *p)
{
	uint32_t index;
	if (p->free_first) {
		index = p->free_first - 1;
		p->free_first = p->free_next[index];
		memset(p->items + (size_t)index * p->item_size, 0, p->item_size);
	} else if (p->touched < p->max) {
		index = p->touched++; // calloc gave zeroes
	} else {
		return NULL;
	}
	p->generations[index]++;
	p->used++;
	return p->items + (size_t)index * p->item_size;
}

static uint32_t index_of(const struct pool *p, const void *item)
{
	size_t at = (size_t)((const char *)item - p->items);
	assert(at % p->item_size == 0 && at / p->item_size < p->touched);
	return (uint32_t)(at / p->item_size);
}

void *pool_put(struct pool *p, void *item)
{
	if (!item) return NULL;
	uint32_t index = index_of(p, item);
	assert(p->generations[index] & 1); // taken: else it was given back twice
	p->generations[index] = (p->generations[index] + 1) & GENERATION_MASK;
	p->free_next[index] = p->free_first;
	p->free_first = index + 1;
	p->used--;
	return NULL;
}

ref pool_ref(const struct pool *p, const void *item)
{
	uint32_t index = index_of(p, item);
	return (ref)p->generations[index] << 32 | (index + 1);
}

void *pool_at(const struct pool *p, ref r)
{
	uint32_t index = (uint32_t)r - 1; // 0 wraps past every pool
	if (index >= p->touched || p->generations[index] != r >> 32) return NULL;
	return p->items + (size_t)index * p->item_size;
}

void *pool_each(const struct pool *p, uint32_t *at)
{
	while (*at < p->touched) {
		uint32_t index = (*at)++;
		if (p->generations[index] & 1) return p->items + (size_t)index * p->item_size;
	}
	return NULL;
}
