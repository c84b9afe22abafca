// Provisional responses that are acknowledged (RFC 3262), both ways.
//
//     caller ──INVITE, Supported or Require: 100rel──▶ us       we ──INVITE, Supported: 100rel──▶ called
//            ◀──183 RSeq 5, SDP────────────────────── repeated     ◀──183 RSeq 9, SDP──────────
//            ──PRACK RAck 5─────────────────────────▶              ──PRACK RAck 9─────────────▶
//            ◀──200 (INVITE), without SDP────────────
//
// To a caller who supports it only the 18x that brings the answer goes so: that one must not be lost, and ringing is
// said faster without. To one who requires it all go so, one at a time. Where the INVITE has no offer, the first one
// brings it and its PRACK the answer (§5): ours is the far party's, who was asked for one before it answers.
#include "call/leg/sip_inside.h"

COUNTER(sip_reliable_unacknowledged, "Calls given up because no PRACK came to a provisional response of ours");
COUNTER(sip_reliable_unmatched, "PRACKs of no provisional response of ours that waits for one");
COUNTER(sip_reliable_out_of_order, "Provisional responses passed over because one before them is missing");
COUNTER(sip_reliable_no_dialog, "Provisional responses that want a PRACK and do not say where to");

#define T1_MS 500
#define GIVEN_UP_AFTER 64 // T1

// WE SEND

