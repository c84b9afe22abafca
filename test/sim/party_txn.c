// Transactions of parties over UDP (RFC 3261 §17, RFC 6026), client and server in one structure: what is repeated, until
// when, and what answers a repetition. What is over stays known for a while, so that a late message is told from one
// that nobody asked for.
#include "sim/party_inside.h"

static struct txn *find(struct parties *all, const struct ua *p, struct str branch, bool server,
                        enum sip_method method)
{
	struct map_node *node = map_find(&all->by_branch, branch);
	for (; node; node = map_find_next(&all->by_branch, node)) {
		struct txn *t = LIST_OF(node, struct txn, by_branch);
		if (t->server == server && t->method == method && t->party == p) return t;
	}
	return NULL;
}

// It waits for something of the other side; after that it is only remembered.
static bool waits(const struct txn *t)
{
	if (!t->server) return t->status == 0;
	return t->status == 0 || (t->method == SIP_INVITE && !t->acked);
}

static struct txn *ua_txn_new(struct ua *p, ref dialog, bool server, enum sip_method method, struct str branch)
{
	struct parties *all = p->all;
	struct txn *t = branch.n < sizeof t->branch ? pool_get(&all->txns) : NULL;
	if (!t) return NULL;
	t->party = p;
	t->dialog = dialog;
	t->server = server;
	t->method = method;
	t->began_ms = party_now(p);
	str_to_z(t->branch, sizeof t->branch, branch);
	map_add(&all->by_branch, &t->by_branch, str_from(t->branch));
	all->live_txns++;
	return t;
}

static void settled(struct txn *t, bool waited)
{
	if (waited && !waits(t)) t->party->all->live_txns--;
}

void ua_txn_free(struct parties *all, struct txn *t)
{
	if (waits(t)) all->live_txns--;
	map_remove(&all->by_branch, &t->by_branch);
	wheel_stop(&all->wheel, &t->resend);
	wheel_stop(&all->wheel, &t->end);
	slab_free(&all->texts, t->text);
	slab_free(&all->texts, t->more);
	pool_put(&all->txns, t);
}

static void start(struct txn *t, struct timer *timer, uint32_t after_ms, enum party_timer kind)
{
	party_timer(t->party, timer, after_ms, kind, pool_ref(&t->party->all->txns, t));
}

static void keep(struct txn *t, struct str *slot, struct str text)
{
	struct parties *all = t->party->all;
	slab_free(&all->texts, *slot);
	*slot = slab_dup(&all->texts, text);
}

static void stop_resending(struct txn *t)
{
	wheel_stop(&t->party->all->wheel, &t->resend);
}

// CLIENTS

struct txn *client_send(struct ua *p, struct dialog *d, const struct request *r)
{
	char text[MESSAGE_MAX], memory[40];
	struct buf b = buf_on(text, sizeof text);
	struct str branch = r->branch.n ? r->branch : new_branch(p, memory);
	put_request(&b, p, r, branch);
	struct txn *t = b.err == OK ? ua_txn_new(p, d ? pool_ref(&p->all->dialogs, d) : 0, false, r->method, branch) : NULL;
	if (!t) return NULL;
	t->cseq = r->cseq;
	t->interval_ms = T1_MS;
	keep(t, &t->text, buf_str(&b));
	start(t, &t->resend, t->interval_ms, TIMER_RESEND);
	start(t, &t->end, GIVE_UP_MS, TIMER_END);
	party_send(p, t->text);
	return t;
}

// CANCEL has the INVITE's own Via, From, To, Call-ID and number (RFC 3261 9.1).
void client_cancel(struct txn *invite)
{
	struct ua *p = invite->party;
	const struct reading *r = reading_of(p->all->sim, invite->text);
	const struct sip_msg *m = &r->msg;
	if (!r->good) return;
	client_send(p, NULL,
		&(struct request){ .method = SIP_CANCEL, .branch = str_from(invite->branch), .uri = m->uri_text,
			.from = sip_msg_header(m, SIP_H_FROM), .to = sip_msg_header(m, SIP_H_TO), .call_id = m->call_id,
			.cseq = invite->cseq });
	// No answer at all: it is given up (RFC 3261 9.1).
	start(invite, &invite->end, GIVE_UP_MS, TIMER_END);
}

