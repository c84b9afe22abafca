// Who is encrypted, and with which keys.
#include "call/media/secure.h"

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#include <assert.h>

static_assert(SDP_CRYPTO_LINES_MAX == SDP_SUITE_COUNT - 1, "a line for each suite");

static bool wants_keys(const struct media_leg *leg)
{
	return leg->security == MEDIA_OFFERED || leg->security == MEDIA_REQUIRED;
}

uint8_t secure_suite(struct sdp_crypto *theirs, const struct media_leg *leg, const struct sdp_media *m)
{
	if (!m->names_crypto || !wants_keys(leg) || !sdp_is_rtp(m)) return MEDIA_PLAIN;
	return sdp_crypto_find(theirs, m->section) ? theirs->suite : MEDIA_PLAIN;
}

static bool is_taken(const struct media_leg *leg, const struct sdp_media *m)
{
	struct sdp_crypto theirs;
	bool secure = secure_suite(&theirs, leg, m) != MEDIA_PLAIN;
	return secure || (leg->security < MEDIA_REQUIRED && !sdp_proto_is_secure(m->proto));
}

void secure_offer(struct sdp *offer, const struct media_leg *leg)
{
	bool secured[SDP_KIND_COUNT] = { false };
	for (uint32_t i = 0; i < offer->media_count; i++) {
		struct sdp_media *m = &offer->media[i];
		if (m->port && !is_taken(leg, m)) m->port = 0;
		secured[m->kind] |= m->port && sdp_proto_is_secure(m->proto);
	}
	for (uint32_t i = 0; i < offer->media_count; i++) { // the same in the clear, should we not have taken the other
		struct sdp_media *m = &offer->media[i];
		if (secured[m->kind] && sdp_is_rtp(m) && !sdp_proto_is_secure(m->proto)) m->port = 0;
	}
}

bool secure_answer(const struct sdp *answer, const struct media_lines *lines, const struct media_leg *leg)
{
	for (uint32_t i = 0; i < answer->media_count && i < lines->count; i++) {
		struct sdp_crypto theirs;
		const struct sdp_media *m = &answer->media[i];
		if (!m->port || !sdp_is_rtp(m)) continue;
		bool asked = leg->security >= MEDIA_REQUIRED || sdp_proto_is_secure(lines->line[i].proto);
		if ((asked || sdp_proto_is_secure(m->proto)) && !secure_suite(&theirs, leg, m)) return false;
	}
	return true;
}

uint8_t secure_proto(const struct media_leg *leg, uint8_t proto, uint8_t before)
{
	if (sdp_proto_is_rtp(proto) && sdp_proto_is_rtp(before)) return before;
	return sdp_proto_as(proto, leg->security >= MEDIA_REQUIRED);
}

static enum err need_secret(struct call_media *cm, struct media_worker *w)
{
	struct media_secret fresh = { .sides = { { 0 } } };
	if (cm->secret) return OK;
	enum err e = w->plane->ops->secret(w->plane, fresh.secret, sizeof fresh.secret);
	struct str kept = e == OK ? slab_dup(&w->texts, (struct str){ (const char *)&fresh, sizeof fresh }) : (struct str){ 0 };
	explicit_bzero(&fresh, sizeof fresh);
	cm->secret = (struct media_secret *)(uintptr_t)kept.p;
	return kept.n ? OK : ERR_SYSTEM;
}

// Our master key and salt toward a leg: nobody can tell one from another, or from chance, without the secret.
static enum err our_key(uint8_t out[SDP_KEY_MAX], const struct call_media *cm, enum media_side side, uint8_t stream,
                        uint8_t suite)
{
	const struct media_leg *leg = &cm->halves[side].leg;
	uint8_t name[12] = { (uint8_t)side, stream, suite, cm->secret->sides[side].times }, whole[EVP_MAX_MD_SIZE];
	memcpy(name + 4, &leg->leg, sizeof leg->leg);
	static_assert(sizeof leg->leg == 8 && SDP_KEY_MAX <= 64, "SHA-512 makes 64 octets");
	if (!HMAC(EVP_sha512(), cm->secret->secret, sizeof cm->secret->secret, name, sizeof name, whole, NULL))
		return ERR_SYSTEM;
	memcpy(out, whole, SDP_KEY_MAX);
	explicit_bzero(whole, sizeof whole);
	return OK;
}