void reliable_read(struct sip_leg *leg, const struct sip_msg *m)
{
	uint8_t asked = SIP_RELIABLE_NOT;
	if (sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel"))) asked = SIP_RELIABLE_REQUIRED;
	else if (sip_msg_has_token(m, SIP_H_SUPPORTED, STR("100rel"))) asked = SIP_RELIABLE_SUPPORTED;
	if (asked && early_of(leg)) leg->early->reliable.asked = asked;
}

bool reliable_waits(const struct sip_leg *leg)
{
	return leg->early && leg->early->reliable.text.n;
}

bool reliable_may_offer(const struct sip_leg *leg)
{
	return leg->early && leg->early->reliable.asked;
}

static uint32_t t1_ms(const struct sip_leg *leg)
{
	return leg->legs->setup.t1_ms ? leg->legs->setup.t1_ms : T1_MS;
}

static void start_timer(struct sip_leg *leg)
{
	struct sip_reliable *r = &leg->early->reliable;
	uint64_t at_ms = leg->legs->setup.env->now_ms + r->interval_ms;
	if (at_ms > r->until_ms) at_ms = r->until_ms;
	wheel_start(&leg->legs->wheel, &r->timer, at_ms, LEG_TIMER_RELIABLE, leg_ref(leg));
}

// The first number lies anywhere from 1 to 2^31 - 1 (§3). It hangs on the call alone, so that a replay says the same.
static uint32_t first_rseq(const struct sip_leg *leg)
{
	const struct hash_key key = { 0 };
	return (uint32_t)(hash_str(&key, leg->dialog.call_id) % 0x7fffffff) + 1;
}

static void send_now(struct sip_leg *leg, uint16_t status, struct str sdp)
{
	struct sip_reliable *r = &leg->early->reliable;
	uint32_t rseq = r->rseq ? r->rseq + 1 : first_rseq(leg);
	struct str text = out_reliable_response(leg, status, rseq, sdp);
	if (!text.n) return;
	r->rseq = rseq;
	if (sdp.n) r->sdp_said = oa_step(leg, leg->oa == OA_ASK_GOT ? OA_EV_SEND_LATE_OFFER : OA_EV_SEND_ANSWER);
	leg_keep(leg, &r->text, text);
	if (!r->text.n) return; // no memory to repeat it, and none to wait
	r->interval_ms = t1_ms(leg);
	r->until_ms = leg->legs->setup.env->now_ms + (uint64_t)GIVEN_UP_AFTER * t1_ms(leg);
	start_timer(leg);
}

void reliable_send(struct sip_leg *leg, uint16_t status, struct str sdp)
{
	struct sip_reliable *r = leg->early ? &leg->early->reliable : NULL;
	if (!r || !r->asked) {
		out_invite_response(leg, status, sip_status_text(status), STR(""), sdp);
		return;
	}
	bool required = r->asked == SIP_RELIABLE_REQUIRED;
	if (r->sdp_said && (status == 183 || r->rang)) return; // nothing new in it
	if (r->sdp_said) sdp = STR("");
	r->rang |= status == 180;
	if (!required && !sdp.n) out_invite_response(leg, status, sip_status_text(status), STR(""), sdp);
	else if (leg->oa == OA_ASK_GOT && !sdp.n) return; // the first one has to bring the offer
	else if (r->text.n) r->next = status;
	else send_now(leg, status, sdp);
}

void reliable_next(struct sip_leg *leg)
{
	struct sip_reliable *r = leg->early ? &leg->early->reliable : NULL;
	uint16_t status = r ? r->next : 0;
	if (!status) return;
	r->next = 0;
	send_now(leg, status, r->sdp_said ? STR("") : leg->answer);
}

void reliable_due(struct sip_leg *leg)
{
	struct sip_reliable *r = &leg->early->reliable;
	uint32_t status;
	struct str first = str_from_at(r->text, sizeof "SIP/2.0 " - 1);
	if (leg->legs->setup.env->now_ms >= r->until_ms) {
		COUNT(sip_reliable_unacknowledged);
		leg_step(leg, LEG_EV_NO_PRACK, &(struct leg_input){ 0 });
	} else if (str_to_u32(&status, str_cut(&first, ' '), 199) == OK) {
		enum err e = sip_server_respond(leg->legs->setup.stack, leg->invite_txn, (uint16_t)status, r->text);
		if (e != OK) r->until_ms = 0; // its transaction is gone: the next time ends it
		r->interval_ms *= 2; // without T2 as a bound
		start_timer(leg);
	}
}

void reliable_acknowledged(struct sip_leg *leg)
{
	leg->early->reliable.text = slab_free(&leg->legs->texts, leg->early->reliable.text);
	wheel_stop(&leg->legs->wheel, &leg->early->reliable.timer);
}

static struct str cut_word(struct str *text)
{
	*text = str_trim(*text);
	return str_cut(text, ' ');
}

// "776656 1 INVITE"
static bool names(const struct sip_leg *leg, struct str rack)
{
	uint32_t rseq, cseq;
	struct str first = cut_word(&rack), second = cut_word(&rack);
	return str_to_u32(&rseq, first, UINT32_MAX) == OK && str_to_u32(&cseq, second, UINT32_MAX) == OK &&
	       rseq == leg->early->reliable.rseq && cseq == leg->invite_cseq && str_eq(str_trim(rack), STR("INVITE"));
}

// It answers the offer of our 18x.
static void answered(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from, struct str sdp)
{
	struct sip_legs *ls = leg->legs;
	ref self = leg_ref(leg);
	if (!sdp.n || !oa_step(leg, OA_EV_GET_ANSWER)) { // it had to (RFC 3262 5)
		out_reply(leg, txn, m, from, 400, STR(""));
		return;
	}
	reliable_acknowledged(leg);
	out_reply(leg, txn, m, from, 200, STR(""));
	leg_tell(leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_ANSWER, .sdp = sdp });
	leg = pool_at(&ls->pool, self);
	if (leg) leg_cleared(leg);
}

void reliable_prack(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct str sdp;
	if (!reliable_waits(leg) || !names(leg, sip_msg_header(m, SIP_H_RACK))) {
		COUNT(sip_reliable_unmatched);
		out_reply(leg, txn, m, from, 481, STR(""));
	} else if (!msg_sdp(m, &sdp)) {
		out_reply(leg, txn, m, from, 415, STR("Accept: application/sdp\r\n"));
	} else if (!sdp_is_good(sdp)) {
		out_reply(leg, txn, m, from, 400, STR(""));
	} else if (leg->oa == OA_LATE_OFFER_SENT) {
		answered(leg, txn, m, from, sdp);
	} else if (sdp.n) { // it is acknowledged when its offer is answered
		bool *in_prack = &leg->early->reliable.prack_offers, before = *in_prack;
		*in_prack = true;
		if (!update_offer(leg, txn, m, from, sdp)) *in_prack = before;
	} else {
		reliable_acknowledged(leg);
		out_reply(leg, txn, m, from, 200, STR(""));
		leg_cleared(leg);
	}
}

