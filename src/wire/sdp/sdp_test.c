#include "sdp.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/testing.h"

static struct sdp sdp;
static struct sdp_fault fault;

static enum err parse(const char *z)
{
	return sdp_parse(&sdp, str_from(z), &fault);
}

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static void assert_addr(const struct addr *a, const char *expected)
{
	char text[64];
	struct buf b = buf_on(text, sizeof text);
	put_addr(&b, a);
	char *got = must(strndup(text, b.n));
	assert_string_equal(got, expected);
	free(got);
}

static void test_phone(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD "m=audio 49170 RTP/AVP 0 8 96 101\r\na=rtpmap:96 opus/48000/2\r\n"
	                            "a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendonly\r\n"
	                            "m=video 51372 RTP/AVPF 31\r\nc=IN IP6 2001:db8::1\r\na=rtcp:53020\r\n"), OK);
	assert_int_equal(sdp.media_count, 2);
	const struct sdp_media *audio = &sdp.media[0], *video = &sdp.media[1];
	assert_int_equal(audio->kind, SDP_AUDIO);
	assert_int_equal(audio->proto, SDP_PROTO_RTP_AVP);
	assert_int_equal(audio->direction, SDP_SENDONLY);
	assert_int_equal(audio->ptime_ms, 20);
	assert_addr(&audio->rtp, "192.0.2.1:49170");
	assert_addr(&audio->rtcp, "192.0.2.1:49171");
	assert_int_equal(video->direction, SDP_SENDRECV);
	assert_addr(&video->rtp, "[2001:db8::1]:51372");
	assert_addr(&video->rtcp, "[2001:db8::1]:53020");
	assert_true(str_eq(audio->formats, STR("0 8 96 101")));
	struct sdp_codec codec;
	struct str rest = audio->formats;
	assert_true(sdp_codec_next(audio, &rest, &codec));
	assert_true(codec.pt == 0 && codec.clock_hz == 8000 && str_eq(codec.name, STR("PCMU")));
	assert_true(sdp_codec_next(audio, &rest, &codec) && str_eq(codec.name, STR("PCMA")));
	assert_true(sdp_codec_next(audio, &rest, &codec));
	assert_true(codec.pt == 96 && codec.clock_hz == 48000 && codec.channels == 2 && str_eq(codec.name, STR("opus")));
	assert_true(sdp_codec_next(audio, &rest, &codec) && str_eq(codec.name, STR("telephone-event")));
	assert_false(sdp_codec_next(audio, &rest, &codec));
}

// The section of a medium ends where the next begins: its attributes are not the next one's.
static void test_sections(void **state)
{
	(void)state;
	struct str value;
	assert_int_equal(parse("v=0\na=inactive\na=tool:x\nm=audio 1 RTP/AVP 0\na=x:1\n\nm=audio 3 RTP/AVP 0\na=y\n"), OK);
	assert_true(sdp_attribute(sdp.session, STR("tool"), &value) && str_eq(value, STR("x")));
	assert_false(sdp_attribute(sdp.session, STR("x"), &value));
	assert_true(sdp_attribute(sdp.media[0].section, STR("x"), &value) && str_eq(value, STR("1")));
	assert_false(sdp_attribute(sdp.media[0].section, STR("y"), &value));
	assert_true(sdp_attribute(sdp.media[1].section, STR("y"), &value) && value.n == 0);
	assert_int_equal(sdp.media[1].direction, SDP_INACTIVE);
	assert_int_equal(sdp.media[0].rtp.family, 0);
}

static void test_hold(void **state)
{
	(void)state;
	assert_int_equal(
		parse("v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 0\nc=IN IP4 192.0.2.9\n"), OK);
	assert_true(sdp.media[0].held && sdp.media[0].rtp.family == 0);
	assert_false(sdp.media[1].held);
	assert_addr(&sdp.media[1].rtp, "192.0.2.9:4002");
	assert_int_equal(parse("v=0\nm=audio 4000 RTP/AVP 0\nc=IN IP6 ::\n"), OK);
	assert_true(sdp.media[0].held);
}

// A name, or an address in an unusual spelling, is not an address: never resolved, never sent to.
static void test_no_address(void **state)
{
	(void)state;
	static const char *const hosts[] = { "IN IP4 phone.example",  "IN IP4 0177.0.0.1", "IN IP4 127.1",
		                                 "IN IP4 0x7f000001",     "IN IP4 2130706433", "IN IP6 [::1]",
		                                 "IN IP4 192.0.2.1:5060", "IN IP4 ::1",        "IN IP6 127.0.0.1" };
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		char text[200];
		snprintf(text, sizeof text, "v=0\nc=%s\nm=audio 4000 RTP/AVP 0\n", hosts[i]);
		assert_int_equal(parse(text), OK);
		assert_int_equal(sdp.media[0].rtp.family, 0);
		assert_int_equal(sdp.media[0].rtcp.family, 0);
	}
	assert_int_equal(parse("v=0\nc=IN IP6 ::ffff:127.0.0.1\nm=audio 4000 RTP/AVP 0\n"), OK);
	assert_true(addr_is_special(&sdp.media[0].rtp));
}