enum err secure_lines(struct sdp_crypto lines[SDP_CRYPTO_LINES_MAX], uint8_t *count, struct call_media *cm,
                      struct media_worker *w, enum media_side side, uint8_t stream, const struct sdp_media *offered)
{
	const struct media_leg *leg = &cm->halves[side].leg;
	struct sdp_crypto theirs = { 0 };
	uint8_t suite = offered ? secure_suite(&theirs, leg, offered) : MEDIA_PLAIN;
	*count = 0;
	if (!wants_keys(leg) || (offered && !suite)) return OK;
	enum err e = need_secret(cm, w);
	for (uint8_t each = 1; each < MEDIA_SUITE_COUNT && e == OK; each++) {
		if (offered && each != suite) continue;
		struct sdp_crypto *line = &lines[(*count)++];
		*line = (struct sdp_crypto){ .tag = offered ? theirs.tag : each, .suite = each };
		e = our_key(line->key, cm, side, stream, each);
	}
	explicit_bzero(&theirs, sizeof theirs);
	return e;
}

static uint64_t hash_of(const struct call_media *cm, const struct sdp_crypto *theirs)
{
	struct hash_key key;
	memcpy(&key, cm->secret->secret, sizeof key);
	return hash_str(&key, (struct str){ (const char *)theirs->key, sizeof theirs->key }) | 1;
}

void secure_renew(struct call_media *cm, enum media_side side, const struct media_lines *lines, const struct sdp *offer)
{
	bool changed = false;
	for (uint32_t i = 0; cm->secret && i < lines->count && i < offer->media_count; i++) {
		struct sdp_crypto theirs;
		if (lines->line[i].stream == MEDIA_LINE_DEAD) continue;
		uint64_t known = cm->secret->sides[side].theirs[lines->line[i].stream];
		if (known && secure_suite(&theirs, &cm->halves[side].leg, &offer->media[i]))
			changed |= hash_of(cm, &theirs) != known;
	}
	if (changed) cm->secret->sides[side].times++;
}

enum err secure_tell(struct call_media *cm, struct media_worker *w, enum media_side side, uint8_t stream,
                     const struct sdp_media *m, uint8_t *suite)
{
	struct media_command c = { .kind = MEDIA_DO_KEYS, .side = (uint8_t)side, .stream = stream };
	struct sdp_crypto theirs = { 0 };
	*suite = secure_suite(&theirs, &cm->halves[side].leg, m);
	if (!*suite && !cm->secret) return OK;
	enum err e = need_secret(cm, w);
	if (e == OK && *suite) {
		c.keys.suite = *suite;
		memcpy(c.keys.in, theirs.key, sizeof c.keys.in);
		e = our_key(c.keys.out, cm, side, stream, *suite);
		cm->secret->sides[side].theirs[stream] = hash_of(cm, &theirs);
	}
	if (e == OK) e = w->plane->ops->tell(w->plane, cm->session, &c);
	explicit_bzero(&c, sizeof c);
	explicit_bzero(&theirs, sizeof theirs);
	return e;
}

void secure_leave(struct call_media *cm, enum media_side side)
{
	if (cm->secret) memset(cm->secret->sides[side].theirs, 0, sizeof cm->secret->sides[side].theirs);
}

void secure_forget(struct call_media *cm, struct media_worker *w)
{
	if (!cm->secret) return;
	explicit_bzero(cm->secret, sizeof *cm->secret);
	slab_free(&w->texts, (struct str){ (const char *)cm->secret, sizeof *cm->secret });
	cm->secret = NULL;
}
