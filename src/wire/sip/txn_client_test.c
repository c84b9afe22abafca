#include "txn_client.c"

#include "wire/sip/txn_bench.h"

static void is_sent_eleven_times_then_fails(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	assert_int_equal(bench_send(b, SIP_BYE), OK);
	bench_run_to(b, 100000);
	bench_expect(b, "0 tx BYE\n500 tx BYE\n1500 tx BYE\n3500 tx BYE\n7500 tx BYE\n11500 tx BYE\n15500 tx BYE\n"
	                "19500 tx BYE\n23500 tx BYE\n27500 tx BYE\n31500 tx BYE\n32000 failed 0 owner 7\n");
	bench_free(b);
}

static void a_provisional_response_slows_the_repetition(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	assert_int_equal(bench_send(b, SIP_OPTIONS), OK);
	bench_run_to(b, 100);
	bench_rx_response(b, b->tx, 100, "");
	bench_rx_response(b, b->tx, 100, "");
	bench_rx_response(b, b->tx, 183, "far");
	bench_run_to(b, 10000);
	bench_rx_response(b, b->tx, 200, "far");
	bench_rx_response(b, b->tx, 200, "far"); // repeated
	assert_int_equal(sip_stack_use(b->stack).tombstones, 1);
	assert_int_equal(sip_stack_use(b->stack).bytes, 0);
	bench_run_to(b, 14999);
	assert_int_equal(sip_stack_use(b->stack).tombstones, 1);
	bench_run_to(b, 15000); // timer K
	bench_expect(b, "0 tx OPTIONS\n100 response 100 owner 7\n100 response 183 owner 7\n500 tx OPTIONS\n"
	                "4500 tx OPTIONS\n8500 tx OPTIONS\n10000 response 200 owner 7\n");
	bench_free(b);
}

static void even_a_provisional_response_does_not_make_it_wait_for_ever(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	assert_int_equal(bench_send(b, SIP_REGISTER), OK);
	bench_run_to(b, 31000);
	bench_rx_response(b, b->tx, 100, "");
	b->log.n = 0;
	bench_run_to(b, 60000);
	bench_expect(b, "31500 tx REGISTER\n32000 failed 0 owner 7\n");
	bench_free(b);
}

static void disowned_it_is_repeated_and_tells_nothing(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	assert_int_equal(bench_send(b, SIP_BYE), OK);
	sip_stack_disown(b->stack, b->client);
	sip_client_cancel(b->stack, b->client); // only an INVITE can be
	bench_run_to(b, 600);
	bench_rx_response(b, b->tx, 481, "far");
	bench_expect(b, "0 tx BYE\n500 tx BYE\n");
	bench_run_to(b, 6000);
	bench_free(b);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	(void)state;
	struct bench *b = bench_new_limited(2, 1 << 20);
	static char huge[PACKET_MAX + 1];
	struct sip_client_request r = { .branch = STR("z9hG4bKw11"), .message = STR("x"), .to = b->far.peer };
	r.method = SIP_ACK;
	assert_int_equal(sip_client_send(&b->client, b->stack, &r), ERR_BAD);
	r.method = SIP_CANCEL;
	assert_int_equal(sip_client_send(&b->client, b->stack, &r), ERR_BAD);
	r.method = SIP_BYE;
	r.message = (struct str){ huge, sizeof huge };
	assert_int_equal(sip_client_send(&b->client, b->stack, &r), ERR_BAD);
	r.message = STR("x");
	r.branch = STR("z9hG4bKa-branch-that-is-longer-than-any-of-ours");
	assert_int_equal(sip_client_send(&b->client, b->stack, &r), ERR_BAD);
	assert_int_equal(bench_send(b, SIP_BYE), OK);
	assert_int_equal(bench_send(b, SIP_BYE), OK);
	assert_int_equal(bench_send(b, SIP_BYE), ERR_FULL);
	bench_run_to(b, 40000);
	bench_free(b);
	b = bench_new_limited(64, 1000); // no memory for messages
	assert_int_equal(bench_send(b, SIP_BYE), ERR_FULL);
	bench_expect(b, "");
	bench_free(b);
}

static void each_timer_has_its_row(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < STATE_COUNT; i++) {
		bench_check_timers(&txn_client.fsm, i, states[i].repeat);
		bench_check_timers(&txn_client.fsm, i, states[i].end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_sent_eleven_times_then_fails),
		cmocka_unit_test(a_provisional_response_slows_the_repetition),
		cmocka_unit_test(even_a_provisional_response_does_not_make_it_wait_for_ever),
		cmocka_unit_test(disowned_it_is_repeated_and_tells_nothing),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
		cmocka_unit_test(each_timer_has_its_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
