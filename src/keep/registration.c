// Registrations in records.db: a line's rows are replaced whole when it changed.
#include "keep/registration.h"

#include "base/bug.h"
#include "keep/cdr_db.h"

#include <stdlib.h>

#define TABLE "registration"
#define COLUMNS "line, contact, call_id, instance, user_agent, peer, listener, q, cseq, expires, since"
#define LINES_AT_ONCE 1024 // in one transaction
#define TEXTS_MAX (LOCATION_CONTACT_MAX + LOCATION_CALL_ID_MAX + LOCATION_INSTANCE_MAX + LOCATION_AGENT_MAX)

struct registration_store {
	struct store_db db;
	uint32_t at; // the line that was saved last: all have their turn
};

enum err registration_open(struct registration_store **out, const char *path, struct store_fault *fault)
{
	struct registration_store *s = calloc(1, sizeof *s);
	*out = NULL;
	if (!s) return ERR_FULL;
	enum err err = cdr_db_open(&s->db, path, fault);
	if (err == OK) *out = s;
	else free(s);
	return err;
}

struct registration_store *registration_close(struct registration_store *s)
{
	if (s) store_db_close(&s->db);
	free(s);
	return NULL;
}

// ---- Restoring ------------------------------------------------------------------------------------------------------

struct restoring { // one line's rows, gathered
	struct location *to;
	const struct office *office;
	const struct env *env;
	uint32_t workers, line, count, restored;
	struct binding bindings[LOCATION_BINDINGS_MAX];
	char text[LOCATION_BINDINGS_MAX * TEXTS_MAX]; // what the bindings' slices point into
	struct buf texts;
};

static struct str keep_text(struct restoring *r, struct str text)
{
	uint32_t at = r->texts.n;
	put(&r->texts, text);
	return (struct str){ r->text + at, r->texts.n - at };
}

static enum err put_line(struct restoring *r)
{
	const struct office_line *line = r->count ? office_line(r->office, r->line) : NULL;
	enum err err = OK;
	if (line) err = location_put(r->to, r->line, live_home(str_from(line->name), r->workers), r->bindings, r->count);
	if (line && err == OK) r->restored += r->count;
	r->count = 0;
	r->texts = buf_on(r->text, sizeof r->text);
	return err;
}

// Takes the columns after the line.
static void take_row(struct restoring *r, struct store_query *q)
{
	struct binding b = { 0 };
	b.contact = keep_text(r, store_get_str(q));
	b.call_id = keep_text(r, store_get_str(q));
	b.instance = keep_text(r, store_get_str(q));
	b.user_agent = keep_text(r, store_get_str(q));
	bool sound = transport_addr_parse(&b.peer, store_get_str(q)) == OK && r->texts.err == OK;
	b.listener = (uint16_t)store_get_u64(q);
	b.q = (uint16_t)store_get_u64(q);
	b.cseq = (uint32_t)store_get_u64(q);
	// A clock that was set back meanwhile must not make it last longer than any can.
	uint64_t left_ms = store_get_u64(q) - r->env->wall_ms;
	uint64_t most_ms = office_rules(r->office)->settings.register_max_s * 1000ull;
	b.expires_ms = r->env->now_ms + (left_ms < most_ms ? left_ms : most_ms);
	b.since_wall_ms = store_get_u64(q);
	if (addr_is_stream(&b.peer)) sound = false; // its connection ended with us
	if (BUG(registration_lost) && r->line % 4 == 1) sound = false;
	if (sound && r->count < LOCATION_BINDINGS_MAX) r->bindings[r->count++] = b;
}

static enum err restore_rows(struct registration_store *s, struct restoring *r)
{
	struct store_query q =
		store_ask(&s->db, "SELECT " COLUMNS " FROM " TABLE " WHERE expires > ? ORDER BY line, rowid");
	enum err put_err = OK;
	store_bind_u64(&q, r->env->wall_ms);
	while (put_err == OK && store_next(&q)) {
		uint32_t line = (uint32_t)store_get_u64(&q);
		if (line != r->line) put_err = put_line(r);
		r->line = line;
		take_row(r, &q);
	}
	if (put_err == OK) put_err = put_line(r);
	enum err err = store_end(&q);
	return err != OK ? err : put_err;
}

