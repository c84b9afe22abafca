// The single values of headers: addresses, Via, CSeq, parameters (RFC 3261 §20).
#include "wire/sip/msg.h"
#include "wire/sip/msg_scan.h"

bool sip_param(struct str *value, struct str params, struct str name)
{
	struct str other, raw;
	while (sip_take_param(&params, &other, &raw) == PARSE_OK) {
		if (!str_eq_nocase(other, name)) continue;
		*value = sip_without_quotes(raw);
		return true;
	}
	return false;
}

struct str sip_unquote(struct arena *arena, struct str quoted)
{
	if (str_find_char(quoted, '\\') < 0) return quoted;
	char *plain = arena_alloc(arena, quoted.n);
	uint32_t n = 0;
	if (!plain) return (struct str){ "", 0 };
	for (uint32_t i = 0; i < quoted.n; i++) {
		if (quoted.p[i] == '\\' && i + 1 < quoted.n) i++;
		plain[n++] = quoted.p[i];
	}
	return (struct str){ plain, n };
}

// The display name before a '<', quoted or in plain words. The words may hold more than the grammar allows, as
// RFC 4475 §3.1.2.15 permits; where a ':' or ';' comes first, it is no display name but a URI without brackets.
static enum parse take_display(struct str *rest, struct str *display)
{
	if (rest->n && rest->p[0] == '"') {
		struct str quoted;
		if (!sip_take_quoted(rest, &quoted)) return PARSE_BAD;
		*display = sip_without_quotes(quoted);
		sip_take_space(rest);
		return rest->n && rest->p[0] == '<' ? PARSE_OK : PARSE_BAD;
	}
	for (uint32_t i = 0; i < rest->n; i++) {
		char c = rest->p[i];
		if (c == '<') {
			*display = str_trim(sip_take(rest, i));
			return PARSE_OK;
		}
		if (c == ':' || c == ';' || c == '"') break;
	}
	return PARSE_MORE; // no bracket
}

// All parameters are well formed; gives the tag.
static enum parse check_params(struct str params, struct str *tag)
{
	struct str name, value;
	enum parse p;
	while ((p = sip_take_param(&params, &name, &value)) == PARSE_OK)
		if (tag->n == 0 && str_eq_nocase(name, STR("tag"))) *tag = value;
	return p == PARSE_MORE ? PARSE_OK : PARSE_BAD;
}

enum parse sip_name_addr_parse(struct sip_name_addr *out, struct str text)
{
	struct str rest = str_trim(text), uri;
	*out = (struct sip_name_addr){ 0 };
	if (str_eq(rest, STR("*"))) {
		out->star = true;
		return PARSE_OK;
	}
	enum parse bracket = take_display(&rest, &out->display);
	if (bracket == PARSE_BAD) return PARSE_BAD;
	if (bracket == PARSE_OK) {
		int32_t end = str_find_char(rest, '>');
		if (end < 0) return PARSE_BAD;
		uri = str_head(str_from_at(rest, 1), (uint32_t)end - 1);
		sip_take(&rest, (uint32_t)end + 1);
	} else {
		// Without brackets whatever follows a ';' belongs to the header, and '?' and ',' may not stand (§20).
		int32_t end = str_find_char(rest, ';');
		uri = str_trim(sip_take(&rest, end < 0 ? rest.n : (uint32_t)end));
		if (str_find_char(uri, '?') >= 0 || str_find_char(uri, ',') >= 0) return PARSE_BAD;
	}
	out->params = str_trim(rest);
	if (sip_uri_parse(&out->uri, uri) != PARSE_OK) return PARSE_BAD;
	return check_params(out->params, &out->tag);
}

// "SIP / 2.0 / UDP"; whether it is of our version is told apart, since a 505 has to find its way back.
static bool take_protocol(struct str *rest, struct str *transport, bool *ours)
{
	struct str name = sip_take(rest, sip_span(*rest, SIP_CHAR_TOKEN));
	if (!str_eq_nocase(name, STR("SIP")) || !sip_take_mark(rest, '/')) return false;
	*ours = str_eq(sip_take(rest, sip_span(*rest, SIP_CHAR_TOKEN)), STR("2.0"));
	if (!sip_take_mark(rest, '/')) return false;
	*transport = sip_take(rest, sip_span(*rest, SIP_CHAR_TOKEN));
	return transport->n > 0;
}

static enum parse take_via_params(struct sip_via *via)
{
	struct str rest = via->params, name, value;
	enum parse p;
	while ((p = sip_take_param(&rest, &name, &value)) == PARSE_OK) {
		if (via->branch.n == 0 && str_eq_nocase(name, STR("branch"))) {
			via->branch = value;
		} else if (str_eq_nocase(name, STR("received"))) {
			via->received = value;
		} else if (str_eq_nocase(name, STR("rport"))) {
			if (value.n == 0) via->rport_asked = true;
			else if (!sip_take_port(&value, &via->rport) || value.n) return PARSE_BAD;
		}
	}
	return p == PARSE_MORE ? PARSE_OK : PARSE_BAD;
}

enum parse sip_via_parse(struct sip_via *out, struct str text)
{
	struct str rest = str_trim(text);
	bool ours = false;
	*out = (struct sip_via){ .text = rest, .params = { rest.p + rest.n, 0 } };
	if (!take_protocol(&rest, &out->transport, &ours) || !sip_take_space(&rest)) return PARSE_BAD;
	if (!sip_take_host(&rest, &out->host)) return PARSE_BAD;
	if (sip_take_mark(&rest, ':') && !sip_take_port(&rest, &out->port)) return PARSE_BAD;
	sip_take_space(&rest);
	out->params = rest;
	return take_via_params(out) == PARSE_OK && ours ? PARSE_OK : PARSE_BAD;
}

enum parse sip_cseq_parse(struct sip_cseq *out, struct str text)
{
	struct str rest = str_trim(text);
	*out = (struct sip_cseq){ 0 };
	uint32_t n = 0;
	while (n < rest.n && ascii_is_digit(rest.p[n])) n++;
	if (str_to_u32(&out->number, sip_take(&rest, n), INT32_MAX) != OK || !sip_take_space(&rest)) return PARSE_BAD;
	if (rest.n == 0 || !sip_all(rest, SIP_CHAR_TOKEN)) return PARSE_BAD;
	out->method_name = rest;
	out->method = sip_method_from(rest);
	return PARSE_OK;
}

// OF RAW OCTETS

struct str sip_raw_header(struct str bytes, struct str name, char compact)
{
	struct str rest = bytes;
	str_cut(&rest, '\n');
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		if (line.n == 0 || line.p[0] == '\r') break;
		bool is_short = line.n > 1 && ascii_lower(line.p[0]) == compact && (line.p[1] == ':' || line.p[1] == ' ');
		if (!is_short && !str_starts_nocase(line, name)) continue;
		struct str before = str_trim(str_cut(&line, ':'));
		if (!is_short && before.n != name.n) continue;
		while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t')) { // it goes on in the next line
			struct str more = str_cut(&rest, '\n');
			line.n = (uint32_t)(more.p + more.n - line.p);
		}
		return str_trim(line);
	}
	return (struct str){ "", 0 };
}

struct str sip_raw_branch(struct str bytes)
{
	struct str via = sip_raw_header(bytes, STR("Via"), 'v'), branch = { "", 0 };
	int32_t at = str_find_char(via, ';');
	if (at < 0 || !sip_param(&branch, str_from_at(via, (uint32_t)at), STR("branch")) || !branch.n) return STR("");
	return branch.p + branch.n < bytes.p + bytes.n ? branch : STR(""); // at the end there may have been more of it
}
