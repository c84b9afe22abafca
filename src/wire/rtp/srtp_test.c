// SRTP held against the RFCs by a second, slow implementation on libcrypto, which is itself held against their vectors.
#include "srtp.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#define HEX_MAX 64

static uint32_t hex(uint8_t *out, const char *text)
{
	uint32_t n = 0;
	for (; text[0] && text[1]; text += 2, n++) {
		char two[3] = { text[0], text[1], 0 };
		out[n] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static void assert_hex(const uint8_t *is, const char *text)
{
	uint8_t want[HEX_MAX];
	uint32_t n = hex(want, text);
	assert_memory_equal(is, want, n);
}

// AES in counter mode over zeros or over data, in place.
static void counter_mode(uint8_t *data, uint32_t n, const uint8_t *key, uint32_t key_n, const uint8_t iv[16])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int done = 0;
	assert_int_equal(EVP_EncryptInit_ex(c, key_n == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr(), NULL, key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(c, data, &done, data, (int)n), 1);
	EVP_CIPHER_CTX_free(c);
}

// RFC 3711 §4.3.1 with a key derivation rate of 0.
static void derive(uint8_t *out, uint32_t n, const uint8_t *master, uint32_t key_n, uint32_t salt_n, uint8_t label)
{
	uint8_t iv[16] = { 0 };
	memcpy(iv, master + key_n, salt_n);
	iv[7] ^= label;
	memset(out, 0, n);
	counter_mode(out, n, master, key_n, iv);
}

// RFC 3711 §4.1.1, §4.2.1: what is behind the header, and the tag over all and the roll-over counter.
static uint32_t seal_cm(uint8_t *p, uint32_t n, const uint8_t *master, uint32_t roc, uint32_t tag_n)
{
	uint8_t key[16], salt[14], auth[20], iv[16] = { 0 }, tag[20], counted[RTP_PACKET_MAX + 4];
	derive(key, 16, master, 16, 14, 0);
	derive(auth, 20, master, 16, 14, 1);
	derive(salt, 14, master, 16, 14, 2);
	memcpy(iv, salt, 14);
	for (uint32_t i = 0; i < 4; i++) iv[4 + i] ^= p[8 + i], iv[8 + i] ^= (uint8_t)(roc >> (24 - 8 * i));
	iv[12] ^= p[2], iv[13] ^= p[3];
	counter_mode(p + RTP_HEADER, n - RTP_HEADER, key, 16, iv);
	memcpy(counted, p, n);
	rtp_set32(counted + n, roc);
	assert_non_null(HMAC(EVP_sha1(), auth, 20, counted, n + 4, tag, NULL));
	memcpy(p + n, tag, tag_n);
	return n + tag_n;
}

static void gcm(uint8_t *data, uint32_t n, const uint8_t *aad, uint32_t aad_n, const uint8_t *key, uint32_t key_n,
                const uint8_t iv[12])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int done = 0;
	assert_int_equal(EVP_EncryptInit_ex(c, key_n == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(), NULL, key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(c, NULL, &done, aad, (int)aad_n), 1);
	assert_int_equal(EVP_EncryptUpdate(c, data, &done, data, (int)n), 1);
	assert_int_equal(EVP_EncryptFinal_ex(c, data + n, &done), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, data + n), 1);
	EVP_CIPHER_CTX_free(c);
}

// RFC 7714 §8.1, §9.2, §11.
static uint32_t seal_gcm(uint8_t *p, uint32_t n, const uint8_t *master, uint32_t key_n, uint32_t roc)
{
	uint8_t key[32], iv[12], salt[12];
	derive(key, key_n, master, key_n, 12, 0);
	derive(salt, 12, master, key_n, 12, 2);
	memset(iv, 0, sizeof iv);
	memcpy(iv + 2, p + 8, 4);
	rtp_set32(iv + 6, roc);
	iv[10] = p[2], iv[11] = p[3];
	for (uint32_t i = 0; i < 12; i++) iv[i] ^= salt[i];
	gcm(p + RTP_HEADER, n - RTP_HEADER, p, RTP_HEADER, key, key_n, iv);
	return n + 16;
}

static uint32_t seal_slowly(uint8_t *p, uint32_t n, uint8_t suite, const uint8_t *key, uint32_t roc)
{
	switch (suite) {
	case SRTP_AEAD_AES_256_GCM: return seal_gcm(p, n, key, 32, roc);
	case SRTP_AEAD_AES_128_GCM: return seal_gcm(p, n, key, 16, roc);
	case SRTP_AES_CM_128_HMAC_SHA1_80: return seal_cm(p, n, key, roc, 10);
	default: return seal_cm(p, n, key, roc, 4);
	}
}

static uint8_t packet[RTP_PACKET_MAX + SRTP_GROWTH_MAX], expected[RTP_PACKET_MAX + SRTP_GROWTH_MAX];

static uint32_t make(uint8_t *p, uint16_t seq, uint32_t ssrc)
{
	rtp_write(p, &(struct rtp_packet){ .pt = 0, .seq = seq, .ts = seq * 160u, .ssrc = ssrc });
	memset(p + RTP_HEADER, 0xab, 160);
	return RTP_HEADER + 160;
}

static uint32_t make_control(uint8_t *p, uint32_t ssrc)
{
	static const uint8_t receiver_report[] = { 0x80, 201, 0, 1, 0, 0, 0, 0, 0x80, 203, 0, 0 };
	memcpy(p, receiver_report, sizeof receiver_report);
	rtp_set32(p + 4, ssrc);
	return sizeof receiver_report;
}

// One that hears itself: in and out have the same key.
static struct srtp_pair *mirror(uint8_t suite)
{
	struct srtp_keys keys = { .suite = suite };
	struct srtp_pair *pair = NULL;
	for (uint32_t i = 0; i < SRTP_KEY_MAX; i++) keys.in[i] = keys.out[i] = (uint8_t)(i * 7 + suite);
	srtp_pair_set(&pair, &keys);
	return pair;
}

static void vectors_of_the_rfcs_hold(void **state)
{
	uint8_t master[HEX_MAX], out[160], data[HEX_MAX], aad[12], key[32], iv[16];
	(void)state;
	// RFC 3711 B.3: key derivation.
	hex(master, "E1F97A0D3E018BE0D64FA32C06DE4139" "0EC675AD498AFEEBB6960B3AABE6");
	derive(out, 16, master, 16, 14, 0);
	assert_hex(out, "C61E7A93744F39EE10734AFE3FF7A087");
	derive(out, 14, master, 16, 14, 2);
	assert_hex(out, "30CBBC08863D8C85D49DB34A9AE1");
	derive(out, 94, master, 16, 14, 1);
	assert_hex(out, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
	// RFC 3711 B.2: the key stream, here its second block.
	hex(key, "2B7E151628AED2A6ABF7158809CF4F3C");
	hex(iv, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0001");
	memset(out, 0, 16);
	counter_mode(out, 16, key, 16, iv);
	assert_hex(out, "D23513162B02D0F72A43A2FE4A5F97AB");
	// RFC 6188 7.2: key derivation with 256 bits.
	hex(master, "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6" "3b04803de51ee7c96423ab5b78d2");
	derive(out, 32, master, 32, 14, 0);
	assert_hex(out, "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
	derive(out, 14, master, 32, 14, 2);
	assert_hex(out, "fa31791685ca444a9e07c6c64e93");
	// RFC 7714 16.1.1: a packet under a session key of 128 bits.
	hex(key, "000102030405060708090a0b0c0d0e0f");
	hex(iv, "51753c6580c2726f20718414");
	hex(aad, "8040f17b8041f8d35501a0b2");
	uint32_t n = hex(data, "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
	memset(out, 0, sizeof out);
	memcpy(out, data, n);
	gcm(out, n, aad, 12, key, 16, iv);
	assert_hex(out, "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
	                "899d7f27beb16a9152cf765ee4390cce");
}

static void every_suite_seals_as_the_rfcs_say(void **state)
{
	(void)state;
	for (uint8_t suite = 1; suite < SRTP_SUITE_COUNT; suite++) {
		struct srtp_pair *pair = mirror(suite);
		uint8_t key[SRTP_KEY_MAX];
		for (uint32_t i = 0; i < SRTP_KEY_MAX; i++) key[i] = (uint8_t)(i * 7 + suite);
		for (uint32_t i = 0; i < 4; i++) { // over the end of the sequence numbers, too
			uint16_t seq = (uint16_t)(65534 + i);
			uint32_t n = make(packet, seq, 0xcafebabe), want = make(expected, seq, 0xcafebabe);
			want = seal_slowly(expected, want, suite, key, i > 1);
			assert_int_equal(srtp_pair_seal(pair, false, packet, &n), OK);
			assert_int_equal(n, want);
			assert_memory_equal(packet, expected, n);
			assert_int_equal(srtp_pair_open(pair, false, packet, &n), SRTP_OPENED);
			assert_int_equal(n, make(expected, seq, 0xcafebabe));
			assert_memory_equal(packet, expected, n);
			assert_int_equal(srtp_pair_seq(pair), seq);
		}
		srtp_pair_free(pair);
	}
}

static void forged_and_replayed_packets_do_not_open(void **state)
{
	(void)state;
	for (uint8_t suite = 1; suite < SRTP_SUITE_COUNT; suite++) {
		struct srtp_pair *pair = mirror(suite);
		uint32_t n = make(packet, 100, 1), plain = n;
		assert_int_equal(srtp_pair_open(pair, false, packet, &plain), SRTP_FORGED); // never was encrypted
		assert_int_equal(srtp_pair_seal(pair, false, packet, &n), OK);
		memcpy(expected, packet, n);
		for (uint32_t i = 1; i < n; i += 13) { // any octet
			uint32_t length = n;
			packet[i] ^= 1;
			assert_int_equal(srtp_pair_open(pair, false, packet, &length), SRTP_FORGED);
			memcpy(packet, expected, n);
		}
		uint32_t once = n, twice = n, cut = n - 1;
		assert_int_equal(srtp_pair_open(pair, false, packet, &cut), SRTP_FORGED);
		memcpy(packet, expected, n);
		assert_int_equal(srtp_pair_open(pair, false, packet, &once), SRTP_OPENED);
		assert_int_equal(srtp_pair_open(pair, false, expected, &twice), SRTP_REPLAYED);
		srtp_pair_free(pair);
	}
}

static void control_packets_are_sealed_and_numbered(void **state)
{
	(void)state;
	for (uint8_t suite = 1; suite < SRTP_SUITE_COUNT; suite++) {
		struct srtp_pair *pair = mirror(suite);
		for (uint32_t i = 0; i < 3; i++) {
			uint32_t n = make_control(packet, 9), plain = make_control(expected, 9);
			assert_int_equal(srtp_pair_seal(pair, true, packet, &n), OK);
			assert_int_equal(n, plain + 4 + (suite <= SRTP_AEAD_AES_128_GCM ? 16 : 10)); // never the short tag
			assert_memory_equal(packet, expected, 8);
			assert_memory_not_equal(packet + 8, expected + 8, 4);
			memcpy(expected + 100, packet, n);
			uint32_t again = n;
			assert_int_equal(srtp_pair_open(pair, true, packet, &n), SRTP_OPENED);
			assert_int_equal(n, plain);
			assert_memory_equal(packet, expected, n);
			assert_int_equal(srtp_pair_open(pair, true, expected + 100, &again), SRTP_REPLAYED);
		}
		srtp_pair_free(pair);
	}
}

static void a_sequence_number_is_never_sealed_twice(void **state)
{
	struct srtp_pair *pair = mirror(SRTP_AES_CM_128_HMAC_SHA1_80);
	uint32_t n = make(packet, 5000, 1);
	(void)state;
	assert_int_equal(srtp_pair_seal(pair, false, packet, &n), OK);
	n = make(packet, 5000, 1);
	assert_int_equal(srtp_pair_seal(pair, false, packet, &n), ERR_EXISTS);
	n = make(packet, 3000, 1);
	assert_int_equal(srtp_pair_seal(pair, false, packet, &n), ERR_BAD);
	n = make(packet, 4990, 1); // late, and not sent before
	assert_int_equal(srtp_pair_seal(pair, false, packet, &n), OK);
	srtp_pair_free(pair);
}

static void a_key_that_stays_goes_on(void **state)
{
	struct srtp_keys keys = { .suite = SRTP_AES_CM_128_HMAC_SHA1_80 };
	struct srtp_pair *pair = NULL;
	(void)state;
	srtp_pair_set(&pair, &keys);
	uint32_t n = make(packet, 65535, 1);
	assert_int_equal(srtp_pair_seal(pair, false, packet, &n), OK);
	memcpy(expected, packet, n);
	assert_int_equal(srtp_pair_open(pair, false, packet, &n), SRTP_OPENED);
	srtp_pair_set(&pair, &keys); // the same, as a re-INVITE says them
	n = RTP_HEADER + 170;
	assert_int_equal(srtp_pair_open(pair, false, expected, &n), SRTP_REPLAYED);
	n = make(packet, 0, 1); // the roll-over counter is 1 now
	assert_int_equal(seal_slowly(expected, make(expected, 0, 1), keys.suite, keys.out, 1), n + 10);
	assert_int_equal(srtp_pair_seal(pair, false, packet, &n), OK);
	assert_memory_equal(packet, expected, n);
	keys.out[3] = 1; // a new key of ours alone: counted anew, and what comes in goes on
	srtp_pair_set(&pair, &keys);
	n = make(packet, 1, 1);
	seal_slowly(expected, make(expected, 1, 1), keys.suite, keys.out, 0);
	assert_int_equal(srtp_pair_seal(pair, false, packet, &n), OK);
	assert_memory_equal(packet, expected, n);
	n = make(packet, 1, 1);
	n = seal_slowly(packet, n, keys.suite, keys.in, 1);
	assert_int_equal(srtp_pair_open(pair, false, packet, &n), SRTP_OPENED);
	keys.suite = SRTP_PLAIN;
	srtp_pair_set(&pair, &keys);
	assert_null(pair);
}

static void sources_under_a_key_are_counted(void **state)
{
	struct srtp_pair *pair = mirror(SRTP_AES_CM_128_HMAC_SHA1_80);
	(void)state;
	for (uint32_t ssrc = 1; ssrc <= SRTP_SOURCES_MAX + 1; ssrc++) {
		uint32_t n = make(packet, 1, ssrc), key = ssrc <= SRTP_SOURCES_MAX;
		assert_int_equal(srtp_pair_seal(pair, false, packet, &n), key ? OK : ERR_FULL);
		if (!key) n = seal_slowly(packet, n, SRTP_AES_CM_128_HMAC_SHA1_80, pair->in.key, 0);
		assert_int_equal(srtp_pair_open(pair, false, packet, &n), key ? SRTP_OPENED : SRTP_FORGED);
	}
	srtp_pair_free(pair);
}

static void what_cannot_be_made_lets_nothing_pass(void **state)
{
	uint32_t n = make(packet, 1, 1);
	(void)state;
	assert_int_equal(srtp_pair_seal(&shut, false, packet, &n), ERR_FULL);
	assert_int_equal(srtp_pair_open(&shut, false, packet, &n), SRTP_FORGED);
	assert_null(srtp_pair_free(&shut));
	assert_null(srtp_pair_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_the_rfcs_hold),
		cmocka_unit_test(every_suite_seals_as_the_rfcs_say),
		cmocka_unit_test(forged_and_replayed_packets_do_not_open),
		cmocka_unit_test(control_packets_are_sealed_and_numbered),
		cmocka_unit_test(a_sequence_number_is_never_sealed_twice),
		cmocka_unit_test(a_key_that_stays_goes_on),
		cmocka_unit_test(sources_under_a_key_are_counted),
		cmocka_unit_test(what_cannot_be_made_lets_nothing_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
