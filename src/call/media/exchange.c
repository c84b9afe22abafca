// Offers and answers of a call's two sides (RFC 3264), three ways:
//
//     relayed   one side's offer goes to the other with our addresses in it, the answer comes back the same way
//     voice     we offer or answer one side ourselves: G.711 and telephone-event
//     joined    both sides have agreed, but not with each other: their payload types are mapped
#include "base/bug.h"
#include "call/media/agree.h"
#include "call/media/lines.h"
#include "call/media/secure.h"

#define EVENT_PT 101 // of telephone-event, where the number is ours to choose
#define TONE_CLOCK_HZ 8000

static enum err tell(struct call_media *cm, struct media_worker *w, const struct media_command *command)
{
	return w->plane->ops->tell(w->plane, cm->session, command);
}

static enum err tell_remote(struct call_media *cm, struct media_worker *w, enum media_side side, uint8_t stream,
                            const struct media_remote *r)
{
	return tell(cm, w, &(struct media_command){ .kind = MEDIA_DO_REMOTE, .side = (uint8_t)side, .stream = stream,
	                                            .remote = *r });
}

static enum err tell_map(struct call_media *cm, struct media_worker *w, enum media_side side,
                         const struct media_map *map)
{
	return tell(cm, w, &(struct media_command){ .kind = MEDIA_DO_MAP, .side = (uint8_t)side, .stream = cm->voice,
	                                            .map = *map });
}

static enum err parse(struct sdp *sdp, const struct media_worker *w, const struct media_leg *leg, struct str text)
{
	if (sdp_parse(sdp, text, NULL) != OK) return ERR_BAD;
	for (uint32_t i = 0; i < sdp->media_count; i++)
		if (!remote_is_fit(w->plane, leg, &sdp->media[i])) return ERR_REFUSED;
	return OK;
}

static enum err parse_offer(struct sdp *sdp, const struct media_worker *w, const struct media_leg *leg, struct str text)
{
	enum err e = parse(sdp, w, leg, text);
	if (e == OK) secure_offer(sdp, leg);
	return e;
}

void media_offer_drop(struct call_media *cm, struct media_worker *w)
{
	media_offer_forget(cm, w);
	cm->halves[MEDIA_A].gave = cm->halves[MEDIA_B].gave = MEDIA_GAVE_NOTHING;
}

enum err media_offer_from(struct call_media *cm, struct media_worker *w, enum media_side side,
                          const struct media_leg *leg, struct str text)
{
	struct sdp sdp;
	struct media_lines lines;
	if (media_offer_waits(cm, media_other(side))) return ERR_STATE;
	if (text.n > MEDIA_TEXT_MAX) return ERR_REFUSED;
	enum err e = parse_offer(&sdp, w, leg, text);
	if (e == OK) e = lines_of_offer(&lines, cm, side, &sdp);
	if (e == OK && !cm->session) e = w->plane->ops->open(w->plane, &cm->session, cm->owner);
	if (e != OK) return e;
	struct str kept = slab_dup(&w->texts, text);
	if (!kept.n) return ERR_SYSTEM;
	media_offer_drop(cm, w);
	cm->offer = kept;
	cm->offer_from = (uint8_t)side;
	cm->answered = MEDIA_UNANSWERED;
	cm->halves[side].leg = *leg;
	return OK;
}

struct crypto_lines {
	struct sdp_crypto of[MEDIA_LINES_MAX][SDP_CRYPTO_LINES_MAX];
};

// Our keys for the live lines. `answered`: the offer to which this is the answer, or NULL.
static enum err write_keys(struct call_media *cm, struct media_worker *w, enum media_side side,
                           const struct media_lines *lines, struct sdp_draft *draft, const struct sdp *answered,
                           struct crypto_lines *crypto)
{
	enum err e = OK;
	if (answered) secure_renew(cm, side, lines, answered);
	for (uint32_t i = 0; i < lines->count && e == OK; i++) {
		struct sdp_slot *slot = &draft->slots[i];
		if (!slot->port || !sdp_proto_is_rtp(slot->proto)) continue;
		slot->crypto = crypto->of[i];
		e = secure_lines(crypto->of[i], &slot->crypto_count, cm, w, side, lines->line[i].stream,
		                 answered ? &answered->media[i] : NULL);
	}
	return e;
}

