// Takes release records from the journal to the store, step by step, and the thread that does so.
#include "keep/cdr_core.h"

#include "base/count.h"
#include "base/log.h"
#include "keep/journal.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define BATCH_RECORDS 1000
#define PAUSE_MS 200
#define RETRY_PAUSES 5 // after an error
#define LAST_MS 2000  // to load what is left at the stop

COUNTER(cdr_loaded, "Call records loaded into the store");
COUNTER(cdr_failed_batches, "Batches of call records that the store did not take: tried again");
COUNTER(cdr_conflicts, "Call records whose number another call has in the store: not loaded");

struct cdr_loader {
	struct cdr_loader_setup setup;
	char *path; // owned
	pthread_t thread;
	bool started;
	_Atomic bool stop;
	struct cdr_store *store;        // owned; NULL: not open
	dev_t device;                   // which file that is
	ino_t inode;
	struct journal_reader *reader;  // owned; at or after `place`
	struct journal_place place;     // stored
	bool failing;
};

// ---- The file -------------------------------------------------------------------------------------------------------

// Where to read on; a place in another journal (the folder was lost and made anew) is none in this one.
static enum err read_place(struct cdr_loader *l)
{
	struct store_query q = store_ask(&l->store->db, "SELECT journal, segment, place FROM journal_place");
	uint64_t id = 0;
	l->place = (struct journal_place){ 0 };
	if (store_next(&q)) {
		id = store_get_u64(&q);
		l->place.segment = store_get_u64(&q);
		l->place.offset = store_get_u64(&q);
	}
	enum err err = store_end(&q);
	if (err != OK || id == journal_id(l->setup.journal)) return err;
	if (id) LOG(WARN, "cdr_other_journal", LOG_TEXT("loaded from another journal so far: this one is read anew"));
	l->place = (struct journal_place){ 0 };
	return OK;
}

static void close_store(struct cdr_loader *l)
{
	l->store = cdr_close(l->store);
	l->reader = journal_reader_free(l->reader);
}

static enum err open_store(struct cdr_loader *l, struct store_fault *fault)
{
	struct stat st;
	enum err err = cdr_open(&l->store, l->path, fault);
	if (err != OK) return err;
	if (stat(l->path, &st) != 0) return ERR_SYSTEM;
	l->device = st.st_dev;
	l->inode = st.st_ino;
	err = read_place(l);
	if (err == OK) journal_loaded(l->setup.journal, l->place);
	return err;
}

// A file that was removed or replaced goes on existing for whoever has it open: nobody would find its records again.
static bool is_there(const struct cdr_loader *l)
{
	struct stat st;
	return stat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode;
}

// ---- Loading --------------------------------------------------------------------------------------------------------

// The same call under the same number: it was loaded before. Another one: the store has another journal's records.
static enum err check_same(struct cdr_loader *l, const struct call_record *r)
{
	struct store_query q = store_ask(&l->store->db, "SELECT count(*) FROM call_record WHERE sequence = ? AND call = ?");
	store_bind_u64(&q, r->sequence);
	store_bind_u64(&q, r->call);
	bool same = store_next(&q) && store_get_u64(&q) == 1;
	enum err err = store_end(&q);
	if (err != OK || same) return err;
	COUNT(cdr_conflicts);
	LOG(ERROR, "cdr_conflict", LOG_TEXT("another call has this record's number in the store: it is not loaded"),
	    LOG_U64("sequence", r->sequence), LOG_U64("call", r->call));
	return OK;
}

// Puts up to a batch of records in a transaction that the first of them begins; *after is the place after the last,
// *count how many there were.
static enum err put_records(struct cdr_loader *l, struct journal_place *after, uint32_t *count)
{
	struct call_record r;
	for (*count = 0; *count < BATCH_RECORDS; ++*count) {
		enum err err = journal_read(l->reader, &r, after);
		if (err == ERR_NOT_FOUND) return OK;
		if (err == OK && *count == 0) err = store_run(&l->store->db, "BEGIN IMMEDIATE");
		if (err == OK) err = cdr_put(l->store, &r);
		if (err == ERR_EXISTS) err = check_same(l, &r);
		if (err != OK) return err;
	}
	return OK;
}

