// Responses as they leave, octet by octet, and that nothing that is written adds a line.
#include "write.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#define REST                                                                                                           \
	"From: <sip:6035550101@example.net>;tag=f\r\n"                                                                     \
	"To: <sip:6035550102@example.net>\r\n"                                                                             \
	"Call-ID: c1\r\n"                                                                                                  \
	"CSeq: 1 INVITE\r\n"
#define REQUEST "INVITE sip:6035550102@example.net SIP/2.0\r\n"

static struct sip_msg m;
static char octets[8192], arena_octets[8192], in_octets[8192];
static struct arena arena = { .p = arena_octets, .cap = sizeof arena_octets };
static struct sip_source source;

static void assert_text(struct str got, const char *wanted)
{
	if (!str_eq(got, str_from(wanted))) fail_msg("got\n%.*s\nwanted\n%s", STR_FMT(got), wanted);
}

static void request(const char *text)
{
	struct sip_fault fault;
	arena.n = 0;
	struct buf b = buf_on(in_octets, sizeof in_octets);
	put_z(&b, text);
	put_z(&b, "\r\n");
	assert_int_equal(b.err, OK);
	sip_msg_parse(&m, buf_str(&b), &arena, &fault);
}

static struct str respond(const char *peer, uint16_t status, const char *reason, const char *to_tag)
{
	struct buf b = buf_on(octets, sizeof octets);
	assert_int_equal(addr_parse(&source.peer, str_from(peer)), OK);
	put_sip_response(&b, &m, &source, status, str_from(reason), str_from(to_tag));
	assert_int_equal(b.err, OK);
	return buf_str(&b);
}

static void response_copies_what_it_must(void **state)
{
	(void)state;
	request(REQUEST "v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1, SIP/2.0/TCP p.example ;branch=z\r\n"
	                "Record-Route: <sip:r1;lr>,\r\n <sip:r2;lr>\r\n"
	                "Via: SIP/2.0/UDP q.example\r\n" REST
	                "Record-Route: <sip:r3;lr>\r\nX-Other: x\r\nTimestamp: 54.1\r\n");
	assert_text(respond("192.0.2.1:5060", 180, "", "us"),
	            "SIP/2.0 180 Ringing\r\n"
	            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1, SIP/2.0/TCP p.example ;branch=z\r\n"
	            "Via: SIP/2.0/UDP q.example\r\n"
	            "From: <sip:6035550101@example.net>;tag=f\r\n"
	            "To: <sip:6035550102@example.net>;tag=us\r\n"
	            "Call-ID: c1\r\n"
	            "CSeq: 1 INVITE\r\n"
	            "Record-Route: <sip:r1;lr>, <sip:r2;lr>\r\n"
	            "Record-Route: <sip:r3;lr>\r\n");
	assert_text(respond("192.0.2.1:5060", 100, "", ""),
	            "SIP/2.0 100 Trying\r\n"
	            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1, SIP/2.0/TCP p.example ;branch=z\r\n"
	            "Via: SIP/2.0/UDP q.example\r\n" REST "Timestamp: 54.1\r\n");
	assert_text(respond("192.0.2.1:5060", 486, "On another call", "us"),
	            "SIP/2.0 486 On another call\r\n"
	            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1, SIP/2.0/TCP p.example ;branch=z\r\n"
	            "Via: SIP/2.0/UDP q.example\r\n"
	            "From: <sip:6035550101@example.net>;tag=f\r\n"
	            "To: <sip:6035550102@example.net>;tag=us\r\n"
	            "Call-ID: c1\r\n"
	            "CSeq: 1 INVITE\r\n");
}

static void tag_of_a_dialog_stays(void **state)
{
	(void)state;
	request("BYE sip:us SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nFrom: <sip:a>;tag=f\r\nTo: <sip:b>;tag=t\r\n"
	        "Call-ID: c1\r\nCSeq: 2 BYE\r\nRecord-Route: <sip:r1;lr>\r\n");
	assert_text(respond("192.0.2.1:5060", 200, "", "us"),
	            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nFrom: <sip:a>;tag=f\r\nTo: <sip:b>;tag=t\r\n"
	            "Call-ID: c1\r\nCSeq: 2 BYE\r\n");
}

