// The ledger: a row per dialog of a party, found by its Call-ID.
#include "sim/ledger.h"

#include "base/list.h"

#include <stdlib.h>

struct ledger {
	struct map by_call_id;
	struct ledger_call **calls; // owned, each; in the order in which they were begun
	uint32_t count, cap;
};

struct ledger *ledger_new(struct sim *s)
{
	struct ledger *l = calloc(1, sizeof *l);
	const struct hash_key key = { { sim_plan(s)->seed, 0 } };
	if (l && map_init(&l->by_call_id, sim_plan(s)->calls * 2 + 16, key) != OK) return ledger_free(l);
	return l;
}

struct ledger *ledger_free(struct ledger *l)
{
	for (uint32_t i = 0; l && i < l->count; i++) free(l->calls[i]);
	if (!l) return NULL;
	free(l->calls);
	map_fini(&l->by_call_id);
	free(l);
	return NULL;
}

static struct ledger_call *add(struct ledger *l)
{
	struct ledger_call *c = calloc(1, sizeof *c);
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 1024;
		l->calls = realloc(l->calls, l->cap * sizeof(struct ledger_call *));
	}
	if (!c || !l->calls) abort();
	l->calls[l->count++] = c;
	return c;
}

// The row of this Call-ID and side, of this party (NULL: of any). Call-IDs are cut as the switch cuts them in records.
static struct ledger_call *find(const struct ledger *l, const struct addr *party, struct str call_id,
                                enum ledger_side side)
{
	struct str key = str_head(call_id, RECORD_TEXT_MAX - 1);
	for (struct map_node *n = map_find(&l->by_call_id, key); n; n = map_find_next(&l->by_call_id, n)) {
		struct ledger_call *c = LIST_OF(n, struct ledger_call, node);
		if (c->side == side && (!party || addr_eq(&c->party, party))) return c;
	}
	return NULL;
}

struct ledger_call *ledger_call(struct ledger *l, const struct addr *party, struct str call_id, enum ledger_side side)
{
	struct ledger_call *c = find(l, party, call_id, side);
	if (c) return c;
	c = add(l);
	c->side = (uint8_t)side;
	c->party = *party;
	str_to_z(c->call_id, sizeof c->call_id, call_id);
	map_add(&l->by_call_id, &c->node, str_from(c->call_id));
	return c;
}

struct ledger_call *ledger_find(struct ledger *l, struct str call_id, enum ledger_side side)
{
	return find(l, NULL, call_id, side);
}

struct ledger_call *ledger_each(struct ledger *l, uint32_t *at)
{
	return *at < l->count ? l->calls[(*at)++] : NULL;
}
