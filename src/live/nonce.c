// Used nonces: one atomic word per place.
//
//     63            34 33        16 15      0
//     time of issue    tag          count      time in units of 4 ms, modulo 2^30 (49 days)
#include "live/nonce.h"

#include "base/bug.h"
#include "base/count.h"
#include "base/random.h"

#include <stdlib.h>

#define TIME_BITS 30
#define TIME_MASK ((1u << TIME_BITS) - 1)
#define TIME_UNIT_MS 4
#define TAG_MASK 0x3ffffu
#define COUNT_MAX 0xffffu

COUNTER(nonce_replayed, "Digest responses whose nonce and count were used before");
COUNTER(nonce_forgotten, "Nonces whose place a newer one took: phones are asked again");

struct nonces {
	_Atomic uint64_t *places; // owned
	uint32_t mask;
	struct hash_key key;
};

struct nonces *nonces_new(uint32_t count, uint64_t seed)
{
	struct nonces *n = calloc(1, sizeof *n);
	uint32_t size = 64;
	while (size < count && size < 1u << 30) size *= 2;
	if (!n) return NULL;
	n->mask = size - 1;
	n->key = (struct hash_key){ { seed, ~seed } };
	n->places = calloc(size, sizeof *n->places);
	return n->places ? n : nonces_free(n);
}

struct nonces *nonces_free(struct nonces *n)
{
	if (n) free(n->places);
	free(n);
	return NULL;
}

static uint32_t time_of(uint64_t word)
{
	return (uint32_t)(word >> 34);
}

// Does a place that holds this word leave room for a nonce issued at `time`? Nonces that are shown are at most
// NONCE_LIFE_MAX_MS old, so one that is as new or newer is ahead by at most that; all else is older.
static bool is_older(uint64_t word, uint32_t time)
{
	uint32_t ahead = (time_of(word) - time) & TIME_MASK;
	return word == 0 || ahead > NONCE_LIFE_MAX_MS / TIME_UNIT_MS;
}

bool nonce_use(struct nonces *n, struct str nonce, uint64_t issued_ms, uint32_t nc)
{
	if (nc == 0 || nc > COUNT_MAX) return false; // a new challenge starts at 1 again
	uint64_t hash = hash_str(&n->key, nonce);
	uint32_t time = (uint32_t)(issued_ms / TIME_UNIT_MS) & TIME_MASK;
	uint64_t name = (uint64_t)time << 34 | ((hash >> 32) & TAG_MASK) << 16;
	_Atomic uint64_t *place = &n->places[hash & n->mask];
	uint64_t word = atomic_load_explicit(place, memory_order_relaxed);
	do {
		bool same = word != 0 && (word & ~(uint64_t)COUNT_MAX) == name;
		if (same && nc <= (word & COUNT_MAX) && !BUG(nonce_taken_twice)) {
			COUNT(nonce_replayed);
			return false;
		}
		if (!same && !is_older(word, time)) {
			COUNT(nonce_forgotten);
			return false;
		}
	} while (!atomic_compare_exchange_weak(place, &word, name | nc));
	return true;
}
