// What a party begins: the INVITE, what comes of it, and giving up while it rings.
#include "sim/party_inside.h"
#include "sim/weather.h"

#define PATIENCE_MS 240000u // of who does not give up: longer than the switch lets anything ring

// WHOM IT CALLS

static void put_national(struct buf *b, const struct ua *to)
{
	put_z(b, to->number[0] == '1' && strlen(to->number) == 11 ? to->number + 1 : to->number);
}

static void put_foreign(struct buf *b, const struct ua *p)
{
	put_u64(b, party_between(p, 212, 219));
	put_z(b, "555");
	put_u64(b, party_between(p, 1000, 9999));
}

// Digits that mean something, most of the time.
static void choose_number(struct ua *p, char out[40])
{
	static const char *const odd[] = { "911", "0", "611", "5551", "6035559999", "9005551234", "18005551212", "*99",
		"011441632960123", "6035550" };
	struct buf b = buf_on(out, 39);
	uint32_t die = party_between(p, 0, 99);
	bool in_need = !p->group && sim_plan(p->all->sim)->faults & 1u << FAULT_POOLS && sim_chance(p->all->sim, SIM_POOLS, 500);
	if (in_need) {
		put_z(&b, "911");
	} else if (p->group) {
		put_c(&b, '+');
		put_z(&b, party_random_line(p)->number);
	} else if (die < 75) {
		put_national(&b, party_random_line(p));
	} else if (die < 95) {
		put_foreign(&b, p);
	} else {
		put_z(&b, odd[party_between(p, 0, ARRAY_LEN(odd) - 1)]);
	}
	out[b.n] = '\0';
}

static void choose_digits(struct ua *p, char out[40])
{
	static const char *const codes[] = { "*67", "*82", "*73", "*91", "*93", "*72", "*90", "*92" };
	choose_number(p, out);
	if (!party_chance(p, p->as->star_codes * 10)) return;
	char number[40];
	uint32_t code = party_between(p, 0, ARRAY_LEN(codes) - 1);
	str_to_z(number, sizeof number, str_from(out));
	struct buf b = buf_on(out, 39);
	put_z(&b, codes[code]);
	if (code < 2 || code > 4) put_z(&b, number);
	out[b.n] = '\0';
}

// WHAT IT SENDS

static void send_invite(struct dialog *d)
{
	char memory[MESSAGE_MAX], uri_from[sizeof d->remote];
	struct ua *p = d->party;
	struct str sdp = d->late_offer ? STR("") : sdp_mine(d, false, memory);
	struct buf to = buf_on(uri_from, sizeof uri_from);
	put_c(&to, '<');
	put_z(&to, d->uri);
	put_c(&to, '>');
	d->invite_cseq = ++d->local_cseq;
	struct txn *t = client_send(p, d,
		&(struct request){ .method = SIP_INVITE, .uri = str_from(d->uri), .from = str_from(d->local),
			.to = buf_str(&to), .call_id = str_from(d->call_id), .cseq = d->local_cseq, .body = sdp, .contact = true,
			.credentials = !p->group,
			.extra = STR("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO\r\nSupported: replaces\r\n") });
	d->my_offer_open = sdp.n != 0;
	d->far = (struct sdp_seen){ 0 }; // what an INVITE before brought was of another dialog
	d->inviting = t ? pool_ref(&p->all->txns, t) : 0;
}

static void put_names(struct dialog *d)
{
	struct ua *p = d->party;
	char host[64];
	struct buf uri = buf_on(d->uri, sizeof d->uri - 1), from = buf_on(d->local, sizeof d->local - 1);
	struct buf h = buf_on(host, sizeof host - 1);
	put_addr(&h, &p->sw);
	put_z(&uri, "sip:");
	if (d->dial_tone) put_z(&uri, "dialtone");
	else put_sip_user(&uri, str_from(d->digits));
	put_c(&uri, '@');
	put(&uri, buf_str(&h));
	d->uri[uri.n] = '\0';
	if (p->group) {
		trunk_caller(p, d->local);
		from.n = (uint32_t)strlen(d->local);
	} else {
		put_z(&from, p->aor);
	}
	put_z(&from, ";tag=");
	put_z(&from, d->local_tag);
	d->local[from.n] = '\0';
}

