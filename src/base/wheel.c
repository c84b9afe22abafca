// The timer wheel. A timer lies in the level that its distance asks for; when the clock enters a slot of a higher
// level, its timers move down, until in level 0 a slot is one millisecond.
#include "base/wheel.h"

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	*w = (struct wheel){ .now_ms = now_ms, .next_ms = UINT64_MAX };
	list_init(&w->due);
	for (int level = 0; level < WHEEL_LEVELS; level++)
		for (int slot = 0; slot < WHEEL_SLOTS; slot++) list_init(&w->slots[level][slot]);
}

static void place(struct wheel *w, struct timer *t)
{
	if (t->at_ms <= w->now_ms) {
		list_add_last(&w->due, &t->node);
		return;
	}
	// The highest bits in which its time differs from now choose the level. Past the top level's own bits (two years
	// away, or just past the end of its turn) it lies there, as far ahead as a turn reaches, and is looked at again.
	uint64_t differs = t->at_ms ^ w->now_ms;
	int level = (63 - __builtin_clzll(differs)) / 6;
	if (level >= WHEEL_LEVELS) level = WHEEL_LEVELS - 1;
	uint64_t here = w->now_ms >> 6 * level, there = t->at_ms >> 6 * level;
	uint64_t ahead = there - here < WHEEL_SLOTS ? there : here + WHEEL_SLOTS - 1, slot = ahead % WHEEL_SLOTS;
	list_add_last(&w->slots[level][slot], &t->node);
	w->taken[level] |= 1ull << slot;
	if (ahead << 6 * level < w->next_ms) w->next_ms = ahead << 6 * level;
}

void wheel_start(struct wheel *w, struct timer *t, uint64_t at_ms, uint32_t kind, ref owner)
{
	if (t->armed) wheel_stop(w, t);
	t->at_ms = at_ms;
	t->kind = kind;
	t->owner = owner;
	t->armed = true;
	w->count++;
	place(w, t);
}

void wheel_stop(struct wheel *w, struct timer *t)
{
	if (!t->armed) return;
	list_remove(&t->node);
	t->armed = false;
	w->count--;
}

// First moment after now when a slot of any level comes up, or UINT64_MAX.
static uint64_t next_slot_ms(const struct wheel *w, int *at_level)
{
	uint64_t best = UINT64_MAX;
	for (int level = 0; level < WHEEL_LEVELS; level++) {
		if (!w->taken[level]) continue;
		uint64_t here = w->now_ms >> 6 * level;
		unsigned turn = (unsigned)(here % WHEEL_SLOTS + 1) % WHEEL_SLOTS;
		uint64_t bits = turn ? w->taken[level] >> turn | w->taken[level] << (64 - turn) : w->taken[level];
		uint64_t at = (here + 1 + (uint64_t)__builtin_ctzll(bits)) << 6 * level;
		if (at < best || (at == best && level > *at_level)) best = at, *at_level = level;
	}
	return best;
}

struct timer *wheel_expire(struct wheel *w, uint64_t now_ms)
{
	while (list_empty(&w->due)) {
		if (w->next_ms > now_ms) {
			if (now_ms > w->now_ms) w->now_ms = now_ms;
			return NULL;
		}
		int level = 0;
		uint64_t at = next_slot_ms(w, &level);
		w->now_ms = at;
		for (; level >= 0; level--) { // higher levels that begin at this moment first
			uint64_t slot = (at >> 6 * level) % WHEEL_SLOTS;
			if (!(w->taken[level] >> slot & 1)) continue;
			w->taken[level] &= ~(1ull << slot);
			struct list moved;
			list_init(&moved);
			LIST_EACH(it, &w->slots[level][slot]) {
				list_remove(it);
				list_add_last(&moved, it);
			}
			LIST_EACH(it, &moved) {
				list_remove(it);
				place(w, LIST_OF(it, struct timer, node));
			}
		}
		level = 0;
		w->next_ms = next_slot_ms(w, &level);
	}
	struct timer *t = LIST_OF(w->due.next, struct timer, node);
	wheel_stop(w, t);
	return t;
}

uint64_t wheel_next(const struct wheel *w)
{
	if (w->count == 0) return UINT64_MAX; // slots may still be marked for timers that were stopped
	if (!list_empty(&w->due)) return w->now_ms;
	return w->next_ms;
}
