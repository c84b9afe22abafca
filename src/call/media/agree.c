// Agreements.
#include "call/media/agree.h"

#include "base/bug.h"
#include "call/media/lines.h"

static uint8_t law_of(uint8_t pt)
{
	return pt == 0 ? MEDIA_LAW_MU : pt == 8 ? MEDIA_LAW_A : pt == 9 ? MEDIA_LAW_G722 : MEDIA_LAW_NONE;
}

void voice_read(struct voice *v, const struct sdp_media *m)
{
	struct sdp_codec codec;
	struct str rest = m->formats;
	*v = (struct voice){ .event_pt = MEDIA_PT_NONE, .codec = { "", 0 } };
	if (!sdp_is_rtp(m)) return;
	while (sdp_codec_next(m, &rest, &codec)) {
		bool event = str_eq_nocase(codec.name, STR("telephone-event"));
		if (event && codec.clock_hz == 8000 && v->event_pt == MEDIA_PT_NONE) v->event_pt = codec.pt;
		uint8_t law = m->kind == SDP_AUDIO ? law_of(codec.pt) : MEDIA_LAW_NONE;
		v->laws |= law;
		if (law && (!v->law || v->law == MEDIA_LAW_G722)) v->law = law;
		if (!v->clock_hz && !event) v->clock_hz = codec.clock_hz, v->codec = codec.name;
	}
}

static bool addr_is_fit(const struct media *plane, const struct addr *a)
{
	if (a->family == 0) return true; // unknown: never sent to
	if (addr_is_special(a) && !(plane->loopback && addr_is_loopback(a))) return false;
	return !plane->ops->is_own(plane, a);
}

bool remote_is_fit(const struct media *plane, const struct media_leg *leg, const struct sdp_media *m)
{
	return m->port == 0 || leg->tie || (addr_is_fit(plane, &m->rtp) && addr_is_fit(plane, &m->rtcp));
}

uint8_t direction_of(const struct sdp_media *m)
{
	return m->held ? m->direction & SDP_SENDONLY : m->direction;
}

// The one that is wanted, if it is there; else the best that is.
static uint8_t law_among(uint8_t laws, uint8_t wanted)
{
	if (laws & wanted) return wanted;
	return laws & MEDIA_LAW_MU ? MEDIA_LAW_MU : laws & MEDIA_LAW_A ? MEDIA_LAW_A : laws;
}

void remote_read(struct media_remote *r, const struct sdp_media *m, const struct media_leg *leg,
                 const struct voice *own, const struct voice *peer)
{
	uint8_t direction = direction_of(m), laws = own->laws & peer->laws;
	bool events = own->event_pt != MEDIA_PT_NONE && peer->event_pt != MEDIA_PT_NONE;
	*r = (struct media_remote){ .rtp = m->rtp,
		                        .rtcp = m->rtcp,
		                        .form = media_form_of(m),
		                        .send = direction & SDP_RECVONLY,
		                        .receive = direction & SDP_SENDONLY,
		                        .law = law_among(laws, own->law),
		                        .event_pt_out = events ? own->event_pt : MEDIA_PT_NONE,
		                        .event_pt_in = events ? peer->event_pt : MEDIA_PT_NONE };
	if (BUG(hold_ignored)) r->send = r->receive = true;
	r->law_pt = law_pt(r->law);
	if (leg->nat) r->signalling = leg->signalling;
}

void half_read(struct media_half *h, const struct media_remote *r, const struct voice *own, const struct voice *peer,
               struct str codec)
{
	h->settled = true;
	h->laws = own->laws & peer->laws;
	h->law = r->law;
	h->event_out = r->event_pt_out;
	h->event_in = r->event_pt_in;
	h->ways = (uint8_t)((r->send ? 1 : 0) | (r->receive ? 2 : 0));
	str_to_z(h->codec, sizeof h->codec, codec);
}

static void add_pair(struct media_map *map, uint8_t from, uint8_t to, uint8_t law_from, uint8_t law_to)
{
	map->pairs[map->count].from = from;
	map->pairs[map->count].to = to;
	map->pairs[map->count].law_from = law_from;
	map->pairs[map->count++].law_to = law_to;
}

void map_between(struct media_map *map, const struct media_half *from, const struct media_half *to)
{
	*map = (struct media_map){ 0 };
	for (uint8_t law = MEDIA_LAW_MU; law <= MEDIA_LAW_G722; law = (uint8_t)(law << 1)) {
		if (!(from->laws & law)) continue;
		uint8_t as = to->laws & law ? law : to->law;
		if (as) add_pair(map, law_pt(law), law_pt(as), law, as);
	}
	if (from->event_in != MEDIA_PT_NONE && to->event_out != MEDIA_PT_NONE)
		add_pair(map, from->event_in, to->event_out, MEDIA_LAW_NONE, MEDIA_LAW_NONE);
}
