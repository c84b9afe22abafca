// What lies beneath a party in weather, and is beneath every telephone: RFC 3261 17 and 13.3.1.4 as far as a script needs
// them. A request is said until it is answered, a final answer to an INVITE until its ACK comes; what the switch repeats
// is answered as before; what comes too early waits for what was said before it.
#include "ladders/weather_inside.h"

#define T1_MS 500
#define T2_MS 4000
#define END_MS (64 * T1_MS)
#define HELD_MS_MAX 10000

static bool is_final_of_invite(const struct sip_msg *s)
{
	return !s->is_request && s->method == SIP_INVITE && s->status >= 200;
}

// A provisional response that wants a PRACK (RFC 3262 3).
static bool is_reliable(const struct sip_msg *s)
{
	return !s->is_request && s->status < 200 && sip_msg_has(s, SIP_H_RSEQ);
}

static bool same_transaction(const struct sip_msg *a, const struct sip_msg *b)
{
	return a->method == b->method && str_eq(a->via.branch, b->via.branch) && str_eq(a->call_id, b->call_id);
}

// WHAT A PARTY SAYS

// Is it on its way to the switch, and sure to arrive? The ACK of a refusal need not: nobody may ask for it again.
static bool is_coming(const struct ladder *l, const struct message *m)
{
	if (!m->from || m->to || m->arrived || !m->m) return false;
	for (uint32_t i = 0; i < l->message_count && m->m->is_request && m->m->method == SIP_ACK; i++) {
		const struct message *o = &l->messages[i];
		if (o->from == m->from && o != m && o->m && o->m->is_request && str_eq(o->m->via.branch, m->m->via.branch))
			return false;
	}
	return true;
}

// A CANCEL waits until its INVITE was answered in any way (9.1). A request waits until those before it in the call were,
// so that numbers do not come out of order; until a 2xx of the party has its ACK (15); and, but for BYE, until the
// party's own ACK is there: a second offer would be refused while the first one seems open (14.2).
static bool may_go(const struct ladder *l, const struct letter *x)
{
	const struct sip_msg *s = x->m->m;
	for (const struct letter *o = l->weather->letters; o < x; o++) {
		const struct sip_msg *b = o->m->m;
		if (o->done || o->m->from != x->m->from || !str_eq(b->call_id, s->call_id)) continue;
		if (s->method != SIP_CANCEL && (b->is_request || b->status < 300)) return false;
		if (s->method == SIP_CANCEL && b->is_request && b->method == SIP_INVITE && str_eq(b->via.branch, s->via.branch))
			return false;
	}
	for (uint32_t i = 0; i < l->message_count && s->method != SIP_BYE && s->method != SIP_CANCEL; i++) {
		const struct message *o = &l->messages[i];
		if (o->from == x->m->from && is_coming(l, o) && o->m->is_request && o->m->method == SIP_ACK &&
		    str_eq(o->m->call_id, s->call_id))
			return false;
	}
	return true;
}

static void say(struct ladder *l, struct letter *x)
{
	x->held = false;
	x->end_ms = l->now_ms + END_MS;
	x->interval_ms = T1_MS;
	x->next_ms = l->now_ms + T1_MS;
	weather_transmit(l, x->m);
}

void repeat_send(struct ladder *l, struct message *m)
{
	struct weather *w = l->weather;
	const struct sip_msg *s = m->m;
	bool repeated = (s->is_request && s->method != SIP_ACK) || is_final_of_invite(s) || is_reliable(s);
	if (!repeated) {
		weather_transmit(l, m);
		return;
	}
	if (w->letter_count == LETTERS_MAX) {
		ladder_fail(l, m, "more than %u messages of parties", LETTERS_MAX);
		return;
	}
	struct letter *x = &w->letters[w->letter_count++];
	*x = (struct letter){ .m = m, .end_ms = l->now_ms + HELD_MS_MAX };
	x->held = s->is_request && !may_go(l, x);
	if (!x->held) say(l, x);
}

static bool step_letter(struct ladder *l, struct letter *x)
{
	if (x->done) return false;
	if (x->held) {
		if (l->now_ms < x->end_ms && !may_go(l, x)) return false;
		say(l, x);
		return true;
	}
	if (l->now_ms >= x->end_ms) return x->done = true;
	if (l->now_ms < x->next_ms) return false;
	x->interval_ms *= 2;
	// Timer A has no bound (17.1.1.2), E and G have (17.1.2.2, 17.2.1).
	bool bounded = !(x->m->m->is_request && x->m->m->method == SIP_INVITE);
	if (bounded && x->interval_ms > T2_MS) x->interval_ms = T2_MS;
	x->next_ms = l->now_ms + x->interval_ms;
	weather_transmit(l, x->m);
	return true;
}

bool repeat_step(struct ladder *l)
{
	bool any = false;
	for (uint32_t i = 0; i < l->weather->letter_count && !l->failed; i++) any |= step_letter(l, &l->weather->letters[i]);
	return any;
}

