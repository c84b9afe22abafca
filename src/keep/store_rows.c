// Reading: each table's rows into the office's structures.
#include "keep/store_rows.h"

#include <stdio.h>
#include <stdlib.h>

uint8_t store_choice(const char *choices, struct str word)
{
	struct str rest = str_from(choices);
	for (uint8_t i = 0; rest.n; i++)
		if (str_eq(str_cut(&rest, '|'), word)) return i;
	return 0;
}

// ---- The rules ------------------------------------------------------------------------------------------------------

static enum err read_customers(struct store_db *db, struct office_rules *r)
{
	struct store_query q = store_ask(db, "SELECT id, name, suspended FROM customer ORDER BY id");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct office_customer row = { .id = (uint32_t)store_get_u64(&q) };
		store_get_z(&q, row.name, sizeof row.name);
		row.suspended = store_get_u64(&q);
		err = office_rules_add_customer(r, &row);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err read_states(struct store_db *db, struct office_rules *r)
{
	struct store_query q = store_ask(db, "SELECT code, name, open FROM state");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct office_state row = { 0 };
		store_get_z(&q, row.code, sizeof row.code);
		store_get_z(&q, row.name, sizeof row.name);
		row.open = store_get_u64(&q);
		err = office_rules_add_state(r, &row);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err read_rate_centres(struct store_db *db, struct office_rules *r)
{
	struct store_query q = store_ask(db, "SELECT c.id, c.name, s.code, c.lata FROM rate_centre c JOIN state s "
	                                     "ON s.id = c.state ORDER BY c.id");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct office_rate_centre row = { .id = (uint32_t)store_get_u64(&q) };
		store_get_z(&q, row.name, sizeof row.name);
		store_get_z(&q, row.state, sizeof row.state);
		row.lata = (uint16_t)store_get_u64(&q);
		err = office_rules_add_rate_centre(r, &row);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err read_npas(struct store_db *db, struct office_rules *r)
{
	struct store_query q = store_ask(db, "SELECT n.npa, s.code, n.seven_digits FROM npa n "
	                                     "JOIN state s ON s.id = n.state");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct office_npa row = { .npa = (uint16_t)store_get_u64(&q) };
		store_get_z(&q, row.state, sizeof row.state);
		row.seven_digits = store_get_u64(&q);
		err = office_rules_add_npa(r, &row);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err read_exchanges(struct store_db *db, struct office_rules *r)
{
	struct store_query q = store_ask(db, "SELECT npa_nxx, rate_centre FROM exchange ORDER BY npa_nxx");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct office_exchange row = { .npa_nxx = (uint32_t)store_get_u64(&q) };
		row.rate_centre = (uint32_t)store_get_u64(&q);
		err = office_rules_add_exchange(r, &row);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err take_peer(struct office_trunk_group *g, struct str text, uint8_t priority)
{
	struct office_name name;
	if (office_name_parse(&name, text) == OK) {
		if (g->name_count == OFFICE_NAMES_MAX) return ERR_BAD;
		name.priority = priority;
		g->names[g->name_count++] = name;
		return OK;
	}
	if (g->peer_count == OFFICE_PEERS_MAX) return ERR_BAD;
	g->peers[g->peer_count].priority = priority;
	return transport_addr_parse(&g->peers[g->peer_count++].addr, text);
}

static enum err read_peers(struct store_db *db, struct office_trunk_group *g)
{
	struct store_query q = store_ask(db, "SELECT address, priority FROM trunk_peer WHERE trunk_group = ? "
	                                     "ORDER BY position");
	enum err err = OK;
	store_bind_u64(&q, g->id);
	while (err == OK && store_next(&q)) {
		struct str text = store_get_str(&q);
		err = take_peer(g, text, (uint8_t)store_get_u64(&q));
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err read_nets(struct store_db *db, struct office_trunk_group *g)
{
	struct store_query q = store_ask(db, "SELECT net FROM trunk_net WHERE trunk_group = ? ORDER BY position");
	enum err err = OK;
	store_bind_u64(&q, g->id);
	while (err == OK && store_next(&q)) {
		if (g->net_count == OFFICE_NETS_MAX) err = ERR_BAD;
		else err = addr_net_parse(&g->nets[g->net_count], store_get_str(&q));
		if (err == OK) g->net_count++;
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static void get_trunk_group(struct store_query *q, struct office_trunk_group *g)
{
	*g = (struct office_trunk_group){ .id = (uint32_t)store_get_u64(q) };
	store_get_z(q, g->name, sizeof g->name);
	store_get_z(q, g->host, sizeof g->host);
	g->in_service = store_get_u64(q);
	g->trusted = store_get_u64(q);
	g->emergency = store_get_u64(q);
	g->format = store_choice(STORE_FORMATS, store_get_str(q));
	g->calls_max = (uint16_t)store_get_u64(q);
	g->failover_ms = (uint16_t)store_get_u64(q);
	g->options_s = (uint16_t)store_get_u64(q);
	g->diversion = store_choice(STORE_DIVERSIONS, store_get_str(q));
	g->overlap = store_get_u64(q);
	g->srtp = store_choice(STORE_SRTP, store_get_str(q));
	store_get_z(q, g->user, sizeof g->user);
	store_get_z(q, g->realm, sizeof g->realm);
	store_get_z(q, g->secret, sizeof g->secret);
	bool hashed = store_get_octets(q, g->ha1_md5, sizeof g->ha1_md5);
	hashed &= store_get_octets(q, g->ha1_sha256, sizeof g->ha1_sha256);
	if (!hashed && !g->secret[0]) g->user[0] = '\0'; // no password yet
	store_get_z(q, g->aor, sizeof g->aor);
	g->register_s = (uint32_t)store_get_u64(q);
	g->voicemail = store_get_u64(q);
	g->certified = store_get_u64(q);
}

static enum err read_trunk_groups(struct store_db *db, struct office_rules *r)
{
	struct store_query q = store_ask(db, "SELECT id, name, host, in_service, trusted, emergency, format, calls_max, "
	                                     "failover_ms, options_s, diversion, overlap, srtp, user, realm, secret, "
	                                     "ha1_md5, ha1_sha256, aor, register_s, voicemail, certified "
	                                     "FROM trunk_group ORDER BY id");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct office_trunk_group row;
		get_trunk_group(&q, &row);
		err = read_peers(db, &row);
		if (err == OK) err = read_nets(db, &row);
		if (err == OK) err = office_rules_add_trunk_group(r, &row);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err read_choices(struct store_db *db, struct office_route *route)
{
	struct store_query q = store_ask(db, "SELECT trunk_group FROM route_choice WHERE route = ? ORDER BY position");
	enum err err = OK;
	store_bind_u64(&q, route->id);
	while (err == OK && store_next(&q)) {
		if (route->choice_count == OFFICE_ROUTE_CHOICES) err = ERR_BAD;
		else route->choices[route->choice_count++] = (uint32_t)store_get_u64(&q);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err read_routes(struct store_db *db, struct office_rules *r)
{
	struct store_query q = store_ask(db, "SELECT id, prefix FROM route");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct office_route row = { .id = (uint32_t)store_get_u64(&q) };
		struct str prefix = store_get_str(&q);
		if (!str_eq(prefix, STR("default")) && !str_to_z(row.prefix, sizeof row.prefix, prefix)) err = ERR_BAD;
		if (err == OK) err = read_choices(db, &row);
		if (err == OK) err = office_rules_add_route(r, &row);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

static enum err read_setting(struct office_rules *r, struct str name, struct str value)
{
	if (str_eq(name, STR("name"))) return str_to_z(r->name, sizeof r->name, value) ? OK : ERR_BAD;
	if (str_eq(name, STR("realm"))) return str_to_z(r->realm, sizeof r->realm, value) ? OK : ERR_BAD;
#define READ_SETTING(id, preset, min, max, help) \
	if (str_eq(name, STR(#id))) return str_to_u32(&r->settings.id, value, max);
	OFFICE_SETTINGS(READ_SETTING)
	return OK; // of another version of this program
}

static enum err read_settings(struct store_db *db, struct office_rules *r)
{
	struct store_query q = store_ask(db, "SELECT name, value FROM office");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct str name = store_get_str(&q), value = store_get_str(&q);
		err = read_setting(r, name, value);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

enum err store_read_rules(struct store_db *db, struct office_rules *r, uint32_t tables, struct store_fault *fault)
{
	struct store_query version = store_ask(db, "SELECT max(version) FROM office_change");
	r->version = (uint32_t)store_count(&version);
#define READ_TABLE(row, table)                                                                                         \
	if (tables & STORE_TABLE(row)) {                                                                                   \
		r->row##_count = 0;                                                                                            \
		enum err err = read_##table(db, r);                                                                            \
		if (err != OK) {                                                                                               \
			store_explain(fault, db, err, "read the table of " #table);                                                \
			return err;                                                                                                \
		}                                                                                                              \
	}
	OFFICE_TABLES(READ_TABLE)
	enum err err = tables & STORE_TABLE(settings) ? read_settings(db, r) : OK;
	if (err != OK) store_explain(fault, db, err, "read the settings");
	return err;
}

// ---- Lines and numbers ----------------------------------------------------------------------------------------------

#define LINE_COLUMNS                                                                                                   \
	"SELECT l.id, l.name, l.customer, l.rate_centre, l.number, l.display, l.ha1_md5, l.ha1_sha256, l.digest, "         \
	"l.calls_max, l.no_answer_s, l.contacts_max, l.suspended OR c.suspended, l.srtp, l.pbx "                          \
	"FROM line l JOIN customer c ON c.id = l.customer "
#define FEATURE_COLUMNS "SELECT line, feature, subscribed, active, target FROM feature "

static enum err get_line(struct store_query *q, struct office_line *line)
{
	*line = (struct office_line){ .id = (uint32_t)store_get_u64(q) };
	store_get_z(q, line->name, sizeof line->name);
	line->customer = (uint32_t)store_get_u64(q);
	line->rate_centre = (uint32_t)store_get_u64(q);
	store_get_z(q, line->number, sizeof line->number);
	store_get_z(q, line->display, sizeof line->display);
	bool whole = store_get_octets(q, line->ha1_md5, sizeof line->ha1_md5);
	whole &= store_get_octets(q, line->ha1_sha256, sizeof line->ha1_sha256);
	line->digest = store_choice(STORE_DIGESTS, store_get_str(q));
	line->calls_max = (uint16_t)store_get_u64(q);
	line->no_answer_s = (uint16_t)store_get_u64(q);
	line->contacts_max = (uint16_t)store_get_u64(q);
	line->suspended = store_get_u64(q);
	line->srtp = store_choice(STORE_SRTP, store_get_str(q));
	line->pbx = store_get_u64(q);
	return whole ? OK : ERR_BAD;
}

// The feature of a row whose line was taken from its first column.
static void get_feature(struct store_query *q, struct office_line *line)
{
#define FEATURE_NAME(id, name, help) name "|"
	struct str name = store_get_str(q);
	struct office_feature_state *f = &line->features[store_choice(OFFICE_FEATURES(FEATURE_NAME), name)];
	f->subscribed = store_get_u64(q);
	f->active = store_get_u64(q);
	store_get_z(q, f->target, sizeof f->target);
}

enum err store_read_line(struct store_db *db, uint32_t id, struct office_line *out)
{
	struct store_query q = store_ask(db, LINE_COLUMNS "WHERE l.id = ?");
	store_bind_u64(&q, id);
	enum err err = store_next(&q) ? get_line(&q, out) : ERR_NOT_FOUND, end = store_end(&q);
	if (end != OK || err != OK) return end != OK ? end : err;
	q = store_ask(db, FEATURE_COLUMNS "WHERE line = ?");
	store_bind_u64(&q, id);
	while (store_next(&q)) {
		store_get_u64(&q);
		get_feature(&q, out);
	}
	return store_end(&q);
}

static void get_number(struct store_query *q, struct office_number *n)
{
	*n = (struct office_number){ 0 };
	store_get_z(q, n->digits, sizeof n->digits);
	n->kind = store_choice(STORE_NUMBER_KINDS, store_get_str(q));
	n->line = (uint32_t)store_get_u64(q);
	store_get_z(q, n->new_number, sizeof n->new_number);
}

enum err store_read_number(struct store_db *db, struct str digits, struct office_number *out)
{
	struct store_query q = store_ask(db, "SELECT number, kind, line, new_number FROM number WHERE number = ?");
	store_bind_str(&q, digits);
	bool found = store_next(&q);
	if (found) get_number(&q, out);
	enum err err = store_end(&q);
	return err == OK && !found ? ERR_NOT_FOUND : err;
}

// ---- The whole office -----------------------------------------------------------------------------------------------

// Lines and features in one pass each, both by line: the features of a line are those that stand next.
static enum err load_lines(struct store_db *db, struct office *o)
{
	struct store_query lines = store_ask_once(db, LINE_COLUMNS "ORDER BY l.id");
	struct store_query features = store_ask_once(db, FEATURE_COLUMNS "ORDER BY line");
	uint32_t feature_line = store_next(&features) ? (uint32_t)store_get_u64(&features) : 0;
	enum err err = OK;
	while (err == OK && store_next(&lines)) {
		struct office_line line;
		err = get_line(&lines, &line);
		while (feature_line == line.id) {
			get_feature(&features, &line);
			feature_line = store_next(&features) ? (uint32_t)store_get_u64(&features) : 0;
		}
		if (err == OK) err = office_put_line(o, &line);
	}
	enum err lines_end = store_end(&lines), features_end = store_end(&features);
	if (err == OK) err = lines_end;
	return err == OK ? features_end : err;
}

static enum err load_numbers(struct store_db *db, struct office *o)
{
	struct store_query q = store_ask_once(db, "SELECT number, kind, line, new_number FROM number");
	enum err err = OK;
	while (err == OK && store_next(&q)) {
		struct office_number n;
		get_number(&q, &n);
		err = office_put_number(o, &n);
	}
	enum err end = store_end(&q);
	return err != OK ? err : end;
}

enum err store_load(struct store *s, struct office *o, struct store_fault *fault)
{
	struct store_db *db = store_db_of(s);
	struct office_rules *rules = office_rules_dup(NULL);
	enum err err = rules ? store_read_rules(db, rules, STORE_ALL_TABLES, fault) : ERR_FULL;
	if (err != OK) {
		if (!rules) snprintf(fault->why, sizeof fault->why, "no memory");
		office_rules_free(rules);
		return err;
	}
	err = office_put_rules(o, rules);
	if (err != OK) {
		snprintf(fault->why, sizeof fault->why, "the rules contradict each other; dialtone check says how");
		return err;
	}
	err = load_lines(db, o);
	if (err == OK) err = load_numbers(db, o);
	if (err != OK) store_explain(fault, db, err, "load lines and numbers");
	return err;
}
