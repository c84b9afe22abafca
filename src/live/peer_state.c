// States of peers: a word each, the time of the last change above two bits of state.
#include "live/peer_state.h"

#include "base/random.h"
#include "office/office.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PEERS_OF_GROUP OFFICE_PEERS_MAX

struct peer_states {
	_Atomic uint64_t *words; // owned
	uint16_t *tags;          // owned: of the addresses that these are the states of; 0 none
	uint32_t groups_max;
};

struct peer_states *peer_states_new(uint32_t trunk_groups_max)
{
	struct peer_states *p = calloc(1, sizeof *p);
	if (!p) return NULL;
	p->groups_max = trunk_groups_max;
	p->words = calloc(((size_t)trunk_groups_max + 1) * PEERS_OF_GROUP, sizeof *p->words);
	p->tags = calloc(((size_t)trunk_groups_max + 1) * PEERS_OF_GROUP, sizeof *p->tags);
	return p->words && p->tags ? p : peer_states_free(p);
}

struct peer_states *peer_states_free(struct peer_states *p)
{
	if (!p) return NULL;
	free(p->words);
	free(p->tags);
	free(p);
	return NULL;
}

static _Atomic uint64_t *word_of(const struct peer_states *p, uint32_t group, uint32_t peer)
{
	return group <= p->groups_max && peer < PEERS_OF_GROUP ? &p->words[(size_t)group * PEERS_OF_GROUP + peer] : NULL;
}

bool peer_state_set(struct peer_states *p, uint32_t group, uint32_t peer, enum peer_state state, uint64_t now_ms)
{
	_Atomic uint64_t *at = word_of(p, group, peer);
	if (!at || (atomic_load(at) & 3) == (uint64_t)state) return false;
	atomic_store(at, now_ms << 2 | (uint64_t)state);
	return true;
}

enum peer_state peer_state_get(const struct peer_states *p, uint32_t group, uint32_t peer, uint64_t *since_ms)
{
	_Atomic uint64_t *at = word_of(p, group, peer);
	uint64_t word = at ? atomic_load(at) : 0;
	if (since_ms) *since_ms = word >> 2;
	return (enum peer_state)(word & 3);
}

uint16_t peer_state_tag(const struct addr *a)
{
	static const struct hash_key key = { { 0x7065657273 } };
	uint16_t tag = (uint16_t)hash_str(&key, (struct str){ (const char *)a, sizeof *a });
	return tag ? tag : 1;
}

void peer_state_is(struct peer_states *p, uint32_t group, uint32_t peer, uint16_t tag)
{
	_Atomic uint64_t *at = word_of(p, group, peer);
	if (!at || p->tags[at - p->words] == tag) return;
	p->tags[at - p->words] = tag;
	atomic_store(at, 0);
}

void peer_state_forget(struct peer_states *p, uint32_t group)
{
	for (uint32_t peer = 0; peer < PEERS_OF_GROUP; peer++) {
		_Atomic uint64_t *at = word_of(p, group, peer);
		if (at) atomic_store(at, 0);
	}
}
