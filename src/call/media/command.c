// Commands to sessions, news of sessions.
#include "call/media/command.h"

#include "base/count.h"
#include "call/media/prompt.h"
#include "call/media/tone_plan.h"
#include "wire/sdp/crypto.h"

#include <assert.h>
#include <string.h>

COUNTER(media_not_played, "Tones, announcements and digits that could not be queued");

// The two levels name the same things; neither may see the other.
static_assert(MEDIA_STREAMS_MAX == RTP_STREAMS_MAX && MEDIA_MAP_MAX == RTP_MAP_MAX, "streams, maps");
static_assert((int)MEDIA_FORM_AUDIO == RTP_FORM_AUDIO && (int)MEDIA_FORM_RTP == RTP_FORM_RTP, "forms");
static_assert((int)MEDIA_FORM_RAW == RTP_FORM_RAW && (int)MEDIA_FORM_NONE == RTP_FORM_NONE, "forms");
static_assert((int)MEDIA_LAW_MU == RTP_LAW_MU && (int)MEDIA_LAW_A == RTP_LAW_A, "laws");
static_assert((int)MEDIA_LAW_G722 == RTP_LAW_G722, "laws");
static_assert((int)MEDIA_SUITE_COUNT == SRTP_SUITE_COUNT && (int)MEDIA_SUITE_COUNT == SDP_SUITE_COUNT, "suites");
#define SUITE_IS_SAME(name)                                                                                            \
	static_assert((int)MEDIA_##name == SRTP_##name && (int)MEDIA_##name == SDP_##name, "suites");
MEDIA_SUITES(SUITE_IS_SAME)
static_assert(MEDIA_KEY_MAX == SRTP_KEY_MAX && MEDIA_KEY_MAX == SDP_KEY_MAX, "keys");
static_assert(MEDIA_PT_NONE == RTP_PT_NONE, "no payload type");

static void do_keys(struct rtp_session *s, const struct media_command *c)
{
	struct srtp_keys keys = { .suite = c->keys.suite };
	memcpy(keys.in, c->keys.in, sizeof keys.in);
	memcpy(keys.out, c->keys.out, sizeof keys.out);
	rtp_session_keys(s, c->side, c->stream, &keys);
	explicit_bzero(&keys, sizeof keys);
}

static void do_remote(struct rtp_session *s, const struct media_command *c, uint64_t now_us)
{
	const struct media_remote *m = &c->remote;
	struct rtp_remote r = { .rtp = m->rtp,
		                    .rtcp = m->rtcp,
		                    .signalling = m->signalling,
		                    .form = m->form,
		                    .send = m->send,
		                    .receive = m->receive,
		                    .law = m->law,
		                    .law_pt = m->law_pt,
		                    .event_pt_out = m->event_pt_out,
		                    .event_pt_in = m->event_pt_in,
		                    .clock_hz = m->clock_hz };
	rtp_session_remote(s, c->side, c->stream, &r, now_us);
}

static void do_map(struct rtp_session *s, const struct media_command *c)
{
	struct rtp_map map = { .count = c->map.count };
	for (uint32_t i = 0; i < map.count; i++) {
		map.pairs[i].from = c->map.pairs[i].from;
		map.pairs[i].to = c->map.pairs[i].to;
		map.pairs[i].law_from = c->map.pairs[i].law_from;
		map.pairs[i].law_to = c->map.pairs[i].law_to;
	}
	rtp_session_map(s, c->side, c->stream, &map);
}

static enum err do_play(struct rtp_session *s, const struct media_command *c)
{
	const struct media_play *play = &c->play;
	struct str recording = media_prompt(play->prompt);
	struct sound sound = { .tone = media_tone(play->prompt ? media_prompt_sit(play->prompt) : play->tone),
		                   .recording = (const uint8_t *)recording.p,
		                   .recording_n = recording.n,
		                   .times = play->times };
	return rtp_session_play(s, c->side, &sound, play->after);
}

void media_command_do(struct rtp_session *s, const struct media_command *c, uint64_t now_us)
{
	enum err e = OK;
	switch (c->kind) {
	case MEDIA_DO_KEYS: do_keys(s, c); break;
	case MEDIA_DO_REMOTE: do_remote(s, c, now_us); break;
	case MEDIA_DO_MAP: do_map(s, c); break;
	case MEDIA_DO_PLAY: e = do_play(s, c); break;
	case MEDIA_DO_STOP: rtp_session_stop(s, c->side); break;
	case MEDIA_DO_COLLECT: s->sides[c->side].collect = c->on; break;
	case MEDIA_DO_WATCH: rtp_session_watch(s, c->silent_s, now_us); break;
	case MEDIA_DO_DIGIT: e = rtp_session_key(s, c->side, c->digit.digit, c->digit.ms); break;
	default: break;
	}
	if (e != OK) COUNT(media_not_played);
}

bool media_event_of(struct media_event *out, const struct rtp_news *news)
{
	static const uint8_t kinds[] = { [RTP_NEWS_KEY] = MEDIA_EV_DIGIT, [RTP_NEWS_PLAYED] = MEDIA_EV_PLAYED,
		                             [RTP_NEWS_SILENT] = MEDIA_EV_SILENT };
	if (news->kind == RTP_NEWS_NONE) return false;
	*out = (struct media_event){
		.kind = kinds[news->kind], .side = news->side, .digit = news->digit, .silent_s = news->silent_s
	};
	return true;
}

void media_stats_of(struct media_event *out, struct rtp_session *s)
{
	for (uint32_t side = 0; side < MEDIA_SIDES; side++) {
		struct rtp_leg_stats r;
		rtp_session_stats(s, side, &r);
		out->legs[side] = (struct media_leg_stats){ .rx_bytes = r.rx_bytes,
			                                        .tx_bytes = r.tx_bytes,
			                                        .rx_packets = r.rx_packets,
			                                        .tx_packets = r.tx_packets,
			                                        .rx_lost = r.rx_lost,
			                                        .rx_jitter_us = r.rx_jitter_us,
			                                        .refused = r.refused,
			                                        .far_lost = r.far_lost,
			                                        .far_jitter_us = r.far_jitter_us };
	}
}
