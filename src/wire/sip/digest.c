// HTTP digest: credentials, challenges, nonces (RFC 7616, RFC 8760).
#include "wire/sip/digest.h"
#include "wire/sip/msg_scan.h"

#include <assert.h>
#include <stdlib.h>

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/crypto.h>
#include <openssl/evp.h>
#undef ERR_STATE

// HASHES. The algorithms are fetched once a process and a context is kept per thread: OpenSSL takes longer to find an
// algorithm than to hash a line.
static const struct algorithm {
	const char *fetched_as;
	struct str name; // RFC 7616 §3.3
	uint32_t octets;
} algorithms[SIP_DIGEST_COUNT] = {
	[SIP_DIGEST_MD5] = { "MD5", STR_INIT("MD5"), 16 },
	[SIP_DIGEST_SHA256] = { "SHA256", STR_INIT("SHA-256"), 32 },
};
static EVP_MD *fetched[SIP_DIGEST_COUNT];
static CRYPTO_THREAD_LOCAL context_key;
static CRYPTO_ONCE fetch_once = CRYPTO_ONCE_STATIC_INIT;

static void free_context(void *context)
{
	EVP_MD_CTX_free(context);
}

static void fetch(void)
{
	for (uint32_t a = 0; a < SIP_DIGEST_COUNT; a++) fetched[a] = EVP_MD_fetch(NULL, algorithms[a].fetched_as, NULL);
	if (!CRYPTO_THREAD_init_local(&context_key, free_context)) abort();
}

static EVP_MD_CTX *thread_context(void)
{
	if (!CRYPTO_THREAD_run_once(&fetch_once, fetch)) return NULL;
	EVP_MD_CTX *context = CRYPTO_THREAD_get_local(&context_key);
	if (context) return context;
	context = EVP_MD_CTX_new();
	if (context && !CRYPTO_THREAD_set_local(&context_key, context)) {
		EVP_MD_CTX_free(context);
		return NULL;
	}
	return context;
}

#define HASH_MAX 32 // octets

struct hash {
	uint8_t octets[HASH_MAX];
	uint32_t n; // 0: it could not be made
};

// Of all pieces, with a separator between them.
static struct hash hash_of(enum sip_digest_algorithm a, struct str between, const struct str *pieces, uint32_t count)
{
	struct hash h = { .n = algorithms[a].octets };
	EVP_MD_CTX *context = thread_context();
	bool good = context && fetched[a] && EVP_DigestInit_ex2(context, fetched[a], NULL) == 1;
	for (uint32_t i = 0; good && i < count; i++) {
		if (i && between.n) good = EVP_DigestUpdate(context, between.p, between.n) == 1;
		good = good && EVP_DigestUpdate(context, pieces[i].p, pieces[i].n) == 1;
	}
	if (!good || EVP_DigestFinal_ex(context, h.octets, NULL) != 1) h.n = 0;
	return h;
}

struct hex {
	char digits[2 * HASH_MAX];
};

// The text is good as long as *memory.
static struct str hex_of(struct hex *memory, const uint8_t *octets, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		memory->digits[2 * i] = "0123456789abcdef"[octets[i] >> 4];
		memory->digits[2 * i + 1] = "0123456789abcdef"[octets[i] & 15];
	}
	return (struct str){ memory->digits, 2 * n };
}

// NONCES.
#define NONCE_HEAD 16  // octets: time, worker, chance
#define NONCE_PROOF 16 // octets of the HMAC
static_assert(2 * (NONCE_HEAD + NONCE_PROOF) == SIP_NONCE_LEN, "a nonce is hexadecimal");

// HMAC-SHA256 (RFC 2104) over the head and the realm.
static struct hash nonce_proof(const struct sip_nonce_secret *secret, const uint8_t head[NONCE_HEAD], struct str realm)
{
	uint8_t inner[64] = { 0 }, outer[64] = { 0 };
	memcpy(inner, secret->octets, sizeof secret->octets);
	memcpy(outer, secret->octets, sizeof secret->octets);
	for (uint32_t i = 0; i < sizeof inner; i++) inner[i] ^= 0x36, outer[i] ^= 0x5c;
	const struct str first[] = { { (char *)inner, sizeof inner }, { (const char *)head, NONCE_HEAD }, realm };
	struct hash h = hash_of(SIP_DIGEST_SHA256, STR(""), first, ARRAY_LEN(first));
	const struct str second[] = { { (char *)outer, sizeof outer }, { (char *)h.octets, h.n } };
	return h.n ? hash_of(SIP_DIGEST_SHA256, STR(""), second, ARRAY_LEN(second)) : h;
}

