// What comes to the switch and what leaves it, message by message.
//
//     request in ──▶ txn ◀── response out: the same one, and none but to what was asked
//     request out ─▶ txn ◀── response in
//     both ──▶ leg_seen, by Call-ID: when it was answered and ended, which the records are held against
#include "sim/check_inside.h"

#include "sim/party.h"
#include "wire/sdp/sdp.h"
#include "wire/sip/digest.h"

#include <stdlib.h>

#define KNOWN_MS 600000u // how long a transaction is known: more than any rings
#define ABSORBED_MS 32000u // how long a repeated request is one that was answered
#define OWN_TAG 18       // of a leg; what keeps no state has a shorter one

struct txn {
	struct map_node node;
	struct list recent;
	char key[24];
	uint64_t at_ms, request, final; // hashes of the request and of its final response; 0: none yet
	uint64_t to_tag;
	uint64_t final_ms;
	uint16_t status; // of the final response, to ours
	uint8_t method;
	bool provisional, initial, refused; // refused: by a challenge, since it came
	bool forged; // another request came with its marks
	struct addr peer;
	uint64_t use; // of credentials: hash; 0 none
};

struct use { // of a nonce with a count
	struct map_node node;
	struct list all;
	char key[24];
	uint64_t request; // the transaction's key that was let in with it
};

static const struct hash_key plain = { { 1, 2 } };

static uint64_t hash(struct str s) // never 0
{
	return hash_str(&plain, s) | 1;
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
	return arena_init(&c->scratch, 1u << 17) == OK && map_init(&c->legs, calls * 3 + 64, plain) == OK &&
	       map_init(&c->txns, 1u << 14, plain) == OK && map_init(&c->uses, calls * 4 + 64, plain) == OK;
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
	arena_fini(&c->scratch);
}

struct leg_seen *wire_leg(const struct checker *c, const char *call_id)
{
	struct map_node *n = map_find(&c->legs, str_from(call_id));
	return n ? LIST_OF(n, struct leg_seen, node) : NULL;
}

static struct leg_seen *leg_of(const struct checker *c, const struct sip_msg *m)
{
	struct map_node *n = map_find(&c->legs, str_head(m->call_id, RECORD_TEXT_MAX - 1));
	return n ? LIST_OF(n, struct leg_seen, node) : NULL;
}

