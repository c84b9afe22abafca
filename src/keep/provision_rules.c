// What must hold between the fields of an object and between objects; and what follows when one is changed or removed.
#include "keep/provision_inside.h"

#include "wire/sip/msg.h"

#include <stdio.h>

static struct provision_value *value_of(struct provision_step *s, const char *field)
{
	return &s->values[provision_field(s->q->kind, str_from(field)) - s->table->fields];
}

static void set_text(struct provision_value *value, const char *text)
{
	*value = (struct provision_value){ .given = true, .text = str_from(text) };
}

// ---- Before it is written -------------------------------------------------------------------------------------------

static bool check_setting(struct provision_step *s, const char *name, struct str value, uint32_t min, uint32_t max)
{
	uint32_t number;
	if (str_to_u32(&number, value, max) == OK && number >= min) return true;
	return provision_fail(s->out, ERR_BAD, "value", "%s must be a number from %u to %u", name, min, max);
}

static bool prepare_setting(struct provision_step *s)
{
	struct str name = s->q->key;
	const struct provision_value *value = value_of(s, "value");
	if (!value->given || str_eq(name, STR("name"))) return true;
	if (str_eq(name, STR("realm")))
		return provision_fail(s->out, ERR_REFUSED, "value",
		                      "the realm cannot be changed: all stored passwords hang on it");
#define CHECK_SETTING(id, preset, min, max, help) \
	if (str_eq(name, STR(#id))) return check_setting(s, #id, value->text, min, max);
	OFFICE_SETTINGS(CHECK_SETTING)
	return provision_fail(s->out, ERR_BAD, "value", "this version of dialtone does not know %.*s", STR_FMT(name));
}

static bool prepare_state(struct provision_step *s)
{
	struct str code = s->q->key;
	if (s->action != PROVISION_ADD) return true;
	for (uint32_t i = 0; i < code.n; i++)
		if (code.p[i] < 'A' || code.p[i] > 'Z')
			return provision_fail(s->out, ERR_BAD, "code", "code must be two capital letters");
	return true;
}

static bool prepare_route(struct provision_step *s)
{
	struct str prefix = s->q->key;
	if (s->action != PROVISION_ADD || str_eq(prefix, STR("default"))) return true;
	for (uint32_t i = 0; i < prefix.n; i++)
		if (!ascii_is_digit(prefix.p[i]))
			return provision_fail(s->out, ERR_BAD, "prefix", "prefix must be digits of E.164 without +, or default");
	return true;
}

static bool prepare_feature(struct provision_step *s)
{
	const struct provision_value *subscribed = value_of(s, "subscribed");
	struct provision_value *active = value_of(s, "active");
	// Who no longer subscribes has it no longer on.
	if (subscribed->given && !subscribed->number && !active->given) *active = (struct provision_value){ .given = true };
	return true;
}

static bool has_line_now(struct provision_step *s)
{
	struct store_query q = store_ask(s->p->db, "SELECT count(*) FROM number WHERE id = ? AND line IS NOT NULL");
	store_bind_u64(&q, s->id);
	return store_count(&q) != 0;
}

// The kind that follows from the other fields, when it is not said.
static bool derive_number_kind(struct provision_step *s)
{
	const struct provision_value *line = value_of(s, "line"), *new_number = value_of(s, "new-number");
	struct provision_value *kind = value_of(s, "kind");
	if (kind->given) return true;
	if (line->given && !line->null) set_text(kind, "line");
	else if (new_number->given && new_number->text.n) set_text(kind, "changed");
	else if (s->action == PROVISION_ADD) set_text(kind, "vacant");
	else if (line->given && has_line_now(s))
		return provision_fail(s->out, ERR_BAD, "kind",
		                      "a number without its line is something else: say kind=vacant, changed or disconnected");
	return true;
}

static bool prepare_number(struct provision_step *s)
{
	struct provision_value *line = value_of(s, "line"), *new_number = value_of(s, "new-number");
	const struct provision_value *kind = value_of(s, "kind");
	if (!derive_number_kind(s)) return false;
	if (!kind->given) return true;
	if (str_eq(kind->text, STR("line"))) {
		bool has_line = line->given ? !line->null : s->action == PROVISION_SET && has_line_now(s);
		if (!has_line) return provision_fail(s->out, ERR_BAD, "line", "a number of kind line needs line=NAME");
	} else {
		if (line->given && !line->null)
			return provision_fail(s->out, ERR_BAD, "line", "only a number of kind line has a line");
		*line = (struct provision_value){ .given = true, .null = true };
	}
	if (str_eq(kind->text, STR("changed"))) return true;
	if (new_number->given && new_number->text.n)
		return provision_fail(s->out, ERR_BAD, "new-number", "only a number of kind changed has a new number");
	set_text(new_number, "");
	return true;
}

static bool prepare_trunk(struct provision_step *s)
{
	const struct provision_value *aor = value_of(s, "register");
	struct sip_uri uri;
	if (!aor->given || !aor->text.n) return true;
	bool good = sip_uri_parse(&uri, aor->text) == PARSE_OK && str_eq(uri.scheme, STR("sip")) && uri.user.n &&
		!uri.params.n && !uri.headers.n && !uri.password.n;
	return good || provision_fail(s->out, ERR_BAD, "register", "register must be like sip:+16035550100@carrier.example");
}

bool provision_prepare(struct provision_step *s)
{
	switch (s->q->kind) {
	case PROVISION_TRUNK: return prepare_trunk(s);
	case PROVISION_SETTING: return prepare_setting(s);
	case PROVISION_STATE: return prepare_state(s);
	case PROVISION_ROUTE: return prepare_route(s);
	case PROVISION_FEATURE: return prepare_feature(s);
	case PROVISION_NUMBER: return prepare_number(s);
	default: return true;
	}
}

// ---- What follows from it -------------------------------------------------------------------------------------------

// The number that a line shows becomes its own, when it is new or vacant.
static bool claim_number(struct provision_step *s)
{
	const struct provision_value *number = value_of(s, "number");
	if (!number->given || number->text.n == 0) return true;
	struct office_number there;
	enum err err = store_read_number(s->p->db, number->text, &there);
	if (err == OK && there.kind != OFFICE_NUMBER_VACANT) return true; // the rules say whether that may be
	if (err != OK && err != ERR_NOT_FOUND) return provision_fail_store(s->out, s->p, err, "look up the number");
	const struct provision_pair pair = { STR("line"), s->q->key };
	struct str key = arena_printf(&s->p->scratch, "+%.*s", STR_FMT(number->text));
	return provision_apply_also(s, err == OK ? PROVISION_SET : PROVISION_ADD, PROVISION_NUMBER, key, &pair, 1);
}

bool provision_follow(struct provision_step *s)
{
	return s->q->kind != PROVISION_LINE || claim_number(s);
}

// ---- After it is written --------------------------------------------------------------------------------------------

// A question about the row ?1: an answer is the sentence that refuses it.
static const struct rule {
	enum provision_kind kind;
	const char *field; // to be blamed
	bool when_given;   // only asked when that field was given
	const char *sql;
} rules[] = {
	{ PROVISION_NPA, "npa", true,
	  "SELECT npa || ' cannot be an area code' FROM npa WHERE id = ?1 AND (npa % 100 = 11 OR npa / 10 % 10 = 9)" },
	{ PROVISION_NPA, "state", true,
	  "SELECT 'its exchange ' || e.npa_nxx || ' lies in another state' FROM npa n JOIN exchange e "
	  "ON e.npa_nxx / 1000 = n.npa JOIN rate_centre c ON c.id = e.rate_centre WHERE n.id = ?1 AND c.state <> n.state" },
	{ PROVISION_EXCHANGE, "npa-nxx", true,
	  "SELECT (npa_nxx % 1000) || ' cannot be an exchange' FROM exchange WHERE id = ?1 AND (npa_nxx % 1000 < 200 "
	  "OR npa_nxx % 100 = 11)" },
	{ PROVISION_EXCHANGE, "rate-centre", true,
	  "SELECT 'the area code ' || n.npa || ' lies in another state than the rate centre' FROM exchange e "
	  "JOIN rate_centre c ON c.id = e.rate_centre JOIN npa n ON n.npa = e.npa_nxx / 1000 "
	  "WHERE e.id = ?1 AND c.state <> n.state" },
	{ PROVISION_LINE, "number", true,
	  "SELECT '+' || l.number || ' is the number of the line ' || o.name || ', which has another customer' FROM line l "
	  "JOIN number n ON n.number = l.number JOIN line o ON o.id = n.line "
	  "WHERE l.id = ?1 AND o.customer <> l.customer" },
	{ PROVISION_LINE, "number", true,
	  "SELECT '+' || l.number || ' is ' || n.kind || '; make it vacant first' FROM line l "
	  "JOIN number n ON n.number = l.number WHERE l.id = ?1 AND n.kind <> 'line'" },
	{ PROVISION_NUMBER, "new-number", true,
	  "SELECT 'a number cannot have changed to itself' FROM number WHERE id = ?1 AND new_number = number" },
	{ PROVISION_FEATURE, "active", false,
	  "SELECT 'a feature that the line does not subscribe to cannot be active' FROM feature "
	  "WHERE id = ?1 AND active AND NOT subscribed" },
	{ PROVISION_FEATURE, "target", false,
	  "SELECT feature || ' cannot be active without a target' FROM feature "
	  "WHERE id = ?1 AND active AND target = '' AND feature LIKE 'forward-%'" },
	{ PROVISION_FEATURE, "target", true,
	  "SELECT feature || ' has no target' FROM feature "
	  "WHERE id = ?1 AND target <> '' AND feature NOT LIKE 'forward-%'" },
	{ PROVISION_FEATURE, "target", true,
	  "SELECT 'a line cannot forward its calls to itself' FROM feature f JOIN number n ON n.number = f.target "
	  "WHERE f.id = ?1 AND n.line = f.line" },
	{ PROVISION_TRUNK, "peers", true,
	  "SELECT p.address || ' is a peer of the trunk group ' || g.name FROM trunk_peer p JOIN trunk_peer o "
	  "ON o.address = p.address JOIN trunk_group g ON g.id = o.trunk_group "
	  "WHERE p.trunk_group = ?1 AND o.trunk_group <> ?1" },
};

static bool check_rule(struct provision_step *s, const struct rule *rule)
{
	struct store_query q = store_ask(s->p->db, rule->sql);
	store_bind_u64(&q, s->id);
	bool broken = store_next(&q);
	if (broken) {
		struct str why = store_get_str(&q);
		provision_fail(s->out, ERR_BAD, rule->field, "%.*s", STR_FMT(why));
	}
	enum err err = store_end(&q);
	if (err != OK) return provision_fail_store(s->out, s->p, err, "check it");
	return !broken;
}

bool provision_check_rules(struct provision_step *s)
{
	for (uint32_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (rules[i].kind != s->q->kind) continue;
		if (rules[i].when_given && !value_of(s, rules[i].field)->given) continue;
		if (!check_rule(s, &rules[i])) return false;
	}
	return true;
}

// ---- Before it is removed -------------------------------------------------------------------------------------------

// The first row of a question about the object, as a key of a kind; empty when there is none.
static struct str first_key(struct provision_step *s, const char *sql, enum provision_kind kind)
{
	struct store_query q = store_ask(s->p->db, sql);
	store_bind_u64(&q, s->id);
	uint64_t id = store_count(&q);
	return id ? provision_row_key(s->p, kind, id) : STR("");
}

// A line takes its features with it and leaves its numbers vacant.
static bool clear_line(struct provision_step *s)
{
	static const struct provision_pair vacant = { STR_INIT("kind"), STR_INIT("vacant") };
	struct str key;
	while ((key = first_key(s, "SELECT id FROM feature WHERE line = ? LIMIT 1", PROVISION_FEATURE)).n)
		if (!provision_apply_also(s, PROVISION_REMOVE, PROVISION_FEATURE, key, NULL, 0)) return false;
	while ((key = first_key(s, "SELECT id FROM number WHERE line = ? LIMIT 1", PROVISION_NUMBER)).n)
		if (!provision_apply_also(s, PROVISION_SET, PROVISION_NUMBER, key, &vacant, 1)) return false;
	return true;
}

#define NAMED_MAX 3

// Adds "line 6035550101, line 6035550102 and 5 more" for the rows that refer to the object by one field.
static uint32_t put_referrers(struct buf *b, struct provision_step *s, enum provision_kind kind, uint32_t field)
{
	const struct provision_table *t = provision_table(kind);
	char sql[160];
	bool list = t->fields[field].type == PROVISION_REFS;
	snprintf(sql, sizeof sql, list ? "SELECT route FROM route_choice WHERE trunk_group = ?" :
	         "SELECT rowid FROM %s WHERE %s = ?", t->name, t->columns[field].column);
	struct store_query q = store_ask_once(s->p->db, sql);
	store_bind_u64(&q, s->id);
	uint32_t count = 0;
	while (store_next(&q)) {
		if (count++ >= NAMED_MAX) continue;
		struct str key = provision_row_key(s->p, kind, store_get_u64(&q));
		put_fmt(b, "%s%s %.*s", b->n ? ", " : "", provision_kind_name(kind), STR_FMT(key));
	}
	if (count > NAMED_MAX) put_fmt(b, " and %u more", count - NAMED_MAX);
	return store_end(&q) == OK ? count : count + 1; // not to know is no leave to remove
}

bool provision_prepare_removal(struct provision_step *s)
{
	char memory[200];
	struct buf b = buf_on(memory, sizeof memory);
	uint32_t referrers = 0;
	if (s->q->kind == PROVISION_LINE && !clear_line(s)) return false;
	for (uint32_t kind = 0; kind < PROVISION_KIND_COUNT; kind++) {
		uint32_t count;
		const struct provision_field *fields = provision_fields(kind, &count);
		for (uint32_t i = 0; i < count; i++) {
			bool refers = fields[i].type == PROVISION_REF || fields[i].type == PROVISION_REFS;
			if (refers && fields[i].ref == s->q->kind) referrers += put_referrers(&b, s, kind, i);
		}
	}
	if (!referrers) return true;
	return provision_fail(s->out, ERR_REFUSED, NULL, "it is still referred to by %.*s", STR_FMT(buf_str(&b)));
}
