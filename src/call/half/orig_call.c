// The originating half from the first sign of the far party: ringing, the answer and its record, treatment, talk.
#include "call/half/orig.h"

#include "base/bug.h"

COUNTER(call_records_late, "Answers passed on or refused because their record was not on disk in time");

// Ringing of ours, to a caller who hears us: by a leg that we opened, or by early media of a far party that left.
static void ring_begin(struct call *c)
{
	if (c->rings || (!c->o_open && !media_can_play(&c->media, MEDIA_A))) return;
	enum err e = media_play(&c->media, &c->calls->media, MEDIA_A, (struct media_play){ .tone = MEDIA_TONE_RINGBACK });
	join_told(e);
	c->rings = e == OK;
}

static void ring_end(struct call *c)
{
	if (c->rings) join_told(media_stop(&c->media, &c->calls->media, MEDIA_A));
	c->rings = false;
}

// The far party's media before it answers. False: there are none that the caller could be told of.
static bool early_media(struct call *c, const struct verb *v, struct verb *up)
{
	if (v->media == MEDIA_OFFER) return join_early_offer(c, v, up) == OK;
	return v->media != MEDIA_NONE && join_answer(c, v, up) == OK;
}

// What the far party sends before it answers.
void orig_progress(struct call *c, const struct verb *v)
{
	struct verb up = { .kind = VERB_PROGRESS };
	if (!early_media(c, v, &up)) return;
	ring_end(c);
	c->in_band = c->far_told = true;
	up.in_band = true;
	if (!c->o_open) o_tell(c, &up);
}

void orig_alert(struct call *c, const struct verb *v)
{
	struct verb up = { .kind = VERB_ALERT };
	bool first = !c->alerted_ms; // else another phone, or the next attempt: the caller knows that it rings
	bool media = early_media(c, v, &up);
	if (first) {
		c->alerted_ms = call_env(c)->now_ms;
		call_trail(c, SIDE_T, TRAIL_ALERTING, 0, 0);
	}
	if (media) {
		ring_end(c);
		c->in_band = true;
	} else if (!c->in_band) {
		ring_begin(c);
	}
	up.in_band = c->in_band || c->rings;
	if (!c->o_open && (first || media)) o_tell(c, &up);
}

// Keeps the answer for the caller until its record is on disk.
static enum err hold_sdp(struct call *c, struct str sdp)
{
	c->held_sdp = slab_free(&c->calls->texts, c->held_sdp);
	c->held_sdp = slab_dup(&c->calls->texts, sdp);
	return c->held_sdp.n > 0 ? OK : ERR_SYSTEM;
}

// The media of the far party's answer. Its offer, if the caller sent none, waits until it can be passed on.
static enum err answer_came(struct call *c, const struct verb *v)
{
	struct verb up = { .kind = VERB_ANSWER };
	struct media_leg leg = join_leg(c, SIDE_T);
	if (c->taking) {
		enum err taken = take_answers(c, v->sdp, &up.sdp);
		return taken == OK && up.sdp.n ? hold_sdp(c, up.sdp) : taken;
	}
	if (v->media == MEDIA_OFFER) return media_offer_from(&c->media, &c->calls->media, MEDIA_B, &leg, v->sdp);
	enum err e = v->media == MEDIA_ANSWER ? join_answer(c, v, &up) : OK;
	return e == OK && up.media == MEDIA_ANSWER ? hold_sdp(c, up.sdp) : e;
}

void orig_record_answer(struct call *c, const struct verb *v)
{
	const struct env *env = call_env(c);
	c->answered_ms = env->now_ms;
	call_trail(c, SIDE_T, TRAIL_ANSWERED, c->t_answered, 0);
	enum err e = answer_came(c, v);
	if (e != OK) {
		c->cause = join_failed(c, SIDE_T, e);
		o_post(c, O_EV_REFUSE, NULL);
		return;
	}
	half_timer(c, SIDE_O, orig_commit_ms(c));
	call_put_answer(c);
	if (BUG(answer_before_record)) o_post(c, O_EV_RECORDED, NULL);
}

