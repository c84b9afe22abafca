// The recorder at a worker's edge.
#include "run/inputs.h"

#include "base/count.h"
#include "base/packet.h"
#include "base/ring.h"

#include <assert.h>
#include <stdlib.h>

COUNTER(inputs_kept, "Calls whose inputs were handed over to be written down");
COUNTER(inputs_no_room, "Calls whose inputs were not kept, for lack of memory");
COUNTER(inputs_behind, "Calls whose inputs were not kept because the control thread was behind");
COUNTER(inputs_cut, "Calls of whose inputs only the beginning was kept");

#define RING_COUNT 256 // recordings on their way
#define WAITING_MAX 24 // rows that were found before it is known for which call

struct inputs {
	struct call_watch watch; // first
	struct office_watch office_watch;
	struct media media; // stands before the site's
	struct inputs_site site;
	struct pool blocks;
	struct ring done, back; // of struct recording *: to the control thread, and back
	_Atomic uint32_t mode;  // enum config_inputs
	uint32_t standing;      // recordings of calls that stand
	uint32_t away;          // recordings that were handed over and are not back: RING_COUNT at most
	bool at_work;           // between inputs_begin and inputs_end, and something may be kept
	struct input now;       // what the worker is at
	uint64_t step;
	struct recording *current; // of the call that is stepped; NULL: none, or not known yet
	struct {
		enum office_row kind;
		const void *row;
	} waiting[WAITING_MAX];
	uint32_t waiting_count;
	struct call_record record;       // scratch
	char text[RECORDING_TEXT_MAX]; // scratch
};

static_assert(OFFICE_ROW_COUNT == 7, "each kind of row has its entry");
static const uint8_t entry_of_row[OFFICE_ROW_COUNT] = {
	[OFFICE_ROW_line] = ENTRY_LINE, [OFFICE_ROW_number] = ENTRY_NUMBER, [OFFICE_ROW_trunk_group] = ENTRY_TRUNK_GROUP,
	[OFFICE_ROW_rate_centre] = ENTRY_RATE_CENTRE, [OFFICE_ROW_state] = ENTRY_STATE, [OFFICE_ROW_npa] = ENTRY_NPA,
	[OFFICE_ROW_route] = ENTRY_ROUTE,
};

static struct inputs *inputs_of(struct call_watch *w)
{
	return (struct inputs *)(void *)w;
}

static struct recording_entry *note(struct inputs *in, struct recording *r, enum entry_kind kind, const void *body,
                          struct str text)
{
	struct recording_entry *e = recording_add(r, kind, (uint32_t)(in->site.env->now_ms - r->began_ms), body, text);
	if (!e && r->lost == 1) COUNT(inputs_cut);
	return e;
}

// An entry that cannot be kept, nor any that follows.
static void lose(struct recording *r)
{
	if (r->lost++ == 0) COUNT(inputs_cut);
}

// ---- What comes ----------------------------------------------------------------------------------------------------

static void note_packet(struct inputs *in, struct recording *r)
{
	const struct packet *p = in->now.packet;
	const struct entry_packet body = { .from = p->peer, .listener = p->listener,
		.returned = p->returned, .broken = p->broken };
	struct buf b = buf_on(in->text, sizeof in->text);
	put_without_credentials(&b, p->data);
	if (b.err == OK) note(in, r, ENTRY_PACKET, &body, buf_str(&b));
	else lose(r); // too long; never kept with its credentials, though it may fit with them
}

static void note_media(struct inputs *in, struct recording *r)
{
	const struct media_event *e = in->now.media;
	struct entry_media body = { .event = e->kind, .side = e->side };
	if (e->kind == MEDIA_EV_DIGIT) body.digit = e->digit;
	if (e->kind == MEDIA_EV_SILENT) body.silent_s = e->silent_s;
	for (int side = 0; side < MEDIA_SIDES && e->kind == MEDIA_EV_CLOSED; side++) {
		const struct media_leg_stats *s = &e->legs[side];
		body.legs[side] = (struct record_media){ .packets = s->rx_packets, .octets = (uint32_t)s->rx_bytes,
			.lost = s->rx_lost, .jitter_us = s->rx_jitter_us };
	}
	note(in, r, ENTRY_MEDIA, &body, STR(""));
}

