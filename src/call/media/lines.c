// m-lines and streams.
#include "call/media/lines.h"

#include "call/media/secure.h"

uint8_t media_form_of(const struct sdp_media *m)
{
	if (m->port == 0) return MEDIA_FORM_NONE;
	if (sdp_is_rtp(m)) return m->kind == SDP_AUDIO ? MEDIA_FORM_AUDIO : MEDIA_FORM_RTP;
	return m->proto == SDP_PROTO_UDPTL ? MEDIA_FORM_RAW : MEDIA_FORM_NONE;
}

int32_t lines_find(const struct media_lines *lines, uint8_t stream)
{
	for (int32_t i = 0; i < lines->count; i++)
		if (lines->line[i].stream == stream) return i;
	return -1;
}

// A stream that neither these lines nor the other side's use; MEDIA_LINE_DEAD when all are taken.
static uint8_t free_stream(const struct media_lines *a, const struct media_lines *b)
{
	for (uint8_t stream = 0; stream < MEDIA_STREAMS_MAX; stream++)
		if (lines_find(a, stream) < 0 && lines_find(b, stream) < 0) return stream;
	return MEDIA_LINE_DEAD;
}

enum err lines_of_offer(struct media_lines *out, const struct call_media *cm, enum media_side side,
                        const struct sdp *sdp)
{
	*out = cm->halves[side].lines;
	if (sdp->media_count < out->count) return ERR_BAD; // RFC 3264 §8: lines are never taken away
	if (sdp->media_count > MEDIA_LINES_MAX) return ERR_REFUSED;
	uint32_t live = 0;
	for (uint8_t i = 0; i < sdp->media_count; i++) {
		const struct sdp_media *m = &sdp->media[i];
		if (i == out->count) out->line[out->count++].stream = MEDIA_LINE_DEAD;
		out->line[i].kind = m->kind;
		out->line[i].proto = m->proto;
		if (media_form_of(m) == MEDIA_FORM_NONE) continue;
		if (out->line[i].stream == MEDIA_LINE_DEAD)
			out->line[i].stream = free_stream(out, &cm->halves[media_other(side)].lines);
		live += out->line[i].stream != MEDIA_LINE_DEAD;
	}
	return live ? OK : ERR_REFUSED;
}

void lines_passed_on(struct media_lines *out, int8_t sources[MEDIA_LINES_MAX], const struct call_media *cm,
                     enum media_side to, const struct media_lines *from, const struct sdp *sdp)
{
	*out = cm->halves[to].lines;
	for (uint32_t j = 0; j < MEDIA_LINES_MAX; j++) sources[j] = -1;
	for (int8_t i = 0; i < (int8_t)from->count; i++) {
		if (from->line[i].stream == MEDIA_LINE_DEAD) continue;
		int32_t j = lines_find(out, from->line[i].stream);
		bool live = media_form_of(&sdp->media[i]) != MEDIA_FORM_NONE;
		uint8_t before = j < 0 ? SDP_PROTO_OTHER : out->line[j].proto;
		if (j < 0 && live && out->count < MEDIA_LINES_MAX) j = out->count++;
		if (j < 0) continue;
		out->line[j] = from->line[i];
		out->line[j].proto = secure_proto(&cm->halves[to].leg, from->line[i].proto, before);
		sources[j] = i;
	}
}

int32_t lines_of_voice(struct media_lines *out, const struct call_media *cm, enum media_side side)
{
	*out = cm->halves[side].lines;
	int32_t at = lines_find(out, cm->voice);
	uint8_t before = at < 0 ? SDP_PROTO_OTHER : out->line[at].proto;
	if (at < 0 && out->count < MEDIA_LINES_MAX) at = out->count++;
	if (at < 0) return -1;
	out->line[at].stream = cm->voice;
	out->line[at].kind = SDP_AUDIO;
	out->line[at].proto = secure_proto(&cm->halves[side].leg, SDP_PROTO_RTP_AVP, before);
	return at;
}
