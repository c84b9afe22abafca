// The thin layer over SQLite.
#include "keep/store_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_WAIT_MS 2000

// ---- Errors ---------------------------------------------------------------------------------------------------------

static enum err err_of(int code, int extended)
{
	switch (code) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return ERR_TIMEOUT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return ERR_BAD;
	case SQLITE_NOMEM: return ERR_FULL;
	case SQLITE_CONSTRAINT:
		if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY) return ERR_EXISTS;
		return ERR_REFUSED;
	default: return ERR_SYSTEM;
	}
}

static enum err last_err(const struct store_db *db)
{
	return err_of(sqlite3_errcode(db->handle), sqlite3_extended_errcode(db->handle));
}

static const char *plainly(int code, enum err err)
{
	switch (code) {
	case SQLITE_FULL: return "the disk is full";
	case SQLITE_READONLY: return "it may not be written to";
	case SQLITE_CANTOPEN: return "it, or its folder, cannot be opened";
	case SQLITE_IOERR: return "the disk reports an error";
	case SQLITE_NOTADB: return "it is no database";
	case SQLITE_CORRUPT: return "it is damaged; restore a copy";
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return "another program has locked it";
	default: return err_text(err);
	}
}

void store_explain(struct store_fault *fault, struct store_db *db, enum err err, const char *doing)
{
	int code = sqlite3_errcode(db->handle);
	snprintf(fault->why, sizeof fault->why, "cannot %s: %s (%s)", doing, plainly(code, err),
	         sqlite3_errmsg(db->handle));
}

// ---- The connection -------------------------------------------------------------------------------------------------

static enum err check_file(const char *path, struct store_fault *fault)
{
	struct stat st;
	if (strcmp(path, ":memory:") == 0) return OK;
	if (stat(path, &st) != 0) {
		bool none = errno == ENOENT;
		snprintf(fault->why, sizeof fault->why, "%s: %s%s", path, strerror(errno),
		         none ? "; dialtone init makes it" : "");
		return none ? ERR_NOT_FOUND : ERR_SYSTEM;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(fault->why, sizeof fault->why, "%s is not a file", path);
		return ERR_SYSTEM;
	}
	if (access(path, R_OK | W_OK) != 0) {
		snprintf(fault->why, sizeof fault->why, "%s may not be read and written: %s", path, strerror(errno));
		return ERR_SYSTEM;
	}
	return OK;
}

enum err store_db_open(struct store_db *db, const char *path, struct store_fault *fault)
{
	*db = (struct store_db){ 0 };
	enum err err = check_file(path, fault);
	if (err != OK) return err;
	int code = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE, NULL);
	if (!db->handle) {
		snprintf(fault->why, sizeof fault->why, "cannot open %s: no memory", path);
		return ERR_FULL;
	}
	sqlite3_busy_timeout(db->handle, LOCK_WAIT_MS);
	err = err_of(code, code);
	if (err == OK)
		err = store_run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		                    "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;");
	if (err == OK) return OK;
	char doing[160];
	snprintf(doing, sizeof doing, "open %s", path);
	store_explain(fault, db, err, doing);
	store_db_close(db);
	return err;
}

void store_db_close(struct store_db *db)
{
	for (uint32_t i = 0; i < db->kept_count; i++) sqlite3_finalize(db->kept[i].statement);
	sqlite3_close(db->handle);
	*db = (struct store_db){ 0 };
}

// ---- Questions ------------------------------------------------------------------------------------------------------

struct store_query store_ask_once(struct store_db *db, const char *sql)
{
	struct store_query q = { .db = db };
	if (sqlite3_prepare_v2(db->handle, sql, -1, &q.statement, NULL) != SQLITE_OK) q.err = last_err(db);
	return q;
}

struct store_query store_ask(struct store_db *db, const char *sql)
{
	for (uint32_t i = 0; i < db->kept_count; i++) {
		if (db->kept[i].sql != sql) continue;
		if (sqlite3_stmt_busy(db->kept[i].statement)) return store_ask_once(db, sql); // asked within itself
		return (struct store_query){ .db = db, .statement = db->kept[i].statement, .kept = true };
	}
	if (db->kept_count == STORE_DB_KEPT) return store_ask_once(db, sql);
	struct store_query q = { .db = db, .kept = true };
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &q.statement, NULL) != SQLITE_OK) {
		q.err = last_err(db);
		return q;
	}
	db->kept[db->kept_count].sql = sql;
	db->kept[db->kept_count++].statement = q.statement;
	return q;
}

static void bound(struct store_query *q, int code)
{
	if (code != SQLITE_OK) q->err = err_of(code, code);
}

void store_bind_u64(struct store_query *q, uint64_t value)
{
	if (q->err == OK) bound(q, sqlite3_bind_int64(q->statement, ++q->bound, (sqlite3_int64)value));
}

void store_bind_str(struct store_query *q, struct str text)
{
	if (q->err == OK)
		bound(q, sqlite3_bind_text(q->statement, ++q->bound, text.n ? text.p : "", (int)text.n, SQLITE_TRANSIENT));
}

void store_bind_octets(struct store_query *q, const void *octets, uint32_t n)
{
	if (q->err == OK) bound(q, sqlite3_bind_blob(q->statement, ++q->bound, octets, (int)n, SQLITE_TRANSIENT));
}

void store_bind_null(struct store_query *q)
{
	if (q->err == OK) bound(q, sqlite3_bind_null(q->statement, ++q->bound));
}

bool store_next(struct store_query *q)
{
	if (q->err != OK) return false;
	int code = sqlite3_step(q->statement);
	q->column = 0;
	if (code == SQLITE_ROW) return true;
	if (code != SQLITE_DONE) q->err = last_err(q->db);
	return false;
}

uint64_t store_get_u64(struct store_query *q)
{
	return (uint64_t)sqlite3_column_int64(q->statement, q->column++);
}

struct str store_get_str(struct store_query *q)
{
	const char *text = (const char *)sqlite3_column_text(q->statement, q->column);
	int n = sqlite3_column_bytes(q->statement, q->column++);
	return text ? (struct str){ text, (uint32_t)n } : STR("");
}

void store_get_z(struct store_query *q, char *out, uint32_t cap)
{
	str_to_z(out, cap, store_get_str(q));
}

bool store_get_octets(struct store_query *q, void *out, uint32_t n)
{
	const void *octets = sqlite3_column_blob(q->statement, q->column);
	bool fits = octets && sqlite3_column_bytes(q->statement, q->column) == (int)n;
	q->column++;
	if (fits) memcpy(out, octets, n);
	else memset(out, 0, n);
	return fits;
}

enum err store_end(struct store_query *q)
{
	if (!q->kept) sqlite3_finalize(q->statement);
	else if (q->statement) {
		sqlite3_reset(q->statement);
		sqlite3_clear_bindings(q->statement);
	}
	q->statement = NULL;
	return q->err;
}

enum err store_finish(struct store_query *q)
{
	while (store_next(q)) {}
	return store_end(q);
}

uint64_t store_count(struct store_query *q)
{
	uint64_t count = store_next(q) ? store_get_u64(q) : 0;
	return store_end(q) == OK ? count : 0;
}

enum err store_run(struct store_db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : last_err(db);
}

bool store_in_transaction(const struct store_db *db)
{
	return !sqlite3_get_autocommit(db->handle);
}

uint64_t store_last_id(struct store_db *db)
{
	return (uint64_t)sqlite3_last_insert_rowid(db->handle);
}
