// xoshiro256** (Blackman, Vigna) seeded by splitmix64; SipHash-2-4 (Aumasson, Bernstein).
#include "base/random.h"

static uint64_t rotl(uint64_t x, unsigned k)
{
	return x << k | x >> (64 - k);
}

void random_seed(struct random *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15u;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		r->s[i] = z ^ z >> 31;
	}
}

uint64_t random_u64(struct random *r)
{
	uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint32_t random_u32(struct random *r)
{
	return (uint32_t)(random_u64(r) >> 32);
}

uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)((uint64_t)random_u32(r) * n >> 32);
}

struct siphash {
	uint64_t v0, v1, v2, v3;
};

// Always inline, by value: its four words then stay in registers. Every look-up by a name that came over the wire pays
// for this.
__attribute__((always_inline)) static inline struct siphash hash_round(struct siphash s)
{
	s.v0 += s.v1, s.v1 = rotl(s.v1, 13) ^ s.v0, s.v0 = rotl(s.v0, 32);
	s.v2 += s.v3, s.v3 = rotl(s.v3, 16) ^ s.v2;
	s.v0 += s.v3, s.v3 = rotl(s.v3, 21) ^ s.v0;
	s.v2 += s.v1, s.v1 = rotl(s.v1, 17) ^ s.v2, s.v2 = rotl(s.v2, 32);
	return s;
}

__attribute__((always_inline)) static inline struct siphash hash_word(struct siphash s, uint64_t m)
{
	s.v3 ^= m;
	s = hash_round(hash_round(s));
	s.v0 ^= m;
	return s;
}

uint64_t hash_str(const struct hash_key *key, struct str in)
{
	struct siphash s = { 0x736f6d6570736575u ^ key->k[0], 0x646f72616e646f6du ^ key->k[1],
		                 0x6c7967656e657261u ^ key->k[0], 0x7465646279746573u ^ key->k[1] };
	uint64_t m = 0;
	uint32_t i = 0;
	for (; i + 8 <= in.n; i += 8) {
		memcpy(&m, in.p + i, 8); // little-endian machines only, as all that we build for
		s = hash_word(s, m);
	}
	uint64_t rest = 0;
	if (i && i < in.n) { // the last eight octets, without those that were taken
		memcpy(&rest, in.p + in.n - 8, 8);
		rest >>= 8 * (8 - (in.n - i));
	} else {
		for (uint32_t k = 0; i + k < in.n; k++) rest |= (uint64_t)(unsigned char)in.p[i + k] << 8 * k;
	}
	m = (uint64_t)in.n << 56 | rest;
	s = hash_word(s, m);
	s.v2 ^= 0xff;
	s = hash_round(hash_round(hash_round(hash_round(s))));
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
