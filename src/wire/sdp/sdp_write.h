// Writes the description that we give to a leg: made of what the other leg sent, with our address and ports (the media
// run through us), or of what we can hear and say ourselves.
//
//     from A:  c=IN IP4 192.0.2.1           to B:  c=IN IP4 198.51.100.9      our address
//              m=audio 4000 RTP/AVP 0 96           m=audio 40000 RTP/AVP 0 96 our port
//              a=rtpmap:96 opus/48000/2            a=rtpmap:96 opus/48000/2   kept: we need not know the codec
//              a=candidate:...                     -                          would lead past us
#pragma once

#include "base/arena.h"
#include "wire/sdp/crypto.h"
#include "wire/sdp/sdp.h"

// The voice that we can make and hear ourselves: G.711, G.722 and telephone-event.
struct sdp_voice {
	uint8_t count;         // of codecs
	uint8_t pts[3];        // their payload types in order of preference: 0 PCMU, 8 PCMA, 9 G722 (RFC 3551 §6)
	uint8_t event_pt;      // telephone-event, or 0xff
};

// One m-line to be written.
struct sdp_slot {
	const struct sdp_media *source; // formats and attributes are kept from here; or
	const struct sdp_voice *voice;  // ... made of this; or neither: a line that only fills its place, port 0
	uint8_t kind, proto;            // enum sdp_kind where there is no source; enum sdp_proto, of a live line always
	uint16_t port;                  // ours; 0: rejected, or no more
	uint8_t direction;              // enum sdp_direction
	uint8_t crypto_count;
	const struct sdp_crypto *crypto; // our keys; none: in the clear
};

struct sdp_draft {
	const struct sdp *source; // whose session lines are kept, or NULL
	struct addr host;         // ours, for all media
	uint32_t count;
	struct sdp_slot slots[SDP_MEDIA_MAX];
};

// Our o= line toward one leg (RFC 8866 §5.2): the version grows when the text changes, and only then (RFC 3264 §8).
struct sdp_origin {
	uint64_t id, hash;
	uint32_t version; // 0 before the first text
};

// Writes into the arena. ERR_FULL: it does not fit.
MUST_CHECK enum err sdp_write(struct str *out, struct arena *arena, const struct sdp_draft *draft,
                              struct sdp_origin *origin);
