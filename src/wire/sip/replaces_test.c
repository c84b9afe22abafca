// Replaces, as it is written and as it is not.
#include "replaces.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void dialogs_are_named(void **state)
{
	(void)state;
	struct sip_replaces r;
	assert_int_equal(PARSE_OK, sip_replaces_parse(&r, STR("425928@bobster.example.org;to-tag=7743;from-tag=6472")));
	assert_true(str_eq(r.call_id, STR("425928@bobster.example.org")));
	assert_true(str_eq(r.to_tag, STR("7743")) && str_eq(r.from_tag, STR("6472")) && !r.early_only);
	assert_int_equal(PARSE_OK, sip_replaces_parse(&r, STR("a ; From-Tag = f;x=y; to-tag=t ;early-only")));
	assert_true(str_eq(r.to_tag, STR("t")) && str_eq(r.from_tag, STR("f")) && r.early_only);
}

static void what_names_none_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", ";to-tag=1;from-tag=2", "a", "a;to-tag=1", "a;from-tag=1", "a;to-tag=;from-tag=1",
		"a;to-tag=1;from-tag=2;to-tag=3" };
	struct sip_replaces r;
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(PARSE_BAD, sip_replaces_parse(&r, str_from(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogs_are_named),
		cmocka_unit_test(what_names_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
