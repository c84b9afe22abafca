// A word each: time above the status above the state.
#include "live/trunk_registered.h"

#include <stdatomic.h>
#include <stdlib.h>

#define STATE_BITS 4
#define STATUS_BITS 12

struct trunk_registered_table {
	uint32_t groups_max;
	_Atomic uint64_t words[];
};

struct trunk_registered_table *trunk_registered_new(uint32_t trunk_groups_max)
{
	struct trunk_registered_table *t = calloc(1, sizeof *t + ((size_t)trunk_groups_max + 1) * sizeof t->words[0]);
	if (t) t->groups_max = trunk_groups_max;
	return t;
}

struct trunk_registered_table *trunk_registered_free(struct trunk_registered_table *t)
{
	free(t);
	return NULL;
}

void trunk_registered_put(struct trunk_registered_table *t, uint32_t group, const struct trunk_registered *r)
{
	if (group > t->groups_max) return;
	uint64_t word = r->at_ms << (STATE_BITS + STATUS_BITS) | (uint64_t)r->status << STATE_BITS | r->state;
	atomic_store(&t->words[group], word);
}

struct trunk_registered trunk_registered_get(const struct trunk_registered_table *t, uint32_t group)
{
	uint64_t word = group <= t->groups_max ? atomic_load(&t->words[group]) : 0;
	return (struct trunk_registered){ .state = word & ((1u << STATE_BITS) - 1),
		.status = (uint16_t)(word >> STATE_BITS & ((1u << STATUS_BITS) - 1)),
		.at_ms = word >> (STATE_BITS + STATUS_BITS) };
}
