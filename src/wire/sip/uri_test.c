// URIs: decoding, escapes, equality.
#include "uri.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

static void assert_part(const char *uri, const char *part, struct str got, const char *wanted)
{
	if (!str_eq(got, str_from(wanted))) fail_msg("%s: %s is \"%.*s\"", uri, part, STR_FMT(got));
}

static void good_uris_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text, *scheme, *user, *password, *host;
		uint16_t port;
		const char *params, *headers;
	} rows[] = {
		{ "sip:alice@example.com", "sip", "alice", "", "example.com", 0, "", "" },
		{ "sip:alice:secret@example.com;transport=tcp", "sip", "alice", "secret", "example.com", 0, ";transport=tcp",
		  "" },
		{ "sips:alice@example.com?subject=x%20y&priority=urgent", "sips", "alice", "", "example.com", 0, "",
		  "subject=x%20y&priority=urgent" },
		{ "sip:+1-603-555-0102:1234@gw.example.net;user=phone", "sip", "+1-603-555-0102", "1234", "gw.example.net", 0,
		  ";user=phone", "" },
		{ "sip:alice;day=tuesday@example.com", "sip", "alice;day=tuesday", "", "example.com", 0, "", "" },
		{ "sip:*67#5550102@h", "sip", "*67#5550102", "", "h", 0, "", "" },
		{ "sip:a%40b@h:1", "sip", "a%40b", "", "h", 1, "", "" },
		{ "sip:?/@h", "sip", "?/", "", "h", 0, "", "" },
		{ "sip:h:65535;a;b=c?d=e", "sip", "", "", "h", 65535, ";a;b=c", "d=e" },
		{ "sip:h?d=e;f", "sip", "", "", "h", 0, "", "d=e;f" },
		{ "sip:@h", "sip", "", "", "h", 0, "", "" },
		{ "SIP:192.0.2.1", "SIP", "", "", "192.0.2.1", 0, "", "" },
		{ "sip:[2001:db8::1]:5060;lr", "sip", "", "", "[2001:db8::1]", 5060, ";lr", "" },
		{ "sip:a@[::ffff:192.0.2.1]", "sip", "a", "", "[::ffff:192.0.2.1]", 0, "", "" },
		{ "sip:a@[2001:db8:::192.0.2.1]", "sip", "a", "", "[2001:db8:::192.0.2.1]", 0, "", "" },
		{ "sip:a@h;", "sip", "a", "", "h", 0, ";", "" },
		{ "tel:+1-603-555-0102", "tel", "+1-603-555-0102", "", "", 0, "", "" },
		{ "tel:7042;phone-context=example.com", "tel", "7042", "", "", 0, ";phone-context=example.com", "" },
		{ "tel:*67#", "tel", "*67#", "", "", 0, "", "" },
		{ "urn:service:sos", "urn", "", "", "", 0, "", "" },
		{ "http://www.example.com/?a=b", "http", "", "", "", 0, "", "" },
		{ "nobodyKnows.This+Scheme-1:opaque", "nobodyKnows.This+Scheme-1", "", "", "", 0, "", "" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri u;
		const char *text = rows[i].text;
		if (sip_uri_parse(&u, str_from(text)) != PARSE_OK) fail_msg("refused: %s", text);
		assert_part(text, "text", u.text, text);
		assert_part(text, "scheme", u.scheme, rows[i].scheme);
		assert_part(text, "user", u.user, rows[i].user);
		assert_part(text, "password", u.password, rows[i].password);
		assert_part(text, "host", u.host, rows[i].host);
		assert_part(text, "params", u.params, rows[i].params);
		assert_part(text, "headers", u.headers, rows[i].headers);
		assert_int_equal(u.port, rows[i].port);
	}
}

static void bad_uris_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", ":", "sip", "sip:", "sip", "alice@example.com", "1sip:h", ":h", "s ip:h", "<sip:h>", "sip:h>", "sip:h ",
		" sip:h", "sip: h", "sip:a b@h", "sip:a\"b@h", "sip:a<b@h", "sip:a\\b@h", "sip:a[b@h", "sip:a@b@h", "sip:a@",
		"sip:a@b@", "sip:a@h@", "sip:h;x=a@b@c", "sip:a:b:c@h", "sip:a:b;c@h", "sip:a%4@h", "sip:a%@h", "sip:a%4g@h",
		"sip:a%", "sip:h:", "sip:h:0", "sip:h:65536", "sip:h:4294967296", "sip:h:-1", "sip:h:5060x", "sip:h:50 60",
		"sip:h/x", "sip:h,x", "sip:h;x=%zz", "sip:h?x=%", "sip:h;x=\"y\"", "sip:h;x=<y>", "sip:2001:db8::10",
		"sip:[2001:db8::10", "sip:[]", "sip:[192.0.2.1]", "sip:[2001:db8::10]x", "sip:[2001:db8:::1]", "sip:[:::]",
		"sip:[2001:db8::g]", "sip:[2001:db8::1%25eth0]", "sip:h\xc3\xa9", "sip:\xc3\xa9@h", "sip:a\r\n@h", "tel:",
		"tel:+", "tel:+1603x", "tel:1 603", "tel:603+1", "tel:603;x=%1", "tel:603;<", "urn:", "urn:a b", "urn:<a>",
		"urn:\"a\"", "a%41:b",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct sip_uri u;
		if (sip_uri_parse(&u, str_from(bad[i])) != PARSE_BAD) fail_msg("taken: %s", bad[i]);
	}
	struct sip_uri u;
	assert_int_equal(sip_uri_parse(&u, (struct str){ "sip:a\0b@h", 9 }), PARSE_BAD);
	assert_int_equal(sip_uri_parse(&u, (struct str){ "sip:h\0", 6 }), PARSE_BAD);
}

