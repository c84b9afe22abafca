// The single values of headers.
#include "header.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/testing.h"

#include <stdlib.h>

static void assert_part(const char *whole, struct str got, const char *wanted)
{
	if (!str_eq(got, str_from(wanted))) fail_msg("%s: got \"%.*s\", wanted \"%s\"", whole, STR_FMT(got), wanted);
}

static void good_addresses_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text, *display, *uri, *params, *tag;
	} rows[] = {
		{ "\"A. G. Bell\" <sip:agb@bell.example> ;tag=a48s", "A. G. Bell", "sip:agb@bell.example", ";tag=a48s",
		  "a48s" },
		{ "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "sip:c8oqz84zk7z@privacy.org", ";tag=hyh8",
		  "hyh8" },
		{ "<sip:a@h;lr>;x=1;Tag=2", "", "sip:a@h;lr", ";x=1;Tag=2", "2" },
		{ "sip:a@h", "", "sip:a@h", "", "" },
		{ " sip:a@h ; tag = x ; y", "", "sip:a@h", "; tag = x ; y", "x" },
		{ "sip:a@h;tag=x", "", "sip:a@h", ";tag=x", "x" },
		{ "caller<sip:a@h>", "caller", "sip:a@h", "", "" },
		{ "Bell, Alexander <sip:a@h>", "Bell, Alexander", "sip:a@h", "", "" }, // RFC 4475 §3.1.2.15, the liberal way
		{ "\"a \\\"<b>, c\" <sip:a@h>", "a \\\"<b>, c", "sip:a@h", "", "" },
		{ "\"\"<sip:a@h>", "", "sip:a@h", "", "" },
		{ "<sip:a,b@h?x=y>", "", "sip:a,b@h?x=y", "", "" },
		{ "<sip:a@h>;+sip.instance=\"<urn:uuid:1;2>\";q=0.5", "", "sip:a@h",
		  ";+sip.instance=\"<urn:uuid:1;2>\";q=0.5", "" },
		{ "<tel:+16035550102>;tag=\"quoted\"", "", "tel:+16035550102", ";tag=\"quoted\"", "\"quoted\"" },
		{ "isbn:2983792873", "", "isbn:2983792873", "", "" },
		{ "<http://www.example.com>;tag=3", "", "http://www.example.com", ";tag=3", "3" },
		{ "<sip:a@h>;tag=1;tag=2", "", "sip:a@h", ";tag=1;tag=2", "1" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_name_addr a;
		const char *text = rows[i].text;
		if (sip_name_addr_parse(&a, str_from(text)) != PARSE_OK) fail_msg("refused: %s", text);
		assert_part(text, a.display, rows[i].display);
		assert_part(text, a.uri.text, rows[i].uri);
		assert_part(text, a.params, rows[i].params);
		assert_part(text, a.tag, rows[i].tag);
		assert_false(a.star);
	}
}

static void star_is_a_contact_of_its_own(void **state)
{
	(void)state;
	struct sip_name_addr a;
	assert_int_equal(sip_name_addr_parse(&a, STR(" * ")), PARSE_OK);
	assert_true(a.star);
	assert_int_equal(sip_name_addr_parse(&a, STR("*;expires=0")), PARSE_BAD);
}

static void bad_addresses_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "\"", "\"a", "\"a\"", "\"a\\\" <sip:a@h>", "\"a\" sip:a@h", "\"a\" b <sip:a@h>", "<", "<>", "<sip:a@h",
		"sip:a@h>", "< sip:a@h>", "<sip:a@h >", "<sip:a@h> x", "<sip:a@h>,<sip:b@h>", "<sip:a@h>;", "<sip:a@h>;;tag=1",
		"<sip:a@h>;=1", "<sip:a@h>;tag=\"1", "<sip:a@h>;tag=1 2", "<sip:a@h>;tag=1,2", "<sip:a@h>;tag=<1>",
		"sip:a@h?x=y", "sip:a,b@h", "sip:a;b=c@h,d", "a <sip:a@h", "a \"b\" <sip:a@h>", "<<sip:a@h>>", "alice",
		"alice@h",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct sip_name_addr a;
		if (sip_name_addr_parse(&a, str_from(bad[i])) != PARSE_BAD) fail_msg("taken: %s", bad[i]);
	}
}

