// The words of a party: requests and responses, tags, branches, credentials. None of the switch's writers is used, but
// the hash of the credentials.
#include "sim/party_inside.h"

static struct str text_of(const char *z)
{
	return str_from(z);
}

struct str new_branch(struct ua *p, char memory[40])
{
	struct buf b = buf_on(memory, 40);
	put(&b, STR("z9hG4bKp"));
	put_hex(&b, ++p->all->ids_made, 12);
	put_hex(&b, p->index, 6);
	return buf_str(&b);
}

// TAGS: counter and proof, so that a party knows its own for ever without keeping them.
static uint64_t tag_proof(const struct ua *p, struct str call_id, struct str counter)
{
	char text[160];
	struct buf b = buf_on(text, sizeof text);
	put(&b, counter);
	put_hex(&b, p->index, 8);
	put(&b, str_head(call_id, 128));
	return hash_str(&p->all->tag_key, buf_str(&b)) & 0xffffffff;
}

void new_tag(char out[17], struct ua *p, struct str call_id)
{
	struct buf b = buf_on(out, 16);
	put_hex(&b, ++p->all->tags_made, 8);
	put_hex(&b, tag_proof(p, call_id, (struct str){ out, 8 }), 8);
	out[16] = '\0';
}

bool tag_is_of(const struct ua *p, struct str call_id, struct str tag)
{
	char text[8];
	struct buf b = buf_on(text, sizeof text);
	if (tag.n != 16) return false;
	put_hex(&b, tag_proof(p, call_id, str_head(tag, 8)), 8);
	return str_eq(buf_str(&b), str_from_at(tag, 8));
}

// CREDENTIALS

bool take_challenge(struct ua *p, const struct sip_msg *m)
{
	struct sip_challenge c, best = { 0 };
	struct sip_walk walk = { 0 };
	struct str value;
	bool any = false;
	while (sip_msg_each(m, SIP_H_WWW_AUTHENTICATE, &walk, &value)) {
		if (sip_challenge_parse(&c, value) != PARSE_OK || !c.algorithm_known || !c.qop_auth) continue;
		// Half of the phones know MD5 only.
		if (any && (p->index & 1 || c.algorithm == SIP_DIGEST_MD5)) continue;
		best = c;
		any = true;
	}
	if (!any || best.nonce.n >= sizeof p->nonce || best.realm.n >= sizeof p->realm) return false;
	if (!str_eq(best.realm, text_of(p->realm))) p->ha1_known = 0;
	str_to_z(p->nonce, sizeof p->nonce, best.nonce);
	str_to_z(p->realm, sizeof p->realm, best.realm);
	p->algorithm = (uint8_t)best.algorithm;
	p->nonce_count = 0;
	return true;
}

static void put_credentials(struct buf *b, struct ua *p, const struct request *r)
{
	char cnonce[16];
	struct buf c = buf_on(cnonce, sizeof cnonce);
	struct str realm = text_of(p->realm);
	enum sip_digest_algorithm a = (enum sip_digest_algorithm)p->algorithm;
	if (!p->nonce[0]) return;
	if (!(p->ha1_known & 1u << a)) {
		sip_digest_ha1(p->ha1[a], a, text_of(p->user), realm, STR(NODE_PASSWORD));
		p->ha1_known |= (uint8_t)(1u << a);
	}
	put_hex(&c, random_u64(sim_random(p->all->sim, SIM_PARTIES)), 16);
	const struct sip_challenge ch = { .algorithm = a, .algorithm_known = true, .qop_auth = true, .realm = realm,
		.nonce = text_of(p->nonce) };
	put(b, STR("Authorization: "));
	put_sip_digest_answer(b, &ch, p->ha1[a], text_of(p->user), sip_method_name(r->method), r->uri, buf_str(&c),
	                      ++p->nonce_count);
	put(b, STR("\r\n"));
}

// REQUESTS

void put_request(struct buf *b, struct ua *p, const struct request *r, struct str branch)
{
	struct str method = sip_method_name(r->method);
	put(b, method);
	put_c(b, ' ');
	put(b, r->uri);
	put(b, STR(" SIP/2.0\r\nVia: SIP/2.0/UDP "));
	put_z(b, p->host);
	put(b, STR(";branch="));
	put(b, branch);
	put(b, STR(";rport\r\nMax-Forwards: 70\r\nFrom: "));
	put(b, r->from);
	put(b, STR("\r\nTo: "));
	put(b, r->to);
	put(b, STR("\r\nCall-ID: "));
	put(b, r->call_id);
	put(b, STR("\r\nCSeq: "));
	put_u64(b, r->cseq);
	put_c(b, ' ');
	put(b, method);
	put(b, STR("\r\n"));
	if (r->contact) {
		put(b, STR("Contact: <sip:"));
		put_z(b, p->user);
		put_c(b, '@');
		put_z(b, p->host);
		put(b, STR(">\r\n"));
	}
	if (r->credentials) put_credentials(b, p, r);
	put(b, r->extra);
	if (r->body.n)
		put_z(b, r->method == SIP_INFO ? "Content-Type: application/dtmf-relay\r\n" : "Content-Type: application/sdp\r\n");
	put(b, STR("Content-Length: "));
	put_u64(b, r->body.n);
	put(b, STR("\r\n\r\n"));
	put(b, r->body);
}

// RESPONSES

static void put_line_of(struct buf *b, struct str name, struct str value)
{
	put(b, name);
	put(b, value);
	put(b, STR("\r\n"));
}

void put_echo(struct buf *b, const struct sip_msg *m, struct str to_tag)
{
	for (uint32_t i = m->first[SIP_H_VIA]; i; i = m->headers[i - 1].next)
		put_line_of(b, STR("Via: "), m->headers[i - 1].value);
	put_line_of(b, STR("From: "), sip_msg_header(m, SIP_H_FROM));
	put(b, STR("To: "));
	put(b, sip_msg_header(m, SIP_H_TO));
	if (m->to.tag.n == 0 && to_tag.n) {
		put(b, STR(";tag="));
		put(b, to_tag);
	}
	put_line_of(b, STR("\r\nCall-ID: "), m->call_id);
	put_line_of(b, STR("CSeq: "), sip_msg_header(m, SIP_H_CSEQ));
}

void put_response(struct buf *b, struct ua *p, uint16_t status, struct str head, struct str extra, struct str sdp)
{
	put(b, STR("SIP/2.0 "));
	put_u64(b, status);
	put_c(b, ' ');
	put(b, sip_status_text(status));
	put(b, STR("\r\n"));
	put(b, head);
	if (status > 100 && status < 300) {
		put(b, STR("Contact: <sip:"));
		put_z(b, p->user);
		put_c(b, '@');
		put_z(b, p->host);
		put(b, STR(">\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO\r\n"));
	}
	put(b, extra);
	if (sdp.n) put(b, STR("Content-Type: application/sdp\r\n"));
	put(b, STR("Content-Length: "));
	put_u64(b, sdp.n);
	put(b, STR("\r\n\r\n"));
	put(b, sdp);
}

void reply(struct txn *t, const struct sip_msg *m, uint16_t status, struct str extra)
{
	char text[MESSAGE_MAX], echo[MESSAGE_MAX], tag[17] = "";
	struct buf b = buf_on(text, sizeof text), head = buf_on(echo, sizeof echo);
	if (m->to.tag.n == 0 && status > 100) new_tag(tag, t->party, m->call_id);
	put_echo(&head, m, text_of(tag));
	put_response(&b, t->party, status, buf_str(&head), extra, STR(""));
	if (b.err == OK && head.err == OK) server_respond(t, status, buf_str(&b));
}