static enum err store_place(struct cdr_loader *l, struct journal_place place)
{
	struct store_query q = store_ask(&l->store->db, "UPDATE journal_place SET journal = ?, segment = ?, place = ?");
	store_bind_u64(&q, journal_id(l->setup.journal));
	store_bind_u64(&q, place.segment);
	store_bind_u64(&q, place.offset);
	return store_finish(&q);
}

// One transaction: the records and how far they go, both or neither.
static enum err load_batch(struct cdr_loader *l, uint32_t *count)
{
	struct journal_place after = l->place;
	if (!l->reader) l->reader = journal_reader_new(l->setup.journal, l->place);
	if (!l->reader) return ERR_FULL;
	enum err err = put_records(l, &after, count);
	if (err == OK && *count == 0) return OK;
	if (err == OK) err = store_place(l, after);
	if (err == OK) err = store_run(&l->store->db, "COMMIT");
	if (err == OK) {
		l->place = after;
		journal_loaded(l->setup.journal, after);
		COUNT_BY(cdr_loaded, *count);
		return OK;
	}
	return err; // the caller closes the store, which takes the transaction back, and the reader, which has read on
}

static void tell(struct cdr_loader *l, enum err err, const struct store_fault *fault)
{
	if (err != OK) COUNT(cdr_failed_batches);
	if ((err != OK) == l->failing) return;
	l->failing = err != OK;
	if (err == OK) LOG(INFO, "cdr_loads_again", LOG_TEXT("call records reach the store again"));
	else
		LOG(ERROR, "cdr_not_loaded", LOG_TEXT("call records do not reach the store: the journal keeps them"),
		    LOG_Z("why", fault->why[0] ? fault->why : err_text(err)));
}

bool cdr_loader_step(struct cdr_loader *l, bool *more)
{
	struct store_fault fault = { "" };
	uint32_t count = 0;
	enum err err = OK;
	if (l->store && !is_there(l)) close_store(l);
	if (!l->store) err = open_store(l, &fault);
	if (err == OK) err = load_batch(l, &count);
	if (err != OK && l->store && !fault.why[0]) store_explain(&fault, &l->store->db, err, "store call records");
	tell(l, err, &fault);
	if (err != OK) close_store(l); // a fresh start each time: whatever was wrong with the connection is gone
	*more = err == OK && count == BATCH_RECORDS;
	return err == OK;
}

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// Sleeps, but not through a stop.
static void rest(const struct cdr_loader *l, uint32_t ms)
{
	for (uint64_t until_ms = now_ms() + ms; !atomic_load(&l->stop) && now_ms() < until_ms;) poll(NULL, 0, 20);
}

static void *run(void *loader)
{
	struct cdr_loader *l = loader;
	bool more = false;
	count_join();
	while (!atomic_load(&l->stop)) {
		bool went = cdr_loader_step(l, &more);
		if (!went) rest(l, RETRY_PAUSES * l->setup.pause_ms);
		else if (!more) journal_wait(l->setup.journal, l->setup.pause_ms);
		if (went && !more) rest(l, l->setup.pause_ms); // more comes together: one transaction for all
	}
	for (uint64_t until_ms = now_ms() + LAST_MS; cdr_loader_step(l, &more) && more && now_ms() < until_ms;) {}
	return NULL;
}

enum err cdr_loader_new(struct cdr_loader **out, const struct cdr_loader_setup *setup)
{
	struct cdr_loader *l = calloc(1, sizeof *l);
	*out = NULL;
	if (!l) return ERR_FULL;
	l->setup = *setup;
	if (!l->setup.pause_ms) l->setup.pause_ms = PAUSE_MS;
	l->path = strdup(setup->path);
	if (l->path) *out = l;
	else free(l);
	return *out ? OK : ERR_FULL;
}

enum err cdr_loader_start(struct cdr_loader **out, const struct cdr_loader_setup *setup)
{
	enum err err = cdr_loader_new(out, setup);
	if (err != OK) return err;
	(*out)->started = pthread_create(&(*out)->thread, NULL, run, *out) == 0;
	if ((*out)->started) return OK;
	*out = cdr_loader_stop(*out);
	return ERR_SYSTEM;
}

struct cdr_loader *cdr_loader_stop(struct cdr_loader *l)
{
	if (!l) return NULL;
	atomic_store(&l->stop, true);
	if (l->started) pthread_join(l->thread, NULL);
	close_store(l);
	free(l->path);
	free(l);
	return NULL;
}
