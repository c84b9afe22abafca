// The pieces of SIP's grammar that several headers are made of (RFC 3261 §25.1).
#include "wire/sip/msg_scan.h"

#include "base/addr.h"

uint8_t sip_char_class[256];

static void class_add(int classes, const char *chars)
{
	for (; *chars; chars++) sip_char_class[(unsigned char)*chars] |= (uint8_t)classes;
}

#define ALPHANUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define UNRESERVED ALPHANUM "-_.!~*'()"

// Before main, so that the sets can be read here as the RFC writes them, and need no lock.
__attribute__((constructor)) static void classes_init(void)
{
	class_add(SIP_CHAR_TOKEN, ALPHANUM "-.!%*_+`'~");
	class_add(SIP_CHAR_USER, UNRESERVED "&=+$,;?/" "#"); // '#' is not in the grammar, but on every telephone
	class_add(SIP_CHAR_PASSWORD, UNRESERVED "&=+$,");
	class_add(SIP_CHAR_HOST, ALPHANUM "-._"); // '_': names of DNS that are no host names, seen in practice
	class_add(SIP_CHAR_URI, UNRESERVED "[]/?:;&=+$,");
	class_add(SIP_CHAR_NUMBER, "0123456789ABCDEFabcdef*#-.()");
	// Wider than token and host; but a value may be put between quotes some day, so nothing that would end them.
	for (int c = '!'; c < 256; c++) {
		if (c != 0x7f && !strchr(";,\"\\<>", c)) sip_char_class[c] |= SIP_CHAR_VALUE;
		if (c < 0x7f) sip_char_class[c] |= SIP_CHAR_WORD;
	}
}

bool sip_take_quoted(struct str *rest, struct str *quoted)
{
	if (rest->n == 0 || rest->p[0] != '"') return false;
	for (uint32_t i = 1; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++; // whatever stands there is quoted
		} else if (rest->p[i] == '"') {
			*quoted = sip_take(rest, i + 1);
			return true;
		}
	}
	return false;
}

// "[2001:db8::1]". RFC 3261's grammar lets a third colon stand before an IPv4 address, which RFC 5118 §4.10 wants
// tolerated.
static bool is_ipv6_reference(struct str s)
{
	char text[64];
	struct buf once = buf_on(text, sizeof text);
	struct addr ipv6;
	if (addr_parse(&ipv6, s) == OK) return true;
	for (uint32_t i = 0; i < s.n; i++)
		if (!str_starts(str_from_at(s, i), STR(":::"))) put_c(&once, s.p[i]);
	return once.err == OK && once.n + 1 == s.n && str_find_char(s, '.') >= 0 && addr_parse(&ipv6, buf_str(&once)) == OK;
}

bool sip_take_host(struct str *rest, struct str *host)
{
	uint32_t n;
	if (rest->n && rest->p[0] == '[') {
		int32_t end = str_find_char(*rest, ']');
		if (end < 0) return false;
		n = (uint32_t)end + 1;
		if (!is_ipv6_reference(str_head(*rest, n))) return false;
	} else {
		n = sip_span(*rest, SIP_CHAR_HOST);
	}
	if (n == 0) return false;
	*host = sip_take(rest, n);
	return true;
}

bool sip_take_port(struct str *rest, uint16_t *port)
{
	uint32_t n = 0, number;
	while (n < rest->n && ascii_is_digit(rest->p[n])) n++;
	if (str_to_u32(&number, str_head(*rest, n), 65535) != OK || number == 0) return false;
	*port = (uint16_t)number;
	sip_take(rest, n);
	return true;
}

static int hex_digit(char c)
{
	if (ascii_is_digit(c)) return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sip_hex_octet(const char digits[2])
{
	int high = hex_digit(digits[0]), low = hex_digit(digits[1]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

uint32_t sip_span_escaped(struct str s, unsigned classes)
{
	uint32_t n = 0;
	for (;; n += 3) {
		n += sip_span(str_from_at(s, n), classes);
		if (s.n - n < 3 || s.p[n] != '%' || sip_hex_octet(s.p + n + 1) < 0) return n;
	}
}

enum parse sip_take_param(struct str *rest, struct str *name, struct str *value)
{
	struct str s = *rest;
	uint32_t n = 0;
	*value = (struct str){ "", 0 };
	sip_take_space(&s);
	if (s.n == 0) return PARSE_MORE;
	if (!sip_take_mark(&s, ';')) return PARSE_BAD;
	while (n < s.n && s.p[n] != '=' && sip_char_is(s.p[n], SIP_CHAR_VALUE)) n++;
	if (n == 0) return PARSE_BAD;
	*name = sip_take(&s, n);
	if (sip_take_mark(&s, '=')) {
		if (s.n && s.p[0] == '"') {
			if (!sip_take_quoted(&s, value)) return PARSE_BAD;
		} else {
			*value = sip_take(&s, sip_span(s, SIP_CHAR_VALUE));
		}
	}
	*rest = s;
	return PARSE_OK;
}

struct str sip_without_quotes(struct str s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"') return s;
	return (struct str){ s.p + 1, s.n - 2 };
}

// Length of what stands before the comma that ends the first value.
static uint32_t value_len(struct str s)
{
	struct str rest = s, quoted;
	while (rest.n && rest.p[0] != ',') {
		if (rest.p[0] == '"') {
			if (!sip_take_quoted(&rest, &quoted)) return s.n; // it never ends: all is one value
		} else if (rest.p[0] == '<') {
			int32_t end = str_find_char(rest, '>');
			if (end < 0) return s.n;
			sip_take(&rest, (uint32_t)end + 1);
		} else {
			sip_take(&rest, 1);
		}
	}
	return s.n - rest.n;
}

struct str sip_take_value(struct str *rest)
{
	uint32_t n = str_find_char(*rest, ',') < 0 ? rest->n : value_len(*rest); // mostly there is but one
	struct str value = sip_take(rest, n);
	if (rest->n) sip_take(rest, 1); // the comma
	return str_trim(value);
}