static void write_be(uint8_t *out, uint64_t v, uint32_t octets)
{
	for (; octets; v >>= 8) out[--octets] = (uint8_t)v;
}

static uint64_t read_be(const uint8_t *in, uint32_t octets)
{
	uint64_t v = 0;
	for (uint32_t i = 0; i < octets; i++) v = v << 8 | in[i];
	return v;
}

void put_sip_nonce(struct buf *b, const struct sip_nonce_secret *secret, struct env *env, struct str realm)
{
	uint8_t head[NONCE_HEAD];
	struct hex memory;
	write_be(head, env->now_ms, 8);
	write_be(head + 8, env->worker, 2);
	write_be(head + 10, random_u64(&env->random), 6);
	struct hash proof = nonce_proof(secret, head, realm);
	put(b, hex_of(&memory, head, NONCE_HEAD));
	put(b, hex_of(&memory, proof.octets, NONCE_PROOF));
}

// Lower case only, as we wrote it: a nonce has one spelling, so that its use can be remembered by its text.
static bool read_nonce(uint8_t out[NONCE_HEAD + NONCE_PROOF], struct str nonce)
{
	if (nonce.n != SIP_NONCE_LEN) return false;
	for (uint32_t i = 0; i < nonce.n; i += 2) {
		int octet = sip_hex_octet(nonce.p + i);
		if (octet < 0 || ascii_lower(nonce.p[i]) != nonce.p[i] || ascii_lower(nonce.p[i + 1]) != nonce.p[i + 1])
			return false;
		out[i / 2] = (uint8_t)octet;
	}
	return true;
}

enum sip_nonce_state sip_nonce_check(const struct sip_nonce_secret *secret, const struct env *env, struct str realm,
                                     struct str nonce, uint32_t life_ms, uint32_t *worker)
{
	uint8_t octets[NONCE_HEAD + NONCE_PROOF];
	if (!read_nonce(octets, nonce)) return SIP_NONCE_FOREIGN;
	struct hash proof = nonce_proof(secret, octets, realm);
	if (proof.n == 0 || CRYPTO_memcmp(proof.octets, octets + NONCE_HEAD, NONCE_PROOF) != 0) return SIP_NONCE_FOREIGN;
	*worker = (uint32_t)read_be(octets + 8, 2);
	uint64_t made_ms = read_be(octets, 8);
	// Another worker's clock may be a moment ahead of ours: that nonce is new, not old.
	return env->now_ms > made_ms && env->now_ms - made_ms > life_ms ? SIP_NONCE_OLD : SIP_NONCE_GOOD;
}

// FIELDS of a challenge or of credentials.
#define FIELDS(X)                                                                                                      \
	X(USERNAME, "username") X(USERNAME_STAR, "username*") X(REALM, "realm") X(NONCE, "nonce") X(URI, "uri")            \
	X(RESPONSE, "response") X(CNONCE, "cnonce") X(NC, "nc") X(OPAQUE, "opaque") X(ALGORITHM, "algorithm")              \
	X(QOP, "qop") X(USERHASH, "userhash") X(STALE, "stale")
#define FIELD_ENUM(id, name) FIELD_##id,
#define FIELD_NAME(id, name) STR_INIT(name),
enum { FIELDS(FIELD_ENUM) FIELD_COUNT };
static const struct str field_names[FIELD_COUNT] = { FIELDS(FIELD_NAME) };

// Takes the next name=value and the comma after it.
static enum parse take_field(struct str *rest, struct str *name, struct str *value)
{
	while (sip_take_mark(rest, ',')) continue; // a list may hold empty values (RFC 9110 §5.6.1)
	sip_take_space(rest);
	if (rest->n == 0) return PARSE_MORE;
	*name = sip_take(rest, sip_span(*rest, SIP_CHAR_TOKEN));
	if (name->n == 0 || !sip_take_mark(rest, '=')) return PARSE_BAD;
	if (!sip_take_quoted(rest, value)) *value = sip_take(rest, sip_span(*rest, SIP_CHAR_VALUE));
	*value = sip_without_quotes(*value);
	sip_take_space(rest);
	return rest->n == 0 || rest->p[0] == ',' ? PARSE_OK : PARSE_BAD;
}

