// Offers and answers outside INVITE: in UPDATE (RFC 3311), before the answer to a call and after it, and in the PRACK of
// a provisional response (RFC 3262 §5), whose 200 brings the answer.
//
//     they ──UPDATE, offer──▶ us ──MEDIA offer──▶ call ──▶ other leg
//          ◀──200, answer────    ◀─MEDIA answer──      ◀──
//
// One offer at a time is open in a dialog (RFC 3311 §5.2): while it is ours, theirs is refused with 491; while it is
// another one of theirs, with 500. After the answer to the call we ask by re-INVITE; before it there is only UPDATE.
#include "call/leg/sip_inside.h"

COUNTER(sip_update_early, "Media changes before the answer to a call, by an UPDATE of ours");

#define S(name) IN(LEG_##name##_STATE)
// States of a leg in whose dialog an UPDATE may come.
#define TALKING (S(CALLING) | S(INVITED) | S(HOLDING) | S(ANSWERED) | S(UP))

void update_learn(struct sip_leg *leg, const struct sip_msg *m)
{
	if (sip_msg_has(m, SIP_H_ALLOW)) leg->allows_update = sip_msg_has_token(m, SIP_H_ALLOW, STR("UPDATE"));
}

// THEIRS

bool update_offer(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from, struct str sdp)
{
	if (leg->oa == OA_OFFER_SENT || leg->oa == OA_ASK_SENT || leg->oa == OA_LATE_OFFER_SENT) {
		out_reply(leg, txn, m, from, 491, STR(""));
		return false;
	}
	if (!leg->update_txn && leg->oa == OA_STABLE) leg_keep(leg, &leg->other_head, out_head(leg, m, from));
	if (leg->update_txn || leg->oa != OA_STABLE || !leg->other_head.n || !oa_step(leg, OA_EV_GET_OFFER)) {
		out_reply(leg, txn, m, from, 500, retry_after(leg));
		return false;
	}
	leg->update_txn = txn;
	session_heard(leg, sdp);
	if (leg->early && leg->early->at) // what an 18x brought is no answer to this one
		leg->early->at->answer = slab_free(&leg->legs->texts, leg->early->at->answer);
	leg_tell(leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_OFFER, .sdp = sdp });
	return true;
}

void update_request(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct str sdp;
	char text[256];
	struct buf extra = buf_on(text, sizeof text);
	struct str too_short = session_too_short(leg->legs, m);
	if (!(IN(leg->state) & TALKING)) {
		out_reply(leg, txn, m, from, 481, STR(""));
	} else if (!msg_sdp(m, &sdp)) {
		out_reply(leg, txn, m, from, 415, STR("Accept: application/sdp\r\n"));
	} else if (!sdp_is_good(sdp)) {
		out_reply(leg, txn, m, from, 400, STR(""));
	} else if (too_short.n) {
		out_reply(leg, txn, m, from, 422, too_short);
	} else {
		update_learn(leg, m);
		leg_refresh(leg, m);
		put_leg_contact(&extra, leg);
		if (leg->state == LEG_UP_STATE) session_asked(leg, m);
		if (leg->state == LEG_UP_STATE && !sdp.n) session_put_answer(&extra, leg);
		if (sdp.n) update_offer(leg, txn, m, from, sdp);
		else out_reply(leg, txn, m, from, 200, buf_str(&extra));
	}
}

void update_answer(struct sip_leg *leg, const struct verb *v)
{
	static const uint16_t refusals[] = {
		[REFUSED_NOT_ACCEPTABLE] = 488, [REFUSED_GLARE] = 491, [REFUSED_FAILED] = 500,
	};
	bool in_prack = leg->early && leg->early->reliable.prack_offers, answered = v->media == MEDIA_ANSWER;
	if (!oa_step(leg, answered ? OA_EV_SEND_ANSWER : OA_EV_REFUSED)) return;
	if (!answered) {
		// One who PRACKs may do so again, without (RFC 6337 2.3): 491 would speak of a dialog that has another offer.
		uint16_t status = in_prack ? 488 : refusals[v->refusal];
		out_update_response(leg, status, status == 500 ? retry_after(leg) : STR(""), STR(""));
	} else {
		char text[256];
		struct buf extra = buf_on(text, sizeof text);
		if (!in_prack) put_leg_contact(&extra, leg);
		if (leg->state == LEG_UP_STATE) session_put_answer(&extra, leg);
		out_update_response(leg, 200, buf_str(&extra), v->sdp);
	}
	if (in_prack) leg->early->reliable.prack_offers = false;
	if (in_prack && answered) reliable_acknowledged(leg);
	leg_cleared(leg);
}

