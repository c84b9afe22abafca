// A journal in memory, for ladders and tests: it commits when the test wants it to.
#pragma once

#include "call/model/record.h"

struct journal_fake;

// *now_ms: the test's clock, read when records are put and taken. NULL: no memory.
struct journal_fake *journal_fake_new(const uint64_t *now_ms);
struct journal_fake *journal_fake_free(struct journal_fake *j);
struct journal journal_fake_of(struct journal_fake *j);

// From now on: the disk takes this long (0: at once; UINT64_MAX: never) ...
void journal_fake_delay(struct journal_fake *j, uint64_t ms);
// ... is full (put answers ERR_FULL) ... and what healthy answers.
void journal_fake_full(struct journal_fake *j, bool full);
void journal_fake_healthy(struct journal_fake *j, bool healthy);

// The next record that is on disk, in the order in which they were put, and whose worker wants to know.
bool journal_fake_take(struct journal_fake *j, uint32_t *worker, struct journal_done *out);
// When the next one will be (UINT64_MAX: none waits).
uint64_t journal_fake_next(const struct journal_fake *j);
// What is on disk, from 0; RELEASEs have their sequence. NULL past the last. Good until the next put.
const struct call_record *journal_fake_record(struct journal_fake *j, uint32_t i);
