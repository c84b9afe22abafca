// The digest check: one path for users that exist and users that do not.
#include "call/leg/sip_auth.h"

#include "base/count.h"
#include "call/model/number.h"

COUNTER(sip_auth_challenged, "Requests without credentials, challenged");
COUNTER(sip_auth_right, "Requests whose credentials were right");
COUNTER(sip_auth_wrong, "Requests whose credentials were wrong, of unknown users, or not looked at");
COUNTER(sip_auth_stale, "Requests with right credentials on a nonce that was old or used");
COUNTER(sip_auth_spent, "Right credentials in dialogs, where none were asked for: they count as used");
COUNTER(sip_auth_not_own, "Requests with right credentials that called themselves another's name");

#define CHALLENGE_MAX 320 // octets of one challenge: realm, nonce and names

// The line that answers for a name that no line has: the same one for the same name, so that what is offered to
// unknown users is spread like what is offered to lines. (The set of candidates doubles when the office doubles: a name
// is hardly ever seen to change.)
static const struct office_line *stand_in(const struct sip_auth *a, struct str name)
{
	struct hash_key key;
	uint32_t candidates = 1;
	memcpy(&key, a->secret->octets, sizeof key);
	while (candidates <= office_line_count(a->office) / 2) candidates *= 2;
	return office_line(a->office, 1 + (uint32_t)(hash_str(&key, name) % candidates));
}

static bool offers(uint8_t digest, enum sip_digest_algorithm algorithm)
{
	if (digest == OFFICE_DIGEST_BOTH) return true;
	return algorithm == (digest == OFFICE_DIGEST_SHA256 ? SIP_DIGEST_SHA256 : SIP_DIGEST_MD5);
}

struct str sip_auth_stateless_tag(const struct sip_auth *a, const struct sip_msg *m)
{
	struct hash_key key;
	memcpy(&key, a->secret->octets + sizeof key, sizeof key);
	struct str request = arena_printf(&a->env->scratch, "%.*s|%.*s|%u", STR_FMT(m->call_id), STR_FMT(m->via.branch),
	                                  m->cseq.number);
	return arena_printf(&a->env->scratch, "%016llx", (unsigned long long)hash_str(&key, request));
}

static void put_challenge(struct buf *b, const struct sip_auth *a, enum sip_digest_algorithm algorithm, bool stale)
{
	char nonce_text[SIP_NONCE_LEN], text[CHALLENGE_MAX];
	struct buf nonce = buf_on(nonce_text, sizeof nonce_text), value = buf_on(text, sizeof text);
	struct str realm = str_from(office_rules(a->office)->realm);
	put_sip_nonce(&nonce, a->secret, a->env, realm);
	put_sip_challenge(&value, &(struct sip_challenge){ .algorithm = algorithm, .stale = stale, .realm = realm,
	                                                   .nonce = buf_str(&nonce) });
	if (nonce.err != OK || value.err != OK) b->err = ERR_FULL;
	put_sip_header(b, SIP_H_WWW_AUTHENTICATE, buf_str(&value));
}

// `as`: the line whose settings are followed; NULL: those of most phones.
static void put_401(struct buf *b, const struct sip_auth *a, const struct sip_msg *m, const struct sip_source *from,
                    const struct office_line *as, bool stale)
{
	uint8_t digest = as ? as->digest : OFFICE_DIGEST_BOTH;
	bool short_answer = !guard_knows(a->live->guard, a->env->now_ms, &from->peer);
	put_sip_response(b, m, from, 401, STR(""), sip_auth_stateless_tag(a, m));
	if (offers(digest, SIP_DIGEST_MD5)) put_challenge(b, a, SIP_DIGEST_MD5, stale);
	if (offers(digest, SIP_DIGEST_SHA256) && !(short_answer && digest == OFFICE_DIGEST_BOTH))
		put_challenge(b, a, SIP_DIGEST_SHA256, stale);
	put_sip_body(b, STR(""), STR(""));
}

// The one set of credentials for our realm that we understand. Two sets are none: which counts would be anyone's guess.
static bool find_credentials(struct sip_credentials *out, const struct sip_msg *m, struct str realm)
{
	struct sip_credentials c;
	struct sip_walk walk = { 0 };
	struct str value;
	uint32_t ours = 0;
	while (sip_msg_each(m, SIP_H_AUTHORIZATION, &walk, &value)) {
		if (sip_credentials_parse(&c, value) != PARSE_OK || !str_eq(c.realm, realm)) continue;
		ours++;
		*out = c;
	}
	return ours == 1 && out->algorithm_known && out->qop_auth && !out->userhash;
}

