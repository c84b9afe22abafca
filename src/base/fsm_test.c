// The engine on a small machine: a lamp with a fuse.
#include "fsm.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { OFF, ON, BLOWN, STATES };
enum { PRESS, SURGE, LOOK, EVENTS };
enum { DO_LIGHT, DO_DARK, DO_NOTHING };
static const char *const states[] = { "OFF", "ON", "BLOWN" }, *const events[] = { "PRESS", "SURGE", "LOOK" };
static const char *const actions[] = { "light", "dark", "nothing" };

COUNTER(fsm_test_dropped, "Events that the lamp does not know");

static const struct fsm_row rows[] = {
	{ IN(OFF), PRESS, ON, DO_LIGHT, "1" },
	{ IN(ON), PRESS, OFF, DO_DARK, "2" },
	{ IN(OFF) | IN(ON), SURGE, BLOWN, DO_DARK, "3" },
	{ FSM_ANY, LOOK, FSM_SAME, DO_NOTHING, "4" },
	{ IN(OFF), PRESS, BLOWN, DO_DARK, "never: the first row that fits holds" },
};
static const struct fsm lamp = { "lamp", rows, ARRAY_LEN(rows), states, events, actions, STATES, EVENTS,
	                             &counter_fsm_test_dropped };

static void rows_are_followed(void **state)
{
	(void)state;
	static const struct {
		uint8_t from, event, to;
		int action; // -1: dropped
	} all[] = {
		{ OFF, PRESS, ON, DO_LIGHT },  { OFF, SURGE, BLOWN, DO_DARK }, { OFF, LOOK, OFF, DO_NOTHING },
		{ ON, PRESS, OFF, DO_DARK },   { ON, SURGE, BLOWN, DO_DARK },  { ON, LOOK, ON, DO_NOTHING },
		{ BLOWN, PRESS, BLOWN, -1 },   { BLOWN, SURGE, BLOWN, -1 },    { BLOWN, LOOK, BLOWN, DO_NOTHING },
	};
	uint64_t dropped = 0;
	for (uint32_t i = 0; i < ARRAY_LEN(all); i++) {
		uint8_t s = all[i].from;
		const struct fsm_row *row = fsm_step(&lamp, &s, all[i].event);
		assert_int_equal(s, all[i].to);
		assert_int_equal(row ? row->action : -1, all[i].action);
		dropped += row == NULL;
		assert_int_equal(count_by_name("fsm_test_dropped"), dropped);
	}
}

static void matrix_is_printed(void **state)
{
	(void)state;
	char text[1024];
	struct buf b = buf_on(text, sizeof text);
	fsm_print(&b, &lamp);
	assert_true(str_eq(buf_str(&b), STR("| lamp | PRESS | SURGE | LOOK |\n"
	                                    "|---|---|---|---|\n"
	                                    "| OFF | ON: light | BLOWN: dark | OFF: nothing |\n"
	                                    "| ON | OFF: dark | BLOWN: dark | ON: nothing |\n"
	                                    "| BLOWN | - | - | BLOWN: nothing |\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_followed),
		cmocka_unit_test(matrix_is_printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
