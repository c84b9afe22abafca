#include "registrar.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "call/leg/sip_auth_fixture.h"

struct desk { // of a test
	struct fixture f;
	struct registrar registrar;
};

static uint16_t answer(struct desk *d, const struct phone_request *r)
{
	struct fixture *f = &d->f;
	struct buf b = buf_on(f->answer, sizeof f->answer);
	const struct sip_msg *m = phone_request(f, r);
	uint16_t status = registrar_answer(&b, &d->registrar, m, &f->from);
	assert_int_equal(phone_answered(f, &b)->status, status);
	return status;
}

// A REGISTER of alice's with these header lines, the challenge answered.
static uint16_t reg(struct desk *d, const char *call_id, uint32_t cseq, const char *headers)
{
	struct phone_request r = { .call_id = call_id, .cseq = cseq, .headers = headers };
	d->f.env.now_ms++;
	assert_int_equal(answer(d, &r), 401);
	r.authorization = phone_credentials(&d->f, &(struct phone_secret){ 0 });
	return answer(d, &r);
}

static uint32_t bindings(struct desk *d, struct binding *out)
{
	return location_get(d->f.live->location, 1, d->f.env.now_ms, out, LOCATION_BINDINGS_MAX);
}

// Value number `i` of the answer's contacts; "" when there are not as many.
static struct str listed(const struct desk *d, uint32_t i)
{
	struct sip_walk walk = { 0 };
	struct str value;
	while (sip_msg_each(&d->f.response, SIP_H_CONTACT, &walk, &value))
		if (i-- == 0) return value;
	return STR("");
}

static void assert_listed(const struct desk *d, uint32_t i, const char *wanted)
{
	struct str got = listed(d, i);
	if (!str_eq(got, str_from(wanted))) fail_msg("listed \"%.*s\", wanted \"%s\"", STR_FMT(got), wanted);
}

static void a_phone_registers(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	assert_int_equal(reg(d, "c", 1, "Contact: \"A\" <sip:alice@10.0.0.5:5060;ob>;expires=600;q=0.7\r\n"
	                                "User-Agent: Phone\x1b[31m 1\r\n"), 200);
	assert_int_equal(bindings(d, b), 1);
	assert_true(str_eq(b[0].contact, STR("sip:alice@10.0.0.5:5060;ob")));
	assert_true(str_eq(b[0].user_agent, STR("Phone?[31m 1")));
	assert_true(addr_eq(&b[0].peer, &d->f.from.peer)); // whence it came, not what it says
	assert_int_equal(b[0].q, 700);
	assert_int_equal(b[0].expires_ms, d->f.env.now_ms + 600000);
	assert_int_equal(b[0].since_wall_ms, 1700000000000);
	assert_listed(d, 0, "<sip:alice@10.0.0.5:5060;ob>;expires=600;q=0.700");
	assert_true(str_eq(sip_msg_header(&d->f.response, SIP_H_DATE), STR("Tue, 14 Nov 2023 22:13:20 GMT")));
	d->f.env.now_ms += 100500;
	assert_int_equal(reg(d, "c", 2, ""), 200); // asks
	assert_listed(d, 0, "<sip:alice@10.0.0.5:5060;ob>;expires=500;q=0.700");
	d->f.env.now_ms += 500000;
	assert_int_equal(reg(d, "c", 3, ""), 200);
	assert_listed(d, 0, "");
}

