// Names against a DNS of the test's own, on virtual time: a line for each record, "" for a name without any.
#include "resolver.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"

struct record {
	enum dns_type type;
	const char *name, *data; // data: "ADDRESS", "PRIORITY WEIGHT PORT HOST", "ORDER PREFERENCE SERVICE HOST"
	uint32_t ttl_s;
};

static struct {
	struct resolver *resolver;
	const struct record *zone;
	uint32_t zone_n;
	bool silent;
	char asked[4096], found[1024];
	uint32_t asked_n, told;
	uint64_t now_ms;
} test;

static void record_read(struct dns_record *out, const struct record *z)
{
	char service[32], name[128];
	unsigned first, second, port;
	*out = (struct dns_record){ .final = true };
	if (z->type == DNS_A || z->type == DNS_AAAA) {
		assert_int_equal(addr_parse(&out->addr, str_from(z->data)), OK);
	} else if (z->type == DNS_SRV) {
		assert_int_equal(sscanf(z->data, "%u %u %u %127s", &first, &second, &port, name), 4);
		*out = (struct dns_record){ .first = (uint16_t)first, .second = (uint16_t)second, .port = (uint16_t)port };
		snprintf(out->name, sizeof out->name, "%s", strcmp(name, ".") ? name : "");
	} else {
		assert_int_equal(sscanf(z->data, "%u %u %31s %127s", &first, &second, service, name), 4);
		out->first = (uint16_t)first;
		out->second = (uint16_t)second;
		snprintf(out->service, sizeof out->service, "%.*s", DNS_SERVICE_MAX - 1, service);
		snprintf(out->name, sizeof out->name, "%s", name);
	}
}

static void ask(void *self, enum dns_type type, const char *host)
{
	struct dns_answer a = { .ttl_s = 60 };
	(void)self;
	test.asked_n += (uint32_t)snprintf(test.asked + test.asked_n, sizeof test.asked - test.asked_n, "%s %s\n",
		dns_type_name(type), host);
	assert_true(test.asked_n < sizeof test.asked);
	for (uint32_t i = 0; i < test.zone_n; i++) {
		const struct record *z = &test.zone[i];
		if (z->type != type || strcmp(z->name, host) != 0) continue;
		a.ttl_s = z->ttl_s ? z->ttl_s : 60;
		record_read(&a.records[a.count++], z);
	}
	resolver_answer(test.resolver, type, host, test.silent ? NULL : &a);
}

static void found(void *self, const struct office_name *name, const struct office_target *targets, uint32_t count)
{
	struct buf b = buf_on(test.found, sizeof test.found - 1);
	(void)self, (void)name;
	for (uint32_t i = 0; i < count; i++) {
		put_fmt(&b, "%u/%u ", targets[i].rank, targets[i].weight);
		put_transport_addr(&b, &targets[i].addr);
		put_c(&b, '\n');
	}
	test.found[b.n] = '\0';
	test.told++;
}

static struct office_rules *rules_of(const char *name)
{
	struct office_rules *r = must(office_rules_dup(NULL));
	struct office_trunk_group g = { .id = 1, .name_count = *name ? 1 : 0 };
	if (*name) assert_int_equal(office_name_parse(&g.names[0], str_from(name)), OK);
	assert_int_equal(office_rules_add_trunk_group(r, &g), OK);
	return r;
}

static void want_name(const char *name)
{
	struct office_rules *r = rules_of(name);
	resolver_want(test.resolver, r);
	office_rules_free(r);
}

static void at(uint64_t ms)
{
	test.asked_n = 0;
	test.asked[0] = '\0';
	while (test.now_ms <= ms) {
		uint64_t next_ms = resolver_tick(test.resolver, test.now_ms);
		if (next_ms > ms) break;
		assert_true(next_ms > test.now_ms);
		test.now_ms = next_ms;
	}
	test.now_ms = ms;
	resolver_tick(test.resolver, ms);
}

#define ZONE(...) (const struct record[]){ __VA_ARGS__ }
static void zone(const struct record *records, uint32_t n)
{
	test.zone = records;
	test.zone_n = n;
}
#define SERVE(name, ...) do { \
	static const struct record records_[] = { __VA_ARGS__ }; \
	zone(records_, ARRAY_LEN(records_)); \
	want_name(name); \
} while (0)

