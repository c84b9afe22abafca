// The media of one call: from "this leg sent this SDP" to "this is the SDP for the other leg", with our own addresses
// in between. The legs keep the offer/answer machine (who may offer now, glare); here is only what the texts say.
//
//     O offers, T answers          media_offer_from(A, sdp)   media_offer_to(B, &sdp) for each T leg that rings
//                                  media_answer_from(B, sdp, &answer for O)          the leg that answered, or 183
//     O sends no SDP (delayed)     media_offer_to(B) gives ERR_NOT_FOUND: send none. T's 200 offers:
//                                  media_offer_from(B, sdp)   media_offer_to(A, &sdp)
//                                  media_answer_from(A, sdp, &answer for T)          what the ACK brought
//     our dial tone to O           media_offer_from(A, sdp)   media_answer_local(A, &sdp)   media_play(A, dial tone)
//       (O sent no SDP)            media_offer_local(A, &sdp)   media_answer_from(A, sdp, &nothing)
//       later T is called          media_offer_to(B, &sdp): made of what O agreed with us
//                                  media_answer_from(B, sdp, &empty): joined, nothing to be sent to O
//     re-INVITE, either way        as at first, with the sides as they come; media_offer_drop() when it is refused
//     announcement                 media_offer_from(A)   media_answer_local(A): goes into a 183 or a 200
//
// Texts returned live in env->scratch. Errors, and what a leg makes of them: ERR_BAD no SDP, or one that does not fit
// what was said before (400; cause 111); ERR_REFUSED nothing in it that we can carry, or not so secure as it must be, or
// an address we do not send to (488; cause 88); ERR_FULL no port or session, ERR_SYSTEM no memory (503; cause 42); ERR_STATE asked out of turn (our
// mistake).
#pragma once

#include "base/env.h"
#include "base/slab.h"
#include "call/model/media.h"
#include "wire/sdp/sdp_write.h"

#define MEDIA_LINES_MAX 8     // m-lines of a call that we carry or answer; more: ERR_REFUSED
#define MEDIA_TEXT_MAX 8192   // octets of an offer, which is kept until the call is answered; more: ERR_REFUSED
#define MEDIA_CODEC_MAX 12
#define MEDIA_LINE_DEAD 0xff

// One per worker; not to be moved.
struct media_worker {
	struct media *plane; // borrowed
	struct slab texts;   // owned; offers of calls that are being set up
};

// `offers_max`: calls that may be between offer and answer with the longest of texts.
MUST_CHECK enum err media_worker_init(struct media_worker *w, struct media *plane, uint32_t offers_max);
void media_worker_fini(struct media_worker *w);

// The leg that a text comes from or goes to.
struct media_leg {
	struct addr
		signalling; // where its signalling comes from or goes to; its family decides which of our addresses it gets
	bool nat;               // it may stand behind a NAT: media may also be learnt from the host of its signalling
	bool tie;               // it is another call of ours: its media go to a port of our own
	uint8_t security;       // enum media_security
	ref leg;                // which it is: each has keys of its own
};

// May, must or must not the media of a leg be encrypted?
enum media_security {
	MEDIA_NEVER,      // in the clear, keys that it names are passed over
	MEDIA_OFFERED,    // encrypted where it can: RTP/AVP with keys is offered, and RTP/SAVP taken
	MEDIA_REQUIRED,   // RTP/SAVP is offered, and nothing in the clear is taken
	MEDIA_IMPOSSIBLE, // it must be, and cannot: whoever hears the signalling would have the keys
};

// The m-lines of one side, in order; a line never goes away (RFC 3264 §8), it only dies.
struct media_lines {
	uint8_t count;
	struct {
		uint8_t stream;      // of the session, or MEDIA_LINE_DEAD
		uint8_t kind, proto; // enum sdp_kind, enum sdp_proto
	} line[MEDIA_LINES_MAX];
};

// What we offered to a side last.
enum media_gave {
	MEDIA_GAVE_NOTHING,
	MEDIA_GAVE_RELAYED, // the other side's offer
	MEDIA_GAVE_VOICE,   // our own: the voice
};

// What was agreed with one side.
struct media_half {
	struct sdp_origin origin;  // of our o= line
	struct media_leg leg;      // that was spoken to last
	struct media_lines lines;
	bool settled;              // an answer was given or got
	uint8_t gave;              // enum media_gave
	uint8_t laws;              // agreed with it, of those that we know: enum media_law as bits
	uint8_t law;               // enum media_law: how it is played to; MEDIA_LAW_NONE: it cannot hear us
	uint8_t event_out, event_in; // telephone-event to it and from it
	uint8_t ways;              // of the voice: bit 0 we may send to it, bit 1 it sends
	uint8_t suite;             // enum media_suite: of the voice; MEDIA_PLAIN: in the clear
	char codec[MEDIA_CODEC_MAX]; // of the voice, NUL-terminated; "" before the answer
};

// Of a call with an encrypted side. Ours are made of the secret: each leg, stream and suite has its own.
struct media_secret {
	uint8_t secret[32];
	struct {
		uint8_t times;                       // that ours were changed
		uint64_t theirs[MEDIA_STREAMS_MAX]; // a hash of the key that it named; 0: none
	} sides[MEDIA_SIDES];
};

