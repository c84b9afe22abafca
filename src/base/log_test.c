// Log lines: one JSON object each, whatever the network put into a value.
#include "log.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char seen[8192];
static uint32_t seen_bytes, lines;

static void sink(enum log_level level, struct str line)
{
	(void)level;
	assert_true(line.n <= sizeof seen);
	memcpy(seen, line.p, line.n);
	seen_bytes = line.n;
	lines++;
}

// The line without its time, which begins all of them.
static struct str last(void)
{
	struct str line = { seen, seen_bytes };
	assert_true(str_starts(line, STR("{\"time\":\"20")));
	assert_true(line.n > 35 && str_eq(str_head(str_from_at(line, 32), 3), STR("Z\",")));
	return str_from_at(line, 35);
}

static void assert_line(const char *wanted)
{
	if (!str_eq(last(), str_from(wanted))) fail_msg("got %.*s wanted %s", STR_FMT(last()), wanted);
}

static void fields_are_written_by_kind(void **state)
{
	(void)state;
	struct addr a;
	assert_int_equal(addr_parse(&a, STR("[2001:db8::1]:5060")), OK);
	LOG(WARN, "trunk_silent", LOG_TEXT("no answer"), LOG_STR("trunk", STR("east")), LOG_U64("for_ms", 4000),
	    LOG_ADDR("peer", &a));
	assert_line("\"level\":\"warn\",\"event\":\"trunk_silent\",\"text\":\"no answer\",\"trunk\":\"east\","
	            "\"for_ms\":4000,\"peer\":\"[2001:db8::1]:5060\"}\n");
}

static void values_cannot_leave_their_quotes(void **state)
{
	(void)state;
	const struct str evil = STR("a\"}\n{\"event\":\"x\\\r\x1b[2J\xc2\x9b\0\xff");
	LOG(ERROR, "evil", LOG_STR("name", evil));
	assert_line("\"level\":\"error\",\"event\":\"evil\",\"name\":\"a\\\"}\\u000a{\\\"event\\\":\\\"x\\\\\\u000d"
	            "\\u001b[2J\\u009b\\u0000\\u00ff\"}\n");
	for (uint32_t i = 0; i + 1 < seen_bytes; i++) assert_true((unsigned char)seen[i] >= ' ');
}

static void what_is_too_long_is_cut_or_left_out(void **state)
{
	(void)state;
	char large[2000];
	memset(large, '\n', sizeof large); // six octets each when escaped
	const struct str s = { large, sizeof large };
	LOG(INFO, "large", LOG_STR("a", s), LOG_STR("b", s), LOG_U64("c", 1));
	struct str line = last();
	assert_true(seen_bytes <= 4096);
	assert_true(str_starts(line, STR("\"level\":\"info\",\"event\":\"large\",\"a\":\"\\u000a")));
	// The second does not fit and is left out whole; what comes after it fits again.
	assert_true(str_eq(str_from_at(line, line.n - 15), STR("\\u000a\",\"c\":1}\n")));
}

static void level_decides(void **state)
{
	(void)state;
	uint32_t before = lines;
	LOG(DEBUG, "quiet", LOG_U64("n", 1));
	assert_int_equal(lines, before);
	log_level = LOG_DEBUG;
	LOG(DEBUG, "loud", LOG_U64("n", 1));
	assert_int_equal(lines, before + 1);
	log_level = LOG_ERROR;
	LOG(WARN, "quiet", LOG_U64("n", 1));
	assert_int_equal(lines, before + 1);
	log_level = LOG_INFO;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_written_by_kind),
		cmocka_unit_test(values_cannot_leave_their_quotes),
		cmocka_unit_test(what_is_too_long_is_cut_or_left_out),
		cmocka_unit_test(level_decides),
	};
	log_quiet = true;
	log_also = sink;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
