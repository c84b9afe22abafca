#include "txn_invite_client.c"

#include "wire/sip/txn_bench.h"

// The INVITE as it was sent, for responses to it after other messages left.
static struct str invite_sent(struct bench *b)
{
	static char text[4096];
	assert_int_equal(bench_send(b, SIP_INVITE), OK);
	memcpy(text, b->tx.p, b->tx.n);
	return (struct str){ text, b->tx.n };
}

static void is_sent_seven_times_then_fails(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	invite_sent(b);
	bench_run_to(b, 100000);
	bench_expect(b, "0 tx INVITE\n500 tx INVITE\n1500 tx INVITE\n3500 tx INVITE\n7500 tx INVITE\n15500 tx INVITE\n"
	                "31500 tx INVITE\n32000 failed 0 owner 7\n");
	bench_free(b);
}

static void a_provisional_response_stops_the_repetition(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	struct str invite = invite_sent(b);
	bench_run_to(b, 600);
	bench_rx_response(b, invite, 100, "");
	bench_rx_response(b, invite, 100, ""); // only the first is told
	bench_run_to(b, 90000);
	bench_rx_response(b, invite, 180, "far");
	bench_rx_response(b, invite, 100, "");
	bench_rx_response(b, invite, 200, "far");
	assert_int_equal(sip_stack_use(b->stack).bytes, 0); // nothing is repeated any more
	assert_int_equal(sip_stack_use(b->stack).tombstones, 1);
	bench_expect(b, "0 tx INVITE\n500 tx INVITE\n600 response 100 owner 7\n90000 response 180 owner 7\n"
	                "90000 response 200 owner 7\n");
	bench_run_to(b, 130000);
	bench_free(b);
}

static void every_2xx_is_told_until_timer_m(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	struct str invite = invite_sent(b);
	bench_rx_response(b, invite, 200, "far1");
	bench_rx_response(b, invite, 180, "far2"); // late: of no use
	bench_run_to(b, 400);
	bench_rx_response(b, invite, 200, "far2"); // another branch of a fork
	bench_rx_response(b, invite, 200, "far1"); // repeated
	bench_rx_response(b, invite, 486, "far3");
	bench_run_to(b, 31999);
	bench_rx_response(b, invite, 200, "far1");
	bench_run_to(b, 32000);
	bench_rx_response(b, invite, 200, "far1");
	bench_expect(b, "0 tx INVITE\n0 response 200 owner 7\n400 response 200 owner 7\n400 response 200 owner 7\n"
	                "31999 response 200 owner 7\n");
	bench_free(b);
}

static void the_ack_of_a_refusal_is_ours(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	struct str invite = invite_sent(b);
	bench_rx_response(b, invite, 486, "far");
	struct str ack = b->tx;
	struct sip_msg m, i;
	struct sip_fault fault;
	assert_int_equal(sip_msg_parse(&m, ack, &b->env.scratch, &fault), PARSE_OK);
	assert_int_equal(sip_msg_parse(&i, invite, &b->env.scratch, &fault), PARSE_OK);
	assert_true(str_eq(m.uri_text, i.uri_text));
	assert_true(str_eq(m.via.text, i.via.text));
	assert_true(str_eq(m.to.tag, STR("far")) && str_eq(m.from.tag, STR("ours")));
	assert_true(str_eq(m.call_id, i.call_id));
	assert_int_equal(m.cseq.number, 20);
	struct sip_walk walk = { 0 };
	struct str route;
	assert_true(sip_msg_each(&m, SIP_H_ROUTE, &walk, &route) && str_eq(route, STR("<sip:p1.example.com;lr>")));
	assert_true(sip_msg_each(&m, SIP_H_ROUTE, &walk, &route) && str_eq(route, STR("<sip:p2.example.com;lr>")));
	assert_false(sip_msg_has(&m, SIP_H_REQUIRE));
	assert_int_equal(m.body.n, 0);
	assert_true(addr_eq(&b->tx_peer, &b->far.peer));
	bench_run_to(b, 500);
	bench_rx_response(b, invite, 486, "far"); // our ACK was lost
	bench_rx_response(b, invite, 200, "far"); // nonsense
	bench_run_to(b, 32000);
	bench_rx_response(b, invite, 486, "far"); // after timer D: nobody's
	bench_expect(b, "0 tx INVITE\n0 tx ACK\n0 response 486 owner 7\n500 tx ACK\n");
	bench_free(b);
}

