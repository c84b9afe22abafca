// Transfer: a party is replaced by a tie, whose other end stands in another call.
//
//     before      A ── call 1 ── B                              A asks for C
//     under way   A ── call 1 ── B    tie ┄┄ tie ── call 2 ── C     call 2 is A's, who pays for it
//     after       B ── call 1 ── tie ┄┄┄┄┄┄┄ tie ── call 2 ── C     A has left; two calls, two records
//
// Call 2 is a new one that dials for A (blind), or one that A has already (attended). Neither call knows more of the
// other than what a leg would say, so they may live on two workers. Until C answers nothing changes for A and B, but
// that B hears it ring: a transfer that fails leaves the call as it was.
#include "call/half/orig.h"

COUNTER(call_transfers, "Transfers that were begun");
COUNTER(call_transfers_done, "Transfers whose target answered");

static enum call_side other_of(enum call_side side)
{
	return side == SIDE_O ? SIDE_T : SIDE_O;
}

bool tie_is_asked(const struct call *c, enum call_side side)
{
	return c->ties[side] && c->ties[side]->phase == TIE_ASKED;
}

bool tie_is_parted(const struct call *c, enum call_side side)
{
	return c->ties[side] && c->ties[side]->phase == TIE_PARTED;
}

// The leg of a side, of an answered call.
static struct call_leg *leg_of(struct call *c, enum call_side side)
{
	return side == SIDE_O ? &c->o_leg : c->t_answered ? &c->t_legs[c->t_answered - 1] : NULL;
}

static uint32_t line_of(const struct call *c, enum call_side side)
{
	return side == SIDE_O ? c->o_line : c->t_line;
}

static void tell(struct call *c, enum call_side side, const struct verb *v)
{
	if (side == SIDE_O) o_tell(c, v);
	else if (c->t_answered) t_tell(c, (uint8_t)(c->t_answered - 1), v);
}

static void tell_news(struct call *c, enum call_side side, enum transfer_news news, struct cause cause)
{
	tell(c, side, &(struct verb){ .kind = VERB_SIGNAL, .signal = SIGNAL_TRANSFERRED, .news = (uint8_t)news, .cause = cause });
}

void call_who(struct party *out, const struct call *c, enum call_side side)
{
	const struct office_line *line = call_line(c, c->t_line);
	*out = c->caller;
	if (c->ties[side] && c->ties[side]->phase == TIE_STANDS && c->ties[side]->party.number.n) *out = c->ties[side]->party;
	else if (side == SIDE_T) {
		*out = (struct party){ .number = c->called, .screening = SCREENED_NETWORK };
		if (!line) return;
		out->name_n = (uint8_t)strnlen(line->display, sizeof out->name);
		memcpy(out->name, line->display, out->name_n);
		if (line->features[FEATURE_CALLER_ID_BLOCK].active) out->presentation = PRESENT_RESTRICTED;
	}
}

static void refuse(struct call *c, enum call_side side, uint8_t cause)
{
	struct cause why = cause_local(cause);
	call_trail(c, side, TRAIL_TRANSFER_REFUSED, trail_cause(why), 0);
	tell_news(c, side, TRANSFER_REFUSED, why);
}

void orig_refuse_transfer(struct call *c, const struct verb *v)
{
	tell_news(c, v->side, TRANSFER_GLARE, (struct cause){ 0 });
}

// As whom the party that leaves was in this call.
static void read_diversion(struct diversion *out, const struct call *c, enum call_side side)
{
	const struct office_line *line = call_line(c, line_of(c, side));
	*out = (struct diversion){ .from = side == SIDE_O ? c->caller.number : c->called, .reason = DIVERSION_DEFLECTION };
	if (side == SIDE_O) out->presentation = c->caller.presentation;
	if (!line) return;
	if (number_set(&out->from, NUMBER_INTERNATIONAL, str_from(line->number)) != OK) out->from = (struct number){ 0 };
	if (line->features[FEATURE_CALLER_ID_BLOCK].active) out->presentation = PRESENT_RESTRICTED;
}

