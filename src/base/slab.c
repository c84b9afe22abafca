// Blocks of a few sizes. A block begins with the chunk it belongs to, so that freeing needs no search.
#include "base/slab.h"

#include <assert.h>
#include <stdlib.h>

#define SLAB_EMPTY_MAX 16 // more go back to the system: memory that a flood took is returned

struct slab_block {
	struct slab_chunk *chunk; // NULL: alone, from malloc
	union {
		struct slab_block *next_free;
		char text[8];
	} u;
};

struct slab_chunk {
	struct list node;
	struct slab_block *free_first;
	uint32_t size;  // index into block_bytes
	uint32_t used;  // blocks that hold a text
	uint32_t cut;   // blocks that were ever made of this chunk
	uint32_t count; // blocks that fit
};

#define BLOCK_HEAD offsetof(struct slab_block, u)
// Two sizes a doubling: at most a third of a block is waste.
static const uint32_t block_bytes[] = { 128,  192,  256,  384,  512,  768, 1024, 1536, 2048, 3072, 4096, 6144, 8192 };
static_assert(ARRAY_LEN(block_bytes) == SLAB_SIZES, "one list per size");

void slab_init(struct slab *s, uint64_t bytes_max)
{
	*s = (struct slab){ .bytes_max = bytes_max };
	for (uint32_t i = 0; i < SLAB_SIZES; i++) list_init(&s->with_room[i]);
	list_init(&s->full);
	list_init(&s->empty);
}

static void free_chunks(struct list *chunks)
{
	if (!chunks->next) return; // never initialised: an owner that failed before
	LIST_EACH(it, chunks) free(LIST_OF(it, struct slab_chunk, node));
	list_init(chunks);
}

void slab_fini(struct slab *s)
{
	for (uint32_t i = 0; i < SLAB_SIZES; i++) free_chunks(&s->with_room[i]);
	free_chunks(&s->full);
	free_chunks(&s->empty);
	s->empty_count = 0;
	s->taken_bytes = s->used_bytes = 0;
}

static struct slab_chunk *new_chunk(struct slab *s)
{
	if (s->empty_count) {
		struct slab_chunk *c = LIST_OF(s->empty.next, struct slab_chunk, node);
		list_remove(&c->node);
		s->empty_count--;
		return c;
	}
	if (s->taken_bytes + SLAB_CHUNK_BYTES > s->bytes_max) return NULL;
	struct slab_chunk *c = malloc(SLAB_CHUNK_BYTES);
	if (c) s->taken_bytes += SLAB_CHUNK_BYTES;
	return c;
}

static struct slab_chunk *chunk_with_room(struct slab *s, uint32_t size)
{
	struct list *chunks = &s->with_room[size];
	if (!list_empty(chunks)) return LIST_OF(chunks->next, struct slab_chunk, node);
	struct slab_chunk *c = new_chunk(s);
	if (!c) return NULL;
	uint32_t room = SLAB_CHUNK_BYTES - (uint32_t)sizeof *c;
	*c = (struct slab_chunk){ .size = size, .count = room / block_bytes[size] };
	list_init(&c->node);
	list_add_last(chunks, &c->node);
	return c;
}

static struct slab_block *block_get(struct slab *s, uint32_t size)
{
	struct slab_chunk *c = chunk_with_room(s, size);
	if (!c) return NULL;
	struct slab_block *b = c->free_first;
	if (b) c->free_first = b->u.next_free;
	else b = (struct slab_block *)(void *)((char *)(c + 1) + (size_t)block_bytes[size] * c->cut++);
	b->chunk = c;
	if (++c->used == c->count) {
		list_remove(&c->node);
		list_add_last(&s->full, &c->node);
	}
	s->used_bytes += block_bytes[size];
	return b;
}

static void block_put(struct slab *s, struct slab_block *b)
{
	struct slab_chunk *c = b->chunk;
	s->used_bytes -= block_bytes[c->size];
	b->u.next_free = c->free_first;
	c->free_first = b;
	if (c->used-- == c->count) { // had no room until now
		list_remove(&c->node);
		list_add_last(&s->with_room[c->size], &c->node);
	}
	if (c->used) return;
	list_remove(&c->node);
	if (s->empty_count < SLAB_EMPTY_MAX) {
		list_add_last(&s->empty, &c->node);
		s->empty_count++;
	} else {
		free(c);
		s->taken_bytes -= SLAB_CHUNK_BYTES;
	}
}

// Longer than the largest block: rare enough for malloc.
static struct slab_block *alone_get(struct slab *s, uint64_t bytes)
{
	if (s->taken_bytes + bytes > s->bytes_max) return NULL;
	struct slab_block *b = malloc(bytes);
	if (!b) return NULL;
	b->chunk = NULL;
	s->taken_bytes += bytes;
	s->used_bytes += bytes;
	return b;
}

struct str slab_dup(struct slab *s, struct str text)
{
	uint32_t size = 0;
	uint64_t bytes = BLOCK_HEAD + (uint64_t)text.n;
	if (text.n == 0) return (struct str){ 0 };
	while (size < SLAB_SIZES && block_bytes[size] < bytes) size++;
	struct slab_block *b = size < SLAB_SIZES ? block_get(s, size) : alone_get(s, bytes);
	if (!b) return (struct str){ 0 };
	memcpy(b->u.text, text.p, text.n);
	return (struct str){ b->u.text, text.n };
}

struct str slab_free(struct slab *s, struct str text)
{
	if (text.n == 0) return (struct str){ 0 };
	struct slab_block *b = (struct slab_block *)(uintptr_t)(text.p - BLOCK_HEAD);
	if (b->chunk) {
		block_put(s, b);
		return (struct str){ 0 };
	}
	uint64_t bytes = BLOCK_HEAD + (uint64_t)text.n;
	assert(s->taken_bytes >= bytes && s->used_bytes >= bytes);
	s->taken_bytes -= bytes;
	s->used_bytes -= bytes;
	free(b);
	return (struct str){ 0 };
}
