#include "api_json.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/testing.h"

static struct office *office;
static struct api api;

// An office of two lines, a trunk group and a default route.
static int make_office(void **state)
{
	(void)state;
	struct office_line line = { .id = 7, .name = "6035550101", .number = "16035550101", .calls_max = 2 };
	struct office_rules *rules = office_rules_dup(NULL);
	if (office_new(&office) != OK || !rules) return -1;
	rules->trunk_groups = must(calloc(1, sizeof *rules->trunk_groups));
	rules->trunk_groups[0] = (struct office_trunk_group){ .id = 3, .name = "far", .in_service = true };
	rules->trunk_group_count = 1;
	rules->routes = must(calloc(1, sizeof *rules->routes));
	rules->routes[0] = (struct office_route){ .id = 5, .choice_count = 1, .choices = { 3 } };
	rules->route_count = 1;
	api = (struct api){ .office = office };
	return office_put_rules(office, rules) == OK && office_put_line(office, &line) == OK ? 0 : -1;
}

static int drop_office(void **state)
{
	(void)state;
	office = office_free(office);
	rcu_drain();
	return 0;
}

// The member at a path of names, as compact JSON; static.
static const char *at(const json_t *json, const char *path)
{
	static char text[512];
	struct str rest = str_from(path);
	while (rest.n) {
		struct str name = str_cut(&rest, '.');
		json = ascii_is_digit(name.p[0]) ? json_array_get(json, (size_t)(name.p[0] - '0'))
		                                 : json_object_getn(json, name.p, name.n);
	}
	size_t n = json_dumpb(json, text, sizeof text - 1, JSON_COMPACT | JSON_ENCODE_ANY);
	text[n < sizeof text ? n : 0] = '\0';
	return text;
}

static void test_times(void **state)
{
	(void)state;
	json_t *time = api_time(1769860801250);
	assert_string_equal(json_string_value(time), "2026-01-31T12:00:01.250Z");
	json_decref(time);
	assert_true(json_is_null(api_time(0)));
}

static void test_text_of_any_octets(void **state)
{
	(void)state;
	json_t *text = must(api_text(STR("caf\xC3\xA9")));
	assert_string_equal(json_string_value(text), "caf\xC3\xA9");
	json_decref(text);
	text = must(api_text(STR("caf\xE9 \x01")));
	assert_string_equal(json_string_value(text), "caf? \x01");
	json_decref(text);
	text = must(api_text((struct str){ 0 }));
	assert_string_equal(json_string_value(text), "");
	json_decref(text);
}

static struct call_record *a_record(void)
{
	static struct call_record r;
	r = (struct call_record){
		.kind = RECORD_RELEASE, .released_by = 1, .answered = true, .call = UINT64_MAX, .sequence = 42,
		.began_wall_ms = 1769860800000, .answered_wall_ms = 1769860801250, .answered_for_ms = 1500,
		.o = { .line = 7, .party = { .presentation = PRESENT_RESTRICTED, .name = "A\xE9", .name_n = 2 } },
		.t = { .trunk_group = 9 }, .dialled = "12075550199", .cause = { .value = 17 }, .codec = "PCMU",
		.trail_n = 4, .ladder_n = 2,
	};
	assert_int_equal(number_set(&r.called, NUMBER_INTERNATIONAL, STR("12075550199")), OK);
	r.trail[0] = (struct trail_row){ .kind = TRAIL_LINE_CALLS, .a = 7, .version = 4 };
	r.trail[1] = (struct trail_row){ .at_ms = 9, .kind = TRAIL_ROUTE, .a = 5, .b = 1 };
	r.trail[2] = (struct trail_row){ .kind = TRAIL_TREATMENT, .a = MEDIA_PROMPT_VACANT };
	r.trail[3] = (struct trail_row){ .kind = TRAIL_TREATMENT, .a = TRAIL_TONE | MEDIA_TONE_BUSY };
	r.ladder[0] = (struct ladder_row){ .method = SIP_INVITE, .cseq = 1, .bytes = 800, .body = 1, .text = UINT32_MAX };
	r.ladder[1] = (struct ladder_row){ .at_ms = 2, .out = 1, .method = SIP_INVITE, .status = 180, .text = UINT32_MAX };
	return &r;
}

static void test_record(void **state)
{
	(void)state;
	json_t *json = api_record(&api, a_record());
	assert_string_equal(at(json, "call"), "\"18446744073709551615\"");
	assert_string_equal(at(json, "calling.line"), "\"6035550101\"");
	assert_string_equal(at(json, "calling.name"), "\"A?\"");
	assert_string_equal(at(json, "calling.presentation"), "\"restricted\"");
	assert_string_equal(at(json, "calling.trunk"), "null");
	assert_string_equal(at(json, "called.trunk"), "\"#9\""); // it left the office since
	assert_string_equal(at(json, "number"), "\"+12075550199\"");
	assert_string_equal(at(json, "diverted_from"), "null");
	assert_string_equal(at(json, "diverted_by"), "null");
	assert_string_equal(at(json, "alerted"), "null");
	assert_string_equal(at(json, "answered"), "\"2026-01-31T12:00:01.250Z\"");
	assert_string_equal(at(json, "released_by"), "\"called\"");
	assert_string_equal(at(json, "cause.text"), "\"user busy\"");
	assert_string_equal(at(json, "cause.location"), "\"user\"");
	json_decref(json);
}

static void test_trail(void **state)
{
	(void)state;
	json_t *json = api_trail(&api, a_record());
	assert_int_equal(json_array_size(json), 4);
	assert_string_equal(at(json, "0.text"), "\"line 6035550101 opens a call\"");
	assert_string_equal(at(json, "0.kind"), "\"LINE_CALLS\"");
	assert_string_equal(at(json, "1.text"), "\"route default answers, 1 choice\"");
	assert_string_equal(at(json, "1.at_ms"), "9");
	assert_string_equal(at(json, "2.text"), "\"the caller hears the announcement VACANT\"");
	assert_string_equal(at(json, "3.text"), "\"the caller hears the tone BUSY\"");
	json_decref(json);
}

static void test_ladder(void **state)
{
	(void)state;
	json_t *json = api_ladder(&api, a_record());
	assert_string_equal(at(json, "0.message"), "\"INVITE\"");
	assert_string_equal(at(json, "0.media"), "true");
	assert_string_equal(at(json, "0.sent"), "false");
	assert_string_equal(at(json, "0.text"), "null");
	assert_string_equal(at(json, "1.message"), "\"180 Ringing\"");
	assert_string_equal(at(json, "1.sent"), "true");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times), cmocka_unit_test(test_text_of_any_octets), cmocka_unit_test(test_record),
		cmocka_unit_test(test_trail), cmocka_unit_test(test_ladder),
	};
	return cmocka_run_group_tests(tests, make_office, drop_office);
}
