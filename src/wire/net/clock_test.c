#include "clock.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void both_go_forward(void **state)
{
	(void)state;
	const struct timespec nap = { .tv_nsec = 20 * 1000000 };
	uint64_t monotonic = clock_monotonic_ms(), wall = clock_wall_ms();
	assert_true(wall > 1600000000000u); // ms, not seconds
	nanosleep(&nap, NULL);
	uint64_t passed = clock_monotonic_ms() - monotonic;
	assert_true(passed >= 19 && passed < 3600000); // ms too
	assert_true(clock_wall_ms() > wall);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(both_go_forward) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
