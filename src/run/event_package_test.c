// Bodies of NOTIFY: what they say, and that nothing breaks out of them.
#include "event_package.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/testing.h"

static struct bench {
	struct live *live;
	struct watched_lines lines;
	struct watched_line *line;
	char text[32768];
} b;

static int setup(void **state)
{
	(void)state;
	b.live = must(live_new(&(struct live_limits){ .lines_max = 16, .trunk_groups_max = 2, .nonces = 16,
		.guard_entries = 16 }, 1));
	assert_int_equal(watched_lines_init(&b.lines, 4, (struct hash_key){ { 1 } }), OK);
	b.line = must(watched_line_need(&b.lines, 7));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watched_lines_fini(&b.lines);
	live_free(b.live);
	rcu_drain();
	return 0;
}

static struct event_view view(void)
{
	return (struct event_view){ .line = b.line, .live = b.live, .now_ms = 1000, .entity = STR("sip:7@example.com"),
		.realm = STR("example.com"), .version = 3 };
}

static const char *body(enum event_package p)
{
	const struct event_view v = view();
	struct buf out = buf_on(b.text, sizeof b.text - 1);
	put_event_body(&out, p, &v);
	assert_int_equal(out.err, OK);
	b.text[out.n] = '\0';
	return b.text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part)) fail_msg("no \"%s\" in: %s", part, text);
}

static uint64_t print(enum event_package p)
{
	const struct event_view v = view();
	uint64_t is = event_print(p, &v);
	assert_int_not_equal(is, 0);
	return is;
}

static void packages_have_their_names(void **state)
{
	(void)state;
	char text[64];
	struct buf names = buf_on(text, sizeof text);
	put_event_packages(&names);
	assert_true(str_eq(buf_str(&names), STR("dialog, message-summary, reg")));
	assert_int_equal(event_package_from(STR("DIALOG")), PACKAGE_DIALOG);
	assert_int_equal(event_package_from(STR("reg")), PACKAGE_REGISTRATION);
	assert_int_equal(event_package_from(STR("")), EVENT_PACKAGE_COUNT);
	assert_int_equal(event_package_from(STR("dialog.x")), EVENT_PACKAGE_COUNT);
}

static void a_dialog_is_shown(void **state)
{
	(void)state;
	struct line_dialog d = { .line = 7, .call = 0x1f, .state = DIALOG_CONFIRMED, .called = true };
	assert_int_equal(number_set(&d.far.number, NUMBER_INTERNATIONAL, STR("16035550101")), OK);
	const char name[] = "<A & \"B\">\x01\xff";
	memcpy(d.far.name, name, sizeof name - 1);
	d.far.name_n = sizeof name - 1;
	strcpy(d.call_id, "c'1");
	strcpy(d.our_tag, "ours");
	strcpy(d.phone_tag, "theirs");
	uint64_t idle = print(PACKAGE_DIALOG);
	assert_non_null(watched_line_take(&b.lines, &d, 0));
	assert_int_not_equal(print(PACKAGE_DIALOG), idle);
	const char *text = body(PACKAGE_DIALOG);
	assert_has(text, "version=\"3\" state=\"full\" entity=\"sip:7@example.com\"");
	assert_has(text, "<dialog id=\"1f-1\" call-id=\"c&apos;1\" local-tag=\"theirs\" remote-tag=\"ours\""
	                 " direction=\"recipient\">");
	assert_has(text, "<state>confirmed</state>");
	assert_has(text, "<identity display=\"&lt;A &amp; &quot;B&quot;&gt;??\">sip:+16035550101@example.com</identity>");
	d.far.presentation = PRESENT_RESTRICTED;
	d.far.name_n = 0;
	assert_null(watched_line_take(&b.lines, &d, 1));
	assert_has(body(PACKAGE_DIALOG), "<identity>sip:anonymous@anonymous.invalid</identity>");
}

static void a_body_has_an_end(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < LINE_DIALOGS_MAX; i++) {
		struct line_dialog d = { .line = 7, .call = i + 1, .state = DIALOG_EARLY };
		memset(d.call_id, '&', LINE_DIALOG_CALL_ID_MAX); // the longest when it is escaped
		memset(d.our_tag, '&', LINE_DIALOG_TAG_MAX);
		memset(d.phone_tag, '&', LINE_DIALOG_TAG_MAX);
		watched_line_take(&b.lines, &d, 0);
	}
	const char *text = body(PACKAGE_DIALOG);
	uint32_t shown = 0;
	for (const char *at = text; (at = strstr(at, "<state>")); at++) shown++;
	assert_int_equal(shown, DIALOGS_SHOWN_MAX);
	assert_has(text, "</dialog-info>");
	assert_true(strlen(text) < 20000);
}

static void nothing_is_a_dialog_that_ended(void **state)
{
	(void)state;
	assert_has(body(PACKAGE_DIALOG), "<state>terminated</state>");
}

static void messages_are_counted(void **state)
{
	(void)state;
	uint64_t none = print(PACKAGE_MESSAGES);
	assert_has(body(PACKAGE_MESSAGES), "Messages-Waiting: no\r\nMessage-Account: sip:7@example.com\r\n"
	                                   "Voice-Message: 0/0 (0/0)\r\n");
	waiting_set(b.live->waiting, 7, (struct waiting){ 2, 8, 1, 0 });
	assert_int_not_equal(print(PACKAGE_MESSAGES), none);
	assert_has(body(PACKAGE_MESSAGES), "Messages-Waiting: yes\r\n");
	assert_has(body(PACKAGE_MESSAGES), "Voice-Message: 2/8 (1/0)\r\n");
}

static void registrations_are_listed(void **state)
{
	(void)state;
	struct binding is = { .contact = STR("sip:7@10.0.0.5;a=b&c"), .call_id = STR("c"), .expires_ms = 61000, .q = 700 };
	uint64_t none = print(PACKAGE_REGISTRATION);
	assert_has(body(PACKAGE_REGISTRATION), "state=\"init\"");
	assert_int_equal(location_put(b.live->location, 7, 0, &is, 1), OK);
	assert_int_not_equal(print(PACKAGE_REGISTRATION), none);
	const char *text = body(PACKAGE_REGISTRATION);
	assert_has(text, "aor=\"sip:7@example.com\" state=\"active\"");
	assert_has(text, "expires=\"60\" q=\"0.700\"><uri>sip:7@10.0.0.5;a=b&amp;c</uri></contact>");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = { TEST(packages_have_their_names), TEST(a_dialog_is_shown), TEST(a_body_has_an_end),
		TEST(nothing_is_a_dialog_that_ended), TEST(messages_are_counted), TEST(registrations_are_listed) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
