#include "keepalive.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"

struct fixture {
	struct env env;
	struct office *office;
	struct live *live;
	struct outbox out;
	struct keepalive k;
};

static struct fixture f;

static void add_line(uint32_t id, const char *contact, const char *peer)
{
	struct office_line line = { .id = id, .calls_max = 1 };
	struct binding b = { .contact = str_from(contact), .call_id = STR("c"), .cseq = 1, .expires_ms = 3600 * 1000 };
	snprintf(line.name, sizeof line.name, "line%u", id);
	assert_int_equal(transport_addr_parse(&b.peer, str_from(peer)), OK);
	assert_int_equal(office_put_line(f.office, &line), OK);
	assert_int_equal(location_put(f.live->location, id, 0, &b, 1), OK);
}

static int begin(void **state)
{
	(void)state;
	f = (struct fixture){ .env = { .now_ms = 1000 } };
	f.live = live_new(&(struct live_limits){ .lines_max = 64, .trunk_groups_max = 4, .nonces = 64,
		.guard_entries = 64 }, 1);
	assert_non_null(f.live);
	assert_int_equal(office_new(&f.office), OK);
	assert_int_equal(office_put_rules(f.office, office_rules_dup(NULL)), OK);
	assert_int_equal(outbox_init(&f.out, 64, 0), OK);
	keepalive_init(&f.k, &(struct keepalive_setup){ .env = &f.env, .out = &f.out, .office = f.office, .live = f.live,
		.workers = 1 });
	return 0;
}

static int end(void **state)
{
	(void)state;
	outbox_fini(&f.out);
	live_free(f.live);
	office_free(f.office);
	return 0;
}

// Packets sent in so many seconds.
static uint32_t run(uint32_t seconds)
{
	uint32_t sent = 0;
	for (uint32_t i = 0; i < seconds; i++) {
		f.env.now_ms += 1000;
		keepalive_tick(&f.k);
		sent += f.out.count;
		for (uint32_t p = 0; p < f.out.count; p++) assert_true(str_eq(f.out.packets[p].data, STR("\r\n\r\n")));
		outbox_flush(&f.out);
	}
	return sent;
}

static void only_phones_behind_a_nat_are_kept(void **state)
{
	(void)state;
	add_line(1, "sip:a@192.0.2.7:5062", "192.0.2.7:5062");          // where it says
	add_line(2, "sip:b@10.0.0.5:5060", "198.51.100.9:40001");       // behind a NAT
	add_line(3, "sip:c@192.0.2.8", "192.0.2.8:5060");               // the port is SIP's own
	add_line(4, "sip:d@phone.example.com", "198.51.100.9:40002");   // a name tells nothing: kept
	add_line(5, "sip:e@10.0.0.6:5060;transport=tcp", "198.51.100.9:40003;transport=tcp"); // does so itself
	add_line(6, "sip:f@10.0.0.7:5061;transport=tls", "198.51.100.9:40004;transport=tls");
	assert_int_equal(run(25), 2);
	assert_int_equal(run(25), 2); // once a round
	assert_int_equal(run(100), 8);
}

static void none_are_sent_when_the_office_says_so(void **state)
{
	(void)state;
	struct office_rules *rules = must(office_rules_dup(office_rules(f.office)));
	rules->settings.keepalive_s = 0;
	assert_int_equal(office_put_rules(f.office, rules), OK);
	add_line(2, "sip:b@10.0.0.5:5060", "198.51.100.9:40001");
	assert_int_equal(run(60), 0);
}

static void another_workers_lines_are_left_to_it(void **state)
{
	(void)state;
	uint32_t sent = 0;
	add_line(2, "sip:b@10.0.0.5:5060", "198.51.100.9:40001");
	for (uint32_t worker = 0; worker < 4; worker++) {
		keepalive_init(&f.k, &(struct keepalive_setup){ .env = &f.env, .out = &f.out, .office = f.office,
			.live = f.live, .worker = worker, .workers = 4 });
		sent += run(25);
	}
	assert_int_equal(sent, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_phones_behind_a_nat_are_kept, begin, end),
		cmocka_unit_test_setup_teardown(none_are_sent_when_the_office_says_so, begin, end),
		cmocka_unit_test_setup_teardown(another_workers_lines_are_left_to_it, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
