#include "suggest.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct str nearest(const char *word)
{
	static const char *const words[] = { "line", "list", "number", "feature", "trunk", "call", "cdr" };
	struct suggest s = suggest_for(str_from(word));
	for (uint32_t i = 0; i < ARRAY_LEN(words); i++) suggest_offer(&s, str_from(words[i]));
	return s.best;
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(distance(STR("line"), STR("line")), 0);
	assert_int_equal(distance(STR("line"), STR("lines")), 1);
	assert_int_equal(distance(STR("line"), STR("lin")), 1);
	assert_int_equal(distance(STR("lien"), STR("line")), 1);
	assert_int_equal(distance(STR(""), STR("abc")), 3);
	assert_int_equal(distance(STR("kitten"), STR("sitting")), 3);
}

static void test_nearest(void **state)
{
	(void)state;
	assert_true(str_eq(nearest("lines"), STR("line")));
	assert_true(str_eq(nearest("truk"), STR("trunk")));
	assert_true(str_eq(nearest("feat"), STR("feature")));
	assert_true(str_eq(nearest("NUMBERS"), STR("number")));
	assert_int_equal(nearest("zebra").n, 0);
	assert_int_equal(nearest("").n, 0);
	assert_int_equal(nearest("a-word-that-is-longer-than-any-of-ours-could-ever-be").n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_distance), cmocka_unit_test(test_nearest) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
