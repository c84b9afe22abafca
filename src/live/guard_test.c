#include "guard.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"

static struct addr from(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(&a, str_from(text)), OK);
	return a;
}

static struct addr nth(uint32_t i)
{
	char text[32];
	snprintf(text, sizeof text, "198.51.%u.%u", i / 250, i % 250 + 1);
	return from(text);
}

static void a_guesser_is_not_heard_until_the_window_ends(void **state)
{
	(void)state;
	struct guard *g = must(guard_new(4096, 1));
	struct addr bad = from("198.51.100.1:5060"), same = from("198.51.100.1:9999"), other = from("198.51.100.2");
	for (int i = 0; i < PAIR_FAILURES_MAX; i++) {
		assert_true(guard_heard(g, 5000, &bad, STR("alice")));
		guard_failed(g, 5000, &bad, STR("alice"));
	}
	assert_false(guard_heard(g, 5000, &bad, STR("alice")));
	assert_false(guard_heard(g, 5000, &same, STR("alice"))); // the port is nothing
	assert_true(guard_heard(g, 5000, &other, STR("alice")));
	assert_true(guard_heard(g, 5000, &bad, STR("bob")));
	assert_true(guard_heard(g, 5000 + GUARD_WINDOW_MS + 2048, &bad, STR("alice")));
	guard_free(g);
}

static void success_forgives_the_pair(void **state)
{
	(void)state;
	struct guard *g = must(guard_new(4096, 1));
	struct addr phone = from("198.51.100.1");
	for (int i = 0; i < PAIR_FAILURES_MAX; i++) guard_failed(g, 5000, &phone, STR("alice"));
	assert_false(guard_heard(g, 5000, &phone, STR("alice")));
	guard_succeeded(g, 5000, &phone, STR("alice"));
	assert_true(guard_heard(g, 5000, &phone, STR("alice")));
	guard_free(g);
}

// Many sources guess one user's password: each has two attempts, and the owner is heard: at home always, from a new
// address too.
static void the_owner_is_never_locked_out(void **state)
{
	(void)state;
	struct guard *g = must(guard_new(65536, 1));
	struct addr home = from("192.0.2.1"), hotel = from("192.0.2.77");
	guard_succeeded(g, 1000, &home, STR("alice"));
	uint32_t attempts = 0;
	for (uint32_t i = 0; i < 1000 * 5; i++) {
		struct addr bad = nth(i % 1000);
		if (!guard_heard(g, 5000, &bad, STR("alice"))) continue;
		guard_failed(g, 5000, &bad, STR("alice"));
		attempts++;
	}
	assert_in_range(attempts, 1900, 2200);
	assert_true(guard_heard(g, 5000, &home, STR("alice")));
	assert_true(guard_heard(g, 5000, &hotel, STR("alice")));
	guard_free(g);
}

static void one_source_that_tries_all_users_is_shut_off(void **state)
{
	(void)state;
	struct guard *g = must(guard_new(65536, 1));
	struct addr shared = from("192.0.2.1");
	uint32_t heard = 0;
	guard_succeeded(g, 1000, &shared, STR("alice")); // a phone behind the same address
	for (uint32_t i = 0; i < 5000; i++) {
		char user[16];
		snprintf(user, sizeof user, "%u", i);
		if (!guard_heard(g, 5000, &shared, str_from(user))) continue;
		guard_failed(g, 5000, &shared, str_from(user));
		heard++;
	}
	assert_in_range(heard, SOURCE_FAILURES_MAX, SOURCE_FAILURES_MAX + 2);
	assert_true(guard_heard(g, 5000, &shared, STR("alice")));
	guard_free(g);
}

static void a_source_is_known_for_a_day(void **state)
{
	(void)state;
	struct guard *g = must(guard_new(4096, 1));
	struct addr phone = from("[2001:db8:1:2::5]:5060"), same_net = from("2001:db8:1:2:ffff::1");
	struct addr other = from("2001:db8:1:3::5");
	assert_false(guard_knows(g, 1000, &phone));
	guard_succeeded(g, 1000, &phone, STR("alice"));
	assert_true(guard_knows(g, 1000, &phone));
	assert_true(guard_knows(g, 1000, &same_net));
	assert_false(guard_knows(g, 1000, &other));
	assert_true(guard_knows(g, KNOWN_FOR_MS, &phone));
	assert_false(guard_knows(g, KNOWN_FOR_MS + 10000, &phone));
	guard_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guesser_is_not_heard_until_the_window_ends),
		cmocka_unit_test(success_forgives_the_pair),
		cmocka_unit_test(the_owner_is_never_locked_out),
		cmocka_unit_test(one_source_that_tries_all_users_is_shut_off),
		cmocka_unit_test(a_source_is_known_for_a_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
