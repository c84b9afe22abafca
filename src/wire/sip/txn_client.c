// The client transaction of every request but INVITE: RFC 3261 figure 6, with RFC 4320.
//
//     TRYING ──1xx──▶ PROCEEDING ──final──▶ COMPLETED (absorbs for T4)
#include "wire/sip/txn_core.h"

#define STATES(X) X(TRYING) X(PROCEEDING) X(COMPLETED) X(TERMINATED)
#define EVENTS(X) X(RX_100) X(RX_1XX) X(RX_FINAL) X(TIMER_E) X(TIMER_F) X(TIMER_K) X(RETURNED)
#define ACTIONS(X) X(ABSORB) X(TELL) X(RESEND) X(RESEND_SLOWLY) X(TELL_TIMEOUT) X(TELL_UNREACHABLE)
enum state { STATES(FSM_ENUM) STATE_COUNT };
enum event { EVENTS(FSM_ENUM) EVENT_COUNT };
enum action { ACTIONS(FSM_ENUM) ACTION_COUNT };
static const char *const state_names[] = { STATES(FSM_NAME) };
static const char *const event_names[] = { EVENTS(FSM_NAME) };
static const char *const action_names[] = { ACTIONS(FSM_NAME) };

COUNTER(sip_client_dropped, "Events that a client transaction had no use for");

static const struct fsm_row rows[] = {
	{ IN(TRYING), RX_100, PROCEEDING, TELL, "RFC 3261 17.1.2.2" },
	{ IN(TRYING) | IN(PROCEEDING), RX_1XX, PROCEEDING, TELL, "RFC 3261 17.1.2.2" },
	{ IN(PROCEEDING), RX_100, FSM_SAME, ABSORB, "" },
	{ IN(TRYING) | IN(PROCEEDING), RX_FINAL, COMPLETED, TELL, "RFC 3261 17.1.2.2" },
	{ IN(TRYING), TIMER_E, FSM_SAME, RESEND, "RFC 3261 17.1.2.2" },
	{ IN(PROCEEDING), TIMER_E, FSM_SAME, RESEND_SLOWLY, "RFC 3261 17.1.2.2" },
	{ IN(TRYING) | IN(PROCEEDING), TIMER_F, TERMINATED, TELL_TIMEOUT, "RFC 3261 17.1.2.2" },
	{ IN(TRYING), RETURNED, TERMINATED, TELL_UNREACHABLE, "RFC 3261 17.1.4" },
	{ IN(PROCEEDING) | IN(COMPLETED), RETURNED, FSM_SAME, ABSORB, "it was answered" },
	{ IN(COMPLETED), RX_FINAL, FSM_SAME, ABSORB, "RFC 3261 17.1.2.2" },
	{ IN(COMPLETED), TIMER_K, TERMINATED, ABSORB, "RFC 3261 17.1.2.2" },
};

static const struct txn_state states[STATE_COUNT] = {
	[TRYING] = { .repeat = TIMER_E, .end = TIMER_F, .keeps_text = true, .is_asking = true },
	[PROCEEDING] = { .repeat = TIMER_E, .end = TIMER_F, .keeps_text = true },
	[COMPLETED] = { .end = TIMER_K, .end_is_t4 = true, .absorbs = true, .is_finished = true },
	[TERMINATED] = { .is_over = true },
};

static void resend(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)in;
	txn_repeat(s, t, s->t2_ms);
}

static void resend_slowly(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)in;
	t->interval_ms = s->t2_ms;
	txn_repeat(s, t, s->t2_ms);
}

static txn_action *const actions[ACTION_COUNT] = {
	[ABSORB] = txn_do_nothing,
	[TELL] = txn_tell_response,
	[RESEND] = resend,
	[RESEND_SLOWLY] = resend_slowly,
	[TELL_TIMEOUT] = txn_tell_timeout,
	[TELL_UNREACHABLE] = txn_tell_unreachable,
};

const struct txn_machine txn_client = {
	.fsm = { "client", rows, ARRAY_LEN(rows), state_names, event_names, action_names, STATE_COUNT, EVENT_COUNT,
	         &counter_sip_client_dropped },
	.states = states,
	.actions = actions,
};

void txn_client_response(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	uint16_t status = in->m->status;
	txn_step(s, t, status == 100 ? RX_100 : status < 200 ? RX_1XX : RX_FINAL, in);
}

void txn_client_returned(struct sip_stack *s, struct sip_txn *t)
{
	txn_step(s, t, RETURNED, &(struct txn_input){ 0 });
}
