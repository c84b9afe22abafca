// From the journal to the store: each record once, whatever fails in between.
#include "cdr_loader.c"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keep/journal_fixture.h"

struct bench {
	struct fixture f;
	char path[100];
	struct cdr_loader *loader;
};

static void start_loader(struct bench *b)
{
	const struct cdr_loader_setup setup = { .journal = b->f.log, .path = b->path, .pause_ms = 10 };
	assert_int_equal(cdr_loader_start(&b->loader, &setup), OK);
}

static void stop_loader(struct bench *b)
{
	b->loader = cdr_loader_stop(b->loader);
}

// UINT64_MAX: it cannot be opened now, for instance because the loader is just making it.
static uint64_t rows(const struct bench *b)
{
	struct cdr_store *s;
	struct store_fault fault;
	if (access(b->path, F_OK) != 0 || cdr_open(&s, b->path, &fault) != OK) return UINT64_MAX;
	uint64_t n = cdr_count(s);
	cdr_close(s);
	return n;
}

static void await_rows(const struct bench *b, uint64_t wanted)
{
	AWAIT(rows(b) == wanted);
}

static void put_releases(struct bench *b, uint64_t from, uint64_t to)
{
	for (uint64_t call = from; call <= to; call++) assert_int_equal(fixture_put(&b->f, RECORD_RELEASE, call), OK);
	for (uint64_t call = from; call <= to; call++) assert_true(fixture_done(&b->f, RECORD_RELEASE, call));
}

static void records_are_loaded_once_over_restarts(void **state)
{
	struct bench *b = *state;
	struct cdr_store *s;
	struct store_fault fault;
	struct call_record r;
	put_releases(b, 1, 1200); // more than a batch
	fixture_keep(&b->f, RECORD_ANSWER, 5000);
	start_loader(b);
	await_rows(b, 1200);
	put_releases(b, 1201, 1210);
	await_rows(b, 1210);
	stop_loader(b);
	put_releases(b, 1211, 1220);
	start_loader(b);
	stop_loader(b); // loads what there is
	assert_int_equal(rows(b), 1220);
	fixture_close_log(&b->f);
	fixture_start(&b->f);
	put_releases(b, 1221, 1230);
	start_loader(b);
	await_rows(b, 1230);
	stop_loader(b);
	assert_int_equal(cdr_open(&s, b->path, &fault), OK);
	assert_int_equal(cdr_find(s, &(struct cdr_filter){ .sequence = 1225 }, &r), OK);
	assert_int_equal(r.call, 1225);
	assert_string_equal(r.dialled, "1225");
	cdr_close(s);
}

static void loaded_segments_go(void **state)
{
	struct bench *b = *state;
	start_loader(b);
	put_releases(b, 1, 1000);
	await_rows(b, 1000);
	put_releases(b, 1001, 1001);
	AWAIT(journal_status(b->f.log).segments == 1);
	stop_loader(b);
}

// Another program has the table away for a while: the batch fails, and is read from the journal again.
static void a_store_that_fails_is_tried_again(void **state)
{
	struct bench *b = *state;
	struct cdr_store *s;
	struct store_fault fault;
	uint64_t failed = count_by_name("cdr_failed_batches");
	start_loader(b);
	await_rows(b, 0);
	assert_int_equal(cdr_open(&s, b->path, &fault), OK);
	assert_int_equal(store_run(&s->db, "ALTER TABLE call_record RENAME TO away"), OK);
	put_releases(b, 1, 20);
	AWAIT(count_by_name("cdr_failed_batches") >= failed + 2);
	assert_int_equal(store_run(&s->db, "ALTER TABLE away RENAME TO call_record"), OK);
	await_rows(b, 20);
	assert_int_equal(store_run(&s->db, "BEGIN EXCLUSIVE"), OK);
	put_releases(b, 21, 40);
	poll(NULL, 0, 200); // it waits for the lock
	assert_int_equal(store_run(&s->db, "COMMIT"), OK);
	cdr_close(s);
	await_rows(b, 40);
	stop_loader(b);
}

// The file itself last: from then on the loader makes a new one, which must keep what stands beside it.
static void unlink_store(const struct bench *b)
{
	static const char *const ends[] = { "-wal", "-shm", "" };
	char path[120];
	for (uint32_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof path, "%s%s", b->path, ends[i]);
		unlink(path);
	}
}

static void a_lost_store_is_made_anew(void **state)
{
	struct bench *b = *state;
	start_loader(b);
	put_releases(b, 1, 5);
	await_rows(b, 5);
	unlink_store(b);
	put_releases(b, 6, 10);
	await_rows(b, 10); // what the journal still has comes again
	stop_loader(b);
}

static void remove_segment(const char *path)
{
	if (strstr(path, ".journal")) unlink(path);
}

// The journal's folder was lost: its numbers start at 1 again, and so do its segments.
static void another_journal_does_not_pass_for_the_same(void **state)
{
	struct bench *b = *state;
	start_loader(b);
	put_releases(b, 1, 300);
	await_rows(b, 300);
	stop_loader(b);
	fixture_close_log(&b->f);
	fixture_each_file(&b->f, remove_segment);
	uint64_t conflicts = count_by_name("cdr_conflicts");
	fixture_start(&b->f);
	put_releases(b, 9001, 9003);
	start_loader(b);
	AWAIT(count_by_name("cdr_conflicts") >= conflicts + 3); // told, not taken for loaded
	stop_loader(b);
	fixture_close_log(&b->f);
	fixture_each_file(&b->f, remove_segment);
	b->f.setup.sequence_least = cdr_last_sequence(b->path);
	assert_int_equal(b->f.setup.sequence_least, 300);
	fixture_start(&b->f);
	put_releases(b, 9004, 9006);
	start_loader(b);
	await_rows(b, 303);
	stop_loader(b);
}

// The loader is killed at random moments while it loads.
static void kills_double_nothing(void **state)
{
	struct bench *b = *state;
	put_releases(b, 1, 3000);
	fixture_close_log(&b->f);
	for (uint32_t i = 0; i < 8; i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			fixture_start(&b->f);
			start_loader(b);
			for (;;) poll(NULL, 0, 1000);
		}
		poll(NULL, 0, (int)(5 + i * 9));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	fixture_start(&b->f);
	start_loader(b);
	await_rows(b, 3000); // the key keeps them from being more
	put_releases(b, 3001, 3001);
	assert_int_equal(journal_status(b->f.log).sequence, 3001);
	await_rows(b, 3001);
	stop_loader(b);
}

static int setup(void **state)
{
	struct bench *b = must(calloc(1, sizeof *b));
	log_quiet = true;
	fixture_init(&b->f);
	b->f.setup.files = NULL;
	snprintf(b->path, sizeof b->path, "%s/records.db", b->f.folder);
	fixture_start(&b->f);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	stop_loader(b);
	fixture_fini(&b->f);
	free(b);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_are_loaded_once_over_restarts),
		TEST(loaded_segments_go),
		TEST(a_store_that_fails_is_tried_again),
		TEST(a_lost_store_is_made_anew),
		TEST(another_journal_does_not_pass_for_the_same),
		TEST(kills_double_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
