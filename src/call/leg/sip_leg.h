// SIP legs: phones of lines and trunks of other carriers, each an INVITE dialog, to and from the seven verbs.
//
//     sip stack ──request, response──▶ sip_leg ──verb──▶ halves
//                ◀──messages────────            ◀──verb──
//
// A leg ends by the RELEASE that the call tells it: then it sends what its state asks for (CANCEL, a final response, BYE,
// the 200 to a BYE) and is gone. The machine is sip_leg.c, a leg's beginning and end sip_legs.c. Offers and answers are
// sip_oa.c; in a dialog that stands sip_reinvite.c, outside INVITE sip_update.c. Early dialogs are sip_early.c,
// provisional responses that are acknowledged sip_reliable.c, challenges of carriers sip_credentials.c, REFER and what is
// told of it sip_refer.c, legs by their Replaces sip_replaces.c, session timers sip_session.c; what comes in sip_in.c,
// what goes out sip_out.c.
#pragma once

#include "base/slab.h"
#include "base/wheel.h"
#include "call/half/call.h"
#include "call/leg/sip_auth.h"
#include "wire/sip/dialog.h"

#define SIP_LEG_TAG_LEN 18      // two digits of the worker, sixteen of chance
#define SIP_LEG_LISTENERS_MAX 8
#define SIP_LEGS_RESERVED 32    // of legs_max: for emergency calls
#define SIP_LEG_BRANCHES_MAX 4  // of a fork of our INVITE, whose early dialogs are told apart

#define SIP_LEG_STATES(X) \
	X(IDLE) X(CALLING) X(FAILED) X(INVITED) X(CANCELLED) X(HOLDING) X(GIVEN_UP) X(ANSWERED) X(ENDING) X(UP) X(BYE_IN) \
	X(BYE_OUT) X(BYE_WAITS) X(LOST) X(GONE)
#define SIP_LEG_STATE_ENUM(name) LEG_##name##_STATE,
enum sip_leg_state { SIP_LEG_STATES(SIP_LEG_STATE_ENUM) SIP_LEG_STATE_COUNT };

#define SIP_LEG_EVENTS(X) \
	X(OFFER) X(PROGRESS) X(ALERT) X(ANSWER) X(ANSWER_WAITS) X(RELEASE) X(RX_PROVISIONAL) X(RX_2XX) X(RX_FAILURE) \
	X(RX_ACK) X(CLEARED) X(RX_BYE) X(RX_CANCEL) X(EXPIRED) X(SESSION_OVER) X(NO_PRACK) X(NO_ACK) \
	X(BYE_UNSENT) X(BYE_DONE)
#define SIP_LEG_EVENT_ENUM(name) LEG_EV_##name,
enum sip_leg_event { SIP_LEG_EVENTS(SIP_LEG_EVENT_ENUM) SIP_LEG_EVENT_COUNT };

// Who owes what (RFC 3264, RFC 6337), for the first INVITE and every later one.
#define SIP_OA_STATES(X) \
	X(STABLE) X(OFFER_SENT) X(ASK_SENT) X(OFFER_GOT) X(ASK_GOT) X(LATE_OFFER_SENT) X(LATE_OFFER_GOT)
#define SIP_OA_STATE_ENUM(name) OA_##name,
enum sip_oa_state { SIP_OA_STATES(SIP_OA_STATE_ENUM) SIP_OA_STATE_COUNT };
#define SIP_OA_EVENTS(X) \
	X(SEND_OFFER) X(SEND_ASK) X(GET_OFFER) X(GET_ASK) X(GET_ANSWER) X(SEND_ANSWER) X(GET_LATE_OFFER) X(SEND_LATE_OFFER) \
	X(REFUSED)
#define SIP_OA_EVENT_ENUM(name) OA_EV_##name,
enum sip_oa_event { SIP_OA_EVENTS(SIP_OA_EVENT_ENUM) SIP_OA_EVENT_COUNT };

// What an INVITE of theirs says of provisional responses that are acknowledged (RFC 3262).
enum sip_reliable_asked { SIP_RELIABLE_NOT, SIP_RELIABLE_SUPPORTED, SIP_RELIABLE_REQUIRED };

// Those that we send so.
struct sip_reliable {
	uint8_t asked;        // enum sip_reliable_asked
	bool sdp_said;        // one of them brought the answer, or our offer: nothing after it says it again (RFC 6337 3.1.1)
	bool prack_offers;    // the offer that is open came in the PRACK of the last one, whose 200 brings the answer
	bool rang;            // a 180 was said
	uint16_t next;        // status of the one that waits until the last one is acknowledged; 0: none
	uint32_t rseq;        // of the last one; 0: none yet
	uint32_t interval_ms; // until it is repeated
	uint64_t until_ms;    // then it is given up
	struct str text;      // owned (slab): the last one while it is not acknowledged; else empty
	struct timer timer;
};

