// CDRs in the store: put by the loader, asked for by the control thread.
#include "keep/cdr.h"

#include "keep/cdr_column.h"
#include "keep/cdr_core.h"

#include <stdlib.h>

#define SQL_NAME(name, kind, member) #name ", "
#define SQL_MARK(name, kind, member) "?, "
#define SELECT "SELECT " CDR_COLUMNS(SQL_NAME) CDR_HEARD_COLUMNS(SQL_NAME) "trail, ladder FROM cdr"

enum err cdr_open(struct cdr_store **out, const char *path, struct store_fault *fault)
{
	struct cdr_store *s = calloc(1, sizeof *s);
	*out = NULL;
	if (!s) return ERR_FULL;
	enum err err = cdr_db_open(&s->db, path, fault);
	if (err == OK) *out = s;
	else free(s);
	return err;
}

struct cdr_store *cdr_close(struct cdr_store *s)
{
	if (s) store_db_close(&s->db);
	free(s);
	return NULL;
}

// ---- Putting --------------------------------------------------------------------------------------------------------

enum err cdr_put(struct cdr_store *s, const struct call_record *r)
{
	char text[RECORD_TEXT_MAX + 64];
	uint32_t count;
	const struct cdr_column *columns = cdr_columns(&count);
	struct store_query q = store_ask(&s->db, "INSERT INTO call_record (" CDR_COLUMNS(SQL_NAME)
	                                         "trail, ladder) VALUES (" CDR_COLUMNS(SQL_MARK) "?, ?)");
	for (uint32_t i = 0; i < CDR_KEPT_COLUMNS; i++) {
		struct buf b = buf_on(text, sizeof text);
		if (cdr_column_is_text(&columns[i])) {
			put_cdr_column(&b, &columns[i], r);
			store_bind_str(&q, buf_str(&b));
		} else {
			store_bind_u64(&q, cdr_column_uint(&columns[i], r));
		}
	}
	store_bind_octets(&q, r->trail, r->trail_n * (uint32_t)sizeof r->trail[0]);
	store_bind_octets(&q, r->ladder, r->ladder_n * (uint32_t)sizeof r->ladder[0]);
	return store_finish(&q);
}

// ---- Asking ---------------------------------------------------------------------------------------------------------

struct cdr_walk {
	struct store_query query;
	bool ended;
};

// One condition of a filter, when it is asked for.
struct condition {
	const char *sql;
	uint32_t times; // how often the value stands in it
	uint64_t value;
};

enum { CONDITIONS = 7 };

static void conditions_of(struct condition out[CONDITIONS], const struct cdr_filter *f)
{
	const struct condition all[CONDITIONS] = {
		{ "began >= ?", 1, f->since_wall_ms },
		{ "began < ?", 1, f->until_wall_ms },
		{ "((o_line <> 0 AND o_line = ?) OR (t_line <> 0 AND t_line = ?))", 2, f->line },
		{ "(o_trunk_group = ? OR t_trunk_group = ?)", 2, f->trunk_group },
		{ "call = ?", 1, f->call },
		{ "sequence > ?", 1, f->after },
		{ "sequence = ?", 1, f->sequence },
	};
	memcpy(out, all, sizeof all);
}

static void put_select(struct buf *b, const struct cdr_filter *f)
{
	struct condition conditions[CONDITIONS];
	const char *word = " WHERE ";
	conditions_of(conditions, f);
	put_z(b, SELECT);
	for (uint32_t i = 0; i < CONDITIONS; i++) {
		if (conditions[i].value == 0) continue;
		put_z(b, word);
		put_z(b, conditions[i].sql);
		word = " AND ";
	}
	if (f->number.n) put_fmt(b, "%s(o_number = ? OR called = ? OR dialled = ?)", word);
	put_fmt(b, " ORDER BY sequence%s", f->newest_first ? " DESC" : "");
	if (f->limit) put_fmt(b, " LIMIT %u", f->limit);
	put_c(b, '\0');
}

static void bind_filter(struct store_query *q, const struct cdr_filter *f)
{
	struct condition conditions[CONDITIONS];
	conditions_of(conditions, f);
	for (uint32_t i = 0; i < CONDITIONS; i++)
		for (uint32_t n = 0; conditions[i].value && n < conditions[i].times; n++)
			store_bind_u64(q, conditions[i].value);
	for (uint32_t n = 0; f->number.n && n < 3; n++) store_bind_str(q, f->number);
}

struct cdr_walk *cdr_walk_new(struct cdr_store *s, const struct cdr_filter *filter, enum err *err)
{
	char sql[4096];
	struct buf b = buf_on(sql, sizeof sql);
	struct cdr_walk *w = calloc(1, sizeof *w);
	put_select(&b, filter);
	*err = w ? b.err : ERR_FULL;
	if (*err == OK) {
		w->query = store_ask_once(&s->db, sql);
		bind_filter(&w->query, filter);
		if (w->query.err == OK) return w;
		*err = store_end(&w->query);
	}
	free(w);
	return NULL;
}

struct cdr_walk *cdr_walk_free(struct cdr_walk *w)
{
	if (w && store_end(&w->query) != OK) {} // the last cdr_next has told
	free(w);
	return NULL;
}

// Whole rows of a blob into an array of at most `most`.
static uint32_t get_rows(struct store_query *q, void *out, uint32_t size, uint32_t most)
{
	struct str octets = store_get_str(q);
	uint32_t n = octets.n / size < most ? octets.n / size : most;
	if (n) memcpy(out, octets.p, n * size);
	return n;
}

enum err cdr_next(struct cdr_walk *w, struct call_record *out)
{
	uint32_t count;
	const struct cdr_column *columns = cdr_columns(&count);
	struct store_query *q = &w->query;
	if (w->ended || !store_next(q)) {
		w->ended = true;
		return q->err != OK ? q->err : ERR_NOT_FOUND;
	}
	memset(out, 0, sizeof *out);
	out->kind = RECORD_RELEASE;
	for (uint32_t i = 0; i < count; i++) {
		if (cdr_column_is_text(&columns[i])) cdr_column_set_text(&columns[i], out, store_get_str(q));
		else cdr_column_set_uint(&columns[i], out, store_get_u64(q));
	}
	out->trail_n = get_rows(q, out->trail, sizeof out->trail[0], TRAIL_MAX);
	out->ladder_n = get_rows(q, out->ladder, sizeof out->ladder[0], RECORD_LADDER_MAX);
	return OK;
}

enum err cdr_find(struct cdr_store *s, const struct cdr_filter *filter, struct call_record *out)
{
	enum err err;
	struct cdr_walk *w = cdr_walk_new(s, filter, &err);
	if (!w) return err;
	err = cdr_next(w, out);
	cdr_walk_free(w);
	return err;
}

uint64_t cdr_last_sequence(const char *path)
{
	struct cdr_store *s;
	struct store_fault fault;
	if (cdr_open(&s, path, &fault) != OK) return 0; // who opens it to use it is told why
	struct store_query q = store_ask(&s->db, "SELECT max(sequence) FROM call_record");
	uint64_t last = store_count(&q);
	cdr_close(s);
	return last;
}

uint64_t cdr_count(struct cdr_store *s)
{
	struct store_query q = store_ask(&s->db, "SELECT count(*) FROM call_record");
	return store_count(&q);
}