static void put_digits(char *out, uint32_t cap, const struct number *n)
{
	struct buf b = buf_on(out, cap - 1);
	if (n->nature != NUMBER_NONE) put_number(&b, n);
	out[b.n] = '\0';
}

static void note_tie(struct inputs *in, struct recording *r)
{
	const struct tie_letter *l = in->now.tie;
	struct entry_tie body = { .kind = l->kind, .to_side = l->to_side, .from_worker = l->from_worker, .from = l->from,
		.call = l->call, .line = l->line, .trunk_group = l->trunk_group, .hops = l->hops, .verb = l->verb,
		.media = l->media, .refusal = l->refusal, .signal = l->signal, .digit = (char)l->digit, .in_band = l->in_band,
		.digit_ms = l->digit_ms, .cause = l->cause, .presentation = l->party.presentation,
		.screening = l->party.screening, .diversion_presentation = l->diversion.presentation };
	memcpy(body.dialled, l->dialled, sizeof body.dialled);
	put_digits(body.diverted_from, sizeof body.diverted_from, &l->diversion.from);
	put_digits(body.number, sizeof body.number, &l->party.number);
	str_to_z(body.name, sizeof body.name, (struct str){ l->party.name, l->party.name_n });
	note(in, r, ENTRY_TIE, &body, l->text);
}

static void note_input(struct inputs *in, struct recording *r)
{
	const struct input *now = &in->now;
	switch (now->kind) {
	case ENTRY_PACKET: note_packet(in, r); break;
	case ENTRY_MEDIA: note_media(in, r); break;
	case ENTRY_JOURNAL: {
		const struct entry_journal body = { .record = now->journal->kind, .failed = now->journal->err != OK };
		note(in, r, ENTRY_JOURNAL, &body, STR(""));
		break;
	}
	case ENTRY_FEATURE:
		note(in, r, ENTRY_FEATURE, &(struct entry_feature){ .failed = now->failed }, STR(""));
		break;
	case ENTRY_TIE: note_tie(in, r); break;
	case ENTRY_RELEASE:
		note(in, r, ENTRY_RELEASE, &(struct entry_release){ .by_operator = now->by_operator }, STR(""));
		break;
	default: note(in, r, ENTRY_TIMER, &(struct entry_timer){ 0 }, STR(""));
	}
}

// ---- What is found -------------------------------------------------------------------------------------------------

// The row of the same key that was found last.
static const struct recording_entry *last_of_key(const struct recording *r, enum entry_kind kind, const void *body)
{
	uint32_t count;
	const struct entry_field *key = entry_fields(kind, &count); // its first field
	const struct recording_entry *e = r->last_row;
	while (e && (e->kind != kind ||
	             memcmp((char *)entry_body(e) + key->offset, (const char *)body + key->offset, key->size) != 0))
		e = e->row_before;
	return e;
}

// A row once, and again when it changed.
static void note_row(struct inputs *in, struct recording *r, enum office_row row, const void *found)
{
	enum entry_kind kind = entry_of_row[row];
	struct office_line line;
	if (row == OFFICE_ROW_line) { // passwords are nobody's business
		memcpy(&line, found, sizeof line);
		memset(line.ha1_md5, 0, sizeof line.ha1_md5);
		memset(line.ha1_sha256, 0, sizeof line.ha1_sha256);
		found = &line;
	}
	const struct recording_entry *last = last_of_key(r, kind, found);
	if (last && memcmp(entry_body(last), found, entry_size(kind)) == 0) return;
	struct recording_entry *e = note(in, r, kind, found, STR(""));
	if (!e) return;
	e->row_before = r->last_row;
	r->last_row = e;
}

