// What is known of the messages that came to the switch and left it, and what comes. (What leaves: check_sent.c.)
//
//     request in ──▶ txn ◀── response out: the same one, and none but to what was asked
//     request out ─▶ txn ◀── response in
//     both ──▶ leg_seen, by Call-ID: when it was answered and ended, which the records are held against
#include "sim/check_inside.h"

#include "wire/sip/digest.h"

#include <stdlib.h>

#define KNOWN_MS 600000u   // how long a transaction is known: more than any rings
#define ABSORBED_MS 32000u // how long a repeated request is one that was answered
#define GIVEN_UP_MS 32000u // when an INVITE without any response is given up (RFC 3261 17.1.1.2, timer B)

struct use { // of a nonce with a count
	struct map_node node;
	struct list all;
	uint64_t use, request; // the transaction's key that was let in with it
};

static const struct hash_key plain = { { 1, 2 } };

uint64_t wire_hash(struct str s)
{
	return sim_hash(s) | 1;
}

static struct str octets_of(const uint64_t *key)
{
	return (struct str){ (const char *)key, sizeof *key };
}

static void *must_have(size_t size)
{
	void *p = calloc(1, size);
	if (!p) abort();
	return p;
}

// TABLES

bool wire_init(struct checker *c)
{
	uint32_t calls = sim_plan(c->sim)->calls;
	list_init(&c->recent);
	list_init(&c->uses_all);
	c->last_leg = &c->first_leg;
	return map_init(&c->legs, calls * 3 + 64, plain) == OK && map_init(&c->txns, 1u << 14, plain) == OK &&
	       map_init(&c->uses, calls * 4 + 64, plain) == OK;
}

static void txn_free(struct checker *c, struct txn *t)
{
	map_remove(&c->txns, &t->node);
	list_remove(&t->recent);
	free(t);
}

void wire_fini(struct checker *c)
{
	if (!c->recent.next) return;
	LIST_EACH(it, &c->recent) txn_free(c, LIST_OF(it, struct txn, recent));
	LIST_EACH(it, &c->uses_all) free(LIST_OF(it, struct use, all));
	for (struct leg_seen *l = c->first_leg, *next; l; l = next) {
		next = l->next;
		free(l);
	}
	map_fini(&c->legs);
	map_fini(&c->txns);
	map_fini(&c->uses);
}

struct leg_seen *wire_leg(const struct checker *c, const char *call_id)
{
	struct map_node *n = map_find(&c->legs, str_from(call_id));
	return n ? LIST_OF(n, struct leg_seen, node) : NULL;
}

struct leg_seen *wire_leg_of(const struct checker *c, const struct sip_msg *m)
{
	struct map_node *n = map_find(&c->legs, str_head(m->call_id, RECORD_TEXT_MAX - 1));
	return n ? LIST_OF(n, struct leg_seen, node) : NULL;
}

struct leg_seen *wire_leg_need(struct checker *c, const struct sip_msg *m, bool theirs)
{
	struct leg_seen *l = wire_leg_of(c, m);
	if (l) return l;
	l = must_have(sizeof *l);
	str_to_z(l->call_id, sizeof l->call_id, m->call_id);
	l->theirs = theirs;
	l->began_ms = check_now(c);
	map_add(&c->legs, &l->node, str_from(l->call_id));
	*c->last_leg = l;
	c->last_leg = &l->next;
	return l;
}

uint64_t wire_our_key(const struct sip_msg *m, enum sip_method method)
{
	return (wire_hash(m->via.branch) * 31 + m->cseq.number) * 31 + method;
}

uint64_t wire_their_key(const struct sip_msg *m, struct str to_tag)
{
	uint64_t who = wire_hash(m->via.host) * 3 + m->via.port + wire_hash(m->call_id) * 5 + wire_hash(to_tag) * 7;
	return wire_our_key(m, m->cseq.method) + who;
}

// What a response repeats of our request beside branch and CSeq (RFC 3261 8.2.6.2); in a dialog the To tag, too.
static uint64_t identity_of(const struct sip_msg *m, bool in_dialog)
{
	return wire_hash(m->from.tag) + wire_hash(m->call_id) * 3 + (in_dialog ? wire_hash(m->to.tag) * 5 : 0);
}

