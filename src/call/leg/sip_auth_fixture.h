// For tests of what lines ask of the switch: an office of three lines, and a phone that writes requests and answers
// challenges.
#pragma once

#include "base/testing.h"
#include "call/leg/sip_auth.h"

#include <stdio.h>

#define FIXTURE_REALM "example.com"

struct fixture {
	struct office *office;
	struct live *live;
	struct env env;
	struct sip_nonce_secret secret;
	struct sip_auth auth;
	struct sip_source from;
	char text[SIP_MESSAGE_MAX];   // of the last request
	char answer[SIP_MESSAGE_MAX]; // to it
	uint32_t answer_n;
	struct sip_msg request, response; // decoded
};

static void fixture_number(struct fixture *f, uint32_t line, const char *digits)
{
	struct office_number number = { .kind = OFFICE_NUMBER_LINE, .line = line };
	snprintf(number.digits, sizeof number.digits, "%s", digits);
	assert_int_equal(office_put_number(f->office, &number), OK);
}

static void fixture_line(struct fixture *f, uint32_t id, const char *name, uint8_t digest)
{
	struct office_line line = { .id = id, .digest = digest, .contacts_max = 3, .calls_max = 2 };
	uint8_t ha1[32];
	char second[16];
	snprintf(line.name, sizeof line.name, "%s", name);
	snprintf(line.number, sizeof line.number, "1603555010%u", id);
	snprintf(second, sizeof second, "1603555020%u", id);
	uint32_t n = sip_digest_ha1(ha1, SIP_DIGEST_MD5, str_from(name), STR(FIXTURE_REALM), STR("secret"));
	memcpy(line.ha1_md5, ha1, n);
	sip_digest_ha1(line.ha1_sha256, SIP_DIGEST_SHA256, str_from(name), STR(FIXTURE_REALM), STR("secret"));
	assert_int_equal(office_put_line(f->office, &line), OK);
	fixture_number(f, id, line.number);
	fixture_number(f, id, second);
}

// Lines alice (1; +16035550101 and +16035550201), bob (2) and carol (3) with MD5, SHA-256 and both. The password is
// "secret".
static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .env = { .now_ms = 1000000, .wall_ms = 1700000000000 } };
	random_seed(&f->env.random, 1);
	assert_int_equal(arena_init(&f->env.scratch, 256 * 1024), OK);
	for (uint32_t i = 0; i < sizeof f->secret.octets; i++) f->secret.octets[i] = (uint8_t)(i * 7 + 1);
	assert_int_equal(office_new(&f->office), OK);
	struct office_rules *rules = must(office_rules_dup(NULL));
	snprintf(rules->realm, sizeof rules->realm, "%s", FIXTURE_REALM);
	assert_int_equal(office_put_rules(f->office, rules), OK);
	fixture_line(f, 1, "alice", OFFICE_DIGEST_MD5);
	fixture_line(f, 2, "bob", OFFICE_DIGEST_SHA256);
	fixture_line(f, 3, "carol", OFFICE_DIGEST_BOTH);
	f->live = must(live_new(&(struct live_limits){ .lines_max = 100, .nonces = 1024, .guard_entries = 1024 }, 1));
	f->auth = (struct sip_auth){ f->office, f->live, &f->secret, &f->env };
	assert_int_equal(addr_parse(&f->from.peer, STR("198.51.100.7:5062")), OK);
}

static void fixture_fini(struct fixture *f)
{
	rcu_drain();
	office_free(f->office);
	live_free(f->live);
	arena_fini(&f->env.scratch);
	rcu_drain();
}

struct phone_request { // what is NULL or 0 takes alice's REGISTER
	const char *method, *uri, *from, *to, *call_id;
	uint32_t cseq;
	const char *headers;       // more header lines, each with its end
	struct str authorization;  // values; empty: none
	struct str second;
};

// Writes and decodes a request.
static const struct sip_msg *phone_request(struct fixture *f, const struct phone_request *r)
{
	static uint32_t branch;
	struct sip_fault fault;
	struct buf b = buf_on(f->text, sizeof f->text);
	const char *method = r->method ? r->method : "REGISTER", *from = r->from ? r->from : "sip:alice@example.com";
	arena_reset(&f->env.scratch);
	put_fmt(&b, "%s %s SIP/2.0\r\n", method, r->uri ? r->uri : "sip:example.com");
	put_fmt(&b, "Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKx%u\r\n", ++branch);
	put_fmt(&b, "From: <%s>;tag=f\r\nTo: <%s>\r\n", from, r->to ? r->to : from);
	put_fmt(&b, "Call-ID: %s\r\nCSeq: %u %s\r\n", r->call_id ? r->call_id : "c1", r->cseq ? r->cseq : 1, method);
	if (r->authorization.n) put_sip_header(&b, SIP_H_AUTHORIZATION, r->authorization);
	if (r->second.n) put_sip_header(&b, SIP_H_AUTHORIZATION, r->second);
	put_z(&b, r->headers ? r->headers : "");
	put_z(&b, "Content-Length: 0\r\n\r\n");
	assert_int_equal(b.err, OK);
	assert_int_equal(sip_msg_parse(&f->request, buf_str(&b), &f->env.scratch, &fault), PARSE_OK);
	return &f->request;
}

// Decodes what was written as the answer.
static const struct sip_msg *phone_answered(struct fixture *f, const struct buf *answer)
{
	struct sip_fault fault;
	assert_int_equal(answer->err, OK);
	f->answer_n = answer->n;
	assert_int_equal(sip_msg_parse(&f->response, buf_str(answer), &f->env.scratch, &fault), PARSE_OK);
	return &f->response;
}

// Credentials for the challenge number `which` (from 0) of the last answer. The text is good until the next call.
struct phone_secret {
	const char *user, *password, *method, *uri;
	uint32_t which, nc;
};
static struct str phone_credentials(const struct fixture *f, const struct phone_secret *s)
{
	static char text[2][1024];
	static uint32_t turn;
	struct sip_challenge c;
	struct sip_walk walk = { 0 };
	struct str value;
	uint8_t ha1[32];
	struct buf b = buf_on(text[turn++ % 2], sizeof text[0]);
	for (uint32_t i = 0; i <= s->which; i++)
		assert_true(sip_msg_each(&f->response, SIP_H_WWW_AUTHENTICATE, &walk, &value));
	assert_int_equal(sip_challenge_parse(&c, value), PARSE_OK);
	struct str user = str_from(s->user ? s->user : "alice");
	sip_digest_ha1(ha1, c.algorithm, user, c.realm, str_from(s->password ? s->password : "secret"));
	put_sip_digest_answer(&b, &c, ha1, user, str_from(s->method ? s->method : "REGISTER"),
	                      str_from(s->uri ? s->uri : "sip:example.com"), STR("cn"), s->nc ? s->nc : 1);
	assert_int_equal(b.err, OK);
	return buf_str(&b);
}
