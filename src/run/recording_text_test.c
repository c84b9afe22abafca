#include "recording_text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/recording_fixture.h"

#define TOP "dialtone recording 1\ncall number=7 began=1\n"

static void what_is_read_is_written_the_same(void **state)
{
	static const char *const names[] = { "answered", "forwarded", "failover", "digits", "feature", "silent", "ports" };
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		static char memory[4 * RECORDED_MAX];
		struct recorded *r = recorded_new(names[i]);
		struct buf b = buf_on(memory, sizeof memory);
		assert_int_equal(recorded_read(r), OK);
		put_recording(&b, r->recording);
		assert_int_equal(b.err, OK);
		assert_true(b.n <= recording_text_max(r->recording));
		assert_int_equal(b.n, r->n);
		assert_memory_equal(memory, r->text, r->n);
		recorded_free(r);
	}
}

// Any octets of a message come back: lines that end in nothing, in CR alone, backslashes, zeros.
static void any_message_comes_back(void **state)
{
	static const char *const texts[] = { "", "a", "a\r\n", "a\r\n\r\n", "\r\n", "a\nb\rc\r\n", "\\", "\\-",
		"\\x41\\-\r\n", " a ", "| a", "a \r\n  b\t\r\n\r\nv=0" };
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
		char memory[2048];
		struct recorded *r = recorded_new("answered");
		struct buf b = buf_on(memory, sizeof memory);
		struct recording *made = must(recording_new(&r->blocks, 2)), *read;
		recording_add(made, ENTRY_BEGIN, 0, &(struct entry_begin){ .call = 1 }, STR(""));
		recording_add(made, ENTRY_SENT, 0, &(struct entry_sent){ .leg = 3 }, str_from(texts[i]));
		put_recording(&b, made);
		assert_int_equal(recording_read(&read, &r->blocks, buf_str(&b), &r->fault), OK);
		const struct recording_entry *e = entry_find(read->first, ENTRY_SENT);
		assert_true(str_eq(entry_text(e), str_from(texts[i])));
		assert_int_equal(((const struct entry_sent *)entry_body(e))->leg, 3);
		recorded_free(r);
	}
}

static void every_field_comes_back(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < ENTRY_KIND_COUNT; kind++) {
		uint32_t count;
		const struct entry_field *fields = entry_fields(kind, &count);
		for (uint32_t i = 0; i < count; i++) {
			char text[600];
			uint64_t body[256] = { 0 }, again[256] = { 0 };
			struct buf b = buf_on(text, sizeof text);
			char *at = (char *)body + fields[i].offset;
			assert_true(fields[i].offset + fields[i].size <= entry_size(kind));
			if (fields[i].type == FIELD_ADDR || fields[i].type == FIELD_NET) *at = 4; // family; 0.0.0.0
			else if (fields[i].type == FIELD_TEXT) memset(at, '"', fields[i].size - 1u);
			else *at = 1;
			if (fields[i].type == FIELD_CHAR) *at = ' ';
			put_entry_field(&b, &fields[i], body);
			struct str value = buf_str(&b);
			if (fields[i].type == FIELD_TEXT || fields[i].type == FIELD_CHAR) continue; // quoted: see the round trips
			assert_true(entry_field_read(again, &fields[i], value));
			assert_memory_equal(again, body, sizeof body);
		}
	}
}

static void a_damaged_file_is_refused_with_line_and_reason(void **state)
{
	static const struct {
		const char *text;
		uint32_t line;
		const char *why;
	} rows[] = {
		{ "", 0, "it is empty" },
		{ "dialtone recording 2\n", 1, "the first line should be \"dialtone recording 1\"" },
		{ "dialtone recording 1\n", 1, "it is empty" },
		{ "dialtone recording 1\n\nlistener number=0\n", 3, "\"call\" begins a recording, once" },
		{ TOP "call number=8\n", 3, "\"call\" begins a recording, once" },
		{ TOP "cell number=8\n", 3, "there is no entry \"cell\"" },
		{ TOP "line id=1 colour=red\n", 3, "line has no field colour" },
		{ TOP "line id=x\n", 3, "id cannot be \"x\"" },
		{ TOP "line id=4294967296\n", 3, "id cannot be \"4294967296\"" },
		{ TOP "line id\n", 3, "\"id\" should be NAME=VALUE" },
		{ TOP "line suspended=perhaps\n", 3, "suspended cannot be \"perhaps\"" },
		{ TOP "line name=\"a\\q\"\n", 3, "after a \\ stands what is no escape" },
		{ TOP "line name=\"a\n", 3, "a quote is not closed" },
		{ TOP "line name=\"a\\x00b\"\n", 3, "name cannot be \"a" },
		{ TOP "trail at-ms=0 kind=NONSENSE\n", 3, "kind cannot be \"NONSENSE\"" },
		{ TOP "0.000 packet from=nowhere\n", 3, "from cannot be \"nowhere\"" },
		{ TOP "packet from=192.0.2.1:5060\n", 3, "a time belongs before what reached the call" },
		{ TOP "0.000 line id=1\n", 3, "a time belongs before what reached the call" },
		{ TOP "0.5 timer\n", 3, "a time should be as 12.345" },
		{ TOP "1.000 timer\n\n0.999 timer\n", 5, "the time goes backwards" },
		{ TOP "0.000 timer\n  | text\n", 4, "a line of a message stands where none belongs" },
		{ TOP "0.000 packet from=192.0.2.1:5060\n  | \\q\n", 4, "after a \\ stands what is no escape" },
	};
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct recorded *r = recorded_new("answered");
		r->n = (uint32_t)strlen(rows[i].text);
		memcpy(r->text, rows[i].text, r->n);
		assert_int_equal(recorded_read(r), ERR_BAD);
		assert_null(r->recording);
		assert_int_equal(r->fault.line, rows[i].line);
		if (strncmp(r->fault.why, rows[i].why, strlen(rows[i].why)) != 0) fail_msg("%s: %s", rows[i].why, r->fault.why);
		assert_int_equal(r->blocks.used, 0);
		recorded_free(r);
	}
}

