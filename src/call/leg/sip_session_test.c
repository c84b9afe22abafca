#include "sip_session.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct session_said said(struct arena *arena, const char *lines, bool *names_one)
{
	struct sip_msg m;
	struct sip_fault fault;
	char text[1024];
	struct buf b = buf_on(text, sizeof text);
	put_fmt(&b, "UPDATE sip:a@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKabcdefgh\r\n"
		"From: <sip:a@example.net>;tag=a\r\nTo: <sip:b@example.net>;tag=b\r\nCall-ID: c\r\nCSeq: 1 UPDATE\r\n"
		"Max-Forwards: 70\r\n%sContent-Length: 0\r\n\r\n", lines);
	assert_int_equal(sip_msg_parse(&m, arena_dup(arena, buf_str(&b)), arena, &fault), PARSE_OK);
	struct session_said s;
	*names_one = session_read(&s, &m);
	return s;
}

static void what_a_message_says_of_its_session(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		struct session_said says;
	} rows[] = {
		{ "", { 0 } },
		{ "Supported: 100rel, Timer\r\n", { .supported = true } },
		{ "Session-Expires: 1800\r\n", { .interval_s = 1800 } },
		{ "x: 1800 ; refresher=UAC\r\nk: timer\r\n", { .interval_s = 1800, .supported = true, .uac = true } },
		{ "Session-Expires: 90;other=1;refresher=uas\r\nMin-SE: 60;x\r\n", { .interval_s = 90, .min_s = 60, .uas = true } },
		{ "Session-Expires: 1800;refresher=both\r\n", { .interval_s = 1800 } },
		{ "Session-Expires: ;refresher=uac\r\n", { .uac = true } },
		{ "Session-Expires: 99999999999\r\nMin-SE: -1\r\n", { 0 } },
		{ "Session-Expires: soon\r\nMin-SE:\r\n", { 0 } },
	};
	struct arena arena;
	assert_int_equal(arena_init(&arena, 65536), OK);
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool names_one;
		struct session_said is = said(&arena, rows[i].lines, &names_one), must = rows[i].says;
		assert_int_equal(is.interval_s, must.interval_s);
		assert_int_equal(is.min_s, must.min_s);
		assert_int_equal(is.supported, must.supported);
		assert_int_equal(is.uac, must.uac);
		assert_int_equal(is.uas, must.uas);
		assert_int_equal(names_one, must.interval_s > 0);
		arena_reset(&arena);
	}
	arena_fini(&arena);
}

#define BEFORE "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"
#define AFTER "s=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

static void a_description_is_known_again_but_for_its_version(void **state)
{
	(void)state;
	uint64_t first = session_hash(STR(BEFORE AFTER));
	assert_int_equal(session_hash(STR("v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n" AFTER)), first);
	assert_int_not_equal(session_hash(STR(BEFORE AFTER "a=sendonly\r\n")), first);
	assert_int_equal(session_hash(STR("")), session_hash(STR("v=0"))); // nothing to tell apart
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_message_says_of_its_session),
		cmocka_unit_test(a_description_is_known_again_but_for_its_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
