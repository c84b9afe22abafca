// Any octets as credentials, challenge and nonce: none is ever good, and what is written is read back the same.
#include "wire/sip/digest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char out_octets[1 << 18];
static struct str in;

static void must(bool holds)
{
	if (!holds) abort();
}

static void check_inside(struct str s)
{
	must(s.n == 0 || (s.p >= in.p && s.p + s.n <= in.p + in.n));
}

static void check_credentials(void)
{
	const uint8_t ha1[32] = { 1 };
	struct sip_credentials c;
	if (sip_credentials_parse(&c, in) != PARSE_OK) return;
	const struct str parts[] = { c.username, c.realm, c.nonce, c.uri, c.response, c.cnonce, c.nc_text, c.opaque };
	for (uint32_t i = 0; i < ARRAY_LEN(parts); i++) check_inside(parts[i]);
	must(!c.qop_auth || c.nc_text.n == 8);
	must(!sip_digest_check(&c, ha1, STR("INVITE")));
}

static void check_challenge(void)
{
	const uint8_t ha1[32] = { 1 };
	struct sip_challenge c, back;
	struct sip_credentials credentials;
	if (sip_challenge_parse(&c, in) != PARSE_OK) return;
	struct buf b = buf_on(out_octets, sizeof out_octets);
	put_sip_challenge(&b, &c);
	must(b.err == OK && sip_challenge_parse(&back, buf_str(&b)) == PARSE_OK);
	must(back.qop_auth && back.algorithm_known && back.algorithm == c.algorithm && back.stale == c.stale);
	must(!back.session && !back.no_qop);
	must(str_eq(back.realm, c.realm) && str_eq(back.nonce, c.nonce) && str_eq(back.opaque, c.opaque));
	b = buf_on(out_octets, sizeof out_octets);
	put_sip_digest_answer(&b, &c, ha1, STR("a\"b\\c"), STR("BYE"), STR("sip:x"), STR("cnonce"), 0xabcdef01);
	must((b.err == OK) == sip_challenge_can_answer(&c));
	if (b.err != OK) return;
	must(sip_credentials_parse(&credentials, buf_str(&b)) == PARSE_OK);
	if (c.no_qop || c.session) return; // nothing that we would take ourselves
	must(credentials.nc == 0xabcdef01);
	must(sip_digest_check(&credentials, ha1, STR("BYE")) && !sip_digest_check(&credentials, ha1, STR("INVITE")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sip_nonce_secret secret = { { 1, 2, 3 } };
	const struct env env = { .now_ms = 1 };
	uint32_t worker;
	if (size > 16384) return 0;
	in = (struct str){ (const char *)data, (uint32_t)size };
	check_credentials();
	check_challenge();
	must(sip_nonce_check(&secret, &env, STR("r"), in, UINT32_MAX, &worker) == SIP_NONCE_FOREIGN);
	return 0;
}