static void good_vias_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text, *transport, *host;
		uint16_t port;
		const char *branch, *received;
		bool asked;
		uint16_t rport;
	} rows[] = {
		{ "SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bK1", "UDP", "192.0.2.1", 5070, "z9hG4bK1", "", true, 0 },
		{ "SIP/2.0/TLS h.example;branch=z9hG4bK1;received=192.0.2.7;rport=6001", "TLS", "h.example", 0, "z9hG4bK1",
		  "192.0.2.7", false, 6001 },
		{ " sip /  2.0\t/ TLS-SCTP\th : 1 ; branch = b ", "TLS-SCTP", "h", 1, "b", "", false, 0 },
		{ "SIP/2.0/UDP [2001:db8::9]:5060;received=2001:db8::9:255;branch=x", "UDP", "[2001:db8::9]", 5060, "x",
		  "2001:db8::9:255", false, 0 },
		{ "SIP/2.0/UDP h", "UDP", "h", 0, "", "", false, 0 },
		{ "SIP/2.0/UDP h;rport=;branch=;ttl=1", "UDP", "h", 0, "", "", true, 0 },
		{ "SIP/2.0/UDP h;BRANCH=a;branch=b", "UDP", "h", 0, "a", "", false, 0 },
		{ "SIP/2.0/UDP h;x=\"a;branch=no\";branch=b", "UDP", "h", 0, "b", "", false, 0 },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_via v;
		const char *text = rows[i].text;
		if (sip_via_parse(&v, str_from(text)) != PARSE_OK) fail_msg("refused: %s", text);
		assert_part(text, v.transport, rows[i].transport);
		assert_part(text, v.host, rows[i].host);
		assert_part(text, v.branch, rows[i].branch);
		assert_part(text, v.received, rows[i].received);
		assert_int_equal(v.port, rows[i].port);
		assert_int_equal(v.rport_asked, rows[i].asked);
		assert_int_equal(v.rport, rows[i].rport);
	}
}

static void bad_vias_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "SIP", "SIP/2.0", "SIP/2.0/", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/UDPh", "SIP/2.0 UDP h",
		"SIP2.0/UDP h", "HTTP/2.0/UDP h", "SIP/1.0/UDP h", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:65536", "SIP/2.0/UDP h:",
		"SIP/2.0/UDP h:x", "SIP/2.0/UDP h;", "SIP/2.0/UDP h;;branch=b", "SIP/2.0/UDP h;rport=0",
		"SIP/2.0/UDP h;rport=x", "SIP/2.0/UDP h;rport=65536", "SIP/2.0/UDP h;rport=1x", "SIP/2.0/UDP h x",
		"SIP/2.0/UDP h, SIP/2.0/UDP i", "SIP/2.0/UDP 2001:db8::9:1;branch=b", "SIP/2.0/UDP [2001:db8::9",
		"SIP/2.0/UDP <h>", "SIP/2.0/UDP h;branch=\"b",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct sip_via v;
		if (sip_via_parse(&v, str_from(bad[i])) != PARSE_BAD) fail_msg("taken: %s", bad[i]);
	}
}

