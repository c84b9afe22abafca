// RFC 4568.
#include "wire/sdp/crypto.h"

#include "wire/sdp/sdp.h"

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/evp.h>
#undef ERR_STATE

#define BASE64_MAX 64 // octets of the longest key: 60, and its end

static const struct {
	struct str name;
	uint8_t octets;
} suites[SDP_SUITE_COUNT] = {
#define SUITE(name, key, salt) [SDP_##name] = { STR_INIT(#name), (key) + (salt) },
	SDP_SUITES(SUITE)
};

static struct str word_next(struct str *rest)
{
	while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t')) *rest = str_from_at(*rest, 1);
	uint32_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t') n++;
	struct str word = str_head(*rest, n);
	*rest = str_from_at(*rest, n);
	return word;
}

static uint8_t suite_named(struct str name)
{
	uint8_t suite = 1;
	while (suite < SDP_SUITE_COUNT && !str_eq_nocase(suites[suite].name, name)) suite++;
	return suite;
}

// Canonical base64 of exactly so many octets (RFC 4648 §3.5): what does not come out of it again as it went in is none.
static bool base64_read(uint8_t *out, uint32_t octets, struct str text)
{
	uint8_t raw[BASE64_MAX];
	char again[BASE64_MAX + 4];
	if (text.n != (octets + 2) / 3 * 4 || text.n > 60) return false;
	if (EVP_DecodeBlock(raw, (const unsigned char *)text.p, (int)text.n) < (int)octets) return false;
	EVP_EncodeBlock((unsigned char *)again, raw, (int)octets);
	if (memcmp(again, text.p, text.n) != 0) return false;
	memcpy(out, raw, octets);
	return true;
}

// "2^20", or the number itself (RFC 4568 §9.2).
static bool is_lifetime(struct str text)
{
	uint32_t power;
	uint64_t packets;
	if (str_starts(text, STR("2^"))) return str_to_u32(&power, str_from_at(text, 2), 48) == OK && power > 0;
	return text.n && text.p[0] != '0' && str_to_u64(&packets, text, 1ull << 48) == OK;
}

// key-params: "inline:" key ["|" lifetime] ["|" MKI ":" length].
static enum err parse_key(struct sdp_crypto *out, struct str text)
{
	struct str rest = text, method = str_cut(&rest, ':'), key = str_cut(&rest, '|'), second = str_cut(&rest, '|');
	if (!method.n || !key.n) return ERR_BAD;
	if (!str_eq_nocase(method, STR("inline")) || str_find_char(text, ';') >= 0) return ERR_REFUSED; // or several keys
	if (!base64_read(out->key, suites[out->suite].octets, key)) return ERR_BAD;
	if (str_find_char(second, ':') >= 0 || rest.n) return ERR_REFUSED; // an MKI
	if (text.n && text.p[text.n - 1] == '|') return ERR_BAD;
	return !second.n || is_lifetime(second) ? OK : ERR_BAD;
}

// What a session parameter asks of us that we do anyway, or that it leaves to us (RFC 4568 §6.3.7: a leading "-").
static bool can_keep_to(struct str parameter)
{
	return parameter.p[0] == '-' || str_starts_nocase(parameter, STR("WSH="));
}

enum err sdp_crypto_parse(struct sdp_crypto *out, struct str value)
{
	struct str rest = value, tag = word_next(&rest), suite = word_next(&rest), key = word_next(&rest), parameter;
	*out = (struct sdp_crypto){ 0 };
	if (tag.n > 9 || str_to_u32(&out->tag, tag, 999999999) != OK || !suite.n || !key.n) return ERR_BAD;
	out->suite = suite_named(suite);
	if (out->suite == SDP_SUITE_COUNT) return ERR_REFUSED;
	enum err e = parse_key(out, key);
	while (e == OK && (parameter = word_next(&rest)).n)
		if (!can_keep_to(parameter)) e = ERR_REFUSED;
	return e;
}

bool sdp_crypto_find(struct sdp_crypto *out, struct str section)
{
	struct str value;
	while (sdp_attribute_next(&section, STR("crypto"), &value))
		if (sdp_crypto_parse(out, value) == OK) return true;
	return false;
}

void put_sdp_crypto(struct buf *b, const struct sdp_crypto *crypto)
{
	char text[BASE64_MAX + 4];
	put_fmt(b, "a=crypto:%u %.*s inline:", crypto->tag, STR_FMT(suites[crypto->suite].name));
	int n = EVP_EncodeBlock((unsigned char *)text, crypto->key, suites[crypto->suite].octets);
	put(b, (struct str){ text, (uint32_t)n });
	put(b, STR("\r\n"));
	explicit_bzero(text, sizeof text);
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

void sdp_strike_keys(char *text, uint32_t n)
{
	static const struct str method = STR_INIT("inline:");
	struct str rest = { text, n };
	while (rest.n) {
		char *at = text + (n - rest.n);
		struct str line = str_cut(&rest, '\n');
		if (!str_starts_nocase(line, STR("a=crypto:"))) continue;
		for (uint32_t i = 0; i + method.n <= line.n; i++) {
			if (!str_starts_nocase(str_from_at(line, i), method)) continue;
			for (i += method.n; i < line.n && is_base64(at[i]); i++) at[i] = 'A';
		}
	}
}
