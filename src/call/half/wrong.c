// What must hold of a call between two events: each half by itself, both together, and what they hold.
#include "call/half/inside.h"

#define PASSING_O (IN(O_NULL) | IN(O_AUTHORISE) | IN(O_SELECT_ROUTE) | IN(O_OVER))
#define TIMED_O (IN(O_COLLECT) | IN(O_ANALYSE) | IN(O_RECORDING) | IN(O_EXCEPTION) | IN(O_COUNTING) | IN(O_CLOSING))
#define CALLING_O (IN(O_SEND) | IN(O_ALERTING))
#define PASSING_T (IN(T_AUTHORISE) | IN(T_SELECT_FACILITY))
#define RINGING_T (IN(T_PRESENT) | IN(T_ALERTING))

static uint32_t legs_in(const struct call *c, uint32_t phases)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->t_leg_count; i++) n += (IN(c->t_legs[i].phase) & phases) != 0;
	return n;
}

static enum call_invariant orig_wrong(const struct call *c)
{
	uint32_t in = IN(c->o.pic);
	bool ended = c->o.pic >= O_COUNTING;
	if (in & PASSING_O) return INVARIANT_O_PASSES;
	if ((in & TIMED_O) && !c->o.timer.armed) return INVARIANT_O_UNTIMED;
	if ((in & CALLING_O) && c->o.timer.armed) return INVARIANT_O_TIMED;
	if (c->o.pic == O_COLLECT && !c->o_open) return INVARIANT_COLLECTS_CLOSED;
	if (c->o.pic == O_ACTIVE && !(c->answered && c->o_open)) return INVARIANT_ACTIVE_UNANSWERED;
	if (c->o.pic < O_ACTIVE && c->answered) return INVARIANT_ANSWERED_UNCONNECTED;
	if ((in & (IN(O_RECORDING) | IN(O_ACTIVE))) && !c->answered_ms) return INVARIANT_ANSWERED_NEVER;
	if (!ended && c->o_leg.phase == LEG_GONE) return INVARIANT_NO_CALLER;
	if (ended != (c->ended_ms != 0)) return INVARIANT_END_UNTIMED;
	if (ended && c->media.session) return INVARIANT_MEDIA_LEFT;
	return INVARIANTS_HOLD;
}

static enum call_invariant term_wrong(const struct call *c)
{
	uint32_t in = IN(c->t.pic), live = legs_in(c, IN(LEG_OFFERED) | IN(LEG_ALERTING) | IN(LEG_ANSWERED));
	bool rings = in & RINGING_T, holds = rings || c->t.pic == T_ACTIVE;
	bool tied = c->ties[SIDE_T] && c->ties[SIDE_T]->phase != TIE_ASKED; // who left has given its place back
	if (in & PASSING_T) return INVARIANT_T_PASSES;
	if (rings != c->t.timer.armed) return INVARIANT_T_TIMER;
	if (rings && (!live || c->t_answered)) return INVARIANT_RINGS_NOBODY;
	if (c->t.pic == T_ACTIVE && (!c->t_answered || c->t_legs[c->t_answered - 1].phase != LEG_ANSWERED))
		return INVARIANT_ACTIVE_NO_LEG;
	if (c->t.pic == T_ACTIVE && live != 1) return INVARIANT_RINGS_ON;
	if (!holds && live && !(c->bye_waits && live == 1)) return INVARIANT_LEG_LEFT;
	if (holds && !tied && c->t_line && c->taken.t_line != c->t_line) return INVARIANT_LINE_UNTAKEN;
	if (holds && !tied && !c->t_line && !c->trunk_at) return INVARIANT_TRUNK_UNTAKEN;
	if (!holds && (c->taken.t_line || c->trunk_at)) return INVARIANT_TAKEN_FOR_NOBODY;
	return INVARIANTS_HOLD;
}

static enum call_invariant halves_wrong(const struct call *c)
{
	uint32_t o = IN(c->o.pic), t = IN(c->t.pic);
	if (o == IN(O_SEND) && t != IN(T_PRESENT)) return INVARIANT_SENT_TO_NOBODY;
	if (o == IN(O_ALERTING) && !(t & RINGING_T)) return INVARIANT_ALERTS_NOBODY;
	if ((o & (IN(O_RECORDING) | IN(O_ACTIVE))) && t != IN(T_ACTIVE)) return INVARIANT_ANSWERED_BY_NOBODY;
	if (!(o & (CALLING_O | IN(O_RECORDING) | IN(O_ACTIVE))) && !(t & (IN(T_NULL) | IN(T_EXCEPTION))))
		return INVARIANT_CALLED_FOR_NOBODY;
	return INVARIANTS_HOLD;
}

static bool is_gone(const struct call_leg *leg)
{
	const struct leg_link *l = &leg->link;
	bool held = leg->phase != LEG_FREE && leg->phase != LEG_GONE;
	return held && l->ops->call_id && !l->ops->call_id(l->self, l->leg).n;
}

static enum call_invariant legs_wrong(const struct call *c)
{
	if (is_gone(&c->o_leg)) return INVARIANT_CALLER_LEG_GONE;
	for (uint32_t i = 0; i < c->t_leg_count; i++)
		if (is_gone(&c->t_legs[i])) return INVARIANT_CALLED_LEG_GONE;
	return INVARIANTS_HOLD;
}

static enum call_invariant trail_wrong(const struct trail *t)
{
	if (t->n == 0 || t->n > TRAIL_MAX) return INVARIANT_NO_TRAIL;
	for (uint32_t i = 1; i < t->n; i++)
		if (t->rows[i].at_ms < t->rows[i - 1].at_ms) return INVARIANT_TRAIL_ORDER;
	return INVARIANTS_HOLD;
}

enum call_invariant call_wrong(const struct call *c)
{
	enum call_invariant wrong = orig_wrong(c);
	if (!wrong) wrong = term_wrong(c);
	if (!wrong) wrong = halves_wrong(c);
	if (!wrong) wrong = legs_wrong(c);
	return wrong ? wrong : trail_wrong(&c->trail);
}

bool calls_hold(const struct calls *cs, ref call, enum call_side side, uint8_t index, const void *adapter, ref leg)
{
	const struct call *c = pool_at(&cs->pool, call);
	const struct call_leg *l = !c ? NULL : side == SIDE_O ? &c->o_leg : index < c->t_leg_count ? &c->t_legs[index] : NULL;
	return l && l->link.leg == leg && l->link.self == adapter && l->phase != LEG_GONE && l->phase != LEG_FREE;
}
