// SQLite as the folder uses it: one connection of one thread; questions with bound values, errors as sentences.
//
//     struct store_query q = store_ask(db, "SELECT id, name FROM line WHERE customer = ?");
//     store_bind_u64(&q, customer);
//     while (store_next(&q)) {
//         uint64_t id = store_get_u64(&q);      // columns are taken in order
//         struct str name = store_get_str(&q);  // good until the next row
//     }
//     enum err err = store_end(&q);             // always; says whether all went well
//
// The first error sticks: what follows does nothing, and store_end tells it.
#pragma once

#include "keep/store.h"

struct sqlite3;
struct sqlite3_stmt;

#define STORE_DB_KEPT 64 // prepared questions that a connection keeps

struct store_db {
	struct sqlite3 *handle; // owned
	uint32_t kept_count;
	struct {
		const char *sql; // a literal: known again by its address
		struct sqlite3_stmt *statement;
	} kept[STORE_DB_KEPT];
};

// Opens an existing file (or ":memory:") in WAL mode with foreign keys and synchronous=FULL, waiting up to two seconds
// for locks. Errors as store_open.
MUST_CHECK enum err store_db_open(struct store_db *db, const char *path, struct store_fault *fault);
void store_db_close(struct store_db *db);
// The connection of a store, for who shares its thread.
struct store_db *store_db_of(struct store *s);

struct store_query {
	struct store_db *db;
	struct sqlite3_stmt *statement;
	int bound, column;
	bool kept;
	enum err err;
};

// sql: a literal; it is prepared once and kept.
struct store_query store_ask(struct store_db *db, const char *sql);
// sql: a text of the moment.
struct store_query store_ask_once(struct store_db *db, const char *sql);
// Binds the next ? (text and octets are copied).
void store_bind_u64(struct store_query *q, uint64_t value);
void store_bind_str(struct store_query *q, struct str text);
void store_bind_octets(struct store_query *q, const void *octets, uint32_t n);
void store_bind_null(struct store_query *q);
// Steps: true when there is a row.
bool store_next(struct store_query *q);
// The next column; NULL reads as 0 or as the empty text.
uint64_t store_get_u64(struct store_query *q);
struct str store_get_str(struct store_query *q);
// Copies the next column, cut to cap - 1 octets and ended by NUL.
void store_get_z(struct store_query *q, char *out, uint32_t cap);
// Copies exactly n octets of the next column; other lengths leave `out` zeroed and return false.
bool store_get_octets(struct store_query *q, void *out, uint32_t n);
// Ends the question. ERR_EXISTS: it must be unique and is not; ERR_REFUSED: another constraint; ERR_TIMEOUT: locked;
// ERR_BAD: the file is damaged; ERR_FULL: no memory; ERR_SYSTEM: disk full, not writable, or the like.
MUST_CHECK enum err store_end(struct store_query *q);

// Runs statements without values or answers.
MUST_CHECK enum err store_run(struct store_db *db, const char *sql);
// Steps a question to its end and ends it.
MUST_CHECK enum err store_finish(struct store_query *q);
// The number in the first column of the first row; 0 when there is none.
uint64_t store_count(struct store_query *q);
uint64_t store_last_id(struct store_db *db);
// false: no transaction was begun, or SQLite rolled it back by itself (a full disk, no memory).
bool store_in_transaction(const struct store_db *db);

// "cannot <doing>: the disk is full (database or disk is full)": why the last question failed.
void store_explain(struct store_fault *fault, struct store_db *db, enum err err, const char *doing);
