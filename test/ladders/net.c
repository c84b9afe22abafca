// The network of a ladder, and its time: a message arrives in the instant in which it is sent.
#include "ladders/exchange.h"
#include "ladders/expect.h"
#include "ladders/actor.h"

#define SETTLE_ROUNDS_MAX 10000

static struct sip_msg *parse(struct ladder *l, struct str bytes, struct sip_fault *fault)
{
	struct sip_msg *m = arena_alloc(&l->arena, sizeof *m);
	*fault = (struct sip_fault){ .why = "the ladder's memory is full" };
	if (!m) return NULL;
	return sip_msg_parse(m, bytes, &l->arena, fault) == PARSE_OK ? m : NULL;
}

static struct message *add(struct ladder *l, struct message m)
{
	if (l->message_count == LADDER_MESSAGES_MAX || l->event_count == LADDER_EVENTS_MAX) {
		ladder_fail(l, NULL, "more than %u messages", LADDER_MESSAGES_MAX);
		return NULL;
	}
	struct message *kept = &l->messages[l->message_count++];
	*kept = m;
	kept->at_ms = l->now_ms;
	l->events[l->event_count++] = (struct event){ .at_ms = l->now_ms, .message = kept };
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

void net_receive(struct ladder *l, const struct packet *p)
{
	struct sip_fault fault;
	struct actor *to = actor_at(l, &p->peer);
	if (str_trim(p->data).n == 0) return; // a keep-alive: phones are silent about it
	struct message *m = add(l, (struct message){ .to = to, .bytes = arena_dup(&l->arena, p->data) });
	if (!m) return;
	m->m = parse(l, m->bytes, &fault);
	if (!m->m) ladder_fail(l, m, "the switch sends what our own parser refuses: %s (at octet %u)", fault.why, fault.at);
	else if (!to) ladder_fail(l, m, "the switch sends to %.*s, where nobody is", STR_FMT(actor_addr_text(l, &p->peer)));
	else arrive(l, m);
}

// The automatic rules look once at each message.
static bool deal(struct ladder *l)
{
	bool any = false;
	for (; l->dealt < l->message_count && !l->failed; l->dealt++) {
		struct message *m = &l->messages[l->dealt];
		any = true;
		if (m->from || m->taken || !m->m || !actor_deals_with(l, m)) continue;
		const char *wrong = check_message(l, m);
		if (wrong) ladder_fail(l, m, "%s", wrong);
	}
	return any;
}

void net_settle(struct ladder *l)
{
	uint32_t rounds = 0;
	while (!l->failed && (exchange_step(l) || deal(l)))
		if (++rounds > SETTLE_ROUNDS_MAX) ladder_fail(l, NULL, "the switch does not come to rest within one instant");
}

struct message *net_unexpected(struct ladder *l)
{
	for (uint32_t i = 0; i < l->message_count; i++)
		if (!l->messages[i].taken && !l->messages[i].from) return &l->messages[i];
	return NULL;
}

// To the next thing that happens, at most to `end`. False: `end` is reached and nothing more happens at it.
static bool advance(struct ladder *l, uint64_t end)
{
	net_settle(l);
	uint64_t next = exchange_tick(l);
	net_settle(l);
	if (l->now_ms >= end) return false;
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
		m = net_unexpected(l);
		if (m && l->now_ms == began) return ladder_fail(l, m, "nobody expected this");
		if (m && l->now_ms < end)
			return ladder_fail(l, m, "this came %llu ms into the wait", (unsigned long long)(l->now_ms - began));
		if (!advance(l, end)) break;
	}
	return !l->failed;
}

bool net_wait_for(struct ladder *l, const struct actor *p, uint64_t until_ms)
{
	uint32_t before = l->message_count;
	while (!l->failed && advance(l, until_ms))
		for (uint32_t i = before; i < l->message_count; i++)
			if (l->messages[i].to == p && !l->messages[i].taken) return true;
	return false;
}
