// Call detail records over HTTP: the newest ones or a page as JSON, all that are asked for as a stream of text.
#include "run/api_cdr.h"

#include "keep/cdr.h"
#include "keep/cdr_text.h"
#include "run/api_json.h"
#include "run/api_read.h"

#include <stdlib.h>
#include <time.h>

#define LOADED_WAIT_MS 500
#define LOADED_POLL_MS 10

// Records reach the store a moment after they are on disk: who asks waits for those that were on disk when he asked, so
// that a call that has just ended is there.
static void wait_until_loaded(struct api *a)
{
	const struct cdr_filter newest = { .newest_first = true, .limit = 1 };
	struct control_status status;
	struct call_record last;
	if (a->control.ops->status(a->control.self, &status) != OK) return;
	for (uint32_t waited_ms = 0; waited_ms < LOADED_WAIT_MS; waited_ms += LOADED_POLL_MS) {
		enum err e = cdr_find(a->cdrs, &newest, &last);
		if (status.cdr_sequence == 0 || (e == OK && last.sequence >= status.cdr_sequence)) return;
		nanosleep(&(struct timespec){ .tv_nsec = LOADED_POLL_MS * 1000000 }, NULL);
	}
}

enum err api_cdr_of_call(struct api *a, uint64_t call, struct call_record *out)
{
	const struct cdr_filter filter = { .call = call, .newest_first = true, .limit = 1 };
	wait_until_loaded(a);
	return cdr_find(a->cdrs, &filter, out);
}

void api_cdr_show(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct cdr_filter filter = { .limit = 1 };
	struct call_record record;
	if (str_to_u64(&filter.sequence, q->args[0], INT64_MAX) != OK || filter.sequence == 0) {
		api_fail(out, 400, "sequence", "\"%.*s\" is not the number of a record", STR_FMT(q->args[0]));
		return;
	}
	wait_until_loaded(a);
	enum err e = cdr_find(a->cdrs, &filter, &record);
	if (e != OK) {
		api_fail(out, api_status_of(e), NULL, "%s", e == ERR_NOT_FOUND ? "no record has this number" : err_text(e));
		return;
	}
	out->status = 200;
	out->json = api_record(a, &record);
	json_object_set_new(out->json, "trail", api_trail(a, &record));
	json_object_set_new(out->json, "ladder", api_ladder(a, &record));
}

// ---- What is asked for ----

static bool time_of(uint64_t *ms, struct api_reply *out, const struct api_request *q, const char *name)
{
	struct str text = api_query(q, name);
	if (text.n == 0 || api_time_parse(ms, text)) return true;
	api_fail(out, 400, name, "must be a time such as 2026-01-31 or 2026-01-31T12:00:00Z, not \"%.*s\"", STR_FMT(text));
	return false;
}

static bool filter_of(struct cdr_filter *f, struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct str after = api_query(q, "after");
	*f = (struct cdr_filter){ .number = api_query(q, "number") };
	if (!api_line_id(&f->line, out, a, api_query(q, "line"))) return false;
	if (!api_trunk_id(&f->trunk_group, out, a, api_query(q, "trunk"))) return false;
	if (!time_of(&f->since_wall_ms, out, q, "from") || !time_of(&f->until_wall_ms, out, q, "to")) return false;
	if (after.n && str_to_u64(&f->after, after, INT64_MAX) != OK) {
		api_fail(out, 400, "after", "must be the number of a record, not \"%.*s\"", STR_FMT(after));
		return false;
	}
	return true;
}

// ---- A page ----

// The rows of a walk, in the order of their numbers.
static json_t *rows_json(const struct api *a, struct cdr_walk *walk, const struct cdr_filter *f, uint64_t *last)
{
	json_t *rows = json_array();
	struct call_record record;
	while (json_array_size(rows) < f->limit && cdr_next(walk, &record) == OK) {
		json_t *row = api_record(a, &record);
		if (f->newest_first) json_array_insert_new(rows, 0, row);
		else json_array_append_new(rows, row);
		*last = record.sequence;
	}
	return rows;
}

