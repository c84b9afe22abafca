#include "occupancy.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/testing.h"

static void places_are_taken_up_to_the_limit(void **state)
{
	(void)state;
	struct occupancy *o = must(occupancy_new(10, 10));
	assert_true(occupancy_take(o, OCCUPANCY_LINE, 3, 2));
	assert_true(occupancy_take(o, OCCUPANCY_LINE, 3, 2));
	assert_false(occupancy_take(o, OCCUPANCY_LINE, 3, 2));
	assert_true(occupancy_take(o, OCCUPANCY_LINE, 3, 0)); // an emergency call
	assert_true(occupancy_take(o, OCCUPANCY_TRUNK_GROUP, 3, 1));
	assert_int_equal(occupancy_now(o, OCCUPANCY_LINE, 3), 3);
	assert_int_equal(occupancy_total(o, OCCUPANCY_LINE), 3);
	assert_int_equal(occupancy_now(o, OCCUPANCY_TRUNK_GROUP, 3), 1);
	for (int i = 0; i < 3; i++) occupancy_give(o, OCCUPANCY_LINE, 3);
	assert_int_equal(occupancy_total(o, OCCUPANCY_LINE), 0);
	assert_true(occupancy_take(o, OCCUPANCY_LINE, 3, 1));
	assert_false(occupancy_take(o, OCCUPANCY_LINE, 11, 1));
	occupancy_give(o, OCCUPANCY_LINE, 11);
	occupancy_free(o);
}

static void the_last_place_is_the_last(void **state)
{
	(void)state;
	struct occupancy *o = must(occupancy_new(1, 1));
	for (int i = 0; i < OCCUPANCY_MOST; i++) assert_true(occupancy_take(o, OCCUPANCY_LINE, 1, 0));
	assert_false(occupancy_take(o, OCCUPANCY_LINE, 1, 0));
	assert_int_equal(occupancy_now(o, OCCUPANCY_LINE, 1), OCCUPANCY_MOST);
	occupancy_free(o);
}

static void a_gift_too_many_is_counted(void **state)
{
	(void)state;
	struct occupancy *o = must(occupancy_new(1, 1));
	uint64_t before = count_sum(&counter_occupancy_underflow);
	occupancy_give(o, OCCUPANCY_LINE, 1);
	assert_int_equal(count_sum(&counter_occupancy_underflow), before + 1);
	assert_int_equal(occupancy_now(o, OCCUPANCY_LINE, 1), 0);
	occupancy_free(o);
}

static void an_audit_corrects_what_stood_still(void **state)
{
	(void)state;
	struct occupancy *o = must(occupancy_new(10, 10));
	log_quiet = true;
	assert_true(occupancy_take(o, OCCUPANCY_LINE, 1, 0)); // leaked: no call holds it
	assert_true(occupancy_take(o, OCCUPANCY_LINE, 2, 0)); // held
	assert_true(occupancy_take(o, OCCUPANCY_LINE, 3, 0)); // moves during the audit
	struct occupancy_audit *a = must(occupancy_audit_begin(o));
	occupancy_audit_hold(a, OCCUPANCY_LINE, 2);
	occupancy_audit_hold(a, OCCUPANCY_TRUNK_GROUP, 5); // lost: a call holds what was given back
	occupancy_give(o, OCCUPANCY_LINE, 3);
	assert_true(occupancy_take(o, OCCUPANCY_LINE, 3, 0)); // the same count again, yet it moved
	assert_int_equal(occupancy_audit_end(o, a), 2);
	assert_int_equal(occupancy_now(o, OCCUPANCY_LINE, 1), 0);
	assert_int_equal(occupancy_now(o, OCCUPANCY_LINE, 2), 1);
	assert_int_equal(occupancy_now(o, OCCUPANCY_LINE, 3), 1);
	assert_int_equal(occupancy_now(o, OCCUPANCY_TRUNK_GROUP, 5), 1);
	occupancy_free(o);
}

static void *take_and_give(void *arg)
{
	struct occupancy *o = arg;
	uintptr_t over = 0;
	for (int i = 0; i < 20000; i++) {
		if (!occupancy_take(o, OCCUPANCY_LINE, 1, 2)) continue;
		over += occupancy_now(o, OCCUPANCY_LINE, 1) > 2;
		occupancy_give(o, OCCUPANCY_LINE, 1);
	}
	return (void *)over;
}

static void threads_share_the_limit(void **state)
{
	(void)state;
	struct occupancy *o = must(occupancy_new(1, 1));
	pthread_t threads[3];
	for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, o), 0);
	for (int i = 0; i < 3; i++) {
		void *over;
		pthread_join(threads[i], &over);
		assert_ptr_equal(over, NULL);
	}
	assert_int_equal(occupancy_now(o, OCCUPANCY_LINE, 1), 0);
	occupancy_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_taken_up_to_the_limit),
		cmocka_unit_test(the_last_place_is_the_last),
		cmocka_unit_test(a_gift_too_many_is_counted),
		cmocka_unit_test(an_audit_corrects_what_stood_still),
		cmocka_unit_test(threads_share_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
