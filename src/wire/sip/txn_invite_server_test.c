#include "txn_invite_server.c"

#include "wire/sip/txn_bench.h"

static const struct bench_rx invite = { .method = "INVITE" }, ack = { .method = "ACK", .to_tag = "ourtag" };
static const struct bench_rx cancel = { .method = "CANCEL" };
// The ACK of a 2xx is a transaction of its own.
static const struct bench_rx ack_2xx = {
	.method = "ACK", .to_tag = "ourtag", .via = "192.0.2.9:5062;branch=z9hG4bKack",
};

static void tries_at_once_and_repeats_the_last_provisional(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &invite);
	bench_rx_request(b, &invite);
	bench_run_to(b, 300);
	bench_respond(b, 180);
	bench_respond(b, 183);
	bench_run_to(b, 500);
	bench_rx_request(b, &invite);
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx 100 INVITE\n300 tx 180 INVITE\n300 tx 183 INVITE\n"
	                "500 tx 183 INVITE\n");
	bench_run_to(b, 200000); // a phone may ring for long
	bench_respond(b, 486);
	bench_rx_request(b, &ack);
	bench_run_to(b, 205000);
	bench_free(b);
}

static void says_no_100_when_the_user_answers_at_once(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_at_once = 404;
	bench_rx_request(b, &invite);
	bench_rx_request(b, &ack);
	bench_rx_request(b, &ack);    // absorbed
	bench_rx_request(b, &invite); // late copy: absorbed
	bench_expect(b, "0 request INVITE\n0 tx 404 INVITE\n");
	assert_int_equal(sip_stack_use(b->stack).bytes, 0); // nothing is kept in CONFIRMED
	bench_run_to(b, 4999);
	assert_int_equal(sip_stack_use(b->stack).tombstones, 1);
	bench_run_to(b, 5000); // timer I
	bench_free(b);
}

static void a_refusal_is_repeated_until_timer_h(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_at_once = 486;
	bench_rx_request(b, &invite);
	bench_run_to(b, 600);
	bench_rx_request(b, &invite);
	bench_run_to(b, 100000);
	bench_expect(b, "0 request INVITE\n0 tx 486 INVITE\n500 tx 486 INVITE\n600 tx 486 INVITE\n1500 tx 486 INVITE\n"
	                "3500 tx 486 INVITE\n7500 tx 486 INVITE\n11500 tx 486 INVITE\n15500 tx 486 INVITE\n"
	                "19500 tx 486 INVITE\n23500 tx 486 INVITE\n27500 tx 486 INVITE\n31500 tx 486 INVITE\n"
	                "32000 failed 0 owner 7\n");
	bench_free(b);
}

static void a_2xx_is_repeated_until_its_ack(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_at_once = 200;
	bench_rx_request(b, &invite);
	bench_run_to(b, 1600);
	bench_rx_request(b, &invite); // absorbed: the next repetition answers it
	bench_rx_request(b, &ack_2xx);
	sip_server_acked(b->stack, b->request);
	sip_server_acked(b->stack, b->request);
	assert_int_equal(sip_stack_use(b->stack).bytes, 0);
	bench_run_to(b, 31999);
	bench_rx_request(b, &invite); // absorbed still
	bench_rx_request(b, &ack);    // with the INVITE's branch, as some phones do: passed on
	bench_expect(b, "0 request INVITE\n0 tx 200 INVITE\n500 tx 200 INVITE\n1500 tx 200 INVITE\n1600 ack\n31999 ack\n");
	bench_run_to(b, 32000); // timer L
	bench_free(b);
}

// An INVITE overheard and sent again as an ACK, from elsewhere: the refusal is repeated still, and a copy of the INVITE
// is no new call.
static void an_ack_from_another_host_ends_no_refusal(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_at_once = 486;
	bench_rx_request(b, &invite);
	assert_int_equal(addr_parse(&b->far.peer, STR("192.0.2.66:5062")), OK);
	bench_rx_request(b, &ack);
	bench_run_to(b, 500);
	bench_expect(b, "0 request INVITE\n0 tx 486 INVITE\n0 ack\n500 tx 486 INVITE\n");
	bench_run_to(b, 32000); // timer H
	bench_free(b);
}

static void a_2xx_without_ack_fails(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_at_once = 200;
	bench_rx_request(b, &invite);
	bench_run_to(b, 100000);
	bench_expect(b, "0 request INVITE\n0 tx 200 INVITE\n500 tx 200 INVITE\n1500 tx 200 INVITE\n3500 tx 200 INVITE\n"
	                "7500 tx 200 INVITE\n11500 tx 200 INVITE\n15500 tx 200 INVITE\n19500 tx 200 INVITE\n"
	                "23500 tx 200 INVITE\n27500 tx 200 INVITE\n31500 tx 200 INVITE\n32000 failed 0 owner 7\n");
	bench_free(b);
}

