// The journal as its users see it: what was told to be on disk is there after whatever happens, once, in order.
#include "journal.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "keep/journal_fixture.h"

static void records_are_there_after_a_restart(void **state)
{
	struct fixture *f = *state;
	uint64_t calls[8], life;
	fixture_start(f);
	assert_int_equal(journal_boot(f->log), 1);
	fixture_keep(f, RECORD_ANSWER, 11);
	fixture_keep(f, RECORD_RELEASE, 11);
	fixture_keep(f, RECORD_RELEASE, 12); // never answered
	assert_int_equal(journal_status(f->log).sequence, 2);
	assert_int_equal(fixture_releases(f, calls, 8), 2);
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(journal_boot(f->log), 2);
	assert_int_equal(fixture_recovered(f, &life), 0);
	assert_int_equal(fixture_releases(f, calls, 8), 2);
	assert_true(calls[0] == 11 && calls[1] == 12);
	assert_int_equal(journal_start(f->log), OK);
	fixture_keep(f, RECORD_RELEASE, 13);
	assert_int_equal(fixture_releases(f, calls, 8), 3);
}

static void an_answered_call_is_recovered_until_it_is_released(void **state)
{
	struct fixture *f = *state;
	static struct call_record answer, release;
	uint64_t life, before = journal_clock_ms(CLOCK_REALTIME);
	fixture_start(f);
	fixture_keep(f, RECORD_ANSWER, 11);
	fixture_keep(f, RECORD_ANSWER, 12);
	fixture_keep(f, RECORD_RELEASE, 12);
	fixture_close_log(f);
	for (uint32_t again = 0; again < 2; again++) { // a crash before its release is written changes nothing
		fixture_open_log(f);
		assert_true(journal_next_recovered(f->log, &answer, &life));
		assert_int_equal(answer.call, 11);
		assert_in_range(life, before, journal_clock_ms(CLOCK_REALTIME));
		assert_false(journal_next_recovered(f->log, &answer, &life));
		if (again == 0) fixture_close_log(f);
	}
	journal_recovered_release(&release, &answer, life);
	assert_int_equal(release.ended_wall_ms, life);
	assert_int_equal(release.answered_for_ms, life - answer.answered_wall_ms);
	assert_true(release.recovered && release.kind == RECORD_RELEASE);
	assert_int_equal(release.trail[0].kind, TRAIL_RECOVERED);
	assert_int_equal(journal_start(f->log), OK);
	assert_int_equal(f->journal.ops->put(f->journal.self, 0, &release, 0), OK); // nobody is told
	AWAIT(journal_status(f->log).waiting == 0);
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 0);
}

static void life_goes_on_while_calls_stand(void **state)
{
	struct fixture *f = *state;
	fixture_start(f);
	uint64_t began = journal_now_ms(), began_wall = journal_clock_ms(CLOCK_REALTIME), life;
	uint64_t commits = journal_status(f->log).commits;
	fixture_keep(f, RECORD_ANSWER, 11);
	AWAIT(journal_status(f->log).commits >= commits + 3);
	assert_true(journal_now_ms() - began >= 2 * JOURNAL_LIFE_MS - 100); // not more often than it must
	fixture_keep(f, RECORD_RELEASE, 12);
	fixture_keep(f, RECORD_ANSWER, 13);
	fixture_keep(f, RECORD_RELEASE, 13);
	fixture_close_log(f);
	uint64_t closed = journal_clock_ms(CLOCK_REALTIME);
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 1);
	assert_in_range(life, began_wall + 2 * JOURNAL_LIFE_MS - 100, closed);
}

