// The arena.
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

enum err arena_init(struct arena *a, uint32_t cap)
{
	*a = (struct arena){ .p = malloc(cap), .cap = cap };
	return a->p ? OK : ERR_FULL;
}

void arena_fini(struct arena *a)
{
	free(a->p);
	*a = (struct arena){ 0 };
}

void *arena_alloc(struct arena *a, size_t size)
{
	uint32_t at = (a->n + 15u) & ~15u;
	if (at > a->cap || size > a->cap - at) return NULL;
	a->n = at + (uint32_t)size;
	return a->p + at;
}

struct str arena_dup(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n);
	if (!p) return (struct str){ "", 0 };
	if (s.n) memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	uint32_t room = a->cap - a->n;
	struct buf b = buf_on(a->p + a->n, room);
	va_start(args, format);
	put_vfmt(&b, format, args);
	va_end(args);
	if (b.err != OK) return (struct str){ "", 0 };
	a->n += b.n;
	return buf_str(&b);
}
