// A session driven by octets: what legs agree on, what is played, keys, and datagrams from friends and strangers, in
// any order. Whatever happens, nothing goes to a host that signalling did not name, and nothing of a stranger goes
// anywhere.
#include "wire/rtp/session.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t *in;
static size_t left;

static uint8_t octet(void)
{
	if (!left) return 0;
	left--;
	return *in++;
}

// Hosts 1 and 2 are the sides', 3 and 4 their signalling; 9 is a stranger.
static struct addr host(uint8_t number, uint8_t port)
{
	return (struct addr){ .family = 4, .ip = { 192, 0, 2, number }, .port = (uint16_t)(port ? 4000 + port % 4 : 0) };
}

static const struct tone tones[2] = {
	{ .count = 1, .parts = { { { 3500, 4400 }, -13, TONE_STEADY, 0, 0 } } },
	{ .count = 2, .parts = { { { 9138 }, -24, 33, 1, 1 }, { { 13706 }, -24, 7, 0, 2 } } },
};

static void remote(struct rtp_session *s, uint64_t now)
{
	uint8_t side = octet() & 1, stream = octet() % RTP_STREAMS_MAX, bits = octet();
	struct rtp_remote r = { .form = bits & 3, .send = !(bits & 4), .receive = !(bits & 8), .law = octet() % 5,
		                    .event_pt_in = octet(), .event_pt_out = octet(), .clock_hz = octet() * 400u };
	if (bits & 16) r.rtp = host((uint8_t)(1 + side), octet()), r.rtcp = r.rtp;
	if (bits & 32) r.signalling = host((uint8_t)(3 + side), 1);
	rtp_session_remote(s, side, stream, &r, now);
}

static void keys(struct rtp_session *s)
{
	uint8_t side = octet() & 1, stream = octet() % RTP_STREAMS_MAX;
	struct srtp_keys k = { .suite = octet() % SRTP_SUITE_COUNT, .in = { octet() & 1 }, .out = { octet() & 1 } };
	rtp_session_keys(s, side, stream, &k);
}

static void map(struct rtp_session *s)
{
	static const uint8_t laws[] = { RTP_LAW_MU, RTP_LAW_A, RTP_LAW_G722 };
	uint8_t side = octet() & 1, stream = octet() % RTP_STREAMS_MAX;
	struct rtp_map m = { .count = octet() % (RTP_MAP_MAX + 1) };
	for (uint32_t i = 0; i < m.count; i++)
		m.pairs[i].from = octet() & 127, m.pairs[i].to = octet() & 127, m.pairs[i].law_from = laws[octet() % 3],
		m.pairs[i].law_to = laws[octet() % 3];
	rtp_session_map(s, side, stream, &m);
}

static void check(const struct rtp_session *s, const struct rtp_departure *out)
{
	if (out->side > 1 || out->stream >= RTP_STREAMS_MAX || out->n == 0 || out->n > RTP_PACKET_MAX + SRTP_GROWTH_MAX) abort();
	uint8_t number = out->to.ip[3];
	if (number != 1 + out->side && number != 3 + out->side) abort();
	const struct rtp_end *end = out->stream ? &s->more->ends[out->side][out->stream - 1] : &s->sides[out->side].first;
	if (!end->remote.form) abort();
}

static void datagram(struct rtp_session *s, uint64_t now)
{
	uint8_t number = octet(), n = octet();
	struct rtp_arrival a = { .side = octet() & 1, .stream = octet() % RTP_STREAMS_MAX, .control = octet() & 1,
		                     .from = host(number, octet()), .now_us = now };
	struct rtp_departure out;
	struct rtp_news news;
	a.n = n < left ? n : (uint32_t)left;
	a.data = malloc(a.n + SRTP_GROWTH_MAX);
	if (!a.data) return;
	memcpy(a.data, in, a.n);
	in += a.n, left -= a.n;
	bool sent = rtp_session_input(s, &a, &out, &news);
	if (sent) check(s, &out);
	if (sent && number != 1 + a.side && number != 3 + a.side) abort();
	free(a.data);
}

static void tick(struct rtp_session *s, uint64_t now)
{
	uint8_t side = octet() & 1, frame[RTP_FRAME];
	struct rtp_departure out;
	struct rtp_news news;
	if (rtp_session_tick(s, side, now, frame, &out, &news)) check(s, &out);
	rtp_session_look(s, side, now, &news);
	if (rtp_session_report(s, side, false, now, frame, &out)) check(s, &out);
}

static void step(struct rtp_session *s, uint64_t now)
{
	uint8_t what = octet(), side = octet() & 1;
	struct sound sound = { .tone = &tones[what >> 7], .times = octet() & 3 };
	struct rtp_leg_stats stats;
	enum err e = OK;
	switch (what & 15) {
	case 0: remote(s, now); break;
	case 1: map(s); break;
	case 2: e = rtp_session_play(s, side, &sound, what & 16); break;
	case 3: rtp_session_stop(s, side); break;
	case 4: e = rtp_session_key(s, side, (char)octet(), octet()); break;
	case 5: rtp_session_watch(s, octet() & 7, now); break;
	case 6: s->sides[side].collect = octet() & 1; break;
	case 7: rtp_session_stats(s, side, &stats); break;
	case 8:
	case 9: tick(s, now); break;
	case 10: keys(s); break;
	default: datagram(s, now); break;
	}
	if (e != OK && e != ERR_FULL && e != ERR_BAD) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rtp_session session;
	static struct rtp_more more;
	uint64_t now = 1000000;
	in = data;
	left = size < 65536 ? size : 65536;
	rtp_session_init(&session, &more, 1);
	while (left) {
		now += octet() * 20000ull;
		step(&session, now);
	}
	rtp_session_fini(&session);
	return 0;
}
