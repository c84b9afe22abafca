// A writer into a bounded buffer. The first thing that does not fit sets a sticky error, which is tested once at the
// end; what was written until then stays whole.
#pragma once

#include "base/str.h"

#include <stdarg.h>

struct buf {
	char *p;      // borrowed
	uint32_t n;   // octets written
	uint32_t cap; // octets there are
	enum err err; // OK or ERR_FULL
};

static inline struct buf buf_on(void *memory, uint32_t cap)
{
	return (struct buf){ .p = memory, .cap = cap };
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

void put(struct buf *b, struct str s);
void put_c(struct buf *b, char c);
void put_z(struct buf *b, const char *z);
// Decimal.
void put_u64(struct buf *b, uint64_t v);
// Lower-case hexadecimal of exactly `digits` digits (at most 16).
void put_hex(struct buf *b, uint64_t v, uint32_t digits);
void put_fmt(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void put_vfmt(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
// Octets of the valid UTF-8 sequence that starts s (which is not empty), or 0.
uint32_t utf8_len(struct str s);
// Text inside a JSON string: quotes, backslashes, control octets and octets that are no UTF-8 are escaped.
void put_json(struct buf *b, struct str s);
