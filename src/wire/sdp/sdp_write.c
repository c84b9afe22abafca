// The writer. The text after the o= line is written first, so that its hash can tell whether the version grows.
#include "wire/sdp/sdp_write.h"

#include "base/random.h"

// Attributes that do not cross: they say how to reach the sender past us, or agree on what happens between it and us
// only. What is not listed crosses untouched, so that codecs that we never heard of work.
#define NOT_KEPT(X)                                                                                                    \
	X("rtcp")                    /* RFC 3605: ours is the port above */                                                \
	X("rtcp-mux") X("rtcp-mux-only") /* RFC 5761, 8858: we keep two ports */                                           \
	X("candidate") X("remote-candidates") X("end-of-candidates") X("ice-ufrag") X("ice-pwd") X("ice-options")          \
	X("ice-lite") X("ice-mismatch") X("ice-pacing") /* RFC 8839: we do no ICE */                                       \
	X("crypto") X("key-mgmt") X("fingerprint") X("tls-id") X("setup") X("connection") X("zrtp-hash")                   \
	                             /* RFC 4568, 4567, 8122, 4145, 6189: keys for a path that ends here */                \
	X("tcap") X("acap") X("pcfg") X("acfg") /* RFC 5939: transports other than the one agreed */                       \
	X("bundle-only")             /* RFC 9143: each medium has its port */                                              \
	X("source-filter") X("rtcp-unicast") X("alt") /* RFC 4570, 5760, and an old vendor's: addresses */                 \
	X("sendrecv") X("sendonly") X("recvonly") X("inactive") /* written anew for each medium */
static const struct str not_kept[] = {
#define NOT_KEPT_TEXT(text) STR_INIT(text),
	NOT_KEPT(NOT_KEPT_TEXT)
};

// The numbering of a voice stream becomes ours as soon as we play a tone in it, so the sender's SSRC (RFC 5576) would
// not be what arrives.
static bool is_ssrc(struct str name)
{
	return str_eq(name, STR("ssrc")) || str_eq(name, STR("ssrc-group"));
}

static bool attribute_crosses(struct str attribute, bool audio)
{
	struct str value = attribute, name = str_cut(&value, ':');
	for (uint32_t i = 0; i < ARRAY_LEN(not_kept); i++)
		if (str_eq(name, not_kept[i])) return false;
	if (audio && is_ssrc(name)) return false;
	return !(str_eq(name, STR("group")) && str_starts_nocase(value, STR("BUNDLE"))); // RFC 9143: all on one port
}

static void put_line(struct buf *b, struct str line)
{
	put(b, line);
	put(b, STR("\r\n"));
}

// Of the other lines only bandwidth crosses: i, u, e, p and k are for people, or tell who they are, or are obsolete.
static void put_bandwidth(struct buf *b, struct str section)
{
	struct str line;
	while (sdp_line_next(&section, &line))
		if (str_starts(line, STR("b="))) put_line(b, line);
}

static void put_attributes(struct buf *b, struct str section, bool audio)
{
	struct str line;
	while (sdp_line_next(&section, &line))
		if (str_starts(line, STR("a=")) && attribute_crosses(str_from_at(line, 2), audio)) put_line(b, line);
}

static void put_m(struct buf *b, struct str kind, uint16_t port, struct str proto)
{
	put(b, STR("m="));
	put(b, kind);
	put_c(b, ' ');
	put_u64(b, port);
	put_c(b, ' ');
	put(b, proto);
}

static void put_voice(struct buf *b, const struct sdp_slot *slot)
{
	const struct sdp_voice *v = slot->voice;
	put_m(b, sdp_kind_text(SDP_AUDIO), slot->port, sdp_proto_text(slot->proto));
	for (uint32_t i = 0; i < v->count; i++) put_fmt(b, " %u", v->pts[i]);
	if (v->event_pt <= 127) put_fmt(b, " %u", v->event_pt);
	put(b, STR("\r\n"));
	for (uint32_t i = 0; i < v->count; i++)
		put_fmt(b, "a=rtpmap:%u %s/8000\r\n", v->pts[i], v->pts[i] == 0 ? "PCMU" : v->pts[i] == 8 ? "PCMA" : "G722");
	if (v->event_pt <= 127) {
		put_fmt(b, "a=rtpmap:%u telephone-event/8000\r\n", v->event_pt);
		put_fmt(b, "a=fmtp:%u 0-15\r\n", v->event_pt); // RFC 4733 §2.4.1: the keys of DTMF
	}
	put(b, STR("a=ptime:20\r\n"));
}

