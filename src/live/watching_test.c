#include "watching.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/testing.h"

static bool begin(struct watching *w, uint32_t watcher, uint32_t watched, bool calls)
{
	return watching_begin(w, &(struct watch){ watcher, watched, calls });
}

static void end(struct watching *w, uint32_t watcher, uint32_t watched, bool calls)
{
	watching_end(w, &(struct watch){ watcher, watched, calls });
}

static void calls_are_watched_while_a_subscription_to_them_stands(void **state)
{
	(void)state;
	struct watching *w = must(watching_new(8));
	assert_false(watching_any_calls(w));
	assert_true(begin(w, 3, 2, false)); // to its messages
	assert_false(watching_calls(w, 2));
	assert_true(begin(w, 1, 2, true));
	assert_true(begin(w, 3, 2, true));
	assert_true(watching_calls(w, 2));
	assert_false(watching_calls(w, 1));
	end(w, 1, 2, true);
	assert_true(watching_calls(w, 2));
	end(w, 3, 2, true);
	assert_false(watching_calls(w, 2));
	assert_false(watching_any_calls(w));
	end(w, 3, 2, false);
	assert_int_equal(w->lines[2].watchers + w->lines[3].watches, 0);
	watching_free(w);
}

static void each_side_has_its_limit(void **state)
{
	(void)state;
	struct watching *w = must(watching_new(2 * WATCHES_MAX));
	for (uint32_t i = 0; i < WATCHES_MAX; i++) assert_true(begin(w, 1, 2 + i, true));
	assert_false(begin(w, 1, WATCHES_MAX + 10, true)); // the watcher has its most
	assert_false(watching_calls(w, WATCHES_MAX + 10));
	for (uint32_t i = 1; i < WATCHERS_MAX; i++) assert_true(begin(w, 1 + i, 2, true));
	assert_false(begin(w, WATCHERS_MAX + 10, 2, true)); // the watched has its most
	assert_true(begin(w, WATCHERS_MAX + 10, 1, true));  // ... and nothing stayed taken
	assert_false(begin(w, 2 * WATCHES_MAX + 1, 2, true));
	assert_false(begin(w, 2, 2 * WATCHES_MAX + 1, true));
	assert_false(watching_calls(w, 2 * WATCHES_MAX + 1));
	watching_free(w);
}

static void an_end_too_many_changes_nothing(void **state)
{
	(void)state;
	struct watching *w = must(watching_new(8));
	uint64_t before = count_sum(&counter_watching_underflow);
	give(&w->lines[1].watchers);
	assert_int_equal(w->lines[1].watchers, 0);
	assert_int_equal(count_sum(&counter_watching_underflow), before + 1);
	watching_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_watched_while_a_subscription_to_them_stands),
		cmocka_unit_test(each_side_has_its_limit),
		cmocka_unit_test(an_end_too_many_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