static void a_cancel_is_told_once(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	uint64_t dropped = count_by_name("sip_invite_server_dropped");
	bench_rx_request(b, &invite);
	bench_respond(b, 180);
	bench_rx_request(b, &cancel);
	struct sip_msg m;
	struct sip_fault fault;
	char sent[2048];
	memcpy(sent, b->tx.p, b->tx.n);
	assert_int_equal(sip_msg_parse(&m, (struct str){ sent, b->tx.n }, &b->env.scratch, &fault), PARSE_OK);
	assert_true(str_eq(m.to.tag, STR("ourtag"))); // that of the INVITE's response (RFC 3261 §9.2)
	bench_rx_request(b, &cancel); // our 200 was lost
	bench_respond(b, 487);
	bench_rx_request(b, &cancel);
	bench_rx_request(b, &ack);
	bench_rx_request(b, &cancel);
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx 180 INVITE\n0 tx 200 CANCEL\n0 cancelled owner 7\n"
	                "0 tx 200 CANCEL\n0 tx 487 INVITE\n0 tx 200 CANCEL\n0 tx 200 CANCEL\n");
	assert_int_equal(count_by_name("sip_invite_server_dropped"), dropped); // each was expected
	bench_run_to(b, 5000);
	bench_free(b);
}

static void a_cancel_may_cross_the_answer(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &invite);
	bench_respond(b, 200);
	bench_rx_request(b, &cancel); // of no effect
	bench_rx_request(b, &ack_2xx);
	sip_server_acked(b->stack, b->request);
	bench_rx_request(b, &cancel);
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx 200 INVITE\n0 tx 200 CANCEL\n0 ack\n0 tx 200 CANCEL\n");
	bench_run_to(b, 32000);
	bench_free(b);
}

static void a_cancelled_call_may_still_be_answered(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &invite);
	bench_rx_request(b, &cancel);
	bench_respond(b, 200); // the user had no choice
	sip_server_acked(b->stack, b->request);
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx 200 CANCEL\n0 cancelled owner 7\n0 tx 200 INVITE\n");
	bench_run_to(b, 32000);
	bench_free(b);
}

static void a_cancel_of_nothing_is_refused(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &cancel);
	bench_rx_request(b, &invite);
	// The right branch alone does not end a call.
	bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL", .call_id = "guessed" });
	bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL", .from_tag = "guessed" });
	bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL", .cseq = 2 });
	bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL", .via = "192.0.2.9:5062;branch=z9hG4bKguess;rport" });
	bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL", .via = "192.0.2.8:5062;branch=z9hG4bKone;rport" });
	bench_expect(b, "0 tx 481 CANCEL\n0 request INVITE\n0 tx 100 INVITE\n0 tx 481 CANCEL\n0 tx 481 CANCEL\n"
	                "0 tx 481 CANCEL\n0 tx 481 CANCEL\n0 tx 481 CANCEL\n");
	bench_respond(b, 480);
	bench_rx_request(b, &ack);
	bench_run_to(b, 5000);
	bench_free(b);
}

// A CANCEL of another request than INVITE finds it, and does nothing (RFC 3261 §9.2).
static void a_cancel_of_another_request_is_answered(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &(struct bench_rx){ .method = "OPTIONS" });
	bench_rx_request(b, &cancel);
	bench_respond(b, 200);
	bench_expect(b, "0 request OPTIONS\n0 tx 200 CANCEL\n0 tx 200 OPTIONS\n");
	bench_run_to(b, 32000);
	bench_free(b);
}

static void a_stateless_refusal_leaves_nothing(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_stateless = true;
	b->answer_at_once = 407;
	bench_rx_request(b, &invite);
	bench_rx_request(b, &ack); // of no transaction: the user knows no dialog of it
	bench_expect(b, "0 request INVITE\n0 tx 407 INVITE\n0 ack\n");
	bench_free(b);
}

static void disowned_it_is_not_kept_for_ever(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &invite);
	sip_stack_disown(b->stack, b->request);
	bench_rx_request(b, &cancel); // nobody to be told
	bench_run_to(b, 31999);
	assert_int_equal(sip_stack_use(b->stack).transactions, 1);
	bench_run_to(b, 32000);
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx 200 CANCEL\n");
	bench_rx_request(b, &invite);
	sip_stack_disown(b->stack, b->request);
	bench_respond(b, 500); // it can still be answered
	bench_run_to(b, 100000);
	b->log.n = 0;
	b->answer_at_once = 200;
	bench_rx_request(b, &invite);
	sip_stack_disown(b->stack, b->request);
	bench_run_to(b, 100600);
	bench_expect(b, "100000 request INVITE\n100000 tx 200 INVITE\n100500 tx 200 INVITE\n");
	bench_run_to(b, 200000);
	assert_null(strstr(b->log_text, "failed"));
	bench_free(b);
}

static void each_timer_has_its_row(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < STATE_COUNT; i++) {
		bench_check_timers(&txn_invite_server.fsm, i, states[i].repeat);
		bench_check_timers(&txn_invite_server.fsm, i, states[i].end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tries_at_once_and_repeats_the_last_provisional),
		cmocka_unit_test(says_no_100_when_the_user_answers_at_once),
		cmocka_unit_test(a_refusal_is_repeated_until_timer_h),
		cmocka_unit_test(a_2xx_is_repeated_until_its_ack),
		cmocka_unit_test(an_ack_from_another_host_ends_no_refusal),
		cmocka_unit_test(a_2xx_without_ack_fails),
		cmocka_unit_test(a_cancel_is_told_once),
		cmocka_unit_test(a_cancel_may_cross_the_answer),
		cmocka_unit_test(a_cancelled_call_may_still_be_answered),
		cmocka_unit_test(a_cancel_of_nothing_is_refused),
		cmocka_unit_test(a_cancel_of_another_request_is_answered),
		cmocka_unit_test(a_stateless_refusal_leaves_nothing),
		cmocka_unit_test(disowned_it_is_not_kept_for_ever),
		cmocka_unit_test(each_timer_has_its_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