// The topmost Via by RFC 3261 §18.2.1 and RFC 3581 §4.
static void via_says_where_it_came_from(void **state)
{
	(void)state;
	static const struct {
		const char *via, *peer, *wanted;
	} rows[] = {
		// sent-by is the source: nothing is added, whatever the port
		{ "SIP/2.0/UDP 192.0.2.1:5070;branch=b", "192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1:5070;branch=b" },
		// another address, or a name
		{ "SIP/2.0/UDP 10.0.0.1;branch=b", "192.0.2.1:9", "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1" },
		{ "SIP/2.0/UDP h.example", "192.0.2.1:9", "SIP/2.0/UDP h.example;received=192.0.2.1" },
		// rport asked for: both, even if the address is the same
		{ "SIP/2.0/UDP 192.0.2.1;rport;branch=b", "192.0.2.1:5060",
		  "SIP/2.0/UDP 192.0.2.1;branch=b;received=192.0.2.1;rport=5060" },
		{ "SIP/2.0/UDP 10.0.0.1:4540 ; RPort ; branch=b", "192.0.2.1:9988",
		  "SIP/2.0/UDP 10.0.0.1:4540 ;branch=b;received=192.0.2.1;rport=9988" },
		// what the sender wrote there itself does not stay
		{ "SIP/2.0/UDP 192.0.2.1;received=203.0.113.9;rport=1;branch=b", "192.0.2.1:9",
		  "SIP/2.0/UDP 192.0.2.1;branch=b" },
		{ "SIP/2.0/UDP h;received=203.0.113.9;rport", "192.0.2.1:9", "SIP/2.0/UDP h;received=192.0.2.1;rport=9" },
		// IPv6: sent-by in brackets, received without
		{ "SIP/2.0/UDP [2001:db8::1];branch=b", "[2001:db8::1]:9", "SIP/2.0/UDP [2001:db8::1];branch=b" },
		{ "SIP/2.0/UDP [2001:DB8:0::1];rport", "[2001:db8::1]:9",
		  "SIP/2.0/UDP [2001:DB8:0::1];received=2001:db8::1;rport=9" },
		{ "SIP/2.0/UDP 192.0.2.1;x=\"a, b\";y", "[2001:db8::2]:9",
		  "SIP/2.0/UDP 192.0.2.1;x=\"a, b\";y;received=2001:db8::2" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[512], wanted[512];
		snprintf(text, sizeof text, REQUEST "Via: %s\r\n" REST, rows[i].via);
		snprintf(wanted, sizeof wanted, "SIP/2.0 404 Not Found\r\nVia: %s\r\n" REST, rows[i].wanted);
		request(text);
		assert_text(respond(rows[i].peer, 404, "", ""), wanted);
	}
}

static void broken_request_is_answered_with_what_is_good(void **state)
{
	(void)state;
	// To cannot be read: it goes back as it came, without a tag of ours; a line with a stray CR does not.
	request(REQUEST "Via: SIP/2.0/UDP 192.0.2.1;;,\r\nFrom: <sip:a>;tag=f\rX-Injected: 1\r\nTo: \"x <sip:b>\r\n"
	                "Call-ID: c1\r\nCSeq: 1 INVITE\r\n");
	assert_true(sip_msg_can_answer(&m));
	assert_text(respond("192.0.2.2:5060", 400, "Malformed To", "us"),
	            "SIP/2.0 400 Malformed To\r\nVia: SIP/2.0/UDP 192.0.2.1;received=192.0.2.2,\r\nTo: \"x <sip:b>\r\n"
	            "Call-ID: c1\r\nCSeq: 1 INVITE\r\n");
	// A port that is none: the Via is understood so far.
	request(REQUEST "Via: SIP/2.0/UDP 192.0.2.1:99999;rport\r\n" REST);
	assert_text(respond("192.0.2.2:5060", 400, "", ""),
	            "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.1:99999;rport;received=192.0.2.2\r\n" REST);
}

static void nothing_adds_a_line(void **state)
{
	(void)state;
	const struct str evil = { "a\r\nX-Evil: 1\nb\0c", 16 };
	struct buf b = buf_on(octets, sizeof octets);
	put_sip_header(&b, SIP_H_SUBJECT, evil);
	assert_text(buf_str(&b), "Subject: a  X-Evil: 1 b c\r\n");
	b = buf_on(octets, sizeof octets);
	put_sip_quoted(&b, evil);
	assert_text(buf_str(&b), "\"aX-Evil: 1bc\"");
	b = buf_on(octets, sizeof octets);
	put_sip_user(&b, evil);
	assert_text(buf_str(&b), "a%0d%0aX-Evil%3a%201%0ab%00c");
	request(REQUEST "Via: SIP/2.0/UDP 192.0.2.1\r\n" REST);
	b = buf_on(octets, sizeof octets);
	put_sip_response(&b, &m, &source, 400, evil, STR(""));
	assert_true(str_starts(buf_str(&b), STR("SIP/2.0 400 a  X-Evil: 1 b c\r\nVia: ")));
}

static void texts_are_escaped_as_they_must(void **state)
{
	(void)state;
	struct buf b = buf_on(octets, sizeof octets);
	put_sip_quoted(&b, STR("J \"R\" \\ \x1b[31m Jos\xc3\xa9\x7f"));
	assert_text(buf_str(&b), "\"J \\\"R\\\" \\\\ [31m Jos\xc3\xa9\"");
	b = buf_on(octets, sizeof octets);
	put_sip_user(&b, STR("+1-603.555*0102;x=y #%@:\xc3\xa9"));
	assert_text(buf_str(&b), "+1-603.555*0102;x=y%20%23%25%40%3a%c3%a9");
}

static void body_has_its_length(void **state)
{
	(void)state;
	struct buf b = buf_on(octets, sizeof octets);
	put_sip_body(&b, STR("application/sdp"), STR("v=0\r\n"));
	assert_text(buf_str(&b), "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
	b = buf_on(octets, sizeof octets);
	put_sip_body(&b, STR("application/sdp"), STR(""));
	assert_text(buf_str(&b), "Content-Length: 0\r\n\r\n");
}

static void small_buffer_gives_its_error(void **state)
{
	(void)state;
	request(REQUEST "Via: SIP/2.0/UDP 192.0.2.1;rport\r\n" REST);
	uint32_t whole = respond("192.0.2.2:5060", 200, "", "us").n;
	for (uint32_t cap = 0; cap < whole; cap++) {
		struct buf b = buf_on(octets, cap);
		put_sip_response(&b, &m, &source, 200, STR(""), STR("us"));
		assert_int_equal(b.err, ERR_FULL);
		assert_true(b.n <= cap);
	}
}

static void each_status_has_words(void **state)
{
	(void)state;
	assert_text(sip_status_text(200), "OK");
	assert_text(sip_status_text(487), "Request Terminated");
	assert_text(sip_status_text(608), "Rejected");
	assert_text(sip_status_text(499), "Unknown");
	for (uint32_t s = 0; s <= UINT16_MAX; s++) assert_true(sip_status_text((uint16_t)s).n > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(response_copies_what_it_must),
		cmocka_unit_test(tag_of_a_dialog_stays),
		cmocka_unit_test(via_says_where_it_came_from),
		cmocka_unit_test(broken_request_is_answered_with_what_is_good),
		cmocka_unit_test(nothing_adds_a_line),
		cmocka_unit_test(texts_are_escaped_as_they_must),
		cmocka_unit_test(body_has_its_length),
		cmocka_unit_test(small_buffer_gives_its_error),
		cmocka_unit_test(each_status_has_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
