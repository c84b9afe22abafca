// The provisioned objects over HTTP: one set of handlers for every kind of keep/provision.
//
//     POST /v1/office/line { "name": "6035550101", "customer": "granite", ... }
//       JSON values become the texts that provision takes: true is yes, a list is parted by commas, null is empty
#include "run/api_json.h"

#include <stdlib.h>

struct fields { // of a body, as pairs of provision
	struct provision_pair pairs[PROVISION_FIELDS_MAX];
	uint32_t count;
	char key[PROVISION_KEY_MAX + 1];
	uint32_t key_n;
	struct arena text;
};

static bool kind_of(enum provision_kind *kind, struct api_reply *out, const struct api_request *q)
{
	if (provision_kind_of(kind, q->args[0])) return true;
	api_fail(out, 404, NULL, "there is no kind \"%.*s\"; GET /v1/office lists the kinds", STR_FMT(q->args[0]));
	return false;
}

static void fail_by(struct api_reply *out, const struct provision_answer *p)
{
	// 404 is for the object asked for; one that a field names is the body's mistake.
	uint32_t status = p->err == ERR_NOT_FOUND && p->field[0] ? 400 : api_status_of(p->err);
	api_fail(out, status, p->field, "%s", p->why[0] ? p->why : err_text(p->err));
}

// ---- JSON to fields ----

static bool fields_init(struct fields *f, struct api_reply *out)
{
	*f = (struct fields){ 0 };
	if (arena_init(&f->text, PROVISION_FIELDS_MAX * PROVISION_VALUE_MAX) == OK) return true;
	api_fail(out, 500, NULL, "no memory");
	return false;
}

static void put_scalar(struct buf *b, const json_t *value)
{
	if (json_is_string(value)) put(b, (struct str){ json_string_value(value), (uint32_t)json_string_length(value) });
	else if (json_is_integer(value)) put_fmt(b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value)) put_z(b, json_is_true(value) ? "yes" : "no");
	else if (!json_is_null(value)) b->err = ERR_BAD;
}

// The value as provision's text, in the arena; false: it is none that a field could have.
static bool value_text(struct str *out, struct arena *text, const json_t *value)
{
	struct buf b = buf_on(text->p + text->n, text->cap - text->n);
	const json_t *member;
	size_t i;
	if (!json_is_array(value)) put_scalar(&b, value);
	else json_array_foreach(value, i, member) {
		if (i) put_c(&b, ',');
		put_scalar(&b, member);
	}
	*out = buf_str(&b);
	text->n += b.n;
	return b.err == OK;
}

// Part of the key, when the object is added: the parts come in the order of the fields, parted by "/".
static void add_key_part(struct fields *f, struct str value)
{
	struct buf b = buf_on(f->key, PROVISION_KEY_MAX);
	b.n = f->key_n;
	if (f->key_n) put_c(&b, '/');
	put(&b, value);
	f->key_n = b.n;
}

static bool body_fields(struct fields *f, struct api_reply *out, enum provision_kind kind, const json_t *body)
{
	const char *name;
	const json_t *value;
	if (!json_is_object(body)) {
		api_fail(out, 400, NULL, "the body must be a JSON object of fields");
		return false;
	}
	json_object_foreach((json_t *)(uintptr_t)body, name, value) {
		const struct provision_field *field = provision_field(kind, str_from(name));
		struct str text;
		if (f->count == PROVISION_FIELDS_MAX || !value_text(&text, &f->text, value)) {
			api_fail(out, 400, name, f->count == PROVISION_FIELDS_MAX ? "too many fields" : "is too long, or no text");
			return false;
		}
		if (!field || !(field->flags & PROVISION_KEY))
			f->pairs[f->count++] = (struct provision_pair){ str_from(name), text };
	}
	return true;
}

