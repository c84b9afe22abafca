// The seven verbs that join halves and legs, as values: the same form both ways, so that a call can be logged, replayed
// and explained. A leg makes verbs of its protocol's messages and messages of verbs; the halves know only these.
//
//     leg ──verb──▶ half          leg ◀──verb── half
#pragma once

#include "base/pool.h"
#include "call/model/cause.h"
#include "call/model/diversion.h"

#define VERBS(X) X(OFFER) X(PROGRESS) X(ALERT) X(ANSWER) X(MEDIA) X(SIGNAL) X(RELEASE)
#define VERB_ENUM(name) VERB_##name,
enum verb_kind { VERBS(VERB_ENUM) VERB_COUNT };

// The media part of a verb: an SDP offer or answer (RFC 3264), an offer that is asked for (an INVITE without one), or
// the refusal of one.
enum verb_media { MEDIA_NONE, MEDIA_OFFER, MEDIA_ANSWER, MEDIA_ASK, MEDIA_REFUSED };

enum media_refusal {
	REFUSED_NOT_ACCEPTABLE, // no codec or no medium in common
	REFUSED_GLARE,          // the other side offers at the same moment; may be tried again
	REFUSED_FAILED,         // it could not be asked
};

// What an OFFER carries beside its media.
#define OFFER_IDENTITIES_MAX 4
struct verb_offer {
	struct str dialled;        // as it came: digits, with separators or +; empty: the caller wants dial tone
	struct number called;      // toward a called leg: what it became
	struct party caller;
	const struct diversion *diversions; // oldest first; good until the step ends
	uint8_t diversion_count;   // of them
	uint8_t diverted;          // how often it was sent on, also by those of whom nothing is told
	uint8_t hops;              // Max-Forwards left, for the next leg
	bool emergency;
	bool on_behalf;            // the caller is as said here, and not who brings the call and pays (a transfer)
	uint32_t identity_count;   // Identity tokens (RFC 8224), passed untouched
	struct str identities[OFFER_IDENTITIES_MAX];
};

// TRANSFER: the side asks to be replaced; TRANSFERRED tells it what became of that.
enum signal_kind { SIGNAL_DIGIT, SIGNAL_FLASH, SIGNAL_TRANSFER, SIGNAL_TRANSFERRED };

// Who asks to be replaced in a call says by whom: by who is called when it dials this, or by the other party of another
// call of its own.
struct verb_transfer {
	struct str dialled;
	struct str joins; // its leg of that other call, as its protocol names it (RFC 3891 3); empty: none
};
enum transfer_news {
	TRANSFER_REFUSED, // not even tried: the cause says why
	TRANSFER_GLARE,   // one is under way in this call
	TRANSFER_TRIED,   // it begins, and one of the next four follows
	TRANSFER_ALERTS,  // may be left out
	TRANSFER_DONE,    // a RELEASE follows: the side is no more in the call
	TRANSFER_FAILED,  // the cause says why; the call is as it was
};

struct call_replacement;
struct verb {
	uint8_t kind;        // enum verb_kind
	uint8_t media;       // enum verb_media
	uint8_t refusal;     // enum media_refusal, with MEDIA_REFUSED
	bool in_band;        // PROGRESS, ALERT: there is something to hear
	bool early;          // OFFER with MEDIA_ASK: PROGRESS or ALERT may bring the offer, its answer comes as MEDIA
	bool elsewhere;      // RELEASE before an answer: another one answered (RFC 3326 "Call completed elsewhere"), or is
	                     // in its place
	bool final_retry;    // RELEASE: no other route would help
	char digit;          // SIGNAL_DIGIT
	uint8_t signal;      // enum signal_kind
	uint8_t news;        // enum transfer_news, of SIGNAL_TRANSFERRED
	uint8_t side, seat;  // within the call: enum call_side of the leg that it comes from, its place
	uint16_t digit_ms;
	uint32_t unrefreshed_s; // RELEASE: the far end, which had to say within so long that it still is there, did not
	struct cause cause;  // RELEASE; SIGNAL_TRANSFERRED
	uint64_t tied_to;    // from a tie: the number of the call at its other end
	struct str sdp;      // OFFER, ANSWER; good until the step ends
	// Good until the step ends:
	const struct verb_offer *offer;       // OFFER
	const struct verb_transfer *transfer; // SIGNAL_TRANSFER
	const struct call_replacement *replacement; // of no leg: within the call
	const struct party *party;            // ANSWER, MEDIA: who is at the other end, where that is not who was called
};

struct leg_ends {
	struct str ours, theirs; // good until the step ends
};

// A protocol's adapter. `leg` is the adapter's own handle; a verb to a leg that ended is dropped by the adapter.
struct leg_ops {
	const char *name;
	void (*take)(void *self, ref leg, const struct verb *v);
	// Could the leg ask its far end about an offer now? The call may not be answered yet. NULL: it could not.
	bool (*may_offer)(void *self, ref leg);
	// What sends a BYE after a restart: the octets written (0: this protocol needs none), and their use.
	uint32_t (*freeze)(void *self, ref leg, uint8_t *out, uint32_t cap);
	// The release record is about to be written: what the leg will send after it goes into the ladder now. May be NULL.
	void (*closing)(void *self, ref leg);
	// What the protocol calls this leg, for the record (a SIP Call-ID); good until the step ends. NULL: it has no name.
	struct str (*call_id)(void *self, ref leg);
	// What the two ends of it are called beside that (SIP tags), for who watches the line; may be empty. NULL: as above.
	struct leg_ends (*ends)(void *self, ref leg);
};
struct leg_link { // a call's hold on one leg
	const struct leg_ops *ops;
	void *self;
	ref leg;
};
