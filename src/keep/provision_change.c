// One change of one object, inside a transaction: values parsed, row written, rules asked, history kept.
#include "keep/provision_inside.h"

#include "wire/sip/digest.h"

#include <stdio.h>
#include <unistd.h>

// ---- Values ---------------------------------------------------------------------------------------------------------

static bool take_pair(struct provision_step *s, const struct provision_pair *pair)
{
	const char *kind = provision_kind_name(s->q->kind);
	const struct provision_field *f = provision_field(s->q->kind, pair->name);
	if (!f) return provision_fail(s->out, ERR_BAD, NULL, "a %s has no field \"%.*s\"", kind,
	                              STR_FMT(str_head(pair->name, 64)));
	if (f->flags & PROVISION_KEY)
		return provision_fail(s->out, ERR_BAD, f->name, "%s is the key of a %s: it is said before the fields", f->name,
		                      kind);
	if (!(f->flags & PROVISION_SETTABLE)) return provision_fail(s->out, ERR_BAD, f->name, "%s cannot be set", f->name);
	struct provision_value *value = &s->values[f - s->table->fields];
	if (value->given) return provision_fail(s->out, ERR_BAD, f->name, "%s is given twice", f->name);
	return provision_parse(s->p, s->out, f, pair->value, value);
}

// Presets of the fields that were not given, and complaints about those that must be.
static bool take_presets(struct provision_step *s)
{
	for (uint32_t i = 0; i < s->table->field_count; i++) {
		const struct provision_field *f = &s->table->fields[i];
		struct provision_value *value = &s->values[i];
		bool preset = f->flags & PROVISION_SETTABLE && !(f->flags & PROVISION_SECRET);
		if (value->given || !preset) continue;
		if (f->flags & PROVISION_REQUIRED)
			return provision_fail(s->out, ERR_BAD, f->name, "a %s needs %s=...", provision_kind_name(s->q->kind),
			                      f->name);
		if (!provision_parse(s->p, s->out, f, str_from(f->preset), value)) return false;
	}
	return true;
}

// ---- Passwords ------------------------------------------------------------------------------------------------------

static bool system_entropy(uint8_t *out, uint32_t n)
{
	return getentropy(out, n) == 0;
}

// Sixteen of 31 characters that nobody mistakes for each other: 79 bits.
static bool make_password(struct provision *p, char out[17])
{
	static const char symbols[] = "abcdefghjkmnpqrstuvwxyz23456789";
	provision_entropy *entropy = p->entropy ? p->entropy : system_entropy;
	for (uint32_t n = 0; n < 16;) {
		uint8_t octet;
		if (!entropy(&octet, 1)) return false;
		if (octet >= 256 / 31 * 31) continue; // as likely as each other
		out[n++] = symbols[octet % 31];
	}
	out[16] = '\0';
	return true;
}

static struct provision_value *password_of(struct provision_step *s)
{
	const struct provision_field *f = provision_field(s->q->kind, STR("password"));
	return f ? &s->values[f - s->table->fields] : NULL;
}

// A line that is added without a password gets one, which the answer tells; a trunk group has the one of its carrier.
static bool take_password(struct provision_step *s)
{
	struct provision_value *value = password_of(s);
	if (s->q->kind != PROVISION_LINE || value->given || s->action != PROVISION_ADD) return true;
	char password[17];
	if (!make_password(s->p, password))
		return provision_fail(s->out, ERR_SYSTEM, "password", "the system gives no chance to make a password from");
	*value = (struct provision_value){ .given = true, .text = arena_dup(&s->p->scratch, str_from(password)) };
	str_to_z(s->out->password, sizeof s->out->password, value->text);
	return true;
}

static void bind_password(struct store_query *q, struct provision_step *s, struct str password)
{
	uint8_t ha1[32];
	struct str name = provision_row_key(s->p, PROVISION_LINE, s->id);
	if (s->action == PROVISION_ADD) name = s->q->key;
	for (uint32_t a = 0; a < SIP_DIGEST_COUNT; a++) {
		uint32_t n = sip_digest_ha1(ha1, a, name, str_from(s->p->realm), password);
		store_bind_octets(q, ha1, n);
	}
	explicit_bzero(ha1, sizeof ha1);
}

// ---- Writing --------------------------------------------------------------------------------------------------------

// Has the value a column of its own (or, of a line's password, two)?
static bool is_written(const struct provision_step *s, uint32_t i)
{
	bool key = s->table->fields[i].flags & PROVISION_KEY;
	if (!s->values[i].given || (key && s->action != PROVISION_ADD)) return false;
	bool hashed = s->q->kind == PROVISION_LINE && s->table->fields[i].type == PROVISION_PASSWORD;
	return s->table->columns[i].column || hashed;
}

