// What comes from the network: to which transaction a message belongs (RFC 3261 §17.1.3, §17.2.3), and what is answered
// when it belongs to none.
//
// Matching costs one look-up a message, by a digest of branch and sent-by; for an initial request a second one, by From
// tag, Call-ID and CSeq, finds requests that reached us twice by different ways (§8.2.2.2).
#include "base/bug.h"
#include "wire/sip/txn_core.h"

#define KEY_TEXT_MAX 4096 // octets of what identifies a request: what has more is refused

COUNTER(sip_rx_keepalive, "Keep-alive datagrams");
COUNTER(sip_rx_no_sip, "Datagrams that are no SIP message, or too broken to be answered");
COUNTER(sip_rx_malformed, "Malformed requests that were answered");
COUNTER(sip_rx_bad_source, "Messages from an address that is nobody's: broadcast, multicast, unspecified");
COUNTER(sip_rx_requests, "Requests");
COUNTER(sip_rx_responses, "Responses");
COUNTER(sip_rx_response_unmatched, "Responses that belong to no transaction of ours");
COUNTER(sip_rx_response_spoofed, "Responses from an address that we did not send to");
COUNTER(sip_rx_response_foreign, "Responses whose tags, Call-ID or CSeq number are not our request's");
COUNTER(sip_rx_response_vias, "Responses with more than our Via");
COUNTER(sip_rx_returned_unmatched, "Datagrams given back that belong to no request of ours");
COUNTER(sip_rx_connections_ended, "Connections that ended while requests of ours were under way");
COUNTER(sip_rx_merged, "Requests that came a second time by another way (482)");
COUNTER(sip_rx_cancel_unmatched, "CANCELs of no transaction (481)");
COUNTER(sip_rx_refused_full, "Requests refused because there is no room for their transaction (503)");

// KEYS. A digest over pieces, each ended by an octet that cannot stand in it.

static void put_piece(struct buf *b, struct str s)
{
	put(b, s);
	put_c(b, '\n');
}

static void put_piece_nocase(struct buf *b, struct str s)
{
	uint32_t start = b->n;
	put_piece(b, s);
	for (uint32_t i = start; i < b->n; i++) b->p[i] = ascii_lower(b->p[i]);
}

static struct txn_key digest(const struct sip_stack *s, const struct buf *b)
{
	return (struct txn_key){ { hash_str(&s->keys[0], buf_str(b)), hash_str(&s->keys[1], buf_str(b)) } };
}

struct txn_key txn_client_key(const struct sip_stack *s, struct str branch)
{
	char text[64]; // a branch that does not fit is not ours: of nothing but the mark, the digest finds nothing
	struct buf b = buf_on(text, sizeof text);
	put_c(&b, 'C');
	put_piece(&b, branch);
	return digest(s, &b);
}

// From tag, Call-ID and CSeq number: equal in an INVITE, its CANCEL, and copies of it that came by another way.
static struct sip_identity identity_of(const struct sip_msg *m)
{
	return (struct sip_identity){ .from_tag = m->from.tag, .call_id = m->call_id, .cseq = m->cseq.number };
}

static void put_identity(struct buf *b, const struct sip_identity *id)
{
	put_piece(b, id->from_tag);
	put_piece(b, id->call_id);
	put_u64(b, id->cseq);
	put_piece(b, id->to_tag);
}

enum err txn_identity_key(struct txn_key *out, const struct sip_stack *s, const struct sip_identity *id)
{
	char text[KEY_TEXT_MAX];
	struct buf b = buf_on(text, sizeof text);
	put_identity(&b, id);
	*out = digest(s, &b);
	return b.err;
}

static enum err identity_key(struct txn_key *out, const struct sip_stack *s, const struct sip_msg *m)
{
	const struct sip_identity id = identity_of(m);
	return txn_identity_key(out, s, &id);
}

// A branch without the cookie is not unique: a client of RFC 2543 is known by the Request-URI, the Via and the
// identity. The To tag is left out, though §17.2.3 names it: the CSeq number tells all requests of a dialog apart, and
// an ACK has the tag of our response.
static enum err server_key(struct txn_key *out, const struct sip_stack *s, const struct sip_msg *m)
{
	char text[KEY_TEXT_MAX];
	struct buf b = buf_on(text, sizeof text);
	const struct sip_via *via = &m->via;
	bool unique = via->branch.n > 7 && str_starts_nocase(via->branch, STR("z9hG4bK"));
	put_c(&b, unique ? 'S' : 'O');
	put_piece_nocase(&b, via->host);
	put_u64(&b, via->port ? via->port : 5060);
	put_c(&b, '\n');
	put_piece(&b, unique ? via->branch : via->params);
	if (!unique) {
		put_piece(&b, m->uri_text);
		const struct sip_identity id = identity_of(m);
		put_identity(&b, &id);
	}
	*out = digest(s, &b);
	return b.err;
}

