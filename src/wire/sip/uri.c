// URIs (RFC 3261 §19.1): decoding, escapes, equality.
#include "wire/sip/msg.h"
#include "wire/sip/msg_scan.h"

// The part between scheme and host, when an '@' ends it. An empty user is let pass: phones send it for "no digits".
static bool take_userinfo(struct sip_uri *uri, struct str *rest)
{
	int32_t at = str_find_char(*rest, '@');
	if (at < 0) return true;
	struct str info = sip_take(rest, (uint32_t)at);
	sip_take(rest, 1);
	uri->user = sip_take(&info, sip_span_escaped(info, SIP_CHAR_USER));
	if (info.n && info.p[0] == ':') {
		sip_take(&info, 1);
		uri->password = sip_take(&info, sip_span_escaped(info, SIP_CHAR_PASSWORD));
	}
	return info.n == 0;
}

static enum parse parse_sip(struct sip_uri *uri, struct str rest)
{
	if (!take_userinfo(uri, &rest)) return PARSE_BAD;
	if (!sip_take_host(&rest, &uri->host)) return PARSE_BAD;
	if (rest.n && rest.p[0] == ':') {
		sip_take(&rest, 1);
		if (!sip_take_port(&rest, &uri->port)) return PARSE_BAD;
	}
	if (rest.n == 0) return PARSE_OK;
	if ((rest.p[0] != ';' && rest.p[0] != '?') || sip_span_escaped(rest, SIP_CHAR_URI) != rest.n) return PARSE_BAD;
	uri->headers = rest;
	uri->params = str_cut(&uri->headers, '?');
	return PARSE_OK;
}

// ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
static bool scheme_is_well_formed(struct str scheme)
{
	for (uint32_t i = 0; i < scheme.n; i++) {
		char c = ascii_lower(scheme.p[i]);
		bool inner = ascii_is_digit(c) || c == '+' || c == '-' || c == '.';
		if (!(c >= 'a' && c <= 'z') && (i == 0 || !inner)) return false;
	}
	return scheme.n > 0;
}

enum parse sip_uri_parse(struct sip_uri *out, struct str text)
{
	struct str rest = text, scheme = str_cut(&rest, ':');
	*out = (struct sip_uri){ .text = text, .scheme = scheme };
	if (text.n > SIP_URI_MAX || rest.n == 0 || !scheme_is_well_formed(scheme)) return PARSE_BAD;
	if (str_eq_nocase(scheme, STR("sip")) || str_eq_nocase(scheme, STR("sips"))) return parse_sip(out, rest);
	if (str_eq_nocase(scheme, STR("tel"))) return sip_tel_parse(out, rest);
	return sip_all(rest, SIP_CHAR_URI | SIP_CHAR_VALUE) ? PARSE_OK : PARSE_BAD;
}

struct str sip_unescape(struct arena *arena, struct str escaped)
{
	if (str_find_char(escaped, '%') < 0) return escaped;
	char *plain = arena_alloc(arena, escaped.n);
	uint32_t n = 0;
	if (!plain) return (struct str){ "", 0 };
	for (uint32_t i = 0; i < escaped.n; i++) {
		int octet = escaped.p[i] == '%' && escaped.n - i >= 3 ? sip_hex_octet(escaped.p + i + 1) : -1;
		plain[n++] = octet < 0 ? escaped.p[i] : (char)octet;
		if (octet >= 0) i += 2;
	}
	return (struct str){ plain, n };
}

// The next character, with an escape made plain, unless it stands for a reserved one: then 256 more, since "%40" is not
// "@" (RFC 3261 §19.1.4).
static int take_unit(struct str *s)
{
	int octet = s->p[0] == '%' && s->n >= 3 ? sip_hex_octet(s->p + 1) : -1;
	if (octet < 0) return (unsigned char)sip_take(s, 1).p[0];
	sip_take(s, 3);
	return octet && octet < 128 && strchr(";/?:@&=+$,", octet) ? octet + 256 : octet;
}

static bool same_text(struct str a, struct str b, bool any_case)
{
	while (a.n && b.n) {
		int x = take_unit(&a), y = take_unit(&b);
		if (x != y && !(any_case && x < 128 && y < 128 && ascii_lower((char)x) == ascii_lower((char)y))) return false;
	}
	return a.n == 0 && b.n == 0;
}

static bool find_param(struct str params, struct str name, struct str *value)
{
	struct str other;
	while (sip_take_param(&params, &other, value) == PARSE_OK)
		if (same_text(name, other, true)) return true;
	return false;
}

// Each parameter of a fits b: equal where both have it; some may not be missing (RFC 3261 §19.1.4).
static bool params_fit(struct str a, struct str b)
{
	static const struct str always[] = { STR_INIT("user"), STR_INIT("ttl"), STR_INIT("method"), STR_INIT("maddr"),
		                                 STR_INIT("transport") };
	struct str name, value, other;
	while (sip_take_param(&a, &name, &value) == PARSE_OK) {
		if (find_param(b, name, &other)) {
			if (!same_text(value, other, true)) return false;
			continue;
		}
		for (uint32_t i = 0; i < ARRAY_LEN(always); i++)
			if (str_eq_nocase(name, always[i])) return false;
	}
	return true;
}

// Each header of a stands in b with the same value.
static bool headers_fit(struct str a, struct str b)
{
	while (a.n) {
		struct str one = str_cut(&a, '&'), rest = b;
		bool found = false;
		while (rest.n && !found) found = same_text(one, str_cut(&rest, '&'), true);
		if (!found) return false;
	}
	return true;
}

// RFC 3966 §5: visual separators do not count.
static bool same_number(struct str a, struct str b)
{
	for (;;) {
		while (a.n && strchr("-.()", a.p[0])) sip_take(&a, 1);
		while (b.n && strchr("-.()", b.p[0])) sip_take(&b, 1);
		if (a.n == 0 || b.n == 0) return a.n == b.n;
		if (ascii_lower(sip_take(&a, 1).p[0]) != ascii_lower(sip_take(&b, 1).p[0])) return false;
	}
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	if (!str_eq_nocase(a->scheme, b->scheme)) return false;
	if (str_eq_nocase(a->scheme, STR("tel")))
		return same_number(a->user, b->user) && params_fit(a->params, b->params) && params_fit(b->params, a->params);
	if (a->host.n == 0) return str_eq(a->text, b->text);
	return same_text(a->user, b->user, false) && same_text(a->password, b->password, false) &&
	       str_eq_nocase(a->host, b->host) && a->port == b->port && params_fit(a->params, b->params) &&
	       params_fit(b->params, a->params) && headers_fit(a->headers, b->headers) &&
	       headers_fit(b->headers, a->headers);
}
