// Messages and subscriptions in records.db.
#include "keep/line_state.h"

#include "keep/cdr_db.h"

#include <stdlib.h>

#define COLUMNS "watcher, watched, local_cseq, remote_cseq, loose, peer, listener, text, tag, expires"

struct line_state_store {
	struct store_db db;
};

enum err line_state_open(struct line_state_store **out, const char *path, struct store_fault *fault)
{
	struct line_state_store *s = calloc(1, sizeof *s);
	*out = NULL;
	if (!s) return ERR_FULL;
	enum err err = cdr_db_open(&s->db, path, fault);
	if (err == OK) *out = s;
	else free(s);
	return err;
}

struct line_state_store *line_state_close(struct line_state_store *s)
{
	if (s) store_db_close(&s->db);
	free(s);
	return NULL;
}

static enum err finish(struct line_state_store *s, enum err err)
{
	if (err == OK) err = store_run(&s->db, "COMMIT");
	if (err != OK && store_run(&s->db, "ROLLBACK") != OK) return err; // SQLite may have done it
	return err;
}

// ---- Messages -------------------------------------------------------------------------------------------------------

enum err line_state_restore_messages(struct line_state_store *s, struct waiting_table *to)
{
	struct store_query q = store_ask(&s->db, "SELECT line, fresh, old, fresh_urgent, old_urgent FROM message_waiting");
	uint32_t line = 0;
	while (store_next(&q)) {
		uint32_t of = (uint32_t)store_get_u64(&q);
		struct waiting w = { .fresh = (uint16_t)store_get_u64(&q) };
		w.old = (uint16_t)store_get_u64(&q);
		w.fresh_urgent = (uint16_t)store_get_u64(&q);
		w.old_urgent = (uint16_t)store_get_u64(&q);
		waiting_set(to, of, w);
	}
	while (waiting_next_changed(to, &line)) continue; // it stands in the store already
	return store_end(&q);
}

static enum err save_messages(struct line_state_store *s, uint32_t line, struct waiting w)
{
	struct store_query q = store_ask(&s->db, "INSERT OR REPLACE INTO message_waiting"
	                                         " (line, fresh, old, fresh_urgent, old_urgent) VALUES (?, ?, ?, ?, ?)");
	store_bind_u64(&q, line);
	store_bind_u64(&q, w.fresh);
	store_bind_u64(&q, w.old);
	store_bind_u64(&q, w.fresh_urgent);
	store_bind_u64(&q, w.old_urgent);
	return store_finish(&q);
}

enum err line_state_save_messages(struct line_state_store *s, struct waiting_table *from)
{
	uint32_t lines[256], line = 0;
	for (;;) {
		uint32_t count = 0;
		while (count < ARRAY_LEN(lines) && waiting_next_changed(from, &line)) lines[count++] = line;
		if (count == 0) return OK;
		enum err err = store_run(&s->db, "BEGIN IMMEDIATE");
		for (uint32_t i = 0; i < count && err == OK; i++) err = save_messages(s, lines[i], waiting_get(from, lines[i]));
		err = finish(s, err);
		if (err == OK) continue;
		for (uint32_t i = 0; i < count; i++) waiting_mark_changed(from, lines[i]);
		return err;
	}
}

// ---- Subscriptions --------------------------------------------------------------------------------------------------

static enum err forget(struct line_state_store *s, const struct kept_subscription *row)
{
	struct store_query q = store_ask(&s->db, "DELETE FROM subscription WHERE tag = ?");
	store_bind_str(&q, str_from(row->tag));
	return store_finish(&q);
}