static void cseq_is_a_number_and_a_method(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "1", "1 ", "INVITE", "1INVITE", "-1 INVITE", "+1 INVITE", "2147483648 INVITE", "4294967297 INVITE",
		"36893488147419103232 INVITE", "1 INVITE x", "1 INV,ITE", "1 1 INVITE", "0x1 INVITE",
	};
	struct sip_cseq c;
	assert_int_equal(sip_cseq_parse(&c, STR("0 ACK")), PARSE_OK);
	assert_true(c.number == 0 && c.method == SIP_ACK);
	assert_int_equal(sip_cseq_parse(&c, STR("2147483647 \t FOO")), PARSE_OK);
	assert_true(c.number == INT32_MAX && c.method == SIP_METHOD_UNKNOWN);
	assert_part("CSeq", c.method_name, "FOO");
	assert_int_equal(sip_cseq_parse(&c, STR("0009 INVITE")), PARSE_OK);
	assert_int_equal(c.number, 9);
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++)
		if (sip_cseq_parse(&c, str_from(bad[i])) != PARSE_BAD) fail_msg("taken: %s", bad[i]);
}

static void parameters_are_found(void **state)
{
	(void)state;
	static const char params[] = ";lr;Transport=tcp ; q = \"0,5;x=1\";empty=;e2=\"\";q=2";
	struct str value = STR("untouched");
	assert_false(sip_param(&value, STR(params), STR("x")));
	assert_part("x", value, "untouched");
	assert_true(sip_param(&value, STR(params), STR("lr")));
	assert_part("lr", value, "");
	assert_true(sip_param(&value, STR(params), STR("transport")));
	assert_part("transport", value, "tcp");
	assert_true(sip_param(&value, STR(params), STR("Q")));
	assert_part("q", value, "0,5;x=1");
	assert_true(sip_param(&value, STR(params), STR("empty")));
	assert_part("empty", value, "");
	assert_true(sip_param(&value, STR(params), STR("E2")));
	assert_part("e2", value, "");
	assert_false(sip_param(&value, STR(""), STR("a")));
	assert_false(sip_param(&value, STR("a=b"), STR("a"))); // a parameter begins with ';'
	assert_false(sip_param(&value, STR(";b=\"c;a=1"), STR("a")));
}

static void quoted_text_is_made_plain(void **state)
{
	(void)state;
	struct arena arena;
	struct str plain = STR("plain");
	assert_int_equal(arena_init(&arena, 64), OK);
	assert_ptr_equal(sip_unquote(&arena, plain).p, plain.p);
	assert_part("escapes", sip_unquote(&arena, STR("a\\\"b\\\\c\\d")), "a\"b\\cd");
	assert_part("last", sip_unquote(&arena, STR("a\\")), "a\\");
	char large[128];
	memset(large, '\\', sizeof large);
	assert_int_equal(sip_unquote(&arena, (struct str){ large, sizeof large }).n, 0); // the arena is full
	arena_fini(&arena);
}

// Each text cut at each octet in memory of its own size: a read past the end is seen by the sanitizer.
static void values_may_be_cut_anywhere(void **state)
{
	(void)state;
	static const char *const whole[] = {
		"\"a\\\"\" <sip:a%41:p@[2001:db8::1]:5060;lr?x=%20>;tag=\"a\\\\\";x",
		"SIP / 2.0 / UDP [::1] : 1 ; rport=1 ; b=\"x\"", "12 INVITE", "a <tel:+1-603;x=%41>;q=1", "*",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(whole); i++) {
		for (uint32_t n = 0; n <= strlen(whole[i]); n++) {
			char *exact = must(malloc(n ? n : 1));
			struct str cut = { memcpy(exact, whole[i], n), n }, value;
			struct sip_name_addr a;
			struct sip_via v;
			struct sip_cseq c;
			struct sip_uri u;
			sip_name_addr_parse(&a, cut);
			sip_via_parse(&v, cut);
			sip_cseq_parse(&c, cut);
			sip_uri_parse(&u, cut);
			sip_param(&value, cut, STR("x"));
			free(exact);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_addresses_are_taken_apart),
		cmocka_unit_test(star_is_a_contact_of_its_own),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(good_vias_are_taken_apart),
		cmocka_unit_test(bad_vias_are_refused),
		cmocka_unit_test(cseq_is_a_number_and_a_method),
		cmocka_unit_test(parameters_are_found),
		cmocka_unit_test(quoted_text_is_made_plain),
		cmocka_unit_test(values_may_be_cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
