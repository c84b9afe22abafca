// The session.
#include "wire/rtp/session.h"

#include "base/count.h"
#include "wire/rtp/g711.h"
#include "wire/rtp/rtcp.h"

#include <assert.h>

static_assert(RTCP_OWN_MAX + SRTP_GROWTH_MAX <= RTP_FRAME, "a report of ours fits where a packet of ours does");

COUNTER(rtp_rx_malformed, "Datagrams on a media port that are not what belongs there");
COUNTER(rtp_rx_stranger, "Media packets from an address that is not the other end's: dropped");
COUNTER(srtp_rx_forged, "SRTP and SRTCP packets whose tag is not the other end's: dropped");
COUNTER(srtp_rx_replayed, "SRTP and SRTCP packets that came before, or too late to know: dropped");
COUNTER(srtp_tx_unsealed, "Packets that could not be encrypted, and were not sent");
COUNTER(rtp_rx_unmapped, "RTP packets of a payload type that the other leg did not agree to: dropped");

static void end_init(struct rtp_end *end)
{
	*end = (struct rtp_end){ .remote = { .event_pt_out = RTP_PT_NONE, .event_pt_in = RTP_PT_NONE } };
}

void rtp_session_init(struct rtp_session *s, struct rtp_more *more, uint64_t seed)
{
	*s = (struct rtp_session){ .streams = 1, .more = more };
	random_seed(&s->random, seed);
	s->name = random_u64(&s->random);
	for (uint32_t side = 0; side < 2; side++) {
		s->sides[side].voice = RTP_STREAMS_MAX;
		end_init(&s->sides[side].first);
	}
}

void rtp_session_fini(struct rtp_session *s)
{
	for (uint32_t side = 0; side < 2; side++)
		for (uint32_t i = 0; i < s->streams; i++) {
			struct rtp_end *end = i ? &s->more->ends[side][i - 1] : &s->sides[side].first;
			end->secret = srtp_pair_free(end->secret);
			end->wide = wide_free(end->wide);
		}
}

// One stream of a side, of those that were spoken of.
static struct rtp_end *end_at(struct rtp_session *s, uint32_t side, uint32_t stream)
{
	return stream ? &s->more->ends[side][stream - 1] : &s->sides[side].first;
}

// The same, of any stream: now it is spoken of.
static struct rtp_end *end_made(struct rtp_session *s, uint32_t side, uint32_t stream)
{
	for (; s->streams <= stream; s->streams++)
		for (uint32_t each = 0; each < 2; each++) end_init(end_at(s, each, s->streams));
	return end_at(s, side, stream);
}

// The stream that carries the voice of a side; NULL: none does.
static struct rtp_end *voice_of(struct rtp_session *s, uint32_t side)
{
	uint8_t voice = s->sides[side].voice;
	return voice < RTP_STREAMS_MAX ? end_at(s, side, voice) : NULL;
}

static void find_voice(struct rtp_session *s, uint32_t side)
{
	uint8_t i = 0;
	while (i < s->streams && end_at(s, side, i)->remote.form != RTP_FORM_AUDIO) i++;
	s->sides[side].voice = i < s->streams ? i : RTP_STREAMS_MAX;
}

void rtp_session_keys(struct rtp_session *s, uint32_t side, uint32_t stream, const struct srtp_keys *keys)
{
	srtp_pair_set(&end_made(s, side, stream)->secret, keys);
}

void rtp_session_remote(struct rtp_session *s, uint32_t side, uint32_t stream, const struct rtp_remote *r,
                        uint64_t now_us)
{
	struct rtp_side *me = &s->sides[side];
	struct rtp_end *end = end_made(s, side, stream);
	end->remote = *r;
	if (r->form == RTP_FORM_NONE) {
		end->rtp = end->rtcp = (struct latch){ 0 };
		end->map.count = 0;
		end->secret = srtp_pair_free(end->secret);
		end->wide = wide_free(end->wide);
	} else {
		latch_open(&end->rtp, &r->rtp, &r->signalling);
		latch_open(&end->rtcp, &r->rtcp, &r->signalling);
	}
	find_voice(s, side);
	me->quiet_us = now_us;
}

