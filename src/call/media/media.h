// The media of one call: from "this leg sent this SDP" to "this is the SDP for the other leg", with our own addresses in
// between. The legs keep the offer/answer machine (who may offer now, glare); here is only what the texts say.
//
//     O offers, T answers          media_offer_from(A, sdp)   media_offer_to(B, &sdp) for each T leg that rings
//                                  media_answer_from(B, sdp, &answer for O)          the leg that answered, or 183
//     O sends no SDP (delayed)     media_offer_to(B) gives ERR_NOT_FOUND: send none. T's 200 offers:
//                                  media_offer_from(B, sdp)   media_offer_to(A, &sdp)   in the ACK: media_answer_from(A)
//     our dial tone to O           media_offer_from(A, sdp)   media_answer_local(A, &sdp)   media_play(A, dial tone)
//       (O sent no SDP)            media_offer_local(A, &sdp)   media_answer_from(A, sdp, &nothing)
//       later T is called          media_offer_to(B, &sdp): made of what O agreed with us
//                                  media_answer_from(B, sdp, &empty): joined, nothing to be sent to O
//     re-INVITE, either way        as at first, with the sides as they come; media_offer_drop() when it is refused
//     announcement                 media_offer_from(A)   media_answer_local(A): goes into a 183 or a 200
//
// Texts returned live in env->scratch. Errors, and what a leg makes of them: ERR_BAD no SDP, or an answer that does not
// fit its offer (400; cause 111); ERR_REFUSED nothing in it that we can carry, or an address we do not send to (488;
// cause 88); ERR_FULL no port, session or memory (503 or 500; cause 47); ERR_STATE asked out of turn (our mistake).
#pragma once

#include "base/env.h"
#include "call/model/media.h"

#define MEDIA_LINES_MAX 8     // m-lines of a call that we carry or answer; more: ERR_REFUSED
#define MEDIA_TEXT_MAX 8192   // octets of an SDP that waits for its answer
#define MEDIA_CODEC_MAX 12

// One per worker.
struct media_worker {
	struct media *plane;  // borrowed
	struct pool offers;   // owned; texts that wait for their answer
};

// `offers_max`: calls that may be between offer and answer.
MUST_CHECK enum err media_worker_init(struct media_worker *w, struct media *plane, uint32_t offers_max);
void media_worker_fini(struct media_worker *w);

// The leg that a text comes from or goes to.
struct media_leg {
	struct addr signalling; // where its signalling comes from or goes to; its family decides which of our addresses it gets
	bool nat;               // it may stand behind a NAT: media may also be learnt from the host of its signalling
};

// What was agreed with one side.
struct media_half {
	uint64_t sdp_id, sdp_hash; // of our o= line; of what was sent last
	uint32_t sdp_version;
	uint8_t line_count;
	uint8_t lines[MEDIA_LINES_MAX];  // stream of each m-line, or MEDIA_LINE_DEAD
	uint8_t kinds[MEDIA_LINES_MAX];  // enum sdp_kind of each m-line
	bool settled;                    // an answer was given or got
	bool local;                      // ... with us, not with the other side
	bool gave;                       // we have offered to it and wait for its answer
	uint8_t law, law_pt, event_pt;   // of the audio stream, where G.711 was agreed
	uint8_t ways;                    // of the audio stream: bit 0 we may send to it, bit 1 it sends
	char codec[MEDIA_CODEC_MAX];     // of the audio stream, NUL-terminated; "" before the answer
};

// Embedded in the call; a value that owns a session of the plane and, while an offer waits, a text of the worker's pool.
struct call_media {
	ref session;       // owned; 0 before the first text
	ref offer;         // owned; the text of the offer that waits for its answer
	uint64_t owner;    // what media events will name
	uint8_t offer_from; // enum media_side, or MEDIA_SIDES: no offer waits
	struct media_leg offer_leg;
	uint8_t stream_count;
	uint8_t audio; // stream that carries the voice
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
// other side, empty when that waits for none (it is joined as it agreed before).
MUST_CHECK enum err media_answer_from(struct call_media *cm, struct media_worker *w, struct env *env,
                                      enum media_side side, const struct media_leg *leg, struct str sdp,
                                      struct str *out);
// We answer this side's offer ourselves, so that it can hear us: G.711 and telephone-event. Asked again before the next
// offer (a 200 after a 183), the same text. ERR_REFUSED: it offered no G.711.
MUST_CHECK enum err media_answer_local(struct call_media *cm, struct media_worker *w, struct env *env,
                                       enum media_side side, struct str *out);
// We offer to this side ourselves.
MUST_CHECK enum err media_offer_local(struct call_media *cm, struct media_worker *w, struct env *env,
                                      enum media_side side, const struct media_leg *leg, struct str *out);
// The offer that waits came to nothing (488, 491, leg gone): all stays as agreed before.
void media_offer_drop(struct call_media *cm, struct media_worker *w);
// The leg on this side left and another may take its place (forwarding, the next route): what it agreed is forgotten.
void media_leave(struct call_media *cm, struct media_worker *w, enum media_side side);

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
// Which ways media pass: MEDIA_TO_A | MEDIA_TO_B.
MUST_CHECK enum err media_pass(struct call_media *cm, struct media_worker *w, uint8_t ways);
MUST_CHECK enum err media_ask_stats(struct call_media *cm, struct media_worker *w);
