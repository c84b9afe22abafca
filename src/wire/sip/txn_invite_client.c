// The INVITE client transaction: RFC 3261 figure 5 with the Accepted state of RFC 6026 §7.2, and what §9.1 says of
// cancelling as states of its own:
//
//     CALLING ──1xx──▶ PROCEEDING ──3xx-6xx──▶ COMPLETED (ACK sent; absorbs)
//        │ cancel         │ cancel  ──2xx────▶ ACCEPTED  (each 2xx is told)
//        ▼                ▼
//     CANCEL_WAITS ─1xx▶ CANCELLING (CANCEL sent; the final response is awaited for 64*T1)
#include "wire/sip/txn_core.h"

#include "base/bug.h"

#define STATES(X) X(CALLING) X(CANCEL_WAITS) X(PROCEEDING) X(CANCELLING) X(COMPLETED) X(ACCEPTED) X(TERMINATED)
#define EVENTS(X)                                                                                                      \
	X(RX_100) X(RX_1XX) X(RX_2XX) X(RX_FAIL) X(CANCEL) X(TIMER_A) X(TIMER_B) X(TIMER_D) X(TIMER_M) X(TIMER_CANCEL) \
	X(RETURNED)
#define ACTIONS(X) X(ABSORB) X(TELL) X(RESEND) X(SEND_ACK) X(REPEAT_ACK) X(KEEP_REASON) X(SEND_CANCEL) X(TELL_TIMEOUT)        \
	X(TELL_UNREACHABLE)
enum state { STATES(FSM_ENUM) STATE_COUNT };
enum event { EVENTS(FSM_ENUM) EVENT_COUNT };
enum action { ACTIONS(FSM_ENUM) ACTION_COUNT };
static const char *const state_names[] = { STATES(FSM_NAME) };
static const char *const event_names[] = { EVENTS(FSM_NAME) };
static const char *const action_names[] = { ACTIONS(FSM_NAME) };

#define UNANSWERED (IN(CALLING) | IN(CANCEL_WAITS))
#define NOT_FINAL (UNANSWERED | IN(PROCEEDING) | IN(CANCELLING))
#define FINAL (IN(COMPLETED) | IN(ACCEPTED))

COUNTER(sip_invite_client_dropped, "Events that an INVITE client transaction had no use for");
COUNTER(sip_cancel_not_kept, "CANCELs that could not be made, or not be kept for repetition");

static const struct fsm_row rows[] = {
	{ IN(CALLING), RX_100, PROCEEDING, TELL, "RFC 3261 17.1.1.2" },
	{ IN(CALLING), RX_1XX, PROCEEDING, TELL, "RFC 3261 17.1.1.2" },
	{ IN(PROCEEDING), RX_1XX, FSM_SAME, TELL, "RFC 3261 17.1.1.2" },
	{ IN(PROCEEDING), RX_100, FSM_SAME, ABSORB, "" },
	{ IN(CALLING), CANCEL, CANCEL_WAITS, KEEP_REASON, "RFC 3261 9.1" },
	{ IN(CANCEL_WAITS), RX_100, CANCELLING, SEND_CANCEL, "RFC 3261 9.1" },
	{ IN(CANCEL_WAITS), RX_1XX, CANCELLING, SEND_CANCEL, "RFC 3261 9.1" },
	{ IN(PROCEEDING), CANCEL, CANCELLING, SEND_CANCEL, "RFC 3261 9.1" },
	{ IN(CANCEL_WAITS) | IN(CANCELLING) | FINAL, CANCEL, FSM_SAME, ABSORB, "RFC 3261 9.1" },
	{ IN(CANCELLING), RX_100, FSM_SAME, ABSORB, "" },
	{ IN(CANCELLING), RX_1XX, FSM_SAME, ABSORB, "" },
	{ NOT_FINAL, RX_2XX, ACCEPTED, TELL, "RFC 6026 7.2" },
	{ NOT_FINAL, RX_FAIL, COMPLETED, SEND_ACK, "RFC 3261 17.1.1.2" },
	{ UNANSWERED, TIMER_A, FSM_SAME, RESEND, "RFC 3261 17.1.1.2" },
	{ UNANSWERED, TIMER_B, TERMINATED, TELL_TIMEOUT, "RFC 3261 17.1.1.2" },
	{ UNANSWERED, RETURNED, TERMINATED, TELL_UNREACHABLE, "RFC 3261 17.1.4" },
	{ IN(PROCEEDING) | IN(CANCELLING) | FINAL, RETURNED, FSM_SAME, ABSORB, "it was answered" },
	{ IN(CANCELLING), TIMER_CANCEL, TERMINATED, TELL_TIMEOUT, "RFC 3261 9.1" },
	{ IN(COMPLETED), RX_FAIL, FSM_SAME, REPEAT_ACK, "RFC 3261 17.1.1.2" },
	{ IN(COMPLETED), TIMER_D, TERMINATED, ABSORB, "RFC 3261 17.1.1.2" },
	{ IN(ACCEPTED), RX_2XX, FSM_SAME, TELL, "RFC 6026 7.2" },
	{ IN(ACCEPTED), TIMER_M, TERMINATED, ABSORB, "RFC 6026 7.2" },
};

