// The media plane on real sockets: threads that do nothing but relay, play and count. Sessions are pinned to a thread;
// workers and threads exchange values on rings, one each way for each pair, and nobody waits for anybody.
//
//     worker 0 ──commands──▶┌──────────┐◀── sockets of its sessions (epoll, recvmmsg, sendmmsg)
//              ◀──events────│ thread 0 │◀── a clock of 5 ms while something plays
//     worker 1 ──commands──▶│          │
//              ◀──events────└──────────┘    thread 1 ...
//
// Ports belong to workers (each has its share of every address's range, taken at random), so that opening one is the
// worker's own system call and its number can be written into SDP at once.
#pragma once

#include "call/model/media.h"

#define MEDIA_ADDRESSES_MAX 16
#define MEDIA_OWN_MAX 32
#define MEDIA_THREADS_MAX 64
#define MEDIA_WORKERS_MAX 64

struct media_address {
	struct addr bound;               // where sockets are bound; the port is not used
	struct addr told;                // what SDP says (1:1 NAT); family 0: the same
	uint16_t port_first, port_last;  // the first even, the last odd
};

struct media_setup {
	uint32_t workers, threads;
	uint32_t sessions_max; // at once, of each worker
	uint32_t address_count, own_count;
	struct media_address addresses[MEDIA_ADDRESSES_MAX];
	struct addr own[MEDIA_OWN_MAX]; // our signalling and control addresses: no media is ever sent there
	uint32_t connections;           // that others may open to us: each needs a descriptor, too
	uint8_t dscp;                   // of RTP and RTCP, 0-63 (RFC 2474)
	bool loopback;                  // media addresses on loopback are accepted
	uint64_t seed;                  // of ports, SSRCs and first sequence numbers
	// Tells a worker that events wait; called from media threads, must not block. Then: plane->ops->take until false.
	void (*wake)(void *self, uint32_t worker);
	void *wake_self;
};

struct media_plane;
// Starts the threads, after raising the process's limit of open files as far as it may; the log warns when that does
// not suffice for all sessions. ERR_BAD: an address without a usable port range; ERR_FULL: memory; ERR_SYSTEM: an
// address cannot be bound, or no thread; the log says which.
MUST_CHECK enum err media_plane_new(struct media_plane **out, const struct media_setup *setup);
// Stops the threads and closes all; workers must not use it any more. Returns NULL; NULL is fine.
struct media_plane *media_plane_free(struct media_plane *p);
// The plane as worker number `worker` uses it, from its own thread only.
struct media *media_plane_of(struct media_plane *p, uint32_t worker);

// Wakes the media threads that this worker has told something since the last time: once at the end of a turn of work,
// not for each command. A thread that is awake sees commands without it.
void media_plane_wake(struct media_plane *p, uint32_t worker);

// RTP ports that calls hold now, and those there are.
struct media_use {
	uint32_t ports, ports_max;
};
struct media_use media_plane_use(const struct media_plane *p);
