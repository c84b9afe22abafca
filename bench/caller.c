// Operations from their beginning to their end: registrations and calls, with the repetitions of RFC 3261 17.1.
#include "load.h"

#include <string.h>

static void set_timer(struct load *l, struct op *op, uint32_t ms)
{
	wheel_start(&l->wheel, &op->timer, load_now_ms(l) + ms, TIMER_OP, pool_ref(&l->ops, op));
}

// Enters a state whose request wants an answer.
static void ask(struct load *l, struct op *op, enum op_state state)
{
	op->state = (uint8_t)state;
	op->cseq++;
	op->heard = false;
	op->asked_ms = load_now_ms(l);
	op->resend_ms = T1_MS;
	set_timer(l, op, T1_MS);
	write_request(l, op);
}

bool op_begin(struct load *l)
{
	struct op *op = pool_get(&l->ops);
	if (!op) return false;
	op->began_us = l->now_us;
	op->user = (uint32_t)(l->begun++ % l->o.users);
	list_init(&op->timer.node);
	ask(l, op, l->o.mode == LOAD_REGISTER ? OP_REGISTER : OP_INVITE);
	return true;
}

static void op_end(struct load *l, struct op *op, bool good)
{
	wheel_stop(&l->wheel, &op->timer);
	pool_put(&l->ops, op);
	l->done++;
	l->failed += !good;
	l->ended_us = l->now_us;
}

static void op_fail(struct load *l, struct op *op, uint16_t status)
{
	l->refusals[status < ARRAY_LEN(l->refusals) ? status : 0]++;
	op_end(l, op, false);
}

void op_hang_up(struct load *l, struct op *op)
{
	char text[48];
	struct buf call_id = buf_on(text, sizeof text);
	put_op_name(&call_id, l, op);
	witness_saw(l, CALLERS, "hangs-up", 0, buf_str(&call_id));
	l->held--;
	ask(l, op, OP_BYE);
}

void op_timer(struct load *l, struct op *op)
{
	if (op->state == OP_TALK) {
		op_hang_up(l, op);
		return;
	}
	if (load_now_ms(l) - op->asked_ms >= l->o.give_up_ms) {
		op_fail(l, op, 0);
		return;
	}
	// After a provisional response an INVITE is not repeated; it is only given up.
	if (!op->heard) {
		l->repeated++;
		write_request(l, op);
	}
	op->resend_ms = 2 * op->resend_ms < T2_MS || op->state == OP_INVITE ? 2 * op->resend_ms : T2_MS;
	set_timer(l, op, op->resend_ms);
}

static bool keep(struct kept *k, struct str s)
{
	if (s.n > sizeof k->text) return false;
	memcpy(k->text, s.p, s.n);
	k->n = (uint16_t)s.n;
	return true;
}

// A second challenge is answered only where it says that the nonce was at fault, not the password.
static void on_challenge(struct load *l, struct op *op, const struct sip_msg *m)
{
	struct sip_challenge c;
	op->proxy = m->status == 407;
	struct str value = sip_msg_header(m, op->proxy ? SIP_H_PROXY_AUTHENTICATE : SIP_H_WWW_AUTHENTICATE);
	bool good = sip_challenge_parse(&c, value) == PARSE_OK && (!op->challenged || c.stale);
	if (!good || !keep(&op->challenge, value)) {
		op_fail(l, op, m->status);
		return;
	}
	l->stale += op->challenged;
	op->challenged = true;
	l->challenged++;
	ask(l, op, op->state);
}

// The recorded route in reverse (RFC 3261 12.1.2).
static bool keep_route(struct kept *route, const struct sip_msg *m)
{
	struct sip_walk walk = { 0 };
	struct str value;
	while (sip_msg_each(m, SIP_H_RECORD_ROUTE, &walk, &value)) {
		struct kept before = *route;
		struct buf b = buf_on(route->text, sizeof route->text);
		put(&b, value);
		if (before.n) put(&b, STR(", "));
		put(&b, (struct str){ before.text, before.n });
		if (b.err != OK) return false;
		route->n = (uint16_t)b.n;
	}
	return true;
}

static bool keep_dialog(struct op *op, const struct sip_msg *m)
{
	struct sip_name_addr contact;
	return sip_name_addr_parse(&contact, sip_msg_header(m, SIP_H_CONTACT)) == PARSE_OK &&
	       keep(&op->target, contact.uri.text) && keep(&op->to, sip_msg_header(m, SIP_H_TO)) &&
	       keep_route(&op->route, m);
}

static void on_answer(struct load *l, struct op *op, const struct sip_msg *m)
{
	if (op->state != OP_INVITE) { // the 200 again: our ACK was lost
		l->repeated_by_server++;
		write_ack(l, op, m);
		return;
	}
	if (!keep_dialog(op, m)) {
		op_fail(l, op, m->status);
		return;
	}
	write_ack(l, op, m);
	wheel_stop(&l->wheel, &op->timer);
	delays_add(&l->answer, l->now_us - op->began_us);
	op->state = OP_TALK;
	l->held++;
	if (l->o.keep) return;
	if (l->o.hold_ms) set_timer(l, op, l->o.hold_ms);
	else op_hang_up(l, op);
}

static void on_provisional(struct load *l, struct op *op, const struct sip_msg *m)
{
	op->heard = true;
	if (m->status != 180 || op->rang) return;
	op->rang = true;
	delays_add(&l->ringing, l->now_us - op->began_us);
}

static void on_invite_response(struct load *l, struct op *op, const struct sip_msg *m)
{
	bool waits = op->state == OP_INVITE && m->cseq.number == op->cseq;
	if (m->status >= 200 && m->status < 300) {
		on_answer(l, op, m);
		return;
	}
	if (m->status >= 300) write_ack(l, op, m);
	if (m->status >= 300 && !waits) l->repeated_by_server++;
	if (!waits) return;
	if (m->status < 200) on_provisional(l, op, m);
	else if (m->status == 401 || m->status == 407) on_challenge(l, op, m);
	else op_fail(l, op, m->status);
}

static void on_other_response(struct load *l, struct op *op, const struct sip_msg *m)
{
	if (m->cseq.number != op->cseq || m->status < 200) return; // 100, or of a request that was repeated
	if (op->state == OP_REGISTER && (m->status == 401 || m->status == 407)) {
		on_challenge(l, op, m);
		return;
	}
	if (m->status >= 300) {
		op_fail(l, op, m->status);
		return;
	}
	if (op->state == OP_REGISTER) delays_add(&l->answer, l->now_us - op->began_us);
	op_end(l, op, true);
}

// The handle that our Call-IDs begin with.
static struct op *op_of(const struct load *l, struct str call_id)
{
	uint64_t handle = 0;
	struct str digits = str_cut(&call_id, '-');
	return str_to_u64(&handle, digits, UINT64_MAX) == OK ? pool_at(&l->ops, handle) : NULL;
}

void caller_take(struct load *l, const struct sip_msg *m)
{
	struct op *op = op_of(l, m->call_id);
	if (!op) l->strays++; // of a call that is over
	else if (m->method == SIP_INVITE) on_invite_response(l, op, m);
	else on_other_response(l, op, m);
}

// A call whose own BYE is under way ends with the answer to that.
void caller_take_bye(struct load *l, const struct sip_msg *m)
{
	struct op *op = op_of(l, m->call_id);
	if (!op || op->state != OP_TALK) return;
	l->held--;
	l->cut_off++;
	op_end(l, op, false);
}
