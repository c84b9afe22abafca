// Secure RTP and RTCP (RFC 3711, RFC 7714): packets of one stream of a side, opened as they come and sealed as they
// go. The cryptography is libsrtp2's, which stands behind this file alone.
//
//     RTP   header │ payload (encrypted) │ tag 4, 10 or 16 octets
//     RTCP  8 octets of header │ the rest (encrypted) │ E and index │ tag 10 or 16 octets
//
// An opened packet is as if it had come in the clear, so that nobody else need know.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

// RFC 4568 §6.2, RFC 7714 §14.2.
#define SRTP_SUITES(X)                                                                                                 \
	X(AEAD_AES_256_GCM) X(AEAD_AES_128_GCM) X(AES_CM_128_HMAC_SHA1_80) X(AES_CM_128_HMAC_SHA1_32)
#define SRTP_SUITE_ENUM(name) SRTP_##name,
enum srtp_suite { SRTP_PLAIN, SRTP_SUITES(SRTP_SUITE_ENUM) SRTP_SUITE_COUNT };

#define SRTP_KEY_MAX 44     // octets of the longest master key and salt
#define SRTP_GROWTH_MAX 20  // octets by which a sealed packet may be longer
#define SRTP_SOURCES_MAX 16 // SSRCs under one key: a source that changes more often than that is no telephone

// The master keys of both directions, each followed by its salt.
struct srtp_keys {
	uint8_t suite; // enum srtp_suite
	uint8_t in[SRTP_KEY_MAX], out[SRTP_KEY_MAX];
};

struct srtp_pair;

// Makes *pair use these keys; it is made when it is NULL. A direction whose key stays goes on where it is: its
// roll-over counter and its list of packets seen live as long as the key (RFC 3711 §3.2.1). PLAIN frees it. When there
// is no memory, or libsrtp2 does not know the suite, it is there and lets nothing pass: never is a stream sent in the
// clear that was to be secret.
void srtp_pair_set(struct srtp_pair **pair, const struct srtp_keys *keys);
// Wipes the keys. NULL is fine; returns NULL.
struct srtp_pair *srtp_pair_free(struct srtp_pair *pair);

enum srtp_opened {
	SRTP_OPENED,
	SRTP_FORGED,   // the tag is not that of our peer, or it is no packet at all
	SRTP_REPLAYED, // seen before, or too old to know
};
// In place; *n shrinks. `control`: it is RTCP.
enum srtp_opened srtp_pair_open(struct srtp_pair *pair, bool control, uint8_t *data, uint32_t *n);
// In place; *n grows by SRTP_GROWTH_MAX at most, for which there must be room. The same key stream must never cover two
// packets: ERR_EXISTS, this sequence number was sealed before; ERR_BAD, it is so far back that nobody knows. ERR_FULL: it
// cannot be sealed.
MUST_CHECK enum err srtp_pair_seal(struct srtp_pair *pair, bool control, uint8_t *data, uint32_t *n);
// The sequence number of the RTP packet that was sealed last.
uint16_t srtp_pair_seq(const struct srtp_pair *pair);
