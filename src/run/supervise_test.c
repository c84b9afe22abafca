#include "supervise.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/testing.h"

#define GROUP 3
#define PERIOD_S 10

struct bench {
	struct env env;
	struct office *office;
	struct live *live;
	struct outbox out;
	struct sip_stack *stack;
	struct addr listener;
	struct supervise s;
};

static struct bench b;

static void on_response(void *self, ref txn, uint64_t owner, const struct sip_msg *m, const struct sip_source *from)
{
	(void)self, (void)txn, (void)from;
	assert_true(supervise_on_response(&b.s, owner, m));
}

static void on_failed(void *self, ref txn, uint64_t owner, enum sip_failure why)
{
	(void)self, (void)txn, (void)why;
	assert_true(supervise_on_failure(&b.s, owner));
}

static const char *peer = "198.51.100.9:5060";

// The group as it is from now on.
static void put_group(uint32_t options_s, bool in_service)
{
	struct office_rules *rules = must(office_rules_dup(NULL));
	rules->trunk_groups = must(calloc(1, sizeof *rules->trunk_groups));
	rules->trunk_group_count = 1;
	struct office_trunk_group *g = &rules->trunk_groups[0];
	*g = (struct office_trunk_group){ .id = GROUP, .options_s = (uint16_t)options_s, .in_service = in_service,
		.peer_count = 1 };
	snprintf(g->name, sizeof g->name, "far");
	assert_int_equal(addr_parse(&g->peers[0].addr, str_from(peer)), OK);
	assert_int_equal(office_put_rules(b.office, rules), OK);
}

static int begin(void **state)
{
	(void)state;
	const struct sip_user user = { .response = on_response, .failed = on_failed };
	b = (struct bench){ .env = { .now_ms = 1234567 } };
	assert_int_equal(arena_init(&b.env.scratch, 1 << 17), OK);
	b.live = must(live_new(&(struct live_limits){ .lines_max = 64, .trunk_groups_max = 8, .nonces = 64,
		.guard_entries = 64 }, 1));
	assert_int_equal(office_new(&b.office), OK);
	put_group(PERIOD_S, true);
	assert_int_equal(outbox_init(&b.out, 64, 0), OK);
	assert_int_equal(addr_parse(&b.listener, STR("192.0.2.1:5060")), OK);
	b.stack = sip_stack_new(&b.env, &b.out, &user, NULL, &(struct sip_stack_limits){ 64, 1 << 20 }, STR("00"));
	assert_non_null(b.stack);
	supervise_init(&b.s, &(struct supervise_setup){ .env = &b.env, .stack = b.stack, .office = b.office, .live = b.live,
		.workers = 1, .listener_count = 1, .listeners = &b.listener });
	return 0;
}

static int end(void **state)
{
	(void)state;
	sip_stack_free(b.stack);
	outbox_fini(&b.out);
	live_free(b.live);
	office_free(b.office);
	arena_fini(&b.env.scratch);
	return 0;
}

// Lets time pass in steps of `step_ms`; the OPTIONS that began meanwhile (repetitions do not count).
static uint64_t run(uint32_t ms, uint32_t step_ms)
{
	uint64_t asked = count_by_name("supervise_asked");
	for (uint32_t gone = 0; gone < ms; gone += step_ms) {
		b.env.now_ms += step_ms;
		arena_reset(&b.env.scratch);
		sip_stack_tick(b.stack);
		supervise_tick(&b.s);
	}
	return count_by_name("supervise_asked") - asked;
}

// Answers the last OPTIONS.
static void answer(uint16_t status)
{
	char text[2048];
	struct buf w = buf_on(text, sizeof text);
	struct sip_msg m;
	struct sip_fault fault;
	assert_true(b.out.count > 0);
	const struct packet *last = &b.out.packets[b.out.count - 1];
	assert_int_equal(sip_msg_parse(&m, last->data, &b.env.scratch, &fault), PARSE_OK);
	put_sip_response(&w, &m, &(struct sip_source){ .peer = b.listener }, status, STR("x"), STR("far"));
	put_sip_body(&w, STR(""), STR(""));
	sip_stack_input(b.stack, &(struct packet){ .peer = last->peer, .data = buf_str(&w) });
	outbox_flush(&b.out);
}

static enum peer_state state_now(void)
{
	return peer_state_get(b.live->peers, GROUP, 0, NULL);
}

// A worker wakes a little late each time; over many periods none is left out.
static void each_period_asks_once(void **state)
{
	(void)state;
	uint64_t asked = 0;
	for (uint32_t i = 0; i < 50; i++) {
		asked += run(PERIOD_S * 1000, 1);
		answer(200);
	}
	assert_int_equal(asked, 50);
	for (uint32_t i = 0; i < 20; i++) {
		asked += run(33 * 303, 303);
		answer(200);
	}
	assert_in_range(asked, 69, 71);
}

static void who_does_not_answer_is_silent_until_it_does(void **state)
{
	(void)state;
	assert_int_equal(state_now(), PEER_UNKNOWN);
	run(PERIOD_S * 1000, 100);
	answer(404);
	assert_int_equal(state_now(), PEER_UP); // any answer is a sign of life
	run(PERIOD_S * 1000, 100);
	answer(503);
	assert_int_equal(state_now(), PEER_SILENT);
	run(PERIOD_S * 1000, 100);
	answer(200);
	assert_int_equal(state_now(), PEER_UP);
	run(50000, 100);
	assert_int_equal(state_now(), PEER_SILENT);
	answer(200);
	assert_int_equal(state_now(), PEER_UP);
}

static void whom_nobody_asks_is_not_silent(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		put_group(PERIOD_S, true);
		run(PERIOD_S * 1000, 100);
		answer(503);
		assert_int_equal(state_now(), PEER_SILENT);
		put_group(i ? PERIOD_S : 0, i == 0);
		assert_int_equal(run(PERIOD_S * 1000, 100), 0);
		assert_int_equal(state_now(), PEER_UNKNOWN);
	}
}

// What is known of a peer is not held against the one that takes its place, nor what is heard of it later.
static void another_peer_begins_anew(void **state)
{
	(void)state;
	run(PERIOD_S * 1000, 100);
	answer(503);
	assert_int_equal(state_now(), PEER_SILENT);
	peer = "198.51.100.10:5060";
	put_group(PERIOD_S, true);
	run(1000, 100);
	assert_int_equal(state_now(), PEER_UNKNOWN);
	run((PERIOD_S - 1) * 1000, 100); // it is asked, and changes before it answers
	peer = "198.51.100.9:5060";
	put_group(PERIOD_S, true);
	run(1000, 100);
	answer(503);
	assert_int_equal(state_now(), PEER_UNKNOWN);
	run(PERIOD_S * 1000, 100);
	answer(200);
	assert_int_equal(state_now(), PEER_UP);
}

static void others_are_left_to_their_worker(void **state)
{
	(void)state;
	b.s.setup.workers = 2;
	b.s.setup.worker = 0; // group 3 is worker 1's
	assert_int_equal(run(3 * PERIOD_S * 1000, 100), 0);
	assert_false(supervise_owns(1ull << 32 | 5)); // a leg
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_period_asks_once, begin, end),
		cmocka_unit_test_setup_teardown(who_does_not_answer_is_silent_until_it_does, begin, end),
		cmocka_unit_test_setup_teardown(whom_nobody_asks_is_not_silent, begin, end),
		cmocka_unit_test_setup_teardown(another_peer_begins_anew, begin, end),
		cmocka_unit_test_setup_teardown(others_are_left_to_their_worker, begin, end),
	};
	log_quiet = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
