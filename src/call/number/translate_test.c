// Digits in a small office: New Hampshire (open, no 7 digits), Maine (open, 7 digits), Vermont (closed).
#include "translate.c"

#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the three above first
#include <cmocka.h>

enum { NH_LINE = 1, ME_LINE, VT_LINE, NH_SUSPENDED };
static const struct {
	uint32_t id, rate_centre;
	const char *number;
	bool suspended;
} test_lines[] = {
	{ NH_LINE, 1, "16035550101", false },
	{ ME_LINE, 2, "12075550101", false },
	{ VT_LINE, 3, "18025550101", false },
	{ NH_SUSPENDED, 1, "16035550102", true },
};

static struct {
	struct office *office;
	struct trail trail;
	struct env env;
} test;

static void put_number_row(const char *digits, enum office_number_kind kind, uint32_t line, const char *new_number)
{
	struct office_number n = { .kind = (uint8_t)kind, .line = line };
	str_to_z(n.digits, sizeof n.digits, str_from(digits));
	str_to_z(n.new_number, sizeof n.new_number, str_from(new_number));
	assert_int_equal(office_put_number(test.office, &n), OK);
}

static void put_rules(void)
{
	static const struct { const char *code; uint16_t npa; bool open, seven; } states[] = {
		{ "NH", 603, true, false }, { "ME", 207, true, true }, { "VT", 802, false, false },
	};
	struct office_rules *r = office_rules_dup(NULL);
	assert_non_null(r);
	r->version = 42;
	for (uint32_t i = 0; i < ARRAY_LEN(states); i++) {
		struct office_state state = { .open = states[i].open };
		struct office_rate_centre rc = { .id = i + 1 };
		struct office_npa npa = { .npa = states[i].npa, .seven_digits = states[i].seven };
		str_to_z(state.code, sizeof state.code, str_from(states[i].code));
		memcpy(rc.state, state.code, sizeof rc.state);
		memcpy(npa.state, state.code, sizeof npa.state);
		assert_int_equal(office_rules_add_state(r, &state), OK);
		assert_int_equal(office_rules_add_rate_centre(r, &rc), OK);
		assert_int_equal(office_rules_add_npa(r, &npa), OK);
	}
	assert_int_equal(office_put_rules(test.office, r), OK);
}

static int make_office(void **state)
{
	(void)state;
	assert_int_equal(office_new(&test.office), OK);
	put_rules();
	for (uint32_t i = 0; i < ARRAY_LEN(test_lines); i++) {
		struct office_line line = { .id = test_lines[i].id, .rate_centre = test_lines[i].rate_centre,
			.suspended = test_lines[i].suspended };
		str_to_z(line.name, sizeof line.name, str_from(test_lines[i].number));
		str_to_z(line.number, sizeof line.number, str_from(test_lines[i].number));
		assert_int_equal(office_put_line(test.office, &line), OK);
		put_number_row(test_lines[i].number, OFFICE_NUMBER_LINE, line.id, "");
	}
	put_number_row("16035550190", OFFICE_NUMBER_VACANT, 0, "");
	put_number_row("16035550191", OFFICE_NUMBER_CHANGED, 0, "12075550101");
	put_number_row("16035550192", OFFICE_NUMBER_CHANGED, 0, "");
	put_number_row("16035550193", OFFICE_NUMBER_DISCONNECTED, 0, "");
	put_number_row("16035550194", OFFICE_NUMBER_LINE, 999, ""); // no such line
	test.env.now_ms = 5000;
	test.trail.began_ms = 5000;
	return 0;
}

static int free_office(void **state)
{
	(void)state;
	test.office = office_free(test.office);
	rcu_drain();
	return 0;
}

static struct translation dial_part(uint32_t caller, const char *digits, bool complete)
{
	struct translation out;
	struct dialling q = { .office = test.office, .rules = office_rules(test.office),
		.caller = office_line(test.office, caller), .digits = str_from(digits), .complete = complete };
	test.trail.n = 0;
	number_translate(&out, &q, &test.trail, &test.env);
	return out;
}

