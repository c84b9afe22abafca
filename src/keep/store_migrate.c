// Forward, one by one.
#include "keep/store_migrate.h"

#include "base/random.h"

#include <stdio.h>

#define APPLICATION_ID 0x44746f6e // "Dton", in the header of the file

static void checksum(char out[17], const char *sql)
{
	static const struct hash_key no_secret = { { 0 } };
	struct buf b = buf_on(out, 16);
	put_hex(&b, hash_str(&no_secret, str_from(sql)), 16);
	out[16] = '\0';
}

static const struct store_migration *migration_of(const struct store_migration *all, uint64_t number)
{
	while (all->number && all->number != number) all++;
	return all->number ? all : NULL;
}

// Ours? A new, empty file becomes so. Another process may make it so meanwhile: it sets the number before it makes a
// table, so whoever sees a table sees the number after that.
static enum err check_application(struct store_db *db, struct store_fault *fault)
{
	struct store_query tables = store_ask_once(db, "SELECT count(*) FROM sqlite_schema");
	bool empty = store_count(&tables) == 0;
	struct store_query id = store_ask_once(db, "PRAGMA application_id");
	uint64_t application = store_next(&id) ? store_get_u64(&id) : 0;
	enum err err = store_end(&id);
	if (err == OK && application != APPLICATION_ID) {
		if (application != 0 || !empty) {
			snprintf(fault->why, sizeof fault->why, "the file is a database, but not of dialtone");
			return ERR_BAD;
		}
		char sql[64];
		snprintf(sql, sizeof sql, "PRAGMA application_id = %d", APPLICATION_ID);
		err = store_run(db, sql);
	}
	if (err == OK)
		err = store_run(db, "CREATE TABLE IF NOT EXISTS schema_version ("
		                    "number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT");
	if (err != OK) store_explain(fault, db, err, "read the schema");
	return err;
}

// What was applied must be known here, and the same.
static enum err check_applied(struct store_db *db, const struct store_migration *all, struct store_fault *fault)
{
	struct store_query q = store_ask_once(db, "SELECT number, name, checksum FROM schema_version ORDER BY number");
	enum err found = OK;
	while (found == OK && store_next(&q)) {
		uint32_t number = (uint32_t)store_get_u64(&q);
		struct str name = store_get_str(&q), applied = store_get_str(&q);
		const struct store_migration *m = migration_of(all, number);
		char ours[17] = "";
		if (m) checksum(ours, m->sql);
		if (m && str_eq(applied, str_from(ours))) continue;
		found = ERR_BAD;
		snprintf(fault->why, sizeof fault->why, m ? "the migration %04u_%.*s was changed after it had been applied" :
		         "the file was made by a newer dialtone: this one does not know the migration %04u_%.*s", number,
		         STR_FMT(name));
	}
	enum err err = store_end(&q);
	if (err != OK) store_explain(fault, db, err, "read the schema");
	return err != OK ? err : found;
}

static bool is_applied(struct store_db *db, const struct store_migration *m)
{
	struct store_query q = store_ask(db, "SELECT count(*) FROM schema_version WHERE number = ?");
	store_bind_u64(&q, m->number);
	return store_count(&q) != 0;
}

static enum err apply(struct store_db *db, const struct store_migration *m)
{
	char sum[17];
	checksum(sum, m->sql);
	enum err err = store_run(db, "BEGIN IMMEDIATE");
	if (err != OK) return err;
	if (is_applied(db, m)) return store_run(db, "COMMIT"); // another process was first
	struct store_query q = store_ask(db, "INSERT INTO schema_version (number, name, checksum) VALUES (?, ?, ?)");
	store_bind_u64(&q, m->number);
	store_bind_str(&q, str_from(m->name));
	store_bind_str(&q, str_from(sum));
	err = store_finish(&q);
	if (err == OK) err = store_run(db, m->sql);
	return err == OK ? store_run(db, "COMMIT") : err;
}

enum err store_migrate(struct store_db *db, const struct store_migration *all, struct store_fault *fault)
{
	enum err err = check_application(db, fault);
	if (err == OK) err = check_applied(db, all, fault);
	for (const struct store_migration *m = all; err == OK && m->number; m++) {
		if (is_applied(db, m)) continue;
		err = apply(db, m);
		if (err == OK) continue;
		char doing[96];
		snprintf(doing, sizeof doing, "apply the migration %04u_%s", m->number, m->name);
		store_explain(fault, db, err, doing);
		if (store_run(db, "ROLLBACK") != OK) return err; // there may be none to roll back
	}
	return err;
}
