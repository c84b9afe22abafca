#include "cdr_text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void put_name(void *self, struct buf *b, char what, uint32_t id)
{
	(void)self;
	if (what == 'L' && id == 7) put_z(b, "lobby");
	if (what == 'T' && id == 9) put_z(b, "granite");
	if (what == 'F') put_z(b, "forward-all");
}
static const struct trail_names names = { NULL, put_name };

static struct call_record record(const char *display)
{
	struct call_record r = { .kind = RECORD_RELEASE, .sequence = 12, .call = (1ull << 53) + 1 };
	r.began_wall_ms = 1700000000123;
	r.ended_wall_ms = 1700000065123;
	r.answered_for_ms = 61499;
	r.answered = true;
	r.cause = (struct cause){ .value = CAUSE_NORMAL, .location = LOCATION_USER };
	snprintf(r.dialled, sizeof r.dialled, "6035550102");
	assert_int_equal(number_set(&r.called, NUMBER_INTERNATIONAL, STR("16035550102")), OK);
	r.o.line = 7;
	r.t.trunk_group = 9;
	assert_int_equal(number_set(&r.o.party.number, NUMBER_INTERNATIONAL, STR("16035550101")), OK);
	struct str name = str_from(display);
	r.o.party.name_n = (uint8_t)name.n;
	memcpy(r.o.party.name, name.p, name.n);
	return r;
}

static struct str text_of(enum cdr_format format, const struct call_record *r, const struct trail_names *n)
{
	static char text[CDR_ROW_MAX];
	struct buf b = buf_on(text, sizeof text);
	put_cdr(&b, format, r, n);
	assert_int_equal(b.err, OK);
	return buf_str(&b);
}

static bool has(struct str text, const char *part)
{
	char z[CDR_ROW_MAX + 1];
	assert_true(str_to_z(z, sizeof z, text));
	return strstr(z, part) != NULL;
}

static void a_table_reads_well(void **state)
{
	(void)state;
	struct call_record r = record("Desk");
	char head[256];
	struct buf b = buf_on(head, sizeof head);
	put_cdr_head(&b, CDR_TABLE);
	assert_true(has(buf_str(&b), "number    began (UTC)               from"));
	struct str row = text_of(CDR_TABLE, &r, &names);
	assert_true(has(row, "12        2023-11-14T22:13:20.123Z  +16035550101            +16035550102 granite    1:01"));
	assert_true(has(row, "  1:01     16 "));
	r.answered = false;
	r.emergency = r.recovered = true;
	assert_true(has(text_of(CDR_TABLE, &r, NULL), "+16035550102 9          -        16 "));
	assert_true(has(text_of(CDR_TABLE, &r, NULL), ", emergency, recovered\n"));
}

static void csv_has_a_cell_for_each_head(void **state)
{
	(void)state;
	struct call_record r = record("Desk");
	char text[2048];
	struct buf b = buf_on(text, sizeof text);
	put_cdr_head(&b, CDR_CSV);
	uint32_t heads = 0, cells = 0;
	struct str head = buf_str(&b), row = text_of(CDR_CSV, &r, &names);
	for (uint32_t i = 0; i < head.n; i++) heads += head.p[i] == ',';
	for (uint32_t i = 0; i < row.n; i++) cells += row.p[i] == ',';
	assert_int_equal(heads, cells);
	assert_true(str_starts(head, STR("sequence,call,began,")));
	assert_true(str_starts(row, STR("12,9007199254740993,2023-11-14T22:13:20.123Z,,,"
	                                "2023-11-14T22:14:25.123Z,61499,yes,")));
	assert_true(has(row, ",lobby,,0,+16035550101,Desk,")); // telephone numbers stay numbers
	assert_true(has(row, ",6035550102,+16035550102,,,,0,")); // not diverted, no codec
	assert_true(row.p[row.n - 2] == '\r' && row.p[row.n - 1] == '\n');
}

static void csv_cannot_be_made_to_act(void **state)
{
	(void)state;
	static const struct {
		const char *display, *cell;
	} rows[] = {
		{ "=cmd|' /C calc'!A0", ",'=cmd|' /C calc'!A0," },
		{ "+1+1", ",'+1+1," },
		{ "+16035550101", ",+16035550101," },
		{ "-1", ",'-1," },
		{ "@SUM(A1)", ",'@SUM(A1)," },
		{ "\t=1", ",?=1," },
		{ "=1,2\"x", ",\"'=1,2\"\"x\"," },
		{ "a,b", ",\"a,b\"," },
		{ "\"q\"", ",\"\"\"q\"\"\"," },
		{ "a\r\nb", ",a??b," },
		{ "\x1b[31mred", ",?[31mred," },
		{ "\xc2\x9b" "31m", ",?31m," },
		{ "\xff\xfe", ",??," },
		{ "Ren\xc3\xa9" "e", ",Ren\xc3\xa9" "e," },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct call_record r = record(rows[i].display);
		if (!has(text_of(CDR_CSV, &r, NULL), rows[i].cell)) fail_msg("%s", rows[i].cell);
	}
}

static void json_lines_are_whole(void **state)
{
	(void)state;
	struct call_record r = record("a\"b\x1b\xff");
	struct str row = text_of(CDR_JSON, &r, &names);
	assert_true(str_starts(row, STR("{\"sequence\":12,\"call\":\"9007199254740993\","
	                                "\"began\":\"2023-11-14T22:13:20.123Z\",\"alerted\":null,")));
	assert_true(has(row, "\"o_line\":\"lobby\",\"o_trunk_group\":null,"));
	assert_true(has(row, "\"o_name\":\"a\\\"b\\u001b\\u00ff\","));
	assert_true(has(row, "\"was_answered\":true,\"emergency\":false,"));
	assert_true(row.p[row.n - 1] == '\n' && row.p[row.n - 2] == '}');
	r.diverted_from = r.called;
	assert_true(has(text_of(CDR_JSON, &r, &names), "\"diversion_feature\":\"forward-all\""));
	assert_true(has(text_of(CDR_JSON, &r, NULL), "\"o_line\":\"7\""));
}

// Every text as long as it can be, of octets that grow when they are escaped.
static void the_longest_row_fits(void **state)
{
	(void)state;
	struct call_record r;
	memset(&r, 0xff, offsetof(struct call_record, answered));
	memset((char *)&r + offsetof(struct call_record, call), 0xff, sizeof r - offsetof(struct call_record, call));
	r.answered = r.emergency = r.unsynced = r.recovered = true;
	memset(r.o.call_id, 1, sizeof r.o.call_id - 1);
	memset(r.t.call_id, 1, sizeof r.t.call_id - 1);
	memset(r.dialled, 1, sizeof r.dialled - 1);
	memset(r.codec, 1, sizeof r.codec - 1);
	r.o.call_id[sizeof r.o.call_id - 1] = r.t.call_id[sizeof r.t.call_id - 1] = 0;
	r.o.party.name_n = r.t.party.name_n = PARTY_NAME_MAX;
	memset(r.called.digits, '9', NUMBER_DIGITS_MAX);
	r.called.n = NUMBER_DIGITS_MAX;
	r.diverted_from = r.o.party.number = r.t.party.number = r.called;
	r.o.peer.family = r.t.peer.family = 6;
	for (int format = CDR_TABLE; format <= CDR_JSON; format++) text_of((enum cdr_format)format, &r, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_reads_well),
		cmocka_unit_test(csv_has_a_cell_for_each_head),
		cmocka_unit_test(csv_cannot_be_made_to_act),
		cmocka_unit_test(json_lines_are_whole),
		cmocka_unit_test(the_longest_row_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
