// An index from text to rows that any thread searches without a lock while one thread changes it: open addressing, each
// slot an atomic pointer. A search follows the slots from the key's hash on until an empty one:
//
//     slots   [ . ][ a ][ b ][ x ][ c ][ . ]      x: a grave, where a row was; passed over, taken again by a new row
//
// Growing copies the pointers into a larger array and swaps it; searches under way finish in the old one (RCU).
// Half the slots at least are empty, hence 16 to 32 octets a row. Keys are the operator's words, not the network's:
// nobody can add colliding ones from outside, so the hash needs no secret.
#pragma once

#include "base/str.h"

#include <stdatomic.h>

struct table_node { // first in each row
	uint64_t hash;
	struct str key; // borrowed from the row that holds the node
};

struct table {
	_Atomic(struct table_slots *) slots; // owned
	uint32_t count;                      // rows
	uint32_t used;                       // slots that are not empty: rows and graves
};

MUST_CHECK enum err table_init(struct table *t);
// Frees the index, not the rows. No reader may be left.
void table_fini(struct table *t);

struct table_node *table_find(const struct table *t, struct str key);
// Makes room for one more row: the next table_put cannot fail.
MUST_CHECK enum err table_reserve(struct table *t);
// Adds a row, or puts it in the place of the one with its key, which is returned (else NULL): the caller defers its
// end. There must be room.
struct table_node *table_put(struct table *t, struct table_node *node, struct str key);
// Takes a row out and returns it, for the caller to defer its end; NULL when there is none.
struct table_node *table_remove(struct table *t, struct str key);
// The first row in or after slot *at, which is advanced; NULL at the end. For the writer only.
struct table_node *table_each(const struct table *t, uint32_t *at);
