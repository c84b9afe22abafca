// The ring: alone, and between two threads.
#include "ring.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

struct value {
	uint64_t number, twice;
	char odd_size[5];
};

static void values_come_out_in_order(void **state)
{
	(void)state;
	struct ring r;
	struct value v = { 0 };
	uint64_t put = 0, taken = 0;
	assert_int_equal(ring_init(&r, sizeof v, 5), OK);
	assert_false(ring_take(&r, &v));
	for (uint32_t round = 0; round < 1000; round++) {
		for (uint32_t i = 0; i < round % 11; i++) {
			v.number = put;
			enum err e = ring_put(&r, &v);
			assert_int_equal(e, put - taken == 8 ? ERR_FULL : OK); // five asked for, eight there
			put += e == OK;
		}
		for (uint32_t i = 0; i < round % 7; i++) {
			bool got = ring_take(&r, &v);
			assert_int_equal(got, put != taken);
			if (got) assert_int_equal(v.number, taken++);
		}
	}
	ring_fini(&r);
}

#define CROSSINGS 200000

static void *putter(void *ring)
{
	for (uint64_t i = 0; i < CROSSINGS; i++) {
		struct value v = { .number = i, .twice = 2 * i };
		while (ring_put(ring, &v) != OK) sched_yield();
	}
	return NULL;
}

static void values_cross_threads_whole(void **state)
{
	(void)state;
	struct ring r;
	struct value v;
	pthread_t thread;
	assert_int_equal(ring_init(&r, sizeof v, 64), OK);
	assert_int_equal(pthread_create(&thread, NULL, putter, &r), 0);
	for (uint64_t i = 0; i < CROSSINGS; i++) {
		while (!ring_take(&r, &v)) sched_yield();
		assert_true(v.number == i && v.twice == 2 * i);
	}
	pthread_join(thread, NULL);
	assert_false(ring_take(&r, &v));
	ring_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_out_in_order),
		cmocka_unit_test(values_cross_threads_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
