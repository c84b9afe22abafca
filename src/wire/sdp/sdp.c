// The parser: one pass over the lines.
#include "wire/sdp/sdp.h"

static const struct str kind_texts[] = {
#define KIND_TEXT(id, text) STR_INIT(text),
	SDP_KINDS(KIND_TEXT)
};
static const struct str proto_texts[] = {
#define PROTO_TEXT(id, text) STR_INIT(text),
	SDP_PROTOS(PROTO_TEXT)
};
static const struct str direction_texts[] = { STR_INIT("inactive"), STR_INIT("sendonly"), STR_INIT("recvonly"),
	                                          STR_INIT("sendrecv") };

struct str sdp_kind_text(enum sdp_kind kind)
{
	return kind_texts[kind < SDP_KIND_COUNT ? kind : SDP_APPLICATION];
}

struct str sdp_proto_text(enum sdp_proto proto)
{
	return proto_texts[proto < SDP_PROTO_OTHER ? proto : SDP_PROTO_RTP_AVP];
}

uint8_t sdp_proto_as(uint8_t proto, bool secure)
{
	switch (proto) {
	case SDP_PROTO_RTP_AVP:
	case SDP_PROTO_RTP_SAVP: return secure ? SDP_PROTO_RTP_SAVP : SDP_PROTO_RTP_AVP;
	case SDP_PROTO_RTP_AVPF:
	case SDP_PROTO_RTP_SAVPF: return secure ? SDP_PROTO_RTP_SAVPF : SDP_PROTO_RTP_AVPF;
	default: return proto;
	}
}

struct str sdp_direction_text(enum sdp_direction direction)
{
	return direction_texts[direction & SDP_SENDRECV];
}

enum sdp_direction sdp_direction_turned(enum sdp_direction direction)
{
	return (enum sdp_direction)((direction & SDP_SENDONLY ? SDP_RECVONLY : 0) |
	                            (direction & SDP_RECVONLY ? SDP_SENDONLY : 0));
}

bool sdp_line_next(struct str *rest, struct str *line)
{
	while (rest->n) {
		*line = str_cut(rest, '\n');
		if (line->n && line->p[line->n - 1] == '\r') line->n--;
		if (line->n) return true;
	}
	return false;
}

bool sdp_attribute_next(struct str *rest, struct str name, struct str *value)
{
	struct str line;
	while (sdp_line_next(rest, &line)) {
		bool named = str_starts(line, STR("a=")) && str_starts(str_from_at(line, 2), name);
		struct str tail = str_from_at(line, name.n + 2);
		if (!named || (tail.n && tail.p[0] != ':')) continue;
		*value = str_trim(str_from_at(tail, 1));
		return true;
	}
	return false;
}

bool sdp_attribute(struct str section, struct str name, struct str *value)
{
	return sdp_attribute_next(&section, name, value);
}

static struct str word_next(struct str *rest)
{
	while (rest->n && rest->p[0] == ' ') *rest = str_from_at(*rest, 1);
	return str_cut(rest, ' ');
}

static uint8_t find_text(const struct str *texts, uint32_t count, struct str text)
{
	uint32_t i = 0;
	while (i < count && !str_eq_nocase(texts[i], text)) i++;
	return (uint8_t)i;
}

static bool is_unspecified(const struct addr *a)
{
	static const struct addr zero;
	return a->family && memcmp(a->ip, zero.ip, sizeof zero.ip) == 0;
}

// "IN IP4 192.0.2.1", perhaps with /ttl behind. A name, or an address spelt in another way than the usual, is no
// address here: media can then only be learnt from where signalling comes from.
static const char *parse_host(struct addr *host, struct str value)
{
	struct str rest = str_trim(value), net = word_next(&rest), type = word_next(&rest), text = word_next(&rest);
	text = str_cut(&text, '/');
	*host = (struct addr){ 0 };
	if (!str_eq_nocase(net, STR("IN")) || text.n == 0) return "no IN connection";
	uint8_t family = str_eq_nocase(type, STR("IP4")) ? 4 : str_eq_nocase(type, STR("IP6")) ? 6 : 0;
	if (!family) return "address type is not IP4 or IP6";
	bool odd = text.p[0] == '[' || (family == 4 && str_find_char(text, ':') >= 0); // brackets, or a port
	if (odd || addr_parse(host, text) != OK || host->family != family) *host = (struct addr){ 0 };
	return NULL;
}

