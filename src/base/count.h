// Counters: one line where the thing happens, enumerated everywhere (metrics, console, manual).
//
//     COUNTER(sip_rx_malformed, "Datagrams that are no SIP message");   at file level
//     COUNT(sip_rx_malformed);                                          where it happens
//
// Each thread adds in a shard of its own; a reader sums.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define COUNT_SHARDS 16

struct counter {
	const char *name, *help;
	_Atomic uint64_t shards[COUNT_SHARDS];
};

extern _Thread_local uint32_t count_shard;

#define COUNTER(id, text)                                                                                              \
	static struct counter counter_##id = { .name = #id, .help = text };                                               \
	static struct counter *counter_entry_##id __attribute__((section("counters"), used)) = &counter_##id
#define COUNT(id) count_add(&counter_##id, 1)
#define COUNT_BY(id, by) count_add(&counter_##id, (by))

static inline void count_add(struct counter *c, uint64_t by)
{
	atomic_fetch_add_explicit(&c->shards[count_shard], by, memory_order_relaxed);
}

uint64_t count_sum(const struct counter *c);
// What this thread alone has added, while it shares its shard with no other.
static inline uint64_t count_mine(const struct counter *c)
{
	return atomic_load_explicit(&c->shards[count_shard], memory_order_relaxed);
}
// Counter number i of the program in no particular order, or NULL past the last.
struct counter *count_at(uint32_t i);
// The sum of a counter by its name, for tests and reports; 0 when there is none.
uint64_t count_by_name(const char *name);
// Gives this thread a shard (threads past the last share).
void count_join(void);
