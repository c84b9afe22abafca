// Runs seeds:   sim [--seed N | --from N --seeds N | --seconds N] [--jobs N] [--twice] [--briefly] [PLAN ...]
//               sim --kept FILE        the kept seeds, as TAP
//               sim --figure NAME      a figure of the manual; which there are, when NAME is none
//               sim --seed N --as-ladder first|CALL-ID    a conversation of that run as a scenario of test/ladders
//
// Fresh seeds, for a minute, when none is named. PLAN: the options of plan.h, --print among them. The first failure ends
// it: what was promised and what is, the command that shows it again, the shortest run that still fails, its story
// (--briefly: the first of these alone).
#include "base/log.h"
#include "base/rcu.h"
#include "sim/as_ladder.h"
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
	bool seed_said, briefly; // briefly: a failure is not shortened, nor its story told
	const char *as_ladder; // Call-ID, or "first"
	const char *kept, *figure, *failures; // files; failures: failing seeds are appended to it
};

static void print_plan(const struct sim_plan *said, uint64_t seed)
{
	char text[LINE_MAX];
	struct buf b = buf_on(text, sizeof text);
	put_plan(&b, said, seed);
	printf("%.*s\n", (int)b.n, text);
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
	struct sim_plan full = plan_of(said, seed), shortest = run_shorten(said, seed, failure, SHORTEN_SECONDS);
	struct sim_plan plan = plan_of(&shortest, seed);
	printf("%sseed %llu: %s\n", before, (unsigned long long)seed, failure);
	printf("%sagain:     ", before);
	print_plan(said, seed);
	printf("%sin full:   ", before);
	print_plan(&full, seed);
	printf("%sshortest:  ", before);
	print_plan(&shortest, seed);
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
	if (o->briefly) printf("seed %llu: %s\n", (unsigned long long)t.failed_seed, t.failure);
	else tell(&o->many.said, t.failed_seed, t.failure, "");
	return 1;
}

// KEPT SEEDS: a line "1234 --calls 20   # what it found"

#define WORDS_MAX 32
#define KEPT_MAX (1u << 20) // octets of the file

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
	static char text[KEPT_MAX];
	uint32_t count = 0, failed = 0;
	FILE *f = fopen(path, "r"); // read whole before any process is made, which would share its position
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f) fclose(f);
	char *rest = text;
	for (char *line; n && (line = strsep(&rest, "\n"));) {
		struct str trimmed = str_trim(str_from(line));
		if (trimmed.n && trimmed.p[0] != '#') failed += !run_kept_line(line, ++count);
	}
	if (count == 0) printf("Bail out! %s holds no seed\n", path);
	printf("1..%u\n", count);
	return count == 0 || failed;
}

// A CONVERSATION

static int run_as_ladder(const struct options *o)
{
	static char text[65536];
	struct buf b = buf_on(text, sizeof text);
	struct sim_plan plan = plan_of(&o->many.said, o->many.first);
	struct str call_id = str_from(o->as_ladder);
	const char *why = "the run failed";
	plan.keep = true;
	if (str_eq(call_id, STR("first"))) call_id = STR("");
	rcu_join();
	rcu_online();
	struct sim *s = sim_new(&plan);
	bool good = s && sim_run(s) && put_as_ladder(&b, s, call_id, &why);
	if (good) printf("%.*s", STR_FMT(buf_str(&b)));
	else fprintf(stderr, "no conversation to be shown as a ladder: %s\n", s && sim_failure(s) ? sim_failure(s) : why);
	sim_free(s);
	rcu_offline();
	return !good;
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
	if (str_eq(word, STR("--briefly"))) return (o->briefly = true);
	if (str_eq(word, STR("--as-ladder"))) return (o->as_ladder = value) ? 2 : 0;
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
	if (o.as_ladder) return run_as_ladder(&o);
	if (o.figure) return figure_run(o.figure, o.many.jobs);
	if (!o.seed_said && getrandom(&o.many.first, sizeof o.many.first, 0) < 0) return 1;
	if (!o.seed_said) o.many.first >>= 24; // short enough to be read out
	if (!o.many.count && !o.many.seconds) o.many.seconds = SECONDS_DEFAULT;
	return run(&o);
}