// An early dialog of our INVITE, of which a fork downstream makes several: what its 18x said.
struct sip_branch {
	struct str tag;           // owned (slab); empty: the place is free
	struct str answer;        // owned (slab): the SDP of its first 18x that had one, until there is another offer
	uint32_t rseq;            // of the last one that came in order; 0: none
	struct sip_dialog dialog; // while the leg speaks in another one, and oa too; without text: none was made
	uint8_t oa;
};

// What a leg needs before its 2xx, where more is said than that it rings.
struct sip_early {
	struct sip_branch branches[SIP_LEG_BRANCHES_MAX]; // we call
	struct sip_branch *at;        // the one in which the leg speaks: its dialog and oa are the leg's; NULL: none yet
	uint8_t oa_before;            // the leg's, before the first 18x
	uint32_t offer_rseq, offer_cseq; // of the 18x whose offer the PRACK will answer; 0: none
	struct sip_reliable reliable; // they call
};

// A session that has to be refreshed (RFC 4028), or was offered as such, and what a refresh by INVITE says.
struct sip_session {
	uint32_t interval_s; // 0: none after all
	uint32_t min_s;      // no shorter
	bool ours;           // we refresh
	bool refreshing;     // the re-INVITE of ours that is open is a refresh and nothing else
	ref update_txn;      // our UPDATE that is one; 0: none
	uint64_t ends_ms;    // then who is left hangs up
	struct str sdp, sdp_open; // owned (slab): our description as agreed; the one of the exchange that is open
	uint64_t theirs, theirs_open; // hashes of theirs
	struct timer timer;
};

// A REFER of theirs, and the subscription to its progress that it makes (RFC 3515).
#define SIP_REFERS_MAX 4096 // of a worker that are under way
struct sip_refer {
	uint32_t id;         // its CSeq; said from the second one of a dialog on
	bool named;          // ... which this is
	bool quiet;          // no subscription was wanted (RFC 4488)
	bool over;           // the transfer is decided, or nobody wants to hear of it any more
	uint16_t status, told; // as of now, as they were told; 0: nothing yet
	uint64_t until_ms;   // the subscription lasts
	ref notify_txn;      // a NOTIFY that waits for its answer: the next waits for that
	// While its answer is being decided:
	ref txn;
	const struct sip_msg *msg;
	const struct sip_source *from;
};

struct sip_legs;
struct sip_leg {
	struct sip_legs *legs;
	struct map_node by_tag;
	uint8_t state, oa;       // assigned by their tables alone
	uint8_t side, index;     // in the call
	uint8_t bye_tries;       // of our BYE, for which there was no room
	ref call;
	uint32_t line, trunk_group; // whose leg it is: one of the two
	ref invite_txn;          // of the first INVITE until its final response; then of a re-INVITE that is open
	ref bye_txn;             // a BYE of theirs that waits for its 200, or ours that does
	struct sip_dialog dialog;
	char tag[SIP_LEG_TAG_LEN]; // ours; of a call that we make the Call-ID too
	uint16_t listener;
	struct addr peer;        // where requests go: the flow of the line, the peer of the trunk
	ref update_txn;          // the open offer is in this UPDATE, of theirs or of ours, or in this PRACK of theirs
	struct str head;         // owned (slab): all of the response to the open INVITE but its status line and what follows
	struct str other_head;   // owned: the same for the UPDATE or PRACK that is open, then for the BYE
	struct str target;       // owned: the Request-URI of our first INVITE
	struct str answer;       // owned: the SDP of our first 18x, to be said again in the 2xx; or the offer that their 2xx
	                         // brought
	struct sip_session *session; // owned (pool); NULL: no timer
	struct sip_early *early; // owned (pool): until the first INVITE has its final response; NULL: nothing of it
	bool referred;           // there was a REFER before
	struct sip_refer *refer; // owned (pool); NULL: none is under way
	struct str ack;          // owned: our last ACK, for a repeated 2xx
	struct str credentials;  // owned: header lines of our last INVITE that answered a challenge, for its ACK
	uint32_t ack_cseq;       // of the 2xx of theirs that was or is to be acknowledged
	uint32_t invite_cseq;    // of their last INVITE, which its ACK repeats
	uint32_t first_cseq;     // of our first INVITE
	uint8_t challenges;      // answered since a request got through
	struct cause cause;      // why it failed or was hung up
	struct timer expires;    // how long their INVITE may wait for its final response; when our BYE is tried again
	bool allows_update;      // their Allow says so
	bool asks_early;         // our INVITE has no offer, and a reliable 18x may bring theirs
};

