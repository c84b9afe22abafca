#include "txn.c"

#include "wire/sip/txn_bench.h"

static void all_timers_follow_the_times_that_are_set(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->stack->t1_ms = 100;
	b->stack->t2_ms = 300;
	b->stack->t4_ms = 1000;
	assert_int_equal(bench_send(b, SIP_BYE), OK);
	bench_run_to(b, 1200);
	bench_rx_response(b, b->tx, 200, "far");
	bench_expect(b, "0 tx BYE\n100 tx BYE\n300 tx BYE\n600 tx BYE\n900 tx BYE\n1200 tx BYE\n"
	                "1200 response 200 owner 7\n");
	bench_run_to(b, 2199);
	assert_int_equal(sip_stack_use(b->stack).tombstones, 1);
	bench_run_to(b, 2200);
	bench_free(b);
}

static void request_to(struct bench *b, unsigned i, const char *method, const char *uri, const char *to_tag)
{
	char via[64], call_id[32];
	snprintf(via, sizeof via, "192.0.2.9;branch=z9hG4bKnumber%u", i);
	snprintf(call_id, sizeof call_id, "call%u", i);
	bench_rx_request(b, &(struct bench_rx){ .method = method, .uri = uri, .via = via, .call_id = call_id,
	                                        .to_tag = to_tag });
}

static void request_number(struct bench *b, unsigned i, const char *method, const char *to_tag)
{
	request_to(b, i, method, "sip:b@example.com", to_tag);
}

static void a_full_pool_refuses_new_work_first(void **state)
{
	(void)state;
	struct bench *b = bench_new_limited(32, 1 << 20);
	uint64_t refused = count_by_name("sip_rx_refused_full");
	b->answer_at_once = 486;
	for (unsigned i = 0; i < 30; i++) request_number(b, i, "INVITE", NULL);
	assert_int_equal(sip_stack_use(b->stack).tombstones, 30);
	b->log.n = 0;
	request_number(b, 30, "INVITE", NULL);
	bench_expect(b, "0 tx 503 INVITE\n"); // told to nobody
	b->answer_at_once = 200;
	request_number(b, 31, "BYE", "ourtag"); // a call that stands can be ended
	assert_int_equal(bench_send(b, SIP_BYE), OK);
	bench_expect(b, "0 request BYE\n0 tx 200 BYE\n0 tx BYE\n");
	assert_int_equal(sip_stack_use(b->stack).transactions, 1);
	request_number(b, 32, "BYE", "ourtag"); // now nothing is left
	assert_int_equal(bench_send(b, SIP_BYE), ERR_FULL);
	bench_expect(b, "0 request BYE\n0 tx 503 BYE\n"); // it ends its call all the same
	assert_int_equal(count_by_name("sip_rx_refused_full") - refused, 2);
	b->answer_at_once = 401;
	b->answer_stateless = true;
	request_number(b, 33, "BYE", "ourtag"); // who has to prove who he is can do so
	bench_expect(b, "0 request BYE\n0 tx 401 BYE\n");
	b->answer_stateless = false;
	b->answer_at_once = 486;
	request_number(b, 3, "INVITE", NULL); // one that has its place is served
	bench_expect(b, "0 tx 486 INVITE\n");
	bench_run_to(b, 100000);
	b->log.n = 0;
	bench_free(b);
}

// However many requests of whatever kind come, an emergency call finds a place for itself and for its way on.
static void what_is_urgent_has_the_last_places(void **state)
{
	(void)state;
	struct bench *b = bench_new_limited(64, 1 << 20);
	unsigned i = 0;
	b->answer_at_once = 486;
	while (i < 60) request_to(b, i++, "INVITE", "sip:b@example.com", NULL);
	b->answer_at_once = 481;
	while (i < 62) request_to(b, i++, "BYE", "sip:b@example.com", "forged");
	b->log.n = 0;
	request_to(b, i++, "BYE", "sip:b@example.com", "forged");
	request_to(b, i++, "INVITE", "sip:b@example.com", NULL);
	request_to(b, i++, "INVITE", "sip:911@example.com", "forged");
	request_to(b, i++, "OPTIONS", "sip:911@example.com", NULL);
	bench_expect(b, "0 request BYE\n0 tx 503 BYE\n0 tx 503 INVITE\n0 tx 503 INVITE\n0 tx 503 OPTIONS\n");
	b->answer_at_once = 0;
	request_to(b, i++, "INVITE", "sip:911@example.com", NULL);
	assert_int_equal(bench_send(b, SIP_INVITE), OK);
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx INVITE\n");
	request_to(b, i++, "INVITE", "sip:911@example.com", NULL);
	bench_expect(b, "0 tx 503 INVITE\n"); // all is taken
	bench_respond(b, 486);
	bench_run_to(b, 100000);
	b->log.n = 0;
	bench_free(b);
}

