#include "journal_fake.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/testing.h"

static void it_commits_when_the_test_wants(void **state)
{
	(void)state;
	static struct call_record r;
	uint64_t now_ms = 1000;
	struct journal_fake *j = must(journal_fake_new(&now_ms));
	struct journal journal = journal_fake_of(j);
	struct journal_done done;
	uint32_t worker;
	r.kind = RECORD_ANSWER;
	assert_false(journal_fake_take(j, &worker, &done));
	assert_int_equal(journal.ops->put(journal.self, 3, &r, 77), OK);
	assert_null(journal_fake_record(j, 0)); // not before somebody looks: nothing re-enters the caller
	assert_int_equal(journal_fake_next(j), 1000);
	assert_true(journal_fake_take(j, &worker, &done));
	assert_true(worker == 3 && done.owner == 77 && done.kind == RECORD_ANSWER && done.err == OK);
	r.kind = RECORD_RELEASE;
	journal_fake_delay(j, UINT64_MAX);
	assert_int_equal(journal.ops->put(journal.self, 1, &r, 0), OK); // nobody is told
	assert_int_equal(journal.ops->put(journal.self, 1, &r, 78), OK);
	assert_int_equal(journal_fake_next(j), UINT64_MAX);
	journal_fake_delay(j, 50);
	assert_int_equal(journal_fake_next(j), 1050);
	now_ms = 1049;
	assert_false(journal_fake_take(j, &worker, &done));
	now_ms = 1050;
	assert_true(journal_fake_take(j, &worker, &done));
	assert_int_equal(done.owner, 78);
	assert_false(journal_fake_take(j, &worker, &done));
	assert_int_equal(journal_fake_record(j, 1)->sequence, 1);
	assert_int_equal(journal_fake_record(j, 2)->sequence, 2);
	assert_null(journal_fake_record(j, 3));
	journal_fake_full(j, true);
	assert_int_equal(journal.ops->put(journal.self, 1, &r, 79), ERR_FULL);
	assert_true(journal.ops->healthy(journal.self));
	journal_fake_healthy(j, false);
	assert_false(journal.ops->healthy(journal.self));
	journal_fake_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_commits_when_the_test_wants),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
