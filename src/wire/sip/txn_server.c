// The server transaction of every request but INVITE: RFC 3261 figure 8, with RFC 4320.
//
//     TRYING ──100──▶ PROCEEDING ──final──▶ COMPLETED (answers retransmissions for 64*T1)
//
// A 100 is sent when the request is repeated after so long that the client's timer E has reached T2 (RFC 4320 §4.1):
// that retransmission brings what the 100 is made of, so nothing need be kept for it. An answer that comes after 64*T1
// finds no transaction any more and is never sent (§4.2).
#include "wire/sip/txn_core.h"

#define STATES(X) X(TRYING) X(PROCEEDING) X(COMPLETED) X(TERMINATED)
#define EVENTS(X) X(RX_AGAIN) X(RX_AGAIN_LATE) X(TX_100) X(TX_FINAL) X(TX_STATELESS) X(TIMER_LATE) X(TIMER_J)
#define ACTIONS(X) X(ABSORB) X(SEND_TRYING) X(SEND) X(SEND_FINAL) X(RESEND) X(COUNT_LATE)
enum state { STATES(FSM_ENUM) STATE_COUNT };
enum event { EVENTS(FSM_ENUM) EVENT_COUNT };
enum action { ACTIONS(FSM_ENUM) ACTION_COUNT };
static const char *const state_names[] = { STATES(FSM_NAME) };
static const char *const event_names[] = { EVENTS(FSM_NAME) };
static const char *const action_names[] = { ACTIONS(FSM_NAME) };

#define NOT_FINAL (IN(TRYING) | IN(PROCEEDING))

COUNTER(sip_server_dropped, "Events that a server transaction had no use for");
COUNTER(sip_server_never_answered, "Requests that our user did not answer within 64*T1");

static const struct fsm_row rows[] = {
	{ IN(TRYING), RX_AGAIN, FSM_SAME, ABSORB, "RFC 3261 17.2.2" },
	{ NOT_FINAL, RX_AGAIN_LATE, PROCEEDING, SEND_TRYING, "RFC 4320 4.1" },
	{ IN(PROCEEDING), RX_AGAIN, FSM_SAME, SEND_TRYING, "RFC 3261 17.2.2" },
	{ NOT_FINAL, TX_100, PROCEEDING, SEND, "RFC 3261 17.2.2" },
	{ NOT_FINAL, TX_FINAL, COMPLETED, SEND_FINAL, "RFC 3261 17.2.2" },
	{ NOT_FINAL, TX_STATELESS, TERMINATED, SEND, "RFC 3261 8.2.7" },
	{ NOT_FINAL, TIMER_LATE, TERMINATED, COUNT_LATE, "RFC 4320 4.2" },
	{ IN(COMPLETED), RX_AGAIN, FSM_SAME, RESEND, "RFC 3261 17.2.2" },
	{ IN(COMPLETED), RX_AGAIN_LATE, FSM_SAME, RESEND, "RFC 3261 17.2.2" },
	{ IN(COMPLETED), TIMER_J, TERMINATED, ABSORB, "RFC 3261 17.2.2" },
};

static const struct txn_state states[STATE_COUNT] = {
	[TRYING] = { .end = TIMER_LATE },
	[PROCEEDING] = { .end = TIMER_LATE },
	[COMPLETED] = { .end = TIMER_J, .absorbs = true, .keeps_text = true, .is_finished = true },
	[TERMINATED] = { .is_over = true },
};

static void send_trying(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_answer(s, t->owner, in, &(struct txn_answer){ .status = 100 });
}

static void send(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_send(s, t, in->text);
}

static void send_final(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	txn_keep(s, t, in->text);
	txn_send(s, t, in->text);
}

static void count_late(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)s, (void)t, (void)in;
	COUNT(sip_server_never_answered);
}

static txn_action *const actions[ACTION_COUNT] = {
	[ABSORB] = txn_do_nothing, [SEND_TRYING] = send_trying, [SEND] = send,
	[SEND_FINAL] = send_final, [RESEND] = txn_send_again,   [COUNT_LATE] = count_late,
};

const struct txn_machine txn_server = {
	.fsm = { "server", rows, ARRAY_LEN(rows), state_names, event_names, action_names, STATE_COUNT, EVENT_COUNT,
	         &counter_sip_server_dropped },
	.states = states,
	.actions = actions,
};

// When the client's timer E is reset to T2: with T1 500 ms and T2 4 s it fires after 500, 1500 and 3500 ms.
static uint64_t trying_after_ms(const struct sip_stack *s)
{
	uint64_t after = s->t1_ms;
	for (uint64_t interval = 2ull * s->t1_ms; interval < s->t2_ms; interval *= 2) after += interval;
	return after;
}

void txn_server_request(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	bool late = s->env->now_ms - t->started_ms >= trying_after_ms(s);
	txn_step(s, t, late ? RX_AGAIN_LATE : RX_AGAIN, in);
}

bool txn_server_respond(struct sip_stack *s, struct sip_txn *t, uint16_t status, const struct txn_input *in)
{
	return txn_step(s, t, status == 100 ? TX_100 : TX_FINAL, in);
}

bool txn_server_drop(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	return txn_step(s, t, TX_STATELESS, in);
}