enum err registration_restore(struct registration_store *s, struct location *to, const struct office *office,
                              uint32_t workers, const struct env *env, uint32_t *count)
{
	struct restoring *r = calloc(1, sizeof *r);
	uint32_t line = 0;
	*count = 0;
	if (!r) return ERR_FULL;
	*r = (struct restoring){ .to = to, .office = office, .env = env, .workers = workers };
	r->texts = buf_on(r->text, sizeof r->text);
	enum err err = restore_rows(s, r);
	*count = r->restored;
	free(r);
	if (err != OK) return err;
	while (location_next_changed(to, &line)) continue; // it stands in the store already
	struct store_query q = store_ask(&s->db, "DELETE FROM " TABLE " WHERE expires <= ?");
	store_bind_u64(&q, env->wall_ms);
	return store_finish(&q);
}

// ---- Saving ---------------------------------------------------------------------------------------------------------

static enum err save_binding(struct registration_store *s, uint32_t line, const struct binding *b,
                             const struct env *env)
{
	char text[64];
	struct buf peer = buf_on(text, sizeof text);
	put_transport_addr(&peer, &b->peer);
	struct store_query q =
		store_ask(&s->db, "INSERT INTO " TABLE " (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	store_bind_u64(&q, line);
	store_bind_str(&q, b->contact);
	store_bind_str(&q, b->call_id);
	store_bind_str(&q, b->instance);
	store_bind_str(&q, b->user_agent);
	store_bind_str(&q, buf_str(&peer));
	store_bind_u64(&q, b->listener);
	store_bind_u64(&q, b->q);
	store_bind_u64(&q, b->cseq);
	store_bind_u64(&q, env->wall_ms + (b->expires_ms - env->now_ms));
	store_bind_u64(&q, b->since_wall_ms);
	return store_finish(&q);
}

static enum err save_line(struct registration_store *s, const struct location *from, const struct env *env,
                          uint32_t line)
{
	struct binding now[LOCATION_BINDINGS_MAX];
	uint32_t count = location_get(from, line, env->now_ms, now, LOCATION_BINDINGS_MAX);
	struct store_query q = store_ask(&s->db, "DELETE FROM " TABLE " WHERE line = ?");
	store_bind_u64(&q, line);
	enum err err = store_finish(&q);
	for (uint32_t i = 0; i < count && err == OK; i++) err = save_binding(s, line, &now[i], env);
	return err;
}

static enum err save_lines(struct registration_store *s, const struct location *from, const struct env *env,
                           const uint32_t *lines, uint32_t count)
{
	enum err err = store_run(&s->db, "BEGIN IMMEDIATE");
	if (err != OK) return err;
	for (uint32_t i = 0; i < count && err == OK; i++) err = save_line(s, from, env, lines[i]);
	if (err == OK) err = store_run(&s->db, "COMMIT");
	if (err != OK && store_run(&s->db, "ROLLBACK") != OK) return err; // SQLite may have done it
	return err;
}

enum err registration_save(struct registration_store *s, struct location *from, const struct env *env, uint32_t max,
                           uint32_t *count)
{
	uint32_t lines[LINES_AT_ONCE];
	*count = 0;
	// To the end of the lines and once more from their beginning: so all have their turn, and nothing that had changed
	// before is left out.
	for (uint32_t passes = 0; passes < 2 && *count < max;) {
		uint32_t most = max - *count < LINES_AT_ONCE ? max - *count : LINES_AT_ONCE, n = 0;
		while (n < most && location_next_changed(from, &s->at)) lines[n++] = s->at;
		if (n < most) {
			s->at = 0;
			passes++;
		}
		enum err err = n ? save_lines(s, from, env, lines, n) : OK;
		for (uint32_t i = 0; i < n && err != OK; i++) location_mark_changed(from, lines[i]);
		if (err != OK) return err;
		*count += n;
	}
	return OK;
}
