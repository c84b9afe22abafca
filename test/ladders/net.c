// The network of a ladder, and its time: a message arrives in the instant in which it is sent.
#include "ladders/exchange.h"
#include "ladders/expect.h"
#include "ladders/actor.h"
#include "ladders/weather.h"

#define SETTLE_ROUNDS_MAX 10000
#define REST_MS_MAX 5000
#define TURN_TRUNK_MS_MAX 500 // a far switch that says nothing for 2 s is left for another

static struct sip_msg *parse(struct ladder *l, struct str bytes, struct sip_fault *fault)
{
	struct sip_msg *m = arena_alloc(&l->arena, sizeof *m);
	*fault = (struct sip_fault){ .why = "the ladder's memory is full" };
	if (!m) return NULL;
	return sip_msg_parse(m, bytes, &l->arena, fault) == PARSE_OK ? m : NULL;
}

static struct message *add(struct ladder *l, struct message m)
{
	if (l->message_count == LADDER_MESSAGES_MAX) {
		ladder_fail(l, NULL, "more than %u messages", LADDER_MESSAGES_MAX);
		return NULL;
	}
	struct message *kept = &l->messages[l->message_count++];
	*kept = m;
	kept->at_ms = l->now_ms;
	return kept;
}

// Of which call of the receiver it is: one that it knows, or a new one.
static struct actor_call *call_of(struct ladder *l, struct actor *p, const struct sip_msg *m)
{
	struct actor_call *call = actor_call_of(p, m->call_id);
	if (call || !m->is_request || m->to.tag.n || m->method == SIP_ACK || m->method == SIP_CANCEL) return call;
	call = actor_call_new(l, p);
	if (!call) return NULL;
	call->call_id = m->call_id;
	return call;
}

static bool seen_before(const struct ladder *l, const struct message *m)
{
	for (const struct message *o = l->messages; o < m; o++)
		if (o->from == m->from && o->to == m->to && str_eq(o->bytes, m->bytes)) return true;
	return false;
}

static void arrive(struct ladder *l, struct message *m)
{
	m->again = seen_before(l, m);
	m->call = call_of(l, m->to, m->m);
}

struct message *net_send(struct ladder *l, struct actor *from, struct actor *to, struct str bytes, bool lost)
{
	struct sip_fault fault;
	struct message *m = add(l, (struct message){ .from = from, .to = to, .bytes = bytes, .lost = lost, .taken = true });
	if (!m) return NULL;
	m->m = parse(l, bytes, &fault);
	m->fault = fault.why;
	m->line = l->item ? l->item->line : 0;
	if (l->weather && !to && m->m) {
		weather_send(l, m);
		return m;
	}
	ladder_note(l, m, lost, STR(""));
	if (to && m->m && !lost) {
		arrive(l, m);
		actor_acknowledged(m);
	}
	if (to || lost) return m;
	struct packet p = { .peer = from->addr, .listener = from->listener, .arrived_ms = l->now_ms, .data = bytes };
	return exchange_input(l, &p) ? m : NULL;
}

#define QUOTED 548 // octets of ours that most hosts quote (RFC 1812 4.3.2.3)

bool net_return(struct ladder *l, const struct message *m)
{
	return exchange_input(l, &(struct packet){ .peer = m->to->addr, .listener = m->to->listener, .arrived_ms = l->now_ms,
		.returned = true, .data = str_head(m->bytes, QUOTED) });
}

struct message *net_hold(struct ladder *l, struct actor *to, struct str bytes)
{
	struct sip_fault fault;
	struct message *m = add(l, (struct message){ .to = to, .bytes = arena_dup(&l->arena, bytes),
		.away = l->weather != NULL });
	if (!m) return NULL;
	m->m = parse(l, m->bytes, &fault);
	if (m->m) return m;
	ladder_fail(l, m, "the switch sends what our own parser refuses: %s (at octet %u)", fault.why, fault.at);
	return NULL;
}

void net_hand_up(struct ladder *l, struct message *m)
{
	m->away = false;
	arrive(l, m);
}

void net_receive(struct ladder *l, const struct packet *p)
{
	struct actor *to = actor_at(l, &p->peer);
	if (str_trim(p->data).n == 0) return; // a keep-alive: phones are silent about it
	if (l->weather && to) {
		weather_receive(l, to, p->data);
		return;
	}
	struct message *m = net_hold(l, to, p->data);
	if (!m) return;
	ladder_note(l, m, false, STR(""));
	if (to) net_hand_up(l, m);
	else if (l->weather) m->taken = true; // it is repeated to where a party was before it moved
	else ladder_fail(l, m, "the switch sends to %.*s, where nobody is", STR_FMT(actor_addr_text(l, &p->peer)));
}

// The automatic rules look once at each message that came.
static bool deal(struct ladder *l)
{
	bool any = false;
	for (uint32_t i = l->dealt; i < l->message_count && !l->failed; i++) {
		struct message *m = &l->messages[i];
		if (m->dealt || m->away) continue;
		m->dealt = any = true;
		if (m->from || m->taken || !m->m || !actor_deals_with(l, m)) continue;
		const char *wrong = check_message(l, m);
		if (wrong) ladder_fail(l, m, "%s", wrong);
	}
	while (l->dealt < l->message_count && l->messages[l->dealt].dealt) l->dealt++;
	return any;
}

void net_settle(struct ladder *l)
{
	uint32_t rounds = 0;
	while (!l->failed && (exchange_step(l) || (l->weather && weather_step(l)) || deal(l) || expect_late(l)))
		if (++rounds > SETTLE_ROUNDS_MAX) ladder_fail(l, NULL, "the switch does not come to rest within one instant");
}

struct message *net_unexpected(struct ladder *l)
{
	for (uint32_t i = 0; i < l->message_count; i++)
		if (!l->messages[i].taken && !l->messages[i].from && !l->messages[i].away) return &l->messages[i];
	return NULL;
}

bool net_advance(struct ladder *l, uint64_t end)
{
	net_settle(l);
	uint64_t next = exchange_tick(l);
	net_settle(l);
	if (l->now_ms >= end || l->failed) return false;
	uint64_t weather = l->weather ? weather_next(l) : UINT64_MAX;
	if (weather < next) next = weather;
	if (next <= l->now_ms) next = l->now_ms + 1;
	l->now_ms = next < end ? next : end;
	exchange_tick(l);
	net_settle(l);
	return true;
}

bool net_wait(struct ladder *l, uint64_t ms)
{
	uint64_t end = l->now_ms + ms, began = l->now_ms;
	struct message *m;
	while (!l->failed) {
		m = l->weather ? NULL : net_unexpected(l);
		if (m && l->now_ms == began) return ladder_fail(l, m, "nobody expected this");
		if (m && l->now_ms < end)
			return ladder_fail(l, m, "this came %llu ms into the wait", (unsigned long long)(l->now_ms - began));
		if (!net_advance(l, end)) break;
	}
	return !l->failed;
}

void net_rest(struct ladder *l)
{
	uint64_t until = l->now_ms + REST_MS_MAX;
	while (l->weather && !weather_rests(l) && net_advance(l, until)) continue;
}

void net_turn(struct ladder *l, const struct actor *p)
{
	uint64_t until = l->now_ms + (p->kind == ACTOR_TRUNK ? TURN_TRUNK_MS_MAX : REST_MS_MAX);
	while (l->weather && !(weather_may_speak(l, p) && exchange_disk_rests(l)) && net_advance(l, until)) continue;
}
