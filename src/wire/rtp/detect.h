// Hears tones: for tests, the demo and whoever must prove what a telephone heard. Goertzel's filter over windows of
// 200 ms, which tells 440 from 480 Hz; not for the path of a call.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DETECT_WINDOW 1600       // samples at 8 kHz: 200 ms, bins 5 Hz wide
#define DETECT_SILENCE_DBM0 (-60.0)

// Level of one frequency in n samples, and of all together, in dBm0; -100 at the least.
double detect_dbm0(const int16_t *samples, uint32_t n, double hz);
double detect_total_dbm0(const int16_t *samples, uint32_t n);

// A stretch of sound or of silence, to 5 ms.
struct detect_burst {
	bool on;
	uint32_t start_ms, ms;
};
// Cuts n samples into bursts; tells how many, at most max. What is below the level counts as silence.
uint32_t detect_bursts(struct detect_burst *out, uint32_t max, const int16_t *samples, uint32_t n, double dbm0);

// Which frequencies of a list stand out in n samples (a window at least): each within 12 dB of the loudest of the list
// and above -40 dBm0, all together making up nearly all of the sound. Tells how many; 0 when the sound is another.
uint32_t detect_sines(double *found, uint32_t max, const int16_t *samples, uint32_t n, const double *list,
                      uint32_t count);
