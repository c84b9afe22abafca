// Addresses: text, special ones in all their disguises, networks.
#include "addr.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct addr addr(const char *text)
{
	struct addr a;
	if (addr_parse(&a, str_from(text)) != OK) fail_msg("refused: %s", text);
	return a;
}

static void good_text_is_read_and_written(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "192.0.2.1:5060", "192.0.2.1:5060" },
		{ "192.0.2.1", "192.0.2.1:0" },
		{ "255.255.255.255:65535", "255.255.255.255:65535" },
		{ "[2001:db8::1]:5060", "[2001:db8::1]:5060" },
		{ "[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]:0" },
		{ "2001:db8::1", "[2001:db8::1]:0" },
		{ "2001:db8:0:1:0:0:0:1", "[2001:db8:0:1::1]:0" }, // RFC 5952 §4.2.3: the longest run of zeroes
		{ "2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:0" }, // §4.2.2: one zero stays
		{ "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:0" },
		{ "::", "[::]:0" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[64];
		struct buf b = buf_on(text, sizeof text);
		struct addr a = addr(rows[i].in);
		put_addr(&b, &a);
		if (!str_eq(buf_str(&b), str_from(rows[i].out))) fail_msg("%s: %.*s", rows[i].in, STR_FMT(buf_str(&b)));
		struct addr again;
		assert_int_equal(addr_parse(&again, buf_str(&b)), OK);
		assert_true(addr_eq(&a, &again));
	}
	char text[64];
	struct buf b = buf_on(text, sizeof text);
	put_addr(&b, &(struct addr){ 0 });
	assert_true(str_eq(buf_str(&b), STR("-:0")));
}

// Nothing that another reader could take for another address: no octal, no hexadecimal, no short form.
static void bad_text_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", ":", ":5060", "1", "127.1", "0177.0.0.1", "127.0.0.01", "0x7f.0.0.1", "2130706433", "256.0.0.1", "1.2.3",
		"1.2.3.4.5", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:x", "1.2.3.4 ", " 1.2.3.4", "example.com",
		"[", "[]", "[::1", "::1]", "[::1]x", "[::1]:", "[::1]5060", "[1.2.3.4]", "[[::1]]", "2001:db8:::1",
		"fe80::1%eth0", "1:2:3:4:5:6:7:8:9", "::ffff:0177.0.0.1",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct addr a = { .family = 9 };
		if (addr_parse(&a, str_from(bad[i])) != ERR_BAD) fail_msg("taken: %s", bad[i]);
		assert_int_equal(a.family, 9); // untouched
	}
	struct addr a;
	assert_int_equal(addr_parse(&a, (struct str){ "1.2.3.4\0", 8 }), ERR_BAD);
	assert_int_equal(addr_parse(&a, (struct str){ "1.2.3.4\0:1", 10 }), ERR_BAD);
}

static void special_addresses_are_known_in_every_form(void **state)
{
	(void)state;
	static const char *const special[] = {
		"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "169.254.169.254", "224.0.0.1", "239.255.255.255",
		"240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "febf::1", "ff02::1", "ff0e::1", "::ffff:127.0.0.1",
		"::ffff:0.0.0.0", "::ffff:169.254.1.1", "::ffff:224.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::7f00:1",
		"64:ff9b::127.0.0.1", "64:ff9b::e000:1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
	};
	static const char *const plain[] = {
		"192.0.2.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "1.0.0.1", "126.255.255.255", "128.0.0.1", "169.253.1.1",
		"169.255.1.1", "223.255.255.255", "2001:db8::1", "fd00::1", "fec0::1", "::ffff:192.0.2.1", "64:ff9b::192.0.2.1",
		"2002:c000:201::1", "::192.0.2.1",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(special); i++) {
		struct addr a = addr(special[i]);
		if (!addr_is_special(&a)) fail_msg("not special: %s", special[i]);
	}
	for (uint32_t i = 0; i < ARRAY_LEN(plain); i++) {
		struct addr a = addr(plain[i]);
		if (addr_is_special(&a)) fail_msg("special: %s", plain[i]);
	}
	assert_true(addr_is_special(&(struct addr){ 0 })); // no address at all
}

static void loopback_is_known_in_every_form(void **state)
{
	(void)state;
	static const char *const loopback[] = { "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "::127.0.0.1" };
	static const char *const other[] = { "128.0.0.1", "::", "::2", "::ffff:192.0.2.1", "7f00::1" };
	for (uint32_t i = 0; i < ARRAY_LEN(loopback); i++) {
		struct addr a = addr(loopback[i]), b = addr(other[i]);
		if (!addr_is_loopback(&a) || addr_is_loopback(&b)) fail_msg("%s or %s", loopback[i], other[i]);
	}
	assert_false(addr_is_loopback(&(struct addr){ 0 }));
}

static void equality_minds_family_and_port(void **state)
{
	(void)state;
	struct addr a = addr("192.0.2.1:1"), b = addr("192.0.2.1:2"), d = addr("192.0.2.2:1");
	struct addr c = addr("[::ffff:192.0.2.1]:1");
	assert_true(addr_eq(&a, &a));
	assert_false(addr_eq(&a, &b));
	assert_true(addr_host_eq(&a, &b));
	assert_false(addr_host_eq(&a, &c));
	assert_false(addr_host_eq(&a, &d));
}

static void networks_hold_their_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *net, *in, *out;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", "192.0.3.0" },    { "192.0.2.128/25", "192.0.2.128", "192.0.2.127" },
		{ "192.0.2.1", "192.0.2.1", "192.0.2.2" },         { "192.0.2.1/32", "192.0.2.1", "192.0.2.0" },
		{ "0.0.0.0/0", "203.0.113.9", "::1" },             { "10.0.0.0/9", "10.127.255.255", "10.128.0.0" },
		{ "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::" }, { "2001:db8::8/125", "2001:db8::f", "2001:db8::10" },
		{ "::/0", "2001:db8::1", "192.0.2.1" },            { "2001:db8::1/128", "2001:db8::1", "2001:db8::2" },
	};
	static const char *const bad[] = { "", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "2001:db8::/129", "x/8",
		                               "192.0.2.0/24/24", "192.0.2.0:5060/24" };
	struct addr_net net;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(addr_net_parse(&net, str_from(rows[i].net)), OK);
		struct addr in = addr(rows[i].in), out = addr(rows[i].out);
		if (!addr_in_net(&in, &net) || addr_in_net(&out, &net)) fail_msg("%s", rows[i].net);
	}
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++)
		if (addr_net_parse(&net, str_from(bad[i])) != ERR_BAD) fail_msg("taken: %s", bad[i]);
}

static void system_form_goes_both_ways(void **state)
{
	(void)state;
	static const char *const texts[] = { "192.0.2.1:5060", "[2001:db8::1]:65535" };
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct sockaddr_in6 storage = { 0 };
		struct sockaddr *sa = (struct sockaddr *)&storage;
		struct addr a = addr(texts[i]), back;
		assert_int_equal(addr_to_sockaddr(sa, &a), i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		addr_from_sockaddr(&back, sa);
		assert_true(addr_eq(&a, &back));
	}
	struct sockaddr unknown = { .sa_family = AF_UNIX };
	struct addr none = addr("192.0.2.1");
	addr_from_sockaddr(&none, &unknown);
	assert_int_equal(none.family, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text_is_read_and_written),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(special_addresses_are_known_in_every_form),
		cmocka_unit_test(loopback_is_known_in_every_form),
		cmocka_unit_test(equality_minds_family_and_port),
		cmocka_unit_test(networks_hold_their_addresses),
		cmocka_unit_test(system_form_goes_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
