// The tone plan as a table (GR-506, ITU-T E.180; levels are per frequency). SIT segments are 274 or 380 ms, the third
// always long; the announcement follows them.
#include "call/media/tone_plan.h"

#define STEADY(f1, f2, level) { { (f1)*10, (f2)*10 }, (level), TONE_STEADY, 0, TONE_FOREVER }
#define PAIR(f1, f2, level, on, off, times) { { (f1)*10, (f2)*10 }, (level), (on), (off), (times) }
#define ONE(f, level, on, off, times) { { (f)*10 }, (level), (on), (off), (times) }
#define SEGMENT(tenth_hz, ms) { { (tenth_hz) }, -24, (ms), 0, 1 }
#define TONE(...) { .parts = { __VA_ARGS__ }, .count = ARRAY_LEN(((struct tone_part[]){ __VA_ARGS__ })) }
#define SHORT 274
#define LONG 380
#define MF(f1, f2) TONE(PAIR(f1, f2, -7, 68, 68, 1))
#define SIT(first, second) TONE(first, second, SEGMENT(17767, LONG))

static const struct tone tones[MEDIA_TONE_COUNT] = {
	[MEDIA_TONE_DIAL] = TONE(STEADY(350, 440, -13)),
	[MEDIA_TONE_RECALL_DIAL] = TONE(PAIR(350, 440, -13, 100, 100, 3), STEADY(350, 440, -13)),
	[MEDIA_TONE_STUTTER_DIAL] = TONE(PAIR(350, 440, -13, 100, 100, 10), STEADY(350, 440, -13)),
	[MEDIA_TONE_CONFIRMATION] = TONE(PAIR(350, 440, -13, 100, 100, 3)),
	[MEDIA_TONE_RINGBACK] = TONE(PAIR(440, 480, -19, 2000, 4000, TONE_FOREVER)),
	[MEDIA_TONE_BUSY] = TONE(PAIR(480, 620, -24, 500, 500, TONE_FOREVER)),
	[MEDIA_TONE_REORDER] = TONE(PAIR(480, 620, -24, 250, 250, TONE_FOREVER)),
	[MEDIA_TONE_CALL_WAITING] = TONE(ONE(440, -13, 300, 9700, 2)),        // SAS: one burst, again after 10 s
	[MEDIA_TONE_CALL_WAITING_ALERT] = TONE(PAIR(2130, 2750, -15, 82, 0, 1)), // CAS
	// Receiver off hook: loud. -9 dBm0 each is the most that four sines can have without clipping in G.711.
	[MEDIA_TONE_OFF_HOOK] = TONE({ { 14000, 20600, 24500, 26000 }, -9, 100, 100, TONE_FOREVER }),
	[MEDIA_TONE_BUSY_VERIFICATION] = TONE(ONE(440, -13, 2000, 8000, 1), ONE(440, -13, 500, 9500, TONE_FOREVER)),
	[MEDIA_TONE_RECORDING_WARNING] = TONE(ONE(1400, -16, 500, 14500, TONE_FOREVER)),
	[MEDIA_TONE_MILLIWATT] = TONE(ONE(1004, 0, TONE_STEADY, 0, TONE_FOREVER)), // 102 line
	[MEDIA_TONE_SIT_IC] = SIT(SEGMENT(9138, SHORT), SEGMENT(13706, SHORT)),
	[MEDIA_TONE_SIT_VC] = SIT(SEGMENT(9852, LONG), SEGMENT(13706, SHORT)),
	[MEDIA_TONE_SIT_RO1] = SIT(SEGMENT(9138, SHORT), SEGMENT(14285, LONG)),
	[MEDIA_TONE_SIT_RO2] = SIT(SEGMENT(9852, SHORT), SEGMENT(13706, LONG)),
	[MEDIA_TONE_SIT_NC1] = SIT(SEGMENT(9852, LONG), SEGMENT(14285, LONG)),
	[MEDIA_TONE_SIT_NC2] = SIT(SEGMENT(9138, LONG), SEGMENT(13706, LONG)),
	[MEDIA_TONE_SIT_IO] = SIT(SEGMENT(9138, LONG), SEGMENT(14285, SHORT)),
	// Multifrequency signalling between switches (GR-506; R1 of ITU-T Q.320): two of six, KP longer than all others.
	[MEDIA_TONE_MF_1] = MF(700, 900),
	[MEDIA_TONE_MF_2] = MF(700, 1100),
	[MEDIA_TONE_MF_3] = MF(900, 1100),
	[MEDIA_TONE_MF_4] = MF(700, 1300),
	[MEDIA_TONE_MF_5] = MF(900, 1300),
	[MEDIA_TONE_MF_6] = MF(1100, 1300),
	[MEDIA_TONE_MF_7] = MF(700, 1500),
	[MEDIA_TONE_MF_8] = MF(900, 1500),
	[MEDIA_TONE_MF_9] = MF(1100, 1500),
	[MEDIA_TONE_MF_0] = MF(1300, 1500),
	[MEDIA_TONE_MF_KP] = TONE(PAIR(1100, 1700, -7, 100, 68, 1)),
	[MEDIA_TONE_MF_ST] = MF(1500, 1700),
	[MEDIA_TONE_MF_ST1] = MF(900, 1700),  // ST', ST'' and ST''' of operator signalling
	[MEDIA_TONE_MF_ST2] = MF(1300, 1700),
	[MEDIA_TONE_MF_ST3] = MF(700, 1700),
};
static const char *const tone_names[MEDIA_TONE_COUNT] = { "NONE", MEDIA_TONES(X_TEXT) };

const struct tone *media_tone(uint8_t tone)
{
	return tone > MEDIA_TONE_NONE && tone < MEDIA_TONE_COUNT ? &tones[tone] : NULL;
}

const char *media_tone_name(uint8_t tone)
{
	return tone_names[tone < MEDIA_TONE_COUNT ? tone : MEDIA_TONE_NONE];
}