void rtp_session_map(struct rtp_session *s, uint32_t side, uint32_t stream, const struct rtp_map *map)
{
	end_made(s, side, stream)->map = *map;
}

enum err rtp_session_play(struct rtp_session *s, uint32_t side, const struct sound *sound, bool after)
{
	return player_add(&s->sides[side].player, sound, after);
}

void rtp_session_stop(struct rtp_session *s, uint32_t side)
{
	player_stop(&s->sides[side].player);
	if (!rtp_session_busy(s, side)) s->sides[side].own_run = false;
}

enum err rtp_session_key(struct rtp_session *s, uint32_t side, char digit, uint16_t ms)
{
	return event_tx_add(&s->sides[side].keys, digit, ms);
}

bool rtp_session_busy(const struct rtp_session *s, uint32_t side)
{
	const struct rtp_side *me = &s->sides[side];
	return player_busy(&me->player) || event_tx_busy(&me->keys) || me->key_play.tone;
}

// The stream of the other side that a packet goes to, if it may go: there is someone, and he listens.
static struct rtp_end *way_to(struct rtp_session *s, uint32_t side, uint32_t stream)
{
	struct rtp_end *end = end_at(s, side, stream);
	return end->remote.form != RTP_FORM_NONE ? end : NULL;
}

// What goes out encrypted. Where the numbers go back too far (a source that began anew) what comes next joins on to what
// was sent.
static bool seal(struct rtp_end *end, struct rtp_departure *out)
{
	enum err e = srtp_pair_seal(end->secret, out->control, out->data, &out->n);
	if (e == OK) return true;
	COUNT(srtp_tx_unsealed);
	if (e == ERR_BAD && end->flow.begun) {
		end->flow.seq = srtp_pair_seq(end->secret);
		end->flow.splice = true;
	}
	return false;
}

static bool depart(struct rtp_end *end, const struct latch *latch, struct rtp_departure *out)
{
	const struct addr *to = latch_to(latch);
	uint32_t n = out->n;
	if (!to || !to->port || (end->secret && !seal(end, out))) return false;
	out->to = *to;
	if (!out->control) {
		end->tx_packets++;
		end->tx_bytes += n;
	}
	return true;
}

static void encode(uint8_t *out, const int16_t *samples, uint32_t n, uint8_t law)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = law == RTP_LAW_A ? g711_a_encode(samples[i]) : g711_mu_encode(samples[i]);
}

// All three codecs have an octet for each eighth of a millisecond. False: no memory.
static bool convert(struct rtp_end *to, struct rtp_packet *p, uint8_t law_from, uint8_t law_to)
{
	int16_t samples[RTP_PACKET_MAX];
	if (law_from == law_to) return true;
	if (law_from == RTP_LAW_G722) {
		if (!wide_decode(&to->wide, samples, p->payload, p->payload_n)) return false;
	} else {
		for (uint32_t i = 0; i < p->payload_n; i++)
			samples[i] = law_from == RTP_LAW_A ? g711_a_decode(p->payload[i]) : g711_mu_decode(p->payload[i]);
	}
	if (law_to == RTP_LAW_G722) return wide_encode(&to->wide, p->payload, samples, p->payload_n);
	encode(p->payload, samples, p->payload_n, law_to);
	return true;
}

static bool map_type(struct rtp_end *to, struct rtp_packet *p)
{
	const struct rtp_map *map = &to->map;
	if (!map->count) return true;
	for (uint32_t i = 0; i < map->count; i++) {
		if (map->pairs[i].from != p->pt) continue;
		p->pt = map->pairs[i].to;
		return convert(to, p, map->pairs[i].law_from, map->pairs[i].law_to);
	}
	COUNT(rtp_rx_unmapped);
	return false;
}

