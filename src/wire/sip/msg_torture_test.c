// The torture messages of RFC 4475 and RFC 5118: what is expected of each, and that no cut of one does harm.
#include "wire/sip/msg_test.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

// Well formed as a message, or what is answered (0: dropped without an answer). A URI or Contact that the message layer
// leaves to its user is judged here too: then the message is fine and its Contact is not.
static const struct torture {
	const char *file;
	uint16_t status; // FINE, or that of the fault
	bool bad_contact;
	const char *clause;
} messages[] = {
#define FINE 1
	{ "rfc4475/wsinv", FINE, false, "3.1.1.1" },
	{ "rfc4475/intmeth", FINE, false, "3.1.1.2" },
	{ "rfc4475/esc01", FINE, false, "3.1.1.3" },
	{ "rfc4475/escnull", FINE, false, "3.1.1.4" },
	{ "rfc4475/esc02", FINE, false, "3.1.1.5" },
	{ "rfc4475/lwsdisp", FINE, false, "3.1.1.6" },
	{ "rfc4475/longreq", FINE, false, "3.1.1.7" },
	{ "rfc4475/dblreq", FINE, false, "3.1.1.8" },
	{ "rfc4475/semiuri", FINE, false, "3.1.1.9" },
	{ "rfc4475/transports", FINE, false, "3.1.1.10" },
	{ "rfc4475/mpart01", FINE, false, "3.1.1.11" },
	{ "rfc4475/unreason", FINE, false, "3.1.1.12" },
	{ "rfc4475/noreason", FINE, false, "3.1.1.13" },
	{ "rfc4475/badinv01", 400, true, "3.1.2.1" },
	{ "rfc4475/clerr", 400, false, "3.1.2.2" },
	{ "rfc4475/ncl", 400, false, "3.1.2.3" },
	{ "rfc4475/scalar02", 400, false, "3.1.2.4" },
	{ "rfc4475/scalarlg", 0, false, "3.1.2.5" },
	{ "rfc4475/quotbal", 400, false, "3.1.2.6" },
	{ "rfc4475/ltgtruri", 400, false, "3.1.2.7" },
	{ "rfc4475/lwsruri", 400, false, "3.1.2.8" },
	{ "rfc4475/lwsstart", 400, false, "3.1.2.9" },
	{ "rfc4475/trws", FINE, false, "3.1.2.10, the liberal way" },
	{ "rfc4475/escruri", 400, false, "3.1.2.11" },
	{ "rfc4475/baddate", FINE, false, "3.1.2.12: nobody here reads a Date" },
	{ "rfc4475/regbadct", FINE, true, "3.1.2.13" },
	{ "rfc4475/badaspec", 400, false, "3.1.2.14" },
	{ "rfc4475/baddn", 400, false, "3.1.2.15: but it has no empty line" },
	{ "rfc4475/badvers", 505, false, "3.1.2.16" },
	{ "rfc4475/mismatch01", 400, false, "3.1.2.17" },
	{ "rfc4475/mismatch02", 400, false, "3.1.2.18" },
	{ "rfc4475/bigcode", 0, false, "3.1.2.19" },
	{ "rfc4475/badbranch", FINE, false, "3.2.1: left to the transactions" },
	{ "rfc4475/insuf", 400, false, "3.3.1" },
	{ "rfc4475/unkscm", FINE, false, "3.3.2: 416 by the user" },
	{ "rfc4475/novelsc", FINE, false, "3.3.3: 416 by the user" },
	{ "rfc4475/unksm2", FINE, false, "3.3.4" },
	{ "rfc4475/bext01", FINE, false, "3.3.5: 420 by the user" },
	{ "rfc4475/invut", FINE, false, "3.3.6: 415 by the user" },
	{ "rfc4475/regaut01", FINE, false, "3.3.7" },
	{ "rfc4475/multi01", 400, false, "3.3.8" },
	{ "rfc4475/mcl01", 400, false, "3.3.9" },
	{ "rfc4475/bcast", FINE, false, "3.3.10: dropped by the user" },
	{ "rfc4475/zeromf", FINE, false, "3.3.11" },
	{ "rfc4475/cparam01", FINE, false, "3.3.12" },
	{ "rfc4475/cparam02", FINE, false, "3.3.13" },
	{ "rfc4475/regescrt", FINE, false, "3.3.14" },
	{ "rfc4475/sdp01", FINE, false, "3.3.15: 406 by the user" },
	{ "rfc4475/inv2543", FINE, false, "3.4.1" },
	{ "rfc5118/ipv6-good", FINE, false, "4.1" },
	{ "rfc5118/ipv6-bad", 400, false, "4.2" },
	{ "rfc5118/port-ambiguous", FINE, false, "4.3" },
	{ "rfc5118/port-unambiguous", FINE, false, "4.4" },
	{ "rfc5118/via-received-param-with-delim", FINE, false, "4.5" },
	{ "rfc5118/via-received-param-no-delim", FINE, false, "4.5" },
	{ "rfc5118/ipv6-in-sdp", FINE, false, "4.6" },
	{ "rfc5118/mult-ip-in-header", FINE, false, "4.7" },
	{ "rfc5118/mult-ip-in-sdp", FINE, false, "4.8" },
	{ "rfc5118/ipv4-mapped-ipv6", FINE, false, "4.9" },
	{ "rfc5118/ipv6-bug-abnf-3-colons", FINE, false, "4.10" },
	{ "rfc5118/ipv6-correct-abnf-2-colons", FINE, false, "4.10" },
};
static_assert(ARRAY_LEN(messages) == 49 + 12, "every message of both RFCs");

