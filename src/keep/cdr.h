// Call detail records: the RELEASE records of the journal in a SQLite file of their own (records.db, WAL), each once.
//
//     journal ──journal_read──▶ cdr_loader (a thread) ──batches, with the place read up to──▶ records.db ──▶ cdr_next
//
// A row's key is its sequence number, and the place in the journal is stored in the same transaction: a crash at any
// point loads nothing twice and leaves nothing out. When the file is locked, lost or its disk is full, only the loader
// waits; the journal keeps the records.
#pragma once

#include "call/model/record.h"
#include "keep/store.h"

struct cdr_store; // one connection, for one thread

// Opens the file, and makes it when there is none. Errors as store_open.
MUST_CHECK enum err cdr_open(struct cdr_store **out, const char *path, struct store_fault *fault);
struct cdr_store *cdr_close(struct cdr_store *s);

// The highest number in the file at this path, for journal_setup.sequence_least; 0 when there is no such file yet.
uint64_t cdr_last_sequence(const char *path);

// LOADING
struct journal_log;
struct cdr_loader;
struct cdr_loader_setup {
	struct journal_log *journal; // borrowed; closed after the loader
	const char *path;            // of records.db
	uint32_t pause_ms;           // between two batches: the disk is for calls first; 0: 200
};
// Starts a thread that loads until it is stopped. It opens the file by itself, and again when it was lost.
MUST_CHECK enum err cdr_loader_start(struct cdr_loader **out, const struct cdr_loader_setup *setup);
// Loads what the journal has by now, within two seconds, and ends. Returns NULL.
struct cdr_loader *cdr_loader_stop(struct cdr_loader *l);
// The same without a thread: each step loads a batch. False: it did not go, and comes again later. cdr_loader_stop ends
// it where it is.
MUST_CHECK enum err cdr_loader_new(struct cdr_loader **out, const struct cdr_loader_setup *setup);
bool cdr_loader_step(struct cdr_loader *l, bool *more);

// ASKING
struct cdr_filter { // zero: any
	uint64_t since_wall_ms, until_wall_ms; // began at or after, began before
	uint32_t line, trunk_group;            // on either side
	struct str number;                     // caller's, called or dialled, as it stands in the record (+16035550101)
	uint64_t call;
	uint64_t after;                        // sequence numbers greater than this
	uint64_t sequence;                     // this one alone
	uint32_t limit;                        // rows
	bool newest_first;
};
// A walk over the rows that fit, in the order of their sequence, as they were when it began (other connections go on
// writing). One at a time per connection; short ones, since the file grows meanwhile. NULL with *err: it cannot be.
struct cdr_walk;
struct cdr_walk *cdr_walk_new(struct cdr_store *s, const struct cdr_filter *filter, enum err *err);
// ERR_NOT_FOUND: that was the last.
MUST_CHECK enum err cdr_next(struct cdr_walk *w, struct call_record *out);
struct cdr_walk *cdr_walk_free(struct cdr_walk *w);
// The first row that fits. ERR_NOT_FOUND: none does.
MUST_CHECK enum err cdr_find(struct cdr_store *s, const struct cdr_filter *filter, struct call_record *out);
// How many rows there are.
uint64_t cdr_count(struct cdr_store *s);
