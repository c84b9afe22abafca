// An RTP packet (RFC 3550 §5.1), read where it lies and changed there.
//
//     octet 0: V=2 P X CC   1: M PT   2-3: sequence number   4-7: timestamp   8-11: SSRC
//     then CSRCs, extension, payload, padding
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define RTP_HEADER 12 // octets, without CSRCs and extension
#define RTP_PACKET_MAX 2048 // octets that we relay; nobody sends more over a path of 1,500

struct rtp_packet {
	uint8_t pt;
	bool marker;
	uint16_t seq;
	uint32_t ts, ssrc;
	uint8_t *payload; // into the packet
	uint32_t payload_n; // octets, without padding
};

// ERR_BAD: not RTP (also RTCP on RTP's port: RFC 5761 §4, to which we never agree).
MUST_CHECK enum err rtp_parse(struct rtp_packet *out, uint8_t *data, uint32_t n);
// Writes marker, type, numbers and SSRC into the header at `data`; leaves the rest as it is.
void rtp_patch(uint8_t *data, const struct rtp_packet *p);
// Writes a fresh header of RTP_HEADER octets.
void rtp_write(uint8_t *data, const struct rtp_packet *p);

static inline uint32_t rtp_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void rtp_set32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}
