// Media between the two sides of a call: offers and answers (RFC 3264) on their way from one leg to the other, with the
// media module's addresses in between. The caller's side is A, the called one B.
#include "call/half/inside.h"

COUNTER(call_media_refused, "Media offers in the middle of a call that came to nothing");

COUNTER(call_media_behind, "Commands that the media plane did not take");

void join_told(enum err e)
{
	if (e != OK) COUNT(call_media_behind);
}

// Our trouble, and nothing that somebody said?
static bool is_ours(enum err e)
{
	return e == ERR_FULL || e == ERR_SYSTEM;
}

struct cause join_failed(struct call *c, enum call_side side, enum err e)
{
	enum media_security security = join_leg(c, side).security;
	if (e == ERR_FULL) call_trail(c, side, TRAIL_NO_MEDIA_PORTS, 0, 0);
	else if (e == ERR_SYSTEM) call_trail(c, side, TRAIL_NO_MEDIA_MEMORY, 0, 0);
	else if (security == MEDIA_IMPOSSIBLE) call_trail(c, side, TRAIL_MEDIA_KEYS_BARE, 0, 0);
	else if (security == MEDIA_REQUIRED) call_trail(c, side, TRAIL_MEDIA_NOT_SECURE, 0, 0);
	else call_trail(c, side, TRAIL_MEDIA_REFUSED, CAUSE_INCOMPATIBLE, 0);
	return cause_local(is_ours(e) ? CAUSE_CONGESTION : CAUSE_INCOMPATIBLE);
}

static enum media_side media_of(enum call_side side)
{
	return side == SIDE_O ? MEDIA_A : MEDIA_B;
}

// What the line or the trunk group says of encryption, over this transport. Nobody is kept from 911 by it, and what was
// agreed stays agreed for as long as the call.
static enum media_security join_security(const struct call *c, enum call_side side, const struct addr *peer)
{
	uint32_t line_id = side == SIDE_O ? c->o_line : c->t_line, trunk = side == SIDE_O ? c->o_trunk : c->trunk_at;
	const struct office_rules *rules = call_rules(c);
	const struct office_line *line = line_id ? call_line(c, line_id) : NULL;
	const struct office_trunk_group *group = line_id ? NULL : office_trunk_group(rules, trunk);
	uint8_t srtp = line ? line->srtp : group ? group->srtp : OFFICE_SRTP_NEVER;
	bool safe = transport_is_secure((enum transport)peer->transport) || !rules->settings.srtp_needs_tls;
	bool must = srtp == OFFICE_SRTP_REQUIRED && !c->media.emergency;
	if (c->media.emergency && side == SIDE_O) return MEDIA_OFFERED;
	if (c->media.halves[media_of(side)].suite) return must ? MEDIA_REQUIRED : MEDIA_OFFERED;
	if (must) return safe ? MEDIA_REQUIRED : MEDIA_IMPOSSIBLE;
	return srtp != OFFICE_SRTP_NEVER && safe ? MEDIA_OFFERED : MEDIA_NEVER;
}

bool join_can_play(struct call *c, enum call_side side)
{
	const struct media_half *h = &c->media.halves[media_of(side)];
	if (h->settled && !h->law) call_trail(c, side, TRAIL_CANNOT_PLAY, 0, 0);
	else if (h->law == MEDIA_LAW_G722) call_trail(c, side, TRAIL_PLAYS_WIDE, 0, 0);
	return media_can_play(&c->media, media_of(side));
}

bool join_is_secure(const struct call *c, enum call_side side)
{
	const struct media_half *h = &c->media.halves[media_of(side)];
	return !h->settled || h->suite || join_leg(c, side).security < MEDIA_REQUIRED;
}

struct media_leg join_leg(const struct call *c, enum call_side side)
{
	const struct call_leg *leg = side == SIDE_O ? &c->o_leg : t_leg(c);
	bool tie = c->ties[side] && c->ties[side]->phase != TIE_ASKED;
	struct media_leg out = { .tie = tie, .nat = !tie && (side == SIDE_O ? c->o_line != 0 : c->t_line != 0) };
	if (!leg) return out;
	out.signalling = leg->peer;
	out.leg = leg->link.leg;
	if (!tie) out.security = (uint8_t)join_security(c, side, &leg->peer); // a tie never leaves the switch
	return out;
}

// Leaves in the trail what became of encryption, when that is new.
static void note_suites(struct call *c, const uint8_t before[MEDIA_SIDES])
{
	for (enum call_side side = SIDE_O; side <= SIDE_T; side++) {
		uint8_t suite = c->media.halves[media_of(side)].suite;
		if (suite && suite != before[media_of(side)]) call_trail(c, side, TRAIL_MEDIA_SECURED, suite, 0);
		else if (!suite && before[media_of(side)]) call_trail(c, side, TRAIL_MEDIA_BARE, 0, 0);
	}
}

