// The judge of every message that the switch sends: what RFC 3261 and its companions want of any message, whatever a
// script says of it.
#include "ladders/draft.h"
#include "ladders/expect.h"
#include "ladders/actor.h"

// Line ends and octets of the head.
static const char *check_octets(struct str bytes, const struct sip_msg *m)
{
	uint32_t head = bytes.n - m->body.n;
	for (uint32_t i = 0; i < head; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		if (c == '\r' && (i + 1 == head || bytes.p[i + 1] != '\n')) return "a CR without LF";
		if (c == '\n' && (i == 0 || bytes.p[i - 1] != '\r')) return "a LF without CR";
		if (c < 0x20 && c != '\r' && c != '\n' && c != '\t') return "a control octet in the head";
	}
	return NULL;
}

static bool may_repeat(uint8_t id)
{
	static const char *const many[] = { "Via", "Record-Route", "Route", "Contact", "WWW-Authenticate",
		"Proxy-Authenticate",
	                                    "Allow", "Supported", "Reason", "Identity", "P-Asserted-Identity", "Diversion",
	                                    "History-Info", "Warning" };
	for (uint32_t i = 0; i < ARRAY_LEN(many); i++)
		if (id == SIP_H_OTHER || str_eq(sip_header_name((enum sip_header_id)id), str_from(many[i]))) return true;
	return false;
}

static const char *check_head(const struct sip_msg *m)
{
	bool seen[SIP_H_COUNT] = { false };
	for (uint32_t i = 0; i < m->header_count; i++) {
		uint8_t id = m->headers[i].id;
		if (seen[id] && !may_repeat(id)) return "a header stands twice that may stand once";
		if (m->headers[i].value.n == 0 && id != SIP_H_SUPPORTED && id != SIP_H_ALLOW) return "a header is empty";
		seen[id] = true;
	}
	if (!seen[SIP_H_CONTENT_LENGTH]) return "no Content-Length";
	if (m->bytes.n != (uint32_t)(m->body.p - m->bytes.p) + m->body.n && m->body.n) return "octets after the body";
	if (m->body.n && !seen[SIP_H_CONTENT_TYPE]) return "a body without Content-Type";
	if (m->call_id.n == 0 || m->from.uri.text.n == 0 || m->to.uri.text.n == 0) return "Call-ID, From or To is missing";
	if (m->from.tag.n == 0) return "From has no tag";
	return NULL;
}

// Our own: sip:...@ the address where we can be reached.
static const char *check_contact(struct ladder *l, const struct message *m, bool needed)
{
	struct sip_name_addr contact;
	if (!sip_msg_has(m->m, SIP_H_CONTACT)) return needed ? "no Contact" : NULL;
	if (sip_name_addr_parse(&contact, sip_msg_header(m->m, SIP_H_CONTACT)) != PARSE_OK)
		return "Contact is not to be understood";
	if (m->from || !needed) return NULL;
	struct str host = ladder_text(l, "%.*s:%u", STR_FMT(contact.uri.host), contact.uri.port ? contact.uri.port : 5060);
	return str_eq(host, actor_addr_text(l, &m->to->sw)) ? NULL : "Contact is not the address of the switch";
}

// REQUESTS

static const char *check_via(struct ladder *l, const struct message *m)
{
	const struct sip_via *via = &m->m->via;
	struct str sent_by = ladder_text(l, "%.*s:%u", STR_FMT(via->host), via->port ? via->port : 5060);
	if (!str_starts(via->branch, STR("z9hG4bK"))) return "the branch does not begin with z9hG4bK";
	if (via->branch.n < 15 && !m->from) return "the branch can be guessed";
	if (m->from) return NULL;
	if (!str_eq(sent_by, actor_addr_text(l, &m->to->sw))) return "Via is not the address of the switch";
	if (!via->rport_asked) return "Via asks for no rport";
	return NULL;
}

// A branch names one transaction; ACK of a refusal and CANCEL share their INVITE's.
static const char *check_branch(struct ladder *l, const struct message *m)
{
	const struct sip_msg *s = m->m, *invite = NULL;
	for (const struct message *o = l->messages; o < m; o++) {
		if (o->to != m->to || o->from != m->from || !o->m || !o->m->is_request) continue;
		if (!str_eq(o->m->via.branch, s->via.branch)) continue;
		if (o->m->method == SIP_INVITE) invite = o->m;
		else if (o->m->method == s->method && !m->again) return "the branch was used by another request";
	}
	if (s->method == SIP_INVITE && invite && !m->again) return "the branch was used by another request";
	if (s->method == SIP_CANCEL && !invite) return "CANCEL of nothing: no INVITE has its branch";
	if (!invite || s->method == SIP_INVITE) return NULL;
	if (s->method != SIP_CANCEL && s->method != SIP_ACK) return "the branch is that of an INVITE";
	if (invite->cseq.number != s->cseq.number) return "its CSeq is not that of the INVITE";
	if (!str_eq(invite->uri_text, s->uri_text)) return "its Request-URI is not that of the INVITE";
	return s->method == SIP_ACK || str_eq(invite->to.tag, s->to.tag) ? NULL : "CANCEL has another To than its INVITE";
}

