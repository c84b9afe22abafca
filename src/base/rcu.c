// Quiescent-state based reclamation. One global epoch; each reader publishes the epoch that it last saw (0: offline).
// An object deferred in epoch e is free when every online reader has published more than e.
#include "base/rcu.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

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
	if (self) atomic_store(&self->seen, atomic_load(&epoch));
}

void rcu_offline(void)
{
	if (self) atomic_store(&self->seen, 0);
}

static uint64_t oldest_seen(void)
{
	uint64_t oldest = UINT64_MAX;
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
	while (*end && (*end)->epoch < oldest) {
		end = &(*end)->next;
		atomic_fetch_sub(&deferred_count, 1);
	}
	deferred_first = *end;
	*end = NULL;
	if (!deferred_first) deferred_last = &deferred_first;
	pthread_mutex_unlock(&deferred_lock);
	while (ready) {
		struct deferred *next = ready->next;
		ready->fn(ready->object);
		free(ready);
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
	assert(d); // a few octets: without them the node is lost anyway
	*d = (struct deferred){ .fn = fn, .object = object };
	pthread_mutex_lock(&deferred_lock);
	d->epoch = atomic_fetch_add(&epoch, 1);
	*deferred_last = d;
	deferred_last = &d->next;
	atomic_fetch_add(&deferred_count, 1);
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