static void full_memory_costs_repetitions_not_calls(void **state)
{
	(void)state;
	struct bench *b = bench_new_limited(4096, SLAB_CHUNK_BYTES);
	uint64_t not_kept = count_by_name("sip_text_not_kept");
	b->answer_at_once = 486;
	unsigned count = 0;
	for (; count_by_name("sip_text_not_kept") == not_kept && count < 1000; count++) {
		b->log.n = 0;
		request_number(b, count, "INVITE", "ourtag");
		assert_non_null(strstr(b->log_text, "tx 486"));
	}
	assert_in_range(count, 60, 400);
	b->log.n = 0;
	request_number(b, count, "INVITE", NULL);
	bench_expect(b, "0 tx 503 INVITE\n");
	request_number(b, 0, "ACK", "ourtag");
	request_number(b, count - 1, "ACK", "ourtag"); // was not kept, and works all the same
	b->out.flush = NULL;
	bench_run_to(b, 100000);
	b->log.n = 0;
	bench_free(b);
}

static void branches_are_ours_and_new(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	char first[64];
	struct str branch = sip_stack_branch(b->stack);
	str_to_z(first, sizeof first, branch);
	assert_true(str_starts(branch, STR("z9hG4bKw1")));
	assert_int_equal(branch.n, 9 + 16);
	assert_string_not_equal(first, "");
	assert_false(str_eq(sip_stack_branch(b->stack), str_from(first)));
	bench_free(b);
}

static void dead_handles_do_nothing(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	assert_int_equal(bench_send(b, SIP_BYE), OK);
	assert_int_equal(sip_server_respond(b->stack, b->client, 200, STR("x")), ERR_NOT_FOUND); // a client one
	sip_server_acked(b->stack, b->client);
	sip_server_own(b->stack, b->client, 9);
	sip_server_respond_stateless(b->stack, b->client, STR("x"));
	bench_run_to(b, 32000);
	b->log.n = 0;
	const ref dead[] = { 0, 1, b->client, UINT64_MAX };
	for (uint32_t i = 0; i < ARRAY_LEN(dead); i++) {
		sip_client_cancel(b->stack, dead[i]);
		sip_stack_disown(b->stack, dead[i]);
		sip_server_acked(b->stack, dead[i]);
		sip_server_respond_stateless(b->stack, dead[i], STR("x"));
		assert_int_equal(sip_server_respond(b->stack, dead[i], 200, STR("x")), ERR_NOT_FOUND);
	}
	bench_expect(b, "");
	bench_free(b);
}

// The matrices, as the manual shows them; each has a clause wherever something is done.
static void machines_can_be_printed(void **state)
{
	(void)state;
	static char text[1 << 16];
	uint32_t count = 0;
	for (const struct fsm *m; (m = sip_txn_machine(count)); count++) {
		struct buf b = buf_on(text, sizeof text);
		fsm_print(&b, m);
		assert_int_equal(b.err, OK);
		assert_true(str_starts(buf_str(&b), STR("| ")));
		for (uint32_t i = 0; i < m->row_count; i++) {
			assert_non_null(m->rows[i].clause);
			assert_true(m->rows[i].event < m->event_count && m->rows[i].in < 1u << m->state_count);
			assert_true(m->rows[i].next == FSM_SAME || m->rows[i].next < m->state_count);
		}
	}
	assert_int_equal(count, 4);
	assert_string_equal(sip_txn_machine(1)->name, "INVITE server");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_timers_follow_the_times_that_are_set),
		cmocka_unit_test(a_full_pool_refuses_new_work_first),
		cmocka_unit_test(what_is_urgent_has_the_last_places),
		cmocka_unit_test(full_memory_costs_repetitions_not_calls),
		cmocka_unit_test(branches_are_ours_and_new),
		cmocka_unit_test(dead_handles_do_nothing),
		cmocka_unit_test(machines_can_be_printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