static struct addr listeners[4];

static int begin(void **state)
{
	(void)state;
	static const char *const at_[] = { "198.51.100.1:5060", "198.51.100.1:5060;transport=tcp",
		"198.51.100.1:5061;transport=tls", "[2001:db8::1]:5060" };
	memset(&test, 0, sizeof test);
	for (uint32_t i = 0; i < 4; i++) assert_int_equal(transport_addr_parse(&listeners[i], str_from(at_[i])), OK);
	test.now_ms = 1000;
	test.resolver = must(resolver_new(&(struct resolver_setup){ .ask = ask, .found = found, .listeners = listeners,
		.listener_count = 4 }, test.now_ms));
	return 0;
}

static int end(void **state)
{
	(void)state;
	resolver_free(test.resolver);
	return 0;
}

static void a_name_with_a_port_is_a_host(void **state)
{
	(void)state;
	SERVE("sip.example:5070", { DNS_A, "sip.example", "192.0.2.1", 0 }, { DNS_A, "sip.example", "192.0.2.2", 0 },
		{ DNS_AAAA, "sip.example", "2001:db8::7", 0 });
	at(1000);
	assert_string_equal(test.asked, "A sip.example\nAAAA sip.example\n");
	assert_string_equal(test.found, "0/0 192.0.2.1:5070\n0/0 192.0.2.2:5070\n0/0 [2001:db8::7]:5070\n");
}

static void a_transport_has_its_service(void **state)
{
	(void)state;
	SERVE("example;transport=tls", { DNS_SRV, "_sips._tcp.example", "20 0 5061 b.example", 0 },
		{ DNS_SRV, "_sips._tcp.example", "10 60 5071 a.example", 0 },
		{ DNS_SRV, "_sips._tcp.example", "10 20 5081 c.example", 0 }, { DNS_A, "a.example", "192.0.2.1", 0 },
		{ DNS_A, "b.example", "192.0.2.2", 0 }, { DNS_A, "c.example", "192.0.2.3", 0 },
		{ DNS_AAAA, "c.example", "2001:db8::7", 0 }); // over IPv6 nobody listens for TLS
	at(1000);
	assert_string_equal(test.found, "0/60 192.0.2.1:5071;transport=tls\n0/20 192.0.2.3:5081;transport=tls\n"
	                                "1/1 192.0.2.2:5061;transport=tls\n");
}

static void a_bare_name_asks_all(void **state)
{
	(void)state;
	SERVE("example", { DNS_NAPTR, "example", "60 5 sip+d2u _sip._udp.example", 0 },
		{ DNS_NAPTR, "example", "50 9 sip+d2t _sip._tcp.example", 0 },
		{ DNS_NAPTR, "example", "50 5 sips+d2s _sips._sctp.example", 0 },
		{ DNS_SRV, "_sip._udp.example", "0 0 5060 u.example", 0 }, { DNS_SRV, "_sip._tcp.example", "0 0 5060 t.example", 0 },
		{ DNS_A, "u.example", "192.0.2.1", 0 }, { DNS_A, "t.example", "192.0.2.2", 0 });
	at(1000);
	assert_string_equal(test.found, "0/1 192.0.2.2:5060;transport=tcp\n1/1 192.0.2.1:5060\n");
	SERVE("other.example", { DNS_SRV, "_sip._tcp.other.example", "0 0 5066 t.example", 0 },
		{ DNS_A, "t.example", "192.0.2.2", 0 });
	at(2000);
	assert_string_equal(test.found, "0/1 192.0.2.2:5066;transport=tcp\n");
	SERVE("plain.example", { DNS_A, "plain.example", "192.0.2.9", 0 });
	at(3000);
	assert_string_equal(test.found, "0/0 192.0.2.9:5060\n");
}

// It is asked before its time is over, and only what is needed.
static void answers_are_renewed_in_time(void **state)
{
	(void)state;
	SERVE("a.example:5060;transport=tcp", { DNS_A, "a.example", "192.0.2.1", 100 });
	at(1000);
	assert_int_equal(test.told, 1);
	at(80999);
	assert_string_equal(test.asked, "");
	at(81000);
	assert_string_equal(test.asked, "A a.example\n");
	assert_int_equal(test.told, 1); // it is the same
	static const struct record new_one[] = { { DNS_A, "a.example", "192.0.2.2", 1 } };
	zone(new_one, 1);
	at(161000);
	assert_string_equal(test.found, "0/0 192.0.2.2:5060;transport=tcp\n");
	at(164999); // what may be kept for a second is kept for five
	assert_string_equal(test.asked, "");
	at(165000);
	assert_string_equal(test.asked, "A a.example\n");
}

