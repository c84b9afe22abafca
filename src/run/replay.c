// The new run of a recorded call: a worker, and around it nothing but the recording.
#include "run/replay_inside.h"

#include "base/rcu.h"

#include <stdio.h>
#include <stdlib.h>

#define BEGIN_MS 1000000u  // the new run's clock when the call begins
#define LATE_MS 1000u      // how late a timer may have fired, on a machine that had much to do
#define AFTER_MS 200000u   // how long the new run may go on after the last input
#define MEMORY_BYTES (8u << 20)

// ---- The media plane -----------------------------------------------------------------------------------------------

static struct world *world_of(struct media *m)
{
	return (struct world *)(void *)((char *)m - offsetof(struct world, media));
}

// Does the trail of the recording have such a row at the time of this step?
static bool told_then(const struct world *w, enum trail_kind kind)
{
	const struct recording_entry *e = entry_find(w->recorded->first, ENTRY_TRAIL);
	for (; e; e = entry_find(e->next, ENTRY_TRAIL)) {
		const struct trail_row *row = entry_body(e);
		if (row->kind == kind && row->at_ms == w->step->at_ms) return true;
	}
	return false;
}

// Was this refused in this step?
static bool refused_then(const struct world *w, const struct entry_refused *what)
{
	for (const struct recording_entry *e = w->step->next; e && !entry_is_input(e->kind); e = e->next) {
		const struct entry_refused *r = entry_body(e);
		if (e->kind == ENTRY_REFUSED && r->what == what->what && r->side == what->side && r->family == what->family &&
		    r->streams == what->streams) return true;
	}
	return false;
}

static enum err media_open(struct media *m, ref *session, uint64_t owner)
{
	if (refused_then(world_of(m), &(struct entry_refused){ .what = REFUSED_SESSION })) return ERR_FULL;
	world_of(m)->media_owner = owner;
	*session = 1;
	return OK;
}

static enum err media_ports(struct media *m, ref session, const struct media_want *want,
                            struct addr rtp[MEDIA_STREAMS_MAX])
{
	static const struct addr hosts[] = { { .family = 4, .ip = { 192, 0, 2, 2 } },
		                                 { .family = 6, .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } } };
	struct world *w = world_of(m);
	(void)session;
	const struct entry_refused what = { .what = REFUSED_PORTS, .side = want->side, .family = want->family,
		.streams = want->count };
	if (refused_then(w, &what)) return ERR_FULL;
	for (uint32_t i = 0; i < want->count; i++) {
		rtp[i] = hosts[want->family == 6];
		rtp[i].port = (uint16_t)(20000 + 100 * want->side + 2 * i);
	}
	return OK;
}

static enum err media_tell(struct media *m, ref session, const struct media_command *command)
{
	(void)m, (void)session, (void)command;
	return OK;
}

static bool media_take(struct media *m, struct media_event *out)
{
	(void)m, (void)out;
	return false; // what it said then is an input
}

// Nobody hears what is encrypted with it.
static enum err media_secret(struct media *m, uint8_t *out, uint32_t n)
{
	(void)m;
	memset(out, 0, n);
	return OK;
}

static bool media_is_own(const struct media *m, const struct addr *a)
{
	const struct recording_entry *e = world_of((struct media *)(uintptr_t)m)->recorded->first;
	while ((e = entry_find(e, ENTRY_LISTENER))) {
		const struct entry_listener *l = entry_body(e);
		if (addr_eq(&l->address, a)) return true;
		e = e->next;
	}
	return false;
}

static const struct media_ops media_ops = { media_open, media_ports, media_tell, media_take, media_secret, media_is_own };

// ---- The journal, the control thread, the network ------------------------------------------------------------------

