// The machine of a SIP leg: what each message and each verb does to it.
#include "call/leg/sip_inside.h"

#include "base/bug.h"

COUNTER(sip_leg_dropped, "Events of SIP legs without a row in their table");

#define ACTIONS(X) \
	X(none) X(invite) X(progress) X(alert) X(next) X(answer) X(hold) X(answer_held) X(refuse) X(cancel) X(free) \
	X(up_progress) X(up_answer) X(up_failure) X(again) X(acked) X(up_cancel) X(up_expired) X(up_session_over) \
	X(up_no_prack) X(early_bye) X(up_bye) X(keep_bye) X(bye) X(bye_later) X(ok_bye) X(cross_bye) X(lost)
#define DO_ENUM(name) DO_##name,
enum { ACTIONS(DO_ENUM) DO_COUNT };
#define S(name) LEG_##name##_STATE
#define BEGINNING (IN(S(IDLE)) | IN(S(CALLING)) | IN(S(INVITED)) | IN(S(HOLDING)))
#define BYE_AGAIN_MS 1000u
#define BYE_TRIES_MAX 120 // transactions that were full end after 32 s; without room for so long it is given up

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
	{ IN(S(INVITED)), LEG_EV_ANSWER_WAITS, S(HOLDING), DO_hold, "RFC 3262 3, RFC 6337 4.3: for a PRACK or UPDATE" },
	{ IN(S(INVITED)), LEG_EV_CLEARED, FSM_SAME, DO_next, "RFC 3262 3" },
	{ IN(S(INVITED)), LEG_EV_NO_PRACK, S(CANCELLED), DO_up_no_prack, "RFC 3262 3: 5xx" },
	{ IN(S(INVITED)), LEG_EV_RELEASE, S(GONE), DO_refuse, "RFC 3261 13.3.1.3" },
	{ IN(S(INVITED)), LEG_EV_RX_CANCEL, S(CANCELLED), DO_up_cancel, "RFC 3261 9.2" },
	{ IN(S(INVITED)), LEG_EV_EXPIRED, S(CANCELLED), DO_up_expired, "RFC 3261 13.3.1: as if cancelled" },
	{ IN(S(INVITED)), LEG_EV_RX_BYE, S(CANCELLED), DO_early_bye, "RFC 3261 15.1.2" },
	{ IN(S(CANCELLED)), LEG_EV_RELEASE, S(GONE), DO_refuse, "RFC 3261 9.2: 487" },
	{ IN(S(CANCELLED)), LEG_EV_PROGRESS, FSM_SAME, DO_none, "crossing" },
	{ IN(S(CANCELLED)), LEG_EV_ALERT, FSM_SAME, DO_none, "crossing" },
	{ IN(S(CANCELLED)), LEG_EV_ANSWER, FSM_SAME, DO_none, "crossing" },
	{ IN(S(HOLDING)), LEG_EV_CLEARED, S(ANSWERED), DO_answer_held, "RFC 3262 3" },
	{ IN(S(HOLDING)), LEG_EV_RELEASE, S(GONE), DO_refuse, "RFC 3261 13.3.1.3" },
	{ IN(S(HOLDING)), LEG_EV_RX_CANCEL, S(GIVEN_UP), DO_up_cancel, "RFC 3261 9.2" },
	{ IN(S(HOLDING)), LEG_EV_RX_BYE, S(GIVEN_UP), DO_early_bye, "RFC 3261 15.1.2" },
	{ IN(S(HOLDING)), LEG_EV_NO_PRACK, S(GIVEN_UP), DO_up_no_prack, "RFC 3262 3: 5xx" },
	{ IN(S(GIVEN_UP)), LEG_EV_RELEASE, S(GONE), DO_refuse, "RFC 3261 9.2: 487" },
	{ IN(S(GIVEN_UP)), LEG_EV_RX_BYE, FSM_SAME, DO_cross_bye, "another one" },
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
	{ IN(S(UP)), LEG_EV_SESSION_OVER, S(LOST), DO_up_session_over, "RFC 4028 10" },
	{ IN(S(UP)), LEG_EV_RELEASE, S(BYE_OUT), DO_bye, "RFC 3261 15.1.1" },
	{ IN(S(BYE_IN)), LEG_EV_RX_BYE, FSM_SAME, DO_cross_bye, "another one" },
	{ IN(S(BYE_OUT)), LEG_EV_RX_BYE, FSM_SAME, DO_cross_bye, "RFC 3261 15.1.2: both hang up" },
	{ IN(S(BYE_OUT)), LEG_EV_BYE_DONE, S(GONE), DO_free, "RFC 3261 15.1.1: whatever the answer" },
	{ IN(S(BYE_OUT)), LEG_EV_BYE_UNSENT, S(BYE_WAITS), DO_bye_later, "no room for it now" },
	{ IN(S(BYE_WAITS)), LEG_EV_EXPIRED, S(BYE_OUT), DO_bye, "" },
	{ IN(S(BYE_WAITS)), LEG_EV_RX_BYE, S(GONE), DO_ok_bye, "RFC 3261 15.1.2: it knows" },
	{ IN(S(BYE_OUT)) | IN(S(BYE_WAITS)), LEG_EV_RX_2XX, FSM_SAME, DO_again, "" },
	{ IN(S(BYE_OUT)) | IN(S(BYE_WAITS)), LEG_EV_RX_ACK, FSM_SAME, DO_none, "repeated" },
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
	if (v->sdp.n && !leg->answer.n) leg_keep(leg, &leg->answer, v->sdp);
	return v->in_band && leg->answer.n ? leg->answer : v->sdp;
}

