#include "location.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"

static struct binding phone(const char *contact, const char *peer)
{
	struct binding b = { .contact = str_from(contact), .call_id = STR("call-1"), .user_agent = STR("Phone 1.0"),
		                 .q = 1000, .cseq = 1, .expires_ms = 10000 };
	assert_int_equal(addr_parse(&b.peer, str_from(peer)), OK);
	return b;
}

static uint32_t contacts(const struct location *l, uint64_t now_ms)
{
	struct binding out[LOCATION_BINDINGS_MAX];
	return location_get(l, 7, now_ms, out, LOCATION_BINDINGS_MAX);
}

static void a_line_has_what_was_put(void **state)
{
	(void)state;
	struct location *l = must(location_new(100, NULL));
	struct binding two[] = { phone("sip:a@192.0.2.1", "192.0.2.9:5060"), phone("sip:b@192.0.2.2", "192.0.2.9:5062") };
	struct binding out[LOCATION_BINDINGS_MAX];
	two[1].instance = STR("<urn:uuid:1>");
	assert_int_equal(contacts(l, 0), 0);
	assert_int_equal(location_put(l, 7, 0, two, 2), OK);
	assert_int_equal(location_get(l, 7, 9999, out, LOCATION_BINDINGS_MAX), 2);
	assert_true(str_eq(out[0].contact, two[0].contact) && str_eq(out[1].contact, two[1].contact));
	assert_true(str_eq(out[1].instance, two[1].instance) && str_eq(out[1].call_id, STR("call-1")));
	assert_true(str_eq(out[0].user_agent, STR("Phone 1.0")) && addr_eq(&out[0].peer, &two[0].peer));
	assert_int_equal(location_get(l, 7, 0, out, 1), 1);
	assert_true(location_has_flow(l, 7, 0, &two[1].peer));
	assert_false(location_has_flow(l, 8, 0, &two[1].peer));
	two[1].peer.port++;
	assert_false(location_has_flow(l, 7, 0, &two[1].peer));
	assert_int_equal(location_put(l, 7, 0, NULL, 0), OK);
	assert_int_equal(contacts(l, 0), 0);
	assert_int_equal(location_use(l).bindings, 0);
	assert_int_equal(location_use(l).bytes, 0);
	rcu_drain();
	location_free(l);
}

// RFC 5626: whoever has the port of a connection that ended is not the phone that registered from it.
static void a_phone_goes_with_its_connection(void **state)
{
	(void)state;
	struct flows *flows = must(flows_new(4));
	struct location *l = must(location_new(100, flows));
	struct binding two[] = { phone("sip:a@192.0.2.1", "192.0.2.9:5060"), phone("sip:b@192.0.2.2", "192.0.2.9:5062") };
	struct binding out[LOCATION_BINDINGS_MAX];
	for (uint32_t i = 0; i < 2; i++) two[i].peer.transport = TRANSPORT_TCP, two[i].peer.flow = flow_begin(flows);
	assert_int_equal(location_put(l, 7, 0, two, 2), OK);
	assert_int_equal(contacts(l, 0), 2);
	struct addr next = two[0].peer;
	flow_end(flows, next.flow);
	next.flow = flow_begin(flows);
	assert_false(location_has_flow(l, 7, 0, &next));
	assert_int_equal(location_get(l, 7, 0, out, LOCATION_BINDINGS_MAX), 1);
	assert_true(addr_flow_eq(&out[0].peer, &two[1].peer));
	assert_int_equal(location_sweep(l, 0, 0, 100), 1);
	assert_int_equal(location_use(l).bindings, 1);
	two[1].peer.flow = next.flow; // the same but for the connection: no refresh
	assert_int_equal(location_put(l, 7, 0, &two[1], 1), OK);
	assert_int_equal(location_get(l, 7, 0, out, LOCATION_BINDINGS_MAX), 1);
	assert_int_equal(out[0].peer.flow, next.flow);
	rcu_drain();
	location_free(l);
	flows_free(flows);
}

