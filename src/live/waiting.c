// Four counts of 14 bits and a mark in a word a line; a count of marks spares the walk when nothing changed.
#include "live/waiting.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BITS 14u
#define CHANGED (1ull << 63)
static_assert(WAITING_MOST == (1u << BITS) - 1, "a count fits");

struct waiting_table {
	_Atomic uint64_t *words; // owned
	uint32_t lines_max;
	_Atomic uint32_t changed; // how many words have the mark
};

struct waiting_table *waiting_new(uint32_t lines_max)
{
	struct waiting_table *t = calloc(1, sizeof *t);
	if (!t) return NULL;
	t->lines_max = lines_max;
	t->words = calloc((size_t)lines_max + 1, sizeof *t->words);
	return t->words ? t : waiting_free(t);
}

struct waiting_table *waiting_free(struct waiting_table *t)
{
	if (!t) return NULL;
	free(t->words);
	free(t);
	return NULL;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t word_of(const struct waiting *w)
{
	uint64_t fresh = least(w->fresh, WAITING_MOST), old = least(w->old, WAITING_MOST);
	return fresh | old << BITS | least(w->fresh_urgent, fresh) << 2 * BITS | least(w->old_urgent, old) << 3 * BITS;
}

struct waiting waiting_get(const struct waiting_table *t, uint32_t line)
{
	uint64_t word = line <= t->lines_max ? atomic_load(&t->words[line]) : 0;
	return (struct waiting){ .fresh = word & WAITING_MOST, .old = word >> BITS & WAITING_MOST,
		.fresh_urgent = word >> 2 * BITS & WAITING_MOST, .old_urgent = word >> 3 * BITS & WAITING_MOST };
}

bool waiting_set(struct waiting_table *t, uint32_t line, struct waiting w)
{
	uint64_t word = word_of(&w);
	if (line == 0 || line > t->lines_max) return false;
	if ((atomic_load(&t->words[line]) & ~CHANGED) == word) return false;
	if (!(atomic_exchange(&t->words[line], word | CHANGED) & CHANGED)) atomic_fetch_add(&t->changed, 1);
	return true;
}

bool waiting_next_changed(struct waiting_table *t, uint32_t *line)
{
	while (atomic_load(&t->changed) && *line < t->lines_max) {
		++*line;
		if (!(atomic_load_explicit(&t->words[*line], memory_order_relaxed) & CHANGED)) continue;
		atomic_fetch_and(&t->words[*line], ~CHANGED);
		atomic_fetch_sub(&t->changed, 1);
		return true;
	}
	return false;
}

void waiting_mark_changed(struct waiting_table *t, uint32_t line)
{
	if (!(atomic_fetch_or(&t->words[line], CHANGED) & CHANGED)) atomic_fetch_add(&t->changed, 1);
}
