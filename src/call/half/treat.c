// What the caller of a failed call hears: an announcement or a tone, chosen by the cause (NANP treatment table), after
// which the call is released. A caller on a trunk hears nothing of ours: its own switch knows the cause.
#include "call/half/inside.h"

static const struct treatment {
	uint8_t prompt, tone;
	bool early; // worth an early-media announcement to a phone that could be told by a code alone
} treatments[128] = {
	[CAUSE_UNALLOCATED] = { MEDIA_PROMPT_VACANT, 0, true },
	[2] = { MEDIA_PROMPT_CARRIER_CANNOT, 0, true },
	[CAUSE_NO_ROUTE] = { MEDIA_PROMPT_CANNOT_COMPLETE, 0, true },
	[4] = { MEDIA_PROMPT_VACANT, 0, true },
	[8] = { MEDIA_PROMPT_NO_PREFIX, 0, true },
	[9] = { MEDIA_PROMPT_NO_PREFIX, 0, true },
	[CAUSE_PREFIX_1_MISSING] = { MEDIA_PROMPT_MUST_DIAL_1, 0, true },
	[CAUSE_BUSY] = { 0, MEDIA_TONE_BUSY, false },
	[CAUSE_NO_RESPONSE] = { MEDIA_PROMPT_NO_ANSWER, 0, false },
	[CAUSE_NO_ANSWER] = { MEDIA_PROMPT_NO_ANSWER, 0, false },
	[CAUSE_ABSENT] = { MEDIA_PROMPT_NO_ANSWER, 0, false },
	[CAUSE_REJECTED] = { MEDIA_PROMPT_REJECTED, 0, false },
	[CAUSE_CHANGED] = { MEDIA_PROMPT_CHANGED, 0, true },
	[CAUSE_OUT_OF_ORDER] = { MEDIA_PROMPT_TROUBLE, 0, false },
	[CAUSE_INCOMPLETE] = { MEDIA_PROMPT_INCOMPLETE, 0, true },
	[CAUSE_FACILITY_REJECTED] = { MEDIA_PROMPT_NOT_ALLOWED, 0, false },
	[CAUSE_NO_CIRCUIT] = { MEDIA_PROMPT_CIRCUITS_BUSY, 0, false },
	[38] = { MEDIA_PROMPT_TROUBLE, 0, false },
	[CAUSE_TEMPORARY] = { MEDIA_PROMPT_TROUBLE, 0, false },
	[CAUSE_CONGESTION] = { MEDIA_PROMPT_CIRCUITS_BUSY, 0, false },
	[44] = { MEDIA_PROMPT_CIRCUITS_BUSY, 0, false },
	[46] = { MEDIA_PROMPT_CIRCUITS_BUSY, 0, false },
	[47] = { MEDIA_PROMPT_CIRCUITS_BUSY, 0, false },
	[CAUSE_NOT_SUBSCRIBED] = { MEDIA_PROMPT_NOT_ALLOWED, 0, false },
	[55] = { MEDIA_PROMPT_NOT_ALLOWED, 0, false },
	[CAUSE_BARRED] = { MEDIA_PROMPT_NOT_ALLOWED, 0, true },
	[63] = { MEDIA_PROMPT_NOT_ALLOWED, 0, false },
	[69] = { MEDIA_PROMPT_NOT_ALLOWED, 0, false },
	[87] = { MEDIA_PROMPT_NOT_ALLOWED, 0, false },
};

#define ANNOUNCEMENT_CYCLES 2

static bool play(struct call *c, enum media_prompt prompt, enum media_tone tone)
{
	struct media_play p = { .prompt = (uint8_t)prompt, .tone = (uint8_t)tone, .times = prompt ? ANNOUNCEMENT_CYCLES : 0 };
	if (media_play(&c->media, &c->calls->media, MEDIA_A, p) != OK) return false;
	c->tone = (uint8_t)tone;
	call_trail(c, SIDE_O, TRAIL_TREATMENT, prompt ? (uint32_t)prompt : TRAIL_TONE | (uint32_t)tone, 0);
	return true;
}

bool treat_begin(struct call *c)
{
	const struct treatment *t = &treatments[c->cause.value & 127];
	bool early = c->prompt || (t->early && !c->far_told);
	enum media_prompt prompt = c->prompt ? c->prompt : t->prompt;
	c->tone = MEDIA_TONE_NONE;
	if (c->o_trunk || c->ties[SIDE_O] || c->o_leg.phase == LEG_GONE) return false;
	if (!c->o_open && (!early || join_local(c, false) != OK)) return false;
	if (prompt) return play(c, prompt, MEDIA_TONE_NONE);
	return play(c, MEDIA_PROMPT_NONE, t->tone ? t->tone : MEDIA_TONE_REORDER);
}

bool treat_next(struct call *c)
{
	// A caller who heard an announcement on a line that we opened and who stays gets reorder, until the time is up.
	if (c->tone || !c->o_open || c->cause.value == CAUSE_NORMAL) return false;
	return play(c, MEDIA_PROMPT_NONE, MEDIA_TONE_REORDER);
}
