// The originating half (ITU-T Q.1224 §4): from a leg that brings a call to the moment when nothing of it is left.
//
//     NULL ─▶ AUTHORISE ─▶ COLLECT ─▶ ANALYSE ─▶ SELECT_ROUTE ─▶ SEND ─▶ ALERTING ─▶ RECORDING ─▶ ACTIVE
//                │  digits at once ─────▲                                                           │
//                └─ denied ─▶ EXCEPTION (treatment) ─▶ COUNTING ─▶ CLOSING ─▶ OVER ◀────────────────┘
//
// What data decides is named as an event first (o_post); the table alone says what follows.
#include "call/half/inside.h"

COUNTER(call_o_dropped, "Events of originating halves without a row in their table");
#define RECORD_RETRY_MS 500

COUNTER(call_records_late, "Answers passed on or refused because their record was not on disk in time");

#define O_ACTIONS(X)                                                                                                   \
	X(none) X(authorise) X(dial_tone) X(digit) X(digit_timeout) X(analyse) X(recall) X(confirm) X(select_route)        \
	X(send_call) X(progress) X(alert) X(record_answer) X(answer) X(answer_late) X(refuse_late) X(divert) X(treat)       \
	X(treat_on) X(media) X(pass_digit) X(hang_up) X(leave) X(far_hung_up) X(end) X(give_up) X(too_long) X(write_record) X(close_late) X(over)
#define DO_ENUM(name) DO_##name,
enum { O_ACTIONS(DO_ENUM) DO_COUNT };

#define SETTING_UP (IN(O_AUTHORISE) | IN(O_COLLECT) | IN(O_ANALYSE) | IN(O_SELECT_ROUTE))
#define CALLING (IN(O_SEND) | IN(O_ALERTING))
#define STANDING (SETTING_UP | CALLING | IN(O_RECORDING) | IN(O_ACTIVE) | IN(O_EXCEPTION))