static void do_progress(struct sip_leg *leg, const struct leg_input *in)
{
	reliable_send(leg, 183, early_sdp(leg, in->verb));
}

static void do_alert(struct sip_leg *leg, const struct leg_input *in)
{
	reliable_send(leg, 180, early_sdp(leg, in->verb));
}

static void do_next(struct sip_leg *leg, const struct leg_input *in)
{
	(void)in;
	reliable_next(leg);
}

static void do_answer(struct sip_leg *leg, const struct leg_input *in)
{
	// An answer that went in an 18x is the answer, and is said again (RFC 3261 13.2.1, RFC 6337 2.1).
	struct str sdp = leg->answer.n ? leg->answer : in->verb->sdp;
	if (leg->oa == OA_STABLE) sdp = STR(""); // but for one that was acknowledged
	else if (!oa_step(leg, leg->oa == OA_ASK_GOT ? OA_EV_SEND_LATE_OFFER : OA_EV_SEND_ANSWER)) return;
	out_invite_response(leg, 200, STR("OK"), STR(""), sdp);
	leg->answer = slab_free(&leg->legs->texts, leg->answer);
}

static void do_hold(struct sip_leg *leg, const struct leg_input *in)
{
	if (!leg->answer.n) leg_keep(leg, &leg->answer, in->verb->sdp);
}

static void do_answer_held(struct sip_leg *leg, const struct leg_input *in)
{
	(void)in;
	do_answer(leg, &(struct leg_input){ .verb = &(struct verb){ .kind = VERB_ANSWER, .media = MEDIA_ANSWER } });
}

// The final response that says why not.
static void do_refuse(struct sip_leg *leg, const struct leg_input *in)
{
	char text[160];
	struct buf reason = buf_on(text, sizeof text);
	bool given_up = leg->cause.value || in->verb->elsewhere;
	uint16_t status = given_up ? 487 : sip_status_of_cause(in->verb->cause); // cause: they gave up themselves
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
	enum verb_media brings;
	if (!reliable_take(leg, m, in->from, &brings)) return;
	update_learn(leg, m);
	// Who watches the line may ask for this call, by what the telephone calls it (RFC 3891 7.1).
	if (m->status > 100 && leg->line && watching_calls(leg->legs->setup.live->watching, leg->line))
		branch_of(leg, m->to.tag, true);
	if (brings != MEDIA_NONE && msg_sdp(m, &v.sdp)) {
		struct sip_branch *branch = branch_of(leg, m->to.tag, true);
		v.media = (uint8_t)brings;
		v.in_band = true;
		if (brings == MEDIA_ANSWER && branch && !branch->answer.n) leg_keep(leg, &branch->answer, v.sdp);
	}
	leg_tell(leg, &v);
}

// The dialog of a 2xx: an early one of its tag is confirmed.
static enum err begin_dialog(struct sip_leg *leg, const struct leg_input *in, struct sip_branch *b)
{
	if (leg->early && leg->early->at && leg->early->at != b) update_end(leg); // in one that lost
	branch_enter(leg, b && b->dialog.text ? b : leg->early && leg->early->at == b ? b : NULL);
	if (leg->dialog.text) return sip_dialog_confirm(&leg->dialog, in->msg);
	enum err e = sip_dialog_init_uac(&leg->dialog, in->msg, in->msg, in->from);
	leg->dialog.flow_peer = leg->peer;
	leg->dialog.flow_listener = leg->listener;
	return e;
}

// The media of a 2xx. One without SDP means what its 18x said: sent reliably that was the answer (RFC 6337 3.1.1); else
// RFC 3261 13.2.1 wants it in the 2xx, but some carriers say it once. False: there are none.
static bool answer_media(struct sip_leg *leg, const struct sip_msg *m, const struct sip_branch *b, struct verb *v)
{
	bool agreed = leg->oa == OA_STABLE || leg->oa == OA_LATE_OFFER_GOT || leg->update_txn;
	bool asked = leg->oa == OA_ASK_SENT;
	struct arena *arena = &leg->legs->setup.env->scratch;
	v->sdp = STR("");
	if (!agreed && !msg_sdp(m, &v->sdp)) return false;
	if (!v->sdp.n && !asked && b) v->sdp = arena_dup(arena, b->answer);
	session_heard(leg, v->sdp);
	v->media = !v->sdp.n ? MEDIA_NONE : asked ? MEDIA_OFFER : MEDIA_ANSWER;
	return agreed || (v->sdp.n && oa_step(leg, asked ? OA_EV_GET_LATE_OFFER : OA_EV_GET_ANSWER));
}