// Local addresses for the streams of these lines, and the text with them in it. The slots' ports are filled in here: of
// those whose port is not 0. `answered` as above.
static enum err write_text(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side side,
                           const struct media_lines *lines, struct sdp_draft *draft, const struct sdp *answered,
                           struct str *out)
{
	struct crypto_lines crypto;
	struct media_half *h = &cm->halves[side];
	struct addr rtp[MEDIA_STREAMS_MAX];
	struct media_want want = { .side = (uint8_t)side, .family = h->leg.signalling.family == 6 ? 6 : 4, .count = 1,
		                       .emergency = cm->emergency };
	for (uint32_t i = 0; i < lines->count; i++)
		if (draft->slots[i].port && lines->line[i].stream >= want.count) want.count = lines->line[i].stream + 1;
	enum err e = w->plane->ops->ports(w->plane, cm->session, &want, rtp);
	if (e != OK) return e;
	draft->host = rtp[0];
	draft->count = lines->count;
	for (uint32_t i = 0; i < lines->count; i++)
		if (draft->slots[i].port) draft->slots[i].port = rtp[lines->line[i].stream].port;
	if (!h->origin.id) h->origin.id = (random_u64(&env->random) >> 33) + 1;
	e = write_keys(cm, w, side, lines, draft, answered, &crypto);
	if (e == OK) e = sdp_write(out, &env->scratch, draft, &h->origin);
	if (cm->secret) explicit_bzero(&crypto, sizeof crypto);
	return e;
}

static void fill_dead(struct sdp_draft *draft, const struct media_lines *lines)
{
	for (uint32_t i = 0; i < lines->count; i++)
		draft->slots[i] = (struct sdp_slot){ .kind = lines->line[i].kind, .proto = lines->line[i].proto };
}

// --- relayed

// The other side's offer as it stands, and the lines of both sides with it.
struct relay {
	struct sdp offer, told; // told: what the offerer was answered already; no media: nothing yet
	struct media_lines from, to;
	int8_t sources[MEDIA_LINES_MAX];
};

static enum err relay_read(struct relay *r, const struct call_media *cm, struct media_worker *w, enum media_side to)
{
	enum err e = parse_offer(&r->offer, w, &cm->halves[cm->offer_from].leg, cm->offer);
	r->told.media_count = 0;
	if (e == OK && cm->told.n) e = sdp_parse(&r->told, cm->told, NULL);
	if (e == OK) e = lines_of_offer(&r->from, cm, media_other(to), &r->offer);
	if (e == OK) lines_passed_on(&r->to, r->sources, cm, to, &r->from, &r->offer);
	return e;
}

// Formats and attributes of a line for the next leg, or NULL: a dead one. Whoever called and has had an answer, in
// early media of a leg that left, goes by that: the next leg is offered what was agreed then.
static const struct sdp_media *relay_source(const struct relay *r, uint32_t line)
{
	const struct sdp_media *m = &r->offer.media[line], *told = line < r->told.media_count ? &r->told.media[line] : NULL;
	if (media_form_of(m) == MEDIA_FORM_NONE || (told && told->port == 0)) return NULL;
	return told ? told : m;
}

static enum err relay_offer(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side to,
                            struct str *out)
{
	struct relay r;
	enum err e = relay_read(&r, cm, w, to);
	if (e != OK) return e;
	struct sdp_draft draft = { .source = &r.offer };
	fill_dead(&draft, &r.to);
	for (uint32_t j = 0; j < r.to.count; j++) {
		const struct sdp_media *m = r.sources[j] >= 0 ? relay_source(&r, (uint32_t)r.sources[j]) : NULL;
		if (!m) continue;
		draft.slots[j] = (struct sdp_slot){ .source = m, .port = 1, .proto = r.to.line[j].proto,
			                                .direction = direction_of(&r.offer.media[r.sources[j]]) };
	}
	e = write_text(cm, w, env, to, &r.to, &draft, NULL, out);
	if (e == OK) cm->halves[to].gave = MEDIA_GAVE_RELAYED;
	return e;
}