void orig_transfer(struct call *c, const struct verb *v)
{
	const struct calls_setup *s = &c->calls->setup;
	enum call_side side = v->side;
	struct party other;
	if (c->ties[SIDE_O] && c->ties[SIDE_O]->phase != TIE_STANDS) orig_refuse_transfer(c, v);
	else if (c->ties[SIDE_T] && c->ties[SIDE_T]->phase != TIE_STANDS) orig_refuse_transfer(c, v);
	else if (c->emergency) refuse(c, side, CAUSE_BARRED); // who called for help stays with who answered
	else if (c->hops < 2) refuse(c, side, CAUSE_ROUTING_ERROR);
	else {
		call_who(&other, c, other_of(side));
		struct tie_wish wish = { .call = c->id, .line = line_of(c, side), .to = v->transfer, .caller = &other,
			.hops = (uint8_t)(c->hops - 1) };
		if (!wish.line) wish.trunk_group = side == SIDE_O ? c->o_trunk : c->trunk_last;
		read_diversion(&wish.diversion, c, side);
		struct call_tie *t = pool_get(&c->calls->ties);
		if (!t || s->ties.ask(s->ties.self, &t->link, call_ref(c), side, &wish) != OK) {
			pool_put(&c->calls->ties, t);
			refuse(c, side, CAUSE_CONGESTION);
			return;
		}
		COUNT(call_transfers);
		t->as = RECORD_TIED_TRANSFERRED;
		c->ties[side] = t;
		if (v->transfer->joins.n) call_trail(c, side, TRAIL_TRANSFER_JOIN, wish.line, 0);
		else call_trail(c, side, TRAIL_TRANSFER_ASKED, wish.line, v->transfer->dialled.n);
		tell_news(c, side, TRANSFER_TRIED, (struct cause){ 0 });
	}
}

static void ring_end(struct call *c, enum call_side side)
{
	struct call_tie *t = c->ties[side];
	if (t->rings) join_told(media_stop(&c->media, &c->calls->media, side == SIDE_O ? MEDIA_B : MEDIA_A));
	t->rings = false;
}

// The other party, who mostly was put on hold, hears that its new partner is called.
static void ring_begin(struct call *c, enum call_side side)
{
	enum media_side ear = side == SIDE_O ? MEDIA_B : MEDIA_A;
	struct call_tie *t = c->ties[side];
	if (t->rings || !media_can_play(&c->media, ear)) return;
	enum err e = media_play(&c->media, &c->calls->media, ear, (struct media_play){ .tone = MEDIA_TONE_RINGBACK });
	join_told(e);
	t->rings = e == OK;
}

// Who leaves has no part in the limits any more: a transferred call costs its line one place, that of the other call.
static void give_place(struct call *c, enum call_side side)
{
	struct occupancy *o = c->calls->setup.live->occupancy;
	uint32_t *line = side == SIDE_O ? &c->taken.o_line : &c->taken.t_line;
	uint32_t *group = side == SIDE_O ? &c->taken.o_trunk : &c->trunk_at;
	if (*line) occupancy_give(o, OCCUPANCY_LINE, *line);
	if (*group) occupancy_give(o, OCCUPANCY_TRUNK_GROUP, *group);
	*line = *group = 0;
}

// The tie takes the place of the leg, which is released.
static void put_in_place(struct call *c, enum call_side side, struct cause cause)
{
	struct call_leg *leg = leg_of(c, side);
	const struct leg_link left = leg->link;
	leg->link = c->ties[side]->link;
	if (c->answered) media_replace(&c->media, &c->calls->media, side == SIDE_O ? MEDIA_A : MEDIA_B);
	else c->ties[side]->media_old = true; // what is called now was offered it
	give_place(c, side);
	left.ops->take(left.self, left.leg,
		&(struct verb){ .kind = VERB_RELEASE, .cause = cause, .elsewhere = !c->answered });
}

void orig_part(struct call *c, const struct verb *v)
{
	enum call_side side = v->side;
	if (!tie_is_asked(c, side)) return;
	call_trail(c, side, TRAIL_TRANSFER_LEFT, line_of(c, side), 0);
	put_in_place(c, side, v->cause);
	c->ties[side]->phase = TIE_PARTED;
}

static void drop(struct call *c, enum call_side side, struct cause cause)
{
	struct call_tie *t = c->ties[side];
	t->link.ops->take(t->link.self, t->link.leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause });
	c->ties[side] = pool_put(&c->calls->ties, t);
}

