#include "worker.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

static struct worker four = { .setup = { .index = 0, .count = 4 }, .call_id_key = { { 1, 2 } } };

static uint32_t of(const char *text)
{
	return worker_of_packet(&four, str_from(text));
}

static void our_own_tag_and_branch_name_the_worker(void **state)
{
	(void)state;
	assert_int_equal(of("BYE sip:x SIP/2.0\r\nTo: <sip:a@b>;tag=021234567890abcdef\r\nCall-ID: q\r\n\r\n"), 2);
	assert_int_equal(of("BYE sip:x SIP/2.0\r\nt: sip:a@b;x=1;tag=031234567890abcdef\r\ni: q\r\n\r\n"), 3);
	assert_int_equal(of("BYE sip:x SIP/2.0\r\nTo: \"A\"\r\n <sip:a@b>\r\n\t;tag=021234567890abcdef\r\n"
	                    "Call-ID: q\r\n\r\n"), 2);
	assert_int_equal(of("INVITE sip:x SIP/2.0\r\nTo: <sip:a@b>\r\nCall-ID:\r\n folded\r\n\r\n"),
	                 of("CANCEL sip:x SIP/2.0\r\nTo: <sip:a@b>\r\ni: folded\r\n\r\n"));
	assert_int_equal(of("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport=1;branch=z9hG4bK01abcdef\r\n\r\n"), 1);
	assert_int_equal(of("SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h;branch=z9hG4bK03x\r\n\r\n"), 3);
}

static void all_else_of_a_call_goes_to_one_worker(void **state)
{
	(void)state;
	uint32_t seen[4] = { 0 };
	for (unsigned i = 0; i < 400; i++) {
		char invite[256], cancel[256], ack[256];
		snprintf(invite, sizeof invite, "INVITE sip:x SIP/2.0\r\nTo: <sip:a@b>\r\nCall-ID: call-%u\r\n\r\n", i);
		snprintf(cancel, sizeof cancel, "CANCEL sip:x SIP/2.0\r\ni:  call-%u \r\nTo: <sip:a@b>\r\n\r\n", i);
		snprintf(ack, sizeof ack, "ACK sip:x SIP/2.0\r\nTo: <sip:a@b>;tag=foreign\r\ncall-id: call-%u\r\n\r\n", i);
		uint32_t w = of(invite);
		assert_true(w < 4);
		assert_int_equal(of(cancel), w);
		assert_int_equal(of(ack), w);
		seen[w]++;
	}
	for (int i = 0; i < 4; i++) assert_true(seen[i] > 50);
}

static void a_line_registers_with_its_home(void **state)
{
	(void)state;
	const char *text = "REGISTER sip:b SIP/2.0\r\nTo: \"A\" <sip:6035550101@b>\r\nCall-ID: 1\r\n\r\n";
	assert_int_equal(of(text), live_home(STR("6035550101"), 4));
	assert_int_equal(of("REGISTER sip:b SIP/2.0\r\nt: sip:603%3555010%31@b\r\n\r\n"), live_home(STR("6035550101"), 4));
}

static void nonsense_goes_somewhere(void **state)
{
	(void)state;
	assert_true(of("") < 4);
	assert_true(of("\r\n\r\n") < 4);
	assert_true(of("SIP/2.0 200 OK\r\n\r\n") < 4);
	assert_true(of("BYE x\r\nTo: ;tag=ff1234567890abcdef") < 4);
	assert_true(of("REGISTER \r\nTo:\r\n") < 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_tag_and_branch_name_the_worker),
		cmocka_unit_test(all_else_of_a_call_goes_to_one_worker),
		cmocka_unit_test(a_line_registers_with_its_home),
		cmocka_unit_test(nonsense_goes_somewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
