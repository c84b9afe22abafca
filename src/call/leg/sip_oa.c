// Offer and answer in INVITE transactions (RFC 3264, RFC 6337 §2): one machine for the first INVITE and all later ones.
//
//     STABLE ──SEND_OFFER──▶ OFFER_SENT ──GET_ANSWER──▶ STABLE        our (re-)INVITE with an offer
//     STABLE ──SEND_ASK────▶ ASK_SENT ──GET_LATE_OFFER──▶ LATE_OFFER_GOT ──SEND_ANSWER──▶ STABLE     ours without one
//     STABLE ──GET_OFFER───▶ OFFER_GOT ──SEND_ANSWER──▶ STABLE        theirs with an offer
//     STABLE ──GET_ASK─────▶ ASK_GOT ──SEND_LATE_OFFER──▶ LATE_OFFER_SENT ──GET_ANSWER──▶ STABLE     theirs without one
#include "call/leg/sip_inside.h"

COUNTER(sip_oa_out_of_turn, "Offers and answers that came or were asked for out of turn");

enum { DO_nothing };

static const struct fsm_row rows[] = {
	{ IN(OA_STABLE), OA_EV_SEND_OFFER, OA_OFFER_SENT, DO_nothing, "RFC 3264 4" },
	{ IN(OA_STABLE), OA_EV_SEND_ASK, OA_ASK_SENT, DO_nothing, "RFC 3261 13.2.1" },
	{ IN(OA_STABLE), OA_EV_GET_OFFER, OA_OFFER_GOT, DO_nothing, "RFC 3264 4" },
	{ IN(OA_STABLE), OA_EV_GET_ASK, OA_ASK_GOT, DO_nothing, "RFC 3261 13.2.1" },
	{ IN(OA_OFFER_SENT), OA_EV_GET_ANSWER, OA_STABLE, DO_nothing, "RFC 3264 6" },
	{ IN(OA_ASK_SENT), OA_EV_GET_LATE_OFFER, OA_LATE_OFFER_GOT, DO_nothing, "RFC 3261 13.2.1" },
	{ IN(OA_LATE_OFFER_GOT), OA_EV_SEND_ANSWER, OA_STABLE, DO_nothing, "the answer goes in the ACK" },
	{ IN(OA_OFFER_GOT), OA_EV_SEND_ANSWER, OA_STABLE, DO_nothing, "RFC 3264 6" },
	{ IN(OA_ASK_GOT), OA_EV_SEND_LATE_OFFER, OA_LATE_OFFER_SENT, DO_nothing, "the offer goes in the 2xx" },
	{ IN(OA_LATE_OFFER_SENT), OA_EV_GET_ANSWER, OA_STABLE, DO_nothing, "in the ACK" },
	{ FSM_ANY, OA_EV_REFUSED, OA_STABLE, DO_nothing, "RFC 3261 14: as it was before" },
};

static const char *const state_names[] = { SIP_OA_STATES(X_TEXT) };
static const char *const event_names[] = { SIP_OA_EVENTS(X_TEXT) };
static const char *const action_names[] = { "" };

const struct fsm sip_oa_machine = {
	.name = "offer and answer", .rows = rows, .row_count = ARRAY_LEN(rows),
	.states = state_names, .events = event_names, .actions = action_names,
	.state_count = SIP_OA_STATE_COUNT, .event_count = SIP_OA_EVENT_COUNT, .dropped = &counter_sip_oa_out_of_turn,
};

bool oa_step(struct sip_leg *leg, enum sip_oa_event event)
{
	if (!fsm_step(&sip_oa_machine, &leg->oa, event)) return false;
	if (leg->session && leg->oa == OA_STABLE) session_agreed(leg, event == OA_EV_REFUSED);
	return true;
}
