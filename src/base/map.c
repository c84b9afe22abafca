// The hash table: chains.
#include "base/map.h"

#include <stdlib.h>

enum err map_init(struct map *m, uint32_t expected, struct hash_key key)
{
	uint32_t size = 16;
	while (size < expected && size < 1u << 30) size *= 2;
	*m = (struct map){ .mask = size - 1, .key = key, .buckets = calloc(size, sizeof *m->buckets) };
	return m->buckets ? OK : ERR_FULL;
}

void map_fini(struct map *m)
{
	free(m->buckets);
	*m = (struct map){ 0 };
}

static struct map_node *same_key(struct map_node *node, uint64_t hash, struct str key)
{
	while (node && (node->hash != hash || !str_eq(node->key, key))) node = node->next;
	return node;
}

struct map_node *map_find(const struct map *m, struct str key)
{
	uint64_t hash = hash_str(&m->key, key);
	return same_key(m->buckets[hash & m->mask], hash, key);
}

struct map_node *map_find_next(const struct map *m, const struct map_node *node)
{
	(void)m;
	return same_key(node->next, node->hash, node->key);
}

void map_add(struct map *m, struct map_node *node, struct str key)
{
	node->key = key;
	node->hash = hash_str(&m->key, key);
	struct map_node **bucket = &m->buckets[node->hash & m->mask];
	node->next = *bucket;
	*bucket = node;
	m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
	struct map_node **at = &m->buckets[node->hash & m->mask];
	while (*at && *at != node) at = &(*at)->next;
	if (!*at) return;
	*at = node->next;
	node->next = NULL;
	m->count--;
}
