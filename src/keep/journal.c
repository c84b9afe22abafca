// The journal from outside: opened, put to, taken from, closed.
#include "keep/journal_core.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>

COUNTER(journal_refused, "Records refused because too many wait for the disk");

// ---- What a worker does ---------------------------------------------------------------------------------------------

// Refused: too much waits. Answers make room for releases first: who is told no yet has not been charged.
static bool has_room_for(const struct journal_log *j, const struct producer *p, uint8_t kind, uint32_t n)
{
	uint64_t most = kind == RECORD_RELEASE ? j->setup.bytes_max : j->setup.bytes_max / 4 * 3;
	return atomic_load(&p->in_flight) < j->setup.in_flight_max && atomic_load(&j->waiting_bytes) + n <= most;
}

static void hand_over(struct journal_log *j, struct producer *p, struct entry *e)
{
	enum err err = ring_put(&p->in, &e);
	assert(err == OK); // it holds as many as may be in flight
	(void)err;
	atomic_fetch_add(&j->puts, 1); // before the look whether the thread sleeps: it does the same the other way round
	// One wake-up is enough, whoever gives it.
	if (atomic_load(&j->sleeping) && atomic_exchange(&j->sleeping, false)) journal_wake(j);
}

static void hold(struct producer *p, struct entry *e)
{
	*p->held_last = e;
	p->held_last = &e->next;
}

void journal_hold(struct journal_log *j, uint32_t worker)
{
	j->workers[worker].holds = true;
}

void journal_let_go(struct journal_log *j, uint32_t worker)
{
	struct producer *p = &j->workers[worker];
	for (struct entry *e = p->held, *next; e; e = next) {
		next = e->next;
		hand_over(j, p, e);
	}
	p->held = NULL;
	p->held_last = &p->held;
}

static enum err put_record(void *self, uint32_t worker, const struct call_record *r, uint64_t owner)
{
	struct journal_log *j = self;
	char text[CALL_RECORD_BYTES_MAX];
	struct buf b = buf_on(text, sizeof text);
	if (worker >= j->setup.workers || (r->kind != RECORD_ANSWER && r->kind != RECORD_RELEASE)) return ERR_BAD;
	struct producer *p = &j->workers[worker];
	put_call_record(&b, r);
	struct entry *e = b.err == OK && has_room_for(j, p, r->kind, b.n) ? malloc(sizeof *e + b.n) : NULL;
	struct open_call *open = e && r->kind == RECORD_ANSWER ? calloc(1, sizeof *open) : NULL;
	if (!e || (r->kind == RECORD_ANSWER && !open)) {
		COUNT(journal_refused);
		free(e);
		return ERR_FULL;
	}
	*e = (struct entry){ .open = open, .owner = owner, .call = r->call, .worker = worker, .boot = j->boot,
		                 .kind = r->kind, .n = b.n };
	memcpy(e->payload, b.p, b.n);
	atomic_fetch_add(&p->in_flight, 1);
	atomic_fetch_add(&j->waiting, 1);
	atomic_fetch_add(&j->waiting_bytes, b.n);
	if (p->holds && r->kind == RECORD_RELEASE) hold(p, e);
	else hand_over(j, p, e);
	return OK;
}

static bool is_healthy(void *self)
{
	const struct journal_log *j = self;
	uint64_t busy_since_ms = atomic_load(&j->busy_since_ms);
	if (atomic_load(&j->failing) || atomic_load(&j->no_room)) return false;
	return busy_since_ms == 0 || journal_time(j).now_ms - busy_since_ms <= j->setup.late_ms;
}

static bool has_room(void *self, uint32_t worker)
{
	const struct journal_log *j = self;
	return has_room_for(j, &j->workers[worker], RECORD_ANSWER, CALL_RECORD_BYTES_MAX);
}

struct journal journal_of(struct journal_log *j)
{
	static const struct journal_ops ops = { put_record, is_healthy, has_room };
	return (struct journal){ &ops, j };
}

bool journal_take(struct journal_log *j, uint32_t worker, struct journal_done *out)
{
	struct producer *p = &j->workers[worker];
	if (!ring_take(&p->out, out)) return false;
	atomic_fetch_sub(&p->in_flight, 1);
	return true;
}