static const struct got_request *invite_of_ack(const struct actor_call *call, const struct sip_msg *ack)
{
	for (uint32_t i = call->got_count; i-- > 0;) {
		const struct sip_msg *m = call->got[i].message->m;
		if (m->method == SIP_INVITE && m->cseq.number == ack->cseq.number) return &call->got[i];
	}
	return NULL;
}

static const char *check_dialog(const struct message *m)
{
	const struct sip_msg *s = m->m;
	struct actor_call *call = m->call;
	if (s->to.tag.n == 0) return s->method == SIP_ACK || s->method == SIP_BYE ? "no To tag" : NULL;
	if (!call) return "it belongs to no call that this party knows";
	if (call->other_tag.n && str_eq(s->to.tag, call->other_tag)) return NULL;
	if (!str_eq(s->to.tag, call->local_tag)) return "To tag is not the party's";
	if (call->remote_tag.n && !str_eq(s->from.tag, call->remote_tag)) return "From tag changed within a dialog";
	const struct got_request *invite = s->method == SIP_ACK ? invite_of_ack(call, s) : NULL;
	if (s->method == SIP_ACK && !invite && call->got_count) return "ACK of no INVITE that this party got";
	// The ACK of a refusal goes where the INVITE went; all else to the party's Contact.
	bool refused = invite && invite->final_status >= 300;
	if (!refused && call->contact.n && !str_eq(s->uri_text, call->contact))
		return "its Request-URI is not the party's Contact";
	return NULL;
}

static const char *check_cseq(const struct message *m)
{
	const struct sip_msg *s = m->m;
	struct actor_call *call = m->call;
	if (s->method == SIP_ACK || s->method == SIP_CANCEL || m->again || !call) return NULL;
	if (call->other_tag.n && str_eq(s->to.tag, call->other_tag)) return NULL; // another dialog, with its own numbers
	if (s->cseq.number <= call->remote_cseq) return "CSeq does not grow within the dialog";
	call->remote_cseq = s->cseq.number;
	return NULL;
}

static const char *check_request(struct ladder *l, const struct message *m)
{
	const struct sip_msg *s = m->m;
	const char *wrong = check_via(l, m);
	if (!sip_msg_has(s, SIP_H_MAX_FORWARDS)) return "no Max-Forwards";
	if (s->max_forwards > 70) return "Max-Forwards is more than 70";
	if (s->uri.host.n == 0 && s->uri.user.n == 0) return "the Request-URI is not to be understood";
	if (s->method == SIP_INVITE && !sip_msg_has(s, SIP_H_ALLOW)) return "an INVITE without Allow";
	if (s->method == SIP_PRACK && !sip_msg_has(s, SIP_H_RACK)) return "a PRACK without RAck";
	if (!wrong) wrong = check_contact(l, m, s->method == SIP_INVITE || s->method == SIP_UPDATE);
	if (!wrong) wrong = check_branch(l, m);
	if (!wrong) wrong = check_dialog(m);
	return wrong ? wrong : check_cseq(m);
}

// RESPONSES

static const char *check_echo(const struct message *m, const struct sent_request *r)
{
	const struct sip_msg *s = m->m;
	const struct draft *d = r->draft;
	struct str rport, received;
	if (!str_eq(s->call_id, draft_get(d, STR("Call-ID")))) return "Call-ID is not that of the request";
	if (!str_eq(sip_msg_header(s, SIP_H_FROM), draft_get(d, STR("From")))) return "From is not that of the request";
	if (s->cseq.number != r->cseq || s->cseq.method != d->method) return "CSeq is not that of the request";
	struct sip_via sent;
	if (m->from || sip_via_parse(&sent, draft_get(d, STR("Via"))) != PARSE_OK) return NULL;
	if (!str_eq(sent.host, s->via.host) || sent.port != s->via.port) return "Via is not that of the request";
	if (!sent.rport_asked) return NULL;
	// RFC 3581 4: both are filled in.
	if (!sip_param(&rport, s->via.params, STR("rport")) || s->via.rport != m->to->addr.port)
		return "rport is not our port";
	if (!sip_param(&received, s->via.params, STR("received"))) return "rport without received";
	return NULL;
}