static const char *parse_formats(const struct sdp_media *m)
{
	struct str rest = m->formats, format;
	uint32_t count = 0, pt;
	while ((format = word_next(&rest)).n) {
		if (++count > SDP_FORMATS_MAX) return "too many formats";
		if (sdp_is_rtp(m) && str_to_u32(&pt, format, 127) != OK) return "payload type is not 0 to 127";
	}
	return count ? NULL : "no format";
}

// audio 49170/2 RTP/AVP 0 8 101
static const char *parse_media(struct sdp *s, struct str value)
{
	if (s->media_count == SDP_MEDIA_MAX) return "too many media";
	struct sdp_media *m = &s->media[s->media_count];
	struct str rest = value;
	*m = (struct sdp_media){ .line = value, .direction = s->direction, .held = s->held, .rtp = s->host };
	m->kind_text = word_next(&rest);
	struct str count = word_next(&rest), port = str_cut(&count, '/');
	m->proto_text = word_next(&rest);
	m->formats = str_trim(rest);
	m->kind = find_text(kind_texts, SDP_KIND_COUNT, m->kind_text);
	if (m->kind == SDP_KIND_COUNT) m->kind = SDP_APPLICATION;
	m->proto = find_text(proto_texts, SDP_PROTO_OTHER, m->proto_text);
	uint32_t number;
	if (m->kind_text.n == 0 || m->proto_text.n == 0) return "m= is not complete";
	if (str_to_u32(&number, port, 65535) != OK) return "port is not 0 to 65535";
	m->port = (uint16_t)number;
	s->media_count++;
	return parse_formats(m);
}

static const char *parse_connection(struct sdp *s, struct sdp_media *m, struct str value)
{
	struct addr host;
	const char *why = parse_host(&host, value);
	if (why) return why;
	bool held = is_unspecified(&host);
	if (held) host = (struct addr){ 0 };
	if (m) m->rtp = host, m->held = held;
	else s->host = host, s->held = held;
	return NULL;
}

static const char *parse_attribute(struct sdp *s, struct sdp_media *m, struct str value)
{
	uint32_t number;
	struct str tail = value, name = str_cut(&tail, ':');
	uint8_t direction = tail.n ? 4 : find_text(direction_texts, 4, value);
	if (direction < 4) {
		if (m) m->direction = direction;
		else s->direction = direction;
	} else if (m && str_eq(name, STR("rtcp"))) {
		m->names_rtcp = true;
	} else if (m && str_eq(name, STR("crypto"))) {
		m->names_crypto = true;
	} else if (m && str_eq(name, STR("ptime")) && str_to_u32(&number, str_trim(tail), 10000) == OK) {
		m->ptime_ms = (uint16_t)number;
	}
	return NULL;
}

static const char *parse_line(struct sdp *s, struct str line)
{
	if (line.n < 2 || line.p[1] != '=') return "line is not x=";
	struct sdp_media *m = s->media_count ? &s->media[s->media_count - 1] : NULL;
	struct str value = str_from_at(line, 2);
	switch (line.p[0]) {
	case 'm': return parse_media(s, value);
	case 'c': return parse_connection(s, m, value);
	case 'a': return parse_attribute(s, m, value);
	default: return NULL;
	}
}

// RTCP goes to the port above RTP's, unless a=rtcp names another (RFC 3605). One that names RTP's own port means
// multiplexing (RFC 5761), to which we never agree: then the port above holds.
static void find_rtcp(struct sdp_media *m)
{
	struct str value;
	struct addr host;
	uint32_t port;
	m->rtp.port = m->port;
	m->rtcp = m->rtp;
	m->rtcp.port = m->port && m->port < 65535 ? (uint16_t)(m->port + 1) : 0;
	if (!m->names_rtcp || !sdp_attribute(m->section, STR("rtcp"), &value)) return;
	struct str rest = value;
	if (str_to_u32(&port, word_next(&rest), 65535) != OK || port == 0) return;
	if (rest.n && (parse_host(&host, rest) || host.family == 0 || is_unspecified(&host))) return;
	if (rest.n) memcpy(m->rtcp.ip, host.ip, sizeof host.ip), m->rtcp.family = host.family;
	if (port != m->port || !addr_host_eq(&m->rtcp, &m->rtp)) m->rtcp.port = (uint16_t)port;
}

