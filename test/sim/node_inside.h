// What stands behind node.h, for its own files.
#pragma once

#include "base/rcu.h"
#include "keep/cdr.h"
#include "keep/registration.h"
#include "run/crew.h"
#include "sim/check.h"
#include "sim/disk.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/plane.h"
#include "sim/weather.h"

#define NODE_LISTENERS 2

// Something of the node that comes again and again: at most one event of it counts, the earliest that was asked for.
struct alarm {
	uint64_t due_ms, armed_ms; // UINT64_MAX: none
};

struct node_sim {
	struct sim *sim;
	struct endpoint sockets[NODE_LISTENERS];
	uint32_t worker_count, life; // life: counts boots
	bool up;

	// A process; gone with a crash
	struct live *live;
	struct journal_log *journal;
	struct crew *crew;
	struct node_room room; // of each of its workers
	struct inputs **inputs;      // owned: of each worker; NULL: this run's calls are not replayed
	struct alarm *turns; // owned: of each worker
	struct alarm plane, commit, control, loading;
	bool committing;     // a batch is being written
	uint64_t saved_ms;
	struct cdr_loader *loader;     // of a run with a store, or
	struct journal_reader *reader; // of one without

	// What outlives it
	struct office *office; // as provisioning would load it again
	struct registration_store *registrations;
	char store[64]; // path of records.db; empty: the records below are all there is
	struct journal_place place;
	struct call_record **records; // owned: what was loaded, in order
	uint32_t record_count, record_max;
};

uint64_t node_line_digits(uint32_t index);
// The office as node.h says; *out is the caller's even on an error.
MUST_CHECK enum err node_office_make(struct office **out, uint32_t lines);

// node_store.c: where records go.
MUST_CHECK enum err node_store_make(struct node_sim *n);
void node_store_remove(struct node_sim *n);
// The loader of a process that boots; and one that died.
MUST_CHECK enum err node_store_open(struct node_sim *n);
void node_store_close(struct node_sim *n);
// Loads what the journal has.
void node_store_load(struct node_sim *n);
uint64_t node_store_sequence(const struct node_sim *n); // of the last record
