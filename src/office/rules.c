// The snapshot of the small rule sets: copied, checked, sorted, searched.
#include "office/rules.h"

#include <stdlib.h>

// ---- Making and copying ---------------------------------------------------------------------------------------------

struct office_rules *office_rules_free(struct office_rules *r)
{
	if (!r) return NULL;
#define FREE_TABLE(row, table) free(r->table);
	OFFICE_TABLES(FREE_TABLE)
	free(r->sources);
	free(r);
	return NULL;
}

static bool dup_rows(void **rows, size_t size)
{
	void *copy = size ? malloc(size) : NULL;
	if (size && !copy) return false;
	if (size) memcpy(copy, *rows, size);
	*rows = copy;
	return true;
}

struct office_rules *office_rules_dup(const struct office_rules *from)
{
	struct office_rules *r = calloc(1, sizeof *r);
	if (!r) return NULL;
#define SETTING_PRESET(id, preset, min, max, help) r->settings.id = (preset);
	if (from) *r = *from;
	else { OFFICE_SETTINGS(SETTING_PRESET) }
	r->sources = NULL; // office_put_rules makes them anew
	r->source_count = 0;
	bool copied = true;
#define DUP_TABLE(row, table)                                                                                          \
	if (!copied) r->table = NULL;                                                                                      \
	else {                                                                                                             \
		void *rows = r->table;                                                                                         \
		copied = dup_rows(&rows, r->row##_count * sizeof *r->table);                                                   \
		r->table = copied ? rows : NULL;                                                                               \
	}
	OFFICE_TABLES(DUP_TABLE)
	return copied ? r : office_rules_free(r);
}

#define DEFINE_ADD(row, table)                                                                                         \
	enum err office_rules_add_##row(struct office_rules *r, const struct office_##row *it)                             \
	{                                                                                                                  \
		struct office_##row *grown = realloc(r->table, (r->row##_count + 1) * sizeof *grown);                          \
		if (!grown) return ERR_FULL;                                                                                   \
		grown[r->row##_count++] = *it;                                                                                 \
		r->table = grown;                                                                                              \
		return OK;                                                                                                     \
	}
OFFICE_TABLES(DEFINE_ADD)

// ---- Order ----------------------------------------------------------------------------------------------------------

static int order_u32(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int order_addr(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family) return order_u32(a->family, b->family);
	int host = memcmp(a->ip, b->ip, sizeof a->ip);
	return host ? host : order_u32(a->port, b->port);
}

// For each table the order of two rows, with the signature that qsort and bsearch want.
#define DEFINE_ORDER(row, compare)                                                                                     \
	static int order_##row(const void *left, const void *right)                                                        \
	{                                                                                                                  \
		const struct office_##row *a = left, *b = right;                                                               \
		return compare;                                                                                                \
	}
DEFINE_ORDER(customer, order_u32(a->id, b->id))
DEFINE_ORDER(state, strcmp(a->code, b->code))
DEFINE_ORDER(rate_centre, order_u32(a->id, b->id))
DEFINE_ORDER(npa, order_u32(a->npa, b->npa))
DEFINE_ORDER(exchange, order_u32(a->npa_nxx, b->npa_nxx))
DEFINE_ORDER(trunk_group, order_u32(a->id, b->id))
DEFINE_ORDER(route, strcmp(a->prefix, b->prefix))
DEFINE_ORDER(source, order_addr(&a->addr, &b->addr) ? order_addr(&a->addr, &b->addr) : order_u32(a->group, b->group))

// ---- Look-ups -------------------------------------------------------------------------------------------------------

#define FIND(r, row, table, key) \
	((r)->row##_count ? bsearch(&(key), (r)->table, (r)->row##_count, sizeof *(r)->table, order_##row) : NULL)

const struct office_trunk_group *office_trunk_group(const struct office_rules *r, uint32_t id)
{
	struct office_trunk_group key = { .id = id };
	return office_found(OFFICE_ROW_trunk_group, FIND(r, trunk_group, trunk_groups, key));
}

const struct office_customer *office_customer(const struct office_rules *r, uint32_t id)
{
	struct office_customer key = { .id = id };
	return FIND(r, customer, customers, key);
}

const struct office_rate_centre *office_rate_centre(const struct office_rules *r, uint32_t id)
{
	struct office_rate_centre key = { .id = id };
	return office_found(OFFICE_ROW_rate_centre, FIND(r, rate_centre, rate_centres, key));
}

const struct office_state *office_state(const struct office_rules *r, struct str code)
{
	struct office_state key = { 0 };
	if (!str_to_z(key.code, sizeof key.code, code)) return NULL;
	return office_found(OFFICE_ROW_state, FIND(r, state, states, key));
}

const struct office_npa *office_npa(const struct office_rules *r, uint16_t npa)
{
	struct office_npa key = { .npa = npa };
	return office_found(OFFICE_ROW_npa, FIND(r, npa, npas, key));
}

const struct office_exchange *office_exchange(const struct office_rules *r, uint32_t npa_nxx)
{
	struct office_exchange key = { .npa_nxx = npa_nxx };
	return FIND(r, exchange, exchanges, key);
}

const struct office_trunk_group *office_emergency_group(const struct office_rules *r)
{
	for (uint32_t i = 0; i < r->trunk_group_count; i++)
		if (r->trunk_groups[i].emergency) return &r->trunk_groups[i];
	return NULL;
}

// The first source at or after an address in the order of order_addr.
static const struct office_source *source_from(const struct office_rules *r, const struct addr *a)
{
	uint32_t from = 0, to = r->source_count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (order_addr(&r->sources[middle].addr, a) < 0) from = middle + 1;
		else to = middle;
	}
	return from < r->source_count ? &r->sources[from] : NULL;
}

static const struct office_trunk_group *group_by_address(const struct office_rules *r, const struct addr *source)
{
	struct addr any_port = *source;
	any_port.port = 0;
	const struct addr *tried[] = { source, &any_port };
	for (uint32_t i = 0; i < ARRAY_LEN(tried); i++) {
		const struct office_source *s = source_from(r, tried[i]);
		if (s && order_addr(&s->addr, tried[i]) == 0)
			return &r->trunk_groups[s->group];
	}
	for (uint32_t g = 0; g < r->trunk_group_count; g++)
		for (uint32_t i = 0; i < r->trunk_groups[g].net_count; i++)
			if (addr_in_net(source, &r->trunk_groups[g].nets[i]))
				return &r->trunk_groups[g];
	return NULL;
}

const struct office_trunk_group *office_trunk_group_of(const struct office_rules *r, const struct addr *source)
{
	const struct office_trunk_group *g = group_by_address(r, source);
	bool believed = g && (!g->certified || source->transport == TRANSPORT_TLS);
	return believed ? office_found(OFFICE_ROW_trunk_group, g) : NULL;
}

struct str office_certified_host(const struct office_rules *r, const struct addr *source)
{
	const struct office_trunk_group *g = source->transport == TRANSPORT_TLS ? group_by_address(r, source) : NULL;
	if (!g || !g->certified) return STR("");
	if (g->host[0]) return str_from(g->host);
	return g->name_count ? str_from(g->names[0].host) : STR("invalid"); // nobody has a certificate of that
}

// ---- Checking -------------------------------------------------------------------------------------------------------

static enum err make_sources(struct office_rules *r)
{
	uint32_t count = 0;
	for (uint32_t g = 0; g < r->trunk_group_count; g++) count += r->trunk_groups[g].peer_count;
	free(r->sources);
	r->source_count = 0;
	r->sources = calloc(count + 1, sizeof *r->sources);
	if (!r->sources) return ERR_FULL;
	for (uint32_t g = 0; g < r->trunk_group_count; g++)
		for (uint32_t i = 0; i < r->trunk_groups[g].peer_count; i++)
			r->sources[r->source_count++] = (struct office_source){ r->trunk_groups[g].peers[i].addr, g };
	qsort(r->sources, r->source_count, sizeof *r->sources, order_source);
	return OK;
}

static enum err check_references(const struct office_rules *r)
{
	for (uint32_t i = 0; i < r->rate_centre_count; i++)
		if (!office_state(r, str_from(r->rate_centres[i].state))) return ERR_BAD;
	for (uint32_t i = 0; i < r->npa_count; i++)
		if (!office_state(r, str_from(r->npas[i].state))) return ERR_BAD;
	for (uint32_t i = 0; i < r->exchange_count; i++)
		if (!office_rate_centre(r, r->exchanges[i].rate_centre)) return ERR_BAD;
	for (uint32_t i = 0; i < r->route_count; i++) {
		if (r->routes[i].choice_count > OFFICE_ROUTE_CHOICES) return ERR_BAD;
		for (uint32_t c = 0; c < r->routes[i].choice_count; c++)
			if (!office_trunk_group(r, r->routes[i].choices[c])) return ERR_BAD;
	}
	return OK;
}

enum err office_rules_finish(struct office_rules *r)
{
	for (uint32_t i = 0; i < r->trunk_group_count; i++)
		if (r->trunk_groups[i].peer_count > OFFICE_PEERS_MAX || r->trunk_groups[i].net_count > OFFICE_NETS_MAX ||
		    r->trunk_groups[i].name_count > OFFICE_NAMES_MAX)
			return ERR_BAD;
#define SORT_TABLE(row, table)                                                                                         \
	if (r->row##_count) qsort(r->table, r->row##_count, sizeof *r->table, order_##row);                                \
	for (uint32_t i = 1; i < r->row##_count; i++)                                                                      \
		if (order_##row(&r->table[i - 1], &r->table[i]) == 0) return ERR_BAD;
	OFFICE_TABLES(SORT_TABLE)
	enum err err = check_references(r);
	return err == OK ? make_sources(r) : err;
}
