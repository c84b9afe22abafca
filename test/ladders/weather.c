// The wire: what becomes of a datagram, and when it arrives.
#include "ladders/weather_inside.h"

#include "ladders/actor.h"
#include "ladders/exchange.h"

#include <stdlib.h>

#define LOST_MAX 2          // of one transaction, both ways together
#define LOST_TRUNK_MAX 1    // with a far switch: scripts take their time, and after 2 s another trunk is tried
#define DELAY_MS_MAX 200    // one way
#define YOUNG_MS 1000       // of an INVITE: it is repeated 0.5, 1.5 and 3.5 s after it was sent
#define DOUBLE_MS_MAX 4000  // a second copy: later than all that it belongs to, at times
#define DISK_MS_MAX 150     // less than the time after which a call is passed on unsynced

struct weather *weather_new(void)
{
	return calloc(1, sizeof(struct weather));
}

struct weather *weather_free(struct weather *w)
{
	free(w);
	return NULL;
}

void weather_begin(struct weather *w, uint64_t seed, struct str title)
{
	const struct hash_key key = { { seed, seed } };
	w->flight_count = w->letter_count = w->patience_count = 0;
	random_seed(&w->random, hash_str(&key, title));
	w->loss = 5 + random_below(&w->random, 26);
	w->doubled = random_below(&w->random, 31);
}

static bool chance(struct weather *w, uint32_t of_hundred)
{
	return random_below(&w->random, 100) < of_hundred;
}

static struct patience *patience_of(struct weather *w, const struct message *m)
{
	const struct actor *party = m->from ? m->from : m->to;
	for (uint32_t i = 0; i < w->patience_count; i++) {
		struct patience *p = &w->patiences[i];
		if (p->party == party && p->cseq == m->m->cseq.number && str_eq(p->call_id, m->m->call_id)) return p;
	}
	if (w->patience_count == PATIENCES_MAX) return NULL;
	struct patience *p = &w->patiences[w->patience_count++];
	*p = (struct patience){ .party = party, .call_id = m->m->call_id, .cseq = m->m->cseq.number };
	return p;
}

// A party's provisional response is said once. The first of an INVITE may be lost, for the switch repeats the INVITE,
// soon if it is young, and is answered again; nothing would bring back a later one, and the call would be another call.
static bool would_be_missed(const struct ladder *l, const struct message *m)
{
	if (!m->from || m->m->is_request || m->m->status >= 200) return false;
	for (uint32_t i = 0; i < l->message_count; i++) {
		const struct message *o = &l->messages[i];
		if (!o->m || !str_eq(o->m->via.branch, m->m->via.branch)) continue;
		if (o->from == m->from && o->arrived && !o->m->is_request) return true;
		if (o->to == m->from && o->m->method == SIP_INVITE && l->now_ms - o->at_ms > YOUNG_MS) return true;
	}
	return false;
}

static bool is_lost(struct ladder *l, const struct message *m)
{
	struct weather *w = l->weather;
	if (!chance(w, w->loss) || would_be_missed(l, m)) return false;
	struct patience *p = patience_of(w, m);
	uint32_t max = p && p->party->kind == ACTOR_TRUNK ? LOST_TRUNK_MAX : LOST_MAX;
	return p && p->lost < max && ++p->lost;
}

static void fly(struct ladder *l, struct message *m, uint32_t delay_ms, bool doubled)
{
	struct weather *w = l->weather;
	if (w->flight_count == FLIGHTS_MAX) {
		ladder_fail(l, m, "more than %u datagrams are on their way", FLIGHTS_MAX);
		return;
	}
	w->flights[w->flight_count++] = (struct flight){ .at_ms = l->now_ms + delay_ms, .m = m, .doubled = doubled,
		.from = m->from ? m->from->addr : (struct addr){ 0 } };
}

static uint32_t delay_ms(struct weather *w)
{
	return random_below(&w->random, chance(w, 50) ? 20 : DELAY_MS_MAX) + 1;
}

