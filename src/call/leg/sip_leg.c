// The machine of a SIP leg, and its life.
#include "call/leg/sip_inside.h"

COUNTER(sip_leg_dropped, "Events of SIP legs without a row in their table");
COUNTER(sip_legs_full, "Legs refused because all are taken");

#define ACTIONS(X) \
	X(none) X(invite) X(progress) X(alert) X(answer) X(refuse) X(cancel) X(free) X(up_progress) X(up_answer) X(up_failure) \
	X(again) X(acked) X(up_cancel) X(up_expired) X(early_bye) X(up_bye) X(keep_bye) X(bye) X(ok_bye) X(cross_bye) X(lost)
#define DO_ENUM(name) DO_##name,
enum { ACTIONS(DO_ENUM) DO_COUNT };
#define S(name) LEG_##name##_STATE

static const struct fsm_row rows[] = {
	// We call.
	{ IN(S(IDLE)), LEG_EV_OFFER, S(CALLING), DO_invite, "RFC 3261 13.2" },
	{ IN(S(IDLE)), LEG_EV_RELEASE, S(GONE), DO_free, "" },
	{ IN(S(CALLING)), LEG_EV_RX_PROVISIONAL, FSM_SAME, DO_up_progress, "RFC 3261 13.2.2.1" },
	{ IN(S(CALLING)), LEG_EV_RX_2XX, S(UP), DO_up_answer, "RFC 3261 13.2.2.4" },
	{ IN(S(CALLING)), LEG_EV_RX_FAILURE, S(FAILED), DO_up_failure, "RFC 3261 13.2.2.3" },
	{ IN(S(CALLING)), LEG_EV_RELEASE, S(GONE), DO_cancel, "RFC 3261 9.1" },
	{ IN(S(FAILED)), LEG_EV_RELEASE, S(GONE), DO_free, "" },
	// They call.
	{ IN(S(INVITED)), LEG_EV_PROGRESS, FSM_SAME, DO_progress, "RFC 3261 13.3.1.1" },
	{ IN(S(INVITED)), LEG_EV_ALERT, FSM_SAME, DO_alert, "RFC 3261 13.3.1.1" },
	{ IN(S(INVITED)), LEG_EV_ANSWER, S(ANSWERED), DO_answer, "RFC 3261 13.3.1.4" },
	{ IN(S(INVITED)), LEG_EV_RELEASE, S(GONE), DO_refuse, "RFC 3261 13.3.1.3" },
	{ IN(S(INVITED)), LEG_EV_RX_CANCEL, S(CANCELLED), DO_up_cancel, "RFC 3261 9.2" },
	{ IN(S(INVITED)), LEG_EV_EXPIRED, S(CANCELLED), DO_up_expired, "RFC 3261 13.3.1: as if cancelled" },
	{ IN(S(INVITED)), LEG_EV_RX_BYE, S(CANCELLED), DO_early_bye, "RFC 3261 15.1.2" },
	{ IN(S(CANCELLED)), LEG_EV_RELEASE, S(GONE), DO_refuse, "RFC 3261 9.2: 487" },
	{ IN(S(CANCELLED)), LEG_EV_PROGRESS, FSM_SAME, DO_none, "crossing" },
	{ IN(S(CANCELLED)), LEG_EV_ALERT, FSM_SAME, DO_none, "crossing" },
	{ IN(S(CANCELLED)), LEG_EV_ANSWER, FSM_SAME, DO_none, "crossing" },
	{ IN(S(ANSWERED)), LEG_EV_RX_ACK, S(UP), DO_acked, "RFC 3261 13.3.1.4" },
	{ IN(S(ANSWERED)), LEG_EV_RELEASE, S(ENDING), DO_none, "RFC 3261 15: no BYE before the ACK" },
	{ IN(S(ANSWERED)), LEG_EV_RX_BYE, S(BYE_IN), DO_up_bye, "RFC 3261 15.1.2" },
	{ IN(S(ANSWERED)), LEG_EV_RX_CANCEL, FSM_SAME, DO_none, "RFC 3261 9.2: too late" },
	{ IN(S(ANSWERED)), LEG_EV_NO_ACK, S(LOST), DO_lost, "RFC 3261 13.3.1.4" },
	{ IN(S(ENDING)), LEG_EV_RX_ACK, S(BYE_OUT), DO_bye, "RFC 3261 15" },
	{ IN(S(ENDING)), LEG_EV_NO_ACK, S(BYE_OUT), DO_bye, "RFC 3261 13.3.1.4" },
	{ IN(S(ENDING)), LEG_EV_RX_BYE, S(GONE), DO_ok_bye, "RFC 3261 15.1.2" },
	{ IN(S(LOST)), LEG_EV_RELEASE, S(BYE_OUT), DO_bye, "RFC 3261 13.3.1.4" },
	{ IN(S(LOST)), LEG_EV_RX_BYE, S(BYE_IN), DO_keep_bye, "RFC 3261 15.1.2: the call knows already" },
	// Both are up.
	{ IN(S(UP)), LEG_EV_RX_2XX, FSM_SAME, DO_again, "RFC 3261 13.2.2.4: a repeated 2xx" },
	{ IN(S(UP)) | IN(S(BYE_IN)), LEG_EV_RX_ACK, FSM_SAME, DO_acked, "of a re-INVITE, or repeated" },
	{ IN(S(UP)), LEG_EV_NO_ACK, S(LOST), DO_lost, "of a re-INVITE" },
	{ IN(S(UP)), LEG_EV_RX_BYE, S(BYE_IN), DO_up_bye, "RFC 3261 15.1.2" },
	{ IN(S(UP)), LEG_EV_RX_FAILURE, S(LOST), DO_lost, "RFC 3261 12.2.1.2: 408, 481 to a request in the dialog" },
	{ IN(S(UP)), LEG_EV_RELEASE, S(BYE_OUT), DO_bye, "RFC 3261 15.1.1" },
	{ IN(S(BYE_IN)), LEG_EV_RX_BYE, FSM_SAME, DO_cross_bye, "another one" },
	{ IN(S(BYE_OUT)), LEG_EV_RX_BYE, FSM_SAME, DO_cross_bye, "RFC 3261 15.1.2: both hang up" },
	{ IN(S(BYE_OUT)), LEG_EV_BYE_DONE, S(GONE), DO_free, "RFC 3261 15.1.1: whatever the answer" },
	{ IN(S(BYE_OUT)), LEG_EV_RX_2XX, FSM_SAME, DO_again, "" },
	{ IN(S(BYE_OUT)), LEG_EV_RX_ACK, FSM_SAME, DO_none, "repeated" },
	{ IN(S(BYE_IN)), LEG_EV_RELEASE, S(GONE), DO_ok_bye, "RFC 3261 15.1.2" },
};