static void failed(struct call *c, enum call_side side, const struct verb *v)
{
	bool parted = tie_is_parted(c, side);
	call_trail(c, side, TRAIL_TRANSFER_FAILED, trail_cause(v->cause), 0);
	ring_end(c, side);
	if (!parted) {
		drop(c, side, v->cause);
		tell_news(c, side, TRANSFER_FAILED, v->cause);
		return;
	}
	c->ties[side]->phase = TIE_STANDS; // its leg is gone, which ends the call
	if (side == SIDE_O) o_post(c, O_EV_RELEASE, v);
	else t_post(c, T_EV_LEG_RELEASE, (uint8_t)(c->t_answered - 1), v);
}

static void answered(struct call *c, enum call_side side, const struct verb *v)
{
	struct call_tie *t = c->ties[side];
	ring_end(c, side);
	COUNT(call_transfers_done);
	call_trail(c, side, TRAIL_TRANSFERRED, line_of(c, side), 0);
	if (t->phase == TIE_ASKED) {
		tell_news(c, side, TRANSFER_DONE, (struct cause){ 0 });
		put_in_place(c, side, cause_local(CAUSE_NORMAL));
	}
	t->phase = TIE_STANDS;
	struct verb media = { .kind = VERB_MEDIA, .media = v->media == MEDIA_OFFER ? MEDIA_OFFER : MEDIA_ASK, .sdp = v->sdp };
	join_media(c, side, &media);
}

void orig_tie(struct call *c, const struct verb *v)
{
	enum call_side side = v->side;
	struct call_tie *t = c->ties[side];
	if (!t || t->phase == TIE_STANDS) return;
	switch (v->kind) {
	case VERB_PROGRESS: t->other = v->tied_to; break;
	case VERB_ALERT:
		if (!t->rings) call_trail(c, side, TRAIL_TRANSFER_ALERTS, 0, 0);
		ring_begin(c, side);
		if (t->phase == TIE_ASKED) tell_news(c, side, TRANSFER_ALERTS, (struct cause){ 0 });
		break;
	case VERB_ANSWER: answered(c, side, v); break;
	case VERB_RELEASE: failed(c, side, v); break;
	default: break;
	}
}

void orig_refuse_replace(struct call *c, const struct verb *v)
{
	const struct leg_link *by = &v->replacement->by;
	(void)c;
	by->ops->take(by->self, by->leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_REJECTED) });
}

// This call is the second of an attended transfer: who asked for it leaves this one too.
void orig_replace(struct call *c, const struct verb *v)
{
	const struct call_replacement *r = v->replacement;
	enum call_side side = v->side;
	struct call_tie *t = c->ties[side] || !leg_of(c, side) ? NULL : pool_get(&c->calls->ties);
	if (!t) {
		orig_refuse_replace(c, v);
		return;
	}
	struct verb said = { .kind = c->answered ? VERB_ANSWER : VERB_ALERT };
	struct party other;
	call_who(&other, c, other_of(side));
	*t = (struct call_tie){ .link = r->by, .phase = TIE_STANDS, .as = RECORD_TIED_JOINED, .other = r->tied_to,
		.party = *r->party };
	c->ties[side] = t;
	call_trail(c, side, TRAIL_TRANSFERRED, line_of(c, side), 0);
	put_in_place(c, side, cause_local(CAUSE_NORMAL));
	said.party = &other;
	if (c->answered || c->alerted_ms) tell(c, side, &said);
}

void tie_begin(struct call *c, uint64_t to)
{
	struct call_tie *t = pool_get(&c->calls->ties); // there are two for each call
	if (!t) return;
	*t = (struct call_tie){ .link = c->o_leg.link, .phase = TIE_STANDS, .as = RECORD_TIED_BEGUN, .other = to };
	c->ties[SIDE_O] = t;
}

void ties_drop(struct call *c)
{
	for (uint32_t side = SIDE_O; side <= SIDE_T; side++)
		if (tie_is_asked(c, (enum call_side)side)) drop(c, (enum call_side)side, c->cause);
}

void ties_free(struct call *c)
{
	for (uint32_t side = SIDE_O; side <= SIDE_T; side++) c->ties[side] = pool_put(&c->calls->ties, c->ties[side]);
}
