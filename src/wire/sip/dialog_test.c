#include "dialog.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct arena arena;
static const struct sip_source far = { .peer = { .family = 4, .port = 5062, .ip = { 192, 0, 2, 9 } }, .listener = 2 };

static struct sip_msg *parse(const char *text)
{
	static struct sip_msg msgs[8];
	static uint32_t at;
	struct sip_msg *m = &msgs[at++ % 8];
	struct sip_fault fault = { 0 };
	struct str kept = arena_dup(&arena, str_from(text));
	if (sip_msg_parse(m, kept, &arena, &fault) != PARSE_OK) fail_msg("%s in %s", fault.why, text);
	return m;
}

static struct sip_msg *message(const char *first_line, const char *to_tag, const char *cseq, const char *more)
{
	char text[8192];
	snprintf(text, sizeof text,
	         "%s\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa\r\n"
	         "From: \"A \\\"x\\\"\" <sip:a@example.com;user=phone>;tag=fa;z=1\r\n"
	         "To: sip:b@example.com%s\r\nCall-ID: c1@h\r\nCSeq: %s\r\nContent-Length: 0\r\n%s\r\n",
	         first_line, to_tag, cseq, more);
	return parse(text);
}

#define INVITE "INVITE sip:b@example.com SIP/2.0"
#define OTHER "INFO sip:b@example.com SIP/2.0"

static void expect_request(struct sip_dialog *d, const struct sip_dialog_request *r, const char *expected)
{
	char text[4096];
	struct buf b = buf_on(text, sizeof text - 1);
	put_sip_dialog_request(&b, d, r);
	text[b.n] = '\0';
	assert_string_equal(text, expected);
}

static const struct sip_dialog_request bye = {
	.method = SIP_BYE, .sent_by = { .family = 4, .port = 5060, .ip = { 192, 0, 2, 1 } }, .branch = STR_INIT("z9hG4bKx"),
};

static void answered_side(void **state)
{
	(void)state;
	struct sip_dialog d;
	struct sip_msg *m = message(INVITE, "", "7 INVITE",
	                            "Contact: \"A\" <sip:a@192.0.2.9:5070;transport=udp?X=y>;expires=3\r\n"
	                            "Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr;x=\"a,b\">\r\n"
	                            "Record-Route: <sip:p3.example.com;lr>\r\n");
	assert_int_equal(sip_dialog_init_uas(&d, m, &far, STR("our")), OK);
	assert_true(addr_eq(&d.flow_peer, &far.peer) && d.flow_listener == 2);
	assert_int_equal(d.remote_cseq, 7);
	assert_true(d.first_route_loose);
	assert_false(d.confirmed);
	expect_request(&d, &bye,
	               "BYE sip:a@192.0.2.9:5070;transport=udp SIP/2.0\r\n"
	               "Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr;x=\"a,b\">, <sip:p3.example.com;lr>\r\n"
	               "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport\r\nMax-Forwards: 70\r\n"
	               "From: <sip:b@example.com>;tag=our\r\nTo: \"A \\\"x\\\"\" <sip:a@example.com;user=phone>;tag=fa\r\n"
	               "Call-ID: c1@h\r\nCSeq: 1 BYE\r\n");
	sip_dialog_fini(&d);
	assert_null(d.text);
}