enum media_answered { MEDIA_UNANSWERED, MEDIA_ANSWERED_BY_PEER, MEDIA_ANSWERED_BY_US };

// Embedded in the call; a value that owns a session of the plane and, while the call is set up, the text of an offer.
struct call_media {
	ref session;        // owned; 0 before the first text
	uint64_t owner;     // what media events will name
	struct str offer;   // owned (the worker's texts); the last offer, kept for the next who might answer it
	struct str told;    // owned (the same); the answer that the offerer has: it stays, whoever answers next
	uint8_t offer_from; // enum media_side
	uint8_t answered;   // enum media_answered
	uint8_t voice;      // stream that carries the voice
	bool mapped;        // the sides were not negotiated with each other: payload types are renumbered between them
	bool settled;       // nobody else will be asked
	struct media_secret *secret; // owned (the texts), wiped at the end; NULL: nobody spoke of keys yet
	bool emergency;     // of an emergency call, as the call says: ports are kept ready for it
	struct media_half halves[MEDIA_SIDES];
};

void media_init(struct call_media *cm, uint64_t owner);
// Closes the session (MEDIA_EV_CLOSED with the statistics follows, if there was one: the result says so) and gives all
// back.
bool media_close(struct call_media *cm, struct media_worker *w);

// A leg on this side offered. Nothing changes for the media that flow until it is answered.
MUST_CHECK enum err media_offer_from(struct call_media *cm, struct media_worker *w, enum media_side side,
                                     const struct media_leg *leg, struct str sdp);
// The offer for a leg on this side; the same for each leg that rings. ERR_NOT_FOUND: there is nothing to make it of
// (a delayed offer): send none, and the answerer will offer.
MUST_CHECK enum err media_offer_to(struct call_media *cm, struct media_worker *w, struct env *env, enum media_side side,
                                   const struct media_leg *leg, struct str *out);
// The leg on this side answered (a 183, a 200, an ACK; the same text again changes nothing). *out is the answer for the
// other side: to one offer always the same (RFC 3264 §6). Empty when it waits for none (joined as it agreed before).
MUST_CHECK enum err media_answer_from(struct call_media *cm, struct media_worker *w, struct env *env,
                                      enum media_side side, const struct media_leg *leg, struct str sdp,
                                      struct str *out);
// We answer this side's offer ourselves, so that it can hear us: G.711, or G.722 where it offered nothing else of ours, and
// telephone-event. Asked again before the next offer (a 200 after a 183), the same text. ERR_REFUSED: it offered neither.
MUST_CHECK enum err media_answer_local(struct call_media *cm, struct media_worker *w, struct env *env,
                                       enum media_side side, struct str *out);
// We offer to this side ourselves.
MUST_CHECK enum err media_offer_local(struct call_media *cm, struct media_worker *w, struct env *env,
                                      enum media_side side, const struct media_leg *leg, struct str *out);
// The offer that waits came to nothing (488, 491, leg gone): all stays as agreed before.
void media_offer_drop(struct call_media *cm, struct media_worker *w);
// Gives back the texts of the offer and of its answer; what was agreed stands.
void media_offer_forget(struct call_media *cm, struct media_worker *w);
// The leg on this side left and another may take its place (forwarding, the next route): what it agreed is forgotten.
// An offer of the other side that it had answered goes to the next, of each medium only what its answer agreed to: the
// other side goes by that answer.
void media_leave(struct call_media *cm, struct media_worker *w, enum media_side side);
// The leg on this side left a call that stands, and another is in its place: what it agreed is forgotten, and so is an
// offer that waits. The new leg's first line is to be the voice that the other side has; the rest is to be agreed anew.
void media_replace(struct call_media *cm, struct media_worker *w, enum media_side side);
// The call is answered: nobody else will be asked. Gives back the text of the offer; without this, media_close does.
void media_settled(struct call_media *cm, struct media_worker *w);

// Is there an offer of this side that nobody has answered?
bool media_offer_waits(const struct call_media *cm, enum media_side side);
// Can this side hear what we play?
bool media_can_play(const struct call_media *cm, enum media_side side);

// These return ERR_NOT_FOUND without a session; ERR_FULL when the plane is behind.
MUST_CHECK enum err media_play(struct call_media *cm, struct media_worker *w, enum media_side side,
                               struct media_play play);
MUST_CHECK enum err media_stop(struct call_media *cm, struct media_worker *w, enum media_side side);
MUST_CHECK enum err media_collect(struct call_media *cm, struct media_worker *w, enum media_side side, bool on);
MUST_CHECK enum err media_digit(struct call_media *cm, struct media_worker *w, enum media_side side, char digit,
                                uint16_t ms);
// From now on MEDIA_EV_SILENT comes when a side has been silent for so long; 0: no more.
MUST_CHECK enum err media_watch(struct call_media *cm, struct media_worker *w, uint16_t silent_s);
// May both talk and listen: not on hold, from either side.
bool media_talks(const struct call_media *cm, enum media_side side);
