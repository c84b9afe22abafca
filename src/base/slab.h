// Texts of any length that must outlive their event (a message to be repeated), in blocks of a few sizes:
//
//     chunk of 64 KiB   ┌ text ┬ text ┬ free ┬ text ┬ ...      one size a chunk: 128, 192, 256, 384 ... 8192 octets
//                       └──────┴──────┴──────┴──────┴ ...      an empty chunk may be cut anew, for any size
//
// What is longer than the largest block is taken from malloc, alone. One limit holds for all that is taken.
#pragma once

#include "base/list.h"
#include "base/str.h"

#define SLAB_SIZES 13
#define SLAB_CHUNK_BYTES 65536u

struct slab { // not to be moved: it holds the heads of lists
	struct list with_room[SLAB_SIZES]; // chunks of each size that have a free block
	struct list full;                  // chunks without one
	struct list empty;                 // chunks that hold nothing, at most SLAB_EMPTY_MAX of them
	uint32_t empty_count;
	uint64_t taken_bytes; // from the system
	uint64_t used_bytes;  // blocks that hold a text
	uint64_t bytes_max;   // of taken_bytes
};

void slab_init(struct slab *s, uint64_t bytes_max);
// Gives all back; every text of it dies.
void slab_fini(struct slab *s);

// A copy, owned by the caller until slab_free; empty when `text` is empty or the limit is reached.
MUST_CHECK struct str slab_dup(struct slab *s, struct str text);
// Gives a copy back (an empty one is fine). Returns the empty slice, to be assigned.
struct str slab_free(struct slab *s, struct str text);
