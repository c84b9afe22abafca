// What the journal does, step by step: takes what the workers put, writes it in batches, tells them, makes room. It has
// neither thread nor clock of its own: journal_thread.c gives it both, the simulator a time that it makes itself.
#include "keep/journal_core.h"

#include <errno.h>
#include <stdlib.h>

COUNTER(journal_commits, "Batches of records written to disk");
COUNTER(journal_failed_writes, "Attempts to write records that the disk refused");
COUNTER(journal_failed_syncs, "Waits for the disk that failed: their records were written anew");
COUNTER(journal_no_room, "Attempts to make the next segment that failed");
COUNTER(journal_carried, "Answers of long calls copied into a newer segment");
COUNTER(journal_carry_failed, "Attempts to read the answer of a long call again, to copy it, that the disk refused");
COUNTER(journal_carry_lost, "Answers of long calls that are damaged where they stand, and were not copied");
COUNTER(journal_deleted, "Segments deleted: all their records are in the store");
COUNTER(journal_given_up, "Records not written when the switch stopped");

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

// ---- Waiting records ------------------------------------------------------------------------------------------------

static void wait_in_line(struct journal_log *j, struct entry *e)
{
	e->next = NULL;
	*j->last = e;
	j->last = &e->next;
}

static void collect(struct journal_log *j)
{
	j->puts_seen = atomic_load(&j->puts);
	for (uint32_t w = 0; w < j->setup.workers; w++)
		for (struct entry *e; ring_take(&j->workers[w].in, &e);) wait_in_line(j, e);
}

// The worker is told what became of its record, and the record is forgotten.
static void settle(struct journal_log *j, struct entry *e, enum err err, bool *woken)
{
	struct producer *p = &j->workers[e->worker];
	if (!e->carried) {
		atomic_fetch_sub(&j->waiting, 1);
		atomic_fetch_sub(&j->waiting_bytes, e->n);
	}
	if (e->owner) {
		const struct journal_done done = { .owner = e->owner, .kind = e->kind, .err = (uint8_t)err };
		// There is room: a worker has no more records in flight than this ring holds.
		if (ring_put(&p->out, &done) == OK) woken[e->worker] = true;
	} else if (!e->carried) {
		atomic_fetch_sub(&p->in_flight, 1);
	}
	journal_entry_free(e);
}

static void wake(struct journal_log *j, const bool *woken)
{
	for (uint32_t w = 0; j->setup.wake && w < j->setup.workers; w++)
		if (woken[w]) j->setup.wake(j->setup.wake_self, w);
}

// ---- Segments -------------------------------------------------------------------------------------------------------

static enum err make_ready(struct journal_log *j)
{
	uint64_t now_ms = journal_time(j).now_ms;
	if (j->ready.fd >= 0 || now_ms < j->room_at_ms) return OK;
	enum err err = journal_segment_make(&j->ready, &j->files, j->number + 1);
	int system = errno;
	if (err == OK || err == ERR_EXISTS) j->number++;
	if (err == OK) {
		if (atomic_exchange(&j->no_room, false)) LOG(INFO, "journal_room", LOG_TEXT("there is room again"));
		return OK;
	}
	COUNT(journal_no_room);
	j->room_at_ms = now_ms + JOURNAL_ROOM_MS;
	if (!atomic_exchange(&j->no_room, true))
		LOG(ERROR, "journal_no_room", LOG_TEXT("no room for the journal's next segment"),
		    LOG_Z("system", strerror(system)));
	return err;
}

enum err journal_turn(struct journal_log *j)
{
	j->room_at_ms = 0;
	enum err err = make_ready(j);
	if (err != OK) return err;
	pthread_mutex_lock(&j->lock);
	err = journal_add_segment(j, j->ready.number, 0);
	pthread_mutex_unlock(&j->lock);
	if (err != OK) return err;
	journal_segment_close(&j->now, &j->files);
	j->now = j->ready;
	j->ready = (struct journal_segment){ .fd = -1 };
	return OK;
}

// What the segment holds past its end is in doubt: nothing more is written to it.
static void leave_segment(struct journal_log *j)
{
	pthread_mutex_lock(&j->lock);
	if (j->now.end == 0) j->segment_count--; // it goes with its file
	pthread_mutex_unlock(&j->lock);
	journal_segment_close(&j->now, &j->files);
}

// ---- A batch --------------------------------------------------------------------------------------------------------