static const char *const state_names[] = { SIP_LEG_STATES(X_TEXT) };
static const char *const event_names[] = { SIP_LEG_EVENTS(X_TEXT) };
static const char *const action_names[] = { ACTIONS(X_TEXT) };

const struct fsm sip_leg_machine = {
	.name = "SIP leg", .rows = rows, .row_count = ARRAY_LEN(rows),
	.states = state_names, .events = event_names, .actions = action_names,
	.state_count = SIP_LEG_STATE_COUNT, .event_count = SIP_LEG_EVENT_COUNT, .dropped = &counter_sip_leg_dropped,
};

ref leg_ref(const struct sip_leg *leg)
{
	return pool_ref(&leg->legs->pool, leg);
}

void leg_tell(struct sip_leg *leg, const struct verb *v)
{
	calls_take(leg->legs->setup.calls, leg->call, leg->side, leg->index, v);
}

void leg_keep(struct sip_leg *leg, struct str *slot, struct str text)
{
	*slot = slab_free(&leg->legs->texts, *slot);
	*slot = slab_dup(&leg->legs->texts, text);
}

struct sip_leg *leg_new(struct sip_legs *ls)
{
	struct sip_leg *leg = pool_get(&ls->pool);
	if (!leg) {
		COUNT(sip_legs_full);
		return NULL;
	}
	leg->legs = ls;
	struct buf b = buf_on(leg->tag, sizeof leg->tag);
	put_hex(&b, ls->setup.env->worker, 2);
	put_hex(&b, random_u64(&ls->setup.env->random), 16);
	map_add(&ls->by_tag, &leg->by_tag, buf_str(&b));
	return leg;
}

