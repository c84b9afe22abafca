// Dialogs of a party (RFC 3261 §12): what they are made of, requests in them, their end.
#include "sim/party_inside.h"
#include "sim/plane.h"

struct dialog *dialog_new(struct ua *p, struct str call_id, bool caller)
{
	struct parties *all = p->all;
	struct dialog *d = call_id.n < sizeof d->call_id ? pool_get(&all->dialogs) : NULL;
	if (!d) return NULL;
	d->party = p;
	d->caller = caller;
	d->talk = caller ? TALK_CALLING : TALK_INVITED;
	d->began_ms = party_now(p);
	d->media_port = p->media_port;
	p->media_port = p->media_port < 39998 ? (uint16_t)(p->media_port + 2) : 10000;
	d->my_way = WAY_SENDRECV;
	str_to_z(d->call_id, sizeof d->call_id, call_id);
	new_tag(d->local_tag, p, call_id);
	map_add(&all->by_id, &d->by_id, str_from(d->call_id));
	list_add_last(&p->dialogs, &d->of_party);
	p->standing++;
	party_not_idle(p);
	d->seen = ledger_call(sim_ledger(all->sim), &p->end.addr, call_id, caller ? LEDGER_CALLER : LEDGER_CALLED);
	d->seen->line = p->line;
	d->seen->hostile = p->as->hostile != 0;
	d->seen->forgets |= d->seen->began_ms != 0; // two of one Call-ID, by a changed INVITE: which one was the call?
	d->seen->began_ms = d->began_ms;
	d->seen->ear = p->end.addr;
	d->seen->ear.port = d->media_port;
	return d;
}

struct dialog *dialog_of(struct ua *p, const struct sip_msg *m)
{
	struct map_node *node = map_find(&p->all->by_id, m->call_id);
	for (; node; node = map_find_next(&p->all->by_id, node)) {
		struct dialog *d = LIST_OF(node, struct dialog, by_id);
		struct str tag = m->is_request ? m->to.tag : m->from.tag;
		if (d->party == p && str_eq(tag, str_from(d->local_tag))) return d;
	}
	return NULL;
}

// What of its INVITEs still waits goes on alone: a repeated 2xx is acknowledged, a refusal acknowledged to.
static void let_go(struct parties *all, ref r)
{
	struct txn *t = r ? pool_at(&all->txns, r) : NULL;
	if (!t) return;
	t->dialog = 0;
	if (t->server && !t->status) ua_txn_free(all, t);
	else if (t->server) server_acked(t);
	else if (!t->status) client_forget(t);
}

void dialog_voice(const struct dialog *d, bool speaks)
{
	if (d->seen->told.family) plane_quiet(sim_plane(d->party->all->sim), &d->seen->ear, &d->seen->told, !speaks);
}

void dialog_end(struct dialog *d, bool by_me)
{
	struct ua *p = d->party;
	struct parties *all = p->all;
	if (!d->seen->ended_ms) {
		d->seen->ended_ms = party_now(p);
		d->seen->by_me = by_me;
	}
	if (d->seen->forgets) dialog_voice(d, false); // the switch learns it by its silence
	wheel_stop(&all->wheel, &d->clock);
	let_go(all, d->inviting);
	let_go(all, d->invited);
	map_remove(&all->by_id, &d->by_id);
	list_remove(&d->of_party);
	pool_put(&all->dialogs, d);
	p->standing--;
	party_idle(p);
}

void dialog_send(struct dialog *d, enum sip_method method, struct str body)
{
	struct request r = { .method = method, .uri = str_from(d->target), .from = str_from(d->local),
		.to = str_from(d->remote), .call_id = str_from(d->call_id), .cseq = ++d->local_cseq, .body = body,
		.contact = method == SIP_INVITE, .credentials = d->tries > 0 };
	struct txn *t = client_send(d->party, d, &r);
	if (method != SIP_INVITE) return;
	d->invite_cseq = r.cseq;
	d->inviting = t ? pool_ref(&d->party->all->txns, t) : 0;
	d->my_offer_open = body.n != 0;
}