// An answer that a side brought.
static enum err answer_from(struct call *c, enum call_side side, struct str sdp, struct str *out)
{
	struct media_leg leg = join_leg(c, side);
	uint8_t before[MEDIA_SIDES] = { c->media.halves[MEDIA_A].suite, c->media.halves[MEDIA_B].suite };
	enum err e = media_answer_from(&c->media, &c->calls->media, c->calls->setup.env, media_of(side), &leg, sdp, out);
	if (e == OK) note_suites(c, before);
	return e;
}

static enum err answer_local(struct call *c, enum call_side side, struct str *out)
{
	uint8_t before[MEDIA_SIDES] = { c->media.halves[MEDIA_A].suite, c->media.halves[MEDIA_B].suite };
	enum err e = media_answer_local(&c->media, &c->calls->media, c->calls->setup.env, media_of(side), out);
	if (e == OK) note_suites(c, before);
	return e;
}

// A party that another call brought says with its media who it is.
static void tell(struct call *c, enum call_side side, const struct verb *v)
{
	const struct call_tie *t = c->ties[side == SIDE_O ? SIDE_T : SIDE_O];
	struct verb shown = *v;
	if (t && t->phase == TIE_STANDS && t->party.number.n) {
		shown.party = &t->party;
		v = &shown;
	}
	uint8_t joined = t_joined(c);
	if (c->taking == side + 1u && take_word(c, &shown)) v = &shown;
	if (side == SIDE_O) o_tell(c, v);
	else if (joined) t_tell(c, (uint8_t)(joined - 1), v);
}

// Could this side be asked about new media now?
static bool may_offer(const struct call *c, enum call_side side)
{
	uint8_t joined = t_joined(c);
	if (side == SIDE_T && !joined) return false;
	const struct leg_link *l = side == SIDE_O ? &c->o_leg.link : &c->t_legs[joined - 1].link;
	return l->ops->may_offer && l->ops->may_offer(l->self, l->leg);
}

enum err join_offer(struct call *c, struct verb *v)
{
	struct media_leg leg = join_leg(c, SIDE_T);
	enum err e = media_offer_to(&c->media, &c->calls->media, c->calls->setup.env, MEDIA_B, &leg, &v->sdp);
	v->media = e == OK ? MEDIA_OFFER : MEDIA_ASK; // the caller sent none: the called side will offer
	return e == ERR_NOT_FOUND ? OK : e;
}

enum err join_answer(struct call *c, const struct verb *from_t, struct verb *to_o)
{
	if (from_t->media != MEDIA_ANSWER) return ERR_STATE;
	enum err e = answer_from(c, SIDE_T, from_t->sdp, &to_o->sdp);
	if (e == OK && to_o->sdp.n) to_o->media = MEDIA_ANSWER;
	return e;
}

enum err join_early_offer(struct call *c, const struct verb *from_t, struct verb *to_o)
{
	struct media_leg t = join_leg(c, SIDE_T), o = join_leg(c, SIDE_O);
	if (!c->asks_early) return ERR_STATE;
	enum err e = media_offer_from(&c->media, &c->calls->media, MEDIA_B, &t, from_t->sdp);
	if (e == OK) e = media_offer_to(&c->media, &c->calls->media, c->calls->setup.env, MEDIA_A, &o, &to_o->sdp);
	to_o->media = MEDIA_OFFER;
	return e;
}

enum err join_local(struct call *c, bool open)
{
	struct media_worker *m = &c->calls->media;
	struct env *env = c->calls->setup.env;
	struct media_leg leg = join_leg(c, SIDE_O);
	struct verb v = { .kind = open ? VERB_ANSWER : VERB_PROGRESS, .in_band = true };
	enum err e = OK;
	if (c->o_open) return OK;
	if (media_offer_waits(&c->media, MEDIA_A)) {
		v.media = MEDIA_ANSWER;
		e = answer_local(c, SIDE_O, &v.sdp);
		if (e == OK) join_can_play(c, SIDE_O);
		else if (e == ERR_REFUSED) call_trail(c, SIDE_O, TRAIL_CANNOT_PLAY, 0, 0);
	} else if (c->media.halves[MEDIA_A].settled) { // by early media: the leg says the same answer again
		if (!join_can_play(c, SIDE_O)) return ERR_REFUSED;
		if (!open) return OK;
	} else if (open) {
		v.media = MEDIA_OFFER;
		e = media_offer_local(&c->media, m, env, MEDIA_A, &leg, &v.sdp);
	} else {
		return ERR_REFUSED;
	}
	if (e != OK) return e;
	c->o_open = open;
	o_tell(c, &v);
	return OK;
}

static void refuse(struct call *c, enum call_side side, enum media_refusal why)
{
	COUNT(call_media_refused);
	tell(c, side, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = (uint8_t)why });
}