static char file_octets[8192];
static const struct sip_source source = { .peer = { .family = 4, .port = 5062, .ip = { 198, 51, 100, 7 } } };

static struct str read_message(const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/test/torture/%s.sip", SOURCE_ROOT, name);
	FILE *f = fopen(path, "rb");
	if (!f) fail_msg("no %s", path);
	size_t n = fread(file_octets, 1, sizeof file_octets, f);
	fclose(f);
	return (struct str){ file_octets, (uint32_t)n };
}

static void message(const char *name)
{
	parse(read_message(name));
}

static bool contacts_are_good(void)
{
	struct sip_walk walk = { 0 };
	struct sip_name_addr a;
	struct str value;
	while (sip_msg_each(&m, SIP_H_CONTACT, &walk, &value))
		if (sip_name_addr_parse(&a, value) != PARSE_OK) return false;
	return true;
}

static void each_is_judged_as_its_rfc_says(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(messages); i++) {
		const struct torture *t = &messages[i];
		enum parse p = parse(read_message(t->file));
		if (p != (t->status == FINE ? PARSE_OK : PARSE_BAD))
			fail_msg("%s: %s (%s)", t->file, fault.why ? fault.why : "taken", t->clause);
		if (p == PARSE_BAD && fault.status != t->status) fail_msg("%s: %u %s", t->file, fault.status, fault.why);
		if (p == PARSE_BAD && sip_msg_can_answer(&m) != (t->status != 0)) fail_msg("%s: no answer", t->file);
		if (contacts_are_good() == t->bad_contact) fail_msg("%s: Contact (%s)", t->file, t->clause);
	}
}

// What is answered is itself a message, and one response only.
static void each_answer_is_well_formed(void **state)
{
	(void)state;
	static struct sip_msg answer;
	static char text[16384], memory[16384];
	struct arena of_answer = { .p = memory, .cap = sizeof memory };
	for (uint32_t i = 0; i < ARRAY_LEN(messages); i++) {
		struct buf b = buf_on(text, sizeof text);
		struct sip_fault none;
		parse(read_message(messages[i].file));
		if (!sip_msg_can_answer(&m)) continue;
		put_sip_response(&b, &m, &source, 400, str_from(fault.why), STR("us"));
		put_sip_body(&b, STR(""), STR(""));
		assert_int_equal(b.err, OK);
		arena_reset(&of_answer);
		enum parse p = sip_msg_parse(&answer, buf_str(&b), &of_answer, &none);
		// What could not be read in the request is as unreadable in its answer.
		if (p != PARSE_OK && messages[i].status == FINE) fail_msg("%s: %s", messages[i].file, none.why);
		assert_int_equal(answer.status, 400);
		if (!fault.why) assert_true(answer.to.tag.n > 0);
		assert_true(str_eq(answer.call_id, m.call_id));
		assert_int_equal(answer.body.n, 0);
	}
}

