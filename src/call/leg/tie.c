// The ends of ties: their machine, and letters made of verbs and verbs of letters.
#include "call/leg/tie.h"

COUNTER(tie_dropped, "Events of ties without a row in their table");
COUNTER(tie_unsent, "Letters of ties for which there was no room");
COUNTER(ties_full, "Transfers refused because there are too many");

#define RETRY_MS 100
#define ASK_MS 10000 // another worker is late, or had no room to answer

#define ACTIONS(X) X(none) X(up_begun) X(up) X(up_release) X(up_lost) X(down) X(down_release) X(retry) X(free)
#define DO_ENUM(name) DO_##name,
enum { ACTIONS(DO_ENUM) DO_COUNT };
#define S(name) TIE_##name##_STATE

// ASKING: the other end is not known yet. CUT: the other end is gone, and our call is told. LOST: a letter did not get
// through, and our call is told. GIVEN_UP: our call released it before the other end was known. ENDING: our call has
// released it, and the other end is to know.
static const struct fsm_row rows[] = {
	{ IN(S(ASKING)), TIE_EV_ACCEPTED, S(TIED), DO_up_begun, "" },
	{ IN(S(ASKING)), TIE_EV_TIMER, S(CUT), DO_up_lost, "nobody says anything" },
	{ IN(S(ASKING)) | IN(S(TIED)), TIE_EV_FAR_VERB, FSM_SAME, DO_up, "" },
	{ IN(S(ASKING)) | IN(S(TIED)), TIE_EV_FAR_RELEASE, S(CUT), DO_up_release, "" },
	{ IN(S(TIED)), TIE_EV_VERB, FSM_SAME, DO_down, "" },
	{ IN(S(TIED)), TIE_EV_UNSENT, S(LOST), DO_up_lost, "no room for a letter" },
	{ IN(S(TIED)) | IN(S(LOST)), TIE_EV_RELEASE, S(ENDING), DO_down_release, "" },
	{ IN(S(ASKING)), TIE_EV_RELEASE, S(GIVEN_UP), DO_none, "" },
	{ IN(S(GIVEN_UP)), TIE_EV_ACCEPTED, S(ENDING), DO_down_release, "" },
	{ IN(S(GIVEN_UP)), TIE_EV_FAR_RELEASE, S(GONE), DO_free, "" },
	{ IN(S(GIVEN_UP)), TIE_EV_FAR_VERB, FSM_SAME, DO_none, "crossing" },
	{ IN(S(GIVEN_UP)), TIE_EV_TIMER, S(GONE), DO_free, "" },
	{ IN(S(CUT)), TIE_EV_RELEASE, S(GONE), DO_free, "" },
	{ IN(S(CUT)), TIE_EV_ACCEPTED, S(LOST), DO_none, "too late" },
	{ IN(S(CUT)) | IN(S(LOST)), TIE_EV_VERB, FSM_SAME, DO_none, "crossing" },
	{ IN(S(LOST)), TIE_EV_FAR_RELEASE, S(CUT), DO_none, "" },
	{ IN(S(LOST)) | IN(S(ENDING)), TIE_EV_FAR_VERB, FSM_SAME, DO_none, "crossing" },
	{ IN(S(ENDING)), TIE_EV_SENT, S(GONE), DO_free, "" },
	{ IN(S(ENDING)), TIE_EV_UNSENT, FSM_SAME, DO_retry, "" },
	{ IN(S(ENDING)), TIE_EV_TIMER, FSM_SAME, DO_down_release, "" },
	{ IN(S(ENDING)), TIE_EV_FAR_RELEASE, S(GONE), DO_free, "both at once" },
};

static const char *const state_names[] = { TIE_STATES(X_TEXT) };
static const char *const event_names[] = { TIE_EVENTS(X_TEXT) };
static const char *const action_names[] = { ACTIONS(X_TEXT) };

const struct fsm tie_machine = {
	.name = "tie", .rows = rows, .row_count = ARRAY_LEN(rows),
	.states = state_names, .events = event_names, .actions = action_names,
	.state_count = TIE_STATE_COUNT, .event_count = TIE_EVENT_COUNT, .dropped = &counter_tie_dropped,
};

struct tie_input {
	const struct verb *verb;
	const struct tie_letter *letter;
};
static void step(struct tie_end *e, enum tie_event event, const struct tie_input *in);