static void a_cancel_waits_for_a_provisional_response(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	struct str invite = invite_sent(b);
	sip_client_cancel_for(b->stack, b->client, STR("SIP;cause=200"));
	bench_run_to(b, 600);
	bench_rx_response(b, invite, 100, "");
	struct sip_msg m;
	struct sip_fault fault;
	assert_int_equal(sip_msg_parse(&m, b->tx, &b->env.scratch, &fault), PARSE_OK);
	assert_int_equal(m.method, SIP_CANCEL);
	assert_true(str_eq(sip_msg_header(&m, SIP_H_REASON), STR("SIP;cause=200")));
	assert_int_equal(m.cseq.number, 20);
	assert_int_equal(m.to.tag.n, 0);
	assert_false(sip_msg_has(&m, SIP_H_REQUIRE));
	bench_rx_response(b, invite, 180, "far"); // is not told any more
	bench_run_to(b, 1200);                    // the first CANCEL was lost
	bench_rx_response(b, b->tx, 200, "far");
	bench_rx_response(b, invite, 487, "far");
	bench_expect(b, "0 tx INVITE\n500 tx INVITE\n600 tx CANCEL\n1100 tx CANCEL\n1200 tx ACK\n"
	                "1200 response 487 owner 7\n");
	bench_run_to(b, 40000);
	bench_expect(b, "");
	bench_free(b);
}

static void a_cancel_without_any_answer_ends_with_the_invite(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	invite_sent(b);
	sip_client_cancel_for(b->stack, b->client, STR("SIP;cause=200"));
	sip_client_cancel(b->stack, b->client);
	bench_run_to(b, 100000);
	bench_expect(b, "0 tx INVITE\n500 tx INVITE\n1500 tx INVITE\n3500 tx INVITE\n7500 tx INVITE\n15500 tx INVITE\n"
	                "31500 tx INVITE\n32000 failed 0 owner 7\n");
	bench_free(b);
}

static void a_cancel_may_cross_the_answer(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	struct str invite = invite_sent(b);
	uint64_t dropped = count_by_name("sip_invite_client_dropped");
	bench_rx_response(b, invite, 180, "far");
	sip_client_cancel(b->stack, b->client);
	sip_client_cancel(b->stack, b->client); // once is enough
	outbox_flush(&b->out);
	bench_rx_response(b, b->tx, 481, "far"); // to the CANCEL
	bench_rx_response(b, invite, 200, "far");
	sip_client_cancel(b->stack, b->client); // after the final response: of no effect
	bench_expect(b, "0 tx INVITE\n0 response 180 owner 7\n0 tx CANCEL\n0 response 200 owner 7\n");
	assert_int_equal(count_by_name("sip_invite_client_dropped"), dropped);
	bench_run_to(b, 64000);
	bench_free(b);
}

static void a_cancelled_invite_is_not_awaited_for_ever(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	struct str invite = invite_sent(b);
	bench_rx_response(b, invite, 183, "far");
	bench_run_to(b, 10000);
	sip_client_cancel(b->stack, b->client);
	outbox_flush(&b->out);
	bench_rx_response(b, b->tx, 200, "far");
	bench_run_to(b, 60000);
	bench_expect(b, "0 tx INVITE\n0 response 183 owner 7\n10000 tx CANCEL\n42000 failed 0 owner 7\n");
	bench_free(b);
}