static const struct fsm_row rows[] = {
	{ IN(O_NULL), O_EV_OFFER, O_AUTHORISE, DO_authorise, "Q.1224 origination attempt" },
	{ IN(O_AUTHORISE), O_EV_NO_DIGITS, O_COLLECT, DO_dial_tone, "Q.1224 origination attempt authorised" },
	{ IN(O_AUTHORISE) | IN(O_ANALYSE), O_EV_DIGITS, O_ANALYSE, DO_analyse, "Q.1224 collected information" },
	{ SETTING_UP, O_EV_DENIED, O_EXCEPTION, DO_treat, "Q.1224 denied, invalid, route failed" },
	{ IN(O_COLLECT), O_EV_DIGIT, FSM_SAME, DO_digit, "Q.1224 collect information" },
	{ IN(O_COLLECT), O_EV_TIMER, FSM_SAME, DO_digit_timeout, "Q.1224 collect time-out" },
	{ IN(O_COLLECT), O_EV_COLLECTED, O_ANALYSE, DO_analyse, "Q.1224 collected information" },
	{ IN(O_ANALYSE), O_EV_RECALL, O_COLLECT, DO_recall, "Q.1224 analysed information: a feature wants digits" },
	{ IN(O_ANALYSE), O_EV_CONFIRM, O_EXCEPTION, DO_confirm, "a feature was changed from the phone" },
	{ IN(O_ANALYSE), O_EV_TIMER, O_EXCEPTION, DO_confirm, "the feature's change was not answered in time" },
	{ IN(O_ANALYSE), O_EV_ANALYSED, O_SELECT_ROUTE, DO_select_route, "Q.1224 analysed information" },
	{ IN(O_SELECT_ROUTE), O_EV_ROUTED, O_SEND, DO_send_call, "Q.1224 route selected" },
	{ CALLING, O_EV_T_PROGRESS, FSM_SAME, DO_progress, "Q.1224 call in progress" },
	{ CALLING, O_EV_T_ALERT, O_ALERTING, DO_alert, "Q.1224 terminating seized" },
	{ CALLING, O_EV_T_ANSWER, O_RECORDING, DO_record_answer, "Q.1224 answer" },
	{ CALLING, O_EV_T_FAIL, O_EXCEPTION, DO_treat, "Q.1224 called party busy, no answer" },
	{ CALLING, O_EV_T_REDIRECT, O_ANALYSE, DO_divert, "a feature of T sends the call elsewhere" },
	{ IN(O_RECORDING), O_EV_RECORDED, O_ACTIVE, DO_answer, "the answer's record is on disk" },
	{ IN(O_RECORDING), O_EV_TIMER, FSM_SAME, DO_answer_late, "the record is late: the office's policy" },
	{ IN(O_RECORDING), O_EV_LATE, O_ACTIVE, DO_answer, "passed on, marked" },
	{ IN(O_RECORDING), O_EV_REFUSE, O_EXCEPTION, DO_refuse_late, "not passed on" },
	{ IN(O_RECORDING) | IN(O_ACTIVE), O_EV_T_RELEASE, O_COUNTING, DO_far_hung_up, "Q.1224 disconnect" },
	{ IN(O_RECORDING) | IN(O_ACTIVE), O_EV_RELEASE, O_COUNTING, DO_hang_up, "Q.1224 disconnect" },
	{ IN(O_ACTIVE), O_EV_TIMER, O_COUNTING, DO_too_long, "longest call" },
	{ SETTING_UP | CALLING, O_EV_RELEASE, O_COUNTING, DO_hang_up, "Q.1224 abandon" },
	{ IN(O_ACTIVE), O_EV_DIGIT, FSM_SAME, DO_pass_digit, "RFC 6086: a digit by INFO" },
	{ STANDING, O_EV_MEDIA, FSM_SAME, DO_media, "RFC 3264" },
	{ IN(O_EXCEPTION), O_EV_PLAYED, FSM_SAME, DO_treat_on, "treatment" },
	{ IN(O_EXCEPTION), O_EV_TIMER, O_COUNTING, DO_end, "treatment is over" },
	{ IN(O_EXCEPTION), O_EV_RELEASE, O_COUNTING, DO_leave, "Q.1224 disconnect in exception" },
	{ STANDING, O_EV_GIVE_UP, O_COUNTING, DO_give_up, "released by an operator, or an invariant broke" },
	{ IN(O_COUNTING), O_EV_STATS, O_CLOSING, DO_write_record, "" },
	{ IN(O_COUNTING), O_EV_TIMER, O_CLOSING, DO_write_record, "the media plane is late" },
	{ IN(O_CLOSING), O_EV_RECORDED, O_OVER, DO_over, "" },
	{ IN(O_CLOSING), O_EV_TIMER, FSM_SAME, DO_close_late, "the record is late, or the journal could not take it" },
	// What crosses the end of a call is no fault of anyone.
	{ IN(O_COUNTING) | IN(O_CLOSING) | IN(O_EXCEPTION), O_EV_T_RELEASE, FSM_SAME, DO_none, "" },
	{ IN(O_COUNTING) | IN(O_CLOSING), O_EV_RELEASE, FSM_SAME, DO_none, "" },
};

static const char *const pic_names[] = { O_PICS(FSM_NAME) };
static const char *const event_names[] = { O_EVENTS(X_TEXT) };
static const char *const action_names[] = { O_ACTIONS(X_TEXT) };

const struct fsm orig_machine = {
	.name = "originating half", .rows = rows, .row_count = ARRAY_LEN(rows),
	.states = pic_names, .events = event_names, .actions = action_names,
	.state_count = O_PIC_COUNT, .event_count = O_EV_COUNT, .dropped = &counter_call_o_dropped,
};

static const struct office_line *payer(const struct call *c)
{
	return call_line(c, c->payer_line);
}

// How long a record may take: never without an end.
static uint64_t commit_ms(const struct call *c)
{
	uint32_t ms = call_rules(c)->settings.answer_commit_ms;
	return ms ? ms : 1;
}

static void deny(struct call *c, struct cause cause)
{
	c->cause = cause;
	c->released_by = BY_SWITCH;
	o_post(c, O_EV_DENIED, NULL);
}

