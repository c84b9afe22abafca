// The switch of a run: production code from the socket inwards (workers and what they say to each other, office, live
// state, journal, CDR loader, registrations), booted, crashed and booted again.
#pragma once

#include "call/model/record.h"
#include "office/office.h"
#include "run/worker.h"
#include "sim/sim.h"

#define NODE_ADDR_4 "192.0.2.1:5060"
#define NODE_ADDR_6 "[2001:db8::1]:5060"
#define TRUNK_ADDR "198.51.100.%u:5060" // of peers 1, 2 and 3
#define NODE_PASSWORD "dial-tone" // of all lines

struct node_sim;
// Makes the office of the plan's lines: names are their ten digits, 6035550000 and up; every eighth may
// hold one call only, some have forwarding (busy, no answer) to the next line, some are suspended, one hunts to two
// phones; two trunk groups, "near" (two peers: TRUNK_ADDR 1, 2; supervised) and "far" (peer 3, emergency).
struct node_sim *node_sim_new(struct sim *s);
struct node_sim *node_sim_free(struct node_sim *n);

// Boots: opens the journal on the simulator's disk, restores registrations, recovers calls that a crash cut off, binds.
bool node_boot(struct node_sim *n);
// Dies at this instant: memory is gone, sockets are closed, of the disk's unsynced writes the disk keeps what it likes.
// False: it was dead.
bool node_crash(struct node_sim *n);
// Stops in good order, as a signal has it (run/main.c): calls may finish for so long, what then stands is released, the
// journal writes what it holds. Then it boots again. Nothing happens to one that is not up, or stops already.
void node_stop(struct node_sim *n, uint32_t limit_ms, uint32_t boot_ms);
bool node_is_up(const struct node_sim *n);
uint32_t node_boots(const struct node_sim *n); // so far
// The media plane has an event for this worker, which wakes up. (node.c itself does plane_tick in time.)
void node_media_waits(struct node_sim *n, uint32_t worker);
// Changes of the office under load, as provisioning would publish them: a row is put anew, drawn from SIM_NODE.
void node_change_office(struct node_sim *n);

// For checkers and parties.
struct office *node_office(struct node_sim *n);
uint32_t node_worker_count(const struct node_sim *n);
struct worker *node_worker(struct node_sim *n, uint32_t index); // NULL: it is down
struct live *node_live(struct node_sim *n);
// How much a worker holds: much, unless the plan has the fault `pools`. More calls and legs are kept for emergencies.
struct node_room {
	uint32_t calls, transactions, message_bytes;
};
struct node_room node_room(const struct node_sim *n);
// The CDRs that the store has, each once, in order of their sequence: of records new since `from` (an index); NULL past
// the last. What the loader has not loaded yet is not there.
const struct call_record *node_cdr(struct node_sim *n, uint32_t index);
// Is the answer of this call on disk, and the call not over?
bool node_has_answer(struct node_sim *n, uint64_t call);
// Nothing waits: no call, leg, transaction, tombstone, journal record, media session, feature change.
bool node_is_quiet(struct node_sim *n);
// What is left, in words, for a failure.
struct buf;
void put_node_left(struct buf *b, struct node_sim *n);
