// The caller's messages. Each is written anew when it is repeated: what it is made of stands in the operation.
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

// A message that could not be written is the generator's own fault, or a challenge that it cannot answer (it wants
// qop=auth): nothing that is measured then means anything.
static void finish(struct outbox *o)
{
	if (outbox_close(o).n) return;
	fputs("sipload: a request could not be written: a challenge without qop=auth?\n", stderr);
	exit(1);
}

static void put_user(struct buf *b, const struct load *l, uint32_t user)
{
	put_u64(b, l->o.first_user + user);
}

// user@host of the server's realm: where users are known.
static void put_aor(struct buf *b, const struct load *l, uint32_t user)
{
	put(b, STR("sip:"));
	put_user(b, l, user);
	put_c(b, '@');
	put_z(b, l->o.realm);
}

static uint32_t slot_of(const struct load *l, const struct op *op)
{
	return (uint32_t)(op - l->ops);
}

// The one who is called: half the users away.
static uint32_t called_user(const struct load *l, const struct op *op)
{
	return (op->user + (l->o.users + 1) / 2) % l->o.users;
}

static void put_via(struct buf *b, const struct load *l, const struct op *op, const struct port *p, enum sip_method m)
{
	put(b, STR("Via: SIP/2.0/UDP "));
	put_addr(b, &p->addr);
	put_fmt(b, ";branch=z9hG4bKload%xx%xx%u%s;rport\r\n", slot_of(l, op), op->generation, op->cseq,
	        m == SIP_ACK ? "a" : "");
}

static void put_call_id(struct buf *b, const struct load *l, const struct op *op)
{
	put_fmt(b, "Call-ID: %x-%x-load\r\n", slot_of(l, op), op->generation);
}

static void put_cseq(struct buf *b, const struct op *op, struct str method)
{
	put_fmt(b, "CSeq: %u %.*s\r\n", op->cseq, STR_FMT(method));
}

static void put_credentials(struct buf *b, const struct load *l, const struct op *op, struct str method, struct str uri)
{
	struct sip_challenge c;
	char user[24];
	struct buf u = buf_on(user, sizeof user);
	if (!op->challenge || sip_challenge_parse(&c, str_from(op->challenge)) != PARSE_OK) return;
	put_user(&u, l, op->user);
	put(b, op->proxy ? STR("Proxy-Authorization: ") : STR("Authorization: "));
	put_sip_digest_answer(b, &c, l->ha1[op->user], buf_str(&u), method, uri, STR("0a4f113b"), op->nc);
	put(b, STR("\r\n"));
}

static void write_register(struct load *l, struct op *op)
{
	struct buf *b = outbox_open(&l->callee.out, 0, &l->o.server);
	char text[128];
	struct buf uri = buf_on(text, sizeof text);
	put_fmt(&uri, "sip:%s", l->o.realm);
	put_fmt(b, "REGISTER %.*s SIP/2.0\r\n", STR_FMT(buf_str(&uri)));
	put_via(b, l, op, &l->callee, SIP_REGISTER);
	put(b, STR("Max-Forwards: 70\r\nFrom: <"));
	put_aor(b, l, op->user);
	put_fmt(b, ">;tag=%x\r\nTo: <", op->generation);
	put_aor(b, l, op->user);
	put(b, STR(">\r\n"));
	put_call_id(b, l, op);
	put_cseq(b, op, STR("REGISTER"));
	put(b, STR("Contact: <sip:"));
	put_user(b, l, op->user);
	put_c(b, '@');
	put_addr(b, &l->callee.addr);
	put(b, STR(">\r\nExpires: 3600\r\nUser-Agent: sipload\r\n"));
	put_credentials(b, l, op, STR("REGISTER"), buf_str(&uri));
	put(b, STR("Content-Length: 0\r\n\r\n"));
	finish(&l->callee.out);
}