static enum err journal_put(void *self, uint32_t worker, const struct call_record *record, uint64_t owner)
{
	struct world *w = self;
	(void)worker;
	if (owner) w->journal_owner = owner;
	if (refused_then(w, &(struct entry_refused){ .what = REFUSED_RECORD })) return ERR_FULL;
	if (record->kind == RECORD_RELEASE) {
		w->result->record = *record;
		w->result->ended = true;
	}
	return OK;
}

// It was taken on what is kept for emergency calls.
static bool was_on_reserve(const struct world *w)
{
	const struct recording_entry *e = entry_find(w->recorded->first, ENTRY_TRAIL);
	for (; e; e = entry_find(e->next, ENTRY_TRAIL))
		if (((const struct trail_row *)entry_body(e))->kind == TRAIL_ON_RESERVE) return true;
	return false;
}

static bool journal_healthy(void *self)
{
	return !told_then(self, TRAIL_RECORDS_LATE);
}

static bool journal_has_room(void *self, uint32_t worker)
{
	(void)worker;
	return journal_healthy(self);
}

static const struct journal_ops journal_ops = { journal_put, journal_healthy, journal_has_room };

static enum err set_feature(void *self, uint32_t worker, uint64_t owner, uint32_t line, uint8_t feature, bool active,
                            struct str target)
{
	struct world *w = self;
	(void)worker, (void)line, (void)feature, (void)active, (void)target;
	w->feature_owner = owner;
	return refused_then(w, &(struct entry_refused){ .what = REFUSED_FEATURE }) ? ERR_FULL : OK;
}

static bool refuses_leg(void *self, uint32_t index)
{
	return refused_then(self, &(struct entry_refused){ .what = REFUSED_LEG, .streams = index });
}

static void drop_packets(struct outbox *o, void *self)
{
	(void)o, (void)self; // what a call sent is in its recording
}

// ---- Steps ---------------------------------------------------------------------------------------------------------

static void set_time(struct world *w, uint64_t now_ms)
{
	const struct entry_begin *began = entry_body(w->recorded->first);
	w->now_ms = now_ms;
	worker_at(w->worker, now_ms, began->began_wall_ms + (now_ms - BEGIN_MS));
}

// The new call, while it stands.
static struct call *standing(const struct world *w)
{
	uint32_t at = 0;
	return calls_each(worker_calls(w->worker), &at);
}

static void give_media(struct world *w, const struct entry_media *m)
{
	struct media_event e = { .owner = w->media_owner, .session = 1, .kind = m->event, .side = m->side,
		.digit = m->digit, .silent_s = m->silent_s };
	for (int side = 0; side < MEDIA_SIDES; side++)
		e.legs[side] = (struct media_leg_stats){ .rx_packets = m->legs[side].packets, .rx_bytes = m->legs[side].octets,
			.rx_lost = m->legs[side].lost, .rx_jitter_us = m->legs[side].jitter_us };
	worker_media_event(w->worker, &e);
}

static void give_release(struct world *w, const struct entry_release *r)
{
	const struct call *c = standing(w);
	if (!r->by_operator) worker_release_all(w->worker);
	else if (c && worker_release(w->worker, c->id) != OK) return; // it is ending already
}

// What its ties say goes nowhere: what was answered is in the recording.
static enum err send_tie(void *self, const struct tie_letter *l)
{
	struct world *w = self;
	if (l->from) w->ties[l->from_side & 1] = l->from;
	return OK;
}

static void read_number(struct number *out, const char *digits)
{
	bool international = digits[0] == '+';
	enum number_nature nature = international ? NUMBER_INTERNATIONAL : NUMBER_UNKNOWN;
	if (!digits[0] || number_set(out, nature, str_from(digits + international)) != OK) *out = (struct number){ 0 };
}

