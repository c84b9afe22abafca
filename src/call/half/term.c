// The terminating half (ITU-T Q.1224 §4): from a called number whose place is known to the leg that answers.
//
//     NULL ─▶ AUTHORISE ─▶ SELECT_FACILITY ─▶ PRESENT ─▶ ALERTING ─▶ ACTIVE
//                ▲ next trunk ─────┘ one to eight legs   │  no answer, busy: features may send it elsewhere
//                                                        └─▶ EXCEPTION ─▶ NULL
//
// A line is rung on all its phones at once; a number of another network is tried over one trunk after the other.
#include "call/half/inside.h"

#include "base/bug.h"

COUNTER(call_t_dropped, "Events of terminating halves without a row in their table");

#define T_ACTIONS(X)                                                                                                   \
	X(none) X(authorise) X(select) X(presented) X(progress) X(alert) X(answer) X(leg_failed) X(all_failed) X(busy)     \
	X(no_answer) X(timeout) X(next) X(divert) X(fail) X(media) X(hung_up) X(release)
#define DO_ENUM(name) DO_##name,
enum { T_ACTIONS(DO_ENUM) DO_COUNT };

#define TRYING (IN(T_AUTHORISE) | IN(T_SELECT_FACILITY) | IN(T_PRESENT) | IN(T_ALERTING))

static const struct fsm_row rows[] = {
	{ IN(T_NULL) | IN(T_EXCEPTION), T_EV_SETUP, T_AUTHORISE, DO_authorise, "Q.1224 termination attempt" },
	{ IN(T_AUTHORISE), T_EV_AUTHORISED, T_SELECT_FACILITY, DO_select, "Q.1224 termination attempt authorised" },
	{ IN(T_SELECT_FACILITY), T_EV_PRESENTED, T_PRESENT, DO_presented, "Q.1224 facility selected" },
	{ TRYING, T_EV_BUSY, FSM_SAME, DO_busy, "Q.1224 busy" },
	{ TRYING, T_EV_NO_ANSWER, FSM_SAME, DO_no_answer, "Q.1224 no answer" },
	{ TRYING, T_EV_DIVERTED, T_EXCEPTION, DO_divert, "a feature sends the call elsewhere" },
	{ TRYING, T_EV_FAILED, T_EXCEPTION, DO_fail, "Q.1224 termination denied, presentation failure" },
	{ IN(T_PRESENT) | IN(T_ALERTING), T_EV_PROGRESS, FSM_SAME, DO_progress, "Q.1224 call in progress" },
	{ IN(T_PRESENT) | IN(T_ALERTING), T_EV_ALERT, T_ALERTING, DO_alert, "Q.1224 call accepted" },
	{ IN(T_PRESENT) | IN(T_ALERTING), T_EV_ANSWER, T_ACTIVE, DO_answer, "Q.1224 answer" },
	{ IN(T_PRESENT) | IN(T_ALERTING), T_EV_LEG_FAILED, FSM_SAME, DO_leg_failed, "one of several phones" },
	{ IN(T_SELECT_FACILITY) | IN(T_PRESENT) | IN(T_ALERTING), T_EV_ALL_FAILED, FSM_SAME, DO_all_failed,
	  "Q.1224 presentation failure, busy" },
	{ IN(T_PRESENT) | IN(T_ALERTING), T_EV_TIMER, FSM_SAME, DO_timeout, "Q.1224 no answer" },
	{ IN(T_SELECT_FACILITY) | IN(T_PRESENT) | IN(T_ALERTING), T_EV_NEXT, T_SELECT_FACILITY, DO_next, "the next trunk" },
	{ IN(T_PRESENT) | IN(T_ALERTING) | IN(T_ACTIVE), T_EV_MEDIA, FSM_SAME, DO_media, "RFC 3264" },
	{ IN(T_ACTIVE), T_EV_LEG_RELEASE, T_NULL, DO_hung_up, "Q.1224 disconnect" },
	{ TRYING | IN(T_ACTIVE) | IN(T_EXCEPTION), T_EV_O_RELEASE, T_NULL, DO_release, "Q.1224 disconnect, abandon" },
	// A leg that fails while it is released with all others, and what else crosses the end.
	{ IN(T_NULL), T_EV_O_RELEASE, FSM_SAME, DO_none, "" },
	{ IN(T_NULL) | IN(T_EXCEPTION) | IN(T_ACTIVE), T_EV_LEG_FAILED, FSM_SAME, DO_none, "" },
	{ IN(T_NULL) | IN(T_EXCEPTION), T_EV_ALL_FAILED, FSM_SAME, DO_none, "" },
};

