// The called phones: a 180 and a 200 to each INVITE, a 200 to each other request. A 200 to an INVITE is repeated until
// its ACK comes; nothing else is remembered, so that the generator's cost does not grow with the calls that stand.
#include "load.h"

#include <string.h>

#define RINGS_MAX 65536

enum err callees_init(struct load *l)
{
	struct callees *c = &l->callees;
	enum err err = pool_init(&c->rings, "rings", sizeof(struct ring), RINGS_MAX);
	return err == OK ? map_init(&c->by_call_id, RINGS_MAX, (struct hash_key){ { 1, 2 } }) : err;
}

static void ring_end(struct load *l, struct ring *r)
{
	wheel_stop(&l->wheel, &r->timer);
	map_remove(&l->callees.by_call_id, &r->by_call_id);
	pool_put(&l->callees.rings, r);
}

static struct ring *ring_find(const struct load *l, struct str call_id)
{
	struct map_node *n = map_find(&l->callees.by_call_id, call_id);
	return n ? LIST_OF(n, struct ring, by_call_id) : NULL;
}

static void ring_set_timer(struct load *l, struct ring *r)
{
	wheel_start(&l->wheel, &r->timer, load_now_ms(l) + r->resend_ms, TIMER_RING, pool_ref(&l->callees.rings, r));
}

// Remembers the 200 for as long as it may have to be sent again. What is too long for that is sent once.
static void ring_begin(struct load *l, const struct sip_msg *m, const struct packet *p, struct str answer)
{
	struct ring *r = m->call_id.n <= sizeof r->key && answer.n <= sizeof r->text ? pool_get(&l->callees.rings) : NULL;
	if (!r) return;
	r->key_n = (uint16_t)m->call_id.n;
	r->text_n = (uint16_t)answer.n;
	memcpy(r->key, m->call_id.p, r->key_n);
	memcpy(r->text, answer.p, r->text_n);
	r->packet = (struct packet){ .peer = p->peer, .listener = p->listener, .data = { r->text, r->text_n } };
	r->began_ms = load_now_ms(l);
	r->resend_ms = T1_MS;
	list_init(&r->timer.node);
	map_add(&l->callees.by_call_id, &r->by_call_id, (struct str){ r->key, r->key_n });
	ring_set_timer(l, r);
}

void callee_timer(struct load *l, struct ring *r)
{
	if (load_now_ms(l) - r->began_ms >= GIVE_UP_MS) {
		l->callees.unacknowledged++;
		ring_end(l, r);
		return;
	}
	l->repeated++;
	outbox_send(&l->out, r->packet.listener, &r->packet.peer, r->packet.data);
	r->resend_ms = 2 * r->resend_ms < T2_MS ? 2 * r->resend_ms : T2_MS;
	ring_set_timer(l, r);
}

static struct str answer(struct load *l, const struct packet *p, const struct sip_msg *m, uint16_t status)
{
	const struct sip_source source = { .peer = p->peer, .listener = p->listener };
	struct buf *b = outbox_open(&l->out, p->listener, &p->peer);
	put_sip_response(b, m, &source, status, STR(""), STR("load"));
	if (m->method == SIP_INVITE) {
		put(b, STR("Contact: <sip:load@"));
		put_addr(b, &l->o.ports[p->listener]);
		put(b, STR(">\r\nAllow: INVITE, ACK, CANCEL, BYE\r\n"));
	}
	if (m->method == SIP_INVITE && status == 200) put_sip_body(b, STR("application/sdp"), l->callees.session);
	else put_sip_body(b, STR(""), STR(""));
	return outbox_close(&l->out);
}

// The same branch again is a repetition: the server's, since nothing between us loses or doubles packets.
static bool seen_before(struct load *l, const struct sip_msg *m)
{
	uint64_t hash = hash_str(&l->callees.by_call_id.key, m->via.branch);
	uint64_t *seen = &l->callees.seen[hash % SEEN_MAX];
	bool before = *seen == hash;
	*seen = hash;
	l->repeated_by_server += before;
	return before;
}

void callee_take(struct load *l, const struct packet *p, const struct sip_msg *m)
{
	if (m->method == SIP_ACK) {
		struct ring *r = ring_find(l, m->call_id);
		if (r) ring_end(l, r);
		return;
	}
	bool before = seen_before(l, m);
	if (m->method == SIP_BYE && p->listener == CALLERS) caller_take_bye(l, m);
	if (m->method != SIP_INVITE) {
		answer(l, p, m, 200);
		return;
	}
	answer(l, p, m, 180);
	witness_saw(l, CALLEES, "answered", 200, m->call_id);
	struct str ok = answer(l, p, m, 200);
	if (!before && !ring_find(l, m->call_id)) ring_begin(l, m, p, ok);
}