static void refuse_by(struct call *c, enum call_side side, enum err e)
{
	if (is_ours(e)) join_failed(c, side, e);
	refuse(c, side, is_ours(e) ? REFUSED_FAILED : REFUSED_NOT_ACCEPTABLE);
}

// Is there somebody on the other side to agree with?
static bool is_joined(const struct call *c, enum call_side to)
{
	return c->answered && c->t_answered && !tie_is_parted(c, to);
}

// Who answers a new offer of one side: the other side, as soon as both are joined and it can be asked; else we, while the
// caller hears us and nobody else.
enum who_answers { OTHER_ANSWERS, WE_ANSWER, NOBODY_YET };

static enum who_answers who_answers(const struct call *c, enum call_side from)
{
	enum call_side to = from == SIDE_O ? SIDE_T : SIDE_O;
	if (is_joined(c, to) || (!c->answered && may_offer(c, to))) return OTHER_ANSWERS;
	bool rings = c->t.pic == T_PRESENT || c->t.pic == T_ALERTING || c->t.pic == T_ACTIVE;
	return from == SIDE_O && (!rings || c->o_open) ? WE_ANSWER : NOBODY_YET;
}

static void join_new_offer(struct call *c, enum call_side from, const struct verb *v)
{
	struct media_worker *m = &c->calls->media;
	struct env *env = c->calls->setup.env;
	enum call_side to = from == SIDE_O ? SIDE_T : SIDE_O;
	struct media_leg leg = join_leg(c, from), other = join_leg(c, to);
	enum who_answers who = who_answers(c, from);
	struct verb out = { .kind = VERB_MEDIA };
	if (who == NOBODY_YET) {
		refuse(c, from, REFUSED_GLARE);
		return;
	}
	enum err e = media_offer_from(&c->media, m, media_of(from), &leg, v->sdp);
	if (e != OK) {
		refuse_by(c, from, e);
		return;
	}
	if (who == OTHER_ANSWERS) {
		out.media = MEDIA_OFFER;
		e = media_offer_to(&c->media, m, env, media_of(to), &other, &out.sdp);
	} else {
		out.media = MEDIA_ANSWER;
		e = answer_local(c, from, &out.sdp);
	}
	if (e != OK) {
		media_offer_drop(&c->media, m);
		refuse_by(c, from, e);
		return;
	}
	tell(c, who == OTHER_ANSWERS ? to : from, &out);
}

// An INVITE without an offer: the other side is asked for one.
static void join_ask(struct call *c, enum call_side from)
{
	enum call_side to = from == SIDE_O ? SIDE_T : SIDE_O;
	struct media_leg leg = join_leg(c, from);
	struct verb out = { .kind = VERB_MEDIA, .media = MEDIA_OFFER };
	if (is_joined(c, to)) {
		tell(c, to, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_ASK });
	} else if (from == SIDE_T || media_offer_local(&c->media, &c->calls->media, c->calls->setup.env, media_of(from), &leg,
	                                               &out.sdp) != OK) {
		refuse(c, from, from == SIDE_T ? REFUSED_GLARE : REFUSED_FAILED);
	} else {
		tell(c, from, &out);
	}
}

static bool holds(const struct call *c, enum call_side side)
{
	return c->media.halves[media_of(side)].settled && !(c->media.halves[media_of(side)].ways & 1);
}

void join_media(struct call *c, enum call_side from, const struct verb *v)
{
	enum call_side to = from == SIDE_O ? SIDE_T : SIDE_O;
	struct verb out = { .kind = VERB_MEDIA, .media = MEDIA_ANSWER };
	bool held_o = holds(c, SIDE_O), held_t = holds(c, SIDE_T);
	enum err e;
	if (c->ties[from] && c->ties[from]->media_old && v->media == MEDIA_OFFER) {
		media_replace(&c->media, &c->calls->media, media_of(from)); // what was agreed was the affair of who left
		c->ties[from]->media_old = false;
	}
	switch (v->media) {
	case MEDIA_OFFER: join_new_offer(c, from, v); break;
	case MEDIA_ASK: join_ask(c, from); break;
	case MEDIA_REFUSED:
		media_offer_drop(&c->media, &c->calls->media);
		refuse(c, to, v->refusal);
		break;
	case MEDIA_ANSWER:
		e = answer_from(c, from, v->sdp, &out.sdp);
		if (e != OK) {
			media_offer_drop(&c->media, &c->calls->media);
			refuse_by(c, to, e);
		} else if (out.sdp.n) {
			tell(c, to, &out);
		}
		if (holds(c, SIDE_O) != held_o) call_trail(c, SIDE_O, held_o ? TRAIL_RESUMED : TRAIL_HELD, SIDE_O, 0);
		if (holds(c, SIDE_T) != held_t) call_trail(c, SIDE_T, held_t ? TRAIL_RESUMED : TRAIL_HELD, SIDE_T, 0);
		break;
	default: break;
	}
}
