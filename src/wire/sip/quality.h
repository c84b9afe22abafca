// A report of voice quality (application/vq-rtcpxr, RFC 6035 §4.6): what a telephone heard, of the many figures those
// that tell a good call from a bad one. Slices point into the text.
#pragma once

#include "base/str.h"

#define SIP_QUALITY_UNKNOWN 0xffff // no such figure stands in the report

enum sip_quality_kind { SIP_QUALITY_SESSION, SIP_QUALITY_INTERVAL, SIP_QUALITY_ALERT };

struct sip_quality {
	uint8_t kind;       // enum sip_quality_kind
	struct str call_id; // of the telephone's dialog
	// What the telephone heard (LocalMetrics), each SIP_QUALITY_UNKNOWN when it is not said:
	uint16_t mos_lq, mos_cq;        // hundredths: 420 is 4.2 of 5; listening and conversational quality
	uint16_t loss, discard;         // hundredths of a percent of packets: lost on the way, too late to be played
	uint16_t round_trip_ms, delay_ms; // of the network; from mouth to ear of this end
	uint16_t jitter_ms;             // interarrival
};

// PARSE_BAD: it is no such report, or names no call.
enum parse sip_quality_parse(struct sip_quality *out, struct str text);