struct sip_legs_setup { // all borrowed
	struct env *env;
	struct sip_stack *stack;
	struct outbox *out;
	struct calls *calls;
	const struct office *office;
	struct live *live;
	const struct sip_auth *auth;
	uint32_t legs_max, listener_count;
	uint32_t t1_ms; // RFC 3261 17.1.1.1; 0: the RFC's
	struct addr listeners[SIP_LEG_LISTENERS_MAX]; // as Via and Contact say them
	// Refuses a called leg that there is room for, as a replay must; NULL: it does not.
	bool (*refuses)(void *self, uint32_t index);
	void *refuses_self;
};

struct sip_legs {
	struct sip_legs_setup setup;
	struct pool pool;
	struct pool earlies, sessions; // of struct sip_early, sip_session
	struct pool refers;
	struct map by_tag;
	struct slab texts;
	struct wheel wheel; // of struct sip_leg's timers
};

MUST_CHECK enum err sip_legs_init(struct sip_legs *ls, const struct sip_legs_setup *setup, struct hash_key key);
void sip_legs_fini(struct sip_legs *ls);
// For calls_setup.
struct leg_factory sip_leg_factory(struct sip_legs *ls);

// What the stack tells, when it is a leg's business.
// Is this new INVITE an emergency call, as far as it can be known before its caller is?
bool sip_leg_is_emergency(struct sip_legs *ls, const struct sip_msg *m, const struct sip_source *from);
// What no request may be, of whatever method: of a scheme that we do not serve, in need of an extension that we do not
// have. True: it was refused.
bool sip_refuse_request(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from);
// An INVITE without To tag: a new call, or its refusal.
void sip_leg_on_invite(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from);
// Any request with a To tag.
void sip_leg_on_request(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from);
void sip_leg_on_ack(struct sip_legs *ls, const struct sip_msg *m, const struct sip_source *from);
void sip_leg_on_cancel(struct sip_legs *ls, uint64_t owner, const struct sip_msg *m);
void sip_leg_on_response(struct sip_legs *ls, ref txn, uint64_t owner, const struct sip_msg *m,
	const struct sip_source *from);
void sip_leg_on_failure(struct sip_legs *ls, ref txn, uint64_t owner, enum sip_failure why);
// Fires what is due; the next deadline (UINT64_MAX: none).
uint64_t sip_legs_tick(struct sip_legs *ls);
// The last that is done with them: who never acknowledged our 2xx, and for whose ACK a BYE waits, is told now.
void sip_legs_leave(struct sip_legs *ls);
// A message of a leg, for the ladder.
void sip_leg_seen(struct sip_legs *ls, uint64_t owner, bool out, struct str bytes);

// A response without dialog or leg, with extra header lines (each ended by CRLF; empty: none). Of an INVITE, whoever
// sent it, it leaves no state (RFC 3261 8.2.7).
void sip_reply(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from, uint16_t status,
               struct str extra);

// What is wrong with a leg between two events, and the Call-ID of the first such leg; NULL: nothing.
const char *sip_legs_wrong(const struct sip_legs *ls, struct str *call_id);

// A leg by the Replaces of a party of it (RFC 3891).
struct sip_replaced {
	ref call;
	uint8_t side, index;
	uint32_t line, trunk_group; // whose it is
	bool rings;  // a phone that is being called
	bool theirs; // a call of theirs that is not answered yet
};
// Which worker has it; more than any: it names none.
uint32_t sip_replaces_worker(struct str replaces);
// A cause with value 0: *out is it. Else why it may not be replaced.
struct cause sip_replaces_find(struct sip_replaced *out, struct sip_legs *ls, struct str replaces);

// What sends a BYE after a restart: the octets that leg_ops.freeze wrote. ERR_BAD: not ours.
MUST_CHECK enum err sip_leg_bye_frozen(struct sip_legs *ls, const uint8_t *frozen, uint32_t n, struct cause cause);

// RFC 3398 both ways: causes of Q.850 (any value) and statuses. A cause that came with a status goes out with it again,
// where that may go on to another hop.
uint16_t sip_status_of_cause(struct cause c);
struct cause sip_cause_of_status(uint16_t status);
// The cause that a message carries in its Reason header (RFC 3326, RFC 6432); value 0: none.
struct cause sip_cause_of_reason(const struct sip_msg *m);

// The machines, for the matrices in the manual.
extern const struct fsm sip_leg_machine, sip_oa_machine;