// A key of the telephone on this side. Where the other side knows no telephone-event it is sounded to it instead.
static void take_key(struct rtp_session *s, uint32_t side, struct rtp_end *end, const struct rtp_packet *p,
                     struct rtp_news *news)
{
	char digit;
	if (!event_rx_take(&end->keys, p->payload, p->payload_n, p->ts, &digit)) return;
	if (s->sides[side].collect)
		*news = (struct rtp_news){ .kind = RTP_NEWS_KEY, .side = (uint8_t)side, .digit = digit };
	const struct rtp_end *other = voice_of(s, !side);
	bool sounded = other && other->remote.law && other->remote.event_pt_out == RTP_PT_NONE;
	if (sounded && event_tx_add(&s->sides[!side].keys, digit, 0) != OK) return; // he types faster than it can be heard
}

static bool relay_rtp(struct rtp_session *s, const struct rtp_arrival *in, struct rtp_packet *p,
                      struct rtp_departure *out)
{
	uint32_t to = !in->side;
	struct rtp_end *end = way_to(s, to, in->stream);
	if (!end || !end->remote.send) return false;
	if (end->remote.form == RTP_FORM_AUDIO) {
		if (in->stream == s->sides[to].voice && rtp_session_busy(s, to)) return false;
		if (!map_type(end, p) || !flow_relay(&end->flow, p, end->remote.clock_hz, in->now_us)) return false;
		rtp_patch(in->data, p);
		s->sides[to].own_run = false;
	}
	*out = (struct rtp_departure){ .side = (uint8_t)to, .stream = in->stream, .data = in->data, .n = in->n };
	return depart(end, &end->rtp, out);
}

// A sign of life.
static void hear(struct rtp_session *s, const struct rtp_arrival *in)
{
	s->sides[in->side].heard = true;
	s->sides[in->side].quiet_us = in->now_us;
}

static bool input_rtp(struct rtp_session *s, const struct rtp_arrival *in, struct rtp_end *end,
                      struct rtp_departure *out, struct rtp_news *news)
{
	struct rtp_packet p;
	if (rtp_parse(&p, in->data, in->n) != OK) {
		COUNT(rtp_rx_malformed);
		end->refused++;
		return false;
	}
	if (!latch_accept(&end->rtp, &in->from, &p.ssrc, in->now_us)) {
		COUNT(rtp_rx_stranger);
		end->refused++;
		return false;
	}
	hear(s, in);
	if (!end->remote.receive) return false;
	bool key = p.pt == end->remote.event_pt_in && end->remote.form == RTP_FORM_AUDIO;
	if (end->stats.ssrc != p.ssrc) end->keys = (struct event_rx){ 0 };
	// A key's packets share one timestamp: they would count as jitter.
	rtp_stats_add(&end->stats, p.seq, p.ts, p.ssrc, key ? 0 : end->remote.clock_hz, in->now_us);
	end->rx_bytes += in->n;
	if (key) take_key(s, in->side, end, &p, news);
	return relay_rtp(s, in, &p, out);
}

static bool input_raw(struct rtp_session *s, const struct rtp_arrival *in, struct rtp_end *end,
                      struct rtp_departure *out)
{
	struct rtp_end *other = way_to(s, !in->side, in->stream);
	if (in->control || !latch_accept(&end->rtp, &in->from, NULL, in->now_us)) {
		COUNT(rtp_rx_stranger);
		end->refused++;
		return false;
	}
	hear(s, in);
	end->stats.received++;
	end->rx_bytes += in->n;
	if (!end->remote.receive || !other || !other->remote.send) return false;
	*out = (struct rtp_departure){ .side = !in->side, .stream = in->stream, .data = in->data, .n = in->n };
	return depart(other, &other->rtp, out);
}

// What the other end says of our packets, for the record.
static void note_reports(struct rtp_end *end, const struct rtp_arrival *in)
{
	struct rtcp_item item;
	struct rtcp_report report;
	for (uint32_t at = 0; rtcp_next(&item, in->data, in->n, &at);)
		for (uint32_t i = 0; rtcp_report(&report, &item, i); i++) {
			if (end->flow.begun && report.ssrc != end->flow.ssrc) continue;
			end->far_lost = report.lost;
			end->far_jitter = report.jitter;
		}
}

