#include "crypto.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KEY "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz" // of RFC 4568 §4.1
#define SUITE_80 "AES_CM_128_HMAC_SHA1_80"

static enum err parse(struct sdp_crypto *c, const char *text)
{
	return sdp_crypto_parse(c, str_from(text));
}

static void the_rfcs_examples_are_read(void **state)
{
	struct sdp_crypto c;
	(void)state;
	assert_int_equal(parse(&c, "1 " SUITE_80 " inline:" KEY "|2^20"), OK);
	assert_int_equal(c.tag, 1);
	assert_int_equal(c.suite, SDP_AES_CM_128_HMAC_SHA1_80);
	assert_memory_equal(c.key, "YS___semctl () {\t220;}\n}\nunles", 30);
	assert_int_equal(parse(&c, "2  aes_cm_128_hmac_sha1_32\tinline:" KEY " WSH=64 -NEW=1"), OK);
	assert_int_equal(c.suite, SDP_AES_CM_128_HMAC_SHA1_32);
	assert_int_equal(parse(&c, "3 AEAD_AES_128_GCM inline:bQVkkgPQ5AJKLnwHnEJrVJGB2HAmy7bpEqSJqw=="), OK);
	assert_int_equal(
		parse(&c, "999999999 AEAD_AES_256_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVzMDEyMzQ1Njc4OWFiY2Q=|99"), OK);
}

static void what_we_cannot_keep_to_is_not_taken(void **state)
{
	static const char *const texts[] = {
		"1 " SUITE_80 " inline:" KEY "|2^20|1:4", "1 " SUITE_80 " inline:" KEY "|1:4", "1 F8_128_HMAC_SHA1_80 inline:" KEY,
		"1 " SUITE_80 " inline:" KEY "|2^20;inline:" KEY "|2^20", "1 " SUITE_80 " inline:" KEY " KDR=1",
		"1 " SUITE_80 " inline:" KEY " UNENCRYPTED_SRTP", "1 " SUITE_80 " inline:" KEY " UNAUTHENTICATED_SRTP",
		"1 " SUITE_80 " inline:" KEY " WSH=64 UNENCRYPTED_SRTCP", "1 " SUITE_80 " uri:" KEY,
	};
	struct sdp_crypto c;
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) assert_int_equal(parse(&c, texts[i]), ERR_REFUSED);
}

static void what_is_malformed_is_told(void **state)
{
	static const char *const texts[] = {
		"", "1", "1 " SUITE_80, SUITE_80 " inline:" KEY, "x " SUITE_80 " inline:" KEY, "-1 " SUITE_80 " inline:" KEY,
		"1234567890 " SUITE_80 " inline:" KEY, "1 " SUITE_80 " inline", "1 " SUITE_80 " inline:",
		"1 " SUITE_80 " inline:" KEY "AAAA",                            // too long
		"1 " SUITE_80 " inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubG", // too short
		"1 " SUITE_80 " inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVub===",
		"1 " SUITE_80 " inline:WVNfX19zZW1jdGwgKCkgewky*jA7fQp9CnVubGVz", // no base64
		"1 AEAD_AES_128_GCM inline:bQVkkgPQ5AJKLnwHnEJrVJGB2HAmy7bpEqSJqx==", // not canonical
		"1 " SUITE_80 " inline:" KEY "|", "1 " SUITE_80 " inline:" KEY "|2^49", "1 " SUITE_80 " inline:" KEY "|0",
		"1 " SUITE_80 " inline:" KEY "|2^", "1 " SUITE_80 " inline:" KEY "|many",
	};
	struct sdp_crypto c;
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) assert_int_equal(parse(&c, texts[i]), ERR_BAD);
}

static void the_first_that_serves_is_found(void **state)
{
	struct sdp_crypto c;
	(void)state;
	assert_true(sdp_crypto_find(&c, STR("a=crypto:1 NEW inline:abcd\r\na=crypto:x\r\na=cryptox:2 " SUITE_80 " inline:" KEY
	                                    "\r\na=crypto:7 " SUITE_80 " inline:" KEY "\r\n")));
	assert_int_equal(c.tag, 7);
	assert_false(sdp_crypto_find(&c, STR("a=crypto:1 NEW inline:abcd\r\n")));
	assert_false(sdp_crypto_find(&c, STR("")));
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (uint8_t suite = 1; suite < SDP_SUITE_COUNT; suite++) {
		char text[256];
		struct buf b = buf_on(text, sizeof text);
		struct sdp_crypto c = { .tag = suite, .suite = suite }, again;
		for (uint32_t i = 0; i < suites[suite].octets; i++) c.key[i] = (uint8_t)(i * 11 + suite);
		put_sdp_crypto(&b, &c);
		assert_int_equal(b.err, OK);
		assert_true(sdp_crypto_find(&again, buf_str(&b)));
		assert_memory_equal(&c, &again, sizeof c);
	}
}

static void keys_are_struck_and_nothing_else(void **state)
{
	char text[] = "INVITE sip:inline:x SIP/2.0\r\n\r\na=crypto:1 " SUITE_80 " inline:" KEY "|2^20;inline:ab+/\r\n"
	              "A=Crypto:2 AEAD_AES_128_GCM INLINE:bQVk==\na=x:inline:abc\r\na=crypto:3 inline:";
	(void)state;
	sdp_strike_keys(text, sizeof text - 1);
	assert_string_equal(text, "INVITE sip:inline:x SIP/2.0\r\n\r\na=crypto:1 " SUITE_80
	                          " inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA|2^20;inline:AAAA\r\n"
	                          "A=Crypto:2 AEAD_AES_128_GCM INLINE:AAAA==\na=x:inline:abc\r\na=crypto:3 inline:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfcs_examples_are_read),
		cmocka_unit_test(what_we_cannot_keep_to_is_not_taken),
		cmocka_unit_test(what_is_malformed_is_told),
		cmocka_unit_test(the_first_that_serves_is_found),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(keys_are_struck_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