void weather_transmit(struct ladder *l, struct message *m)
{
	struct weather *w = l->weather;
	const char *again = m->sent++ ? "again, " : "";
	bool lost = is_lost(l, m);
	if (lost) {
		ladder_note(l, m, true, ladder_text(l, "%slost", again));
		return;
	}
	uint32_t first_ms = delay_ms(w), second_ms = 0;
	fly(l, m, first_ms, false);
	if (chance(w, w->doubled)) {
		second_ms = 1 + random_below(&w->random, chance(w, 50) ? DELAY_MS_MAX : DOUBLE_MS_MAX);
		fly(l, m, second_ms, true);
	}
	ladder_note(l, m, false, second_ms ? ladder_text(l, "%sin %u ms and in %u ms", again, first_ms, second_ms)
	                                   : ladder_text(l, "%sin %u ms", again, first_ms));
}

void weather_send(struct ladder *l, struct message *m)
{
	repeat_send(l, m);
}

// What is no repetition in its octets may be one in what it says. Who refuses without a memory (RFC 3261 8.2.7) makes a
// new challenge for each copy of a request, and any of them serves, or knows by then that the call is over; a CANCEL has
// no state of its own either (9.2); the ACK of a 2xx is a transaction of its own each time (13.2.2.4).
static bool says_the_same(const struct message *m, const struct sip_msg *s, struct str bytes)
{
	const struct sip_msg *b = m->m;
	if (str_eq(m->bytes, bytes)) return true;
	if (s->is_request != b->is_request || s->method != b->method || !str_eq(s->call_id, b->call_id)) return false;
	if (s->is_request)
		return s->method == SIP_ACK && s->cseq.number == b->cseq.number && str_eq(s->to.tag, b->to.tag);
	bool refusals = s->status >= 300 && b->status >= 300;
	bool cancels = s->method == SIP_CANCEL && s->status == b->status;
	return (refusals || cancels) && str_eq(s->via.branch, b->via.branch);
}

void weather_receive(struct ladder *l, struct actor *to, struct str bytes)
{
	struct message *m = net_hold(l, to, bytes);
	if (!m) return;
	for (uint32_t i = 0; i + 1 < l->message_count; i++) {
		struct message *o = &l->messages[i];
		if (o->from || o->to != to || !says_the_same(o, m->m, bytes)) continue;
		l->message_count--; // nothing new
		weather_transmit(l, o);
		return;
	}
	weather_transmit(l, m);
}

static void arrive(struct ladder *l, const struct flight *f)
{
	struct message *m = f->m;
	bool first = !m->arrived;
	m->arrived = true;
	if (!m->from) {
		repeat_came(l, m, first);
		return;
	}
	exchange_input(l, &(struct packet){ .peer = f->from, .listener = m->from->listener, .arrived_ms = l->now_ms,
		.data = m->bytes });
}

bool weather_step(struct ladder *l)
{
	struct weather *w = l->weather;
	bool any = repeat_step(l);
	for (uint32_t i = 0; i < w->flight_count && !l->failed;) {
		struct flight f = w->flights[i];
		if (f.at_ms > l->now_ms) {
			i++;
			continue;
		}
		w->flights[i] = w->flights[--w->flight_count];
		arrive(l, &f);
		any = true;
	}
	return any;
}

uint64_t weather_next(const struct ladder *l)
{
	uint64_t next = repeat_next(l);
	for (uint32_t i = 0; i < l->weather->flight_count; i++)
		if (l->weather->flights[i].at_ms < next) next = l->weather->flights[i].at_ms;
	return next;
}

bool weather_rests(const struct ladder *l)
{
	for (uint32_t i = 0; i < l->weather->flight_count; i++)
		if (!l->weather->flights[i].doubled) return false;
	return repeat_rests(l);
}

void weather_forget(struct ladder *l)
{
	struct weather *w = l->weather;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < l->message_count; i++) {
		struct message *m = &l->messages[i];
		if (!m->from && m->away && !m->arrived) m->gone = true;
	}
	for (uint32_t i = 0; i < w->flight_count; i++) {
		if (w->flights[i].m->from) continue;
		w->flights[i].m->gone = false;
		w->flights[kept++] = w->flights[i];
	}
	w->flight_count = kept;
}

uint64_t weather_disk_ms(struct ladder *l)
{
	return chance(l->weather, 25) ? random_below(&l->weather->random, DISK_MS_MAX) : 0;
}
