// The called phones: a 180 and a 200 to each INVITE, a 200 to each other request, and nothing remembered. What is
// repeated is answered again with the same tag, as one phone would.
#include "load.h"

static void put_answer_session(struct buf *b, const struct load *l)
{
	char host[64], text[320];
	struct buf h = buf_on(host, sizeof host), sdp = buf_on(text, sizeof text);
	put_addr_host(&h, &l->callee.addr);
	put_fmt(&sdp, "v=0\r\no=sipload 1 1 IN IP4 %.*s\r\ns=-\r\nc=IN IP4 %.*s\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0 101\r\n"
	        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
	        STR_FMT(buf_str(&h)), STR_FMT(buf_str(&h)));
	put_sip_body(b, STR("application/sdp"), buf_str(&sdp));
}

static void answer(struct load *l, struct port *p, const struct sip_msg *m, const struct addr *from, uint16_t status)
{
	const struct sip_source source = { .peer = *from };
	struct buf *b = outbox_open(&p->out, 0, from);
	put_sip_response(b, m, &source, status, STR(""), STR("load"));
	if (m->method == SIP_INVITE) {
		put(b, STR("Contact: <sip:load@"));
		put_addr(b, &p->addr);
		put(b, STR(">\r\nAllow: INVITE, ACK, CANCEL, BYE\r\n"));
	}
	if (m->method == SIP_INVITE && status == 200) put_answer_session(b, l);
	else put_sip_body(b, STR(""), STR(""));
	outbox_close(&p->out);
}

void callee_take(struct load *l, struct port *p, struct str data, const struct addr *from)
{
	struct sip_msg m;
	struct sip_fault fault;
	arena_reset(&l->scratch);
	if (sip_msg_parse(&m, data, &l->scratch, &fault) != PARSE_OK) {
		l->strays++;
		return;
	}
	if (!m.is_request) { // of a REGISTER
		caller_take(l, p, data, from);
		return;
	}
	if (m.method == SIP_ACK) return;
	if (m.method == SIP_INVITE) answer(l, p, &m, from, 180);
	answer(l, p, &m, from, 200);
}