// One stream that both sides know: tells the plane of both ends of it. The first live voice is the call's.
static enum err relay_stream(struct call_media *cm, struct media_worker *w, enum media_side offerer, uint8_t stream,
                             const struct sdp_media *offer, const struct sdp_media *answer, bool *voiced)
{
	enum media_side answerer = media_other(offerer);
	struct voice vo, va;
	struct media_remote ro, ra;
	voice_read(&vo, offer);
	voice_read(&va, answer);
	remote_read(&ro, offer, &cm->halves[offerer].leg, &vo, &va);
	remote_read(&ra, answer, &cm->halves[answerer].leg, &va, &vo);
	ro.clock_hz = ra.clock_hz = va.clock_hz;
	if (BUG(wrong_party_bridged)) ra.rtp = ro.rtp;
	if (ro.form != ra.form) ro.form = ra.form = MEDIA_FORM_NONE; // one of them rejects it
	uint8_t suite_o, suite_a = MEDIA_PLAIN;
	enum err e = secure_tell(cm, w, offerer, stream, offer, &suite_o);
	if (e == OK) e = secure_tell(cm, w, answerer, stream, answer, &suite_a);
	if (ro.form == MEDIA_FORM_AUDIO && !*voiced) {
		*voiced = true;
		cm->voice = stream;
		half_read(&cm->halves[offerer], &ro, &vo, &va, va.codec);
		half_read(&cm->halves[answerer], &ra, &va, &vo, va.codec);
		cm->halves[offerer].suite = suite_o;
		cm->halves[answerer].suite = suite_a;
	}
	if (e == OK) e = tell_remote(cm, w, offerer, stream, &ro);
	return e == OK ? tell_remote(cm, w, answerer, stream, &ra) : e;
}

static enum err relay_apply(struct call_media *cm, struct media_worker *w, enum media_side answerer,
                            const struct relay *r, const struct sdp *answer)
{
	const struct media_map nothing = { 0 };
	enum media_side offerer = media_other(answerer);
	bool voiced = false;
	enum err e = cm->mapped ? tell_map(cm, w, MEDIA_A, &nothing) : OK;
	if (e == OK && cm->mapped) e = tell_map(cm, w, MEDIA_B, &nothing);
	for (uint32_t j = 0; j < r->to.count && e == OK; j++)
		if (r->sources[j] >= 0)
			e = relay_stream(cm, w, offerer, r->to.line[j].stream, &r->offer.media[r->sources[j]], &answer->media[j],
			                 &voiced);
	if (e != OK) return e;
	cm->mapped = false;
	cm->halves[offerer].lines = r->from;
	cm->halves[answerer].lines = r->to;
	cm->halves[offerer].settled = cm->halves[answerer].settled = true;
	cm->answered = MEDIA_ANSWERED_BY_PEER;
	return OK;
}

// The answer for the offerer: each line of its offer, live where the other side said so.
static enum err relay_answer(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side answerer,
                             const struct relay *r, const struct sdp *answer, struct str *out)
{
	struct sdp_draft draft = { .source = answer };
	for (uint32_t i = 0; i < r->from.count; i++) {
		const struct sdp_media *m = &r->offer.media[i];
		uint8_t stream = r->from.line[i].stream;
		int32_t j = stream == MEDIA_LINE_DEAD ? -1 : lines_find(&r->to, stream);
		const struct sdp_media *a = j >= 0 ? &answer->media[j] : NULL;
		bool live = a && media_form_of(m) != MEDIA_FORM_NONE && media_form_of(a) == media_form_of(m);
		draft.slots[i] = (struct sdp_slot){ .source = m };
		if (live)
			draft.slots[i] = (struct sdp_slot){ .source = a, .port = 1, .proto = r->from.line[i].proto,
				                                .direction = direction_of(a) };
	}
	return write_text(cm, w, env, media_other(answerer), &r->from, &draft, &r->offer, out);
}

