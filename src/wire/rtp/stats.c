// Statistics of a received stream.
#include "wire/rtp/stats.h"

#define MAX_DROPOUT 3000 // A.1: a gap up to this is loss,
#define MAX_MISORDER 100 // a step back up to this is disorder; all else is a new beginning

static uint32_t expected_now(const struct rtp_stats *s)
{
	return s->begun ? s->cycles + s->max_seq - s->base_seq + 1 : 0;
}

static void begin(struct rtp_stats *s, uint16_t seq, uint32_t ssrc)
{
	s->expected_before += expected_now(s);
	s->begun = true;
	s->ssrc = ssrc;
	s->base_seq = s->max_seq = seq;
	s->cycles = 0;
	s->bad_seq = UINT32_MAX;
	s->transit = 0;
}

// A.1 update_seq, without the probation at the start: the source has proved itself by its address. True when the packet
// belongs to the run.
static bool follow(struct rtp_stats *s, uint16_t seq, uint32_t ssrc)
{
	uint16_t ahead = (uint16_t)(seq - s->max_seq);
	if (!s->begun || ssrc != s->ssrc) {
		begin(s, seq, ssrc);
		return true;
	}
	if (ahead < MAX_DROPOUT) {
		if (seq < s->max_seq) s->cycles += 0x10000;
		s->max_seq = seq;
	} else if (ahead <= 0x10000 - MAX_MISORDER) { // a jump: believed when the next packet follows it
		if (seq != s->bad_seq) {
			s->bad_seq = (seq + 1u) & 0xffff;
			return false;
		}
		s->expected_before++; // the packet that announced it
		begin(s, seq, ssrc);
	}
	return true;
}

// A.8: D is the change of transit time between neighbours; jitter follows |D| by a sixteenth.
static void add_jitter(struct rtp_stats *s, uint32_t ts, uint32_t clock_hz, uint64_t now_us)
{
	uint32_t arrival = (uint32_t)(now_us / 1000000 * clock_hz + now_us % 1000000 * clock_hz / 1000000);
	uint32_t transit = arrival - ts;
	if (s->transit) {
		int32_t d = (int32_t)(transit - s->transit);
		uint32_t distance = d < 0 ? -(uint32_t)d : (uint32_t)d;
		if (distance < clock_hz * 10) s->jitter += distance - ((s->jitter + 8) >> 4); // more is a new time line
	}
	s->transit = transit;
}

void rtp_stats_add(struct rtp_stats *s, uint16_t seq, uint32_t ts, uint32_t ssrc, uint32_t clock_hz, uint64_t now_us)
{
	s->received++;
	if (follow(s, seq, ssrc) && clock_hz) add_jitter(s, ts, clock_hz, now_us);
}

uint32_t rtp_stats_lost(const struct rtp_stats *s)
{
	uint32_t expected = s->expected_before + expected_now(s);
	return expected > s->received ? expected - s->received : 0;
}

uint32_t rtp_stats_jitter_us(const struct rtp_stats *s, uint32_t clock_hz)
{
	return clock_hz ? (uint32_t)((uint64_t)(s->jitter >> 4) * 1000000 / clock_hz) : 0;
}
