// Slices: comparison, cutting, numbers.
#include "base/str.h"

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n) return false;
	for (uint32_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i])) return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_head(s, prefix.n), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq_nocase(str_head(s, prefix.n), prefix);
}

struct str str_cut(struct str *rest, char c)
{
	struct str all = *rest;
	int32_t at = str_find_char(all, c);
	if (at < 0) {
		*rest = str_from_at(all, all.n);
		return all;
	}
	*rest = str_from_at(all, (uint32_t)at + 1);
	return str_head(all, (uint32_t)at);
}

enum err str_to_u64(uint64_t *out, struct str s, uint64_t max)
{
	uint64_t v = 0;
	if (s.n == 0) return ERR_BAD;
	for (uint32_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i])) return ERR_BAD;
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v) || v > max) return ERR_BAD;
	}
	*out = v;
	return OK;
}

enum err str_to_u32(uint32_t *out, struct str s, uint32_t max)
{
	uint64_t v = 0;
	enum err e = str_to_u64(&v, s, max);
	if (e == OK) *out = (uint32_t)v;
	return e;
}

bool str_to_z(char *out, size_t cap, struct str s)
{
	size_t n = s.n < cap ? s.n : cap - 1;
	if (n) memcpy(out, s.p, n);
	out[n] = '\0';
	return n == s.n;
}

bool str_eq_secret(struct str a, struct str b)
{
	if (a.n != b.n) return false;
	unsigned diff = 0;
	for (uint32_t i = 0; i < a.n; i++) diff |= (unsigned)(unsigned char)a.p[i] ^ (unsigned char)b.p[i];
	return diff == 0;
}
