// Supervision of trunk peers by OPTIONS: each worker asks the peers of its share of the trunk groups, at the group's
// period; who does not answer is silent and is passed over by routes until it answers again.
#pragma once

#include "live/live.h"
#include "office/office.h"
#include "wire/sip/txn.h"

struct supervise_setup { // borrowed
	struct env *env;
	struct sip_stack *stack;
	const struct office *office;
	struct live *live;
	uint32_t worker, workers, listener_count;
	const struct addr *listeners; // as Via says them
};

struct supervise {
	struct supervise_setup setup;
	uint64_t next_ms; // when to look at the groups again
};

void supervise_init(struct supervise *s, const struct supervise_setup *setup);
// Asks who is due; the next deadline.
uint64_t supervise_tick(struct supervise *s);
// True when the owner names one of ours (then it was dealt with).
bool supervise_owns(uint64_t owner);
bool supervise_on_response(struct supervise *s, uint64_t owner, const struct sip_msg *m);
bool supervise_on_failure(struct supervise *s, uint64_t owner);
