// A loop around epoll: waits for descriptors, for a time, and for other threads.
//
//     while (running) {
//         uint64_t deadline = ...;                              // of the timers
//         if (loop_wait(&loop, ms_until(deadline))) ...         // somebody left something on a ring
//         ...                                                   // fire timers, flush
//     }
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

// A descriptor that is watched. Owned by the caller; must live until loop_remove.
struct loop_watch {
	int fd;
	// Called as long as it is so (level-triggered): LOOP_READ, LOOP_WRITE or both. An error or a hang-up is both, so
	// that the read or write that follows says what it is. May remove this or any other watch.
	void (*ready)(void *self, uint32_t events);
	void *self;
};

struct epoll_event;
struct loop {
	int epoll_fd, wake_fd;
	struct epoll_event *batch; // owned: what the last wait gave
	uint32_t batch_count;
};

// ERR_SYSTEM: no descriptors left; ERR_FULL: no memory.
MUST_CHECK enum err loop_init(struct loop *l);
void loop_fini(struct loop *l);

// Watches w->fd for `events`; again with others to change them. ERR_SYSTEM when the descriptor cannot be watched.
MUST_CHECK enum err loop_watch(struct loop *l, struct loop_watch *w, uint32_t events);
// Before the descriptor is closed.
void loop_remove(struct loop *l, struct loop_watch *w);

// Waits until something is ready or `timeout_ms` passed (0: does not wait; UINT64_MAX: without limit) and calls what is
// ready. True when loop_wake was called since the last time.
bool loop_wait(struct loop *l, uint64_t timeout_ms);
// Ends the wait of the loop's thread, now or next time; from any thread, and from signal handlers.
void loop_wake(struct loop *l);
