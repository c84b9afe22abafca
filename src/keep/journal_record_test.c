#include "journal_record.c"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void fill(struct call_record *r)
{
	memset(r, 0, sizeof *r);
	r->kind = RECORD_RELEASE;
	r->released_by = 2;
	r->answered = r->recovered = true;
	r->call = 0x100000000000001;
	r->began_wall_ms = 1700000000000;
	r->answered_for_ms = 256; // its first octet is zero
	r->cause = cause_local(CAUSE_NORMAL);
	snprintf(r->dialled, sizeof r->dialled, "6035550102");
	snprintf(r->codec, sizeof r->codec, "PCMU");
	assert_int_equal(number_set(&r->called, NUMBER_INTERNATIONAL, STR("16035550102")), OK);
	r->o.line = 7;
	r->t.trunk_group = 9;
	assert_int_equal(addr_parse(&r->t.peer, STR("[2001:db8::1]:5060")), OK);
	snprintf(r->t.call_id, sizeof r->t.call_id, "abc@d");
	r->t.media = (struct record_media){ 1, 2, 3, 0xffffffff };
	r->t.dialog_n = 3;
	memcpy(r->t.dialog, "\0\1\0", 3); // zeros at the end count here
	r->trail_n = 2;
	r->trail[1] = (struct trail_row){ .at_ms = 5, .kind = TRAIL_ANSWERED, .a = 1 };
	r->ladder_n = RECORD_LADDER_MAX;
	for (uint32_t i = 0; i < RECORD_LADDER_MAX; i++) r->ladder[i].at_ms = i;
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	static struct call_record r, back;
	char text[CALL_RECORD_BYTES_MAX];
	struct buf b = buf_on(text, sizeof text);
	fill(&r);
	put_call_record(&b, &r);
	assert_int_equal(b.err, OK);
	assert_in_range(b.n, 100, 1900); // the ladder is 1,536 of them
	assert_int_equal(call_record_parse(&back, buf_str(&b)), OK);
	assert_memory_equal(&r, &back, sizeof r);
}

static void the_largest_record_fits(void **state)
{
	(void)state;
	static struct call_record r;
	char text[CALL_RECORD_BYTES_MAX];
	struct buf b = buf_on(text, sizeof text);
	memset(&r, 0xff, offsetof(struct call_record, answered));
	memset((char *)&r + offsetof(struct call_record, call), 0xff, sizeof r - offsetof(struct call_record, call));
	put_call_record(&b, &r);
	assert_int_equal(b.err, OK);
}

static void unknown_fields_are_passed_over(void **state)
{
	(void)state;
	static struct call_record r, back;
	char text[CALL_RECORD_BYTES_MAX];
	struct buf b = buf_on(text, sizeof text);
	fill(&r);
	put(&b, STR("\xf0\x03" "new"));
	put_call_record(&b, &r);
	put(&b, STR("\xf1\x01" "x"));
	put(&b, STR("\x14\x05\x01\x00\x00\x00\x09")); // rules_version grew to five octets: its first four
	r.rules_version = 1;
	assert_int_equal(call_record_parse(&back, buf_str(&b)), OK);
	assert_memory_equal(&r, &back, sizeof r);
}

static void broken_records_are_refused(void **state)
{
	(void)state;
	static struct call_record r, back;
	char text[CALL_RECORD_BYTES_MAX];
	struct buf b = buf_on(text, sizeof text);
	fill(&r);
	put_call_record(&b, &r);
	assert_int_equal(call_record_parse(&back, STR("")), ERR_BAD);
	assert_int_equal(call_record_parse(&back, STR("\x01\x01\x03")), ERR_BAD); // LIFE is no call's
	assert_int_equal(call_record_parse(&back, STR("\x01\x01\x02\x07")), ERR_BAD);
	assert_int_equal(call_record_parse(&back, STR("\x01\x01\x02\x07\x80")), ERR_BAD);
	assert_int_equal(call_record_parse(&back, STR("\x01\x01\x02\x07\xff\xff\xff\xff\x7f")), ERR_BAD);
	assert_int_equal(call_record_parse(&back, str_head(buf_str(&b), b.n - 1)), ERR_BAD);
}

static void whatever_comes_the_result_is_sound(void **state)
{
	(void)state;
	static struct call_record r;
	char text[CALL_RECORD_BYTES_MAX];
	struct random random;
	random_seed(&random, 0x5eed);
	for (uint32_t round = 0; round < 3000; round++) {
		struct buf b = buf_on(text, sizeof text);
		fill(&r);
		put_call_record(&b, &r);
		for (uint32_t i = 0; i < 8; i++) text[random_below(&random, 200)] = (char)random_u32(&random);
		enum err err = call_record_parse(&r, buf_str(&b));
		assert_true(err == OK || err == ERR_BAD);
		assert_true(r.trail_n <= TRAIL_MAX && r.ladder_n <= RECORD_LADDER_MAX && r.o.dialog_n <= RECORD_DIALOG_MAX);
	}
	assert_int_equal(call_record_parse(&r, STR("\x01\x01\x02\x0f\x02\x01\xff\x03\x01\x02")), OK);
	assert_int_equal(r.called.n, NUMBER_DIGITS_MAX);
	assert_true(r.answered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(the_largest_record_fits),
		cmocka_unit_test(unknown_fields_are_passed_over),
		cmocka_unit_test(broken_records_are_refused),
		cmocka_unit_test(whatever_comes_the_result_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
