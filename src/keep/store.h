// The office on disk: one SQLite file (WAL, STRICT tables, foreign keys, synchronous=FULL), from which the office in
// memory is loaded and to which keep/provision writes. The switch can run without it being asked anything: no call
// waits for a query.
//
//     store_create ─▶ migrations 0001.. ─▶ office rows      store_open ─▶ newer migrations ─▶ store_check ─▶ store_load
//
// One connection, used by one thread. Others in keep/ (CDRs) open connections of their own with store_db_open.
#pragma once

#include "base/str.h"
#include "office/office.h"

struct store;

struct store_fault { // why not, in a sentence for a person
	char why[256];
};

// Makes a new file; ERR_EXISTS when there is one. The realm is fixed from then on: stored passwords hang on it.
MUST_CHECK enum err store_create(struct store **out, const char *path, struct str name, struct str realm,
                                 struct store_fault *fault);
// Opens and, where this program knows newer migrations, migrates. ERR_NOT_FOUND: no such file; ERR_BAD: not an office,
// corrupted, or of a newer program; ERR_TIMEOUT: locked by another program; ERR_SYSTEM: not readable or writable.
MUST_CHECK enum err store_open(struct store **out, const char *path, struct store_fault *fault);
// NULL is fine; returns NULL.
struct store *store_close(struct store *s);

// Fills an empty office. ERR_BAD: what is stored contradicts itself so that no office can be made of it.
MUST_CHECK enum err store_load(struct store *s, struct office *o, struct store_fault *fault);

enum store_severity { STORE_ERROR, STORE_WARNING };
// One sentence of a check.
typedef void store_report(void *self, enum store_severity severity, struct str sentence);
struct store_findings {
	uint32_t errors, warnings;
};
// Reads all that is stored and reports every contradiction (an error) and what a carrier surely forgot (a warning:
// no emergency trunk group, a line without a number). Changes nothing.
struct store_findings store_check(struct store *s, store_report *report, void *self);
