// The calls of one worker: their pool, the queue of events of a step, and what both halves use.
//
//     leg, timer, media, journal ─▶ queue ─▶ orig_step / term_step ─▶ verbs to legs, more events ─▶ ... until empty
//
// Nothing re-enters a machine: what happens while a step runs waits in the queue.
#include "call/half/inside.h"

#include "base/bug.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>

COUNTER(calls_begun, "Calls that a leg brought");
COUNTER(calls_full, "Calls refused because calls_max stand, or the switch is stopping");
COUNTER(calls_queue_full, "Events lost because a step made too many");
COUNTER(calls_broken, "Calls given up because an invariant broke");
COUNTER(call_gone, "Events for calls that had ended");

enum err calls_new(struct calls **out, const struct calls_setup *setup)
{
	struct calls *cs = calloc(1, sizeof *cs);
	if (!cs) return ERR_FULL;
	cs->setup = *setup;
	wheel_init(&cs->wheel, setup->env->now_ms);
	slab_init(&cs->texts, (uint64_t)setup->calls_max * 4096 + (1u << 20));
	if (pool_init(&cs->pool, "calls", sizeof(struct call), setup->calls_max + CALLS_RESERVED) != OK ||
	    pool_init(&cs->ties, "ties of calls", sizeof(struct call_tie), 2 * (setup->calls_max + CALLS_RESERVED)) != OK ||
	    media_worker_init(&cs->media, setup->media, setup->calls_max) != OK) {
		calls_free(cs);
		return ERR_FULL;
	}
	*out = cs;
	return OK;
}

struct calls *calls_free(struct calls *cs)
{
	if (!cs) return NULL;
	pool_fini(&cs->pool);
	pool_fini(&cs->ties);
	media_worker_fini(&cs->media);
	slab_fini(&cs->texts);
	free(cs);
	return NULL;
}

ref call_ref(const struct call *c)
{
	return pool_ref(&c->calls->pool, c);
}

const struct env *call_env(const struct call *c)
{
	return c->calls->setup.env;
}

const struct office_rules *call_rules(const struct call *c)
{
	return office_rules(c->calls->setup.office);
}

const struct office_line *call_line(const struct call *c, uint32_t id)
{
	return id ? office_line(c->calls->setup.office, id) : NULL;
}

void call_trail(struct call *c, enum call_side side, enum trail_kind kind, uint32_t a, uint32_t b)
{
	trail_add(&c->trail, call_env(c)->now_ms, (uint8_t)side, call_rules(c)->version, kind, a, b);
}

void call_looked_up(struct call *c, const struct call_lookup *l)
{
	struct call_watch *watch = c->calls->setup.watch;
	if (watch && c->recording) watch->looked_up(watch, c, l);
}

void call_looked_up_calls(struct call *c, enum occupancy_kind kind, uint32_t id, uint32_t calls)
{
	const struct call_taken *t = &c->taken;
	bool line = kind == OCCUPANCY_LINE;
	uint32_t own = line ? (t->o_line == id) + (t->t_line == id) : (t->o_trunk == id) + (c->trunk_at == id);
	call_looked_up(c, &(struct call_lookup){ .kind = line ? LOOKUP_LINE : LOOKUP_TRUNK, .id = id,
		.calls = calls > own ? calls - own : 0 });
}

bool call_take(struct call *c, enum occupancy_kind kind, uint32_t id, uint32_t max)
{
	struct occupancy *o = c->calls->setup.live->occupancy;
	bool taken = occupancy_take(o, kind, id, max);
	if (!c->recording) return taken;
	uint32_t calls = occupancy_now(o, kind, id) - taken;
	if (!taken && calls < max) calls = max; // another worker gave a place back meanwhile
	call_looked_up_calls(c, kind, id, calls);
	return taken;
}

void call_trace(struct call *c, uint32_t line)
{
	const struct calls_setup *s = &c->calls->setup;
	if (line && s->keep_text && s->trace_line(s->trace_self, line)) c->traced = true;
}

