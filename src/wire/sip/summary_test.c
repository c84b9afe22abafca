#include "summary.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum parse parse(struct sip_summary *s, const char *text)
{
	return sip_summary_parse(s, str_from(text));
}

static void the_body_of_the_rfc(void **state)
{
	(void)state;
	struct sip_summary s;
	assert_int_equal(parse(&s, "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\n"
	                           "Voice-Message: 4/8 (1/2)\r\nFax-Message: 9/9\r\n\r\nTo: <alice@example.com>\r\n"), PARSE_OK);
	assert_true(str_eq(s.account, STR("sip:alice@vmail.example.com")));
	assert_true(s.fresh == 4 && s.old == 8 && s.fresh_urgent == 1 && s.old_urgent == 2);
}

static void short_forms(void **state)
{
	(void)state;
	struct sip_summary s;
	assert_int_equal(parse(&s, "messages-waiting:YES"), PARSE_OK);
	assert_int_equal(s.fresh, 1);
	assert_int_equal(parse(&s, "Messages-Waiting: no\nVoice-Message: 0 / 3\n"), PARSE_OK);
	assert_true(s.fresh == 0 && s.old == 3);
	assert_int_equal(parse(&s, "Messages-Waiting: yes\nVoice-Message: 0/0\n"), PARSE_OK); // of another kind
	assert_int_equal(s.fresh, 0);
}

static void what_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "Voice-Message: 1/1\r\n", "Messages-Waiting: maybe\r\n",
		"Messages-Waiting: yes\r\nVoice-Message: 1\r\n", "Messages-Waiting: yes\r\nVoice-Message: 1/99999\r\n",
		"Messages-Waiting: yes\r\nVoice-Message: 1/1 (x/1)\r\n" };
	struct sip_summary s;
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(parse(&s, bad[i]), PARSE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_body_of_the_rfc),
		cmocka_unit_test(short_forms),
		cmocka_unit_test(what_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