// The same, which is the first that was written; it is kept as long as another leg may answer too.
static enum err relay_tell(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side answerer,
                           const struct relay *r, const struct sdp *answer, struct str *out)
{
	if (cm->told.n) {
		*out = arena_dup(&env->scratch, cm->told);
		return out->n ? OK : ERR_SYSTEM;
	}
	enum err e = relay_answer(cm, w, env, answerer, r, answer, out);
	if (e != OK || cm->settled) return e;
	cm->told = slab_dup(&w->texts, *out);
	return cm->told.n ? OK : ERR_SYSTEM;
}

// --- voice

static enum err voice_text(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side side,
                           const struct sdp_voice *voice, struct str *out)
{
	struct media_lines lines;
	struct sdp_draft draft = { 0 };
	int32_t at = lines_of_voice(&lines, cm, side);
	if (at < 0) return ERR_REFUSED;
	fill_dead(&draft, &lines);
	draft.slots[at] =
		(struct sdp_slot){ .voice = voice, .port = 1, .proto = lines.line[at].proto, .direction = SDP_SENDRECV };
	enum err e = write_text(cm, w, env, side, &lines, &draft, NULL, out);
	if (e == OK) cm->halves[side].gave = MEDIA_GAVE_VOICE;
	return e;
}

// What we offer to one side: the codec first in which the other side talks, and G.711; its telephone-event.
static struct sdp_voice voice_for(const struct media_half *other)
{
	uint8_t law = other->settled && other->law ? other->law : MEDIA_LAW_MU;
	struct sdp_voice v = { .count = 1, .pts = { law_pt(law) }, .event_pt = EVENT_PT };
	if (law != MEDIA_LAW_MU) v.pts[v.count++] = law_pt(MEDIA_LAW_MU);
	if (law != MEDIA_LAW_A) v.pts[v.count++] = law_pt(MEDIA_LAW_A);
	if (other->settled) v.event_pt = other->event_out;
	return v;
}

enum err media_offer_to(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side side,
                        const struct media_leg *leg, struct str *out)
{
	enum media_side other = media_other(side);
	*out = (struct str){ "", 0 };
	if (media_offer_waits(cm, side)) return ERR_STATE;
	if (leg->security == MEDIA_IMPOSSIBLE) return ERR_REFUSED;
	cm->halves[side].leg = *leg;
	if (cm->offer.n && cm->offer_from == other && cm->answered != MEDIA_ANSWERED_BY_US)
		return relay_offer(cm, w, env, side, out);
	if (!cm->session || !cm->halves[other].settled || !cm->halves[other].law) return ERR_NOT_FOUND;
	struct sdp_voice v = voice_for(&cm->halves[other]);
	return voice_text(cm, w, env, side, &v, out);
}

enum err media_offer_local(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side side,
                           const struct media_leg *leg, struct str *out)
{
	*out = (struct str){ "", 0 };
	if (media_offer_waits(cm, side)) return ERR_STATE;
	if (leg->security == MEDIA_IMPOSSIBLE) return ERR_REFUSED;
	enum err e = cm->session ? OK : w->plane->ops->open(w->plane, &cm->session, cm->owner);
	if (e != OK) return e;
	cm->halves[side].leg = *leg;
	struct sdp_voice v = voice_for(&cm->halves[media_other(side)]);
	return voice_text(cm, w, env, side, &v, out);
}

// Both sides have agreed, each with us: what one sends is renumbered as the other wants it.
static enum err join(struct call_media *cm, struct media_worker *w)
{
	struct media_map to_a, to_b;
	const struct media_half *a = &cm->halves[MEDIA_A], *b = &cm->halves[MEDIA_B];
	if (!a->settled || !b->settled) return OK;
	map_between(&to_a, b, a);
	map_between(&to_b, a, b);
	cm->mapped = true;
	enum err e = tell_map(cm, w, MEDIA_A, &to_a);
	return e == OK ? tell_map(cm, w, MEDIA_B, &to_b) : e;
}

