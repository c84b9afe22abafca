// Telephone numbers in URIs.
#include "tel.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_grammar_is_held(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum parse wanted;
	} rows[] = {
		{ "tel:+1-(603)-555.0102", PARSE_OK },
		{ "tel:911", PARSE_OK },
		{ "tel:*67#", PARSE_OK },
		{ "tel:5550102;phone-context=+1603", PARSE_OK },
		{ "tel:7042;ext=1;isub=22;phone-context=pbx.example.com;cpc=ordinary;npdi", PARSE_OK },
		{ "tel:+16035550102;isub=a/b%3B", PARSE_OK },
		{ "tel:", PARSE_BAD },
		{ "tel:+", PARSE_BAD },
		{ "tel:+-", PARSE_BAD },
		{ "tel:()-", PARSE_BAD },
		{ "tel:+1603555*102", PARSE_BAD },
		{ "tel:+1603555010A", PARSE_BAD },
		{ "tel:16035550102@example.com", PARSE_BAD },
		{ "tel:5550102;", PARSE_BAD },
		{ "tel:5550102;;npdi", PARSE_BAD },
		{ "tel:5550102;=1", PARSE_BAD },
		{ "tel:5550102;ext=1;ext=2", PARSE_BAD },
		{ "tel:5550102;phone-context=+1;Phone-Context=+2", PARSE_BAD },
		{ "tel:5550102;phone-context=", PARSE_BAD },
		{ "tel:5550102;phone-context=+", PARSE_BAD },
		{ "tel:5550102;phone-context=+1x", PARSE_BAD },
		{ "tel:5550102;x=%4", PARSE_BAD },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri uri;
		if (sip_uri_parse(&uri, str_from(rows[i].text)) != rows[i].wanted) fail_msg("%s", rows[i].text);
	}
}

static void numbers_are_told_from_either_scheme(void **state)
{
	(void)state;
	static const struct {
		const char *uri, *number;
	} rows[] = {
		{ "tel:+1-603-555-0102;isub=7;ext=12", "+1-603-555-0102" },
		{ "sip:+16035550102;npdi;rn=+16035550000@h;user=phone", "+16035550102" },
		{ "tel:555-0102;phone-context=+1-603", "+1-603555-0102" },
		{ "sip:5550102;phone-context=+1603@h;user=phone", "+16035550102" },
		{ "sip:6035550102;PHONE-CONTEXT=+1@h", "+16035550102" },
		{ "tel:6035550102;phone-context=example.com", "6035550102" },
		{ "tel:911;phone-context=+1", "911" },
		{ "tel:7042;phone-context=+1603555", "7042" },
		{ "sip:%2B16035550102@h", "+16035550102" },
		{ "sip:alice;phone-context=+1@h", "alice" },
		{ "sip:h", "" },
		{ "sip:6035550102;@h", "6035550102" },
	};
	char memory[256];
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena arena = { .p = memory, .cap = sizeof memory };
		struct sip_uri uri;
		assert_int_equal(sip_uri_parse(&uri, str_from(rows[i].uri)), PARSE_OK);
		struct str got = sip_number(&arena, &uri);
		if (!str_eq(got, str_from(rows[i].number))) fail_msg("%s: \"%.*s\"", rows[i].uri, STR_FMT(got));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grammar_is_held),
		cmocka_unit_test(numbers_are_told_from_either_scheme),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