// Undoes in RTCP what the numbering of the voice did to RTP: of the sender's own stream, and of the one that it hears.
static void renumber(const struct rtp_arrival *in, const struct rtp_end *from, const struct rtp_end *to)
{
	const struct flow *said = &to->flow, *heard = &from->flow;
	struct rtcp_change c = { .said = said->begun && said->in_ssrc,
		                     .said_from = said->in_ssrc,
		                     .said_to = said->ssrc,
		                     .said_ts = said->ts_shift,
		                     .heard = heard->begun && heard->in_ssrc,
		                     .heard_from = heard->ssrc,
		                     .heard_to = heard->in_ssrc,
		                     .heard_seq = heard->seq_shift };
	rtcp_change(in->data, in->n, &c);
}

static bool input_rtcp(struct rtp_session *s, const struct rtp_arrival *in, struct rtp_end *end,
                       struct rtp_departure *out)
{
	uint32_t ssrc;
	if (rtcp_check(in->data, in->n) != OK) {
		COUNT(rtp_rx_malformed);
		end->refused++;
		return false;
	}
	bool known = rtcp_sender(&ssrc, in->data, in->n);
	if (!latch_accept(&end->rtcp, &in->from, known ? &ssrc : NULL, in->now_us)) {
		COUNT(rtp_rx_stranger);
		end->refused++;
		return false;
	}
	hear(s, in);
	note_reports(end, in);
	struct rtp_end *other = way_to(s, !in->side, in->stream);
	if (!other) return false;
	if (other->remote.form == RTP_FORM_AUDIO) renumber(in, end, other);
	*out = (struct rtp_departure){
		.side = !in->side, .stream = in->stream, .control = true, .data = in->data, .n = in->n
	};
	return depart(other, &other->rtcp, out);
}

// Before anything is learnt of a packet its tag has proved whose it is.
static bool unseal(struct rtp_end *end, struct rtp_arrival *in)
{
	enum srtp_opened opened = srtp_pair_open(end->secret, in->control, in->data, &in->n);
	if (opened == SRTP_OPENED) return true;
	if (opened == SRTP_REPLAYED) COUNT(srtp_rx_replayed);
	else COUNT(srtp_rx_forged);
	end->refused++;
	return false;
}

bool rtp_session_input(struct rtp_session *s, const struct rtp_arrival *in, struct rtp_departure *out,
                       struct rtp_news *news)
{
	*news = (struct rtp_news){ 0 };
	struct rtp_end *end = end_made(s, in->side, in->stream);
	if (in->n == 0 || in->n > RTP_PACKET_MAX || end->remote.form == RTP_FORM_NONE) {
		COUNT(rtp_rx_stranger);
		end->refused++;
		return false;
	}
	if (end->remote.form == RTP_FORM_RAW) return input_raw(s, in, end, out);
	struct rtp_arrival opened = *in;
	if (end->secret && !unseal(end, &opened)) return false;
	return in->control ? input_rtcp(s, &opened, end, out) : input_rtp(s, &opened, end, out, news);
}

// --- what we send ourselves

static bool send_own(struct rtp_session *s, uint32_t side, struct rtp_packet *p, bool same_ts, uint64_t now_us,
                     uint8_t *frame, struct rtp_departure *out)
{
	struct rtp_side *me = &s->sides[side];
	struct rtp_end *end = voice_of(s, side);
	struct flow_fresh fresh = { 0 };
	if (!end->flow.begun) {
		fresh = (struct flow_fresh){ .ssrc = random_u32(&s->random) | 1, .ts = random_u32(&s->random),
			                         .seq = (uint16_t)random_u32(&s->random) };
		me->reported_us = now_us - RTP_REPORT_US / 2;
	}
	if (!end->remote.send) {
		me->own_run = false; // it is on hold: what plays goes on unheard
		return false;
	}
	p->marker = !me->own_run;
	flow_own(&end->flow, p, !me->own_run, same_ts, &fresh, end->remote.clock_hz, now_us);
	me->own_run = true;
	rtp_write(frame, p);
	*out = (struct rtp_departure){ .side = (uint8_t)side, .stream = me->voice, .data = frame,
		                           .n = RTP_HEADER + p->payload_n };
	return depart(end, &end->rtp, out);
}

