// What the transaction layer writes itself: CANCEL and ACK out of an INVITE of ours, answers that need no state, and
// where responses go.
#include "wire/sip/txn_core.h"

COUNTER(sip_tx_unwritable, "Messages that could not be written: too long, or made of a text that is no INVITE");

// METHOD with what identifies the INVITE: its URI, topmost Via, Route, From, Call-ID and CSeq number; `to` is the To.
static void put_hop_request(struct buf *b, const struct sip_msg *invite, enum sip_method method, struct str to)
{
	put(b, sip_method_name(method));
	put_c(b, ' ');
	put(b, invite->uri_text);
	put(b, STR(" SIP/2.0\r\n"));
	put_sip_header(b, SIP_H_VIA, invite->via.text);
	for (uint32_t i = invite->first[SIP_H_ROUTE]; i; i = invite->headers[i - 1].next)
		put_sip_header(b, SIP_H_ROUTE, invite->headers[i - 1].value);
	put(b, STR("Max-Forwards: 70\r\n"));
	put_sip_header(b, SIP_H_FROM, sip_msg_header(invite, SIP_H_FROM));
	put_sip_header(b, SIP_H_TO, to);
	put_sip_header(b, SIP_H_CALL_ID, invite->call_id);
	put(b, STR("CSeq: "));
	put_u64(b, invite->cseq.number);
	put_c(b, ' ');
	put(b, sip_method_name(method));
	put(b, STR("\r\n"));
}

// An ACK cannot be challenged: it brings the credentials of its INVITE (RFC 3261 §22.1).
static void put_credentials(struct buf *b, const struct sip_msg *invite)
{
	static const enum sip_header_id ids[] = { SIP_H_AUTHORIZATION, SIP_H_PROXY_AUTHORIZATION };
	for (uint32_t id = 0; id < ARRAY_LEN(ids); id++)
		for (uint32_t i = invite->first[ids[id]]; i; i = invite->headers[i - 1].next)
			put_sip_header(b, ids[id], invite->headers[i - 1].value);
}

static struct str close_and_see(struct sip_stack *s, uint64_t owner, const struct addr *to)
{
	struct str text = outbox_close(s->out);
	if (text.n == 0) COUNT(sip_tx_unwritable);
	else txn_see(s, owner, true, text, to);
	return text;
}

// The kept INVITE, read again: only a call that fails or is cancelled pays for it.
static struct str write_hop_request(struct sip_stack *s, const struct sip_txn *invite, enum sip_method method,
                                    struct str to, struct str reason)
{
	struct sip_msg m;
	struct sip_fault fault;
	struct str text = { "", 0 };
	uint32_t mark = s->env->scratch.n;
	if (sip_msg_parse(&m, invite->text, &s->env->scratch, &fault) == PARSE_OK && m.is_request) {
		struct buf *b = outbox_open(s->out, invite->listener, &invite->peer);
		put_hop_request(b, &m, method, to.n ? to : sip_msg_header(&m, SIP_H_TO));
		if (reason.n) put_sip_header(b, SIP_H_REASON, reason);
		if (method == SIP_ACK) put_credentials(b, &m);
		put_sip_body(b, STR(""), STR(""));
		text = close_and_see(s, invite->owner, &invite->peer);
	} else {
		COUNT(sip_tx_unwritable);
	}
	s->env->scratch.n = mark;
	return text;
}

struct str txn_write_cancel(struct sip_stack *s, const struct sip_txn *invite, struct str reason)
{
	return write_hop_request(s, invite, SIP_CANCEL, STR(""), reason);
}

struct str txn_write_ack(struct sip_stack *s, const struct sip_txn *invite, const struct sip_msg *response)
{
	return write_hop_request(s, invite, SIP_ACK, sip_msg_header(response, SIP_H_TO), STR(""));
}

// To the address that the request came from, always: `received` says the same, and a `maddr` is not followed, or
// strangers could have us send to whom they please. To the port it came from when it asked for that (RFC 3581 §4), else
// to the port of its sent-by (RFC 3261 §18.2.2). Over a stream: to where it came from, by the same connection.
struct addr txn_response_addr(const struct sip_msg *request, const struct sip_source *from)
{
	struct addr to = from->peer;
	if (!request->via.rport_asked && !addr_is_stream(&to)) to.port = request->via.port ? request->via.port : 5060;
	return to;
}

// Equal for retransmissions, and not to be guessed: a digest of what stays the same in them.
static void put_stateless_tag(struct buf *b, const struct sip_stack *s, const struct sip_msg *m)
{
	uint64_t h = hash_str(&s->keys[0], m->via.text) ^ hash_str(&s->keys[1], m->call_id);
	put_hex(b, h, 16);
}

void txn_answer(struct sip_stack *s, uint64_t owner, const struct txn_input *request, const struct txn_answer *a)
{
	char made[16];
	struct buf tag = buf_on(made, sizeof made);
	struct addr to = txn_response_addr(request->m, request->from);
	if (a->status > 100 && a->to_tag.n == 0) put_stateless_tag(&tag, s, request->m);
	struct buf *b = outbox_open(s->out, request->from->listener, &to);
	put_sip_response(b, request->m, request->from, a->status, a->reason, a->to_tag.n ? a->to_tag : buf_str(&tag));
	put_sip_body(b, STR(""), STR(""));
	close_and_see(s, owner, &to);
}

struct str txn_kept_to_tag(struct sip_stack *s, const struct sip_txn *t)
{
	struct sip_msg m;
	struct sip_fault fault;
	struct str tag = { "", 0 };
	if (!t || t->text.n == 0) return tag;
	uint32_t mark = s->env->scratch.n;
	if (sip_msg_parse(&m, t->text, &s->env->scratch, &fault) == PARSE_OK) tag = m.to.tag;
	s->env->scratch.n = mark; // nothing is written there before the tag was used
	return tag;
}
