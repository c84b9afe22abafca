// Session descriptions of parties (RFC 8866, RFC 3264), written and read here without the switch's own code.
#include "ladders/actor.h"

static const struct codec {
	const char *name;
	uint8_t pt;
	const char *map; // rtpmap and fmtp lines
} codecs[] = {
	{ "PCMU", 0, "a=rtpmap:0 PCMU/8000\r\n" },
	{ "PCMA", 8, "a=rtpmap:8 PCMA/8000\r\n" },
	{ "G722", 9, "a=rtpmap:9 G722/8000\r\n" },
	{ "G729", 18, "a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n" },
	{ "opus", 96, "a=rtpmap:96 opus/48000/2\r\n" },
	{ "telephone-event", 101, "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n" },
};

static const struct codec *codec_of(struct str name)
{
	for (uint32_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (str_eq(name, str_from(codecs[i].name))) return &codecs[i];
	return NULL;
}

static bool wants(const struct arrow *a, const char *codec)
{
	for (uint32_t i = 0; i < a->codec_count; i++)
		if (str_eq(a->codecs[i], str_from(codec))) return true;
	return false;
}

static struct str next_line(struct str *text)
{
	struct str line = str_cut(text, '\n');
	return line.n && line.p[line.n - 1] == '\r' ? str_head(line, line.n - 1) : line;
}

// The tag under which the switch offered the suite that parties have, or 1.
static uint32_t crypto_tag(struct str offer)
{
	while (offer.n) {
		struct str line = next_line(&offer), rest = str_from_at(line, 9), tag = str_cut(&rest, ' ');
		uint32_t number;
		if (str_starts(line, STR("a=crypto:")) && str_starts(rest, STR("AES_CM_128_HMAC_SHA1_80 ")) &&
		    str_to_u32(&number, tag, 9) == OK) return number;
	}
	return 1;
}

// A party's key is its initial and a letter that counts its changes, twenty times.
static void put_crypto(struct buf *b, const struct actor_call *call, uint32_t tag)
{
	put_fmt(b, "a=crypto:%u AES_CM_128_HMAC_SHA1_80 inline:", tag);
	for (uint32_t i = 0; i < 20; i++) put_fmt(b, "%c%c", call->actor->name.p[0], (int)('a' + call->key_number));
	put_z(b, "|2^20\r\n");
}

static void put_audio(struct buf *b, const struct actor_call *call, const struct arrow *a, bool answer)
{
	static const struct str usual[] = { STR_INIT("PCMU"), STR_INIT("PCMA"), STR_INIT("telephone-event") };
	uint32_t codec_count = 0;
	for (uint32_t i = 0; i < a->codec_count; i++) codec_count += codec_of(a->codecs[i]) != NULL;
	const struct str *names = codec_count ? a->codecs : usual;
	uint32_t count = codec_count ? a->codec_count : ARRAY_LEN(usual);
	bool secure = wants(a, "srtp") || wants(a, "srtp-new");
	put_fmt(b, "m=audio %u RTP/%s", a->media_port ? a->media_port : call->media.port, secure ? "SAVP" : "AVP");
	for (uint32_t i = 0; i < count; i++)
		if (codec_of(names[i])) put_fmt(b, " %u", codec_of(names[i])->pt);
	put(b, STR("\r\n"));
	for (uint32_t i = 0; i < count; i++)
		if (codec_of(names[i])) put_z(b, codec_of(names[i])->map);
	put(b, STR("a=ptime:20\r\n"));
	if (secure || wants(a, "srtp-if")) put_crypto(b, call, answer ? crypto_tag(call->switch_sdp) : 1);
	if (a->sdp_direction.n) put_fmt(b, "a=%.*s\r\n", STR_FMT(a->sdp_direction));
}

static void put_video(struct buf *b, uint32_t port)
{
	put_fmt(b, "m=video %u RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n", port);
}

static void put_fax(struct buf *b, uint32_t port)
{
	put_fmt(b, "m=image %u udptl t38\r\na=T38FaxVersion:0\r\n", port);
}

// An answer has the m-lines of the offer, those that we do not want with port 0 (RFC 3264 6).
static void put_media(struct buf *b, const struct actor_call *call, const struct arrow *a, bool answer)
{
	uint32_t port = call->media.port;
	if (!answer) {
		if (!wants(a, "t38")) put_audio(b, call, a, false);
		if (wants(a, "video")) put_video(b, port + 2u);
		if (wants(a, "t38")) put_fax(b, port);
		return;
	}
	for (struct str rest = call->switch_sdp; rest.n;) {
		struct str line = next_line(&rest);
		if (str_starts(line, STR("m=audio"))) put_audio(b, call, a, true);
		else if (str_starts(line, STR("m=video"))) put_video(b, wants(a, "video") ? port + 2u : 0);
		else if (str_starts(line, STR("m=image"))) put_fax(b, wants(a, "t38") ? port : 0);
		else if (str_starts(line, STR("m="))) put_fmt(b, "%.*s\r\n", STR_FMT(line));
	}
}

static struct str write_version(struct ladder *l, const struct actor_call *call, const struct arrow *a, bool answer,
                                uint32_t version)
{
	char text[4096], host[64];
	struct buf b = buf_on(text, sizeof text), h = buf_on(host, sizeof host);
	put_addr_host(&h, &call->media);
	struct str ip = buf_str(&h);
	if (ip.n && ip.p[0] == '[') ip = (struct str){ ip.p + 1, ip.n - 2 };
	uint32_t family = call->media.family;
	put_fmt(&b, "v=0\r\no=%.*s %u %u IN IP%u %.*s\r\ns=-\r\nc=IN IP%u %.*s\r\nt=0 0\r\n", STR_FMT(call->actor->name),
	        1000 + call->number, version, family, STR_FMT(ip), family, STR_FMT(ip));
	put_media(&b, call, a, answer);
	return arena_dup(&l->arena, buf_str(&b));
}

struct str sdp_of_actor(struct ladder *l, struct actor_call *call, const struct arrow *a, bool answer)
{
	if (a->sdp_text.n) return call->sdp = a->sdp_text;
	if (a->sdp_same) return call->sdp;
	if (wants(a, "srtp-new")) call->key_number++;
	struct str as_before = write_version(l, call, a, answer, call->sdp_version);
	if (!str_eq(as_before, call->sdp)) call->sdp = write_version(l, call, a, answer, ++call->sdp_version);
	return call->sdp;
}

struct str sdp_direction(struct str text)
{
	static const struct str directions[] = { STR_INIT("a=sendrecv"), STR_INIT("a=sendonly"), STR_INIT("a=recvonly"),
	                                         STR_INIT("a=inactive") };
	while (text.n) {
		struct str line = next_line(&text);
		for (uint32_t i = 0; i < ARRAY_LEN(directions); i++)
			if (str_eq(line, directions[i])) return str_from_at(line, 2);
	}
	return STR("sendrecv");
}

uint32_t sdp_media_count(struct str text)
{
	uint32_t n = 0;
	while (text.n) n += str_starts(next_line(&text), STR("m="));
	return n;
}

static bool media_line_has(struct str line, uint32_t pt)
{
	for (struct str rest = line; rest.n;) {
		uint32_t n;
		if (str_to_u32(&n, str_cut(&rest, ' '), 65535) == OK && n == pt) return true;
	}
	return false;
}

// "srtp", "srtp-if" and "clear": RTP/SAVP with keys, RTP/AVP with keys, neither.
static bool is_secured(struct str text, struct str how)
{
	bool savp = false, keys = false;
	while (text.n) {
		struct str line = next_line(&text), port = line;
		str_cut(&port, ' ');
		if (str_starts(line, STR("m=audio")) && !str_starts(port, STR("0 ")))
			savp = memmem(line.p, line.n, " RTP/SAVP ", 10) != NULL;
		keys |= str_starts(line, STR("a=crypto:"));
	}
	if (str_eq(how, STR("clear"))) return !savp && !keys;
	return keys && savp == str_eq(how, STR("srtp"));
}

bool sdp_lists(struct str text, struct str codec)
{
	if (str_starts(codec, STR("srtp")) || str_eq(codec, STR("clear"))) return is_secured(text, codec);
	const struct codec *c = codec_of(codec);
	bool video = str_eq(codec, STR("video")), fax = str_eq(codec, STR("t38"));
	while (text.n) {
		struct str line = next_line(&text);
		if (!str_starts(line, STR("m="))) continue;
		struct str kind = str_cut(&line, ' '), port = str_cut(&line, ' ');
		if (str_eq(port, STR("0"))) continue;
		if (video && str_eq(kind, STR("m=video"))) return true;
		if (fax && str_eq(kind, STR("m=image"))) return true;
		if (c && str_eq(kind, STR("m=audio")) && media_line_has(line, c->pt)) return true;
	}
	return false;
}

// o=user id version IN IP4 host
static const char *take_origin(const struct ladder *l, struct actor_call *call, struct str line, struct str rest)
{
	uint64_t id, version;
	str_cut(&line, ' ');
	if (str_to_u64(&id, str_cut(&line, ' '), UINT64_MAX - 1) != OK ||
	    str_to_u64(&version, str_cut(&line, ' '), UINT64_MAX - 1) != OK)
		return "the o= line has no session id and version";
	bool known = call->switch_sdp.n != 0, same = known && str_eq(rest, call->switch_sdp_rest);
	if (known && id != call->switch_sdp_id) return "the session id of the o= line changed within a dialog";
	if (same && version != call->switch_sdp_version) return "the version of the o= line changed and nothing else did";
	// RFC 3264 8: a changed description has a version one higher.
	if (known && !same && version != call->switch_sdp_version + 1 && !(l->weather && version > call->switch_sdp_version))
		return "the description changed, and the version of its o= line did not grow by one";
	call->switch_sdp_id = id;
	call->switch_sdp_version = version;
	call->switch_sdp_rest = rest;
	return NULL;
}

const char *sdp_take(struct ladder *l, struct actor_call *call, struct str text)
{
	static const char order[] = "vos";
	struct str rest = text, host = STR(""), port = STR("");
	if (text.n < 2 || text.p[text.n - 1] != '\n' || text.p[text.n - 2] != '\r')
		return "the description does not end with CR LF";
	for (uint32_t i = 0; rest.n; i++) {
		struct str line = next_line(&rest);
		if (line.n < 2 || line.p[1] != '=') return "a line of the description is no x=";
		if (i < 3 && line.p[0] != order[i]) return "a description begins with v=, o=, s=";
		if (line.p[0] == 'c' && host.n == 0) host = line;
		if (line.p[0] == 'm' && port.n == 0) port = line;
		const char *wrong = line.p[0] == 'o' ? take_origin(l, call, line, rest) : NULL;
		if (wrong) return wrong;
	}
	struct addr media = { 0 };
	uint32_t number = 0;
	str_cut(&host, ' ');
	str_cut(&host, ' ');
	str_cut(&port, ' ');
	if (addr_parse(&media, host) != OK || str_to_u32(&number, str_cut(&port, ' '), 65535) != OK)
		return "no c= and m= line that say where to send to";
	media.port = (uint16_t)number;
	call->switch_media = media;
	call->switch_sdp = arena_dup(&l->arena, text);
	return NULL;
}
