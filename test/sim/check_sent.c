// What leaves the switch, message by message: is it well-formed by itself, may it be said now, what does it make of its
// transaction and leg (check_wire.c).
#include "sim/check_inside.h"

#include "sim/party.h"
#include "wire/sdp/sdp.h"

#define OWN_TAG 18 // of a leg; what keeps no state has a shorter one

// ONE MESSAGE BY ITSELF

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
	if (l->remote_tag && wire_hash(m->to.tag) != l->remote_tag) return NULL; // another branch of a fork
	if (m->method == SIP_INVITE && l->inviting && !spoiled)
		return "it is an INVITE while another one waits for its answer";
	if (m->method != SIP_BYE && l->ended_ms) return "it is a request in a leg that has ended";
	// An answer that comes late, of a leg that was given up, is acknowledged and ended once more.
	bool again = l->byes && l->bye_tag == wire_hash(m->from.tag);
	if (m->method == SIP_BYE && again && l->byes >= l->answers && !l->cut_ms) return "it is a second BYE";
	return NULL;
}

// Our offer or answer.
static void note_told(struct checker *c, struct leg_seen *l, const struct sip_msg *m)
{
	uint64_t told = wire_description(m);
	if (!told) return;
	l->told_before = l->told;
	l->told = told;
	l->described_ms = check_now(c);
}

static void note_request(struct checker *c, struct leg_seen *l, const struct sip_msg *m)
{
	if (!l || (l->remote_tag && wire_hash(m->to.tag) != l->remote_tag)) return;
	note_told(c, l, m);
	if (m->method == SIP_INVITE) {
		l->inviting = true;
		if (!m->to.tag.n) l->rang_ms = l->cancelled_ms = l->final_ms = 0;
	}
	if (m->method != SIP_BYE) return;
	l->bye_sent_ms = check_now(c);
	l->byes = l->bye_tag == wire_hash(m->from.tag) ? l->byes + 1 : 1;
	l->bye_tag = wire_hash(m->from.tag);
	wire_note_end(l, check_now(c));
}

// The INVITE of an ACK or CANCEL: the same branch and number.
static struct txn *invite_of(const struct checker *c, const struct sip_msg *m)
{
	return wire_txn(c, wire_our_key(m, SIP_INVITE));
}