// ---- Opening and closing --------------------------------------------------------------------------------------------

static struct journal_time system_clock(void *self)
{
	(void)self;
	return (struct journal_time){ journal_now_ms(), journal_clock_ms(CLOCK_REALTIME) };
}

static uint64_t or_default(uint64_t value, uint64_t dflt)
{
	return value ? value : dflt;
}

static void take_setup(struct journal_log *j, const struct journal_setup *setup)
{
	struct journal_setup *s = &j->setup;
	*s = *setup;
	s->in_flight_max = (uint32_t)or_default(s->in_flight_max, 8192);
	s->bytes_max = or_default(s->bytes_max, 64u << 20);
	s->segment_bytes = or_default(s->segment_bytes, 16u << 20);
	if (s->segment_bytes < 4 * JOURNAL_FRAME_MAX) s->segment_bytes = 4 * JOURNAL_FRAME_MAX;
	s->segments_kept = (uint32_t)or_default(s->segments_kept, 8);
	s->late_ms = (uint32_t)or_default(s->late_ms, 200);
	s->stop_ms = (uint32_t)or_default(s->stop_ms, 1000);
	if (!s->clock) s->clock = system_clock;
	j->folder = strdup(setup->folder);
	j->files = (struct journal_files){ j->folder, s->files ? s->files : &file_ops_system, s->files_self,
		                               s->segment_bytes };
}

static enum err make_parts(struct journal_log *j)
{
	j->workers = calloc(j->setup.workers, sizeof *j->workers);
	j->batch = buf_on(malloc(JOURNAL_BATCH_BYTES), JOURNAL_BATCH_BYTES);
	if (!j->folder || !j->workers || !j->batch.p) return ERR_FULL;
	for (uint32_t w = 0; w < j->setup.workers; w++) {
		struct producer *p = &j->workers[w];
		p->held_last = &p->held;
		if (ring_init(&p->in, sizeof(struct entry *), j->setup.in_flight_max) != OK) return ERR_FULL;
		if (ring_init(&p->out, sizeof(struct journal_done), j->setup.in_flight_max) != OK) return ERR_FULL;
	}
	return map_init(&j->open, 1u << 16, (struct hash_key){ { 0 } });
}

static enum err refuse(enum err err, const struct journal_log *j, const char *why)
{
	LOG(ERROR, "journal_unusable", LOG_Z("text", why), LOG_Z("folder", j->folder ? j->folder : ""),
	    LOG_Z("system", strerror(errno)));
	return err;
}

// One process alone: the lock goes with it, however it ends.
static enum err lock_folder(struct journal_log *j)
{
	char path[4096];
	struct buf b = buf_on(path, sizeof path);
	put_fmt(&b, "%s/lock", j->folder);
	put_c(&b, '\0');
	const struct journal_files *f = &j->files;
	j->lock_fd = b.err == OK ? f->ops->open(f->self, path, O_CREAT | O_RDWR, 0600) : -1;
	if (j->lock_fd < 0) return refuse(ERR_SYSTEM, j, "the folder of the journal cannot be used");
	if (f->ops->lock(f->self, j->lock_fd) != 0) return refuse(ERR_STATE, j, "another switch has this journal open");
	return OK;
}

// 63 bits, for the stores that keep it; never 0.
static uint64_t new_id(void)
{
	uint64_t id = 0;
	while (id == 0)
		if (getrandom(&id, sizeof id, 0) == sizeof id) id >>= 1;
	return id;
}