// The key of an object to be added, from the fields that are parts of it.
static bool body_key(struct fields *f, struct api_reply *out, enum provision_kind kind, const json_t *body)
{
	uint32_t count;
	const struct provision_field *fields = provision_fields(kind, &count);
	for (uint32_t i = 0; i < count && fields[i].flags & PROVISION_KEY; i++) {
		struct str text;
		const json_t *value = json_object_get(body, fields[i].name);
		if (!value || !value_text(&text, &f->text, value) || text.n == 0) {
			api_fail(out, 400, fields[i].name, "must be given: it is part of the key");
			return false;
		}
		add_key_part(f, text);
	}
	return true;
}

static struct provision_request request_of(const struct api_request *q, enum provision_kind kind, struct str key,
                                           const struct fields *f)
{
	return (struct provision_request){ .kind = kind, .key = key, .pairs = f ? f->pairs : NULL,
	                                   .pair_count = f ? f->count : 0, .who = q->who, .wall_ms = q->wall_ms };
}

// ---- Changing ----

static void answer_change(struct api_reply *out, const struct provision_answer *answer)
{
	if (answer->err != OK) fail_by(out, answer);
	else *out = (struct api_reply){ .status = 200, .json = json_pack("{s:I}", "version", (json_int_t)answer->version) };
}

void api_office_add(struct api_reply *out, struct api *a, const struct api_request *q)
{
	enum provision_kind kind;
	struct fields f;
	struct provision_answer answer;
	if (!kind_of(&kind, out, q) || !fields_init(&f, out)) return;
	if (body_fields(&f, out, kind, q->body) && body_key(&f, out, kind, q->body)) {
		struct provision_request request = request_of(q, kind, (struct str){ f.key, f.key_n }, &f);
		provision_add(&answer, a->provision, &request);
		answer_change(out, &answer);
		if (answer.err == OK) {
			out->status = 201;
			json_object_set_new(out->json, "key", api_text(request.key));
			if (answer.password[0]) json_object_set_new(out->json, "password", json_string(answer.password));
		}
	}
	arena_fini(&f.text);
}

void api_office_set(struct api_reply *out, struct api *a, const struct api_request *q)
{
	enum provision_kind kind;
	struct fields f;
	struct provision_answer answer;
	if (!kind_of(&kind, out, q) || !fields_init(&f, out)) return;
	if (body_fields(&f, out, kind, q->body)) {
		struct provision_request request = request_of(q, kind, q->args[1], &f);
		provision_set(&answer, a->provision, &request);
		answer_change(out, &answer);
	}
	arena_fini(&f.text);
}

void api_office_remove(struct api_reply *out, struct api *a, const struct api_request *q)
{
	enum provision_kind kind;
	struct provision_answer answer;
	if (!kind_of(&kind, out, q)) return;
	struct provision_request request = request_of(q, kind, q->args[1], NULL);
	provision_remove(&answer, a->provision, &request);
	answer_change(out, &answer);
}

// ---- Showing ----

struct page {
	json_t *items;       // or NULL: only one object is wanted, in `last`
	json_t *last;
	char key[PROVISION_KEY_MAX + 1]; // of the last row
	uint32_t key_n, limit;
	bool more; // there is a row past the limit
};

static json_t *row_json(const struct provision_row *row)
{
	uint32_t cap = PROVISION_FIELDS_MAX * (PROVISION_VALUE_MAX * 6 + 64); // every octet escaped
	char *text = malloc(cap);
	if (!text) return NULL;
	struct buf b = buf_on(text, cap);
	put_provision_json(&b, row);
	json_t *json = b.err == OK ? json_loadb(text, b.n, 0, NULL) : NULL;
	free(text);
	return json;
}

static enum err page_add(void *self, const struct provision_row *row)
{
	struct page *page = self;
	if (page->items && json_array_size(page->items) == page->limit) {
		page->more = true;
		return OK;
	}
	json_t *json = row_json(row);
	if (!json) return ERR_SYSTEM;
	if (!page->items) {
		page->last = json;
		return OK;
	}
	struct buf key = buf_on(page->key, PROVISION_KEY_MAX);
	put_provision_key(&key, row);
	page->key_n = key.n;
	return json_array_append_new(page->items, json) == 0 ? OK : ERR_SYSTEM;
}

