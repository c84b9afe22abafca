// The bounded writer.
#include "buf.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char octets[4096];

static void assert_str(struct str got, const char *wanted)
{
	if (!str_eq(got, str_from(wanted))) fail_msg("got \"%.*s\", wanted \"%s\"", STR_FMT(got), wanted);
}

static void each_writer_writes(void **state)
{
	(void)state;
	struct buf b = buf_on(octets, sizeof octets);
	put(&b, STR("a"));
	put(&b, (struct str){ 0 });
	put_c(&b, 'b');
	put_z(&b, "c ");
	put_u64(&b, 0);
	put_c(&b, ' ');
	put_u64(&b, UINT64_MAX);
	put_c(&b, ' ');
	put_hex(&b, 0xabc, 2);
	put_hex(&b, 0xabc, 4);
	put_hex(&b, UINT64_MAX, 99);
	put_fmt(&b, " %s-%03d", "x", 7);
	assert_int_equal(b.err, OK);
	assert_str(buf_str(&b), "abc 0 18446744073709551615 bc0abcffffffffffffffff x-007");
}

// The first thing that does not fit is the last that is tried, and nothing is written past the end.
static void error_is_sticky(void **state)
{
	(void)state;
	for (uint32_t cap = 0; cap < 12; cap++) {
		memset(octets, '#', 64);
		struct buf b = buf_on(octets, cap);
		put(&b, STR("12345"));
		put_fmt(&b, "%s", "67890");
		put_c(&b, 'x');
		assert_int_equal(b.err, cap < 11 ? ERR_FULL : OK);
		assert_int_equal(b.n, cap < 5 ? 0 : cap < 10 ? 5 : cap < 11 ? 10 : 11);
		for (uint32_t i = cap; i < 64; i++) assert_int_equal(octets[i], '#');
		put_c(&b, 'y');
		if (cap < 11) assert_int_equal(b.err, ERR_FULL);
	}
}

// Small texts are formatted beside the buffer, large ones in it: whole or not at all in both.
static void formatted_text_is_whole_or_not_there(void **state)
{
	(void)state;
	for (uint32_t length = 0; length < 2100; length += 7) {
		for (uint32_t cap = 900; cap < 2200; cap += 13) {
			struct buf b = buf_on(octets, cap);
			put_fmt(&b, "%0*d", (int)length, 0);
			uint32_t written = length ? length : 1;
			if (b.err == OK) assert_int_equal(b.n, written);
			else assert_true(b.n == 0 && written >= cap);
		}
	}
}

static void json_is_escaped(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain /text", "plain /text" },
		{ "\"quoted\\\"", "\\\"quoted\\\\\\\"" },
		{ "\r\n\t\x1b[31m\x7f", "\\u000d\\u000a\\u0009\\u001b[31m\\u007f" },
		{ "Jos\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\x9e", "Jos\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\x9e" },
		{ "\xc2\x9b" "31m \xc2\x80\xc2\xa0", "\\u009b31m \\u0080\xc2\xa0" }, // C1 controls: a terminal may obey them
		{ "\xe9", "\\u00e9" },                                               // no UTF-8
		{ "\xc0\x80", "\\u00c0\\u0080" },                                    // overlong
		{ "\xe0\x80\x80", "\\u00e0\\u0080\\u0080" },
		{ "\xed\xa0\x80", "\\u00ed\\u00a0\\u0080" }, // surrogate
		{ "\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080" }, // past the last character
		{ "\xf0\x8f\xbf\xbf", "\\u00f0\\u008f\\u00bf\\u00bf" },
		{ "\xe2\x82", "\\u00e2\\u0082" }, // cut
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = buf_on(octets, sizeof octets);
		put_json(&b, str_from(rows[i].in));
		assert_str(buf_str(&b), rows[i].out);
	}
	struct buf b = buf_on(octets, sizeof octets);
	put_json(&b, (struct str){ "a\0b", 3 });
	assert_str(buf_str(&b), "a\\u0000b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_writer_writes),
		cmocka_unit_test(error_is_sticky),
		cmocka_unit_test(formatted_text_is_whole_or_not_there),
		cmocka_unit_test(json_is_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
