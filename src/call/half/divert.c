// Calls that are sent on: the limit, who pays, and what is kept of each time for the next network to hear.
#include "call/half/inside.h"

static uint32_t known(const struct call *c)
{
	return c->history.n / (uint32_t)sizeof(struct diversion);
}

uint8_t divert_history(const struct call *c, struct diversion out[DIVERSIONS_MAX])
{
	if (c->history.n) memcpy(out, c->history.p, c->history.n);
	return (uint8_t)known(c);
}

// Without memory the call goes on all the same, and only the next network hears less.
static void keep(struct call *c, const struct diversion *list, uint32_t n)
{
	struct slab *texts = &c->calls->texts;
	c->history = slab_free(texts, c->history);
	c->history = slab_dup(texts, (struct str){ (const char *)list, n * (uint32_t)sizeof *list });
}

void divert_take(struct call *c, const struct verb_offer *offer)
{
	c->diversions = offer->diverted;
	if (offer->diverted) call_trail(c, SIDE_O, TRAIL_CAME_FORWARDED, offer->diverted, 0);
	if (offer->diversion_count) keep(c, offer->diversions, offer->diversion_count);
}

static enum diversion_reason reason_of(enum office_feature f)
{
	switch (f) {
	case FEATURE_FORWARD_ALL: return DIVERSION_UNCONDITIONAL;
	case FEATURE_FORWARD_BUSY: return DIVERSION_BUSY;
	case FEATURE_FORWARD_NO_ANSWER: return DIVERSION_NO_ANSWER;
	default: return DIVERSION_UNKNOWN;
	}
}

// The line that sends it on joins those that did before; of too many the second gives way, since the first was dialled.
static void add(struct call *c, const struct office_line *line, enum office_feature f)
{
	struct diversion list[DIVERSIONS_MAX];
	uint32_t n = divert_history(c, list);
	bool hides = line && line->features[FEATURE_CALLER_ID_BLOCK].active;
	if (n == DIVERSIONS_MAX) memmove(&list[1], &list[2], (--n - 1) * sizeof list[0]);
	list[n++] = (struct diversion){ .from = c->called, .reason = (uint8_t)reason_of(f),
		.presentation = hides ? PRESENT_RESTRICTED : PRESENT_ALLOWED };
	keep(c, list, n);
}

bool call_divert(struct call *c, uint32_t line, enum office_feature f, struct str target)
{
	if (c->diversions >= CALL_DIVERSIONS_MAX) {
		call_trail(c, SIDE_T, TRAIL_FORWARD_LOOP, c->diversions, 0);
		return false;
	}
	c->diversions++;
	call_trail(c, SIDE_T, TRAIL_FORWARDED, f, line);
	add(c, call_line(c, line), f);
	c->diverted_from = c->called;
	c->diversion_feature = (uint8_t)f;
	c->payer_line = line;
	struct buf b = buf_on(c->collected, sizeof c->collected - 1);
	if (target.n > 4) put_c(&b, '+'); // E.164; what is shorter is a short code
	put(&b, target);
	c->collected[b.n] = '\0';
	return true;
}