static void post(struct call *c, enum call_side side, uint8_t event, uint8_t leg, const struct verb *v)
{
	struct calls *cs = c->calls;
	if (cs->queue_count == CALL_QUEUE_MAX) {
		COUNT(calls_queue_full);
		return;
	}
	struct call_event *ev = &cs->queue[(cs->queue_first + cs->queue_count++) % CALL_QUEUE_MAX];
	*ev = (struct call_event){ .call = call_ref(c), .side = side == SIDE_O ? SIDE_O : SIDE_T, .event = event, .leg = leg };
	if (v) ev->verb = *v;
	else ev->verb.kind = VERB_COUNT; // no verb
}

void o_post(struct call *c, enum o_event event, const struct verb *v)
{
	post(c, SIDE_O, (uint8_t)event, 0, v);
}

void t_post(struct call *c, enum t_event event, uint8_t leg, const struct verb *v)
{
	post(c, SIDE_T, (uint8_t)event, leg, v);
}

// Our mistakes: this call is given up, and the others go on.
static void check(struct call *c)
{
	enum call_invariant wrong = c->broken ? INVARIANTS_HOLD : call_wrong(c);
	if (!wrong) return;
	c->broken = true;
	COUNT(calls_broken);
	LOG(ERROR, "call_invariant", LOG_TEXT("an invariant of a call broke: it is given up"),
	    LOG_Z("what", call_invariant_text(wrong)), LOG_U64("call", c->id));
	if (c->o.pic >= O_COUNTING) return;
	call_trail(c, SIDE_O, TRAIL_INVARIANT, wrong, 0);
	c->released_by = BY_SWITCH;
	o_post(c, O_EV_GIVE_UP, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_TEMPORARY) });
}

// Gives back all that a call held.
static void call_end(struct call *c)
{
	struct calls *cs = c->calls;
	struct occupancy *o = cs->setup.live->occupancy;
	if (c->recording) cs->setup.watch->ended(cs->setup.watch, c);
	wheel_stop(&cs->wheel, &c->o.timer);
	wheel_stop(&cs->wheel, &c->t.timer);
	if (c->taken.o_line) occupancy_give(o, OCCUPANCY_LINE, c->taken.o_line);
	if (c->taken.o_trunk) occupancy_give(o, OCCUPANCY_TRUNK_GROUP, c->taken.o_trunk);
	if (c->taken.t_line) occupancy_give(o, OCCUPANCY_LINE, c->taken.t_line);
	if (c->trunk_at) occupancy_give(o, OCCUPANCY_TRUNK_GROUP, c->trunk_at);
	media_close(&c->media, &cs->media);
	if (!BUG(memory_kept)) c->held_sdp = slab_free(&cs->texts, c->held_sdp);
	c->identities = slab_free(&cs->texts, c->identities);
	c->history = slab_free(&cs->texts, c->history);
	ties_free(c);
	pool_put(&cs->pool, c);
}

static void run(struct calls *cs)
{
	if (cs->running) return;
	cs->running = true;
	while (cs->queue_count) {
		struct call_event ev = cs->queue[cs->queue_first];
		cs->queue_first = (cs->queue_first + 1) % CALL_QUEUE_MAX;
		cs->queue_count--;
		struct call *c = pool_at(&cs->pool, ev.call);
		if (!c) {
			COUNT(call_gone);
			continue;
		}
		if (cs->setup.watch) cs->setup.watch->reached(cs->setup.watch, c);
		if (ev.side == SIDE_O) orig_step(c, &ev);
		else term_step(c, &ev);
		if (c->o.pic == O_OVER || !cs->queue_count) call_show(c);
		if (c->o.pic == O_OVER) call_end(c);
		else if (!cs->queue_count) check(c); // between two events of one step the halves may disagree
	}
	cs->running = false;
}

void half_timer(struct call *c, enum call_side side, uint64_t ms)
{
	struct half *h = side == SIDE_O ? &c->o : &c->t;
	struct wheel *w = &c->calls->wheel;
	if (ms) wheel_start(w, &h->timer, call_env(c)->now_ms + ms, side, call_ref(c));
	else wheel_stop(w, &h->timer);
}