static void give_tie(struct world *w, const struct entry_tie *t)
{
	struct tie_letter l = { .kind = t->kind, .to_side = t->to_side & 1, .from_worker = t->from_worker, .from = t->from,
		.to = t->kind == TIE_LETTER_ASK ? 0 : w->ties[t->to_side & 1], .call = t->call, .line = t->line,
		.trunk_group = t->trunk_group, .hops = t->hops, .verb = t->verb, .media = t->media, .refusal = t->refusal,
		.signal = t->signal, .digit = (uint8_t)t->digit, .digit_ms = t->digit_ms, .in_band = t->in_band,
		.cause = t->cause, .party = { .presentation = t->presentation, .screening = t->screening },
		.text = replay_text(w) };
	memcpy(l.dialled, t->dialled, sizeof l.dialled);
	l.diversion = (struct diversion){ .reason = DIVERSION_DEFLECTION, .presentation = t->diversion_presentation };
	read_number(&l.diversion.from, t->diverted_from);
	read_number(&l.party.number, t->number);
	l.party.name_n = (uint8_t)strnlen(t->name, PARTY_NAME_MAX);
	memcpy(l.party.name, t->name, l.party.name_n);
	worker_tie(w->worker, &l);
}

static void give(struct world *w)
{
	const void *body = entry_body(w->step);
	const struct entry_packet *packet = body;
	const struct entry_journal *journal = body;
	const struct entry_feature *feature = body;
	switch (w->step->kind) {
	case ENTRY_PACKET:
		worker_input(w->worker, &(struct packet){ .peer = packet->from, .listener = (uint16_t)packet->listener,
			.returned = packet->returned, .broken = packet->broken, .arrived_ms = w->now_ms, .data = replay_message(w) });
		break;
	case ENTRY_MEDIA: give_media(w, body); break;
	case ENTRY_JOURNAL:
		worker_journal_done(w->worker, &(struct journal_done){ .owner = w->journal_owner, .kind = journal->record,
			.err = journal->failed ? ERR_SYSTEM : OK });
		break;
	case ENTRY_FEATURE:
		worker_feature_done(w->worker, w->feature_owner, feature->failed ? ERR_REFUSED : OK);
		break;
	case ENTRY_TIE: give_tie(w, body); break;
	case ENTRY_RELEASE: give_release(w, body); break;
	default: worker_tick(w->worker);
	}
	outbox_flush(&w->out);
	rcu_quiescent();
}

// Timers that the recording has not, as those of a newer build may be: all that are due long before the next input.
// Others fire when they fired then.
static void pass_time(struct world *w, uint64_t until_ms)
{
	if (until_ms - w->now_ms <= LATE_MS) return;
	for (uint64_t next = worker_tick(w->worker); next <= until_ms - LATE_MS; next = worker_tick(w->worker))
		set_time(w, next > w->now_ms ? next : w->now_ms + 1);
	outbox_flush(&w->out);
}

static void look_at_call(struct world *w)
{
	const struct call *c = standing(w);
	if (c && !w->again) w->again = c->recording;
	w->result->began = w->result->began || w->again;
}

// A message must have come through a listener that there is.
static enum err check_step(const struct world *w, struct recording_fault *fault)
{
	const struct entry_packet *p = entry_body(w->step);
	if (w->step->kind != ENTRY_PACKET || p->listener < w->listener_count) return OK;
	fault->line = w->step->line;
	snprintf(fault->why, sizeof fault->why, "there is no such listener");
	return ERR_BAD;
}

static enum err run(struct world *w, struct recording_fault *fault)
{
	for (const struct recording_entry *e = w->recorded->first; e; e = e->next) {
		if (!entry_is_input(e->kind)) continue;
		w->step = e;
		pass_time(w, BEGIN_MS + e->at_ms);
		set_time(w, BEGIN_MS + e->at_ms);
		enum err err = check_step(w, fault);
		if (err == OK) err = replay_know(w, fault);
		if (err != OK) return err;
		give(w);
		look_at_call(w);
		if (!w->again) w->again = inputs_take(w->inputs); // it ended in its first step
		w->result->began = w->result->began || w->again;
		replay_learn(w);
	}
	return OK;
}

