// What the decoders of URIs and headers share: classes of characters, and the pieces that several of them are made of.
// The take_ functions cut a piece off the front of *rest; on failure they leave *rest as it was.
#pragma once

#include "base/str.h"

enum sip_char_class {
	SIP_CHAR_TOKEN = 1,    // RFC 3261 §25.1 token
	SIP_CHAR_USER = 2,     // user of a URI, but for escapes
	SIP_CHAR_PASSWORD = 4, // password of a URI, likewise
	SIP_CHAR_HOST = 8,     // host name or IPv4 address
	SIP_CHAR_URI = 16,     // parameters and headers of a URI, likewise
	SIP_CHAR_NUMBER = 32,  // telephone number of a tel URI: digits, pauses and visual separators
	SIP_CHAR_VALUE = 64,   // value of a header parameter that is not quoted
	SIP_CHAR_WORD = 128,   // Call-ID: what can be seen, of ASCII
};
extern uint8_t sip_char_class[256]; // filled before main

// Of one of the classes, which may be joined by '|'.
static inline bool sip_char_is(char c, unsigned classes)
{
	return sip_char_class[(unsigned char)c] & classes;
}

// The small ones are inline: a message is taken apart by some hundred calls of them.

// How many octets at the front are of the classes.
static inline uint32_t sip_span(struct str s, unsigned classes)
{
	const char *p = s.p;
	if (s.n == 0) return 0;
	for (const char *end = p + s.n; p != end && sip_char_is(*p, classes);) p++;
	return (uint32_t)(p - s.p);
}

static inline bool sip_all(struct str s, unsigned classes)
{
	return sip_span(s, classes) == s.n;
}

// Takes n octets, of which there are so many.
static inline struct str sip_take(struct str *rest, uint32_t n)
{
	struct str taken = { rest->p, n };
	if (n) rest->p += n, rest->n -= n;
	return taken;
}

// Takes spaces and tabs; says whether there were any.
static inline bool sip_take_space(struct str *rest)
{
	uint32_t n = 0;
	while (n < rest->n && (rest->p[n] == ' ' || rest->p[n] == '\t')) n++;
	sip_take(rest, n);
	return n > 0;
}

// Takes one character, with the white space around it.
static inline bool sip_take_mark(struct str *rest, char mark)
{
	struct str s = *rest;
	sip_take_space(&s);
	if (s.n == 0 || s.p[0] != mark) return false;
	sip_take(&s, 1);
	sip_take_space(&s);
	*rest = s;
	return true;
}

// Takes a quoted string (RFC 3261 §25.1), quotes included; false when it is none or does not end.
bool sip_take_quoted(struct str *rest, struct str *quoted);
// Takes a host: a name, an IPv4 address, or an IPv6 one in brackets, which must be one.
bool sip_take_host(struct str *rest, struct str *host);
// Takes a port, 1 to 65535.
bool sip_take_port(struct str *rest, uint16_t *port);
// How many octets at the front are of the classes, or escapes: '%' and two hexadecimal digits.
uint32_t sip_span_escaped(struct str s, unsigned classes);
// The octet of two hexadecimal digits, or -1.
int sip_hex_octet(const char digits[2]);

// Takes the next ";name=value" of a list of parameters: PARSE_MORE at the end of the list, PARSE_BAD when it is not
// one. The value keeps its quotes.
enum parse sip_take_param(struct str *rest, struct str *name, struct str *value);
// A value without the quotes around it; what is not quoted stays.
struct str sip_without_quotes(struct str s);
// Takes the next value of a comma list, trimmed, perhaps empty; commas within quotes and angle brackets are its own.
struct str sip_take_value(struct str *rest);
// What stands after "tel:", into user and params. Local numbers may lack the phone-context that RFC 3966 §3 wants: many
// telephones leave it out.
struct sip_uri;
enum parse sip_tel_parse(struct sip_uri *uri, struct str rest);
