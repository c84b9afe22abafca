// Keys of SRTP by way of the description (RFC 4568), for each side apart: what runs through us is opened on one side
// and sealed on the other.
//
//     policy      offered by us            taken from them
//     never       RTP/AVP                  RTP/AVP; their keys are passed over
//     offered     RTP/AVP with a=crypto    RTP/SAVP, RTP/AVP with a=crypto or without
//     required    RTP/SAVP with a=crypto   RTP/SAVP, RTP/AVP with a=crypto
//
// RTP/AVP with a=crypto is how telephones say "if you can": one that knows nothing of it answers RTP/AVP without. One
// that offers both as two media (RTP/SAVP and RTP/AVP) gets the secure one.
#pragma once

#include "call/media/media.h"

// What an offer's media are for this leg: those that its policy does not take get port 0.
void secure_offer(struct sdp *offer, const struct media_leg *leg);
// Is an answer of this leg to these lines as secure as they asked for?
bool secure_answer(const struct sdp *answer, const struct media_lines *lines, const struct media_leg *leg);
// The transport of a medium that is offered to a leg: that of its line before, or a new one's like `proto`.
uint8_t secure_proto(const struct media_leg *leg, uint8_t proto, uint8_t before);

// The suite in which this medium of a leg, offered or answered, is encrypted; MEDIA_PLAIN: none. *theirs: its keys.
uint8_t secure_suite(struct sdp_crypto *theirs, const struct media_leg *leg, const struct sdp_media *m);

// What is written into a line: our keys for each suite (an offer), or for the one that `offered` chose (an answer).
// Tells how many; ERR_SYSTEM: no memory or no chance.
MUST_CHECK enum err secure_lines(struct sdp_crypto lines[SDP_CRYPTO_LINES_MAX], uint8_t *count, struct call_media *cm,
                                 struct media_worker *w, enum media_side side, uint8_t stream,
                                 const struct sdp_media *offered);
// An answer to this side is about to be written: where it has changed its keys ours change too, so that both count from
// 0 (whoever took over its leg cannot know how often our numbers went round).
void secure_renew(struct call_media *cm, enum media_side side, const struct media_lines *lines, const struct sdp *offer);
// Tells the plane the keys of a stream, before its remote. A call in which nobody has any keys costs nothing.
MUST_CHECK enum err secure_tell(struct call_media *cm, struct media_worker *w, enum media_side side, uint8_t stream,
                                const struct sdp_media *m, uint8_t *suite);
// The leg of this side left: the next has keys of its own.
void secure_leave(struct call_media *cm, enum media_side side);
// Wipes what is known.
void secure_forget(struct call_media *cm, struct media_worker *w);