uint64_t calls_tick(struct calls *cs)
{
	struct timer *t;
	while ((t = wheel_expire(&cs->wheel, cs->setup.env->now_ms))) {
		struct call *c = pool_at(&cs->pool, t->owner);
		if (!c) continue;
		arena_reset(&cs->setup.env->scratch); // each is an event of its own
		if (t->kind == SIDE_O) o_post(c, O_EV_TIMER, NULL);
		else t_post(c, T_EV_TIMER, 0, NULL);
		run(cs);
	}
	return wheel_next(&cs->wheel);
}

void o_tell(struct call *c, const struct verb *v)
{
	struct call_leg *leg = &c->o_leg;
	if (leg->phase == LEG_GONE) return;
	if (v->kind == VERB_RELEASE) leg->phase = LEG_GONE;
	leg->link.ops->take(leg->link.self, leg->link.leg, v);
}

void t_tell(struct call *c, uint8_t index, const struct verb *v)
{
	struct call_leg *leg = &c->t_legs[index];
	if (leg->phase == LEG_GONE || leg->phase == LEG_FREE) return;
	if (v->kind == VERB_RELEASE) leg->phase = LEG_GONE;
	leg->link.ops->take(leg->link.self, leg->link.leg, v);
}

void call_note_leg(struct call *c, enum call_side side, const struct call_leg *leg)
{
	const struct leg_link *l = &leg->link;
	if (l->ops->call_id) str_to_z(c->call_ids[side], sizeof c->call_ids[side], l->ops->call_id(l->self, l->leg));
}

void t_release_all(struct call *c, struct cause cause, bool elsewhere)
{
	for (uint8_t i = 0; i < c->t_leg_count; i++)
		if (!elsewhere || i + 1 != c->t_answered)
			t_tell(c, i, &(struct verb){ .kind = VERB_RELEASE, .cause = cause, .elsewhere = elsewhere });
}

bool calls_is_emergency(const struct calls *cs, uint32_t line, struct str dialled)
{
	struct translation t = { 0 };
	char rest[NUMBER_DIGITS_MAX];
	const struct office *office = cs->setup.office;
	while (dialled.n) {
		number_translate(&t, &(struct dialling){ .office = office, .rules = office_rules(office),
			.caller = line ? office_line(office, line) : NULL, .digits = dialled, .complete = true }, NULL, cs->setup.env);
		if (t.class != DIAL_STAR || (t.star != STAR_BLOCK && t.star != STAR_UNBLOCK)) break;
		memcpy(rest, t.rest, t.rest_n); // *67911
		dialled = (struct str){ rest, t.rest_n };
	}
	return t.class == DIAL_EMERGENCY;
}

// Who opens without digits waits for seconds, and mostly calls somebody else: half of it they leave to who dialled 911.
uint32_t calls_reserve(const struct calls *cs, uint32_t line, struct str dialled, uint32_t reserved)
{
	if (!line || BUG(reserve_forgotten)) return 0;
	if (dialled.n == 0) return BUG(dial_tone_refused) ? 0 : reserved / 2;
	return calls_is_emergency(cs, line, dialled) ? reserved : 0;
}

enum err calls_begin(ref *out, struct calls *cs, const struct call_begin *b)
{
	const struct env *env = cs->setup.env;
	bool full = cs->stopping || cs->pool.used >= cs->setup.calls_max >> BUG(half_full_is_full);
	uint32_t reserve = full ? calls_reserve(cs, b->line, b->dialled, CALLS_RESERVED) : 0;
	bool taken = !full || (reserve && cs->pool.used < cs->setup.calls_max + reserve);
	struct call *c = taken && (!cs->released || BUG(taken_at_the_end)) ? pool_get(&cs->pool) : NULL;
	if (!c) {
		COUNT(calls_full);
		return cs->stopping && !reserve ? ERR_STATE : ERR_FULL;
	}
	COUNT(calls_begun);
	c->calls = cs;
	// Unique over restarts, whatever the clock says: the number of the start, a count, six bits of the worker.
	c->id = (((uint64_t)cs->setup.boot << 32) + ++cs->begun) << 6 | (env->worker & 63);
	if (BUG(call_number_twice)) c->id = env->wall_ms / 100;
	c->o_leg = (struct call_leg){ .link = b->leg, .peer = b->peer, .phase = LEG_OFFERED };
	c->o_line = c->payer_line = b->line;
	c->on_reserve = full;
	c->o_trunk = b->trunk_group;
	c->began_ms = c->trail.began_ms = env->now_ms;
	c->began_wall_ms = env->wall_ms;
	call_trace(c, b->line);
	call_note_leg(c, SIDE_O, &c->o_leg);
	media_init(&c->media, call_ref(c));
	if (b->tied_to) tie_begin(c, b->tied_to);
	if (cs->setup.watch) cs->setup.watch->began(cs->setup.watch, c);
	*out = call_ref(c);
	return OK;
}

