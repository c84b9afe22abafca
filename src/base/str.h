// Text as a slice: a pointer and a length, never NUL-terminated, never owned. A parsed message is full of them:
//
//     buffer   I N V I T E   s i p : 6 0 3 ...
//              └── method ─┘ └── uri ────────
//
// NUL-terminated strings live only at the edges (files, system calls, SQL).
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	uint32_t n; // octets
};

// A literal as a slice; also fit for static initialisers through STR_INIT.
#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_INIT(literal) { (literal), sizeof(literal) - 1 }
// For printf: "%.*s", STR_FMT(s)
#define STR_FMT(s) (int)(s).n, (s).n ? (s).p : ""

// Slice of a NUL-terminated string (NULL gives the empty slice).
static inline struct str str_from(const char *z)
{
	return (struct str){ z, z ? (uint32_t)strlen(z) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char ascii_upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

// Equal but for the case of ASCII letters.
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);

static inline bool ascii_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Without spaces, tabs, CR and LF at both ends.
static inline struct str str_trim(struct str s)
{
	while (s.n && ascii_is_space(s.p[0])) s.p++, s.n--;
	while (s.n && ascii_is_space(s.p[s.n - 1])) s.n--;
	return s;
}

// From octet `from` on; empty when that is past the end.
static inline struct str str_from_at(struct str s, uint32_t from)
{
	if (s.n == 0) return s; // p may be NULL, to which nothing may be added
	return from >= s.n ? (struct str){ s.p + s.n, 0 } : (struct str){ s.p + from, s.n - from };
}

// At most the first n octets.
static inline struct str str_head(struct str s, uint32_t n)
{
	return (struct str){ s.p, n < s.n ? n : s.n };
}

// Index of the first c, or -1.
static inline int32_t str_find_char(struct str s, char c)
{
	const char *at = s.n ? (const char *)memchr(s.p, c, s.n) : NULL;
	return at ? (int32_t)(at - s.p) : -1;
}

// Cuts at the first c: returns what stands before it and leaves in *rest what stands after; when there is no c,
// returns all and leaves *rest empty.
struct str str_cut(struct str *rest, char c);

// Decimal number of digits only (no sign, no space), at most max; ERR_BAD when it is empty, not a number or more.
MUST_CHECK enum err str_to_u64(uint64_t *out, struct str s, uint64_t max);
MUST_CHECK enum err str_to_u32(uint32_t *out, struct str s, uint32_t max);

// Copies into a NUL-terminated array of cap octets, cut to fit. Returns false when it had to cut.
bool str_to_z(char *out, size_t cap, struct str s);

// Equal in a time that does not depend on where they differ (for digests and tokens).
bool str_eq_secret(struct str a, struct str b);
