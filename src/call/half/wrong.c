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

static const char *orig_wrong(const struct call *c)
{
	uint32_t in = IN(c->o.pic);
	bool ended = c->o.pic >= O_COUNTING;
	if (in & PASSING_O) return "the originating half rests in a state that it only passes";
	if ((in & TIMED_O) && !c->o.timer.armed) return "a state of the originating half has no timer";
	if ((in & CALLING_O) && c->o.timer.armed) return "the originating half has a timer that its state has not";
	if (c->o.pic == O_COLLECT && !c->o_open) return "it collects digits from a caller whose leg is not open";
	if (c->o.pic == O_ACTIVE && !(c->answered && c->o_open)) return "it is active, and the caller was not answered";
	if (c->o.pic < O_ACTIVE && c->answered) return "it is answered, and the far party was not connected";
	if ((in & (IN(O_RECORDING) | IN(O_ACTIVE))) && !c->answered_ms) return "it is answered at no time";
	if (!ended && c->o_leg.phase == LEG_GONE) return "it goes on without its caller";
	if (ended != (c->ended_ms != 0)) return "its end has no time, or a call that stands has one";
	if (ended && c->media.session) return "it is over, and its media session is open";
	return NULL;
}

static const char *term_wrong(const struct call *c)
{
	uint32_t in = IN(c->t.pic), live = legs_in(c, IN(LEG_OFFERED) | IN(LEG_ALERTING) | IN(LEG_ANSWERED));
	bool rings = in & RINGING_T, holds = rings || c->t.pic == T_ACTIVE;
	if (in & PASSING_T) return "the terminating half rests in a state that it only passes";
	if (rings != c->t.timer.armed) return "the terminating half has no timer while it rings, or one while it does not";
	if (rings && (!live || c->t_answered)) return "it rings, and no phone does";
	if (c->t.pic == T_ACTIVE && (!c->t_answered || c->t_legs[c->t_answered - 1].phase != LEG_ANSWERED))
		return "it is active, and no leg has answered";
	if (c->t.pic == T_ACTIVE && live != 1) return "a phone rings on, though another has answered";
	if (!holds && live && !(c->bye_waits && live == 1)) return "a leg outlives the terminating half";
	if (holds && c->t_line && c->taken.t_line != c->t_line) return "the called line's place is not taken";
	if (holds && !c->t_line && !c->trunk_at) return "the trunk group's place is not taken";
	if (!holds && (c->taken.t_line || c->trunk_at)) return "a place is taken for a party that is not there";
	return NULL;
}

static const char *halves_wrong(const struct call *c)
{
	uint32_t o = IN(c->o.pic), t = IN(c->t.pic);
	if (o == IN(O_SEND) && t != IN(T_PRESENT)) return "it is sent, and presented to nobody";
	if (o == IN(O_ALERTING) && !(t & RINGING_T)) return "it alerts, and nobody rings";
	if ((o & (IN(O_RECORDING) | IN(O_ACTIVE))) && t != IN(T_ACTIVE)) return "it is answered, and nobody has answered";
	if (!(o & (CALLING_O | IN(O_RECORDING) | IN(O_ACTIVE))) && !(t & (IN(T_NULL) | IN(T_EXCEPTION))))
		return "somebody is called in a call that calls nobody";
	return NULL;
}

static bool is_gone(const struct call_leg *leg)
{
	const struct leg_link *l = &leg->link;
	bool held = leg->phase != LEG_FREE && leg->phase != LEG_GONE;
	return held && l->ops->call_id && !l->ops->call_id(l->self, l->leg).n;
}

static const char *legs_wrong(const struct call *c)
{
	if (is_gone(&c->o_leg)) return "its caller's leg is gone, and it was not told";
	for (uint32_t i = 0; i < c->t_leg_count; i++)
		if (is_gone(&c->t_legs[i])) return "a called leg is gone, and it was not told";
	return NULL;
}

static const char *trail_wrong(const struct trail *t)
{
	if (t->n == 0 || t->n > TRAIL_MAX) return "it has no trail";
	for (uint32_t i = 1; i < t->n; i++)
		if (t->rows[i].at_ms < t->rows[i - 1].at_ms) return "the rows of its trail are out of order";
	return NULL;
}

const char *call_wrong(const struct call *c)
{
	const char *wrong = orig_wrong(c);
	if (!wrong) wrong = term_wrong(c);
	if (!wrong) wrong = halves_wrong(c);
	if (!wrong) wrong = legs_wrong(c);
	return wrong ? wrong : trail_wrong(&c->trail);
}

bool calls_hold(const struct calls *cs, ref call, enum call_side side, uint8_t index, ref leg)
{
	const struct call *c = pool_at(&cs->pool, call);
	const struct call_leg *l = !c ? NULL : side == SIDE_O ? &c->o_leg : index < c->t_leg_count ? &c->t_legs[index] : NULL;
	return l && l->link.leg == leg && l->phase != LEG_GONE && l->phase != LEG_FREE;
}