// What the offer says of the caller is kept; what the office says of a line counts for more.
static void take_caller(struct call *c, const struct verb_offer *offer)
{
	const struct office_line *line = call_line(c, c->o_line);
	c->caller = offer->caller;
	str_to_z(c->dialled, sizeof c->dialled, offer->dialled);
	str_to_z(c->collected, sizeof c->collected, offer->dialled);
	c->hops = offer->hops;
	if (!line) return;
	struct party *p = &c->caller;
	if (number_set(&p->number, NUMBER_INTERNATIONAL, str_from(line->number)) != OK) p->number = (struct number){ 0 };
	p->screening = SCREENED_NETWORK;
	p->name_n = (uint8_t)strnlen(line->display, sizeof p->name);
	memcpy(p->name, line->display, p->name_n);
	if (line->features[FEATURE_CALLER_ID_BLOCK].active) p->presentation = PRESENT_RESTRICTED;
}

static void keep_identities(struct call *c, const struct verb_offer *offer)
{
	char text[16384];
	struct buf b = buf_on(text, sizeof text);
	for (uint32_t i = 0; i < offer->identity_count; i++) {
		put(&b, offer->identities[i]);
		put_c(&b, '\n');
	}
	if (b.err == OK && b.n) c->identities = slab_dup(&c->calls->texts, buf_str(&b));
}

static void translate(struct call *c, bool complete, struct trail *trail)
{
	const struct calls_setup *s = &c->calls->setup;
	if (c->o_trunk && !c->payer_line) {
		number_of_trunk_call(&c->translation,
			&(struct trunk_dialling){ .office = s->office, .rules = call_rules(c), .user = str_from(c->collected) }, trail,
			s->env);
		return;
	}
	number_translate(&c->translation,
		&(struct dialling){ .office = s->office, .rules = call_rules(c), .caller = payer(c),
			.digits = str_from(c->collected), .complete = complete }, trail, s->env);
}

// Takes the caller's place in the limits; an emergency call takes it without one.
static bool take_origination(struct call *c)
{
	struct occupancy *o = c->calls->setup.live->occupancy;
	const struct office_line *line = call_line(c, c->o_line);
	const struct office_trunk_group *group = office_trunk_group(call_rules(c), c->o_trunk);
	if (line) {
		if (!occupancy_take(o, OCCUPANCY_LINE, line->id, c->emergency ? 0 : line->calls_max)) {
			call_trail(c, SIDE_O, TRAIL_LINE_FULL, line->id, line->calls_max);
			return false;
		}
		c->taken.o_line = line->id;
	} else if (group) {
		if (!occupancy_take(o, OCCUPANCY_TRUNK_GROUP, group->id, group->calls_max)) {
			call_trail(c, SIDE_O, TRAIL_TRUNK_FULL, group->id, group->calls_max);
			return false;
		}
		c->taken.o_trunk = group->id;
	}
	return true;
}

static void do_authorise(struct call *c, const struct verb *v)
{
	const struct office_rules *rules = call_rules(c);
	const struct journal *j = &c->calls->setup.journal;
	call_trail(c, SIDE_O, c->o_line ? TRAIL_LINE_CALLS : TRAIL_TRUNK_CALLS, c->o_line ? c->o_line : c->o_trunk, 0);
	take_caller(c, v->offer);
	keep_identities(c, v->offer);
	// Before any limit and screen: is it an emergency call?
	if (c->dialled[0]) translate(c, true, NULL);
	c->emergency = c->translation.class == DIAL_EMERGENCY;
	if (v->media == MEDIA_OFFER) {
		struct media_leg leg = join_leg(c, SIDE_O);
		enum err e = media_offer_from(&c->media, &c->calls->media, MEDIA_A, &leg, v->sdp);
		if (e != OK) {
			call_trail(c, SIDE_O, e == ERR_FULL ? TRAIL_NO_MEDIA_PORTS : TRAIL_MEDIA_REFUSED, CAUSE_INCOMPATIBLE, 0);
			deny(c, cause_local(e == ERR_FULL ? CAUSE_CONGESTION : CAUSE_INCOMPATIBLE));
			return;
		}
	}
	if (!c->emergency && rules->settings.slow_disk_refuses && !j->ops->healthy(j->self)) {
		call_trail(c, SIDE_O, TRAIL_RECORDS_LATE, 0, 0);
		deny(c, cause_local(CAUSE_CONGESTION));
		return;
	}
	if (!take_origination(c)) {
		// To a line this is a matter of its subscription; a 503 would tell its phones that the switch is in trouble.
		c->prompt = c->o_line ? MEDIA_PROMPT_LINE_BUSY_LIMIT : MEDIA_PROMPT_NONE;
		deny(c, cause_local(c->o_line ? CAUSE_NOT_SUBSCRIBED : CAUSE_NO_CIRCUIT));
		return;
	}
	o_post(c, c->dialled[0] || c->o_trunk ? O_EV_DIGITS : O_EV_NO_DIGITS, NULL);
}

