#include "rtp.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/testing.h"

static enum err parse(struct rtp_packet *p, const char *octets, uint32_t n)
{
	uint8_t *exact = must(malloc(n ? n : 1)); // so that the sanitizer sees a step past the end
	memcpy(exact, octets, n);
	enum err e = rtp_parse(p, exact, n);
	if (e == OK) p->payload = (uint8_t *)(uintptr_t)(octets + (p->payload - exact));
	free(exact);
	return e;
}

#define HEAD "\x80\x80\x12\x34\1\2\3\4\xa\xb\xc\xd"

static void test_parse(void **state)
{
	(void)state;
	struct rtp_packet p;
	assert_int_equal(parse(&p, HEAD "xyz", 15), OK);
	assert_true(p.marker && p.pt == 0 && p.seq == 0x1234 && p.ts == 0x01020304 && p.ssrc == 0x0a0b0c0d);
	assert_true(p.payload_n == 3 && memcmp(p.payload, "xyz", 3) == 0);
	assert_int_equal(parse(&p, HEAD, 12), OK); // empty: some send it to keep a NAT open
	assert_int_equal(p.payload_n, 0);
	// a CSRC, an extension of one word, two octets of padding
	assert_int_equal(parse(&p, "\xb1\x00\0\1\0\0\0\1\0\0\0\1" "csrc" "\xbe\xde\0\1" "extn" "voice" "\0\2", 31), OK);
	assert_true(p.payload_n == 5 && memcmp(p.payload, "voice", 5) == 0);
}

static void test_refused(void **state)
{
	(void)state;
	struct rtp_packet p;
	for (uint32_t n = 0; n < 12; n++) assert_int_equal(parse(&p, HEAD, n), ERR_BAD);
	assert_int_equal(parse(&p, "\x40\0\0\0\0\0\0\0\0\0\0\0", 12), ERR_BAD);            // version 1
	assert_int_equal(parse(&p, "\x8f\0\0\0\0\0\0\0\0\0\0\0", 12), ERR_BAD);            // 15 CSRCs that are not there
	assert_int_equal(parse(&p, "\x90\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff", 16), ERR_BAD); // extension past the end
	assert_int_equal(parse(&p, "\x90\0\0\0\0\0\0\0\0\0\0\0\0\0", 14), ERR_BAD);
	assert_int_equal(parse(&p, "\xa0\0\0\0\0\0\0\0\0\0\0\0\0", 13), ERR_BAD);          // padding of 0
	assert_int_equal(parse(&p, "\xa0\0\0\0\0\0\0\0\0\0\0\0\2", 13), ERR_BAD);          // more than there is
	assert_int_equal(parse(&p, "\xa0\0\0\0\0\0\0\0\0\0\0\0", 12), ERR_BAD);
	assert_int_equal(parse(&p, "\x80\xc8\0\0\0\0\0\0\0\0\0\0", 12), ERR_BAD);          // a sender report
}

static void test_write(void **state)
{
	(void)state;
	struct rtp_packet p = { .pt = 101, .marker = true, .seq = 65535, .ts = 0xfffffffe, .ssrc = 0x80000001 }, q;
	uint8_t octets[RTP_HEADER];
	rtp_write(octets, &p);
	assert_int_equal(rtp_parse(&q, octets, sizeof octets), OK);
	assert_true(q.pt == 101 && q.marker && q.seq == 65535 && q.ts == 0xfffffffe && q.ssrc == 0x80000001);
	octets[0] = 0xb1;
	rtp_patch(octets, &(struct rtp_packet){ .pt = 8 });
	assert_memory_equal(octets, "\xb1\x08\0\0\0\0\0\0\0\0\0\0", 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_refused), cmocka_unit_test(test_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