static const char *check_to(const struct message *m, const struct sent_request *r)
{
	const struct sip_msg *s = m->m;
	struct sip_name_addr before;
	if (sip_name_addr_parse(&before, draft_get(r->draft, STR("To"))) != PARSE_OK) return NULL;
	if (!str_eq(before.uri.text, s->to.uri.text)) return "To is not that of the request";
	if (before.tag.n && !str_eq(before.tag, s->to.tag)) return "To tag is not that of the request";
	if (s->status == 100) return NULL;
	if (s->to.tag.n == 0) return "To has no tag";
	if (before.tag.n == 0 && s->to.tag.n < 8 && !m->from) return "the To tag can be guessed";
	if (r->last_to.n && sip_name_addr_parse(&before, r->last_to) == PARSE_OK && before.tag.n &&
	    !str_eq(before.tag, s->to.tag))
		return "To tag changed within a transaction";
	return NULL;
}

// A provisional response that wants a PRACK (RFC 3262 3): to who may be sent one, and in which order.
static const char *check_reliable(const struct message *m, const struct sent_request *r)
{
	const struct sip_msg *s = m->m;
	uint32_t rseq;
	bool required = draft_lists(r->draft, STR("Require"), STR("100rel"));
	bool reliable = sip_msg_has_token(s, SIP_H_REQUIRE, STR("100rel"));
	if (s->method != SIP_INVITE || s->status <= 100 || s->status >= 200) return NULL;
	if (reliable != sip_msg_has(s, SIP_H_RSEQ)) return "RSeq without Require: 100rel, or the other way";
	if (required && !reliable) return "the INVITE requires 100rel, and this provisional response is not reliable";
	if (!reliable || m->again) return NULL;
	if (!required && !draft_lists(r->draft, STR("Supported"), STR("100rel"))) return "nobody asked for 100rel";
	if (str_to_u32(&rseq, sip_msg_header(s, SIP_H_RSEQ), UINT32_MAX) != OK || rseq == 0) return "RSeq is no number";
	if (m->call->rseq ? rseq != m->call->rseq + 1 : rseq > 0x7fffffff) return "RSeq is not the next one";
	return NULL;
}

// What a status must bring with it.
static const char *check_status(struct ladder *l, const struct message *m)
{
	static const struct { uint16_t status; enum sip_header_id needs; const char *wrong; } rows[] = {
		{ 401, SIP_H_WWW_AUTHENTICATE, "401 without WWW-Authenticate" },
		{ 405, SIP_H_ALLOW, "405 without Allow" },
		{ 407, SIP_H_PROXY_AUTHENTICATE, "407 without Proxy-Authenticate" },
		{ 415, SIP_H_ACCEPT, "415 without Accept" },
		{ 420, SIP_H_UNSUPPORTED, "420 without Unsupported" },
		{ 422, SIP_H_MIN_SE, "422 without Min-SE" },
		{ 423, SIP_H_MIN_EXPIRES, "423 without Min-Expires" },
	};
	const struct sip_msg *s = m->m;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++)
		if (s->status == rows[i].status && !sip_msg_has(s, rows[i].needs)) return rows[i].wrong;
	bool answer = s->method == SIP_INVITE && s->status / 100 == 2;
	if (s->method == SIP_INVITE && s->status == 503 && sip_msg_has(s, SIP_H_RETRY_AFTER) && !m->from)
		return "503 with Retry-After would stop the peer's emergency calls";
	if (answer && !sip_msg_has(s, SIP_H_ALLOW)) return "the 200 of an INVITE without Allow";
	bool dialog = s->method == SIP_INVITE && s->status > 100 && s->status < 300;
	if (s->method == SIP_PRACK && sip_msg_has(s, SIP_H_CONTACT)) return "a Contact in the response to a PRACK";
	if (s->method == SIP_UPDATE && s->status / 100 == 2) return check_contact(l, m, true); // RFC 3311 5.2
	return dialog ? check_contact(l, m, answer || s->to.tag.n) : NULL;
}

static const char *check_response(struct ladder *l, const struct message *m)
{
	struct sent_request *r = m->call ? actor_sent(m->call, m->m) : NULL;
	if (!r) return "it answers no request of this party";
	if (r->final_status && !m->again && m->m->method != SIP_INVITE) return "a second final response";
	if (r->final_status >= 300 && !m->again) return "a second final response";
	const char *wrong = check_echo(m, r);
	if (!wrong) wrong = check_to(m, r);
	if (!wrong) wrong = check_reliable(m, r);
	return wrong ? wrong : check_status(l, m);
}

const char *check_message(struct ladder *l, const struct message *m)
{
	const char *wrong = check_octets(m->bytes, m->m);
	if (!wrong) wrong = check_head(m->m);
	if (!wrong) wrong = m->m->is_request ? check_request(l, m) : check_response(l, m);
	return wrong;
}