// Opens the caller's leg if it is not, plays a tone that asks for digits and starts the first-digit timer.
static void ask_digits(struct call *c, enum media_tone tone)
{
	if (join_local(c, true) != OK) {
		call_trail(c, SIDE_O, TRAIL_MEDIA_REFUSED, CAUSE_INCOMPATIBLE, 0);
		deny(c, cause_local(CAUSE_INCOMPATIBLE));
		return;
	}
	struct media_worker *m = &c->calls->media;
	enum err e = media_collect(&c->media, m, MEDIA_A, true);
	c->tone = (uint8_t)tone;
	if (e == OK) e = media_play(&c->media, m, MEDIA_A, (struct media_play){ .tone = c->tone });
	if (e != OK) {
		deny(c, cause_local(CAUSE_CONGESTION));
		return;
	}
	half_timer(c, SIDE_O, call_rules(c)->settings.first_digit_ms);
}

static void do_dial_tone(struct call *c, const struct verb *v)
{
	(void)v;
	call_trail(c, SIDE_O, TRAIL_DIAL_TONE, 0, 0);
	ask_digits(c, MEDIA_TONE_DIAL);
}

static void do_recall(struct call *c, const struct verb *v)
{
	(void)v;
	call_trail(c, SIDE_O, TRAIL_DIAL_TONE, 0, 0);
	ask_digits(c, MEDIA_TONE_RECALL_DIAL);
}

static void append(char digits[CALL_DIALLED_MAX], char digit)
{
	size_t n = strlen(digits);
	if (n + 1 >= CALL_DIALLED_MAX) return;
	digits[n] = digit;
	digits[n + 1] = '\0';
}

static void do_digit(struct call *c, const struct verb *v)
{
	size_t n = strlen(c->collected);
	if (n == 0 && media_stop(&c->media, &c->calls->media, MEDIA_A) != OK) COUNT(call_o_dropped);
	append(c->collected, v->digit);
	append(c->dialled, v->digit);
	translate(c, n + 2 >= sizeof c->collected, NULL);
	const struct office_rules *r = call_rules(c);
	switch (c->translation.progress) {
	case DIALLING_MORE: half_timer(c, SIDE_O, r->settings.inter_digit_ms); break;
	case DIALLING_MAYBE: half_timer(c, SIDE_O, r->settings.critical_digit_ms); break;
	default: o_post(c, O_EV_COLLECTED, NULL);
	}
}

static void do_digit_timeout(struct call *c, const struct verb *v)
{
	(void)v;
	const struct office_rules *r = call_rules(c);
	uint32_t n = (uint32_t)strlen(c->collected);
	bool maybe = c->translation.progress == DIALLING_MAYBE;
	uint32_t waited = n == 0 ? r->settings.first_digit_ms : maybe ? r->settings.critical_digit_ms : r->settings.inter_digit_ms;
	call_trail(c, SIDE_O, TRAIL_DIGIT_TIMEOUT, waited, n);
	if (n == 0) {
		c->prompt = MEDIA_PROMPT_HANG_UP;
		deny(c, cause_local(CAUSE_INCOMPLETE));
	} else {
		o_post(c, O_EV_COLLECTED, NULL);
	}
}