static const char *const pic_names[] = { T_PICS(FSM_NAME) };
static const char *const event_names[] = { T_EVENTS(X_TEXT) };
static const char *const action_names[] = { T_ACTIONS(X_TEXT) };

const struct fsm term_machine = {
	.name = "terminating half", .rows = rows, .row_count = ARRAY_LEN(rows),
	.states = pic_names, .events = event_names, .actions = action_names,
	.state_count = T_PIC_COUNT, .event_count = T_EV_COUNT, .dropped = &counter_call_t_dropped,
};

static void post_fail(struct call *c, uint8_t cause)
{
	t_post(c, T_EV_FAILED, 0, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(cause) });
}

// Gives back the place that the present attempt holds.
static void give_place(struct call *c)
{
	struct occupancy *o = c->calls->setup.live->occupancy;
	if (c->taken.t_line && !BUG(counter_drifts)) occupancy_give(o, OCCUPANCY_LINE, c->taken.t_line);
	if (c->trunk_at) occupancy_give(o, OCCUPANCY_TRUNK_GROUP, c->trunk_at);
	c->taken.t_line = c->trunk_at = 0;
}

const struct call_leg *t_leg(const struct call *c)
{
	if (c->t_answered) return &c->t_legs[c->t_answered - 1];
	return c->t_leg_count ? &c->t_legs[c->t_leg_count - 1] : NULL;
}

uint8_t t_joined(const struct call *c)
{
	if (c->t_answered) return c->t_answered;
	bool alone = c->t_leg_count == 1 && (c->t_legs[0].phase == LEG_OFFERED || c->t_legs[0].phase == LEG_ALERTING);
	return alone ? 1 : 0;
}

static void do_authorise(struct call *c, const struct call_event *ev)
{
	(void)ev;
	const struct office_line *line = call_line(c, c->t_line);
	call_trace(c, c->t_line);
	if (!c->t_line) {
		t_post(c, T_EV_AUTHORISED, 0, NULL);
		return;
	}
	if (!line) { // its row went between two steps
		post_fail(c, CAUSE_UNALLOCATED);
		return;
	}
	if (line->suspended) {
		call_trail(c, SIDE_T, TRAIL_LINE_SUSPENDED, line->id, 0);
		post_fail(c, CAUSE_OUT_OF_ORDER);
		return;
	}
	switch (call_features(c, DP_T_ATTEMPT)) {
	case FEATURE_REDIRECT: t_post(c, T_EV_DIVERTED, 0, NULL); return;
	case FEATURE_RELEASE: post_fail(c, c->cause.value); return;
	default: break;
	}
	if (!call_take(c, OCCUPANCY_LINE, line->id, line->calls_max)) {
		call_trail(c, SIDE_T, TRAIL_LINE_FULL, line->id, line->calls_max);
		t_post(c, T_EV_BUSY, 0, NULL);
		return;
	}
	c->taken.t_line = line->id;
	t_post(c, T_EV_AUTHORISED, 0, NULL);
}

// Hands the offer to the leg that was made last; `alone`: no other is rung. False: there was no port for it, it must be
// encrypted and cannot, or it could not be sent; then the leg is gone again, and *why is left as it was or says more.
static bool present(struct call *c, bool alone, struct cause *why)
{
	struct call_leg *leg = &c->t_legs[c->t_leg_count++];
	struct diversion history[DIVERSIONS_MAX];
	struct verb_offer offer = { .called = c->called, .caller = c->caller, .diversions = history,
		.diversion_count = divert_history(c, history), .diverted = c->diversions, .hops = c->hops,
		.emergency = c->emergency, .dialled = str_from(c->dialled) };
	struct verb v = { .kind = VERB_OFFER, .offer = &offer };
	struct str rest = c->identities;
	while (rest.n && offer.identity_count < OFFER_IDENTITIES_MAX)
		offer.identities[offer.identity_count++] = str_cut(&rest, '\n');
	leg->phase = LEG_OFFERED;
	enum err e = join_offer(c, &v);
	v.early = v.media == MEDIA_ASK && c->asks_early && alone;
	if (e == OK) {
		call_note_leg(c, SIDE_T, leg);
		t_tell(c, (uint8_t)(c->t_leg_count - 1), &v);
	} else {
		*why = join_failed(c, SIDE_T, e);
		t_tell(c, (uint8_t)(c->t_leg_count - 1), &(struct verb){ .kind = VERB_RELEASE });
	}
	if (leg->phase != LEG_GONE) return true;
	c->t_leg_count--;
	return false;
}

