// The INVITE server transaction: RFC 3261 figure 7 with the Accepted state of RFC 6026 §7.1. Three states more say
// what flags would: CANCELLED (the user was told; it owes a final response), ABANDONED (nobody may be left who answers:
// it is not kept for ever), ACKED (the 2xx has had its ACK).
//
//     PROCEEDING ──3xx-6xx──▶ COMPLETED ──ACK──▶ CONFIRMED (absorbs ACKs for T4)
//        │ CANCEL    ──2xx──▶ ACCEPTED ──sip_server_acked──▶ ACKED (both absorb INVITEs until timer L)
//        ▼
//     CANCELLED, ABANDONED ──as PROCEEDING
//
// To repeat the 2xx is the user's part in the RFC (§13.3.1.4); here the stack does it, by TIMER_2XX.
#include "wire/sip/txn_core.h"

#define STATES(X)                                                                                                      \
	X(PROCEEDING) X(CANCELLED) X(ABANDONED) X(COMPLETED) X(CONFIRMED) X(ACCEPTED) X(ACKED) X(TERMINATED)
#define EVENTS(X)                                                                                                      \
	X(RX_AGAIN) X(RX_ACK) X(RX_CANCEL) X(TX_NOTHING) X(TX_1XX) X(TX_2XX) X(TX_FAIL) X(TX_STATELESS) X(TOLD_ACK)        \
	X(DISOWN) X(TIMER_G) X(TIMER_H) X(TIMER_I) X(TIMER_2XX) X(TIMER_L) X(TIMER_ABANDONED)
#define ACTIONS(X)                                                                                                     \
	X(ABSORB) X(SEND_TRYING) X(SEND_1XX_AGAIN) X(SEND_KEPT) X(SEND) X(RESEND) X(RESEND_ON_TIME) X(TELL_CANCELLED)      \
	X(TELL_ACK) X(TELL_TIMEOUT) X(COUNT_ABANDONED)
enum state { STATES(FSM_ENUM) STATE_COUNT };
enum event { EVENTS(FSM_ENUM) EVENT_COUNT };
enum action { ACTIONS(FSM_ENUM) ACTION_COUNT };
static const char *const state_names[] = { STATES(FSM_NAME) };
static const char *const event_names[] = { EVENTS(FSM_NAME) };
static const char *const action_names[] = { ACTIONS(FSM_NAME) };

#define NOT_FINAL (IN(PROCEEDING) | IN(CANCELLED) | IN(ABANDONED))
#define FINAL (IN(COMPLETED) | IN(CONFIRMED) | IN(ACCEPTED) | IN(ACKED))

COUNTER(sip_invite_server_dropped, "Events that an INVITE server transaction had no use for");
COUNTER(sip_invite_server_abandoned, "INVITEs that our user gave up without an answer");

static const struct fsm_row rows[] = {
	{ IN(PROCEEDING), TX_NOTHING, FSM_SAME, SEND_TRYING, "RFC 3261 17.2.1" },
	{ NOT_FINAL, RX_AGAIN, FSM_SAME, SEND_1XX_AGAIN, "RFC 3261 17.2.1" },
	{ NOT_FINAL, TX_1XX, FSM_SAME, SEND_KEPT, "RFC 3261 17.2.1" },
	{ NOT_FINAL, TX_2XX, ACCEPTED, SEND_KEPT, "RFC 6026 7.1" },
	{ NOT_FINAL, TX_FAIL, COMPLETED, SEND_KEPT, "RFC 3261 17.2.1" },
	{ NOT_FINAL, TX_STATELESS, TERMINATED, SEND, "RFC 3261 8.2.7" },
	{ IN(PROCEEDING), RX_CANCEL, CANCELLED, TELL_CANCELLED, "RFC 3261 9.2" },
	{ IN(CANCELLED) | IN(ABANDONED) | FINAL, RX_CANCEL, FSM_SAME, ABSORB, "RFC 3261 9.2" },
	{ NOT_FINAL, DISOWN, ABANDONED, ABSORB, "" },
	{ FINAL, DISOWN, FSM_SAME, ABSORB, "" },
	{ IN(ABANDONED), TIMER_ABANDONED, TERMINATED, COUNT_ABANDONED, "" },

	{ IN(COMPLETED), RX_AGAIN, FSM_SAME, RESEND, "RFC 3261 17.2.1" },
	{ IN(COMPLETED), TIMER_G, FSM_SAME, RESEND_ON_TIME, "RFC 3261 17.2.1" },
	{ IN(COMPLETED), RX_ACK, CONFIRMED, ABSORB, "RFC 3261 17.2.1" },
	{ IN(COMPLETED), TIMER_H, TERMINATED, TELL_TIMEOUT, "RFC 3261 17.2.1" },
	{ IN(CONFIRMED), RX_ACK, FSM_SAME, ABSORB, "RFC 3261 17.2.1" },
	{ IN(CONFIRMED), RX_AGAIN, FSM_SAME, ABSORB, "RFC 3261 17.2.1" },
	{ IN(CONFIRMED), TIMER_I, TERMINATED, ABSORB, "RFC 3261 17.2.1" },

	{ IN(ACCEPTED) | IN(ACKED), RX_AGAIN, FSM_SAME, ABSORB, "RFC 6026 7.1" },
	{ IN(ACCEPTED) | IN(ACKED), RX_ACK, FSM_SAME, TELL_ACK, "RFC 6026 7.1" },
	{ IN(ACCEPTED), TIMER_2XX, FSM_SAME, RESEND_ON_TIME, "RFC 3261 13.3.1.4" },
	{ IN(ACCEPTED), TOLD_ACK, ACKED, ABSORB, "RFC 3261 13.3.1.4" },
	{ IN(ACKED), TOLD_ACK, FSM_SAME, ABSORB, "" },
	{ IN(ACCEPTED), TIMER_L, TERMINATED, TELL_TIMEOUT, "RFC 3261 13.3.1.4" },
	{ IN(ACKED), TIMER_L, TERMINATED, ABSORB, "RFC 6026 7.1" },
};

