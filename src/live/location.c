// Registrations: an array of lines, each slot a pointer to one packed block.
#include "live/location.h"

#include "base/count.h"
#include "base/rcu.h"

#include <stdlib.h>

#define HOMES_MAX RCU_THREADS_MAX

COUNTER(location_no_memory, "Registrations refused because there was no memory for them");

struct packed { // one binding; its four texts follow each other in the block's text
	_Atomic uint64_t expires_ms;
	uint64_t since_wall_ms;
	_Atomic uint32_t cseq;
	uint32_t text_at; // from the start of the block
	struct addr peer;
	uint16_t listener, q;
	uint16_t contact_n, call_id_n, instance_n, agent_n;
};

struct block {
	uint32_t size; // octets
	uint16_t count, home;
	struct packed bindings[];
};

struct location {
	const struct flows *flows;
	uint32_t lines_max;
	_Atomic(struct block *) *slots;  // owned, by line
	_Atomic uint64_t *changed;       // owned, a bit per line
	_Atomic uint64_t bindings, bytes;
	uint32_t swept[HOMES_MAX];       // the line that each home worker looked at last
};

struct location *location_new(uint32_t lines_max, const struct flows *flows)
{
	struct location *l = calloc(1, sizeof *l);
	if (!l) return NULL;
	l->flows = flows;
	l->lines_max = lines_max;
	// Large and mostly zero: the system gives the pages when they are first written.
	l->slots = calloc((size_t)lines_max + 1, sizeof *l->slots);
	l->changed = calloc((size_t)lines_max / 64 + 1, sizeof *l->changed);
	return l->slots && l->changed ? l : location_free(l);
}

struct location *location_free(struct location *l)
{
	if (!l) return NULL;
	for (uint32_t line = 0; l->slots && line <= l->lines_max; line++) free(atomic_load(&l->slots[line]));
	free(l->slots);
	free(l->changed);
	free(l);
	return NULL;
}

static struct block *block_of(const struct location *l, uint32_t line)
{
	return line <= l->lines_max ? atomic_load_explicit(&l->slots[line], memory_order_acquire) : NULL;
}

static struct binding unpack(const struct block *block, const struct packed *p)
{
	const char *text = (const char *)block + p->text_at;
	return (struct binding){
		.contact = { text, p->contact_n },
		.call_id = { text + p->contact_n, p->call_id_n },
		.instance = { text + p->contact_n + p->call_id_n, p->instance_n },
		.user_agent = { text + p->contact_n + p->call_id_n + p->instance_n, p->agent_n },
		.peer = p->peer,
		.listener = p->listener,
		.q = p->q,
		.cseq = atomic_load_explicit(&p->cseq, memory_order_relaxed),
		.expires_ms = atomic_load_explicit(&p->expires_ms, memory_order_relaxed),
		.since_wall_ms = p->since_wall_ms,
	};
}

uint32_t location_get(const struct location *l, uint32_t line, uint64_t now_ms, struct binding *out, uint32_t max)
{
	const struct block *block = block_of(l, line);
	uint32_t n = 0;
	for (uint32_t i = 0; block && i < block->count && n < max; i++) {
		out[n] = unpack(block, &block->bindings[i]);
		if (out[n].expires_ms > now_ms && flow_stands(l->flows, out[n].peer.flow)) n++;
	}
	return n;
}

bool location_has_flow(const struct location *l, uint32_t line, uint64_t now_ms, const struct addr *peer)
{
	struct binding b[LOCATION_BINDINGS_MAX];
	uint32_t n = location_get(l, line, now_ms, b, LOCATION_BINDINGS_MAX);
	while (n > 0 && !addr_flow_eq(&b[n - 1].peer, peer)) n--;
	return n > 0;
}

static struct str agent_of(const struct binding *b)
{
	return str_head(b->user_agent, LOCATION_AGENT_MAX);
}

static bool fits(const struct binding *b)
{
	return b->contact.n <= LOCATION_CONTACT_MAX && b->call_id.n <= LOCATION_CALL_ID_MAX &&
	       b->instance.n <= LOCATION_INSTANCE_MAX;
}

// The same in everything that a refresh does not change?
static bool is_refresh(const struct binding *old, const struct binding *new)
{
	return str_eq(old->contact, new->contact) && str_eq(old->call_id, new->call_id) &&
	       str_eq(old->instance, new->instance) && str_eq(old->user_agent, agent_of(new)) &&
	       addr_flow_eq(&old->peer, &new->peer) && old->listener == new->listener && old->q == new->q;
}

// Writes expiry and CSeq into the block that stands, when nothing else changes.
static bool refresh(struct block *block, uint32_t home, const struct binding *const *bindings, uint32_t count)
{
	if (!block || block->count != count || block->home != home) return false;
	for (uint32_t i = 0; i < count; i++) {
		struct binding old = unpack(block, &block->bindings[i]);
		if (!is_refresh(&old, bindings[i])) return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		atomic_store_explicit(&block->bindings[i].cseq, bindings[i]->cseq, memory_order_relaxed);
		atomic_store_explicit(&block->bindings[i].expires_ms, bindings[i]->expires_ms, memory_order_relaxed);
	}
	return true;
}