static void note_rules(struct inputs *in, struct recording *r)
{
	const struct office_rules *rules = office_rules(in->site.office);
	struct entry_rules body;
	memset(&body, 0, sizeof body);
	body.version = rules->version;
	memcpy(body.name, rules->name, sizeof body.name);
	memcpy(body.realm, rules->realm, sizeof body.realm);
	static_assert(sizeof body.settings == sizeof rules->settings, "the same list makes both");
	memcpy(&body.settings, &rules->settings, sizeof body.settings);
	if (r->rules && memcmp(r->rules, &body, sizeof body) == 0) return;
	const struct recording_entry *e = note(in, r, ENTRY_RULES, &body, STR(""));
	if (e) r->rules = entry_body(e);
}

// A look-up found a row: it belongs to the call that is stepped. Before that is known (who sends this INVITE?) it
// waits.
static void on_found(struct office_watch *w, enum office_row kind, const void *row)
{
	struct inputs *in = (struct inputs *)(void *)((char *)w - offsetof(struct inputs, office_watch));
	if (in->current) note_row(in, in->current, kind, row);
	else if (in->waiting_count < WAITING_MAX) {
		in->waiting[in->waiting_count].kind = kind;
		in->waiting[in->waiting_count++].row = row;
	}
}

static void note_refusal(struct inputs *in, struct recording *r, const struct entry_refused *body)
{
	if (r) note(in, r, ENTRY_REFUSED, body, STR(""));
}

static void on_looked_up(struct call_watch *w, struct call *c, const struct call_lookup *l)
{
	static const uint8_t kinds[] = { [LOOKUP_LINE] = ENTRY_LINE_CALLS, [LOOKUP_TRUNK] = ENTRY_TRUNK_CALLS,
		[LOOKUP_PEER] = ENTRY_PEER, [LOOKUP_PHONES] = ENTRY_PHONES };
	struct inputs *in = inputs_of(w);
	if (l->kind == LOOKUP_PHONE) {
		const struct binding *b = l->phone;
		const struct entry_phone body = { .line = l->id, .listener = b->listener, .q = b->q, .peer = b->peer };
		note(in, c->recording, ENTRY_PHONE, &body, b->contact);
	} else if (l->kind == LOOKUP_REFUSED) {
		note_refusal(in, c->recording, &(struct entry_refused){ .what = (uint8_t)l->id, .streams = l->calls });
	} else {
		const struct entry_lookup body = { .id = l->id, .peer = l->peer, .calls = l->calls, .silent = l->silent };
		note(in, c->recording, kinds[l->kind], &body, STR(""));
	}
}

// ---- The media plane -----------------------------------------------------------------------------------------------

static struct inputs *inputs_of_media(const struct media *m)
{
	return (struct inputs *)(uintptr_t)((const char *)m - offsetof(struct inputs, media));
}

static enum err media_open(struct media *m, ref *session, uint64_t owner)
{
	struct inputs *in = inputs_of_media(m);
	enum err e = in->site.media->ops->open(in->site.media, session, owner);
	if (e != OK) note_refusal(in, in->current, &(struct entry_refused){ .what = REFUSED_SESSION });
	return e;
}

static enum err media_ports(struct media *m, ref session, const struct media_want *want,
                            struct addr rtp[MEDIA_STREAMS_MAX])
{
	struct inputs *in = inputs_of_media(m);
	enum err e = in->site.media->ops->ports(in->site.media, session, want, rtp);
	if (e != OK)
		note_refusal(in, in->current, &(struct entry_refused){ .what = REFUSED_PORTS, .side = want->side,
			.family = want->family, .streams = want->count });
	return e;
}

static enum err media_tell(struct media *m, ref session, const struct media_command *command)
{
	struct media *plane = inputs_of_media(m)->site.media;
	return plane->ops->tell(plane, session, command);
}

static bool media_take(struct media *m, struct media_event *out)
{
	struct media *plane = inputs_of_media(m)->site.media;
	return plane->ops->take(plane, out);
}

