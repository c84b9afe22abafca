// a=crypto: the keys of SRTP in a description (RFC 4568; the suites of RFC 7714 too), read strictly and written.
//
//     a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20
//              tag  suite                        master key and salt, base64              lifetime
//
// Taken is what we can keep to: one key, of the suite's length, without a key identifier (MKI), and no session
// parameter that takes encryption or authentication away or changes how keys are derived. The lifetime is checked for
// its form and no more: no call lasts for 2^48 packets, and none is encrypted for longer than a call.
#pragma once

#include "base/buf.h"

// Suites in our order of preference: name, octets of the master key, of the master salt.
#define SDP_SUITES(X)                                                                                                  \
	X(AEAD_AES_256_GCM, 32, 12) X(AEAD_AES_128_GCM, 16, 12)                                                            \
	X(AES_CM_128_HMAC_SHA1_80, 16, 14) X(AES_CM_128_HMAC_SHA1_32, 16, 14)
#define SDP_SUITE_ENUM(name, key, salt) SDP_##name,
enum sdp_suite { SDP_PLAIN, SDP_SUITES(SDP_SUITE_ENUM) SDP_SUITE_COUNT };

#define SDP_KEY_MAX 44         // octets of the longest master key and salt
#define SDP_CRYPTO_LINES_MAX 4 // that we write for one medium

struct sdp_crypto {
	uint32_t tag;
	uint8_t suite; // enum sdp_suite
	uint8_t key[SDP_KEY_MAX];
};

// The value of one a=crypto. ERR_BAD: it is malformed. ERR_REFUSED: well-formed, and none that we can keep to.
MUST_CHECK enum err sdp_crypto_parse(struct sdp_crypto *out, struct str value);
// The first in a section that we can keep to; false: none.
bool sdp_crypto_find(struct sdp_crypto *out, struct str section);
// The whole line.
void put_sdp_crypto(struct buf *b, const struct sdp_crypto *crypto);

// Before a message is kept for people to read: the keys in its a=crypto lines become "AAA...", of the same length, so
// that all else stays as it was. In place.
void sdp_strike_keys(char *text, uint32_t n);