static struct leg_seen *leg_need(struct checker *c, const struct sip_msg *m, bool theirs)
{
	struct leg_seen *l = leg_of(c, m);
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

// Of a request and its responses, and of nothing else: branch and number; of theirs also who made the branch, and the
// rest of what tells requests apart; and the method, which ACK and CANCEL do not share with their INVITE.
static void put_key(char key[24], const struct sip_msg *m, enum sip_method method, uint64_t more)
{
	struct buf b = buf_on(key, 24);
	const struct hash_key number = { { 3, m->cseq.number } };
	put_hex(&b, hash_str(&number, m->via.branch) + more, 16);
	put_fmt(&b, "%02u", (unsigned)method);
	key[b.n] = '\0';
}

static void our_key(char key[24], const struct sip_msg *m, enum sip_method method)
{
	put_key(key, m, method, 0);
}

// `to_tag`: of the request, whose response has one in any case.
static void their_key(char key[24], const struct sip_msg *m, struct str to_tag)
{
	uint64_t more = hash(m->via.host) * 3 + m->via.port + hash(m->call_id) * 5 + hash(to_tag) * 7;
	put_key(key, m, m->cseq.method, more);
}

static struct txn *txn_find(const struct checker *c, const char *key)
{
	struct map_node *n = map_find(&c->txns, str_from(key));
	return n ? LIST_OF(n, struct txn, node) : NULL;
}

static struct txn *txn_add(struct checker *c, const char *key, const struct sip_msg *m, const struct addr *peer)
{
	struct txn *t = must_have(sizeof *t);
	while (!list_empty(&c->recent)) {
		struct txn *oldest = LIST_OF(c->recent.next, struct txn, recent);
		if (oldest->at_ms + KNOWN_MS > check_now(c)) break;
		txn_free(c, oldest);
	}
	str_to_z(t->key, sizeof t->key, str_from(key));
	t->at_ms = check_now(c);
	t->method = (uint8_t)m->cseq.method;
	t->initial = m->to.tag.n == 0;
	t->peer = *peer;
	t->request = hash(m->bytes);
	map_add(&c->txns, &t->node, str_from(t->key));
	list_add_last(&c->recent, &t->recent);
	return t;
}

// The transactions that the switch had are gone; the legs that it will end are cut.
void wire_crash(struct checker *c)
{
	LIST_EACH(it, &c->recent) txn_free(c, LIST_OF(it, struct txn, recent));
	for (struct leg_seen *l = c->first_leg; l; l = l->next) {
		l->inviting = false;
		l->byes = 0; // whoever was told is told again
		if (l->answered_ms && !l->ended_ms && !l->cut_ms) l->cut_ms = check_now(c);
	}
}

// WHAT COMES

static void note_end(struct leg_seen *l, uint64_t at_ms)
{
	if (!l->ended_ms || at_ms < l->ended_ms) l->ended_ms = at_ms;
}

// What the credentials of a request hang on; 0: it brings none.
static uint64_t use_of(struct checker *c, const struct sip_msg *m)
{
	struct sip_credentials k;
	if (m->to.tag.n || m->method == SIP_CANCEL || !sip_msg_has(m, SIP_H_AUTHORIZATION)) return 0;
	if (sip_credentials_parse(&k, sip_msg_header(m, SIP_H_AUTHORIZATION)) != PARSE_OK) return 0;
	struct str text = arena_printf(&c->scratch, "%.*s %u", STR_FMT(k.nonce), k.nc);
	return text.n ? hash(text) : 0;
}

// The worker that it went to has no room for it: it did not come.
void wire_undo(struct checker *c)
{
	struct got *g = &c->got;
	if (g->txn && g->begins) txn_free(c, g->txn);
	else if (g->txn && g->ends) g->txn->status = 0;
	if (g->leg) g->leg->answers--;
	if (g->leg && g->ends && g->leg->answered_ms == check_now(c)) g->leg->answered_ms = 0;
	*g = (struct got){ 0 };
}

static void got_request(struct checker *c, const struct sip_msg *m, const struct addr *from)
{
	char key[24];
	their_key(key, m, m->to.tag);
	struct txn *t = txn_find(c, key);
	bool over = t && t->final && t->final_ms + ABSORBED_MS <= check_now(c); // what comes now is a new one
	if (t && !over && t->request != hash(m->bytes)) t->forged = true;
	if (t && t->refused) t->at_ms = check_now(c), t->refused = false;
	if (m->method == SIP_ACK || (t && !over)) return;
	if (t) txn_free(c, t);
	t = txn_add(c, key, m, from);
	t->use = use_of(c, m);
	c->got = (struct got){ .txn = t, .begins = true };
	if (m->method == SIP_INVITE && m->to.tag.n == 0) leg_need(c, m, true);
}

static void got_response(struct checker *c, const struct sip_msg *m, const struct addr *from)
{
	char key[24];
	our_key(key, m, m->cseq.method);
	struct txn *t = txn_find(c, key);
	struct leg_seen *l = leg_of(c, m);
	if (!t || !addr_host_eq(&t->peer, from)) return; // not ours, or forged
	c->got = (struct got){ .txn = t, .ends = !t->status };
	if (m->status < 200) t->provisional = true;
	else if (!t->status) t->status = m->status, t->final_ms = check_now(c);
	if (m->method != SIP_INVITE || !l || m->status < 200) return;
	l->inviting = false;
	if (m->status >= 300) return;
	l->answers++;
	c->got.leg = l;
	l->described_ms = check_now(c);
	l->acked_cseqs[l->acked_at++ % ARRAY_LEN(l->acked_cseqs)] = m->cseq.number;
	if (l->answered_ms || !t->initial) return;
	l->answered_ms = check_now(c);
	l->remote_tag = hash(m->to.tag);
}

void check_got(struct checker *c, const struct packet *p)
{
	struct sip_fault fault;
	arena_reset(&c->scratch);
	c->got = (struct got){ 0 };
	if (sip_msg_parse(&c->msg, p->data, &c->scratch, &fault) != PARSE_OK) c->nonsense_ms = check_now(c);
	else if (c->msg.is_request) got_request(c, &c->msg, &p->peer);
	else got_response(c, &c->msg, &p->peer);
}

// WHAT LEAVES: one message by itself

static const char *fault_of_head(const struct sip_msg *m)
{
	if (!sip_msg_has(m, SIP_H_CONTENT_LENGTH)) return "it has no Content-Length";
	if (m->body.n && !sip_msg_has(m, SIP_H_CONTENT_TYPE)) return "it has a body without Content-Type";
	if (m->call_id.n == 0 || m->from.uri.text.n == 0 || m->to.uri.text.n == 0) return "it has no Call-ID, From or To";
	if (!m->is_request) return NULL;
	if (m->from.tag.n == 0) return "its From has no tag";
	if (!sip_msg_has(m, SIP_H_MAX_FORWARDS)) return "it has no Max-Forwards";
	if (m->max_forwards > 70) return "its Max-Forwards is more than 70";
	if (!str_starts(m->via.branch, STR("z9hG4bK"))) return "its branch does not begin with z9hG4bK";
	if (m->method != m->cseq.method) return "its CSeq names another method";
	if (m->method == SIP_INVITE && !sip_msg_has(m, SIP_H_CONTACT)) return "it is an INVITE without Contact";
	return NULL;
}

// What it describes are ports of ours that belong to somebody.
static const char *fault_of_description(struct checker *c, const struct sip_msg *m)
{
	struct sdp sdp;
	struct sdp_fault fault = { 0 };
	struct str type = sip_msg_header(m, SIP_H_CONTENT_TYPE);
	if (!m->body.n || !str_eq_nocase(type, STR("application/sdp"))) return NULL;
	if (sdp_parse(&sdp, m->body, &fault) != OK) return fault.why;
	for (uint32_t i = 0; i < sdp.media_count; i++)
		if (sdp.media[i].port && !plane_has(sim_plane(c->sim), &sdp.media[i].rtp))
			return "it describes a media port that belongs to no call";
	return NULL;
}

// REQUESTS

static const char *fault_of_ack(const struct checker *c, const struct leg_seen *l, const struct txn *invite,
                                const struct sip_msg *m)
{
	if (!l) return NULL; // the answer named another call: it came so, spoiled or from somebody hostile
	if (invite) return invite->status >= 300 ? NULL : "it acknowledges a refusal that never came";
	for (uint32_t i = 0; l && i < ARRAY_LEN(l->acked_cseqs); i++)
		if (l->acked_cseqs[i] == m->cseq.number) return NULL;
	bool spoiled = sim_plan(c->sim)->faults >> FAULT_SPOILED & 1; // the 2xx came with another number
	return spoiled ? NULL : "it acknowledges an INVITE that was not answered";
}

static const char *fault_of_cancel(const struct checker *c, const struct txn *invite)
{
	if (!invite) return "it cancels nothing";
	if (!invite->provisional) return "it cancels an INVITE before any provisional response";
	// What came in this millisecond may have crossed it in the outbox.
	return invite->status && invite->final_ms < check_now(c) ? "it cancels an INVITE that is answered" : NULL;
}

// A new request in a leg: is it one that the leg allows now?
static const char *fault_in_leg(const struct checker *c, const struct leg_seen *l, const struct sip_msg *m)
{
	bool spoiled = sim_plan(c->sim)->faults & FAULT(SPOILED); // an answer may have named another call
	if (!l) return m->method == SIP_INVITE ? "it belongs to no leg" : NULL;
	if (m->to.tag.n && l->remote_tag && hash(m->to.tag) != l->remote_tag) return NULL; // another branch of a fork
	if (m->method == SIP_INVITE && l->inviting && !spoiled)
		return "it is an INVITE while another one waits for its answer";
	if (m->method != SIP_BYE && l->ended_ms) return "it is a request in a leg that has ended";
	// An answer that comes late, of a leg that was given up, is acknowledged and ended once more.
	if (m->method == SIP_BYE && l->byes && l->byes >= l->answers && !l->cut_ms) return "it is a second BYE";
	return NULL;
}

static void note_request(struct checker *c, struct leg_seen *l, const struct sip_msg *m)
{
	if (!l || (m->to.tag.n && l->remote_tag && hash(m->to.tag) != l->remote_tag)) return;
	if (m->method == SIP_INVITE) {
		l->inviting = true;
		l->described_ms = check_now(c);
	}
	if (m->method != SIP_BYE) return;
	l->bye_sent_ms = check_now(c);
	l->byes++;
	note_end(l, check_now(c));
}

// The INVITE of an ACK or CANCEL: the same branch and number.
static struct txn *invite_of(const struct checker *c, const struct sip_msg *m)
{
	char key[24];
	our_key(key, m, SIP_INVITE);
	return txn_find(c, key);
}

static const char *sent_request(struct checker *c, const struct sip_msg *m, const struct addr *to)
{
	char key[24];
	our_key(key, m, m->cseq.method);
	struct txn *t = txn_find(c, key);
	struct leg_seen *l = leg_of(c, m);
	if (t) return t->request == hash(m->bytes) ? NULL : "another request had its branch";
	if (m->method == SIP_ACK) return fault_of_ack(c, l, invite_of(c, m), m);
	if (m->method == SIP_INVITE && m->to.tag.n == 0) l = leg_need(c, m, false);
	const char *wrong = m->method == SIP_CANCEL ? fault_of_cancel(c, invite_of(c, m)) : fault_in_leg(c, l, m);
	if (!wrong) wrong = fault_of_description(c, m);
	txn_add(c, key, m, to);
	if (m->method != SIP_CANCEL) note_request(c, l, m);
	return wrong;
}

// RESPONSES

// Did the switch let this request in? What it refuses may be said to anyone.
static bool lets_in(uint16_t status)
{
	static const uint16_t refusals[] = { 100, 400, 401, 403, 405, 413, 414, 415, 416, 420, 481, 482, 483, 489, 491, 500,
		                                 501, 503, 505, 513 };
	for (uint32_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i] == status) return false;
	return true;
}