static enum err media_secret(struct media *m, uint8_t *out, uint32_t n)
{
	struct media *plane = inputs_of_media(m)->site.media;
	return plane->ops->secret(plane, out, n);
}

static bool media_is_own(const struct media *m, const struct addr *a)
{
	const struct media *plane = inputs_of_media(m)->site.media;
	return plane->ops->is_own(plane, a);
}

static const struct media_ops media_ops = { media_open, media_ports, media_tell, media_take, media_secret, media_is_own };

// ---- A call --------------------------------------------------------------------------------------------------------

static void on_began(struct call_watch *w, struct call *c)
{
	struct inputs *in = inputs_of(w);
	if (!in->at_work || atomic_load_explicit(&in->mode, memory_order_relaxed) == INPUTS_NONE) return;
	struct recording *r = recording_new(&in->blocks, RECORDING_BLOCKS_MAX);
	if (!r) {
		COUNT(inputs_no_room);
		return;
	}
	struct entry_begin began = { .call = c->id, .began_wall_ms = c->began_wall_ms,
		.loopback = in->media.loopback };
	str_to_z(began.build, sizeof began.build, str_from(DIALTONE_VERSION));
	c->recording = r;
	r->began_ms = c->began_ms;
	in->standing++;
	note(in, r, ENTRY_BEGIN, &began, STR(""));
	for (uint32_t i = 0; i < in->site.listener_count; i++)
		note(in, r, ENTRY_LISTENER, &(struct entry_listener){ .index = i, .address = in->site.listeners[i] }, STR(""));
}

static void on_reached(struct call_watch *w, struct call *c)
{
	struct inputs *in = inputs_of(w);
	struct recording *r = in->current = c->recording;
	if (r && r->step != in->step) {
		r->step = in->step;
		note_input(in, r);
		note_rules(in, r);
	}
	for (uint32_t i = 0; r && i < in->waiting_count; i++) note_row(in, r, in->waiting[i].kind, in->waiting[i].row);
	in->waiting_count = 0;
}

static void on_message(struct call_watch *w, struct call *c, const struct ladder_row *row, struct str bytes)
{
	struct inputs *in = inputs_of(w);
	on_reached(w, c);
	if (!row->out || !c->recording) return;
	struct buf b = buf_on(in->text, sizeof in->text);
	put_without_credentials(&b, bytes);
	if (b.err == OK) note(in, c->recording, ENTRY_SENT, &(struct entry_sent){ .leg = row->leg }, buf_str(&b));
	else lose(c->recording);
}

// Not connected, and not for a reason that belongs to telephony as busy does; or cut off by us.
static bool has_failed(const struct call *c)
{
	if (c->answered || c->released_by == BY_OPERATOR) return c->released_by == BY_SWITCH;
	return c->cause.value != CAUSE_NORMAL && c->cause.value != CAUSE_BUSY && c->cause.value != CAUSE_NO_ANSWER;
}

static bool note_end(struct recording *r, const struct call_record *record)
{
	struct entry_end end = { .cause = record->cause, .released_by = record->released_by, .answered = record->answered,
		.emergency = record->emergency, .unsynced = record->unsynced, .answered_for_ms = record->answered_for_ms,
		.o_line = record->o.line, .o_trunk = record->o.trunk_group, .t_line = record->t.line,
		.t_trunk = record->t.trunk_group };
	memcpy(end.dialled, record->dialled, sizeof end.dialled);
	memcpy(end.codec, record->codec, sizeof end.codec);
	put_digits(end.called, sizeof end.called, &record->called);
	put_digits(end.diverted_from, sizeof end.diverted_from, &record->diverted_from);
	bool whole = !r->lost || recording_add_end(r, ENTRY_CUT, &(struct entry_cut){ .lost = r->lost });
	for (uint32_t i = 0; i < record->trail_n && whole; i++)
		whole = recording_add_end(r, ENTRY_TRAIL, &record->trail[i]);
	return whole && recording_add_end(r, ENTRY_END, &end);
}

