// Call forwarding (GR-580, GR-586): unconditional, on busy, on no answer. Set from the phone: *72 (*90, *92), recall
// dial tone, the target; cleared by *73 (*91, *93). The forwarding line pays for the onward part, with its own rights.
#include "call/feature/feature.h"

static enum feature_says refuse(struct call *c, enum media_prompt prompt, uint8_t cause)
{
	c->prompt = (uint8_t)prompt;
	c->cause = cause_local(cause);
	return FEATURE_RELEASE;
}

static enum feature_says change(struct call *c, bool active, struct str target)
{
	c->prompt = MEDIA_PROMPT_FORWARDING_BAD; // unless the change succeeds
	if (call_set_feature(c, c->o_line, c->star_feature, active, target) != OK)
		return refuse(c, MEDIA_PROMPT_TROUBLE, CAUSE_TEMPORARY);
	return FEATURE_WAIT;
}

enum feature_says forward_access(struct call *c)
{
	const struct translation *t = &c->translation;
	const struct office_line *line = call_line(c, c->o_line);
	if (c->payer_line != c->o_line) return FEATURE_CONTINUE; // already on its way elsewhere
	if (c->star == STAR_SET) { // these digits are the target
		if (t->class == DIAL_EMERGENCY) return FEATURE_CONTINUE;
		if (!number_may_be_target(t)) return refuse(c, MEDIA_PROMPT_FORWARDING_BAD, CAUSE_INCOMPLETE);
		return change(c, true, number_str(&t->called));
	}
	if (t->class != DIAL_STAR || (t->star != STAR_SET && t->star != STAR_CLEAR)) return FEATURE_CONTINUE;
	if (!line || !line->features[t->feature].subscribed) {
		call_trail(c, SIDE_O, TRAIL_FEATURE_REFUSED, t->feature, 0);
		return refuse(c, MEDIA_PROMPT_NOT_ALLOWED, CAUSE_NOT_SUBSCRIBED);
	}
	c->star = t->star;
	c->star_feature = t->feature;
	if (t->star == STAR_CLEAR) return change(c, false, (struct str){ "", 0 });
	str_to_z(c->collected, sizeof c->collected, (struct str){ t->rest, t->rest_n });
	return FEATURE_COLLECT_MORE;
}

static enum feature_says forward(struct call *c, enum office_feature f)
{
	const struct office_line *line = call_line(c, c->t_line);
	if (!line || !line->features[f].subscribed || !line->features[f].active || !line->features[f].target[0])
		return FEATURE_CONTINUE;
	if (call_divert(c, line->id, f, str_from(line->features[f].target))) return FEATURE_REDIRECT;
	return refuse(c, MEDIA_PROMPT_CANNOT_COMPLETE, CAUSE_ROUTING_ERROR);
}

enum feature_says forward_all(struct call *c)
{
	return forward(c, FEATURE_FORWARD_ALL);
}

enum feature_says forward_busy(struct call *c)
{
	return forward(c, FEATURE_FORWARD_BUSY);
}

enum feature_says forward_no_answer(struct call *c)
{
	return forward(c, FEATURE_FORWARD_NO_ANSWER);
}