// Writes the frames of as many waiting records as there is room for; returns the first that stays out.
static struct entry *gather(struct journal_log *j, uint64_t wall_ms)
{
	struct journal_frame f;
	uint64_t room = least(j->files.segment_bytes - j->now.end, j->batch.cap);
	j->batch.n = 0;
	if (j->now.end == 0) {
		// Of the numbers those that are on disk: what waits here with a number may be lost, and the number given anew.
		f = (struct journal_frame){ .kind = JOURNAL_SEGMENT, .boot = j->boot, .call = j->now.number,
			                        .sequence = atomic_load(&j->sequence_done), .wall_ms = wall_ms,
			                        .payload = { (const char *)&j->id, sizeof j->id } };
		put_journal_frame(&j->batch, &f);
	} else if (!j->first) {
		f = (struct journal_frame){ .kind = RECORD_LIFE, .boot = j->boot, .committed = j->now.end, .wall_ms = wall_ms };
		put_journal_frame(&j->batch, &f);
	}
	struct entry *e = j->first;
	for (; e && j->batch.n + JOURNAL_FRAME_MAX <= room; e = e->next) {
		if (e->kind == RECORD_RELEASE && e->sequence == 0) e->sequence = ++j->sequence;
		e->offset = j->now.end + j->batch.n;
		f = (struct journal_frame){ .kind = e->kind, .boot = e->boot, .call = e->call, .sequence = e->sequence,
			                        .committed = j->now.end, .wall_ms = wall_ms, .payload = { e->payload, e->n } };
		// Carried from a former start: the time is its last proof of life, which may stand nowhere else any more.
		if (e->boot != j->boot) f.wall_ms = journal_life_of(j, e->boot);
		put_journal_frame(&j->batch, &f);
	}
	return e;
}

static void failed(struct journal_log *j)
{
	uint64_t now_ms = journal_time(j).now_ms;
	bool sync = j->attempt.err == ERR_STATE;
	if (sync) COUNT(journal_failed_syncs);
	else COUNT(journal_failed_writes);
	j->retry_at_ms = now_ms + JOURNAL_RETRY_MS;
	if (j->failing_since_ms) return;
	j->failing_since_ms = now_ms;
	atomic_store(&j->failing, true);
	LOG(ERROR, "journal_failing", LOG_TEXT("records do not reach the disk: they are kept and tried again"),
	    LOG_Z("what", sync ? "fdatasync" : "write"), LOG_Z("system", strerror(j->attempt.system)));
}

static void works_again(struct journal_log *j)
{
	if (!j->failing_since_ms) return;
	LOG(INFO, "journal_works", LOG_TEXT("records reach the disk again"),
	    LOG_U64("after_ms", journal_time(j).now_ms - j->failing_since_ms));
	j->failing_since_ms = 0;
	atomic_store(&j->failing, false);
}

// The batch is on disk: all before `rest` is noted and its workers are told.
static void committed(struct journal_log *j, struct entry *rest)
{
	bool woken[JOURNAL_WORKERS_MAX] = { false };
	uint32_t records = 0;
	pthread_mutex_lock(&j->lock);
	for (struct entry *e = j->first; e != rest; e = e->next, records++) {
		const struct journal_frame f = { .kind = e->kind, .boot = e->boot, .call = e->call, .sequence = e->sequence };
		if (journal_note(j, &f, (struct journal_place){ j->now.number, e->offset }, &e->open) != OK)
			LOG(ERROR, "journal_no_memory", LOG_TEXT("an open call is not remembered"), LOG_U64("call", e->call));
	}
	journal_segment_info(j, j->now.number)->end = j->now.end;
	atomic_fetch_add(&j->commits, 1);
	atomic_fetch_add(&j->records, records);
	pthread_cond_broadcast(&j->committed);
	pthread_mutex_unlock(&j->lock);
	while (j->first != rest) {
		struct entry *e = j->first;
		j->first = e->next;
		settle(j, e, OK, woken);
	}
	if (!j->first) j->last = &j->first;
	wake(j, woken);
	COUNT(journal_commits);
}

static enum err write_batch(struct journal_log *j)
{
	enum err err = OK;
	if (j->now.fd < 0 || j->files.segment_bytes - j->now.end < JOURNAL_FRAME_MAX) err = journal_turn(j);
	if (err != OK) return err;
	struct journal_time t = journal_time(j);
	j->attempt.rest = gather(j, t.wall_ms);
	atomic_store(&j->busy_since_ms, t.now_ms);
	return journal_segment_append(&j->now, &j->files, buf_str(&j->batch));
}

static void begin(struct journal_log *j)
{
	j->attempt.err = write_batch(j);
	j->attempt.system = errno;
}

static void finish(struct journal_log *j)
{
	atomic_store(&j->busy_since_ms, 0);
	if (j->attempt.err == OK) {
		j->written_at_ms = journal_time(j).now_ms;
		works_again(j);
		committed(j, j->attempt.rest);
		return;
	}
	failed(j);
	if (j->attempt.err == ERR_STATE) leave_segment(j);
}

enum err journal_commit(struct journal_log *j)
{
	begin(j);
	finish(j);
	return j->attempt.err;
}

// ---- Room: what is loaded goes --------------------------------------------------------------------------------------