// Reads all known fields of a Digest value; p is NULL in those that are not there.
static enum parse read_fields(struct str fields[FIELD_COUNT], struct str text)
{
	struct str rest = str_trim(text), scheme = sip_take(&rest, sip_span(rest, SIP_CHAR_TOKEN)), name, value;
	enum parse p;
	memset(fields, 0, FIELD_COUNT * sizeof *fields);
	if (!str_eq_nocase(scheme, STR("Digest")) || !sip_take_space(&rest)) return PARSE_BAD;
	while ((p = take_field(&rest, &name, &value)) == PARSE_OK) {
		uint32_t id = 0;
		while (id < FIELD_COUNT && !str_eq_nocase(name, field_names[id])) id++;
		if (id == FIELD_COUNT) continue;
		if (fields[id].p) return PARSE_BAD; // doubled: which one counts would be anyone's guess
		fields[id] = value;
	}
	return p == PARSE_MORE ? PARSE_OK : PARSE_BAD;
}

static bool algorithm_from(enum sip_digest_algorithm *out, struct str name)
{
	*out = SIP_DIGEST_MD5;
	if (!name.p) return true; // RFC 7616 §3.3
	for (uint32_t a = 0; a < SIP_DIGEST_COUNT; a++) {
		if (!str_eq_nocase(name, algorithms[a].name)) continue;
		*out = (enum sip_digest_algorithm)a;
		return true;
	}
	return false;
}

static bool parse_nc(uint32_t *nc, struct str text)
{
	*nc = 0;
	if (text.n != 8) return false;
	for (uint32_t i = 0; i < 8; i += 2) {
		int octet = sip_hex_octet(text.p + i);
		if (octet < 0) return false;
		*nc = *nc << 8 | (uint32_t)octet;
	}
	return true;
}

enum parse sip_credentials_parse(struct sip_credentials *out, struct str value)
{
	struct str f[FIELD_COUNT];
	*out = (struct sip_credentials){ 0 };
	if (read_fields(f, value) != PARSE_OK || f[FIELD_USERNAME_STAR].p) return PARSE_BAD;
	if (!f[FIELD_USERNAME].p || !f[FIELD_REALM].p || !f[FIELD_NONCE].p || !f[FIELD_URI].p || !f[FIELD_RESPONSE].p)
		return PARSE_BAD;
	*out = (struct sip_credentials){ .username = f[FIELD_USERNAME], .realm = f[FIELD_REALM], .nonce = f[FIELD_NONCE],
		                             .uri = f[FIELD_URI], .response = f[FIELD_RESPONSE], .cnonce = f[FIELD_CNONCE],
		                             .nc_text = f[FIELD_NC], .opaque = f[FIELD_OPAQUE] };
	out->algorithm_known = algorithm_from(&out->algorithm, f[FIELD_ALGORITHM]);
	out->qop_auth = str_eq(f[FIELD_QOP], STR("auth"));
	out->userhash = str_eq_nocase(f[FIELD_USERHASH], STR("true"));
	if (f[FIELD_QOP].p && (!f[FIELD_CNONCE].p || !parse_nc(&out->nc, f[FIELD_NC]))) return PARSE_BAD;
	return PARSE_OK;
}

enum parse sip_challenge_parse(struct sip_challenge *out, struct str value)
{
	struct str f[FIELD_COUNT];
	*out = (struct sip_challenge){ 0 };
	if (read_fields(f, value) != PARSE_OK || !f[FIELD_REALM].p || !f[FIELD_NONCE].p) return PARSE_BAD;
	*out = (struct sip_challenge){ .realm = f[FIELD_REALM], .nonce = f[FIELD_NONCE], .opaque = f[FIELD_OPAQUE] };
	struct str name = f[FIELD_ALGORITHM];
	out->session = name.n > 5 && str_eq_nocase(str_from_at(name, name.n - 5), STR("-sess"));
	if (out->session) name.n -= 5;
	out->algorithm_known = algorithm_from(&out->algorithm, name);
	out->no_qop = !f[FIELD_QOP].p;
	out->stale = str_eq_nocase(f[FIELD_STALE], STR("true"));
	struct str offered = f[FIELD_QOP];
	while (offered.n && !out->qop_auth) out->qop_auth = str_eq_nocase(sip_take_value(&offered), STR("auth"));
	return PARSE_OK;
}

// RESPONSES.
uint32_t sip_digest_ha1(uint8_t out[32], enum sip_digest_algorithm a, struct str user, struct str realm,
                        struct str password)
{
	const struct str parts[] = { user, realm, password };
	struct hash h = hash_of(a, STR(":"), parts, ARRAY_LEN(parts));
	memcpy(out, h.octets, h.n);
	return h.n;
}

