// The opening handshake: the few headers that count, each once where it must be, and the digest of the key.
#include "wire/net/ws_upgrade.h"

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/evp.h>
#undef ERR_STATE

#define HEADERS_MAX 64
#define KEY_OCTETS 24 // sixteen, in base64
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct request {
	struct str key, origin;
	uint32_t hosts, keys, versions, origins; // how often each was said
	bool websocket, upgrades, sip, is_13;
};

// Is this token in a list parted by commas?
static bool lists(struct str list, struct str token)
{
	while (list.n)
		if (str_eq_nocase(str_trim(str_cut(&list, ',')), token)) return true;
	return false;
}

static void take_header(struct request *r, struct str name, struct str value)
{
	if (str_eq_nocase(name, STR("Host"))) {
		r->hosts++;
	} else if (str_eq_nocase(name, STR("Upgrade"))) {
		r->websocket = r->websocket || lists(value, STR("websocket"));
	} else if (str_eq_nocase(name, STR("Connection"))) {
		r->upgrades = r->upgrades || lists(value, STR("Upgrade"));
	} else if (str_eq_nocase(name, STR("Sec-WebSocket-Protocol"))) {
		r->sip = r->sip || lists(value, STR("sip"));
	} else if (str_eq_nocase(name, STR("Sec-WebSocket-Version"))) {
		r->versions++;
		r->is_13 = str_eq(value, STR("13"));
	} else if (str_eq_nocase(name, STR("Sec-WebSocket-Key"))) {
		r->keys++;
		r->key = value;
	} else if (str_eq_nocase(name, STR("Origin"))) {
		r->origins++;
		r->origin = value;
	}
}

static bool is_token(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || memchr("\"(),/:;<=>?@[\\]{}", s.p[i], 17)) return false;
	return s.n > 0;
}

static bool is_line(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f) return false;
	return true;
}

// "GET /anywhere HTTP/1.1", and headers without continuation lines; false: it is not HTTP as we take it.
static bool read_request(struct request *r, struct str head)
{
	struct str line = str_cut(&head, '\n');
	uint32_t headers = 0;
	line.n -= line.n && line.p[line.n - 1] == '\r';
	struct str first = line, method = str_cut(&first, ' '), path = str_cut(&first, ' ');
	if (!str_eq(method, STR("GET")) || !path.n || !str_eq(first, STR("HTTP/1.1")) || !is_line(line)) return false;
	while (head.n) {
		line = str_cut(&head, '\n');
		line.n -= line.n && line.p[line.n - 1] == '\r';
		if (!line.n) break;
		struct str value = line, name = str_cut(&value, ':');
		if (name.n == line.n || !is_token(name) || !is_line(value) || ++headers > HEADERS_MAX) return false;
		take_header(r, name, str_trim(value));
	}
	return true;
}

static bool is_key(struct str s)
{
	unsigned char octets[20];
	if (s.n != KEY_OCTETS || s.p[KEY_OCTETS - 1] != '=' || s.p[KEY_OCTETS - 2] != '=') return false;
	return EVP_DecodeBlock(octets, (const unsigned char *)s.p, KEY_OCTETS) >= 0;
}

static bool may_come_from(const struct request *r, struct str origins)
{
	return !origins.n || !r->origins || (r->origins == 1 && lists(origins, r->origin));
}

// RFC 6455 §4.2.2: of the key and a text that only WebSocket knows.
static void put_accept(struct buf *b, struct str key)
{
	char text[KEY_OCTETS + sizeof GUID];
	unsigned char digest[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	struct buf t = buf_on(text, sizeof text);
	put(&t, key);
	put_z(&t, GUID);
	if (EVP_Digest(t.p, t.n, digest, &n, EVP_sha1(), NULL) != 1) b->err = ERR_SYSTEM;
	int length = EVP_EncodeBlock(base64, digest, (int)n);
	put(b, (struct str){ (const char *)base64, (uint32_t)length });
}

static enum ws_upgrade refuse(struct buf *answer, const char *status, const char *extra)
{
	put_fmt(answer, "HTTP/1.1 %s\r\n%sConnection: close\r\nContent-Length: 0\r\n\r\n", status, extra);
	return WS_UPGRADE_BAD;
}

// Where the head ends, with its empty line; 0: not yet.
static uint32_t end_of_head(struct str in)
{
	const char *at = memmem(in.p, in.n, "\r\n\r\n", 4);
	return at ? (uint32_t)(at - in.p) + 4 : 0;
}

enum ws_upgrade ws_upgrade(uint32_t *length, struct buf *answer, struct str in, struct str origins)
{
	struct request r = { 0 };
	uint32_t n = end_of_head(in);
	*length = n ? n : in.n;
	if (n > WS_UPGRADE_MAX || (!n && in.n >= WS_UPGRADE_MAX))
		return refuse(answer, "431 Request Header Fields Too Large", "");
	if (!n) return WS_UPGRADE_MORE;
	if (!read_request(&r, str_head(in, n)) || r.hosts != 1) return refuse(answer, "400 Bad Request", "");
	if (!r.websocket || !r.upgrades) return refuse(answer, "426 Upgrade Required", "Upgrade: websocket\r\n");
	if (r.versions != 1 || !r.is_13) return refuse(answer, "426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n");
	if (r.keys != 1 || !is_key(r.key) || !r.sip) return refuse(answer, "400 Bad Request", ""); // RFC 7118 §4.1
	if (!may_come_from(&r, origins)) return refuse(answer, "403 Forbidden", "");
	put_z(answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	              "Sec-WebSocket-Accept: ");
	put_accept(answer, r.key);
	put_z(answer, "\r\nSec-WebSocket-Protocol: sip\r\n\r\n");
	return answer->err == OK ? WS_UPGRADE_GOOD : WS_UPGRADE_BAD;
}
