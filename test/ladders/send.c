// What an arrow from a party says becomes octets on their way.
#include "ladders/draft.h"
#include "ladders/actor.h"
#include "wire/sip/digest.h"

#include <stdio.h>

// ANSWERS TO A CHALLENGE

static bool add_credentials(struct ladder *l, struct draft *d, struct actor *p, uint32_t nc)
{
	struct sip_challenge challenge;
	if (sip_challenge_parse(&challenge, p->challenge) != PARSE_OK)
		return ladder_fail(l, NULL, "no challenge to answer");
	uint8_t ha1[32];
	char text[1024];
	struct buf b = buf_on(text, sizeof text);
	sip_digest_ha1(ha1, challenge.algorithm, p->user, challenge.realm, p->password);
	put_sip_digest_answer(&b, &challenge, ha1, p->user, d->method_name, d->uri, STR("0a4f113b"), nc);
	struct str name = p->proxy_challenge ? STR("Proxy-Authorization") : STR("Authorization");
	draft_set(d, name, arena_dup(&l->arena, buf_str(&b)));
	return true;
}

static struct message *send_request(struct ladder *l, struct actor_call *call, struct actor *to, struct draft *d,
                                    bool lost)
{
	struct sip_via via;
	struct sip_cseq cseq;
	struct str bytes = draft_write(l, d);
	if (call->sent_count == ARRAY_LEN(call->sent)) {
		ladder_fail(l, NULL, "%.*s sends too many requests in one call", STR_FMT(call->actor->name));
		return NULL;
	}
	if (sip_via_parse(&via, draft_get(d, STR("Via"))) != PARSE_OK) via.branch = STR("");
	if (sip_cseq_parse(&cseq, draft_get(d, STR("CSeq"))) != PARSE_OK) cseq.number = 0;
	if (cseq.number > call->local_cseq) call->local_cseq = cseq.number;
	struct draft *kept = arena_alloc(&l->arena, sizeof *kept);
	if (kept) *kept = *d;
	if (kept && d->method != SIP_ACK)
		call->sent[call->sent_count++] =
			(struct sent_request){ .draft = kept, .to = to, .bytes = bytes, .branch = via.branch, .cseq = cseq.number,
				.has_sdp = d->body.n != 0 };
	return net_send(l, call->actor, to, bytes, lost);
}

// The Contact that the switch will know.
static void remember_contact(struct actor_call *call, const struct draft *d)
{
	struct sip_name_addr contact;
	struct str value = draft_get(d, STR("Contact"));
	if (value.n && sip_name_addr_parse(&contact, value) == PARSE_OK) call->contact = contact.uri.text;
}

// A To tag that the script made up: what comes for it is the party's too.
static void remember_tag(struct actor_call *call, const struct draft *d)
{
	struct sip_name_addr to;
	if (sip_name_addr_parse(&to, draft_get(d, STR("To"))) == PARSE_OK && !str_eq(to.tag, call->local_tag))
		call->other_tag = to.tag;
}

bool send_with_credentials(struct ladder *l, struct sent_request *r, struct actor_call *call)
{
	struct actor *p = call->actor;
	struct draft d = *r->draft;
	uint32_t tries = r->credentials_sent + 1, cseq = ++call->local_cseq;
	draft_set(&d, STR("CSeq"), ladder_text(l, "%u %.*s", cseq, STR_FMT(d.method_name)));
	struct str sent_by = actor_addr_text(l, &p->contact), branch = actor_branch(l, p);
	draft_set(&d, STR("Via"),
	          ladder_text(l, "SIP/2.0/UDP %.*s;branch=%.*s;rport", STR_FMT(sent_by), STR_FMT(branch)));
	if (!add_credentials(l, &d, p, ++p->nonce_count)) return false;
	struct message *m = send_request(l, call, r->to, &d, false);
	if (!m) return false;
	m->automatic = true;
	if (r->to) actor_learn(l, m); // no switch stands between
	call->sent[call->sent_count - 1].credentials_sent = tries;
	return true;
}

// WHICH CALL, WHICH REQUEST

static struct actor_call *impostor(struct ladder *l, const struct arrow *a)
{
	struct actor_call *call = actor_call_new(l, a->from), *model = a->as->current;
	if (!call) return NULL;
	if (!model) {
		ladder_fail(l, NULL, "%.*s is in no call", STR_FMT(a->as->name));
		return NULL;
	}
	uint32_t number = call->number;
	*call = *model;
	call->actor = a->from;
	call->number = number;
	call->sent_count = 0;
	return call;
}

