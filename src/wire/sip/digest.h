// HTTP digest for SIP (RFC 3261 §22, RFC 7616, RFC 8760), both sides: MD5 and SHA-256, qop=auth. Nonces carry their own
// proof, so a challenge needs no memory:
//
//     nonce = hex( time_ms(8) | worker(2) | random(6) | first 16 octets of HMAC-SHA256(secret, those 16 + realm) )
//
// Which nonce counts (nc) were used is the live/ folder's business.
#pragma once

#include "base/env.h"
#include "wire/sip/msg.h"

#define SIP_NONCE_LEN 64 // characters

enum sip_digest_algorithm { SIP_DIGEST_MD5, SIP_DIGEST_SHA256, SIP_DIGEST_COUNT };

struct sip_credentials { // an Authorization header, decoded
	enum sip_digest_algorithm algorithm; // MD5 when it is not said
	bool algorithm_known, qop_auth, userhash;
	struct str username, realm, nonce, uri, response, cnonce, nc_text, opaque;
	uint32_t nc;
};
// Decodes one Authorization or Proxy-Authorization value; slices stand in it, without quotes, escapes still inside.
// PARSE_BAD: not Digest, missing or doubled fields, a username in the form "username*" (RFC 7616 §3.4, not supported).
// Credentials without qop, or with another, are well formed, but sip_digest_check refuses them.
enum parse sip_credentials_parse(struct sip_credentials *out, struct str value);

struct sip_challenge { // a WWW-Authenticate or Proxy-Authenticate header, decoded
	enum sip_digest_algorithm algorithm;
	bool algorithm_known, qop_auth, stale;
	bool session; // algorithm "...-sess": HA1 is hashed once more with nonce and cnonce (RFC 7616 §3.4.2)
	bool no_qop;  // none is offered: a challenge of RFC 2069, which RFC 3261 §22.4 still has answered
	struct str realm, nonce, opaque;
};
enum parse sip_challenge_parse(struct sip_challenge *out, struct str value);
// Writes "Digest realm=..., nonce=..., ..." with qop="auth"; the value of a challenge of ours.
void put_sip_challenge(struct buf *b, const struct sip_challenge *c);

struct sip_nonce_secret {
	uint8_t octets[32];
};
// Writes a nonce (SIP_NONCE_LEN characters).
void put_sip_nonce(struct buf *b, const struct sip_nonce_secret *secret, struct env *env, struct str realm);
enum sip_nonce_state { SIP_NONCE_GOOD, SIP_NONCE_OLD, SIP_NONCE_FOREIGN };
// Is it ours (constant time), and not older than life_ms? *worker says who issued it.
enum sip_nonce_state sip_nonce_check(const struct sip_nonce_secret *secret, const struct env *env, struct str realm,
                                     struct str nonce, uint32_t life_ms, uint32_t *worker);

// HA1 = H(username:realm:password), the form that is stored: 16 octets of MD5, 32 of SHA-256. Returns their number,
// 0 when this machine's libcrypto does not offer the algorithm (as MD5 under FIPS rules).
uint32_t sip_digest_ha1(uint8_t out[32], enum sip_digest_algorithm a, struct str user, struct str realm,
                        struct str password);
// Does the response fit HA1 and the request (method, and uri as said in the credentials)? Constant time.
bool sip_digest_check(const struct sip_credentials *c, const uint8_t *ha1, struct str method);
// Writes "Digest username=..., ..." for a challenge that we answer (trunks with stored credentials, test parties).
// The writer's error is set when the challenge is not one to answer: no qop that we know, or an unknown algorithm.
bool sip_challenge_can_answer(const struct sip_challenge *c);
void put_sip_digest_answer(struct buf *b, const struct sip_challenge *c, const uint8_t *ha1, struct str user,
                           struct str method, struct str uri, struct str cnonce, uint32_t nc);
