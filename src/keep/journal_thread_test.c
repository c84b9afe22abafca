// What a sick disk does to the journal: nothing is lost, nothing is torn, everyone is told the truth.
#include "journal_thread.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "keep/journal_fixture.h"

// The journal tries again and again meanwhile.
static void let_it_try(const _Atomic int *tries)
{
	int enough = atomic_load(tries) + 4;
	AWAIT(atomic_load(tries) >= enough);
}

// A release that waits for a sick disk must not be overtaken by the copy of its answer: the call would stand up again.
static void a_release_that_waits_is_not_overtaken(void **state)
{
	struct fixture *f = *state;
	uint64_t life;
	f->setup.segments_kept = 1;
	fixture_start(f);
	fixture_keep(f, RECORD_ANSWER, 7);
	for (uint64_t call = 1000; journal_status(f->log).segments < 3; call++) fixture_keep(f, RECORD_RELEASE, call);
	atomic_store(&f->disk.pwrite_errno, EIO);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 7), OK);
	fixture_becomes(f, false);
	journal_loaded(f->log, (struct journal_place){ UINT64_MAX, 0 });
	let_it_try(&f->disk.writes);
	atomic_store(&f->disk.pwrite_errno, 0);
	assert_true(fixture_done(f, RECORD_RELEASE, 7));
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 0);
}

static void a_failed_sync_is_written_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t calls[4], life;
	fixture_start(f);
	fixture_keep(f, RECORD_ANSWER, 1);
	uint64_t syncs = count_by_name("journal_failed_syncs");
	atomic_store(&f->disk.ftruncate_errno, EIO); // nor can the doubtful end be cut off
	atomic_store(&f->disk.fdatasync_fails, 1);
	fixture_keep(f, RECORD_RELEASE, 1);
	assert_int_equal(count_by_name("journal_failed_syncs"), syncs + 1);
	fixture_becomes(f, true);
	fixture_keep(f, RECORD_RELEASE, 2);
	assert_in_range(journal_status(f->log).segments, 2, 2);
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(fixture_recovered(f, &life), 0);
	assert_int_equal(fixture_releases(f, calls, 4), 2);
	assert_true(calls[0] == 1 && calls[1] == 2);
}

static void a_dead_disk_is_waited_for(void **state)
{
	struct fixture *f = *state;
	struct journal_done done;
	uint64_t calls[40];
	fixture_start(f);
	atomic_store(&f->disk.fdatasync_errno, EIO);
	for (uint64_t call = 1; call <= 30; call++) assert_int_equal(fixture_put(f, RECORD_RELEASE, call), OK);
	fixture_becomes(f, false);
	let_it_try(&f->disk.syncs);
	assert_false(journal_take(f->log, 0, &done));
	assert_int_equal(journal_status(f->log).waiting, 30);
	assert_in_range(fixture_each_file(f, NULL), 1, 3); // no heap of empty segments
	atomic_store(&f->disk.fdatasync_errno, 0);
	for (uint64_t call = 1; call <= 30; call++) assert_true(fixture_done(f, RECORD_RELEASE, call));
	fixture_becomes(f, true);
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(fixture_releases(f, calls, 40), 30);
}

// Half a batch is written, again and again, at changing lengths: nobody ever reads half a record.
static void a_full_disk_tears_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t calls[100], life;
	fixture_start(f);
	fixture_keep(f, RECORD_ANSWER, 50);
	atomic_store(&f->disk.pwrite_errno, ENOSPC);
	for (uint64_t call = 1; call <= 10; call++) assert_int_equal(fixture_put(f, RECORD_RELEASE, call), OK);
	fixture_becomes(f, false);
	let_it_try(&f->disk.writes);
	static struct call_record r;
	struct journal_place after;
	struct journal_reader *reader = must(journal_reader_new(f->log, (struct journal_place){ 0, 0 }));
	assert_int_equal(journal_read(reader, &r, &after), ERR_NOT_FOUND);
	journal_reader_free(reader);
	atomic_store(&f->disk.pwrite_errno, 0);
	atomic_store(&f->disk.write_at_most, 97); // and then in small pieces
	for (uint64_t call = 1; call <= 10; call++) assert_true(fixture_done(f, RECORD_RELEASE, call));
	fixture_becomes(f, true);
	fixture_close_log(f);
	fixture_open_log(f);
	assert_int_equal(fixture_releases(f, calls, 100), 10);
	assert_int_equal(fixture_recovered(f, &life), 1);
}

