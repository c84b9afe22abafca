// Numbering.
#include "wire/rtp/flow.h"

#define FRAME_MS 20
#define LATE_MAX 100 // packets; a step further back is a source that begins anew

uint32_t flow_ts(const struct flow *f, uint32_t clock_hz, uint64_t now_us)
{
	return f->ts + (uint32_t)((now_us - f->sent_us) / 1000 * clock_hz / 1000);
}

// The timestamp of what is sent now after something else: at least a frame later.
static uint32_t ts_next(const struct flow *f, uint32_t clock_hz, uint64_t now_us)
{
	uint64_t soonest_us = f->sent_us + FRAME_MS * 1000;
	return flow_ts(f, clock_hz, now_us < soonest_us ? soonest_us : now_us);
}

static void join_on(struct flow *f, struct rtp_packet *p, uint32_t clock_hz, uint64_t now_us)
{
	f->seq_shift = (uint16_t)(f->seq + 1 - p->seq);
	f->ts_shift = ts_next(f, clock_hz, now_us) - p->ts;
	f->in_ssrc = p->ssrc;
	f->first_seq = (uint16_t)(f->seq + 1);
	f->young = true;
	f->splice = false;
	p->marker = true;
}

bool flow_relay(struct flow *f, struct rtp_packet *p, uint32_t clock_hz, uint64_t now_us)
{
	if (!f->begun)
		*f = (struct flow){ .begun = true, .ssrc = p->ssrc, .in_ssrc = p->ssrc, .seq = (uint16_t)(p->seq - 1) };
	else if (f->splice || p->ssrc != f->in_ssrc) join_on(f, p, clock_hz, now_us);
	p->seq = (uint16_t)(p->seq + f->seq_shift);
	p->ts += f->ts_shift;
	p->ssrc = f->ssrc;
	int16_t ahead = (int16_t)(p->seq - f->seq);
	if (f->young && (uint16_t)(f->first_seq - 1 - p->seq) < LATE_MAX) return false;
	if (ahead > 0 || ahead < -LATE_MAX) {
		f->seq = p->seq;
		f->ts = p->ts;
		f->sent_us = now_us;
		if ((uint16_t)(f->seq - f->first_seq) > LATE_MAX) f->young = false;
	}
	return true;
}

void flow_own(struct flow *f, struct rtp_packet *p, bool first, bool same_ts, const struct flow_fresh *fresh,
              uint32_t clock_hz, uint64_t now_us)
{
	if (!f->begun) {
		*f = (struct flow){ .begun = true, .ssrc = fresh->ssrc, .seq = fresh->seq, .ts = fresh->ts };
	} else if (!same_ts) {
		f->ts = first ? ts_next(f, clock_hz, now_us) : f->ts + FRAME_MS * clock_hz / 1000;
	}
	f->seq++;
	if (!same_ts) f->sent_us = now_us; // when the moment was that the timestamp names
	f->splice = true; // whoever is relayed next joins on
	p->seq = f->seq;
	p->ts = f->ts;
	p->ssrc = f->ssrc;
}