static struct translation dial(uint32_t caller, const char *digits)
{
	struct translation out = dial_part(caller, digits, true);
	assert_int_equal(out.progress, DIALLING_DONE);
	assert_int_equal(test.trail.rows[0].kind, TRAIL_DIALLED);
	assert_int_equal(test.trail.rows[0].a, out.class);
	return out;
}

static bool trail_has(enum trail_kind kind, uint32_t a)
{
	for (uint32_t i = 0; i < test.trail.n; i++)
		if (test.trail.rows[i].kind == kind && test.trail.rows[i].a == a) return test.trail.rows[i].version == 42;
	return false;
}

static void check_intercept(uint32_t caller, const char *digits, enum intercept why, uint8_t cause,
                            enum trail_kind kind, uint32_t operand)
{
	struct translation t = dial(caller, digits);
	assert_int_equal(t.class, DIAL_INTERCEPT);
	assert_int_equal(t.intercept, why);
	assert_int_equal(t.cause.value, cause);
	assert_true(trail_has(kind, operand));
}

static void a_number_of_ours_is_its_line_however_it_is_written(void **state)
{
	(void)state;
	static const char *const forms[] = { "2075550101", "12075550101", "+12075550101", "207-555-0101", "(207) 555.0101",
		"2075550101#", "1-207-555-0101" };
	for (uint32_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct translation t = dial(NH_LINE, forms[i]);
		assert_int_equal(t.class, DIAL_LINE);
		assert_int_equal(t.line, ME_LINE);
		assert_int_equal(t.called.nature, NUMBER_INTERNATIONAL);
		assert_true(str_eq(number_str(&t.called), STR("12075550101")));
		assert_true(trail_has(TRAIL_NUMBER_OF_LINE, ME_LINE));
	}
}

static void seven_digits_serve_by_state(void **state)
{
	(void)state;
	struct translation t = dial(ME_LINE, "555-0101");
	assert_int_equal(t.class, DIAL_LINE);
	assert_int_equal(t.line, ME_LINE);
	t = dial(ME_LINE, "5552345");
	assert_int_equal(t.class, DIAL_FOREIGN);
	assert_true(str_eq(number_str(&t.called), STR("12075552345")));
	check_intercept(NH_LINE, "5550101", INTERCEPT_NEED_AREA_CODE, CAUSE_INCOMPLETE, TRAIL_SEVEN_NOT_SERVED, 603);
	check_intercept(VT_LINE, "5550101", INTERCEPT_LINE_CLOSED, CAUSE_BARRED, TRAIL_STATE_CLOSED, 3);
}

static void other_numbers_go_elsewhere(void **state)
{
	(void)state;
	struct translation t = dial(NH_LINE, "12125552345");
	assert_int_equal(t.class, DIAL_FOREIGN);
	assert_true(str_eq(number_str(&t.called), STR("12125552345")));
	assert_true(trail_has(TRAIL_NUMBER_FOREIGN, 0));
	assert_true(number_may_be_target(&t));
	t = dial(NH_LINE, "011442079460000");
	assert_int_equal(t.class, DIAL_INTERNATIONAL);
	assert_true(str_eq(number_str(&t.called), STR("442079460000")));
	assert_false(number_may_be_target(&t));
	t = dial(NH_LINE, "+442079460000");
	assert_int_equal(t.class, DIAL_INTERNATIONAL);
	t = dial(NH_LINE, "411");
	assert_int_equal(t.class, DIAL_SHORT);
	assert_int_equal(t.called.nature, NUMBER_SHORT);
	assert_false(number_may_be_target(&t));
	assert_int_equal(dial(NH_LINE, "0").class, DIAL_SHORT);
}

