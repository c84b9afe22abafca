// Who forwarded a call: read from both headers, written into both, from the one into the other.
#include "sip_divert.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// What sip_divert.c takes of its neighbours.
void put_number_user(struct buf *b, const struct number *n)
{
	put_number(b, n);
}

static char memory[8192], text[8192];

static struct sip_diversions read_of(const char *headers, uint8_t spoken)
{
	static struct sip_msg m;
	struct arena arena = { .p = memory, .cap = sizeof memory };
	struct buf b = buf_on(text, sizeof text);
	struct sip_diversions d;
	struct sip_fault fault;
	put_fmt(&b,
		"INVITE sip:+12125550123@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
		"To: <sip:+12125550123@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n%s\r\n", headers);
	assert_int_equal(b.err, OK);
	assert_int_equal(sip_msg_parse(&m, buf_str(&b), &arena, &fault), PARSE_OK);
	divert_read(&d, &m, spoken, &arena);
	return d;
}

static void assert_one(const struct diversion *d, const char *number, enum diversion_reason reason, bool shown)
{
	char digits[32];
	struct buf b = buf_on(digits, sizeof digits);
	if (d->from.n) put_number(&b, &d->from);
	put_c(&b, 0);
	assert_string_equal(digits, number);
	assert_int_equal(d->reason, reason);
	assert_int_equal(d->presentation, shown ? PRESENT_ALLOWED : PRESENT_RESTRICTED);
}

static void diversion_is_read_newest_first(void **state)
{
	(void)state;
	struct sip_diversions d = read_of(
		"Diversion: \"B\" <sip:+16035550103@h;user=phone>;privacy=\"full\";reason=user-busy;counter=2\r\n"
		"Diversion: <tel:+1-603-555-0102;ext=7>;reason=UNCONDITIONAL, <sip:alice@h>;reason=away;privacy=off\r\n",
		OFFICE_DIVERSION_BOTH);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.total, 4);
	assert_one(&d.list[0], "", DIVERSION_UNKNOWN, true);
	assert_one(&d.list[1], "+16035550102", DIVERSION_UNCONDITIONAL, true);
	assert_one(&d.list[2], "+16035550103", DIVERSION_BUSY, false);
}

static void what_is_no_diversion_is_passed_over(void **state)
{
	(void)state;
	struct sip_diversions d = read_of("Diversion: <sip:+16035550102@h>;counter=x;privacy=secret\r\n"
		"Diversion: *\r\nDiversion: <nothing\r\nDiversion: <sip:+16035550103@h>;counter=0\r\n", OFFICE_DIVERSION_BOTH);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.total, 2);
	assert_one(&d.list[0], "+16035550103", DIVERSION_UNKNOWN, true);
	assert_one(&d.list[1], "+16035550102", DIVERSION_UNKNOWN, false);
	assert_int_equal(read_of("Diversion: <sip:1@h>\r\n", OFFICE_DIVERSION_HISTORY).total, 0);
	assert_int_equal(read_of("History-Info: <sip:1@h>;index=1, <sip:2@h;cause=302>;index=2\r\n",
		OFFICE_DIVERSION_DIVERSION).total, 0);
}

static void of_many_the_first_and_the_last_are_kept(void **state)
{
	(void)state;
	struct sip_diversions d = read_of("Diversion: <sip:7@h>,<sip:6@h>,<sip:5@h>,<sip:4@h>,<sip:3@h>,<sip:2@h>\r\n"
		"Diversion: <sip:1@h>;counter=99\r\n", OFFICE_DIVERSION_BOTH);
	assert_int_equal(d.n, DIVERSIONS_MAX);
	assert_int_equal(d.total, 99);
	assert_one(&d.list[0], "1", DIVERSION_UNKNOWN, true);
	assert_one(&d.list[1], "4", DIVERSION_UNKNOWN, true);
	assert_one(&d.list[4], "7", DIVERSION_UNKNOWN, true);
}

static void history_is_read_oldest_first(void **state)
{
	(void)state;
	struct sip_diversions d = read_of("History-Info: <sip:+16035550102@h?Privacy=history>;index=1,"
		"<sip:+16035550103@h;cause=486>;index=1.1;mp=1\r\n"
		"History-Info: <sip:b@192.0.2.9>;index=1.1.1;rc=1.1,<sip:+12125550123@h;cause=408>;index=1.2;mp=1.1\r\n"
		"Diversion: <sip:+19995550100@h>;reason=deflection\r\n", OFFICE_DIVERSION_BOTH);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.total, 2);
	assert_one(&d.list[0], "+16035550102", DIVERSION_BUSY, false);
	assert_one(&d.list[1], "+16035550103", DIVERSION_NO_ANSWER, true);
}