static void length_is_limited(void **state)
{
	(void)state;
	static char text[SIP_URI_MAX + 2];
	struct sip_uri u;
	memset(text, 'a', sizeof text);
	memcpy(text, "sip:", 4);
	assert_int_equal(sip_uri_parse(&u, (struct str){ text, SIP_URI_MAX }), PARSE_OK);
	assert_int_equal(u.host.n, SIP_URI_MAX - 4);
	assert_int_equal(sip_uri_parse(&u, (struct str){ text, SIP_URI_MAX + 1 }), PARSE_BAD);
}

static void uris_are_equal_as_the_rfc_says(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		// RFC 3261 §19.1.4
		{ "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true },
		{ "sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true },
		{ "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		  "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true },
		{ "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		  "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true },
		{ "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false },
		{ "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false },
		{ "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false },
		// and more
		{ "sip:a@h", "sips:a@h", false },
		{ "sip:a@h", "sip:h", false },
		{ "sip:a:p@h", "sip:a@h", false },
		{ "sip:a@h;user=phone", "sip:a@h", false },
		{ "sip:a@h;lr", "sip:a@h", true },
		{ "sip:a%40b@h", "sip:a%40B@h", false },
		{ "sip:a%3Bb@h", "sip:a;b@h", false }, // a reserved character is not its escape
		{ "sip:a%2ab@h", "sip:a*b@h", true },
		{ "sip:%00@h", "sip:%00%00@h", false },
		{ "sip:a@h?x=1", "sip:a@h?x=1&y=2", false },
		{ "tel:+1-603-555-0102", "tel:+1(603)555.0102", true },
		{ "tel:+16035550102", "tel:+16035550103", false },
		{ "tel:+16035550102", "tel:16035550102", false },
		{ "tel:7042;phone-context=a.com", "tel:7042;phone-context=b.com", false },
		{ "tel:ABC", "tel:abc", true },
		{ "urn:service:sos", "urn:service:sos", true },
		{ "urn:service:sos", "urn:service:sos.fire", false },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri a, b;
		assert_int_equal(sip_uri_parse(&a, str_from(rows[i].a)), PARSE_OK);
		assert_int_equal(sip_uri_parse(&b, str_from(rows[i].b)), PARSE_OK);
		if (sip_uri_eq(&a, &b) != rows[i].equal || sip_uri_eq(&b, &a) != rows[i].equal)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
		assert_true(sip_uri_eq(&a, &a));
	}
}

static void escapes_are_made_plain_once(void **state)
{
	(void)state;
	struct arena arena;
	assert_int_equal(arena_init(&arena, 96), OK);
	assert_true(str_eq(sip_unescape(&arena, STR("a%25%34%31b")), STR("a%41b"))); // never twice
	assert_true(str_eq(sip_unescape(&arena, STR("%00")), (struct str){ "\0", 1 }));
	assert_true(str_eq(sip_unescape(&arena, STR("%")), STR("%")));
	assert_true(str_eq(sip_unescape(&arena, STR("%4")), STR("%4")));
	assert_true(str_eq(sip_unescape(&arena, STR("%zz%4A")), STR("%zzJ")));
	uint32_t before = arena.n;
	struct str plain = STR("plain");
	assert_ptr_equal(sip_unescape(&arena, plain).p, plain.p); // nothing to do: no copy
	assert_int_equal(arena.n, before);
	char large[128];
	memset(large, '%', sizeof large);
	assert_int_equal(sip_unescape(&arena, (struct str){ large, sizeof large }).n, 0); // the arena is full
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_uris_are_taken_apart),
		cmocka_unit_test(bad_uris_are_refused),
		cmocka_unit_test(length_is_limited),
		cmocka_unit_test(uris_are_equal_as_the_rfc_says),
		cmocka_unit_test(escapes_are_made_plain_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
