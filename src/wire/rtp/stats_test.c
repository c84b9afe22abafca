#include "stats.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct rtp_stats s;

static void add(uint16_t seq)
{
	rtp_stats_add(&s, seq, seq * 160u, 1, 8000, seq * 20000ull + 1000000);
}

static void test_loss(void **state)
{
	(void)state;
	s = (struct rtp_stats){ 0 };
	assert_int_equal(rtp_stats_lost(&s), 0);
	for (uint16_t i = 0; i < 100; i++)
		if (i != 40 && i != 99) add(i);
	assert_int_equal(rtp_stats_lost(&s), 1); // that 99 is missing nobody can know
	add(40);                                 // it was only late
	assert_int_equal(rtp_stats_lost(&s), 0);
	add(40);
	assert_int_equal(rtp_stats_lost(&s), 0); // a duplicate makes no negative loss
	add(200);
	assert_int_equal(rtp_stats_lost(&s), 100);
}

static void test_new_source_and_jump(void **state)
{
	(void)state;
	s = (struct rtp_stats){ 0 };
	for (uint16_t i = 0; i < 10; i++) add(i);
	rtp_stats_add(&s, 5000, 0, 2, 8000, 2000000); // another source: nothing is lost between
	rtp_stats_add(&s, 5002, 320, 2, 8000, 2040000);
	assert_int_equal(rtp_stats_lost(&s), 1);
	rtp_stats_add(&s, 40000, 0, 2, 8000, 2060000); // a jump, believed at the second
	assert_int_equal(rtp_stats_lost(&s), 0);       // (counted as received, so it hides a loss until then)
	rtp_stats_add(&s, 40001, 160, 2, 8000, 2080000);
	assert_int_equal(rtp_stats_lost(&s), 1);
	assert_int_equal(s.received, 14);
}

static void test_jitter(void **state)
{
	(void)state;
	s = (struct rtp_stats){ 0 };
	for (uint16_t i = 0; i < 1000; i++) add(i);
	assert_int_equal(rtp_stats_jitter_us(&s, 8000), 0);
	// Every packet 10 ms off its neighbour: the estimate goes to 10 ms (80 units).
	for (uint16_t i = 1000; i < 2000; i++)
		rtp_stats_add(&s, i, i * 160u, 1, 8000, i * 20000ull + 1000000 + (i % 2) * 10000u);
	assert_true(rtp_stats_jitter_us(&s, 8000) >= 9800 && rtp_stats_jitter_us(&s, 8000) <= 10100);
	rtp_stats_add(&s, 2000, 4000000000u, 1, 8000, 41000000); // a new time line is no jitter
	assert_true(rtp_stats_jitter_us(&s, 8000) <= 10100);
	assert_int_equal(rtp_stats_jitter_us(&s, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss), cmocka_unit_test(test_new_source_and_jump), cmocka_unit_test(test_jitter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