static void what_cannot_be_reached_is_intercepted(void **state)
{
	(void)state;
	check_intercept(NH_LINE, "6035550190", INTERCEPT_VACANT, CAUSE_UNALLOCATED, TRAIL_NUMBER_VACANT, 0);
	check_intercept(NH_LINE, "6035550194", INTERCEPT_VACANT, CAUSE_UNALLOCATED, TRAIL_NUMBER_VACANT, 0);
	check_intercept(NH_LINE, "6035550191", INTERCEPT_CHANGED, CAUSE_CHANGED, TRAIL_NUMBER_CHANGED, 0);
	check_intercept(NH_LINE, "6035550193", INTERCEPT_DISCONNECTED, CAUSE_UNALLOCATED, TRAIL_NUMBER_DISCONNECTED, 0);
	check_intercept(NH_LINE, "8025550101", INTERCEPT_CLOSED, CAUSE_UNALLOCATED, TRAIL_STATE_CLOSED, 3);
	check_intercept(VT_LINE, "6035550101", INTERCEPT_LINE_CLOSED, CAUSE_BARRED, TRAIL_STATE_CLOSED, 3);
	check_intercept(NH_SUSPENDED, "6035550101", INTERCEPT_SUSPENDED, CAUSE_BARRED, TRAIL_LINE_SUSPENDED, NH_SUSPENDED);
	check_intercept(NH_LINE, "15550101", INTERCEPT_ONE_IN_ERROR, CAUSE_INCOMPLETE, TRAIL_ONE_IN_ERROR, 0);
	check_intercept(NH_LINE, "603555", INTERCEPT_INCOMPLETE, CAUSE_INCOMPLETE, TRAIL_NUMBER_INCOMPLETE, 6);
	check_intercept(NH_LINE, "", INTERCEPT_INCOMPLETE, CAUSE_INCOMPLETE, TRAIL_NUMBER_INCOMPLETE, 0);
	check_intercept(NH_LINE, "06035550101", INTERCEPT_NOT_OFFERED, CAUSE_FACILITY_REJECTED, TRAIL_NOT_OFFERED, 0);
	assert_true(str_eq(number_str(&(struct number){ 0 }), STR("")));
}

static void a_changed_number_may_tell_the_new_one(void **state)
{
	(void)state;
	struct translation t = dial(NH_LINE, "6035550191");
	assert_true(str_eq(number_str(&t.new_number), STR("12075550101")));
	t = dial(NH_LINE, "6035550192");
	assert_int_equal(t.new_number.nature, NUMBER_NONE);
}

static void nonsense_is_invalid(void **state)
{
	(void)state;
	static const char *const nonsense[] = { "#", "##", "603555010", "alice", "6035550101x", "+0123", "60355501012345",
		"4115550101" /* 411 */, "6034110101", "12114550101" /* 1 before 211 */, "603+5550101", "\x01\xff",
		"0000000000000000000000000000000000000000000000" };
	for (uint32_t i = 0; i < ARRAY_LEN(nonsense); i++) {
		struct translation t = dial(NH_LINE, nonsense[i]);
		assert_true(t.class == DIAL_INTERCEPT || t.class == DIAL_SHORT);
		assert_false(number_may_be_target(&t));
	}
	uint32_t cause = trail_cause(cause_local(CAUSE_INCOMPLETE));
	check_intercept(NH_LINE, "6034112345", INTERCEPT_INVALID, CAUSE_INCOMPLETE, TRAIL_NUMBER_INVALID, cause);
	check_intercept(NH_LINE, "+12112345678", INTERCEPT_INVALID, CAUSE_INCOMPLETE, TRAIL_NUMBER_INVALID, cause);
}