static enum err open_log(struct journal_log *j)
{
	enum err err = make_parts(j);
	if (err == OK) err = lock_folder(j);
	if (err != OK) return err;
	err = journal_scan(j);
	if (err != OK) return refuse(err, j, "the journal cannot be read");
	j->boot++;
	j->open_here = 0; // what the scan counted is of former starts
	if (j->boot < j->setup.boot_least) j->boot = j->setup.boot_least;
	if (j->id == 0) j->id = j->setup.id ? j->setup.id : new_id();
	if (j->sequence < j->setup.sequence_least) j->sequence = j->setup.sequence_least;
	atomic_store(&j->sequence_done, j->sequence);
	if (atomic_load(&j->open_count))
		LOG(WARN, "journal_recovers", LOG_TEXT("calls were answered and not released when the switch stopped"),
		    LOG_U64("calls", atomic_load(&j->open_count)));
	// The first frame of a new segment: with it this start is known, and the disk has shown that it can be written. On
	// a full disk the switch starts all the same, for emergency calls; the journal is not well until there is room.
	err = journal_commit(j);
	return err == OK || err == ERR_FULL ? OK : refuse(ERR_SYSTEM, j, "the journal cannot be written");
}

enum err journal_open(struct journal_log **out, const struct journal_setup *setup)
{
	*out = NULL;
	if (setup->workers == 0 || setup->workers > JOURNAL_WORKERS_MAX) return ERR_BAD;
	struct journal_log *j = calloc(1, sizeof *j);
	if (!j) return ERR_FULL;
	j->lock_fd = j->event_fd = j->now.fd = j->ready.fd = -1;
	j->last = &j->first;
	list_init(&j->open_calls);
	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&j->committed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	take_setup(j, setup);
	enum err err = open_log(j);
	if (err == OK) *out = j;
	else journal_close(j);
	return err;
}

static void free_parts(struct journal_log *j)
{
	LIST_EACH(it, &j->open_calls) free(LIST_OF(it, struct open_call, in_order));
	map_fini(&j->open);
	while (j->first) { // and what is in the rings: when no thread was started
		struct entry *e = j->first;
		j->first = e->next;
		journal_entry_free(e);
	}
	for (uint32_t w = 0; j->workers && w < j->setup.workers; w++) {
		struct producer *p = &j->workers[w];
		if (p->in.items) journal_let_go(j, w); // what was never let go goes the same way
		for (struct entry *e; p->in.items && ring_take(&p->in, &e);) journal_entry_free(e);
		ring_fini(&p->in);
		ring_fini(&p->out);
	}
	free(j->workers);
	free(j->batch.p);
	free(j->segments);
	free(j->lives);
	free(j->recovered);
	free(j->folder);
}

struct journal_log *journal_close(struct journal_log *j)
{
	if (!j) return NULL;
	journal_stop(j);
	journal_segment_close(&j->now, &j->files);
	journal_segment_close(&j->ready, &j->files);
	free_parts(j);
	if (j->lock_fd >= 0) j->files.ops->close(j->files.self, j->lock_fd);
	pthread_cond_destroy(&j->committed);
	pthread_mutex_destroy(&j->lock);
	free(j);
	return NULL;
}

uint32_t journal_boot(const struct journal_log *j)
{
	return j->boot;
}

struct journal_status journal_status(struct journal_log *j)
{
	struct journal_status s = {
		.healthy = is_healthy(j),
		.sequence = atomic_load(&j->sequence_done),
		.open_calls = atomic_load(&j->open_count),
		.waiting = atomic_load(&j->waiting),
		.waiting_bytes = atomic_load(&j->waiting_bytes),
		.commits = atomic_load(&j->commits),
		.records = atomic_load(&j->records),
	};
	pthread_mutex_lock(&j->lock);
	s.segments = j->segment_count;
	pthread_mutex_unlock(&j->lock);
	return s;
}

uint64_t journal_id(const struct journal_log *j)
{
	return j->id;
}

void journal_loaded(struct journal_log *j, struct journal_place upto)
{
	pthread_mutex_lock(&j->lock);
	j->loaded = upto;
	pthread_mutex_unlock(&j->lock);
}

void journal_wait(struct journal_log *j, uint32_t timeout_ms)
{
	uint64_t until_ms = journal_now_ms() + timeout_ms;
	struct timespec until = { .tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000 };
	pthread_mutex_lock(&j->lock);
	while (atomic_load(&j->commits) == j->commits_seen)
		if (pthread_cond_timedwait(&j->committed, &j->lock, &until) == ETIMEDOUT) break;
	j->commits_seen = atomic_load(&j->commits);
	pthread_mutex_unlock(&j->lock);
}
