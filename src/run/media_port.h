// Local media ports: pairs of sockets (RTP on an even port, RTCP on the next), of the share of one worker and one media
// thread in every address's range. A pair is taken at random, so that nobody can guess where a call's media will be;
// once opened it stays open for later calls: opening costs a dozen system calls, taking one that is open none. The last
// sixteenth of a share is kept for emergency calls.
#pragma once

#include "base/random.h"
#include "run/media_plane.h"
#include "wire/net/udp.h"

// Which pair: address number `address`, RTP on its port_first + 2 * number.
struct media_pair {
	uint8_t address;
	uint16_t number;
};

// A pair that was opened just now: its sockets are to be handed to the thread.
struct media_pair_opened {
	bool fresh;
	struct udp rtp, rtcp;
};

// A set of pairs of one address, by number.
struct media_pair_set {
	uint16_t *numbers; // owned
	uint32_t count;
};

struct media_ports { // of one worker and one thread
	const struct media_setup *setup; // borrowed
	uint32_t kept[2];                // pairs of IPv4 and IPv6 that only emergency calls may have
	bool no_descriptor;              // the system had none for the pair that was opened last
	struct {
		struct media_pair_set fresh; // never opened
		struct media_pair_set idle;  // open, and of no call
	} addresses[MEDIA_ADDRESSES_MAX];
};

// The share number `share` of `shares`.
MUST_CHECK enum err media_ports_init(struct media_ports *p, const struct media_setup *setup, uint32_t share,
                                     uint32_t shares);
void media_ports_fini(struct media_ports *p);
struct media_port_want {
	uint8_t family;   // 4 or 6
	bool emergency;   // may have those that are kept
	uint32_t address; // of this address; MEDIA_ADDRESSES_MAX: of any
};
// A free pair. ERR_FULL: there is none, or no descriptor to open one with. A port that another program has is given up
// for good and counted.
MUST_CHECK enum err media_ports_take(struct media_ports *p, struct random *random, const struct media_port_want *want,
                                     struct media_pair *out, struct media_pair_opened *opened);
void media_ports_give(struct media_ports *p, struct media_pair pair);
// Gives back one that was just taken and not handed over: closes it, if it was opened for that.
void media_ports_undo(struct media_ports *p, struct media_pair pair, struct media_pair_opened *opened);

static inline uint16_t media_pair_port(const struct media_setup *s, struct media_pair pair)
{
	return (uint16_t)(s->addresses[pair.address].port_first + 2 * pair.number);
}
// Pairs of an address, of all workers and threads.
static inline uint32_t media_pair_count(const struct media_address *a)
{
	return (uint32_t)(a->port_last + 1 - a->port_first) / 2;
}
