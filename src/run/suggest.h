// "Did you mean": the nearest of the words that would have been right.
#pragma once

#include "base/str.h"

struct suggest {
	struct str word; // what was written
	struct str best; // the nearest so far; empty when none is near
	uint32_t distance;
};

static inline struct suggest suggest_for(struct str word)
{
	return (struct suggest){ .word = word, .distance = UINT32_MAX };
}

// Offers a word that would have been right; it is borrowed. Near is: at most a third of the letters are changed, added,
// left out or swapped with their neighbour, or one begins the other.
void suggest_offer(struct suggest *s, struct str candidate);
