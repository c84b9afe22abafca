#include "watched_lines.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LINES 4

static int setup(void **state)
{
	static struct watched_lines w;
	assert_int_equal(watched_lines_init(&w, LINES, (struct hash_key){ { 1 } }), OK);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	watched_lines_fini(*state);
	return 0;
}

static struct line_dialog says(uint32_t line, uint64_t call, enum dialog_state is)
{
	return (struct line_dialog){ .line = line, .call = call, .state = (uint8_t)is };
}

static bool take(struct watched_lines *w, struct line_dialog d, uint64_t now_ms)
{
	return watched_line_take(w, &d, now_ms) != NULL;
}

static void only_watched_lines_are_known(void **state)
{
	struct watched_lines *w = *state;
	assert_null(watched_line_find(w, 7));
	assert_false(take(w, says(7, 1, DIALOG_EARLY), 0));
	struct watched_line *l = watched_line_need(w, 7);
	assert_ptr_equal(watched_line_need(w, 7), l);
	assert_true(take(w, says(7, 1, DIALOG_EARLY), 0));
	watched_line_drop(w, l);
	assert_null(watched_line_find(w, 7));
	assert_int_equal(w->dialogs.used, 0);
	for (uint32_t i = 1; i <= LINES; i++) assert_non_null(watched_line_need(w, i));
	assert_null(watched_line_need(w, LINES + 1));
}

static void a_change_of_state_is_a_change(void **state)
{
	struct watched_lines *w = *state;
	struct watched_line *l = watched_line_need(w, 7);
	uint64_t idle = watched_line_print(l);
	assert_false(take(w, says(7, 1, DIALOG_NONE), 0)); // an end of what was not known
	assert_true(take(w, says(7, 1, DIALOG_EARLY), 0));
	uint64_t early = watched_line_print(l);
	assert_false(take(w, says(7, 1, DIALOG_EARLY), 1)); // told again
	assert_int_equal(watched_line_print(l), early);
	assert_true(take(w, says(7, 1, DIALOG_CONFIRMED), 2));
	assert_int_not_equal(watched_line_print(l), early);
	struct line_dialog other = says(7, 1, DIALOG_EARLY);
	other.called = true; // it called itself
	assert_true(take(w, other, 2));
	assert_int_equal(l->dialog_count, 2);
	other.state = DIALOG_NONE;
	assert_true(take(w, other, 3));
	assert_true(take(w, says(7, 1, DIALOG_NONE), 3));
	assert_int_equal(watched_line_print(l), idle);
}

static void what_nobody_repeats_is_forgotten(void **state)
{
	struct watched_lines *w = *state;
	struct watched_line *l = watched_line_need(w, 7);
	assert_true(take(w, says(7, 1, DIALOG_CONFIRMED), 0));
	assert_true(take(w, says(7, 2, DIALOG_CONFIRMED), 0));
	assert_false(take(w, says(7, 2, DIALOG_CONFIRMED), LINE_DIALOG_REPEAT_MS));
	watched_line_forget(w, l, false, LINE_DIALOG_FORGET_MS - 1);
	assert_int_equal(l->dialog_count, 2);
	watched_line_forget(w, l, false, LINE_DIALOG_FORGET_MS);
	assert_int_equal(l->dialog_count, 1);
	watched_line_forget(w, l, true, LINE_DIALOG_FORGET_MS); // its counter says that it is in no call
	assert_int_equal(l->dialog_count, 0);
	assert_int_equal(w->dialogs.used, 0);
}

static void a_line_has_its_most(void **state)
{
	struct watched_lines *w = *state;
	struct watched_line *l = watched_line_need(w, 7);
	for (uint32_t i = 1; i <= LINE_DIALOGS_MAX; i++) assert_true(take(w, says(7, i, DIALOG_EARLY), 0));
	assert_false(take(w, says(7, 99, DIALOG_EARLY), 0));
	assert_true(take(w, says(7, 1, DIALOG_NONE), 0));
	assert_true(take(w, says(7, 99, DIALOG_EARLY), 0)); // told again, it finds room
	assert_int_equal(l->dialog_count, LINE_DIALOGS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = { TEST(only_watched_lines_are_known), TEST(a_change_of_state_is_a_change),
		TEST(what_nobody_repeats_is_forgotten), TEST(a_line_has_its_most) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
