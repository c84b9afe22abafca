// Processes for runs; and the search for the shortest run that still fails.
#include "sim/run.h"

#include "base/rcu.h"
#include "sim/party.h"
#include "sim/plan.h"
#include "sim/story.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 256u
#define CRASH_STATUS 99 // exit code of a child after a failure that it could tell

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

// ONE RUN

static void tell_story(struct run_result *r, struct sim *s)
{
	struct buf b = buf_on(r->story, sizeof r->story - 1);
	put_story(&b, s);
	r->story[b.n] = 0;
}

static struct sim *running; // for on_abort
static struct run_result *running_result;

// An assertion or the sanitizer ends the process: what can still be told is. (Nothing here is safe in a signal handler,
// but the process is lost anyhow, and the parent takes what it finds.)
static void on_abort(int number)
{
	signal(number, SIG_DFL);
	if (running) {
		running_result->events = sim_events(running);
		if (sim_plan(running)->keep) tell_story(running_result, running);
	}
	raise(number);
}

void run_here(struct run_result *r, const struct sim_plan *plan)
{
	r->failed = true;
	r->completed = (struct completed){ 0 };
	r->hostile = 0;
	r->story[0] = 0;
	strcpy(r->failure, "no memory");
	struct sim *s = sim_new(plan);
	if (!s) return;
	running = s;
	running_result = r;
	r->failed = !sim_run(s);
	running = NULL;
	r->sum = sim_sum(s);
	r->events = sim_events(s);
	r->calls = parties_begun(sim_parties(s));
	r->hostile = parties_hostile_sequences(sim_parties(s));
	str_to_z(r->failure, sizeof r->failure, str_from(sim_failure(s)));
	if (!r->failed) r->completed = completed_calls(s);
	if (r->failed && plan->keep) tell_story(r, s);
	sim_free(s);
	rcu_quiescent();
}

static void begin_process(void)
{
	// Pools are large and hardly touched: they come fresh from the system, run after run; what is small stays.
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 28);
	signal(SIGABRT, on_abort);
	rcu_join();
	rcu_online();
}

static void end_process(bool failed)
{
	rcu_offline();
	rcu_drain();
	fflush(NULL);
	exit(failed ? CRASH_STATUS : 0);
}

// A child that did not end by itself has left no word: how it ended is the failure.
static void take_ending(bool *failed, char failure[RUN_FAILURE_MAX], int status)
{
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CRASH_STATUS)) return;
	*failed = true;
	if (WIFSIGNALED(status)) snprintf(failure, RUN_FAILURE_MAX, "the process was ended by signal %d", WTERMSIG(status));
	else snprintf(failure, RUN_FAILURE_MAX, "the process ended with code %d: see above", WEXITSTATUS(status));
}

struct run_result *run_apart(const struct sim_plan *plan)
{
	struct run_result *r = shared_memory(sizeof *r);
	if (!r) return NULL;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		begin_process();
		run_here(r, plan);
		end_process(r->failed);
	}
	int status = 0;
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
	if (child < 0) return run_result_free(r);
	take_ending(&r->failed, r->failure, status);
	return r;
}

struct run_result *run_result_free(struct run_result *r)
{
	if (r) munmap(r, sizeof *r);
	return NULL;
}

// MANY

struct job { // what a process says of itself
	pid_t child;
	uint64_t seed; // that it is at
	struct run_tally tally;
	struct run_result result;
};

struct board { // in memory that all processes have
	_Atomic uint64_t next; // seeds that were taken
	struct job jobs[];
};

static void add_completed(struct completed *sum, const struct completed *c)
{
	sum->begun += c->begun;
	sum->completed += c->completed;
}

static bool run_seed(struct job *j, const struct run_many *m)
{
	struct sim_plan plan = plan_of(&m->said, j->seed);
	run_here(&j->result, &plan);
	uint64_t sum = j->result.sum;
	if (m->twice && !j->result.failed) {
		run_here(&j->result, &plan);
		if (!j->result.failed && j->result.sum != sum) {
			j->result.failed = true;
			snprintf(j->result.failure, sizeof j->result.failure, "run again, the same seed went another way");
		}
	}
	j->tally.seeds++;
	j->tally.calls += j->result.calls;
	add_completed(&j->tally.completed, &j->result.completed);
	j->tally.hostile += j->result.hostile;
	j->tally.sum += sum;
	return !j->result.failed;
}

static void work(struct board *b, struct job *j, const struct run_many *m, uint64_t until_ns)
{
	uint64_t began_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	bool good = true;
	begin_process();
	while (good && (!m->seconds || clock_ns(CLOCK_MONOTONIC) < until_ns)) {
		uint64_t n = atomic_fetch_add(&b->next, 1);
		if (m->count && n >= m->count) break;
		j->seed = m->first + n;
		good = run_seed(j, m);
	}
	j->tally.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began_ns;
	end_process(!good);
}

