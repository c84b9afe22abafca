#include "tone.c"

#include "wire/rtp/detect.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int16_t samples[8 * 20000]; // 20 s

static uint32_t make(const struct tone *tone, uint32_t ms)
{
	struct tone_play play = { .tone = tone };
	memset(samples, 0x55, sizeof samples);
	return tone_fill(&play, samples, ms * 8);
}

static void test_sine(void **state)
{
	(void)state;
	for (uint64_t phase = 0; phase < 1ull << 32; phase += 65521) {
		double exact = sin((double)phase / 4294967296.0 * 2 * 3.14159265358979323846);
		assert_true(fabs(sine((uint32_t)phase) / 1073741824.0 - exact) < 1e-5);
	}
}

static void test_peaks(void **state)
{
	(void)state;
	for (int dbm0 = 0; dbm0 >= TONE_DBM0_MIN; dbm0--)
		assert_true(fabs(peaks[-dbm0] - G711_0DBM0 * pow(10, dbm0 / 20.0)) <= 0.5);
}

static void test_steady(void **state)
{
	(void)state;
	static const struct tone dial = { .count = 1, .parts = { { { 3500, 4400 }, -13, TONE_STEADY, 0, 0 } } };
	assert_int_equal(make(&dial, 20000), 160000);
	assert_true(fabs(detect_dbm0(samples, DETECT_WINDOW, 350) + 13) < 0.05);
	assert_true(fabs(detect_dbm0(samples + 158400, DETECT_WINDOW, 440) + 13) < 0.05);
	assert_true(fabs(detect_total_dbm0(samples, DETECT_WINDOW) + 10) < 0.05);
	assert_true(detect_dbm0(samples, DETECT_WINDOW, 480) < -50);
	// Over 10 s the filter's bin is 0.1 Hz wide: the frequency is exact, and stays so.
	assert_true(detect_dbm0(samples, 80000, 350) > -13.05 && detect_dbm0(samples, 80000, 350.2) < -40);
	assert_false(tone_is_finite(&dial));
}

static void test_cadence(void **state)
{
	(void)state;
	static const struct tone recall = { .count = 2,
		                                .parts = { { { 3500, 4400 }, -13, 100, 100, 3 },
		                                           { { 3500, 4400 }, -13, TONE_STEADY, 0, 0 } } };
	struct detect_burst bursts[16];
	assert_int_equal(make(&recall, 2000), 16000);
	assert_int_equal(detect_bursts(bursts, 16, samples, 16000, DETECT_SILENCE_DBM0), 7);
	for (uint32_t i = 0; i < 6; i++) assert_true(bursts[i].ms == 100 && bursts[i].on == (i % 2 == 0));
	assert_int_equal(bursts[6].ms, 1400);
	static const struct tone sit = { .count = 3, .parts = { { { 9138 }, -24, 274, 0, 1 }, { { 13706 }, -24, 274, 0, 1 },
		                                                   { { 17767 }, -24, 380, 0, 1 } } };
	assert_true(tone_is_finite(&sit));
	assert_int_equal(make(&sit, 2000), 928 * 8); // ends by itself
	assert_true(fabs(detect_dbm0(samples + 548 * 8, 380 * 8, 1776.7) + 24) < 0.1);
	assert_true(fabs(detect_dbm0(samples + 274 * 8, 274 * 8, 1370.6) + 24) < 0.1);
}

// Made in pieces of any size, a tone is the same.
static void test_pieces(void **state)
{
	(void)state;
	static const struct tone busy = { .count = 1, .parts = { { { 4800, 6200 }, -24, 500, 500, TONE_FOREVER } } };
	static int16_t pieces[24000];
	struct tone_play play = { .tone = &busy };
	for (uint32_t at = 0, n = 1; at < 24000; at += n, n = (n * 7 + 3) % 481 + 1)
		tone_fill(&play, pieces + at, n < 24000 - at ? n : 24000 - at);
	make(&busy, 3000);
	assert_memory_equal(pieces, samples, sizeof pieces);
}

static void test_dtmf(void **state)
{
	(void)state;
	uint16_t hz[2] = { 0 };
	assert_int_equal(tone_dtmf(hz, '5'), OK);
	assert_true(hz[0] == 770 && hz[1] == 1336);
	assert_int_equal(tone_dtmf(hz, 'D'), OK);
	assert_true(hz[0] == 941 && hz[1] == 1633);
	assert_int_equal(tone_dtmf(hz, '*'), OK);
	assert_true(hz[0] == 941 && hz[1] == 1209);
	assert_int_equal(tone_dtmf(hz, 'x'), ERR_BAD);
	assert_int_equal(tone_dtmf(hz, '\0'), ERR_BAD);
}

static void test_detect_sines(void **state)
{
	(void)state;
	static const double plan[] = { 350, 440, 480, 620 };
	static const struct tone ring = { .count = 1, .parts = { { { 4400, 4800 }, -19, TONE_STEADY, 0, 0 } } };
	static const struct tone other = { .count = 1, .parts = { { { 10000 }, -10, TONE_STEADY, 0, 0 } } };
	double found[4];
	make(&ring, 200);
	assert_int_equal(detect_sines(found, 4, samples, DETECT_WINDOW, plan, 4), 2);
	assert_true(found[0] == 440 && found[1] == 480);
	make(&other, 200);
	assert_int_equal(detect_sines(found, 4, samples, DETECT_WINDOW, plan, 4), 0);
	memset(samples, 0, sizeof samples);
	assert_int_equal(detect_sines(found, 4, samples, DETECT_WINDOW, plan, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sine),         cmocka_unit_test(test_peaks),  cmocka_unit_test(test_steady),
		cmocka_unit_test(test_cadence),      cmocka_unit_test(test_pieces), cmocka_unit_test(test_dtmf),
		cmocka_unit_test(test_detect_sines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
