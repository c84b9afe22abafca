// Our own registrations with carriers: which trunk groups stand registered, until when. Set by the worker that
// registers a group, read by all.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum trunk_registered_state {
	REGISTERED_NOT,     // it registers with nobody
	REGISTERED_ASKING,  // for the first time, or anew
	REGISTERED_UP,
	REGISTERED_REFUSED, // or unanswered, by all its peers: it will be asked again
};

struct trunk_registered {
	uint8_t state;   // enum trunk_registered_state
	uint16_t status; // of the last refusal; 0: no answer, or none yet
	uint64_t at_ms;  // monotonic: UP ends then; REFUSED: asked again then
};

struct trunk_registered_table;
struct trunk_registered_table *trunk_registered_new(uint32_t trunk_groups_max);
struct trunk_registered_table *trunk_registered_free(struct trunk_registered_table *t);
void trunk_registered_put(struct trunk_registered_table *t, uint32_t group, const struct trunk_registered *r);
struct trunk_registered trunk_registered_get(const struct trunk_registered_table *t, uint32_t group);
