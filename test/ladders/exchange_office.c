// The office of a ladder: rows written as a carrier would say them.
//
//     set line 6035550101  display "Front desk"  customer 1  rate-centre 1  calls 4  no-answer 24
//     set line 6035550101  feature forward-busy to 6035550103
//     set trunk far  peer 192.0.2.101:5060  trusted  failover 2000
#include "ladders/exchange_inside.h"

struct row {
	struct ladder *l;
	const struct word *words;
	uint32_t at, count;
	bool bad;
};

static struct str next(struct row *r)
{
	if (r->at < r->count) return r->words[r->at++].text;
	if (!r->bad) ladder_fail(r->l, NULL, "the row ends too early");
	r->bad = true;
	return STR("");
}

static uint32_t next_number(struct row *r)
{
	uint32_t v = 0;
	struct str text = next(r);
	if (!r->bad && str_to_u32(&v, text, UINT32_MAX) != OK)
		r->bad = !ladder_fail(r->l, NULL, "no number: %.*s", STR_FMT(text));
	return v;
}

static void next_name(struct row *r, char *out, size_t cap)
{
	str_to_z(out, cap, next(r));
}

static bool is(struct row *r, const char *word)
{
	if (r->at >= r->count || !word_is(&r->words[r->at], word)) return false;
	r->at++;
	return true;
}

static void not_understood(struct row *r)
{
	r->bad = !ladder_fail(r->l, NULL, "\"%.*s\" is not understood in this row", STR_FMT(r->words[r->at].text));
}

// Ten digits are a number of the North American plan.
static void put_e164(char out[OFFICE_DIGITS_MAX + 1], struct str digits)
{
	struct buf b = buf_on(out, OFFICE_DIGITS_MAX);
	if (digits.n == 10) put_c(&b, '1');
	put(&b, digits);
	out[b.n] = 0;
}

// RULES: a copy is changed and put back

static void added(struct row *r, enum err err)
{
	if (err != OK) r->bad = !ladder_fail(r->l, NULL, "the row does not fit: %s", err_text(err));
}

