// Text to values: one function a type, each with a sentence for what it refuses.
#include "keep/provision_inside.h"

#include "call/model/number.h"

#include <stdio.h>

bool provision_fail(struct provision_answer *out, enum err err, const char *field, const char *format, ...)
{
	va_list args;
	*out = (struct provision_answer){ .err = err };
	if (field) str_to_z(out->field, sizeof out->field, str_from(field));
	va_start(args, format);
	vsnprintf(out->why, sizeof out->why, format, args);
	va_end(args);
	return false;
}

bool provision_fail_store(struct provision_answer *out, struct provision *p, enum err err, const char *doing)
{
	struct store_fault fault;
	store_explain(&fault, p->db, err, doing);
	return provision_fail(out, err, NULL, "%s", fault.why);
}

static bool refuse(struct provision_answer *out, const struct provision_field *f, const char *why)
{
	return provision_fail(out, ERR_BAD, f->name, "%s %s", f->name, why);
}

// ---- Text and numbers -----------------------------------------------------------------------------------------------

static bool check_length(struct provision_answer *out, const struct provision_field *f, struct str text)
{
	if (text.n >= f->min && text.n <= f->max) return true;
	if (text.n == 0) return refuse(out, f, "must not be empty");
	if (f->min == f->max)
		return provision_fail(out, ERR_BAD, f->name, "%s must have %u characters", f->name, f->max);
	return provision_fail(out, ERR_BAD, f->name, "%s must have %u to %u characters", f->name, f->min, f->max);
}

static bool parse_text(struct provision_answer *out, const struct provision_field *f, struct str text)
{
	if (!check_length(out, f, text)) return false;
	for (uint32_t i = 0, n; i < text.n; i += n) {
		n = utf8_len(str_from_at(text, i));
		if (n == 0 || (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return refuse(out, f, "must be text in UTF-8, without control characters");
	}
	return true;
}

static bool parse_word(struct provision_answer *out, const struct provision_field *f, struct str text)
{
	for (uint32_t i = 0; i < text.n; i++) {
		char c = ascii_lower(text.p[i]);
		if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '.' && c != '_' && c != '-')
			return refuse(out, f, "may have letters, digits, dots, - and _ only");
	}
	return check_length(out, f, text);
}

static bool parse_u32(struct provision_answer *out, const struct provision_field *f, struct str text, uint64_t *number)
{
	if (str_to_u64(number, text, f->max) == OK && *number >= f->min) return true;
	return provision_fail(out, ERR_BAD, f->name, "%s must be a number from %u to %u", f->name, f->min, f->max);
}

static bool parse_bool(struct provision_answer *out, const struct provision_field *f, struct str text, uint64_t *number)
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1" };
	for (uint32_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_eq_nocase(text, str_from(words[i]))) continue;
		*number = i & 1;
		return true;
	}
	return refuse(out, f, "must be yes or no");
}

static bool parse_choice(struct provision_answer *out, const struct provision_field *f, struct str text)
{
	struct str rest = str_from(f->choices);
	while (rest.n)
		if (str_eq(str_cut(&rest, '|'), text)) return true;
	return provision_fail(out, ERR_BAD, f->name, "%s must be one of %s", f->name, f->choices);
}

// +, country code and number; the North American form is checked, for it is the one that is mistyped here.
static bool parse_e164(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                       struct str text, struct str *digits)
{
	struct number n;
	*digits = STR("");
	if (text.n == 0) return f->flags & PROVISION_KEY ? refuse(out, f, "must not be empty") : true;
	bool is_number = number_from_uri_user(&n, text) == OK;
	struct str d = is_number ? number_str(&n) : STR("");
	for (uint32_t i = 0; i < d.n; i++) is_number &= ascii_is_digit(d.p[i]);
	if (!is_number || d.n > 15 || d.n < 7 || d.p[0] == '0')
		return refuse(out, f, "must be a number of E.164, like +16035550101");
	bool american = d.p[0] == '1';
	if (n.nature != NUMBER_INTERNATIONAL && !(american && d.n == 11))
		return refuse(out, f, "must be written in full with +, like +16035550101");
	if (american && (d.n != 11 || d.p[1] < '2' || d.p[4] < '2'))
		return refuse(out, f, "is no number of the North American plan: +1, area code, exchange and four digits");
	*digits = arena_dup(&p->scratch, d);
	return true;
}

