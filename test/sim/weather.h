// The weather: which faults there are now. Calm and storm alternate; a storm is one fault or several, drawn anew. All
// figures of chance are of 10,000.
#pragma once

#include "sim/sim.h"

struct weather {
	struct sim *sim;
	bool storm;
	// network
	uint32_t loss, doubled, spoiled, late; // of each datagram; late: 2 s more
	uint32_t delay_min_ms, delay_max_ms;
	bool clogged;                // the link toward the node holds back all, then lets it go at once
	uint32_t socket_full;        // the node's outbox finds no room in the socket's buffer
	// disk
	uint32_t sync_min_ms, sync_max_ms;
	uint32_t sync_fails, write_fails;
	bool disk_full;
	// the node
	uint32_t crash;              // of each event: the node dies, and boots again after boot_ms
	uint32_t boot_ms;
	uint32_t refuse_allocation;  // of each allocation of production code
	bool media_full;             // no media port is free
};

struct weather *weather_new(struct sim *s);
struct weather *weather_free(struct weather *w);
// From now on it is calm, for good: the run is to end.
void weather_end(struct weather *w);
