// The full texts of traced calls: a ring of octets for each worker, the oldest overwritten first. Credentials
// and the keys of media are blotted out before a text is kept.
#pragma once

#include "base/str.h"

#define TRACE_BYTES (4u << 20)
#define TRACE_LINES_MAX 64

struct trace {
	char *bytes;   // owned
	uint32_t next; // where the next text goes, counting on over the ring's end
	uint32_t lines[TRACE_LINES_MAX]; // whose calls are traced; 0: free
};

MUST_CHECK enum err trace_init(struct trace *t);
void trace_fini(struct trace *t);
// Keeps a text; its place, for trace_find.
uint32_t trace_keep(struct trace *t, uint64_t call, struct str text);
// The text at a place, if it is still there and of that call; empty if not. Good until the next trace_keep.
struct str trace_find(const struct trace *t, uint64_t call, uint32_t at);
// All later calls of a line and to it, or no longer. ERR_FULL: TRACE_LINES_MAX are traced.
MUST_CHECK enum err trace_line(struct trace *t, uint32_t line, bool on);
bool trace_has_line(const struct trace *t, uint32_t line);
