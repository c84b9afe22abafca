// A tone through G.722 and back: the same frequencies at the same level.
#include "wide.c"

#include "wire/rtp/detect.h"
#include "wire/rtp/tone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define FRAME 160
#define FRAMES 50

static void a_tone_goes_through(void **state)
{
	static const struct tone dial = { .count = 1, .parts = { { { 3500, 4400 }, -13, TONE_STEADY, 0, 0 } } };
	static int16_t heard[FRAME * FRAMES];
	struct tone_play play = { .tone = &dial };
	struct wide *w = NULL;
	(void)state;
	for (int frame = 0; frame < FRAMES; frame++) {
		int16_t samples[FRAME];
		uint8_t octets[FRAME];
		assert_int_equal(tone_fill(&play, samples, FRAME), FRAME);
		assert_true(wide_encode(&w, octets, samples, FRAME));
		assert_true(wide_decode(&w, heard + (size_t)frame * FRAME, octets, FRAME));
	}
	const int16_t *settled = heard + DETECT_WINDOW;
	assert_true(detect_dbm0(settled, DETECT_WINDOW, 350) > -14 && detect_dbm0(settled, DETECT_WINDOW, 350) < -12);
	assert_true(detect_dbm0(settled, DETECT_WINDOW, 440) > -14 && detect_dbm0(settled, DETECT_WINDOW, 440) < -12);
	assert_true(detect_dbm0(settled, DETECT_WINDOW, 1000) < -45);
	assert_null(wide_free(w));
	assert_null(wide_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_tone_goes_through) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