static struct actor_call *call_for(struct ladder *l, const struct arrow *a)
{
	struct actor *p = a->from;
	bool begins = a->fresh || (a->method == SIP_INVITE && a->kind == ARROW_REQUEST && !a->re);
	if (a->as) return impostor(l, a);
	if (a->call) return actor_call_number(l, p, a->call);
	if (a->kind == ARROW_REQUEST && a->method == SIP_REGISTER) return p->registration;
	if (a->kind == ARROW_RESPONSE || a->again) {
		if (!p->current) ladder_fail(l, NULL, "%.*s has no call to answer in", STR_FMT(p->name));
		return p->current;
	}
	bool inside = p->current && (p->current->remote_tag.n || a->method == SIP_CANCEL || a->method == SIP_ACK);
	return inside && !begins ? p->current : actor_call_new(l, p);
}

static struct got_request *request_to_answer(struct actor_call *call, const struct arrow *a)
{
	for (uint32_t i = call->got_count; i-- > 0;) {
		struct got_request *g = &call->got[i];
		if (g->final_status && !a->fresh) continue; // a second answer only when the script insists
		enum sip_method method = g->message->m->method;
		if (a->method_said ? method == a->method : a->status >= 200 || method == SIP_INVITE)
			return g;
	}
	return NULL;
}

// WHAT IS SENT

static void put_body(struct ladder *l, struct draft *d, struct actor_call *call, const struct arrow *a, bool answer)
{
	d->content_type = a->sdp ? STR("application/sdp") : a->content_type;
	if (a->sdp) d->body = sdp_of_actor(l, call, a, answer);
	else d->body = draft_fill_in(l, a->body, call, STR(""));
}

static bool send_beside(struct ladder *l, struct actor_call *call, const struct arrow *a)
{
	struct sent_request *invite = actor_last_sent(call, SIP_INVITE);
	struct draft d;
	if (!invite) return ladder_fail(l, NULL, "%.*s sent no INVITE in this call", STR_FMT(a->from->name));
	struct str to = a->method == SIP_ACK ? invite->last_to : draft_get(invite->draft, STR("To"));
	draft_beside(l, &d, invite, a->method, to);
	draft_apply_rules(l, &d, a, call);
	return send_request(l, call, a->to, &d, a->lost) != NULL;
}

static bool send_new_request(struct ladder *l, struct actor_call *call, const struct arrow *a)
{
	struct draft d;
	uint32_t cseq = a->method == SIP_ACK ? call->invite_cseq : ++call->local_cseq;
	if (a->caller.n) call->local_uri = ladder_text(l, "<sip:%.*s@%.*s>", STR_FMT(a->caller), STR_FMT(a->from->host));
	draft_request(l, &d, call, a, actor_branch(l, a->from), cseq);
	put_body(l, &d, call, a, a->method == SIP_ACK);
	bool now = a->credentials == CREDENTIALS_NOW, replayed = a->credentials == CREDENTIALS_REPLAYED;
	if (now) a->from->nonce_count++;
	if ((now || replayed) && !add_credentials(l, &d, a->from, a->from->nonce_count)) return false;
	draft_apply_rules(l, &d, a, call);
	remember_contact(call, &d);
	if (!send_request(l, call, a->to, &d, a->lost)) return false;
	// With 2 tries gone, no challenge is answered.
	if (a->credentials == CREDENTIALS_NONE && a->method != SIP_ACK)
		call->sent[call->sent_count - 1].credentials_sent = 2;
	return true;
}

static bool send_response(struct ladder *l, struct actor_call *call, const struct arrow *a)
{
	struct got_request *g = request_to_answer(call, a);
	struct draft d;
	if (!g) return ladder_fail(l, NULL, "%.*s got no request that %u could answer", STR_FMT(a->from->name), a->status);
	draft_response(l, &d, call, g, a);
	put_body(l, &d, call, a, g->message->m->body.n != 0);
	draft_apply_rules(l, &d, a, call);
	remember_contact(call, &d);
	remember_tag(call, &d);
	if (a->status >= 200) {
		g->final_status = a->status;
		g->final_lost = a->lost;
	}
	struct str bytes = draft_write(l, &d);
	if (g->answer_count < ARRAY_LEN(g->answers)) g->answers[g->answer_count++] = bytes;
	return net_send(l, a->from, a->to, bytes, a->lost) != NULL;
}