static void take_back(struct inputs *in)
{
	struct recording *r;
	while (ring_take(&in->back, &r)) {
		recording_free(r);
		in->away--;
	}
}

static bool hand_over(struct inputs *in, struct recording *r)
{
	take_back(in);
	if (in->away == RING_COUNT || ring_put(&in->done, &r) != OK) {
		COUNT(inputs_behind);
		return false;
	}
	in->away++;
	COUNT(inputs_kept);
	return true;
}

static void on_ended(struct call_watch *w, struct call *c)
{
	struct inputs *in = inputs_of(w);
	struct recording *r = c->recording;
	uint32_t mode = atomic_load_explicit(&in->mode, memory_order_relaxed);
	bool wanted = mode == INPUTS_ALL || (mode == INPUTS_FAILED && has_failed(c));
	c->recording = in->current = NULL;
	in->standing--;
	if (wanted) {
		call_record(&in->record, c, RECORD_RELEASE);
		bool whole = note_end(r, &in->record);
		if (!whole) COUNT(inputs_no_room);
		else if (hand_over(in, r)) return;
	}
	recording_free(r);
}

// ---- The worker's way in, the other thread's way out ---------------------------------------------------------------

void inputs_begin(struct inputs *in, const struct input *i)
{
	if (!in->standing && atomic_load_explicit(&in->mode, memory_order_relaxed) == INPUTS_NONE) return;
	take_back(in);
	in->at_work = true;
	in->now = *i;
	in->step++;
	in->current = NULL;
	in->waiting_count = 0;
	office_watch = &in->office_watch;
}

void inputs_end(struct inputs *in)
{
	in->at_work = false;
	office_watch = NULL;
}

struct recording *inputs_take(struct inputs *in)
{
	struct recording *r;
	return ring_take(&in->done, &r) ? r : NULL;
}

void inputs_give_back(struct inputs *in, struct recording *r)
{
	enum err e = ring_put(&in->back, &r);
	assert(e == OK); // it has room for all that are away
	(void)e;
}

// ---- Life ----------------------------------------------------------------------------------------------------------

enum err inputs_new(struct inputs **out, uint64_t bytes_max, enum config_inputs mode)
{
	uint64_t blocks = bytes_max / sizeof(struct recording_block);
	struct inputs *in = calloc(1, sizeof *in);
	if (!in) return ERR_FULL;
	in->watch = (struct call_watch){ .began = on_began, .reached = on_reached, .message = on_message,
		.looked_up = on_looked_up, .ended = on_ended };
	in->office_watch.found = on_found;
	atomic_init(&in->mode, (uint32_t)mode);
	enum err e = pool_init(&in->blocks, "inputs", sizeof(struct recording_block), blocks < 1 ? 1 : (uint32_t)blocks);
	if (e == OK) e = ring_init(&in->done, sizeof(struct recording *), RING_COUNT);
	if (e == OK) e = ring_init(&in->back, sizeof(struct recording *), RING_COUNT);
	if (e != OK) in = inputs_free(in);
	*out = in;
	return e;
}

struct inputs *inputs_free(struct inputs *in)
{
	if (!in) return NULL;
	ring_fini(&in->done);
	ring_fini(&in->back);
	pool_fini(&in->blocks);
	free(in);
	return NULL;
}

void inputs_set_mode(struct inputs *in, enum config_inputs mode)
{
	atomic_store_explicit(&in->mode, (uint32_t)mode, memory_order_relaxed);
}

void inputs_bind(struct inputs *in, const struct inputs_site *site)
{
	in->site = *site;
	in->media = (struct media){ .ops = &media_ops, .loopback = site->media->loopback };
}

struct call_watch *inputs_watch(struct inputs *in)
{
	return &in->watch;
}

struct media *inputs_media(struct inputs *in)
{
	return &in->media;
}
