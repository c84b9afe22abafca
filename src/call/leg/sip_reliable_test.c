#include "sip_reliable.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void rack_names_the_response(void **state)
{
	(void)state;
	struct sip_early early = { .reliable = { .rseq = 4294967295 } };
	const struct sip_leg leg = { .invite_cseq = 7, .early = &early };
	static const char *const good[] = { "4294967295 7 INVITE", " 4294967295  7  INVITE ", "4294967295 007 INVITE" };
	static const char *const bad[] = { "", "7", "4294967295 7", "4294967295 7 ", "4294967295 7 PRACK", "4294967295 7 invite",
		"4294967294 7 INVITE", "4294967296 7 INVITE", "4294967295 8 INVITE", "-1 7 INVITE", "4294967295 7 INVITE x",
		"x 7 INVITE", "7 4294967295 INVITE" };
	for (uint32_t i = 0; i < ARRAY_LEN(good); i++) assert_true(names(&leg, str_from(good[i])));
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(names(&leg, str_from(bad[i])));
}

static void the_first_rseq_is_in_range_and_stays(void **state)
{
	(void)state;
	uint32_t before = 0, same = 0;
	for (uint32_t i = 0; i < 10000; i++) {
		char text[32];
		struct buf b = buf_on(text, sizeof text);
		put_fmt(&b, "call-%u", i);
		const struct sip_leg leg = { .dialog.call_id = buf_str(&b) };
		uint32_t rseq = first_rseq(&leg);
		assert_in_range(rseq, 1, 0x7fffffff);
		assert_int_equal(rseq, first_rseq(&leg));
		same += rseq == before;
		before = rseq;
	}
	assert_in_range(same, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rack_names_the_response),
		cmocka_unit_test(the_first_rseq_is_in_range_and_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
