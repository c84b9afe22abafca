// Flows: who stands in which slot.
#include "live/flow.h"

#include "base/addr.h"

#include <stdatomic.h>
#include <stdlib.h>

struct flows {
	uint32_t max, size;      // of slots: twice as many as flows, so that a free one is near
	_Atomic uint32_t next;   // number to try
	_Atomic uint32_t count;
	_Atomic uint32_t *slots; // owned; 0: free
};

struct flows *flows_new(uint32_t max)
{
	struct flows *f = calloc(1, sizeof *f);
	if (!f) return NULL;
	f->max = max;
	f->size = 2 * max;
	f->slots = calloc(f->size, sizeof *f->slots);
	return f->slots ? f : flows_free(f);
}

struct flows *flows_free(struct flows *f)
{
	if (f) free(f->slots);
	free(f);
	return NULL;
}

uint32_t flow_begin(struct flows *f)
{
	if (atomic_fetch_add(&f->count, 1) >= f->max) {
		atomic_fetch_sub(&f->count, 1);
		return 0;
	}
	for (;;) {
		uint32_t none = 0, flow = atomic_fetch_add(&f->next, 1) + 1;
		if (flow == 0 || flow == ADDR_FLOW_ENDED) continue;
		if (atomic_compare_exchange_strong(&f->slots[flow % f->size], &none, flow)) return flow;
	}
}

void flow_end(struct flows *f, uint32_t flow)
{
	if (flow == 0 || !flow_stands(f, flow)) return;
	atomic_store(&f->slots[flow % f->size], 0);
	atomic_fetch_sub(&f->count, 1);
}

bool flow_stands(const struct flows *f, uint32_t flow)
{
	return !f || flow == 0 || atomic_load_explicit(&f->slots[flow % f->size], memory_order_relaxed) == flow;
}