// This medium is the far end of a voice that we made or chose ourselves (`ours`).
static enum err voice_apply(struct call_media *cm, struct media_worker *w, enum media_side side,
                            const struct sdp_media *m, const struct voice *ours)
{
	struct voice theirs;
	struct media_remote r;
	voice_read(&theirs, m);
	remote_read(&r, m, &cm->halves[side].leg, &theirs, ours);
	if (r.form != MEDIA_FORM_AUDIO || !r.law) return ERR_REFUSED;
	r.clock_hz = TONE_CLOCK_HZ;
	static const struct str names[] = { [MEDIA_LAW_MU] = STR_INIT("PCMU"), [MEDIA_LAW_A] = STR_INIT("PCMA"),
		                                [MEDIA_LAW_G722] = STR_INIT("G722") };
	half_read(&cm->halves[side], &r, &theirs, ours, names[r.law]);
	enum err e = secure_tell(cm, w, side, cm->voice, m, &cm->halves[side].suite);
	if (e == OK) e = tell_remote(cm, w, side, cm->voice, &r);
	return e == OK ? join(cm, w) : e;
}

// The answer to our voice, which stands in line `at` of these.
static enum err voice_answered(struct call_media *cm, struct media_worker *w, enum media_side side,
                               const struct media_lines *lines, int32_t at, const struct sdp *answer,
                               const struct voice *ours)
{
	struct voice theirs;
	voice_read(&theirs, &answer->media[at]);
	bool known = str_eq_nocase(theirs.codec, STR("PCMU")) || str_eq_nocase(theirs.codec, STR("PCMA")) ||
	             str_eq_nocase(theirs.codec, STR("G722"));
	if (!known) return ERR_REFUSED; // it would talk in a codec that the other side was never told of
	enum err e = voice_apply(cm, w, side, &answer->media[at], ours);
	if (e == OK) cm->halves[side].lines = *lines;
	return e;
}

static enum err answer_to_voice(struct call_media *cm, struct media_worker *w, enum media_side side,
                                const struct sdp *answer)
{
	const struct media_half *other = &cm->halves[media_other(side)];
	struct media_lines lines;
	int32_t at = lines_of_voice(&lines, cm, side);
	uint8_t wide = other->settled ? other->law & MEDIA_LAW_G722 : 0;
	struct voice ours = { .law = MEDIA_LAW_MU, .laws = MEDIA_LAW_MU | MEDIA_LAW_A | wide,
		                  .event_pt = voice_for(other).event_pt };
	if (at < 0 || answer->media_count != lines.count) return ERR_BAD;
	if (!secure_answer(answer, &lines, &cm->halves[side].leg)) return ERR_REFUSED;
	return voice_answered(cm, w, side, &lines, at, answer, &ours);
}

static enum err answer_to_relayed(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side side,
                                  const struct sdp *answer, struct str *out)
{
	struct relay r;
	enum err e = cm->offer.n ? relay_read(&r, cm, w, side) : ERR_STATE;
	if (e != OK) return e;
	if (answer->media_count != r.to.count) return ERR_BAD;
	if (!secure_answer(answer, &r.to, &cm->halves[side].leg)) return ERR_REFUSED;
	if (cm->answered == MEDIA_ANSWERED_BY_US) { // meanwhile we answered that offer ourselves, to be heard
		struct voice ours;
		int32_t at = lines_find(&r.to, cm->voice);
		if (at < 0 || r.sources[at] < 0) return ERR_STATE;
		voice_read(&ours, &r.offer.media[r.sources[at]]);
		return voice_answered(cm, w, side, &r.to, at, answer, &ours);
	}
	e = relay_tell(cm, w, env, side, &r, answer, out);
	if (e == OK) e = relay_apply(cm, w, side, &r, answer);
	if (e == OK && cm->settled) media_offer_forget(cm, w);
	return e;
}