static struct str key_str(const struct txn_key *k)
{
	return (struct str){ (const char *)k, sizeof *k };
}

// A branch may name several transactions: an INVITE of ours and its CANCEL; and broken clients use one for all. A CANCEL
// is for the INVITE, and where there is none for whatever bears its branch: another's request under an overheard branch
// must not take it.
static struct sip_txn *find(const struct sip_stack *s, const struct txn_key *key, bool client, enum sip_method method)
{
	struct sip_txn *other = NULL;
	for (struct map_node *n = map_find(&s->by_branch, key_str(key)); n; n = map_find_next(&s->by_branch, n)) {
		struct sip_txn *t = LIST_OF(n, struct sip_txn, node);
		bool cancels = !client && method == SIP_CANCEL;
		if (t->method == (cancels || method == SIP_ACK ? SIP_INVITE : method)) return t;
		if (cancels) other = t;
	}
	return other;
}

static bool is_merged(const struct sip_stack *s, const struct txn_key *identity, enum sip_method method)
{
	struct map_node *n = map_find(&s->by_identity, key_str(identity));
	while (n && LIST_OF(n, struct sip_txn, other_node)->method != method) n = map_find_next(&s->by_identity, n);
	return n != NULL;
}

static bool identity_fits(const struct sip_stack *s, const struct sip_txn *t, const struct sip_msg *m)
{
	struct sip_identity id = identity_of(m);
	struct txn_key identity;
	if (t->in_dialog) id.to_tag = m->to.tag;
	return txn_identity_key(&identity, s, &id) == OK && str_eq(key_str(&identity), key_str(&t->identity_key));
}

// RESPONSES

static bool has_one_via(const struct sip_msg *m)
{
	struct sip_walk walk = { 0 };
	struct str value;
	return sip_msg_each(m, SIP_H_VIA, &walk, &value) && !sip_msg_each(m, SIP_H_VIA, &walk, &value);
}

static void take_response(struct sip_stack *s, const struct sip_msg *m, const struct sip_source *from)
{
	struct txn_input in = { .m = m, .from = from };
	struct txn_key key = txn_client_key(s, m->via.branch);
	struct sip_txn *t = find(s, &key, true, m->method);
	COUNT(sip_rx_responses);
	if (!t) {
		COUNT(sip_rx_response_unmatched);
		return;
	}
	// The host must be the one that we sent to. The port may differ: only RFC 3581 asks for the same, not RFC 3261.
	if (!addr_host_eq(&t->peer, &from->peer)) {
		COUNT(sip_rx_response_spoofed);
		return;
	}
	if (!identity_fits(s, t, m)) { // it would make a dialog that its own maker does not know (RFC 3261 §12.1.2)
		COUNT(sip_rx_response_foreign);
		return;
	}
	if (!has_one_via(m)) { // RFC 3261 §8.1.3.3
		COUNT(sip_rx_response_vias);
		return;
	}
	txn_see(s, t->owner, false, m->bytes, &from->peer);
	// Before the transaction lets go of it: whoever is told may have to send it again.
	if (m->status == 401 || m->status == 407 || m->status == 422) s->refused = arena_dup(&s->env->scratch, t->text);
	if (t->kind == TXN_INVITE_CLIENT) txn_invite_client_response(s, t, &in);
	else txn_client_response(s, t, &in);
	s->refused = (struct str){ "", 0 };
}

// REQUESTS

static void take_ack(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	// From another host: whoever overheard the INVITE would end the repetitions of its refusal, and its next copy would
	// be a new call.
	if (t && !addr_host_eq(&t->peer, &in->from->peer)) t = NULL;
	txn_see(s, t ? t->owner : 0, false, in->m->bytes, &in->from->peer);
	if (t) txn_invite_server_ack(s, t, in);
	else s->user.ack(s->user.self, in->m, in->from);
}

// A CANCEL has no state of its own: each one, also a repeated one, is answered by the state of what it cancels. Beside
// the branch it must name the From tag, Call-ID and CSeq number of its request (§9.1), so that nobody off the path can
// end a call by a guess.
static void take_cancel(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	if (t && !identity_fits(s, t, in->m)) t = NULL;
	if (!t) COUNT(sip_rx_cancel_unmatched);
	uint64_t owner = t ? t->owner : 0;
	txn_see(s, owner, false, in->m->bytes, &in->from->peer);
	txn_answer(s, owner, in, &(struct txn_answer){ .status = t ? 200 : 481, .to_tag = txn_kept_to_tag(s, t) });
	if (t && t->kind == TXN_INVITE_SERVER) txn_invite_server_cancel(s, t, in);
}

