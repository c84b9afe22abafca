#include "sip_cause.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint16_t status_of(uint8_t value)
{
	return sip_status_of_cause((struct cause){ .value = value, .location = LOCATION_PUBLIC_LOCAL });
}

// RFC 3398 §8.2.6.1 and what NANP practice adds: every value gets a final failure, none a success.
static void every_cause_has_a_failure(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		uint16_t status = status_of((uint8_t)v);
		assert_true(status >= 400 && status < 700);
	}
	assert_int_equal(status_of(1), 404);
	assert_int_equal(status_of(17), 486);
	assert_int_equal(status_of(18), 408);
	assert_int_equal(status_of(19), 480);
	assert_int_equal(status_of(28), 484);
	assert_int_equal(status_of(88), 488);
	assert_int_equal(status_of(102), 504);
	assert_int_equal(status_of(127), 500);
	assert_int_equal(status_of(30), 480); // default of the normal class
	assert_int_equal(status_of(96), 500); // default of all others
}

// A carrier that is told 503 may send no call at all any more.
static void only_our_own_congestion_says_503(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		struct cause theirs = { .value = (uint8_t)v, .location = LOCATION_BEYOND };
		assert_int_equal(status_of((uint8_t)v) == 503, v == CAUSE_CONGESTION);
		assert_int_not_equal(sip_status_of_cause(theirs), 503);
	}
	assert_int_equal(status_of(34), 500);
	assert_int_equal(status_of(38), 500);
	assert_int_equal(status_of(41), 500);
}

static void a_user_who_rejects_says_603(void **state)
{
	(void)state;
	assert_int_equal(status_of(21), 403);
	assert_int_equal(sip_status_of_cause((struct cause){ .value = 21, .location = LOCATION_USER }), 603);
}

// A status goes on as it came where it speaks of the called party; the cause decides of all others.
static void a_status_goes_on_where_it_may(void **state)
{
	(void)state;
	static const struct { uint16_t came, goes; } rows[] = {
		{ 302, 480 }, { 400, 500 }, { 401, 403 }, { 403, 403 }, { 404, 404 }, { 405, 500 }, { 407, 403 }, { 408, 504 },
		{ 410, 410 }, { 413, 500 }, { 415, 501 }, { 420, 500 }, { 422, 480 }, { 433, 433 }, { 437, 437 }, { 480, 480 },
		{ 482, 480 }, { 483, 483 }, { 484, 484 }, { 486, 486 }, { 487, 480 }, { 488, 488 }, { 491, 480 }, { 500, 500 },
		{ 503, 500 }, { 504, 504 }, { 513, 500 }, { 580, 480 }, { 600, 600 }, { 603, 603 }, { 608, 608 }, { 699, 480 },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cause c = sip_cause_of_status(rows[i].came);
		c.status = rows[i].came;
		assert_int_equal(sip_status_of_cause(c), rows[i].goes);
	}
	assert_int_equal(sip_status_of_cause((struct cause){ .value = 20, .status = 404 }), 404); // a Reason said 20
}

// RFC 3398 §7.2.4.1: every status from 400 on has a cause of Q.850.
static void every_status_has_a_cause(void **state)
{
	(void)state;
	for (uint16_t s = 300; s < 700; s++) {
		struct cause c = sip_cause_of_status(s);
		assert_true(c.value > 0 && c.value < 128);
		assert_string_not_equal(cause_text(c), "unknown cause");
	}
	assert_int_equal(sip_cause_of_status(486).value, 17);
	assert_int_equal(sip_cause_of_status(486).location, LOCATION_USER);
	assert_int_equal(sip_cause_of_status(407).location, LOCATION_BEYOND); // not the user, though the cause is the same
	assert_int_equal(sip_cause_of_status(404).value, 1);
	assert_int_equal(sip_cause_of_status(480).value, 18);
	assert_int_equal(sip_cause_of_status(503).value, 41);
	assert_int_equal(sip_cause_of_status(487).value, 16);
	assert_int_equal(sip_cause_of_status(499).value, 31); // RFC 3398: any other
}

static struct cause reason_of(const char *header)
{
	static char text[1024], memory[4096];
	struct arena arena = { .p = memory, .cap = sizeof memory };
	struct buf b = buf_on(text, sizeof text);
	static struct sip_msg m;
	struct sip_fault fault;
	put_z(&b,
		"BYE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:b@192.0.2.2>;tag=1\r\n"
	          "To: <sip:a@192.0.2.1>;tag=2\r\nCall-ID: c\r\nCSeq: 2 BYE\r\n");
	put_z(&b, header);
	put_z(&b, "\r\n");
	assert_int_equal(sip_msg_parse(&m, buf_str(&b), &arena, &fault), PARSE_OK);
	return sip_cause_of_reason(&m);
}

static void a_reason_header_tells_the_cause(void **state)
{
	(void)state;
	assert_int_equal(reason_of("Reason: Q.850;cause=17;text=\"busy\"\r\n").value, 17);
	assert_int_equal(reason_of("Reason: SIP;cause=200, q.850 ;cause=31\r\n").value, 31);
	assert_int_equal(reason_of("Reason: SIP;cause=200\r\n").value, 0);
	assert_int_equal(reason_of("Reason: Q.850;cause=128\r\n").value, 0);
	assert_int_equal(reason_of("Reason: Q.850;cause=x\r\n").value, 0);
	assert_int_equal(reason_of("Reason: Q.850\r\n").value, 0);
	assert_int_equal(reason_of("").value, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cause_has_a_failure),
		cmocka_unit_test(only_our_own_congestion_says_503),
		cmocka_unit_test(a_user_who_rejects_says_603),
		cmocka_unit_test(a_status_goes_on_where_it_may),
		cmocka_unit_test(every_status_has_a_cause),
		cmocka_unit_test(a_reason_header_tells_the_cause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
