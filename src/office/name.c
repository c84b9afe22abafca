// Names of far switches: their text, and what DNS said that they stand for, filled into every snapshot.
#include "office/rules.h"

#include <stdlib.h>

// ---- Text -----------------------------------------------------------------------------------------------------------

static bool is_letter_of_host(char c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' || c == '_';
}

// Letters, digits, hyphens and, as some have them, underscores; labels of 1 to 63; the last is no number, so that no
// mistyped address is taken for a name.
static bool is_host(struct str host)
{
	struct str rest = host, label = { "", 0 };
	if (host.n == 0 || host.n >= OFFICE_HOST_MAX || host.p[host.n - 1] == '.') return false;
	while (rest.n) {
		label = str_cut(&rest, '.');
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-') return false;
		for (uint32_t i = 0; i < label.n; i++)
			if (!is_letter_of_host(label.p[i])) return false;
	}
	for (uint32_t i = 0; i < label.n; i++)
		if (!ascii_is_digit(label.p[i])) return true;
	return false;
}

enum err office_name_parse(struct office_name *out, struct str text)
{
	struct office_name n = { .transport = OFFICE_TRANSPORT_ANY };
	struct str rest = text, place = str_cut(&rest, ';'), host = str_cut(&place, ':');
	enum transport transport;
	uint32_t port;
	if (str_find_char(text, ':') >= 0) {
		if (str_to_u32(&port, place, 65535) != OK || port == 0) return ERR_BAD;
		n.port = (uint16_t)port;
	}
	if (str_find_char(text, ';') >= 0) {
		if (!str_starts_nocase(rest, STR("transport=")) || transport_parse(&transport, str_from_at(rest, 10)) != OK ||
		    transport_is_ws(transport))
			return ERR_BAD;
		n.transport = (uint8_t)transport;
	}
	if (!is_host(host)) return ERR_BAD;
	for (uint32_t i = 0; i < host.n; i++) n.host[i] = ascii_lower(host.p[i]);
	*out = n;
	return OK;
}

void put_office_name(struct buf *b, const struct office_name *name)
{
	put_z(b, name->host);
	if (name->port) put_fmt(b, ":%u", name->port);
	if (name->transport != OFFICE_TRANSPORT_ANY)
		put_fmt(b, ";transport=%s", transport_name((enum transport)name->transport));
}

bool office_name_eq(const struct office_name *a, const struct office_name *b)
{
	return strcmp(a->host, b->host) == 0 && a->port == b->port && a->transport == b->transport;
}

struct str office_host_of(const struct office_trunk_group *g, const struct addr *peer)
{
	if (g->host[0]) return str_from(g->host);
	for (uint32_t i = 0; i < g->peer_count; i++)
		if (g->peers[i].name && addr_eq(&g->peers[i].addr, peer)) return str_from(g->names[g->peers[i].name - 1].host);
	return STR("");
}

// ---- What they stand for --------------------------------------------------------------------------------------------

const struct office_targets *office_targets_find(const struct office_targets *all, const struct office_name *name)
{
	while (all && !office_name_eq(&all->name, name)) all = all->next;
	return all;
}

static bool is_listed(const struct office_trunk_group *g, const struct addr *a)
{
	for (uint32_t i = 0; i < g->peer_count; i++)
		if (addr_eq(&g->peers[i].addr, a)) return true;
	return false;
}

static void fill_name(struct office_trunk_group *g, uint32_t name, const struct office_targets *t)
{
	for (uint32_t i = 0; t && i < t->count && g->peer_count < OFFICE_PEERS_MAX; i++) {
		const struct office_target *target = &t->targets[i];
		if (is_listed(g, &target->addr)) continue;
		g->peers[g->peer_count++] = (struct office_peer){ .addr = target->addr, .priority = g->names[name].priority,
			.name = (uint8_t)(name + 1), .rank = target->rank, .weight = target->weight };
	}
}

void office_rules_fill(struct office_rules *r, const struct office_targets *all)
{
	for (uint32_t i = 0; i < r->trunk_group_count; i++) {
		struct office_trunk_group *g = &r->trunk_groups[i];
		uint8_t provisioned = 0;
		if (!g->name_count) continue;
		for (uint8_t p = 0; p < g->peer_count; p++)
			if (!g->peers[p].name) g->peers[provisioned++] = g->peers[p];
		g->peer_count = provisioned;
		for (uint32_t n = 0; n < g->name_count; n++) fill_name(g, n, office_targets_find(all, &g->names[n]));
	}
}
