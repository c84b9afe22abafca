// Read-copy-update by quiescent states: readers follow pointers without a lock; a writer swaps a pointer and frees the
// old object when every reader has been through a quiet point since.
//
//     reader thread:  rcu_online() ... loop { read pointers ...; rcu_quiescent(); } ... rcu_offline() around waiting
//     writer thread:  old = atomic_exchange(&p, new); rcu_defer(free, old);
//
// C11 atomics only, so that ThreadSanitizer understands it.
#pragma once

#include "base/err.h"

#include <stdatomic.h>

#define RCU_THREADS_MAX 80 // 64 workers, the control thread, and some

// Joins this thread; aborts past RCU_THREADS_MAX. A joined thread is offline until it says otherwise.
void rcu_join(void);
// Leaves; what this thread deferred is freed by others later, or at rcu_drain.
void rcu_leave(void);
void rcu_online(void);
void rcu_offline(void);
// Says that this thread holds no pointer from before; also frees what this thread deferred and all have left.
void rcu_quiescent(void);
// Calls fn(object) when no reader can hold it any more. From any joined or unjoined thread.
void rcu_defer(void (*fn)(void *), void *object);
// Waits until all readers passed a quiet point and frees all that was deferred; takes this thread offline.
void rcu_drain(void);