void leg_free(struct sip_leg *leg)
{
	struct sip_legs *ls = leg->legs;
	map_remove(&ls->by_tag, &leg->by_tag);
	wheel_stop(&ls->wheel, &leg->expires);
	if (leg->invite_txn) sip_stack_disown(ls->setup.stack, leg->invite_txn);
	if (leg->bye_txn) sip_stack_disown(ls->setup.stack, leg->bye_txn);
	sip_dialog_fini(&leg->dialog);
	struct str *const texts[] = { &leg->head, &leg->bye_head, &leg->target, &leg->answer, &leg->early_tag, &leg->ack };
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = slab_free(&ls->texts, *texts[i]);
	pool_put(&ls->pool, leg);
}

static void do_none(struct sip_leg *leg, const struct leg_input *in)
{
	(void)leg;
	(void)in;
}

static void do_free(struct sip_leg *leg, const struct leg_input *in)
{
	(void)leg; // leg_step frees what is GONE
	(void)in;
}

static void do_invite(struct sip_leg *leg, const struct leg_input *in)
{
	out_invite(leg, in->verb);
}

// The SDP of an 18x: an answer is said again in each that has something to hear (RFC 3261 13.2.1, RFC 6337 2.1).
static struct str early_sdp(struct sip_leg *leg, const struct verb *v)
{
	if (v->media == MEDIA_ANSWER && !leg->answer.n) leg_keep(leg, &leg->answer, v->sdp);
	return v->in_band && leg->answer.n ? leg->answer : v->sdp;
}

static void do_progress(struct sip_leg *leg, const struct leg_input *in)
{
	out_invite_response(leg, 183, STR("Session Progress"), STR(""), early_sdp(leg, in->verb));
}

static void do_alert(struct sip_leg *leg, const struct leg_input *in)
{
	out_invite_response(leg, 180, STR("Ringing"), STR(""), early_sdp(leg, in->verb));
}

static void do_answer(struct sip_leg *leg, const struct leg_input *in)
{
	struct str sdp = in->verb->sdp;
	if (in->verb->media == MEDIA_OFFER) {
		if (!oa_step(leg, OA_EV_SEND_LATE_OFFER)) return;
	} else {
		// An answer that went in an 18x is the answer, and is said again (RFC 3261 13.2.1, RFC 6337 2.1).
		if (leg->answer.n) sdp = leg->answer;
		if (!oa_step(leg, OA_EV_SEND_ANSWER)) return;
	}
	out_invite_response(leg, 200, STR("OK"), STR(""), sdp);
	leg->answer = slab_free(&leg->legs->texts, leg->answer);
}

// The final response that says why not.
static void do_refuse(struct sip_leg *leg, const struct leg_input *in)
{
	char text[160];
	struct buf reason = buf_on(text, sizeof text);
	uint16_t status = leg->cause.value ? 487 : sip_status_of_cause(in->verb->cause); // cause: they gave up themselves
	if (status != 487) put_reason(&reason, in->verb->cause);
	out_invite_response(leg, status, sip_status_text(status), buf_str(&reason), STR(""));
}

static void do_cancel(struct sip_leg *leg, const struct leg_input *in)
{
	struct sip_stack *stack = leg->legs->setup.stack;
	// RFC 3326: other phones of the line show no missed call.
	if (in->verb->elsewhere)
		sip_client_cancel_for(stack, leg->invite_txn, STR("SIP;cause=200;text=\"Call completed elsewhere\""));
	else sip_client_cancel(stack, leg->invite_txn);
	sip_stack_disown(stack, leg->invite_txn);
	leg->invite_txn = 0;
}