enum err media_answer_from(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side side,
                           const struct media_leg *leg, struct str text, struct str *out)
{
	const struct str none = { "", 0 };
	struct sdp answer;
	*out = none;
	if (!cm->session || cm->halves[side].gave == MEDIA_GAVE_NOTHING) return ERR_STATE;
	enum err e = parse(&answer, w, leg, text);
	if (e != OK) return e;
	cm->halves[side].leg = *leg;
	if (cm->halves[side].gave == MEDIA_GAVE_VOICE) return answer_to_voice(cm, w, side, &answer);
	e = answer_to_relayed(cm, w, env, side, &answer, out);
	if (e != OK) *out = none;
	return e;
}

// The first live voice of an offer that we can make and hear; its line, or -1.
static int32_t find_voice(struct voice *v, const struct sdp *sdp, const struct media_lines *lines)
{
	for (int32_t i = 0; i < lines->count; i++) {
		voice_read(v, &sdp->media[i]);
		bool live = lines->line[i].stream != MEDIA_LINE_DEAD && media_form_of(&sdp->media[i]) == MEDIA_FORM_AUDIO;
		if (live && v->law) return i;
	}
	return -1;
}

enum err media_answer_local(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side side,
                            struct str *out)
{
	struct sdp offer;
	struct media_lines lines;
	struct voice theirs;
	*out = (struct str){ "", 0 };
	if (!cm->offer.n || cm->offer_from != side) return ERR_STATE;
	enum err e = parse_offer(&offer, w, &cm->halves[side].leg, cm->offer);
	if (e == OK) e = lines_of_offer(&lines, cm, side, &offer);
	if (e != OK) return e;
	int32_t at = find_voice(&theirs, &offer, &lines);
	if (at < 0) return ERR_REFUSED;
	struct voice ours = { .law = theirs.law, .laws = theirs.law, .event_pt = theirs.event_pt };
	struct sdp_voice said = { .count = 1, .pts = { law_pt(theirs.law) }, .event_pt = theirs.event_pt };
	struct sdp_draft draft = { 0 };
	for (int32_t i = 0; i < lines.count; i++) draft.slots[i] = (struct sdp_slot){ .source = &offer.media[i] };
	draft.slots[at] = (struct sdp_slot){ .voice = &said, .port = 1, .proto = offer.media[at].proto,
		                                 .direction = (uint8_t)sdp_direction_turned(direction_of(&offer.media[at])) };
	struct str text;
	e = write_text(cm, w, env, side, &lines, &draft, &offer, &text);
	if (e != OK) return e;
	cm->voice = lines.line[at].stream;
	e = voice_apply(cm, w, side, &offer.media[at], &ours);
	if (e != OK) return e;
	*out = text;
	cm->halves[side].lines = lines;
	cm->answered = MEDIA_ANSWERED_BY_US;
	return OK;
}

// Nothing flows on this side any more, and what was agreed with it is forgotten.
static void forget_half(struct call_media *cm, struct media_worker *w, enum media_side side)
{
	const struct media_remote nobody = { .event_pt_out = MEDIA_PT_NONE, .event_pt_in = MEDIA_PT_NONE };
	struct media_half *h = &cm->halves[side];
	for (uint32_t i = 0; i < h->lines.count && cm->session; i++) {
		uint8_t stream = h->lines.line[i].stream;
		if (stream == MEDIA_LINE_DEAD) continue;
		if (tell_remote(cm, w, side, stream, &nobody) != OK) break; // the plane is behind: the session ends soon anyway
	}
	*h = (struct media_half){ 0 };
	secure_leave(cm, side);
}

void media_leave(struct call_media *cm, struct media_worker *w, enum media_side side)
{
	forget_half(cm, w, side);
	if (!cm->offer.n) return;
	if (cm->offer_from == side) media_offer_drop(cm, w);
	else if (cm->answered == MEDIA_ANSWERED_BY_PEER) cm->answered = MEDIA_UNANSWERED;
}

void media_replace(struct call_media *cm, struct media_worker *w, enum media_side side)
{
	forget_half(cm, w, side);
	media_offer_drop(cm, w);
	cm->halves[side].lines.count = 1;
	cm->halves[side].lines.line[0].stream = cm->voice;
	cm->halves[side].lines.line[0].kind = SDP_AUDIO;
	cm->halves[side].lines.line[0].proto = SDP_PROTO_OTHER; // none yet
}