static const struct txn_state states[STATE_COUNT] = {
	[PROCEEDING] = { .keeps_text = true }, // no timer: how long a call may ring is the user's to say
	[CANCELLED] = { .keeps_text = true },
	[ABANDONED] = { .end = TIMER_ABANDONED, .keeps_text = true },
	[COMPLETED] = { .repeat = TIMER_G, .end = TIMER_H, .keeps_text = true, .is_finished = true },
	[CONFIRMED] = { .end = TIMER_I, .end_is_t4 = true, .absorbs = true, .is_finished = true },
	[ACCEPTED] = { .repeat = TIMER_2XX, .repeats_end_to_end = true, .end = TIMER_L, .keeps_text = true, .is_finished = true },
	[ACKED] = { .end = TIMER_L, .is_finished = true },
	[TERMINATED] = { .is_over = true },
};

static void send_trying(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_answer(s, t->owner, in, &(struct txn_answer){ .status = 100 });
}

// The last provisional response: the user's, or the 100 that was ours and is made again.
static void send_1xx_again(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	if (t->text.n) txn_send(s, t, t->text);
	else send_trying(s, t, in);
}

static void send_kept(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_keep(s, t, in->text);
	txn_send(s, t, in->text);
}

static void send(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_send(s, t, in->text);
}

static void resend_on_time(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)in;
	txn_repeat(s, t, s->t2_ms);
}

static void tell_cancelled(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	s->user.cancelled(s->user.self, pool_ref(&s->txns, t), t->owner, in->m);
}

static void tell_ack(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)t;
	s->user.ack(s->user.self, in->m, in->from);
}

static void count_abandoned(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)s, (void)t, (void)in;
	COUNT(sip_invite_server_abandoned);
}

static txn_action *const actions[ACTION_COUNT] = {
	[ABSORB] = txn_do_nothing,
	[SEND_TRYING] = send_trying,
	[SEND_1XX_AGAIN] = send_1xx_again,
	[SEND_KEPT] = send_kept,
	[SEND] = send,
	[RESEND] = txn_send_again,
	[RESEND_ON_TIME] = resend_on_time,
	[TELL_CANCELLED] = tell_cancelled,
	[TELL_ACK] = tell_ack,
	[TELL_TIMEOUT] = txn_tell_timeout,
	[COUNT_ABANDONED] = count_abandoned,
};

const struct txn_machine txn_invite_server = {
	.fsm = { "INVITE server", rows, ARRAY_LEN(rows), state_names, event_names, action_names, STATE_COUNT, EVENT_COUNT,
	         &counter_sip_invite_server_dropped },
	.states = states,
	.actions = actions,
};

void txn_invite_server_request(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_step(s, t, RX_AGAIN, in);
}

void txn_invite_server_ack(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_step(s, t, RX_ACK, in);
}

void txn_invite_server_cancel(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_step(s, t, RX_CANCEL, in);
}

void txn_invite_server_unanswered(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	if (t->state == PROCEEDING && t->text.n == 0) txn_step(s, t, TX_NOTHING, in);
}

void txn_invite_server_acked(struct sip_stack *s, struct sip_txn *t)
{
	txn_step(s, t, TOLD_ACK, &(struct txn_input){ 0 });
}

void txn_invite_server_disown(struct sip_stack *s, struct sip_txn *t)
{
	txn_step(s, t, DISOWN, &(struct txn_input){ 0 });
}

bool txn_invite_server_respond(struct sip_stack *s, struct sip_txn *t, uint16_t status, const struct txn_input *in)
{
	return txn_step(s, t, status < 200 ? TX_1XX : status < 300 ? TX_2XX : TX_FAIL, in);
}

bool txn_invite_server_drop(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	return txn_step(s, t, TX_STATELESS, in);
}