// The first provisional responses and what they carry. A 100 says only that somebody listens.
static void do_up_progress(struct sip_leg *leg, const struct leg_input *in)
{
	const struct sip_msg *m = in->msg;
	struct verb v = { .kind = m->status == 180 ? VERB_ALERT : VERB_PROGRESS };
	if (m->status > 100 && msg_sdp(m, &v.sdp) && v.sdp.n) {
		v.media = MEDIA_ANSWER;
		v.in_band = true;
		leg_keep(leg, &leg->answer, v.sdp);
		leg_keep(leg, &leg->early_tag, m->to.tag);
	}
	leg_tell(leg, &v);
}

// The SDP of a 2xx. One without means what its 18x said: RFC 3261 13.2.1 wants it in the 2xx, some carriers say it once.
static bool answer_sdp(struct sip_leg *leg, const struct sip_msg *m, struct str *sdp)
{
	if (!msg_sdp(m, sdp)) return false;
	if (!sdp->n && leg->oa == OA_OFFER_SENT && leg->early_tag.n && str_eq(leg->early_tag, m->to.tag))
		*sdp = arena_dup(&leg->legs->setup.env->scratch, leg->answer);
	leg->answer = slab_free(&leg->legs->texts, leg->answer);
	leg->early_tag = slab_free(&leg->legs->texts, leg->early_tag);
	return sdp->n > 0;
}

static void do_up_answer(struct sip_leg *leg, const struct leg_input *in)
{
	struct sip_legs *ls = leg->legs;
	struct verb v = { .kind = VERB_ANSWER };
	bool asked = leg->oa == OA_ASK_SENT;
	leg->invite_txn = 0; // what still comes of it finds the dialog
	leg->ack_cseq = in->msg->cseq.number;
	if (sip_dialog_init_uac(&leg->dialog, in->msg, in->msg, in->from) != OK || !answer_sdp(leg, in->msg, &v.sdp)) {
		// Nothing to talk to, or no media: end it as our clause says (RFC 3261 13.2.2.4 ACK, then BYE).
		if (leg->dialog.text) out_ack(leg, STR(""));
		leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_INCOMPATIBLE) });
		return;
	}
	leg->dialog.flow_peer = leg->peer;
	leg->dialog.flow_listener = leg->listener;
	leg->dialog.confirmed = true;
	leg->target = slab_free(&ls->texts, leg->target);
	if (!oa_step(leg, asked ? OA_EV_GET_LATE_OFFER : OA_EV_GET_ANSWER)) return;
	v.media = asked ? MEDIA_OFFER : MEDIA_ANSWER;
	if (!asked) out_ack(leg, STR("")); // an offer is acknowledged with its answer, when the caller gives it
	leg_tell(leg, &v);
}

static void do_up_failure(struct sip_leg *leg, const struct leg_input *in)
{
	struct verb v = { .kind = VERB_RELEASE, .cause = cause_local(CAUSE_NO_RESPONSE) };
	leg->invite_txn = 0;
	if (in->msg) {
		v.cause = sip_cause_of_reason(in->msg);
		if (!v.cause.value) v.cause = sip_cause_of_status(in->msg->status);
		v.cause.status = in->msg->status;
		v.final_retry = in->msg->status >= 600;
	} else if (in->unreachable) { // a phone that is off is as good as not registered
		v.cause = cause_local(leg->trunk_group ? CAUSE_NETWORK_OUT_OF_ORDER : CAUSE_ABSENT);
	} else if (leg->trunk_group) {
		v.cause = cause_local(CAUSE_TIMER);
	}
	leg_tell(leg, &v);
}

static void do_again(struct sip_leg *leg, const struct leg_input *in)
{
	struct sip_legs *ls = leg->legs;
	if (in->msg->cseq.number != leg->ack_cseq || !leg->ack.n)
		return; // the answer that the ACK is to carry is not there yet
	outbox_send(ls->setup.out, leg->listener, &leg->dialog.flow_peer, leg->ack);
	leg_ladder(leg, true, leg->ack);
}

static void do_acked(struct sip_leg *leg, const struct leg_input *in)
{
	struct verb v = { .kind = VERB_MEDIA, .media = MEDIA_ANSWER };
	if (leg->oa != OA_LATE_OFFER_SENT) return;
	if (!msg_sdp(in->msg, &v.sdp) || !v.sdp.n) { // RFC 3261 13.2.1: the answer had to be here
		if (oa_step(leg, OA_EV_REFUSED))
			leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_INCOMPATIBLE) });
		return;
	}
	if (oa_step(leg, OA_EV_GET_ANSWER)) leg_tell(leg, &v);
}

