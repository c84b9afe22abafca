// The scripted parties.
#include "ladders/actor.h"

#include "ladders/draft.h"
#include "ladders/exchange.h"

#include <stdlib.h>

struct str actor_addr_text(struct ladder *l, const struct addr *a)
{
	char text[64];
	struct buf b = buf_on(text, sizeof text);
	put_addr(&b, a);
	return arena_dup(&l->arena, buf_str(&b));
}

struct str actor_contact(struct ladder *l, const struct actor *p)
{
	return ladder_text(l, "<sip:%.*s@%.*s>", STR_FMT(p->user), STR_FMT(actor_addr_text(l, &p->contact)));
}

struct str actor_branch(struct ladder *l, struct actor *p)
{
	return ladder_text(l, "z9hG4bK-%.*s-%u", STR_FMT(p->name), ++p->branches);
}

struct actor *actor_at(struct ladder *l, const struct addr *addr)
{
	for (uint32_t i = 0; i < l->actor_count; i++)
		if (addr_eq(&l->actors[i].addr, addr)) return &l->actors[i];
	return NULL;
}

bool actor_ignores(const struct actor *p, const struct sip_msg *m)
{
	return p->ignores >> 63 || (m->is_request && (p->ignores >> m->method & 1));
}

// A call as it is when it is the party's own idea; number 0 is its registration.
static struct actor_call *call_begin(struct ladder *l, struct actor *p, uint32_t number)
{
	struct actor_call *c = arena_alloc(&l->arena, sizeof *c);
	if (!c) abort(); // a test without memory is no test
	*c = (struct actor_call){ .actor = p, .number = number, .media = p->contact };
	c->media.port = (uint16_t)(40000 + 100 * p->index + 4 * number);
	c->local_tag = ladder_text(l, "%.*s-tag-%u", STR_FMT(p->name), number);
	c->call_id = ladder_text(l, "%.*s-call-%u@ladder", STR_FMT(p->name), number);
	c->local_uri = ladder_text(l, "<sip:%.*s@%.*s>", STR_FMT(p->user), STR_FMT(p->host));
	if (p->display.n) c->local_uri = ladder_text(l, "\"%.*s\" %.*s", STR_FMT(p->display), STR_FMT(c->local_uri));
	return c;
}

struct actor_call *actor_call_new(struct ladder *l, struct actor *p)
{
	if (p->call_count == ACTOR_CALLS_MAX) {
		ladder_fail(l, NULL, "%.*s has too many calls", STR_FMT(p->name));
		return NULL;
	}
	uint32_t number = p->call_count + 1;
	p->calls[p->call_count] = call_begin(l, p, number);
	return p->calls[p->call_count++];
}

struct actor_call *actor_call_of(struct actor *p, struct str call_id)
{
	if (str_eq(p->registration->call_id, call_id)) return p->registration;
	for (uint32_t i = p->call_count; i-- > 0;)
		if (str_eq(p->calls[i]->call_id, call_id)) return p->calls[i];
	return NULL;
}

struct actor_call *actor_call_number(struct ladder *l, struct actor *p, uint32_t n)
{
	if (n >= 1 && n <= p->call_count) return p->calls[n - 1];
	struct actor_call *c = n == p->call_count + 1 ? actor_call_new(l, p) : NULL;
	if (!c) ladder_fail(l, NULL, "%.*s has no call %u", STR_FMT(p->name), n);
	return c;
}

struct sent_request *actor_sent(struct actor_call *call, const struct sip_msg *response)
{
	for (uint32_t i = call->sent_count; i-- > 0;) {
		struct sent_request *r = &call->sent[i];
		if (str_eq(r->branch, response->via.branch) && r->draft->method == response->method) return r;
	}
	return NULL;
}

struct sent_request *actor_last_sent(struct actor_call *call, enum sip_method method)
{
	for (uint32_t i = call->sent_count; i-- > 0;)
		if (call->sent[i].draft->method == method) return &call->sent[i];
	return NULL;
}

struct got_request *actor_got(struct actor_call *call, const struct message *request)
{
	for (uint32_t i = 0; i < call->got_count; i++)
		if (call->got[i].message == request) return &call->got[i];
	return NULL;
}

static struct str name_addr_without_tag(struct ladder *l, const struct sip_name_addr *a)
{
	return ladder_text(l, "<%.*s>", STR_FMT(a->uri.text));
}