// Its segment stays: as long as the disk does not read it, or for good.
static void not_carried(struct open_call *c, enum err err)
{
	bool lost = err != ERR_SYSTEM, told = c->unread;
	if (lost) COUNT(journal_carry_lost);
	else COUNT(journal_carry_failed);
	c->carrying = lost;
	c->unread = !lost;
	if (told && !lost) return;
	LOG(ERROR, "journal_not_carried", LOG_TEXT("the answer of a long call cannot be copied: its segment stays"),
	    LOG_Z("why", lost ? "it is damaged" : "the disk does not read it: tried again"), LOG_U64("call", c->call),
	    LOG_U64("segment", c->segment));
}

static enum err carry_one(struct journal_log *j, struct open_call *c)
{
	char memory[JOURNAL_FRAME_MAX];
	struct journal_frame f;
	enum err err = journal_frame_at(j, c->segment, c->offset, memory, &f);
	if (err != OK) return err;
	struct entry *e = malloc(sizeof *e + f.payload.n);
	if (!e) return ERR_FULL;
	*e = (struct entry){ .call = c->call, .boot = c->boot, .kind = f.kind, .carried = true, .n = f.payload.n };
	memcpy(e->payload, f.payload.p, f.payload.n);
	wait_in_line(j, e);
	c->carrying = true;
	c->unread = false;
	COUNT(journal_carried);
	return OK;
}

// Copies the answers of calls that still stand into the newest segment, so that the oldest can go. What cannot be had
// now, from the memory or from the disk, is tried again at the next tidying.
static void carry(struct journal_log *j, uint64_t segment)
{
	LIST_EACH(it, &j->open_calls) {
		struct open_call *c = LIST_OF(it, struct open_call, in_order);
		if (c->segment != segment || c->carrying) continue;
		enum err err = carry_one(j, c);
		if (err == ERR_FULL) return;
		if (err != OK) not_carried(c, err);
	}
}

static void delete_oldest(struct journal_log *j)
{
	char path[4096];
	struct buf b = buf_on(path, sizeof path);
	put_journal_path(&b, j->folder, j->segments[0].number);
	if (j->files.ops->unlink(j->files.self, path) != 0 && errno != ENOENT) return;
	pthread_mutex_lock(&j->lock);
	j->segment_count--;
	memmove(j->segments, j->segments + 1, j->segment_count * sizeof *j->segments);
	pthread_mutex_unlock(&j->lock);
	COUNT(journal_deleted);
}

static void trim(struct journal_log *j)
{
	if (atomic_load(&j->recovered_read) < j->recovered_count) return; // they are read where they stand
	while (j->segment_count > 1 && j->now.end > 0) {
		pthread_mutex_lock(&j->lock);
		bool loaded = j->segments[0].number < j->loaded.segment;
		pthread_mutex_unlock(&j->lock);
		if (!loaded || j->segments[0].number == j->now.number) return;
		if (j->segments[0].open) {
			// Only when nothing waits: a release that waits must not come before the copy of its answer.
			if (!j->first && j->segment_count > j->setup.segments_kept) carry(j, j->segments[0].number);
			return;
		}
		uint32_t before = j->segment_count;
		delete_oldest(j);
		if (j->segment_count == before) return;
	}
}

static void tidy(struct journal_log *j)
{
	if (j->now.end >= j->files.segment_bytes / 2) (void)make_ready(j); // told there
	trim(j);
	j->tidy_at_ms = journal_time(j).now_ms + JOURNAL_TIDY_MS;
}

// ---- Steps ----------------------------------------------------------------------------------------------------------

// When something is to be written; UINT64_MAX: nothing is.
static uint64_t write_due_ms(const struct journal_log *j)
{
	bool now = j->first || j->now.fd < 0; // without a segment it cannot be well, and calls wait for that
	uint64_t due_ms = now ? 0 : j->open_here ? j->written_at_ms + JOURNAL_LIFE_MS : UINT64_MAX;
	return due_ms > j->retry_at_ms ? due_ms : j->retry_at_ms;
}

bool journal_begin(struct journal_log *j)
{
	collect(j);
	if (journal_time(j).now_ms < write_due_ms(j)) {
		tidy(j);
		return false;
	}
	begin(j);
	return true;
}

void journal_finish(struct journal_log *j)
{
	finish(j);
	tidy(j);
}

uint64_t journal_due_ms(const struct journal_log *j)
{
	bool first = !j->first && atomic_load(&j->puts) != j->puts_seen;
	return first ? j->retry_at_ms : least(write_due_ms(j), j->tidy_at_ms);
}

void journal_give_up(struct journal_log *j)
{
	bool woken[JOURNAL_WORKERS_MAX] = { false };
	while (j->first) {
		struct entry *e = j->first;
		j->first = e->next;
		if (!e->carried) {
			COUNT(journal_given_up);
			LOG(ERROR, "journal_given_up", LOG_TEXT("a record was not written at the stop"), LOG_U64("call", e->call));
		}
		settle(j, e, ERR_SYSTEM, woken);
	}
	j->last = &j->first;
	wake(j, woken);
}
