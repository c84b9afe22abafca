// Counters: many threads add, a reader sums; errors have words.
#include "count.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"

#include <pthread.h>

COUNTER(count_test_first, "The first");
COUNTER(count_test_second, "The second");

#define THREADS 20 // more than there are shards
#define EACH 10000

static void *add(void *unused)
{
	(void)unused;
	count_join();
	for (int i = 0; i < EACH; i++) COUNT(count_test_first);
	COUNT_BY(count_test_second, 5);
	return NULL;
}

static void sums_hold_what_all_threads_added(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
	assert_int_equal(count_by_name("count_test_first"), THREADS * EACH);
	assert_int_equal(count_by_name("count_test_second"), THREADS * 5);
	assert_int_equal(count_by_name("no_such_counter"), 0);
}

static void each_counter_is_listed_once(void **state)
{
	(void)state;
	uint32_t found = 0;
	struct counter *c;
	for (uint32_t i = 0; (c = count_at(i)); i++) {
		assert_non_null(c->name);
		assert_non_null(c->help);
		found += c == &counter_count_test_first;
	}
	assert_int_equal(found, 1);
}

static void each_error_has_words(void **state)
{
	(void)state;
	for (int e = 0; e < ERR_COUNT + 2; e++) assert_true(strlen(err_text((enum err)e)) > 3);
	assert_string_equal(err_text(ERR_COUNT), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_hold_what_all_threads_added),
		cmocka_unit_test(each_counter_is_listed_once),
		cmocka_unit_test(each_error_has_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