static void learn_target(struct actor_call *c, const struct sip_msg *m)
{
	struct sip_name_addr contact;
	bool refresh = m->method == SIP_INVITE || m->method == SIP_UPDATE || m->method == SIP_SUBSCRIBE;
	if (refresh && sip_msg_has(m, SIP_H_CONTACT) &&
	    sip_name_addr_parse(&contact, sip_msg_header(m, SIP_H_CONTACT)) == PARSE_OK)
		c->target = contact.uri.text;
}

// Route set of a dialog: Record-Route as it stands for the called, in reverse for the caller (RFC 3261 12.1).
static void learn_routes(struct actor_call *c, const struct sip_msg *m)
{
	struct sip_walk walk = { 0 };
	struct str value;
	c->route_count = 0;
	while (c->route_count < ARRAY_LEN(c->routes) && sip_msg_each(m, SIP_H_RECORD_ROUTE, &walk, &value))
		c->routes[c->route_count++] = value;
	for (uint32_t i = 0; !m->is_request && i < c->route_count / 2; i++) {
		struct str other = c->routes[c->route_count - 1 - i];
		c->routes[c->route_count - 1 - i] = c->routes[i];
		c->routes[i] = other;
	}
}

static void learn_request(struct ladder *l, struct message *m, struct actor_call *c)
{
	const struct sip_msg *s = m->m;
	if (c->remote_tag.n == 0) {
		c->remote_tag = s->from.tag;
		c->remote_uri = name_addr_without_tag(l, &s->from);
		c->local_uri = name_addr_without_tag(l, &s->to);
		learn_routes(c, s);
	}
	if (s->method != SIP_ACK && c->got_count < ACTOR_REQUESTS_MAX)
		c->got[c->got_count++] = (struct got_request){ .message = m };
}

// What is to be answered, by itself or when the script says so.
void actor_challenged(struct actor *p, const struct sip_msg *m)
{
	struct str challenge = sip_msg_header(m, m->status == 407 ? SIP_H_PROXY_AUTHENTICATE : SIP_H_WWW_AUTHENTICATE);
	if (!str_eq(challenge, p->challenge)) p->nonce_count = 0;
	p->challenge = challenge;
	p->proxy_challenge = m->status == 407;
}

static void learn_response(struct message *m, struct actor_call *c)
{
	const struct sip_msg *s = m->m;
	struct sent_request *r = actor_sent(c, s);
	if (!r) return;
	r->last_to = sip_msg_header(s, SIP_H_TO);
	if (s->status >= 200) r->final_status = s->status;
	if (s->status == 401 || s->status == 407) actor_challenged(c->actor, s);
	bool dialog = s->method == SIP_INVITE && s->status > 100 && s->status < 300;
	dialog |= s->method == SIP_SUBSCRIBE && s->status / 100 == 2;
	// A fork downstream may have answered with a tag that no provisional response had.
	if (dialog && (c->remote_tag.n == 0 || (s->status >= 200 && c->invite_cseq == 0))) {
		c->remote_tag = s->to.tag;
		learn_routes(c, s);
	}
	if (dialog) learn_target(c, s);
	if (s->method == SIP_INVITE && s->status / 100 == 2) c->invite_cseq = s->cseq.number;
	if (sip_msg_has(s, SIP_H_RSEQ)) {
		uint32_t rseq;
		if (str_to_u32(&rseq, sip_msg_header(s, SIP_H_RSEQ), UINT32_MAX) == OK) c->rseq = rseq;
		c->invite_cseq = s->cseq.number;
	}
	bool first = str_find_char(draft_get(r->draft, STR("To")), ';') < 0;
	if (s->status >= 300 && s->method == SIP_INVITE && first) c->remote_tag = STR(""); // no dialog came of it
}

// A repetition says nothing new, unless what it repeats was lost.
static bool known(const struct ladder *l, const struct message *m)
{
	for (const struct message *o = l->messages; m->again && o < m; o++)
		if (o->to == m->to && o->from == m->from && o->taken && !o->lost && str_eq(o->bytes, m->bytes)) return true;
	return false;
}

void actor_learn(struct ladder *l, struct message *m)
{
	struct actor_call *c = m->call;
	if (!c || known(l, m)) return;
	if (m->m->is_request) learn_request(l, m, c);
	else learn_response(m, c);
	if (m->m->is_request) learn_target(c, m->m);
	bool sdp = m->m->body.n && str_starts_nocase(sip_msg_header(m->m, SIP_H_CONTENT_TYPE), STR("application/sdp"));
	const char *wrong = sdp ? sdp_take(l, c, m->m->body) : NULL;
	if (wrong) ladder_fail(l, m, "%s", wrong);
}