void api_office_show(struct api_reply *out, struct api *a, const struct api_request *q)
{
	enum provision_kind kind;
	struct page page = { 0 };
	struct provision_answer answer;
	if (!kind_of(&kind, out, q)) return;
	provision_show(&answer, a->provision, kind, q->args[1], page_add, &page);
	if (answer.err != OK) fail_by(out, &answer);
	else *out = (struct api_reply){ .status = 200, .json = page.last };
	if (answer.err == OK && kind == PROVISION_TRUNK) // the one thing of it that lives
		json_object_set_new(out->json, "registered", api_trunk_registered(a, q->args[1]));
}

// The query without what the page itself takes.
static uint32_t filters_of(struct provision_pair *out, const struct api_request *q)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < q->query_count; i++) {
		struct str name = q->query[i].name;
		if (!str_eq(name, STR("limit")) && !str_eq(name, STR("after"))) out[n++] = q->query[i];
	}
	return n;
}

void api_office_list(struct api_reply *out, struct api *a, const struct api_request *q)
{
	enum provision_kind kind;
	struct provision_pair filters[API_QUERY_MAX];
	struct page page = { 0 };
	struct provision_answer answer;
	if (!kind_of(&kind, out, q)) return;
	if (!api_query_u32(&page.limit, out, q, "limit", API_PAGE_DEFAULT, API_PAGE_MAX)) return;
	struct provision_query query = { .kind = kind, .filters = filters, .filter_count = filters_of(filters, q),
	                                 .after = api_query(q, "after"), .limit = page.limit + 1 };
	page.items = json_array();
	provision_list(&answer, a->provision, &query, page_add, &page);
	if (answer.err != OK) {
		json_decref(page.items);
		fail_by(out, &answer);
		return;
	}
	json_t *next = page.more ? api_text((struct str){ page.key, page.key_n }) : json_null();
	*out = (struct api_reply){ .status = 200, .json = json_pack("{s:o,s:o}", "items", page.items, "next", next) };
}

static json_t *field_json(const struct provision_field *f)
{
	static const struct { uint8_t flag; const char *name; } flags[] = {
		{ PROVISION_KEY, "key" }, { PROVISION_REQUIRED, "required" }, { PROVISION_SETTABLE, "settable" },
		{ PROVISION_SECRET, "secret" }, { PROVISION_FILTER, "filter" },
	};
	static const char *const types[] = { "text", "word", "number", "yes-no", "choice", "e164", "reference", "password",
		                                 "peers", "networks", "references" };
	json_t *out = json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:I,s:I}", "name", f->name, "type", types[f->type], "help", f->help,
	                        "preset", f->preset, "choices", f->choices, "min", (json_int_t)f->min, "max",
	                        (json_int_t)f->max);
	if (f->type == PROVISION_REF || f->type == PROVISION_REFS)
		json_object_set_new(out, "refers", json_string(provision_kind_name(f->ref)));
	for (uint32_t i = 0; i < ARRAY_LEN(flags); i++)
		json_object_set_new(out, flags[i].name, json_boolean(f->flags & flags[i].flag));
	return out;
}

void api_office_kinds(struct api_reply *out, struct api *a, const struct api_request *q)
{
	(void)a;
	(void)q;
	json_t *kinds = json_array();
	for (uint32_t k = 0; k < PROVISION_KIND_COUNT; k++) {
		uint32_t count;
		const struct provision_field *fields = provision_fields(k, &count);
		json_t *list = json_array();
		for (uint32_t i = 0; i < count; i++) json_array_append_new(list, field_json(&fields[i]));
		json_array_append_new(kinds, json_pack("{s:s,s:s,s:b,s:b,s:o}", "kind", provision_kind_name(k), "help",
		                                       provision_kind_help(k), "can_add", provision_kind_can_add(k), "can_set",
		                                       provision_kind_can_set(k), "fields", list));
	}
	*out = (struct api_reply){ .status = 200, .json = json_pack("{s:o}", "kinds", kinds) };
}