// OURS

bool update_is_possible(const struct sip_leg *leg)
{
	bool early = leg->state == LEG_INVITED_STATE || (leg->state == LEG_CALLING_STATE && leg->early && leg->early->at);
	return early && leg->dialog.text && leg->oa == OA_STABLE && !leg->update_txn && leg->allows_update &&
	       !reliable_waits(leg);
}

static void tell_refused(struct sip_leg *leg, enum media_refusal why)
{
	oa_step(leg, OA_EV_REFUSED);
	leg_tell(leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = (uint8_t)why });
}

void update_send(struct sip_leg *leg, const struct verb *v)
{
	if (!oa_step(leg, OA_EV_SEND_OFFER)) return;
	COUNT(sip_update_early);
	if (leg->early && leg->early->at)
		leg->early->at->answer = slab_free(&leg->legs->texts, leg->early->at->answer);
	out_update(leg, v->sdp, &leg->update_txn);
	if (!leg->update_txn) tell_refused(leg, REFUSED_FAILED);
}

// 491, and 500 with a time to wait, say that an offer of the other side is open: it may be tried again.
static enum media_refusal refusal_of(const struct sip_msg *m)
{
	if (m->status == 491 || (m->status == 500 && sip_msg_has(m, SIP_H_RETRY_AFTER))) return REFUSED_GLARE;
	return m->status == 488 || m->status == 606 ? REFUSED_NOT_ACCEPTABLE : REFUSED_FAILED;
}

void update_response(struct sip_leg *leg, const struct sip_msg *m)
{
	struct verb v = { .kind = VERB_MEDIA, .media = MEDIA_ANSWER };
	struct sip_legs *ls = leg->legs;
	ref self = leg_ref(leg);
	if (m->status < 200) return;
	leg->update_txn = 0;
	if (m->status == 405 || m->status == 501) leg->allows_update = false;
	if (m->status < 300 && msg_sdp(m, &v.sdp)) session_heard(leg, v.sdp);
	if (m->status >= 300) {
		tell_refused(leg, refusal_of(m));
	} else if (!msg_sdp(m, &v.sdp) || !v.sdp.n) {
		tell_refused(leg, REFUSED_FAILED);
	} else if (oa_step(leg, OA_EV_GET_ANSWER)) {
		leg_refresh(leg, m);
		leg_tell(leg, &v);
	}
	leg = pool_at(&ls->pool, self);
	if (!leg) return;
	// RFC 3311 5.3. Before the answer the INVITE itself will tell.
	if ((m->status == 408 || m->status == 481) && leg->state == LEG_UP_STATE)
		leg_step(leg, LEG_EV_RX_FAILURE, &(struct leg_input){ .msg = m });
	else leg_cleared(leg);
}

void update_failed(struct sip_leg *leg)
{
	struct sip_legs *ls = leg->legs;
	ref self = leg_ref(leg);
	leg->update_txn = 0;
	tell_refused(leg, REFUSED_FAILED);
	leg = pool_at(&ls->pool, self);
	if (!leg) return;
	if (leg->state == LEG_UP_STATE) leg_step(leg, LEG_EV_RX_FAILURE, &(struct leg_input){ 0 });
	else leg_cleared(leg);
}

void update_end(struct sip_leg *leg)
{
	if (!leg->update_txn) return;
	if (leg->oa == OA_OFFER_GOT) out_update_response(leg, 487, STR(""), STR("")); // RFC 3261 15.1.2
	else sip_stack_disown(leg->legs->setup.stack, leg->update_txn);
	leg->update_txn = 0;
	oa_step(leg, OA_EV_REFUSED);
}
