// What is to be heard on one side: a queue of sounds, made 20 ms at a time.
//
//     sound = [tone] [recording], `times` over, with a second of silence in between where there is a recording
#pragma once

#include "wire/rtp/tone.h"

#define PLAYER_FRAME 160 // samples: 20 ms
#define PLAYER_QUEUE 4
#define PLAYER_PAUSE_MS 1000

struct sound {
	const struct tone *tone;      // static; NULL: none
	const uint8_t *recording;     // static; mu-law, 8 kHz
	uint32_t recording_n;         // octets
	uint8_t times;                // 0: for ever (an endless tone plays for ever anyway)
};

struct player {
	struct sound queue[PLAYER_QUEUE]; // the first plays
	uint8_t count, done, stage;       // stage: tone, recording, pause
	uint32_t at;                      // sample of the recording or the pause
	struct tone_play tone;
};

// Plays it now, in place of all, or after what is there. ERR_FULL: too many wait. ERR_BAD: there is nothing to hear.
MUST_CHECK enum err player_add(struct player *p, const struct sound *sound, bool after);
void player_stop(struct player *p);
static inline bool player_busy(const struct player *p)
{
	return p->count > 0;
}
// The next 20 ms; what is left after the last sound is silence. False when there was nothing to play.
bool player_frame(struct player *p, int16_t out[PLAYER_FRAME]);
