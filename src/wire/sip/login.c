// From a request that was challenged to the same with credentials.
#include "wire/sip/login.h"

// The challenge of a header that we answer: of several the one of the best algorithm, as RFC 8760 §2.4 lets us choose.
static bool choose(struct sip_challenge *best, const struct sip_msg *m, enum sip_header_id id,
                   const struct sip_login *login)
{
	struct sip_walk walk = { 0 };
	struct sip_challenge c;
	struct str value;
	bool found = false;
	while (sip_msg_each(m, id, &walk, &value)) {
		if (sip_challenge_parse(&c, value) != PARSE_OK || !sip_challenge_can_answer(&c)) continue;
		if (login->realm.n && !str_eq(c.realm, login->realm)) continue;
		if (found && c.algorithm <= best->algorithm) continue;
		*best = c;
		found = true;
	}
	return found;
}

static bool is_header(struct str line, struct str name)
{
	struct str before = str_cut(&line, ':');
	return str_eq_nocase(str_trim(before), name);
}

// Has this realm been answered in the request?
static bool was_answered(struct str sent, struct str header, struct str realm)
{
	struct sip_credentials c;
	while (sent.n) {
		struct str line = str_cut(&sent, '\n');
		if (line.n <= 1) return false;
		if (!is_header(line, header)) continue;
		str_cut(&line, ':');
		if (sip_credentials_parse(&c, str_trim(line)) == PARSE_OK && str_eq(c.realm, realm)) return true;
	}
	return false;
}

static void put_answer(struct buf *b, const struct sip_again *a, const struct sip_challenge *c, enum sip_header_id id)
{
	uint8_t made[32];
	const uint8_t *ha1 = a->login->ha1[c->algorithm];
	struct str rest = a->sent, method = str_cut(&rest, ' '), uri = str_cut(&rest, ' ');
	if (!a->login->realm.n) {
		if (!sip_digest_ha1(made, c->algorithm, a->login->user, c->realm, a->login->password)) b->err = ERR_BAD;
		ha1 = made;
	}
	put(b, sip_header_name(id));
	put_z(b, ": ");
	put_sip_digest_answer(b, c, ha1, a->login->user, method, uri, a->cnonce, 1);
	put_z(b, "\r\n");
	explicit_bzero(made, sizeof made);
}

// The head of the request line by line: what changes is written anew.
static void put_request(struct buf *b, const struct sip_again *a, struct str lines, const bool replaced[2])
{
	struct str rest = a->sent;
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		if (line.n <= 1) break;
		if (is_header(line, STR("Via"))) {
			put_sip_via(b, &a->sent_by, a->branch);
		} else if (is_header(line, STR("CSeq"))) {
			put_fmt(b, "CSeq: %u %.*s\r\n", a->cseq, STR_FMT(sip_method_name(a->challenge->method)));
		} else if (!(replaced[0] && is_header(line, STR("Authorization"))) &&
		           !(replaced[1] && is_header(line, STR("Proxy-Authorization")))) {
			put(b, line);
			put_c(b, '\n');
		}
	}
	put(b, lines);
	put_z(b, "\r\n");
	put(b, rest);
}

bool put_sip_again(struct buf *b, struct buf *credentials, const struct sip_again *a)
{
	static const struct { enum sip_header_id challenge, answer; } pairs[2] = {
		{ SIP_H_WWW_AUTHENTICATE, SIP_H_AUTHORIZATION }, { SIP_H_PROXY_AUTHENTICATE, SIP_H_PROXY_AUTHORIZATION },
	};
	bool replaced[2] = { false };
	if (a->sent.n == 0 || a->login->user.n == 0) return false;
	for (uint32_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct sip_challenge c;
		if (!choose(&c, a->challenge, pairs[i].challenge, a->login)) continue;
		if (!c.stale && was_answered(a->sent, sip_header_name(pairs[i].answer), c.realm)) return false;
		put_answer(credentials, a, &c, pairs[i].answer);
		replaced[i] = true;
	}
	if (credentials->err != OK || (!replaced[0] && !replaced[1])) return false;
	put_request(b, a, buf_str(credentials), replaced);
	return b->err == OK;
}