static const char *sent_request(struct checker *c, const struct sip_msg *m, const struct addr *to)
{
	uint64_t key = wire_our_key(m, m->cseq.method);
	struct txn *t = wire_txn(c, key);
	struct leg_seen *l = wire_leg_of(c, m);
	if (t) return t->request == wire_hash(m->bytes) ? NULL : "another request had its branch";
	if (m->method == SIP_ACK) {
		if (l) note_told(c, l, m);
		return fault_of_ack(c, l, invite_of(c, m), m);
	}
	if (m->method == SIP_INVITE && m->to.tag.n == 0) {
		l = wire_leg_need(c, m, false);
		l->peer = *to;
	}
	const char *wrong = m->method == SIP_CANCEL ? fault_of_cancel(c, invite_of(c, m)) : fault_in_leg(c, l, m);
	if (!wrong) wrong = fault_of_description(c, m);
	wire_txn_add(c, key, m, to);
	if (m->method != SIP_CANCEL) note_request(c, l, m);
	else if (l) l->cancelled_ms = check_now(c);
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

static bool is_hostile(const struct checker *c, const struct addr *to)
{
	return strstr(party_name_at(sim_parties(c->sim), to), "(hostile)");
}

// A BYE for which there was no transaction ends its call all the same, if it came from where its party is known to be.
static bool ends_unanswered(const struct leg_seen *l, const struct addr *from, const struct sip_msg *m)
{
	return m->status == 503 && wire_hash(m->from.tag) == l->remote_tag && addr_eq(from, &l->peer);
}

// A request in the dialog that was taken tells where its party is now.
static bool takes(const struct txn *t, uint16_t status)
{
	return !t->initial && t->method != SIP_CANCEL && status != 401 && status != 403 && status != 481 && status != 503;
}

// What the leg of an INVITE has become by this response, which goes to where its request came from. (By the marks of
// that request alone it may be one that came before, from somebody who was overheard.)
static void note_in_leg(struct checker *c, const struct txn *t, const struct sip_msg *m, const struct addr *to)
{
	struct leg_seen *l = wire_leg_of(c, m);
	if (!l) return;
	if (t->method == SIP_BYE && (m->status == 200 || ends_unanswered(l, to, m))) wire_note_end(l, t->at_ms);
	if (takes(t, m->status)) l->peer = *to;
	if (t->method == SIP_BYE && (m->status == 481 || m->status == 503) && !l->left_ms) l->left_ms = check_now(c);
	if (t->describes && m->status >= 300) l->heard = l->heard_before;
	note_told(c, l, m);
	if (t->method != SIP_INVITE || m->status == 100) return;
	if (!t->initial || m->to.tag.n != OWN_TAG) return;
	l->made = true;
	if (!l->remote_tag) l->remote_tag = wire_hash(m->from.tag), l->peer = *to;
	l->attempts += t->final == wire_hash(m->bytes);
	if (m->status >= 300 && !l->refused_ms) l->refused_ms = check_now(c);
	if (m->status < 200 || m->status >= 300 || l->answered_ms) return;
	l->answered_ms = check_now(c);
	l->peer = *to;
	l->unsynced = check_is_unsynced(c, l->call_id);
}

// What keeps no state may be said anew: a challenge has another nonce each time.
static bool is_stateless(const struct txn *t, const struct sip_msg *m)
{
	bool in_dialog = t->method == SIP_INVITE && !t->initial;
	bool stranger = in_dialog && (m->status == 481 || m->status == 403); // of no dialog, or another's
	bool no_room = !t->initial && m->status == 503; // for a transaction: there may be when it comes again
	return stranger || no_room || m->status == 401 || t->method == SIP_CANCEL || (t->initial && m->to.tag.n != OWN_TAG);
}

// Is it the one response that this transaction may have now?
static const char *fault_in_txn(const struct checker *c, const struct txn *t, const struct sip_msg *m)
{
	bool forgetful = sim_plan(c->sim)->faults & FAULT(ALLOCATION); // without memory nothing keeps state
	if (forgetful || is_stateless(t, m) || t->forged) return NULL;
	if (t->final && t->final != wire_hash(m->bytes)) return "another response came after the final one";
	bool other = m->status > 100 && t->to_tag && t->to_tag != wire_hash(m->to.tag);
	return other ? "its To tag changed within a transaction" : NULL;
}

static void note_response(struct checker *c, struct txn *t, const struct sip_msg *m, const struct addr *to)
{
	if (m->status > 100 && m->to.tag.n == OWN_TAG) t->to_tag = wire_hash(m->to.tag);
	if (m->status >= 200 && !is_stateless(t, m) && !t->final) {
		t->final = wire_hash(m->bytes);
		t->final_ms = check_now(c);
	}
	note_in_leg(c, t, m, to);
	t->refused |= m->status == 401 || (!t->initial && m->status == 503); // it keeps no state: what comes again is new
}

static struct txn *request_of(const struct checker *c, const struct sip_msg *m)
{
	struct txn *t = wire_txn(c, wire_their_key(m, m->to.tag));
	return t ? t : wire_txn(c, wire_their_key(m, STR(""))); // its To tag is ours
}

static const char *sent_response(struct checker *c, const struct sip_msg *m, const struct addr *to)
{
	struct txn *t = request_of(c, m);
	bool again = t && t->final == wire_hash(m->bytes);
	if (!t) return is_hostile(c, to) ? NULL : "it answers what nobody asked";
	if (again) return NULL;
	if (t->use && lets_in(m->status) && wire_note_use(c, t)) return "it lets in a second request with used credentials";
	const char *wrong = NULL;
	bool refused = m->status == 503 && t->initial && t->method == SIP_INVITE && m->to.tag.n != OWN_TAG;
	if (refused && !is_hostile(c, to)) wrong = check_refusal(c, m);
	if (m->status > 100 && !m->to.tag.n) wrong = "its To has no tag";
	if (!wrong) wrong = fault_of_description(c, m);
	if (!wrong) wrong = fault_in_txn(c, t, m);
	if (!wrong && t->method == SIP_INFO && m->status == 200 && wire_leg_of(c, m))
		wrong = media_took_info(c, wire_leg_of(c, m));
	if (wrong && is_hostile(c, to)) wrong = NULL; // who plays with its own requests gets odd answers
	note_response(c, t, m, to);
	return wrong;
}

// What is said to nonsense, in the same millisecond, may repeat it, and may look like an answer to something else.
static bool is_excused(const struct checker *c, const struct reading *r)
{
	return !r->msg.is_request && c->nonsense_ms == check_now(c) && (!r->good || r->msg.status >= 400);
}

// A leg's own response to an INVITE, or to a BYE for which there was no room: it counts, whatever else came in its
// millisecond.
static bool ends_something(const struct checker *c, const struct sip_msg *m)
{
	const struct txn *t = m->to.tag.n == OWN_TAG ? request_of(c, m) : NULL;
	if (!t) return false;
	return t->initial ? m->cseq.method == SIP_INVITE : m->cseq.method == SIP_BYE && m->status == 503;
}

void check_sent(struct checker *c, const struct packet *p)
{
	if (p->data.n <= 4) return; // a keep-alive
	const struct reading *r = reading_of(c->sim, p->data);
	const struct sip_msg *m = &r->msg;
	bool excused = is_excused(c, r);
	const char *wrong = NULL;
	if (excused && !(r->good && ends_something(c, m))) return;
	if (!r->good) wrong = r->fault.why ? r->fault.why : "it is no SIP";
	if (!wrong) wrong = fault_of_head(m);
	if (!wrong) wrong = m->is_request ? sent_request(c, m, &p->peer) : sent_response(c, m, &p->peer);
	if (wrong && !excused)
		FAIL(c, m->call_id, "the switch sends a message that is wrong: %s\n\n%.*s", wrong, STR_FMT(p->data));
}