// What either side may say is the originating half's business.
static void post_of(struct call *c, enum call_side side, enum o_event event, const struct verb *v)
{
	struct verb said = *v;
	said.side = (uint8_t)side;
	o_post(c, event, &said);
}

// The far end of a side is gone without a word, as far as its protocol can tell.
static void unrefreshed(struct call *c, enum call_side side, const struct verb *v)
{
	call_trail(c, side, TRAIL_UNREFRESHED, v->unrefreshed_s, 0);
	c->released_by = BY_SWITCH;
	o_post(c, O_EV_GIVE_UP, v);
}

static void take_from_o(struct call *c, const struct verb *v)
{
	switch (v->kind) {
	case VERB_OFFER: o_post(c, O_EV_OFFER, v); break;
	case VERB_MEDIA: o_post(c, O_EV_MEDIA, v); break;
	case VERB_SIGNAL:
		if (v->signal == SIGNAL_DIGIT) o_post(c, O_EV_DIGIT, v);
		else if (v->signal == SIGNAL_TRANSFER) post_of(c, SIDE_O, O_EV_TRANSFER, v);
		break;
	case VERB_RELEASE:
		if (v->unrefreshed_s) unrefreshed(c, SIDE_O, v);
		else if (tie_is_asked(c, SIDE_O)) post_of(c, SIDE_O, O_EV_PARTED, v);
		else o_post(c, O_EV_RELEASE, v);
		break;
	default: break; // a caller's leg has no other verbs
	}
}

// A leg of T ended. Which event that is hangs on whether it had answered and on what the others do.
static void leg_ended(struct call *c, uint8_t index, const struct verb *v)
{
	if (c->t_answered == index + 1u) {
		if (v->unrefreshed_s) unrefreshed(c, SIDE_T, v);
		else if (tie_is_asked(c, SIDE_T)) post_of(c, SIDE_T, O_EV_PARTED, v);
		else t_post(c, T_EV_LEG_RELEASE, index, v);
		return;
	}
	t_tell(c, index, &(struct verb){ .kind = VERB_RELEASE, .cause = v->cause });
	if (c->t.pic == T_SELECT_FACILITY) return; // it could not even be asked: who makes the legs sees that it is gone
	if (!c->t_cause.value || v->cause.value == CAUSE_BUSY) c->t_cause = v->cause;
	for (uint8_t i = 0; i < c->t_leg_count; i++) {
		if (c->t_legs[i].phase == LEG_OFFERED || c->t_legs[i].phase == LEG_ALERTING) {
			t_post(c, T_EV_LEG_FAILED, index, v);
			return;
		}
	}
	t_post(c, T_EV_ALL_FAILED, index, v);
}

static enum err pass_digit(struct call *c, const struct verb *v)
{
	enum media_side ear = BUG(digit_echoed) ? MEDIA_B : MEDIA_A;
	return media_digit(&c->media, &c->calls->media, ear, v->digit, v->digit_ms);
}

static void take_from_t(struct call *c, uint8_t index, const struct verb *v)
{
	if (index >= c->t_leg_count || c->t_legs[index].phase == LEG_GONE) {
		COUNT(call_gone);
		return;
	}
	switch (v->kind) {
	case VERB_PROGRESS: t_post(c, T_EV_PROGRESS, index, v); break;
	case VERB_ALERT: t_post(c, T_EV_ALERT, index, v); break;
	case VERB_ANSWER: t_post(c, T_EV_ANSWER, index, v); break;
	case VERB_MEDIA: t_post(c, T_EV_MEDIA, index, v); break;
	case VERB_SIGNAL:
		if (v->signal == SIGNAL_TRANSFER) post_of(c, SIDE_T, O_EV_TRANSFER, v);
		else if (v->signal == SIGNAL_DIGIT && pass_digit(c, v) != OK) COUNT(call_gone);
		break;
	case VERB_RELEASE: leg_ended(c, index, v); break;
	default: break;
	}
}