// The last sixteenth is for requests inside dialogs, so that a call that stands can be ended; the last thirty-second,
// which no flood of those can take, for our own requests and what the user calls urgent.
static bool has_room(struct sip_stack *s, const struct txn_input *in)
{
	const struct slab *texts = &s->texts;
	uint32_t used = s->txns.used, max = s->txns.max;
	if (in->m->to.tag.n) return used < max - max / 32;
	if (used < max - max / 16 && texts->used_bytes < texts->bytes_max - texts->bytes_max / 16) return true;
	return in->m->method == SIP_INVITE && s->user.is_urgent && s->user.is_urgent(s->user.self, in->m, in->from);
}

static void begin(struct sip_stack *s, const struct txn_key *branch, const struct txn_key *identity,
                  const struct txn_input *in)
{
	const struct sip_msg *m = in->m;
	bool invite = m->method == SIP_INVITE, initial = m->to.tag.n == 0;
	struct addr back = txn_response_addr(m, in->from);
	struct sip_txn *t = has_room(s, in) ? txn_new(s, invite ? TXN_INVITE_SERVER : TXN_SERVER, branch, &back) : NULL;
	if (!t) {
		// Without Retry-After, which would stop the peer's emergency calls too (RFC 3261 §21.5.4, RFC 7339 §5.10.2).
		COUNT(sip_rx_refused_full);
		s->roomless = in;
		// Who says BYE has left, whatever it hears (RFC 3261 §15.1.1): its call must not stand until it is too long. Who
		// has to prove who he is (a NAT has rebound) hears that in place of the 503, which would be the end of it for him.
		if (m->method == SIP_BYE && !initial) s->user.request(s->user.self, 0, m, in->from);
		if (s->roomless) txn_answer(s, 0, in, &(struct txn_answer){ .status = 503 });
		s->roomless = NULL;
		return;
	}
	t->method = (uint8_t)m->method;
	t->listener = in->from->listener;
	t->identity_key = *identity;
	t->initial = initial;
	if (initial) map_add(&s->by_identity, &t->other_node, key_str(&t->identity_key));
	ref r = pool_ref(&s->txns, t);
	s->user.request(s->user.self, r, m, in->from);
	t = pool_at(&s->txns, r); // the user may have ended it
	if (t && invite) txn_invite_server_unanswered(s, t, in);
}

static void refuse_too_long(struct sip_stack *s, const struct txn_input *in)
{
	COUNT(sip_rx_malformed);
	txn_answer(s, 0, in, &(struct txn_answer){ .status = 400, .reason = STR("Identifiers Too Long") });
}

static void take_request(struct sip_stack *s, const struct txn_key *branch, const struct txn_input *in)
{
	struct txn_key identity;
	txn_see(s, 0, false, in->m->bytes, &in->from->peer);
	if (identity_key(&identity, s, in->m) != OK) {
		refuse_too_long(s, in);
	} else if (in->m->to.tag.n == 0 && is_merged(s, &identity, in->m->method)) {
		COUNT(sip_rx_merged);
		txn_answer(s, 0, in, &(struct txn_answer){ .status = 482 });
	} else {
		begin(s, branch, &identity, in);
	}
}

static void take_retransmission(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_see(s, t->owner, false, in->m->bytes, &in->from->peer);
	if (t->kind == TXN_INVITE_SERVER) txn_invite_server_request(s, t, in);
	else txn_server_request(s, t, in);
}

// WHAT COMES BACK

// Whoever is off the path can forge an ICMP message and knows our port and our peers', but not our branches: the quoted
// octets must name one. Too few quoted: the timers deal with it.
static void fail_unreachable(struct sip_stack *s, struct sip_txn *t)
{
	if (txn_fall_back(s, t)) return;
	if (t->kind == TXN_INVITE_CLIENT) txn_invite_client_returned(s, t);
	else txn_client_returned(s, t);
}

static struct sip_txn *next_of_peer(const struct sip_stack *s, const struct sip_txn *t, const struct addr *peer)
{
	struct map_node *n = t ? map_find_next(&s->by_peer, &t->other_node) : map_find(&s->by_peer, txn_place(peer));
	return n ? LIST_OF(n, struct sip_txn, other_node) : NULL;
}

