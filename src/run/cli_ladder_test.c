#include "cli_ladder.c"

#include <stdlib.h>

#include <setjmp.h>
#include <cmocka.h>

#include "base/testing.h"

static char *text;
static size_t text_n;

static const char *print(void (*how)(FILE *out, const json_t *call), const char *json)
{
	json_error_t error;
	json_t *call = json_loads(json, 0, &error);
	if (!call) fail_msg("the test's own JSON: %s", error.text);
	free(text);
	FILE *out = must(open_memstream(&text, &text_n));
	how(out, call);
	fclose(out);
	json_decref(call);
	return text;
}

static int drop_text(void **state)
{
	(void)state;
	free(text);
	return 0;
}

static void test_two_legs(void **state)
{
	(void)state;
	const char *got = print(call_print_ladder,
	    "{\"calling\": {\"peer\": \"192.0.2.5:5060\"}, \"called\": {\"peer\": \"192.0.2.6:5062\"}, \"ladder\": ["
	    "{\"at_ms\": 0, \"leg\": 0, \"sent\": false, \"message\": \"INVITE\", \"media\": true},"
	    "{\"at_ms\": 1, \"leg\": 0, \"sent\": true, \"message\": \"100 Trying\", \"media\": false},"
	    "{\"at_ms\": 4, \"leg\": 1, \"sent\": true, \"message\": \"INVITE\", \"media\": true},"
	    "{\"at_ms\": 12345, \"leg\": 1, \"sent\": false, \"message\": \"183 Session Progress\", \"media\": true}]}");
	assert_string_equal(got,
	    "    time  caller                            switch                            called\n"
	    "          192.0.2.5:5060                                                      192.0.2.6:5062\n"
	    "   0.000  │──────── INVITE, media ─────────▶│                                 │\n"
	    "   0.001  │◀────────── 100 Trying ──────────│                                 │\n"
	    "   0.004  │                                 │──────── INVITE, media ─────────▶│\n"
	    "  12.345  │                                 │◀─ 183 Session Progress, media ──│\n");
}

// Several phones ring: an arrow to the second passes over the lifeline of the first.
static void test_three_legs(void **state)
{
	(void)state;
	const char *got = print(call_print_ladder,
	    "{\"ladder\": [{\"at_ms\": 7, \"leg\": 2, \"sent\": true, \"message\": \"INVITE\", \"media\": false},"
	    "{\"at_ms\": 8, \"leg\": 1, \"sent\": false, \"message\": \"486 Busy Here\", \"media\": false}]}");
	assert_non_null(strstr(got, "called 1                          called 2\n"));
	assert_non_null(strstr(got, "   0.007  │                                 │"
	    "───────────────────────────── INVITE ─────────────────────────────▶│\n"));
	assert_non_null(strstr(got, "   0.008  │                                 │"
	    "◀──────── 486 Busy Here ─────────│                                 │\n"));
}

static void test_no_message(void **state)
{
	(void)state;
	assert_non_null(strstr(print(call_print_ladder, "{\"ladder\": []}"), "caller"));
	assert_non_null(strstr(print(call_print_ladder, "{}"), "switch"));
}

// The text of a traced message is indented; what would disturb a terminal is not let through.
static void test_traced(void **state)
{
	(void)state;
	const char *got = print(call_print_ladder,
	    "{\"ladder\": [{\"at_ms\": 7, \"leg\": 0, \"sent\": false, \"message\": \"BYE\", \"media\": false,"
	    "\"text\": \"BYE sip:x SIP/2.0\\r\\nSubject: \\u001b[31m\\r\\n\\r\\n\"}]}");
	assert_non_null(strstr(got, "\n0.007 s, leg 0, received\n    BYE sip:x SIP/2.0\n    Subject: ?[31m\n"));
}

// A label longer than the gap is cut, a leg past the last is drawn as the last: never out of the frame.
static void test_absurd(void **state)
{
	(void)state;
	const char *got = print(call_print_ladder,
	    "{\"ladder\": [{\"at_ms\": 7, \"leg\": 200, \"sent\": false, \"media\": true,"
	    "\"message\": \"699 A reason that goes on and on and on and on and on and on\"}]}");
	assert_non_null(strstr(got, "│◀─ 699 A reason that goes on an ─│\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_legs), cmocka_unit_test(test_three_legs), cmocka_unit_test(test_no_message),
		cmocka_unit_test(test_traced), cmocka_unit_test(test_absurd),
	};
	return cmocka_run_group_tests(tests, NULL, drop_text);
}
