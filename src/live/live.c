// The parts of live state, made and freed together.
#include "live/live.h"

#include <stdlib.h>

struct live *live_new(const struct live_limits *limits, uint64_t seed)
{
	struct live *l = calloc(1, sizeof *l);
	if (!l) return NULL;
	uint32_t lines = limits->lines_max ? limits->lines_max : 1u << 20;
	uint32_t groups = limits->trunk_groups_max ? limits->trunk_groups_max : 1u << 12;
	l->flows = flows_new(limits->connections ? limits->connections : 1u << 14);
	l->location = l->flows ? location_new(lines, l->flows) : NULL;
	l->occupancy = occupancy_new(lines, groups);
	l->nonces = nonces_new(limits->nonces ? limits->nonces : 1u << 20, seed);
	l->peers = peer_states_new(groups);
	l->registered = trunk_registered_new(groups);
	l->guard = guard_new(limits->guard_entries ? limits->guard_entries : 1u << 16, seed ^ 0x67756172); // its own key
	l->waiting = waiting_new(lines);
	l->watching = watching_new(lines);
	bool all = l->location && l->occupancy && l->nonces && l->peers && l->registered && l->guard && l->waiting && l->watching;
	return all ? l : live_free(l);
}

struct live *live_free(struct live *l)
{
	if (!l) return NULL;
	location_free(l->location);
	flows_free(l->flows);
	occupancy_free(l->occupancy);
	nonces_free(l->nonces);
	peer_states_free(l->peers);
	trunk_registered_free(l->registered);
	guard_free(l->guard);
	waiting_free(l->waiting);
	watching_free(l->watching);
	free(l);
	return NULL;
}

uint32_t live_home(struct str line_name, uint32_t workers)
{
	static const struct hash_key fixed = { { 0 } };
	return (uint32_t)(hash_str(&fixed, line_name) % workers);
}
