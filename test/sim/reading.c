// The last messages that were read: a circle of twice READINGS, and where each is by the hash of its octets. What stands
// in the older half is read anew, since it will be written over before long.
#include "sim/reading.h"

#include <assert.h>
#include <stdlib.h>

#define CIRCLE (2 * READINGS)
#define PLACES (4 * CIRCLE)
#define MEMORY_MIN 4096u

struct kept {
	struct reading reading;
	uint64_t hash, number; // number: how many were read before
	struct arena memory; // the octets, and what the parser unfolds of them
};

struct readings {
	struct kept kept[CIRCLE];
	uint64_t next;
	uint8_t at[PLACES]; // by the hash: index in kept of the last one that had it
};

static_assert(CIRCLE - 1 <= UINT8_MAX, "an index is an octet");

struct readings *readings_new(void)
{
	return calloc(1, sizeof(struct readings));
}

struct readings *readings_free(struct readings *r)
{
	for (uint32_t i = 0; r && i < CIRCLE; i++) arena_fini(&r->kept[i].memory);
	free(r);
	return NULL;
}

static void make_room(struct arena *memory, uint32_t n)
{
	uint32_t cap = 2 * n < MEMORY_MIN ? MEMORY_MIN : 2 * n;
	arena_reset(memory);
	if (memory->cap >= cap) return;
	arena_fini(memory);
	if (arena_init(memory, cap) != OK) abort(); // the simulator's own memory is no part of the test
}

const struct reading *reading_of(struct sim *s, struct str bytes)
{
	struct readings *r = sim_readings(s);
	uint64_t hash = sim_hash(bytes);
	struct kept *k = &r->kept[r->at[hash % PLACES]];
	bool young = k->number + READINGS > r->next;
	if (young && k->hash == hash && str_eq(k->reading.msg.bytes, bytes)) return &k->reading;
	r->at[hash % PLACES] = (uint8_t)(r->next % CIRCLE);
	k = &r->kept[r->next % CIRCLE];
	k->hash = hash;
	k->number = r->next++;
	make_room(&k->memory, bytes.n);
	struct str copy = arena_dup(&k->memory, bytes);
	k->reading.good = sip_msg_parse(&k->reading.msg, copy, &k->memory, &k->reading.fault) == PARSE_OK;
	return &k->reading;
}