static void no_leg(struct call *c)
{
	call_looked_up(c, &(struct call_lookup){ .kind = LOOKUP_REFUSED, .id = REFUSED_LEG, .calls = c->t_leg_count });
}

static void ring_line(struct call *c, const struct office_line *line)
{
	struct binding bindings[CALL_LEGS_MAX];
	const struct calls_setup *s = &c->calls->setup;
	uint32_t n = location_get(s->live->location, line->id, s->env->now_ms, bindings, CALL_LEGS_MAX);
	struct cause why = cause_local(CAUSE_CONGESTION);
	c->t_leg_count = 0;
	call_looked_up(c, &(struct call_lookup){ .kind = LOOKUP_PHONES, .id = line->id, .calls = n });
	for (uint32_t i = 0; i < n; i++) {
		call_looked_up(c, &(struct call_lookup){ .kind = LOOKUP_PHONE, .id = line->id, .phone = &bindings[i] });
		struct call_leg *leg = &c->t_legs[c->t_leg_count];
		*leg = (struct call_leg){ .peer = bindings[i].peer };
		enum err e = s->legs.line(s->legs.self, &leg->link, call_ref(c), c->t_leg_count, line, &bindings[i]);
		if (e == OK) present(c, n == 1, &why);
		else no_leg(c);
	}
	if (n == 0) {
		call_trail(c, SIDE_T, TRAIL_NOT_REGISTERED, line->id, 0);
		t_post(c, T_EV_NO_ANSWER, 0, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_ABSENT) });
	} else if (c->t_leg_count == 0) {
		post_fail(c, why.value);
	} else {
		call_trail(c, SIDE_T, TRAIL_PHONES, line->id, c->t_leg_count);
		t_post(c, T_EV_PRESENTED, 0, NULL);
	}
}

// The attempt of the list that stands now; what cannot be tried is passed over.
static void try_trunk(struct call *c)
{
	const struct calls_setup *s = &c->calls->setup;
	while (c->route_at < c->routes.n) {
		const struct route_attempt *a = &c->routes.attempts[c->route_at];
		const struct office_trunk_group *group = office_trunk_group(call_rules(c), a->group);
		struct call_leg *leg = &c->t_legs[0];
		*leg = (struct call_leg){ 0 };
		c->t_leg_count = 0;
		if (!group || a->peer >= group->peer_count) {
			c->route_at++;
			continue;
		}
		if (!call_take(c, OCCUPANCY_TRUNK_GROUP, group->id, c->emergency ? 0 : group->calls_max)) {
			call_trail(c, SIDE_T, TRAIL_TRUNK_FULL, group->id, group->calls_max);
			c->cause = cause_local(CAUSE_NO_CIRCUIT);
			c->route_at++;
			continue;
		}
		c->trunk_at = c->trunk_last = group->id;
		leg->peer = group->peers[a->peer].addr;
		c->heard_of = false;
		call_trail(c, SIDE_T, TRAIL_TRUNK_CHOSEN, group->id, a->peer);
		enum err e = s->legs.trunk(s->legs.self, &leg->link, call_ref(c), 0, group, &leg->peer, c->emergency);
		if (e != OK) no_leg(c);
		struct cause why = cause_local(CAUSE_CONGESTION);
		if (e == OK && present(c, true, &why)) {
			t_post(c, T_EV_PRESENTED, 0, NULL);
			return;
		}
		give_place(c);
		c->cause = why;
		c->route_at++;
	}
	t_post(c, T_EV_FAILED, 0, &(struct verb){ .kind = VERB_RELEASE,
		.cause = c->cause.value ? c->cause : cause_local(CAUSE_NO_CIRCUIT) });
}

static void do_select(struct call *c, const struct call_event *ev)
{
	(void)ev;
	const struct office_line *line = call_line(c, c->t_line);
	if (line) ring_line(c, line);
	else if (c->t_line) post_fail(c, CAUSE_UNALLOCATED);
	else try_trunk(c);
}

