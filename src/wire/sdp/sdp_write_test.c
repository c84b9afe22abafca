#include "sdp_write.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/testing.h"

static struct arena arena;
static struct sdp sdp;

static struct addr addr(const char *z)
{
	struct addr a = { 0 };
	assert_int_equal(addr_parse(&a, str_from(z)), OK);
	return a;
}

static void assert_text(struct str got, const char *expected)
{
	char *z = must(strndup(got.p, got.n));
	assert_string_equal(z, expected);
	free(z);
}

// The text for the other leg, each medium on ports from 40000 on.
static struct str rewritten(const char *z, struct sdp_origin *origin)
{
	assert_int_equal(sdp_parse(&sdp, str_from(z), NULL), OK);
	struct sdp_draft draft = { .source = &sdp, .host = addr("198.51.100.9"), .count = sdp.media_count };
	for (uint32_t i = 0; i < sdp.media_count; i++)
		draft.slots[i] = (struct sdp_slot){ .source = &sdp.media[i], .direction = sdp.media[i].direction,
			                                .port = sdp.media[i].port ? (uint16_t)(40000 + 2 * i) : 0 };
	struct str out;
	assert_int_equal(sdp_write(&out, &arena, &draft, origin), OK);
	return out;
}

static void test_rewrite(void **state)
{
	(void)state;
	struct sdp_origin origin = { .id = 77 };
	struct str out = rewritten(
		"v=0\no=alice 2890844526 2890844526 IN IP4 10.0.0.1\ns=Alice's call\ni=secret\nu=http://alice.example\n"
		"e=alice@example\np=+1 603 555 0101\nc=IN IP4 10.0.0.1\nb=AS:256\nt=2873397496 2873404696\nk=clear:x\n"
		"a=tool:phone\na=ice-lite\na=group:BUNDLE 0 1\na=group:LS 0 1\na=fingerprint:sha-256 AA\n"
		"m=audio 49170/2 RTP/AVP 0 96 101\ni=x\nc=IN IP4 10.0.0.2\nb=TIAS:64000\na=rtpmap:96 opus/48000/2\n"
		"a=fmtp:96 useinbandfec=1\na=candidate:1 1 UDP 2130706431 10.0.0.1 8998 typ host\na=rtcp:5 IN IP4 10.0.0.1\n"
		"a=rtcp-mux\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\na=ssrc:1 cname:alice@10.0.0.1\na=x-new:kept\n"
		"a=sendonly\na=rtcp-fb:* nack\n"
		"m=video 0 RTP/AVP 31\na=rtpmap:31 H261/90000\n"
		"m=video 51372 RTP/AVP 99\na=rtpmap:99 H264/90000\na=ssrc:2 cname:v\n",
		&origin);
	assert_text(out, "v=0\r\no=- 77 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nb=AS:256\r\nt=0 0\r\n"
	                 "a=tool:phone\r\na=group:LS 0 1\r\n"
	                 "m=audio 40000 RTP/AVP 0 96 101\r\nb=TIAS:64000\r\na=rtpmap:96 opus/48000/2\r\n"
	                 "a=fmtp:96 useinbandfec=1\r\na=x-new:kept\r\na=rtcp-fb:* nack\r\na=sendonly\r\n"
	                 "m=video 0 RTP/AVP 31\r\n"
	                 "m=video 40004 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=ssrc:2 cname:v\r\na=sendrecv\r\n");
	assert_int_equal(sdp_parse(&sdp, out, NULL), OK); // what we write, we can read
}

#define CALL "v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n"

static void test_version(void **state)
{
	(void)state;
	struct sdp_origin origin = { .id = 5 };
	rewritten(CALL, &origin);
	assert_int_equal(origin.version, 1);
	rewritten("v=0\no=- 1 2 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.7\nt=0 0\nm=audio 4444 RTP/AVP 0\n", &origin);
	assert_int_equal(origin.version, 1); // for the other leg nothing changed
	struct str out = rewritten(CALL "a=sendonly\n", &origin);
	assert_int_equal(origin.version, 2);
	assert_true(str_starts(out, STR("v=0\r\no=- 5 2 IN IP4 ")));
	rewritten(CALL, &origin);
	assert_int_equal(origin.version, 3);
}

static void test_voice(void **state)
{
	(void)state;
	struct sdp_voice voice = { .count = 2, .pts = { 0, 8 }, .event_pt = 101 };
	struct sdp_draft draft = { .host = addr("2001:db8::5"), .count = 4 };
	draft.slots[0] = (struct sdp_slot){ .voice = &voice, .port = 40000, .direction = SDP_SENDRECV };
	draft.slots[1] = (struct sdp_slot){ .kind = SDP_VIDEO, .proto = SDP_PROTO_RTP_AVPF };
	draft.slots[2] = (struct sdp_slot){ .kind = SDP_IMAGE, .proto = SDP_PROTO_UDPTL };
	draft.slots[3] = (struct sdp_slot){ .kind = SDP_MESSAGE, .proto = SDP_PROTO_MSRP };
	struct sdp_origin origin = { .id = 9 };
	struct str out;
	assert_int_equal(sdp_write(&out, &arena, &draft, &origin), OK);
	assert_text(out, "v=0\r\no=- 9 1 IN IP6 2001:db8::5\r\ns=-\r\nc=IN IP6 2001:db8::5\r\nt=0 0\r\n"
	                 "m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
	                 "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
	                 "m=video 0 RTP/AVPF 0\r\nm=image 0 udptl t38\r\nm=message 0 TCP/MSRP *\r\n");
	voice = (struct sdp_voice){ .count = 1, .pts = { 8 }, .event_pt = 0xff };
	draft.count = 1;
	assert_int_equal(sdp_write(&out, &arena, &draft, &origin), OK);
	assert_int_equal(sdp_parse(&sdp, out, NULL), OK);
	assert_true(str_eq(sdp.media[0].formats, STR("8")));
	assert_int_equal(origin.version, 2);
}

static void test_full(void **state)
{
	(void)state;
	struct arena small;
	struct str out;
	assert_int_equal(arena_init(&small, 256), OK);
	assert_int_equal(sdp_parse(&sdp, STR(CALL), NULL), OK);
	struct sdp_draft draft = { .source = &sdp, .host = addr("192.0.2.1"), .count = 0 };
	struct sdp_origin origin = { .id = 1 };
	assert_int_equal(sdp_write(&out, &small, &draft, &origin), ERR_FULL);
	assert_int_equal(out.n, 0);
	arena_fini(&small);
}

// The longest text, of the shortest lines, all kept and each one octet longer: still fits what is reserved.
static void test_longest(void **state)
{
	(void)state;
	char *z = must(malloc(SDP_OCTETS_MAX + 1));
	struct buf b = buf_on(z, SDP_OCTETS_MAX);
	put_z(&b, "v=0\n");
	while (b.cap - b.n > 3) put_z(&b, "a=\n");
	z[b.n] = '\0';
	struct sdp_origin origin = { .id = 1 };
	arena_reset(&arena);
	assert_true(rewritten(z, &origin).n > b.n);
	free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrite), cmocka_unit_test(test_version), cmocka_unit_test(test_voice),
		cmocka_unit_test(test_full),    cmocka_unit_test(test_longest),
	};
	assert_int_equal(arena_init(&arena, 1 << 18), OK);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_fini(&arena);
	return failed;
}
