// Slices: comparison, cutting, numbers.
#include "str.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_str(struct str got, const char *wanted)
{
	if (!str_eq(got, str_from(wanted))) fail_msg("got \"%.*s\", wanted \"%s\"", STR_FMT(got), wanted);
}

static const struct str none; // p is NULL: the empty slice that nothing ever filled

static void equality_minds_length_and_case(void **state)
{
	(void)state;
	assert_true(str_eq(STR("a"), STR("a")));
	assert_false(str_eq(STR("a"), STR("A")));
	assert_false(str_eq(STR("a"), STR("ab")));
	assert_true(str_eq(none, STR("")));
	assert_true(str_eq_nocase(STR("Via"), STR("vIA")));
	assert_false(str_eq_nocase(STR("Via"), STR("Vic")));
	assert_false(str_eq_nocase(STR("["), STR("{"))); // letters only
	assert_false(str_eq_nocase(STR("\xc3\x89"), STR("\xc3\xa9")));
	assert_true(str_eq_nocase(none, STR("")));
	assert_true(str_starts(STR("sips:a"), STR("sip")));
	assert_true(str_starts(STR("sip"), STR("")));
	assert_true(str_starts(none, none));
	assert_false(str_starts(STR("si"), STR("sip")));
	assert_true(str_starts_nocase(STR("SIP:a"), STR("sip:")));
	assert_false(str_starts_nocase(STR("SIP"), STR("sip:")));
}

static void secrets_are_compared_whole(void **state)
{
	(void)state;
	assert_true(str_eq_secret(STR("0123"), STR("0123")));
	assert_false(str_eq_secret(STR("0123"), STR("0124")));
	assert_false(str_eq_secret(STR("0123"), STR("1123")));
	assert_false(str_eq_secret(STR("0123"), STR("012")));
	assert_true(str_eq_secret(none, STR("")));
}

static void pieces_are_cut(void **state)
{
	(void)state;
	struct str rest = STR("a,b,,c");
	assert_str(str_cut(&rest, ','), "a");
	assert_str(str_cut(&rest, ','), "b");
	assert_str(str_cut(&rest, ','), "");
	assert_str(str_cut(&rest, ','), "c");
	assert_int_equal(rest.n, 0);
	assert_str(str_cut(&rest, ','), "");
	rest = none;
	assert_str(str_cut(&rest, ','), "");
	assert_str(str_trim(STR(" \t\r\n a b \r\n")), "a b");
	assert_str(str_trim(STR("  ")), "");
	assert_str(str_trim(none), "");
	assert_str(str_head(STR("abc"), 2), "ab");
	assert_str(str_head(STR("abc"), 4), "abc");
	assert_str(str_from_at(STR("abc"), 2), "c");
	assert_str(str_from_at(STR("abc"), 3), "");
	assert_str(str_from_at(STR("abc"), 4), "");
	assert_str(str_from_at(none, 4), "");
	assert_int_equal(str_find_char(STR("abca"), 'a'), 0);
	assert_int_equal(str_find_char(STR("abc"), 'c'), 2);
	assert_int_equal(str_find_char(STR("abc"), 'd'), -1);
	assert_int_equal(str_find_char(none, 'd'), -1);
}

static void numbers_are_digits_within_their_range(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1x", "0x1", "1.0", "18446744073709551616",
		                               "99999999999999999999999999" };
	uint64_t v = 7;
	uint32_t w = 7;
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (str_to_u64(&v, str_from(bad[i]), UINT64_MAX) != ERR_BAD) fail_msg("taken: \"%s\"", bad[i]);
		assert_int_equal(v, 7); // untouched
	}
	assert_int_equal(str_to_u64(&v, STR("18446744073709551615"), UINT64_MAX), OK);
	assert_true(v == UINT64_MAX);
	assert_int_equal(str_to_u64(&v, STR("0"), 0), OK);
	assert_int_equal(v, 0);
	assert_int_equal(str_to_u64(&v, STR("1"), 0), ERR_BAD);
	assert_int_equal(str_to_u64(&v, STR("0000000000000000000000042"), 42), OK);
	assert_int_equal(v, 42);
	assert_int_equal(str_to_u32(&w, STR("65535"), 65535), OK);
	assert_int_equal(w, 65535);
	assert_int_equal(str_to_u32(&w, STR("65536"), 65535), ERR_BAD);
	assert_int_equal(str_to_u32(&w, STR("4294967296"), UINT32_MAX), ERR_BAD);
	assert_int_equal(str_to_u32(&w, none, 9), ERR_BAD);
}

static void text_for_the_edges_is_cut_to_fit(void **state)
{
	(void)state;
	char z[4];
	assert_true(str_to_z(z, sizeof z, STR("abc")));
	assert_string_equal(z, "abc");
	assert_false(str_to_z(z, sizeof z, STR("abcd")));
	assert_string_equal(z, "abc");
	assert_true(str_to_z(z, sizeof z, none));
	assert_string_equal(z, "");
	assert_int_equal(str_from(NULL).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_minds_length_and_case),
		cmocka_unit_test(secrets_are_compared_whole),
		cmocka_unit_test(pieces_are_cut),
		cmocka_unit_test(numbers_are_digits_within_their_range),
		cmocka_unit_test(text_for_the_edges_is_cut_to_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