static void best_q_stands_first(void **state)
{
	(void)state;
	struct location *l = must(location_new(100, NULL));
	struct binding three[] = { phone("sip:low@a", "192.0.2.1:1"), phone("sip:best@a", "192.0.2.1:2"),
		                       phone("sip:low2@a", "192.0.2.1:3") };
	struct binding out[LOCATION_BINDINGS_MAX];
	three[0].q = three[2].q = 300;
	assert_int_equal(location_put(l, 7, 0, three, 3), OK);
	assert_int_equal(location_get(l, 7, 0, out, 3), 3);
	assert_true(str_eq(out[0].contact, STR("sip:best@a")));
	assert_true(str_eq(out[1].contact, STR("sip:low@a")) && str_eq(out[2].contact, STR("sip:low2@a")));
	location_free(l);
}

static void a_refresh_stays_in_its_block(void **state)
{
	(void)state;
	struct location *l = must(location_new(100, NULL));
	struct binding b = phone("sip:a@192.0.2.1", "192.0.2.9:5060"), out;
	assert_int_equal(location_put(l, 7, 0, &b, 1), OK);
	const struct block *before = block_of(l, 7);
	b.cseq = 2, b.expires_ms = 20000;
	assert_int_equal(location_put(l, 7, 0, &b, 1), OK);
	assert_ptr_equal(block_of(l, 7), before);
	assert_int_equal(location_get(l, 7, 15000, &out, 1), 1);
	assert_int_equal(out.cseq, 2);
	b.peer.port++; // another flow is no refresh
	assert_int_equal(location_put(l, 7, 0, &b, 1), OK);
	assert_ptr_not_equal(block_of(l, 7), before);
	rcu_drain();
	location_free(l);
}

static void what_expired_is_gone_at_once_and_swept_later(void **state)
{
	(void)state;
	struct location *l = must(location_new(100, NULL));
	struct binding two[] = { phone("sip:a@a", "192.0.2.1:1"), phone("sip:b@a", "192.0.2.1:2") };
	two[1].expires_ms = 20000;
	assert_int_equal(location_put(l, 7, 3, two, 2), OK);
	assert_int_equal(contacts(l, 9999), 2);
	assert_int_equal(contacts(l, 10000), 1);
	assert_false(location_has_flow(l, 7, 10000, &two[0].peer));
	assert_int_equal(location_use(l).bindings, 2);
	assert_int_equal(location_sweep(l, 2, 10000, 1000), 0); // another worker's line
	assert_int_equal(location_sweep(l, 3, 9999, 1000), 0);
	assert_int_equal(location_sweep(l, 3, 10000, 1000), 1);
	assert_int_equal(location_use(l).bindings, 1);
	assert_int_equal(location_sweep(l, 3, 20000, 50) + location_sweep(l, 3, 20000, 50), 1); // in two parts
	assert_int_equal(location_use(l).bindings, 0);
	rcu_drain();
	location_free(l);
}

static void changes_are_given_out_once(void **state)
{
	(void)state;
	struct location *l = must(location_new(200, NULL));
	struct binding b = phone("sip:a@a", "192.0.2.1:1");
	static const uint32_t lines[] = { 1, 63, 64, 128, 200 };
	uint32_t line = 0, seen = 0;
	for (uint32_t i = 0; i < ARRAY_LEN(lines); i++) assert_int_equal(location_put(l, lines[i], 0, &b, 1), OK);
	while (location_next_changed(l, &line)) assert_int_equal(line, lines[seen++]);
	assert_int_equal(seen, ARRAY_LEN(lines));
	line = 0;
	assert_false(location_next_changed(l, &line));
	b.expires_ms++;
	assert_int_equal(location_put(l, 64, 0, &b, 1), OK); // a refresh is a change
	assert_true(location_next_changed(l, &line));
	assert_int_equal(line, 64);
	for (line = 0, seen = 0; location_next(l, &line); seen++) assert_int_equal(line, lines[seen]);
	assert_int_equal(seen, ARRAY_LEN(lines));
	location_free(l);
}

