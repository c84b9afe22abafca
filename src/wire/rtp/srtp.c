// Secure RTP by libsrtp2.
#include "wire/rtp/srtp.h"

#include "wire/rtp/rtp.h"

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/crypto.h>
#undef ERR_STATE
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	uint8_t key, salt;
	void (*rtp)(srtp_crypto_policy_t *p), (*rtcp)(srtp_crypto_policy_t *p); // the default is AES_CM_128_HMAC_SHA1_80
} suites[SRTP_SUITE_COUNT] = {
	[SRTP_AEAD_AES_256_GCM] = { 32, 12, srtp_crypto_policy_set_aes_gcm_256_16_auth,
	                            srtp_crypto_policy_set_aes_gcm_256_16_auth },
	[SRTP_AEAD_AES_128_GCM] = { 16, 12, srtp_crypto_policy_set_aes_gcm_128_16_auth,
	                            srtp_crypto_policy_set_aes_gcm_128_16_auth },
	[SRTP_AES_CM_128_HMAC_SHA1_80] = { 16, 14, srtp_crypto_policy_set_rtp_default,
	                                   srtp_crypto_policy_set_rtp_default },
	// RFC 4568 §6.2.2: the tag of RTCP is no shorter for that.
	[SRTP_AES_CM_128_HMAC_SHA1_32] = { 16, 14, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
	                                   srtp_crypto_policy_set_rtp_default },
};

struct direction {
	srtp_t context; // NULL: nothing passes
	uint8_t suite;  // enum srtp_suite, and key, that it was made for
	uint8_t key[SRTP_KEY_MAX];
	uint16_t seq;  // of RTP, the last that was sealed
	uint8_t count; // of sources
	uint32_t sources[SRTP_SOURCES_MAX];
};
struct srtp_pair {
	struct direction in, out;
};

// Stands for those that could not be made.
static struct srtp_pair shut;

static void init_library(void)
{
	if (srtp_init() != srtp_err_status_ok) abort(); // its own tests of its ciphers failed
}

static void direction_fini(struct direction *d)
{
	if (d->context) srtp_dealloc(d->context);
	explicit_bzero(d, sizeof *d);
}

static void direction_set(struct direction *d, uint8_t suite, const uint8_t *key, bool outbound)
{
	uint32_t n = suites[suite].key + suites[suite].salt;
	if (d->suite == suite && memcmp(d->key, key, n) == 0) return;
	direction_fini(d);
	srtp_policy_t policy = { .ssrc = { .type = outbound ? ssrc_any_outbound : ssrc_any_inbound } };
	suites[suite].rtp(&policy.rtp);
	suites[suite].rtcp(&policy.rtcp);
	d->suite = suite;
	memcpy(d->key, key, n);
	policy.key = d->key;
	if (srtp_create(&d->context, &policy) != srtp_err_status_ok) d->context = NULL;
}

void srtp_pair_set(struct srtp_pair **pair, const struct srtp_keys *keys)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
	if (keys->suite == SRTP_PLAIN || keys->suite >= SRTP_SUITE_COUNT) {
		*pair = srtp_pair_free(*pair);
		return;
	}
	CRYPTO_THREAD_run_once(&once, init_library);
	if (!*pair || *pair == &shut) *pair = calloc(1, sizeof **pair);
	if (!*pair) {
		*pair = &shut;
		return;
	}
	direction_set(&(*pair)->in, keys->suite, keys->in, false);
	direction_set(&(*pair)->out, keys->suite, keys->out, true);
}

struct srtp_pair *srtp_pair_free(struct srtp_pair *pair)
{
	if (!pair || pair == &shut) return NULL;
	direction_fini(&pair->in);
	direction_fini(&pair->out);
	free(pair);
	return NULL;
}

// libsrtp2 keeps memory for each source that it was shown under a key, so that there must be an end to them.
static bool source_is_known(const struct direction *d, uint32_t ssrc)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->sources[i] == ssrc) return true;
	return false;
}

static uint32_t source_of(const uint8_t *data, uint32_t n, bool control)
{
	return n >= RTP_HEADER ? rtp_get32(data + (control ? 4 : 8)) : 0;
}

static bool source_may_come(const struct direction *d, uint32_t ssrc)
{
	return d->context && (d->count < SRTP_SOURCES_MAX || source_is_known(d, ssrc));
}

static void source_came(struct direction *d, uint32_t ssrc)
{
	if (!source_is_known(d, ssrc)) d->sources[d->count++] = ssrc;
}

enum srtp_opened srtp_pair_open(struct srtp_pair *pair, bool control, uint8_t *data, uint32_t *n)
{
	struct direction *d = &pair->in;
	uint32_t ssrc = source_of(data, *n, control);
	int length = (int)*n;
	if (*n < RTP_HEADER || !source_may_come(d, ssrc)) return SRTP_FORGED;
	srtp_err_status_t e = control ? srtp_unprotect_rtcp(d->context, data, &length)
	                              : srtp_unprotect(d->context, data, &length);
	if (e == srtp_err_status_replay_fail || e == srtp_err_status_replay_old) return SRTP_REPLAYED;
	if (e != srtp_err_status_ok || length < 0) return SRTP_FORGED;
	source_came(d, ssrc);
	*n = (uint32_t)length;
	return SRTP_OPENED;
}

enum err srtp_pair_seal(struct srtp_pair *pair, bool control, uint8_t *data, uint32_t *n)
{
	struct direction *d = &pair->out;
	uint32_t ssrc = source_of(data, *n, control);
	int length = (int)*n;
	if (*n < 8 || (!control && *n < RTP_HEADER) || !source_may_come(d, ssrc)) return ERR_FULL;
	srtp_err_status_t e = control ? srtp_protect_rtcp(d->context, data, &length)
	                              : srtp_protect(d->context, data, &length);
	if (e == srtp_err_status_replay_fail) return ERR_EXISTS;
	if (e == srtp_err_status_replay_old) return ERR_BAD;
	if (e != srtp_err_status_ok || length < 0) return ERR_FULL;
	source_came(d, ssrc);
	if (!control) d->seq = (uint16_t)(data[2] << 8 | data[3]);
	*n = (uint32_t)length;
	return OK;
}

uint16_t srtp_pair_seq(const struct srtp_pair *pair)
{
	return pair->out.seq;
}