// True: another request was let in with these.
static bool note_use(struct checker *c, const struct txn *t)
{
	char key[24];
	struct buf b = buf_on(key, sizeof key);
	put_hex(&b, t->use, 16);
	struct map_node *n = map_find(&c->uses, buf_str(&b));
	uint64_t request = hash(str_from(t->key));
	if (n) return LIST_OF(n, struct use, node)->request != request;
	struct use *u = must_have(sizeof *u);
	memcpy(u->key, key, b.n);
	u->request = request;
	map_add(&c->uses, &u->node, (struct str){ u->key, b.n });
	list_add_last(&c->uses_all, &u->all);
	return false;
}

// What the leg of an INVITE has become by this response.
static void note_in_leg(struct checker *c, struct leg_seen *l, const struct txn *t, const struct sip_msg *m)
{
	if (t->method == SIP_BYE && m->status == 200) note_end(l, t->at_ms);
	if (t->method != SIP_INVITE || m->status == 100) return;
	if (m->body.n) l->described_ms = check_now(c);
	if (!t->initial || m->to.tag.n != OWN_TAG) return;
	l->made = true;
	if (!l->remote_tag) l->remote_tag = hash(m->from.tag);
	l->attempts += t->final == hash(m->bytes);
	if (m->status >= 300 && !l->refused_ms) l->refused_ms = check_now(c);
	if (m->status < 200 || m->status >= 300 || l->answered_ms) return;
	l->answered_ms = check_now(c);
	l->unsynced = check_is_unsynced(c, l->call_id);
}

