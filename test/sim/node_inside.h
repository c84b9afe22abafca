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
	struct alarm plane, commit, control, loading, stopping;
	bool committing;     // a batch is being written
	bool closing;        // the workers have stopped, the journal writes what it still holds
	bool sheds;          // a worker stopped with a call whose record the journal could not take
	uint64_t give_up_ms; // of a stop: a disk that fails is tried until then;
	uint32_t down_ms;    // and then it is down for so long
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

// node.c: what else ends it needs. An alarm comes at that time or before; its event asks whether it counts, and is due.
void node_set_alarm(struct node_sim *n, struct alarm *a, uint64_t at_ms, sim_event *run, uint32_t worker);
bool node_alarm_rings(struct node_sim *n, struct alarm *a, uint64_t arg, sim_event *run);
void node_enter(struct node_sim *n); // around each step of production code
void node_leave(struct node_sim *n);
void node_save_registrations(struct node_sim *n, uint32_t max); // of so many lines
// Closes the sockets, and forgets what was to be done.
void node_hang_up(struct node_sim *n);
void node_end(struct node_sim *n); // its memory is gone
void node_boot_later(struct node_sim *n, uint32_t after_ms);

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