// ---- Life ----------------------------------------------------------------------------------------------------------

static enum err make_worker(struct world *w)
{
	const struct entry_begin *began = entry_body(w->recorded->first);
	struct worker_setup s = { .count = 1, .seed = 1, .now_ms = BEGIN_MS, .wall_ms = began->began_wall_ms,
		.calls_max = was_on_reserve(w) ? 0 : 4, .transactions_max = 1024, .message_bytes_max = MEMORY_BYTES, .office = w->result->office,
		.live = w->live, .media = &w->media, .journal = { &journal_ops, w }, .out = &w->out,
		.set_feature = set_feature, .set_feature_self = w, .send_tie = send_tie, .send_tie_self = w, .refuses_leg = refuses_leg, .refuses_leg_self = w,
		.inputs = w->inputs };
	for (const struct recording_entry *e = w->recorded->first; (e = entry_find(e, ENTRY_LISTENER)); e = e->next) {
		const struct entry_listener *l = entry_body(e);
		if (l->index >= LISTENERS_MAX) return ERR_BAD;
		if (l->index >= s.listener_count) s.listener_count = l->index + 1;
		s.listeners[l->index] = (struct worker_listener){ l->address, l->address };
	}
	if (s.listener_count == 0) return ERR_BAD;
	w->listener_count = s.listener_count;
	w->media = (struct media){ .ops = &media_ops, .loopback = began->loopback };
	w->worker = worker_new(&s);
	return w->worker ? OK : ERR_FULL;
}

static enum err make_world(struct world *w)
{
	struct live_limits limits;
	replay_limits(w->recorded, &limits);
	w->live = live_new(&limits, 1);
	enum err e = w->live ? office_new(&w->result->office) : ERR_FULL;
	if (e == OK) e = arena_init(&w->arena, 8 * PACKET_MAX);
	if (e == OK) e = outbox_init(&w->out, 256, 4 * PACKET_MAX);
	if (e == OK) e = inputs_new(&w->inputs, MEMORY_BYTES, INPUTS_ALL);
	w->out.flush = drop_packets;
	return e == OK ? make_worker(w) : e;
}

static void end_world(struct world *w)
{
	worker_free(w->worker);
	inputs_free(w->inputs);
	outbox_fini(&w->out);
	arena_fini(&w->arena);
	live_free(w->live);
	free(w);
}

// The call ends, or has the time that it would take to.
static void finish(struct world *w)
{
	if (!entry_find(w->recorded->first, ENTRY_CUT)) pass_time(w, w->now_ms + AFTER_MS);
	struct call *c = standing(w);
	if (c && !w->result->ended) call_record(&w->result->record, c, RECORD_RELEASE);
	w->result->cut = entry_find(w->recorded->first, ENTRY_CUT) != NULL;
	w->result->record.call = ((const struct entry_begin *)entry_body(w->recorded->first))->call; // it is the same call
	replay_compare(w->result, w->recorded, w->again);
}

enum err replay_run(struct replay **out, const struct recording *recorded, struct recording_fault *fault)
{
	struct world *w = calloc(1, sizeof *w);
	struct replay *r = calloc(1, sizeof *r);
	enum err e = w && r ? OK : ERR_FULL;
	*fault = (struct recording_fault){ 0 };
	*out = NULL;
	if (e == OK) {
		w->result = r;
		w->recorded = recorded;
		e = make_world(w);
		if (e == ERR_BAD) snprintf(fault->why, sizeof fault->why, "its listeners are not those of a switch");
	}
	if (e == OK) e = run(w, fault);
	if (e == OK) finish(w);
	if (w) end_world(w);
	if (e == OK) *out = r;
	else replay_free(r);
	return e;
}

struct replay *replay_free(struct replay *r)
{
	if (!r) return NULL;
	office_free(r->office);
	free(r);
	return NULL;
}