static void limits_hold(void **state)
{
	(void)state;
	struct location *l = must(location_new(100, NULL));
	static char text[1000];
	struct binding b = phone("sip:a@a", "192.0.2.1:1"), out;
	assert_int_equal(location_put(l, 0, 0, &b, 1), ERR_BAD);
	assert_int_equal(location_put(l, 101, 0, &b, 1), ERR_BAD);
	assert_int_equal(location_put(l, 7, HOMES_MAX, &b, 1), ERR_BAD);
	assert_int_equal(location_put(l, 7, 0, &b, LOCATION_BINDINGS_MAX + 1), ERR_BAD);
	b.contact = (struct str){ text, LOCATION_CONTACT_MAX + 1 };
	assert_int_equal(location_put(l, 7, 0, &b, 1), ERR_BAD);
	b.contact.n = LOCATION_CONTACT_MAX;
	b.user_agent = (struct str){ text, sizeof text };
	assert_int_equal(location_put(l, 7, 0, &b, 1), OK);
	assert_int_equal(location_get(l, 7, 0, &out, 1), 1);
	assert_int_equal(out.user_agent.n, LOCATION_AGENT_MAX);
	assert_int_equal(location_get(l, 101, 0, &out, 1), 0);
	location_free(l);
}

// The figure of the design: 250 to 400 octets a registered contact, all in.
static void a_contact_is_small(void **state)
{
	(void)state;
	struct location *l = must(location_new(1000, NULL));
	struct binding b = phone("sip:6035550101@192.168.100.123:5060;transport=udp;ob", "203.0.113.77:43210");
	b.call_id = STR("7f9d1c3e5a7b49d28c6e0f1a2b3c4d5e@192.168.100.123");
	b.instance = STR("<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>");
	b.user_agent = STR("Yealink SIP-T46U 108.86.0.20");
	for (uint32_t line = 1; line <= 1000; line++) assert_int_equal(location_put(l, line, 0, &b, 1), OK);
	uint64_t each = location_use(l).bytes / 1000 + sizeof *l->slots + 1;
	assert_in_range(each, 100, 300);
	location_free(l);
}

// One writer changes two lines as fast as it can, so that line 1 always has two contacts of the same generation;
// readers must never see a mixture or memory that was freed.
static _Atomic bool stop_readers;
static void *read_all_the_time(void *arg)
{
	struct location *l = arg;
	uintptr_t torn = 0;
	rcu_join();
	while (!atomic_load(&stop_readers)) {
		struct binding out[2];
		rcu_online();
		if (location_get(l, 1, 0, out, 2) == 2) torn += !str_eq(out[0].call_id, out[1].call_id);
		rcu_quiescent();
		rcu_offline();
	}
	rcu_leave();
	return (void *)torn;
}

static void readers_see_whole_blocks(void **state)
{
	(void)state;
	struct location *l = must(location_new(10, NULL));
	pthread_t readers[2];
	atomic_store(&stop_readers, false);
	for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, l), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		char call_id[16];
		struct binding two[] = { phone("sip:a@a", "192.0.2.1:1"), phone("sip:b@a", "192.0.2.1:2") };
		snprintf(call_id, sizeof call_id, "call-%u", i / 2); // every second one is a refresh
		two[0].call_id = two[1].call_id = str_from(call_id);
		two[0].cseq = two[1].cseq = i;
		assert_int_equal(location_put(l, 1, 0, two, i % 7 ? 2 : 0), OK);
		rcu_quiescent();
	}
	atomic_store(&stop_readers, true);
	for (int i = 0; i < 2; i++) {
		void *torn;
		pthread_join(readers[i], &torn);
		assert_ptr_equal(torn, NULL);
	}
	rcu_drain();
	location_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_what_was_put),
		cmocka_unit_test(a_phone_goes_with_its_connection),
		cmocka_unit_test(best_q_stands_first),
		cmocka_unit_test(a_refresh_stays_in_its_block),
		cmocka_unit_test(what_expired_is_gone_at_once_and_swept_later),
		cmocka_unit_test(changes_are_given_out_once),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(a_contact_is_small),
		cmocka_unit_test(readers_see_whole_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