// THEY SEND

static uint8_t invited_with(const struct sip_leg *leg)
{
	return leg->early ? leg->early->oa_before : leg->oa;
}

// Did we say that we would (§4)? Whoever answers so all the same is taken as if it had not.
static bool is_reliable(const struct sip_leg *leg, const struct sip_msg *m, uint32_t *rseq)
{
	return m->status > 100 && (invited_with(leg) == OA_OFFER_SENT || leg->asks_early) &&
	       sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel")) &&
	       str_to_u32(rseq, sip_msg_header(m, SIP_H_RSEQ), UINT32_MAX) == OK && *rseq > 0;
}

// More branches than are told apart: each repetition is acknowledged and told.
static void acknowledge_alone(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from, uint32_t rseq)
{
	struct sip_dialog spoken = leg->dialog;
	if (sip_dialog_init_uac(&leg->dialog, m, m, from) == OK) {
		leg->dialog.flow_peer = leg->peer;
		out_prack(leg, rseq, m->cseq.number, STR(""));
		sip_dialog_fini(&leg->dialog);
	} else {
		COUNT(sip_reliable_no_dialog);
	}
	leg->dialog = spoken;
}

// Acknowledges it in its dialog; what its SDP is. Their offer is acknowledged later, with its answer.
static enum verb_media acknowledge(struct sip_leg *leg, struct sip_branch *b, const struct sip_msg *m, uint32_t rseq,
	bool has_sdp)
{
	struct sip_early *e = leg->early;
	struct sip_branch *before = e->at ? e->at : b;
	branch_enter(leg, b);
	bool asked = leg->oa == OA_ASK_SENT, brings = has_sdp && oa_step(leg, asked ? OA_EV_GET_LATE_OFFER : OA_EV_GET_ANSWER);
	if (brings && asked) {
		e->offer_rseq = rseq;
		e->offer_cseq = m->cseq.number;
		return MEDIA_OFFER;
	}
	out_prack(leg, rseq, m->cseq.number, STR(""));
	branch_enter(leg, before);
	return brings ? MEDIA_ANSWER : MEDIA_NONE;
}

static bool has_agreed(const struct sip_leg *leg, const struct sip_branch *b)
{
	return b && (leg->early->at == b ? leg->oa : b->oa) == OA_STABLE;
}

bool reliable_take(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from, enum verb_media *brings)
{
	uint32_t rseq;
	struct str sdp;
	bool has_sdp = m->status > 100 && msg_sdp(m, &sdp) && sdp.n, asked = invited_with(leg) == OA_ASK_SENT;
	*brings = has_sdp && !asked && !has_agreed(leg, branch_of(leg, m->to.tag, false)) ? MEDIA_ANSWER : MEDIA_NONE;
	if (!is_reliable(leg, m, &rseq)) return true;
	struct sip_branch *b = branch_of(leg, m->to.tag, true);
	if (!b) {
		acknowledge_alone(leg, m, from, rseq);
		return true;
	}
	if (b->rseq && rseq <= b->rseq) return false; // said again: the PRACK repeats itself
	if (b->rseq && rseq != b->rseq + 1) {
		COUNT(sip_reliable_out_of_order);
		return false;
	}
	if (asked && has_sdp && leg->early->offer_rseq) return false; // a second branch offers: one answer was asked for
	b->rseq = rseq;
	if (branch_dialog(leg, b, m, from)) *brings = acknowledge(leg, b, m, rseq, has_sdp && !has_agreed(leg, b));
	else COUNT(sip_reliable_no_dialog);
	return true;
}