// The announcement for a number that leads nowhere.
static enum media_prompt intercept_prompt(const struct translation *t)
{
	static const uint8_t prompts[INTERCEPT_COUNT] = {
		[INTERCEPT_VACANT] = MEDIA_PROMPT_NOT_IN_SERVICE,
		[INTERCEPT_DISCONNECTED] = MEDIA_PROMPT_NOT_IN_SERVICE,
		[INTERCEPT_CHANGED] = MEDIA_PROMPT_CHANGED,
		[INTERCEPT_CLOSED] = MEDIA_PROMPT_CANNOT_COMPLETE,
		[INTERCEPT_NEED_AREA_CODE] = MEDIA_PROMPT_DIAL_AREA_CODE,
		[INTERCEPT_ONE_IN_ERROR] = MEDIA_PROMPT_NO_PREFIX,
		[INTERCEPT_INVALID] = MEDIA_PROMPT_CANNOT_COMPLETE,
		[INTERCEPT_INCOMPLETE] = MEDIA_PROMPT_INCOMPLETE,
		[INTERCEPT_NOT_OFFERED] = MEDIA_PROMPT_STAR_CODE_BAD,
		[INTERCEPT_LINE_CLOSED] = MEDIA_PROMPT_NOT_ALLOWED,
		[INTERCEPT_SUSPENDED] = MEDIA_PROMPT_SUSPENDED,
	};
	return prompts[t->intercept];
}

static void deny_short(struct call *c)
{
	bool is_operator = c->translation.called.digits[0] == '0';
	c->prompt = is_operator ? MEDIA_PROMPT_NO_OPERATOR : MEDIA_PROMPT_NO_SERVICE_CODE;
	deny(c, cause_local(CAUSE_FACILITY_REJECTED));
}

static void go_on(struct call *c)
{
	const struct translation *t = &c->translation;
	switch (t->class) {
	case DIAL_EMERGENCY:
		c->emergency = true;
		if (c->o_line) c->caller.presentation = PRESENT_ALLOWED; // *67 does not hide a caller in distress
		// fall through
	case DIAL_LINE:
	case DIAL_FOREIGN:
	case DIAL_INTERNATIONAL:
		c->called = t->called;
		o_post(c, O_EV_ANALYSED, NULL);
		break;
	case DIAL_SHORT: deny_short(c); break;
	default:
		if (!c->prompt) c->prompt = (uint8_t)intercept_prompt(t);
		deny(c, t->cause.value ? t->cause : cause_local(CAUSE_INCOMPLETE));
	}
}

static void do_analyse(struct call *c, const struct verb *v)
{
	(void)v;
	half_timer(c, SIDE_O, 0);
	if (c->o_open && media_collect(&c->media, &c->calls->media, MEDIA_A, false) != OK) COUNT(call_o_dropped);
	translate(c, true, &c->trail);
	switch (call_features(c, DP_O_ANALYSED)) {
	case FEATURE_CONTINUE: go_on(c); break;
	case FEATURE_WAIT: half_timer(c, SIDE_O, call_rules(c)->settings.inter_digit_ms); break;
	case FEATURE_REDIRECT: o_post(c, O_EV_DIGITS, NULL); break;
	case FEATURE_COLLECT_MORE: o_post(c, c->collected[0] ? O_EV_DIGITS : O_EV_RECALL, NULL); break;
	case FEATURE_RELEASE: deny(c, c->cause); break;
	}
}

// A feature was set or cleared: say so, then release normally.
static void do_confirm(struct call *c, const struct verb *v)
{
	(void)v;
	half_timer(c, SIDE_O, 0);
	c->cause = cause_local(CAUSE_NORMAL);
	c->released_by = BY_SWITCH;
	if (join_local(c, true) == OK && treat_begin(c)) half_timer(c, SIDE_O, call_rules(c)->settings.treatment_ms);
	else o_post(c, O_EV_TIMER, NULL);
}

static struct trunk_state trunk_state(void *self, uint32_t group, uint32_t peer)
{
	const struct live *live = self;
	return (struct trunk_state){
		.silent = peer_state_get(live->peers, group, peer, NULL) == PEER_SILENT,
		.calls = occupancy_now(live->occupancy, OCCUPANCY_TRUNK_GROUP, group),
	};
}

