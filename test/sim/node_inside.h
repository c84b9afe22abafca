// What stands behind node.h, for its own files.
#pragma once

#include "base/rcu.h"
#include "live/live.h"
#include "sim/check.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/plane.h"
#include "sim/weather.h"

#define NODE_LISTENERS 2

struct kept_record { // a record that is on disk
	struct call_record record;
	bool released; // an answer whose call has ended
};

struct done_record {
	uint64_t owner;
	uint8_t kind;
};

struct feature_answer { // on its way to the worker
	uint64_t owner;
	uint32_t life, worker;
	enum err result;
};

struct member { // a worker and what waits for it
	struct worker *worker;
	struct outbox out;
	struct node_sim *node;
	uint64_t due_ms, armed_ms; // its next turn; the earliest event of it that is on its way
	struct done_record *dones; // owned: what it is told at its next turn
	uint32_t done_count, done_max;
};

struct node_sim {
	struct sim *sim;
	struct office *office;
	struct live *live;
	struct endpoint sockets[NODE_LISTENERS];
	struct member *members; // owned
	uint32_t member_count, life; // life: counts boots
	uint64_t plane_ms; // when plane_tick is on its way
	bool up;
	struct kept_record **records; // owned
	uint32_t record_count, record_max;
	const struct call_record **cdrs; // owned; of the records
	uint32_t cdr_count, cdr_max;
};

// Sees to it that plane_tick comes in time.
void node_plane_due(struct node_sim *n);
uint64_t node_line_digits(uint32_t index);
// The office as node.h says; *out is the caller's even on an error.
MUST_CHECK enum err node_office_make(struct office **out, uint32_t lines);