static void emergency_calls_pass_everything(void **state)
{
	(void)state;
	static const char *const numbers[] = { "911", "988", "933" };
	for (uint32_t caller = NH_LINE; caller <= NH_SUSPENDED; caller++)
		for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++) {
			struct translation t = dial(caller, numbers[i]);
			assert_int_equal(t.class, DIAL_EMERGENCY);
			assert_true(str_eq(number_str(&t.called), str_from(numbers[i])));
			assert_true(trail_has(TRAIL_EMERGENCY, 0));
			assert_false(number_may_be_target(&t));
		}
	struct translation t = dial(NH_SUSPENDED, "+911");
	assert_int_equal(t.class, DIAL_EMERGENCY);
	assert_true(str_eq(number_str(&t.called), STR("911")));
	assert_int_equal(dial(NH_SUSPENDED, "611").class, DIAL_SHORT); // repair
	assert_int_equal(dial(NH_SUSPENDED, "411").class, DIAL_INTERCEPT);
	t = dial(NH_SUSPENDED, "*67911");
	assert_int_equal(t.class, DIAL_STAR);
	assert_true(str_eq((struct str){ t.rest, t.rest_n }, STR("911")));
	assert_int_equal(dial(NH_LINE, "1911").class, DIAL_INTERCEPT);
	assert_int_equal(dial(NH_LINE, "9911").class, DIAL_INTERCEPT);
}

static void star_codes_name_a_feature(void **state)
{
	(void)state;
	struct translation t = dial(NH_LINE, "*72 603-555-0102#");
	assert_int_equal(t.class, DIAL_STAR);
	assert_int_equal(t.star_code, 72);
	assert_int_equal(t.star, STAR_SET);
	assert_int_equal(t.feature, FEATURE_FORWARD_ALL);
	assert_true(str_eq((struct str){ t.rest, t.rest_n }, STR("6035550102")));
	assert_true(trail_has(TRAIL_STAR_CODE, 72));
	t = dial(NH_LINE, "1193");
	assert_int_equal(t.star, STAR_CLEAR);
	assert_int_equal(t.feature, FEATURE_FORWARD_NO_ANSWER);
	assert_int_equal(t.rest_n, 0);
	t = dial_part(NH_LINE, "*67", false);
	assert_int_equal(t.progress, DIALLING_DONE);
	assert_int_equal(t.star, STAR_BLOCK);
	check_intercept(NH_LINE, "*99", INTERCEPT_NOT_OFFERED, CAUSE_FACILITY_REJECTED, TRAIL_NOT_OFFERED, 0);
}