struct txn *wire_txn(const struct checker *c, uint64_t key)
{
	struct map_node *n = map_find(&c->txns, octets_of(&key));
	return n ? LIST_OF(n, struct txn, node) : NULL;
}

struct txn *wire_txn_add(struct checker *c, uint64_t key, const struct sip_msg *m, const struct addr *peer)
{
	struct txn *t = must_have(sizeof *t);
	while (!list_empty(&c->recent)) {
		struct txn *oldest = LIST_OF(c->recent.next, struct txn, recent);
		if (oldest->at_ms + KNOWN_MS > check_now(c)) break;
		txn_free(c, oldest);
	}
	t->key = key;
	t->at_ms = check_now(c);
	t->method = (uint8_t)m->cseq.method;
	t->initial = m->to.tag.n == 0;
	t->describes = wire_description(m);
	t->identity = identity_of(m, !t->initial);
	t->peer = *peer;
	t->request = wire_hash(m->bytes);
	map_add(&c->txns, &t->node, octets_of(&t->key));
	list_add_last(&c->recent, &t->recent);
	return t;
}

bool wire_note_use(struct checker *c, const struct txn *t)
{
	struct map_node *n = map_find(&c->uses, octets_of(&t->use));
	if (n) return LIST_OF(n, struct use, node)->request != t->key;
	struct use *u = must_have(sizeof *u);
	u->use = t->use;
	u->request = t->key;
	map_add(&c->uses, &u->node, octets_of(&u->use));
	list_add_last(&c->uses_all, &u->all);
	return false;
}

void wire_forget(struct checker *c)
{
	LIST_EACH(it, &c->recent) txn_free(c, LIST_OF(it, struct txn, recent));
	for (struct leg_seen *l = c->first_leg; l; l = l->next) l->inviting = false;
}

// The transactions that the switch had are gone; the legs that it will end are cut.
void wire_crash(struct checker *c)
{
	wire_forget(c);
	for (struct leg_seen *l = c->first_leg; l; l = l->next) {
		l->byes = 0; // whoever was told is told again
		if (l->answered_ms && !l->ended_ms && !l->cut_ms) l->cut_ms = check_now(c);
	}
}

// WHAT COMES

void wire_note_end(struct leg_seen *l, uint64_t at_ms)
{
	if (!l->ended_ms || at_ms < l->ended_ms) l->ended_ms = at_ms;
}

uint64_t wire_description(const struct sip_msg *m)
{
	bool sdp = m->body.n && str_eq_nocase(sip_msg_header(m, SIP_H_CONTENT_TYPE), STR("application/sdp"));
	return sdp ? wire_hash(m->body) : 0;
}

// Their offer or answer.
static void note_said(struct checker *c, struct leg_seen *l, const struct sip_msg *m)
{
	uint64_t said = wire_description(m);
	if (!said) return;
	l->heard_before = l->heard;
	l->heard = said;
	l->described_ms = check_now(c);
	c->got.says = l;
}

// What the credentials of a request hang on; 0: it brings none.
static uint64_t use_of(const struct sip_msg *m)
{
	struct sip_credentials k;
	if (m->to.tag.n || m->method == SIP_CANCEL || !sip_msg_has(m, SIP_H_AUTHORIZATION)) return 0;
	if (sip_credentials_parse(&k, sip_msg_header(m, SIP_H_AUTHORIZATION)) != PARSE_OK) return 0;
	return (wire_hash(k.nonce) + 2u * k.nc) | 1;
}

// The worker that it went to has no room for it: it did not come.
void wire_undo(struct checker *c)
{
	struct got *g = &c->got;
	if (g->txn && g->begins) txn_free(c, g->txn);
	else if (g->txn && g->ends) g->txn->status = 0;
	if (g->rings) g->rings->rang_ms = 0;
	if (g->says) g->says->heard = 0;
	if (g->leg) g->leg->answers--;
	if (g->leg && g->ends && g->leg->answered_ms == check_now(c)) g->leg->answered_ms = 0;
	*g = (struct got){ 0 };
}

