// The index pass over a message, and the look-ups in the index.
//
// A line that is malformed is not indexed, and the pass goes on: so a 400 can be written from the lines that are good,
// and what is copied into it holds no stray control character.
#include "wire/sip/msg.h"
#include "wire/sip/header_names.h"
#include "wire/sip/msg_scan.h"

struct reader {
	struct sip_msg *m;
	struct str in;
	uint32_t at; // octet that is read next
	bool has_nul;
	struct arena *arena;
	struct sip_fault fault; // the first one; why is NULL while there is none
	uint8_t last[SIP_H_COUNT]; // index + 1 of the last header of an id
};

static void blame(struct reader *r, uint16_t status, uint32_t at, const char *why)
{
	if (!r->fault.why) r->fault = (struct sip_fault){ .status = status, .at = at, .why = why };
}

// Where a piece of the datagram begins.
static uint32_t octet_of(const struct reader *r, struct str piece)
{
	return (uint32_t)(piece.p - r->in.p);
}

// LINES.
enum line { LINE_OK, LINE_BAD, LINE_UNENDED };

// No CR stands for nothing, and no NUL but after a backslash, for a quoted string may hold that (RFC 4475 §3.1.1.2).
static bool is_clean(const struct reader *r, struct str line)
{
	if (str_find_char(line, '\r') >= 0) return false;
	if (!r->has_nul) return true;
	for (uint32_t i = 0; i < line.n; i++)
		if (line.p[i] == '\0' && (i == 0 || line.p[i - 1] != '\\')) return false;
	return true;
}

// Takes a line without its end, CRLF or LF.
static enum line take_line(struct reader *r, struct str *line)
{
	uint32_t at = r->at;
	struct str rest = str_from_at(r->in, at);
	int32_t end = str_find_char(rest, '\n');
	r->at = end < 0 ? r->in.n : at + (uint32_t)end + 1;
	if (end < 0) return LINE_UNENDED;
	*line = str_head(rest, (uint32_t)end);
	if (line->n && line->p[line->n - 1] == '\r') line->n--;
	if (is_clean(r, *line)) return LINE_OK;
	blame(r, 400, at, "Stray Control Character");
	return LINE_BAD;
}

static bool at_fold(const struct reader *r)
{
	return r->at < r->in.n && (r->in.p[r->at] == ' ' || r->in.p[r->at] == '\t');
}

// Joins a value with the lines that continue it, each fold made one space (RFC 3261 §7.3.1).
static enum line unfold(struct reader *r, struct str *value)
{
	struct str line = str_trim(*value);
	enum line found = LINE_OK;
	char *joined = r->arena->p + r->arena->n;
	struct buf b = buf_on(joined, r->arena->cap - r->arena->n);
	put(&b, line);
	while (at_fold(r)) {
		enum line next = take_line(r, &line);
		if (next == LINE_UNENDED) return next;
		if (next == LINE_BAD) found = next;
		put_c(&b, ' ');
		put(&b, str_trim(line));
	}
	if (b.err != OK) {
		blame(r, 513, r->at, "Message Too Large");
		return LINE_BAD;
	}
	r->arena->n += b.n;
	*value = buf_str(&b);
	return found;
}

// HEADERS.
static void add_header(struct reader *r, struct str name, struct str value)
{
	struct sip_msg *m = r->m;
	if (m->header_count == SIP_HEADERS_MAX) {
		blame(r, 400, octet_of(r, name), "Too Many Headers");
		return;
	}
	enum sip_header_id id = sip_header_from(name);
	m->headers[m->header_count++] = (struct sip_header){ .name = name, .value = value, .id = (uint8_t)id };
	if (r->last[id]) m->headers[r->last[id] - 1].next = (uint8_t)m->header_count;
	else m->first[id] = (uint8_t)m->header_count;
	r->last[id] = (uint8_t)m->header_count;
}

// One header with its folds. False at the empty line, or where the datagram ends before one.
static bool take_header(struct reader *r)
{
	struct str line = { "", 0 };
	uint32_t at = r->at;
	enum line found = take_line(r, &line);
	if (found == LINE_OK && line.n == 0) return false;
	struct str value = line, name = sip_take(&value, sip_span(value, SIP_CHAR_TOKEN));
	bool named = name.n && sip_take_mark(&value, ':');
	if (found != LINE_UNENDED && at_fold(r)) {
		enum line more = unfold(r, &value);
		if (more != LINE_OK) found = more;
	}
	if (found == LINE_UNENDED) {
		blame(r, 400, at, "Headers Not Ended");
		return false;
	}
	if (!named) blame(r, 400, at, "Malformed Header Line");
	if (named && found == LINE_OK) add_header(r, name, str_trim(value));
	return true;
}