struct str dialog_ack(struct dialog *d, uint32_t cseq, struct str body, char memory[MESSAGE_MAX])
{
	char branch[40];
	struct buf b = buf_on(memory, MESSAGE_MAX);
	put_request(&b, d->party,
		&(struct request){ .method = SIP_ACK, .uri = str_from(d->target), .from = str_from(d->local),
			.to = str_from(d->remote), .call_id = str_from(d->call_id), .cseq = cseq, .body = body },
		new_branch(d->party, branch));
	return b.err == OK ? buf_str(&b) : STR("");
}

// RECEIVING

static void refresh_target(struct dialog *d, const struct sip_msg *m)
{
	struct sip_name_addr contact;
	if (sip_msg_has(m, SIP_H_CONTACT) && sip_name_addr_parse(&contact, sip_msg_header(m, SIP_H_CONTACT)) == PARSE_OK)
		str_to_z(d->target, sizeof d->target, contact.uri.text);
}

void dialog_on_bye(struct dialog *d, struct txn *t, const struct sip_msg *m)
{
	struct parties *all = d->party->all;
	struct txn *invite = d->invited ? pool_at(&all->txns, d->invited) : NULL;
	if (party_chance(d->party, d->party->as->no_bye_answer)) {
		d->seen->forgets = true; // the switch waits in vain, and knows as much as if it had been answered
	} else {
		reply(t, m, 200, STR(""));
	}
	// A re-INVITE that is open when the call ends gets its answer (RFC 3261 15.1.2).
	if (invite && !invite->status) server_respond(invite, 487, answer_text(d, invite, 487, STR("")));
	d->seen->heard_bye = true;
	dialog_end(d, false);
}

static void in_dialog(struct dialog *d, struct txn *t, const struct sip_msg *m)
{
	judge_cseq(d, m);
	if (m->cseq.number <= d->remote_cseq && d->remote_cseq) { // RFC 3261 12.2.2
		reply(t, m, 500, STR(""));
		return;
	}
	uint64_t ahead = m->cseq.number - (uint64_t)d->remote_cseq;
	d->remote_seen = ahead < 64 ? d->remote_seen << ahead | 1 : 1;
	d->remote_cseq = m->cseq.number;
	switch (m->method) {
	case SIP_BYE: dialog_on_bye(d, t, m); break;
	case SIP_INVITE:
		refresh_target(d, m);
		t->dialog = pool_ref(&d->party->all->dialogs, d);
		answer_on_reinvite(d, t, m);
		break;
	case SIP_INFO:
	case SIP_OPTIONS: reply(t, m, 200, STR("")); break;
	default: reply(t, m, 501, STR(""));
	}
}

void dialog_on_request(struct ua *p, struct txn *t, const struct sip_msg *m)
{
	struct dialog *d = m->to.tag.n ? dialog_of(p, m) : NULL;
	if (d) {
		in_dialog(d, t, m);
	} else if (m->to.tag.n) {
		judge_stray_request(p, m);
		reply(t, m, 481, STR(""));
	} else if (m->method == SIP_INVITE) {
		answer_on_invite(p, t, m);
	} else if (m->method == SIP_OPTIONS) {
		if (party_now(p) < p->silent_until_ms) return;
		reply(t, m, 200, STR("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO\r\nAccept: application/sdp\r\n"));
	} else {
		reply(t, m, 501, STR(""));
	}
}

void dialog_on_ack(struct ua *p, const struct sip_msg *m)
{
	struct dialog *d = dialog_of(p, m);
	struct txn *t = d && d->invited ? pool_at(&p->all->txns, d->invited) : NULL;
	if (!d) {
		judge_stray_request(p, m);
		return;
	}
	if (!t || t->cseq != m->cseq.number || t->acked || !t->status) return; // repeated
	server_acked(t);
	d->invited = 0;
	if (d->my_offer_open && t->status < 300) { // ours was in the 2xx
		d->my_offer_open = false;
		if (m->body.n) sdp_take(d, m, true);
		else if (d->talk == TALK_ANSWERED) // RFC 3261 13.2.1; of a re-INVITE a BYE follows
			judge_dialog(d, m, "its ACK brings no answer to the offer in our 2xx");
	}
	if (d->talk != TALK_ANSWERED) return;
	d->talk = TALK_UP;
	d->seen->acked_ms = party_now(p);
	talk_begin(d);
}
