#include "cli_show.c"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
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

#define ANSWERED                                                                                                       \
	"{\"call\": \"7001\", \"sequence\": 42, \"calling\": {\"line\": \"6035550101\", \"number\": \"+16035550101\","     \
	"\"presentation\": \"restricted\", \"name\": \"Front desk\", \"customer\": \"granite\","                           \
	"\"received\": {\"packets\": 600, \"lost\": 2, \"jitter_us\": 1500}},"                                             \
	"\"called\": {\"trunk\": \"far\", \"number\": null}, \"dialled\": \"12075550199\", \"number\": \"+12075550199\","  \
	"\"began\": \"2026-01-31T12:00:00.000Z\", \"answered\": \"2026-01-31T12:00:03.000Z\", \"is_answered\": true,"      \
	"\"answered_for_ms\": 75250, \"released_by\": \"caller\", \"codec\": \"PCMU\", \"rules_version\": 9,"              \
	"\"cause\": {\"value\": 16, \"standard\": \"itu\", \"text\": \"normal call clearing\", \"location\": \"user\"},"   \
	"\"trail\": [{\"at_ms\": 0, \"side\": \"O\", \"version\": 9, \"text\": \"line 6035550101 opens a call\"},"         \
	"{\"at_ms\": 1, \"side\": \"O\", \"version\": 9, \"text\": \"route 1207 answers, 1 choice\"},"                    \
	"{\"at_ms\": 3000, \"side\": \"T\", \"version\": 10, \"text\": \"leg 1 answers\"}]}"

static void test_trail(void **state)
{
	(void)state;
	assert_string_equal(print(call_print_trail, ANSWERED),
	    "Call 7001: from line 6035550101 (+16035550101) to trunk far, dialled 12075550199.\n"
	    "Began 2026-01-31T12:00:00.000Z, answered for 1 min 15.250 s; released by the caller; cause 16, normal call "
	    "clearing, from the user.\n\n"
	    "  +0.000 s  O  line 6035550101 opens a call  (rules 9)\n"
	    "  +0.001 s  O  route 1207 answers, 1 choice\n"
	    "  +3.000 s  T  leg 1 answers  (rules 10)\n");
}

static void test_sheet(void **state)
{
	(void)state;
	const char *got = print(call_print_sheet, ANSWERED);
	assert_non_null(strstr(got, "record              42\n"));
	assert_non_null(strstr(got, "calling             6035550101 +16035550101\n"));
	assert_non_null(strstr(got, "  number is         restricted\n"));
	assert_non_null(strstr(got, "  media received    600 packets, 2 lost, jitter 1.5 ms\n"));
	assert_non_null(strstr(got, "answered for        1 min 15.250 s\n"));
	assert_non_null(strstr(got, "released by         the caller\n"));
	assert_non_null(strstr(got, "cause               16, normal call clearing, from the user\n"));
	assert_null(strstr(got, "marked"));
	assert_null(strstr(got, "ended"));
	got = print(call_print_sheet, "{\"call\": \"1\", \"stands\": true, \"calling_state\": \"ACTIVE\","
	                              "\"called_state\": \"ACTIVE\", \"emergency\": true}");
	assert_non_null(strstr(got, "state               ACTIVE / ACTIVE\n"));
	assert_non_null(strstr(got, "marked              an emergency call\n"));
}

static void test_durations(void **state)
{
	(void)state;
	assert_string_equal(duration(0), "0.000 s");
	assert_string_equal(duration(59999), "59.999 s");
	assert_string_equal(duration(60000), "1 min 0.000 s");
	assert_string_equal(duration(3661000), "1 h 1 min 1 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trail), cmocka_unit_test(test_sheet), cmocka_unit_test(test_durations),
	};
	return cmocka_run_group_tests(tests, NULL, drop_text);
}