static void do_up_cancel(struct sip_leg *leg, const struct leg_input *in)
{
	leg->cause = in->msg ? sip_cause_of_reason(in->msg) : (struct cause){ 0 };
	if (!leg->cause.value) leg->cause = (struct cause){ .value = CAUSE_NORMAL, .location = LOCATION_USER };
	leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = leg->cause });
}

static void do_up_expired(struct sip_leg *leg, const struct leg_input *in)
{
	(void)in;
	leg->cause = (struct cause){ .value = CAUSE_TIMER, .location = LOCATION_USER };
	leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = leg->cause });
}

// Its 200 waits for the call's word; without memory to wait, it goes now.
static void do_keep_bye(struct sip_leg *leg, const struct leg_input *in)
{
	leg_keep(leg, &leg->bye_head, out_head(leg, in->msg, in->from));
	if (!leg->bye_head.n) {
		sip_reply(leg->legs, in->txn, in->msg, in->from, 200, STR(""));
		return;
	}
	leg->bye_txn = in->txn;
}

// Who says BYE has got our 2xx, whatever became of the ACK.
static void stop_answering(struct sip_leg *leg)
{
	if (!leg->invite_txn || leg->oa == OA_OFFER_GOT || leg->oa == OA_ASK_GOT) return;
	sip_server_acked(leg->legs->setup.stack, leg->invite_txn);
	leg->invite_txn = 0;
}

static void do_early_bye(struct sip_leg *leg, const struct leg_input *in)
{
	do_keep_bye(leg, in);
	out_bye_response(leg);
	do_up_cancel(leg, in);
}

static void do_up_bye(struct sip_leg *leg, const struct leg_input *in)
{
	do_keep_bye(leg, in);
	stop_answering(leg);
	leg->cause = sip_cause_of_reason(in->msg);
	if (!leg->cause.value) leg->cause = (struct cause){ .value = CAUSE_NORMAL, .location = LOCATION_USER };
	leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = leg->cause });
}

// A re-INVITE that is open when the call ends gets its answer (RFC 3261 15.1.2).
static void end_reinvite(struct sip_leg *leg)
{
	if (leg->invite_txn && (leg->oa == OA_OFFER_GOT || leg->oa == OA_ASK_GOT))
		out_invite_response(leg, 487, STR("Request Terminated"), STR(""), STR(""));
}

static void do_bye(struct sip_leg *leg, const struct leg_input *in)
{
	end_reinvite(leg);
	if (leg->oa == OA_LATE_OFFER_GOT) out_ack(leg, STR("")); // their 2xx wants one before the BYE, answer or not
	out_bye(leg, in->verb ? in->verb->cause : leg->cause);
	if (!leg->bye_txn) leg_step(leg, LEG_EV_BYE_DONE, in); // it could not be sent
}

static void do_cross_bye(struct sip_leg *leg, const struct leg_input *in)
{
	sip_reply(leg->legs, in->txn, in->msg, in->from, 200, STR(""));
}

static void do_ok_bye(struct sip_leg *leg, const struct leg_input *in)
{
	if (in->msg) do_keep_bye(leg, in);
	stop_answering(leg);
	end_reinvite(leg);
	out_bye_response(leg);
}

// The dialog is dead at the other end.
static void do_lost(struct sip_leg *leg, const struct leg_input *in)
{
	(void)in;
	leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_TIMER) });
}

typedef void leg_action(struct sip_leg *leg, const struct leg_input *in);
#define DO_ROW(name) [DO_##name] = do_##name,
static leg_action *const actions[DO_COUNT] = { ACTIONS(DO_ROW) };