// RFC 7044 without the causes of RFC 4458: the reason stands where the call left.
static void history_tells_reasons_where_a_call_left(void **state)
{
	(void)state;
	struct sip_diversions d = read_of(
		"History-Info: <sip:+16035550102@h?Reason=SIP%3Bcause%3D302%3Btext%3D%22moved%22>;index=1\r\n"
		"History-Info: <sip:+16035550103@h?Reason=Q.850%3Bcause%3D17>;index=2\r\n"
		"History-Info: <sip:+16035550104@h>;index=3;mp=2\r\nHistory-Info: <sip:+16035550105@h>;index=4;np=3\r\n",
		OFFICE_DIVERSION_BOTH);
	assert_int_equal(d.n, 2);
	assert_one(&d.list[0], "+16035550102", DIVERSION_UNCONDITIONAL, true);
	assert_one(&d.list[1], "+16035550103", DIVERSION_UNKNOWN, true);
	assert_int_equal(read_of("History-Info: <sip:1@h>;index=1\r\n", OFFICE_DIVERSION_BOTH).total, 0);
	assert_int_equal(read_of("History-Info: *, <sip:1@h;cause=302>;index=1\r\n", OFFICE_DIVERSION_BOTH).total, 0);
	d = read_of("Privacy: history\r\nHistory-Info: <sip:+16035550102@anonymous.invalid>;index=1,<sip:2@h;cause=480>\r\n",
		OFFICE_DIVERSION_BOTH);
	assert_one(&d.list[0], "", DIVERSION_DEFLECTION, false);
}

static const char *written(const struct diversion *list, uint8_t n, uint8_t total, uint8_t spoken, bool trusted)
{
	static char out[2048];
	struct buf b = buf_on(out, sizeof out - 1);
	const struct verb_offer o = { .diversions = list, .diversion_count = n, .diverted = total };
	put_diversions(&b, &(struct divert_told){ .offer = &o, .target = STR("sip:+12125550123@far"), .host = STR("realm"),
		.spoken = spoken, .trusted = trusted });
	assert_int_equal(b.err, OK);
	out[b.n] = 0;
	return out;
}

static void each_network_is_told_in_its_own_way(void **state)
{
	(void)state;
	struct diversion list[2] = { { .reason = DIVERSION_BUSY, .presentation = PRESENT_ALLOWED },
		{ .reason = DIVERSION_NO_ANSWER, .presentation = PRESENT_RESTRICTED } };
	assert_int_equal(number_set(&list[0].from, NUMBER_INTERNATIONAL, STR("16035550102")), OK);
	assert_int_equal(number_set(&list[1].from, NUMBER_INTERNATIONAL, STR("16035550103")), OK);
	assert_string_equal(written(list, 2, 4, OFFICE_DIVERSION_DIVERSION, true),
		"Diversion: <sip:+16035550103@realm>;reason=no-answer;counter=1;privacy=full\r\n"
		"Diversion: <sip:+16035550102@realm>;reason=user-busy;counter=3;privacy=off\r\n");
	assert_string_equal(written(list, 2, 2, OFFICE_DIVERSION_DIVERSION, false),
		"Diversion: <sip:anonymous@anonymous.invalid>;reason=no-answer;counter=1;privacy=full\r\n"
		"Diversion: <sip:+16035550102@realm>;reason=user-busy;counter=1;privacy=off\r\n");
	assert_string_equal(written(list, 2, 2, OFFICE_DIVERSION_HISTORY, true),
		"History-Info: <sip:+16035550102@realm>;index=1\r\n"
		"History-Info: <sip:+16035550103@realm;cause=486?Privacy=history>;index=1.1;mp=1\r\n"
		"History-Info: <sip:+12125550123@far;cause=408>;index=1.1.1;mp=1.1\r\n");
	assert_string_equal(written(list, 2, 2, OFFICE_DIVERSION_HISTORY, false),
		"History-Info: <sip:+16035550102@realm>;index=1\r\n"
		"History-Info: <sip:anonymous@anonymous.invalid;cause=486>;index=1.1;mp=1\r\n"
		"History-Info: <sip:+12125550123@far;cause=408>;index=1.1.1;mp=1.1\r\n");
	assert_string_equal(written(list, 2, 2, OFFICE_DIVERSION_NONE, true), "");
	assert_string_equal(written(list, 0, 0, OFFICE_DIVERSION_BOTH, true), "");
}

// Whatever we write we read again, in both forms.
static void what_is_written_is_read(void **state)
{
	(void)state;
	struct diversion list[DIVERSIONS_MAX] = { 0 };
	for (uint8_t i = 0; i < DIVERSIONS_MAX; i++) {
		assert_int_equal(number_set(&list[i].from, NUMBER_INTERNATIONAL, STR("16035550102")), OK);
		list[i].from.digits[10] = (char)('0' + i);
		list[i].reason = (uint8_t)(i + 1);
		list[i].presentation = i % 2 ? PRESENT_RESTRICTED : PRESENT_ALLOWED;
	}
	for (uint8_t spoken = OFFICE_DIVERSION_DIVERSION; spoken <= OFFICE_DIVERSION_HISTORY; spoken++) {
		struct sip_diversions d = read_of(written(list, DIVERSIONS_MAX, DIVERSIONS_MAX, spoken, true), spoken);
		assert_int_equal(d.n, DIVERSIONS_MAX);
		assert_memory_equal(d.list, list, sizeof list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diversion_is_read_newest_first),
		cmocka_unit_test(what_is_no_diversion_is_passed_over),
		cmocka_unit_test(of_many_the_first_and_the_last_are_kept),
		cmocka_unit_test(history_is_read_oldest_first),
		cmocka_unit_test(history_tells_reasons_where_a_call_left),
		cmocka_unit_test(each_network_is_told_in_its_own_way),
		cmocka_unit_test(what_is_written_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
