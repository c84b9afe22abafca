#include "tone_plan.c"

#include "call/media/prompt.h"
#include "wire/rtp/detect.h"
#include "wire/rtp/g711.h"
#include "wire/rtp/player.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECONDS 24
static int16_t samples[8000 * SECONDS];

// The plan once more, as an engineer's table gives it: Hz, dBm0 each, then on and off in ms (the last pair repeats when
// it is followed by nothing); `ends_ms` of a tone that ends.
static const struct {
	uint8_t tone;
	double hz[4];
	double dbm0;
	uint32_t cadence[8];
	uint32_t ends_ms;
} plan[] = {
	{ MEDIA_TONE_DIAL, { 350, 440 }, -13, { 24000 }, 0 },
	{ MEDIA_TONE_RECALL_DIAL, { 350, 440 }, -13, { 100, 100, 100, 100, 100, 100, 23400 }, 0 },
	{ MEDIA_TONE_CONFIRMATION, { 350, 440 }, -13, { 100, 100, 100, 100, 100, 100 }, 600 },
	{ MEDIA_TONE_RINGBACK, { 440, 480 }, -19, { 2000, 4000, 2000, 4000 }, 0 },
	{ MEDIA_TONE_BUSY, { 480, 620 }, -24, { 500, 500, 500, 500 }, 0 },
	{ MEDIA_TONE_REORDER, { 480, 620 }, -24, { 250, 250, 250, 250 }, 0 },
	{ MEDIA_TONE_CALL_WAITING, { 440 }, -13, { 300, 9700, 300, 9700 }, 20000 },
	{ MEDIA_TONE_CALL_WAITING_ALERT, { 2130, 2750 }, -15, { 80 }, 82 },
	{ MEDIA_TONE_OFF_HOOK, { 1400, 2060, 2450, 2600 }, -9, { 100, 100, 100, 100 }, 0 },
	{ MEDIA_TONE_BUSY_VERIFICATION, { 440 }, -13, { 2000, 8000, 500, 9500, 500 }, 0 },
	{ MEDIA_TONE_RECORDING_WARNING, { 1400 }, -16, { 500, 14500, 500 }, 0 },
	{ MEDIA_TONE_MILLIWATT, { 1004 }, 0, { 24000 }, 0 },
};

// As it is heard: through the law and back.
static uint32_t make(const struct tone *tone)
{
	struct tone_play play = { .tone = tone };
	uint32_t n = tone_fill(&play, samples, 8000 * SECONDS);
	for (uint32_t i = 0; i < n; i++) samples[i] = g711_mu_decode(g711_mu_encode(samples[i]));
	return n;
}

static void test_plan(void **state)
{
	(void)state;
	struct detect_burst bursts[200];
	for (size_t i = 0; i < ARRAY_LEN(plan); i++) {
		uint32_t n = make(media_tone(plan[i].tone)), first_on = plan[i].cadence[0];
		assert_int_equal(n, plan[i].ends_ms ? plan[i].ends_ms * 8 : 8000 * SECONDS);
		uint32_t count = detect_bursts(bursts, 200, samples, n, -45);
		for (uint32_t k = 0; k < 8 && plan[i].cadence[k] && k < count; k++) {
			assert_int_equal(bursts[k].on, k % 2 == 0);
			assert_in_range(bursts[k].ms, plan[i].cadence[k] - 5, plan[i].cadence[k] + 5);
		}
		uint32_t window = (first_on < 200 ? first_on : 200) * 8;
		for (uint32_t k = 0; k < 4 && plan[i].hz[k] > 0; k++)
			assert_true(fabs(detect_dbm0(samples, window, plan[i].hz[k]) - plan[i].dbm0) < 0.6);
		assert_int_equal(tone_is_finite(media_tone(plan[i].tone)), plan[i].ends_ms != 0);
	}
}

static void test_stutter(void **state)
{
	(void)state;
	struct detect_burst bursts[64];
	uint32_t n = make(media_tone(MEDIA_TONE_STUTTER_DIAL));
	assert_int_equal(detect_bursts(bursts, 64, samples, n, -45), 21);
	assert_int_equal(bursts[19].start_ms, 1900);
	assert_int_equal(bursts[20].ms, SECONDS * 1000 - 2000);
}

// Each special information tone: the three segments by length and frequency.
static void test_sit(void **state)
{
	(void)state;
	static const struct {
		uint8_t tone;
		uint32_t ms1, ms2;
		double hz1, hz2;
	} sits[] = {
		{ MEDIA_TONE_SIT_IC, 274, 274, 913.8, 1370.6 },  { MEDIA_TONE_SIT_VC, 380, 274, 985.2, 1370.6 },
		{ MEDIA_TONE_SIT_RO1, 274, 380, 913.8, 1428.5 }, { MEDIA_TONE_SIT_RO2, 274, 380, 985.2, 1370.6 },
		{ MEDIA_TONE_SIT_NC1, 380, 380, 985.2, 1428.5 }, { MEDIA_TONE_SIT_NC2, 380, 380, 913.8, 1370.6 },
		{ MEDIA_TONE_SIT_IO, 380, 274, 913.8, 1428.5 },
	};
	for (size_t i = 0; i < ARRAY_LEN(sits); i++) {
		uint32_t at1 = sits[i].ms1 * 8, at2 = sits[i].ms2 * 8;
		assert_int_equal(make(media_tone(sits[i].tone)), at1 + at2 + 380 * 8);
		assert_true(fabs(detect_dbm0(samples, at1, sits[i].hz1) + 24) < 0.6);
		assert_true(fabs(detect_dbm0(samples + at1, at2, sits[i].hz2) + 24) < 0.6);
		assert_true(fabs(detect_dbm0(samples + at1 + at2, 380 * 8, 1776.7) + 24) < 0.6);
	}
}