static void answer_page(struct api_reply *out, struct api *a, const struct api_request *q, struct cdr_filter *f)
{
	struct call_record more;
	uint64_t last = 0;
	enum err e = OK;
	uint32_t limit;
	if (!api_query_u32(&limit, out, q, "limit", API_PAGE_DEFAULT, API_PAGE_MAX)) return;
	f->newest_first = api_query(q, "after").n == 0; // the newest, unless he walks through them all
	f->limit = limit;
	struct cdr_filter one_more = *f;
	one_more.limit++;
	struct cdr_walk *walk = cdr_walk_new(a->cdrs, &one_more, &e);
	if (!walk) {
		api_fail(out, api_status_of(e), NULL, "the records cannot be read: %s", err_text(e));
		return;
	}
	json_t *rows = rows_json(a, walk, f, &last);
	bool next = !f->newest_first && cdr_next(walk, &more) == OK;
	cdr_walk_free(walk);
	out->status = 200;
	out->json = json_pack("{s:o,s:o}", "cdrs", rows, "next", next ? json_integer((json_int_t)last) : json_null());
}

// ---- A stream ----

struct export {
	struct api_stream stream; // first: it is one
	struct cdr_store *store;  // owned: a connection of its own, for the walk takes as long as the reader does
	struct cdr_walk *walk;    // owned
	const struct api *api;
	enum cdr_format format;
	bool begun, ended;
};

static enum err export_read(struct api_stream *stream, struct buf *out)
{
	struct export *x = (struct export *)(void *)stream;
	struct trail_names names = api_trail_names(x->api);
	struct call_record record;
	enum err e = OK;
	if (!x->begun) put_cdr_head(out, x->format);
	x->begun = true;
	while (!x->ended && out->cap - out->n >= CDR_ROW_MAX && (e = cdr_next(x->walk, &record)) == OK)
		put_cdr(out, x->format, &record, &names);
	x->ended = x->ended || e != OK;
	return e == ERR_NOT_FOUND ? out->err : e;
}

static void export_free(struct api_stream *stream)
{
	struct export *x = (struct export *)(void *)stream;
	cdr_walk_free(x->walk);
	cdr_close(x->store);
	free(x);
}

static void answer_stream(struct api_reply *out, struct api *a, const struct cdr_filter *f, enum cdr_format format)
{
	struct store_fault fault = { "" };
	enum err e = ERR_SYSTEM;
	struct export *x = calloc(1, sizeof *x);
	if (x) {
		x->stream = (struct api_stream){ .read = export_read, .free = export_free };
		x->api = a;
		x->format = format;
		e = cdr_open(&x->store, a->records_path, &fault);
		if (e == OK) x->walk = cdr_walk_new(x->store, f, &e);
	}
	if (!x || !x->walk) {
		api_fail(out, api_status_of(e), NULL, "the records cannot be read: %s", fault.why[0] ? fault.why : err_text(e));
		if (x) export_free(&x->stream);
		return;
	}
	out->status = 200;
	out->type = format == CDR_CSV ? "text/csv" : format == CDR_JSON ? "application/jsonl" : "text/plain; charset=utf-8";
	out->stream = &x->stream;
}

void api_cdrs(struct api_reply *out, struct api *a, const struct api_request *q)
{
	static const struct { const char *name; enum cdr_format format; } formats[] = {
		{ "csv", CDR_CSV }, { "jsonl", CDR_JSON }, { "text", CDR_TABLE },
	};
	struct str format = api_query(q, "format");
	struct cdr_filter filter;
	if (!filter_of(&filter, out, a, q)) return;
	wait_until_loaded(a);
	if (format.n == 0 || str_eq(format, STR("json"))) {
		answer_page(out, a, q, &filter);
		return;
	}
	for (uint32_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (!str_eq(format, str_from(formats[i].name))) continue;
		if (api_query_u32(&filter.limit, out, q, "limit", 0, UINT32_MAX))
			answer_stream(out, a, &filter, formats[i].format);
		return;
	}
	api_fail(out, 400, "format", "must be json, jsonl, csv or text, not \"%.*s\"", STR_FMT(format));
}
