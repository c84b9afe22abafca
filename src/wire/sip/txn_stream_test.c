// Transactions over a stream (RFC 3261 §17): nothing that the stream itself brings is sent again, what only absorbs
// repetitions is over at once; a 2xx to an INVITE is repeated all the same (§13.3.1.4).
#include "wire/sip/txn_bench.h"

static struct bench *over_tcp(void)
{
	struct bench *b = bench_new();
	b->far.peer.transport = TRANSPORT_TCP;
	return b;
}

static void a_request_of_ours_is_sent_once(void **state)
{
	(void)state;
	struct bench *b = over_tcp();
	assert_int_equal(bench_send(b, SIP_OPTIONS), OK);
	bench_run_to(b, 31999);
	bench_expect(b, "0 tx OPTIONS\n");
	bench_run_to(b, 40000);
	bench_expect(b, "32000 failed 0 owner 7\n");
	bench_free(b);
}

static void an_invite_of_ours_is_sent_once(void **state)
{
	(void)state;
	struct bench *b = over_tcp();
	assert_int_equal(bench_send(b, SIP_INVITE), OK);
	bench_run_to(b, 5000);
	bench_rx_response(b, b->tx, 486, "t");
	bench_run_to(b, 5001);
	bench_expect(b, "0 tx INVITE\n5000 tx ACK\n5000 response 486 owner 7\n");
	assert_int_equal(sip_stack_use(b->stack).tombstones, 0); // timer D
	bench_free(b);
}

static void a_refusal_is_said_once_and_its_ack_awaited(void **state)
{
	(void)state;
	struct bench *b = over_tcp();
	bench_rx_request(b, &(struct bench_rx){ .method = "INVITE", .cseq = 1 });
	bench_respond(b, 486);
	bench_run_to(b, 40000);
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx 486 INVITE\n32000 failed 0 owner 7\n"); // timer H: no ACK
	bench_free(b);
}

static void an_answer_is_repeated_until_its_ack(void **state)
{
	(void)state;
	struct bench *b = over_tcp();
	bench_rx_request(b, &(struct bench_rx){ .method = "INVITE", .cseq = 1 });
	bench_respond(b, 200);
	bench_run_to(b, 1600);
	sip_server_acked(b->stack, b->request);
	bench_run_to(b, 40000);
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx 200 INVITE\n500 tx 200 INVITE\n1500 tx 200 INVITE\n");
	bench_free(b);
}

static void the_answer_to_another_request_is_forgotten_at_once(void **state)
{
	(void)state;
	struct bench *b = over_tcp();
	bench_rx_request(b, &(struct bench_rx){ .method = "BYE", .to_tag = "ourtag", .cseq = 2 });
	bench_respond(b, 200);
	bench_run_to(b, 1);
	assert_int_equal(sip_stack_use(b->stack).tombstones, 0); // timer J
	bench_free(b);
}

static void end_connection(struct bench *b)
{
	sip_stack_input(b->stack, &(struct packet){ .peer = b->far.peer, .returned = true, .data = STR("") });
}

// RFC 3261 §17.1.4: when its connection breaks it is asked once more, and fails when that one breaks too.
static void a_broken_connection_fails_what_is_asked(void **state)
{
	(void)state;
	struct bench *b = over_tcp();
	assert_int_equal(bench_send(b, SIP_OPTIONS), OK);
	assert_int_equal(bench_send(b, SIP_INVITE), OK);
	bench_run_to(b, 100);
	end_connection(b);
	bench_expect(b, "0 tx OPTIONS\n0 tx INVITE\n100 tx INVITE\n100 tx OPTIONS\n");
	bench_run_to(b, 200);
	end_connection(b);
	bench_expect(b, "200 failed 1 owner 7\n200 failed 1 owner 7\n");
	assert_int_equal(sip_stack_use(b->stack).transactions, 0);
	bench_free(b);
}

// What has been heard of may go on over the connection that the peer opens next.
static void what_was_answered_outlives_its_connection(void **state)
{
	(void)state;
	struct bench *b = over_tcp();
	assert_int_equal(bench_send(b, SIP_INVITE), OK);
	bench_rx_response(b, b->tx, 180, "t");
	end_connection(b);
	end_connection(b);
	bench_rx_response(b, b->tx, 200, "t");
	bench_expect(b, "0 tx INVITE\n0 response 180 owner 7\n0 response 200 owner 7\n");
	bench_run_to(b, 40000);
	bench_free(b);
}

