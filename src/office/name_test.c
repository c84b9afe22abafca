#include "name.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/testing.h"

static void a_name_is_read_and_written(void **state)
{
	(void)state;
	static const char *const same[] = { "sip.carrier.example", "sip.carrier.example:5070", "a.b:1;transport=tcp",
		"_x.y-z.example;transport=tls", "carrier;transport=udp" };
	for (uint32_t i = 0; i < ARRAY_LEN(same); i++) {
		struct office_name n;
		char text[200];
		struct buf b = buf_on(text, sizeof text);
		assert_int_equal(office_name_parse(&n, str_from(same[i])), OK);
		put_office_name(&b, &n);
		assert_true(str_eq(buf_str(&b), str_from(same[i])));
	}
	struct office_name big, small;
	assert_int_equal(office_name_parse(&big, STR("SIP.Carrier.EXAMPLE;transport=TLS")), OK);
	assert_int_equal(office_name_parse(&small, STR("sip.carrier.example;transport=tls")), OK);
	assert_true(office_name_eq(&big, &small));
}

static void what_is_no_name_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", ".", "a..b", "-a.b", "a-.b", "192.0.2.1", "192.0.2", "1", "a.b.", "a b",
		"a:0", "a:65536", "a:", "a;", "a;transport=", "a;transport=ws", "a;transport=carrier-pigeon", "a;ttl=1", "[2001:db8::1]",
		"2001:db8::1", "a/b", "a\n",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b" };
	struct office_name n;
	char longest[OFFICE_HOST_MAX + 2];
	for (uint32_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (office_name_parse(&n, str_from(wrong[i])) != ERR_BAD) fail_msg("%s is taken for a name", wrong[i]);
	for (uint32_t i = 0; i < OFFICE_HOST_MAX; i++) longest[i] = i % 2 ? '.' : 'a';
	assert_int_equal(office_name_parse(&n, (struct str){ longest, OFFICE_HOST_MAX - 1 }), OK);
	longest[OFFICE_HOST_MAX] = 'a';
	assert_int_equal(office_name_parse(&n, (struct str){ longest, OFFICE_HOST_MAX + 1 }), ERR_BAD);
}

static struct addr address(const char *text)
{
	struct addr a;
	assert_int_equal(transport_addr_parse(&a, str_from(text)), OK);
	return a;
}

static const struct office_trunk_group *group(const struct office *o)
{
	return office_trunk_group(office_rules(o), 1);
}

// One group with a provisioned peer and a name; what the name stands for comes, changes, outlives changes, and goes.
static void what_names_stand_for_is_filled_in(void **state)
{
	(void)state;
	struct office *o;
	struct office_trunk_group g = { .id = 1, .name = "far", .in_service = true, .peer_count = 1, .name_count = 1 };
	assert_int_equal(office_new(&o), OK);
	g.peers[0].addr = address("192.0.2.1:5060");
	assert_int_equal(office_name_parse(&g.names[0], STR("sip.example;transport=tcp")), OK);
	g.names[0].priority = 3;
	struct office_rules *rules = must(office_rules_dup(NULL));
	assert_int_equal(office_rules_add_trunk_group(rules, &g), OK);
	assert_int_equal(office_put_rules(o, rules), OK);
	assert_int_equal(group(o)->peer_count, 1);

	struct office_target two[] = { { address("192.0.2.1:5060"), 0, 0 }, { address("192.0.2.7:5060;transport=tcp"), 1, 5 } };
	assert_int_equal(office_put_targets(o, &g.names[0], two, 2), OK);
	assert_int_equal(group(o)->peer_count, 2); // the one that is provisioned stands once
	const struct office_peer *p = &group(o)->peers[1];
	assert_true(addr_eq(&p->addr, &two[1].addr) && p->priority == 3 && p->name == 1 && p->rank == 1 && p->weight == 5);
	assert_ptr_equal(office_trunk_group_of(office_rules(o), &two[1].addr), group(o)); // its packets are the group's
	assert_true(str_eq(office_host_of(group(o), &two[1].addr), STR("sip.example")));
	assert_int_equal(office_host_of(group(o), &two[0].addr).n, 0);

	rules = must(office_rules_dup(office_rules(o))); // another change
	rules->trunk_groups[0].calls_max = 9;
	assert_int_equal(office_put_rules(o, rules), OK);
	assert_int_equal(group(o)->peer_count, 2);
	two[1].addr = address("192.0.2.8:5060;transport=tcp");
	assert_int_equal(office_put_targets(o, &g.names[0], two, 2), OK);
	assert_int_equal(group(o)->peer_count, 2);
	assert_true(addr_eq(&group(o)->peers[1].addr, &two[1].addr));
	assert_int_equal(office_put_targets(o, &g.names[0], NULL, 0), OK);
	assert_int_equal(group(o)->peer_count, 1);
	office_free(o);
	rcu_drain();
}

static void who_must_show_a_certificate_is_known_over_tls_alone(void **state)
{
	(void)state;
	struct office *o;
	struct office_trunk_group g = { .id = 1, .name = "far", .host = "far.example", .certified = true, .net_count = 1 };
	assert_int_equal(office_new(&o), OK);
	assert_int_equal(addr_net_parse(&g.nets[0], STR("192.0.2.0/24")), OK);
	struct office_rules *rules = must(office_rules_dup(NULL));
	assert_int_equal(office_rules_add_trunk_group(rules, &g), OK);
	assert_int_equal(office_put_rules(o, rules), OK);
	static const char *const forged[] = { "192.0.2.1:5060", "192.0.2.1:9;transport=tcp", "192.0.2.1:9;transport=wss" };
	for (uint32_t i = 0; i < ARRAY_LEN(forged); i++) {
		struct addr a = address(forged[i]);
		assert_null(office_trunk_group_of(office_rules(o), &a));
		assert_int_equal(office_certified_host(office_rules(o), &a).n, 0);
	}
	struct addr tls = address("192.0.2.1:9;transport=tls"), other = address("192.0.3.1:9;transport=tls");
	assert_ptr_equal(office_trunk_group_of(office_rules(o), &tls), group(o));
	assert_true(str_eq(office_certified_host(office_rules(o), &tls), STR("far.example")));
	assert_int_equal(office_certified_host(office_rules(o), &other).n, 0);
	office_free(o);
	rcu_drain();
}

static void no_more_than_a_group_holds(void **state)
{
	(void)state;
	struct office *o;
	struct office_trunk_group g = { .id = 1, .name = "far", .name_count = 1 };
	struct office_target many[OFFICE_PEERS_MAX + 2];
	assert_int_equal(office_new(&o), OK);
	assert_int_equal(office_name_parse(&g.names[0], STR("sip.example")), OK);
	struct office_rules *rules = must(office_rules_dup(NULL));
	assert_int_equal(office_rules_add_trunk_group(rules, &g), OK);
	assert_int_equal(office_put_rules(o, rules), OK);
	for (uint16_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i] = (struct office_target){ .addr = address("192.0.2.1:5060") };
		many[i].addr.port = (uint16_t)(many[i].addr.port + i);
	}
	assert_int_equal(office_put_targets(o, &g.names[0], many, ARRAY_LEN(many)), OK);
	assert_int_equal(group(o)->peer_count, OFFICE_PEERS_MAX);
	office_free(o);
	rcu_drain();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_read_and_written),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(what_names_stand_for_is_filled_in),
		cmocka_unit_test(who_must_show_a_certificate_is_known_over_tls_alone),
		cmocka_unit_test(no_more_than_a_group_holds),
	};
	rcu_join();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_leave();
	return failed;
}