static void put_insert(struct buf *b, const struct provision_step *s)
{
	uint32_t n = 0;
	put_fmt(b, "INSERT INTO %s (", s->table->name);
	for (uint32_t i = 0; i < s->table->field_count; i++) {
		if (!is_written(s, i)) continue;
		bool password = s->table->fields[i].type == PROVISION_PASSWORD;
		put_fmt(b, "%s%s", n ? ", " : "", password ? "ha1_md5, ha1_sha256" : s->table->columns[i].column);
		n += password ? 2 : 1;
	}
	put_z(b, ") VALUES (?");
	while (--n) put_z(b, ", ?");
	put_c(b, ')');
}

static void put_update(struct buf *b, const struct provision_step *s)
{
	bool first = true;
	put_fmt(b, "UPDATE %s SET ", s->table->name);
	for (uint32_t i = 0; i < s->table->field_count; i++) {
		if (!is_written(s, i)) continue;
		if (!first) put_z(b, ", ");
		first = false;
		bool password = s->table->fields[i].type == PROVISION_PASSWORD;
		if (password) put_z(b, "ha1_md5 = ?, ha1_sha256 = ?");
		else put_fmt(b, "%s = ?", s->table->columns[i].column);
	}
	put_z(b, " WHERE rowid = ?");
}

static bool anything_written(const struct provision_step *s)
{
	for (uint32_t i = 0; i < s->table->field_count; i++)
		if (is_written(s, i)) return true;
	return false;
}

static bool fail_write(struct provision_step *s, enum err err)
{
	const char *kind = provision_kind_name(s->q->kind);
	if (err == ERR_EXISTS)
		return provision_fail(s->out, err, s->table->fields[0].name, "there is a %s %.*s already", kind,
		                      STR_FMT(s->q->key));
	if (err == ERR_REFUSED)
		return provision_fail(s->out, err, NULL, "the values of the %s contradict each other", kind);
	return provision_fail_store(s->out, s->p, err, "write it");
}

static bool write_row(struct provision_step *s)
{
	char sql[1024];
	struct buf b = buf_on(sql, sizeof sql);
	if (!anything_written(s)) return true;
	if (s->action == PROVISION_ADD) put_insert(&b, s);
	else put_update(&b, s);
	put_c(&b, '\0');
	if (b.err != OK) return provision_fail(s->out, ERR_FULL, NULL, "too many fields");
	struct store_query q = store_ask_once(s->p->db, sql);
	for (uint32_t i = 0; i < s->table->field_count; i++) {
		if (!is_written(s, i)) continue;
		if (s->table->fields[i].type == PROVISION_PASSWORD) bind_password(&q, s, s->values[i].text);
		else provision_bind(&q, &s->table->fields[i], &s->values[i]);
	}
	if (s->action == PROVISION_SET) store_bind_u64(&q, s->id);
	enum err err = store_finish(&q);
	if (err != OK) return fail_write(s, err);
	if (s->action == PROVISION_ADD) s->id = store_last_id(s->p->db);
	return true;
}

// ---- Lists in tables of their own -----------------------------------------------------------------------------------

static const struct list_table {
	enum provision_type type;
	const char *empty, *add; // SQL: of the object; of the object, position and the member's parts
} list_tables[] = {
	{ PROVISION_PEERS, "DELETE FROM trunk_peer WHERE trunk_group = ?",
	  "INSERT INTO trunk_peer (trunk_group, position, address, priority) VALUES (?, ?, ?, ?)" },
	{ PROVISION_NETS, "DELETE FROM trunk_net WHERE trunk_group = ?",
	  "INSERT INTO trunk_net (trunk_group, position, net) VALUES (?, ?, ?)" },
	{ PROVISION_REFS, "DELETE FROM route_choice WHERE route = ?",
	  "INSERT INTO route_choice (route, position, trunk_group) VALUES (?, ?, ?)" },
};

static void bind_member(struct store_query *q, enum provision_type type, struct str member)
{
	uint64_t number = 0;
	if (type == PROVISION_PEERS) {
		store_bind_str(q, str_cut(&member, '/'));
		store_bind_u64(q, str_to_u64(&number, member, 255) == OK ? number : 0);
	} else if (type == PROVISION_REFS) {
		store_bind_u64(q, str_to_u64(&number, member, UINT32_MAX) == OK ? number : 0);
	} else {
		store_bind_str(q, member);
	}
}

static enum err write_list(struct provision_step *s, const struct list_table *t, struct str list)
{
	struct store_query q = store_ask(s->p->db, t->empty);
	store_bind_u64(&q, s->id);
	enum err err = store_finish(&q);
	for (uint32_t position = 0; err == OK && list.n; position++) {
		q = store_ask(s->p->db, t->add);
		store_bind_u64(&q, s->id);
		store_bind_u64(&q, position);
		bind_member(&q, t->type, str_cut(&list, ','));
		err = store_finish(&q);
	}
	return err;
}

static bool write_lists(struct provision_step *s)
{
	for (uint32_t i = 0; i < s->table->field_count; i++)
		for (uint32_t l = 0; l < ARRAY_LEN(list_tables); l++) {
			if (!s->values[i].given || s->table->fields[i].type != list_tables[l].type) continue;
			enum err err = write_list(s, &list_tables[l], s->values[i].text);
			if (err != OK) return fail_write(s, err);
		}
	return true;
}

