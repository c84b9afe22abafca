// What who watches a line is told of its calls: after each step of a call, what changed in what its lines do; and now
// and then all of it again, so that nothing that was lost on the way stays wrong.
#include "call/half/inside.h"

static enum dialog_state caller_state(const struct call *c)
{
	if (c->o_leg.phase == LEG_GONE || c->o.pic == O_NULL || c->o.pic >= O_COUNTING) return DIALOG_NONE;
	if (c->answered || c->o_open) return DIALOG_CONFIRMED;
	return c->o.pic == O_ALERTING ? DIALOG_EARLY : DIALOG_TRYING;
}

static enum dialog_state called_state(const struct call *c)
{
	if (c->o.pic >= O_COUNTING) return DIALOG_NONE;
	switch (c->t.pic) {
	case T_PRESENT: return DIALOG_TRYING;
	case T_ALERTING: return DIALOG_EARLY;
	case T_ACTIVE: return DIALOG_CONFIRMED;
	default: return DIALOG_NONE;
	}
}

// A line is seen in a call as long as the call holds one of its places: whose counter is 0 is in none.
static struct call_shown stands(const struct call *c, enum call_side side)
{
	uint32_t line = side == SIDE_O ? c->taken.o_line : c->taken.t_line;
	enum dialog_state state = !line ? DIALOG_NONE : side == SIDE_O ? caller_state(c) : called_state(c);
	return (struct call_shown){ .line = state ? line : 0, .state = (uint8_t)state };
}

static void name_leg(struct line_dialog *d, const struct call_leg *leg)
{
	const struct leg_link *l = leg ? &leg->link : NULL;
	if (!l || !l->ops || !l->ops->call_id || !l->ops->ends) return;
	const struct leg_ends ends = l->ops->ends(l->self, l->leg);
	bool whole = str_to_z(d->call_id, sizeof d->call_id, l->ops->call_id(l->self, l->leg));
	whole &= str_to_z(d->our_tag, sizeof d->our_tag, ends.ours);
	whole &= str_to_z(d->phone_tag, sizeof d->phone_tag, ends.theirs);
	if (!whole) d->call_id[0] = d->our_tag[0] = d->phone_tag[0] = '\0'; // half of a name is none
}

// Who calls is shown as to the line itself; who is called, as it was dialled.
static struct party far_of(const struct call *c, enum call_side side)
{
	struct party far = c->caller;
	if (side == SIDE_O) far = (struct party){ .number = c->called };
	if (side == SIDE_T && far.presentation == PRESENT_RESTRICTED && !c->emergency)
		far = (struct party){ .presentation = PRESENT_RESTRICTED };
	return far;
}

static void tell(struct call *c, enum call_side side, struct call_shown s)
{
	const struct calls_setup *to = &c->calls->setup;
	if (!s.line || !watching_calls(to->live->watching, s.line)) return;
	struct line_dialog d = { .call = c->id, .line = s.line, .state = s.state, .called = side == SIDE_T };
	if (s.state) {
		d.far = far_of(c, side);
		name_leg(&d, side == SIDE_O ? &c->o_leg : t_leg(c));
	}
	to->show(to->show_self, &d);
}

void call_show(struct call *c)
{
	if (!c->calls->setup.show) return;
	for (enum call_side side = SIDE_O; side <= SIDE_T; side++) {
		struct call_shown now = stands(c, side), *was = &c->shown[side];
		if (now.line == was->line && now.state == was->state) continue;
		if (was->line && was->line != now.line) tell(c, side, (struct call_shown){ .line = was->line });
		*was = now;
		tell(c, side, now);
	}
}

void calls_show_line(struct calls *cs, uint32_t line)
{
	uint32_t at = 0;
	for (struct call *c; cs->setup.show && (c = pool_each(&cs->pool, &at));)
		for (enum call_side side = SIDE_O; side <= SIDE_T; side++)
			if (c->shown[side].line == line) tell(c, side, c->shown[side]);
}

bool calls_show_some(struct calls *cs, uint32_t *at, uint32_t count)
{
	struct call *c;
	for (; cs->setup.show && count; count--) {
		c = pool_each(&cs->pool, at);
		if (!c) return false;
		for (enum call_side side = SIDE_O; side <= SIDE_T; side++)
			if (c->shown[side].line) tell(c, side, c->shown[side]);
	}
	return cs->setup.show;
}