static void do_select_route(struct call *c, const struct verb *v)
{
	(void)v;
	const struct calls_setup *s = &c->calls->setup;
	c->t_line = c->translation.class == DIAL_LINE ? c->translation.line : 0;
	c->route_at = 0;
	c->routes.n = 0;
	if (c->t_line) {
		o_post(c, O_EV_ROUTED, NULL);
		return;
	}
	enum err e = route_find(&c->routes,
		&(struct route_query){ .rules = call_rules(c), .digits = number_str(&c->called), .emergency = c->emergency,
			.state = trunk_state, .self = s->live }, &c->trail, s->env);
	if (e == OK) {
		o_post(c, O_EV_ROUTED, NULL);
		return;
	}
	if (c->emergency) c->prompt = MEDIA_PROMPT_NO_EMERGENCY_TRUNK;
	deny(c, c->routes.cause.value ? c->routes.cause : cause_local(CAUSE_NO_ROUTE));
}

static void do_send_call(struct call *c, const struct verb *v)
{
	(void)v;
	t_post(c, T_EV_SETUP, 0, NULL);
}

// What the far party sends before it answers.
static void do_progress(struct call *c, const struct verb *v)
{
	struct verb up = { .kind = VERB_PROGRESS };
	if (v->media == MEDIA_NONE || join_answer(c, v, &up) != OK) return;
	if (c->o_open && media_stop(&c->media, &c->calls->media, MEDIA_A) != OK) COUNT(call_o_dropped);
	c->in_band = c->far_told = true;
	up.in_band = true;
	if (!c->o_open) o_tell(c, &up);
}

static void do_alert(struct call *c, const struct verb *v)
{
	struct verb up = { .kind = VERB_ALERT };
	const struct env *env = call_env(c);
	if (c->alerted_ms && v->media == MEDIA_NONE) return; // another phone, or the next attempt: the caller hears ringing
	if (!c->alerted_ms) {
		c->alerted_ms = env->now_ms;
		c->alerted_wall_ms = env->wall_ms;
		call_trail(c, SIDE_T, TRAIL_ALERTING, 0, 0);
	}
	if (v->media != MEDIA_NONE && join_answer(c, v, &up) == OK) c->in_band = true;
	if (!c->o_open) {
		o_tell(c, &up);
	} else if (!c->in_band) {
		if (media_play(&c->media, &c->calls->media, MEDIA_A, (struct media_play){ .tone = MEDIA_TONE_RINGBACK }) != OK)
			COUNT(call_o_dropped);
	}
}

// Keeps the answer for the caller until its record is on disk. False: no memory.
static bool hold_sdp(struct call *c, struct str sdp)
{
	c->held_sdp = slab_free(&c->calls->texts, c->held_sdp);
	c->held_sdp = slab_dup(&c->calls->texts, sdp);
	return c->held_sdp.n > 0;
}

static void do_record_answer(struct call *c, const struct verb *v)
{
	const struct env *env = call_env(c);
	struct verb up = { .kind = VERB_ANSWER };
	c->answered_ms = env->now_ms;
	c->answered_wall_ms = env->wall_ms;
	call_trail(c, SIDE_T, TRAIL_ANSWERED, c->t_answered, 0);
	if (v->media == MEDIA_ANSWER) {
		if (join_answer(c, v, &up) != OK) {
			call_trail(c, SIDE_T, TRAIL_MEDIA_REFUSED, CAUSE_INCOMPATIBLE, 0);
			c->cause = cause_local(CAUSE_INCOMPATIBLE);
			o_post(c, O_EV_REFUSE, NULL);
			return;
		}
		if (up.media == MEDIA_ANSWER && !hold_sdp(c, up.sdp)) {
			c->cause = cause_local(CAUSE_CONGESTION);
			o_post(c, O_EV_REFUSE, NULL);
			return;
		}
	} else if (v->media == MEDIA_OFFER) { // the caller sent none: T's offer waits in the media until it can be passed on
		struct media_leg leg = join_leg(c, SIDE_T);
		if (media_offer_from(&c->media, &c->calls->media, MEDIA_B, &leg, v->sdp) != OK) {
			c->cause = cause_local(CAUSE_INCOMPATIBLE);
			o_post(c, O_EV_REFUSE, NULL);
			return;
		}
	}
	half_timer(c, SIDE_O, commit_ms(c));
	call_put_answer(c);
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
static void do_answer(struct call *c, const struct verb *v)
{
	(void)v;
	struct verb up = { .kind = VERB_ANSWER };
	if (!c->o_open && answer_media(c, &up) != OK) {
		call_trail(c, SIDE_O, TRAIL_NO_MEDIA_PORTS, 0, 0);
		c->released_by = BY_SWITCH;
		o_post(c, O_EV_GIVE_UP, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_CONGESTION) });
		return;
	}
	c->answered = true;
	half_timer(c, SIDE_O, (uint64_t)call_rules(c)->settings.call_max_s * 1000);
	if (c->o_open) {
		if (media_stop(&c->media, &c->calls->media, MEDIA_A) != OK) COUNT(call_o_dropped);
		return;
	}
	o_tell(c, &up);
	c->held_sdp = slab_free(&c->calls->texts, c->held_sdp);
	c->o_open = true;
}