static void a_file_without_an_end_of_size_is_refused(void **state)
{
	(void)state;
	static char text[1u << 20];
	struct recorded *r = recorded_new("answered");
	struct buf b = buf_on(text, sizeof text);
	put_z(&b, TOP);
	while (b.n < sizeof text - 100) put_z(&b, "0.000 timer\n");
	assert_int_equal(recording_read(&r->recording, &r->blocks, buf_str(&b), &r->fault), ERR_BAD);
	assert_string_equal(r->fault.why, "the recording is longer than a recording can be");
	b.n = 0;
	put_z(&b, TOP "0.000 packet from=192.0.2.1:5060\n");
	for (uint32_t i = 0; i < RECORDING_TEXT_MAX; i++) put_z(&b, "  | x\n");
	assert_int_equal(recording_read(&r->recording, &r->blocks, buf_str(&b), &r->fault), ERR_BAD);
	assert_string_equal(r->fault.why, "the message is longer than 12288 octets");
	recorded_free(r);
}

static void credentials_are_left_out(void **state)
{
	static const struct {
		const char *message, *without;
	} rows[] = {
		{ "INVITE sip:b SIP/2.0\r\nauthorization :Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:b\",\r\n"
		  " response=\"secret\"\r\nTo: x\r\n\r\nAuthorization: body",
		  "INVITE sip:b SIP/2.0\r\nauthorization : (left out) username=\"u\" realm=\"r\" uri=\"sip:b\"\r\nTo: x\r\n\r\n"
		  "Authorization: body" },
		{ "A\r\nProxy-Authorization: Basic secret\r\n\tsecret\r\n secret\r\n\r\n",
		  "A\r\nProxy-Authorization: (left out)\r\n\r\n" },
		{ "A\r\nAuthorization: secret", "A\r\nAuthorization: (left out)\r\n" },
		{ "A\nAuthorization:secret\nB: 1\n\n", "A\nAuthorization: (left out)\r\nB: 1\n\n" },
		{ "A\r\nAuthorizations: none\r\n\r\n", "A\r\nAuthorizations: none\r\n\r\n" },
		{ "", "" },
	};
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		char memory[512];
		struct buf b = buf_on(memory, sizeof memory - 1);
		put_without_credentials(&b, str_from(rows[i].message));
		memory[b.n] = '\0';
		assert_string_equal(memory, rows[i].without);
	}
}

static void a_file_is_loaded_whole_or_not_at_all(void **state)
{
	char folder[TEST_FOLDER_MAX], path[TEST_FOLDER_MAX + 16], *text;
	uint32_t n;
	(void)state;
	test_folder_make(folder);
	snprintf(path, sizeof path, "%s/call", folder);
	assert_int_equal(recording_load(&text, &n, path), ERR_NOT_FOUND);
	assert_null(text);
	assert_int_equal(recording_load(&text, &n, folder), ERR_SYSTEM);
	assert_null(text);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(TOP, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(recording_load(&text, &n, path), OK);
	assert_int_equal(n, strlen(TOP));
	assert_memory_equal(text, TOP, n);
	free(text);
	assert_int_equal(truncate(path, RECORDING_FILE_MAX), 0);
	assert_int_equal(recording_load(&text, &n, path), ERR_BAD);
	assert_null(text);
	test_folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_written_the_same),
		cmocka_unit_test(any_message_comes_back),
		cmocka_unit_test(every_field_comes_back),
		cmocka_unit_test(a_damaged_file_is_refused_with_line_and_reason),
		cmocka_unit_test(a_file_without_an_end_of_size_is_refused),
		cmocka_unit_test(credentials_are_left_out),
		cmocka_unit_test(a_file_is_loaded_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