static void another_connection_is_nobodys_business(void **state)
{
	(void)state;
	struct bench *b = over_tcp();
	struct addr far = b->far.peer;
	b->far.peer.flow = 5;
	assert_int_equal(bench_send(b, SIP_OPTIONS), OK);
	b->far.peer.flow = 4; // from the same port, before
	end_connection(b);
	b->far.peer = far;
	b->far.peer.port++;
	end_connection(b);
	bench_run_to(b, 40000);
	bench_expect(b, "0 tx OPTIONS\n32000 failed 0 owner 7\n");
	bench_free(b);
}

#define LONG_BYTES 1400

// An INVITE of this length to a switch that may be called, and where from.
static enum err send_long(struct bench *b, uint32_t bytes)
{
	static struct addr listeners[2];
	char text[4096];
	struct buf m = buf_on(text, sizeof text);
	struct str branch = sip_stack_branch(b->stack);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(transport_addr_parse(&listeners[i], i ? STR("198.51.100.1:5070;transport=tcp")
		                                                       : STR("198.51.100.1:5060")), OK);
	sip_stack_listens(b->stack, listeners, 2);
	put_z(&m, "INVITE sip:x@192.0.2.9 SIP/2.0\r\n");
	put_sip_via(&m, &listeners[0], branch);
	put_z(&m, "From: <sip:a@b>;tag=f\r\nTo: <sip:x@192.0.2.9>\r\nCall-ID: long\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
	          "Subject: ");
	while (m.n + 23 < bytes) put_c(&m, 'x');
	put_z(&m, "\r\nContent-Length: 0\r\n\r\n");
	return sip_client_send(&b->client, b->stack, &(struct sip_client_request){ .method = SIP_INVITE, .branch = branch,
		.message = buf_str(&m), .to = b->far.peer, .owner = BENCH_OWNER, .may_call = true,
		.identity = { .from_tag = STR("f"), .call_id = STR("long"), .cseq = 1 } });
}

static bool has_via(const struct bench *b, const char *via)
{
	return memmem(b->tx.p, b->tx.n, via, strlen(via)) != NULL;
}

// RFC 3261 §18.1.1.
static void a_long_request_goes_over_a_connection(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	assert_int_equal(send_long(b, LONG_BYTES), OK);
	bench_run_to(b, 5000); // repeated by nobody
	bench_expect(b, "0 tx INVITE\n");
	assert_int_equal(b->tx_peer.transport, TRANSPORT_TCP);
	assert_true(has_via(b, "\r\nVia: SIP/2.0/TCP 198.51.100.1:5070;branch=z9hG4bKw1"));
	b->far.peer.transport = TRANSPORT_TCP;
	bench_rx_response(b, b->tx, 486, "t");
	bench_expect(b, "5000 tx ACK\n5000 response 486 owner 7\n");
	assert_true(has_via(b, "\r\nVia: SIP/2.0/TCP 198.51.100.1:5070;branch=z9hG4bKw1"));
	bench_run_to(b, 40000);
	bench_free(b);
	b = bench_new();
	assert_int_equal(send_long(b, 1300), OK);
	bench_run_to(b, 0);
	assert_int_equal(b->tx_peer.transport, TRANSPORT_UDP);
	bench_run_to(b, 40000);
	bench_free(b);
}

static void without_a_connection_it_is_a_datagram(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	assert_int_equal(send_long(b, LONG_BYTES), OK);
	bench_run_to(b, 100);
	char text[2048];
	str_to_z(text, sizeof text, b->tx);
	sip_stack_input(b->stack, &(struct packet){ .peer = b->tx_peer, .returned = true, .data = str_from(text) });
	bench_run_to(b, 600);
	bench_expect(b, "0 tx INVITE\n100 tx INVITE\n600 tx INVITE\n"); // from now on it is repeated
	assert_int_equal(b->tx_peer.transport, TRANSPORT_UDP);
	assert_true(has_via(b, "\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKw1"));
	bench_rx_response(b, b->tx, 486, "t");
	b->log.n = 0;
	assert_int_equal(send_long(b, LONG_BYTES), OK); // the next does not try
	outbox_flush(&b->out);
	assert_int_equal(b->tx_peer.transport, TRANSPORT_UDP);
	sip_client_cancel(b->stack, b->client);
	bench_run_to(b, 80000);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_of_ours_is_sent_once),
		cmocka_unit_test(an_invite_of_ours_is_sent_once),
		cmocka_unit_test(a_refusal_is_said_once_and_its_ack_awaited),
		cmocka_unit_test(an_answer_is_repeated_until_its_ack),
		cmocka_unit_test(the_answer_to_another_request_is_forgotten_at_once),
		cmocka_unit_test(a_broken_connection_fails_what_is_asked),
		cmocka_unit_test(what_was_answered_outlives_its_connection),
		cmocka_unit_test(another_connection_is_nobodys_business),
		cmocka_unit_test(a_long_request_goes_over_a_connection),
		cmocka_unit_test(without_a_connection_it_is_a_datagram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
