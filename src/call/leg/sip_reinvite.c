// INVITE in a dialog that stands (RFC 3261 §14), theirs and ours: new media for the call.
#include "call/leg/sip_inside.h"

#include "base/bug.h"

// THEIRS

// May it be taken now? If so the head of its answer is kept.
static bool take_reinvite(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from,
                          enum sip_oa_event event)
{
	if (leg->state != LEG_UP_STATE || leg->invite_txn) return false;
	leg_keep(leg, &leg->head, out_head(leg, m, from));
	return leg->head.n && oa_step(leg, event);
}

void reinvite_request(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct verb v = { .kind = VERB_MEDIA };
	struct str too_short = session_too_short(leg->legs, m);
	bool ours_open = leg->oa == OA_OFFER_SENT || leg->oa == OA_ASK_SENT || leg->oa == OA_LATE_OFFER_GOT;
	if (!msg_sdp(m, &v.sdp)) {
		out_reply(leg, txn, m, from, 415, STR("Accept: application/sdp\r\n"));
	} else if (!sdp_is_good(v.sdp)) {
		out_reply(leg, txn, m, from, 400, STR(""));
	} else if (too_short.n) {
		out_reply(leg, txn, m, from, 422, too_short);
	} else if (ours_open) { // RFC 3261 14.2
		out_reply(leg, txn, m, from, 491, STR(""));
	} else if (!take_reinvite(leg, m, from, v.sdp.n ? OA_EV_GET_OFFER : OA_EV_GET_ASK)) {
		out_reply(leg, txn, m, from, 500, retry_after(leg));
	} else {
		leg->invite_txn = txn;
		leg->invite_cseq = m->cseq.number;
		update_learn(leg, m);
		leg_refresh(leg, m);
		session_asked(leg, m);
		if (session_is_refresh(leg, v.sdp) && oa_step(leg, OA_EV_SEND_ANSWER)) {
			out_invite_response(leg, 200, STR("OK"), STR(""), leg->session->sdp);
			return;
		}
		session_heard(leg, v.sdp);
		v.media = v.sdp.n ? MEDIA_OFFER : MEDIA_ASK;
		leg_tell(leg, &v);
	}
}

void reinvite_answer(struct sip_leg *leg, const struct verb *v)
{
	static const struct { uint16_t status; struct str text; } refusals[] = {
		[REFUSED_NOT_ACCEPTABLE] = { 488, STR_INIT("Not Acceptable Here") },
		[REFUSED_GLARE] = { 491, STR_INIT("Request Pending") },
		[REFUSED_FAILED] = { 500, STR_INIT("Server Internal Error") },
	};
	if (v->media == MEDIA_REFUSED) {
		oa_step(leg, OA_EV_REFUSED);
		out_invite_response(leg, refusals[v->refusal].status, refusals[v->refusal].text, STR(""), STR(""));
	} else if (oa_step(leg, v->media == MEDIA_OFFER ? OA_EV_SEND_LATE_OFFER : OA_EV_SEND_ANSWER)) {
		out_invite_response(leg, 200, STR("OK"), STR(""), v->sdp);
	}
}

// OURS

void reinvite_send(struct sip_leg *leg, const struct verb *v)
{
	if (out_reinvite(leg, v)) return;
	oa_step(leg, OA_EV_REFUSED);
	leg_tell(leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = REFUSED_FAILED });
}

void reinvite_response(struct sip_leg *leg, const struct sip_msg *m)
{
	struct verb v = { .kind = VERB_MEDIA };
	bool asked = leg->oa == OA_ASK_SENT;
	if (m->status < 200) return;
	leg->invite_txn = 0;
	bool refresh = leg->session && leg->session->refreshing;
	if (m->status >= 300) {
		if (refresh) {
			session_reinvited(leg, m);
			return;
		}
		bool dead = m->status == 408 || m->status == 481;
		v.media = MEDIA_REFUSED;
		v.refusal = m->status == 491 ? REFUSED_GLARE : dead ? REFUSED_FAILED : REFUSED_NOT_ACCEPTABLE;
		oa_step(leg, OA_EV_REFUSED);
		ref self = leg_ref(leg);
		struct sip_legs *ls = leg->legs;
		leg_tell(leg, &v);
		leg = pool_at(&ls->pool, self);
		if (dead && leg) leg_step(leg, LEG_EV_RX_FAILURE, &(struct leg_input){ .msg = m });
		return;
	}
	leg_refresh(leg, m);
	leg->ack_cseq = m->cseq.number - BUG(ack_of_another_invite);
	leg->ack = slab_free(&leg->legs->texts, leg->ack); // of the INVITE before
	if (refresh) {
		out_ack(leg, STR(""));
		session_reinvited(leg, m);
		return;
	}
	if (leg->session) session_answered(leg, m);
	if (msg_sdp(m, &v.sdp)) session_heard(leg, v.sdp);
	bool good = msg_sdp(m, &v.sdp) && v.sdp.n && oa_step(leg, asked ? OA_EV_GET_LATE_OFFER : OA_EV_GET_ANSWER);
	// An offer is acknowledged with its answer, if the call still stands to give one.
	if (!asked || !good || leg->state != LEG_UP_STATE) out_ack(leg, STR(""));
	v.media = !good ? MEDIA_REFUSED : asked ? MEDIA_OFFER : MEDIA_ANSWER;
	if (!good) oa_step(leg, OA_EV_REFUSED);
	leg_tell(leg, &v);
}

void reinvite_failed(struct sip_leg *leg, bool unreachable)
{
	if (session_reinvited(leg, NULL)) return;
	oa_step(leg, OA_EV_REFUSED);
	// As refused by 503 (RFC 3261 8.1.3.1), which ends no dialog; no answer at all does (12.2.1.2).
	if (unreachable)
		leg_tell(leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = REFUSED_FAILED });
	else leg_step(leg, LEG_EV_RX_FAILURE, &(struct leg_input){ 0 });
}