static void test_rtcp(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD "m=audio 4000 RTP/AVP 0\na=rtcp:4000\n"), OK); // multiplexed: not with us
	assert_addr(&sdp.media[0].rtcp, "192.0.2.1:4001");
	assert_int_equal(parse(HEAD "m=audio 4000 RTP/AVP 0\na=rtcp:5005 IN IP4 192.0.2.7\n"), OK);
	assert_addr(&sdp.media[0].rtcp, "192.0.2.7:5005");
	assert_int_equal(parse(HEAD "m=audio 4000 RTP/AVP 0\na=rtcp:99999\n"), OK);
	assert_addr(&sdp.media[0].rtcp, "192.0.2.1:4001");
	assert_int_equal(parse(HEAD "m=audio 65535 RTP/AVP 0\n"), OK);
	assert_int_equal(sdp.media[0].rtcp.port, 0);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t line;
	} bad[] = {
		{ "", 1 },
		{ "o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n", 1 },
		{ "v=0\r\nnonsense\r\n", 2 },
		{ "v=0\r\nm=audio\r\n", 2 },
		{ "v=0\r\nm=audio 4000 RTP/AVP\r\n", 2 },
		{ "v=0\r\nm=audio 256000 RTP/AVP 0\r\n", 2 },
		{ "v=0\r\nm=audio 65536 RTP/AVP 0\r\n", 2 },
		{ "v=0\r\nm=audio -1 RTP/AVP 0\r\n", 2 },
		{ "v=0\r\nm=audio 4294967296 RTP/AVP 0\r\n", 2 },
		{ "v=0\r\nm=audio 18446744073709551617 RTP/AVP 0\r\n", 2 },
		{ "v=0\r\nm=audio 4000 RTP/AVP 128\r\n", 2 },
		{ "v=0\r\nm=audio 4000 RTP/AVP 256\r\n", 2 },
		{ "v=0\r\nm=audio 4000 RTP/AVP 4294967296\r\n", 2 },
		{ "v=0\r\nm=audio 4000 RTP/AVP 0 x\r\n", 2 },
		{ "v=0\r\nc=IN IP9 192.0.2.1\r\n", 2 },
		{ "v=0\r\nc=ATM NSAP 47.0091\r\n", 2 },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(parse(bad[i].text), ERR_BAD);
		assert_int_equal(fault.line, bad[i].line);
		assert_non_null(fault.why);
	}
	assert_int_equal(sdp_parse(&sdp, (struct str){ "v=0\0", 4 }, NULL), ERR_BAD);
}

// A text of `count` times the line, after v=0.
static struct str repeated(char *memory, uint32_t cap, const char *line, uint32_t count)
{
	struct buf b = buf_on(memory, cap);
	put_z(&b, "v=0\n");
	for (uint32_t i = 0; i < count; i++) put_z(&b, line);
	return buf_str(&b);
}

static void test_limits(void **state)
{
	(void)state;
	uint32_t cap = 1 << 20;
	char *memory = must(malloc(cap));
	assert_int_equal(sdp_parse(&sdp, repeated(memory, cap, "m=audio 4000 RTP/AVP 0\n", SDP_MEDIA_MAX), &fault), OK);
	assert_int_equal(sdp_parse(&sdp, repeated(memory, cap, "m=audio 4000 RTP/AVP 0\n", SDP_MEDIA_MAX + 1), &fault),
	                 ERR_BAD);
	assert_int_equal(sdp_parse(&sdp, repeated(memory, cap, "m=audio 4000 RTP/AVP 0\n", 1000), &fault), ERR_BAD);
	assert_int_equal(sdp_parse(&sdp, repeated(memory, cap, "a=x\n", 16383), &fault), OK); // 65,536 octets
	assert_int_equal(sdp_parse(&sdp, repeated(memory, cap, "a=x\n", 16384), &fault), ERR_BAD);
	struct buf b = buf_on(memory, cap);
	put_z(&b, "v=0\nm=audio 4000 RTP/AVP");
	for (int i = 0; i < SDP_FORMATS_MAX; i++) put_z(&b, " 0");
	assert_int_equal(sdp_parse(&sdp, buf_str(&b), &fault), OK);
	put_z(&b, " 0");
	assert_int_equal(sdp_parse(&sdp, buf_str(&b), &fault), ERR_BAD);
	free(memory);
}

// Cut at each octet, in memory of exactly that size: the sanitizer sees a step past the end.
static void test_cut(void **state)
{
	(void)state;
	const char *whole =
		HEAD "m=audio 49170/2 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\na=rtcp:5 IN IP4 192.0.2.1\r\n";
	for (uint32_t n = 0; n <= strlen(whole); n++) {
		char *exact = must(malloc(n ? n : 1));
		if (n) memcpy(exact, whole, n);
		if (sdp_parse(&sdp, (struct str){ exact, n }, NULL) == OK && sdp.media_count) {
			struct sdp_codec codec;
			struct str rest = sdp.media[0].formats;
			while (sdp_codec_next(&sdp.media[0], &rest, &codec)) assert_true(codec.pt <= 127);
		}
		free(exact);
	}
}

static void test_turned(void **state)
{
	(void)state;
	assert_int_equal(sdp_direction_turned(SDP_SENDONLY), SDP_RECVONLY);
	assert_int_equal(sdp_direction_turned(SDP_RECVONLY), SDP_SENDONLY);
	assert_int_equal(sdp_direction_turned(SDP_SENDRECV), SDP_SENDRECV);
	assert_int_equal(sdp_direction_turned(SDP_INACTIVE), SDP_INACTIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phone), cmocka_unit_test(test_sections),   cmocka_unit_test(test_hold),
		cmocka_unit_test(test_rtcp),  cmocka_unit_test(test_no_address), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut),   cmocka_unit_test(test_limits),     cmocka_unit_test(test_turned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