// ---- Letters --------------------------------------------------------------------------------------------------------

static struct tie_letter letter_of(const struct tie_end *e, enum tie_letter_kind kind)
{
	const struct ties_setup *s = &e->ties->setup;
	return (struct tie_letter){ .kind = (uint8_t)kind, .from_side = e->side, .to_side = e->far_side,
		.to_worker = e->far_worker, .from_worker = s->env->worker, .to = e->far, .from = pool_ref(&e->ties->pool, e),
		.call = calls_number(s->calls, e->call) };
}

static enum err post(struct tie_end *e, const struct tie_letter *l)
{
	enum err err = e->ties->setup.send(e->ties->setup.send_self, l);
	if (err != OK) COUNT(tie_unsent);
	return err;
}

static void put_verb(struct tie_letter *l, const struct verb *v)
{
	l->verb = v->kind;
	l->media = v->media;
	l->refusal = v->refusal;
	l->signal = v->signal;
	l->digit = (uint8_t)v->digit;
	l->digit_ms = v->digit_ms;
	l->in_band = v->in_band;
	l->cause = v->cause;
	l->text = v->sdp;
	if (v->party) l->party = *v->party;
}

static struct verb verb_of(const struct tie_letter *l)
{
	return (struct verb){ .kind = l->verb, .media = l->media, .refusal = l->refusal, .signal = l->signal,
		.digit = (char)l->digit, .digit_ms = l->digit_ms, .in_band = l->in_band, .cause = l->cause, .sdp = l->text,
		.tied_to = l->call, .party = l->party.number.n ? &l->party : NULL };
}

// ---- The machine ----------------------------------------------------------------------------------------------------

static void tell_call(struct tie_end *e, const struct verb *v)
{
	calls_take(e->ties->setup.calls, e->call, e->side, CALL_LEG_TIE, v);
}

static void do_none(struct tie_end *e, const struct tie_input *in)
{
	(void)e;
	(void)in;
}

// Our call learns the number of the other one.
static void do_up_begun(struct tie_end *e, const struct tie_input *in)
{
	wheel_stop(&e->ties->wheel, &e->timer);
	tell_call(e, &(struct verb){ .kind = VERB_PROGRESS, .tied_to = in->letter->call });
}

static void do_free(struct tie_end *e, const struct tie_input *in)
{
	(void)e; // step frees what is GONE
	(void)in;
}

// Both calls offer at the same moment: each is refused, and tries again when it wants to (RFC 3261 14.2).
static void do_up(struct tie_end *e, const struct tie_input *in)
{
	struct verb v = verb_of(in->letter);
	bool offers = v.kind == VERB_MEDIA && (v.media == MEDIA_OFFER || v.media == MEDIA_ASK);
	if (offers && e->offered) {
		struct tie_letter l = letter_of(e, TIE_LETTER_VERB);
		put_verb(&l, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = REFUSED_GLARE });
		if (post(e, &l) != OK) step(e, TIE_EV_UNSENT, in);
		return;
	}
	if (v.kind == VERB_MEDIA) e->offered = false;
	tell_call(e, &v);
}

static void do_up_release(struct tie_end *e, const struct tie_input *in)
{
	struct verb v = verb_of(in->letter);
	tell_call(e, &v);
}

static void do_up_lost(struct tie_end *e, const struct tie_input *in)
{
	(void)in;
	tell_call(e, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_CONGESTION) });
}

static void do_down(struct tie_end *e, const struct tie_input *in)
{
	const struct verb *v = in->verb;
	struct tie_letter l = letter_of(e, TIE_LETTER_VERB);
	put_verb(&l, v);
	if (v->kind == VERB_MEDIA) e->offered = v->media == MEDIA_OFFER || v->media == MEDIA_ASK;
	if (post(e, &l) != OK) step(e, TIE_EV_UNSENT, in);
}

static void do_down_release(struct tie_end *e, const struct tie_input *in)
{
	struct tie_letter l = letter_of(e, TIE_LETTER_VERB);
	put_verb(&l, &(struct verb){ .kind = VERB_RELEASE, .cause = e->cause });
	step(e, post(e, &l) == OK ? TIE_EV_SENT : TIE_EV_UNSENT, in);
}

