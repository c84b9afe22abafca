// Runs seeds:   sim [--seed N | --from N --seeds N | --seconds N] [--jobs N] [--twice] [PLAN ...]
//               sim --kept FILE        the kept seeds, as TAP
//               sim --figure NAME      a figure of the manual; which there are, when NAME is none
//
// Fresh seeds, for a minute, when none is named. PLAN: the options of plan.h, --print among them. The first failure ends
// it: what was promised and what is, the command that shows it again, the shortest run that still fails, its story.
#include "base/log.h"
#include "sim/figure.h"
#include "sim/plan.h"
#include "sim/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define SECONDS_DEFAULT 60u
#define SHORTEN_SECONDS 60u
#define LINE_MAX 1024

struct options {
	struct run_many many;
	bool seed_said;
	const char *kept, *figure, *failures; // files; failures: failing seeds are appended to it
};

static void print_plan(const char *before, const struct sim_plan *said, uint64_t seed)
{
	char text[LINE_MAX];
	struct buf b = buf_on(text, sizeof text);
	put_plan(&b, said, seed);
	printf("%s%.*s\n", before, (int)b.n, text);
}

// As TAP wants what is no result: behind a #.
static void print_lines(struct str text, const char *before)
{
	while (text.n) {
		struct str line = str_cut(&text, '\n');
		printf("%s%.*s\n", before, STR_FMT(line));
	}
}

static void tell(const struct sim_plan *said, uint64_t seed, const char *failure, const char *before)
{
	struct sim_plan shortest = run_shorten(said, seed, failure, SHORTEN_SECONDS), plan = plan_of(&shortest, seed);
	printf("%sseed %llu: %s\n", before, (unsigned long long)seed, failure);
	printf("%sagain:     ", before);
	print_plan("", said, seed);
	printf("%sshortest:  ", before);
	print_plan("", &shortest, seed);
	plan.keep = true;
	plan.print = false;
	struct run_result *r = run_apart(&plan);
	if (r && r->failed) {
		printf("%s\n%s%s\n%s\n", before, before, r->failure, before);
		print_lines(str_from(r->story), before);
	}
	run_result_free(r);
	fflush(stdout);
}

static void keep_failure(const struct options *o, uint64_t seed, const char *failure)
{
	char text[LINE_MAX];
	struct buf b = buf_on(text, sizeof text);
	FILE *f = o->failures ? fopen(o->failures, "a") : NULL;
	if (!f) return;
	put_plan(&b, &o->many.said, seed);
	fprintf(f, "%.*s  # %s\n", (int)b.n, text, failure);
	fclose(f);
}

static int run(const struct options *o)
{
	struct run_tally t;
	bool good = run_many(&t, &o->many);
	double seconds = (double)t.cpu_ns / 1e9;
	printf("%llu calls in %llu seeds, sum %016llx, %.1f s of processor time: %.0f calls/s\n", (unsigned long long)t.calls,
	       (unsigned long long)t.seeds, (unsigned long long)t.sum, seconds, seconds > 0 ? (double)t.calls / seconds : 0.0);
	fflush(stdout);
	if (good) return 0;
	keep_failure(o, t.failed_seed, t.failure);
	tell(&o->many.said, t.failed_seed, t.failure, "");
	return 1;
}

// KEPT SEEDS: a line "1234 --calls 20   # what it found"

#define WORDS_MAX 32

// False: it is no plan.
static bool read_line(struct sim_plan *said, uint64_t *seed, char *line)
{
	char *words[WORDS_MAX], *rest = NULL;
	int count = 0, took = 1;
	for (char *w = strtok_r(line, " \t\n", &rest); w && count < WORDS_MAX; w = strtok_r(NULL, " \t\n", &rest))
		words[count++] = w;
	*said = plan_unsaid();
	if (count == 0 || str_to_u64(seed, str_from(words[0]), UINT64_MAX) != OK) return false;
	for (int i = 1; i < count && took > 0; i += took) took = plan_read(said, words + i, count - i);
	return took > 0;
}