static void set_setting(struct row *r, struct office_rules *rules)
{
	struct str name = next(r);
	uint32_t value = next_number(r);
#define SETTING_ROW(id, dflt, min, max, help) \
	if (str_eq(name, STR(#id))) { rules->settings.id = value; return; }
	OFFICE_SETTINGS(SETTING_ROW)
	r->bad = !ladder_fail(r->l, NULL, "no setting is called %.*s", STR_FMT(name));
}

static void set_state(struct row *r, struct office_rules *rules)
{
	struct str code = next(r);
	struct office_state *s = NULL;
	for (uint32_t i = 0; i < rules->state_count; i++)
		if (str_eq(str_from(rules->states[i].code), code)) s = &rules->states[i];
	if (!s) {
		added(r, office_rules_add_state(rules, &(struct office_state){ 0 }));
		s = &rules->states[rules->state_count - 1];
		str_to_z(s->code, sizeof s->code, code);
	}
	while (r->at < r->count && !r->bad) {
		if (is(r, "open")) s->open = true;
		else if (is(r, "closed")) s->open = false;
		else next_name(r, s->name, sizeof s->name);
	}
}

static void set_rate_centre(struct row *r, struct office_rules *rules)
{
	added(r, office_rules_add_rate_centre(rules, &(struct office_rate_centre){ 0 }));
	struct office_rate_centre *c = &rules->rate_centres[rules->rate_centre_count - 1];
	c->id = next_number(r);
	next_name(r, c->state, sizeof c->state);
	next_name(r, c->name, sizeof c->name);
	if (is(r, "lata")) c->lata = (uint16_t)next_number(r);
}

static void set_npa(struct row *r, struct office_rules *rules)
{
	added(r, office_rules_add_npa(rules, &(struct office_npa){ 0 }));
	struct office_npa *n = &rules->npas[rules->npa_count - 1];
	n->npa = (uint16_t)next_number(r);
	next_name(r, n->state, sizeof n->state);
	n->seven_digits = is(r, "seven-digits");
}

static void set_exchange(struct row *r, struct office_rules *rules)
{
	added(r, office_rules_add_exchange(rules, &(struct office_exchange){ 0 }));
	struct office_exchange *e = &rules->exchanges[rules->exchange_count - 1];
	e->npa_nxx = next_number(r);
	e->rate_centre = next_number(r);
}

static void set_customer(struct row *r, struct office_rules *rules)
{
	uint32_t id = next_number(r);
	struct office_customer *c = NULL;
	for (uint32_t i = 0; i < rules->customer_count; i++)
		if (rules->customers[i].id == id) c = &rules->customers[i];
	if (!c) {
		added(r, office_rules_add_customer(rules, &(struct office_customer){ 0 }));
		c = &rules->customers[rules->customer_count - 1];
		c->id = id;
	}
	while (r->at < r->count && !r->bad) {
		if (is(r, "suspended")) c->suspended = true;
		else if (is(r, "restored")) c->suspended = false;
		else next_name(r, c->name, sizeof c->name);
	}
}

static struct office_trunk_group *group_named(struct office_rules *rules, struct str name)
{
	for (uint32_t i = 0; i < rules->trunk_group_count; i++)
		if (str_eq(str_from(rules->trunk_groups[i].name), name)) return &rules->trunk_groups[i];
	return NULL;
}

static void add_peer(struct row *r, struct office_trunk_group *g)
{
	if (g->peer_count == OFFICE_PEERS_MAX) {
		not_understood(r);
		return;
	}
	struct office_peer *p = &g->peers[g->peer_count++];
	p->priority = g->peer_count; // as they stand
	if (addr_parse(&p->addr, next(r)) != OK) r->bad = !ladder_fail(r->l, NULL, "no address of a peer");
}

static void add_net(struct row *r, struct office_trunk_group *g)
{
	if (g->net_count == OFFICE_NETS_MAX) {
		not_understood(r);
		return;
	}
	if (addr_net_parse(&g->nets[g->net_count++], next(r)) != OK) r->bad = !ladder_fail(r->l, NULL, "no network");
}

static void set_format(struct row *r, struct office_trunk_group *g)
{
	if (is(r, "e164")) g->format = OFFICE_FORMAT_E164;
	else if (is(r, "national")) g->format = OFFICE_FORMAT_NATIONAL;
	else if (is(r, "dialled")) g->format = OFFICE_FORMAT_DIALLED;
	else not_understood(r);
}

static void set_diversion(struct row *r, struct office_trunk_group *g)
{
	if (is(r, "none")) g->diversion = OFFICE_DIVERSION_NONE;
	else if (is(r, "diversion")) g->diversion = OFFICE_DIVERSION_DIVERSION;
	else if (is(r, "history-info")) g->diversion = OFFICE_DIVERSION_HISTORY;
	else if (is(r, "both")) g->diversion = OFFICE_DIVERSION_BOTH;
	else not_understood(r);
}

// user NAME password WORD [realm NAME]
static void set_login(struct row *r, struct office_trunk_group *g)
{
	uint8_t ha1[32];
	next_name(r, g->user, sizeof g->user);
	if (!is(r, "password")) {
		not_understood(r);
		return;
	}
	struct str password = next(r), user = str_from(g->user);
	g->realm[0] = '\0';
	str_to_z(g->secret, sizeof g->secret, password);
	if (!is(r, "realm")) return;
	g->secret[0] = '\0';
	next_name(r, g->realm, sizeof g->realm);
	memcpy(g->ha1_md5, ha1, sip_digest_ha1(ha1, SIP_DIGEST_MD5, user, str_from(g->realm), password));
	memcpy(g->ha1_sha256, ha1, sip_digest_ha1(ha1, SIP_DIGEST_SHA256, user, str_from(g->realm), password));
}

// register sip:user@host [for SECONDS], or register nobody
static void set_register(struct row *r, struct office_trunk_group *g)
{
	g->register_s = 3600;
	g->aor[0] = '\0';
	if (is(r, "nobody")) return;
	next_name(r, g->aor, sizeof g->aor);
	if (is(r, "for")) g->register_s = next_number(r);
}

static void set_srtp(struct row *r, uint8_t *srtp)
{
	if (is(r, "never")) *srtp = OFFICE_SRTP_NEVER;
	else if (is(r, "offered")) *srtp = OFFICE_SRTP_OFFERED;
	else if (is(r, "required")) *srtp = OFFICE_SRTP_REQUIRED;
	else not_understood(r);
}

static void set_trunk(struct row *r, struct office_rules *rules)
{
	struct str name = next(r);
	struct office_trunk_group *g = group_named(rules, name);
	if (!g) {
		added(r, office_rules_add_trunk_group(rules, &(struct office_trunk_group){ 0 }));
		g = &rules->trunk_groups[rules->trunk_group_count - 1];
		g->id = rules->trunk_group_count;
		g->in_service = true;
		g->failover_ms = 2000;
		g->srtp = OFFICE_SRTP_OFFERED;
		str_to_z(g->name, sizeof g->name, name);
	}
	while (r->at < r->count && !r->bad) {
		if (is(r, "peer")) add_peer(r, g);
		else if (is(r, "no-peers")) g->peer_count = 0;
		else if (is(r, "net")) add_net(r, g);
		else if (is(r, "trusted")) g->trusted = true;
		else if (is(r, "untrusted")) g->trusted = false;
		else if (is(r, "emergency")) g->emergency = true;
		else if (is(r, "ordinary")) g->emergency = false;
		else if (is(r, "in-service")) g->in_service = true;
		else if (is(r, "out-of-service")) g->in_service = false;
		else if (is(r, "calls")) g->calls_max = (uint16_t)next_number(r);
		else if (is(r, "failover")) g->failover_ms = (uint16_t)next_number(r);
		else if (is(r, "options")) g->options_s = (uint16_t)next_number(r);
		else if (is(r, "srtp")) set_srtp(r, &g->srtp);
		else if (is(r, "host")) next_name(r, g->host, sizeof g->host);
		else if (is(r, "format")) set_format(r, g);
		else if (is(r, "diversion")) set_diversion(r, g);
		else if (is(r, "overlap")) g->overlap = true;
		else if (is(r, "voicemail")) g->voicemail = true;
		else if (is(r, "user")) set_login(r, g);
		else if (is(r, "register")) set_register(r, g);
		else not_understood(r);
	}
}

static void drop_route(struct office_rules *rules, const struct office_route *route)
{
	uint32_t at = (uint32_t)(route - rules->routes);
	memmove(&rules->routes[at], &rules->routes[at + 1], (--rules->route_count - at) * sizeof *route);
}

// Without trunk groups: there is no such route any more.
static void set_route(struct row *r, struct office_rules *rules)
{
	struct str prefix = next(r);
	if (str_eq(prefix, STR("default"))) prefix = STR("");
	struct office_route *route = NULL;
	for (uint32_t i = 0; i < rules->route_count; i++)
		if (str_eq(str_from(rules->routes[i].prefix), prefix)) route = &rules->routes[i];
	if (!route) {
		added(r, office_rules_add_route(rules, &(struct office_route){ 0 }));
		route = &rules->routes[rules->route_count - 1];
		route->id = rules->route_count;
		str_to_z(route->prefix, sizeof route->prefix, prefix);
	}
	route->choice_count = 0;
	while (r->at < r->count && !r->bad && route->choice_count < OFFICE_ROUTE_CHOICES) {
		const struct office_trunk_group *g = group_named(rules, next(r));
		if (g) route->choices[route->choice_count++] = g->id;
		else r->bad = !ladder_fail(r->l, NULL, "no such trunk group");
	}
	if (route->choice_count == 0) drop_route(rules, route);
}

// LINES AND NUMBERS

static void set_feature(struct row *r, struct office_line *line)
{
	static const char *const names[] = {
#define FEATURE_NAME_TEXT(id, name, help) name,
		OFFICE_FEATURES(FEATURE_NAME_TEXT)
	};
	uint32_t f = 0;
	while (f < FEATURE_COUNT && !is(r, names[f])) f++;
	if (f == FEATURE_COUNT) {
		not_understood(r);
		return;
	}
	struct office_feature_state *state = &line->features[f];
	state->subscribed = true;
	if (is(r, "not-subscribed")) *state = (struct office_feature_state){ 0 };
	else if (is(r, "off")) state->active = false;
	else if (is(r, "on")) state->active = true;
	else if (is(r, "to")) {
		state->active = true;
		put_e164(state->target, next(r));
	}
}

static void set_digest(struct row *r, struct office_line *line)
{
	if (is(r, "md5")) line->digest = OFFICE_DIGEST_MD5;
	else if (is(r, "sha256")) line->digest = OFFICE_DIGEST_SHA256;
	else if (is(r, "both")) line->digest = OFFICE_DIGEST_BOTH;
	else not_understood(r);
}

static void new_line(struct ladder *l, struct office_line *line, struct str key)
{
	*line = (struct office_line){ .id = office_line_count(l->exchange->office) + 1, .customer = 1, .rate_centre = 1,
	                              .calls_max = 4, .no_answer_s = 24, .contacts_max = 4,
	                              .srtp = OFFICE_SRTP_OFFERED };
	str_to_z(line->name, sizeof line->name, key);
	put_e164(line->number, key);
	struct str password = STR(EXCHANGE_PASSWORD);
	uint8_t ha1[32];
	memcpy(line->ha1_md5, ha1, sip_digest_ha1(ha1, SIP_DIGEST_MD5, key, l->realm, password));
	sip_digest_ha1(line->ha1_sha256, SIP_DIGEST_SHA256, key, l->realm, password);
	struct office_number number = { .kind = OFFICE_NUMBER_LINE, .line = line->id };
	memcpy(number.digits, line->number, sizeof number.digits);
	// The line stands before its number: references are checked.
	if (office_put_line(l->exchange->office, line) != OK || office_put_number(l->exchange->office, &number) != OK)
		ladder_fail(l, NULL, "the office refuses the line");
}

static void set_line(struct row *r)
{
	struct ladder *l = r->l;
	struct str key = next(r);
	struct office_line line;
	const struct office_line *known = office_line_by_name(l->exchange->office, key);
	if (known) line = *known;
	else new_line(l, &line, key);
	while (r->at < r->count && !r->bad) {
		if (is(r, "display")) next_name(r, line.display, sizeof line.display);
		else if (is(r, "customer")) line.customer = next_number(r);
		else if (is(r, "rate-centre")) line.rate_centre = next_number(r);
		else if (is(r, "shows")) put_e164(line.number, next(r));
		else if (is(r, "calls")) line.calls_max = (uint16_t)next_number(r);
		else if (is(r, "no-answer")) line.no_answer_s = (uint16_t)next_number(r);
		else if (is(r, "contacts")) line.contacts_max = (uint16_t)next_number(r);
		else if (is(r, "suspended")) line.suspended = true;
		else if (is(r, "restored")) line.suspended = false;
		else if (is(r, "pbx")) line.pbx = true;
		else if (is(r, "digest")) set_digest(r, &line);
		else if (is(r, "srtp")) set_srtp(r, &line.srtp);
		else if (is(r, "feature")) set_feature(r, &line);
		else not_understood(r);
	}
	if (!r->bad && office_put_line(l->exchange->office, &line) != OK)
		ladder_fail(l, NULL, "the office refuses the line");
}

static void set_number(struct row *r)
{
	struct ladder *l = r->l;
	struct office_number number = { 0 };
	put_e164(number.digits, next(r));
	if (is(r, "vacant")) number.kind = OFFICE_NUMBER_VACANT;
	else if (is(r, "disconnected")) number.kind = OFFICE_NUMBER_DISCONNECTED;
	else if (is(r, "changed")) {
		number.kind = OFFICE_NUMBER_CHANGED;
		if (is(r, "to")) put_e164(number.new_number, next(r));
	} else if (is(r, "line")) {
		const struct office_line *line = office_line_by_name(l->exchange->office, next(r));
		number.line = line ? line->id : 0;
	} else not_understood(r);
	if (!r->bad && office_put_number(l->exchange->office, &number) != OK)
		ladder_fail(l, NULL, "the office refuses the number");
}

// Not of the office: whether the media plane has ports.
static void set_ports(struct row *r)
{
	struct memory_plane *p = &r->l->exchange->plane;
	p->no_ports = !is(r, "free");
	p->ports_kept = p->no_ports && is(r, "few"); // only those that are kept for emergency calls
	if (p->no_ports && !p->ports_kept && !is(r, "none")) not_understood(r);
}

// Nor this: does the media plane take orders to play?
static void set_plane(struct row *r)
{
	r->l->exchange->plane.behind = is(r, "behind");
	if (!r->l->exchange->plane.behind && !is(r, "ready")) not_understood(r);
}

// What a line's mailbox holds, as the API tells it: set messages LINE NEW OLD.
static void set_messages(struct row *r)
{
	struct exchange *x = r->l->exchange;
	const struct office_line *line = office_line_by_name(x->office, next(r));
	struct waiting w = { .fresh = (uint16_t)next_number(r) };
	w.old = (uint16_t)next_number(r);
	if (!line) not_understood(r);
	else waiting_set(x->live->waiting, line->id, w);
}

// How many transactions the switch has, from its start.
static void set_transactions(struct row *r)
{
	r->l->exchange->transactions_max = next_number(r);
	r->l->exchange->may_be_full = true;
}

// How many calls, and legs by them.
static void set_calls(struct row *r)
{
	r->l->exchange->calls_max = next_number(r);
}

static const struct {
	const char *kind;
	void (*rules)(struct row *r, struct office_rules *rules);
	void (*row)(struct row *r);
} kinds[] = {
	{ "setting", set_setting, NULL },       { "state", set_state, NULL },       { "npa", set_npa, NULL },
	{ "rate-centre", set_rate_centre, NULL }, { "exchange", set_exchange, NULL }, { "customer", set_customer, NULL },
	{ "trunk", set_trunk, NULL },           { "route", set_route, NULL },       { "line", NULL, set_line },
	{ "number", NULL, set_number },         { "ports", NULL, set_ports },
	{ "transactions", NULL, set_transactions }, { "calls", NULL, set_calls },
	{ "plane", NULL, set_plane },             { "messages", NULL, set_messages },
};

static bool set_rules(struct row *r, void (*set)(struct row *r, struct office_rules *rules))
{
	struct ladder *l = r->l;
	struct office_rules *rules = office_rules_dup(office_rules(l->exchange->office));
	if (!rules) return ladder_fail(l, NULL, "no memory");
	set(r, rules);
	rules->version++;
	if (r->bad) {
		office_rules_free(rules);
		return false;
	}
	return office_put_rules(l->exchange->office, rules) == OK || ladder_fail(l, NULL, "the office refuses the row");
}

// drop line 6035550101, drop number 6035550198
bool exchange_drop(struct ladder *l, const struct item *item)
{
	struct row r = { .l = l, .words = ladder_words(l, item), .at = 1, .count = item->count };
	char digits[OFFICE_DIGITS_MAX + 1];
	if (!exchange_need(l)) return false;
	if (is(&r, "number")) {
		put_e164(digits, next(&r));
		office_drop_number(l->exchange->office, str_from(digits));
		return !r.bad;
	}
	if (!is(&r, "line")) return ladder_fail(l, NULL, "drop what?");
	const struct office_line *line = office_line_by_name(l->exchange->office, next(&r));
	if (!line) return ladder_fail(l, NULL, "there is no such line");
	office_drop_line(l->exchange->office, line->id);
	return true;
}

bool exchange_set(struct ladder *l, const struct item *item)
{
	struct row r = { .l = l, .words = ladder_words(l, item), .at = 2, .count = item->count };
	if (!exchange_need(l)) return false;
	for (uint32_t i = 0; item->count > 1 && i < ARRAY_LEN(kinds); i++) {
		if (!word_is(&r.words[1], kinds[i].kind)) continue;
		if (kinds[i].rules) return set_rules(&r, kinds[i].rules);
		kinds[i].row(&r);
		return !r.bad && !l->failed;
	}
	return ladder_fail(l, NULL, "set what?");
}