// All of MF as a trunk hears it: each signal two of the six frequencies and no other, queued as the player takes them.
static void test_mf(void **state)
{
	(void)state;
	static const double six[] = { 700, 900, 1100, 1300, 1500, 1700 };
	static const struct {
		uint8_t tone, f1, f2; // of the six
	} mf[] = {
		{ MEDIA_TONE_MF_KP, 2, 5 }, { MEDIA_TONE_MF_1, 0, 1 },  { MEDIA_TONE_MF_2, 0, 2 },  { MEDIA_TONE_MF_3, 1, 2 },
		{ MEDIA_TONE_MF_4, 0, 3 },  { MEDIA_TONE_MF_5, 1, 3 },  { MEDIA_TONE_MF_6, 2, 3 },  { MEDIA_TONE_MF_7, 0, 4 },
		{ MEDIA_TONE_MF_8, 1, 4 },  { MEDIA_TONE_MF_9, 2, 4 },  { MEDIA_TONE_MF_0, 3, 4 },  { MEDIA_TONE_MF_ST, 4, 5 },
		{ MEDIA_TONE_MF_ST1, 1, 5 }, { MEDIA_TONE_MF_ST2, 3, 5 }, { MEDIA_TONE_MF_ST3, 0, 5 },
	};
	struct player player = { 0 };
	struct detect_burst bursts[2 * ARRAY_LEN(mf)];
	uint32_t n = 0, queued = 0;
	while (queued < ARRAY_LEN(mf) || player_busy(&player)) {
		struct sound sound = { .tone = media_tone(mf[queued % ARRAY_LEN(mf)].tone), .times = 1 };
		if (queued < ARRAY_LEN(mf) && player_add(&player, &sound, true) == OK) queued++;
		else player_frame(&player, &samples[n]), n += PLAYER_FRAME;
	}
	assert_int_equal(detect_bursts(bursts, ARRAY_LEN(bursts), samples, n, -45), 2 * ARRAY_LEN(mf));
	for (uint32_t i = 0; i < ARRAY_LEN(mf); i++) {
		const struct detect_burst *on = &bursts[2 * i], *off = on + 1;
		assert_true(on->on && !off->on);
		assert_in_range(on->ms, i ? 65 : 100, i ? 75 : 105);
		assert_in_range(off->ms, 60, 90);
		for (uint8_t f = 0; f < 6; f++) {
			double level = detect_dbm0(&samples[(on->start_ms + 10) * 8], 400, six[f]);
			if (f == mf[i].f1 || f == mf[i].f2) assert_true(fabs(level + 7) < 0.6);
			else assert_true(level < -30);
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_null(media_tone(MEDIA_TONE_NONE));
	assert_null(media_tone(MEDIA_TONE_COUNT));
	assert_string_equal(media_tone_name(MEDIA_TONE_SIT_IO), "SIT_IO");
	assert_string_equal(media_tone_name(255), "NONE");
	for (uint8_t t = 1; t < MEDIA_TONE_COUNT; t++) {
		const struct tone *tone = media_tone(t);
		assert_in_range(tone->count, 1, TONE_PARTS_MAX);
		for (uint32_t i = 0; i < tone->count; i++)
			assert_true(tone->parts[i].dbm0 <= 0 && tone->parts[i].dbm0 >= TONE_DBM0_MIN && tone->parts[i].tenth_hz[0]);
	}
}

// Every announcement was made, at the level of speech, and says what it is.
static void test_prompts(void **state)
{
	(void)state;
	for (uint8_t p = 1; p < MEDIA_PROMPT_COUNT; p++) {
		struct str s = media_prompt(p);
		double loudest = -100;
		assert_in_range(s.n, 8000 / 2, 8000 * 12);
		for (uint32_t at = 0; at + 1600 <= s.n; at += 1600) {
			for (uint32_t i = 0; i < 1600; i++) samples[i] = g711_mu_decode((uint8_t)s.p[at + i]);
			loudest = fmax(loudest, detect_total_dbm0(samples, 1600));
		}
		assert_true(loudest > -20 && loudest < -5);
		assert_true(strlen(media_prompt_text(p)) > 5);
		uint8_t sit = media_prompt_sit(p);
		assert_true(sit == MEDIA_TONE_NONE || sit >= MEDIA_TONE_SIT_IC);
	}
	assert_int_equal(media_prompt(MEDIA_PROMPT_NONE).n, 0);
	assert_int_equal(media_prompt(MEDIA_PROMPT_COUNT).n, 0);
	assert_string_equal(media_prompt_name(MEDIA_PROMPT_GOODBYE), "GOODBYE");
	assert_string_equal(media_prompt_name(255), "NONE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),  cmocka_unit_test(test_stutter), cmocka_unit_test(test_sit),
		cmocka_unit_test(test_mf),    cmocka_unit_test(test_names),   cmocka_unit_test(test_prompts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