void actor_ack_failure(struct ladder *l, struct message *response)
{
	struct sent_request *invite = actor_sent(response->call, response->m);
	struct draft d;
	if (!invite) return;
	draft_beside(l, &d, invite, SIP_ACK, sip_msg_header(response->m, SIP_H_TO));
	struct message *ack = net_send(l, response->to, response->from, draft_write(l, &d), false);
	if (ack) ack->automatic = true;
}

// The script's next word about what this party gets: then the automatic rules hold back.
static bool script_wants(const struct ladder *l, const struct message *m)
{
	const struct scene *s = l->scene;
	for (uint32_t i = l->at; i < s->first + s->count; i++) {
		const struct item *item = &l->script->items[i];
		if (!arrow_is_to(l, item, m->to)) continue;
		struct str what = ladder_words(l, item)[3].text;
		bool again = false;
		for (uint32_t k = 4; k < item->count; k++) again |= word_is(&ladder_words(l, item)[k], "again");
		if (again && l->weather) continue;
		if (again != m->again) return false;
		if (m->m->is_request) return str_eq(what, m->m->method_name);
		uint32_t status;
		return str_to_u32(&status, what, 699) == OK && status == m->m->status;
	}
	return false;
}

static bool answer_challenge(struct ladder *l, struct message *m)
{
	struct sent_request *r = actor_sent(m->call, m->m);
	if (!r || m->to->password.n == 0 || m->to->mute || r->credentials_sent >= 2) return false;
	m->taken = m->automatic = true;
	if (m->m->method == SIP_INVITE) actor_ack_failure(l, m);
	actor_challenged(m->to, m->m);
	return send_with_credentials(l, r, m->call);
}

static bool answer_options(struct ladder *l, struct message *m)
{
	struct got_request got = { .message = m };
	struct draft d;
	if (m->to->mute || !m->call) return false;
	m->taken = m->automatic = true;
	draft_response(l, &d, m->call, &got, &(struct arrow){ .kind = ARROW_RESPONSE, .status = 200 });
	struct message *answer = net_send(l, m->to, m->from, draft_write(l, &d), false);
	if (answer) answer->automatic = true;
	return true;
}

// The ACK of an INVITE that this party refused, which has the INVITE's branch.
bool actor_acknowledged(const struct message *m)
{
	for (uint32_t i = 0; m->m->method == SIP_ACK && m->call && i < m->call->got_count; i++) {
		struct got_request *g = &m->call->got[i];
		if (g->final_status >= 300 && str_eq(g->message->m->via.branch, m->m->via.branch))
			return g->acknowledged = true;
	}
	return false;
}

const struct message *actor_unacknowledged(const struct actor *p)
{
	for (uint32_t i = 0; i < p->call_count; i++)
		for (uint32_t k = 0; k < p->calls[i]->got_count; k++) {
			const struct got_request *g = &p->calls[i]->got[k];
			if (g->message->m->method == SIP_INVITE && g->final_status >= 300 && !g->final_lost && !g->acknowledged)
				return g->message;
		}
	return NULL;
}

bool actor_deals_with(struct ladder *l, struct message *m)
{
	bool wanted = script_wants(l, m);
	if (actor_ignores(m->to, m->m)) return m->taken = m->automatic = true;
	if (m->m->is_request && actor_acknowledged(m) && !wanted && !m->again) return m->taken = m->automatic = true;
	if (wanted || (m->again && m->m->method != SIP_OPTIONS)) return false;
	if (m->m->is_request) return m->m->method == SIP_OPTIONS && m->to->kind == ACTOR_TRUNK && answer_options(l, m);
	if (m->m->status == 100) return m->taken = m->automatic = true;
	return (m->m->status == 401 || m->m->status == 407) && m->call && answer_challenge(l, m);
}

// MAKING A PARTY

#define REGISTER_MS 40000 // in weather

static bool is_registered(struct ladder *l, const struct actor *p, uint32_t first)
{
	for (uint32_t i = first; i < l->message_count; i++) {
		struct message *m = &l->messages[i];
		m->automatic = true;
		if (m->to == p && !m->away && m->m->status == 200) return m->taken = true;
	}
	return false;
}

