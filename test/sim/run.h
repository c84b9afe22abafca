// Runs in processes of their own: one that aborts (an assertion, the sanitizer) is a failure like any other, whose seed
// is known and which can be run again.
#pragma once

#include "sim/completed.h"
#include "sim/sim.h"

#define RUN_FAILURE_MAX 4096u
#define RUN_TEXT_MAX (1u << 20)

struct run_result {
	bool failed;
	uint64_t sum, events, calls;
	uint64_t hostile; // sequences of hostile messages
	struct completed completed;
	char failure[RUN_FAILURE_MAX];
	char story[RUN_TEXT_MAX]; // of a run that failed and kept its messages
};
// Runs one plan in this process.
void run_here(struct run_result *r, const struct sim_plan *plan);
// In a child, which may abort; the result is in memory that both have. NULL: the system refuses.
struct run_result *run_apart(const struct sim_plan *plan);
struct run_result *run_result_free(struct run_result *r);

// Many seeds, one after the other, in `jobs` processes, until one fails, `count` were run (0: no limit) or `seconds`
// are over (0: no limit).
struct run_many {
	struct sim_plan said; // for all (plan.h)
	uint64_t first, count, seconds;
	uint32_t jobs;
	bool twice; // each seed two times: the sums must be equal
};
struct run_tally {
	uint64_t seeds, calls, hostile; // as in run_result
	struct completed completed;
	uint64_t sum;    // of the sums of all runs: equal when all went the same way
	uint64_t cpu_ns; // of all processes
	uint64_t failed_seed;
	bool failed;
	char failure[RUN_FAILURE_MAX];
};
// False: one failed, or (failure says it) nothing could be run.
bool run_many(struct run_tally *t, const struct run_many *m);
// The shortest plan found that still fails in the same way, from one that did: fewer calls, then an earlier end. Takes
// about `seconds` at most.
struct sim_plan run_shorten(const struct sim_plan *said, uint64_t seed, const char *failure, uint64_t seconds);
