// The originating half from the offer to the called half: may this caller call, what did it dial, where does that go.
#include "call/half/orig.h"

#include "base/bug.h"

static const struct office_line *payer(const struct call *c)
{
	return call_line(c, c->payer_line);
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
	divert_take(c, offer);
	if (offer->on_behalf) {
		call_trail(c, SIDE_O, TRAIL_ON_BEHALF, c->o_line, 0);
		if (offer->diversion_count) c->diverted_from = offer->diversions[0].from;
		c->diversion_feature = RECORD_BY_TRANSFER;
	}
	if (!line || offer->on_behalf) return;
	struct party *p = &c->caller;
	// A PBX shows one of its numbers, which its leg has found to be its own.
	if (!p->number.n && number_set(&p->number, NUMBER_INTERNATIONAL, str_from(line->number)) != OK) p->number = (struct number){ 0 };
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

static bool trunk_overlaps(const struct call *c)
{
	const struct office_trunk_group *g = office_trunk_group(call_rules(c), c->o_trunk);
	return g && g->overlap;
}

static void translate(struct call *c, bool complete, struct trail *trail)
{
	const struct calls_setup *s = &c->calls->setup;
	if (c->o_trunk && !c->payer_line) {
		number_of_trunk_call(&c->translation,
			&(struct trunk_dialling){ .office = s->office, .rules = call_rules(c), .user = str_from(c->collected),
				.overlap = trunk_overlaps(c) }, trail, s->env);
		return;
	}
	number_translate(&c->translation,
		&(struct dialling){ .office = s->office, .rules = call_rules(c), .caller = payer(c),
			.digits = str_from(c->collected), .complete = complete }, trail, s->env);
}

// To a line this is a matter of its subscription; a 503 would tell its phones that the switch is in trouble.
static void deny_full_line(struct call *c)
{
	const struct office_line *line = call_line(c, c->o_line);
	call_trail(c, SIDE_O, TRAIL_LINE_FULL, c->o_line, line ? line->calls_max : 0);
	c->prompt = MEDIA_PROMPT_LINE_BUSY_LIMIT;
	deny(c, cause_local(CAUSE_NOT_SUBSCRIBED));
}

// Is it an emergency call, or may what a line will still dial make it one?
static bool may_be_emergency(const struct call *c)
{
	return c->emergency || (c->o_line && (!c->dialled[0] || c->translation.class == DIAL_STAR));
}

// Takes the caller's place in the limits; an emergency call takes it without one.
static bool take_origination(struct call *c)
{
	const struct office_line *line = call_line(c, c->o_line);
	const struct office_trunk_group *group = office_trunk_group(call_rules(c), c->o_trunk);
	if (line) {
		// Who asks for a transfer has a call already, whose place is given back when the transfer is done.
		uint32_t max = line->calls_max + (c->ties[SIDE_O] ? 1u : 0u);
		if (!call_take(c, OCCUPANCY_LINE, line->id, c->emergency ? 0 : max)) {
			// Once more, as long as what will be dialled may be 911.
			c->over_limit = may_be_emergency(c) && call_take(c, OCCUPANCY_LINE, line->id, line->calls_max + 1);
			if (!c->over_limit) return false;
		}
		c->taken.o_line = line->id;
	} else if (group) {
		if (!call_take(c, OCCUPANCY_TRUNK_GROUP, group->id, group->calls_max)) {
			call_trail(c, SIDE_O, TRAIL_TRUNK_FULL, group->id, group->calls_max);
			return false;
		}
		c->taken.o_trunk = group->id;
	}
	return true;
}

// Records do not reach the disk in time, and the office would rather have no calls than calls without a record; or so
// many wait that there is no memory for more, and a call that began now would be charged only if nothing happens to us.
static bool records_late(const struct call *c)
{
	const struct journal *j = &c->calls->setup.journal;
	if (!j->ops->has_room(j->self, call_env(c)->worker)) return true;
	return call_rules(c)->settings.slow_disk_refuses && !j->ops->healthy(j->self);
}

static void deny_late(struct call *c)
{
	call_trail(c, SIDE_O, TRAIL_RECORDS_LATE, 0, 0);
	deny(c, cause_local(CAUSE_CONGESTION));
}

void orig_authorise(struct call *c, const struct verb *v)
{
	call_trail(c, SIDE_O, c->o_line ? TRAIL_LINE_CALLS : TRAIL_TRUNK_CALLS, c->o_line ? c->o_line : c->o_trunk, 0);
	if (c->on_reserve && !v->offer->dialled.n) call_trail(c, SIDE_O, TRAIL_ON_RESERVE, 0, 0);
	take_caller(c, v->offer);
	keep_identities(c, v->offer);
	// Before any limit and screen: is it an emergency call?
	if (c->dialled[0]) translate(c, true, NULL);
	c->emergency = c->translation.class == DIAL_EMERGENCY;
	c->media.emergency = may_be_emergency(c);
	c->asks_early = v->early;
	if (v->media == MEDIA_OFFER) {
		struct media_leg leg = join_leg(c, SIDE_O);
		enum err e = media_offer_from(&c->media, &c->calls->media, MEDIA_A, &leg, v->sdp);
		if (e != OK) {
			deny(c, join_failed(c, SIDE_O, e));
			return;
		}
	}
	if (!may_be_emergency(c) && records_late(c)) {
		deny_late(c);
		return;
	}
	if (c->ties[SIDE_O] && (!c->dialled[0] || c->translation.class == DIAL_STAR)) { // no tones or codes for who is gone
		deny(c, cause_local(CAUSE_INCOMPLETE));
		return;
	}
	if (!take_origination(c)) {
		if (c->o_line) deny_full_line(c);
		else deny(c, cause_local(CAUSE_NO_CIRCUIT));
		return;
	}
	o_post(c, c->dialled[0] || c->o_trunk ? O_EV_DIGITS : O_EV_NO_DIGITS, NULL);
}

// Opens the caller's leg if it is not, plays a tone that asks for digits and starts the first-digit timer.
static void ask_digits(struct call *c, enum media_tone tone)
{
	enum err e = join_local(c, true);
	if (e != OK) {
		deny(c, join_failed(c, SIDE_O, e));
		return;
	}
	struct media_worker *m = &c->calls->media;
	e = media_collect(&c->media, m, MEDIA_A, true);
	c->tone = (uint8_t)tone;
	if (e == OK) e = media_play(&c->media, m, MEDIA_A, (struct media_play){ .tone = c->tone });
	if (e != OK) {
		deny(c, cause_local(CAUSE_CONGESTION));
		return;
	}
	half_timer(c, SIDE_O, call_rules(c)->settings.first_digit_ms);
}

// Stutter dial tone tells who lifts the handset that messages wait (GR-506).
void orig_dial_tone(struct call *c, const struct verb *v)
{
	(void)v;
	const struct waiting messages = waiting_get(c->calls->setup.live->waiting, c->o_line);
	call_trail(c, SIDE_O, TRAIL_DIAL_TONE, 0, 0);
	ask_digits(c, messages.fresh ? MEDIA_TONE_STUTTER_DIAL : MEDIA_TONE_DIAL);
}

void orig_recall(struct call *c, const struct verb *v)
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

void orig_digit(struct call *c, const struct verb *v)
{
	size_t n = strlen(c->collected);
	if (n == 0) join_told(media_stop(&c->media, &c->calls->media, MEDIA_A));
	if (BUG(digit_heard_twice)) append(c->dialled, v->digit);
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

void orig_digit_timeout(struct call *c, const struct verb *v)
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
	c->emergency = c->media.emergency = t->class == DIAL_EMERGENCY;
	switch (t->class) {
	case DIAL_EMERGENCY:
		if (c->o_line) c->caller.presentation = PRESENT_ALLOWED; // *67 does not hide a caller in distress
		// fall through
	case DIAL_LINE:
	case DIAL_FOREIGN:
	case DIAL_INTERNATIONAL:
		c->called = t->called;
		if (c->over_limit && !c->emergency) deny_full_line(c);
		else if (c->on_reserve && !c->emergency) deny(c, cause_local(CAUSE_CONGESTION));
		else if (!c->emergency && records_late(c)) deny_late(c);
		else if (!join_is_secure(c, SIDE_O)) deny(c, join_failed(c, SIDE_O, ERR_REFUSED)); // it got dial tone for 911
		else o_post(c, O_EV_ANALYSED, NULL);
		break;
	case DIAL_SHORT: deny_short(c); break;
	default:
		if (!c->prompt) c->prompt = (uint8_t)intercept_prompt(t);
		deny(c, t->cause.value ? t->cause : cause_local(CAUSE_INCOMPLETE));
	}
}

void orig_analyse(struct call *c, const struct verb *v)
{
	(void)v;
	half_timer(c, SIDE_O, 0);
	if (c->o_open) join_told(media_collect(&c->media, &c->calls->media, MEDIA_A, false));
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
void orig_confirm(struct call *c, const struct verb *v)
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
	struct call *c = self;
	const struct live *live = c->calls->setup.live;
	const struct trunk_state state = {
		.silent = peer_state_get(live->peers, group, peer, NULL) == PEER_SILENT,
		.calls = occupancy_now(live->occupancy, OCCUPANCY_TRUNK_GROUP, group),
	};
	call_looked_up_calls(c, OCCUPANCY_TRUNK_GROUP, group, state.calls);
	call_looked_up(c, &(struct call_lookup){ .kind = LOOKUP_PEER, .id = group, .peer = peer, .silent = state.silent });
	return state;
}

// Of the call alone, so that it is the same when the call is run again.
static uint64_t chance_of(const struct call *c)
{
	static const struct hash_key key = { { 0x726f757465, 0x6368616e6365 } };
	struct hash_key of_time = { { key.k[0] ^ c->began_wall_ms, key.k[1] } };
	return hash_str(&of_time, number_str(&c->called));
}

void orig_select_route(struct call *c, const struct verb *v)
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
			.chance = chance_of(c), .state = trunk_state, .self = c }, &c->trail, s->env);
	if (e == OK) {
		o_post(c, O_EV_ROUTED, NULL);
		return;
	}
	if (c->emergency) c->prompt = MEDIA_PROMPT_NO_EMERGENCY_TRUNK;
	deny(c, c->routes.cause.value ? c->routes.cause : cause_local(CAUSE_NO_ROUTE));
}

void orig_send_call(struct call *c, const struct verb *v)
{
	(void)v;
	t_post(c, T_EV_SETUP, 0, NULL);
}