static void do_retry(struct tie_end *e, const struct tie_input *in)
{
	struct ties *ts = e->ties;
	(void)in;
	wheel_start(&ts->wheel, &e->timer, ts->setup.env->now_ms + RETRY_MS, 0, pool_ref(&ts->pool, e));
}

typedef void tie_action(struct tie_end *e, const struct tie_input *in);
#define DO_ROW(name) [DO_##name] = do_##name,
static tie_action *const actions[DO_COUNT] = { ACTIONS(DO_ROW) };

static void step(struct tie_end *e, enum tie_event event, const struct tie_input *in)
{
	struct ties *ts = e->ties;
	ref self = pool_ref(&ts->pool, e);
	const struct fsm_row *row = fsm_step(&tie_machine, &e->state, event);
	if (!row) return;
	actions[row->action](e, in);
	e = pool_at(&ts->pool, self); // the call may have released it in the action
	if (!e || e->state != S(GONE)) return;
	wheel_stop(&ts->wheel, &e->timer);
	pool_put(&ts->pool, e);
}

// ---- As a leg -------------------------------------------------------------------------------------------------------

static void take(void *self, ref r, const struct verb *v)
{
	struct ties *ts = self;
	struct tie_end *e = pool_at(&ts->pool, r);
	const struct tie_input in = { .verb = v };
	if (!e) return; // it ended meanwhile: normal
	if (v->kind == VERB_RELEASE) e->cause = v->cause;
	step(e, v->kind == VERB_RELEASE ? TIE_EV_RELEASE : TIE_EV_VERB, &in);
}

static const struct leg_ops ops = { .name = "tie", .take = take };

static struct leg_link link_of(struct tie_end *e)
{
	return (struct leg_link){ .ops = &ops, .self = e->ties, .leg = pool_ref(&e->ties->pool, e) };
}

static struct tie_end *end_new(struct ties *ts, enum tie_state state)
{
	struct tie_end *e = pool_get(&ts->pool);
	if (!e) {
		COUNT(ties_full);
		return NULL;
	}
	e->ties = ts;
	e->state = (uint8_t)state;
	return e;
}

static enum err ask(void *self, struct leg_link *out, ref call, enum call_side side, const struct tie_wish *wish)
{
	struct ties *ts = self;
	struct tie_end *e = end_new(ts, TIE_ASKING_STATE);
	if (!e) return ERR_FULL;
	e->call = call;
	e->side = (uint8_t)side;
	struct tie_letter l = letter_of(e, TIE_LETTER_ASK);
	l.to_worker = wish->to->joins.n ? sip_replaces_worker(wish->to->joins) : UINT32_MAX;
	if (l.to_worker == UINT32_MAX) l.to_worker = ts->setup.env->worker;
	l.line = wish->line;
	l.trunk_group = wish->trunk_group;
	l.hops = wish->hops;
	l.diversion = wish->diversion;
	l.party = *wish->caller;
	l.text = wish->to->joins;
	str_to_z(l.dialled, sizeof l.dialled, wish->to->dialled);
	*out = link_of(e);
	if (post(e, &l) != OK) {
		pool_put(&ts->pool, e);
		return ERR_FULL;
	}
	wheel_start(&ts->wheel, &e->timer, ts->setup.env->now_ms + ASK_MS, 0, out->leg);
	return OK;
}

struct tie_factory tie_factory(struct ties *ts)
{
	return (struct tie_factory){ .self = ts, .ask = ask };
}

// ---- What is asked from elsewhere -----------------------------------------------------------------------------------

// Who asked hears no: there is no end here to say it.
static void refuse(struct ties *ts, const struct tie_letter *asked, struct cause cause)
{
	struct tie_letter l = { .kind = TIE_LETTER_VERB, .from_worker = ts->setup.env->worker, .to = asked->from,
		.to_worker = asked->from_worker, .to_side = asked->from_side };
	put_verb(&l, &(struct verb){ .kind = VERB_RELEASE, .cause = cause });
	if (ts->setup.send(ts->setup.send_self, &l) != OK) COUNT(tie_unsent);
}

static struct tie_end *end_for(struct ties *ts, const struct tie_letter *asked)
{
	struct tie_end *e = end_new(ts, TIE_TIED_STATE);
	if (!e) {
		refuse(ts, asked, cause_local(CAUSE_CONGESTION));
		return NULL;
	}
	e->far_worker = asked->from_worker;
	e->far = asked->from;
	e->far_side = asked->from_side;
	return e;
}