void leg_step(struct sip_leg *leg, enum sip_leg_event event, const struct leg_input *in)
{
	struct sip_legs *ls = leg->legs;
	ref self = leg_ref(leg);
	const struct fsm_row *row = fsm_step(&sip_leg_machine, &leg->state, event);
	if (!row) return;
	if (leg->state != S(INVITED)) wheel_stop(&ls->wheel, &leg->expires);
	if (event == LEG_EV_RELEASE && in->verb->cause.value && leg->state == S(ENDING)) leg->cause = in->verb->cause;
	actions[row->action](leg, in);
	leg = pool_at(&ls->pool, self); // the call may have released it in the action
	if (leg && leg->state == S(GONE)) leg_free(leg);
}

uint64_t sip_legs_tick(struct sip_legs *ls)
{
	const struct leg_input nothing = { 0 };
	struct timer *t;
	while ((t = wheel_expire(&ls->wheel, ls->setup.env->now_ms))) {
		struct sip_leg *leg = pool_at(&ls->pool, t->owner);
		arena_reset(&ls->setup.env->scratch); // each is an event of its own
		if (leg) leg_step(leg, LEG_EV_EXPIRED, &nothing);
	}
	return wheel_next(&ls->wheel);
}

static void take_media(struct sip_leg *leg, const struct verb *v);

// A verb from the call.
static void take(void *self, ref r, const struct verb *v)
{
	struct sip_legs *ls = self;
	struct sip_leg *leg = pool_at(&ls->pool, r);
	const struct leg_input in = { .verb = v };
	if (!leg) return; // it ended meanwhile: normal
	switch (v->kind) {
	case VERB_OFFER: leg_step(leg, LEG_EV_OFFER, &in); break;
	case VERB_PROGRESS: leg_step(leg, LEG_EV_PROGRESS, &in); break;
	case VERB_ALERT: leg_step(leg, LEG_EV_ALERT, &in); break;
	case VERB_ANSWER: leg_step(leg, LEG_EV_ANSWER, &in); break;
	case VERB_RELEASE: leg_step(leg, LEG_EV_RELEASE, &in); break;
	case VERB_MEDIA: take_media(leg, v); break;
	default: break; // digits go in RTP
	}
}

static void answer_reinvite(struct sip_leg *leg, const struct verb *v)
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

static void take_media(struct sip_leg *leg, const struct verb *v)
{
	bool asked = leg->oa == OA_OFFER_GOT || leg->oa == OA_ASK_GOT;
	if (leg->state != S(UP)) {
		if (v->media == MEDIA_OFFER || v->media == MEDIA_ASK) // not before the ACK (RFC 6337 3.3)
			leg_tell(leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = REFUSED_GLARE });
		return;
	}
	if (asked) {
		answer_reinvite(leg, v);
	} else if (leg->oa == OA_LATE_OFFER_GOT) {
		// RFC 3264 5.1 forbids silence: without an answer the media are rejected by ending the call.
		if (v->media == MEDIA_ANSWER && oa_step(leg, OA_EV_SEND_ANSWER)) out_ack(leg, v->sdp);
		else leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_INCOMPATIBLE) });
	} else if (v->media == MEDIA_OFFER || v->media == MEDIA_ASK) {
		if (oa_step(leg, v->media == MEDIA_OFFER ? OA_EV_SEND_OFFER : OA_EV_SEND_ASK)) out_reinvite(leg, v);
		else leg_tell(leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = REFUSED_GLARE });
	}
}

// version | listener | peer | Call-ID, tags, URIs, target, routes as length and text | CSeq
static uint32_t freeze(void *self, ref r, uint8_t *out, uint32_t cap)
{
	struct sip_legs *ls = self;
	struct sip_leg *leg = pool_at(&ls->pool, r);
	if (!leg || !leg->dialog.text) return 0;
	const struct sip_dialog *d = &leg->dialog;
	struct buf b = buf_on(out, cap);
	const struct str texts[] = { d->call_id, d->local_tag, d->remote_tag, d->local_uri, d->remote_uri, d->remote_target,
		d->routes };
	put_fmt(&b, "1 %u ", leg->listener);
	put_addr(&b, &d->flow_peer);
	put_fmt(&b, " %u %d\n", d->local_cseq, d->first_route_loose);
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
		put(&b, texts[i]);
		put_c(&b, '\n'); // none of them can hold one
	}
	return b.err == OK ? b.n : 0;
}

