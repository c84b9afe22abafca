// The office of a run: the plan's lines in one rate centre, and two trunk groups.
#include "sim/node_inside.h"

#include "wire/sip/digest.h"

#include <stdio.h>

#define EXCHANGE_LINES 10000 // of one NPA-NXX
#define REALM "sim.example"
#define OPTIONS_S 30

uint64_t node_line_digits(uint32_t index)
{
	return 6035550000 + index;
}

static struct office_trunk_group group(uint32_t id, const char *name, uint32_t peer_first, uint8_t peers)
{
	struct office_trunk_group g = { .id = id, .in_service = true, .failover_ms = 2000, .peer_count = peers };
	char text[64];
	str_to_z(g.name, sizeof g.name, str_from(name));
	for (uint8_t i = 0; i < peers; i++) {
		snprintf(text, sizeof text, TRUNK_ADDR, peer_first + i);
		if (addr_parse(&g.peers[i].addr, str_from(text)) != OK) g.peer_count = 0;
		g.peers[i].priority = (uint8_t)(i + 1);
	}
	return g;
}

static enum err add_trunks(struct office_rules *r)
{
	struct office_trunk_group near = group(1, "near", 1, 2), far = group(2, "far", 3, 1);
	const struct office_route all = { .id = 1, .choice_count = 2, .choices = { 1, 2 } };
	near.options_s = OPTIONS_S;
	near.trusted = far.trusted = far.emergency = true;
	enum err e = office_rules_add_trunk_group(r, &near);
	if (e == OK) e = office_rules_add_trunk_group(r, &far);
	if (e == OK) e = office_rules_add_route(r, &all);
	return e;
}

static enum err add_numbering(struct office_rules *r, uint32_t lines)
{
	const struct office_state state = { .code = "NH", .name = "New Hampshire", .open = true };
	const struct office_rate_centre centre = { .id = 1, .name = "Manchester", .state = "NH", .lata = 122 };
	const struct office_npa npa = { .npa = 603, .state = "NH" };
	const struct office_customer customer = { .id = 1, .name = "Granite Widgets" };
	enum err e = office_rules_add_state(r, &state);
	if (e == OK) e = office_rules_add_rate_centre(r, &centre);
	if (e == OK) e = office_rules_add_npa(r, &npa);
	if (e == OK) e = office_rules_add_customer(r, &customer);
	for (uint32_t i = 0; i < lines && e == OK; i += EXCHANGE_LINES) {
		const struct office_exchange exchange = { .npa_nxx = (uint32_t)(node_line_digits(i) / EXCHANGE_LINES),
			                                      .rate_centre = 1 };
		e = office_rules_add_exchange(r, &exchange);
	}
	return e;
}

static void put_forward(struct office_line *line, enum office_feature f, bool active, uint32_t to)
{
	line->features[f].subscribed = true;
	line->features[f].active = active;
	if (active)
		snprintf(line->features[f].target, sizeof line->features[f].target, "1%llu",
		         (unsigned long long)node_line_digits(to));
}

static enum err add_line(struct office *o, uint32_t index, uint32_t lines)
{
	struct office_line line = { .id = index + 1, .customer = 1, .rate_centre = 1, .calls_max = index % 8 == 7 ? 1 : 4,
		                        .no_answer_s = 20, .contacts_max = 4, .suspended = index % 32 == 29 };
	struct office_number number = { .kind = OFFICE_NUMBER_LINE, .line = line.id };
	uint32_t next = (index + 1) % lines;
	uint8_t ha1[32];
	snprintf(line.name, sizeof line.name, "%llu", (unsigned long long)node_line_digits(index));
	snprintf(line.number, sizeof line.number, "1%llu", (unsigned long long)node_line_digits(index));
	snprintf(line.display, sizeof line.display, "Line %u", index);
	memcpy(number.digits, line.number, sizeof number.digits);
	memcpy(line.ha1_md5, ha1,
	       sip_digest_ha1(ha1, SIP_DIGEST_MD5, str_from(line.name), STR(REALM), STR(NODE_PASSWORD)));
	sip_digest_ha1(line.ha1_sha256, SIP_DIGEST_SHA256, str_from(line.name), STR(REALM), STR(NODE_PASSWORD));
	put_forward(&line, FEATURE_FORWARD_ALL, false, next);
	put_forward(&line, FEATURE_FORWARD_BUSY, index % 8 == 3 || index % 8 == 7, next);
	put_forward(&line, FEATURE_FORWARD_NO_ANSWER, index % 8 == 5, next);
	put_forward(&line, FEATURE_CALLER_ID_BLOCK, false, next);
	enum err e = office_put_line(o, &line);
	return e == OK ? office_put_number(o, &number) : e;
}

enum err node_office_make(struct office **out, uint32_t lines)
{
	enum err e = office_new(out);
	struct office_rules *r = e == OK ? office_rules_dup(NULL) : NULL;
	if (!r) return ERR_FULL;
	r->version = 1;
	str_to_z(r->name, sizeof r->name, STR("simulated"));
	str_to_z(r->realm, sizeof r->realm, STR(REALM));
	e = add_numbering(r, lines);
	if (e == OK) e = add_trunks(r);
	if (e != OK) {
		office_rules_free(r);
		return e;
	}
	e = office_put_rules(*out, r);
	for (uint32_t i = 0; i < lines && e == OK; i++) e = add_line(*out, i, lines);
	return e;
}

// CHANGES UNDER LOAD

static void change_line(struct sim *s, struct office *o)
{
	const struct office_line *known = office_line(o, 1 + sim_below(s, SIM_NODE, office_line_count(o)));
	if (!known) return;
	struct office_line line = *known;
	switch (sim_below(s, SIM_NODE, 4)) {
	case 0: line.calls_max = (uint16_t)sim_between(s, SIM_NODE, 1, 5); break;
	case 1: line.no_answer_s = (uint16_t)sim_between(s, SIM_NODE, 5, 40); break;
	case 2: line.suspended = !line.suspended; break;
	default: line.features[FEATURE_FORWARD_BUSY].active = !line.features[FEATURE_FORWARD_BUSY].active &&
		line.features[FEATURE_FORWARD_BUSY].target[0]; break;
	}
	if (office_put_line(o, &line) != OK) sim_fail(s, "the office refuses the change of a line");
}

static void change_rules(struct sim *s, struct office *o)
{
	struct office_rules *r = office_rules_dup(office_rules(o));
	if (!r) return;
	r->version++;
	struct office_trunk_group *g = &r->trunk_groups[sim_below(s, SIM_NODE, r->trunk_group_count)];
	switch (sim_below(s, SIM_NODE, 4)) {
	case 0: g->in_service = g->emergency || !g->in_service; break;
	case 1: g->failover_ms = (uint16_t)sim_between(s, SIM_NODE, 500, 4000); break;
	case 2: g->calls_max = (uint16_t)sim_below(s, SIM_NODE, 20); break;
	default: r->settings.slow_disk_refuses = !r->settings.slow_disk_refuses; break;
	}
	if (office_put_rules(o, r) != OK) sim_fail(s, "the office refuses its changed rules");
}

void node_change_office(struct node_sim *n)
{
	if (sim_chance(n->sim, SIM_NODE, 3000)) change_rules(n->sim, n->office);
	else change_line(n->sim, n->office);
}