static void asking_side(void **state)
{
	(void)state;
	struct sip_dialog d;
	struct sip_msg *request = message(INVITE, "", "20 INVITE", "");
	struct sip_msg *early = message("SIP/2.0 183 Session Progress", ";tag=far", "20 INVITE",
	                                "Contact: <sip:b@198.51.100.1>\r\nRecord-Route: <sip:p1;lr>, <sip:p2>\r\n");
	assert_int_equal(sip_dialog_init_uac(&d, request, early, &far), OK);
	assert_false(d.confirmed);
	assert_false(d.first_route_loose); // in reverse: p2 comes first
	const struct sip_dialog_request ack = {
		.method = SIP_ACK, .sent_by = { .family = 6, .port = 5060, .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } }, .branch = STR("z9hG4bKy"),
		.contact = STR("<sip:a@192.0.2.1>"), .ack_cseq = 20,
	};
	expect_request(&d, &ack,
	               "ACK sip:p2 SIP/2.0\r\nRoute: <sip:p1;lr>, <sip:b@198.51.100.1>\r\n"
	               "Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKy;rport\r\nMax-Forwards: 70\r\n"
	               "From: \"A \\\"x\\\"\" <sip:a@example.com;user=phone>;tag=fa\r\nTo: <sip:b@example.com>;tag=far\r\n"
	               "Call-ID: c1@h\r\nCSeq: 20 ACK\r\nContact: <sip:a@192.0.2.1>\r\n");
	expect_request(&d, &bye,
	               "BYE sip:p2 SIP/2.0\r\nRoute: <sip:p1;lr>, <sip:b@198.51.100.1>\r\n"
	               "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport\r\nMax-Forwards: 70\r\n"
	               "From: \"A \\\"x\\\"\" <sip:a@example.com;user=phone>;tag=fa\r\nTo: <sip:b@example.com>;tag=far\r\n"
	               "Call-ID: c1@h\r\nCSeq: 21 BYE\r\n");
	// The 2xx comes by another way: route set and target are taken anew, the numbers go on.
	struct sip_msg *answer = message("SIP/2.0 200 OK", ";tag=far", "20 INVITE", "Contact: <sip:b@198.51.100.2>\r\n");
	assert_int_equal(sip_dialog_confirm(&d, answer), OK);
	assert_true(d.confirmed);
	assert_true(str_eq(d.remote_target, STR("sip:b@198.51.100.2")));
	assert_int_equal(d.routes.n, 0);
	assert_int_equal(d.local_cseq, 21);
	assert_true(str_eq(d.remote_tag, STR("far")));
	sip_dialog_fini(&d);
}

static void only_a_strict_route(void **state)
{
	(void)state;
	struct sip_dialog d;
	struct sip_msg *m = message(INVITE, "", "7 INVITE", "Contact: sip:a@192.0.2.9\r\nRecord-Route: <sip:old?a=b>\r\n");
	assert_int_equal(sip_dialog_init_uas(&d, m, &far, STR("our")), OK);
	char text[1024];
	struct buf b = buf_on(text, sizeof text);
	put_sip_dialog_request(&b, &d, &bye);
	assert_true(str_starts(buf_str(&b), STR("BYE sip:old SIP/2.0\r\nRoute: <sip:a@192.0.2.9>\r\nVia")));
	sip_dialog_fini(&d);
}

