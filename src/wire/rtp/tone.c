// The generator: a phase of 32 bits for each sine, a quarter-wave table with straight lines between its points (error
// below -100 dB), no floating point: the same samples everywhere.
#include "wire/rtp/tone.h"

#include "wire/rtp/g711.h"

static const int32_t quarter_sine[257] = {
#include "wire/rtp/sine.tab"
};

// Peak of a sine of 0, -1, ... -40 dBm0: G711_0DBM0 * 10^(dBm0/20).
static const uint16_t peaks[1 - TONE_DBM0_MIN] = {
	22657, 20193, 17997, 16040, 14296, 12741, 11355, 10121, 9020, 8039, 7165, 6386, 5691, 5072,
	4521,  4029,  3591,  3200,  2852,  2542,  2266,  2019,  1800, 1604, 1430, 1274, 1136, 1012,
	902,   804,   716,   639,   569,   507,   452,   403,   359,  320,  285,  254,  227,
};

// Sine of a phase (2^32 is the full circle), scaled to 2^30.
static int32_t sine(uint32_t phase)
{
	uint32_t in_quarter = phase & 0x3fffffff;
	if (phase & 0x40000000) in_quarter = 0x40000000 - in_quarter; // the second and fourth run backwards
	uint32_t index = in_quarter >> 22, between = in_quarter & 0x3fffff;
	int64_t low = quarter_sine[index], high = quarter_sine[index < 256 ? index + 1 : 256];
	int32_t value = (int32_t)(low + (((high - low) * between) >> 22));
	return phase & 0x80000000 ? -value : value;
}

static uint32_t phase_step(uint16_t tenth_hz)
{
	return (uint32_t)(((uint64_t)tenth_hz << 32) / (10 * TONE_RATE_HZ));
}

static int16_t next_sample(struct tone_play *p, const struct tone_part *part)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < TONE_SINES_MAX && part->tenth_hz[i]; i++) {
		sum += (int64_t)sine(p->phases[i]) * peaks[-part->dbm0];
		p->phases[i] += phase_step(part->tenth_hz[i]);
	}
	sum = (sum + (1 << 29)) >> 30;
	return (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
}

static uint32_t samples_of(uint32_t ms)
{
	return ms * (TONE_RATE_HZ / 1000);
}

// At the end of a cycle: the next cycle, or the next part. Each burst starts from zero, without a click.
static void next_cycle(struct tone_play *p, const struct tone_part *part)
{
	p->at = 0;
	for (uint32_t i = 0; i < TONE_SINES_MAX; i++) p->phases[i] = 0;
	if (part->times == TONE_FOREVER || ++p->cycle < part->times) return;
	p->cycle = 0;
	p->part++;
}

uint32_t tone_fill(struct tone_play *p, int16_t *out, uint32_t n)
{
	uint32_t made = 0;
	while (made < n && p->part < p->tone->count) {
		const struct tone_part *part = &p->tone->parts[p->part];
		uint32_t on = samples_of(part->on_ms), cycle = on + samples_of(part->off_ms);
		out[made++] = part->on_ms == TONE_STEADY || p->at < on ? next_sample(p, part) : 0;
		p->at++;
		if (part->on_ms != TONE_STEADY && p->at >= cycle) next_cycle(p, part);
	}
	return made;
}

bool tone_is_finite(const struct tone *t)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->parts[i].on_ms == TONE_STEADY || t->parts[i].times == TONE_FOREVER) return false;
	return true;
}

enum err tone_dtmf(uint16_t hz[2], char digit)
{
	static const char keys[] = "123A456B789C*0#D"; // rows and columns of the keypad
	static const uint16_t rows[4] = { 697, 770, 852, 941 }, columns[4] = { 1209, 1336, 1477, 1633 };
	for (uint32_t i = 0; i < 16; i++) {
		if (keys[i] != digit) continue;
		hz[0] = rows[i / 4];
		hz[1] = columns[i % 4];
		return OK;
	}
	return ERR_BAD;
}