static enum err save(struct line_state_store *s, const struct env *env, const struct kept_subscription *row)
{
	char text[64];
	struct buf peer = buf_on(text, sizeof text);
	put_transport_addr(&peer, &row->peer);
	struct store_query q = store_ask(&s->db, "INSERT OR REPLACE INTO subscription (" COLUMNS ")"
	                                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	store_bind_u64(&q, row->watcher);
	store_bind_u64(&q, row->watched);
	store_bind_u64(&q, row->local_cseq);
	store_bind_u64(&q, row->remote_cseq);
	store_bind_u64(&q, row->first_route_loose);
	store_bind_str(&q, buf_str(&peer));
	store_bind_u64(&q, row->listener);
	store_bind_str(&q, (struct str){ row->text, row->text_n });
	store_bind_str(&q, str_from(row->tag));
	store_bind_u64(&q, env->wall_ms + (row->expires_ms - env->now_ms));
	return store_finish(&q);
}

enum err line_state_save_subscriptions(struct line_state_store *s, const struct env *env,
                                       const struct kept_subscription *rows, uint32_t count)
{
	enum err err = store_run(&s->db, "BEGIN IMMEDIATE");
	if (err != OK) return err;
	for (uint32_t i = 0; i < count && err == OK; i++)
		err = rows[i].over ? forget(s, &rows[i]) : save(s, env, &rows[i]);
	return finish(s, err);
}

// Takes the columns; false: it is damaged.
static bool take_row(struct kept_subscription *row, struct store_query *q, const struct env *env, uint64_t longest_ms)
{
	*row = (struct kept_subscription){ .watcher = (uint32_t)store_get_u64(q) };
	row->watched = (uint32_t)store_get_u64(q);
	row->local_cseq = (uint32_t)store_get_u64(q);
	row->remote_cseq = (uint32_t)store_get_u64(q);
	row->first_route_loose = store_get_u64(q);
	bool sound = transport_addr_parse(&row->peer, store_get_str(q)) == OK;
	row->listener = (uint16_t)store_get_u64(q);
	struct str text = store_get_str(q);
	sound &= text.n <= sizeof row->text;
	if (sound) memcpy(row->text, text.p, text.n);
	row->text_n = sound ? (uint16_t)text.n : 0;
	sound &= str_to_z(row->tag, sizeof row->tag, store_get_str(q));
	// A clock that was set back meanwhile must not make it last longer than any can.
	uint64_t left_ms = store_get_u64(q) - env->wall_ms;
	row->expires_ms = env->now_ms + (left_ms < longest_ms ? left_ms : longest_ms);
	return sound;
}

enum err line_state_restore_subscriptions(struct line_state_store *s, const struct env *env, uint64_t longest_ms,
                                          line_state_visit *visit, void *self)
{
	struct kept_subscription row;
	struct store_query q = store_ask(&s->db, "SELECT " COLUMNS " FROM subscription WHERE expires > ?");
	store_bind_u64(&q, env->wall_ms);
	while (store_next(&q))
		if (take_row(&row, &q, env, longest_ms)) visit(self, &row);
	enum err err = store_end(&q);
	if (err != OK) return err;
	q = store_ask(&s->db, "DELETE FROM subscription WHERE expires <= ?");
	store_bind_u64(&q, env->wall_ms);
	return store_finish(&q);
}

// ---- Reports --------------------------------------------------------------------------------------------------------

static enum err save_report(struct line_state_store *s, const struct quality_report *r)
{
	const struct record_heard *h = &r->heard;
	const uint16_t figures[] = { h->mos_lq, h->mos_cq, h->loss, h->discard, h->round_trip_ms, h->delay_ms, h->jitter_ms };
	struct store_query q = store_ask(&s->db, "INSERT OR REPLACE INTO quality_report (line, call_id, at, mos_lq, mos_cq,"
		" loss, discard, round_trip_ms, delay_ms, jitter_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	store_bind_u64(&q, r->line);
	store_bind_str(&q, str_from(r->call_id));
	store_bind_u64(&q, r->wall_ms);
	for (uint32_t i = 0; i < ARRAY_LEN(figures); i++) {
		if (figures[i]) store_bind_u64(&q, figures[i] - 1u);
		else store_bind_null(&q);
	}
	return store_finish(&q);
}

enum err line_state_save_reports(struct line_state_store *s, const struct quality_report *rows, uint32_t count)
{
	enum err err = store_run(&s->db, "BEGIN IMMEDIATE");
	if (err != OK) return err;
	for (uint32_t i = 0; i < count && err == OK; i++) err = save_report(s, &rows[i]);
	return finish(s, err);
}