static void closing(void *self, ref r)
{
	struct sip_legs *ls = self;
	struct sip_leg *leg = pool_at(&ls->pool, r);
	if (leg && leg->bye_txn && leg->state == S(BYE_IN)) out_note_bye_response(leg);
}

// Before there is a dialog it is the Call-ID of our INVITE.
static struct str call_id(void *self, ref r)
{
	struct sip_legs *ls = self;
	const struct sip_leg *leg = pool_at(&ls->pool, r);
	if (!leg) return STR("");
	return leg->dialog.text ? leg->dialog.call_id : (struct str){ leg->tag, SIP_LEG_TAG_LEN };
}

static const struct leg_ops ops = { .name = "SIP", .take = take, .freeze = freeze, .closing = closing, .call_id = call_id };

static enum err new_leg(struct sip_legs *ls, struct leg_link *out, ref call, uint8_t index, struct str target)
{
	struct sip_leg *leg = leg_new(ls);
	if (!leg) return ERR_FULL;
	leg->side = SIDE_T;
	leg->index = index;
	leg->call = call;
	leg_keep(leg, &leg->target, target);
	if (target.n && !leg->target.n) {
		leg_free(leg);
		return ERR_FULL;
	}
	*out = (struct leg_link){ .ops = &ops, .self = ls, .leg = leg_ref(leg) };
	return OK;
}

static enum err new_line_leg(void *self, struct leg_link *out, ref call, uint8_t index, const struct office_line *line,
                             const struct binding *binding)
{
	struct sip_legs *ls = self;
	if (ls->pool.used + SIP_LEGS_RESERVED >= ls->pool.max) {
		COUNT(sip_legs_full);
		return ERR_FULL;
	}
	enum err e = new_leg(ls, out, call, index, binding->contact);
	if (e != OK) return e;
	struct sip_leg *leg = pool_at(&ls->pool, out->leg);
	leg->line = line->id;
	leg->peer = binding->peer;
	leg->listener = binding->listener < ls->setup.listener_count ? binding->listener : 0;
	return OK;
}

static enum err new_trunk_leg(void *self, struct leg_link *out, ref call, uint8_t index,
                              const struct office_trunk_group *group, const struct addr *peer)
{
	struct sip_legs *ls = self;
	enum err e = new_leg(ls, out, call, index, (struct str){ "", 0 });
	if (e != OK) return e;
	struct sip_leg *leg = pool_at(&ls->pool, out->leg);
	leg->trunk_group = group->id;
	leg->peer = *peer;
	for (uint16_t i = 0; i < ls->setup.listener_count; i++) // the first listener of the peer's family
		if (ls->setup.listeners[i].family == peer->family) {
			leg->listener = i;
			break;
		}
	return OK;
}

struct leg_factory sip_leg_factory(struct sip_legs *ls)
{
	return (struct leg_factory){ .self = ls, .line = new_line_leg, .trunk = new_trunk_leg };
}

struct leg_link sip_leg_link(struct sip_leg *leg)
{
	return (struct leg_link){ .ops = &ops, .self = leg->legs, .leg = leg_ref(leg) };
}

enum err sip_legs_init(struct sip_legs *ls, const struct sip_legs_setup *setup, struct hash_key key)
{
	*ls = (struct sip_legs){ .setup = *setup };
	wheel_init(&ls->wheel, setup->env->now_ms);
	slab_init(&ls->texts, (uint64_t)setup->legs_max * 4096 + (1u << 20));
	enum err e = pool_init(&ls->pool, "sip legs", sizeof(struct sip_leg), setup->legs_max);
	if (e == OK) e = map_init(&ls->by_tag, setup->legs_max, key);
	if (e != OK) sip_legs_fini(ls);
	return e;
}

void sip_legs_fini(struct sip_legs *ls)
{
	uint32_t at = 0;
	for (struct sip_leg *leg; ls->pool.items && (leg = pool_each(&ls->pool, &at));) sip_dialog_fini(&leg->dialog);
	pool_fini(&ls->pool);
	map_fini(&ls->by_tag);
	slab_fini(&ls->texts);
}
