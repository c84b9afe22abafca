// What a recorded call found, made again: office rows, registrations, counters, states of far switches.
#include "run/replay_inside.h"

#include <stdio.h>

#define TRUNK_GROUP_ID_MAX 65536u // ids are dense
#define OTHERS_MAX 65536u         // calls that a line or trunk group has: each is taken and given back one by one

static enum err refuse(struct recording_fault *fault, const struct recording_entry *e, const char *why)
{
	fault->line = e->line;
	snprintf(fault->why, sizeof fault->why, "%s", why);
	return ERR_BAD;
}

// ---- Rows ----------------------------------------------------------------------------------------------------------

// Adds a row to a table of the snapshot, or puts it in the place of the one with its key.
#define DEFINE_SET(row, table, same)                                                                                   \
	static enum err set_##row(struct office_rules *r, const struct office_##row *it)                                   \
	{                                                                                                                  \
		for (uint32_t i = 0; i < r->row##_count; i++) {                                                                \
			struct office_##row *at = &r->table[i];                                                                    \
			if (!(same)) continue;                                                                                     \
			*at = *it;                                                                                                 \
			return OK;                                                                                                 \
		}                                                                                                              \
		return office_rules_add_##row(r, it);                                                                          \
	}
DEFINE_SET(trunk_group, trunk_groups, at->id == it->id)
DEFINE_SET(rate_centre, rate_centres, at->id == it->id)
DEFINE_SET(state, states, strcmp(at->code, it->code) == 0)
DEFINE_SET(npa, npas, at->npa == it->npa)
DEFINE_SET(route, routes, strcmp(at->prefix, it->prefix) == 0)

static enum err need_state(struct office_rules *r, const char *code)
{
	struct office_state closed = { 0 };
	for (uint32_t i = 0; i < r->state_count; i++)
		if (strcmp(r->states[i].code, code) == 0) return OK;
	str_to_z(closed.code, sizeof closed.code, str_from(code));
	return office_rules_add_state(r, &closed);
}

static enum err need_group(struct office_rules *r, uint32_t id)
{
	for (uint32_t i = 0; i < r->trunk_group_count; i++)
		if (r->trunk_groups[i].id == id) return OK;
	return office_rules_add_trunk_group(r, &(struct office_trunk_group){ .id = id });
}

// What rows refer to and the call never asked for must be there: closed states, trunk groups out of service.
static enum err complete(struct office_rules *r)
{
	enum err e = OK;
	for (uint32_t i = 0; i < r->rate_centre_count && e == OK; i++) e = need_state(r, r->rate_centres[i].state);
	for (uint32_t i = 0; i < r->npa_count && e == OK; i++) e = need_state(r, r->npas[i].state);
	for (uint32_t i = 0; i < r->route_count && e == OK; i++)
		for (uint32_t c = 0; c < r->routes[i].choice_count && c < OFFICE_ROUTE_CHOICES && e == OK; c++)
			e = need_group(r, r->routes[i].choices[c]);
	return e;
}

static void set_rules(struct office_rules *r, const struct entry_rules *from)
{
	r->version = from->version;
	memcpy(r->name, from->name, sizeof r->name);
	memcpy(r->realm, from->realm, sizeof r->realm);
	memcpy(&r->settings, &from->settings, sizeof r->settings);
	r->settings.keepalive_s = 0; // nobody is there to be kept alive
}

static enum err set_group(struct office_rules *r, const struct office_trunk_group *from)
{
	struct office_trunk_group g = *from;
	if (g.peer_count > OFFICE_PEERS_MAX || g.net_count > OFFICE_NETS_MAX) return ERR_BAD;
	g.options_s = 0; // the recording says who answers
	g.register_s = 0;
	return set_trunk_group(r, &g);
}

static enum err set_row(struct world *w, struct office_rules *r, const struct recording_entry *e)
{
	const void *body = entry_body(e);
	switch (e->kind) {
	case ENTRY_RULES: set_rules(r, body); return OK;
	case ENTRY_TRUNK_GROUP: return set_group(r, body);
	case ENTRY_RATE_CENTRE: return set_rate_centre(r, body);
	case ENTRY_STATE: return set_state(r, body);
	case ENTRY_NPA: return set_npa(r, body);
	case ENTRY_ROUTE: return set_route(r, body);
	case ENTRY_LINE: return office_put_line(w->result->office, body);
	case ENTRY_NUMBER: return office_put_number(w->result->office, body);
	default: return OK;
	}
}