static struct block *pack(uint32_t home, const struct binding *const *bindings, uint32_t count)
{
	size_t size = sizeof(struct block) + count * sizeof(struct packed);
	uint32_t text_at = (uint32_t)size;
	for (uint32_t i = 0; i < count; i++)
		size += bindings[i]->contact.n + bindings[i]->call_id.n + bindings[i]->instance.n + agent_of(bindings[i]).n;
	struct block *block = malloc(size);
	if (!block) return NULL;
	*block = (struct block){ .size = (uint32_t)size, .count = (uint16_t)count, .home = (uint16_t)home };
	struct buf text = buf_on(block, (uint32_t)size);
	text.n = text_at;
	for (uint32_t i = 0; i < count; i++) {
		const struct binding *b = bindings[i];
		struct packed *p = &block->bindings[i];
		*p = (struct packed){ .since_wall_ms = b->since_wall_ms, .text_at = text.n, .peer = b->peer,
			                  .listener = b->listener, .q = b->q };
		p->contact_n = (uint16_t)b->contact.n;
		p->call_id_n = (uint16_t)b->call_id.n;
		p->instance_n = (uint16_t)b->instance.n;
		p->agent_n = (uint16_t)agent_of(b).n;
		atomic_init(&p->expires_ms, b->expires_ms);
		atomic_init(&p->cseq, b->cseq);
		put(&text, b->contact);
		put(&text, b->call_id);
		put(&text, b->instance);
		put(&text, agent_of(b));
	}
	return block;
}

// What an allocation of this size takes of the heap.
static uint64_t heap_bytes(const struct block *block)
{
	return (block->size + 8 + 15) / 16 * 16;
}

static void swap(struct location *l, uint32_t line, struct block *new)
{
	struct block *old = atomic_exchange_explicit(&l->slots[line], new, memory_order_acq_rel);
	if (new) {
		atomic_fetch_add_explicit(&l->bindings, new->count, memory_order_relaxed);
		atomic_fetch_add_explicit(&l->bytes, heap_bytes(new), memory_order_relaxed);
	}
	if (old) {
		atomic_fetch_sub_explicit(&l->bindings, old->count, memory_order_relaxed);
		atomic_fetch_sub_explicit(&l->bytes, heap_bytes(old), memory_order_relaxed);
	}
	rcu_defer(free, old);
}

// Best q first; equals stay in order.
static void sort_by_q(const struct binding **sorted, const struct binding *bindings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;
		for (; at > 0 && sorted[at - 1]->q < bindings[i].q; at--) sorted[at] = sorted[at - 1];
		sorted[at] = &bindings[i];
	}
}

enum err location_put(struct location *l, uint32_t line, uint32_t home, const struct binding *bindings, uint32_t count)
{
	const struct binding *sorted[LOCATION_BINDINGS_MAX];
	if (line == 0 || line > l->lines_max || home >= HOMES_MAX || count > LOCATION_BINDINGS_MAX) return ERR_BAD;
	for (uint32_t i = 0; i < count; i++)
		if (!fits(&bindings[i])) return ERR_BAD;
	sort_by_q(sorted, bindings, count);
	struct block *old = block_of(l, line), *new = NULL;
	if (!old && count == 0) return OK;
	if (!refresh(old, home, sorted, count)) {
		new = count ? pack(home, sorted, count) : NULL;
		if (count && !new) {
			COUNT(location_no_memory);
			return ERR_FULL;
		}
		swap(l, line, new);
	}
	location_mark_changed(l, line);
	return OK;
}

static uint32_t sweep_line(struct location *l, uint32_t line, uint32_t home, uint64_t now_ms)
{
	struct binding alive[LOCATION_BINDINGS_MAX];
	const struct block *block = block_of(l, line);
	if (!block || block->home != home) return 0;
	uint32_t had = block->count, has = location_get(l, line, now_ms, alive, LOCATION_BINDINGS_MAX);
	if (has == had) return 0;
	return location_put(l, line, home, alive, has) == OK ? had - has : 0;
}

uint32_t location_sweep(struct location *l, uint32_t home, uint64_t now_ms, uint32_t slots)
{
	uint32_t gone = 0;
	if (home >= HOMES_MAX) return 0;
	for (uint32_t i = 0; i < slots && i < l->lines_max; i++) {
		l->swept[home] = l->swept[home] % l->lines_max + 1;
		gone += sweep_line(l, l->swept[home], home, now_ms);
	}
	return gone;
}

bool location_next(const struct location *l, uint32_t *line)
{
	while (*line < l->lines_max)
		if (block_of(l, ++*line)) return true;
	return false;
}

// The bit is set after the block is swapped and cleared before it is read: no change is missed.
void location_mark_changed(struct location *l, uint32_t line)
{
	if (line <= l->lines_max) atomic_fetch_or(&l->changed[line / 64], 1ull << (line % 64));
}

bool location_next_changed(struct location *l, uint32_t *line)
{
	for (uint32_t at = *line + 1; at <= l->lines_max;) {
		uint64_t word = atomic_load_explicit(&l->changed[at / 64], memory_order_relaxed) >> (at % 64);
		if (word) {
			at += (uint32_t)__builtin_ctzll(word);
			atomic_fetch_and(&l->changed[at / 64], ~(1ull << (at % 64)));
			*line = at;
			return true;
		}
		at = (at / 64 + 1) * 64;
	}
	return false;
}

struct location_use location_use(const struct location *l)
{
	return (struct location_use){ .bindings = atomic_load(&l->bindings), .bytes = atomic_load(&l->bytes) };
}