static void assert_inside(struct str s, struct str in)
{
	if (s.n == 0) return;
	bool in_bytes = s.p >= in.p && s.p + s.n <= in.p + in.n;
	bool in_arena = s.p >= arena.p && s.p + s.n <= arena.p + arena.n;
	if (!in_bytes && !in_arena) fail_msg("a slice of %u octets is outside", s.n);
}

// At each octet, each cut in memory of its own size, so that a read past the end is seen.
static void each_may_be_cut_anywhere(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(messages); i++) {
		struct str whole = read_message(messages[i].file);
		for (uint32_t n = 0; n < whole.n; n++) {
			char *exact = malloc(n ? n : 1);
			assert_non_null(exact);
			memcpy(exact, whole.p, n);
			struct str cut = { exact, n };
			parse(cut);
			for (uint32_t h = 0; h < m.header_count; h++) {
				assert_inside(m.headers[h].name, cut);
				assert_inside(m.headers[h].value, cut);
			}
			assert_inside(m.body, cut);
			assert_inside(m.from.tag, cut);
			assert_inside(m.via.branch, cut);
			contacts_are_good();
			free(exact);
		}
	}
}

static void tortuous_invite_is_understood(void **state)
{
	(void)state;
	message("rfc4475/wsinv");
	assert_str(m.uri.params, ";unknownparam");
	assert_int_equal(m.max_forwards, 68);
	assert_int_equal(m.cseq.number, 9);
	assert_str(m.to.tag, "1918181833n");
	assert_str(m.from.display, "J Rosenberg \\\\\\\"");
	assert_str(sip_unquote(&arena, m.from.display), "J Rosenberg \\\"");
	assert_str(m.from.tag, "98asjd8");
	assert_str(m.via.host, "192.0.2.2");
	assert_str(m.via.branch, "390skdjuw");
	assert_str(sip_msg_header_named(&m, STR("newfangledheader")), "newfangled value continued newfangled value");
	assert_true(sip_msg_has(&m, SIP_H_SUBJECT));
	assert_int_equal(m.body.n, 150);
	struct sip_walk walk = { 0 };
	struct sip_via via;
	struct str value;
	for (int i = 0; i < 3; i++) {
		assert_true(sip_msg_each(&m, SIP_H_VIA, &walk, &value));
		assert_int_equal(sip_via_parse(&via, value), PARSE_OK);
	}
	assert_false(sip_msg_each(&m, SIP_H_VIA, &walk, &value));
	assert_str(via.host, "192.168.255.111");
	assert_str(via.branch, "z9hG4bK30239");
}