// Sections run from behind an m-line to the next.
static void close_section(struct sdp *s, const char *at)
{
	if (s->media_count == 0) {
		s->session = (struct str){ s->text.p, (uint32_t)(at - s->text.p) };
	} else {
		struct sdp_media *m = &s->media[s->media_count - 1];
		m->section.n = (uint32_t)(at - m->section.p);
	}
}

static enum err fail(struct sdp_fault *fault, uint32_t line, const char *why)
{
	if (fault) *fault = (struct sdp_fault){ line, why };
	return ERR_BAD;
}

enum err sdp_parse(struct sdp *out, struct str text, struct sdp_fault *fault)
{
	*out = (struct sdp){ .text = text, .session = text, .direction = SDP_SENDRECV };
	if (text.n > SDP_OCTETS_MAX) return fail(fault, 0, "too long");
	if (text.n && memchr(text.p, 0, text.n)) return fail(fault, 0, "a NUL octet");
	if (!str_starts(text, STR("v=0"))) return fail(fault, 1, "does not begin with v=0");
	struct str rest = text;
	for (uint32_t number = 1; rest.n; number++) {
		struct str at = rest, line = str_cut(&rest, '\n');
		if (line.n && line.p[line.n - 1] == '\r') line.n--;
		if (line.n == 0) continue;
		bool medium = line.p[0] == 'm';
		if (medium) close_section(out, at.p);
		const char *why = parse_line(out, line);
		if (why) return fail(fault, number, why);
		if (medium) out->media[out->media_count - 1].section = rest;
	}
	close_section(out, text.p + text.n);
	for (uint32_t i = 0; i < out->media_count; i++) find_rtcp(&out->media[i]);
	return OK;
}

// The static types of RFC 3551 §6 that a phone may offer without a=rtpmap.
static const struct {
	const char *name;
	uint32_t clock_hz;
} static_types[35] = {
	[0] = { "PCMU", 8000 }, [3] = { "GSM", 8000 },    [4] = { "G723", 8000 }, [8] = { "PCMA", 8000 },
	[9] = { "G722", 8000 }, [13] = { "CN", 8000 },    [15] = { "G728", 8000 }, [18] = { "G729", 8000 },
	[26] = { "JPEG", 90000 }, [31] = { "H261", 90000 }, [34] = { "H263", 90000 },
};

// "101 telephone-event/8000", "96 opus/48000/2"
static bool parse_rtpmap(struct sdp_codec *out, struct str value, struct str pt)
{
	struct str rest = value;
	if (!str_eq(word_next(&rest), pt)) return false;
	rest = str_trim(rest);
	out->name = str_cut(&rest, '/');
	struct str clock = str_cut(&rest, '/');
	uint32_t channels;
	if (str_to_u32(&out->clock_hz, clock, 10000000) != OK) out->clock_hz = 0;
	out->channels = str_to_u32(&channels, rest, 255) == OK && channels ? (uint8_t)channels : 1;
	return true;
}

bool sdp_codec_next(const struct sdp_media *m, struct str *rest, struct sdp_codec *out)
{
	struct str format = word_next(rest), section = m->section, value;
	uint32_t pt;
	if (str_to_u32(&pt, format, 127) != OK) return false;
	*out = (struct sdp_codec){ .pt = (uint8_t)pt, .channels = 1, .name = { "", 0 } };
	while (sdp_attribute_next(&section, STR("rtpmap"), &value))
		if (parse_rtpmap(out, value, format)) return true;
	if (pt < ARRAY_LEN(static_types) && static_types[pt].name) {
		out->name = str_from(static_types[pt].name);
		out->clock_hz = static_types[pt].clock_hz;
	}
	return true;
}
