// A hash table from text to objects that carry their own node: no allocation on insert, a bound known at start.
#pragma once

#include "base/random.h"

struct map_node {
	struct map_node *next;
	uint64_t hash;
	struct str key; // borrowed: lives as long as the node is in the map
};

struct map {
	struct map_node **buckets; // owned
	uint32_t mask;
	uint32_t count;
	struct hash_key key;
};

// A table for about `expected` objects (more only make it slower). The key seeds the hash.
MUST_CHECK enum err map_init(struct map *m, uint32_t expected, struct hash_key key);
void map_fini(struct map *m);

struct map_node *map_find(const struct map *m, struct str key);
// The next node of the same key after `node`, or NULL: a table may hold several.
struct map_node *map_find_next(const struct map *m, const struct map_node *node);
void map_add(struct map *m, struct map_node *node, struct str key);
void map_remove(struct map *m, struct map_node *node);