static bool delete_row(struct provision_step *s)
{
	char sql[64];
	snprintf(sql, sizeof sql, "DELETE FROM %s WHERE rowid = ?", s->table->name);
	struct store_query q = store_ask_once(s->p->db, sql);
	store_bind_u64(&q, s->id);
	enum err err = store_finish(&q);
	return err == OK || fail_write(s, err);
}

// ---- History --------------------------------------------------------------------------------------------------------

// The row as history shows it: a password that was given is said to have been, no more.
static struct str row_for_history(struct provision_step *s)
{
	struct str json = provision_row_json(s->p, s->q->kind, s->id);
	const struct provision_value *password = password_of(s);
	if (!password || !password->given || s->action != PROVISION_SET || json.n == 0) return json;
	return arena_printf(&s->p->scratch, "%.*s,\"password\":\"changed\"}", (int)json.n - 1, json.p);
}

static bool record(struct provision_step *s, struct str before, struct str after)
{
	static const char *const actions[] = { "add", "set", "remove" };
	struct store_query q = store_ask(s->p->db, "INSERT INTO office_change "
		"(at_ms, who, action, kind, key, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)");
	struct str key = s->action == PROVISION_REMOVE ? s->q->key : provision_row_key(s->p, s->q->kind, s->id);
	store_bind_u64(&q, s->q->wall_ms);
	store_bind_str(&q, s->q->who);
	store_bind_str(&q, str_from(actions[s->action]));
	store_bind_str(&q, str_from(provision_kind_name(s->q->kind)));
	store_bind_str(&q, key);
	store_bind_str(&q, before);
	store_bind_str(&q, after);
	enum err err = store_finish(&q);
	if (err != OK) return provision_fail_store(s->out, s->p, err, "keep the history");
	s->p->version = (uint32_t)store_last_id(s->p->db);
	return true;
}

// ---- The three actions ----------------------------------------------------------------------------------------------

static bool may_act(struct provision_step *s)
{
	const char *kind = provision_kind_name(s->q->kind);
	bool may = s->action == PROVISION_SET ? s->table->can_set : s->table->can_add;
	if (may) return true;
	const char *what = s->action == PROVISION_SET ? "cannot be set" : "is neither added nor removed";
	return provision_fail(s->out, ERR_REFUSED, NULL, "a %s %s", kind, what);
}

static bool add_object(struct provision_step *s)
{
	if (!provision_parse_key(s->p, s->out, s->q->kind, s->q->key, s->values)) return false;
	for (uint32_t i = 0; i < s->q->pair_count; i++)
		if (!take_pair(s, &s->q->pairs[i])) return false;
	if (!provision_prepare(s) || !take_presets(s) || !take_password(s)) return false;
	if (!write_row(s) || !write_lists(s) || !provision_write_login(s)) return false;
	if (!record(s, STR(""), row_for_history(s))) return false;
	return provision_follow(s) && provision_check_rules(s);
}

static bool set_object(struct provision_step *s)
{
	if (!provision_find(s->p, s->out, s->q->kind, s->q->key, NULL, &s->id)) return false;
	for (uint32_t i = 0; i < s->q->pair_count; i++)
		if (!take_pair(s, &s->q->pairs[i])) return false;
	struct str before = provision_row_json(s->p, s->q->kind, s->id);
	if (!provision_prepare(s) || !write_row(s) || !write_lists(s) || !provision_write_login(s)) return false;
	struct str after = row_for_history(s);
	if (!str_eq(before, after) && !record(s, before, after)) return false;
	return provision_follow(s) && provision_check_rules(s);
}

static bool remove_object(struct provision_step *s)
{
	if (!provision_find(s->p, s->out, s->q->kind, s->q->key, NULL, &s->id)) return false;
	struct str before = provision_row_json(s->p, s->q->kind, s->id);
	if (!provision_prepare_removal(s) || !provision_touch(s) || !delete_row(s)) return false;
	return record(s, before, STR(""));
}

bool provision_apply(struct provision_answer *out, struct provision *p, enum provision_action action,
                     const struct provision_request *q)
{
	struct provision_step s = { .p = p, .out = out, .action = action, .q = q, .table = provision_table(q->kind) };
	*out = (struct provision_answer){ 0 };
	if (!may_act(&s)) return false;
	switch (action) {
	case PROVISION_ADD: return add_object(&s) && provision_touch(&s);
	case PROVISION_SET: return set_object(&s) && provision_touch(&s);
	case PROVISION_REMOVE: return remove_object(&s);
	}
	return false;
}

bool provision_apply_also(struct provision_step *s, enum provision_action action, enum provision_kind kind,
                          struct str key, const struct provision_pair *pairs, uint32_t pair_count)
{
	struct provision_answer answer;
	struct provision_request q = { .kind = kind, .key = key, .pairs = pairs, .pair_count = pair_count, .who = s->q->who,
		.wall_ms = s->q->wall_ms };
	if (provision_apply(&answer, s->p, action, &q)) return true;
	*s->out = answer;
	return false;
}
