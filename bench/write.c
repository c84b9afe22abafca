// The callers' messages. Each is written anew when it is repeated: all that it is made of stands in the operation.
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// A message that could not be written is the generator's own fault, or a challenge that it cannot answer: nothing that
// is measured then means anything.
static uint32_t finish(struct load *l)
{
	struct str text = outbox_close(&l->out);
	if (text.n) return text.n;
	fputs("sipload: a request could not be written: a challenge without qop=auth?\n", stderr);
	exit(1);
}

static struct buf *begin(struct load *l, enum load_port port)
{
	return outbox_open(&l->out, (uint16_t)port, &l->o.server);
}

static void put_user(struct buf *b, const struct load *l, uint32_t user)
{
	put_u64(b, l->o.first_user + user);
}

// sip:user@realm: by the realm the server knows its users.
static void put_aor(struct buf *b, const struct load *l, uint32_t user)
{
	put(b, STR("sip:"));
	put_user(b, l, user);
	put_c(b, '@');
	put_z(b, l->o.realm);
}

// The one who is called: half the users away.
static uint32_t called_by(const struct load *l, const struct op *op)
{
	return (op->user + (l->o.users + 1) / 2) % l->o.users;
}

void put_op_name(struct buf *b, const struct load *l, const struct op *op)
{
	put_u64(b, pool_ref(&l->ops, op));
	put_c(b, '-');
	put_u64(b, l->run);
}

static void put_via(struct buf *b, const struct load *l, const struct op *op, enum load_port port, enum sip_method m)
{
	put(b, STR("Via: SIP/2.0/UDP "));
	put_addr(b, &l->o.ports[port]);
	put(b, STR(";branch=z9hG4bK"));
	put_op_name(b, l, op);
	put_c(b, 'n');
	put_u64(b, op->cseq);
	if (m == SIP_ACK) put_c(b, 'a');
	put(b, STR(";rport\r\nMax-Forwards: 70\r\n"));
}

// "Front Desk" <sip:user@realm>
static void put_caller(struct buf *b, const struct load *l, const struct op *op)
{
	put(b, STR("\"Front Desk\" <"));
	if (l->o.from) {
		put(b, STR("sip:"));
		put_z(b, l->o.from);
		put_c(b, '@');
		put_addr_host(b, &l->o.ports[CALLERS]);
	} else {
		put_aor(b, l, op->user);
	}
	put_c(b, '>');
}

static void put_from(struct buf *b, const struct load *l, const struct op *op)
{
	put(b, STR("From: "));
	put_caller(b, l, op);
	put(b, STR(";tag="));
	put_op_name(b, l, op);
	put(b, STR("\r\n"));
}

static void put_call_id_and_cseq(struct buf *b, const struct load *l, const struct op *op, uint32_t cseq,
                                 enum sip_method m)
{
	put(b, STR("Call-ID: "));
	put_op_name(b, l, op);
	put(b, STR("\r\nCSeq: "));
	put_u64(b, cseq);
	put_c(b, ' ');
	put(b, sip_method_name(m));
	put(b, STR("\r\n"));
}

static void put_credentials(struct buf *b, const struct load *l, const struct op *op, enum sip_method m, struct str uri)
{
	struct sip_challenge c;
	char text[24];
	struct buf user = buf_on(text, sizeof text);
	if (!op->challenged) return;
	if (sip_challenge_parse(&c, (struct str){ op->challenge.text, op->challenge.n }) != PARSE_OK) b->err = ERR_BAD;
	put_user(&user, l, op->user);
	put(b, op->proxy ? STR("Proxy-Authorization: ") : STR("Authorization: "));
	put_sip_digest_answer(b, &c, l->ha1[op->user], buf_str(&user), sip_method_name(m), uri, STR("0a4f113b"), 1);
	put(b, STR("\r\n"));
}

static void write_register(struct load *l, const struct op *op)
{
	struct buf *b = begin(l, CALLEES); // where it registers from, there it is called
	char text[128];
	struct buf uri = buf_on(text, sizeof text);
	put(&uri, STR("sip:"));
	put_z(&uri, l->o.realm);
	put(b, STR("REGISTER "));
	put(b, buf_str(&uri));
	put(b, STR(" SIP/2.0\r\n"));
	put_via(b, l, op, CALLEES, SIP_REGISTER);
	put_from(b, l, op);
	put(b, STR("To: <"));
	put_aor(b, l, op->user);
	put(b, STR(">\r\n"));
	put_call_id_and_cseq(b, l, op, op->cseq, SIP_REGISTER);
	put(b, STR("Contact: <sip:"));
	put_user(b, l, op->user);
	put_c(b, '@');
	put_addr(b, &l->o.ports[CALLEES]);
	put(b, STR(">\r\nExpires: 3600\r\nUser-Agent: sipload\r\n"));
	put_credentials(b, l, op, SIP_REGISTER, buf_str(&uri));
	put(b, STR("Content-Length: 0\r\n\r\n"));
	finish(l);
}

