#include "frame.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define HEAD "OPTIONS sip:a SIP/2.0\r\nVia: x\r\n"

static void pieces_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum sip_frame is;
		uint32_t length;
	} rows[] = {
		{ "", SIP_FRAME_MORE, 0 },
		{ "\r", SIP_FRAME_MORE, 0 },
		{ "\r\n", SIP_FRAME_MORE, 0 }, // the half of a ping, or a pong: what follows will say
		{ "\r\n\r", SIP_FRAME_MORE, 0 },
		{ "\r\n\r\n", SIP_FRAME_PING, 4 },
		{ "\r\n\r\nOPTIONS", SIP_FRAME_PING, 4 },
		{ "\r\nOPTIONS", SIP_FRAME_PONG, 2 },
		{ "\rOPTIONS", SIP_FRAME_BROKEN, 0 },
		{ HEAD, SIP_FRAME_MORE, 0 },
		{ HEAD "Content-Length: 0\r\n\r\n", SIP_FRAME_MESSAGE, sizeof HEAD - 1 + 21 },
		{ HEAD "content-length :  3 \r\n\r\nabcNEXT", SIP_FRAME_MESSAGE, sizeof HEAD - 1 + 27 },
		{ HEAD "l:3\r\n\r\nabcNEXT", SIP_FRAME_MESSAGE, sizeof HEAD - 1 + 10 },
		{ HEAD "l:3\r\n\r\nab", SIP_FRAME_MORE, 0 },
		{ HEAD "Subject: x\r\n Content-Length: 9\r\nl:0\r\n\r\n", SIP_FRAME_MESSAGE, sizeof HEAD - 1 + 39 },
		// What two readers may read in two ways.
		{ HEAD "\r\n", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 2 },
		{ HEAD "l:3\r\nContent-Length: 3\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 26 },
		{ HEAD "l:3\r\nl:4\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 12 },
		{ HEAD "l: +3\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 9 },
		{ HEAD "l: -3\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 9 },
		{ HEAD "l: 0x3\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 10 },
		{ HEAD "l: 3, 3\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 11 },
		{ HEAD "l: 3\r\n 3\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 12 },
		{ HEAD "l: 0\n\nINVITE sip:a SIP/2.0\r\nVia: x\r\n\r\n", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 38 },
		{ HEAD "\nINVITE sip:a SIP/2.0\r\nl: 0\r\n\r\n", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 31 },
		{ "\n" HEAD "l: 0\r\n\r\n", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 9 },
		{ HEAD "l:\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 6 },
		{ HEAD "l: 65535\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 12 },
		{ HEAD "l: 99999999999999999999\r\n\r\nabc", SIP_FRAME_BROKEN, sizeof HEAD - 1 + 27 },
	};
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t length = 77, looked = 0;
		enum sip_frame is = sip_frame_next(&length, &looked, str_from(rows[i].text));
		if (is != rows[i].is || length != rows[i].length) fail_msg("row %u: %d, %u octets", i, is, length);
	}
}

// However it is cut, a stream is the same messages; and each octet is looked at once.
static void the_cut_does_not_matter(void **state)
{
	static const char text[] = HEAD "l: 5\r\n\r\nhello\r\n\r\n" HEAD "l: 0\r\n\r\n\r\n" HEAD "l: 1\r\n\r\n!";
	static const enum sip_frame expected[] = { SIP_FRAME_MESSAGE, SIP_FRAME_PING, SIP_FRAME_MESSAGE, SIP_FRAME_PONG,
		SIP_FRAME_MESSAGE };
	(void)state;
	for (uint32_t step = 1; step < sizeof text; step++) {
		uint32_t at = 0, seen = 0, looked = 0;
		for (uint32_t have = step; at < sizeof text - 1; have = have + step < sizeof text - 1 ? have + step : sizeof text - 1) {
			uint32_t length;
			enum sip_frame is;
			while ((is = sip_frame_next(&length, &looked, (struct str){ text + at, have - at })) != SIP_FRAME_MORE) {
				assert_true(seen < ARRAY_LEN(expected) && is == expected[seen]);
				seen++;
				at += length;
				looked = 0;
			}
			assert_true(looked <= have - at);
		}
		assert_int_equal(seen, ARRAY_LEN(expected));
	}
}

static void a_message_without_end_is_no_message(void **state)
{
	static char text[SIP_FRAME_MAX + 1];
	uint32_t length, looked = 0;
	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(sip_frame_next(&length, &looked, (struct str){ text, SIP_FRAME_MAX }), SIP_FRAME_MORE);
	assert_int_equal(sip_frame_next(&length, &looked, (struct str){ text, sizeof text }), SIP_FRAME_BROKEN);
	assert_int_equal(length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_told_apart),
		cmocka_unit_test(the_cut_does_not_matter),
		cmocka_unit_test(a_message_without_end_is_no_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