static void add(struct run_tally *t, const struct job *j)
{
	t->seeds += j->tally.seeds;
	t->calls += j->tally.calls;
	add_completed(&t->completed, &j->tally.completed);
	t->hostile += j->tally.hostile;
	t->sum += j->tally.sum;
	t->cpu_ns += j->tally.cpu_ns;
}

// Waits for all; the first failure ends the others.
static void await(struct run_tally *t, struct board *b, uint32_t jobs)
{
	for (uint32_t left = jobs; left;) {
		int status;
		pid_t child = waitpid(-1, &status, 0);
		if (child < 0 && errno != EINTR) break;
		for (uint32_t i = 0; i < jobs && child > 0; i++) {
			struct job *j = &b->jobs[i];
			if (j->child != child) continue;
			left--;
			j->child = 0;
			add(t, j);
			if (t->failed) break; // it was ended, since another failed
			t->failed = j->result.failed;
			str_to_z(t->failure, sizeof t->failure, str_from(j->result.failure));
			take_ending(&t->failed, t->failure, status);
			t->failed_seed = j->seed;
			for (uint32_t k = 0; k < jobs && t->failed; k++)
				if (b->jobs[k].child > 0) kill(b->jobs[k].child, SIGKILL);
		}
	}
}

bool run_many(struct run_tally *t, const struct run_many *m)
{
	uint32_t jobs = m->jobs == 0 ? 1 : m->jobs > JOBS_MAX ? JOBS_MAX : m->jobs;
	size_t size = sizeof(struct board) + jobs * sizeof(struct job);
	struct board *b = shared_memory(size);
	*t = (struct run_tally){ .failed = true };
	strcpy(t->failure, "the system refuses a process");
	if (!b) return false;
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + m->seconds * 1000000000u;
	uint32_t begun = 0;
	fflush(NULL);
	for (; begun < jobs; begun++) {
		pid_t child = fork();
		if (child == 0) work(b, &b->jobs[begun], m, until_ns);
		if (child < 0) break;
		b->jobs[begun].child = child;
	}
	if (begun) {
		t->failed = false;
		await(t, b, begun);
	}
	munmap(b, size);
	return !t->failed;
}

// SHORTENING

// What kind of failure: its first line without what differs from call to call (words with digits in them, characters).
static void put_kind(struct buf *b, struct str failure)
{
	struct str line = str_cut(&failure, '\n');
	while (line.n) {
		struct str word = str_cut(&line, ' ');
		bool names = word.n == 0 || word.p[0] == '(' || word.p[word.n - 1] == ')';
		for (uint32_t i = 0; i < word.n; i++) names |= ascii_is_digit(word.p[i]);
		if (!names) put(b, word), put_c(b, ' ');
	}
}

static bool same_kind(const char *a, const char *b)
{
	char texts[2][RUN_FAILURE_MAX];
	struct buf kinds[2] = { buf_on(texts[0], sizeof texts[0]), buf_on(texts[1], sizeof texts[1]) };
	put_kind(&kinds[0], str_from(a));
	put_kind(&kinds[1], str_from(b));
	return str_eq(buf_str(&kinds[0]), buf_str(&kinds[1]));
}

struct search {
	uint64_t seed, events, until_ns; // events: of the last run that failed
	const char *failure;
};

static bool fails(struct search *search, const struct sim_plan *said)
{
	struct sim_plan plan = plan_of(said, search->seed);
	struct run_result *r = run_apart(&plan);
	bool failed = r && r->failed && same_kind(r->failure, search->failure);
	if (failed) search->events = r->events;
	run_result_free(r);
	return failed;
}

static bool has_time(const struct search *search)
{
	return clock_ns(CLOCK_MONOTONIC) < search->until_ns;
}

// By halves, as if failing with n meant failing with more; any that fails is good enough.
struct sim_plan run_shorten(const struct sim_plan *said, uint64_t seed, const char *failure, uint64_t seconds)
{
	struct search search = { .seed = seed, .failure = failure,
	                         .until_ns = clock_ns(CLOCK_MONOTONIC) + seconds * 1000000000u };
	struct sim_plan best = *said, tried = *said;
	for (uint32_t low = 1, high = plan_of(said, seed).calls; low < high && has_time(&search);) {
		tried.calls = low + (high - low) / 2;
		if (fails(&search, &tried)) best = tried, high = tried.calls;
		else low = tried.calls + 1;
	}
	tried = best;
	for (uint64_t low = 1, high = search.events; low < high && has_time(&search);) {
		tried.events_max = low + (high - low) / 2;
		if (fails(&search, &tried)) best = tried, high = tried.events_max;
		else low = tried.events_max + 1;
	}
	return best;
}
