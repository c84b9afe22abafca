#include "trace.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"

static void texts_are_found_by_call_and_place(void **state)
{
	(void)state;
	struct trace t;
	assert_int_equal(trace_init(&t), OK);
	uint32_t a = trace_keep(&t, 1, STR("INVITE")), b = trace_keep(&t, 2, STR("200 OK"));
	assert_true(str_eq(trace_find(&t, 1, a), STR("INVITE")));
	assert_true(str_eq(trace_find(&t, 2, b), STR("200 OK")));
	assert_int_equal(trace_find(&t, 2, a).n, 0);         // another's
	assert_int_equal(trace_find(&t, 1, a + 8).n, 0);     // inside a text
	assert_int_equal(trace_find(&t, 1, UINT32_MAX).n, 0); // never kept
	trace_fini(&t);
}

static void the_oldest_is_overwritten(void **state)
{
	(void)state;
	static char text[3000];
	struct trace t;
	uint32_t last = 0, first;
	memset(text, 'x', sizeof text);
	assert_int_equal(trace_init(&t), OK);
	first = trace_keep(&t, 7, STR("first"));
	for (uint64_t i = 0; i < 2 * TRACE_BYTES / sizeof text; i++) {
		last = trace_keep(&t, 100 + i, (struct str){ text, sizeof text });
		assert_int_equal(trace_find(&t, 100 + i, last).n, sizeof text);
	}
	assert_int_equal(trace_find(&t, 7, first).n, 0);
	trace_fini(&t);
}

static void credentials_are_blotted_out(void **state)
{
	(void)state;
	struct trace t;
	assert_int_equal(trace_init(&t), OK);
	uint32_t at = trace_keep(&t, 1,
		STR("INVITE sip:x SIP/2.0\r\nauthorization: Digest username=\"a\", response=\"deadbeef\"\r\n\r\n"));
	struct str kept = trace_find(&t, 1, at);
	assert_null(memmem(kept.p, kept.n, "deadbeef", 8));
	assert_non_null(memmem(kept.p, kept.n, "response=\"........\"", 19));
	at = trace_keep(&t, 1, STR("INVITE sip:x SIP/2.0\r\nProxy-Authorization : Digest username=\"a\",\r\n"
	                           "\tRESPONSE = deadbeef , qop=auth\r\n"
	                           "Subject: response=mine\r\n\r\n"));
	kept = trace_find(&t, 1, at);
	assert_null(memmem(kept.p, kept.n, "deadbeef", 8));
	assert_non_null(memmem(kept.p, kept.n, "\"a\",\r\n\tRESPONSE = ........ , qop=auth\r\nSubject: response=mine\r\n",
		60));
	trace_fini(&t);
}

static void lines_are_traced_until_told_otherwise(void **state)
{
	(void)state;
	struct trace t;
	assert_int_equal(trace_init(&t), OK);
	assert_int_equal(trace_line(&t, 5, true), OK);
	assert_int_equal(trace_line(&t, 5, true), OK);
	assert_true(trace_has_line(&t, 5));
	assert_int_equal(trace_line(&t, 5, false), OK);
	assert_false(trace_has_line(&t, 5));
	for (uint32_t i = 1; i <= TRACE_LINES_MAX; i++) assert_int_equal(trace_line(&t, i, true), OK);
	assert_int_equal(trace_line(&t, 1000, true), ERR_FULL);
	trace_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_found_by_call_and_place),
		cmocka_unit_test(the_oldest_is_overwritten),
		cmocka_unit_test(credentials_are_blotted_out),
		cmocka_unit_test(lines_are_traced_until_told_otherwise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