static void do_up_answer(struct sip_leg *leg, const struct leg_input *in)
{
	struct verb v = { .kind = VERB_ANSWER };
	struct sip_branch *b = branch_of(leg, in->msg->to.tag, false);
	leg->invite_txn = 0; // what still comes of it finds the dialog
	leg->ack_cseq = in->msg->cseq.number;
	if (begin_dialog(leg, in, b) != OK || !answer_media(leg, in->msg, b, &v)) {
		// Nothing to talk to, or no media: end it as our clause says (RFC 3261 13.2.2.4 ACK, then BYE).
		if (leg->dialog.text) out_ack(leg, STR(""));
		else sip_client_not_ended(leg->legs->setup.stack, in->txn, in->msg->to.tag);
		leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_INCOMPATIBLE) });
		return;
	}
	leg->dialog.confirmed = true;
	leg->target = slab_free(&leg->legs->texts, leg->target);
	update_learn(leg, in->msg);
	session_answered(leg, in->msg);
	if (v.media == MEDIA_OFFER) leg_keep(leg, &leg->answer, v.sdp);
	// An offer is acknowledged with its answer, when the caller gives it.
	if (leg->oa != OA_LATE_OFFER_GOT) out_ack(leg, STR(""));
	if (v.media == MEDIA_OFFER && !leg->answer.n) { // no room to keep it, and so to say no to it later
		out_refusing_ack(leg, v.sdp);
		oa_step(leg, OA_EV_SEND_ANSWER);
		v = (struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_CONGESTION) };
	}
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
		// It does not know us: no word of the called party, and another trunk may do better.
		if (leg->trunk_group && (in->msg->status == 401 || in->msg->status == 407))
			v.cause.value = CAUSE_NETWORK_OUT_OF_ORDER;
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
	session_heard(leg, v.sdp);
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

static void do_up_session_over(struct sip_leg *leg, const struct leg_input *in)
{
	(void)in;
	leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_TIMER),
		.unrefreshed_s = leg->session ? leg->session->interval_s : 1 });
}

// The call hears 102, and so has us answer 504.
static void do_up_no_prack(struct sip_leg *leg, const struct leg_input *in)
{
	(void)in;
	leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_TIMER) });
}

// Its 200 waits for the call's word; without memory to wait, it goes now.
static void do_keep_bye(struct sip_leg *leg, const struct leg_input *in)
{
	leg_keep(leg, &leg->other_head, out_head(leg, in->msg, in->from));
	if (!leg->other_head.n) {
		out_reply(leg, in->txn, in->msg, in->from, 200, STR(""));
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
	// Their 2xx wants an answer before the BYE (RFC 3261 13.2.2.4).
	if (leg->oa == OA_LATE_OFFER_GOT) out_refusing_ack(leg, leg->answer);
	if (in->verb) leg->cause = in->verb->cause;
	out_bye(leg);
	if (leg->bye_txn) return;
	// To whom nothing can be said nothing is left to do: their 2xx named no Contact.
	bool later = leg->dialog.text && ++leg->bye_tries < BYE_TRIES_MAX && !BUG(bye_tried_once);
	leg_step(leg, later ? LEG_EV_BYE_UNSENT : LEG_EV_BYE_DONE, in);
}

static void do_bye_later(struct sip_leg *leg, const struct leg_input *in)
{
	struct sip_legs *ls = leg->legs;
	(void)in;
	wheel_start(&ls->wheel, &leg->expires, ls->setup.env->now_ms + BYE_AGAIN_MS, LEG_TIMER_EXPIRES, leg_ref(leg));
}

static void do_cross_bye(struct sip_leg *leg, const struct leg_input *in)
{
	out_reply(leg, in->txn, in->msg, in->from, 200, STR(""));
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
	if (leg->state != S(INVITED) && leg->state != S(BYE_WAITS)) wheel_stop(&ls->wheel, &leg->expires);
	if (!(IN(leg->state) & (BEGINNING | IN(S(ANSWERED)) | IN(S(UP))))) update_end(leg);
	if (event == LEG_EV_RELEASE && in->verb->cause.value && leg->state == S(ENDING)) leg->cause = in->verb->cause;
	actions[row->action](leg, in);
	leg = pool_at(&ls->pool, self); // the call may have released it in the action
	if (leg && !(IN(leg->state) & BEGINNING)) early_free(leg);
	if (leg && !(IN(leg->state) & (BEGINNING | IN(S(ANSWERED)) | IN(S(UP))))) session_free(leg);
	if (leg && leg->state == S(GONE)) leg_free(leg);
}