static uint32_t patience(struct ua *p)
{
	if (!party_chance(p, p->as->gives_up)) return PATIENCE_MS;
	return party_between(p, 0, party_chance(p, 5000) ? 2000 : 15000);
}

bool call_begin(struct ua *p)
{
	char id[64];
	struct buf b = buf_on(id, sizeof id);
	put_hex(&b, ++p->all->ids_made, 8);
	put_c(&b, '-');
	put_hex(&b, random_u64(sim_random(p->all->sim, SIM_PARTIES)), 16);
	struct dialog *d = dialog_new(p, buf_str(&b), true);
	if (!d) return false;
	d->dial_tone = party_chance(p, p->as->dial_tone);
	d->late_offer = !d->dial_tone && party_chance(p, 300);
	d->cancelled = false;
	if (d->dial_tone) choose_digits(p, d->digits);
	else choose_number(p, d->digits);
	d->seen->dial_tone = d->dial_tone;
	str_to_z(d->seen->dialled, sizeof d->seen->dialled, str_from(d->digits));
	put_names(d);
	party_timer(p, &d->clock, patience(p), TIMER_DIALOG, pool_ref(&p->all->dialogs, d));
	send_invite(d);
	return true;
}

// CANCEL waits for a provisional response (RFC 3261 9.1).
void call_give_up(struct dialog *d)
{
	struct txn *t = d->inviting ? pool_at(&d->party->all->txns, d->inviting) : NULL;
	if (d->cancelled) return;
	d->cancel_wanted = true;
	if (!t || !t->proceeding || t->status) return;
	d->cancelled = true;
	d->seen->by_me = true;
	client_cancel(t);
}

// WHAT COMES BACK

static void on_provisional(struct dialog *d, const struct sip_msg *m)
{
	if (m->status > 100 && !d->seen->rang_ms) d->seen->rang_ms = party_now(d->party);
	if (m->body.n && d->my_offer_open && sdp_take(d, m, true)) d->my_offer_open = false;
	if (d->cancel_wanted) call_give_up(d);
}

static void on_refusal(struct dialog *d, const struct sip_msg *m)
{
	bool challenged = m->status == 401 && ++d->tries <= 3 && take_challenge(d->party, m);
	d->inviting = 0;
	if (challenged && !d->cancel_wanted) {
		send_invite(d);
		return;
	}
	d->seen->status = m->status;
	dialog_end(d, d->cancelled || challenged); // challenged: it has given up meanwhile
}

static void learn(struct dialog *d, const struct sip_msg *m)
{
	struct sip_name_addr contact;
	str_to_z(d->remote, sizeof d->remote, sip_msg_header(m, SIP_H_TO));
	str_to_z(d->remote_tag, sizeof d->remote_tag, m->to.tag);
	if (sip_name_addr_parse(&contact, sip_msg_header(m, SIP_H_CONTACT)) == PARSE_OK)
		str_to_z(d->target, sizeof d->target, contact.uri.text);
}

// The answer or offer of a 2xx, and its ACK, which carries our answer when that was an offer.
static void acknowledge(struct dialog *d, struct txn *t, const struct sip_msg *m)
{
	char memory[MESSAGE_MAX], sdp_memory[MESSAGE_MAX];
	struct str sdp = STR("");
	bool forgets = d->lost_ack;
	if (d->my_offer_open) {
		if (m->body.n) sdp_take(d, m, true);
		else judge_dialog(d, m, "its 2xx brings no answer to the offer");
		d->my_offer_open = false;
	} else if (m->body.n && t->cseq == d->invite_cseq && d->far.media_count == 0) {
		if (sdp_take(d, m, false)) sdp = sdp_mine(d, true, sdp_memory);
	}
	struct str ack = dialog_ack(d, t->cseq, sdp, memory);
	if (forgets) return;
	client_keep_ack(t, ack);
	party_send(d->party, ack);
}

