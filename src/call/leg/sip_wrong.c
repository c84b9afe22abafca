// What must hold of a SIP leg between two events.
#include "call/leg/sip_inside.h"

#define S(name) LEG_##name##_STATE
#define UNANSWERED (IN(S(INVITED)) | IN(S(HOLDING)))
#define IN_CALL \
	(IN(S(CALLING)) | UNANSWERED | IN(S(GIVEN_UP)) | IN(S(ANSWERED)) | IN(S(UP)) | IN(S(BYE_IN)) | IN(S(LOST)))
#define PASSING (IN(S(IDLE)) | IN(S(FAILED)) | IN(S(CANCELLED)) | IN(S(GONE)))
#define INVITING (IN(S(CALLING)) | UNANSWERED | IN(S(GIVEN_UP)) | IN(S(ANSWERED)) | IN(S(ENDING)))

static const char *leg_wrong(const struct sip_leg *leg)
{
	uint32_t in = IN(leg->state);
	bool held = calls_hold(leg->legs->setup.calls, leg->call, leg->side, leg->index, leg->legs,
		leg_ref(leg));
	if (in & PASSING) return "it rests in a state that it only passes";
	if ((in & IN_CALL) && !held) return "its call does not know it";
	if (!(in & IN_CALL) && held) return "it is over, and its call holds it";
	if ((in & INVITING) && !leg->invite_txn) return "its INVITE has no transaction";
	if (in == IN(S(BYE_OUT)) && !leg->bye_txn) return "its BYE has no transaction";
	if (in == IN(S(BYE_WAITS)) && !leg->expires.armed) return "nothing tries its BYE again";
	if (!(in & (IN(S(INVITED)) | IN(S(BYE_WAITS)))) && leg->expires.armed) return "a timer runs that its state has not";
	if (!(in & (UNANSWERED | IN(S(CALLING)))) && leg->early) return "it is begun and holds what only a beginning needs";
	if (reliable_waits(leg) != (leg->early && leg->early->reliable.timer.armed))
		return "nothing repeats its provisional response";
	if (in == IN(S(HOLDING)) && !reliable_waits(leg) && !leg->update_txn) return "its answer waits for nothing";
	if (leg->update_txn && leg->oa != OA_OFFER_GOT && leg->oa != OA_OFFER_SENT) return "an UPDATE is open without an offer";
	if (in == IN(S(UP)) && !leg->dialog.text) return "it is up without a dialog";
	if (in == IN(S(UP)) && !leg->invite_txn && !leg->update_txn && leg->oa != OA_STABLE && leg->oa != OA_LATE_OFFER_GOT)
		return "an offer is open in no transaction";
	return NULL;
}

const char *sip_legs_wrong(const struct sip_legs *ls, struct str *call_id)
{
	const struct sip_leg *leg;
	const char *wrong = NULL;
	for (uint32_t at = 0; !wrong && (leg = pool_each(&ls->pool, &at));) {
		wrong = leg_wrong(leg);
		*call_id = leg->dialog.text ? leg->dialog.call_id : (struct str){ leg->tag, SIP_LEG_TAG_LEN };
	}
	return wrong;
}
