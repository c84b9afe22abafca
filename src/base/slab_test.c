#include "slab.c"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char source[70000];

static struct str text_of(uint32_t n, char c)
{
	memset(source, c, n);
	return (struct str){ source, n };
}

static void keeps_what_it_was_given(void **state)
{
	(void)state;
	struct slab s;
	struct str kept[64] = { 0 };
	struct random r;
	slab_init(&s, 1 << 22);
	random_seed(&r, 1);
	for (uint32_t round = 0; round < 20000; round++) {
		uint32_t at = random_below(&r, 64);
		for (uint32_t i = 0; i < kept[at].n; i++) assert_int_equal(kept[at].p[i], 'a' + (char)(at % 26));
		kept[at] = slab_free(&s, kept[at]);
		uint32_t longest = random_below(&r, 50) ? 2000 : 60000;
		kept[at] = slab_dup(&s, text_of(random_below(&r, longest), (char)('a' + at % 26)));
		assert_true(s.used_bytes <= s.taken_bytes && s.taken_bytes <= s.bytes_max);
	}
	for (uint32_t at = 0; at < 64; at++) kept[at] = slab_free(&s, kept[at]);
	assert_int_equal(s.used_bytes, 0);
	assert_true(s.taken_bytes <= SLAB_EMPTY_MAX * SLAB_CHUNK_BYTES);
	slab_fini(&s);
}

static void refuses_past_its_limit_and_recovers(void **state)
{
	(void)state;
	struct slab s;
	struct str kept[200];
	uint32_t count = 0;
	slab_init(&s, 2 * SLAB_CHUNK_BYTES);
	while (count < 200 && (kept[count] = slab_dup(&s, text_of(1000, 'x'))).n) count++;
	assert_int_equal(count, 2 * ((SLAB_CHUNK_BYTES - sizeof(struct slab_chunk)) / 1024));
	assert_int_equal(slab_dup(&s, text_of(20000, 'x')).n, 0); // alone: not either
	assert_int_equal(slab_dup(&s, text_of(10, 'x')).n, 0);    // of another size: not either
	for (uint32_t i = 0; i < count; i++) kept[i] = slab_free(&s, kept[i]);
	// The chunks of one size serve another.
	struct str other = slab_dup(&s, text_of(8000, 'y'));
	assert_int_equal(other.n, 8000);
	slab_free(&s, other);
	assert_int_equal(s.used_bytes, 0);
	slab_fini(&s);
}

static void memory_of_a_flood_goes_back(void **state)
{
	(void)state;
	static struct str kept[60000];
	struct slab s;
	slab_init(&s, 1 << 26);
	for (uint32_t i = 0; i < 60000; i++) kept[i] = slab_dup(&s, text_of(600, 'z'));
	assert_true(s.taken_bytes > 40u << 20);
	for (uint32_t i = 0; i < 60000; i++) kept[i] = slab_free(&s, kept[i]);
	assert_int_equal(s.taken_bytes, SLAB_EMPTY_MAX * SLAB_CHUNK_BYTES);
	slab_fini(&s);
}

static void the_empty_text_takes_nothing(void **state)
{
	(void)state;
	struct slab s;
	slab_init(&s, 1 << 20);
	struct str none = slab_dup(&s, STR(""));
	assert_int_equal(none.n, 0);
	none = slab_free(&s, none);
	assert_int_equal(s.taken_bytes, 0);
	slab_fini(&s);
}

static void a_zeroed_slab_can_be_ended(void **state)
{
	(void)state;
	struct slab s = { 0 }; // of an owner that failed before it came to it
	slab_fini(&s);
	assert_int_equal(s.taken_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_was_given),
		cmocka_unit_test(refuses_past_its_limit_and_recovers),
		cmocka_unit_test(memory_of_a_flood_goes_back),
		cmocka_unit_test(the_empty_text_takes_nothing),
		cmocka_unit_test(a_zeroed_slab_can_be_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
