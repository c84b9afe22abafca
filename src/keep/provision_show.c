// Rows as text: one SELECT a kind, made from its fields, whose columns are the fields as a person reads them.
#include "keep/provision_inside.h"

#include <stdio.h>
#include <stdlib.h>

// ---- The SELECTs ----------------------------------------------------------------------------------------------------

static void put_key_sql(struct buf *b, enum provision_kind kind, char row);

// SQL of one field's text, of the row named by a letter.
static void put_field_sql(struct buf *b, const struct provision_table *t, uint32_t i, char row)
{
	const struct provision_field *f = &t->fields[i];
	const char *column = t->columns[i].column;
	if (t->columns[i].shown) {
		put_z(b, t->columns[i].shown);
	} else if (f->type == PROVISION_BOOL) {
		put_fmt(b, "iif(%c.%s, 'yes', 'no')", row, column);
	} else if (f->type == PROVISION_E164) {
		put_fmt(b, "iif(%c.%s = '', '', '+' || %c.%s)", row, column, row, column);
	} else if (f->type == PROVISION_REF) {
		char other = (char)(row + 1);
		put_z(b, "coalesce((SELECT ");
		put_key_sql(b, f->ref, other);
		put_fmt(b, " FROM %s %c WHERE %c.rowid = %c.%s), '')", provision_table(f->ref)->name, other, other, row,
		        column);
	} else {
		put_fmt(b, "%c.%s", row, column);
	}
}

static void put_key_sql(struct buf *b, enum provision_kind kind, char row)
{
	const struct provision_table *t = provision_table(kind);
	for (uint32_t i = 0; i < t->key_count; i++) {
		if (i) put_z(b, " || '/' || ");
		put_field_sql(b, t, i, row);
	}
}

static void put_select(struct buf *b, enum provision_kind kind)
{
	const struct provision_table *t = provision_table(kind);
	for (uint32_t i = 0; i < t->field_count; i++) {
		put_z(b, i ? ", " : "SELECT ");
		put_field_sql(b, t, i, 't');
	}
	put_fmt(b, " FROM %s t", t->name);
}

static const char *keep_sql(struct provision *p, const struct buf *b)
{
	struct str sql = b->err == OK ? arena_dup(&p->lasting, buf_str(b)) : STR("");
	return sql.n ? sql.p : NULL;
}

enum err provision_make_selects(struct provision *p)
{
	for (uint32_t kind = 0; kind < PROVISION_KIND_COUNT; kind++) {
		char sql[8192];
		struct buf b = buf_on(sql, sizeof sql);
		put_select(&b, kind);
		uint32_t n = b.n;
		put_c(&b, '\0');
		p->select_all[kind] = keep_sql(p, &b);
		b.n = n;
		put_z(&b, " WHERE t.rowid = ?");
		put_c(&b, '\0');
		p->select_one[kind] = keep_sql(p, &b);
		if (!p->select_all[kind] || !p->select_one[kind]) return ERR_FULL;
	}
	return OK;
}

// ---- Rows -----------------------------------------------------------------------------------------------------------

static void get_row(struct store_query *q, enum provision_kind kind, struct provision_row *row)
{
	*row = (struct provision_row){ .kind = kind, .count = provision_table(kind)->field_count };
	for (uint32_t i = 0; i < row->count; i++) row->values[i] = store_get_str(q);
}

static struct store_query ask_one(struct provision *p, enum provision_kind kind, uint64_t id)
{
	struct store_query q = store_ask(p->db, p->select_one[kind]);
	store_bind_u64(&q, id);
	return q;
}

typedef void put_row(struct buf *b, const struct provision_row *row);

static struct str row_text(struct provision *p, enum provision_kind kind, uint64_t id, put_row *put_it)
{
	struct buf b = buf_on(p->scratch.p + p->scratch.n, p->scratch.cap - p->scratch.n);
	struct store_query q = ask_one(p, kind, id);
	struct provision_row row;
	bool found = store_next(&q);
	if (found) {
		get_row(&q, kind, &row);
		put_it(&b, &row);
	}
	if (store_end(&q) != OK || b.err != OK || !found) return STR("");
	p->scratch.n += b.n;
	return buf_str(&b);
}

