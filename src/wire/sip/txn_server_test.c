#include "txn_server.c"

#include "wire/sip/txn_bench.h"

static const struct bench_rx bye = { .method = "BYE", .to_tag = "ourtag", .cseq = 2 };

static void the_answer_is_repeated_for_each_retransmission(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &bye);
	bench_run_to(b, 500);
	bench_rx_request(b, &bye); // not answered yet: nothing to say
	bench_run_to(b, 700);
	bench_respond(b, 200);
	bench_run_to(b, 1500);
	bench_rx_request(b, &bye);
	assert_int_equal(sip_server_respond(b->stack, b->request, 500, STR("x")), ERR_STATE);
	bench_run_to(b, 32699);
	bench_rx_request(b, &bye);
	bench_expect(b, "0 request BYE\n700 tx 200 BYE\n1500 tx 200 BYE\n32699 tx 200 BYE\n");
	bench_run_to(b, 32700); // timer J
	assert_int_equal(sip_server_respond(b->stack, b->request, 500, STR("x")), ERR_NOT_FOUND);
	bench_free(b);
}

// RFC 4320 §4.1: no 100 before the client's timer E has reached T2, and then one.
static void a_slow_answer_is_announced_by_100_late(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &bye);
	bench_run_to(b, 500);
	bench_rx_request(b, &bye);
	bench_run_to(b, 1500);
	bench_rx_request(b, &bye);
	bench_run_to(b, 3500);
	bench_rx_request(b, &bye);
	bench_run_to(b, 7500);
	bench_rx_request(b, &bye);
	bench_run_to(b, 8000);
	bench_respond(b, 200);
	bench_expect(b, "0 request BYE\n3500 tx 100 BYE\n7500 tx 100 BYE\n8000 tx 200 BYE\n");
	bench_run_to(b, 40000);
	bench_free(b);
}

// RFC 4320 §4.2
static void no_answer_leaves_late(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	uint64_t never = count_by_name("sip_server_never_answered");
	bench_rx_request(b, &bye);
	assert_int_equal(sip_server_respond(b->stack, b->request, 183, STR("x")), ERR_REFUSED);
	assert_int_equal(sip_server_respond(b->stack, b->request, 408, STR("x")), ERR_REFUSED);
	assert_int_equal(sip_server_respond(b->stack, b->request, 99, STR("x")), ERR_BAD);
	assert_int_equal(sip_server_respond(b->stack, b->request, 200, STR("")), ERR_BAD);
	bench_run_to(b, 32000);
	assert_int_equal(sip_server_respond(b->stack, b->request, 200, STR("x")), ERR_NOT_FOUND);
	assert_int_equal(count_by_name("sip_server_never_answered") - never, 1);
	bench_expect(b, "0 request BYE\n");
	bench_free(b);
}

static void an_answer_at_once_and_one_of_100(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_at_once = 200;
	bench_rx_request(b, &bye);
	b->answer_at_once = 100;
	bench_rx_request(b, &(struct bench_rx){ .method = "INFO", .to_tag = "ourtag", .cseq = 3,
	                                        .via = "192.0.2.9;branch=z9hG4bKtwo" });
	bench_run_to(b, 200);
	bench_rx_request(b, &(struct bench_rx){ .method = "INFO", .to_tag = "ourtag", .cseq = 3,
	                                        .via = "192.0.2.9;branch=z9hG4bKtwo" });
	bench_respond(b, 200);
	bench_expect(b, "0 request BYE\n0 tx 200 BYE\n0 request INFO\n0 tx 100 INFO\n200 tx 100 INFO\n200 tx 200 INFO\n");
	bench_run_to(b, 40000);
	bench_free(b);
}

static void a_stateless_answer_leaves_nothing(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_stateless = true;
	b->answer_at_once = 401;
	bench_rx_request(b, &(struct bench_rx){ .method = "REGISTER" });
	assert_int_equal(sip_stack_use(b->stack).transactions + sip_stack_use(b->stack).tombstones, 0);
	bench_rx_request(b, &(struct bench_rx){ .method = "REGISTER" });
	bench_respond(b, 401); // it is gone: nothing happens
	bench_expect(b, "0 request REGISTER\n0 tx 401 REGISTER\n0 request REGISTER\n0 tx 401 REGISTER\n");
	bench_free(b);
}

static void each_timer_has_its_row(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < STATE_COUNT; i++) {
		bench_check_timers(&txn_server.fsm, i, states[i].repeat);
		bench_check_timers(&txn_server.fsm, i, states[i].end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_is_repeated_for_each_retransmission),
		cmocka_unit_test(a_slow_answer_is_announced_by_100_late),
		cmocka_unit_test(no_answer_leaves_late),
		cmocka_unit_test(an_answer_at_once_and_one_of_100),
		cmocka_unit_test(a_stateless_answer_leaves_nothing),
		cmocka_unit_test(each_timer_has_its_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