static void do_answer_late(struct call *c, const struct verb *v)
{
	(void)v;
	const struct office_rules *r = call_rules(c);
	COUNT(call_records_late);
	if (r->settings.slow_disk_refuses && !c->emergency) {
		c->cause = cause_local(CAUSE_TEMPORARY);
		o_post(c, O_EV_REFUSE, NULL);
		return;
	}
	c->unsynced = true;
	call_trail(c, SIDE_O, TRAIL_ANSWER_UNSYNCED, r->settings.answer_commit_ms, 0);
	o_post(c, O_EV_LATE, NULL);
}

static void do_treat(struct call *c, const struct verb *v)
{
	if (v->kind == VERB_RELEASE && v->cause.value) c->cause = v->cause;
	half_timer(c, SIDE_O, 0);
	if (!c->cause.value) c->cause = cause_local(CAUSE_TEMPORARY);
	c->released_by = c->cause.location == LOCATION_USER ? BY_CALLED : BY_SWITCH;
	if (c->released_by == BY_SWITCH) call_trail(c, SIDE_O, TRAIL_RELEASED_BY_SWITCH, c->cause.value, 0);
	if (treat_begin(c)) half_timer(c, SIDE_O, call_rules(c)->settings.treatment_ms);
	else o_post(c, O_EV_TIMER, NULL);
}

static void do_treat_on(struct call *c, const struct verb *v)
{
	(void)v;
	if (!treat_next(c)) o_post(c, O_EV_TIMER, NULL);
}

static void do_refuse_late(struct call *c, const struct verb *v)
{
	t_post(c, T_EV_O_RELEASE, 0, NULL);
	do_treat(c, v);
}

static void do_divert(struct call *c, const struct verb *v)
{
	media_leave(&c->media, &c->calls->media, MEDIA_B);
	c->in_band = false;
	do_analyse(c, v);
}

static void do_media(struct call *c, const struct verb *v)
{
	join_media(c, SIDE_O, v);
	// Whoever called without an offer hears us only from its answer on.
	if (c->o.pic == O_COLLECT && v->media == MEDIA_ANSWER && !c->collected[0] &&
	    media_play(&c->media, &c->calls->media, MEDIA_A, (struct media_play){ .tone = c->tone }) != OK)
		COUNT(call_o_dropped);
}

static void do_pass_digit(struct call *c, const struct verb *v)
{
	if (media_digit(&c->media, &c->calls->media, MEDIA_B, v->digit, v->digit_ms) != OK) COUNT(call_o_dropped);
}

// Counts what was heard, then writes the record: the common end.
static void begin_end(struct call *c)
{
	c->ended_ms = call_env(c)->now_ms;
	half_timer(c, SIDE_O, commit_ms(c));
	if (!media_close(&c->media, &c->calls->media)) o_post(c, O_EV_STATS, NULL);
}

static void release_caller(struct call *c)
{
	o_tell(c, &(struct verb){ .kind = VERB_RELEASE, .cause = c->cause });
}

static void do_end(struct call *c, const struct verb *v)
{
	(void)v;
	release_caller(c);
	begin_end(c);
}