static uint64_t no_answer_ms(const struct call *c)
{
	const struct office_line *line = call_line(c, c->t_line);
	return line ? (uint64_t)line->no_answer_s * 1000 : call_rules(c)->settings.no_answer_network_ms;
}

static void do_presented(struct call *c, const struct call_event *ev)
{
	(void)ev;
	const struct office_trunk_group *group = office_trunk_group(call_rules(c), c->trunk_at);
	half_timer(c, SIDE_T, group ? group->failover_ms : no_answer_ms(c));
}

// A trunk's peer that says anything is not silent: from now on the time is that of an answer.
static void heard(struct call *c)
{
	if (c->heard_of || !c->trunk_at) return;
	c->heard_of = true;
	half_timer(c, SIDE_T, no_answer_ms(c));
}

static void do_progress(struct call *c, const struct call_event *ev)
{
	heard(c);
	// With several phones ringing nobody's early media passes.
	if (ev->verb.media != MEDIA_NONE && c->t_leg_count == 1) o_post(c, O_EV_T_PROGRESS, &ev->verb);
}

static void do_alert(struct call *c, const struct call_event *ev)
{
	struct verb v = ev->verb;
	bool first = c->t_legs[ev->leg].phase != LEG_ALERTING;
	c->t_legs[ev->leg].phase = LEG_ALERTING;
	heard(c);
	if (c->t_leg_count > 1) v.media = MEDIA_NONE;
	if (first || v.media != MEDIA_NONE) o_post(c, O_EV_T_ALERT, &v);
}

static void do_answer(struct call *c, const struct call_event *ev)
{
	struct call_leg *leg = &c->t_legs[ev->leg];
	leg->phase = LEG_ANSWERED;
	c->t_answered = (uint8_t)(ev->leg + 1);
	call_note_leg(c, SIDE_T, leg);
	if (!BUG(phones_ring_on)) t_release_all(c, cause_local(CAUSE_NOT_SELECTED), true);
	o_post(c, O_EV_T_ANSWER, &ev->verb);
}

static void do_leg_failed(struct call *c, const struct call_event *ev)
{
	call_trail(c, SIDE_T, TRAIL_PHONE_REFUSED, ev->leg + 1u, ev->verb.cause.status);
}

// May another trunk do better? Not when the far user itself decided, nor when the number is wrong everywhere.
static bool may_try_elsewhere(struct cause cause)
{
	switch (cause.value) {
	case CAUSE_UNALLOCATED:
	case CAUSE_NORMAL:
	case CAUSE_BUSY:
	case CAUSE_NO_RESPONSE:
	case CAUSE_NO_ANSWER:
	case CAUSE_REJECTED:
	case CAUSE_CHANGED:
	case CAUSE_INCOMPLETE: return false;
	default: return true;
	}
}

static void do_all_failed(struct call *c, const struct call_event *ev)
{
	struct verb v = ev->verb;
	struct cause cause = c->t_cause; // of all that were tried
	c->cause = v.cause = cause;
	c->t_cause = (struct cause){ 0 };
	if (c->t_line) {
		call_trail(c, SIDE_T, TRAIL_PHONE_REFUSED, ev->leg + 1u, ev->verb.cause.status);
		if (cause.value == CAUSE_BUSY) t_post(c, T_EV_BUSY, 0, &v);
		else if (cause.value == CAUSE_ABSENT || cause.value == CAUSE_NO_RESPONSE || cause.value == CAUSE_NO_ANSWER)
			t_post(c, T_EV_NO_ANSWER, 0, &v);
		else t_post(c, T_EV_FAILED, 0, &v);
		return;
	}
	call_trail(c, SIDE_T, TRAIL_TRUNK_FAILED, c->trunk_at, cause.value);
	bool elsewhere = !ev->verb.final_retry && (c->emergency || may_try_elsewhere(cause));
	t_post(c, elsewhere && c->route_at + 1 < c->routes.n ? T_EV_NEXT : T_EV_FAILED, 0, &v);
}

