// Telephone numbers in URIs (RFC 3966): the tel scheme, and the same in the user part of a sip URI (RFC 3261 §19.1.6).
#include "wire/sip/msg.h"
#include "wire/sip/msg_scan.h"

#define SHORT_CODE_MAX 6 // digits of a number that no context completes: 911, 411, an extension

static uint32_t digits_in(struct str s, bool local)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		n += ascii_is_digit(c) || (local && (c == '*' || c == '#' || (c >= 'a' && c <= 'f')));
	}
	return n;
}

// '+' and digits with separators among them.
static bool is_global(struct str s)
{
	if (s.n == 0 || s.p[0] != '+') return false;
	for (uint32_t i = 1; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]) && !memchr("-.()", s.p[i], 4)) return false;
	return digits_in(s, false) > 0;
}

// Each of the three that say what the number is may stand once (RFC 3966 §3).
static bool params_are_good(struct str params)
{
	static const struct str once[] = { STR_INIT("phone-context"), STR_INIT("isub"), STR_INIT("ext") };
	bool seen[ARRAY_LEN(once)] = { false };
	while (params.n) {
		sip_take(&params, 1); // the ';'
		int32_t end = str_find_char(params, ';');
		struct str value = sip_take(&params, end < 0 ? params.n : (uint32_t)end), name = str_cut(&value, '=');
		if (name.n == 0 || !sip_all(name, SIP_CHAR_HOST)) return false;
		for (uint32_t i = 0; i < ARRAY_LEN(once); i++) {
			if (!str_eq_nocase(name, once[i])) continue;
			if (seen[i] || value.n == 0) return false;
			if (i == 0 && value.p[0] == '+' && !is_global(value)) return false;
			seen[i] = true;
		}
	}
	return true;
}

enum parse sip_tel_parse(struct sip_uri *uri, struct str rest)
{
	uint32_t plus = rest.p[0] == '+', span = sip_span(str_from_at(rest, plus), SIP_CHAR_NUMBER);
	uri->user = sip_take(&rest, plus + span);
	uri->params = rest;
	if (rest.n && (rest.p[0] != ';' || sip_span_escaped(rest, SIP_CHAR_URI) != rest.n)) return PARSE_BAD;
	if (plus ? !is_global(uri->user) : digits_in(uri->user, true) == 0) return PARSE_BAD;
	return params_are_good(rest) ? PARSE_OK : PARSE_BAD;
}

struct str sip_number(struct arena *arena, const struct sip_uri *uri)
{
	struct str params = uri->params, user = sip_unescape(arena, uri->user), context;
	if (uri->host.n) { // of a sip URI they stand in the user part
		int32_t end = str_find_char(user, ';');
		params = end < 0 ? STR("") : str_from_at(user, (uint32_t)end);
		if (end >= 0) user = str_head(user, (uint32_t)end);
	}
	if (user.n == 0 || user.p[0] == '+' || digits_in(user, false) <= SHORT_CODE_MAX) return user;
	if (!sip_param(&context, params, STR("phone-context")) || !is_global(context)) return user;
	return arena_printf(arena, "%.*s%.*s", STR_FMT(context), STR_FMT(user));
}