// The media of the answer for the caller: the answer that was held, or the offer of a far party that was asked for one.
static enum err answer_media(struct call *c, struct verb *up)
{
	if (c->held_sdp.n) {
		up->media = MEDIA_ANSWER;
		up->sdp = c->held_sdp;
	} else if (media_offer_waits(&c->media, MEDIA_B)) {
		struct media_leg leg = join_leg(c, SIDE_O);
		up->media = MEDIA_OFFER;
		return media_offer_to(&c->media, &c->calls->media, c->calls->setup.env, MEDIA_A, &leg, &up->sdp);
	}
	return OK;
}

// The far party's answer reaches the caller.
void orig_answer(struct call *c, const struct verb *v)
{
	(void)v;
	struct verb up = { .kind = VERB_ANSWER };
	const struct office_rules *rules = call_rules(c);
	enum err e = c->o_open ? OK : answer_media(c, &up);
	if (e != OK) {
		c->released_by = BY_SWITCH;
		o_post(c, O_EV_GIVE_UP, &(struct verb){ .kind = VERB_RELEASE, .cause = join_failed(c, SIDE_O, e) });
		return;
	}
	c->answered = true;
	media_settled(&c->media, &c->calls->media); // nobody else will be asked: the offer need not be kept
	half_timer(c, SIDE_O, (uint64_t)rules->settings.call_max_s * 1000);
	if (!c->emergency) // which ends when the centre says so
		join_told(media_watch(&c->media, &c->calls->media, (uint16_t)rules->settings.media_silence_s));
	ring_end(c);
	if (c->o_open) return;
	struct party other;
	if (c->ties[SIDE_O]) {
		call_who(&other, c, SIDE_T);
		up.party = &other;
	}
	o_tell(c, &up);
	c->held_sdp = slab_free(&c->calls->texts, c->held_sdp);
	c->o_open = true;
}

void orig_answer_late(struct call *c, const struct verb *v)
{
	(void)v;
	const struct office_rules *r = call_rules(c);
	if (!c->emergency) COUNT(call_records_late);
	if (r->settings.slow_disk_refuses && !c->emergency) {
		c->cause = cause_local(CAUSE_TEMPORARY);
		o_post(c, O_EV_REFUSE, NULL);
		return;
	}
	c->unsynced = true;
	call_trail(c, SIDE_O, TRAIL_ANSWER_UNSYNCED, c->emergency ? 0 : r->settings.answer_commit_ms, 0);
	o_post(c, O_EV_LATE, NULL);
}

void orig_treat(struct call *c, const struct verb *v)
{
	if (v->kind == VERB_RELEASE && v->cause.value) c->cause = v->cause;
	half_timer(c, SIDE_O, 0);
	if (!c->cause.value) c->cause = cause_local(CAUSE_TEMPORARY);
	c->released_by = c->cause.location == LOCATION_USER ? BY_CALLED : BY_SWITCH;
	if (c->released_by == BY_SWITCH) call_trail(c, SIDE_O, TRAIL_RELEASED_BY_SWITCH, c->cause.value, 0);
	if (treat_begin(c)) half_timer(c, SIDE_O, call_rules(c)->settings.treatment_ms);
	else o_post(c, O_EV_TIMER, NULL);
}

void orig_treat_on(struct call *c, const struct verb *v)
{
	(void)v;
	if (!treat_next(c)) o_post(c, O_EV_TIMER, NULL);
}

void orig_refuse_late(struct call *c, const struct verb *v)
{
	t_post(c, T_EV_O_RELEASE, 0, NULL);
	orig_treat(c, v);
}

void orig_divert(struct call *c, const struct verb *v)
{
	media_leave(&c->media, &c->calls->media, MEDIA_B);
	c->in_band = false;
	orig_analyse(c, v);
}

void orig_media(struct call *c, const struct verb *v)
{
	join_media(c, SIDE_O, v);
	// Whoever called without an offer hears us only from its answer on.
	if (c->o.pic == O_COLLECT && v->media == MEDIA_ANSWER && !c->collected[0])
		join_told(media_play(&c->media, &c->calls->media, MEDIA_A, (struct media_play){ .tone = c->tone }));
}

void orig_pass_digit(struct call *c, const struct verb *v)
{
	join_told(media_digit(&c->media, &c->calls->media, MEDIA_B, v->digit, v->digit_ms));
}
