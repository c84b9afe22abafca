// RTCP (RFC 3550 §6): compound packets of sender and receiver reports, descriptions, goodbyes and others; checked as a
// whole, walked, read, and renumbered where we renumber the RTP that they speak of.
#pragma once

#include "wire/rtp/rtp.h"

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
	RTCP_RTPFB = 205, // RFC 4585
	RTCP_PSFB = 206,
	RTCP_XR = 207, // RFC 3611
};

// One packet of a compound, header included.
struct rtcp_item {
	uint8_t type, count; // count: the five bits that mean reports, sources or a format
	uint8_t *data;
	uint32_t n; // octets, a multiple of 4
};

// Is it a whole compound (RFC 3550 A.2: versions, lengths that add up, padding at the end only)? Any type may stand
// first (RFC 5506). ERR_BAD if not. The others here want one that passed.
MUST_CHECK enum err rtcp_check(const uint8_t *data, uint32_t n);
// The packet at *at, which is advanced; false at the end.
bool rtcp_next(struct rtcp_item *out, uint8_t *data, uint32_t n, uint32_t *at);
// SSRC of who sent it: of the first packet that tells; false when none does.
bool rtcp_sender(uint32_t *ssrc, uint8_t *data, uint32_t n);

// What an SR or RR says of one source that its sender hears.
struct rtcp_report {
	uint32_t ssrc;
	uint8_t fraction_lost; // of 256, since the last
	int32_t lost;          // in all; may be negative (duplicates)
	uint32_t highest_seq, jitter, last_sr, since_sr;
};
// Report number i of an SR or RR; false when there are not so many.
bool rtcp_report(struct rtcp_report *out, const struct rtcp_item *item, uint32_t i);

// What we say of RTP that we make ourselves: a sender report, our name, and at the end goodbye (§6.4.1, §6.5, §6.6).
struct rtcp_own {
	uint32_t ssrc, ts, packets, octets; // ts: the RTP timestamp that stands for now
	uint64_t now_us;                    // of a clock that runs evenly; it need not show the time of day (§6.4.1)
	uint64_t name;                      // of this session, drawn at random (RFC 7022)
	bool bye;
};
#define RTCP_OWN_MAX 64
// Tells how many octets were written.
uint32_t rtcp_write_own(uint8_t out[RTCP_OWN_MAX], const struct rtcp_own *own);

// What we changed in the RTP of its sender, and in the RTP that it hears.
struct rtcp_change {
	bool said, heard;            // is there a change at all
	uint32_t said_from, said_to; // SSRC of the sender
	uint32_t said_ts;            // added to its timestamps
	uint32_t heard_from, heard_to; // SSRC of what it hears: as it knows it, as the other side does
	uint16_t heard_seq;            // subtracted from its sequence numbers
};
// Writes the compound as if nothing had been changed.
void rtcp_change(uint8_t *data, uint32_t n, const struct rtcp_change *c);