// Timer D is 32 s at the standard T1, and moves with it.
static const struct txn_state states[STATE_COUNT] = {
	[CALLING] = { .repeat = TIMER_A, .end = TIMER_B, .keeps_text = true, .is_asking = true },
	[CANCEL_WAITS] = { .repeat = TIMER_A, .end = TIMER_B, .keeps_text = true, .is_asking = true, .is_given_up = true },
	[PROCEEDING] = { .keeps_text = true }, // CANCEL and ACK are made of it
	[CANCELLING] = { .end = TIMER_CANCEL, .keeps_text = true },
	[COMPLETED] = { .end = TIMER_D, .absorbs = true, .keeps_text = true, .is_finished = true },
	[ACCEPTED] = { .end = TIMER_M, .is_finished = true },
	[TERMINATED] = { .is_over = true },
};

static void resend(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)in;
	txn_repeat(s, t, UINT32_MAX); // timer A has no upper limit; B ends it
}

static void send_ack(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_keep(s, t, txn_write_ack(s, t, in->m));
	txn_tell_response(s, t, in);
}

static void keep_reason(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	t->reason = slab_dup(&s->texts, in->text);
}

// The CANCEL is a transaction of its own, with the branch and the destination of its INVITE; nobody hears its answer.
static void send_cancel(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	struct str text = txn_write_cancel(s, t, t->reason.n ? t->reason : in->text);
	t->reason = slab_free(&s->texts, t->reason);
	const struct sip_client_request r = {
		.method = SIP_CANCEL, .message = text, .to = t->peer, .listener = t->listener, .owner = t->owner,
	};
	struct sip_txn *cancel = text.n ? txn_client_begin(s, &t->branch_key, &t->identity_key, &r) : NULL;
	if (cancel) cancel->quiet = true, cancel->in_dialog = t->in_dialog;
	else COUNT(sip_cancel_not_kept); // at most sent once; the final response is awaited all the same
}

static txn_action *const actions[ACTION_COUNT] = {
	[ABSORB] = txn_do_nothing,      [TELL] = txn_tell_response, [RESEND] = resend,
	[SEND_ACK] = send_ack,          [REPEAT_ACK] = txn_send_again, [KEEP_REASON] = keep_reason,
	[SEND_CANCEL] = send_cancel,    [TELL_TIMEOUT] = txn_tell_timeout,
	[TELL_UNREACHABLE] = txn_tell_unreachable,
};

const struct txn_machine txn_invite_client = {
	.fsm = { "INVITE client", rows, ARRAY_LEN(rows), state_names, event_names, action_names, STATE_COUNT, EVENT_COUNT,
	         &counter_sip_invite_client_dropped },
	.states = states,
	.actions = actions,
};

void txn_invite_client_response(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	uint16_t status = in->m->status;
	txn_step(s, t, status == 100 ? RX_100 : status < 200 ? RX_1XX : status < 300 ? RX_2XX : RX_FAIL, in);
}

void txn_invite_client_returned(struct sip_stack *s, struct sip_txn *t)
{
	txn_step(s, t, RETURNED, &(struct txn_input){ 0 });
}

void txn_invite_client_cancel(struct sip_stack *s, struct sip_txn *t, struct str reason)
{
	if (BUG(early_cancel_forgotten) && t->state == CALLING) return;
	txn_step(s, t, CANCEL, &(struct txn_input){ .text = reason });
}