// START LINE.
static bool parse_status_line(struct reader *r, struct str line)
{
	struct str version = str_cut(&line, ' '), code = str_cut(&line, ' ');
	uint32_t status = 0;
	bool ours = str_eq_nocase(version, STR("SIP/2.0"));
	if (!ours || code.n != 3 || str_to_u32(&status, code, 699) != OK || status < 100) {
		blame(r, 0, 0, "Malformed Status Line");
		return false;
	}
	r->m->status = (uint16_t)status;
	r->m->reason = line;
	return true;
}

static void parse_request_uri(struct reader *r)
{
	struct sip_msg *m = r->m;
	uint32_t at = octet_of(r, m->uri_text);
	if (m->uri_text.n > SIP_URI_MAX) blame(r, 414, at, "Request-URI Too Long");
	else if (sip_uri_parse(&m->uri, m->uri_text) != PARSE_OK) blame(r, 400, at, "Malformed Request-URI");
	else if (m->uri.headers.n) blame(r, 400, at, "Headers In Request-URI"); // RFC 3261 §19.1.1
	else return;
	m->uri = (struct sip_uri){ 0 };
}

// Method, URI and version; what stands between the first and the last space is the URI, so that a stray space in it is
// its fault. False: it is no SIP at all.
static bool parse_request_line(struct reader *r, struct str line)
{
	struct sip_msg *m = r->m;
	while (line.n && line.p[line.n - 1] == ' ') line.n--; // RFC 4475 §3.1.2.10
	uint32_t from = line.n;
	while (from && line.p[from - 1] != ' ') from--;
	struct str version = str_from_at(line, from);
	if (!str_starts_nocase(version, STR("SIP/"))) {
		blame(r, 0, 0, "Not SIP");
		return false;
	}
	line = str_head(line, from - 1);
	m->is_request = true;
	m->method_name = str_cut(&line, ' ');
	m->method = sip_method_from(m->method_name);
	m->uri_text = line;
	if (!str_eq_nocase(version, STR("SIP/2.0"))) blame(r, 505, 0, "Version Not Supported");
	if (m->method_name.n == 0 || !sip_all(m->method_name, SIP_CHAR_TOKEN)) blame(r, 400, 0, "Malformed Method");
	parse_request_uri(r);
	return true;
}

static bool parse_start_line(struct reader *r)
{
	struct str line;
	while (r->at < r->in.n && (r->in.p[r->at] == '\r' || r->in.p[r->at] == '\n')) r->at++; // RFC 3261 §7.5
	if (take_line(r, &line) != LINE_OK) {
		r->fault = (struct sip_fault){ .why = "Not SIP" };
		return false;
	}
	return str_starts_nocase(line, STR("SIP/")) ? parse_status_line(r, line) : parse_request_line(r, line);
}

// WHAT EVERY MESSAGE NEEDS.
static const struct rule {
	enum sip_header_id id;
	const char *missing; // NULL: it may be
	const char *doubled;
	const char *malformed;
} rules[] = {
	{ SIP_H_VIA, "Missing Via", NULL, "Malformed Via" },
	{ SIP_H_FROM, "Missing From", "More Than One From", "Malformed From" },
	{ SIP_H_TO, "Missing To", "More Than One To", "Malformed To" },
	{ SIP_H_CALL_ID, "Missing Call-ID", "More Than One Call-ID", "Malformed Call-ID" },
	{ SIP_H_CSEQ, "Missing CSeq", "More Than One CSeq", "Malformed CSeq" },
	{ SIP_H_MAX_FORWARDS, NULL, "More Than One Max-Forwards", "Malformed Max-Forwards" },
	{ SIP_H_CONTENT_LENGTH, NULL, "More Than One Content-Length", "Malformed Content-Length" },
};

// The length said, or what is left: a datagram may hold more than its message, never less (RFC 3261 §18.3).
static bool take_body(struct reader *r, struct str said)
{
	struct str rest = str_from_at(r->in, r->at);
	uint64_t length = rest.n;
	if (sip_msg_has(r->m, SIP_H_CONTENT_LENGTH) && str_to_u64(&length, said, UINT64_MAX) != OK) return false;
	if (length > rest.n) blame(r, 400, r->at, "Content-Length Past The End");
	r->m->body = str_head(rest, length < rest.n ? (uint32_t)length : rest.n);
	return true;
}

static bool decode_address(struct sip_name_addr *out, struct str value)
{
	return sip_name_addr_parse(out, value) == PARSE_OK && !out->star && out->tag.n <= SIP_PARAM_MAX;
}