// Once it stands it is the leg of its side like any other.
static void take_from_tie(struct call *c, enum call_side side, const struct verb *v)
{
	struct call_tie *t = c->ties[side];
	if (!t) return;
	if (v->party) t->party = *v->party;
	if (t->phase != TIE_STANDS) post_of(c, side, O_EV_TIE, v);
	else if (side == SIDE_O) take_from_o(c, v);
	else if (c->t_answered) take_from_t(c, (uint8_t)(c->t_answered - 1), v);
}

void calls_take(struct calls *cs, ref call, enum call_side side, uint8_t leg, const struct verb *v)
{
	struct call *c = pool_at(&cs->pool, call);
	if (!c) {
		COUNT(call_gone);
		return;
	}
	if (leg == CALL_LEG_TIE) take_from_tie(c, side, v);
	else if (side == SIDE_O) take_from_o(c, v);
	else take_from_t(c, leg, v);
	run(cs);
}

void calls_replace(struct calls *cs, ref call, enum call_side side, uint8_t leg, const struct call_replacement *r)
{
	struct call *c = pool_at(&cs->pool, call);
	const struct verb refused = { .kind = VERB_RELEASE, .cause = cause_local(CAUSE_NORMAL_UNSPECIFIED) };
	const struct verb v = { .kind = VERB_SIGNAL, .replacement = r, .seat = leg };
	if (c && !r->tied_to) post_of(c, side, O_EV_TAKE, &v);
	else if (c && (side == SIDE_O || c->t_answered == leg + 1u)) post_of(c, side, O_EV_REPLACE, &v);
	else r->by.ops->take(r->by.self, r->by.leg, &refused);
	run(cs);
}

void calls_ladder(struct calls *cs, ref call, const struct ladder_row *row, struct str bytes)
{
	struct call *c = pool_at(&cs->pool, call);
	if (c && c->recording) cs->setup.watch->message(cs->setup.watch, c, row, bytes);
	if (!c || c->ladder_n == RECORD_LADDER_MAX) return;
	struct ladder_row *at = &c->ladder[c->ladder_n++];
	*at = *row;
	at->at_ms = (uint32_t)(cs->setup.env->now_ms - c->began_ms);
	at->text = c->traced ? cs->setup.keep_text(cs->setup.trace_self, c->id, bytes) : UINT32_MAX;
}

static void take_stats(struct record_media *out, const struct media_leg_stats *in)
{
	*out = (struct record_media){ .packets = in->rx_packets, .octets = (uint32_t)in->rx_bytes, .lost = in->rx_lost,
		.jitter_us = in->rx_jitter_us };
}

// A telephone that lost its power says no BYE. What crossed a hold on its way here is no silence.
static void on_silence(struct call *c, const struct media_event *e)
{
	if (c->o.pic != O_ACTIVE || !media_talks(&c->media, (enum media_side)e->side)) return;
	call_trail(c, e->side == MEDIA_A ? SIDE_O : SIDE_T, TRAIL_MEDIA_SILENT, e->silent_s, 0);
	c->released_by = BY_SWITCH;
	o_post(c, O_EV_GIVE_UP, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_TIMER) });
}

void calls_on_media(struct calls *cs, const struct media_event *e)
{
	struct call *c = pool_at(&cs->pool, e->owner);
	if (!c) return; // the call ended meanwhile: normal
	switch (e->kind) {
	case MEDIA_EV_DIGIT:
		if (e->side == MEDIA_A && c->o.pic == O_COLLECT)
			o_post(c, O_EV_DIGIT, &(struct verb){ .kind = VERB_SIGNAL, .digit = e->digit });
		break;
	case MEDIA_EV_PLAYED:
		if (e->side == MEDIA_A && c->o.pic == O_EXCEPTION) o_post(c, O_EV_PLAYED, NULL);
		break;
	case MEDIA_EV_CLOSED:
		take_stats(&c->stats[SIDE_O], &e->legs[MEDIA_A]);
		take_stats(&c->stats[SIDE_T], &e->legs[MEDIA_B]);
		o_post(c, O_EV_STATS, NULL);
		break;
	case MEDIA_EV_SILENT: on_silence(c, e); break;
	default: break;
	}
	run(cs);
}

