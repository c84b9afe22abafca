// The beginning of WebSockets, and frames in any pieces.
#include "ws.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"
#include "wire/net/ws_upgrade.h"

// ---- Beginning ------------------------------------------------------------------------------------------------------

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define REST "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define GOOD "GET /sip HTTP/1.1\r\nHost: sip.example\r\n" KEY REST "Sec-WebSocket-Protocol: chat, SIP\r\n"

static char answer[WS_ANSWER_MAX + 1];

static enum ws_upgrade upgrade(const char *request, const char *origins)
{
	struct buf b = buf_on(answer, WS_ANSWER_MAX);
	uint32_t length;
	uint32_t n = (uint32_t)strlen(request);
	char *own = must(malloc(n ? n : 1)); // so that whoever reads past the end is caught
	memcpy(own, request, n);
	enum ws_upgrade is = ws_upgrade(&length, &b, (struct str){ own, n }, str_from(origins));
	free(own);
	answer[b.n] = '\0';
	if (is != WS_UPGRADE_MORE) assert_true(length <= n);
	return is;
}

static void a_request_for_sip_is_taken(void **state)
{
	(void)state;
	assert_int_equal(upgrade(GOOD "\r\n", ""), WS_UPGRADE_GOOD);
	assert_non_null(strstr(answer, "HTTP/1.1 101 "));
	assert_non_null(strstr(answer, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")); // RFC 6455 §1.3
	assert_non_null(strstr(answer, "\r\nSec-WebSocket-Protocol: sip\r\n"));
	for (uint32_t n = 0; n < strlen(GOOD) + 2; n++) {
		char cut[sizeof GOOD + 2];
		snprintf(cut, n + 1, "%s", GOOD "\r\n");
		assert_int_equal(upgrade(cut, ""), WS_UPGRADE_MORE);
	}
}

static void what_is_no_websocket_for_sip_is_refused(void **state)
{
	(void)state;
	static const struct { const char *request, *status; } wrong[] = {
		{ "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "400" },
		{ "GET / HTTP/1.0\r\nHost: a\r\n" KEY REST "Sec-WebSocket-Protocol: sip\r\n\r\n", "400" },
		{ "GET / HTTP/1.1\r\n" KEY REST "Sec-WebSocket-Protocol: sip\r\n\r\n", "400" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n" KEY REST "Sec-WebSocket-Protocol: sip\r\n\r\n", "400" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "426" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n" KEY "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
		  "426" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n" KEY REST "\r\n", "400" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n" KEY REST "Sec-WebSocket-Protocol: sips\r\n\r\n", "400" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n" KEY KEY REST "Sec-WebSocket-Protocol: sip\r\n\r\n", "400" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: short==\r\n" REST "Sec-WebSocket-Protocol: sip\r\n\r\n", "400" },
		{ GOOD "Folded: a\r\n b\r\n\r\n", "400" },
		{ GOOD "Name : a\r\n\r\n", "400" },
		{ GOOD "No colon\r\n\r\n", "400" },
		{ GOOD "Bell: \a\r\n\r\n", "400" },
		{ "\r\n\r\n", "400" },
		{ "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/WS a\r\n\r\n", "400" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(wrong); i++) {
		if (upgrade(wrong[i].request, "") != WS_UPGRADE_BAD) fail_msg("request %u is taken", i);
		if (memcmp(answer + 9, wrong[i].status, 3) != 0) fail_msg("request %u is answered %.12s", i, answer);
	}
	static char endless[WS_UPGRADE_MAX + 1];
	memset(endless, 'x', WS_UPGRADE_MAX);
	assert_int_equal(upgrade(endless, ""), WS_UPGRADE_BAD);
	assert_memory_equal(answer + 9, "431", 3);
	char many[8000];
	int n = snprintf(many, sizeof many, "%s", GOOD);
	for (int i = 0; i < 65; i++) n += snprintf(many + n, sizeof many - (size_t)n, "X: y\r\n");
	snprintf(many + n, sizeof many - (size_t)n, "\r\n");
	assert_int_equal(upgrade(many, ""), WS_UPGRADE_BAD);
}

static void pages_of_other_origins_may_not(void **state)
{
	(void)state;
	static const char only[] = "https://a.example, https://b.example";
	assert_int_equal(upgrade(GOOD "Origin: https://b.example\r\n\r\n", only), WS_UPGRADE_GOOD);
	assert_int_equal(upgrade(GOOD "\r\n", only), WS_UPGRADE_GOOD); // no browser
	assert_int_equal(upgrade(GOOD "Origin: https://b.example.evil\r\n\r\n", only), WS_UPGRADE_BAD);
	assert_memory_equal(answer + 9, "403", 3);
	assert_int_equal(upgrade(GOOD "Origin: https://a.example\r\nOrigin: https://evil\r\n\r\n", only), WS_UPGRADE_BAD);
	assert_int_equal(upgrade(GOOD "Origin: https://evil\r\n\r\n", ""), WS_UPGRADE_GOOD);
}

// ---- Frames ---------------------------------------------------------------------------------------------------------

static struct {
	struct ws *ws;
	char message[4096], log[4096], sent[4096];
	uint32_t message_n, log_n, sent_n, most;
} test;

static bool on_part_(void *self, struct str octets)
{
	(void)self;
	if (test.message_n + octets.n > test.most) return false;
	memcpy(test.message + test.message_n, octets.p, octets.n);
	test.message_n += octets.n;
	return true;
}

static void on_whole_(void *self)
{
	(void)self;
	test.log_n += (uint32_t)snprintf(test.log + test.log_n, sizeof test.log - test.log_n, "%.*s|", (int)test.message_n,
		test.message);
	test.message_n = 0;
}

static void on_send_(void *self, struct str octets)
{
	(void)self;
	assert_true(test.sent_n + octets.n < sizeof test.sent);
	memcpy(test.sent + test.sent_n, octets.p, octets.n);
	test.sent_n += octets.n;
}

static int begin(void **state)
{
	(void)state;
	memset(&test, 0, sizeof test);
	test.most = 1000;
	test.ws = must(ws_new(&(struct ws_user){ .part = on_part_, .whole = on_whole_, .send = on_send_ }));
	return 0;
}

static int end(void **state)
{
	(void)state;
	test.ws = ws_free(test.ws);
	return 0;
}

// A frame as a client sends it.
static void put_frame(struct buf *b, uint8_t first, const char *text, uint32_t n)
{
	static const char mask[] = "\x12\x34\x56\x78";
	put_c(b, (char)first);
	put_c(b, (char)(0x80 | (n < 126 ? n : 126)));
	if (n >= 126) put_c(b, (char)(n >> 8)), put_c(b, (char)n);
	put(b, (struct str){ mask, 4 });
	for (uint32_t i = 0; i < n; i++) put_c(b, (char)(text[i] ^ mask[i % 4]));
}

static bool takes(const struct buf *b)
{
	return ws_take(test.ws, buf_str(b));
}

static void messages_come_however_they_are_cut(void **state)
{
	char text[1024];
	struct buf b = buf_on(text, sizeof text);
	put_frame(&b, 0x81, "whole", 5);
	put_frame(&b, 0x01, "in ", 3);
	put_frame(&b, 0x89, "ping", 4); // between the parts
	put_frame(&b, 0x00, "", 0);
	put_frame(&b, 0x80, "parts", 5);
	put_frame(&b, 0x82, "octets", 6);
	assert_true(takes(&b));
	assert_string_equal(test.log, "whole|in parts|octets|");
	assert_int_equal(test.sent_n, 6);
	assert_memory_equal(test.sent, "\x8a\x04ping", 6);
	end(state);
	begin(state);
	for (uint32_t i = 0; i < b.n; i++) assert_true(ws_take(test.ws, (struct str){ b.p + i, 1 }));
	assert_string_equal(test.log, "whole|in parts|octets|");
}

// What is against the rules ends it, with the code that says why (RFC 6455 §7.4).
static void what_is_wrong_is_told(void **state)
{
	char text[1024], big[700];
	memset(big, 'x', sizeof big);
	static const struct { uint8_t first; const char *text; uint32_t n; uint16_t code; } wrong[] = {
		{ 0x81, "\xff\xfe", 2, 1007 },     // no UTF-8
		{ 0x83, "x", 1, 1002 },            // no such kind of frame
		{ 0xc1, "x", 1, 1002 },            // a bit that nobody agreed on
		{ 0x80, "x", 1, 1002 },            // goes on with nothing
		{ 0x09, "x", 1, 0 },               // a ping in parts; 0: no code
		{ 0x88, "\x03\xe8", 2, 1000 },     // they end it
	};
	for (uint32_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct buf b = buf_on(text, sizeof text);
		put_frame(&b, wrong[i].first, wrong[i].text, wrong[i].n);
		if (takes(&b)) fail_msg("frame %u goes on", i);
		assert_string_equal(test.log, "");
		uint32_t code = test.sent_n >= 4 ? (uint8_t)test.sent[2] * 256u + (uint8_t)test.sent[3] : 0;
		assert_int_equal((uint8_t)test.sent[0], 0x88);
		if (code != wrong[i].code) fail_msg("frame %u is told %u", i, code);
		end(state);
		begin(state);
	}
	struct buf b = buf_on(text, sizeof text);
	put(&b, STR("\x81\x05plain")); // not masked
	assert_false(takes(&b));
	end(state);
	begin(state);
	test.most = 600;
	b = buf_on(text, sizeof text);
	put_frame(&b, 0x81, big, sizeof big);
	assert_false(takes(&b));
	assert_memory_equal(test.sent + 2, "\x03\xf1", 2); // 1009
	assert_string_equal(test.log, "");
}

static void a_length_that_nobody_sends_costs_nothing(void **state)
{
	(void)state;
	struct str head = { "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0abc", 17 };
	ws_take(test.ws, head);
	assert_string_equal(test.log, "");
	assert_in_range(test.message_n, 0, 3);
	head = (struct str){ "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14 };
	ws_take(test.ws, head);
	assert_string_equal(test.log, "");
}

static void our_frames_have_the_shortest_head(void **state)
{
	(void)state;
	char head[WS_HEAD_MAX];
	assert_int_equal(ws_head(head, 125), 2);
	assert_memory_equal(head, "\x81\x7d", 2);
	assert_int_equal(ws_head(head, 126), 4);
	assert_memory_equal(head, "\x81\x7e\x00\x7e", 4);
	assert_int_equal(ws_head(head, 65535), 4);
	assert_memory_equal(head, "\x81\x7e\xff\xff", 4);
	assert_int_equal(ws_head(head, 65536), 10);
	assert_memory_equal(head, "\x81\x7f\0\0\0\0\0\1\0\0", 10);
}

int main(void)
{
#define FRAMES(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_for_sip_is_taken),
		cmocka_unit_test(what_is_no_websocket_for_sip_is_refused),
		cmocka_unit_test(pages_of_other_origins_may_not),
		FRAMES(messages_come_however_they_are_cut),
		FRAMES(what_is_wrong_is_told),
		FRAMES(a_length_that_nobody_sends_costs_nothing),
		FRAMES(our_frames_have_the_shortest_head),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