static void what_makes_no_dialog(void **state)
{
	(void)state;
	struct sip_dialog d;
	const char *const bad[] = {
		"", "Contact: *\r\n", "Contact: <tel:+16035550101>\r\n", "Contact: <mailto:a@b>\r\n", "Contact: <sip:>\r\n",
		"Contact: <sip:a@b>\r\nRecord-Route: <<>\r\n",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(sip_dialog_init_uas(&d, message(INVITE, "", "7 INVITE", bad[i]), &far, STR("our")), ERR_BAD);
	struct sip_msg *good = message(INVITE, "", "7 INVITE", "Contact: <sip:a@b>\r\n");
	assert_int_equal(sip_dialog_init_uas(&d, good, &far, STR("")), ERR_BAD);
	assert_null(d.text);
	// A provisional response without a tag; a 2xx without one comes from a peer of RFC 2543 and will do.
	struct sip_msg *untagged = message("SIP/2.0 180 Ringing", "", "7 INVITE", "Contact: <sip:b@c>\r\n");
	assert_int_equal(sip_dialog_init_uac(&d, good, untagged, &far), ERR_BAD);
	untagged = message("SIP/2.0 200 OK", "", "7 INVITE", "Contact: <sip:b@c>\r\n");
	assert_int_equal(sip_dialog_init_uac(&d, good, untagged, &far), OK);
	assert_int_equal(d.remote_tag.n, 0);
	sip_dialog_fini(&d);
	char huge[4096] = "Contact: <sip:a@";
	memset(huge + strlen(huge), 'h', 1200);
	strcat(huge, ">\r\n");
	assert_int_equal(sip_dialog_init_uas(&d, message(INVITE, "", "7 INVITE", huge), &far, STR("our")), ERR_BAD);
}

static void a_refresh_changes_the_target_alone(void **state)
{
	(void)state;
	struct sip_dialog d;
	struct sip_msg *m = message(INVITE, "", "7 INVITE", "Contact: <sip:a@192.0.2.9>\r\nRecord-Route: <sip:p1;lr>\r\n");
	assert_int_equal(sip_dialog_init_uas(&d, m, &far, STR("our")), OK);
	const char *text = d.text;
	assert_int_equal(sip_dialog_refresh(&d, message(INVITE, ";tag=our", "8 INVITE", "")), OK);
	assert_int_equal(sip_dialog_refresh(&d, message(INVITE, ";tag=our", "8 INVITE", "Contact: <tel:1>\r\n")), OK);
	m = message(INVITE, ";tag=our", "8 INVITE", "Contact: <sip:a@192.0.2.9>\r\n");
	assert_int_equal(sip_dialog_refresh(&d, m), OK);
	assert_ptr_equal(d.text, text);
	m = message(INVITE, ";tag=our", "8 INVITE", "Contact: <sip:a@192.0.2.77>\r\nRecord-Route: <sip:p9;lr>\r\n");
	assert_int_equal(sip_dialog_refresh(&d, m), OK);
	assert_true(str_eq(d.remote_target, STR("sip:a@192.0.2.77")));
	assert_true(str_eq(d.routes, STR("<sip:p1;lr>")) && str_eq(d.call_id, STR("c1@h")));
	assert_true(d.first_route_loose);
	sip_dialog_fini(&d);
}

static void requests_are_ours_and_in_order(void **state)
{
	(void)state;
	struct sip_dialog d;
	struct sip_msg *m = message(INVITE, "", "7 INVITE", "Contact: <sip:a@192.0.2.9>\r\n");
	assert_int_equal(sip_dialog_init_uas(&d, m, &far, STR("our")), OK);
	assert_int_equal(sip_dialog_check_request(&d, message(OTHER, ";tag=other", "8 INFO", "")), SIP_DIALOG_OTHER);
	assert_int_equal(sip_dialog_check_request(&d, m), SIP_DIALOG_OTHER); // no To tag
	assert_int_equal(sip_dialog_check_request(&d, message(OTHER, ";tag=our", "9 INFO", "")), SIP_DIALOG_OK);
	assert_int_equal(d.remote_cseq, 9);
	assert_int_equal(sip_dialog_check_request(&d, message(OTHER, ";tag=our", "8 INFO", "")), SIP_DIALOG_OUT_OF_ORDER);
	struct sip_msg *ack = message("ACK sip:b SIP/2.0", ";tag=our", "7 ACK", "");
	assert_int_equal(sip_dialog_check_request(&d, ack), SIP_DIALOG_OK);
	assert_int_equal(d.remote_cseq, 9);
	sip_dialog_fini(&d);
	assert_int_equal(sip_dialog_check_request(&d, message(OTHER, ";tag=our", "9 INFO", "")), SIP_DIALOG_OTHER);
	// As the asking side, the first request may have any number.
	struct sip_msg *ok = message("SIP/2.0 200 OK", ";tag=far", "7 INVITE", "Contact: <sip:b@c>\r\n");
	assert_int_equal(sip_dialog_init_uac(&d, m, ok, &far), OK);
	struct sip_msg *back = parse("BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
	                             "From: <sip:b@c>;tag=far\r\n"
	                             "To: <sip:a@c>;tag=fa\r\nCall-ID: c1@h\r\nCSeq: 0 BYE\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(sip_dialog_check_request(&d, back), SIP_DIALOG_OK);
	sip_dialog_fini(&d);
}

static void a_display_name_out_of_grammar_is_left_out(void **state)
{
	(void)state;
	assert_true(is_quotable(STR("A \\\"x\\\" \\\\")));
	assert_false(is_quotable(STR("A \"x")));
	assert_false(is_quotable(STR("A \\")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answered_side),
		cmocka_unit_test(asking_side),
		cmocka_unit_test(only_a_strict_route),
		cmocka_unit_test(what_makes_no_dialog),
		cmocka_unit_test(a_refresh_changes_the_target_alone),
		cmocka_unit_test(requests_are_ours_and_in_order),
		cmocka_unit_test(a_display_name_out_of_grammar_is_left_out),
	};
	if (arena_init(&arena, 1 << 20) != OK) return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_fini(&arena);
	return failed;
}
