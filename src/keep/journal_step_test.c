// The journal's steps on a clock that the test turns: what is told when, and what a slow, sick or dead disk changes.
#include "journal_step.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "keep/journal_fixture.h"

#define BEGIN_MS 1000000

static struct journal_time now;
static uint32_t woken[2];

static struct journal_time test_clock(void *self)
{
	(void)self;
	return now;
}

static void count_wake(void *self, uint32_t worker)
{
	(void)self;
	woken[worker]++;
}

static void pass(uint64_t ms)
{
	now.now_ms += ms;
	now.wall_ms += ms;
}

static bool told(struct fixture *f, uint8_t kind, uint64_t call)
{
	struct journal_done done;
	return journal_take(f->log, 0, &done) && done.owner == call && done.kind == kind && done.err == OK;
}

static bool is_told(struct fixture *f)
{
	struct journal_done done;
	return journal_take(f->log, 0, &done);
}

static bool healthy(struct fixture *f)
{
	return f->journal.ops->healthy(f->journal.self);
}

static uint32_t segments(struct fixture *f)
{
	return journal_status(f->log).segments;
}

static void write_now(struct fixture *f)
{
	assert_true(journal_begin(f->log));
	journal_finish(f->log);
}

static void nobody_is_told_before_the_disk_is_done(void **state)
{
	struct fixture *f = *state;
	fixture_open_log(f);
	assert_false(journal_begin(f->log)); // nothing waits
	assert_int_equal(journal_due_ms(f->log), BEGIN_MS + JOURNAL_TIDY_MS);
	for (uint64_t call = 1; call <= 3; call++) assert_int_equal(fixture_put(f, RECORD_RELEASE, call), OK);
	assert_in_range(journal_due_ms(f->log), 0, BEGIN_MS);
	assert_true(journal_begin(f->log));
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 4), OK); // comes too late for this batch
	assert_false(is_told(f));
	pass(70);
	assert_true(healthy(f));
	assert_int_equal(journal_status(f->log).sequence, 0);
	journal_finish(f->log);
	assert_int_equal(woken[0], 1); // once for all three
	assert_int_equal(woken[1], 0);
	for (uint64_t call = 1; call <= 3; call++) assert_true(told(f, RECORD_RELEASE, call));
	assert_false(is_told(f));
	assert_int_equal(journal_status(f->log).sequence, 3);
	assert_in_range(journal_due_ms(f->log), 0, now.now_ms);
	write_now(f);
	assert_true(told(f, RECORD_RELEASE, 4));
	assert_int_equal(journal_status(f->log).waiting, 0);
}

static void a_release_that_is_held_waits_until_it_is_let_go(void **state)
{
	struct fixture *f = *state;
	uint64_t life;
	fixture_open_log(f);
	journal_hold(f->log, 0);
	for (uint64_t call = 1; call <= 2; call++) assert_int_equal(fixture_put(f, RECORD_ANSWER, call), OK);
	write_now(f); // an answer waits for nobody
	for (uint64_t call = 1; call <= 2; call++) assert_true(told(f, RECORD_ANSWER, call));
	for (uint64_t call = 1; call <= 2; call++) assert_int_equal(fixture_put(f, RECORD_RELEASE, call), OK);
	assert_false(journal_begin(f->log));
	assert_int_equal(journal_status(f->log).waiting, 2);
	journal_let_go(f->log, 0);
	assert_in_range(journal_due_ms(f->log), 0, now.now_ms);
	write_now(f);
	for (uint64_t call = 1; call <= 2; call++) assert_true(told(f, RECORD_RELEASE, call));
	journal_let_go(f->log, 0); // there is none
	assert_int_equal(fixture_put(f, RECORD_ANSWER, 3), OK);
	write_now(f);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 3), OK);
	fixture_close_log(f); // a crash before it was let go: the call stands in the eyes of the next start
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 1);
}

static void a_late_commit_is_unhealthy_until_it_is_over(void **state)
{
	struct fixture *f = *state;
	fixture_open_log(f);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	assert_true(journal_begin(f->log));
	pass(200);
	assert_true(healthy(f));
	pass(1);
	assert_false(healthy(f));
	journal_finish(f->log);
	assert_true(healthy(f));
	assert_true(told(f, RECORD_RELEASE, 1));
}

