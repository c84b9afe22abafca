// The limits of messages, and that the worst of them costs little.
#include "wire/sip/msg_test.h"

#include <stdio.h>
#include <time.h>

static void lists_are_walked_to_their_limit(void **state)
{
	(void)state;
	static const uint32_t counts[] = { 1, 31, 32, 33, SIP_LIST_MAX, SIP_LIST_MAX + 1, 1000 };
	static char lines[16384];
	for (uint32_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct buf b = buf_on(lines, sizeof lines - 1);
		put_z(&b, "Accept: ");
		for (uint32_t k = 0; k < counts[i]; k++) put_fmt(&b, "a/%u,", k);
		put_z(&b, "\r\n");
		lines[b.n] = '\0';
		assert_int_equal(parse(request(OPTIONS_LINE, lines, "")), PARSE_OK);
		struct sip_walk walk = { 0 };
		struct str value;
		uint32_t seen = 0;
		while (sip_msg_each(&m, SIP_H_ACCEPT, &walk, &value)) seen++;
		assert_int_equal(seen, counts[i] < SIP_LIST_MAX ? counts[i] : SIP_LIST_MAX);
		assert_int_equal(walk.count > SIP_LIST_MAX, counts[i] > SIP_LIST_MAX);
		assert_false(sip_msg_each(&m, SIP_H_ACCEPT, &walk, &value));
	}
}

static void headers_are_counted_to_their_limit(void **state)
{
	(void)state;
	static char lines[16384];
	for (uint32_t extra = SIP_HEADERS_MAX - 6; extra < SIP_HEADERS_MAX + 200; extra++) {
		struct buf b = buf_on(lines, sizeof lines - 1);
		for (uint32_t k = 0; k < extra; k++) put_z(&b, "Via: SIP/2.0/UDP h\r\n");
		lines[b.n] = '\0';
		struct str in = request(OPTIONS_LINE, lines, "");
		if (extra + 5 <= SIP_HEADERS_MAX) assert_int_equal(parse(in), PARSE_OK);
		else assert_fault(in, 400, "Too Many Headers");
		assert_true(m.header_count <= SIP_HEADERS_MAX);
		assert_true(sip_msg_can_answer(&m));
	}
}

static void what_is_kept_is_limited(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after, *without, *why;
		uint32_t most;
		uint16_t status;
	} rows[] = {
		{ "Call-ID: ", "\r\n", "I", "Malformed Call-ID", SIP_PARAM_MAX, 400 },
		{ "From: <sip:a@h>;tag=", "\r\n", "F", "Malformed From", SIP_PARAM_MAX, 400 },
		{ "To: <sip:a@h>;tag=", "\r\n", "T", "Malformed To", SIP_PARAM_MAX, 400 },
		{ "Via: SIP/2.0/UDP h;branch=", "\r\n", "V", "Malformed Via", SIP_PARAM_MAX, 400 },
		{ "From: <sip:", "@h>\r\n", "F", "Malformed From", SIP_URI_MAX - 6, 400 },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (uint32_t n = rows[i].most; n <= 9000; n = n == rows[i].most ? n + 1 : n * 2) {
			static char line[16384];
			struct buf b = buf_on(line, sizeof line - 1);
			put_z(&b, rows[i].before);
			for (uint32_t k = 0; k < n; k++) put_c(&b, 'x');
			put_z(&b, rows[i].after);
			line[b.n] = '\0';
			struct str in = request(OPTIONS_LINE, line, rows[i].without);
			if (n <= rows[i].most) assert_int_equal(parse(in), PARSE_OK);
			else assert_fault(in, rows[i].status, rows[i].why);
		}
	}
	static char start[2048];
	snprintf(start, sizeof start, "OPTIONS sip:%0*d SIP/2.0\r\n", SIP_URI_MAX - 4, 0);
	assert_int_equal(parse(request(start, "", "")), PARSE_OK);
	snprintf(start, sizeof start, "OPTIONS sip:%0*d SIP/2.0\r\n", SIP_URI_MAX - 3, 0);
	assert_fault(request(start, "", ""), 414, "Request-URI Too Long");
	assert_true(sip_msg_can_answer(&m));
	memset(made, 'x', sizeof made);
	assert_fault((struct str){ made, SIP_MESSAGE_MAX + 1 }, 0, "Message Too Large");
}

static void full_arena_is_a_fault(void **state)
{
	(void)state;
	struct arena small = { .p = arena.p, .cap = 8 };
	struct str in = request(OPTIONS_LINE, "Subject: 1234\r\n 5678\r\n", "");
	assert_int_equal(sip_msg_parse(&m, in, &small, &fault), PARSE_BAD);
	assert_int_equal(fault.status, 513);
	assert_false(sip_msg_has(&m, SIP_H_SUBJECT));
	small.cap = 9;
	assert_int_equal(sip_msg_parse(&m, in, &small, &fault), PARSE_OK);
	assert_str(sip_msg_header(&m, SIP_H_SUBJECT), "1234 5678");
}

// 64 KB of what invites to look twice: work stays in proportion. (Quadratic work would be seconds, not milliseconds.)
static void worst_messages_cost_little(void **state)
{
	(void)state;
	static const char *const patterns[] = {
		"<", "\"", ",", ";", "\\", "\"<", "a,", "<,", "\",", "%", "@", ";a=", "\r\n ", "[", "=", "a:", "a:b\r\n", "\n",
		"\r", " ", "\t", "\\\"",
	};
	static const char *const starts[] = {
		"Contact: ", "From: <sip:a@h>;x=", "Via: SIP/2.0/UDP h;x=", "X: ", "To: \"", "Supported: \"",
	};
	static char big[SIP_MESSAGE_MAX];
	clock_t worst = 0;
	for (uint32_t i = 0; i < ARRAY_LEN(patterns) * ARRAY_LEN(starts); i++) {
		const char *pattern = patterns[i % ARRAY_LEN(patterns)];
		struct buf b = buf_on(big, sizeof big);
		put_z(&b, OPTIONS_LINE "i: 1\r\nf: <sip:a>\r\nCSeq: 1 OPTIONS\r\n");
		put_z(&b, starts[i / ARRAY_LEN(patterns)]);
		while (b.n + strlen(pattern) + 8 < b.cap) put_z(&b, pattern);
		put_z(&b, "\r\n\r\n");
		clock_t before = clock();
		parse(buf_str(&b));
		struct str value;
		for (uint32_t id = 0; id < SIP_H_OTHER; id++) {
			struct sip_walk walk = { 0 };
			while (sip_msg_each(&m, (enum sip_header_id)id, &walk, &value)) {
				struct sip_name_addr a;
				sip_name_addr_parse(&a, value);
			}
		}
		sip_msg_has_token(&m, SIP_H_SUPPORTED, STR("timer"));
		clock_t took = clock() - before;
		if (took > worst) worst = took;
	}
	if (worst > CLOCKS_PER_SEC / 5) fail_msg("%ld ms", (long)(worst * 1000 / CLOCKS_PER_SEC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_walked_to_their_limit),
		cmocka_unit_test(headers_are_counted_to_their_limit),
		cmocka_unit_test(what_is_kept_is_limited),
		cmocka_unit_test(full_arena_is_a_fault),
		cmocka_unit_test(worst_messages_cost_little),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