static void on_answer(struct dialog *d, struct txn *t, const struct sip_msg *m)
{
	struct ua *p = d->party;
	d->inviting = 0;
	learn(d, m);
	d->seen->answered_ms = party_now(p);
	d->seen->status = m->status;
	d->lost_ack = party_chance(p, p->as->no_ack);
	// It gives up in the instant of the answer: the two cross.
	if (!d->cancelled && party_chance(p, p->as->gives_up_at_answer)) {
		d->cancelled = d->cancel_wanted = true;
		client_cancel(t);
	}
	acknowledge(d, t, m);
	d->talk = TALK_UP;
	d->seen->acked_ms = d->seen->answered_ms;
	if (d->lost_ack) d->seen->forgets = true;
	if (d->cancel_wanted) talk_hang_up(d);
	else talk_begin(d);
}

static void on_success(struct dialog *d, struct txn *t, const struct sip_msg *m, bool again)
{
	if (again) {
		if (!str_eq(m->to.tag, str_from(t->to_tag))) {
			if (judge_calm_since(d->party->all, d->began_ms)) judge_dialog(d, m, "a second dialog answers, of a B2BUA");
		} else if (t->more.n) {
			party_send(d->party, t->more);
		}
	} else if (d->talk == TALK_CALLING) {
		on_answer(d, t, m);
	} else {
		d->inviting = 0;
		acknowledge(d, t, m);
	}
}

// A re-INVITE that was refused changed nothing (RFC 3261 14.1).
static void on_reinvite_refused(struct dialog *d, const struct sip_msg *m)
{
	d->inviting = 0;
	if (d->my_offer_open) d->said = d->said_before;
	d->my_offer_open = false;
	if (m->status == 401 && ++d->tries <= 3 && take_challenge(d->party, m)) {
		if (d->talk == TALK_UP) talk_reinvite(d);
	} else if (m->status == 481 || m->status == 408) {
		if (d->talk == TALK_UP) talk_hang_up(d);
	} else if (m->status == 491) {
		// RFC 3261 14.1: the owner of the Call-ID waits longer.
		uint32_t least = d->caller ? 2100 : 0, most = d->caller ? 4000 : 2000;
		talk_later(d, party_between(d->party, least, most));
	}
}

static void on_bye_response(struct dialog *d, const struct sip_msg *m)
{
	if (m->status == 401 && ++d->tries <= 3 && take_challenge(d->party, m)) {
		dialog_send(d, SIP_BYE, STR(""));
		return;
	}
	// Without a transaction for it the switch says 503, and ends the call.
	if (m->status == 200 || m->status == 503) d->seen->bye_heard_ms = party_now(d->party);
	dialog_end(d, true);
}

void call_on_response(struct dialog *d, struct txn *t, const struct sip_msg *m, bool again)
{
	if (t->method == SIP_BYE) {
		if (m->status >= 200) on_bye_response(d, m);
	} else if (t->method != SIP_INVITE) {
		return;
	} else if (m->status >= 200 && m->status < 300) {
		on_success(d, t, m, again);
	} else if (d->talk == TALK_CALLING) {
		if (m->status < 200 && d->inviting != pool_ref(&d->party->all->txns, t)) return; // of an INVITE before
		if (m->status < 200) on_provisional(d, m);
		else on_refusal(d, m);
	} else if (m->status >= 300) {
		on_reinvite_refused(d, m);
	}
}

void call_on_timeout(struct dialog *d, struct txn *t)
{
	ref self = pool_ref(&d->party->all->txns, t);
	if (t->method == SIP_BYE) {
		d->seen->forgets = true; // the switch may not know
		dialog_end(d, true);
	} else if (d->inviting == self) {
		d->inviting = 0;
		d->seen->forgets = true;
		if (d->talk == TALK_UP) talk_hang_up(d); // RFC 3261 12.2.1.2
		else if (d->talk == TALK_CALLING) dialog_end(d, true);
	}
}
