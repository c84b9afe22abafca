// The list of counters is the linker's section "counters", one pointer per COUNTER line.
#include "base/count.h"

#include <string.h>

_Thread_local uint32_t count_shard;
extern struct counter *__start_counters[], *__stop_counters[];

// So that the section exists in a program without any other counter.
COUNTER(base_counter_none, "Always zero");

uint64_t count_sum(const struct counter *c)
{
	uint64_t sum = 0;
	for (int i = 0; i < COUNT_SHARDS; i++) sum += atomic_load_explicit(&c->shards[i], memory_order_relaxed);
	return sum;
}

struct counter *count_at(uint32_t i)
{
	return i < (uint32_t)(__stop_counters - __start_counters) ? __start_counters[i] : NULL;
}

uint64_t count_by_name(const char *name)
{
	struct counter *c;
	for (uint32_t i = 0; (c = count_at(i)); i++)
		if (strcmp(c->name, name) == 0) return count_sum(c);
	return 0;
}

void count_join(void)
{
	static _Atomic uint32_t next = 1;
	count_shard = atomic_fetch_add(&next, 1) % COUNT_SHARDS;
}
