// One media thread: sockets, sessions and a clock, driven by commands of the workers.
#pragma once

#include "base/list.h"
#include "base/ring.h"
#include "call/media/command.h"
#include "run/media_port.h"
#include "wire/net/loop.h"

#include <pthread.h>

// A session is known by its worker and its index there; both sides have a slot for it from the start.
enum media_order_kind {
	MEDIA_ORDER_OPEN,    // the session begins
	MEDIA_ORDER_PORT,    // it has this pair for a side's stream
	MEDIA_ORDER_COMMAND, // what call control said
};
struct media_order {
	uint8_t kind; // enum media_order_kind
	uint32_t index;
	union {
		struct {
			uint64_t seed;
		} open;
		struct {
			uint8_t side, stream, family;
			struct media_pair pair;
			struct media_pair_opened opened;
		} port;
		struct media_command command;
	};
};

// What a thread tells a worker.
struct media_report {
	uint32_t index;
	struct media_event event; // owner and session are for the worker to fill in
};

#define MEDIA_ORDERS 4096  // that may wait from one worker to one thread
#define MEDIA_REPORTS 4096 // the other way

// What a worker and a thread share.
struct media_line {
	struct ring orders;  // worker to thread, struct media_order
	struct ring reports; // thread to worker, struct media_report
};

struct media_socket;
struct media_pair_state;
struct media_slot;
struct media_thread {
	const struct media_setup *setup; // borrowed
	uint32_t index, slots_max;       // slots: sessions of each worker
	struct media_line *lines;        // borrowed; by worker
	_Atomic bool *worker_told;       // borrowed; by worker: it was woken and has not looked yet
	_Atomic bool told, stop;         // this thread was woken and has not looked yet; it shall end
	struct loop loop;
	pthread_t thread;
	bool started;
	struct udp_reader reader;
	struct udp_sender sender;
	struct media_pair_state *pairs[MEDIA_ADDRESSES_MAX]; // owned
	struct media_slot *slots[MEDIA_WORKERS_MAX];         // owned; by worker
	struct rtp_more *more[MEDIA_WORKERS_MAX];            // owned; by worker, then as the slots
	uint32_t touched[MEDIA_WORKERS_MAX];                 // slots that were ever used
	struct list playing[4]; // sessions by the quarter of 20 ms in which they are served
	uint64_t quarter_us;    // the next 5 ms to be served
	uint64_t watched_us;    // when silence was looked for last
};

MUST_CHECK enum err media_thread_start(struct media_thread *t);
// Ends and frees; sockets are closed.
void media_thread_fini(struct media_thread *t);
// There are orders; from any thread.
void media_thread_wake(struct media_thread *t);