static void got_request(struct checker *c, const struct sip_msg *m, const struct addr *from)
{
	uint64_t key = wire_their_key(m, m->to.tag);
	struct txn *t = wire_txn(c, key);
	bool over = t && t->final && t->final_ms + ABSORBED_MS < check_now(c); // what comes now is a new one
	bool digit = m->method == SIP_INFO && wire_leg_of(c, m) && (!t || over || t->refused);
	if (t && !over && t->request != wire_hash(m->bytes)) t->forged = true;
	if (t && t->refused) t->at_ms = check_now(c), t->refused = false;
	if (digit) media_got_info(c, wire_leg_of(c, m), m);
	struct leg_seen *l = wire_leg_of(c, m);
	if (m->method == SIP_ACK && l && addr_eq(from, &l->peer)) note_said(c, l, m);
	if (m->method == SIP_ACK || (t && !over)) return;
	if (t) txn_free(c, t);
	t = wire_txn_add(c, key, m, from);
	t->use = use_of(m);
	c->got = (struct got){ .txn = t, .begins = true };
	if (m->method == SIP_INVITE && !m->to.tag.n) {
		l = wire_leg_need(c, m, true);
		l->reused = !l->theirs;
	}
	if (l) note_said(c, l, m);
}

static bool has_one_via(const struct sip_msg *m)
{
	struct sip_walk walk = { 0 };
	struct str via;
	return sip_msg_each(m, SIP_H_VIA, &walk, &via) && !sip_msg_each(m, SIP_H_VIA, &walk, &via);
}

// The first INVITE of our leg: it rings there, or it has its final response. What is heard of it for the first time when
// it is given up finds no transaction, and so can be cancelled no more.
static void note_ringing(struct checker *c, struct leg_seen *l, const struct txn *invite, const struct sip_msg *m)
{
	if (m->status >= 200) {
		if (!l->final_ms) l->final_ms = check_now(c);
	} else if (!l->rang_ms && check_now(c) < invite->at_ms + GIVEN_UP_MS) {
		l->rang_ms = check_now(c);
		c->got.rings = l;
	}
}

static void got_response(struct checker *c, const struct sip_msg *m, const struct addr *from)
{
	struct txn *t = wire_txn(c, wire_our_key(m, m->cseq.method));
	struct leg_seen *l = wire_leg_of(c, m);
	if (!t || !addr_host_eq(&t->peer, from)) return; // not ours, or forged
	if (t->identity != identity_of(m, !t->initial) || !has_one_via(m)) return; // spoiled
	c->got = (struct got){ .txn = t, .ends = !t->status };
	if (m->status < 200) t->provisional = true;
	else if (!t->status) t->status = m->status, t->final_ms = check_now(c);
	if (l && c->got.ends && t->describes && m->status >= 300) l->told = l->told_before;
	if (m->method == SIP_INVITE && l && t->initial) note_ringing(c, l, t, m);
	if (m->method != SIP_INVITE || !l || m->status < 200) return;
	l->inviting = false;
	l->described_ms = check_now(c);
	if (m->status >= 300) return;
	l->answers++;
	c->got.leg = l;
	if (c->got.ends) note_said(c, l, m);
	l->acked_cseqs[l->acked_at++ % ARRAY_LEN(l->acked_cseqs)] = m->cseq.number;
	if (l->answered_ms || !t->initial) return;
	l->answered_ms = check_now(c);
	l->remote_tag = wire_hash(m->to.tag);
}

void check_got(struct checker *c, const struct packet *p)
{
	if (c->came_ms != check_now(c)) c->came = 0;
	c->came_ms = check_now(c);
	c->came++;
	const struct reading *r = reading_of(c->sim, p->data);
	c->got = (struct got){ 0 };
	if (!r->good) c->nonsense_ms = check_now(c);
	else if (r->msg.is_request) got_request(c, &r->msg, &p->peer);
	else got_response(c, &r->msg, &p->peer);
}