static bool is_hostile(const struct checker *c, const struct addr *to)
{
	return strstr(party_name_at(sim_parties(c->sim), to), "(hostile)");
}

// What keeps no state may be said anew: a challenge has another nonce each time.
static bool is_stateless(const struct txn *t, const struct sip_msg *m)
{
	return m->status == 401 || t->method == SIP_CANCEL || (t->initial && m->to.tag.n != OWN_TAG);
}

// Is it the one response that this transaction may have now?
static const char *fault_in_txn(const struct checker *c, const struct txn *t, const struct sip_msg *m)
{
	bool forgetful = sim_plan(c->sim)->faults & FAULT(ALLOCATION); // without memory nothing keeps state
	if (forgetful || is_stateless(t, m) || t->forged) return NULL;
	if (t->final && t->final != hash(m->bytes)) return "another response came after the final one";
	if (m->status > 100 && t->to_tag && t->to_tag != hash(m->to.tag)) return "its To tag changed within a transaction";
	return NULL;
}

static void note_response(struct checker *c, struct txn *t, const struct sip_msg *m)
{
	struct leg_seen *l = leg_of(c, m);
	if (m->status > 100 && m->to.tag.n == OWN_TAG) t->to_tag = hash(m->to.tag);
	if (m->status >= 200 && !is_stateless(t, m) && !t->final) {
		t->final = hash(m->bytes);
		t->final_ms = check_now(c);
	}
	if (l) note_in_leg(c, l, t, m);
	t->refused |= m->status == 401; // it keeps no state: what comes again is new
}