static void numbers_go_on_when_all_was_loaded_and_deleted(void **state)
{
	struct fixture *f = *state;
	static struct call_record r;
	struct journal_place after = { 0 };
	fixture_start(f);
	for (uint64_t call = 1; call <= 400; call++) assert_int_equal(fixture_put(f, RECORD_RELEASE, call), OK);
	for (uint64_t call = 1; call <= 400; call++) assert_true(fixture_done(f, RECORD_RELEASE, call));
	assert_in_range(journal_status(f->log).segments, 2, 20);
	struct journal_reader *reader = must(journal_reader_new(f->log, after));
	for (uint64_t call = 1; call <= 400; call++) {
		assert_int_equal(journal_read(reader, &r, &after), OK);
		assert_int_equal(r.sequence, call);
	}
	assert_int_equal(journal_read(reader, &r, &after), ERR_NOT_FOUND);
	journal_loaded(f->log, after);
	fixture_keep(f, RECORD_RELEASE, 401); // the thread comes by
	AWAIT(journal_status(f->log).segments == 1);
	assert_int_equal(journal_read(reader, &r, &after), OK);
	assert_int_equal(r.sequence, 401);
	journal_reader_free(reader);
	for (uint32_t i = 0; i < 3; i++) { // starts that write nothing
		fixture_close_log(f);
		fixture_start(f);
		journal_loaded(f->log, (struct journal_place){ UINT64_MAX, 0 });
	}
	fixture_keep(f, RECORD_RELEASE, 402);
	assert_int_equal(journal_status(f->log).sequence, 402);
}

static void a_long_call_is_carried_along(void **state)
{
	struct fixture *f = *state;
	uint64_t life, began = journal_clock_ms(CLOCK_REALTIME);
	f->setup.segments_kept = 2;
	fixture_start(f);
	fixture_keep(f, RECORD_ANSWER, 7);
	fixture_close_log(f); // a call of the first start, still open in the second
	uint64_t died = journal_clock_ms(CLOCK_REALTIME);
	AWAIT(journal_clock_ms(CLOCK_REALTIME) > died);
	fixture_start(f);
	assert_int_equal(fixture_recovered(f, &life), 1); // until they are asked for nothing goes
	fixture_keep(f, RECORD_ANSWER, 8);
	journal_loaded(f->log, (struct journal_place){ UINT64_MAX, 0 }); // all is loaded at once
	for (uint64_t call = 1000; call < 2500; call++) {
		assert_int_equal(fixture_put(f, RECORD_RELEASE, call), OK);
		if (call % 50 == 0) AWAIT(journal_status(f->log).waiting == 0);
	}
	for (uint64_t call = 1000; call < 2500; call++) assert_true(fixture_done(f, RECORD_RELEASE, call));
	AWAIT(journal_status(f->log).segments <= 4);
	AWAIT(fixture_each_file(f, NULL) <= 5); // and the one that is ready
	assert_int_equal(journal_status(f->log).open_calls, 2);
	fixture_keep(f, RECORD_RELEASE, 8);
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 1);
	assert_in_range(life, began, died); // the life of its own start, not of the one that carried it
}

static void limits_hold(void **state)
{
	struct fixture *f = *state;
	struct journal_done done;
	uint32_t answers = 0, all = 0;
	f->setup.in_flight_max = 1000;
	f->setup.bytes_max = 20000;
	fixture_start(f);
	atomic_store(&f->disk.pwrite_errno, EIO);
	assert_true(f->journal.ops->has_room(f->journal.self, 0));
	while (fixture_put(f, RECORD_ANSWER, 1 + answers) == OK) answers++;
	assert_false(f->journal.ops->has_room(f->journal.self, 0));
	while (fixture_put(f, RECORD_RELEASE, 1 + answers + all) == OK) all++;
	assert_in_range(journal_status(f->log).waiting_bytes, 19000, 20000);
	assert_in_range(answers * 1000 / (answers + all), 700, 780); // three quarters
	atomic_store(&f->disk.pwrite_errno, 0);
	for (uint32_t i = 0; i < answers + all; i++) AWAIT(journal_take(f->log, 0, &done));
	assert_int_equal(journal_status(f->log).waiting_bytes, 0);
	assert_true(f->journal.ops->has_room(f->journal.self, 0));
	fixture_close_log(f);
	f->setup.in_flight_max = 4;
	f->setup.bytes_max = 0;
	fixture_start(f);
	for (uint64_t call = 1; call <= 4; call++) assert_int_equal(fixture_put(f, RECORD_RELEASE, 1000 + call), OK);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1005), ERR_FULL); // nobody took what is done
	assert_true(fixture_done(f, RECORD_RELEASE, 1001));
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1005), OK);
	assert_int_equal(f->journal.ops->put(f->journal.self, 2, fixture_record(RECORD_RELEASE, 1), 1), ERR_BAD);
	assert_int_equal(f->journal.ops->put(f->journal.self, 0, fixture_record(RECORD_LIFE, 1), 1), ERR_BAD);
}

