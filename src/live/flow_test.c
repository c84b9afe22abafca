#include "flow.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/testing.h"

static void a_number_stands_until_it_ends(void **state)
{
	(void)state;
	struct flows *f = must(flows_new(4));
	uint32_t one = flow_begin(f), two = flow_begin(f);
	assert_true(one && two && one != two);
	assert_true(flow_stands(f, 0) && flow_stands(f, one) && flow_stands(f, two));
	flow_end(f, one);
	flow_end(f, one); // twice is once
	assert_false(flow_stands(f, one));
	assert_true(flow_stands(f, two));
	assert_false(flow_stands(f, ADDR_FLOW_ENDED));
	flows_free(f);
}

static void no_more_than_there_is_room_for(void **state)
{
	(void)state;
	struct flows *f = must(flows_new(2));
	uint32_t one = flow_begin(f), two = flow_begin(f);
	assert_int_equal(flow_begin(f), 0);
	for (uint32_t i = 0; i < 1000; i++) { // one that lasts is in nobody's way
		flow_end(f, two);
		uint32_t next = flow_begin(f);
		assert_true(next > two);
		two = next;
	}
	assert_true(flow_stands(f, one) && flow_stands(f, two));
	flows_free(f);
}

static void a_number_that_comes_round_again_is_none_that_is_reserved(void **state)
{
	(void)state;
	struct flows *f = must(flows_new(4));
	atomic_store(&f->next, UINT32_MAX - 2);
	assert_int_equal(flow_begin(f), UINT32_MAX - 1);
	assert_int_equal(flow_begin(f), 1);
	flows_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_stands_until_it_ends),
		cmocka_unit_test(no_more_than_there_is_room_for),
		cmocka_unit_test(a_number_that_comes_round_again_is_none_that_is_reserved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