// The disk is full when the next segment should be made ready: new calls are refused while half a segment is left, in
// which those that stand find room.
static void room_is_seen_to_before_it_ends(void **state)
{
	struct fixture *f = *state;
	uint64_t call = 1;
	fixture_start(f);
	atomic_store(&f->disk.fallocate_errno, ENOSPC);
	while (f->journal.ops->healthy(f->journal.self)) {
		fixture_keep(f, RECORD_RELEASE, call++);
		assert_in_range(call, 1, 200);
	}
	for (uint32_t i = 0; i < 50; i++) fixture_keep(f, RECORD_RELEASE, call++); // still written
	assert_false(f->journal.ops->healthy(f->journal.self));
	atomic_store(&f->disk.fallocate_errno, 0);
	fixture_becomes(f, true);
	for (uint32_t i = 0; i < 200; i++) fixture_keep(f, RECORD_RELEASE, call++);
}

static void a_slow_disk_is_unhealthy_while_it_is(void **state)
{
	struct fixture *f = *state;
	f->setup.late_ms = 20;
	fixture_start(f);
	fixture_keep(f, RECORD_ANSWER, 1);
	fixture_becomes(f, true);
	atomic_store(&f->disk.sync_hangs, true);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	fixture_becomes(f, false);
	atomic_store(&f->disk.sync_hangs, false);
	assert_true(fixture_done(f, RECORD_RELEASE, 1));
	fixture_becomes(f, true);
}

static void many_records_share_a_sync(void **state)
{
	struct fixture *f = *state;
	f->setup.segment_bytes = 4 << 20;
	fixture_start(f);
	int syncs = atomic_load(&f->disk.syncs);
	atomic_store(&f->disk.sync_hangs, true);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	AWAIT(atomic_load(&f->disk.syncs) > syncs);
	for (uint64_t call = 2; call <= 1000; call++) assert_int_equal(fixture_put(f, RECORD_RELEASE, call), OK);
	atomic_store(&f->disk.sync_hangs, false);
	for (uint64_t call = 1; call <= 1000; call++) assert_true(fixture_done(f, RECORD_RELEASE, call));
	assert_in_range(atomic_load(&f->disk.syncs) - syncs, 2, 6);
}

static void what_cannot_be_written_at_the_stop_is_told(void **state)
{
	struct fixture *f = *state;
	uint64_t given_up = count_by_name("journal_given_up");
	f->setup.stop_ms = 100;
	fixture_start(f);
	atomic_store(&f->disk.pwrite_errno, EIO);
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 1), OK);
	uint64_t began = journal_now_ms();
	fixture_close_log(f);
	assert_true(journal_now_ms() - began >= 100);
	assert_int_equal(count_by_name("journal_given_up"), given_up + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_release_that_waits_is_not_overtaken),
		FIXTURE_TEST(a_failed_sync_is_written_anew),
		FIXTURE_TEST(a_dead_disk_is_waited_for),
		FIXTURE_TEST(a_full_disk_tears_nothing),
		FIXTURE_TEST(room_is_seen_to_before_it_ends),
		FIXTURE_TEST(a_slow_disk_is_unhealthy_while_it_is),
		FIXTURE_TEST(many_records_share_a_sync),
		FIXTURE_TEST(what_cannot_be_written_at_the_stop_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
