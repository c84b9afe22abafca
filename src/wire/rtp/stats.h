// What arrived of one source: packets, loss and jitter as RFC 3550 A.1, A.3 and A.8 count them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rtp_stats {
	uint32_t received;        // packets of all sources so far
	uint32_t expected_before; // of sources that ended, and of runs before a jump
	uint32_t ssrc, base_seq, cycles, bad_seq; // names as in A.1
	uint16_t max_seq;
	uint32_t transit; // of the last packet: arrival less timestamp, in timestamp units
	uint32_t jitter;  // in timestamp units, 16 times (A.8)
	bool begun;
};

// A packet came. clock_hz: of its timestamp; 0: no jitter is counted.
void rtp_stats_add(struct rtp_stats *s, uint16_t seq, uint32_t ts, uint32_t ssrc, uint32_t clock_hz, uint64_t now_us);
// Expected and not come; never below zero, though duplicates count as received (A.3).
uint32_t rtp_stats_lost(const struct rtp_stats *s);
uint32_t rtp_stats_jitter_us(const struct rtp_stats *s, uint32_t clock_hz);
