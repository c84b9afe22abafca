// Seeded chance (xoshiro256**) and seeded hashing (SipHash-2-4): the same seed gives the same run.
#pragma once

#include "base/str.h"

struct random {
	uint64_t s[4];
};

// A generator from a seed: equal seeds give equal sequences.
void random_seed(struct random *r, uint64_t seed);
uint64_t random_u64(struct random *r);
uint32_t random_u32(struct random *r);
// Uniform in [0, n); n > 0.
uint32_t random_below(struct random *r, uint32_t n);

// For tables keyed by what the network sends: whoever does not know the key cannot make collisions.
struct hash_key {
	uint64_t k[2];
};
uint64_t hash_str(const struct hash_key *key, struct str s);