static void disowned_it_is_cancelled_and_tells_only_an_answer(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	struct str invite = invite_sent(b);
	bench_rx_response(b, invite, 180, "far");
	sip_stack_disown(b->stack, b->client);
	outbox_flush(&b->out);
	bench_rx_response(b, b->tx, 200, "far"); // to the CANCEL
	bench_rx_response(b, invite, 183, "far");
	bench_rx_response(b, invite, 200, "far");
	bench_expect(b, "0 tx INVITE\n0 response 180 owner 7\n0 tx CANCEL\n0 response 200 owner 0\n");
	bench_run_to(b, 64000);
	invite = invite_sent(b);
	sip_stack_disown(b->stack, b->client);
	bench_rx_response(b, invite, 486, "far"); // acknowledged, told to nobody
	bench_expect(b, "64000 tx INVITE\n64000 tx ACK\n");
	bench_run_to(b, 128000);
	bench_expect(b, "");
	bench_free(b);
}

static void responses_of_others_are_dropped(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	struct str invite = invite_sent(b);
	uint64_t spoofed = count_by_name("sip_rx_response_spoofed"), vias = count_by_name("sip_rx_response_vias");
	uint64_t unmatched = count_by_name("sip_rx_response_unmatched");
	struct addr far = b->far.peer;
	assert_int_equal(addr_parse(&b->far.peer, STR("198.51.100.66:5062")), OK);
	bench_rx_response(b, invite, 200, "evil");
	assert_int_equal(count_by_name("sip_rx_response_spoofed") - spoofed, 1);
	b->far.peer = far;
	bench_rx(b, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKw10123456789abcdef\r\n"
	            "From: <sip:a@b>;tag=ours\r\nTo: <sip:b@b>;tag=x\r\nCall-ID: out1\r\nCSeq: 20 INVITE\r\n\r\n");
	assert_int_equal(count_by_name("sip_rx_response_unmatched") - unmatched, 1);
	char two[4096], z[4096];
	str_to_z(z, sizeof z, invite);
	char *via = strstr(z, "Via:"), *end = strstr(via, "\r\n");
	*end = '\0';
	snprintf(two, sizeof two, "SIP/2.0 200 OK\r\n%s, SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKx\r\n"
	         "From: <sip:a@b>;tag=ours\r\nTo: <sip:b@b>;tag=x\r\nCall-ID: out1\r\nCSeq: 20 INVITE\r\n\r\n", via);
	bench_rx(b, two);
	assert_int_equal(count_by_name("sip_rx_response_vias") - vias, 1);
	far.port = 61000; // the right host by another port: some phones do that
	b->far.peer = far;
	bench_rx_response(b, invite, 200, "far");
	bench_expect(b, "0 tx INVITE\n0 response 200 owner 7\n");
	bench_run_to(b, 64000);
	bench_free(b);
}

static void each_timer_has_its_row(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < STATE_COUNT; i++) {
		bench_check_timers(&txn_invite_client.fsm, i, states[i].repeat);
		bench_check_timers(&txn_invite_client.fsm, i, states[i].end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_sent_seven_times_then_fails),
		cmocka_unit_test(a_provisional_response_stops_the_repetition),
		cmocka_unit_test(every_2xx_is_told_until_timer_m),
		cmocka_unit_test(the_ack_of_a_refusal_is_ours),
		cmocka_unit_test(a_cancel_waits_for_a_provisional_response),
		cmocka_unit_test(a_cancel_without_any_answer_ends_with_the_invite),
		cmocka_unit_test(a_cancel_may_cross_the_answer),
		cmocka_unit_test(a_cancelled_invite_is_not_awaited_for_ever),
		cmocka_unit_test(disowned_it_is_cancelled_and_tells_only_an_answer),
		cmocka_unit_test(responses_of_others_are_dropped),
		cmocka_unit_test(each_timer_has_its_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
