#include "node.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/log.h"
#include "run/node_fixture.h"

// ---- Tests ----------------------------------------------------------------------------------------------------------

static void two_phones_talk(void **state)
{
	(void)state;
	struct bench *b = bench_new(1);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	struct control_call rows[4], shown;
	struct call_record record;
	struct control_registration phones[4];
	uint32_t count;
	phone_register(one);
	phone_register(two);
	assert_int_equal(b->control.ops->registrations(b->control.self, 0, phones, 4, &count), OK);
	assert_int_equal(count, 2);
	talk(one, two);
	assert_int_equal(b->control.ops->calls(b->control.self, &(struct control_calls_query){ 0 }, rows, 4, &count), OK);
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].o.state, "ACTIVE");
	assert_int_equal(b->control.ops->call(b->control.self, rows[0].call, &shown, &record), OK);
	assert_true(record.answered && record.trail_n > 0 && record.ladder_n > 0);
	assert_string_equal(record.o.call_id, one->call_id);
	assert_true(str_eq(two->m.call_id, str_from(record.t.call_id)));
	assert_int_equal(b->control.ops->call(b->control.self, 12345, &shown, &record), ERR_NOT_FOUND);
	hang_up(one, two);
	wait_for_records(b, 1);
	AWAIT(node_calls(b->node) == 0);
	talk(two, one);
	assert_int_equal(b->control.ops->calls(b->control.self, &(struct control_calls_query){ 0 }, rows, 4, &count), OK);
	assert_int_equal(b->control.ops->call_release(b->control.self, rows[0].call), OK);
	expect(one, "BYE");
	answer(one, 200, "");
	expect(two, "BYE");
	answer(two, 200, "");
	wait_for_records(b, 2);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