static struct txn *request_of(const struct checker *c, const struct sip_msg *m)
{
	char key[24];
	their_key(key, m, m->to.tag);
	struct txn *t = txn_find(c, key);
	if (t) return t;
	their_key(key, m, STR("")); // its To tag is ours
	return txn_find(c, key);
}

static const char *sent_response(struct checker *c, const struct sip_msg *m, const struct addr *to)
{
	struct txn *t = request_of(c, m);
	bool again = t && t->final == hash(m->bytes);
	if (!t) return is_hostile(c, to) ? NULL : "it answers what nobody asked";
	if (again) return NULL;
	if (t->use && lets_in(m->status) && note_use(c, t)) return "it lets in a second request with used credentials";
	const char *wrong = NULL;
	if (m->status > 100 && !m->to.tag.n) wrong = "its To has no tag";
	if (!wrong) wrong = fault_of_description(c, m);
	if (!wrong) wrong = fault_in_txn(c, t, m);
	if (wrong && is_hostile(c, to)) wrong = NULL; // who plays with its own requests gets odd answers
	note_response(c, t, m);
	return wrong;
}

// What is said to nonsense, in the same millisecond, may repeat it, and may look like an answer to something else.
static bool is_excused(const struct checker *c, bool parsed)
{
	return !c->msg.is_request && c->nonsense_ms == check_now(c) && (!parsed || c->msg.status >= 400);
}

// A leg's own response to an INVITE: it counts, whatever else came in its millisecond.
static bool ends_attempt(const struct checker *c, const struct sip_msg *m)
{
	const struct txn *t = m->cseq.method == SIP_INVITE && m->to.tag.n == OWN_TAG ? request_of(c, m) : NULL;
	return t && t->initial;
}

void check_sent(struct checker *c, const struct packet *p)
{
	struct sip_fault fault = { 0 };
	uint32_t mark = c->scratch.n;
	const struct sip_msg *m = &c->msg;
	const char *wrong = NULL;
	if (p->data.n <= 4) return; // a keep-alive
	bool parsed = sip_msg_parse(&c->msg, p->data, &c->scratch, &fault) == PARSE_OK;
	bool excused = is_excused(c, parsed);
	if (excused && !(parsed && ends_attempt(c, m))) return;
	if (!parsed) wrong = fault.why ? fault.why : "it is no SIP";
	if (!wrong) wrong = fault_of_head(m);
	if (!wrong) wrong = m->is_request ? sent_request(c, m, &p->peer) : sent_response(c, m, &p->peer);
	if (wrong && !excused)
		FAIL(c, m->call_id, "the switch sends a message that is wrong: %s\n\n%.*s", wrong, STR_FMT(p->data));
	c->scratch.n = mark;
}
