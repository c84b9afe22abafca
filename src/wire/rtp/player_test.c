#include "player.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct tone beep = { .count = 1, .parts = { { { 10000 }, -10, 70, 30, 1 } } };   // 100 ms
static const struct tone steady = { .count = 1, .parts = { { { 4400 }, -10, TONE_STEADY, 0, 0 } } };
static uint8_t words[1000]; // 125 ms

// Plays to the end; tells how many samples there were until the last that is not silent, in all.
static uint32_t play_out(struct player *p, int16_t *out, uint32_t max)
{
	uint32_t n = 0;
	while (n + PLAYER_FRAME <= max && player_frame(p, out + n)) n += PLAYER_FRAME;
	while (n && out[n - 1] == 0) n--;
	return n;
}

static void test_sequence(void **state)
{
	(void)state;
	static int16_t out[80000];
	struct player p = { 0 };
	memset(words, 0x80, sizeof words); // loud
	struct sound announcement = { .tone = &beep, .recording = words, .recording_n = sizeof words, .times = 2 };
	assert_int_equal(player_add(&p, &announcement, false), OK);
	// twice 800 samples of tone and 1000 of words, with a second in between, and no silence behind
	assert_int_equal(play_out(&p, out, 80000), 1800 + 8000 + 1800);
	assert_int_equal(out[800], g711_mu_decode(0x80));
	assert_int_equal(out[1799], g711_mu_decode(0x80));
	assert_int_equal(out[1800], 0);
	assert_int_equal(out[9799], 0);
	assert_memory_equal(out, out + 9800, 1800 * sizeof *out);
	assert_false(player_busy(&p));
	assert_false(player_frame(&p, out));
}

static void test_queue(void **state)
{
	(void)state;
	static int16_t out[80000];
	struct player p = { 0 };
	struct sound once = { .tone = &beep, .times = 1 }, endless = { .tone = &steady };
	assert_int_equal(player_add(&p, &once, true), OK);
	for (int i = 1; i < PLAYER_QUEUE; i++) assert_int_equal(player_add(&p, &endless, true), OK);
	assert_int_equal(player_add(&p, &once, true), ERR_FULL);
	play_out(&p, out, 80000);
	assert_true(player_busy(&p)); // the steady one lasts
	assert_int_equal(p.count, PLAYER_QUEUE - 1);
	assert_int_equal(player_add(&p, &once, false), OK); // in place of all
	assert_int_equal(p.count, 1);
	assert_true(play_out(&p, out, 80000) <= 800);
	assert_int_equal(player_add(&p, &(struct sound){ .times = 1 }, false), ERR_BAD);
}

static void test_for_ever(void **state)
{
	(void)state;
	int16_t out[PLAYER_FRAME];
	struct player p = { 0 };
	assert_int_equal(player_add(&p, &(struct sound){ .tone = &beep }, false), OK);
	for (int i = 0; i < 1000; i++) assert_true(player_frame(&p, out));
	player_stop(&p);
	assert_false(player_frame(&p, out));
	assert_int_equal(player_add(&p, &(struct sound){ .recording = words, .recording_n = 1, .times = 0 }, false), OK);
	for (int i = 0; i < 1000; i++) assert_true(player_frame(&p, out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequence), cmocka_unit_test(test_queue), cmocka_unit_test(test_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