static bool send_samples(struct rtp_session *s, uint32_t side, const int16_t *samples, uint64_t now_us, uint8_t *frame,
                         struct rtp_departure *out)
{
	struct rtp_end *end = voice_of(s, side);
	uint8_t law = end->remote.law;
	struct rtp_packet p = { .pt = end->remote.law_pt, .payload = frame + RTP_HEADER, .payload_n = PLAYER_FRAME };
	if (law != RTP_LAW_G722) encode(p.payload, samples, PLAYER_FRAME, law);
	else if (!wide_encode(&end->wide, p.payload, samples, PLAYER_FRAME)) return false;
	return send_own(s, side, &p, false, now_us, frame, out);
}

static bool send_event(struct rtp_session *s, uint32_t side, uint64_t now_us, uint8_t *frame,
                       struct rtp_departure *out)
{
	struct rtp_side *me = &s->sides[side];
	struct rtp_packet p = { .pt = voice_of(s, side)->remote.event_pt_out, .payload = frame + RTP_HEADER,
		                    .payload_n = EVENT_OCTETS };
	enum event_step step = event_tx_next(&me->keys, p.payload);
	if (step != EVENT_MORE) me->own_run = false; // the next packet is of a moment of its own, with the marker bit
	if (step == EVENT_GAP || step == EVENT_IDLE) return false;
	return send_own(s, side, &p, step == EVENT_MORE, now_us, frame, out);
}

// Begins the next key as sound, if one waits (Q.23; -7 dBm0 each).
static void sound_key(struct rtp_side *me)
{
	char digit;
	uint16_t ms, hz[2];
	if (!event_tx_take(&me->keys, &digit, &ms) || tone_dtmf(hz, digit) != OK) return;
	struct tone_part part = { .tenth_hz = { (uint16_t)(hz[0] * 10), (uint16_t)(hz[1] * 10) }, .dbm0 = -7, .on_ms = ms,
		                      .off_ms = EVENT_GAP_MS, .times = 1 };
	me->key = (struct tone){ .parts = { part }, .count = 1 };
	me->key_play = (struct tone_play){ .tone = &me->key };
}

static bool send_key_sound(struct rtp_session *s, uint32_t side, uint64_t now_us, uint8_t *frame,
                           struct rtp_departure *out)
{
	struct rtp_side *me = &s->sides[side];
	int16_t samples[PLAYER_FRAME] = { 0 };
	if (tone_fill(&me->key_play, samples, PLAYER_FRAME) < PLAYER_FRAME) me->key_play.tone = NULL;
	return send_samples(s, side, samples, now_us, frame, out);
}

static bool send_played(struct rtp_session *s, uint32_t side, uint64_t now_us, uint8_t *frame,
                        struct rtp_departure *out, struct rtp_news *news)
{
	struct rtp_side *me = &s->sides[side];
	int16_t samples[PLAYER_FRAME];
	bool sent = player_frame(&me->player, samples) && send_samples(s, side, samples, now_us, frame, out);
	if (!player_busy(&me->player)) *news = (struct rtp_news){ .kind = RTP_NEWS_PLAYED, .side = (uint8_t)side };
	return sent;
}

// It cannot hear us: all that waits is as good as played.
static void give_up(struct rtp_side *me, uint32_t side, struct rtp_news *news)
{
	if (player_busy(&me->player)) *news = (struct rtp_news){ .kind = RTP_NEWS_PLAYED, .side = (uint8_t)side };
	player_stop(&me->player);
	me->keys = (struct event_tx){ 0 };
	me->key_play.tone = NULL;
}

static bool send_next(struct rtp_session *s, uint32_t side, uint64_t now_us, uint8_t *frame, struct rtp_departure *out,
                      struct rtp_news *news)
{
	struct rtp_side *me = &s->sides[side];
	const struct rtp_end *end = voice_of(s, side);
	bool events = end && end->remote.event_pt_out != RTP_PT_NONE;
	if (events && event_tx_busy(&me->keys)) return send_event(s, side, now_us, frame, out);
	if (!end || !end->remote.law) {
		give_up(me, side, news);
		return false;
	}
	if (!me->key_play.tone) sound_key(me);
	if (me->key_play.tone) return send_key_sound(s, side, now_us, frame, out);
	return player_busy(&me->player) && send_played(s, side, now_us, frame, out, news);
}

