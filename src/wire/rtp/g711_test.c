#include "g711.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

// The recommendation's own words, as tables: segment end points with the width of their intervals (column "number of
// intervals x interval size"); a code is found by searching the decision values, one after another.
struct segment {
	int first, width;
};
static const struct segment mu_segments[8] = { { -1, 2 },   { 31, 4 },   { 95, 8 },     { 223, 16 },
	                                           { 479, 32 }, { 991, 64 }, { 2015, 128 }, { 4063, 256 } };
static const struct segment a_segments[8] = { { 0, 2 },    { 32, 2 },   { 64, 4 },    { 128, 8 },
	                                          { 256, 16 }, { 512, 32 }, { 1024, 64 }, { 2048, 128 } };

// Decision value number n (0 to 127): where interval n begins. The first interval of the mu-law is half: 0 to 1.
static int decision(const struct segment *segments, int n)
{
	int value = segments[n / 16].first + (n % 16) * segments[n / 16].width;
	return value < 0 ? 0 : value;
}

// Samples are 16 bits, decision values are of the scale that the recommendation uses: 14 bits (mu), 13 bits (A). A
// sample on a decision value belongs to the interval above when positive, to the one below when negative.
static int interval(const struct segment *segments, int scale, int sample)
{
	int magnitude = sample < 0 ? -sample : sample, found = 0;
	for (int n = 1; n < 128; n++) {
		int limit = decision(segments, n) * scale;
		if (sample < 0 ? magnitude > limit : magnitude >= limit) found = n;
	}
	return found;
}

static void test_mu(void **state)
{
	(void)state;
	for (int sample = -32768; sample <= 32767; sample++) {
		int code = interval(mu_segments, 4, sample) | (sample < 0 ? 0x80 : 0);
		assert_int_equal(g711_mu_encode((int16_t)sample), ~code & 0xff);
	}
}

static void test_a(void **state)
{
	(void)state;
	for (int sample = -32768; sample <= 32767; sample++) {
		int code = interval(a_segments, 8, sample) | (sample < 0 ? 0 : 0x80);
		assert_int_equal(g711_a_encode((int16_t)sample), code ^ 0x55);
	}
}

// What is heard is the middle of the interval, and encodes to the same octet (but for mu-law's negative zero).
static void test_decode(void **state)
{
	(void)state;
	for (int octet = 0; octet < 256; octet++) {
		int n = ~octet & 0x7f;
		int middle = n == 127 ? 8031 : n ? (decision(mu_segments, n) + decision(mu_segments, n + 1)) / 2 : 0;
		assert_int_equal(g711_mu_decode((uint8_t)octet), (octet & 0x80 ? middle : -middle) * 4);
		assert_int_equal(g711_mu_encode(g711_mu_decode((uint8_t)octet)), octet == 0x7f ? 0xff : octet);
		n = (octet ^ 0x55) & 0x7f;
		middle = n == 127 ? 4032 : (decision(a_segments, n) + decision(a_segments, n + 1)) / 2;
		assert_int_equal(g711_a_decode((uint8_t)octet), (octet & 0x80 ? middle : -middle) * 8);
		assert_int_equal(g711_a_encode(g711_a_decode((uint8_t)octet)), octet);
	}
}

// An encoder that negates instead of complementing, to count where the two ways part.
static uint8_t negating_mu_encode(int sample)
{
	int magnitude = sample >> 2, sign = 0;
	if (magnitude < 0) magnitude = -magnitude, sign = 0x80;
	int found = 0;
	for (int n = 1; n < 128; n++)
		if (magnitude >= decision(mu_segments, n)) found = n;
	return (uint8_t)~(found | sign);
}

static void test_differs_from_the_common_one(void **state)
{
	(void)state;
	int differ = 0;
	for (int sample = -32768; sample <= 32767; sample++)
		differ += g711_mu_encode((int16_t)sample) != negating_mu_encode(sample);
	assert_int_equal(differ, 508);
}

// The digital milliwatt of G.711 (table 6): 1 kHz at 0 dBm0.
static void test_milliwatt(void **state)
{
	(void)state;
	static const uint8_t mu[8] = { 0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e };
	double power = 0;
	for (int i = 0; i < 8; i++) power += (double)g711_mu_decode(mu[i]) * g711_mu_decode(mu[i]) / 8;
	double reference = (double)G711_0DBM0 * G711_0DBM0 / 2;
	assert_true(power > reference * 0.99 && power < reference * 1.01);
}

static void test_convert(void **state)
{
	(void)state;
	for (int octet = 0; octet < 256; octet++) {
		int mu = g711_mu_decode((uint8_t)octet), a = g711_a_decode(g711_mu_to_a((uint8_t)octet));
		assert_true(abs(mu - a) <= 16 + abs(mu) / 16); // half an interval of the coarser law
		int back = g711_mu_decode(g711_a_to_mu((uint8_t)octet)), from = g711_a_decode((uint8_t)octet);
		assert_true(abs(back - from) <= 16 + abs(from) / 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mu),        cmocka_unit_test(test_a),
		cmocka_unit_test(test_decode),    cmocka_unit_test(test_differs_from_the_common_one),
		cmocka_unit_test(test_milliwatt), cmocka_unit_test(test_convert),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
