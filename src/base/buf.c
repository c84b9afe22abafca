// The bounded writer.
#include "base/buf.h"

#include <stdio.h>

void put(struct buf *b, struct str s)
{
	if (b->err != OK) return;
	if (s.n > b->cap - b->n) {
		b->err = ERR_FULL;
		return;
	}
	if (s.n) memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void put_c(struct buf *b, char c)
{
	put(b, (struct str){ &c, 1 });
}

void put_z(struct buf *b, const char *z)
{
	put(b, str_from(z));
}

void put_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	uint32_t at = sizeof digits;
	do digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	put(b, (struct str){ digits + at, (uint32_t)sizeof digits - at });
}

void put_hex(struct buf *b, uint64_t v, uint32_t digits)
{
	char text[16];
	if (digits > sizeof text) digits = sizeof text;
	for (uint32_t i = digits; i-- > 0; v >>= 4) text[i] = "0123456789abcdef"[v & 15];
	put(b, (struct str){ text, digits });
}

void put_vfmt(struct buf *b, const char *format, va_list args)
{
	if (b->err != OK) return;
	// vsnprintf wants room for a NUL that we do not keep: format beside, when the buffer ends too near.
	char beside[1024];
	uint32_t room = b->cap - b->n;
	char *at = room > sizeof beside ? b->p + b->n : beside;
	uint32_t cap = room > sizeof beside ? room : sizeof beside;
	int n = vsnprintf(at, cap, format, args);
	if (n < 0 || (uint32_t)n > room || (uint32_t)n >= cap) {
		b->err = ERR_FULL;
		return;
	}
	if (at == beside) put(b, (struct str){ beside, (uint32_t)n });
	else b->n += (uint32_t)n;
}

void put_fmt(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	put_vfmt(b, format, args);
	va_end(args);
}

uint32_t utf8_len(struct str s)
{
	const unsigned char *u = (const unsigned char *)s.p;
	uint32_t n = 0;
	if (u[0] < 0x80) n = 1;
	else if (u[0] >= 0xC2 && u[0] <= 0xDF) n = 2;
	else if ((u[0] & 0xF0) == 0xE0) n = 3;
	else if (u[0] >= 0xF0 && u[0] <= 0xF4) n = 4;
	if (n == 0 || n > s.n) return 0;
	for (uint32_t i = 1; i < n; i++)
		if ((u[i] & 0xC0) != 0x80) return 0;
	if (u[0] == 0xE0 && u[1] < 0xA0) return 0; // overlong
	if (u[0] == 0xED && u[1] > 0x9F) return 0; // surrogate
	if (u[0] == 0xF0 && u[1] < 0x90) return 0; // overlong
	if (u[0] == 0xF4 && u[1] > 0x8F) return 0; // past U+10FFFF
	return n;
}

void put_json(struct buf *b, struct str s)
{
	while (s.n) {
		unsigned char c = (unsigned char)s.p[0];
		uint32_t n = utf8_len(s);
		if (c == '"' || c == '\\') {
			put_c(b, '\\');
			put_c(b, (char)c);
		} else if (c < 0x20 || c == 0x7F || n == 0) {
			put_z(b, "\\u00");
			put_hex(b, c, 2);
		} else if (c == 0xC2 && (unsigned char)s.p[1] < 0xA0) { // U+0080 to U+009F: a terminal may obey them
			put_z(b, "\\u00");
			put_hex(b, (unsigned char)s.p[1], 2);
		} else {
			put(b, str_head(s, n));
		}
		s = str_from_at(s, n ? n : 1);
	}
}
