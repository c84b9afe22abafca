// The proof that the checkers can fail: each deliberate bug of a table is woken, and must be found in so many seeds.
//
//     bugs bugs.tab            all, as TAP
//     bugs bugs.tab NAME       one, and how it was found
//
// Only in builds with -Dbugs=true (base/bug.h).
#include "base/bug.h"
#include "base/log.h"
#include "sim/plan.h"
#include "sim/run.h"

#include <stdio.h>
#include <stdlib.h>

#define ROW_MAX 256
#define WORDS_MAX 16

struct row {
	char text[ROW_MAX];
	char *words[WORDS_MAX]; // name, seeds, plan
	int count;
};

// False: the file is over. Rows of nothing but a comment have no words.
static bool read_row(struct row *r, FILE *f)
{
	if (!fgets(r->text, sizeof r->text, f)) return false;
	r->text[strcspn(r->text, "#\n")] = 0;
	char *rest = r->text;
	r->count = 0;
	for (char *word; r->count < WORDS_MAX && (word = strsep(&rest, " \t"));)
		if (*word) r->words[r->count++] = word;
	return true;
}

static bool read_many(struct run_many *m, const struct row *r)
{
	*m = (struct run_many){ .said = plan_unsaid(), .first = 1, .jobs = 1 };
	if (r->count < 3 || str_to_u64(&m->count, str_from(r->words[1]), 100000) != OK || m->count == 0) return false;
	for (int i = 2, n; i < r->count; i += n)
		if ((n = plan_read(&m->said, r->words + i, r->count - i)) <= 0) return false;
	return true;
}

static void print_first_line(const char *text)
{
	printf("%.*s\n", (int)strcspn(text, "\n"), text);
}

// "none" is no bug, and must not be found: so that it is the bug which is found in the others.
static bool run_row(const struct row *r, uint32_t number)
{
	struct run_many m;
	struct run_tally t = { 0 };
	bool none = r->count && strcmp(r->words[0], "none") == 0;
	if (!read_many(&m, r)) {
		printf("not ok %u - the row is not to be understood\n", number);
		return false;
	}
	bug_awake = none ? "" : r->words[0];
	bool found = !run_many(&t, &m), good = found != none;
	printf("%sok %u - %s, %llu seeds: ", good ? "" : "not ", number, r->words[0], (unsigned long long)m.count);
	if (found) printf("seed %llu: ", (unsigned long long)t.failed_seed);
	print_first_line(found ? t.failure : "nothing found");
	fflush(stdout);
	return good;
}

// Its first failure, whole.
static int tell(const struct row *r)
{
	struct run_many m;
	struct run_tally t = { 0 };
	if (!read_many(&m, r)) return 2;
	bug_awake = r->words[0];
	if (run_many(&t, &m)) return 1;
	struct sim_plan plan = plan_of(&m.said, t.failed_seed);
	plan.keep = true;
	struct run_result *result = run_apart(&plan);
	if (result) printf("seed %llu: %s\n\n%s\n", (unsigned long long)t.failed_seed, result->failure, result->story);
	run_result_free(result);
	return 0;
}

int main(int argc, char **argv)
{
	static struct row rows[64];
	uint32_t count = 0, number = 0, failed = 0;
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL; // read whole before any process is made
	while (f && count < ARRAY_LEN(rows) && read_row(&rows[count], f)) count += rows[count].count != 0;
	if (f) fclose(f);
	log_quiet = true;
	for (uint32_t i = 0; i < count; i++) {
		if (argc > 2 && strcmp(argv[2], rows[i].words[0]) == 0) return tell(&rows[i]);
		if (argc == 2) failed += !run_row(&rows[i], ++number);
	}
	printf("1..%u\n", number);
	return number == 0 || failed;
}
