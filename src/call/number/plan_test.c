// The forms of the plan: examples that a person of the trade can check, and laws that hold for all digits.
#include "plan.c"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the three above first
#include <cmocka.h>

struct example {
	const char *digits;
	enum plan_meaning meaning;
	bool may_go_on;
};

static void check(const struct example *e, uint32_t count, bool seven_digits)
{
	for (uint32_t i = 0; i < count; i++) {
		struct plan_match m = plan_match(str_from(e[i].digits), seven_digits);
		if (m.meaning != e[i].meaning || m.may_go_on != e[i].may_go_on)
			fail_msg("%s: meaning %d, may go on %d", e[i].digits, m.meaning, m.may_go_on);
	}
}

static void numbers_are_known_by_their_form(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "", PLAN_NOTHING, true },
		{ "6", PLAN_NOTHING, true },
		{ "603555", PLAN_NOTHING, true },
		{ "5550101", PLAN_SEVEN, false },   // 555-010 begins no ten digits
		{ "5552345", PLAN_SEVEN, true },
		{ "55523456", PLAN_NOTHING, true },
		{ "6035550101", PLAN_TEN, false },
		{ "60355501012", PLAN_NOTHING, false },
		{ "16035550101", PLAN_ELEVEN, false },
		{ "+16035550101", PLAN_ELEVEN, false },
		{ "15550101", PLAN_ONE_IN_ERROR, false },
		{ "15552345", PLAN_ONE_IN_ERROR, true },
		{ "1411", PLAN_ONE_IN_ERROR, false },
		{ "1911", PLAN_ONE_IN_ERROR, false },
		{ "0", PLAN_SHORT, true },
		{ "00", PLAN_SHORT, false },
		{ "411", PLAN_SHORT, false },
		{ "06035550101", PLAN_NOT_OFFERED, false },
		{ "0144", PLAN_NOT_OFFERED, false },
		{ "011", PLAN_NOTHING, true },
		{ "011442079460000", PLAN_ABROAD, true },
		{ "011442079460000123", PLAN_ABROAD, false },
		{ "0114420794600001234", PLAN_NOTHING, false },
		{ "0111", PLAN_NOTHING, false },
		{ "+442079460000", PLAN_ABROAD, true },
		{ "+12", PLAN_NOTHING, true },
		{ "+1", PLAN_NOTHING, true },
		{ "+", PLAN_NOTHING, true },
		{ "+0", PLAN_NOTHING, false },
		{ "1010288", PLAN_NOT_OFFERED, false },
		{ "100", PLAN_NOTHING, false },
		{ "9502345", PLAN_NOT_OFFERED, false },
		{ "*7", PLAN_NOTHING, true },
		{ "*72", PLAN_STAR, false },
		{ "1172", PLAN_STAR, false },
		{ "*", PLAN_NOTHING, true },
		{ "**", PLAN_NOTHING, false },
		{ "#", PLAN_NOTHING, false },
		{ "603*", PLAN_NOTHING, false },
		{ "011442079460000*", PLAN_NOTHING, false },
	};
	check(examples, ARRAY_LEN(examples), false);
	check(examples, ARRAY_LEN(examples), true);
}

static void emergency_numbers_do_not_wait(void **state)
{
	(void)state;
	static const struct example anywhere[] = {
		{ "911", PLAN_EMERGENCY, false },
		{ "9111", PLAN_EMERGENCY, false }, // pressed once too often
		{ "9115550101", PLAN_EMERGENCY, false },
		{ "988", PLAN_EMERGENCY, false },
		{ "+911", PLAN_EMERGENCY, true },  // or India
		{ "9911", PLAN_NOTHING, true },    // 991-1xxx is an exchange's form
	};
	static const struct example ten[] = { { "933", PLAN_EMERGENCY, false }, { "9335550", PLAN_EMERGENCY, false } };
	static const struct example seven[] = { { "933", PLAN_EMERGENCY, true }, { "9332345", PLAN_SEVEN, true } };
	check(anywhere, ARRAY_LEN(anywhere), false);
	check(anywhere, ARRAY_LEN(anywhere), true);
	check(ten, ARRAY_LEN(ten), false);
	check(seven, ARRAY_LEN(seven), true);
}

static void parts_are_told(void **state)
{
	(void)state;
	struct plan_match m = plan_match(STR("*676035550101"), false);
	assert_int_equal(m.meaning, PLAN_STAR);
	assert_int_equal(m.prefix_n, 1);
	assert_int_equal(m.form_n, 3);
	m = plan_match(STR("1172"), false);
	assert_int_equal(m.prefix_n, 2);
	assert_int_equal(m.form_n, 4);
	m = plan_match(STR("011442079460000"), false);
	assert_int_equal(m.prefix_n, 3);
	assert_int_equal(m.form_n, 15);
}

// What was final stays so: digits after it are ignored (forms that end at once) or spoil it. What may go on, can.
static void check_laws(struct str digits, bool seven_digits)
{
	static const char symbols[] = "0123456789*#";
	char longer[32];
	assert_true(digits.n < sizeof longer);
	memcpy(longer, digits.p, digits.n);
	struct plan_match m = plan_match(digits, seven_digits);
	uint32_t ways_on = 0;
	for (const char *c = symbols; *c; c++) {
		longer[digits.n] = *c;
		struct plan_match next = plan_match((struct str){ longer, digits.n + 1 }, seven_digits);
		ways_on += next.may_go_on || next.meaning != PLAN_NOTHING;
		if (m.may_go_on) continue;
		bool ignored = next.meaning == m.meaning && next.form_n == m.form_n && m.meaning != PLAN_NOTHING;
		assert_true(!next.may_go_on && (next.meaning == PLAN_NOTHING || ignored));
	}
	if (m.may_go_on) assert_true(ways_on > 0);
	assert_true(m.form_n <= digits.n && m.prefix_n <= m.form_n);
}

static void laws_hold_for_all_short_digits(void **state)
{
	(void)state;
	static const char symbols[] = "0123456789*#";
	for (uint32_t n = 0, count = 1; n <= 4; n++, count *= 12)
		for (uint32_t value = 0; value < count; value++) {
			char digits[8];
			for (uint32_t i = 0, rest = value; i < n; i++, rest /= 12) digits[i] = symbols[rest % 12];
			check_laws((struct str){ digits, n }, false);
			check_laws((struct str){ digits, n }, true);
		}
}

static void laws_hold_for_random_digits(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 603);
	for (uint32_t run = 0; run < 20000; run++) {
		// Mostly the digits that forms begin with, so that long ones are reached.
		char digits[20];
		uint32_t n = random_below(&random, sizeof digits);
		for (uint32_t i = 0; i < n; i++) digits[i] = "01225603579"[random_below(&random, 11)];
		check_laws((struct str){ digits, n }, run % 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_known_by_their_form),
		cmocka_unit_test(emergency_numbers_do_not_wait),
		cmocka_unit_test(parts_are_told),
		cmocka_unit_test(laws_hold_for_all_short_digits),
		cmocka_unit_test(laws_hold_for_random_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
