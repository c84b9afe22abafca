// The trail: bounded, in order, and each kind of row can be told in words.
#include "trail.c"

#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the three above first
#include <cmocka.h>

static struct str words_of(struct buf *b, const struct trail_row *row, const struct trail_names *names)
{
	b->n = 0;
	put_trail_row(b, row, names);
	assert_int_equal(b->err, OK);
	return buf_str(b);
}

static void rows_keep_their_order_and_the_end(void **state)
{
	(void)state;
	struct trail t = { .began_ms = 1000 };
	for (uint32_t i = 0; i < TRAIL_MAX + 10; i++) trail_add(&t, 1000 + i, 1, 70000, TRAIL_PHONES, i, 2);
	assert_int_equal(t.n, TRAIL_MAX);
	assert_int_equal(t.rows[TRAIL_MAX - 2].a, TRAIL_MAX - 2);
	assert_int_equal(t.rows[TRAIL_MAX - 1].a, TRAIL_MAX + 9); // the newest
	assert_int_equal(t.rows[3].at_ms, 3);
	assert_int_equal(t.rows[3].version, 70000 & 0xffff);
	assert_int_equal(t.rows[3].side, 1);
}

static void times_are_clamped(void **state)
{
	(void)state;
	struct trail t = { .began_ms = 1000 };
	trail_add(&t, 900, 0, 1, TRAIL_DIAL_TONE, 0, 0);
	trail_add(&t, 1000 + (1ull << 40), 0, 1, TRAIL_DIAL_TONE, 0, 0);
	assert_int_equal(t.rows[0].at_ms, 0);
	assert_int_equal(t.rows[1].at_ms, UINT32_MAX);
}

static void put_some_name(void *self, struct buf *b, char what, uint32_t id)
{
	(void)self;
	if (what == 'L' && id == 7) put_z(b, "6035550101");
	if (what == 'F') put_z(b, "forward-all");
}

static void rows_are_told_in_words(void **state)
{
	(void)state;
	char memory[256];
	struct buf b = buf_on(memory, sizeof memory);
	const struct trail_names names = { .put_name = put_some_name };
	struct trail_row row = { .kind = TRAIL_FORWARDED, .a = 0, .b = 7 };
	assert_true(str_eq(words_of(&b, &row, &names), STR("feature forward-all of line 6035550101 forwards the call")));
	row.b = 8; // has no name
	assert_true(str_eq(words_of(&b, &row, &names), STR("feature forward-all of line 8 forwards the call")));
	assert_true(str_eq(words_of(&b, &row, NULL), STR("feature 0 of line 8 forwards the call")));
	row = (struct trail_row){ .kind = TRAIL_INVARIANT, .a = INVARIANT_RINGS_NOBODY };
	assert_true(str_eq(words_of(&b, &row, &names),
	                   STR("an invariant of the call broke, and it is given up: it rings, and no phone does")));
	row.a = CALL_INVARIANT_COUNT; // of a newer program
	assert_null(call_invariant_text(row.a));
	assert_true(str_starts(words_of(&b, &row, &names), STR("an invariant of the call broke, and it is given up: ")));
	assert_true(ascii_is_digit(b.p[b.n - 1]));
	row = (struct trail_row){ .kind = TRAIL_TRUNK_FAILED, .a = 2, .b = trail_cause(cause_local(CAUSE_CONGESTION)) };
	assert_true(str_eq(words_of(&b, &row, NULL),
	                   STR("trunk group 2 refuses: cause 42 (switching equipment congestion)")));
	row = (struct trail_row){ .kind = TRAIL_NUMBER_INVALID,
		.a = trail_cause((struct cause){ .standard = CAUSE_ANSI, .value = CAUSE_PREFIX_1_MISSING }) };
	assert_true(str_eq(words_of(&b, &row, NULL), STR("the number is not valid: cause ANSI 10 (prefix 1 missing)")));
	row = (struct trail_row){ .kind = TRAIL_PHONES, .a = 7, .b = 1 };
	assert_true(str_eq(words_of(&b, &row, &names), STR("line 6035550101 is rung on 1 phone")));
	row.b = 2;
	assert_true(str_eq(words_of(&b, &row, &names), STR("line 6035550101 is rung on 2 phones")));
	row = (struct trail_row){ .kind = TRAIL_NUMBER_INCOMPLETE, .a = 1 };
	assert_true(str_eq(words_of(&b, &row, NULL), STR("1 digit: not enough")));
	row.kind = TRAIL_KIND_COUNT;
	row.a = 5;
	assert_true(str_starts(words_of(&b, &row, NULL), STR("decision ")));
}

static void causes_survive_as_operands(void **state)
{
	(void)state;
	struct cause c = { .standard = CAUSE_ANSI, .value = 127, .location = LOCATION_BEYOND };
	struct cause back = trail_cause_of(trail_cause(c));
	assert_memory_equal(&c, &back, sizeof c);
}

// Each kind's words name each operand that its letters declare, and no other.
static void words_and_operands_agree(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < TRAIL_KIND_COUNT; kind++)
		for (uint32_t operand = 0; operand < 2; operand++) {
			bool named = strstr(kinds[kind].words, operand ? "$b" : "$a") != NULL;
			assert_int_equal(named, kinds[kind].what[operand] != '-');
			assert_non_null(strchr("NLTRFCDPSKIE-", kinds[kind].what[operand]));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_keep_their_order_and_the_end),
		cmocka_unit_test(times_are_clamped),
		cmocka_unit_test(rows_are_told_in_words),
		cmocka_unit_test(causes_survive_as_operands),
		cmocka_unit_test(words_and_operands_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
