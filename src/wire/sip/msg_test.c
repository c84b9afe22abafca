// The index pass and the look-ups.
#include "msg.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

static struct sip_msg m;
static struct sip_fault fault;
static struct arena arena;

static const char invite[] =
	"INVITE sip:6035550102@example.net;user=phone SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bKnashds7\r\n"
	"v: SIP/2.0/TCP one.example.net, SIP/2.0/UDP two.example.net\r\n"
	"Max-Forwards: 12\r\n"
	"From: \"A, B\" <sip:6035550101@example.net>;tag=1928301774\r\n"
	"t: <sip:6035550102@example.net>\r\n"
	"Call-ID: a84b4c76e66710\r\n"
	"CSeq: 314159 INVITE\r\n"
	"Supported: 100rel,, timer\r\n"
	"Supported:\r\n"
	"k:\tReplaces , \"a,b\", <x,y>\r\n"
	"Subject: one\r\n"
	"  two \r\n"
	"\tthree\r\n"
	"X-Own : value, with comma \r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: 4\r\n"
	"\r\n"
	"v=0\nrest";

static enum parse parse(struct str in)
{
	arena_reset(&arena);
	return sip_msg_parse(&m, in, &arena, &fault);
}

static int set_up(void **state)
{
	(void)state;
	return arena_init(&arena, 65536) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static void assert_str(struct str got, const char *wanted)
{
	if (!str_eq(got, str_from(wanted))) fail_msg("got \"%.*s\", wanted \"%s\"", STR_FMT(got), wanted);
}

static void request_is_indexed(void **state)
{
	(void)state;
	assert_int_equal(parse(STR(invite)), PARSE_OK);
	assert_true(m.is_request);
	assert_int_equal(m.method, SIP_INVITE);
	assert_str(m.uri.user, "6035550102");
	assert_str(m.uri.host, "example.net");
	assert_str(m.via.host, "192.0.2.1");
	assert_int_equal(m.via.port, 5070);
	assert_true(m.via.rport_asked);
	assert_str(m.via.branch, "z9hG4bKnashds7");
	assert_int_equal(m.max_forwards, 12);
	assert_str(m.from.display, "A, B");
	assert_str(m.from.tag, "1928301774");
	assert_str(m.to.uri.user, "6035550102");
	assert_str(m.call_id, "a84b4c76e66710");
	assert_int_equal(m.cseq.number, 314159);
	assert_str(m.body, "v=0\n");
	assert_str(sip_msg_header(&m, SIP_H_SUBJECT), "one two three");
	assert_str(sip_msg_header_named(&m, STR("x-own")), "value, with comma");
}

static void list_is_walked_over_lines_and_commas(void **state)
{
	(void)state;
	static const char *const wanted[] = { "100rel", "timer", "Replaces", "\"a,b\"", "<x,y>" };
	struct sip_walk walk = { 0 };
	struct str value;
	assert_int_equal(parse(STR(invite)), PARSE_OK);
	for (uint32_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_true(sip_msg_each(&m, SIP_H_SUPPORTED, &walk, &value));
		assert_str(value, wanted[i]);
	}
	assert_false(sip_msg_each(&m, SIP_H_SUPPORTED, &walk, &value));
	assert_true(sip_msg_has_token(&m, SIP_H_SUPPORTED, STR("REPLACES")));
	assert_false(sip_msg_has_token(&m, SIP_H_SUPPORTED, STR("path")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_indexed),
		cmocka_unit_test(list_is_walked_over_lines_and_commas),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
