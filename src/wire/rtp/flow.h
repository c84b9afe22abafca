// The numbering of what we send in one stream: sequence numbers without a gap, timestamps that follow the clock, one
// SSRC, whatever the source is at the moment. A telephone that hears ring-back, then its peer, then an announcement
// hears one source that pauses, not three that fight.
//
//     relayed  seq 7 8 9     played        relayed, another source  seq 500 501
//     sent         7 8 9       10 11 12                                 13  14
#pragma once

#include "wire/rtp/rtp.h"

struct flow {
	bool begun;
	bool splice;        // the next relayed packet joins on: numbers are shifted anew, the marker bit is set
	uint16_t seq;       // of the last packet sent (the furthest),
	uint32_t ts;        // its timestamp,
	uint64_t sent_us;   // and when
	uint32_t ssrc;      // of all that we send
	uint32_t in_ssrc;   // of what is relayed now
	uint16_t seq_shift; // added to what is relayed
	uint32_t ts_shift;
	uint16_t first_seq; // of this stretch as sent; while it is young, what would come before it is late and dropped:
	bool young;         // those numbers were given to what was sent before
};

// The timestamp that stands for now.
uint32_t flow_ts(const struct flow *f, uint32_t clock_hz, uint64_t now_us);
// A packet is to be relayed: renumbers it. False: too late, drop it. clock_hz: of its timestamp.
bool flow_relay(struct flow *f, struct rtp_packet *p, uint32_t clock_hz, uint64_t now_us);
// A packet of our own: fills in marker, numbers and SSRC. `first` of a stretch (else one frame later than the last);
// `same_ts`: it keeps the timestamp of the last (RFC 4733). `fresh`: SSRC and first numbers, should we be the first.
struct flow_fresh {
	uint32_t ssrc, ts;
	uint16_t seq;
};
void flow_own(struct flow *f, struct rtp_packet *p, bool first, bool same_ts, const struct flow_fresh *fresh,
              uint32_t clock_hz, uint64_t now_us);