static void what_lands_on_another_worker_is_passed_on(void **state)
{
	(void)state;
	struct bench *b = bench_new(4);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	uint64_t passed = count_by_name("node_packets_passed"), lost = count_by_name("node_mail_full");
	phone_register(one);
	phone_register(two);
	// Each call has a worker of its own, and each phone's socket too.
	for (uint32_t i = 0; i < 12; i++) {
		talk(one, two);
		node_audit(b->node);
		hang_up(one, two);
	}
	wait_for_records(b, 12);
	assert_true(count_by_name("node_packets_passed") > passed);
	assert_int_equal(count_by_name("node_mail_full"), lost);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

static _Atomic bool dawdles;

static void dawdle(struct member *m, struct job *j)
{
	(void)m;
	while (dawdles) usleep(1000);
	j->rows = calloc(1, sizeof *j->rows); // freed with the job, by whoever comes second
}

// A packet that is longer than a letter goes by pointer; one that comes too late is freed with the letter.
static void long_packets_are_passed_on(void **state)
{
	(void)state;
	struct bench *b = bench_new(4);
	struct phone *p = phone_new(b, "6035550101");
	char *filler = must(calloc(1, 4096));
	struct buf header = buf_on(filler, 4095);
	put_z(&header, "Subject: ");
	while (header.n < 3000) put_c(&header, 'x');
	put_z(&header, "\r\n");
	for (uint32_t i = 0; i < 8; i++) {
		new_call_id(p);
		send_request(p, "OPTIONS", "", filler, "");
		expect(p, "200 OPTIONS");
	}
	b->node->stopping = true;
	for (uint32_t i = 0; i < 4; i++) {
		loop_wake(&b->node->workers[i].loop);
		pthread_join(b->node->workers[i].thread, NULL);
		b->node->workers[i].started = false;
	}
	uint64_t passed = count_by_name("node_packets_passed");
	for (uint32_t i = 0; i < 16; i++) { // nobody takes these any more
		char text[4096];
		int n = snprintf(text, sizeof text, "OPTIONS sip:x SIP/2.0\r\nCall-ID: %u\r\n%s\r\n", i, filler);
		crew_input(&b->node->crew->members[0], &(struct packet){ .data = { text, (uint32_t)n } });
	}
	assert_true(count_by_name("node_packets_passed") > passed);
	crew_tell(b->node->crew, 2, job_new(dawdle));
	free(filler);
	phone_free(p);
	bench_free(b);
}

static void a_job_that_takes_too_long_is_given_up(void **state)
{
	(void)state;
	struct bench *b = bench_new(2);
	b->node = node_stop(b->node);
	b->ask_ms = 20;
	must_start(b);
	dawdles = true;
	assert_int_equal(node_ask(b->node, 1, job_new(dawdle)), ERR_TIMEOUT);
	assert_int_equal(node_calls(b->node), 0); // as it was when the worker was last heard of
	dawdles = false;
	assert_int_equal(node_ask(b->node, 0, NULL), ERR_FULL);
	bench_free(b);
}

static void a_stop_ends_the_calls_that_stand(void **state)
{
	(void)state;
	struct bench *b = bench_new(3);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	phone_register(one);
	phone_register(two);
	talk(one, two);
	node_drain(b->node, PATIENCE_MS);
	assert_true(status_of(b).stopping);
	phone_call(two, "6035550101");
	expect(two, "503 INVITE");
	assert_true(sip_msg_has(&two->m, SIP_H_RETRY_AFTER));
	phone_call(two, "911"); // no trunk is marked: it is told so
	expect(two, "183 INVITE");
	AWAIT(node_calls(b->node) == 2);
	b->node = node_stop(b->node);
	expect(one, "BYE");
	assert_true(str_starts(sip_msg_header(&one->m, SIP_H_REASON), STR("Q.850;cause=41")));
	expect(two, "500 INVITE");
	must_start(b); // the records are there, the phones are still registered
	uint32_t count;
	struct control_registration phones[4];
	assert_true(status_of(b).cdr_sequence >= 1);
	assert_int_equal(b->control.ops->registrations(b->control.self, 0, phones, 4, &count), OK);
	assert_int_equal(count, 2);
	assert_int_equal(node_calls(b->node), 0);
	talk(two, one);
	hang_up(two, one);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

static void a_full_switch_takes_emergency_calls(void **state)
{
	(void)state;
	struct bench *b = bench_new(1);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	b->node = node_stop(b->node);
	b->config.calls_max = 1; // a worker has one more
	must_start(b);
	phone_register(two);
	for (uint32_t i = 0; i < 2; i++) {
		phone_call(one, two->line);
		expect(two, "INVITE");
	}
	phone_call(one, two->line);
	expect(one, "503 INVITE");
	phone_call(one, "911");
	expect(one, "183 INVITE");
	AWAIT(node_calls(b->node) == 3);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

static void a_port_in_use_is_said(void **state)
{
	(void)state;
	struct bench *b = bench_new(1), second;
	char text[512] = "";
	struct buf why = buf_on(text, sizeof text - 1);
	second = *b;
	assert_int_equal(start_node(&second, &why), ERR_EXISTS);
	assert_non_null(strstr(text, "in use"));
	bench_free(b);
}

struct changer {
	struct provision *provision;
	_Atomic bool over;
	_Atomic uint32_t changes, refused;
};

static void *change_lines(void *self)
{
	struct changer *c = self;
	struct provision_pair pair = { STR_INIT("display"), STR_INIT("Granite") };
	struct provision_request q = { .pairs = &pair, .pair_count = 1, .who = STR("test"), .wall_ms = 1769860800000 };
	struct provision_answer told;
	rcu_join();
	if (!provision_kind_of(&q.kind, STR("line"))) abort();
	while (!c->over) {
		q.key = c->changes % 2 ? STR("6035550101") : STR("6035550102");
		pair.value = c->changes % 4 < 2 ? STR("Granite") : STR("Bakery");
		rcu_online();
		provision_set(&told, c->provision, &q);
		rcu_offline();
		c->refused += told.err != OK;
		c->changes++;
	}
	rcu_leave();
	return NULL;
}

// Rows of lines are replaced while their calls are made: what a worker reads lives as long as it reads it. A thread of
// its own does that, so that a disk that takes its time holds up no phone.
static void the_office_changes_under_calls(void **state)
{
	(void)state;
	struct bench *b = bench_new(2);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	static struct changer changer; // a test that fails leaves the thread to it
	pthread_t thread;
	changer = (struct changer){ .provision = b->provision };
	phone_register(one);
	phone_register(two);
	rcu_offline();
	assert_int_equal(pthread_create(&thread, NULL, change_lines, &changer), 0);
	for (uint32_t i = 0; i < 20; i++) {
		uint32_t changes = changer.changes;
		phone_call(one, two->line);
		expect_ringing(one, two);
		answer(two, 486, "");
		expect(one, "486 INVITE");
		phone_acknowledge(one, two->line);
		AWAIT(changer.changes > changes);
	}
	changer.over = true;
	pthread_join(thread, NULL);
	assert_int_equal(changer.refused, 0);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_phones_talk),
		cmocka_unit_test(what_lands_on_another_worker_is_passed_on),
		cmocka_unit_test(long_packets_are_passed_on),
		cmocka_unit_test(a_job_that_takes_too_long_is_given_up),
		cmocka_unit_test(a_stop_ends_the_calls_that_stand),
		cmocka_unit_test(a_full_switch_takes_emergency_calls),
		cmocka_unit_test(a_port_in_use_is_said),
		cmocka_unit_test(the_office_changes_under_calls),
	};
	log_quiet = true;
	rcu_join();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_leave();
	return failed;
}