static struct str any_format(uint8_t proto)
{
	switch (proto) {
	case SDP_PROTO_UDPTL: return STR(" t38");
	case SDP_PROTO_MSRP:
	case SDP_PROTO_BFCP:
	case SDP_PROTO_UDP:
	case SDP_PROTO_TCP: return STR(" *");
	default: return STR(" 0");
	}
}

// RFC 3264 §8.2: a line that only keeps its place names a format and needs no attributes.
static void put_dead(struct buf *b, const struct sdp_slot *slot)
{
	const struct sdp_media *m = slot->source;
	put_m(b, m ? m->kind_text : sdp_kind_text(slot->kind), 0, m ? m->proto_text : sdp_proto_text(slot->proto));
	if (m) put_c(b, ' ');
	put_line(b, m ? m->formats : any_format(slot->proto));
}

static void put_slot(struct buf *b, const struct sdp_slot *slot)
{
	if (slot->port == 0) {
		put_dead(b, slot);
		return;
	}
	if (slot->voice) {
		put_voice(b, slot);
	} else {
		const struct sdp_media *m = slot->source;
		put_m(b, m->kind_text, slot->port, slot->proto == m->proto ? m->proto_text : sdp_proto_text(slot->proto));
		put_c(b, ' ');
		put_line(b, m->formats);
		put_bandwidth(b, m->section);
		put_attributes(b, m->section, m->kind == SDP_AUDIO);
	}
	for (uint32_t i = 0; i < slot->crypto_count; i++) put_sdp_crypto(b, &slot->crypto[i]);
	put(b, STR("a="));
	put_line(b, sdp_direction_text(slot->direction));
}

static void put_net(struct buf *b, const struct addr *host)
{
	char text[64];
	struct buf h = buf_on(text, sizeof text);
	put_addr_host(&h, host);
	struct str s = buf_str(&h);
	if (host->family == 6 && s.n > 2) s = (struct str){ s.p + 1, s.n - 2 }; // no brackets here
	put(b, host->family == 6 ? STR("IN IP6 ") : STR("IN IP4 "));
	put_line(b, s);
}

static void put_tail(struct buf *b, const struct sdp_draft *draft)
{
	struct str session = draft->source ? draft->source->session : (struct str){ "", 0 };
	put(b, STR("s=-\r\nc="));
	put_net(b, &draft->host);
	put_bandwidth(b, session);
	put(b, STR("t=0 0\r\n")); // RFC 3264 §5
	put_attributes(b, session, true);
	for (uint32_t i = 0; i < draft->count; i++) put_slot(b, &draft->slots[i]);
}

#define HEAD_MAX 128   // v= and o=
#define CRYPTO_MAX 128 // an a=crypto

static uint32_t crypto_octets(const struct sdp_draft *draft)
{
	uint32_t lines = 0;
	for (uint32_t i = 0; i < draft->count; i++) lines += draft->slots[i].crypto_count;
	return lines * CRYPTO_MAX;
}

enum err sdp_write(struct str *out, struct arena *arena, const struct sdp_draft *draft, struct sdp_origin *origin)
{
	static const struct hash_key no_secret; // compared with our own last text only
	uint32_t kept = draft->source ? draft->source->text.n : 0; // half as much again, where LF becomes CRLF
	uint32_t cap = HEAD_MAX + 512 + draft->count * 256 + kept + kept / 2 + crypto_octets(draft);
	*out = (struct str){ "", 0 };
	char *memory = arena_alloc(arena, cap);
	if (!memory) return ERR_FULL;
	struct buf tail = buf_on(memory + HEAD_MAX, cap - HEAD_MAX);
	put_tail(&tail, draft);
	if (tail.err != OK) return tail.err;
	uint64_t hash = hash_str(&no_secret, buf_str(&tail));
	if (origin->version == 0 || hash != origin->hash) origin->version++;
	origin->hash = hash;
	char head_text[HEAD_MAX];
	struct buf head = buf_on(head_text, sizeof head_text);
	put(&head, STR("v=0\r\no=- "));
	put_u64(&head, origin->id);
	put_c(&head, ' ');
	put_u64(&head, origin->version);
	put_c(&head, ' ');
	put_net(&head, &draft->host);
	if (head.err != OK) return head.err;
	memcpy(memory + HEAD_MAX - head.n, head_text, head.n); // closes up with the tail
	*out = (struct str){ memory + HEAD_MAX - head.n, head.n + tail.n };
	return OK;
}