void calls_on_journal(struct calls *cs, const struct journal_done *d)
{
	struct call *c = pool_at(&cs->pool, d->owner);
	// A record that nobody waits for any more was late, and the policy has decided without it.
	if (!c || c->o.pic != (d->kind == RECORD_ANSWER ? O_RECORDING : O_CLOSING)) return;
	o_post(c, d->err == OK ? O_EV_RECORDED : O_EV_TIMER, NULL);
	run(cs);
}

enum err call_set_feature(struct call *c, uint32_t line, enum office_feature f, bool active, struct str target)
{
	const struct calls_setup *s = &c->calls->setup;
	if (!s->set_feature) return ERR_FULL;
	call_trail(c, SIDE_O, active ? TRAIL_FEATURE_SET : TRAIL_FEATURE_CLEARED, f, 0);
	enum err e = s->set_feature(s->set_feature_self, call_ref(c), line, (uint8_t)f, active, target);
	if (e != OK) call_looked_up(c, &(struct call_lookup){ .kind = LOOKUP_REFUSED, .id = REFUSED_FEATURE });
	return e;
}

void calls_on_feature_done(struct calls *cs, uint64_t owner, enum err result)
{
	struct call *c = pool_at(&cs->pool, owner);
	if (!c) return;
	if (result == OK) c->prompt = c->star == STAR_CLEAR ? MEDIA_PROMPT_FORWARDING_OFF : MEDIA_PROMPT_FORWARDING_ON;
	o_post(c, O_EV_CONFIRM, NULL);
	run(cs);
}

enum feature_says call_features(struct call *c, enum detection_point at)
{
	const struct feature_table *t = &c->calls->setup.features;
	for (uint32_t i = 0; i < t->count; i++) {
		if (t->rows[i].at != at) continue;
		enum feature_says says = t->rows[i].run(c);
		if (says != FEATURE_CONTINUE) return says;
	}
	return FEATURE_CONTINUE;
}

enum err calls_release(struct calls *cs, uint64_t call_id)
{
	uint32_t at = 0;
	for (struct call *c; (c = pool_each(&cs->pool, &at));) {
		if (c->id != call_id || c->o.pic >= O_COUNTING) continue;
		arena_reset(&cs->setup.env->scratch);
		call_trail(c, SIDE_O, TRAIL_RELEASED_BY_OPERATOR, 0, 0);
		c->released_by = BY_OPERATOR;
		o_post(c, O_EV_GIVE_UP, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_NORMAL_UNSPECIFIED) });
		run(cs);
		return OK;
	}
	return ERR_NOT_FOUND;
}

void calls_stop(struct calls *cs)
{
	cs->stopping = true;
	if (BUG(stop_waits_for_nobody)) calls_release_all(cs, cause_local(CAUSE_TEMPORARY));
}

void calls_release_all(struct calls *cs, struct cause cause)
{
	uint32_t at = 0;
	cs->released = true;
	for (struct call *c; (c = pool_each(&cs->pool, &at));) {
		if (c->o.pic >= O_COUNTING || (BUG(active_passed_over) && c->o.pic == O_ACTIVE)) continue;
		arena_reset(&cs->setup.env->scratch);
		c->released_by = BY_SWITCH;
		o_post(c, O_EV_GIVE_UP, &(struct verb){ .kind = VERB_RELEASE, .cause = cause });
		run(cs);
	}
}

struct call *calls_each(struct calls *cs, uint32_t *at)
{
	return pool_each(&cs->pool, at);
}

uint64_t calls_number(const struct calls *cs, ref call)
{
	const struct call *c = pool_at(&cs->pool, call);
	return c ? c->id : 0;
}

uint32_t calls_count(const struct calls *cs)
{
	return cs->pool.used;
}

uint64_t calls_text_bytes(const struct calls *cs)
{
	return cs->texts.used_bytes + cs->media.texts.used_bytes;
}
