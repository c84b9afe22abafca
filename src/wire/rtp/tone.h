// Tones as rows of a table: which frequencies, how loud, how long; and the generator that makes samples of a row.
//
//     busy:  part 1  480 + 620 Hz, -24 dBm0 each, 500 ms on, 500 ms off, for ever
//     SIT:   part 1  985.2 Hz 380 ms, once    part 2  1370.6 Hz 274 ms, once    part 3  1776.7 Hz 380 ms, once
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define TONE_RATE_HZ 8000
#define TONE_PARTS_MAX 3
#define TONE_SINES_MAX 4
#define TONE_DBM0_MIN (-40)
#define TONE_STEADY 0 // as on_ms: never off
#define TONE_FOREVER 0 // as times

struct tone_part {
	uint16_t tenth_hz[TONE_SINES_MAX]; // up to the first 0; none: silence
	int8_t dbm0;                       // of each sine; TONE_DBM0_MIN to 0
	uint16_t on_ms, off_ms;            // on_ms TONE_STEADY: one note without end
	uint16_t times;                    // cycles of on and off, then the next part; TONE_FOREVER: no next part
};

// Parts follow each other; the first without cycles (all zero), or the end of the array, ends the tone.
struct tone {
	struct tone_part parts[TONE_PARTS_MAX];
	uint8_t count; // of parts
};

// A tone being made; zeroed but for the tone, it is at its start.
struct tone_play {
	const struct tone *tone; // static
	uint32_t part, cycle;    // where it is: part, cycle of it,
	uint32_t at;             // sample of the cycle
	uint32_t phases[TONE_SINES_MAX];
};

// Makes up to n samples; fewer when the tone ends.
uint32_t tone_fill(struct tone_play *p, int16_t *out, uint32_t n);
// Does it end by itself?
bool tone_is_finite(const struct tone *t);

// The two frequencies of a key (0-9 * # A-D; ITU-T Q.23), in Hz; ERR_BAD for another character.
MUST_CHECK enum err tone_dtmf(uint16_t hz[2], char digit);