static void do_busy(struct call *c, const struct call_event *ev)
{
	struct cause full = { .value = CAUSE_BUSY, .location = LOCATION_USER }; // the line has all its calls
	struct cause cause = ev->verb.cause.value ? ev->verb.cause : full;
	if (call_features(c, DP_T_BUSY) == FEATURE_REDIRECT) t_post(c, T_EV_DIVERTED, 0, NULL);
	else t_post(c, T_EV_FAILED, 0, &(struct verb){ .kind = VERB_RELEASE, .cause = cause });
}

static void do_no_answer(struct call *c, const struct call_event *ev)
{
	struct cause cause = ev->verb.cause.value ? ev->verb.cause : cause_local(CAUSE_NO_ANSWER);
	if (call_features(c, DP_T_NO_ANSWER) == FEATURE_REDIRECT) t_post(c, T_EV_DIVERTED, 0, NULL);
	else t_post(c, T_EV_FAILED, 0, &(struct verb){ .kind = VERB_RELEASE, .cause = cause });
}

static void do_timeout(struct call *c, const struct call_event *ev)
{
	(void)ev;
	const struct office_trunk_group *group = office_trunk_group(call_rules(c), c->trunk_at);
	if (c->trunk_at && !c->heard_of) {
		call_trail(c, SIDE_T, TRAIL_TRUNK_NO_ANSWER, c->trunk_at, group ? group->failover_ms : 0);
		c->cause = cause_local(CAUSE_TIMER);
		if (c->route_at + 1 < c->routes.n) t_post(c, T_EV_NEXT, 0, NULL);
		else post_fail(c, CAUSE_TIMER);
		return;
	}
	call_trail(c, SIDE_T, TRAIL_NO_ANSWER, (uint32_t)no_answer_ms(c), 0);
	t_release_all(c, cause_local(CAUSE_NO_ANSWER), false);
	if (c->t_line) t_post(c, T_EV_NO_ANSWER, 0, NULL);
	else post_fail(c, CAUSE_NO_ANSWER);
}

// Leaves the attempt that stands: its legs, its media, its place.
static void leave_attempt(struct call *c)
{
	half_timer(c, SIDE_T, 0);
	t_release_all(c, c->cause.value ? c->cause : cause_local(CAUSE_NORMAL_UNSPECIFIED), false);
	give_place(c);
	media_leave(&c->media, &c->calls->media, MEDIA_B);
	c->in_band = false;
	c->t_cause = (struct cause){ 0 };
}

static void do_next(struct call *c, const struct call_event *ev)
{
	leave_attempt(c);
	c->route_at++;
	do_select(c, ev);
}

static void do_divert(struct call *c, const struct call_event *ev)
{
	(void)ev;
	leave_attempt(c);
	o_post(c, O_EV_T_REDIRECT, NULL);
}

static void do_fail(struct call *c, const struct call_event *ev)
{
	leave_attempt(c);
	o_post(c, O_EV_T_FAIL, &ev->verb);
}

static void do_media(struct call *c, const struct call_event *ev)
{
	if (t_joined(c) == ev->leg + 1u) join_media(c, SIDE_T, &ev->verb);
	else t_tell(c, ev->leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = REFUSED_GLARE });
}

static void do_hung_up(struct call *c, const struct call_event *ev)
{
	half_timer(c, SIDE_T, 0);
	give_place(c);
	o_post(c, O_EV_T_RELEASE, &ev->verb);
}

static void do_release(struct call *c, const struct call_event *ev)
{
	(void)ev;
	half_timer(c, SIDE_T, 0);
	c->t_answered = 0;
	t_release_all(c, c->cause.value ? c->cause : cause_local(CAUSE_NORMAL), false);
	give_place(c);
}

static void do_none(struct call *c, const struct call_event *ev)
{
	(void)c;
	(void)ev;
}

typedef void term_action(struct call *c, const struct call_event *ev);
#define DO_ROW(name) [DO_##name] = do_##name,
static term_action *const actions[DO_COUNT] = { T_ACTIONS(DO_ROW) };

void term_step(struct call *c, const struct call_event *ev)
{
	uint8_t before = c->t.pic;
	const struct fsm_row *row = fsm_step(&term_machine, &c->t.pic, ev->event);
	if (!row) return;
	// Alerting goes on with the time that ringing began with; all other states have timers of their own.
	if (before != c->t.pic && c->t.pic != T_ALERTING && !BUG(timer_left_running)) half_timer(c, SIDE_T, 0);
	actions[row->action](c, ev);
}
