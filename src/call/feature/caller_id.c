// Caller-ID blocking per call: *67 withholds the number, *82 shows it on a line that withholds it on every call
// (GR-391). After the code, recall dial tone, or the number that was dialled with it. A line without the feature is
// refused only when its number is known, for that may be 911, which goes through whatever was dialled before it.
#include "call/feature/feature.h"

static enum feature_says refuse(struct call *c)
{
	call_trail(c, SIDE_O, TRAIL_FEATURE_REFUSED, FEATURE_CALLER_ID_BLOCK, 0);
	c->prompt = MEDIA_PROMPT_NOT_ALLOWED;
	c->cause = cause_local(CAUSE_NOT_SUBSCRIBED);
	return FEATURE_RELEASE;
}

enum feature_says caller_id_block(struct call *c)
{
	const struct translation *t = &c->translation;
	const struct office_line *line = call_line(c, c->o_line);
	if (t->class != DIAL_STAR || (t->star != STAR_BLOCK && t->star != STAR_UNBLOCK))
		return c->prefix_refused && t->class != DIAL_EMERGENCY ? refuse(c) : FEATURE_CONTINUE;
	if (!line || !line->features[FEATURE_CALLER_ID_BLOCK].subscribed) {
		c->prefix_refused = true;
	} else if (t->star == STAR_BLOCK) {
		call_trail(c, SIDE_O, TRAIL_CALLER_ID_BLOCKED, 0, 0);
		c->caller.presentation = PRESENT_RESTRICTED;
	} else {
		c->caller.presentation = PRESENT_ALLOWED;
	}
	str_to_z(c->collected, sizeof c->collected, (struct str){ t->rest, t->rest_n });
	return FEATURE_COLLECT_MORE;
}
