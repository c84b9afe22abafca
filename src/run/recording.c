// A recording in memory: entries one after the other in blocks of a pool.
#include "run/recording.h"

#include <assert.h>

#define ROUND_8(n) (((n) + 7u) & ~7u)

static_assert(sizeof(struct recording_block) == RECORDING_BLOCK_BYTES, "a block is what its name says");
static_assert(sizeof(struct recording) % 8 == 0 && sizeof(struct recording_entry) % 8 == 0, "what follows is aligned");
#define LARGEST_BYTES (RECORDING_TEXT_MAX + 1024 + sizeof(struct recording) + sizeof(struct recording_entry))
static_assert(LARGEST_BYTES < RECORDING_BLOCK_BYTES - 16, "every entry fits in a block");

struct recording *recording_new(struct pool *blocks, uint32_t blocks_max)
{
	struct recording_block *b = pool_get(blocks);
	if (!b) return NULL;
	struct recording *r = (struct recording *)(void *)b->bytes;
	b->used = sizeof *r;
	*r = (struct recording){ .pool = blocks, .blocks = b, .last_block = b, .block_count = 1, .blocks_max = blocks_max };
	return r;
}

struct recording *recording_free(struct recording *r)
{
	if (!r) return NULL;
	struct pool *pool = r->pool;
	for (struct recording_block *b = r->blocks, *next; b; b = next) {
		next = b->next;
		pool_put(pool, b);
	}
	return NULL;
}

static void *take(struct recording *r, uint32_t size, uint32_t blocks_max)
{
	struct recording_block *b = r->last_block;
	if (size > sizeof b->bytes - b->used) {
		b = r->block_count < blocks_max && size <= sizeof b->bytes ? pool_get(r->pool) : NULL;
		if (!b) return NULL;
		r->last_block->next = b;
		r->last_block = b;
		r->block_count++;
	}
	b->used += size;
	return b->bytes + b->used - size;
}

static struct recording_entry *add(struct recording *r, enum entry_kind kind, const void *body, struct str text,
                         uint32_t blocks_max)
{
	uint32_t size = entry_size(kind);
	struct recording_entry *e = text.n > RECORDING_TEXT_MAX
		? NULL : take(r, ROUND_8((uint32_t)sizeof *e + ROUND_8(size) + text.n), blocks_max);
	if (!e) return NULL;
	*e = (struct recording_entry){ .kind = (uint8_t)kind, .text_n = text.n };
	memcpy(entry_body(e), body, size);
	if (text.n) memcpy((char *)entry_body(e) + ROUND_8(size), text.p, text.n);
	if (r->last) r->last->next = e;
	else r->first = e;
	r->last = e;
	return e;
}

struct recording_entry *recording_add(struct recording *r, enum entry_kind kind, uint32_t at_ms, const void *body,
                            struct str text)
{
	struct recording_entry *e = r->lost ? NULL : add(r, kind, body, text, r->blocks_max);
	if (!e) r->lost++;
	else e->at_ms = at_ms;
	return e;
}

struct recording_entry *recording_add_end(struct recording *r, enum entry_kind kind, const void *body)
{
	return add(r, kind, body, STR(""), r->blocks_max + 1);
}

void *entry_body(const struct recording_entry *e)
{
	return (void *)(uintptr_t)(e + 1);
}

struct str entry_text(const struct recording_entry *e)
{
	return (struct str){ (const char *)entry_body(e) + ROUND_8(entry_size(e->kind)), e->text_n };
}

const struct recording_entry *entry_find(const struct recording_entry *e, enum entry_kind kind)
{
	while (e && e->kind != kind) e = e->next;
	return e;
}
