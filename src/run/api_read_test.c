#include "api_read.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_times(void **state)
{
	(void)state;
	static const struct { const char *text; uint64_t ms; } good[] = {
		{ "1970-01-01", 0 }, { "2026-01-31", 1769817600000 }, { "2026-01-31T12:00", 1769860800000 },
		{ "2026-01-31T12:00:01Z", 1769860801000 }, { "2026-01-31T12:00:01.250Z", 1769860801250 },
	};
	static const char *const bad[] = {
		"", "today", "2026", "2026-13-01", "2026-00-01", "2026-01-32", "2026-01-31 12:00", "2026-01-31T25:00",
		"2026-01-31T12:00:00+01:00", "2026-01-31T12:00:00ZZ", "20260131120000", "1969-12-31", "2026-1-31T00",
		"2026-01-31T12:00:00.1234",
	};
	uint64_t ms;
	for (uint32_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(api_time_parse(&ms, str_from(good[i].text)));
		assert_int_equal(ms, good[i].ms);
	}
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++)
		if (api_time_parse(&ms, str_from(bad[i]))) fail_msg("%s was taken", bad[i]);
}

// What stands for the parts, parted by "|", or NULL when the path is another's.
static const char *matched(const char *pattern, const char *path)
{
	static char text[128];
	struct str args[2] = { { 0 } };
	if (!api_path_matches(args, pattern, str_from(path))) return NULL;
	str_to_z(text, sizeof text, args[0]);
	strcat(text, "|");
	str_to_z(text + strlen(text), sizeof text - strlen(text), args[1]);
	return text;
}

static void test_paths(void **state)
{
	(void)state;
	assert_string_equal(matched("/v1/status", "/v1/status"), "|");
	assert_null(matched("/v1/status", "/v1/status/"));
	assert_null(matched("/v1/status", "/v1/statu"));
	assert_null(matched("/v1/status", "v1/status"));
	assert_null(matched("/v1/status", ""));
	assert_null(matched("/v1/status", "/"));
	assert_string_equal(matched("/v1/calls/{call}", "/v1/calls/12"), "12|");
	assert_null(matched("/v1/calls/{call}", "/v1/calls/"));
	assert_null(matched("/v1/calls/{call}", "/v1/calls"));
	assert_null(matched("/v1/calls/{call}", "/v1/calls/12/trace"));
	assert_string_equal(matched("/v1/calls/{call}/trace", "/v1/calls/12/trace"), "12|");
	assert_string_equal(matched("/v1/office/{kind}/{key...}", "/v1/office/rate-centre/NH/Manchester"),
	                    "rate-centre|NH/Manchester");
	assert_null(matched("/v1/office/{kind}/{key...}", "/v1/office/line/"));
	assert_null(matched("/v1/office/{kind}/{key...}", "/v1/office//x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_times), cmocka_unit_test(test_paths) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