static void one_process_has_it_open(void **state)
{
	struct fixture *f = *state;
	struct journal_log *second;
	fixture_start(f);
	assert_int_equal(journal_open(&second, &f->setup), ERR_STATE);
	assert_null(second);
	f->setup.folder = "no/such/folder";
	assert_int_equal(journal_open(&second, &f->setup), ERR_SYSTEM);
	fixture_close_log(f);
	f->setup.folder = f->folder;
	atomic_store(&f->disk.fallocate_errno, EROFS);
	assert_int_equal(journal_open(&second, &f->setup), ERR_SYSTEM); // a clear error at the start
	atomic_store(&f->disk.fallocate_errno, 0);
}

static void a_full_disk_stops_no_start(void **state)
{
	struct fixture *f = *state;
	atomic_store(&f->disk.fallocate_errno, ENOSPC);
	fixture_start(f);
	assert_false(f->journal.ops->healthy(f->journal.self));
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK); // an emergency call's
	atomic_store(&f->disk.fallocate_errno, 0);
	assert_true(fixture_done(f, RECORD_RELEASE, 1));
	AWAIT(f->journal.ops->healthy(f->journal.self));
	fixture_close_log(f);
	atomic_store(&f->disk.fallocate_errno, ENOSPC);
	fixture_start(f);
	atomic_store(&f->disk.fallocate_errno, 0);
	AWAIT(f->journal.ops->healthy(f->journal.self)); // though no call asks for it
}

static _Atomic uint32_t woken[2];
static void count_wake(void *self, uint32_t worker)
{
	(void)self;
	atomic_fetch_add(&woken[worker], 1);
}

struct producing {
	struct fixture *f;
	uint32_t worker;
};

static void *produce(void *arg)
{
	const struct producing *p = arg;
	struct journal_log *log = p->f->log;
	struct journal_done done;
	uint32_t put_n = 0, done_n = 0, wrong = 0;
	while (done_n < 500) {
		uint64_t call = p->worker * 1000 + put_n + 1;
		const struct call_record *r = fixture_record(RECORD_RELEASE, call);
		if (put_n < 500 && p->f->journal.ops->put(log, p->worker, r, call) == OK) put_n++;
		while (journal_take(log, p->worker, &done)) {
			wrong += done.owner != p->worker * 1000 + ++done_n || done.err != OK;
		}
	}
	return (void *)(uintptr_t)wrong;
}

static void workers_put_at_the_same_time(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[2];
	uint64_t calls[1];
	f->setup.wake = count_wake;
	fixture_start(f);
	struct producing both[2] = { { f, 0 }, { f, 1 } };
	for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, produce, &both[i]), 0);
	for (int i = 0; i < 2; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_ptr_equal(wrong, NULL);
		AWAIT(atomic_load(&woken[i]) > 0);
	}
	assert_int_equal(fixture_releases(f, calls, 1), 1000);
	assert_int_equal(journal_status(f->log).waiting, 0);
}

static void waiting_for_commits_ends_with_one(void **state)
{
	struct fixture *f = *state;
	fixture_start(f);
	journal_wait(f->log, 0); // sees the first frame
	uint64_t began = journal_now_ms();
	journal_wait(f->log, 50);
	assert_true(journal_now_ms() - began >= 45);
	uint64_t commits = journal_status(f->log).commits;
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	journal_wait(f->log, 3600000); // a test that takes an hour has failed
	assert_true(journal_status(f->log).commits > commits);
}

static int setup_on_disk(void **state)
{
	struct fixture *f = must(malloc(sizeof *f));
	log_quiet = true;
	fixture_init_below(f, ".");
	*state = f;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_are_there_after_a_restart, setup_on_disk, fixture_teardown),
		FIXTURE_TEST(an_answered_call_is_recovered_until_it_is_released),
		FIXTURE_TEST(life_goes_on_while_calls_stand),
		FIXTURE_TEST(numbers_go_on_when_all_was_loaded_and_deleted),
		FIXTURE_TEST(a_long_call_is_carried_along),
		FIXTURE_TEST(limits_hold),
		FIXTURE_TEST(one_process_has_it_open),
		FIXTURE_TEST(a_full_disk_stops_no_start),
		FIXTURE_TEST(workers_put_at_the_same_time),
		FIXTURE_TEST(waiting_for_commits_ends_with_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
