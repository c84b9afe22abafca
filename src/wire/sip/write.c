// Writing messages: responses from the request that they answer, and the pieces of any message.
#include "wire/sip/msg.h"
#include "wire/sip/msg_scan.h"

// What would end a line or a text too early becomes a space: whatever a value holds, it adds no header.
static void put_line(struct buf *b, struct str text)
{
	uint32_t start = b->n;
	put(b, text);
	for (uint32_t i = start; i < b->n; i++)
		if (b->p[i] == '\r' || b->p[i] == '\n' || b->p[i] == '\0') b->p[i] = ' ';
}

void put_sip_header(struct buf *b, enum sip_header_id id, struct str value)
{
	put(b, sip_header_name(id));
	put(b, STR(": "));
	put_line(b, value);
	put(b, STR("\r\n"));
}

// The source address without brackets (RFC 5118 §4.5).
static void put_received(struct buf *b, const struct addr *peer)
{
	char text[64];
	struct buf host = buf_on(text, sizeof text);
	put_addr_host(&host, peer);
	struct str s = buf_str(&host);
	if (s.n > 2 && s.p[0] == '[') s = (struct str){ s.p + 1, s.n - 2 };
	put(b, STR(";received="));
	put(b, s);
}

void put_sip_via(struct buf *b, const struct addr *sent_by, struct str branch)
{
	put(b, STR("Via: SIP/2.0/"));
	for (const char *p = transport_name((enum transport)sent_by->transport); *p; p++) put_c(b, ascii_upper(*p));
	put_c(b, ' ');
	put_addr(b, sent_by);
	put(b, STR(";branch="));
	put(b, branch);
	put(b, STR(";rport\r\n"));
}

// The topmost Via: what its sender said, with the address that we saw. `received` is added when the sent-by is another
// (RFC 3261 §18.2.1) and always when rport was asked for, whose value is then the port (RFC 3581 §4). What the sender
// itself wrote of them is left out.
static void put_top_via(struct buf *b, const struct sip_via *via, const struct addr *peer)
{
	struct str params = via->params, name, value;
	struct addr said;
	put(b, str_head(via->text, (uint32_t)(via->params.p - via->text.p)));
	while (sip_take_param(&params, &name, &value) == PARSE_OK) {
		if (str_eq_nocase(name, STR("received")) || str_eq_nocase(name, STR("rport"))) continue;
		put_c(b, ';');
		put(b, name);
		if (value.n) put_c(b, '=');
		put(b, value);
	}
	if (via->rport_asked || addr_parse(&said, via->host) != OK || !addr_host_eq(&said, peer)) put_received(b, peer);
	if (via->rport_asked) {
		put(b, STR(";rport="));
		put_u64(b, peer->port);
	}
}

static void put_vias(struct buf *b, const struct sip_msg *request, const struct sip_source *from)
{
	const struct sip_via *top = &request->via;
	for (uint32_t i = request->first[SIP_H_VIA]; i; i = request->headers[i - 1].next) {
		struct str value = request->headers[i - 1].value;
		put(b, STR("Via: "));
		if (top->text.p >= value.p && top->text.p < value.p + value.n) {
			put_top_via(b, top, &from->peer);
			value = str_from_at(value, (uint32_t)(top->text.p - value.p) + top->text.n);
		}
		put(b, value);
		put(b, STR("\r\n"));
	}
}

// The first line of a header as it came, if it came.
static void put_copied(struct buf *b, const struct sip_msg *request, enum sip_header_id id)
{
	if (request->first[id]) put_sip_header(b, id, request->headers[request->first[id] - 1].value);
}

static void put_record_routes(struct buf *b, const struct sip_msg *request)
{
	for (uint32_t i = request->first[SIP_H_RECORD_ROUTE]; i; i = request->headers[i - 1].next)
		put_sip_header(b, SIP_H_RECORD_ROUTE, request->headers[i - 1].value);
}

static void put_to(struct buf *b, const struct sip_msg *request, struct str to_tag)
{
	if (!sip_msg_has(request, SIP_H_TO)) return;
	put(b, STR("To: "));
	put_line(b, sip_msg_header(request, SIP_H_TO));
	// Nothing is added to what could not be read.
	if (request->to.uri.text.n && request->to.tag.n == 0 && to_tag.n) {
		put(b, STR(";tag="));
		put(b, to_tag);
	}
	put(b, STR("\r\n"));
}

// RFC 3261 §8.2.6.1: a 100 repeats the request's Timestamp.
static void put_timestamp(struct buf *b, const struct sip_msg *request)
{
	struct str value = sip_msg_header_named(request, STR("Timestamp"));
	if (value.n == 0) return;
	put(b, STR("Timestamp: "));
	put_line(b, value);
	put(b, STR("\r\n"));
}

static bool makes_dialog(const struct sip_msg *request, uint16_t status)
{
	return status > 100 && status < 300 && request->to.tag.n == 0 &&
	       (request->method == SIP_INVITE || request->method == SIP_SUBSCRIBE || request->method == SIP_REFER);
}

void put_sip_response(struct buf *b, const struct sip_msg *request, const struct sip_source *from, uint16_t status,
                      struct str reason, struct str to_tag)
{
	put(b, STR("SIP/2.0 "));
	put_u64(b, status);
	put_c(b, ' ');
	put_line(b, reason.n ? reason : sip_status_text(status));
	put(b, STR("\r\n"));
	put_vias(b, request, from);
	put_copied(b, request, SIP_H_FROM);
	put_to(b, request, to_tag);
	put_copied(b, request, SIP_H_CALL_ID);
	put_copied(b, request, SIP_H_CSEQ);
	if (status == 100) put_timestamp(b, request);
	if (makes_dialog(request, status)) put_record_routes(b, request);
}

void put_sip_body(struct buf *b, struct str content_type, struct str body)
{
	if (body.n) put_sip_header(b, SIP_H_CONTENT_TYPE, content_type);
	put(b, STR("Content-Length: "));
	put_u64(b, body.n);
	put(b, STR("\r\n\r\n"));
	put(b, body);
}

void put_sip_quoted(struct buf *b, struct str text)
{
	put_c(b, '"');
	for (uint32_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if ((unsigned char)c < ' ' || c == 0x7f) continue; // nothing that a display should show
		if (c == '"' || c == '\\') put_c(b, '\\');
		put_c(b, c);
	}
	put_c(b, '"');
}

void put_sip_user(struct buf *b, struct str text)
{
	for (uint32_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c != '#' && sip_char_is(c, SIP_CHAR_USER)) {
			put_c(b, c);
		} else {
			put_c(b, '%');
			put_hex(b, (unsigned char)c, 2);
		}
	}
}