static bool run_kept_line(char *line, uint32_t number)
{
	struct sim_plan said;
	uint64_t seed;
	char *what = strchr(line, '#');
	if (what) *what++ = 0;
	struct str found = str_trim(str_from(what));
	if (!read_line(&said, &seed, line)) {
		printf("not ok %u - no plan: %s\n", number, line);
		return false;
	}
	struct sim_plan plan = plan_of(&said, seed);
	struct run_result *r = run_apart(&plan);
	bool good = r && !r->failed;
	printf("%sok %u - seed %llu: %.*s\n", good ? "" : "not ", number, (unsigned long long)seed, STR_FMT(found));
	if (!good) tell(&said, seed, r ? r->failure : "no process", "# ");
	fflush(stdout);
	run_result_free(r);
	return good;
}

static int run_kept(const char *path)
{
	char line[LINE_MAX];
	uint32_t count = 0, failed = 0;
	FILE *f = fopen(path, "r");
	if (!f) {
		printf("Bail out! %s cannot be read\n", path);
		return 1;
	}
	while (fgets(line, sizeof line, f)) {
		struct str text = str_trim(str_from(line));
		if (text.n && text.p[0] != '#') failed += !run_kept_line(line, ++count);
	}
	fclose(f);
	printf("1..%u\n", count);
	return failed != 0;
}

// OPTIONS

static bool read_number(uint64_t *out, const char *value)
{
	return value && str_to_u64(out, str_from(value), UINT64_MAX) == OK;
}

// How many words an option of this program took; 0: it is none.
static int read_option(struct options *o, char **words, int count)
{
	struct str word = str_from(words[0]);
	const char *value = count > 1 ? words[1] : NULL;
	uint64_t jobs = 0;
	if (str_eq(word, STR("--twice"))) return (o->many.twice = true);
	if (str_eq(word, STR("--kept"))) return (o->kept = value) ? 2 : 0;
	if (str_eq(word, STR("--figure"))) return (o->figure = value) ? 2 : 0;
	if (str_eq(word, STR("--failures"))) return (o->failures = value) ? 2 : 0;
	if (str_eq(word, STR("--seed")) && read_number(&o->many.first, value)) {
		o->seed_said = true;
		o->many.count = 1;
		return 2;
	}
	if (str_eq(word, STR("--from"))) return (o->seed_said = read_number(&o->many.first, value)) ? 2 : 0;
	if (str_eq(word, STR("--seeds"))) return read_number(&o->many.count, value) ? 2 : 0;
	if (str_eq(word, STR("--seconds"))) return read_number(&o->many.seconds, value) ? 2 : 0;
	if (str_eq(word, STR("--jobs")) && read_number(&jobs, value)) {
		o->many.jobs = (uint32_t)jobs;
		return 2;
	}
	int took = plan_read(&o->many.said, words, count);
	return took > 0 ? took : 0;
}

int main(int argc, char **argv)
{
	struct options o = { .many = { .said = plan_unsaid(), .jobs = 1 } };
	for (int i = 1, took; i < argc; i += took) {
		took = read_option(&o, argv + i, argc - i);
		if (took) continue;
		fprintf(stderr, "%s: not understood, or its value is wrong; see docs/simulator.md\n", argv[i]);
		return 2;
	}
	log_quiet = true;
	if (o.kept) return run_kept(o.kept);
	if (o.figure) return figure_run(o.figure, o.many.jobs);
	if (!o.seed_said && getrandom(&o.many.first, sizeof o.many.first, 0) < 0) return 1;
	if (!o.seed_said) o.many.first >>= 24; // short enough to be read out
	if (!o.many.count && !o.many.seconds) o.many.seconds = SECONDS_DEFAULT;
	return run(&o);
}
