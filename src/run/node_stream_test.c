// Telephones with connections, at a node of several workers.
#include "node_stream.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "run/node_fixture.h"

#define PHONES 32

// Which worker accepts is the system's choice, and whose a connection is the peer's port's: calls go from each to the
// next, whoever has them and the call.
static void connections_reach_whose_worker_they_are(void **state)
{
	(void)state;
	static const char *const lines[] = { "6035550101", "6035550102", "6035550103", "6035550104" };
	struct bench *b = bench_new(2);
	struct phone *phones[PHONES];
	uint64_t passed = count_by_name("node_connections_passed"), lost = count_by_name("node_mail_full");
	uint64_t closed = count_by_name("stream_closed");
	uint32_t of_first = 0;
	for (uint32_t i = 0; i < PHONES; i++) {
		phones[i] = phone_over(b, TRANSPORT_TCP, lines[i % ARRAY_LEN(lines)]);
		of_first += crew_of_peer(b->node->crew, &phones[i]->me) == 0;
	}
	for (uint32_t i = 0; i < PHONES; i += 2) {
		struct phone *one = phones[i], *two = phones[i + 1];
		phone_register(one);
		phone_register(two);
		talk(one, two);
		hang_up(one, two);
		phone_free(one); // nobody else of its line rings
		phone_free(two);
		AWAIT(count_by_name("stream_closed") - closed == i + 2);
	}
	wait_for_records(b, PHONES / 2);
	assert_in_range(of_first, 1, PHONES - 1);
	assert_true(count_by_name("node_connections_passed") > passed);
	assert_int_equal(count_by_name("node_mail_full"), lost);
	bench_free(b);
}

// RFC 5626 §4.3: what is for a connection that has gone fails at once, with no timer.
static void a_phone_whose_connection_is_gone_is_not_waited_for(void **state)
{
	(void)state;
	struct bench *b = bench_new(2);
	struct phone *udp = phone_new(b, "6035550101"), *tcp = phone_over(b, TRANSPORT_TCP, "6035550102");
	uint64_t timeouts = count_by_name("sip_txn_timeout"), unreachable = count_by_name("sip_txn_unreachable");
	uint64_t closed = count_by_name("stream_closed");
	phone_register(udp);
	phone_register(tcp);
	phone_call(udp, "6035550102");
	expect_ringing(udp, tcp); // it has the INVITE, and says nothing
	phone_free(tcp);
	expect(udp, "480 INVITE");
	phone_acknowledge(udp, "6035550102");
	AWAIT(count_by_name("stream_closed") > closed);
	assert_int_equal(count_by_name("sip_txn_unreachable") - unreachable, 1);
	phone_call(udp, "6035550102"); // it is not registered any more
	expect(udp, "480 INVITE");
	phone_acknowledge(udp, "6035550102");
	assert_int_equal(count_by_name("sip_txn_unreachable") - unreachable, 1);
	struct phone *other = phone_new(b, "6035550102"); // of the same line
	phone_register(other);
	talk(udp, other);
	hang_up(udp, other);
	assert_int_equal(count_by_name("sip_txn_timeout"), timeouts);
	phone_free(udp);
	phone_free(other);
	bench_free(b);
}

// A phone in a call that comes back by another connection is reached there, and may say BYE there: it registers again,
// and proves who it is. To whoever has its old port now, nothing is said.
static void a_call_outlives_the_connections_of_its_phones(void **state)
{
	(void)state;
	struct bench *b = bench_new(2);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_over(b, TRANSPORT_TCP, "6035550102");
	phone_register(one);
	phone_register(two);
	talk(one, two);
	uint64_t closed = count_by_name("stream_closed"), found = count_by_name("sip_leg_flow_found");
	phone_free(two);
	AWAIT(count_by_name("stream_closed") > closed);
	two = phone_over(b, TRANSPORT_TCP, "6035550102");
	phone_register(two);
	hang_up(one, two);
	assert_int_equal(count_by_name("sip_leg_flow_found") - found, 1);
	wait_for_records(b, 1);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

// A call that stands when the node stops is ended over the connection too.
static void a_stop_tells_phones_with_connections(void **state)
{
	(void)state;
	struct bench *b = bench_new(2);
	struct phone *one = phone_over(b, TRANSPORT_TCP, "6035550101"), *two = phone_over(b, TRANSPORT_TCP, "6035550102");
	phone_register(one);
	phone_register(two);
	talk(one, two);
	b->node = node_stop(b->node);
	expect(one, "BYE");
	expect(two, "BYE");
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_reach_whose_worker_they_are),
		cmocka_unit_test(a_phone_whose_connection_is_gone_is_not_waited_for),
		cmocka_unit_test(a_call_outlives_the_connections_of_its_phones),
		cmocka_unit_test(a_stop_tells_phones_with_connections),
	};
	log_quiet = true;
	rcu_join();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_leave();
	return failed;
}
