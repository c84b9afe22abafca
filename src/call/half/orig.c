// The originating half (ITU-T Q.1224 §4): from a leg that brings a call to the moment when nothing of it is left.
//
//     NULL ─▶ AUTHORISE ─▶ COLLECT ─▶ ANALYSE ─▶ SELECT_ROUTE ─▶ SEND ─▶ ALERTING ─▶ RECORDING ─▶ ACTIVE
//                │  digits at once ─────▲                                                           │
//                └─ denied ─▶ EXCEPTION (treatment) ─▶ COUNTING ─▶ CLOSING ─▶ OVER ◀────────────────┘
//
// What data decides is named as an event first (o_post); the table alone says what follows.
#include "call/half/orig.h"

COUNTER(call_o_dropped, "Events of originating halves without a row in their table");

#define DO_ENUM(name) DO_##name,
enum { O_ACTIONS(DO_ENUM) DO_COUNT };

#define SETTING_UP (IN(O_AUTHORISE) | IN(O_COLLECT) | IN(O_ANALYSE) | IN(O_SELECT_ROUTE))
#define CALLING (IN(O_SEND) | IN(O_ALERTING))
#define STANDING (SETTING_UP | CALLING | IN(O_RECORDING) | IN(O_ACTIVE) | IN(O_EXCEPTION))

