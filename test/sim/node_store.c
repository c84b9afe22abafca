// Where the records of a run go: most runs read them from the journal into memory, as the loader would; in some the
// loader itself puts them into a store, whose files a crash leaves as SQLite does.
#include "sim/node_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STORE_SEEDS 16 // one of so many has a store

static void keep(struct node_sim *n, const struct call_record *r)
{
	weather_leave(); // the simulator's own memory
	if (n->record_count == n->record_max) {
		n->record_max = n->record_max ? n->record_max * 2 : 256;
		n->records = realloc(n->records, n->record_max * sizeof *n->records);
	}
	struct call_record *copy = n->records ? malloc(sizeof *copy) : NULL;
	if (!copy) abort();
	*copy = *r;
	n->records[n->record_count++] = copy;
	weather_enter(sim_weather(n->sim));
}

uint64_t node_store_sequence(const struct node_sim *n)
{
	return n->record_count ? n->records[n->record_count - 1]->sequence : 0;
}

// A number that came before must be the same call's: it was written twice because a sync had failed.
static void take(struct node_sim *n, const struct call_record *r)
{
	if (r->sequence > node_store_sequence(n)) {
		keep(n, r);
		return;
	}
	for (uint32_t i = n->record_count; i-- > 0 && n->records[i]->sequence >= r->sequence;)
		if (n->records[i]->sequence == r->sequence && n->records[i]->call == r->call) return;
	sim_fail(n->sim, "a record with the number %llu, of call %llu, comes after that of another call",
	         (unsigned long long)r->sequence, (unsigned long long)r->call);
}

static void read_journal(struct node_sim *n)
{
	static struct call_record r;
	struct journal_place after;
	if (!n->reader) n->reader = journal_reader_new(n->journal, n->place);
	while (n->reader && journal_read(n->reader, &r, &after) == OK) {
		take(n, &r);
		n->place = after;
	}
	journal_loaded(n->journal, n->place);
}

static void load_store(struct node_sim *n)
{
	static struct call_record r;
	struct store_fault fault = { "" };
	struct cdr_store *s;
	struct cdr_filter filter = { .after = node_store_sequence(n), .limit = UINT32_MAX };
	bool more = true;
	enum err err;
	if (journal_status(n->journal).sequence == node_store_sequence(n)) return; // nothing new
	while (more && cdr_loader_step(n->loader, &more)) {}
	if (cdr_open(&s, n->store, &fault) != OK) return;
	struct cdr_walk *w = cdr_walk_new(s, &filter, &err);
	while (w && cdr_next(w, &r) == OK) keep(n, &r);
	cdr_walk_free(w);
	cdr_close(s);
}

void node_store_load(struct node_sim *n)
{
	if (n->loader) load_store(n);
	else read_journal(n);
}

enum err node_store_open(struct node_sim *n)
{
	if (!n->store[0]) return OK;
	return cdr_loader_new(&n->loader, &(struct cdr_loader_setup){ .journal = n->journal, .path = n->store });
}

void node_store_close(struct node_sim *n)
{
	n->loader = cdr_loader_stop(n->loader);
	n->reader = journal_reader_free(n->reader);
}

enum err node_store_make(struct node_sim *n)
{
	char folder[48] = "/dev/shm/dialtone-sim-XXXXXX";
	struct store_fault fault = { "" };
	enum err err = registration_open(&n->registrations, ":memory:", &fault);
	if (err != OK || sim_plan(n->sim)->seed % STORE_SEEDS) return err;
	if (!mkdtemp(folder)) return ERR_SYSTEM;
	snprintf(n->store, sizeof n->store, "%s/records.db", folder);
	return OK;
}

void node_store_remove(struct node_sim *n)
{
	static const char *const ends[] = { "-wal", "-shm", "" };
	char path[80];
	n->registrations = registration_close(n->registrations);
	for (uint32_t i = 0; i < n->record_count; i++) free(n->records[i]);
	free(n->records);
	if (!n->store[0]) return;
	for (uint32_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof path, "%s%s", n->store, ends[i]);
		unlink(path);
	}
	*strrchr(n->store, '/') = 0;
	rmdir(n->store);
}
