// Inside the journal: what its thread, the workers' side, recovery and the reader share. Only for keep/journal*.c and
// keep/recover.c.
#pragma once

#include "base/count.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/ring.h"
#include "keep/journal.h"
#include "keep/journal_record.h"

#include <pthread.h>
#include <time.h>

#define JOURNAL_BATCH_BYTES (1024 * 1024)
#define JOURNAL_LIFE_MS 500
#define JOURNAL_RETRY_MS 100  // after a write that failed
#define JOURNAL_ROOM_MS 1000  // between attempts to make the next segment ready
#define JOURNAL_TIDY_MS 1000  // between looks whether segments can go, when nothing is written

struct entry { // one record that is not on disk
	struct entry *next;
	struct open_call *open; // owned: of an answer, so that to remember it needs no memory when it is on disk
	uint64_t owner, call, sequence;
	uint64_t offset; // in the segment, of the attempt to write it
	uint32_t worker, boot;
	uint8_t kind;
	bool carried; // the journal's own copy of an answer
	uint32_t n;
	char payload[];
};

struct open_call { // answered, not released
	struct map_node node;
	struct list in_order; // of their places in the segments
	uint64_t call, segment, offset;
	uint32_t boot;
	bool carrying; // a copy is on its way into the newest segment, or there will be none: the answer is damaged
	bool unread;   // the disk would not give it for a copy, which was logged
};

struct segment_info { // a file that is there
	uint64_t number, end; // end: octets on disk
	uint32_t open;        // open calls whose answer is in it
};

struct recovered { // a call that was open when the journal was opened
	uint64_t call, segment, offset;
	uint32_t boot;
};

struct life { // when a start of the switch last showed life
	uint32_t boot;
	uint64_t wall_ms;
};

struct producer { // a worker's side
	struct ring in;  // struct entry *
	struct ring out; // struct journal_done
	bool holds;      // this and the next two are the worker's own
	struct entry *held, **held_last; // put and not let go, in order
	_Atomic uint32_t in_flight; // put and not taken; those that nobody is told of: put and not on disk
};

struct journal_log {
	struct journal_setup setup;
	struct journal_files files;
	char *folder; // owned
	int lock_fd, event_fd;
	pthread_t thread;
	bool started;
	_Atomic bool stop, sleeping;
	_Atomic uint64_t puts; // by all workers
	struct producer *workers; // owned
	uint32_t boot;
	uint64_t id; // of this journal, in the first frame of every segment

	// The journal thread's own (before it starts: journal_open's):
	uint64_t puts_seen;          // when the rings were last emptied
	struct entry *first, **last; // waiting, in order
	struct buf batch;            // owned
	struct map open;             // by call number
	struct list open_calls;
	uint32_t open_here; // of this boot
	uint64_t sequence;  // given last
	struct journal_segment now, ready;
	uint64_t number; // of the newest file
	uint64_t retry_at_ms, room_at_ms, written_at_ms, tidy_at_ms;
	struct { // the batch that journal_begin wrote
		struct entry *rest; // the first that stayed out
		enum err err;
		int system; // errno
	} attempt;
	uint64_t failing_since_ms; // 0: all is well
	struct life *lives;        // owned
	uint32_t life_count;

	// Since the scan never changed; the workers take from them:
	struct recovered *recovered; // owned
	uint32_t recovered_count;
	_Atomic uint32_t recovered_next, recovered_read;

	// Shared with the reader's thread, under the lock:
	pthread_mutex_t lock;
	pthread_cond_t committed;
	struct segment_info *segments; // owned, by number
	uint32_t segment_count, segment_max;
	struct journal_place loaded;
	uint64_t commits_seen; // by journal_wait

	// Read by all:
	_Atomic bool failing, no_room;
	_Atomic uint64_t busy_since_ms; // a commit is under way
	_Atomic uint64_t waiting_bytes, sequence_done, commits, records;
	_Atomic uint32_t waiting, open_count;
};

static inline uint64_t journal_clock_ms(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline uint64_t journal_now_ms(void)
{
	return journal_clock_ms(CLOCK_MONOTONIC);
}

static inline struct journal_time journal_time(const struct journal_log *j)
{
	return j->setup.clock(j->setup.clock_self);
}

// journal_calls.c: which calls stand open, and the files that are there.
struct open_call *journal_open_call(struct journal_log *j, uint64_t call);
// Notes a frame that is on disk; takes *open for an answer that is new, if there is one. ERR_FULL: no memory.
MUST_CHECK enum err journal_note(struct journal_log *j, const struct journal_frame *f, struct journal_place at,
                                 struct open_call **open);
void journal_entry_free(struct entry *e);
MUST_CHECK enum err journal_add_segment(struct journal_log *j, uint64_t number, uint64_t end);
// When a former start last showed life; 0: nothing is known of it.
uint64_t journal_life_of(const struct journal_log *j, uint32_t boot);
struct segment_info *journal_segment_info(struct journal_log *j, uint64_t number);

// recover.c: reads the folder.
MUST_CHECK enum err journal_scan(struct journal_log *j);
// The frame at a place, read into `memory` of JOURNAL_FRAME_MAX octets. ERR_SYSTEM: cannot be read; ERR_BAD: damaged.
MUST_CHECK enum err journal_frame_at(const struct journal_log *j, uint64_t segment, uint64_t offset, char *memory,
                                     struct journal_frame *out);
// How far to go from damage at the beginning of `rest`, `at` octets into a segment, to the next frame that was written
// after it was on disk; 0: there is none.
uint32_t journal_next_sound(struct str rest, uint64_t at);

// journal_step.c
// The newest segment becomes one that is ready or made now.
MUST_CHECK enum err journal_turn(struct journal_log *j);
// Writes the waiting records that fit in one batch, due or not.
MUST_CHECK enum err journal_commit(struct journal_log *j);
// Tells the workers of what waits still that it is lost.
void journal_give_up(struct journal_log *j);

// journal_thread.c
void journal_wake(struct journal_log *j);
// Ends the thread, if there is one, when what waits is written or stop_ms are over.
void journal_stop(struct journal_log *j);