static void silence_takes_nothing_away(void **state)
{
	(void)state;
	struct resolver_state s;
	struct office_name name;
	uint64_t stale = count_by_name("resolver_stale");
	assert_int_equal(office_name_parse(&name, STR("a.example:5060")), OK);
	SERVE("a.example:5060", { DNS_A, "a.example", "192.0.2.1", 100 });
	at(1000);
	test.silent = true;
	at(101000 + 3600000);
	assert_string_equal(test.found, "0/0 192.0.2.1:5060\n");
	assert_int_equal(test.told, 1);
	assert_int_equal(resolver_state(&s, test.resolver, &name), OK);
	assert_true(s.stale && s.count == 1 && s.since_ms == 1000);
	assert_in_range(count_by_name("resolver_stale") - stale, 1, 2); // A and AAAA, once each
	assert_in_range(test.asked_n, 1, 200 * sizeof "AAAA a.example"); // not in a hurry
	test.silent = false;
	at(101000 + 3600000 + 61000);
	assert_int_equal(resolver_state(&s, test.resolver, &name), OK);
	assert_false(s.stale);
	assert_int_equal(test.told, 1);
}

static void who_is_silent_at_first_is_asked_again(void **state)
{
	(void)state;
	test.silent = true;
	SERVE("a.example", { DNS_A, "a.example", "192.0.2.1", 100 });
	at(5000);
	assert_int_equal(test.told, 0);
	test.silent = false;
	at(70000);
	assert_string_equal(test.found, "0/0 192.0.2.1:5060\n");
}

static void a_name_that_is_gone_is_gone(void **state)
{
	(void)state;
	SERVE("a.example:5060", { DNS_A, "a.example", "192.0.2.1", 100 });
	at(1000);
	zone(NULL, 0);
	at(81000);
	assert_int_equal(test.told, 2);
	assert_string_equal(test.found, "");
	want_name("");
	at(90000);
	assert_int_equal(test.told, 3);
	at(900000);
	assert_string_equal(test.asked, "");
	assert_int_equal(test.resolver->known_count, 0);
}

// Somebody else's zone says that we are his switch: whatever comes from this host would be his.
static void nobody_makes_this_host_a_switch(void **state)
{
	(void)state;
	SERVE("a.example:5060", { DNS_A, "a.example", "127.0.0.1", 0 }, { DNS_A, "a.example", "192.0.2.1", 0 });
	at(1000);
	assert_string_equal(test.found, "0/0 192.0.2.1:5060\n");
}

static void much_is_cut(void **state)
{
	(void)state;
	struct record many[DNS_RECORDS_MAX * 2];
	char names[DNS_RECORDS_MAX][64], hosts[DNS_RECORDS_MAX][64];
	for (uint32_t i = 0; i < DNS_RECORDS_MAX; i++) {
		snprintf(hosts[i], sizeof hosts[i], "h%u.example", i);
		snprintf(names[i], sizeof names[i], "%u 0 5060 h%u.example", i, i);
		many[2 * i] = (struct record){ DNS_SRV, "_sip._udp.example", names[i], 0 };
		many[2 * i + 1] = (struct record){ DNS_A, hosts[i], "192.0.2.1", 0 };
	}
	zone(many, ARRAY_LEN(many));
	want_name("example;transport=udp");
	at(1000);
	uint32_t lines = 0;
	for (const char *p = test.found; *p; p++) lines += *p == '\n';
	assert_int_equal(lines, OFFICE_PEERS_MAX);
	assert_int_equal(test.told, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_name_with_a_port_is_a_host),
		TEST(a_transport_has_its_service),
		TEST(a_bare_name_asks_all),
		TEST(answers_are_renewed_in_time),
		TEST(silence_takes_nothing_away),
		TEST(who_is_silent_at_first_is_asked_again),
		TEST(a_name_that_is_gone_is_gone),
		TEST(nobody_makes_this_host_a_switch),
		TEST(much_is_cut),
	};
	log_quiet = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
