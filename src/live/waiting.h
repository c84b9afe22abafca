// Messages that wait in each line's mailbox (RFC 3842): one word a line, set by whoever learns of them (the API, a
// voicemail trunk), read by all; saved over a restart by the control thread.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define WAITING_MOST 16383 // of one count

struct waiting {
	uint16_t fresh, old;               // messages: not heard yet, heard
	uint16_t fresh_urgent, old_urgent; // of them
};

struct waiting_table;

// For lines 1 to lines_max. NULL: no memory.
struct waiting_table *waiting_new(uint32_t lines_max);
struct waiting_table *waiting_free(struct waiting_table *t);

struct waiting waiting_get(const struct waiting_table *t, uint32_t line);
// True when this is a change. Counts above WAITING_MOST stand as that; urgent ones are at most all.
bool waiting_set(struct waiting_table *t, uint32_t line, struct waiting w);
// The lines that changed since they were last given out here: for the one thread that saves them. Start each round with
// *line = 0; false at its end.
bool waiting_next_changed(struct waiting_table *t, uint32_t *line);
// Marks it as changed again, when it could not be saved.
void waiting_mark_changed(struct waiting_table *t, uint32_t line);