// Is the response right for this line (NULL: the name is unknown), in an algorithm that it may use? Both cost the same.
static bool is_right(const struct sip_msg *m, const struct sip_credentials *c, const struct office_line *line)
{
	static const struct office_line nobody;
	const struct office_line *of = line ? line : &nobody;
	bool fits = sip_digest_check(c, c->algorithm == SIP_DIGEST_MD5 ? of->ha1_md5 : of->ha1_sha256, m->method_name);
	return fits && line && offers(line->digest, c->algorithm);
}

// The time in a nonce of ours: its first 16 hexadecimal digits (wire/sip/digest.h).
static uint64_t issued_ms(struct str nonce)
{
	uint64_t ms = 0;
	for (uint32_t i = 0; i < 16; i++)
		ms = ms << 4 | (uint64_t)(nonce.p[i] <= '9' ? nonce.p[i] - '0' : nonce.p[i] - 'a' + 10);
	return ms;
}

static bool is_first_use(const struct sip_auth *a, const struct sip_credentials *c)
{
	const struct office_rules *rules = office_rules(a->office);
	uint32_t worker, life_ms = rules->settings.nonce_life_s * 1000;
	if (sip_nonce_check(a->secret, a->env, str_from(rules->realm), c->nonce, life_ms, &worker) != SIP_NONCE_GOOD)
		return false;
	return nonce_use(a->live->nonces, c->nonce, issued_ms(c->nonce), c->nc);
}

// The user part without escapes and without the parameters that a telephone number may carry in it.
static struct str plain_user(const struct sip_auth *a, const struct sip_uri *uri)
{
	return sip_number(&a->env->scratch, uri);
}

// The request goes where the credentials say: nobody dialled another number into a request that was signed. (Hosts and
// parameters are rewritten by gateways on the way; digits must not be. SIPp and some phones sign the host alone.)
static bool is_signed_target(const struct sip_auth *a, const struct sip_msg *m, struct str signed_uri)
{
	struct sip_uri uri;
	if (str_eq(m->uri_text, signed_uri)) return true;
	if (sip_uri_parse(&uri, signed_uri) != PARSE_OK) return false;
	return uri.user.n == 0 || str_eq(plain_user(a, &uri), plain_user(a, &m->uri));
}

static bool is_anonymous(const struct sip_uri *uri)
{
	return str_eq_nocase(uri->user, STR("anonymous")) && str_eq_nocase(uri->host, STR("anonymous.invalid"));
}

// E.164 digits of a number as people and phones write it: NPA-NXX-XXXX stands for 1-NPA-NXX-XXXX.
static struct str e164_of(const struct sip_auth *a, struct str user)
{
	struct number number;
	if (number_from_uri_user(&number, user) != OK) return STR("");
	bool national = number.nature != NUMBER_INTERNATIONAL && number.n == 10;
	return arena_printf(&a->env->scratch, "%s%.*s", national ? "1" : "", STR_FMT(number_str(&number)));
}

static const struct office_line *line_of_number(const struct sip_auth *a, struct str e164)
{
	const struct office_number *row = office_number(a->office, e164);
	return row && row->kind == OFFICE_NUMBER_LINE ? office_line(a->office, row->line) : NULL;
}

const struct office_line *sip_auth_line_of(const struct sip_auth *a, const struct sip_uri *uri)
{
	struct str user = plain_user(a, uri);
	const struct office_line *line = office_line_by_name(a->office, user);
	return line ? line : line_of_number(a, e164_of(a, user));
}

bool sip_auth_is_own(const struct sip_auth *a, const struct office_line *line, const struct sip_uri *uri)
{
	struct str user = plain_user(a, uri);
	if (user.n && str_eq(user, str_from(line->name))) return true;
	struct str e164 = e164_of(a, user);
	if (e164.n == 0) return false;
	return str_eq(e164, str_from(line->number)) || line_of_number(a, e164) == line;
}

bool sip_auth_own_number(struct number *out, const struct sip_auth *a, const struct office_line *line,
                         const struct sip_uri *uri)
{
	struct str e164 = e164_of(a, plain_user(a, uri));
	bool own = e164.n && (str_eq(e164, str_from(line->number)) || line_of_number(a, e164) == line);
	return own && number_set(out, NUMBER_INTERNATIONAL, e164) == OK;
}

