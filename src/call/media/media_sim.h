// A media plane without sockets and threads, for tests: the sessions are the real ones, time, packets and ports are the
// test's own. It is not part of the program: a test includes media_sim.c.
#pragma once

#include "call/media/command.h"

#define SIM_SESSIONS 64
#define SIM_EVENTS 256

struct sim_session {
	uint64_t owner;
	struct addr local[MEDIA_SIDES][2][MEDIA_STREAMS_MAX]; // RTP, by family (4, 6); RTCP is the port above
	struct rtp_session rtp;
	struct rtp_more more;
};

struct media_sim {
	struct media media; // first
	uint16_t port_next; // even
	uint32_t pairs_left;
	uint64_t now_us;
	struct pool sessions; // owned
	struct media_event events[SIM_EVENTS];
	uint32_t event_first, event_count;
};

// What a datagram that came in made us send.
struct sim_sent {
	struct addr from, to; // from: a port of ours
	struct str data;      // in the datagram's memory, or the frame's
};

// Our addresses in SDP are 192.0.2.100 and 2001:db8::100.
MUST_CHECK enum err media_sim_init(struct media_sim *sim, uint32_t pairs);
void media_sim_fini(struct media_sim *sim);
// A datagram comes to one of our ports. True: *out was sent. The data are changed in place; there is room for
// SRTP_GROWTH_MAX octets behind them.
bool media_sim_input(struct media_sim *sim, const struct addr *from, const struct addr *to, char *data, uint32_t n,
                     struct sim_sent *out);
// 20 ms pass: the next packet of what plays to this side of this session. True: *out was sent.
bool media_sim_tick(struct media_sim *sim, ref session, enum media_side side, char frame[RTP_FRAME],
                    struct sim_sent *out);