static void write_invite(struct load *l, const struct op *op)
{
	struct buf *b = begin(l, CALLERS);
	char text[128];
	struct buf uri = buf_on(text, sizeof text);
	put_aor(&uri, l, called_by(l, op));
	put(b, STR("INVITE "));
	put(b, buf_str(&uri));
	put(b, STR(" SIP/2.0\r\n"));
	put_via(b, l, op, CALLERS, SIP_INVITE);
	put_from(b, l, op);
	put(b, STR("To: <"));
	put(b, buf_str(&uri));
	put(b, STR(">\r\n"));
	put_call_id_and_cseq(b, l, op, op->cseq, SIP_INVITE);
	put(b, STR("P-Asserted-Identity: "));
	put_caller(b, l, op);
	put(b, l->invite_headers);
	put_credentials(b, l, op, SIP_INVITE, buf_str(&uri));
	put_sip_body(b, STR("application/sdp"), l->session);
	uint32_t octets = finish(l);
	if (!l->invite_octets) l->invite_octets = octets;
}

static void write_in_dialog(struct load *l, const struct op *op, enum sip_method m, uint32_t cseq)
{
	struct buf *b = begin(l, CALLERS);
	put(b, sip_method_name(m));
	put_c(b, ' ');
	put(b, (struct str){ op->target.text, op->target.n });
	put(b, STR(" SIP/2.0\r\n"));
	put_via(b, l, op, CALLERS, m);
	if (op->route.n) put_sip_header(b, SIP_H_ROUTE, (struct str){ op->route.text, op->route.n });
	put_from(b, l, op);
	put_sip_header(b, SIP_H_TO, (struct str){ op->to.text, op->to.n });
	put_call_id_and_cseq(b, l, op, cseq, m);
	put(b, STR("Content-Length: 0\r\n\r\n"));
	finish(l);
}

// Of a refusal: in the INVITE's own transaction, whose Via comes back in the response (RFC 3261 17.1.1.3).
static void write_ack_of_refusal(struct load *l, const struct op *op, const struct sip_msg *response)
{
	struct buf *b = begin(l, CALLERS);
	put(b, STR("ACK "));
	put_aor(b, l, called_by(l, op));
	put(b, STR(" SIP/2.0\r\n"));
	put_sip_header(b, SIP_H_VIA, response->via.text);
	put(b, STR("Max-Forwards: 70\r\n"));
	put_from(b, l, op);
	put_sip_header(b, SIP_H_TO, sip_msg_header(response, SIP_H_TO));
	put_call_id_and_cseq(b, l, op, response->cseq.number, SIP_ACK);
	put(b, STR("Content-Length: 0\r\n\r\n"));
	finish(l);
}

void write_ack(struct load *l, const struct op *op, const struct sip_msg *response)
{
	if (response->status < 300) write_in_dialog(l, op, SIP_ACK, response->cseq.number);
	else write_ack_of_refusal(l, op, response);
}

void write_request(struct load *l, const struct op *op)
{
	switch (op->state) {
	case OP_REGISTER: write_register(l, op); break;
	case OP_INVITE: write_invite(l, op); break;
	default: write_in_dialog(l, op, SIP_BYE, op->cseq); break;
	}
}

static struct str since(const struct buf *b, uint32_t from)
{
	return (struct str){ b->p + from, b->n - from };
}

void write_prepare(struct load *l)
{
	struct buf b = buf_on(l->texts, sizeof l->texts);
	char text[64];
	struct buf host = buf_on(text, sizeof text);
	put_addr_host(&host, &l->o.ports[CALLERS]);
	put(&b, STR("\r\nContact: <sip:load@"));
	put_addr(&b, &l->o.ports[CALLERS]);
	put(&b, STR(">\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE\r\n"
	            "Supported: timer, replaces, 100rel, norefersub\r\nAccept: application/sdp, application/dtmf-relay\r\n"
	            "Allow-Events: talk, hold, conference, refer\r\nUser-Agent: sipload, a load generator\r\n"));
	l->invite_headers = since(&b, 0);
	uint32_t at = b.n;
	put_fmt(&b, "v=0\r\no=- 2890844526 2890844526 IN IP%d %.*s\r\ns=-\r\nc=IN IP%d %.*s\r\nt=0 0\r\n",
	        l->o.ports[CALLERS].family, STR_FMT(buf_str(&host)), l->o.ports[CALLERS].family, STR_FMT(buf_str(&host)));
	put(&b, STR("m=audio 49170 RTP/AVP 0 8 9 18 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
	            "a=rtpmap:9 G722/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n"
	            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:40\r\n"
	            "a=sendrecv\r\n"));
	l->session = since(&b, at);
	at = b.n;
	put_fmt(&b, "v=0\r\no=- 1 1 IN IP%d %.*s\r\ns=-\r\nc=IN IP%d %.*s\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0 101\r\n",
	        l->o.ports[CALLERS].family, STR_FMT(buf_str(&host)), l->o.ports[CALLERS].family, STR_FMT(buf_str(&host)));
	put(&b, STR("a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"));
	l->callees.session = since(&b, at);
}
