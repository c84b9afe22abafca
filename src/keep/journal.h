// The journal: what must outlive a crash is on disk before anyone acts on it (DESIGN idea 6).
//
//     workers ─ring each─▶ journal thread ──one write, one fdatasync──▶ segments ──▶ CDR loader ──▶ records.db
//        ▲                       │
//        └─── journal_take ◀─────┘ {owner, kind, err}, and a wake-up
//
// Group commit: whatever waits when the disk is free goes in one write; nobody waits for company. A segment is a file
// of fixed size, made ready before it is needed, so that calls in progress still find room on a disk that fills up. A
// write that fails is repeated, an fdatasync that fails is taken as lost and its records are written anew into another
// segment: no record is ever half there. Until then they stay in memory, and the journal is not healthy.
//
// While calls are answered the journal writes at least every 500 ms: the last record is the last proof of life.
#pragma once

#include "call/model/record.h"
#include "keep/journal_file.h"

#define JOURNAL_WORKERS_MAX 64

struct journal_time {
	uint64_t now_ms, wall_ms; // monotonic; UTC
};

struct journal_setup {
	const char *folder;      // exists, and is nobody else's
	uint32_t workers;        // that put records, at most JOURNAL_WORKERS_MAX
	// Zero takes the default:
	uint32_t in_flight_max;  // records of one worker that are not on disk; 8,192
	uint64_t bytes_max;      // of all these records; 64 MiB. From three quarters on answers are refused, and new calls
	uint64_t segment_bytes;  // 16 MiB
	uint32_t segments_kept;  // more, and answers of long calls are carried into the newest; 8
	uint32_t late_ms;        // a commit that takes longer is unhealthy; 200
	uint32_t stop_ms;        // how long close tries to write what waits; 1,000
	uint64_t sequence_least; // the last number that the store has: if the folder was lost, numbers go on after it
	uint32_t boot_least;     // the least number of this start: if the folder was lost, no call's number comes again
	uint64_t id;             // of a journal that is made now, 63 bits; drawn
	const struct file_ops *files; // the system's
	void *files_self;
	struct journal_time (*clock)(void *self); // the system's
	void *clock_self;
	// Called by the journal thread when journal_take has something for this worker. May be NULL.
	void (*wake)(void *self, uint32_t worker);
	void *wake_self;
};

struct journal_log;

// Opens the folder: reads what is there, cuts off a torn end, starts a new segment. ERR_STATE: another process has it
// open; ERR_SYSTEM: it cannot be read or written. Both are logged. A disk that is full is no error: the journal is not
// healthy until there is room.
MUST_CHECK enum err journal_open(struct journal_log **out, const struct journal_setup *setup);
// The calls that were answered and never released when it was opened, each told once, to any thread: their ANSWER, and
// when the switch that answered them last showed life. Each stays open until a RELEASE with its number is put.
bool journal_next_recovered(struct journal_log *j, struct call_record *answer, uint64_t *last_life_wall_ms);
uint32_t journal_recovered_count(const struct journal_log *j); // there were, of those told as well
// Starts the journal's thread. ERR_SYSTEM: there is none to be had.
MUST_CHECK enum err journal_start(struct journal_log *j);
// Writes what waits (a disk that fails is tried for stop_ms), ends the thread. NULL is fine; returns NULL.
struct journal_log *journal_close(struct journal_log *j);

// What a call is given.
struct journal journal_of(struct journal_log *j);
// The next of this worker's records that is on disk (or, at close, lost). On the worker's own thread.
bool journal_take(struct journal_log *j, uint32_t worker, struct journal_done *out);
// From now on a RELEASE of this worker waits, once it was put, until the worker lets it go; an ANSWER never does. For who
// sends what it says in batches: a call that is released on disk is remembered by nobody, so a phone that was not told
// before would never be. Both on the worker's own thread; when that has ended, on any.
void journal_hold(struct journal_log *j, uint32_t worker);
void journal_let_go(struct journal_log *j, uint32_t worker);
// The number of this start, greater than that of any before: with it, call numbers are unique over restarts.
uint32_t journal_boot(const struct journal_log *j);

// BY HAND, in place of journal_start: what the journal's thread does, step by step. journal_begin writes what waits and
// waits for the disk; true: something was written, and journal_finish, called when that time has passed, notes it and
// tells the workers. When a step is due, at the latest: monotonic ms, 0 at once.
MUST_CHECK bool journal_begin(struct journal_log *j);
void journal_finish(struct journal_log *j);
uint64_t journal_due_ms(const struct journal_log *j);

struct journal_status {
	bool healthy;
	uint64_t sequence;     // of the last RELEASE on disk
	uint32_t open_calls;   // answered and not released
	uint32_t waiting;      // records not on disk
	uint64_t waiting_bytes;
	uint32_t segments;
	uint64_t commits, records; // since the start
};
struct journal_status journal_status(struct journal_log *j);

// READING, for the one thread that loads records into a store. A place is where to read on; segments that lie wholly
// before the place said to journal_loaded, and of whose calls none stands, are deleted.
struct journal_place {
	uint64_t segment, offset;
};
struct journal_reader;
// From a place that was stored, or {0, 0}: from the oldest record that is there. NULL: no memory.
struct journal_reader *journal_reader_new(struct journal_log *j, struct journal_place from);
struct journal_reader *journal_reader_free(struct journal_reader *r);
// The next RELEASE on disk, and the place after it. ERR_NOT_FOUND: none yet. ERR_SYSTEM: it cannot be read now; asking
// again may help. Records that cannot be understood are skipped, counted and logged.
MUST_CHECK enum err journal_read(struct journal_reader *r, struct call_record *out, struct journal_place *after);
// Which journal this is: places are of one journal only. Another number when the folder was lost and made anew.
uint64_t journal_id(const struct journal_log *j);
// Everything before this place is safe elsewhere.
void journal_loaded(struct journal_log *j, struct journal_place upto);
// Waits until something was committed that was not there at the last call, or the time is over.
void journal_wait(struct journal_log *j, uint32_t timeout_ms);

// RECOVERY. The RELEASE of a call that a crash cut off: ended at the last proof of life, cause 41, recovered.
void journal_recovered_release(struct call_record *release, const struct call_record *answer,
                               uint64_t last_life_wall_ms);