static void the_time_is_what_was_asked_within_limits(void **state)
{
	struct desk *d = *state;
	static const struct {
		const char *headers, *listed;
	} rows[] = {
		{ "Contact: <sip:a@10.0.0.5>\r\n", "<sip:a@10.0.0.5>;expires=3600" },
		{ "Contact: <sip:a@10.0.0.5>\r\nExpires: 120\r\n", "<sip:a@10.0.0.5>;expires=120" },
		{ "Contact: <sip:a@10.0.0.5>;expires=300\r\nExpires: 120\r\n", "<sip:a@10.0.0.5>;expires=300" },
		{ "Contact: <sip:a@10.0.0.5>;expires=99999\r\n", "<sip:a@10.0.0.5>;expires=3600" },
		{ "Contact: <sip:a@10.0.0.5>;expires=4294967296\r\n", "<sip:a@10.0.0.5>;expires=3600" },
		{ "Contact: <sip:a@10.0.0.5>;expires=soon\r\n", "<sip:a@10.0.0.5>;expires=3600" },
		{ "Contact: <sip:a@10.0.0.5>;expires=60\r\n", "<sip:a@10.0.0.5>;expires=60" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(reg(d, "c", i + 1, rows[i].headers), 200);
		assert_listed(d, 0, rows[i].listed);
		assert_listed(d, 1, "");
	}
	assert_int_equal(reg(d, "c", 100, "Contact: <sip:a@10.0.0.5>;expires=59\r\n"), 423);
	assert_true(str_eq(sip_msg_header(&d->f.response, SIP_H_MIN_EXPIRES), STR("60")));
	assert_int_equal(reg(d, "c", 101, "Contact: <sip:a@10.0.0.5>;expires=0\r\n"), 200);
	assert_listed(d, 0, "");
}

static void contacts_are_matched_by_uri(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	assert_int_equal(reg(d, "c", 1, "Contact: <sip:a@10.0.0.5>, <sip:b@10.0.0.5>;q=0.5\r\n"
	                                "Contact: sip:c@10.0.0.6\r\n"), 200);
	assert_listed(d, 0, "<sip:a@10.0.0.5>;expires=3600");
	assert_listed(d, 1, "<sip:c@10.0.0.6>;expires=3600");
	assert_listed(d, 2, "<sip:b@10.0.0.5>;expires=3600;q=0.500");
	assert_int_equal(reg(d, "c", 2, "Contact: <SIP:b@10.0.0.5>;expires=0\r\nContact: <sip:%61@10.0.0.5>\r\n"), 200);
	assert_int_equal(bindings(d, b), 2);
	assert_listed(d, 0, "<sip:c@10.0.0.6>;expires=3600");
	assert_listed(d, 1, "<sip:%61@10.0.0.5>;expires=3600"); // the newer spelling of a
	assert_int_equal(reg(d, "c", 3, "Contact: *\r\nExpires: 0\r\n"), 200);
	assert_int_equal(bindings(d, b), 0);
}

static void a_star_stands_alone(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	assert_int_equal(reg(d, "c", 5, "Contact: <sip:a@10.0.0.5>\r\n"), 200);
	assert_int_equal(reg(d, "c", 6, "Contact: *\r\n"), 400);
	assert_int_equal(reg(d, "c", 7, "Contact: *\r\nExpires: 60\r\n"), 400);
	assert_int_equal(reg(d, "c", 8, "Contact: *, <sip:b@10.0.0.5>\r\nExpires: 0\r\n"), 400);
	assert_int_equal(reg(d, "c", 5, "Contact: *\r\nExpires: 0\r\n"), 500);
	assert_int_equal(bindings(d, b), 1);
	assert_int_equal(reg(d, "other", 1, "Contact: *\r\nExpires: 0\r\n"), 200);
	assert_int_equal(bindings(d, b), 0);
}

static void an_old_request_changes_nothing(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	assert_int_equal(reg(d, "c", 7, "Contact: <sip:a@10.0.0.5>\r\n"), 200);
	assert_int_equal(reg(d, "c", 7, "Contact: <sip:a@10.0.0.5>;expires=0\r\n"), 500);
	const char *mixed = "Contact: <sip:new@10.0.0.5>, <sip:a@10.0.0.5>;expires=0\r\n";
	assert_int_equal(reg(d, "c", 6, mixed), 500); // all or nothing
	assert_int_equal(bindings(d, b), 1);
	assert_int_equal(b[0].cseq, 7);
	assert_int_equal(reg(d, "rebooted", 1, "Contact: <sip:a@10.0.0.5>\r\n"), 200); // another Call-ID starts anew
	assert_int_equal(bindings(d, b), 1);
	assert_int_equal(b[0].cseq, 1);
}

static void a_restarted_phone_replaces_itself(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	assert_int_equal(reg(d, "c", 1, "Contact: <sip:a@10.0.0.5:1111>;+sip.instance=\"<urn:uuid:1>\"\r\n"), 200);
	assert_listed(d, 0, "<sip:a@10.0.0.5:1111>;expires=3600;+sip.instance=\"<urn:uuid:1>\"");
	d->f.env.wall_ms += 60000;
	assert_int_equal(reg(d, "d", 1, "Contact: <sip:a@10.0.0.5:2222>;+sip.instance=\"<urn:uuid:1>\"\r\n"), 200);
	assert_int_equal(bindings(d, b), 1);
	assert_true(str_eq(b[0].contact, STR("sip:a@10.0.0.5:2222")));
	assert_int_equal(b[0].since_wall_ms, 1700000000000);
	assert_int_equal(reg(d, "e", 1, "Contact: <sip:a@10.0.0.5:3333>;+sip.instance=\"<urn:uuid:2>\"\r\n"), 200);
	assert_int_equal(bindings(d, b), 2);
}

static void a_full_line_takes_a_restarted_phone_but_no_other(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	assert_int_equal(reg(d, "c", 1, "Contact: <sip:a@10.0.0.5:1>;expires=1000\r\n"), 200);
	assert_int_equal(reg(d, "d", 1, "Contact: <sip:a@10.0.0.5:2>;expires=900\r\n"), 200);
	assert_int_equal(reg(d, "e", 1, "Contact: <sip:a@10.0.0.5:3>\r\n"), 200);
	struct addr home = d->f.from.peer;
	assert_int_equal(addr_parse(&d->f.from.peer, STR("203.0.113.1:5060")), OK);
	assert_int_equal(reg(d, "f", 1, "Contact: <sip:a@10.0.0.5:4>\r\n"), 403);
	d->f.from.peer = home;
	d->f.from.peer.port++;
	assert_int_equal(reg(d, "f", 1, "Contact: <sip:a@10.0.0.5:4>\r\n"), 200);
	assert_int_equal(bindings(d, b), 3);
	for (uint32_t i = 0; i < 3; i++) assert_false(str_eq(b[i].contact, STR("sip:a@10.0.0.5:2"))); // went first
	assert_int_equal(reg(d, "g", 1, "Contact: <sip:1@a>, <sip:2@a>, <sip:3@a>, <sip:4@a>\r\n"), 403);
}

static void another_ones_address_is_refused(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	static const char *const others[] = { "sip:bob@example.com", "sip:nobody@example.com", "sip:6035550101@example.com",
		                                  "sip:example.com" };
	for (uint32_t i = 0; i < ARRAY_LEN(others); i++) {
		struct phone_request r = { .to = others[i], .headers = "Contact: <sip:a@10.0.0.5>\r\n" };
		assert_int_equal(answer(d, &r), 401);
		// alice's own challenge, since another's may be in an algorithm that she has not
		assert_int_equal(answer(d, &(struct phone_request){ .headers = r.headers }), 401);
		r.authorization = phone_credentials(&d->f, &(struct phone_secret){ 0 });
		assert_int_equal(answer(d, &r), 403);
		d->f.env.now_ms++;
	}
	assert_int_equal(bindings(d, b), 0);
	assert_int_equal(location_get(d->f.live->location, 2, d->f.env.now_ms, b, 1), 0);
}

// Whatever a Contact says, it is stored clean or not at all.
static void contacts_inject_nothing(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	static const char *const bad[] = {
		"tel:+16035550101", "<sips:a@10.0.0.5>", "<http://example.com>", "<sip:>", "<sip:a@10.0.0.5?Route=%3Csip:e%3E>",
		"<sip:a@10.0.0.5;x=\x7f>", "<sip:\xc3\xa9@10.0.0.5>", "<sip:a b@10.0.0.5>", "<sip:a@10.0.0.5", "@", "\"",
		"<sip:a@10.0.0.5;x=\"y\">", "<sip:a\\b@10.0.0.5>", "<sip:a@10.0.0.5;x=<y>", "sip:a@10.0.0.5\"",
		"<sip:a\"@10.0.0.5>",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
		char headers[256];
		snprintf(headers, sizeof headers, "Contact: %s\r\n", bad[i]);
		uint16_t status = reg(d, "c", i + 1, headers);
		if (status != 400) fail_msg("%s: %u", bad[i], status);
	}
	assert_int_equal(bindings(d, b), 0);
	assert_int_equal(reg(d, "c", 100, "Contact: <sip:a@10.0.0.5>;+sip.instance=\"<a\\\"b>\"\r\n"), 200);
	assert_listed(d, 0, "<sip:a@10.0.0.5>;expires=3600"); // the instance is left out
	char headers[1024], uri[LOCATION_CONTACT_MAX + 1];
	memset(uri, 'x', sizeof uri);
	snprintf(headers, sizeof headers, "Contact: <sip:%.*s@a>\r\n", LOCATION_CONTACT_MAX - 5, uri);
	assert_int_equal(reg(d, "c", 101, headers), 400);
	snprintf(headers, sizeof headers, "Contact: <sip:%.*s@a>\r\n", LOCATION_CONTACT_MAX - 6, uri);
	assert_int_equal(reg(d, "c", 102, headers), 200);
	assert_int_equal(bindings(d, b), 2);
}

static void extensions_are_refused_when_required(void **state)
{
	struct desk *d = *state;
	assert_int_equal(answer(d, &(struct phone_request){ .headers = "Require: path, gruu\r\n" }), 420);
	assert_true(str_eq(sip_msg_header(&d->f.response, SIP_H_UNSUPPORTED), STR("path")));
	assert_int_equal(reg(d, "c", 1, "Supported: path, outbound\r\nPath: <sip:p;lr>\r\n"
	                                "Contact: <sip:a@10.0.0.5>\r\n"), 200);
}

static void the_flow_follows_the_phone(void **state)
{
	struct desk *d = *state;
	struct binding b[LOCATION_BINDINGS_MAX];
	assert_int_equal(reg(d, "c", 1, "Contact: <sip:a@10.0.0.5>\r\n"), 200);
	d->f.from.peer.port = 9; // its NAT gave it another port
	assert_int_equal(reg(d, "c", 2, "Contact: <sip:a@10.0.0.5>\r\n"), 200);
	assert_int_equal(bindings(d, b), 1);
	assert_int_equal(b[0].peer.port, 9);
	assert_true(location_has_flow(d->f.live->location, 1, d->f.env.now_ms, &d->f.from.peer));
}

static int setup(void **state)
{
	struct desk *d = must(calloc(1, sizeof *d));
	fixture_init(&d->f);
	d->registrar.auth = d->f.auth;
	d->registrar.auth.env = &d->f.env;
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;
	fixture_fini(&d->f);
	free(d);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_phone_registers),
		TEST(the_time_is_what_was_asked_within_limits),
		TEST(contacts_are_matched_by_uri),
		TEST(a_star_stands_alone),
		TEST(an_old_request_changes_nothing),
		TEST(a_restarted_phone_replaces_itself),
		TEST(a_full_line_takes_a_restarted_phone_but_no_other),
		TEST(another_ones_address_is_refused),
		TEST(contacts_inject_nothing),
		TEST(extensions_are_refused_when_required),
		TEST(the_flow_follows_the_phone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
