// Challenges of anybody: the lines of the input are the headers of a 401 to an INVITE of ours. Whatever they say, what
// goes out again is a request that can be read, with the body that it had and one answer to each kind of challenge.
#include "wire/sip/login.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sent[] = "INVITE sip:b@far SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKold;rport\r\n"
	"Max-Forwards: 69\r\nFrom: <sip:a@us>;tag=1\r\nTo: <sip:b@far>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n"
	"Content-Length: 5\r\n\r\nv=0\r\n";
static char octets[65536], memory[65536], out[65536], lines[SIP_CREDENTIALS_MAX];
static struct sip_msg m, again;

static void must(bool holds)
{
	if (!holds) abort();
}

static uint32_t values(const struct sip_msg *of, enum sip_header_id id)
{
	struct sip_walk walk = { 0 };
	struct str value;
	uint32_t n = 0;
	while (sip_msg_each(of, id, &walk, &value)) n++;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { .p = memory, .cap = sizeof memory };
	struct buf b = buf_on(octets, sizeof octets), o = buf_on(out, sizeof out);
	struct buf credentials = buf_on(lines, sizeof lines);
	const struct sip_login login = { .user = STR("u"), .password = STR("p") };
	struct sip_again a = { .login = &login, .challenge = &m, .sent = { sent, sizeof sent - 1 },
		.branch = STR("z9hG4bKnew"), .cnonce = STR("c"), .cseq = 8 };
	struct sip_fault fault;
	if (size > 16384) return 0;
	put_z(&b, "SIP/2.0 401 x\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKold\r\nFrom: <sip:a@us>;tag=1\r\nTo: <sip:b@far>\r\n"
	          "Call-ID: c\r\nCSeq: 7 INVITE\r\n");
	put(&b, (struct str){ (const char *)data, (uint32_t)size });
	put_z(&b, "\r\n");
	if (b.err != OK || sip_msg_parse(&m, buf_str(&b), &arena, &fault) != PARSE_OK || m.method != SIP_INVITE) return 0;
	must(addr_parse(&a.sent_by, STR("192.0.2.20:5060")) == OK);
	if (!put_sip_again(&o, &credentials, &a)) return 0;
	must(sip_msg_parse(&again, buf_str(&o), &arena, &fault) == PARSE_OK && again.is_request);
	must(again.cseq.number == 8 && str_eq(again.via.branch, a.branch) && str_eq(again.body, STR("v=0\r\n")));
	uint32_t own = values(&again, SIP_H_AUTHORIZATION), proxy = values(&again, SIP_H_PROXY_AUTHORIZATION);
	must(own <= 1 && proxy <= 1 && own + proxy > 0 && again.header_count == 7 + own + proxy);
	return 0;
}
