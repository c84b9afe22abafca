// Seeded chance and hashing.
#include "random.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// The vectors of the SipHash paper's reference program: key 00 01 .. 0f, message 00 01 .. n-1.
static void siphash_is_the_reference(void **state)
{
	(void)state;
	static const struct {
		uint32_t n;
		uint64_t hash;
	} rows[] = { { 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu }, { 7, 0xab0200f58b01d137u },
		         { 8, 0x93f5f5799a932462u }, { 9, 0x9e0082df0ba9e4b0u }, { 15, 0xa129ca6149be45e5u },
		         { 63, 0x958a324ceb064572u } };
	const struct hash_key key = { { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u } };
	char message[64];
	for (uint32_t i = 0; i < sizeof message; i++) message[i] = (char)i;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(hash_str(&key, (struct str){ message, rows[i].n }) == rows[i].hash);
}

static void seed_decides_the_sequence(void **state)
{
	(void)state;
	struct random a, b, c;
	random_seed(&a, 42);
	random_seed(&b, 42);
	random_seed(&c, 43);
	uint32_t differ = 0;
	for (int i = 0; i < 100; i++) {
		uint64_t x = random_u64(&a);
		assert_true(x == random_u64(&b));
		differ += x != random_u64(&c);
	}
	assert_int_equal(differ, 100);
	random_seed(&a, 0); // no state of zeroes, which would stay zero
	assert_int_not_equal(random_u64(&a) | random_u64(&a), 0);
}

static void draws_are_within_and_even(void **state)
{
	(void)state;
	struct random r;
	uint32_t seen[10] = { 0 };
	random_seed(&r, 7);
	for (int i = 0; i < 100000; i++) seen[random_below(&r, 10)]++;
	for (int i = 0; i < 10; i++) assert_in_range(seen[i], 9500, 10500);
	for (int i = 0; i < 100; i++) assert_int_equal(random_below(&r, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_is_the_reference),
		cmocka_unit_test(seed_decides_the_sequence),
		cmocka_unit_test(draws_are_within_and_even),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