// ---- Lists ----------------------------------------------------------------------------------------------------------

// Each member, and the list in its canonical spelling.
typedef bool parse_member(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                          struct str member, struct buf *canonical);

static bool parse_peer(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                       struct str member, struct buf *canonical)
{
	struct addr a;
	struct office_name name;
	struct str rest = member, address = str_trim(str_cut(&rest, '/'));
	uint32_t priority = 0;
	(void)p;
	bool named = office_name_parse(&name, address) == OK;
	if ((!named && transport_addr_parse(&a, address) != OK) ||
	    (rest.n && str_to_u32(&priority, str_trim(rest), 255) != OK))
		return refuse(out, f, "must be ADDRESS:PORT/PRIORITY or NAME/PRIORITY, parted by commas, like "
		                      "192.0.2.1:5060/0 or sip.example.com/0");
	if (named) {
		put_office_name(canonical, &name);
		put_fmt(canonical, "/%u", priority);
		return true;
	}
	if (addr_is_special(&a) && !addr_is_loopback(&a))
		return provision_fail(out, ERR_BAD, f->name, "%.*s is no address of a switch", STR_FMT(address));
	if (transport_is_ws((enum transport)a.transport))
		return provision_fail(out, ERR_BAD, f->name, "nobody is called over a WebSocket");
	if (a.port == 0)
		return provision_fail(out, ERR_BAD, f->name, "%.*s needs a port, like :5060", STR_FMT(address));
	put_transport_addr(canonical, &a);
	put_fmt(canonical, "/%u", priority);
	return true;
}

static bool parse_net(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                      struct str member, struct buf *canonical)
{
	struct addr_net net;
	(void)p;
	if (addr_net_parse(&net, member) != OK) return refuse(out, f, "must be ADDRESS/BITS, parted by commas");
	put_addr_host(canonical, &net.base);
	put_fmt(canonical, "/%u", net.bits);
	return true;
}

static bool parse_ref_member(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                             struct str member, struct buf *canonical)
{
	uint64_t id;
	if (!provision_find(p, out, f->ref, member, f->name, &id)) return false;
	put_u64(canonical, id);
	return true;
}

static bool is_member(struct str list, struct str member)
{
	while (list.n)
		if (str_eq(str_cut(&list, ','), member)) return true;
	return false;
}

// A list becomes the text of its members in canonical spelling (references as ids), parted by commas.
static bool parse_list(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                       struct str text, parse_member *parse, struct str *list)
{
	char memory[PROVISION_VALUE_MAX];
	struct buf b = buf_on(memory, sizeof memory);
	uint32_t count = 0;
	while (text.n) {
		char member_memory[128];
		struct buf member = buf_on(member_memory, sizeof member_memory);
		if (!parse(p, out, f, str_trim(str_cut(&text, ',')), &member)) return false;
		if (is_member(buf_str(&b), buf_str(&member))) return refuse(out, f, "names one twice");
		if (count++) put_c(&b, ',');
		put(&b, buf_str(&member));
		if (b.err != OK || member.err != OK) return refuse(out, f, "is too long");
	}
	if (count < f->min) return refuse(out, f, "must not be empty");
	if (count > f->max) return provision_fail(out, ERR_BAD, f->name, "%s may have %u at most", f->name, f->max);
	*list = arena_dup(&p->scratch, buf_str(&b));
	return true;
}

// ---- Any value ------------------------------------------------------------------------------------------------------

static bool parse_ref(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                      struct str text, struct provision_value *value)
{
	value->null = text.n == 0;
	if (text.n) return provision_find(p, out, f->ref, text, f->name, &value->number);
	return f->flags & (PROVISION_KEY | PROVISION_REQUIRED) ? refuse(out, f, "must not be empty") : true;
}