static bool decode(struct reader *r, enum sip_header_id id, struct str value)
{
	struct sip_msg *m = r->m;
	uint32_t number = 70;
	switch (id) {
	case SIP_H_VIA: return sip_via_parse(&m->via, value) == PARSE_OK && m->via.branch.n <= SIP_PARAM_MAX;
	case SIP_H_FROM: return decode_address(&m->from, value);
	case SIP_H_TO: return decode_address(&m->to, value);
	case SIP_H_CSEQ: return sip_cseq_parse(&m->cseq, value) == PARSE_OK;
	case SIP_H_CALL_ID:
		m->call_id = str_head(value, SIP_PARAM_MAX);
		return value.n && value.n <= SIP_PARAM_MAX && sip_all(value, SIP_CHAR_WORD);
	case SIP_H_MAX_FORWARDS:
		if (value.n && str_to_u32(&number, value, 255) != OK) return false;
		m->max_forwards = (uint8_t)number;
		return value.n || !sip_msg_has(m, id);
	case SIP_H_CONTENT_LENGTH: return take_body(r, value);
	default: return true;
	}
}

static void check_rule(struct reader *r, const struct rule *rule)
{
	const struct sip_msg *m = r->m;
	const struct sip_header *first = m->first[rule->id] ? &m->headers[m->first[rule->id] - 1] : NULL;
	uint32_t at = first ? octet_of(r, first->name) : r->at;
	if (!first && rule->missing) {
		blame(r, 400, at, rule->missing);
		return;
	}
	if (first && first->next && rule->doubled) blame(r, 400, at, rule->doubled);
	if (!decode(r, rule->id, sip_msg_header(m, rule->id))) blame(r, 400, at, rule->malformed);
}

static void check_rules(struct reader *r)
{
	struct sip_msg *m = r->m;
	for (uint32_t i = 0; i < ARRAY_LEN(rules); i++) check_rule(r, &rules[i]);
	if (!m->is_request) m->method = m->cseq.method;
	else if (m->cseq.method_name.n && !str_eq(m->method_name, m->cseq.method_name))
		blame(r, 400, octet_of(r, m->headers[m->first[SIP_H_CSEQ] - 1].name), "CSeq Method Differs");
}

enum parse sip_msg_parse(struct sip_msg *m, struct str in, struct arena *arena, struct sip_fault *fault)
{
	struct reader r = { .m = m, .in = in, .arena = arena, .has_nul = str_find_char(in, '\0') >= 0 };
	memset(m, 0, offsetof(struct sip_msg, headers)); // an entry of headers is written before header_count counts it
	m->bytes = in;
	if (in.n > SIP_MESSAGE_MAX) {
		blame(&r, 0, 0, "Message Too Large");
	} else if (parse_start_line(&r)) {
		while (take_header(&r)) continue;
		check_rules(&r);
	}
	if (!m->is_request) r.fault.status = 0; // a response is never answered
	*fault = r.fault;
	return r.fault.why ? PARSE_BAD : PARSE_OK;
}

bool sip_msg_can_answer(const struct sip_msg *m)
{
	return m->is_request && m->method != SIP_ACK && m->via.host.n;
}

// LOOK-UPS.
bool sip_msg_has(const struct sip_msg *m, enum sip_header_id id)
{
	return m->first[id] != 0;
}

struct str sip_msg_header(const struct sip_msg *m, enum sip_header_id id)
{
	struct str value = { "", 0 };
	if (!sip_header_is_list(id)) return m->first[id] ? m->headers[m->first[id] - 1].value : value;
	struct sip_walk walk = { 0 };
	return sip_msg_each(m, id, &walk, &value) ? value : (struct str){ "", 0 };
}

struct str sip_msg_header_named(const struct sip_msg *m, struct str name)
{
	enum sip_header_id id = sip_header_from(name);
	if (id != SIP_H_OTHER) return sip_msg_header(m, id);
	for (uint32_t i = m->first[SIP_H_OTHER]; i; i = m->headers[i - 1].next)
		if (str_eq_nocase(m->headers[i - 1].name, name)) return m->headers[i - 1].value;
	return (struct str){ "", 0 };
}

bool sip_msg_each(const struct sip_msg *m, enum sip_header_id id, struct sip_walk *walk, struct str *value)
{
	if (!walk->header && walk->count == 0) {
		walk->header = m->first[id];
		if (walk->header) walk->rest = m->headers[walk->header - 1].value;
	}
	while (walk->header) {
		if (walk->rest.n == 0) {
			walk->header = m->headers[walk->header - 1].next;
			if (walk->header) walk->rest = m->headers[walk->header - 1].value;
			continue;
		}
		*value = sip_header_is_list(id) ? sip_take_value(&walk->rest) : sip_take(&walk->rest, walk->rest.n);
		if (value->n == 0) continue; // "a,,b" has two
		if (walk->count++ < SIP_LIST_MAX) return true;
		walk->header = 0;
	}
	return false;
}

bool sip_msg_has_token(const struct sip_msg *m, enum sip_header_id id, struct str token)
{
	struct sip_walk walk = { 0 };
	struct str value;
	while (sip_msg_each(m, id, &walk, &value))
		if (str_eq_nocase(value, token)) return true;
	return false;
}
