// The arena.
#include "arena.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void pieces_are_aligned_and_apart(void **state)
{
	(void)state;
	struct arena a;
	char *last_end = NULL;
	assert_int_equal(arena_init(&a, 2000), OK);
	for (size_t size = 0; size < 40; size++) {
		char *p = arena_alloc(&a, size);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		assert_true(!last_end || p >= last_end);
		memset(p, (int)size, size);
		last_end = p + size;
		assert_true(last_end <= a.p + a.cap);
	}
	arena_fini(&a);
	assert_null(a.p);
}

static void full_arena_gives_nothing(void **state)
{
	(void)state;
	struct arena a;
	assert_int_equal(arena_init(&a, 64), OK);
	assert_null(arena_alloc(&a, 65));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_non_null(arena_alloc(&a, 64));
	assert_null(arena_alloc(&a, 1));
	assert_non_null(arena_alloc(&a, 0));
	assert_int_equal(arena_dup(&a, STR("x")).n, 0);
	assert_int_equal(arena_printf(&a, "%d", 1).n, 0);
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 64));
	arena_fini(&a);
}

static void texts_are_copied_and_formatted(void **state)
{
	(void)state;
	struct arena a;
	char text[] = "one";
	assert_int_equal(arena_init(&a, 4096), OK);
	struct str copy = arena_dup(&a, str_from(text));
	text[0] = 'x';
	assert_true(str_eq(copy, STR("one")));
	assert_int_equal(arena_dup(&a, (struct str){ 0 }).n, 0);
	struct str first = arena_printf(&a, "%s=%d", "a", 1), second = arena_printf(&a, "b");
	assert_true(str_eq(first, STR("a=1")));
	assert_true(str_eq(second, STR("b")));
	uint32_t before = a.n;
	assert_int_equal(arena_printf(&a, "%5000d", 1).n, 0);
	assert_int_equal(a.n, before); // what did not fit took nothing
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_apart),
		cmocka_unit_test(full_arena_gives_nothing),
		cmocka_unit_test(texts_are_copied_and_formatted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
