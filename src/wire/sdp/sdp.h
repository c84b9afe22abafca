// A session description (RFC 8866) as an index over its text: session part, then one section a medium. Slices into the
// text; nothing is allocated, nothing is copied.
//
//     v=0                                  ┐
//     o=- 1 1 IN IP4 192.0.2.1             │ session
//     c=IN IP4 192.0.2.1                   ┘
//     m=audio 49170 RTP/AVP 0 8 101        ┐ media[0]: audio, port 49170, formats "0 8 101"
//     a=rtpmap:101 telephone-event/8000    ┘
//
// Lenient where phones need it (LF alone, missing s= and t=, lines of unknown types, empty lines); strict where a
// number or an address would be read wrongly.
#pragma once

#include "base/addr.h"

#define SDP_OCTETS_MAX 65536
#define SDP_MEDIA_MAX 32
#define SDP_FORMATS_MAX 64 // of one m-line

#define SDP_KINDS(X) X(AUDIO, "audio") X(VIDEO, "video") X(IMAGE, "image") X(TEXT, "text") X(MESSAGE, "message")       \
	X(APPLICATION, "application")
#define SDP_KIND_ENUM(id, text) SDP_##id,
enum sdp_kind { SDP_KINDS(SDP_KIND_ENUM) SDP_KIND_COUNT }; // an unknown one counts as APPLICATION

// The transports, and whether we can stand in the middle: of RTP, secure by the keys in its description too (SDES), and
// of UDPTL. DTLS has keys of its own, a TCP one needs connections.
#define SDP_PROTOS(X)                                                                                                  \
	X(RTP_AVP, "RTP/AVP") X(RTP_AVPF, "RTP/AVPF") X(UDPTL, "udptl") X(RTP_SAVP, "RTP/SAVP")                            \
	X(RTP_SAVPF, "RTP/SAVPF") X(DTLS_SAVP, "UDP/TLS/RTP/SAVP") X(DTLS_SAVPF, "UDP/TLS/RTP/SAVPF")                      \
	X(TCP_AVP, "TCP/RTP/AVP") X(MSRP, "TCP/MSRP") X(BFCP, "TCP/BFCP") X(UDP, "udp") X(TCP, "TCP")
#define SDP_PROTO_ENUM(id, text) SDP_PROTO_##id,
enum sdp_proto { SDP_PROTOS(SDP_PROTO_ENUM) SDP_PROTO_OTHER };

// What the describer does: the bits of RFC 8866 §6.7.
enum sdp_direction { SDP_INACTIVE = 0, SDP_SENDONLY = 1, SDP_RECVONLY = 2, SDP_SENDRECV = 3 };

struct sdp_media {
	struct str line, section;           // the value of m=; the lines after it
	struct str kind_text, proto_text;   // as spelt
	struct str formats;                 // "0 8 101"
	uint8_t kind, proto;                // enum sdp_kind, enum sdp_proto
	uint8_t direction;                  // enum sdp_direction, the session's where the medium says none
	bool held;                          // the connection address is 0.0.0.0 or ::, an old way to say "on hold"
	bool names_rtcp;                    // there is an a=rtcp
	bool names_crypto;                  // there is an a=crypto (crypto.h)
	uint16_t port;                      // 0: rejected or removed
	uint16_t ptime_ms;                  // 0: not said
	struct addr rtp, rtcp;              // where it wants them; family 0: no address, or a name that we do not resolve
};

struct sdp {
	struct str text, session; // the whole; what stands before the first m=
	struct addr host;         // c= of the session; family 0: none
	bool held;
	uint8_t direction;
	uint32_t media_count;
	struct sdp_media media[SDP_MEDIA_MAX];
};

struct sdp_fault {
	uint32_t line;   // from 1
	const char *why; // a static sentence
};

// OK, or ERR_BAD with the fault (which may be NULL).
MUST_CHECK enum err sdp_parse(struct sdp *out, struct str text, struct sdp_fault *fault);

// The next line of *rest without its end; false at the end. Empty lines are passed over.
bool sdp_line_next(struct str *rest, struct str *line);
// The value of a=name:value in a section ("" for a=name alone); false when it is not there. The first after *from, when
// that is given and not empty; then it is advanced.
bool sdp_attribute(struct str section, struct str name, struct str *value);
bool sdp_attribute_next(struct str *rest, struct str name, struct str *value);

struct sdp_codec {
	uint8_t pt;
	uint8_t channels;
	struct str name; // as spelt; "PCMU" and so on for static types without a=rtpmap (RFC 3551 §6); else empty
	uint32_t clock_hz;
};
// Codecs of an RTP medium in the order of preference: call with *rest = m->formats until false.
bool sdp_codec_next(const struct sdp_media *m, struct str *rest, struct sdp_codec *out);

static inline bool sdp_proto_is_secure(uint8_t proto) // by SDES
{
	return proto == SDP_PROTO_RTP_SAVP || proto == SDP_PROTO_RTP_SAVPF;
}
static inline bool sdp_proto_is_rtp(uint8_t proto)
{
	return proto == SDP_PROTO_RTP_AVP || proto == SDP_PROTO_RTP_AVPF || sdp_proto_is_secure(proto);
}
static inline bool sdp_is_rtp(const struct sdp_media *m)
{
	return sdp_proto_is_rtp(m->proto);
}
// The same profile, secure or not; what is no RTP stays.
uint8_t sdp_proto_as(uint8_t proto, bool secure);

struct str sdp_kind_text(enum sdp_kind kind);
struct str sdp_proto_text(enum sdp_proto proto); // of OTHER: RTP/AVP
struct str sdp_direction_text(enum sdp_direction direction);
// The same direction as the other end says it: what one sends, the other receives.
enum sdp_direction sdp_direction_turned(enum sdp_direction direction);