static struct sip_txn *next_cut(const struct sip_stack *s, const struct addr *peer)
{
	struct sip_txn *t = next_of_peer(s, NULL, peer);
	while (t && !t->cut) t = next_of_peer(s, t, peer);
	return t;
}

// The connection to a peer has ended. The first round tells nobody, so that no transaction ends on the way.
static void take_end(struct sip_stack *s, const struct addr *peer)
{
	COUNT(sip_rx_connections_ended);
	for (struct sip_txn *t = next_of_peer(s, NULL, peer); t; t = next_of_peer(s, t, peer)) {
		bool by_another = t->peer.flow && peer->flow && t->peer.flow != peer->flow;
		if (!by_another) t->cut = txn_is_unanswered(t) && !txn_ask_again(s, t);
	}
	for (struct sip_txn *t; (t = next_cut(s, peer));) {
		t->cut = false;
		fail_unreachable(s, t);
	}
}

static void take_returned(struct sip_stack *s, const struct packet *p)
{
	struct str rest = p->data;
	enum sip_method method = sip_method_from(str_cut(&rest, ' '));
	struct txn_key key = txn_client_key(s, sip_raw_branch(p->data));
	struct sip_txn *t = method == SIP_METHOD_UNKNOWN || method == SIP_ACK ? NULL : find(s, &key, true, method);
	// A connection's peer may have been called anew, at another port.
	bool fits = t && (addr_is_stream(&p->peer) ? addr_host_eq(&t->peer, &p->peer) : addr_eq(&t->peer, &p->peer));
	if (fits) fail_unreachable(s, t);
	else COUNT(sip_rx_returned_unmatched);
}

// DATAGRAMS

// Nobody's address: an answer there would reach many, or none (RFC 4475 §3.1.2.19). Loopback is somebody's.
static bool is_bad_source(const struct addr *a)
{
	return a->port == 0 || (addr_is_special(a) && !addr_is_loopback(a));
}

void sip_stack_input_msg(struct sip_stack *s, const struct sip_msg *m, const struct sip_source *from)
{
	const struct txn_input in = { .m = m, .from = from };
	struct txn_key branch;
	if (is_bad_source(&from->peer)) {
		COUNT(sip_rx_bad_source);
		return;
	}
	if (!m->is_request) {
		take_response(s, m, from);
		return;
	}
	COUNT(sip_rx_requests);
	bool keyed = server_key(&branch, s, m) == OK;
	struct sip_txn *t = keyed ? find(s, &branch, false, m->method) : NULL;
	if (m->method == SIP_ACK) take_ack(s, t, &in);
	else if (!keyed) refuse_too_long(s, &in);
	else if (m->method == SIP_CANCEL) take_cancel(s, t, &in);
	else if (t && !BUG(retransmission_answered_anew)) take_retransmission(s, t, &in);
	else take_request(s, &branch, &in);
}

static bool is_keepalive(struct str data)
{
	for (uint32_t i = 0; i < data.n; i++)
		if (data.p[i] != '\r' && data.p[i] != '\n' && data.p[i] != '\0') return false;
	return true;
}

static void take_malformed(struct sip_stack *s, const struct txn_input *in, const struct sip_fault *fault)
{
	if (is_bad_source(&in->from->peer) || fault->status == 0 || !sip_msg_can_answer(in->m)) {
		COUNT(sip_rx_no_sip);
		return;
	}
	COUNT(sip_rx_malformed);
	txn_see(s, 0, false, in->m->bytes, &in->from->peer);
	txn_answer(s, 0, in, &(struct txn_answer){ .status = fault->status, .reason = str_from(fault->why) });
}

void sip_stack_input(struct sip_stack *s, const struct packet *p)
{
	struct sip_msg m;
	struct sip_fault fault = { 0 };
	const struct sip_source from = { .peer = p->peer, .listener = p->listener };
	uint32_t mark = s->env->scratch.n;
	if (p->returned) {
		if (p->data.n == 0 && addr_is_stream(&p->peer)) take_end(s, &p->peer);
		else take_returned(s, p);
		return;
	}
	if (is_keepalive(p->data)) {
		COUNT(sip_rx_keepalive);
		return;
	}
	bool sound = sip_msg_parse(&m, p->data, &s->env->scratch, &fault) == PARSE_OK;
	if (sound && p->broken) fault = (struct sip_fault){ .status = 400, .why = "Content-Length Needed" }; // RFC 3261 §18.3
	if (sound && !p->broken) sip_stack_input_msg(s, &m, &from);
	else take_malformed(s, &(struct txn_input){ .m = &m, .from = &from }, &fault);
	s->env->scratch.n = mark;
}
