// Who is where, how busy: the state that workers share, each part with its own rule of who writes (DESIGN idea 4).
#pragma once

#include "base/random.h"
#include "live/flow.h"
#include "live/guard.h"
#include "live/location.h"
#include "live/nonce.h"
#include "live/occupancy.h"
#include "live/peer_state.h"
#include "live/trunk_registered.h"
#include "live/waiting.h"
#include "live/watching.h"

struct live_limits { // zero takes the default; memory is touched when it is used
	uint32_t lines_max;        // highest line id; 1,048,576
	uint32_t trunk_groups_max; // highest group id; 4,096
	uint32_t nonces;           // 1,048,576
	uint32_t guard_entries;    // 65,536
	uint32_t connections;      // 16,384
};

struct live { // all owned
	struct flows *flows;
	struct location *location;
	struct occupancy *occupancy;
	struct nonces *nonces;
	struct peer_states *peers;
	struct trunk_registered_table *registered;
	struct guard *guard;
	struct waiting_table *waiting;
	struct watching *watching;
};

// NULL: no memory.
struct live *live_new(const struct live_limits *limits, uint64_t seed);
struct live *live_free(struct live *l);

// The worker that writes a line's location and takes its REGISTERs: the same for the same name and number of workers,
// in this run and the next.
uint32_t live_home(struct str line_name, uint32_t workers);
