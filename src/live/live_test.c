#include "live.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/testing.h"

static void all_parts_are_there(void **state)
{
	(void)state;
	struct live *l = live_new(&(struct live_limits){ 0 }, 1);
	assert_non_null(l);
	assert_true(occupancy_take(l->occupancy, OCCUPANCY_LINE, 535000, 1));
	assert_null(live_free(l));
	assert_null(live_free(NULL));
}

static void a_line_has_one_home(void **state)
{
	(void)state;
	uint32_t seen[4] = { 0 };
	char name[] = "6035550100";
	for (int i = 0; i < 1000; i++) {
		for (char *p = name + 9; ++*p > '9'; p--) *p = '0';
		uint32_t home = live_home(str_from(name), 4);
		assert_int_equal(home, live_home(str_from(name), 4));
		seen[home]++;
	}
	for (int i = 0; i < 4; i++) assert_in_range(seen[i], 180, 320);
	assert_int_equal(live_home(STR("6035550100"), 1), 0);
}

static void a_peer_changes_once(void **state)
{
	(void)state;
	struct peer_states *p = must(peer_states_new(10));
	uint64_t since;
	assert_int_equal(peer_state_get(p, 3, 1, &since), PEER_UNKNOWN);
	assert_true(peer_state_set(p, 3, 1, PEER_SILENT, 1000));
	assert_false(peer_state_set(p, 3, 1, PEER_SILENT, 2000));
	assert_int_equal(peer_state_get(p, 3, 1, &since), PEER_SILENT);
	assert_int_equal(since, 1000);
	assert_int_equal(peer_state_get(p, 3, 0, NULL), PEER_UNKNOWN);
	assert_true(peer_state_set(p, 3, 1, PEER_UP, 3000));
	peer_state_forget(p, 3);
	assert_int_equal(peer_state_get(p, 3, 1, &since), PEER_UNKNOWN);
	assert_false(peer_state_set(p, 11, 0, PEER_UP, 1));
	assert_false(peer_state_set(p, 1, 8, PEER_UP, 1));
	peer_states_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_parts_are_there),
		cmocka_unit_test(a_line_has_one_home),
		cmocka_unit_test(a_peer_changes_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