// The caller's leg is gone: of a call that stood, of one that was never answered, of one that failed.
static void caller_left(struct call *c, const struct verb *v)
{
	call_trail(c, SIDE_O, c->answered ? TRAIL_RELEASED_BY_CALLER : TRAIL_ABANDONED, v->cause.value, 0);
	c->bye_waits = c->answered;
	if (!c->bye_waits) release_caller(c);
	t_post(c, T_EV_O_RELEASE, 0, v);
	begin_end(c);
}

// The caller hung up, or gave up before an answer. What one of several routes or phones said before is not why it ends.
static void do_hang_up(struct call *c, const struct verb *v)
{
	c->cause = v->cause;
	c->released_by = BY_CALLER;
	caller_left(c, v);
}

// The caller heard why it failed: that stays the cause.
static void do_leave(struct call *c, const struct verb *v)
{
	caller_left(c, v);
}

static void do_far_hung_up(struct call *c, const struct verb *v)
{
	c->cause = v->cause;
	c->released_by = BY_CALLED;
	call_trail(c, SIDE_T, TRAIL_RELEASED_BY_CALLED, v->cause.value, 0);
	release_caller(c);
	c->bye_waits = c->answered;
	if (!c->bye_waits) t_release_all(c, c->cause, false);
	begin_end(c);
}

static void do_too_long(struct call *c, const struct verb *v)
{
	(void)v;
	call_trail(c, SIDE_O, TRAIL_CALL_TOO_LONG, call_rules(c)->settings.call_max_s, 0);
	c->cause = cause_local(CAUSE_NORMAL_UNSPECIFIED);
	c->released_by = BY_SWITCH;
	t_post(c, T_EV_O_RELEASE, 0, NULL);
	do_end(c, v);
}

static void do_give_up(struct call *c, const struct verb *v)
{
	if (v->cause.value) c->cause = v->cause;
	t_post(c, T_EV_O_RELEASE, 0, NULL);
	do_end(c, v);
}

static void do_write_record(struct call *c, const struct verb *v)
{
	(void)v;
	half_timer(c, SIDE_O, commit_ms(c));
	call_put_release(c);
}

// A late record stays in the journal's memory. One that the journal could not take stays here, with its call, until it
// can: so a full disk ends in refused calls, not in lost records. The phone that hung up does not wait for that.
static void do_close_late(struct call *c, const struct verb *v)
{
	(void)v;
	if (c->release_kept) {
		o_post(c, O_EV_RECORDED, NULL);
		return;
	}
	if (c->o_leg.phase != LEG_GONE) release_caller(c);
	t_release_all(c, c->cause, false);
	c->bye_waits = false;
	half_timer(c, SIDE_O, RECORD_RETRY_MS);
	call_put_release(c);
}

// The release is on disk (or as good as it gets): the side that hung up hears so, and nothing is left.
static void do_over(struct call *c, const struct verb *v)
{
	(void)v;
	half_timer(c, SIDE_O, 0);
	if (c->o_leg.phase != LEG_GONE) release_caller(c);
	t_release_all(c, c->cause, false);
}

static void do_none(struct call *c, const struct verb *v)
{
	(void)c;
	(void)v;
}

typedef void orig_action(struct call *c, const struct verb *v);
#define DO_ROW(name) [DO_##name] = do_##name,
static orig_action *const actions[DO_COUNT] = { O_ACTIONS(DO_ROW) };

void orig_step(struct call *c, const struct call_event *ev)
{
	uint8_t before = c->o.pic;
	const struct fsm_row *row = fsm_step(&orig_machine, &c->o.pic, ev->event);
	if (!row) return;
	if (before != c->o.pic) half_timer(c, SIDE_O, 0); // a timer belongs to its state
	actions[row->action](c, &ev->verb);
}

void orig_check(struct call *c)
{
	bool after_answer = c->o.pic == O_ACTIVE;
	CALL_CHECK(c, !after_answer || (c->answered && c->answered_ms != 0));
	CALL_CHECK(c, !after_answer || c->o_open);
	CALL_CHECK(c, c->o.pic != O_RECORDING || c->answered_ms != 0);
	CALL_CHECK(c, !(IN(c->o.pic) & (SETTING_UP | CALLING)) || !c->answered);
	CALL_CHECK(c, c->o.pic != O_COLLECT || c->o_open || c->o_leg.phase == LEG_GONE);
}
