// Operations from their beginning to their end: registrations and calls, with the repetitions of RFC 3261 17.1.
#include "load.h"

#include <stdlib.h>

#define T1_MS 500
#define T2_MS 4000
#define GIVE_UP_MS 32000

static uint64_t now_ms(const struct load *l)
{
	return l->now_us / 1000;
}

static void set_timer(struct load *l, struct op *op, uint64_t ms)
{
	wheel_start(&l->wheel, &op->timer, now_ms(l) + ms, 0, (ref)(op - l->ops) + 1);
}

static void send_first(struct load *l, struct op *op)
{
	op->resend_ms = T1_MS;
	set_timer(l, op, T1_MS);
	write_request(l, op);
}

bool op_begin(struct load *l)
{
	if (l->free_count == 0) return false;
	struct op *op = &l->ops[l->free_ops[--l->free_count]];
	uint32_t generation = op->generation + 1;
	*op = (struct op){ .generation = generation, .cseq = 1, .began_us = l->now_us };
	list_init(&op->timer.node);
	op->user = (uint32_t)(l->begun++ % l->o.users);
	op->state = l->o.mode == LOAD_REGISTER ? OP_REGISTER : OP_INVITE;
	l->standing++;
	send_first(l, op);
	return true;
}

void op_end(struct load *l, struct op *op, bool good)
{
	wheel_stop(&l->wheel, &op->timer);
	free(op->challenge);
	free(op->target);
	free(op->route);
	free(op->to);
	op->challenge = op->target = op->route = op->to = NULL;
	op->state = OP_FREE;
	l->free_ops[l->free_count++] = (uint32_t)(op - l->ops);
	l->standing--;
	l->done++;
	l->failed += !good;
	l->ended_us = l->now_us;
}

void op_hang_up(struct load *l, struct op *op)
{
	op->state = OP_BYE;
	op->cseq++;
	op->heard = false;
	op->began_us = l->now_us;
	send_first(l, op);
}

void op_timer(struct load *l, struct op *op)
{
	if (op->state == OP_TALK) {
		op_hang_up(l, op);
		return;
	}
	if (l->now_us - op->began_us > GIVE_UP_MS * 1000ull) {
		l->statuses[408]++;
		op_end(l, op, false);
		return;
	}
	// After a provisional response an INVITE is not repeated; it is only given up.
	if (!op->heard) {
		l->repeated++;
		write_request(l, op);
	}
	op->resend_ms = op->resend_ms * 2 < T2_MS || op->state == OP_INVITE ? op->resend_ms * 2 : T2_MS;
	set_timer(l, op, op->resend_ms);
}

static char *keep(struct str s)
{
	char *z = malloc(s.n + 1);
	if (z) str_to_z(z, s.n + 1, s);
	return z;
}

static void answer_challenge(struct load *l, struct op *op, const struct sip_msg *m)
{
	op->proxy = m->status == 407;
	free(op->challenge);
	op->challenge = keep(sip_msg_header(m, op->proxy ? SIP_H_PROXY_AUTHENTICATE : SIP_H_WWW_AUTHENTICATE));
	op->challenged = true;
	op->cseq++;
	op->nc = 1;
	l->challenged++;
	send_first(l, op);
}

// What the dialog needs: their Contact, their To, the recorded route in reverse.
static bool learn_dialog(struct op *op, const struct sip_msg *m)
{
	struct sip_name_addr contact;
	struct sip_walk walk = { 0 };
	struct str value, route = { "", 0 };
	char text[ROUTE_MAX], before[ROUTE_MAX];
	if (sip_name_addr_parse(&contact, sip_msg_header(m, SIP_H_CONTACT)) != PARSE_OK) return false;
	while (sip_msg_each(m, SIP_H_RECORD_ROUTE, &walk, &value)) {
		struct buf b = buf_on(text, sizeof text);
		put(&b, value);
		if (route.n) put(&b, STR(", "));
		put(&b, route);
		if (b.err != OK) return false;
		memcpy(before, text, b.n);
		route = (struct str){ before, b.n };
	}
	if (op->target) return true; // a repeated 200
	op->target = keep(contact.uri.text);
	op->to = keep(sip_msg_header(m, SIP_H_TO));
	op->route = route.n ? keep(route) : NULL;
	return op->target && op->to;
}

static void on_answer(struct load *l, struct op *op, const struct sip_msg *m)
{
	if (!learn_dialog(op, m)) {
		op_end(l, op, false);
		return;
	}
	write_ack(l, op, m);
	if (op->state != OP_INVITE) return; // a repeated 200
	delays_add(&l->answer, l->now_us - op->began_us);
	op->state = OP_TALK;
	wheel_stop(&l->wheel, &op->timer);
	if (l->o.keep) return;
	if (l->o.hold_ms) set_timer(l, op, l->o.hold_ms);
	else op_hang_up(l, op);
}

static void on_invite_response(struct load *l, struct op *op, const struct sip_msg *m)
{
	if (m->cseq.number != op->cseq && op->state == OP_INVITE) {
		if (m->status >= 300) l->strays++; // a repeated challenge
		return;
	}
	if (m->status < 200) {
		if (m->status == 180 && !op->rang) delays_add(&l->ringing, l->now_us - op->began_us);
		op->heard = true;
		op->rang |= m->status == 180;
		return;
	}
	if (m->status < 300) {
		on_answer(l, op, m);
		return;
	}
	if (op->state != OP_INVITE) return;
	write_ack(l, op, m);
	if ((m->status == 401 || m->status == 407) && !op->challenged) {
		op->heard = false;
		answer_challenge(l, op, m);
		return;
	}
	l->statuses[m->status % 700]++;
	op_end(l, op, false);
}

static void on_other_response(struct load *l, struct op *op, const struct sip_msg *m)
{
	if (m->cseq.number != op->cseq || m->status < 200) return;
	if (op->state == OP_REGISTER && m->status == 401 && !op->challenged) {
		answer_challenge(l, op, m);
		return;
	}
	if (m->method == SIP_REGISTER) delays_add(&l->answer, l->now_us - op->began_us);
	if (m->status >= 300) l->statuses[m->status % 700]++;
	op_end(l, op, m->status < 300);
}

// "slot-generation-load" in hexadecimal.
static struct op *op_of(struct load *l, struct str call_id)
{
	uint64_t parts[2] = { 0, 0 };
	struct str rest = call_id;
	for (uint32_t i = 0; i < 2; i++) {
		struct str part = str_cut(&rest, '-');
		for (uint32_t k = 0; k < part.n; k++) {
			char c = ascii_lower(part.p[k]);
			parts[i] = parts[i] * 16 + (uint64_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
		}
	}
	struct op *op = parts[0] < l->op_count ? &l->ops[parts[0]] : NULL;
	return op && op->state != OP_FREE && op->generation == parts[1] ? op : NULL;
}

void caller_take(struct load *l, struct port *p, struct str data, const struct addr *from)
{
	struct sip_msg m;
	struct sip_fault fault;
	arena_reset(&l->scratch);
	if (sip_msg_parse(&m, data, &l->scratch, &fault) != PARSE_OK) {
		l->strays++;
		return;
	}
	if (m.is_request) {
		callee_take(l, p, data, from);
		return;
	}
	struct op *op = op_of(l, m.call_id);
	if (!op) l->strays++;
	else if (m.method == SIP_INVITE) on_invite_response(l, op, &m);
	else on_other_response(l, op, &m);
}
