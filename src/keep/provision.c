// Transactions around changes: one each, or one for many.
#include "keep/provision_inside.h"

#include <stdlib.h>

#define LASTING_OCTETS (64u << 10) // the SELECTs
#define SCRATCH_OCTETS (1u << 20)  // values and JSON of one operation

static enum err read_realm(struct provision *p)
{
	struct store_query q = store_ask(p->db, "SELECT value FROM office WHERE name = 'realm'");
	bool found = store_next(&q);
	if (found) store_get_z(&q, p->realm, sizeof p->realm);
	enum err err = store_end(&q);
	return err == OK && !found ? ERR_NOT_FOUND : err;
}

enum err provision_new(struct provision **out, struct store *store, struct office *office, provision_entropy *entropy)
{
	struct provision *p = calloc(1, sizeof *p);
	*out = NULL;
	if (!p) return ERR_FULL;
	p->db = store_db_of(store);
	p->office = office;
	p->entropy = entropy;
	enum err err = arena_init(&p->lasting, LASTING_OCTETS);
	if (err == OK) err = arena_init(&p->scratch, SCRATCH_OCTETS);
	if (err == OK) err = provision_make_selects(p);
	if (err == OK) err = read_realm(p);
	if (err != OK) provision_free(p);
	else *out = p;
	return err;
}

struct provision *provision_free(struct provision *p)
{
	if (!p) return NULL;
	provision_abort(p);
	free(p->touched.lines);
	free(p->touched.numbers);
	arena_fini(&p->scratch);
	arena_fini(&p->lasting);
	free(p);
	return NULL;
}

// ---- One change, or one of many -------------------------------------------------------------------------------------

// Of many changes none is made any more once the store gave them all up: the rest alone would be half of them.
static bool bulk_is_lost(struct provision_answer *out, const struct provision *p)
{
	if (!p->in_bulk || store_in_transaction(p->db)) return false;
	provision_fail(out, ERR_SYSTEM, NULL, "the store gave up all changes since the beginning");
	return true;
}

static enum err begin_change(struct provision *p)
{
	return store_run(p->db, p->in_bulk ? "SAVEPOINT change" : "BEGIN IMMEDIATE");
}

static enum err end_change(struct provision *p)
{
	return store_run(p->db, p->in_bulk ? "RELEASE change" : "COMMIT");
}

// Nothing is changed: not in the store (which may have rolled back by itself), and nothing more is to be published.
static void undo_change(struct provision *p, const struct provision_mark *before)
{
	(void)!store_run(p->db, p->in_bulk ? "ROLLBACK TO change; RELEASE change" : "ROLLBACK");
	p->touched.mark = *before;
}

static void publish(struct provision_answer *out, struct provision *p)
{
	enum err err = provision_publish(p);
	if (err == OK) return;
	uint32_t version = out->version;
	provision_fail(out, err, NULL, "it is stored, but takes effect only with the next change: %s", err_text(err));
	out->version = version;
}

static void change(struct provision_answer *out, struct provision *p, enum provision_action action,
                   const struct provision_request *q)
{
	struct provision_mark before = p->touched.mark;
	uint32_t version = p->version;
	arena_reset(&p->scratch);
	if (bulk_is_lost(out, p)) return;
	enum err err = begin_change(p);
	if (err != OK) {
		provision_fail_store(out, p, err, "change the office");
		return;
	}
	bool done = provision_apply(out, p, action, q);
	explicit_bzero(p->scratch.p, p->scratch.n); // a password may be there
	err = done ? end_change(p) : OK;
	if (err != OK) done = provision_fail_store(out, p, err, "keep the change");
	if (!done) {
		p->version = version;
		undo_change(p, &before);
		return;
	}
	out->version = p->version != version ? p->version : 0;
	if (!p->in_bulk) publish(out, p);
}

void provision_add(struct provision_answer *out, struct provision *p, const struct provision_request *q)
{
	change(out, p, PROVISION_ADD, q);
}

void provision_set(struct provision_answer *out, struct provision *p, const struct provision_request *q)
{
	change(out, p, PROVISION_SET, q);
}

void provision_remove(struct provision_answer *out, struct provision *p, const struct provision_request *q)
{
	change(out, p, PROVISION_REMOVE, q);
}

// ---- Features from the phone ----------------------------------------------------------------------------------------

static bool subscribes(struct provision *p, uint32_t line, const char *feature)
{
	struct store_query q = store_ask(p->db, "SELECT count(*) FROM feature WHERE line = ? AND feature = ? "
	                                        "AND subscribed");
	store_bind_u64(&q, line);
	store_bind_str(&q, str_from(feature));
	return store_count(&q) != 0;
}

void provision_set_feature(struct provision_answer *out, struct provision *p, const struct provision_feature_change *q)
{
#define FEATURE_NAME(id, name, help) name,
	static const char *const names[] = { OFFICE_FEATURES(FEATURE_NAME) };
	char key[PROVISION_KEY_MAX], target[OFFICE_DIGITS_MAX + 2];
	struct buf key_text = buf_on(key, sizeof key), target_text = buf_on(target, sizeof target);
	arena_reset(&p->scratch);
	if (q->feature >= FEATURE_COUNT || !subscribes(p, q->line, names[q->feature])) {
		provision_fail(out, ERR_REFUSED, NULL, "the line does not subscribe to the feature");
		return;
	}
	put(&key_text, provision_row_key(p, PROVISION_LINE, q->line));
	put_c(&key_text, '/');
	put_z(&key_text, names[q->feature]);
	put_c(&target_text, '+');
	put(&target_text, q->target);
	if (key_text.err != OK || target_text.err != OK) {
		provision_fail(out, ERR_BAD, "target", "target is too long");
		return;
	}
	const struct provision_pair pairs[] = {
		{ STR("active"), q->active ? STR("yes") : STR("no") },
		{ STR("target"), buf_str(&target_text) },
	};
	change(out, p, PROVISION_SET, &(struct provision_request){ .kind = PROVISION_FEATURE, .key = buf_str(&key_text),
		.pairs = pairs, .pair_count = q->target.n ? 2 : 1, .who = q->who, .wall_ms = q->wall_ms });
}

// ---- Many changes ---------------------------------------------------------------------------------------------------

enum err provision_begin(struct provision *p)
{
	if (p->in_bulk) return ERR_STATE;
	enum err err = store_run(p->db, "BEGIN IMMEDIATE");
	p->in_bulk = err == OK;
	p->version_before = p->version;
	p->mark_before = p->touched.mark;
	return err;
}

void provision_commit(struct provision_answer *out, struct provision *p)
{
	*out = (struct provision_answer){ .version = p->version };
	if (!p->in_bulk) {
		provision_fail(out, ERR_STATE, NULL, "no changes were begun");
		return;
	}
	enum err err = bulk_is_lost(out, p) ? out->err : store_run(p->db, "COMMIT");
	if (err != OK) {
		if (out->err == OK) provision_fail_store(out, p, err, "keep the changes");
		provision_abort(p);
		return;
	}
	p->in_bulk = false;
	publish(out, p);
}

void provision_abort(struct provision *p)
{
	if (!p->in_bulk) return;
	(void)!store_run(p->db, "ROLLBACK");
	p->in_bulk = false;
	p->version = p->version_before;
	p->touched.mark = p->mark_before;
}