static void put_session(struct buf *b, const struct load *l)
{
	char host[64], text[768];
	struct buf h = buf_on(host, sizeof host), sdp = buf_on(text, sizeof text);
	put_addr_host(&h, &l->caller.addr);
	put_fmt(&sdp, "v=0\r\no=sipload 2890844526 2890844526 IN IP4 %.*s\r\ns=-\r\nc=IN IP4 %.*s\r\nt=0 0\r\n"
	        "m=audio 49170 RTP/AVP 0 8 18 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:18 G729/8000\r\n"
	        "a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
	        STR_FMT(buf_str(&h)), STR_FMT(buf_str(&h)));
	put_sip_body(b, STR("application/sdp"), buf_str(&sdp));
}

static void put_from(struct buf *b, const struct load *l, const struct op *op)
{
	put(b, STR("From: <"));
	if (l->o.caller_number) put_fmt(b, "sip:%s@%s", l->o.caller_number, l->o.realm);
	else put_aor(b, l, op->user);
	put_fmt(b, ">;tag=%x\r\n", op->generation);
}

static void write_invite(struct load *l, struct op *op)
{
	struct buf *b = outbox_open(&l->caller.out, 0, &l->o.server);
	char text[128];
	struct buf uri = buf_on(text, sizeof text);
	put_aor(&uri, l, called_user(l, op));
	put_fmt(b, "INVITE %.*s SIP/2.0\r\n", STR_FMT(buf_str(&uri)));
	put_via(b, l, op, &l->caller, SIP_INVITE);
	put(b, STR("Max-Forwards: 70\r\n"));
	put_from(b, l, op);
	put_fmt(b, "To: <%.*s>\r\n", STR_FMT(buf_str(&uri)));
	put_call_id(b, l, op);
	put_cseq(b, op, STR("INVITE"));
	put(b, STR("Contact: <sip:load@"));
	put_addr(b, &l->caller.addr);
	put(b, STR(">\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE\r\n"
	           "Supported: timer, replaces, 100rel\r\nUser-Agent: sipload\r\nP-Asserted-Identity: <"));
	put_aor(b, l, op->user);
	put(b, STR(">\r\n"));
	put_credentials(b, l, op, STR("INVITE"), buf_str(&uri));
	put_session(b, l);
	finish(&l->caller.out);
}

// The head of what follows in the dialog.
static struct buf *begin(struct load *l, struct op *op, enum sip_method m)
{
	struct buf *b = outbox_open(&l->caller.out, 0, &l->o.server);
	put_fmt(b, "%.*s %s SIP/2.0\r\n", STR_FMT(sip_method_name(m)), op->target);
	put_via(b, l, op, &l->caller, m);
	put(b, STR("Max-Forwards: 70\r\n"));
	if (op->route) put_fmt(b, "Route: %s\r\n", op->route);
	put_from(b, l, op);
	put_fmt(b, "To: %s\r\n", op->to);
	put_call_id(b, l, op);
	put_cseq(b, op, sip_method_name(m));
	put(b, STR("Content-Length: 0\r\n\r\n"));
	return b;
}

void write_ack(struct load *l, struct op *op, const struct sip_msg *response)
{
	if (response->status < 300) {
		begin(l, op, SIP_ACK);
		finish(&l->caller.out);
		return;
	}
	// Of a refusal: in the INVITE's own transaction.
	struct buf *b = outbox_open(&l->caller.out, 0, &l->o.server);
	put(b, STR("ACK "));
	put_aor(b, l, called_user(l, op));
	put(b, STR(" SIP/2.0\r\n"));
	put_via(b, l, op, &l->caller, SIP_INVITE);
	put(b, STR("Max-Forwards: 70\r\n"));
	put_from(b, l, op);
	put_fmt(b, "To: %.*s\r\n", STR_FMT(sip_msg_header(response, SIP_H_TO)));
	put_call_id(b, l, op);
	put_cseq(b, op, STR("ACK"));
	put(b, STR("Content-Length: 0\r\n\r\n"));
	finish(&l->caller.out);
}

void write_request(struct load *l, struct op *op)
{
	if (op->state == OP_REGISTER) write_register(l, op);
	else if (op->state == OP_INVITE) write_invite(l, op);
	else {
		begin(l, op, SIP_BYE);
		finish(&l->caller.out);
	}
}
