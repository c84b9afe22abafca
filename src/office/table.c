// The index: who writes is alone, so that only what readers see is atomic.
#include "office/table.h"

#include "base/random.h"
#include "base/rcu.h"

#include <assert.h>
#include <stdlib.h>

struct table_slots {
	uint32_t mask;
	_Atomic(struct table_node *) at[];
};

static struct table_node grave;

static uint64_t hash_of(struct str key)
{
	static const struct hash_key no_secret = { { 0x6f66666963652031, 0x7461626c65206b31 } };
	return hash_str(&no_secret, key);
}

static struct table_slots *slots_new(uint32_t size)
{
	struct table_slots *s = calloc(1, sizeof *s + size * sizeof s->at[0]);
	if (s) s->mask = size - 1;
	return s;
}

static struct table_slots *slots_of(const struct table *t)
{
	return atomic_load_explicit(&t->slots, memory_order_acquire);
}

static struct table_node *node_at(const struct table_slots *s, uint32_t i)
{
	return atomic_load_explicit(&s->at[i & s->mask], memory_order_acquire);
}

static void set_node(struct table_slots *s, uint32_t i, struct table_node *node)
{
	atomic_store_explicit(&s->at[i & s->mask], node, memory_order_release);
}

enum err table_init(struct table *t)
{
	struct table_slots *s = slots_new(64);
	*t = (struct table){ .count = 0 };
	atomic_init(&t->slots, s);
	return s ? OK : ERR_FULL;
}

void table_fini(struct table *t)
{
	free(slots_of(t));
	atomic_store(&t->slots, NULL);
}

static bool is_row(const struct table_node *node, uint64_t hash, struct str key)
{
	return node != &grave && node->hash == hash && str_eq(node->key, key);
}

struct table_node *table_find(const struct table *t, struct str key)
{
	const struct table_slots *s = slots_of(t);
	uint64_t hash = hash_of(key);
	struct table_node *node;
	for (uint32_t i = (uint32_t)hash; (node = node_at(s, i)); i++)
		if (is_row(node, hash, key)) return node;
	return NULL;
}

// The slot of the row with this key; else the one that a new row takes: the first grave on the way, or the empty end.
static uint32_t slot_for(const struct table_slots *s, uint64_t hash, struct str key)
{
	uint32_t i = (uint32_t)hash, first_grave = 0;
	bool passed_grave = false;
	for (struct table_node *node; (node = node_at(s, i)); i++) {
		if (is_row(node, hash, key)) return i;
		if (node == &grave && !passed_grave) {
			passed_grave = true;
			first_grave = i;
		}
	}
	return passed_grave ? first_grave : i;
}

enum err table_reserve(struct table *t)
{
	struct table_slots *old = slots_of(t);
	if ((t->used + 1) * 2 <= old->mask + 1) return OK;
	// Sized by the rows alone: a table that holds many graves is swept, not grown.
	uint32_t size = 64;
	while (size < (t->count + 1) * 3) size *= 2;
	struct table_slots *grown = slots_new(size);
	if (!grown) return ERR_FULL;
	uint32_t at = 0;
	for (struct table_node *node; (node = table_each(t, &at));)
		set_node(grown, slot_for(grown, node->hash, node->key), node);
	t->used = t->count;
	atomic_store_explicit(&t->slots, grown, memory_order_release);
	rcu_defer(free, old);
	return OK;
}

struct table_node *table_put(struct table *t, struct table_node *node, struct str key)
{
	struct table_slots *s = slots_of(t);
	assert(t->used <= s->mask);
	node->key = key;
	node->hash = hash_of(key);
	uint32_t i = slot_for(s, node->hash, key);
	struct table_node *old = node_at(s, i);
	set_node(s, i, node);
	if (old && old != &grave) return old;
	t->count++;
	t->used += old == NULL;
	return NULL;
}

struct table_node *table_remove(struct table *t, struct str key)
{
	struct table_slots *s = slots_of(t);
	uint64_t hash = hash_of(key);
	uint32_t i = slot_for(s, hash, key);
	struct table_node *old = node_at(s, i);
	if (!old || old == &grave) return NULL;
	set_node(s, i, &grave);
	t->count--;
	return old;
}

struct table_node *table_each(const struct table *t, uint32_t *at)
{
	const struct table_slots *s = slots_of(t);
	while (*at <= s->mask) {
		struct table_node *node = node_at(s, (*at)++);
		if (node && node != &grave) return node;
	}
	return NULL;
}
