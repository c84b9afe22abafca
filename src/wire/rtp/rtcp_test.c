#include "rtcp.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/testing.h"

// A sender report with one block, a description with two sources, a goodbye, picture feedback.
static const uint8_t compound[] = {
	0x81, 200,  0,    12,   0,    0,    0,    1,    0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 160, 0, 0, 0, 5, 0, 0, 0, 6,
	0,    0,    0,    9,    0x20, 0xff, 0xff, 0xfe, 0, 1, 0, 8, 0, 0, 0, 80, 0, 0, 0, 11, 0, 0, 0, 12,
	0x82, 202,  0,    6,    0,    0,    0,    1,    1, 3, 'a', '@', 'b', 0, 0, 0,
	0,    0,    0,    4,    2,    2,    'x',  'y',  0, 0, 0, 0,
	0x81, 206,  0,    2,    0,    0,    0,    1,    0, 0, 0, 9,
	0x81, 203,  0,    1,    0,    0,    0,    1,
};

static enum err check(const void *octets, uint32_t n)
{
	uint8_t *exact = must(malloc(n ? n : 1));
	memcpy(exact, octets, n);
	enum err e = rtcp_check(exact, n);
	free(exact);
	return e;
}

static void test_check(void **state)
{
	(void)state;
	assert_int_equal(check(compound, sizeof compound), OK);
	for (uint32_t n = 0; n < sizeof compound; n++) {
		bool whole = n == 52 || n == 80 || n == 92;
		assert_int_equal(check(compound, n), whole ? OK : ERR_BAD);
	}
	assert_int_equal(check("\x80\xc9\0\1\0\0\0\1", 8), OK);             // an empty receiver report
	assert_int_equal(check("\x81\xc9\0\1\0\0\0\1", 8), ERR_BAD);        // says one report, has none
	assert_int_equal(check("\x80\xc9\0\2\0\0\0\1", 8), ERR_BAD);        // longer than it is
	assert_int_equal(check("\x80\xc9\0\0\0\0\0\1", 8), ERR_BAD);        // shorter: the rest is no packet
	assert_int_equal(check("\x40\xc9\0\1\0\0\0\1", 8), ERR_BAD);        // version 1
	assert_int_equal(check("\x80\x00\0\1\0\0\0\1", 8), ERR_BAD);        // RTP
	assert_int_equal(check("\xa0\xc9\0\2\0\0\0\1\0\0\0\4", 12), OK);    // padding
	assert_int_equal(check("\xa0\xc9\0\2\0\0\0\1\0\0\0\x10", 12), ERR_BAD);
	assert_int_equal(check("\xa0\xc9\0\1\0\0\0\4" "\x80\xc9\0\1\0\0\0\1", 16), ERR_BAD); // padding not at the end
}

static void test_read(void **state)
{
	(void)state;
	uint8_t octets[sizeof compound];
	static const uint8_t types[] = { 200, 202, 206, 203 };
	struct rtcp_item item;
	struct rtcp_report r;
	uint32_t at = 0, i = 0, ssrc = 0;
	memcpy(octets, compound, sizeof compound);
	while (rtcp_next(&item, octets, sizeof octets, &at)) {
		assert_int_equal(item.type, types[i]);
		assert_int_equal(rtcp_report(&r, &item, 0), i == 0);
		if (i++ == 0) {
			assert_true(r.ssrc == 9 && r.fraction_lost == 0x20 && r.lost == -2 && r.highest_seq == 0x10008);
			assert_true(r.jitter == 80 && r.last_sr == 11 && r.since_sr == 12);
			assert_false(rtcp_report(&r, &item, 1));
		}
	}
	assert_int_equal(i, 4);
	assert_true(rtcp_sender(&ssrc, octets, sizeof octets) && ssrc == 1);
	uint8_t of_nobody[8] = { 0x80, 203, 0, 0 }; // a goodbye, of which the compiler must not think that it is read on
	assert_false(rtcp_sender(&ssrc, of_nobody, 4));
}

static void test_change(void **state)
{
	(void)state;
	uint8_t octets[sizeof compound];
	memcpy(octets, compound, sizeof compound);
	struct rtcp_change c = { .said = true, .said_from = 1, .said_to = 0x101, .said_ts = 1000, .heard = true,
		                     .heard_from = 9, .heard_to = 0x109, .heard_seq = 6 };
	rtcp_change(octets, sizeof octets, &c);
	assert_int_equal(check(octets, sizeof octets), OK);
	assert_int_equal(rtp_get32(octets + 4), 0x101);
	assert_int_equal(rtp_get32(octets + 16), 1160);
	assert_int_equal(rtp_get32(octets + 28), 0x109);
	assert_int_equal(rtp_get32(octets + 36), 0x10002);
	assert_int_equal(rtp_get32(octets + 56), 0x101); // the first described
	assert_int_equal(rtp_get32(octets + 68), 4);     // the other is none of ours
	assert_int_equal(rtp_get32(octets + 84), 0x101); // feedback: from, and about
	assert_int_equal(rtp_get32(octets + 88), 0x109);
	assert_int_equal(rtp_get32(octets + 96), 0x101); // goodbye
	struct rtcp_change nothing = { 0 };
	memcpy(octets, compound, sizeof compound);
	rtcp_change(octets, sizeof octets, &nothing);
	assert_memory_equal(octets, compound, sizeof octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check), cmocka_unit_test(test_read), cmocka_unit_test(test_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
