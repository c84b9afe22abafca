// A phone takes the place of another party (RFC 3891): it picks up what rings elsewhere, or goes on with a call that
// another phone of its customer began. The call stays the same, and who paid for it pays on.
#include "call/half/orig.h"

COUNTER(call_pick_ups, "Calls that rang at one phone and were answered by another, which came by itself");
COUNTER(call_takeovers, "Parties of answered calls that another phone replaced");

enum err calls_seat(const struct calls *cs, ref call, enum call_side side, uint8_t leg, bool rings, uint8_t *seat)
{
	const struct call *c = pool_at(&cs->pool, call);
	if (!c) return ERR_NOT_FOUND;
	*seat = leg;
	if (!rings) {
		bool tied = c->ties[side] && c->ties[side]->phase != TIE_STANDS;
		bool counts = side == SIDE_O || c->t_answered == leg + 1u;
		return c->o.pic == O_ACTIVE && counts && !tied && !c->taking ? OK : ERR_STATE;
	}
	if (side != SIDE_T || (c->t.pic != T_PRESENT && c->t.pic != T_ALERTING)) return ERR_STATE;
	*seat = c->t_leg_count;
	return c->t_leg_count < CALL_LEGS_MAX ? OK : ERR_FULL;
}

// The called line is another one from now on: its place in the limits, whatever that is, and its name in the record.
static bool move_line(struct call *c, uint32_t id)
{
	const struct office_line *line = call_line(c, id);
	struct occupancy *o = c->calls->setup.live->occupancy;
	if (id == c->t_line) return true;
	if (!line || !call_take(c, OCCUPANCY_LINE, id, line->calls_max)) return false;
	if (c->taken.t_line) occupancy_give(o, OCCUPANCY_LINE, c->taken.t_line);
	if (c->trunk_at) occupancy_give(o, OCCUPANCY_TRUNK_GROUP, c->trunk_at);
	c->taken.t_line = c->t_line = id;
	c->trunk_at = 0;
	return true;
}

// Of a call that rings: one phone more, which answers at once.
static void pick_up(struct call *c, const struct verb *v)
{
	const struct call_replacement *r = v->replacement;
	COUNT(call_pick_ups);
	c->t_legs[v->seat] = (struct call_leg){ .link = r->by, .peer = r->peer, .phase = LEG_OFFERED };
	c->t_leg_count = (uint8_t)(v->seat + 1);
	c->taking = SIDE_T + 1;
	t_post(c, T_EV_ANSWER, v->seat, &(struct verb){ .kind = VERB_ANSWER, .media = MEDIA_OFFER, .sdp = r->offer });
}

static void replace(struct call *c, const struct verb *v)
{
	const struct call_replacement *r = v->replacement;
	enum call_side side = v->side;
	struct call_leg *leg = side == SIDE_O ? &c->o_leg : &c->t_legs[v->seat];
	const struct leg_link left = leg->link;
	COUNT(call_takeovers);
	leg->link = r->by;
	leg->peer = r->peer;
	c->taking = (uint8_t)(side + 1);
	media_replace(&c->media, &c->calls->media, side == SIDE_O ? MEDIA_A : MEDIA_B);
	left.ops->take(left.self, left.leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_NORMAL) });
	join_media(c, side, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_OFFER, .sdp = r->offer });
}

void orig_take(struct call *c, const struct verb *v)
{
	const struct call_replacement *r = v->replacement;
	uint32_t from = v->side == SIDE_O ? c->o_line : c->t_line;
	bool good = r->rings == (c->o.pic != O_ACTIVE);
	if (!good || (v->side == SIDE_T && !move_line(c, r->line))) {
		r->by.ops->take(r->by.self, r->by.leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_BUSY) });
		return;
	}
	call_trail(c, v->side, TRAIL_TAKEN_OVER, r->line, from);
	call_trace(c, r->line);
	if (r->rings) pick_up(c, v);
	else replace(c, v);
}

// Each side is answered by us, for each made an offer, and then they are joined.
static enum err answer_both(struct call *c, struct str offer, struct str *held)
{
	struct media_worker *m = &c->calls->media;
	struct env *env = c->calls->setup.env;
	struct media_leg leg = join_leg(c, SIDE_T);
	struct verb v = { .kind = VERB_ANSWER, .media = MEDIA_ANSWER };
	enum err e = media_offer_waits(&c->media, MEDIA_A) ? media_answer_local(&c->media, m, env, MEDIA_A, held) : OK;
	media_replace(&c->media, m, MEDIA_B); // what the phones that ring were offered, and may have answered
	if (e == OK) e = media_offer_from(&c->media, m, MEDIA_B, &leg, offer);
	if (e == OK) e = media_answer_local(&c->media, m, env, MEDIA_B, &v.sdp);
	if (e == OK) t_tell(c, (uint8_t)(c->t_answered - 1), &v);
	return e;
}

enum err take_answers(struct call *c, struct str offer, struct str *held)
{
	struct media_leg leg = join_leg(c, SIDE_T);
	*held = (struct str){ "", 0 };
	if (!media_offer_waits(&c->media, MEDIA_A) && !c->media.halves[MEDIA_A].settled) // the caller offered nothing
		return media_offer_from(&c->media, &c->calls->media, MEDIA_B, &leg, offer);
	c->taking = 0;
	return answer_both(c, offer, held);
}

bool take_word(struct call *c, struct verb *v)
{
	if (v->kind != VERB_MEDIA || (v->media != MEDIA_ANSWER && v->media != MEDIA_REFUSED)) return false;
	c->taking = 0;
	if (v->media == MEDIA_ANSWER) {
		v->kind = VERB_ANSWER;
		return true;
	}
	c->released_by = BY_SWITCH;
	o_post(c, O_EV_GIVE_UP, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_INCOMPATIBLE) });
	return false;
}
