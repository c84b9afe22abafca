// Provisional responses that are acknowledged (RFC 3262), both ways.
//
//     caller ──INVITE, Supported or Require: 100rel──▶ us       we ──INVITE, Supported: 100rel──▶ called
//            ◀──183 RSeq 5, SDP────────────────────── repeated     ◀──183 RSeq 9, SDP──────────
//            ──PRACK RAck 5─────────────────────────▶              ──PRACK RAck 9─────────────▶
//            ◀──200 (INVITE), without SDP────────────
//
// To a caller who supports it only the 18x that brings the answer goes so: that one must not be lost, and ringing is
// said faster without. To one who requires it all go so, one at a time; but none to an INVITE without an offer, since the
// first would have to bring ours (§5), and the call has none before the far party's answer.
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
	struct sip_reliable *r = &leg->reliable;
	if (sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel"))) r->asked = SIP_RELIABLE_REQUIRED;
	else if (sip_msg_has_token(m, SIP_H_SUPPORTED, STR("100rel"))) r->asked = SIP_RELIABLE_SUPPORTED;
}

static uint32_t t1_ms(const struct sip_leg *leg)
{
	return leg->legs->setup.t1_ms ? leg->legs->setup.t1_ms : T1_MS;
}

static void start_timer(struct sip_leg *leg)
{
	struct sip_reliable *r = &leg->reliable;
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
	struct sip_reliable *r = &leg->reliable;
	uint32_t rseq = r->rseq ? r->rseq + 1 : first_rseq(leg);
	struct str text = out_reliable_response(leg, status, rseq, sdp);
	if (!text.n) return;
	r->rseq = rseq;
	r->answer_said |= sdp.n != 0;
	leg_keep(leg, &r->text, text);
	if (!r->text.n) return; // no memory to repeat it, and none to wait
	r->interval_ms = t1_ms(leg);
	r->until_ms = leg->legs->setup.env->now_ms + (uint64_t)GIVEN_UP_AFTER * t1_ms(leg);
	start_timer(leg);
}

void reliable_send(struct sip_leg *leg, uint16_t status, struct str sdp)
{
	struct sip_reliable *r = &leg->reliable;
	bool required = r->asked == SIP_RELIABLE_REQUIRED;
	if (r->answer_said && (status == 183 || r->rang)) return; // nothing new in it
	if (r->answer_said) sdp = STR("");
	r->rang |= status == 180;
	if (!required && (r->asked == SIP_RELIABLE_NOT || !sdp.n))
		out_invite_response(leg, status, sip_status_text(status), STR(""), sdp);
	else if (leg->oa == OA_ASK_GOT) return;
	else if (r->text.n) r->next = status;
	else send_now(leg, status, sdp);
}

void reliable_next(struct sip_leg *leg)
{
	struct sip_reliable *r = &leg->reliable;
	uint16_t status = r->next;
	r->next = 0;
	if (status) send_now(leg, status, r->answer_said ? STR("") : leg->answer);
}

void reliable_due(struct sip_leg *leg)
{
	struct sip_reliable *r = &leg->reliable;
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

static void acknowledged(struct sip_leg *leg)
{
	leg->reliable.text = slab_free(&leg->legs->texts, leg->reliable.text);
	wheel_stop(&leg->legs->wheel, &leg->reliable.timer);
}

void reliable_end(struct sip_leg *leg)
{
	acknowledged(leg);
	leg->reliable.next = 0;
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
	       rseq == leg->reliable.rseq && cseq == leg->invite_cseq && str_eq(str_trim(rack), STR("INVITE"));
}

void reliable_prack(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct str offer;
	if (!leg->reliable.text.n || !names(leg, sip_msg_header(m, SIP_H_RACK))) {
		COUNT(sip_reliable_unmatched);
		out_reply(leg, txn, m, from, 481, STR(""));
	} else if (!msg_sdp(m, &offer)) {
		out_reply(leg, txn, m, from, 415, STR("Accept: application/sdp\r\n"));
	} else if (offer.n) { // the far party cannot be asked; it comes again without (RFC 6337 2.2)
		out_reply(leg, txn, m, from, 488, STR(""));
	} else {
		acknowledged(leg);
		out_reply(leg, txn, m, from, 200, STR(""));
		leg_step(leg, LEG_EV_RX_PRACK, &(struct leg_input){ .msg = m, .from = from, .txn = txn });
	}
}

// THEY SEND

struct sip_branch *branch_of(struct sip_leg *leg, struct str tag, bool make)
{
	struct sip_branch *free_place = NULL;
	for (uint32_t i = 0; i < SIP_LEG_BRANCHES_MAX && tag.n; i++) {
		struct sip_branch *b = &leg->branches[i];
		if (b->tag.n && str_eq(b->tag, tag)) return b;
		if (!b->tag.n && !free_place) free_place = b;
	}
	if (!make || !free_place) return NULL;
	leg_keep(leg, &free_place->tag, tag);
	return free_place->tag.n ? free_place : NULL;
}

void branches_free(struct sip_leg *leg)
{
	for (uint32_t i = 0; i < SIP_LEG_BRANCHES_MAX; i++) {
		struct sip_branch *b = &leg->branches[i];
		slab_free(&leg->legs->texts, b->tag);
		slab_free(&leg->legs->texts, b->answer);
		*b = (struct sip_branch){ 0 };
	}
}

// Did we say that we would (§4)? Whoever answers so all the same is taken as if it had not.
static bool is_reliable(const struct sip_leg *leg, const struct sip_msg *m, uint32_t *rseq)
{
	return m->status > 100 && leg->oa == OA_OFFER_SENT && sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel")) &&
	       str_to_u32(rseq, sip_msg_header(m, SIP_H_RSEQ), UINT32_MAX) == OK && *rseq > 0;
}

bool reliable_take(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from)
{
	uint32_t rseq;
	if (!is_reliable(leg, m, &rseq)) return true;
	struct sip_branch *b = branch_of(leg, m->to.tag, true);
	if (!b) { // more branches than are told apart: each repetition is acknowledged and told
		if (!out_prack(leg, m, from, rseq)) COUNT(sip_reliable_no_dialog);
		return true;
	}
	if (b->rseq && rseq <= b->rseq) return false; // said again: the PRACK repeats itself
	if (b->rseq && rseq != b->rseq + 1) {
		COUNT(sip_reliable_out_of_order);
		return false;
	}
	if (!out_prack(leg, m, from, rseq)) COUNT(sip_reliable_no_dialog);
	b->rseq = rseq;
	return true;
}