// The line that a request without credentials says it is, or its stand-in; NULL when it does not say.
static const struct office_line *claimed_line(const struct sip_auth *a, const struct sip_msg *m)
{
	struct sip_name_addr preferred;
	const struct sip_uri *uri = m->method == SIP_REGISTER ? &m->to.uri : &m->from.uri;
	if (is_anonymous(uri)) {
		struct str value = sip_msg_header(m, SIP_H_P_PREFERRED_IDENTITY);
		if (value.n == 0 || sip_name_addr_parse(&preferred, value) != PARSE_OK) return NULL;
		uri = &preferred.uri;
	}
	struct str user = plain_user(a, uri);
	const struct office_line *line = sip_auth_line_of(a, uri);
	return line ? line : stand_in(a, user);
}

// What it calls itself in the headers from which others take its identity.
static bool names_are_own(const struct sip_auth *a, const struct sip_msg *m, const struct office_line *line)
{
	static const enum sip_header_id asserted[] = { SIP_H_P_PREFERRED_IDENTITY, SIP_H_P_ASSERTED_IDENTITY };
	bool hides = m->method != SIP_REGISTER && is_anonymous(&m->from.uri);
	if (!hides && !sip_auth_is_own(a, line, &m->from.uri)) return false;
	for (uint32_t i = 0; i < ARRAY_LEN(asserted); i++) {
		struct sip_walk walk = { 0 };
		struct sip_name_addr name;
		struct str value;
		while (sip_msg_each(m, asserted[i], &walk, &value))
			if (sip_name_addr_parse(&name, value) != PARSE_OK || !sip_auth_is_own(a, line, &name.uri)) return false;
	}
	return true;
}

enum verdict { WRONG, STALE, RIGHT };

static enum verdict judge(const struct office_line **line, const struct sip_auth *a, const struct sip_msg *m,
                          const struct sip_source *from, const struct sip_credentials *c)
{
	bool heard = guard_heard(a->live->guard, a->env->now_ms, &from->peer, c->username);
	*line = office_line_by_name(a->office, c->username);
	if (!heard || !is_right(m, c, *line)) {
		COUNT(sip_auth_wrong);
		if (heard) guard_failed(a->live->guard, a->env->now_ms, &from->peer, c->username);
		return WRONG;
	}
	if (!is_first_use(a, c)) {
		COUNT(sip_auth_stale);
		return STALE;
	}
	guard_succeeded(a->live->guard, a->env->now_ms, &from->peer, c->username);
	return RIGHT;
}

// What is wrong with a request of this line although its credentials are right: a status, or 0.
static uint16_t fault_of(const struct sip_auth *a, const struct sip_msg *m, const struct office_line *line,
                         struct str signed_uri, struct str *why)
{
	if (!is_signed_target(a, m, signed_uri)) {
		*why = STR("Credentials are for another URI"); // RFC 7616 §3.4.6
		return 400;
	}
	if (!names_are_own(a, m, line)) {
		COUNT(sip_auth_not_own);
		*why = STR("Identity is not yours");
		return 403;
	}
	COUNT(sip_auth_right);
	return 0;
}

enum err sip_auth_check(const struct office_line **line, const struct sip_auth *a, const struct sip_msg *m,
                        const struct sip_source *from, struct buf *answer, uint16_t *status)
{
	struct sip_credentials c;
	struct str why;
	*status = 401;
	if (!find_credentials(&c, m, str_from(office_rules(a->office)->realm))) {
		COUNT(sip_auth_challenged);
		put_401(answer, a, m, from, claimed_line(a, m), false);
		return ERR_REFUSED;
	}
	enum verdict verdict = judge(line, a, m, from, &c);
	if (verdict != RIGHT) {
		put_401(answer, a, m, from, *line ? *line : stand_in(a, c.username), verdict == STALE);
		return ERR_REFUSED;
	}
	*status = fault_of(a, m, *line, c.uri, &why);
	if (*status == 0) return OK;
	put_sip_response(answer, m, from, *status, why, sip_auth_stateless_tag(a, m));
	put_sip_body(answer, STR(""), STR(""));
	return ERR_REFUSED;
}

void sip_auth_spend(const struct sip_auth *a, const struct sip_msg *m)
{
	struct sip_credentials c;
	if (!find_credentials(&c, m, str_from(office_rules(a->office)->realm))) return;
	// Only what is right: strangers must not fill the table.
	if (is_right(m, &c, office_line_by_name(a->office, c.username)) && is_first_use(a, &c)) COUNT(sip_auth_spent);
}
