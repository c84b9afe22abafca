// Figures: loss, clocks, hostility, speed.
#include "sim/figure.h"

#include "sim/plan.h"
#include "sim/run.h"

#include <string.h>

#define WORDS_MAX 16

struct figure {
	const char *name, *what, *plan; // plan: words of plan.h
	uint64_t seeds;
	double completed_least;     // of 100 calls, that get an answer from where they go; 0: not promised
	uint64_t hostile_least;     // sequences of hostile messages
	const char *promise;
};

static const struct figure figures[] = {
	{ .name = "loss20", .what = "20 % of all datagrams are lost, each way", .seeds = 50, .completed_least = 99.8,
	  .plan = "--faults none --loss 2000 --character ordinary --calls 2000 --lines 400 --rate 4",
	  .promise = "99.8 % completed, none stuck, no CDR doubled" },
	{ .name = "loss5", .what = "5 % of all datagrams are lost, each way", .seeds = 300, .completed_least = 99.999,
	  .plan = "--faults none --loss 500 --character ordinary --calls 2000 --lines 400 --rate 4",
	  .promise = "99.999 % completed, none stuck, no CDR doubled" },
	{ .name = "clock", .what = "the wall clock jumps by an hour, a day, to 29 February; it slews by up to 500 ppm",
	  .seeds = 200, .plan = "--faults clock,slew --calls 500 --lines 60", .promise = "durations exact to 20 ms" },
	{ .name = "power", .what = "the power fails at any event; what was not synced is lost, or parts of it", .seeds = 200,
	  .plan = "--faults crash --calls 400 --lines 60",
	  .promise = "each call whose caller heard of its answer has one CDR, its end within 1 s of the last proof of life" },
	{ .name = "disk", .what = "the disk is slow by up to 5 s, full, and fails", .seeds = 200,
	  .plan = "--faults slow-disk,disk-full,sync-fails,write-fails --calls 400 --lines 60",
	  .promise = "no answer waits longer than 200 ms, that of 911 not at all; no CDR is lost" },
	{ .name = "hostile", .what = "sequences of 3 to 30 hostile messages among ordinary calls", .seeds = 400,
	  .hostile_least = 100000, .plan = "--calls 400 --lines 200 --rate 5",
	  .promise = "each call ends, one CDR each, nothing left" },
};

static struct sim_plan plan_from(const char *text)
{
	char copy[512], *words[WORDS_MAX], *rest = NULL;
	struct sim_plan said = plan_unsaid();
	int count = 0;
	str_to_z(copy, sizeof copy, str_from(text));
	for (char *w = strtok_r(copy, " ", &rest); w && count < WORDS_MAX; w = strtok_r(NULL, " ", &rest)) words[count++] = w;
	for (int i = 0, took = 1; i < count && took > 0; i += took) took = plan_read(&said, words + i, count - i);
	return said;
}

static int print_reached(const struct figure *f, const struct run_tally *t)
{
	double completed = t->completed.begun ? 100.0 * t->completed.completed / t->completed.begun : 0;
	bool good = !t->failed && completed >= f->completed_least && t->hostile >= f->hostile_least;
	printf("%s: %s\n", f->name, f->what);
	printf("  promised:  %s\n", f->promise);
	printf("  reached:   %llu calls in %llu seeds", (unsigned long long)t->calls, (unsigned long long)t->seeds);
	if (f->completed_least > 0)
		printf(", %.4f %% of %u to lines completed", completed, t->completed.begun);
	if (f->hostile_least) printf(", %llu hostile sequences", (unsigned long long)t->hostile);
	printf("%s%s\n", t->failed ? "; a promise was broken: " : good ? ": yes" : ": no", t->failed ? t->failure : "");
	if (t->failed) printf("  again:     sim --seed %llu %s\n", (unsigned long long)t->failed_seed, f->plan);
	return !good;
}

int figure_run(const char *name, uint32_t jobs)
{
	for (uint32_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
		if (strcmp(figures[i].name, name) != 0) continue;
		struct run_tally t;
		run_many(&t, &(struct run_many){ .said = plan_from(figures[i].plan), .first = 1, .count = figures[i].seeds,
		                                 .jobs = jobs });
		return print_reached(&figures[i], &t);
	}
	for (uint32_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
		printf("%-8s  %s\n", figures[i].name, figures[i].what);
	return 2;
}
