// Failures of authentication, counted in tables of atomic words, each place owned by the newest key that hashed there:
//
//     63      40 39      16 15      0
//     tag        time       count      time: when the window began, or of the last success; units of 1.024 s
#include "live/guard.h"

#include "base/count.h"
#include "base/random.h"

#include <stdlib.h>

#define COUNT_MAX 0xffffu
#define KNOWN_FOR_MS (24u * 3600 * 1000)

COUNTER(guard_not_heard, "Credentials not looked at: too many wrong ones before");

enum guard_table { PAIR_FAILED, USER_FAILED, SOURCE_FAILED, PAIR_GOOD, SOURCE_GOOD, TABLES };

struct guard {
	_Atomic uint64_t *tables[TABLES]; // owned
	uint32_t mask;
	struct hash_key key;
};

struct guard *guard_new(uint32_t entries, uint64_t seed)
{
	struct guard *g = calloc(1, sizeof *g);
	uint32_t size = 64;
	while (size < entries && size < 1u << 30) size *= 2;
	if (!g) return NULL;
	g->mask = size - 1;
	g->key = (struct hash_key){ { seed, ~seed } };
	for (int t = 0; t < TABLES; t++) {
		g->tables[t] = calloc(size, sizeof *g->tables[t]);
		if (!g->tables[t]) return guard_free(g);
	}
	return g;
}

struct guard *guard_free(struct guard *g)
{
	for (int t = 0; g && t < TABLES; t++) free(g->tables[t]);
	free(g);
	return NULL;
}

struct keys {
	uint64_t pair, user, source;
};

static struct keys keys_of(const struct guard *g, const struct addr *source, struct str user)
{
	char text[17 + 256];
	struct buf b = buf_on(text, sizeof text);
	put_c(&b, (char)source->family);
	put(&b, (struct str){ (const char *)source->ip, source->family == 6 ? 8 : 4 }); // a customer's IPv6 is a /64
	uint64_t source_key = hash_str(&g->key, buf_str(&b));
	put(&b, str_head(user, 256));
	return (struct keys){ hash_str(&g->key, buf_str(&b)), hash_str(&g->key, user), source_key };
}

static uint64_t time_of(uint64_t now_ms)
{
	return (now_ms >> 10) & 0xffffff;
}

// The word's key is this one, and its time at most `for_ms` ago.
static bool holds(uint64_t word, uint64_t key, uint64_t now_ms, uint32_t for_ms)
{
	return word != 0 && word >> 40 == key >> 40 && ((time_of(now_ms) - (word >> 16)) & 0xffffff) <= for_ms >> 10;
}

static uint64_t look(const struct guard *g, enum guard_table t, uint64_t key, uint64_t now_ms, uint32_t for_ms)
{
	uint64_t word = atomic_load_explicit(&g->tables[t][key & g->mask], memory_order_relaxed);
	return holds(word, key, now_ms, for_ms) ? word : 0;
}

static uint32_t failures(const struct guard *g, enum guard_table t, uint64_t key, uint64_t now_ms)
{
	return (uint32_t)(look(g, t, key, now_ms, GUARD_WINDOW_MS) & COUNT_MAX);
}

static void count_failure(struct guard *g, enum guard_table t, uint64_t key, uint64_t now_ms)
{
	_Atomic uint64_t *place = &g->tables[t][key & g->mask];
	uint64_t word = atomic_load_explicit(place, memory_order_relaxed), new;
	do {
		if (!holds(word, key, now_ms, GUARD_WINDOW_MS)) new = (key >> 40) << 40 | time_of(now_ms) << 16 | 1;
		else new = (word & COUNT_MAX) < COUNT_MAX ? word + 1 : word;
	} while (!atomic_compare_exchange_weak(place, &word, new));
}

static void note_success(struct guard *g, enum guard_table t, uint64_t key, uint64_t now_ms)
{
	atomic_store(&g->tables[t][key & g->mask], (key >> 40) << 40 | time_of(now_ms) << 16 | 1);
}

bool guard_heard(const struct guard *g, uint64_t now_ms, const struct addr *source, struct str user)
{
	struct keys k = keys_of(g, source, user);
	uint32_t of_pair = failures(g, PAIR_FAILED, k.pair, now_ms);
	bool heard = of_pair < PAIR_FAILURES_MAX;
	if (heard && !look(g, PAIR_GOOD, k.pair, now_ms, KNOWN_FOR_MS)) {
		bool user_attacked = failures(g, USER_FAILED, k.user, now_ms) >= USER_FAILURES_MAX;
		heard = failures(g, SOURCE_FAILED, k.source, now_ms) < SOURCE_FAILURES_MAX &&
		        !(user_attacked && of_pair >= PAIR_FAILURES_TIGHT);
	}
	if (!heard) COUNT(guard_not_heard);
	return heard;
}

void guard_failed(struct guard *g, uint64_t now_ms, const struct addr *source, struct str user)
{
	struct keys k = keys_of(g, source, user);
	count_failure(g, PAIR_FAILED, k.pair, now_ms);
	count_failure(g, USER_FAILED, k.user, now_ms);
	count_failure(g, SOURCE_FAILED, k.source, now_ms);
}

void guard_succeeded(struct guard *g, uint64_t now_ms, const struct addr *source, struct str user)
{
	struct keys k = keys_of(g, source, user);
	_Atomic uint64_t *failed = &g->tables[PAIR_FAILED][k.pair & g->mask];
	if (look(g, PAIR_FAILED, k.pair, now_ms, GUARD_WINDOW_MS)) atomic_store(failed, 0);
	note_success(g, PAIR_GOOD, k.pair, now_ms);
	note_success(g, SOURCE_GOOD, k.source, now_ms);
}

bool guard_knows(const struct guard *g, uint64_t now_ms, const struct addr *source)
{
	return look(g, SOURCE_GOOD, keys_of(g, source, STR("")).source, now_ms, KNOWN_FOR_MS) != 0;
}
