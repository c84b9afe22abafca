// The detector.
#include "wire/rtp/detect.h"

#include "wire/rtp/g711.h"

#include <math.h>

#define RATE_HZ 8000
#define STEP 40 // samples: 5 ms

static double to_dbm0(double power)
{
	double reference = (double)G711_0DBM0 * G711_0DBM0 / 2;
	double db = power > 0 ? 10 * log10(power / reference) : -100;
	return db < -100 ? -100 : db;
}

// Power of a sine of this frequency (Goertzel 1958), whatever its phase.
static double power_at(const int16_t *samples, uint32_t n, double hz)
{
	double turn = 2 * cos(2 * 3.14159265358979323846 * hz / RATE_HZ), s1 = 0, s2 = 0;
	for (uint32_t i = 0; i < n; i++) {
		double s = samples[i] + turn * s1 - s2;
		s2 = s1;
		s1 = s;
	}
	return n ? 2 * (s1 * s1 + s2 * s2 - turn * s1 * s2) / ((double)n * n) : 0;
}

static double power_total(const int16_t *samples, uint32_t n)
{
	double sum = 0;
	for (uint32_t i = 0; i < n; i++) sum += (double)samples[i] * samples[i];
	return n ? sum / n : 0;
}

double detect_dbm0(const int16_t *samples, uint32_t n, double hz)
{
	return to_dbm0(power_at(samples, n, hz));
}

double detect_total_dbm0(const int16_t *samples, uint32_t n)
{
	return to_dbm0(power_total(samples, n));
}

uint32_t detect_bursts(struct detect_burst *out, uint32_t max, const int16_t *samples, uint32_t n, double dbm0)
{
	uint32_t count = 0;
	for (uint32_t at = 0; at + STEP <= n; at += STEP) {
		bool on = to_dbm0(power_total(samples + at, STEP)) > dbm0;
		if (count == 0 || out[count - 1].on != on) {
			if (count == max) break;
			out[count++] = (struct detect_burst){ .on = on, .start_ms = at / (RATE_HZ / 1000) };
		}
		out[count - 1].ms += STEP / (RATE_HZ / 1000);
	}
	return count;
}

uint32_t detect_sines(double *found, uint32_t max, const int16_t *samples, uint32_t n, const double *list,
                      uint32_t count)
{
	double loudest = 0, sum = 0, floor = pow(10, -4.0) * G711_0DBM0 * G711_0DBM0 / 2;
	uint32_t number = 0;
	for (uint32_t i = 0; i < count; i++) loudest = fmax(loudest, power_at(samples, n, list[i]));
	for (uint32_t i = 0; i < count && number < max; i++) {
		double power = power_at(samples, n, list[i]);
		if (power < floor || power < loudest * pow(10, -1.2)) continue;
		found[number++] = list[i];
		sum += power;
	}
	return sum > 0.8 * power_total(samples, n) ? number : 0;
}