static void life_is_shown_while_a_call_stands(void **state)
{
	struct fixture *f = *state;
	uint64_t life;
	fixture_open_log(f);
	assert_int_equal(fixture_put(f, RECORD_ANSWER, 1), OK);
	write_now(f);
	for (uint32_t i = 0; i < 5; i++) {
		uint64_t due_ms = journal_due_ms(f->log);
		assert_int_equal(due_ms, now.now_ms + JOURNAL_LIFE_MS);
		pass(JOURNAL_LIFE_MS - 1);
		assert_false(journal_begin(f->log));
		pass(1);
		write_now(f);
	}
	uint64_t last_ms = now.wall_ms;
	pass(JOURNAL_LIFE_MS - 1); // and dies
	fixture_close_log(f);
	pass(60000);
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 1);
	assert_int_equal(life, last_ms);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	write_now(f);
	pass(JOURNAL_LIFE_MS);
	assert_false(journal_begin(f->log)); // nobody's life hangs on it
}

static void what_fails_is_tried_again_in_time(void **state)
{
	struct fixture *f = *state;
	uint64_t calls[4];
	fixture_open_log(f);
	f->disk.pwrite_errno = EIO;
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	write_now(f);
	assert_false(healthy(f));
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(journal_due_ms(f->log), now.now_ms + JOURNAL_RETRY_MS);
		pass(JOURNAL_RETRY_MS - 1);
		assert_int_equal(fixture_put(f, RECORD_RELEASE, 2 + i), OK); // does not hurry it
		assert_false(journal_begin(f->log));
		pass(1);
		write_now(f);
	}
	assert_false(is_told(f));
	f->disk.pwrite_errno = 0;
	pass(JOURNAL_RETRY_MS);
	write_now(f);
	assert_true(healthy(f));
	for (uint64_t call = 1; call <= 4; call++) assert_true(told(f, RECORD_RELEASE, call));
	assert_int_equal(fixture_releases(f, calls, 4), 4);
}

static void a_failed_sync_is_written_anew_elsewhere(void **state)
{
	struct fixture *f = *state;
	static char memory[JOURNAL_FRAME_MAX];
	struct journal_frame head;
	uint64_t calls[4];
	fixture_open_log(f);
	uint64_t segment = f->log->now.number;
	f->disk.fdatasync_fails = 1;
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	write_now(f);
	assert_false(is_told(f));
	pass(JOURNAL_RETRY_MS);
	write_now(f);
	assert_true(told(f, RECORD_RELEASE, 1));
	assert_true(f->log->now.number > segment);
	assert_int_equal(journal_frame_at(f->log, f->log->now.number, 0, memory, &head), OK);
	assert_int_equal(head.sequence, 0); // torn behind its head, the segment must not say that number 1 was given
	assert_int_equal(fixture_releases(f, calls, 4), 1);
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(fixture_releases(f, calls, 4), 1); // in both segments: loaded once, by its number
}

// A crash while the disk works: nobody was told, and what got there counts.
static void a_crash_between_the_steps_loses_nothing_that_was_told(void **state)
{
	struct fixture *f = *state;
	uint64_t calls[4], life;
	fixture_open_log(f);
	assert_int_equal(fixture_put(f, RECORD_ANSWER, 1), OK);
	assert_int_equal(fixture_put(f, RECORD_ANSWER, 2), OK);
	write_now(f);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	assert_true(journal_begin(f->log));
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 2), OK);
	fixture_close_log(f); // without a word: the record in the ring goes with it
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 1);
	assert_int_equal(fixture_releases(f, calls, 4), 1); // it had got there
}

static void starts_have_growing_numbers(void **state)
{
	struct fixture *f = *state;
	fixture_open_log(f);
	assert_int_equal(journal_boot(f->log), 1);
	fixture_close_log(f);
	f->setup.boot_least = 700;
	fixture_open_log(f);
	assert_int_equal(journal_boot(f->log), 700);
	fixture_close_log(f);
	f->setup.boot_least = 600; // the clock was set back
	fixture_open_log(f);
	assert_int_equal(journal_boot(f->log), 701);
}