static void accept(struct tie_end *e)
{
	struct tie_letter l = letter_of(e, TIE_LETTER_ACCEPTED);
	if (post(e, &l) != OK) step(e, TIE_EV_UNSENT, &(struct tie_input){ 0 });
}

// A new call, that line's in all but who is heard in it.
static void begin_call(struct ties *ts, const struct tie_letter *l)
{
	struct tie_end *e = end_for(ts, l);
	if (!e) return;
	const struct call_begin begin = { .leg = link_of(e), .line = l->line, .trunk_group = l->trunk_group,
		.dialled = str_from(l->dialled), .tied_to = l->call };
	const struct verb_offer offer = { .dialled = begin.dialled, .caller = l->party, .diversions = &l->diversion,
		.diversion_count = l->diversion.from.n != 0, .hops = l->hops, .on_behalf = true };
	e->side = SIDE_O;
	if (calls_begin(&e->call, ts->setup.calls, &begin) != OK) {
		pool_put(&ts->pool, e);
		refuse(ts, l, cause_local(CAUSE_CONGESTION));
		return;
	}
	ref self = pool_ref(&ts->pool, e), call = e->call;
	accept(e);
	if (pool_at(&ts->pool, self))
		calls_take(ts->setup.calls, call, SIDE_O, CALL_LEG_TIE,
			&(struct verb){ .kind = VERB_OFFER, .media = MEDIA_ASK, .offer = &offer });
}

// A call that stands: a leg of it is replaced by the tie, if it is of the line that asks.
static void join_call(struct ties *ts, const struct tie_letter *l)
{
	struct sip_replaced leg;
	struct cause cause = sip_replaces_find(&leg, ts->setup.legs, l->text);
	bool same = cause.value == 0 && (l->line ? leg.line == l->line : l->trunk_group && leg.trunk_group == l->trunk_group);
	const struct tie_end *far = l->from_worker == ts->setup.env->worker ? pool_at(&ts->pool, l->from) : NULL;
	if (far && far->call == leg.call) same = false; // a line that called itself
	if (cause.value == 0 && !same) cause = cause_local(CAUSE_BARRED);
	if (cause.value) {
		refuse(ts, l, cause);
		return;
	}
	struct tie_end *e = end_for(ts, l);
	if (!e) return;
	e->call = leg.call;
	e->side = leg.side;
	accept(e);
	const struct call_replacement r = { .by = link_of(e), .tied_to = l->call, .party = &l->party };
	calls_replace(ts->setup.calls, leg.call, leg.side, leg.index, &r);
}

void ties_take(struct ties *ts, const struct tie_letter *l)
{
	struct tie_end *e = pool_at(&ts->pool, l->to);
	const struct tie_input in = { .letter = l };
	if (l->kind == TIE_LETTER_ASK) {
		if (l->text.n) join_call(ts, l);
		else begin_call(ts, l);
		return;
	}
	if (!e) { // it ended meanwhile: normal
		if (l->kind == TIE_LETTER_ACCEPTED) refuse(ts, l, cause_local(CAUSE_TIMER));
		return;
	}
	if (l->kind == TIE_LETTER_ACCEPTED) {
		e->far = l->from;
		e->far_worker = l->from_worker;
		e->far_side = l->from_side;
		step(e, TIE_EV_ACCEPTED, &in);
	} else {
		step(e, l->verb == VERB_RELEASE ? TIE_EV_FAR_RELEASE : TIE_EV_FAR_VERB, &in);
	}
}

uint64_t ties_tick(struct ties *ts)
{
	struct timer *t;
	while ((t = wheel_expire(&ts->wheel, ts->setup.env->now_ms))) {
		struct tie_end *e = pool_at(&ts->pool, t->owner);
		if (e) step(e, TIE_EV_TIMER, &(struct tie_input){ 0 });
	}
	return wheel_next(&ts->wheel);
}

enum err ties_init(struct ties *ts, const struct ties_setup *setup)
{
	*ts = (struct ties){ .setup = *setup };
	wheel_init(&ts->wheel, setup->env->now_ms);
	return pool_init(&ts->pool, "ties", sizeof(struct tie_end), setup->ends_max);
}

void ties_fini(struct ties *ts)
{
	pool_fini(&ts->pool);
}