uint64_t repeat_next(const struct ladder *l)
{
	uint64_t next = UINT64_MAX;
	for (uint32_t i = 0; i < l->weather->letter_count; i++) {
		const struct letter *x = &l->weather->letters[i];
		uint64_t at_ms = x->held || x->end_ms < x->next_ms ? x->end_ms : x->next_ms;
		if (!x->done && at_ms < next) next = at_ms;
	}
	return next;
}

// WHAT COMES TO A PARTY

static bool answers(const struct sip_msg *s, const struct letter *x)
{
	const struct sip_msg *b = x->m->m;
	if (b->is_request)
		return !s->is_request && same_transaction(s, b) && (s->status >= 200 || b->method == SIP_INVITE);
	if (is_reliable(b))
		return s->is_request && str_eq(s->call_id, b->call_id) && s->method == SIP_PRACK &&
		       str_starts(sip_msg_header(s, SIP_H_RACK), sip_msg_header(b, SIP_H_RSEQ));
	return s->is_request && s->method == SIP_ACK && s->cseq.number == b->cseq.number &&
	       str_eq(s->call_id, b->call_id) && str_eq(s->to.tag, b->to.tag);
}

// Did the ACK of this answer to an INVITE come? Then a copy of the INVITE that is late is nothing (RFC 6026 7.1).
static bool is_acknowledged(const struct ladder *l, const struct message *m)
{
	for (uint32_t i = 0; i < l->weather->letter_count; i++)
		if (l->weather->letters[i].m == m) return l->weather->letters[i].done && is_final_of_invite(m->m);
	return false;
}

// The last that the party said in answer: a response to a request, the ACK of a final response.
static struct message *answer_of(struct ladder *l, const struct message *to)
{
	const struct sip_msg *s = to->m;
	for (uint32_t i = l->message_count; i-- > 0;) {
		struct message *m = &l->messages[i];
		if (m->from != to->to || m->to || !m->m) continue;
		if (s->is_request && !m->m->is_request && same_transaction(m->m, s)) return m;
		if (is_final_of_invite(s) && m->m->is_request && m->m->method == SIP_ACK &&
		    m->m->cseq.number == s->cseq.number && str_eq(m->m->call_id, s->call_id))
			return m;
	}
	return NULL;
}

// Will the switch say it until it comes?
static bool is_sure(const struct message *m)
{
	return !m->gone && (m->m->is_request || m->m->status >= 200 || is_reliable(m->m));
}

// A provisional response that comes after the final one is nothing any more.
static bool is_late(const struct ladder *l, const struct message *m)
{
	for (uint32_t i = 0; i < l->message_count && !m->m->is_request && m->m->status < 200; i++) {
		const struct message *o = &l->messages[i];
		if (!o->from && o->to == m->to && !o->away && o->m && !o->m->is_request && o->m->status >= 200 &&
		    same_transaction(o->m, m->m))
			return true;
	}
	return false;
}

// In the order in which the switch said it first, within a call.
static void hand_up(struct ladder *l, const struct actor *p, struct str call_id)
{
	for (uint32_t i = 0; i < l->message_count && !l->failed; i++) {
		struct message *m = &l->messages[i];
		if (m->from || m->to != p || !m->away || !m->m || !str_eq(m->m->call_id, call_id)) continue;
		if (!m->arrived && is_sure(m)) return;
		if (!m->arrived) continue;
		if (is_late(l, m)) m->taken = m->automatic = true;
		net_hand_up(l, m);
	}
}

void repeat_came(struct ladder *l, struct message *m, bool first)
{
	for (uint32_t i = 0; i < l->weather->letter_count; i++) {
		struct letter *x = &l->weather->letters[i];
		if (!x->held && x->m->from == m->to && answers(m->m, x)) x->done = true;
	}
	struct message *answer = first ? NULL : answer_of(l, m);
	if (first) hand_up(l, m->to, m->m->call_id);
	if (answer && !is_acknowledged(l, answer)) weather_transmit(l, answer);
}

bool weather_may_speak(const struct ladder *l, const struct actor *p)
{
	for (uint32_t i = 0; i < l->message_count; i++) {
		const struct message *m = &l->messages[i];
		bool provisional = m->from == p && m->m && !m->m->is_request && m->m->status < 200;
		if ((m->from != p || provisional) && is_coming(l, m)) return false;
	}
	return true;
}

bool repeat_rests(const struct ladder *l)
{
	for (uint32_t i = 0; i < l->message_count; i++)
		if (is_coming(l, &l->messages[i])) return false;
	for (uint32_t i = 0; i < l->weather->letter_count; i++)
		if (!l->weather->letters[i].done) return false;
	for (uint32_t i = 0; i < l->message_count; i++)
		if (l->messages[i].away && !l->messages[i].from && is_sure(&l->messages[i])) return false;
	return true;
}
