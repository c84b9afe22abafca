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
	uint64_t v[4];
};

static void hash_round(struct siphash *s)
{
	uint64_t *v = s->v;
	v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
	v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

static void hash_word(struct siphash *s, uint64_t m)
{
	s->v[3] ^= m;
	hash_round(s);
	hash_round(s);
	s->v[0] ^= m;
}

uint64_t hash_str(const struct hash_key *key, struct str in)
{
	struct siphash s = { { 0x736f6d6570736575u ^ key->k[0], 0x646f72616e646f6du ^ key->k[1],
		                     0x6c7967656e657261u ^ key->k[0], 0x7465646279746573u ^ key->k[1] } };
	uint64_t m = 0;
	uint32_t i = 0;
	for (; i + 8 <= in.n; i += 8) {
		memcpy(&m, in.p + i, 8); // little-endian machines only, as all that we build for
		hash_word(&s, m);
	}
	m = (uint64_t)in.n << 56;
	for (uint32_t k = 0; i + k < in.n; k++) m |= (uint64_t)(unsigned char)in.p[i + k] << 8 * k;
	hash_word(&s, m);
	s.v[2] ^= 0xff;
	for (int k = 0; k < 4; k++) hash_round(&s);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
