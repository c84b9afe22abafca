#include "nonce.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"

static bool use(struct nonces *n, uint32_t number, uint64_t issued_ms, uint32_t nc)
{
	char text[32];
	snprintf(text, sizeof text, "nonce-%u", number);
	return nonce_use(n, str_from(text), issued_ms, nc);
}

static void a_count_serves_once_and_only_upwards(void **state)
{
	(void)state;
	struct nonces *n = must(nonces_new(1024, 1));
	assert_true(use(n, 1, 5000, 1));
	assert_false(use(n, 1, 5000, 1));
	assert_true(use(n, 1, 5000, 2));
	assert_true(use(n, 1, 5000, 9));
	assert_false(use(n, 1, 5000, 3));
	assert_false(use(n, 1, 5000, 0));
	assert_false(use(n, 1, 5000, COUNT_MAX + 1));
	assert_true(use(n, 1, 5000, COUNT_MAX));
	nonces_free(n);
}

// The promise of the table: small as it is and whatever comes in between, no use is ever taken twice.
static void nothing_is_taken_twice_in_a_table_too_small(void **state)
{
	(void)state;
	struct nonces *n = must(nonces_new(64, 7));
	static bool taken[2000];
	struct random r;
	uint32_t fresh = 0;
	random_seed(&r, 0x5eed);
	for (uint32_t i = 0; i < 200000; i++) {
		uint32_t number = random_below(&r, ARRAY_LEN(taken));
		if (!use(n, number, 100000 + number * 20, 1)) continue;
		assert_false(taken[number]);
		taken[number] = true;
		fresh++;
	}
	assert_in_range(fresh, 64, ARRAY_LEN(taken));
	nonces_free(n);
}

// In the order in which they are issued, as phones answer challenges: all are taken.
static void new_nonces_always_find_a_place(void **state)
{
	(void)state;
	struct nonces *n = must(nonces_new(64, 7));
	for (uint32_t i = 0; i < 10000; i++) assert_true(use(n, i, 1000 + i * TIME_UNIT_MS, 1));
	nonces_free(n);
}

static void an_old_entry_gives_way_after_the_clock_wrapped(void **state)
{
	(void)state;
	struct nonces *n = must(nonces_new(64, 7));
	uint64_t later = 40ull * 24 * 3600 * 1000; // more than half of the 49 days
	for (uint32_t i = 0; i < 1000; i++) (void)use(n, i, 1000 + i * TIME_UNIT_MS, 1);
	for (uint32_t i = 0; i < 1000; i++) assert_true(use(n, 5000 + i, later + i * TIME_UNIT_MS, 1));
	nonces_free(n);
}

static _Atomic uint32_t taken_by_threads;
static void *use_all(void *arg)
{
	for (uint32_t i = 0; i < 5000; i++) atomic_fetch_add(&taken_by_threads, use(arg, i, 1000 + i * TIME_UNIT_MS, 1));
	return NULL;
}

static void two_workers_never_take_the_same(void **state)
{
	(void)state;
	struct nonces *n = must(nonces_new(1 << 16, 7));
	pthread_t threads[3];
	atomic_store(&taken_by_threads, 0);
	for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, use_all, n), 0);
	for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&taken_by_threads), 4000, 5000); // a few were displaced by newer ones, none doubled
	nonces_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_count_serves_once_and_only_upwards),
		cmocka_unit_test(nothing_is_taken_twice_in_a_table_too_small),
		cmocka_unit_test(new_nonces_always_find_a_place),
		cmocka_unit_test(an_old_entry_gives_way_after_the_clock_wrapped),
		cmocka_unit_test(two_workers_never_take_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