struct str provision_row_json(struct provision *p, enum provision_kind kind, uint64_t id)
{
	return row_text(p, kind, id, put_provision_json);
}

struct str provision_row_key(struct provision *p, enum provision_kind kind, uint64_t id)
{
	return row_text(p, kind, id, put_provision_key);
}

void provision_show(struct provision_answer *out, struct provision *p, enum provision_kind kind, struct str key,
                    provision_visit *visit, void *self)
{
	uint64_t id;
	arena_reset(&p->scratch);
	if (!provision_find(p, out, kind, key, NULL, &id)) return;
	*out = (struct provision_answer){ 0 };
	struct store_query q = ask_one(p, kind, id);
	struct provision_row row;
	enum err visited = OK;
	if (store_next(&q)) {
		get_row(&q, kind, &row);
		visited = visit(self, &row);
	}
	enum err err = store_end(&q);
	if (err != OK) provision_fail_store(out, p, err, "read it");
	else if (visited != OK) provision_fail(out, visited, NULL, "%s", err_text(visited));
}

// ---- Lists ----------------------------------------------------------------------------------------------------------

static void put_key_columns(struct buf *b, const struct provision_table *t)
{
	for (uint32_t i = 0; i < t->key_count; i++) put_fmt(b, "%st.%s", i ? ", " : "", t->columns[i].column);
}

// Filters, place and order as SQL; the values that it asks for, in the order of binding.
struct list_sql {
	char text[8192 + 1024];
	struct {
		const struct provision_field *field;
		struct provision_value value;
	} bound[2 * PROVISION_FIELDS_MAX];
	uint32_t bound_count;
};

static bool add_filters(struct list_sql *sql, struct buf *b, struct provision *p, struct provision_answer *out,
                        const struct provision_query *q)
{
	const struct provision_table *t = provision_table(q->kind);
	if (q->filter_count > PROVISION_FIELDS_MAX)
		return provision_fail(out, ERR_BAD, NULL, "there are more filters than fields");
	for (uint32_t i = 0; i < q->filter_count; i++) {
		const struct provision_field *f = provision_field(q->kind, q->filters[i].name);
		if (!f || !(f->flags & PROVISION_FILTER))
			return provision_fail(out, ERR_BAD, NULL, "a list of %s cannot be asked by \"%.*s\"",
			                      provision_kind_name(q->kind), STR_FMT(str_head(q->filters[i].name, 64)));
		struct provision_value value;
		if (!provision_parse(p, out, f, q->filters[i].value, &value)) return false;
		sql->bound[sql->bound_count].field = f;
		sql->bound[sql->bound_count++].value = value;
		put_fmt(b, "%s t.%s IS ?", i ? " AND" : " WHERE", t->columns[f - t->fields].column);
	}
	return true;
}

static bool add_place(struct list_sql *sql, struct buf *b, struct provision *p, struct provision_answer *out,
                      const struct provision_query *q)
{
	const struct provision_table *t = provision_table(q->kind);
	struct provision_value key[PROVISION_FIELDS_MAX];
	if (!provision_parse_key(p, out, q->kind, q->after, key)) return false;
	put_fmt(b, "%s (", q->filter_count ? " AND" : " WHERE");
	put_key_columns(b, t);
	put_z(b, t->key_count == 1 ? ") > (?)" : ") > (?, ?)");
	for (uint32_t i = 0; i < t->key_count; i++) {
		sql->bound[sql->bound_count].field = &t->fields[i];
		sql->bound[sql->bound_count++].value = key[i];
	}
	return true;
}