bool provision_parse(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                     struct str text, struct provision_value *value)
{
	*value = (struct provision_value){ .given = true, .text = text };
	if (text.n > PROVISION_VALUE_MAX) return refuse(out, f, "is too long");
	switch ((enum provision_type)f->type) {
	case PROVISION_TEXT: return parse_text(out, f, text);
	case PROVISION_WORD: return parse_word(out, f, text);
	case PROVISION_PASSWORD: return parse_text(out, f, text);
	case PROVISION_U32: return parse_u32(out, f, text, &value->number);
	case PROVISION_BOOL: return parse_bool(out, f, text, &value->number);
	case PROVISION_CHOICE: return parse_choice(out, f, text);
	case PROVISION_E164: return parse_e164(p, out, f, text, &value->text);
	case PROVISION_REF: return parse_ref(p, out, f, text, value);
	case PROVISION_PEERS: return parse_list(p, out, f, text, parse_peer, &value->text);
	case PROVISION_NETS: return parse_list(p, out, f, text, parse_net, &value->text);
	case PROVISION_REFS: return parse_list(p, out, f, text, parse_ref_member, &value->text);
	}
	return refuse(out, f, "is of no type");
}

void provision_bind(struct store_query *q, const struct provision_field *f, const struct provision_value *value)
{
	bool is_number = f->type == PROVISION_U32 || f->type == PROVISION_BOOL || f->type == PROVISION_REF;
	if (value->null) store_bind_null(q);
	else if (is_number) store_bind_u64(q, value->number);
	else store_bind_str(q, value->text);
}

// ---- Keys -----------------------------------------------------------------------------------------------------------

bool provision_parse_key(struct provision *p, struct provision_answer *out, enum provision_kind kind, struct str key,
                         struct provision_value *values)
{
	const struct provision_table *t = provision_table(kind);
	if (key.n > PROVISION_KEY_MAX)
		return provision_fail(out, ERR_BAD, t->fields[0].name, "the key is too long");
	for (uint32_t i = 0; i < t->key_count; i++) {
		bool last = i + 1 == t->key_count;
		if (!last && str_find_char(key, '/') < 0)
			return provision_fail(out, ERR_BAD, t->fields[i].name, "the key of a %s is written %s/%s",
			                      provision_kind_name(kind), t->fields[0].name, t->fields[1].name);
		struct str part = last ? key : str_cut(&key, '/');
		if (!provision_parse(p, out, &t->fields[i], part, &values[i])) return false;
	}
	return true;
}

// The rows of a key: SELECT rowid FROM the table WHERE the key's columns are so.
static struct store_query ask_by_key(struct provision *p, enum provision_kind kind, const struct provision_value *key)
{
	const struct provision_table *t = provision_table(kind);
	char sql[256];
	struct buf b = buf_on(sql, sizeof sql);
	put_fmt(&b, "SELECT rowid FROM %s WHERE ", t->name);
	for (uint32_t i = 0; i < t->key_count; i++) put_fmt(&b, "%s%s = ?", i ? " AND " : "", t->columns[i].column);
	put_c(&b, '\0');
	struct store_query q = store_ask_once(p->db, sql);
	for (uint32_t i = 0; i < t->key_count; i++) provision_bind(&q, &t->fields[i], &key[i]);
	return q;
}

bool provision_find(struct provision *p, struct provision_answer *out, enum provision_kind kind, struct str key,
                    const char *field, uint64_t *id)
{
	struct provision_value values[PROVISION_FIELDS_MAX];
	if (!provision_parse_key(p, out, kind, key, values)) {
		if (field) str_to_z(out->field, sizeof out->field, str_from(field));
		return false;
	}
	struct store_query q = ask_by_key(p, kind, values);
	bool found = store_next(&q);
	*id = found ? store_get_u64(&q) : 0;
	enum err err = store_end(&q);
	if (err != OK) return provision_fail_store(out, p, err, "look it up");
	if (found) return true;
	return provision_fail(out, ERR_NOT_FOUND, field, "there is no %s %.*s", provision_kind_name(kind), STR_FMT(key));
}