static const struct fsm_row rows[] = {
	{ IN(O_NULL), O_EV_OFFER, O_AUTHORISE, DO_authorise, "Q.1224 origination attempt" },
	{ IN(O_AUTHORISE), O_EV_NO_DIGITS, O_COLLECT, DO_dial_tone, "Q.1224 origination attempt authorised" },
	{ IN(O_AUTHORISE) | IN(O_ANALYSE), O_EV_DIGITS, O_ANALYSE, DO_analyse, "Q.1224 collected information" },
	{ SETTING_UP, O_EV_DENIED, O_EXCEPTION, DO_treat, "Q.1224 denied, invalid, route failed" },
	{ IN(O_COLLECT), O_EV_DIGIT, FSM_SAME, DO_digit, "Q.1224 collect information" },
	{ IN(O_COLLECT), O_EV_TIMER, FSM_SAME, DO_digit_timeout, "Q.1224 collect time-out" },
	{ IN(O_COLLECT), O_EV_COLLECTED, O_ANALYSE, DO_analyse, "Q.1224 collected information" },
	{ IN(O_ANALYSE), O_EV_RECALL, O_COLLECT, DO_recall, "Q.1224 analysed information: a feature wants digits" },
	{ IN(O_ANALYSE), O_EV_CONFIRM, O_EXCEPTION, DO_confirm, "a feature was changed from the phone" },
	{ IN(O_ANALYSE), O_EV_TIMER, O_EXCEPTION, DO_confirm, "the feature's change was not answered in time" },
	{ IN(O_ANALYSE), O_EV_ANALYSED, O_SELECT_ROUTE, DO_select_route, "Q.1224 analysed information" },
	{ IN(O_SELECT_ROUTE), O_EV_ROUTED, O_SEND, DO_send_call, "Q.1224 route selected" },
	{ CALLING, O_EV_T_PROGRESS, FSM_SAME, DO_progress, "Q.1224 call in progress" },
	{ CALLING, O_EV_T_ALERT, O_ALERTING, DO_alert, "Q.1224 terminating seized" },
	{ CALLING, O_EV_T_ANSWER, O_RECORDING, DO_record_answer, "Q.1224 answer" },
	{ CALLING, O_EV_T_FAIL, O_EXCEPTION, DO_treat, "Q.1224 called party busy, no answer" },
	{ CALLING, O_EV_T_REDIRECT, O_ANALYSE, DO_divert, "a feature of T sends the call elsewhere" },
	{ IN(O_RECORDING), O_EV_RECORDED, O_ACTIVE, DO_answer, "the answer's record is on disk" },
	{ IN(O_RECORDING), O_EV_TIMER, FSM_SAME, DO_answer_late, "the record is late: the office's policy" },
	{ IN(O_RECORDING), O_EV_LATE, O_ACTIVE, DO_answer, "passed on, marked" },
	{ IN(O_RECORDING), O_EV_REFUSE, O_EXCEPTION, DO_refuse_late, "not passed on" },
	{ IN(O_RECORDING) | IN(O_ACTIVE), O_EV_T_RELEASE, O_COUNTING, DO_far_hung_up, "Q.1224 disconnect" },
	{ IN(O_RECORDING) | IN(O_ACTIVE), O_EV_RELEASE, O_COUNTING, DO_hang_up, "Q.1224 disconnect" },
	{ IN(O_ACTIVE), O_EV_TIMER, O_COUNTING, DO_too_long, "longest call" },
	{ SETTING_UP | CALLING, O_EV_RELEASE, O_COUNTING, DO_hang_up, "Q.1224 abandon" },
	{ IN(O_ACTIVE), O_EV_DIGIT, FSM_SAME, DO_pass_digit, "RFC 6086: a digit by INFO" },
	{ STANDING, O_EV_MEDIA, FSM_SAME, DO_media, "RFC 3264" },
	{ IN(O_EXCEPTION), O_EV_PLAYED, FSM_SAME, DO_treat_on, "treatment" },
	{ IN(O_EXCEPTION), O_EV_TIMER, O_COUNTING, DO_end, "treatment is over" },
	{ IN(O_EXCEPTION), O_EV_RELEASE, O_COUNTING, DO_leave, "Q.1224 disconnect in exception" },
	{ STANDING, O_EV_GIVE_UP, O_COUNTING, DO_give_up, "an operator, a side gone silent, a broken invariant" },
	{ IN(O_COUNTING), O_EV_STATS, O_CLOSING, DO_write_record, "" },
	{ IN(O_COUNTING), O_EV_TIMER, O_CLOSING, DO_write_record, "the media plane is late" },
	{ IN(O_CLOSING), O_EV_RECORDED, O_OVER, DO_over, "" },
	{ IN(O_CLOSING), O_EV_TIMER, FSM_SAME, DO_close_late, "the record is late, or the journal could not take it" },
	{ IN(O_ACTIVE), O_EV_TRANSFER, FSM_SAME, DO_transfer, "RFC 3515: a party asks to be replaced" },
	{ FSM_ANY, O_EV_TRANSFER, FSM_SAME, DO_refuse_transfer, "RFC 3515 2.4.2" },
	{ IN(O_ACTIVE), O_EV_TIE, FSM_SAME, DO_tie, "what the call with the target says" },
	{ IN(O_ACTIVE), O_EV_PARTED, FSM_SAME, DO_part, "RFC 5589 6.1: who asked hangs up, the transfer goes on" },
	{ CALLING | IN(O_RECORDING) | IN(O_ACTIVE), O_EV_REPLACE, FSM_SAME, DO_replace, "RFC 3891 3" },
	{ CALLING | IN(O_ACTIVE), O_EV_TAKE, FSM_SAME, DO_take, "RFC 3891 3: pick-up of a ringing phone, or of a call" },
	{ FSM_ANY, O_EV_TAKE, FSM_SAME, DO_refuse_replace, "RFC 3891 3: 603" },
	{ FSM_ANY, O_EV_REPLACE, FSM_SAME, DO_refuse_replace, "RFC 3891 3: 603" },
	// What crosses the end of a call is no fault of anyone.
	{ FSM_ANY, O_EV_TIE, FSM_SAME, DO_none, "" },
	{ IN(O_COUNTING) | IN(O_CLOSING) | IN(O_EXCEPTION), O_EV_T_RELEASE, FSM_SAME, DO_none, "" },
	{ IN(O_COUNTING) | IN(O_CLOSING), O_EV_RELEASE, FSM_SAME, DO_none, "" },
};

static const char *const pic_names[] = { O_PICS(FSM_NAME) };
static const char *const event_names[] = { O_EVENTS(X_TEXT) };
static const char *const action_names[] = { O_ACTIONS(X_TEXT) };

const struct fsm orig_machine = {
	.name = "originating half", .rows = rows, .row_count = ARRAY_LEN(rows),
	.states = pic_names, .events = event_names, .actions = action_names,
	.state_count = O_PIC_COUNT, .event_count = O_EV_COUNT, .dropped = &counter_call_o_dropped,
};

void orig_none(struct call *c, const struct verb *v)
{
	(void)c;
	(void)v;
}

#define DO_ROW(name) [DO_##name] = orig_##name,
static orig_action *const actions[DO_COUNT] = { O_ACTIONS(DO_ROW) };

void orig_step(struct call *c, const struct call_event *ev)
{
	uint8_t before = c->o.pic;
	const struct fsm_row *row = fsm_step(&orig_machine, &c->o.pic, ev->event);
	if (!row) return;
	if (before != c->o.pic) half_timer(c, SIDE_O, 0); // a timer belongs to its state
	actions[row->action](c, &ev->verb);
}