static bool make_list_sql(struct list_sql *sql, struct provision *p, struct provision_answer *out,
                          const struct provision_query *q)
{
	struct buf b = buf_on(sql->text, sizeof sql->text);
	sql->bound_count = 0;
	put_z(&b, p->select_all[q->kind]);
	if (!add_filters(sql, &b, p, out, q)) return false;
	if (q->after.n && !add_place(sql, &b, p, out, q)) return false;
	put_z(&b, " ORDER BY ");
	put_key_columns(&b, provision_table(q->kind));
	if (q->limit) put_fmt(&b, " LIMIT %u", q->limit);
	put_c(&b, '\0');
	return b.err == OK ? true : provision_fail(out, ERR_FULL, NULL, "too many filters");
}

void provision_list(struct provision_answer *out, struct provision *p, const struct provision_query *q,
                    provision_visit *visit, void *self)
{
	struct list_sql sql;
	arena_reset(&p->scratch);
	if (!make_list_sql(&sql, p, out, q)) return;
	*out = (struct provision_answer){ 0 };
	struct store_query rows = store_ask_once(p->db, sql.text);
	for (uint32_t i = 0; i < sql.bound_count; i++) provision_bind(&rows, sql.bound[i].field, &sql.bound[i].value);
	enum err visited = OK;
	while (visited == OK && store_next(&rows)) {
		struct provision_row row;
		get_row(&rows, q->kind, &row);
		visited = visit(self, &row);
	}
	enum err err = store_end(&rows);
	if (err != OK) provision_fail_store(out, p, err, "list them");
	else if (visited != OK) provision_fail(out, visited, NULL, "%s", err_text(visited));
}

// ---- Text and JSON --------------------------------------------------------------------------------------------------

void put_provision_key(struct buf *b, const struct provision_row *row)
{
	for (uint32_t i = 0; i < provision_table(row->kind)->key_count; i++) {
		if (i) put_c(b, '/');
		put(b, row->values[i]);
	}
}

static void put_quoted(struct buf *b, struct str text)
{
	put_c(b, '"');
	put_json(b, text);
	put_c(b, '"');
}

static void put_list_json(struct buf *b, struct str list)
{
	put_c(b, '[');
	for (bool first = true; list.n; first = false) {
		if (!first) put_c(b, ',');
		put_quoted(b, str_cut(&list, ','));
	}
	put_c(b, ']');
}

static void put_value_json(struct buf *b, const struct provision_field *f, struct str value)
{
	switch ((enum provision_type)f->type) {
	case PROVISION_U32: put(b, value.n ? value : STR("null")); break;
	case PROVISION_BOOL: put_z(b, str_eq(value, STR("yes")) ? "true" : "false"); break;
	case PROVISION_PEERS:
	case PROVISION_NETS:
	case PROVISION_REFS: put_list_json(b, value); break;
	case PROVISION_E164:
	case PROVISION_REF:
		if (value.n) put_quoted(b, value);
		else put_z(b, "null");
		break;
	case PROVISION_TEXT:
	case PROVISION_WORD:
	case PROVISION_CHOICE:
	case PROVISION_PASSWORD: put_quoted(b, value); break;
	}
}

// What a change was from and to is JSON already.
static bool is_json(const struct provision_row *row, const struct provision_field *f)
{
	return row->kind == PROVISION_CHANGE && (strcmp(f->name, "before") == 0 || strcmp(f->name, "after") == 0);
}

void put_provision_json(struct buf *b, const struct provision_row *row)
{
	const struct provision_field *fields = provision_table(row->kind)->fields;
	bool first = true;
	put_c(b, '{');
	for (uint32_t i = 0; i < row->count; i++) {
		if (fields[i].flags & PROVISION_SECRET) continue;
		if (!first) put_c(b, ',');
		first = false;
		put_fmt(b, "\"%s\":", fields[i].name);
		if (!is_json(row, &fields[i])) put_value_json(b, &fields[i], row->values[i]);
		else put(b, row->values[i].n ? row->values[i] : STR("null"));
	}
	put_c(b, '}');
}
