#include "config_check.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire/net/tls_fixture.h"

#define DAY_S 86400

static char folder[TEST_FOLDER_MAX], told[4096];
static struct config config;

static void note(void *self, enum store_severity severity, struct str sentence)
{
	(void)self;
	size_t n = strlen(told);
	snprintf(told + n, sizeof told - n, "%s: %.*s\n", severity == STORE_ERROR ? "error" : "warning", STR_FMT(sentence));
}

static struct store_findings check(const struct office_rules *rules)
{
	told[0] = '\0';
	return config_check(&config, rules, note, NULL);
}

static void must_say(const char *words)
{
	if (!strstr(told, words)) fail_msg("\"%s\" is not said: %s", words, told);
}

static int setup(void **state)
{
	(void)state;
	test_folder_make(folder);
	config_default(&config);
	struct config_listener *l = &config.listeners[0];
	config.listener_count = 1;
	assert_int_equal(transport_addr_parse(&l->address, STR("192.0.2.1:5061;transport=tls")), OK);
	l->transport = TRANSPORT_TLS;
	snprintf(l->title, sizeof l->title, "outside");
	snprintf(l->certificate, sizeof l->certificate, "%s/cert.pem", folder);
	snprintf(l->key, sizeof l->key, "%s/key.pem", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

static void certificates_are_compared_with_the_clock(void **state)
{
	(void)state;
	struct config_listener *l = &config.listeners[0];
	assert_int_equal(check(NULL).errors, 1);
	must_say("error: listener \"outside\": the certificate cannot be used: ");
	must_say("cert.pem: No such file");
	certificate_make_for(l->certificate, l->key, "DNS:a.example", 40L * DAY_S);
	assert_int_equal(check(NULL).errors + check(NULL).warnings, 0);
	certificate_make_for(l->certificate, l->key, "DNS:a.example", 7L * DAY_S + DAY_S / 2);
	assert_int_equal(check(NULL).warnings, 1);
	must_say("cert.pem ends in 7 days");
	certificate_make_for(l->certificate, l->key, "DNS:a.example", -60);
	assert_int_equal(check(NULL).warnings, 1);
	must_say("cert.pem has expired");
	snprintf(l->clients, sizeof l->clients, "%s", l->key); // no certificate in it
	assert_int_equal(check(NULL).errors, 1);
	must_say("the authorities of clients cannot be used: ");
	snprintf(l->key, sizeof l->key, "%s", l->certificate);
	assert_int_equal(check(NULL).errors, 1);
	must_say("the private key cannot be used: ");
}

static void peers_need_a_listener(void **state)
{
	(void)state;
	struct office_rules *rules = must(office_rules_dup(NULL));
	struct office_trunk_group far = { .id = 1, .name = "far", .peer_count = 3 };
	static const char *const peers[] = { "192.0.2.9:5061;transport=tls", "192.0.2.9:5060",
		"[2001:db8::9]:5061;transport=tls" };
	for (uint32_t i = 0; i < ARRAY_LEN(peers); i++)
		assert_int_equal(transport_addr_parse(&far.peers[i].addr, str_from(peers[i])), OK);
	assert_int_equal(office_rules_add_trunk_group(rules, &far), OK);
	config.listeners[0].transport = TRANSPORT_TCP; // its files are not looked at
	assert_int_equal(check(rules).warnings, 2);
	must_say("the trunk group far has the peer 192.0.2.9:5060, which no call can reach: no listener is for udp over "
	         "IPv4");
	must_say("[2001:db8::9]:5061;transport=tls, which no call can reach: no listener is for tls over IPv6");
	office_rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(certificates_are_compared_with_the_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(peers_need_a_listener, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
