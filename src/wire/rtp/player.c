// The player.
#include "wire/rtp/player.h"

#include "wire/rtp/g711.h"

#include <string.h>

enum { STAGE_TONE, STAGE_RECORDING, STAGE_PAUSE };

static void begin_sound(struct player *p)
{
	p->stage = STAGE_TONE;
	p->at = 0;
	p->tone = (struct tone_play){ .tone = p->queue[0].tone };
}

void player_stop(struct player *p)
{
	p->count = 0;
	p->done = 0;
}

enum err player_add(struct player *p, const struct sound *sound, bool after)
{
	bool tone = sound->tone && sound->tone->count;
	if (!tone && !sound->recording_n) return ERR_BAD;
	if (!after) player_stop(p);
	if (p->count == PLAYER_QUEUE) return ERR_FULL;
	p->queue[p->count++] = *sound;
	if (p->count == 1) begin_sound(p);
	return OK;
}

static void next_sound(struct player *p)
{
	p->done = 0;
	p->count--;
	memmove(p->queue, p->queue + 1, p->count * sizeof p->queue[0]);
	if (p->count) begin_sound(p);
}

// The end of one time through: once more, or the next.
static void end_round(struct player *p)
{
	uint8_t times = p->queue[0].times;
	if (times && ++p->done >= times) next_sound(p);
	else begin_sound(p);
}

static uint32_t fill_recording(struct player *p, int16_t *out, uint32_t n)
{
	const struct sound *s = &p->queue[0];
	uint32_t left = s->recording_n - p->at;
	if (n > left) n = left;
	for (uint32_t i = 0; i < n; i++) out[i] = g711_mu_decode(s->recording[p->at + i]);
	p->at += n;
	return n;
}

static uint32_t fill_pause(struct player *p, int16_t *out, uint32_t n)
{
	const struct sound *s = &p->queue[0];
	bool last = s->times && p->done + 1 >= s->times;
	uint32_t left = s->recording_n && !last ? PLAYER_PAUSE_MS * (TONE_RATE_HZ / 1000) - p->at : 0;
	if (n > left) n = left;
	memset(out, 0, n * sizeof *out);
	p->at += n;
	return n;
}

// Fills from the present stage; fewer than n when it ends.
static uint32_t fill_stage(struct player *p, int16_t *out, uint32_t n)
{
	switch (p->stage) {
	case STAGE_TONE: return p->tone.tone ? tone_fill(&p->tone, out, n) : 0;
	case STAGE_RECORDING: return fill_recording(p, out, n);
	default: return fill_pause(p, out, n);
	}
}

bool player_frame(struct player *p, int16_t out[PLAYER_FRAME])
{
	uint32_t made = 0;
	if (!player_busy(p)) return false;
	while (made < PLAYER_FRAME && player_busy(p)) {
		made += fill_stage(p, out + made, PLAYER_FRAME - made);
		if (made == PLAYER_FRAME) break;
		p->at = 0;
		if (p->stage == STAGE_PAUSE) end_round(p);
		else p->stage++;
	}
	memset(out + made, 0, (PLAYER_FRAME - made) * sizeof *out);
	return true;
}
