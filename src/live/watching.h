// Which lines are watched, and how much each watches: counters that all workers read and the home workers of watched
// lines write, so that a call of a line that nobody watches tells nobody of it, and no line fills the pools alone.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define WATCHES_MAX 500  // subscriptions that one line may have
#define WATCHERS_MAX 500 // ... and that may be to one

struct watching;

// For lines 1 to lines_max. NULL: no memory.
struct watching *watching_new(uint32_t lines_max);
struct watching *watching_free(struct watching *w);

struct watch {
	uint32_t watcher, watched; // lines
	bool calls;                // what is watched are its calls
};
// A subscription begins: false when one of the lines has its most, or its number is too large; then nothing changed.
bool watching_begin(struct watching *w, const struct watch *it);
// ... and ends.
void watching_end(struct watching *w, const struct watch *it);

// Does anybody watch the calls of this line?
bool watching_calls(const struct watching *w, uint32_t line);
// Does anybody watch the calls of any?
bool watching_any_calls(const struct watching *w);
