// Counters of calls. A counter is one word: calls (low half) and how often it moved (high half), so that an audit can
// tell which counters stood still meanwhile.
#include "live/occupancy.h"

#include "base/count.h"
#include "base/log.h"

#include <stdlib.h>

#define CALLS 0xffffu
#define MOVED 0x10000u

COUNTER(occupancy_underflow, "Places given back that were not taken: a fault of ours");
COUNTER(occupancy_corrected, "Counters of calls that an audit set right: a fault of ours");

struct occupancy_table {
	_Atomic uint32_t *words; // owned, by id
	uint32_t max;
};

struct occupancy {
	struct occupancy_table tables[OCCUPANCY_KINDS];
};

struct occupancy_audit {
	uint32_t *before[OCCUPANCY_KINDS];       // owned: the words at the beginning
	_Atomic uint16_t *held[OCCUPANCY_KINDS]; // owned: calls named by the workers
	uint32_t max[OCCUPANCY_KINDS];
};

struct occupancy *occupancy_new(uint32_t lines_max, uint32_t trunk_groups_max)
{
	struct occupancy *o = calloc(1, sizeof *o);
	if (!o) return NULL;
	o->tables[OCCUPANCY_LINE].max = lines_max;
	o->tables[OCCUPANCY_TRUNK_GROUP].max = trunk_groups_max;
	for (int kind = 0; kind < OCCUPANCY_KINDS; kind++) {
		struct occupancy_table *t = &o->tables[kind];
		t->words = calloc((size_t)t->max + 1, sizeof *t->words);
		if (!t->words) return occupancy_free(o);
	}
	return o;
}

struct occupancy *occupancy_free(struct occupancy *o)
{
	for (int kind = 0; o && kind < OCCUPANCY_KINDS; kind++) free(o->tables[kind].words);
	free(o);
	return NULL;
}

static _Atomic uint32_t *word_of(const struct occupancy *o, enum occupancy_kind kind, uint32_t id)
{
	return id <= o->tables[kind].max ? &o->tables[kind].words[id] : NULL;
}

// The word after one call more or less.
static uint32_t moved(uint32_t word, int calls)
{
	return (((word & ~CALLS) + MOVED) | ((word + (uint32_t)calls) & CALLS));
}

bool occupancy_take(struct occupancy *o, enum occupancy_kind kind, uint32_t id, uint32_t max)
{
	_Atomic uint32_t *at = word_of(o, kind, id);
	if (!at) return false;
	uint32_t most = max && max < OCCUPANCY_MOST ? max : OCCUPANCY_MOST;
	uint32_t word = atomic_load_explicit(at, memory_order_relaxed);
	do {
		if ((word & CALLS) >= most) return false;
	} while (!atomic_compare_exchange_weak(at, &word, moved(word, 1)));
	return true;
}

void occupancy_give(struct occupancy *o, enum occupancy_kind kind, uint32_t id)
{
	_Atomic uint32_t *at = word_of(o, kind, id);
	if (!at) return;
	uint32_t word = atomic_load_explicit(at, memory_order_relaxed);
	do {
		if ((word & CALLS) == 0) {
			COUNT(occupancy_underflow);
			return;
		}
	} while (!atomic_compare_exchange_weak(at, &word, moved(word, -1)));
}

uint32_t occupancy_now(const struct occupancy *o, enum occupancy_kind kind, uint32_t id)
{
	_Atomic uint32_t *at = word_of(o, kind, id);
	return at ? atomic_load_explicit(at, memory_order_relaxed) & CALLS : 0;
}

uint64_t occupancy_total(const struct occupancy *o, enum occupancy_kind kind)
{
	uint64_t sum = 0;
	for (uint32_t id = 0; id <= o->tables[kind].max; id++) sum += occupancy_now(o, kind, id);
	return sum;
}

struct occupancy_audit *occupancy_audit_free(struct occupancy_audit *a)
{
	if (!a) return NULL;
	for (int kind = 0; kind < OCCUPANCY_KINDS; kind++) {
		free(a->before[kind]);
		free(a->held[kind]);
	}
	free(a);
	return NULL;
}

struct occupancy_audit *occupancy_audit_begin(const struct occupancy *o)
{
	struct occupancy_audit *a = calloc(1, sizeof *a);
	if (!a) return NULL;
	for (int kind = 0; kind < OCCUPANCY_KINDS; kind++) {
		const struct occupancy_table *t = &o->tables[kind];
		a->max[kind] = t->max;
		a->before[kind] = malloc(((size_t)t->max + 1) * sizeof *a->before[kind]);
		a->held[kind] = calloc((size_t)t->max + 1, sizeof *a->held[kind]);
		if (!a->before[kind] || !a->held[kind]) return occupancy_audit_free(a);
		for (uint32_t id = 0; id <= t->max; id++) a->before[kind][id] = atomic_load(&t->words[id]);
	}
	return a;
}

void occupancy_audit_hold(struct occupancy_audit *a, enum occupancy_kind kind, uint32_t id)
{
	if (id <= a->max[kind]) atomic_fetch_add_explicit(&a->held[kind][id], 1, memory_order_relaxed);
}

static bool set_right(struct occupancy_table *t, const struct occupancy_audit *a, enum occupancy_kind kind, uint32_t id)
{
	uint32_t word = a->before[kind][id], held = atomic_load(&a->held[kind][id]);
	if ((word & CALLS) == held) return false;
	// Only when it did not move meanwhile: otherwise the next audit sees it.
	if (!atomic_compare_exchange_strong(&t->words[id], &word, ((word & ~CALLS) + MOVED) | held)) return false;
	COUNT(occupancy_corrected);
	LOG(ERROR, "occupancy_corrected", LOG_TEXT("a counter of calls was wrong"),
	    LOG_Z("of", kind == OCCUPANCY_LINE ? "line" : "trunk group"), LOG_U64("id", id), LOG_U64("was", word & CALLS),
	    LOG_U64("is", held));
	return true;
}

uint32_t occupancy_audit_end(struct occupancy *o, struct occupancy_audit *a)
{
	uint32_t wrong = 0;
	if (!a) return 0;
	for (int kind = 0; kind < OCCUPANCY_KINDS; kind++)
		for (uint32_t id = 0; id <= a->max[kind]; id++) wrong += set_right(&o->tables[kind], a, kind, id);
	occupancy_audit_free(a);
	return wrong;
}