static bool register_phone(struct ladder *l, struct actor *p)
{
	struct arrow a = { .from = p, .kind = ARROW_REQUEST, .method = SIP_REGISTER, .method_name = STR("REGISTER"),
	                   .fresh = true };
	uint32_t first = l->message_count;
	uint64_t until = l->now_ms + (l->weather ? REGISTER_MS : 0);
	if (!send_arrow(l, &a)) return false;
	net_settle(l);
	do
		if (is_registered(l, p, first)) return true;
	while (l->weather && net_advance(l, until));
	return ladder_fail(l, net_unexpected(l), "%.*s could not register", STR_FMT(p->name));
}

static struct addr address(const char *text, uint32_t add)
{
	struct addr a;
	if (addr_parse(&a, str_from(text)) != OK) return (struct addr){ 0 };
	a.ip[a.family == 4 ? 3 : 15] = (uint8_t)(a.ip[a.family == 4 ? 3 : 15] + add);
	return a;
}

static void settle_in(struct actor *p, bool v6, bool nat, const struct addr *said)
{
	const char *v4 = p->kind == ACTOR_STRANGER ? "203.0.113.10:5060" : "198.51.100.10:5060";
	if (p->addr.family == 0) p->addr = said->family ? *said : address(v6 ? "[2001:db8::10]:5060" : v4, p->index);
	p->contact = nat ? address("192.168.1.10:5060", p->index) : p->addr;
	p->listener = p->addr.family == 6;
	p->sw = address(p->addr.family == 6 ? EXCHANGE_ADDR_6 : EXCHANGE_ADDR_4, 0);
}

struct options { // of "is"
	bool v6, nat, unregistered;
	struct addr addr;
};

static bool read_option(struct ladder *l, struct actor *p, struct options *o, const struct word *words, uint32_t *at,
                        uint32_t count)
{
	const struct word *w = &words[(*at)++];
	struct str value = *at < count ? words[*at].text : STR("");
	if (word_is(w, "unregistered")) return o->unregistered = true;
	if (word_is(w, "ipv6")) return o->v6 = true;
	if (word_is(w, "behind-nat")) return o->nat = true;
	if (word_is(w, "mute")) return p->mute = true;
	++*at;
	if (word_is(w, "password")) return p->password = value, true;
	if (word_is(w, "display")) return p->display = value, true;
	if (word_is(w, "user")) return p->user = value, true;
	if (word_is(w, "address") && addr_parse(&o->addr, value) == OK) return true;
	return ladder_fail(l, NULL, "\"%.*s\" says nothing of a party", STR_FMT(w->text));
}

static bool take_kind(struct ladder *l, struct actor *p, const struct word *words, uint32_t *at, uint32_t count)
{
	struct str key = count > 3 ? words[3].text : STR("");
	*at = 4;
	if (word_is(&words[2], "line")) return exchange_line_actor(l, p, key);
	if (word_is(&words[2], "trunk")) {
		uint32_t peer = 1;
		if (count > 5 && word_is(&words[4], "peer") && str_to_u32(&peer, words[5].text, OFFICE_PEERS_MAX) == OK)
			*at = 6;
		return exchange_trunk_actor(l, p, key, peer - 1);
	}
	*at = 3;
	p->kind = ACTOR_STRANGER;
	p->user = p->name;
	return word_is(&words[2], "stranger") || ladder_fail(l, NULL, "a party is a line, a trunk or a stranger");
}

bool actor_is(struct ladder *l, const struct item *item)
{
	const struct word *words = ladder_words(l, item);
	struct options o = { 0 };
	uint32_t at = 3;
	if (l->actor_count == ACTORS_MAX || item->count < 3)
		return ladder_fail(l, NULL, "too many parties, or what is it?");
	if (ladder_actor(l, words[0].text)) return ladder_fail(l, NULL, "there is a party of this name already");
	struct actor *p = &l->actors[l->actor_count];
	*p = (struct actor){ .name = words[0].text, .index = l->actor_count };
	if (!take_kind(l, p, words, &at, item->count)) return false;
	while (at < item->count)
		if (!read_option(l, p, &o, words, &at, item->count)) return false;
	settle_in(p, o.v6, o.nat, &o.addr);
	p->host = p->kind == ACTOR_LINE ? l->realm : actor_addr_text(l, &p->contact);
	p->registration = call_begin(l, p, 0);
	l->actor_count++;
	return p->kind != ACTOR_LINE || o.unregistered || register_phone(l, p);
}
