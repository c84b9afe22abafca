#include "registration.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/testing.h"

#define PATH "registration-test.db"

struct bench {
	struct office *office;
	struct location *location;
	struct registration_store *store;
	struct env env;
};

static struct binding phone(const char *contact, uint64_t expires_ms)
{
	struct binding b = { .contact = str_from(contact), .call_id = STR("c@d"), .instance = STR("<urn:uuid:1>"),
		                 .user_agent = STR("Phone"), .listener = 2, .q = 700, .cseq = 4000000000u,
		                 .expires_ms = expires_ms, .since_wall_ms = 1699999999000 };
	assert_int_equal(addr_parse(&b.peer, STR("[2001:db8::1]:5060")), OK);
	return b;
}

static uint32_t save(struct bench *b, uint32_t max)
{
	uint32_t count;
	assert_int_equal(registration_save(b->store, b->location, &b->env, max, &count), OK);
	return count;
}

// The switch stops, and starts again `ms` later with a monotonic clock of its own.
static uint32_t restart(struct bench *b, uint64_t ms)
{
	uint32_t count;
	struct store_fault fault;
	b->store = registration_close(b->store);
	rcu_drain();
	location_free(b->location);
	b->location = must(location_new(1000, NULL));
	b->env.wall_ms += ms;
	b->env.now_ms = 50;
	assert_int_equal(registration_open(&b->store, PATH, &fault), OK);
	assert_int_equal(registration_restore(b->store, b->location, b->office, 4, &b->env, &count), OK);
	return count;
}

static void what_was_saved_is_there_again(void **state)
{
	struct bench *b = *state;
	struct binding two[] = { phone("sip:a@10.0.0.1", 100000), phone("sip:b@10.0.0.2", 5000) };
	struct binding out[4], third = phone("sip:c@10.0.0.3", 100000);
	assert_int_equal(location_put(b->location, 1, 0, two, 2), OK);
	assert_int_equal(location_put(b->location, 900, 0, &third, 1), OK);
	assert_int_equal(location_put(b->location, 3, 0, &third, 1), OK); // no such line
	assert_int_equal(save(b, 100), 3);
	assert_int_equal(save(b, 100), 0);
	assert_int_equal(restart(b, 10000), 2); // b expired meanwhile
	assert_int_equal(location_get(b->location, 1, b->env.now_ms, out, 4), 1);
	assert_true(str_eq(out[0].contact, two[0].contact) && str_eq(out[0].call_id, two[0].call_id));
	assert_true(str_eq(out[0].instance, two[0].instance) && str_eq(out[0].user_agent, two[0].user_agent));
	assert_true(addr_eq(&out[0].peer, &two[0].peer) && out[0].listener == 2 && out[0].q == 700);
	assert_true(out[0].cseq == 4000000000u && out[0].since_wall_ms == 1699999999000);
	assert_int_equal(out[0].expires_ms, 50 + (100000 - 1000) - 10000); // what was left of it
	assert_int_equal(location_get(b->location, 900, b->env.now_ms, out, 4), 1);
	assert_int_equal(location_get(b->location, 3, b->env.now_ms, out, 4), 0);
	assert_int_equal(save(b, 100), 0); // nothing changed
	uint32_t home = live_home(STR("line1"), 4);
	assert_int_equal(location_sweep(b->location, home, 1000000, 1000) > 0, true); // its own worker's
}

static void changes_and_departures_are_saved(void **state)
{
	struct bench *b = *state;
	struct binding out[4], one = phone("sip:a@10.0.0.1", 100000);
	assert_int_equal(location_put(b->location, 1, 0, &one, 1), OK);
	assert_int_equal(location_put(b->location, 2, 0, &one, 1), OK);
	assert_int_equal(save(b, 100), 2);
	one.expires_ms = 200000;
	assert_int_equal(location_put(b->location, 1, 0, &one, 1), OK); // a refresh
	assert_int_equal(location_put(b->location, 2, 0, NULL, 0), OK);
	assert_int_equal(save(b, 100), 2);
	assert_int_equal(restart(b, 0), 1);
	assert_int_equal(location_get(b->location, 1, b->env.now_ms, out, 4), 1);
	assert_int_equal(out[0].expires_ms, 50 + 199000);
}

static void all_have_their_turn(void **state)
{
	struct bench *b = *state;
	struct binding one = phone("sip:a@10.0.0.1", 100000);
	for (uint32_t line = 1; line <= 10; line++) assert_int_equal(location_put(b->location, line, 0, &one, 1), OK);
	assert_int_equal(save(b, 4), 4);
	assert_int_equal(location_put(b->location, 1, 0, NULL, 0), OK); // the first again, and again
	assert_int_equal(save(b, 4), 4);
	assert_int_equal(save(b, UINT32_MAX), 3); // the last two, and the first
	assert_int_equal(save(b, 4), 0);
}

static void a_store_that_fails_loses_no_change(void **state)
{
	struct bench *b = *state;
	struct store_db other;
	struct store_fault fault;
	struct binding one = phone("sip:a@10.0.0.1", 100000);
	uint32_t count;
	assert_int_equal(location_put(b->location, 1, 0, &one, 1), OK);
	assert_int_equal(cdr_db_open(&other, PATH, &fault), OK);
	assert_int_equal(store_run(&other, "ALTER TABLE registration RENAME TO away"), OK);
	assert_int_equal(registration_save(b->store, b->location, &b->env, 10, &count), ERR_SYSTEM);
	assert_int_equal(count, 0);
	assert_int_equal(store_run(&other, "ALTER TABLE away RENAME TO registration"), OK);
	store_db_close(&other);
	assert_int_equal(save(b, 10), 1);
}

static void a_clock_set_back_makes_nothing_last(void **state)
{
	struct bench *b = *state;
	struct binding out[4], one = phone("sip:a@10.0.0.1", 100000);
	assert_int_equal(location_put(b->location, 1, 0, &one, 1), OK);
	assert_int_equal(save(b, 10), 1);
	b->env.wall_ms -= 30ull * 24 * 3600 * 1000;
	assert_int_equal(restart(b, 0), 1);
	assert_int_equal(location_get(b->location, 1, b->env.now_ms, out, 4), 1);
	assert_int_equal(out[0].expires_ms, 50 + 3600 * 1000); // the longest registration there is
}

static void remove_files(void)
{
	unlink(PATH);
	unlink(PATH "-wal");
	unlink(PATH "-shm");
}

static int setup(void **state)
{
	struct bench *b = must(calloc(1, sizeof *b));
	struct store_fault fault;
	static const uint32_t ids[] = { 1, 2, 4, 5, 6, 7, 8, 9, 10, 900 };
	remove_files();
	b->env = (struct env){ .now_ms = 1000, .wall_ms = 1700000000000 };
	assert_int_equal(office_new(&b->office), OK);
	for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct office_line line = { .id = ids[i], .contacts_max = 2, .calls_max = 2 };
		snprintf(line.name, sizeof line.name, "line%u", ids[i]);
		assert_int_equal(office_put_line(b->office, &line), OK);
	}
	b->location = must(location_new(1000, NULL));
	assert_int_equal(registration_open(&b->store, PATH, &fault), OK);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	registration_close(b->store);
	rcu_drain();
	location_free(b->location);
	office_free(b->office);
	rcu_drain();
	free(b);
	remove_files();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_saved_is_there_again),
		TEST(changes_and_departures_are_saved),
		TEST(all_have_their_turn),
		TEST(a_store_that_fails_loses_no_change),
		TEST(a_clock_set_back_makes_nothing_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
