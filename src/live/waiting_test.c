#include "waiting.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void counts_are_kept_within_bounds(void **state)
{
	(void)state;
	struct waiting_table *t = waiting_new(4);
	assert_non_null(t);
	assert_int_equal(waiting_get(t, 3).fresh, 0);
	assert_true(waiting_set(t, 3, (struct waiting){ .fresh = 2, .old = 60000, .fresh_urgent = 9, .old_urgent = 1 }));
	struct waiting w = waiting_get(t, 3);
	assert_int_equal(w.fresh, 2);
	assert_int_equal(w.old, WAITING_MOST);
	assert_int_equal(w.fresh_urgent, 2);
	assert_int_equal(w.old_urgent, 1);
	assert_int_equal(waiting_get(t, 2).fresh, 0);
	assert_false(waiting_set(t, 0, w));
	assert_false(waiting_set(t, 5, w));
	assert_int_equal(waiting_get(t, 5).fresh, 0);
	waiting_free(t);
}

static void a_change_is_told_once(void **state)
{
	(void)state;
	struct waiting_table *t = waiting_new(4);
	uint32_t line = 0;
	assert_non_null(t);
	assert_false(waiting_next_changed(t, &line));
	assert_true(waiting_set(t, 4, (struct waiting){ .fresh = 1 }));
	assert_false(waiting_set(t, 4, (struct waiting){ .fresh = 1 })); // no change
	assert_true(waiting_set(t, 4, (struct waiting){ .fresh = 2 }));
	assert_true(waiting_set(t, 1, (struct waiting){ .old = 2 }));
	line = 0;
	assert_true(waiting_next_changed(t, &line));
	assert_int_equal(line, 1);
	assert_true(waiting_next_changed(t, &line));
	assert_int_equal(line, 4);
	assert_false(waiting_next_changed(t, &line));
	assert_int_equal(waiting_get(t, 4).fresh, 2);
	waiting_mark_changed(t, 4);
	line = 0;
	assert_true(waiting_next_changed(t, &line));
	assert_int_equal(line, 4);
	line = 0;
	assert_false(waiting_next_changed(t, &line));
	waiting_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_kept_within_bounds),
		cmocka_unit_test(a_change_is_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