void client_keep_ack(struct txn *t, struct str text)
{
	keep(t, &t->more, text);
}

void client_forget(struct txn *t)
{
	if (t->proceeding) start(t, &t->end, GIVE_UP_MS, TIMER_END);
}

static void tell_response(struct txn *t, const struct sip_msg *m, bool again)
{
	struct dialog *d = t->dialog ? pool_at(&t->party->all->dialogs, t->dialog) : NULL;
	if (t->method == SIP_REGISTER) {
		if (!again && m->status >= 200) register_on_response(t->party, m);
	} else if (d) {
		call_on_response(d, t, m, again);
	} else if (again && t->more.n) {
		party_send(t->party, t->more); // the dialog is over; its 2xx still wants the ACK
	}
}

// The ACK of a refusal is the transaction's own (RFC 3261 17.1.1.3).
static void acknowledge_refusal(struct txn *t, const struct sip_msg *m)
{
	char text[MESSAGE_MAX];
	struct buf b = buf_on(text, sizeof text);
	const struct reading *r = reading_of(t->party->all->sim, t->text);
	const struct sip_msg *invite = &r->msg;
	if (!r->good) return;
	put_request(&b, t->party,
		&(struct request){ .method = SIP_ACK, .uri = invite->uri_text, .from = sip_msg_header(invite, SIP_H_FROM),
			.to = sip_msg_header(m, SIP_H_TO), .call_id = invite->call_id, .cseq = t->cseq },
		str_from(t->branch));
	if (b.err == OK) keep(t, &t->more, buf_str(&b));
	party_send(t->party, t->more);
}

static void client_on_final(struct txn *t, const struct sip_msg *m)
{
	bool again = t->status != 0, waited = waits(t);
	stop_resending(t);
	if (!again) {
		t->status = m->status;
		str_to_z(t->to_tag, sizeof t->to_tag, m->to.tag);
		// A refusal for want of room keeps no state: a copy of the INVITE may find room, and ring.
		bool may_ring = t->method == SIP_INVITE && m->status == 503;
		start(t, &t->end, may_ring ? RINGS_MS : KNOWN_MS, TIMER_END);
		settled(t, waited);
	}
	if (t->method == SIP_INVITE && m->status >= 300) {
		if (t->more.n) party_send(t->party, t->more);
		else acknowledge_refusal(t, m); // also of one that comes when it had given up
	}
	// The last thing: the dialog may end with it.
	if (!again || (t->method == SIP_INVITE && m->status < 300)) tell_response(t, m, again);
}

static void client_receive(struct ua *p, const struct sip_msg *m)
{
	struct txn *t = find(p->all, p, m->via.branch, false, m->method);
	if (!t) {
		judge_stray_response(p, m);
		return;
	}
	judge_response(t, m);
	if (m->status >= 200) {
		client_on_final(t, m);
	} else if (t->status == 0) {
		if (t->method == SIP_INVITE) {
			stop_resending(t);
			if (!t->proceeding && t->dialog) wheel_stop(&p->all->wheel, &t->end); // else nobody waits for it any more
		} else {
			t->interval_ms = T2_MS;
		}
		t->proceeding = true;
		tell_response(t, m, false);
	}
}

// SERVERS

static void repeat_final(struct txn *t)
{
	if (t->method != SIP_INVITE) return;
	t->interval_ms = T1_MS;
	start(t, &t->resend, t->interval_ms, TIMER_RESEND);
}