static void unusual_characters_are_kept(void **state)
{
	(void)state;
	struct str nul = { "BEL:\a NUL:\0 DEL:\x7f", 17 };
	message("rfc4475/intmeth");
	assert_int_equal(m.method, SIP_METHOD_UNKNOWN);
	assert_str(m.uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	assert_str(m.uri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
	assert_true(str_eq(sip_unquote(&arena, m.to.display), nul));
	assert_str(m.from.display, "token1~` token2'+_ token3*%!.-");
	assert_str(m.from.tag, "_token~1'+`*%!-.");
	assert_str(m.via.branch, "z9hG4bK-.!%66*_+`'~");
	assert_str(m.call_id, "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
}

static void escapes_are_understood_where_they_are_escapes(void **state)
{
	(void)state;
	struct sip_walk walk = { 0 };
	struct str value;
	message("rfc4475/esc01");
	assert_str(sip_unescape(&arena, m.uri.user), "sips:user@example.com");
	assert_str(m.uri.host, "example.net");
	assert_str(sip_unescape(&arena, m.to.uri.user), "user");
	assert_str(sip_unescape(&arena, m.from.uri.user), "I have spaces");
	message("rfc4475/escnull");
	assert_true(str_eq(sip_unescape(&arena, m.to.uri.user), (struct str){ "null-\0-null", 11 }));
	message("rfc4475/esc02");
	assert_int_equal(m.method, SIP_METHOD_UNKNOWN);
	for (int i = 0; i < 2; i++) assert_true(sip_msg_each(&m, SIP_H_CONTACT, &walk, &value));
	assert_str(value, "<sip:alias3@host3.example.com>");
	assert_false(sip_msg_each(&m, SIP_H_CONTACT, &walk, &value));
}

static void second_message_of_a_datagram_is_cut_off(void **state)
{
	(void)state;
	message("rfc4475/dblreq");
	assert_int_equal(m.method, SIP_REGISTER);
	assert_int_equal(m.body.n, 0);
	assert_str(m.call_id, "dblreq.0ha0isndaksdj99sdfafnl3lk233412");
}

static void parameters_belong_where_they_stand(void **state)
{
	(void)state;
	struct sip_name_addr a;
	struct str value;
	message("rfc4475/semiuri");
	assert_str(sip_unescape(&arena, m.uri.user), "user;par=u@example.net");
	message("rfc4475/cparam01");
	assert_int_equal(sip_name_addr_parse(&a, sip_msg_header(&m, SIP_H_CONTACT)), PARSE_OK);
	assert_false(sip_param(&value, a.uri.params, STR("unknownparam")));
	assert_true(sip_param(&value, a.params, STR("unknownparam")));
	message("rfc4475/cparam02");
	assert_int_equal(sip_name_addr_parse(&a, sip_msg_header(&m, SIP_H_CONTACT)), PARSE_OK);
	assert_true(sip_param(&value, a.uri.params, STR("unknownparam")));
	assert_false(sip_param(&value, a.params, STR("unknownparam")));
	message("rfc4475/regescrt");
	assert_int_equal(sip_name_addr_parse(&a, sip_msg_header(&m, SIP_H_CONTACT)), PARSE_OK);
	assert_str(a.uri.headers, "Route=%3Csip:sip.example.com%3E");
}

static void old_syntax_is_taken(void **state)
{
	(void)state;
	message("rfc4475/inv2543");
	assert_int_equal(m.max_forwards, 70);
	assert_int_equal(m.via.branch.n, 0);
	assert_int_equal(m.from.tag.n, 0);
	assert_true(str_starts(m.body, STR("v=0\r\n")));
}

static void ipv6_is_read_in_its_brackets(void **state)
{
	(void)state;
	message("rfc5118/port-ambiguous");
	assert_str(m.uri.host, "[2001:db8::10:5070]");
	assert_int_equal(m.uri.port, 0);
	message("rfc5118/port-unambiguous");
	assert_str(m.uri.host, "[2001:db8::10]");
	assert_int_equal(m.uri.port, 5070);
	message("rfc5118/via-received-param-with-delim");
	assert_str(m.via.received, "[2001:db8::9:255]");
	message("rfc5118/via-received-param-no-delim");
	assert_str(m.via.received, "2001:db8::9:255");
	message("rfc5118/ipv4-mapped-ipv6");
	assert_int_equal(m.via.port, 19823);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_judged_as_its_rfc_says),
		cmocka_unit_test(each_answer_is_well_formed),
		cmocka_unit_test(each_may_be_cut_anywhere),
		cmocka_unit_test(tortuous_invite_is_understood),
		cmocka_unit_test(unusual_characters_are_kept),
		cmocka_unit_test(escapes_are_understood_where_they_are_escapes),
		cmocka_unit_test(second_message_of_a_datagram_is_cut_off),
		cmocka_unit_test(parameters_belong_where_they_stand),
		cmocka_unit_test(old_syntax_is_taken),
		cmocka_unit_test(ipv6_is_read_in_its_brackets),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