static void digits_come_one_by_one(void **state)
{
	(void)state;
	static const struct {
		uint32_t caller;
		const char *digits;
		const char *progress; // after each digit: more, ? may be complete, ! done
	} dialled[] = {
		{ NH_LINE, "6035550102", ".........!" },
		{ NH_LINE, "16035550102", "..........!" },
		{ NH_LINE, "5550101", "......!" },
		{ NH_LINE, "5552345", "......." }, // not served: may become ten, else the inter-digit time tells
		{ NH_LINE, "15552345", "........" },
		{ ME_LINE, "5552345", "......?" },
		{ ME_LINE, "5550101", "......!" },
		{ ME_LINE, "2075552345", "......?..!" },
		{ NH_LINE, "911", "..!" },
		{ NH_LINE, "933", "..!" },
		{ ME_LINE, "933", "..?" },
		{ NH_LINE, "0", "?" },
		{ NH_LINE, "0#", "?!" },
		{ NH_LINE, "*72", "..!" },
		{ NH_LINE, "1172", "...!" },
		{ NH_LINE, "011442079460", "?........???" },
		{ NH_LINE, "10", ".." },
		{ NH_LINE, "100", "..!" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(dialled); i++)
		for (uint32_t n = 1; n <= strlen(dialled[i].digits); n++) {
			char so_far[32] = "";
			memcpy(so_far, dialled[i].digits, n);
			struct translation t = dial_part(dialled[i].caller, so_far, false);
			if (t.progress != (uint8_t)(strchr(".?!", dialled[i].progress[n - 1]) - ".?!"))
				fail_msg("%s: progress %u", so_far, t.progress);
			assert_int_equal(test.trail.n > 0, t.progress == DIALLING_DONE); // rows of the final answer only
			assert_int_equal(t.class == DIAL_NONE, t.progress == DIALLING_MORE);
		}
}

static struct translation from_trunk(const char *user)
{
	struct translation out;
	struct trunk_dialling q = { .office = test.office, .rules = office_rules(test.office), .user = str_from(user) };
	test.trail.n = 0;
	number_of_trunk_call(&out, &q, &test.trail, &test.env);
	assert_int_equal(out.progress, DIALLING_DONE);
	return out;
}

static void trunks_reach_our_lines_only(void **state)
{
	(void)state;
	static const char *const forms[] = { "+16035550101", "16035550101", "6035550101", "+1-603-555-0101;npdi" };
	for (uint32_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct translation t = from_trunk(forms[i]);
		assert_int_equal(t.class, DIAL_LINE);
		assert_int_equal(t.line, NH_LINE);
	}
	assert_int_equal(from_trunk("+16035550191").intercept, INTERCEPT_CHANGED);
	assert_int_equal(from_trunk("+18025550101").intercept, INTERCEPT_CLOSED);
	assert_int_equal(from_trunk("+12125552345").intercept, INTERCEPT_NOT_OURS);
	assert_true(trail_has(TRAIL_NUMBER_NOT_OURS, 0));
	static const char *const refused[] = { "911", "411", "0", "*72", "5550101", "+442079460000", "", "alice", ";x" };
	for (uint32_t i = 0; i < ARRAY_LEN(refused); i++) assert_int_equal(from_trunk(refused[i]).class, DIAL_INTERCEPT);
	assert_int_equal(from_trunk("+16035550102").class, DIAL_LINE); // suspended lines may be called
}

// Whatever is dialled gets an answer, and the same one by digits as at once.
static void every_dialling_ends(void **state)
{
	(void)state;
	struct random *random = &test.env.random;
	random_seed(random, 988);
	for (uint32_t run = 0; run < 50000; run++) {
		char digits[40] = "";
		uint32_t n = random_below(random, 32), caller = 1 + random_below(random, 4);
		for (uint32_t i = 0; i < n; i++)
			digits[i] = random_below(random, 50) ? "01235603579129*#+-x"[random_below(random, 19)] :
			                                       (char)(1 + random_below(random, 255));
		struct translation at_once = dial(caller, digits), by_digit = { 0 };
		assert_true(at_once.class != DIAL_NONE && at_once.class < DIAL_CLASS_COUNT);
		assert_int_equal(at_once.class == DIAL_INTERCEPT, at_once.intercept != INTERCEPT_NONE);
		assert_int_equal(at_once.class == DIAL_INTERCEPT, at_once.cause.value != 0);
		by_digit = dial_part(caller, digits, false);
		if (by_digit.progress != DIALLING_MORE) assert_int_equal(by_digit.class, at_once.class);
		from_trunk(digits);
	}
}

static void words_are_there(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < DIAL_CLASS_COUNT; i++) assert_non_null(dial_class_text((uint8_t)i));
	for (uint32_t i = 0; i < INTERCEPT_COUNT; i++) assert_non_null(intercept_text((uint8_t)i));
	assert_string_equal(dial_class_text(200), "unknown class");
	assert_string_equal(intercept_text(200), "unknown intercept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_of_ours_is_its_line_however_it_is_written),
		cmocka_unit_test(seven_digits_serve_by_state),
		cmocka_unit_test(other_numbers_go_elsewhere),
		cmocka_unit_test(what_cannot_be_reached_is_intercepted),
		cmocka_unit_test(a_changed_number_may_tell_the_new_one),
		cmocka_unit_test(nonsense_is_invalid),
		cmocka_unit_test(emergency_calls_pass_everything),
		cmocka_unit_test(star_codes_name_a_feature),
		cmocka_unit_test(digits_come_one_by_one),
		cmocka_unit_test(trunks_reach_our_lines_only),
		cmocka_unit_test(every_dialling_ends),
		cmocka_unit_test(words_are_there),
	};
	return cmocka_run_group_tests(tests, make_office, free_office);
}
