// Quiescent-state based reclamation. One global epoch; each reader publishes the epoch that it last saw (0: offline).
// An object deferred in epoch e is free when every online reader has published more than e.
#include "base/rcu.h"

#include "base/count.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

COUNTER(rcu_lost, "Old rows that stay in memory for good, because there was none to note that they can go");

#define SPARES 256 // notes for when there is no memory: that is when freeing matters

static _Atomic uint64_t epoch = 1;
static struct reader {
	_Alignas(64) _Atomic uint64_t seen; // 0 while offline
	_Atomic int taken;
} readers[RCU_THREADS_MAX];
static _Thread_local struct reader *self;

struct deferred {
	struct deferred *next;
	void (*fn)(void *);
	void *object;
	uint64_t epoch;
};
// Deferring is rare (a change of office data, a registration): one list under one mutex, never touched by readers
// unless it holds something.
static pthread_mutex_t deferred_lock = PTHREAD_MUTEX_INITIALIZER;
static struct deferred *deferred_first, **deferred_last = &deferred_first;
static _Atomic uint32_t deferred_count;
static struct deferred spares[SPARES], *spares_given_back; // under the lock
static uint32_t spares_touched;

static struct deferred *take_spare(void)
{
	struct deferred *d = spares_given_back;
	if (d) spares_given_back = d->next;
	else if (spares_touched < SPARES) d = &spares[spares_touched++];
	return d;
}

static void forget(struct deferred *d)
{
	if (d < spares || d >= spares + SPARES) {
		free(d);
		return;
	}
	pthread_mutex_lock(&deferred_lock);
	d->next = spares_given_back;
	spares_given_back = d;
	pthread_mutex_unlock(&deferred_lock);
}

// Orders what this thread wrote before what it reads after: a reader says that it is there before it reads a pointer, a
// writer swaps the pointer before it looks who is there. ThreadSanitizer knows no fences, and does not reorder.
static inline void fence(void)
{
#ifndef __SANITIZE_THREAD__
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

void rcu_join(void)
{
	for (int i = 0; i < RCU_THREADS_MAX && !self; i++) {
		int no = 0;
		if (atomic_compare_exchange_strong(&readers[i].taken, &no, 1)) self = &readers[i];
	}
	assert(self);
}

void rcu_leave(void)
{
	if (!self) return;
	atomic_store(&self->seen, 0);
	atomic_store(&self->taken, 0);
	self = NULL;
}

void rcu_online(void)
{
	if (!self) return;
	atomic_store_explicit(&self->seen, atomic_load(&epoch), memory_order_release);
	fence();
}

void rcu_offline(void)
{
	if (self) atomic_store(&self->seen, 0);
}

static uint64_t oldest_seen(void)
{
	uint64_t oldest = UINT64_MAX;
	fence();
	for (int i = 0; i < RCU_THREADS_MAX; i++) {
		uint64_t seen = atomic_load(&readers[i].seen);
		if (seen && seen < oldest) oldest = seen;
	}
	return oldest;
}

static void reclaim(void)
{
	if (pthread_mutex_trylock(&deferred_lock) != 0) return;
	uint64_t oldest = oldest_seen();
	struct deferred *ready = deferred_first, **end = &ready;
	while (*end && (*end)->epoch < oldest) end = &(*end)->next;
	deferred_first = *end;
	*end = NULL;
	if (!deferred_first) deferred_last = &deferred_first;
	pthread_mutex_unlock(&deferred_lock);
	while (ready) {
		struct deferred *next = ready->next;
		ready->fn(ready->object);
		forget(ready);
		atomic_fetch_sub(&deferred_count, 1); // not before: whoever drains, while this thread frees, waits for it
		ready = next;
	}
}

void rcu_quiescent(void)
{
	rcu_online();
	if (atomic_load_explicit(&deferred_count, memory_order_relaxed)) reclaim();
}

void rcu_defer(void (*fn)(void *), void *object)
{
	if (!object) return;
	struct deferred *d = malloc(sizeof *d);
	pthread_mutex_lock(&deferred_lock);
	if (!d) d = take_spare();
	if (d) {
		*d = (struct deferred){ .fn = fn, .object = object, .epoch = atomic_fetch_add(&epoch, 1) };
		*deferred_last = d;
		deferred_last = &d->next;
		atomic_fetch_add(&deferred_count, 1);
	} else {
		COUNT(rcu_lost);
	}
	pthread_mutex_unlock(&deferred_lock);
}

void rcu_drain(void)
{
	rcu_offline(); // else it would wait for itself
	while (atomic_load(&deferred_count)) {
		reclaim();
		sched_yield();
	}
}