enum { OPEN_CALLS = 3000 };

static void *read_recovered(void *log)
{
	static _Thread_local struct call_record r;
	uint64_t life, sum = 0;
	while (journal_next_recovered(log, &r, &life)) sum += r.call;
	return (void *)(uintptr_t)sum;
}

// All workers ask at once while the journal writes; each call is told to one of them.
static void recovered_calls_are_told_once(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[3];
	uint64_t sum = 0;
	f->setup.segments_kept = 1;
	fixture_open_log(f);
	for (uint64_t call = 1; call <= OPEN_CALLS; call++) {
		assert_int_equal(f->journal.ops->put(f->log, 0, fixture_record(RECORD_ANSWER, call), 0), OK);
		while (call % 100 == 0 && journal_status(f->log).waiting) write_now(f);
	}
	fixture_close_log(f);
	fixture_open_log(f);
	uint32_t before = segments(f);
	assert_true(before > 3);
	assert_int_equal(journal_recovered_count(f->log), OPEN_CALLS);
	journal_loaded(f->log, (struct journal_place){ UINT64_MAX, 0 });
	assert_int_equal(fixture_put(f, RECORD_RELEASE, OPEN_CALLS + 1), OK);
	write_now(f);
	assert_int_equal(segments(f), before); // nothing goes that is still to be told
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_recovered, f->log), 0);
	for (uint32_t i = 0; i < 3; i++) {
		void *part;
		pthread_join(threads[i], &part);
		sum += (uintptr_t)part;
	}
	assert_int_equal(sum, (uint64_t)OPEN_CALLS * (OPEN_CALLS + 1) / 2);
	for (uint32_t i = 0; i < 200 && segments(f) >= before; i++) {
		pass(JOURNAL_LIFE_MS);
		if (journal_begin(f->log)) journal_finish(f->log);
	}
	assert_true(segments(f) < before); // carried along, now
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(journal_recovered_count(f->log), OPEN_CALLS);
}

// A disk that does not read for a while keeps the segment for that while, not for the life of the call.
static void an_answer_that_cannot_be_read_is_carried_later(void **state)
{
	struct fixture *f = *state;
	uint64_t call = 1, life;
	f->setup.segments_kept = 2;
	fixture_open_log(f);
	assert_int_equal(fixture_put(f, RECORD_ANSWER, call), OK);
	f->disk.pread_errno = EIO;
	journal_loaded(f->log, (struct journal_place){ UINT64_MAX, 0 });
	while (segments(f) < 6) {
		for (uint32_t i = 0; i < 50; i++) assert_int_equal(fixture_put(f, RECORD_RELEASE, ++call), OK);
		write_now(f);
		while (is_told(f)) {}
	}
	f->disk.pread_errno = 0;
	for (uint32_t i = 0; i < 4; i++) { // read, written, and then the segments go
		pass(JOURNAL_TIDY_MS);
		write_now(f);
	}
	assert_in_range(segments(f), 1, 2);
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 1);
}

static int setup(void **state)
{
	fixture_setup(state);
	struct fixture *f = *state;
	now = (struct journal_time){ BEGIN_MS, 1700000000000 };
	woken[0] = woken[1] = 0;
	f->setup.clock = test_clock;
	f->setup.wake = count_wake;
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_told_before_the_disk_is_done),
		TEST(a_release_that_is_held_waits_until_it_is_let_go),
		TEST(a_late_commit_is_unhealthy_until_it_is_over),
		TEST(life_is_shown_while_a_call_stands),
		TEST(what_fails_is_tried_again_in_time),
		TEST(a_failed_sync_is_written_anew_elsewhere),
		TEST(a_crash_between_the_steps_loses_nothing_that_was_told),
		TEST(starts_have_growing_numbers),
		TEST(recovered_calls_are_told_once),
		TEST(an_answer_that_cannot_be_read_is_carried_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