bool rtp_session_tick(struct rtp_session *s, uint32_t side, uint64_t now_us, uint8_t frame[RTP_FRAME],
                      struct rtp_departure *out, struct rtp_news *news)
{
	*news = (struct rtp_news){ 0 };
	if (!rtp_session_busy(s, side)) return false;
	bool sent = send_next(s, side, now_us, frame, out, news);
	if (!rtp_session_busy(s, side)) s->sides[side].own_run = false;
	return sent;
}

bool rtp_session_report(struct rtp_session *s, uint32_t side, bool last, uint64_t now_us, uint8_t frame[RTP_FRAME],
                        struct rtp_departure *out)
{
	struct rtp_side *me = &s->sides[side];
	struct rtp_end *end = voice_of(s, side);
	bool ours = end && end->flow.begun && !end->flow.in_ssrc;
	bool due = last || (me->own_run && now_us - me->reported_us >= RTP_REPORT_US);
	if (!ours || !due) return false;
	me->reported_us = now_us;
	const struct rtcp_own own = { .ssrc = end->flow.ssrc,
		                          .ts = flow_ts(&end->flow, end->remote.clock_hz, now_us),
		                          .packets = end->tx_packets,
		                          .octets = (uint32_t)(end->tx_bytes - (uint64_t)end->tx_packets * RTP_HEADER),
		                          .now_us = now_us,
		                          .name = s->name,
		                          .bye = last };
	*out = (struct rtp_departure){ .side = (uint8_t)side, .stream = me->voice, .control = true, .data = frame,
		                           .n = rtcp_write_own(frame, &own) };
	return depart(end, &end->rtcp, out);
}

void rtp_session_watch(struct rtp_session *s, uint16_t silent_s, uint64_t now_us)
{
	s->silent_s = silent_s;
	for (uint32_t side = 0; side < 2; side++) s->sides[side].quiet_us = now_us;
}

static bool is_quiet(const struct rtp_session *s, uint32_t side, uint64_t now_us)
{
	return now_us - s->sides[side].quiet_us >= s->silent_s * 1000000ull;
}

void rtp_session_look(struct rtp_session *s, uint32_t side, uint64_t now_us, struct rtp_news *news)
{
	struct rtp_side *me = &s->sides[side];
	bool talks = false;
	*news = (struct rtp_news){ 0 };
	for (uint32_t i = 0; i < s->streams; i++) {
		const struct rtp_remote *r = &end_at(s, side, i)->remote;
		talks |= r->form && r->send && r->receive;
	}
	if (!s->silent_s || !talks || !is_quiet(s, side, now_us)) return;
	if (!me->heard && !is_quiet(s, !side, now_us)) return;
	me->quiet_us = now_us;
	*news = (struct rtp_news){ .kind = RTP_NEWS_SILENT, .side = (uint8_t)side, .silent_s = s->silent_s };
}

void rtp_session_stats(struct rtp_session *s, uint32_t side, struct rtp_leg_stats *out)
{
	const struct rtp_end *voice = voice_of(s, side), *end = voice ? voice : &s->sides[side].first;
	uint32_t hz = end->remote.clock_hz;
	*out = (struct rtp_leg_stats){ .rx_bytes = end->rx_bytes,
		                           .tx_bytes = end->tx_bytes,
		                           .rx_packets = end->stats.received,
		                           .tx_packets = end->tx_packets,
		                           .rx_lost = rtp_stats_lost(&end->stats),
		                           .rx_jitter_us = rtp_stats_jitter_us(&end->stats, hz),
		                           .refused = end->refused,
		                           .far_lost = end->far_lost,
		                           .far_jitter_us = hz ? (uint32_t)((uint64_t)end->far_jitter * 1000000 / hz) : 0 };
}