// What a response is made from, beside the algorithm and HA1 (RFC 7616 §3.4.1, qop=auth).
struct proof {
	struct str nonce, nc, cnonce, method, uri;
	bool no_qop;  // RFC 2069: without nc and cnonce
	bool session; // HA1 becomes H(HA1:nonce:cnonce)
};

// H(HA1:nonce:nc:cnonce:auth:HA2) as text, empty when it cannot be made.
static struct str response_of(struct hex *memory, enum sip_digest_algorithm a, const uint8_t *ha1,
                              const struct proof *p)
{
	struct hex first, second;
	const struct str request[] = { p->method, p->uri };
	struct hash ha2 = hash_of(a, STR(":"), request, ARRAY_LEN(request));
	const struct str seed[] = { hex_of(&first, ha1, algorithms[a].octets), p->nonce, p->cnonce };
	struct hash session = p->session ? hash_of(a, STR(":"), seed, ARRAY_LEN(seed)) : (struct hash){ 0 };
	struct str head = p->session ? hex_of(&first, session.octets, session.n) : seed[0];
	struct str tail = hex_of(&second, ha2.octets, ha2.n);
	const struct str parts[] = { head, p->nonce, p->nc, p->cnonce, STR("auth"), tail };
	const struct str old[] = { head, p->nonce, tail };
	struct hash h = { 0 };
	if (ha2.n && head.n)
		h = p->no_qop ? hash_of(a, STR(":"), old, ARRAY_LEN(old)) : hash_of(a, STR(":"), parts, ARRAY_LEN(parts));
	return hex_of(memory, h.octets, h.n);
}

bool sip_digest_check(const struct sip_credentials *c, const uint8_t *ha1, struct str method)
{
	struct hex memory;
	if (!c->algorithm_known || !c->qop_auth) return false;
	const struct proof p = { .nonce = c->nonce, .nc = c->nc_text, .cnonce = c->cnonce, .method = method, .uri = c->uri };
	struct str wanted = response_of(&memory, c->algorithm, ha1, &p);
	return wanted.n && str_eq_secret(wanted, c->response);
}

// WRITING.
static void put_field(struct buf *b, const char *name, struct str value)
{
	put_z(b, name);
	put(b, STR("=\""));
	put(b, value); // as it stood between quotes: its escapes are still there
	put_c(b, '"');
}

void put_sip_challenge(struct buf *b, const struct sip_challenge *c)
{
	put_field(b, "Digest realm", c->realm);
	put_field(b, ", nonce", c->nonce);
	if (c->opaque.n) put_field(b, ", opaque", c->opaque);
	if (c->stale) put(b, STR(", stale=true"));
	put(b, STR(", algorithm="));
	put(b, algorithms[c->algorithm].name);
	put(b, STR(", qop=\"auth\""));
}

bool sip_challenge_can_answer(const struct sip_challenge *c)
{
	return c->algorithm_known && (c->qop_auth || c->no_qop);
}

void put_sip_digest_answer(struct buf *b, const struct sip_challenge *c, const uint8_t *ha1, struct str user,
                           struct str method, struct str uri, struct str cnonce, uint32_t nc)
{
	char nc_text[8];
	struct buf nc_buf = buf_on(nc_text, sizeof nc_text);
	put_hex(&nc_buf, nc, 8);
	struct hex memory;
	const struct proof p = { .nonce = c->nonce, .nc = buf_str(&nc_buf), .cnonce = cnonce, .method = method, .uri = uri,
		.no_qop = c->no_qop, .session = c->session };
	struct str response = response_of(&memory, c->algorithm, ha1, &p);
	if (!sip_challenge_can_answer(c) || response.n == 0) {
		b->err = ERR_BAD;
		return;
	}
	put(b, STR("Digest username="));
	put_sip_quoted(b, user);
	put_field(b, ", realm", c->realm);
	put_field(b, ", nonce", c->nonce);
	put_field(b, ", uri", uri);
	put_field(b, ", response", response);
	put(b, STR(", algorithm="));
	put(b, algorithms[c->algorithm].name);
	if (c->session) put(b, STR("-sess"));
	if (!c->no_qop || c->session) put_field(b, ", cnonce", cnonce);
	if (!c->no_qop) put(b, STR(", qop=auth, nc="));
	if (!c->no_qop) put(b, p.nc);
	if (c->opaque.p) put_field(b, ", opaque", c->opaque);
}