void server_respond(struct txn *t, uint16_t status, struct str text)
{
	bool waited = waits(t);
	if (t->status) return;
	keep(t, &t->text, text);
	if (status >= 200) {
		t->status = status;
		start(t, &t->end, t->method == SIP_INVITE ? GIVE_UP_MS : KNOWN_MS, TIMER_END);
		repeat_final(t);
	}
	settled(t, waited);
	party_send(t->party, t->text);
}

void server_acked(struct txn *t)
{
	bool waited = waits(t);
	if (!t->status || t->acked) return;
	t->acked = true;
	stop_resending(t);
	start(t, &t->end, KNOWN_MS, TIMER_END);
	settled(t, waited);
}

static void receive_cancel(struct ua *p, const struct sip_msg *m)
{
	struct txn *t = find(p->all, p, m->via.branch, true, SIP_CANCEL);
	struct txn *invite = find(p->all, p, m->via.branch, true, SIP_INVITE);
	if (t) {
		if (t->text.n) party_send(p, t->text);
		return;
	}
	t = ua_txn_new(p, 0, true, SIP_CANCEL, m->via.branch);
	if (!t) return;
	if (!invite) judge_stray_request(p, m);
	reply(t, m, invite ? 200 : 481, STR(""));
	if (invite && !invite->status) answer_on_cancel(invite, m);
}

static void server_receive(struct ua *p, const struct sip_msg *m)
{
	struct txn *t = find(p->all, p, m->via.branch, true, m->method == SIP_ACK ? SIP_INVITE : m->method);
	if (m->method == SIP_ACK) {
		if (t && t->status >= 300) server_acked(t);
		else dialog_on_ack(p, m);
	} else if (m->method == SIP_CANCEL) {
		receive_cancel(p, m);
	} else if (t) {
		if (t->text.n && !t->acked) party_send(p, t->text);
	} else {
		judge_request(p, m);
		t = ua_txn_new(p, 0, true, m->method, m->via.branch);
		if (!t) return;
		t->cseq = m->cseq.number;
		start(t, &t->end, GIVE_UP_MS, TIMER_END); // if it is never answered; a dialog that takes it stops that
		dialog_on_request(p, t, m);
	}
}

void ua_txn_receive(struct ua *p, const struct sip_msg *m)
{
	if (m->is_request) server_receive(p, m);
	else client_receive(p, m);
}

// TIMERS

static void resend(struct txn *t)
{
	t->interval_ms *= 2;
	if ((t->server || t->method != SIP_INVITE) && t->interval_ms > T2_MS) t->interval_ms = T2_MS;
	start(t, &t->resend, t->interval_ms, TIMER_RESEND);
	party_send(t->party, t->text);
}

// Nobody answered for 64 T1, or nobody acknowledged.
static void timed_out(struct txn *t)
{
	struct parties *all = t->party->all;
	struct dialog *d = t->dialog ? pool_at(&all->dialogs, t->dialog) : NULL;
	judge_silence(t);
	t->status = 408;
	t->acked = true;
	all->live_txns--;
	stop_resending(t);
	// Of a request the last copy may have been held back, and come just before: the switch rings, and repeats its 2xx; or
	// has answered, and repeats that when somebody who overheard it says it again.
	bool may_ring = !t->server && t->method == SIP_INVITE;
	start(t, &t->end, may_ring ? RINGS_MS : t->server ? KNOWN_MS - GIVE_UP_MS : KNOWN_MS, TIMER_END);
	if (t->method == SIP_REGISTER) register_on_response(t->party, NULL);
	else if (d && t->server) answer_on_no_ack(d, t);
	else if (d) call_on_timeout(d, t);
}

void ua_txn_timer(struct parties *all, struct timer *timer)
{
	struct txn *t = pool_at(&all->txns, timer->owner);
	if (!t) return;
	if (timer->kind == TIMER_RESEND) resend(t);
	else if (waits(t)) timed_out(t);
	else ua_txn_free(all, t);
}