// ---- The live state ------------------------------------------------------------------------------------------------

static enum err set_others(struct world *w, enum occupancy_kind kind, const struct entry_lookup *l)
{
	struct occupancy *o = w->live->occupancy;
	uint32_t i = 0;
	if (l->calls > OTHERS_MAX) return ERR_BAD;
	while (i < w->other_count && (w->others[i].kind != kind || w->others[i].id != l->id)) i++;
	if (i == ARRAY_LEN(w->others)) return OK;
	struct others *at = &w->others[i];
	if (i == w->other_count) w->others[w->other_count++] = (struct others){ .kind = kind, .id = l->id };
	while (at->calls < l->calls && occupancy_take(o, kind, l->id, 0)) at->calls++;
	for (; at->calls > l->calls; at->calls--) occupancy_give(o, kind, l->id);
	return OK;
}

static enum err set_phone(struct world *w, const struct recording_entry *e)
{
	const struct entry_phone *p = entry_body(e);
	if (w->phone_count == LOCATION_BINDINGS_MAX || w->phone_count >= CALL_LEGS_MAX) return ERR_BAD;
	struct binding *b = &w->phones[w->phone_count++];
	*b = (struct binding){ .contact = entry_text(e), .call_id = STR("recorded"), .peer = p->peer,
		.listener = (uint16_t)p->listener, .q = (uint16_t)p->q, .cseq = 1, .expires_ms = UINT64_MAX / 2 };
	return location_put(w->live->location, p->line, 0, w->phones, w->phone_count);
}

static enum err set_live(struct world *w, const struct recording_entry *e)
{
	const struct entry_lookup *l = entry_body(e);
	switch (e->kind) {
	case ENTRY_LINE_CALLS: return set_others(w, OCCUPANCY_LINE, l);
	case ENTRY_TRUNK_CALLS: return set_others(w, OCCUPANCY_TRUNK_GROUP, l);
	case ENTRY_PEER:
		peer_state_set(w->live->peers, l->id, l->peer, l->silent ? PEER_SILENT : PEER_UP, w->now_ms);
		return OK;
	case ENTRY_PHONES:
		w->phone_count = 0;
		return location_put(w->live->location, l->id, 0, w->phones, 0);
	case ENTRY_PHONE: return set_phone(w, e);
	default: return OK;
	}
}

enum err replay_know(struct world *w, struct recording_fault *fault)
{
	struct office *office = w->result->office;
	struct office_rules *r = office_rules_dup(office_rules(office));
	const struct recording_entry *e = w->step->next;
	if (!r) return ERR_FULL;
	for (; e && !entry_is_input(e->kind); e = e->next) {
		if (set_row(w, r, e) == OK && set_live(w, e) == OK) continue;
		office_rules_free(r);
		return refuse(fault, e, "the office refuses this row");
	}
	if (complete(r) != OK) {
		office_rules_free(r);
		return ERR_FULL;
	}
	enum err e2 = office_put_rules(office, r);
	rcu_quiescent();
	return e2 == OK ? OK : refuse(fault, w->step, "the office refuses what was found in this step");
}

void replay_limits(const struct recording *r, struct live_limits *limits)
{
	*limits = (struct live_limits){ .lines_max = 1, .trunk_groups_max = 1, .nonces = 64, .guard_entries = 64 };
	for (const struct recording_entry *e = r->first; e; e = e->next) {
		const uint32_t *id = entry_body(e); // all of these begin with it
		switch (e->kind) {
		case ENTRY_LINE:
		case ENTRY_LINE_CALLS:
		case ENTRY_PHONES:
		case ENTRY_PHONE:
			if (*id > limits->lines_max && *id < OFFICE_LINE_ID_MAX) limits->lines_max = *id;
			break;
		case ENTRY_TRUNK_GROUP:
		case ENTRY_TRUNK_CALLS:
		case ENTRY_PEER:
			if (*id > limits->trunk_groups_max && *id < TRUNK_GROUP_ID_MAX) limits->trunk_groups_max = *id;
			break;
		default: break;
		}
	}
}
