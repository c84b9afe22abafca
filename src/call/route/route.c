// The choice of trunks: the longest prefix, then groups and peers in order, each left out with its reason.
#include "call/route/route.h"

// ---- The longest prefix ---------------------------------------------------------------------------------------------

// How a route's prefix stands to the first n digits: before them, at them or below them (0: it begins so), or after.
static int order_to_path(const struct office_route *route, struct str digits, uint32_t n)
{
	return n ? strncmp(route->prefix, digits.p, n) : 0;
}

// The first route from `from` on that does not stand before the path.
static uint32_t first_not_before(const struct office_rules *r, struct str digits, uint32_t n, uint32_t from)
{
	uint32_t to = r->route_count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (order_to_path(&r->routes[middle], digits, n) < 0) from = middle + 1;
		else to = middle;
	}
	return from;
}

// Routes are sorted by prefix, so that all below a node of the digit tree stand together, the node's own first: the
// walk goes down digit by digit and remembers the last route that it met.
const struct office_route *route_of(const struct office_rules *r, struct str digits)
{
	const struct office_route *found = NULL;
	uint32_t from = 0;
	for (uint32_t n = 0; n <= digits.n && n <= OFFICE_DIGITS_MAX; n++) {
		from = first_not_before(r, digits, n, from);
		if (from == r->route_count || order_to_path(&r->routes[from], digits, n) != 0) break;
		if (r->routes[from].prefix[n] == '\0') found = &r->routes[from];
	}
	return office_found(OFFICE_ROW_route, found);
}

// ---- What may be tried ----------------------------------------------------------------------------------------------

struct routing {
	struct route_list *out;
	const struct route_query *q;
	struct trail *trail;
	uint64_t now_ms;
	bool met_full;
};

static void note(const struct routing *r, enum trail_kind kind, uint32_t a, uint32_t b)
{
	if (r->trail) trail_add(r->trail, r->now_ms, 0, r->q->rules->version, kind, a, b);
}

static struct trunk_state state_of(const struct routing *r, const struct office_trunk_group *g, uint32_t peer)
{
	return r->q->state ? r->q->state(r->q->self, g->id, peer) : (struct trunk_state){ 0 };
}

static void add_attempt(struct routing *r, const struct office_trunk_group *g, uint32_t peer)
{
	if (r->out->n == ROUTE_ATTEMPTS_MAX) return;
	r->out->attempts[r->out->n++] = (struct route_attempt){ g->id, peer };
}

static uint32_t rank_of(const struct office_trunk_group *g, uint8_t peer)
{
	return (uint32_t)g->peers[peer].priority << 8 | g->peers[peer].rank;
}

// Puts one of these peers before the others, as often as its weight among theirs says (RFC 2782). Those without any
// stay in order, and come last.
static void draw_first(const struct office_trunk_group *g, uint8_t *peers, uint32_t n, uint64_t chance)
{
	uint32_t sum = 0, drawn = 0;
	for (uint32_t i = 0; i < n; i++) sum += g->peers[peers[i]].weight;
	if (!sum) return;
	uint32_t left = (uint32_t)(chance % sum);
	while (left >= g->peers[peers[drawn]].weight) left -= g->peers[peers[drawn++]].weight;
	uint8_t first = peers[drawn];
	memmove(peers + 1, peers, drawn);
	peers[0] = first;
}

// Indices of the group's peers by priority and rank; equals by weight, or as they are provisioned.
static void rank_peers(const struct office_trunk_group *g, uint8_t ranked[OFFICE_PEERS_MAX], uint64_t chance)
{
	for (uint8_t i = 0; i < g->peer_count; i++) {
		uint8_t at = i;
		for (; at > 0 && rank_of(g, ranked[at - 1]) > rank_of(g, i); at--) ranked[at] = ranked[at - 1];
		ranked[at] = i;
	}
	for (uint32_t i = 0; i < g->peer_count; i++) {
		uint32_t n = 1;
		while (i + n < g->peer_count && rank_of(g, ranked[i + n]) == rank_of(g, ranked[i])) n++;
		draw_first(g, ranked + i, n, chance >> 5 * i);
	}
}

// The group's peers that answer; or, with `silent`, those that do not.
static void try_peers(struct routing *r, const struct office_trunk_group *g, bool silent)
{
	uint8_t ranked[OFFICE_PEERS_MAX];
	rank_peers(g, ranked, r->q->chance);
	for (uint32_t i = 0; i < g->peer_count; i++) {
		bool is_silent = state_of(r, g, ranked[i]).silent;
		if (is_silent == silent) add_attempt(r, g, ranked[i]);
		else if (is_silent) note(r, TRAIL_TRUNK_SILENT, g->id, ranked[i]);
	}
}

static void try_group(struct routing *r, const struct office_trunk_group *g)
{
	if (!g->in_service) {
		note(r, TRAIL_TRUNK_OUT_OF_SERVICE, g->id, 0);
		return;
	}
	uint32_t calls = state_of(r, g, 0).calls;
	if (g->calls_max && calls >= g->calls_max) {
		r->met_full = true;
		note(r, TRAIL_TRUNK_FULL, g->id, calls);
		return;
	}
	try_peers(r, g, false);
}

// An emergency call is never given up before everything was tried: first what is well, then silent peers, then groups
// that were taken out of service.
static enum err find_emergency(struct routing *r)
{
	const struct office_rules *rules = r->q->rules;
	for (int resort = 0; resort < 3; resort++)
		for (uint32_t i = 0; i < rules->trunk_group_count; i++) {
			const struct office_trunk_group *g = &rules->trunk_groups[i];
			if (!g->emergency || g->in_service != (resort < 2)) continue;
			office_found(OFFICE_ROW_trunk_group, g);
			if (resort < 2) try_peers(r, g, resort == 1);
			else for (uint32_t peer = 0; peer < g->peer_count; peer++) add_attempt(r, g, peer);
		}
	if (r->out->n) return OK;
	note(r, TRAIL_NO_EMERGENCY_TRUNK, 0, 0);
	r->out->cause = cause_local(CAUSE_NO_ROUTE);
	return ERR_NOT_FOUND;
}

enum err route_find(struct route_list *out, const struct route_query *q, struct trail *trail, const struct env *env)
{
	struct routing r = { .out = out, .q = q, .trail = trail, .now_ms = env->now_ms };
	*out = (struct route_list){ 0 };
	if (q->emergency) return find_emergency(&r);
	const struct office_route *route = route_of(q->rules, q->digits);
	if (!route) {
		note(&r, TRAIL_NO_ROUTE, 0, 0);
		out->cause = cause_local(CAUSE_NO_ROUTE);
		return ERR_NOT_FOUND;
	}
	note(&r, TRAIL_ROUTE, route->id, route->choice_count);
	out->route = route->id;
	for (uint32_t i = 0; i < route->choice_count; i++) {
		const struct office_trunk_group *g = office_trunk_group(q->rules, route->choices[i]);
		if (g) try_group(&r, g);
	}
	if (out->n) return OK;
	out->cause = cause_local(r.met_full ? CAUSE_NO_CIRCUIT : CAUSE_NETWORK_OUT_OF_ORDER);
	return ERR_FULL;
}
