// The weather: which faults there are now. Calm and storm alternate; a storm is one fault or several of those that the
// plan allows, drawn anew each time. All figures of chance are of 10,000.
//
//     calm 2 to 30 s ──▶ storm 1 to 20 s ──▶ calm ──▶ ... ──▶ weather_end: calm for good
//
// The wall clock is weather, too: it jumps by an hour or a day, to the end of a February or the second that a leap
// second repeats, and runs up to 500 ppm too fast or too slow. Nobody's timers may notice.
#pragma once

#include "sim/sim.h"

#define FAULTS(X)                                                                                                      \
	X(LOSS, "loss") X(DOUBLED, "doubled") X(SPOILED, "spoiled") X(LATE, "late") X(DELAY, "delay")                      \
	X(CLOGGED, "clogged") X(SOCKET_FULL, "socket-full") X(SLOW_DISK, "slow-disk") X(SYNC_FAILS, "sync-fails")          \
	X(WRITE_FAILS, "write-fails") X(DISK_FULL, "disk-full") X(CRASH, "crash") X(ALLOCATION, "allocation")              \
	X(MEDIA_FULL, "media-full") X(CLOCK, "clock") X(SLEW, "slew") X(OFFICE, "office")                                        \
	X(POOLS, "pools") X(KEYS, "keys") X(STOP, "stop")
#define FAULT_ENUM(id, name) FAULT_##id,
enum fault { FAULTS(FAULT_ENUM) FAULT_COUNT };
#define FAULTS_ALL ((1u << FAULT_COUNT) - 1)
#define FIRST_FAULTS ((1u << FAULT_POOLS) - 1) // those that the simulator had from its beginning (plan.c)
extern const char *const fault_names[FAULT_COUNT]; // as --faults takes them

struct weather {
	struct sim *sim;
	bool storm;
	uint32_t faults; // bits: those of this storm
	// network
	uint32_t loss, doubled, spoiled, late; // of each datagram; late: 2 s more
	uint32_t delay_min_ms, delay_max_ms;
	bool clogged;                // the link toward the node holds back all, then lets it go at once
	uint32_t socket_full;        // of each datagram of the node: it finds no room in the socket's buffer (net.c drops it)
	// disk
	uint32_t sync_min_ms, sync_max_ms;
	uint32_t sync_fails, write_fails;
	bool disk_full;
	// the node
	uint32_t crash;              // of each event: the node dies, and boots again after boot_ms (the run does both)
	uint32_t boot_ms;
	uint32_t refuse_allocation;  // of each allocation of production code
	bool media_full;             // no media port is free
	bool media_kept;             // but those that are kept for emergency calls
	// the wall clock: UTC of the node at the run's time wall_from_ms, and how fast it runs from there
	uint64_t wall_ms, wall_from_ms;
	int32_t slew_ppm;
	bool ended;
};

struct weather *weather_new(struct sim *s);
struct weather *weather_free(struct weather *w);
// Begins with a calm.
void weather_start(struct weather *w);
// From now on it is calm, for good: the run is to end.
void weather_end(struct weather *w);
uint64_t weather_wall_ms(const struct weather *w);

// Between these two production code runs, whose allocations may be refused. The node says so around each of its steps.
void weather_enter(struct weather *w);
void weather_leave(void);