static bool send_again(struct ladder *l, struct actor_call *call, const struct arrow *a)
{
	struct str bytes = STR("");
	for (uint32_t i = 0; a->kind == ARROW_REQUEST && i < l->message_count; i++) {
		const struct message *m = &l->messages[i];
		if (m->from == a->from && m->m && m->m->is_request && m->m->method == a->method &&
		    str_eq(m->m->call_id, call->call_id))
			bytes = m->bytes;
	}
	for (uint32_t i = 0; a->kind == ARROW_RESPONSE && i < call->got_count; i++)
		for (uint32_t j = 0; j < call->got[i].answer_count; j++)
			if (!a->method_said || call->got[i].message->m->method == a->method) {
				struct str status = str_head(str_from_at(call->got[i].answers[j], 8), 3);
				uint32_t number;
				if (str_to_u32(&number, status, 999) != OK || number != a->status) continue;
				bytes = call->got[i].answers[j];
				if (number >= 200) call->got[i].final_lost = a->lost;
			}
	if (bytes.n == 0) return ladder_fail(l, NULL, "%.*s did not send this before", STR_FMT(a->from->name));
	struct message *m = net_send(l, a->from, a->to, bytes, a->lost);
	if (m) m->again = true;
	return m != NULL;
}

// RAW MESSAGES: octets from a file beside the ladder

static struct str read_raw(struct ladder *l, struct str name)
{
	char path[1024], text[PACKET_MAX];
	const char *slash = strrchr(l->script->path, '/');
	int folder = slash ? (int)(slash - l->script->path) + 1 : 0;
	snprintf(path, sizeof path, "%.*s%.*s", folder, l->script->path, STR_FMT(name));
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(text, 1, sizeof text, f) : 0;
	if (f) fclose(f);
	if (n == 0) ladder_fail(l, NULL, "%s cannot be read, or is empty", path);
	return arena_dup(&l->arena, (struct str){ text, (uint32_t)n });
}

// A file edited as text has LF alone; SIP wants CR LF. One that has a CR is left as it is.
static struct str with_line_ends(struct ladder *l, struct str text)
{
	if (str_find_char(text, '\r') >= 0) return text;
	uint32_t cap = 2 * text.n + 1;
	struct buf b = buf_on(arena_alloc(&l->arena, cap), cap);
	for (uint32_t i = 0; b.p && i < text.n; i++) {
		if (text.p[i] == '\n') put_c(&b, '\r');
		put_c(&b, text.p[i]);
	}
	return buf_str(&b);
}

// Remembers what the raw request said, so that its responses find it.
static void remember_raw(struct ladder *l, struct actor_call *call, const struct sip_msg *m)
{
	struct sent_request *r = &call->sent[call->sent_count++];
	*r = (struct sent_request){ .bytes = m->bytes, .branch = m->via.branch, .cseq = m->cseq.number,
		.credentials_sent = 2 };
	r->draft = arena_alloc(&l->arena, sizeof *r->draft);
	if (!r->draft) return;
	*r->draft = (struct draft){ .method = m->method, .method_name = m->method_name, .uri = m->uri_text,
		.body = m->body };
	for (uint32_t i = 0; i < m->header_count; i++) {
		const struct sip_header *h = &m->headers[i];
		draft_add(r->draft, h->id == SIP_H_OTHER ? h->name : sip_header_name((enum sip_header_id)h->id), h->value);
	}
	call->call_id = m->call_id;
	call->local_cseq = m->cseq.number;
}

static bool send_raw(struct ladder *l, const struct arrow *a)
{
	struct actor_call none = { .actor = a->from }, *call = &none;
	struct sip_msg *m = arena_alloc(&l->arena, sizeof *m);
	struct sip_fault fault;
	struct str text = read_raw(l, a->raw);
	if (l->failed || !m) return false;
	if (a->as) call = impostor(l, a);
	else if (a->call) call = actor_call_number(l, a->from, a->call);
	else if (a->from->current) call = a->from->current;
	if (!call) return false;
	text = with_line_ends(l, draft_fill_in(l, text, call, actor_branch(l, a->from)));
	if (sip_msg_parse(m, text, &l->arena, &fault) == PARSE_OK && m->is_request) {
		if (!str_eq(call->call_id, m->call_id)) call = actor_call_new(l, a->from);
		if (!call) return false;
		remember_raw(l, call, m);
	}
	return net_send(l, a->from, a->to, text, a->lost) != NULL;
}

bool send_arrow(struct ladder *l, const struct arrow *a)
{
	if (a->kind == ARROW_RAW) return send_raw(l, a);
	struct actor_call *call = call_for(l, a);
	if (!call) return false;
	if (call->number) a->from->current = call;
	if (a->again) return send_again(l, call, a);
	if (a->kind == ARROW_RESPONSE) return send_response(l, call, a);
	bool beside = a->method == SIP_CANCEL || (a->method == SIP_ACK && call->invite_cseq == 0);
	return beside ? send_beside(l, call, a) : send_new_request(l, call, a);
}
