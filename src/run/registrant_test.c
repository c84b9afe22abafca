// Registering with a carrier, on virtual time, against a carrier that is a function.
#include "registrant.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"

#define GROUP 3

static struct bench {
	struct env env;
	struct office *office;
	struct live *live;
	struct outbox out;
	struct sip_stack *stack;
	struct addr listener;
	struct registrant r;
	char sent[4096]; // the last request
	char to[64];     // where it went
	uint32_t requests;
} b;

static void on_response(void *self, ref txn, uint64_t owner, const struct sip_msg *m, const struct sip_source *from)
{
	(void)self, (void)txn, (void)from;
	assert_true(registrant_on_response(&b.r, owner, m));
}

static void on_failed(void *self, ref txn, uint64_t owner, enum sip_failure why)
{
	(void)self, (void)txn, (void)why;
	assert_true(registrant_on_failure(&b.r, owner));
}

static void on_seen(void *self, uint64_t owner, bool out, struct str bytes, const struct addr *peer)
{
	struct buf to = buf_on(b.to, sizeof b.to - 1);
	(void)self;
	assert_true(registrant_owns(owner));
	if (!out) return;
	str_to_z(b.sent, sizeof b.sent, bytes);
	put_addr(&to, peer);
	b.to[to.n] = 0;
	b.requests++;
}

// The group as it is from now on; `peers` of it.
static void put_group(const char *aor, uint32_t peers, bool in_service)
{
	struct office_rules *rules = must(office_rules_dup(NULL));
	struct office_trunk_group g = { .id = GROUP, .in_service = in_service, .peer_count = (uint8_t)peers,
		.register_s = 600, .name = "far", .user = "me", .secret = "so secret" };
	snprintf(g.aor, sizeof g.aor, "%s", aor);
	for (uint32_t i = 0; i < peers; i++) {
		char text[32];
		snprintf(text, sizeof text, "198.51.100.%u:5060", 9 + i);
		assert_int_equal(addr_parse(&g.peers[i].addr, str_from(text)), OK);
	}
	assert_int_equal(office_rules_add_trunk_group(rules, &g), OK);
	assert_int_equal(office_put_rules(b.office, rules), OK);
}

static int begin_bench(void **state)
{
	(void)state;
	const struct sip_user user = { .response = on_response, .failed = on_failed, .seen = on_seen };
	b = (struct bench){ .env = { .now_ms = 1234567 } };
	assert_int_equal(arena_init(&b.env.scratch, 1 << 17), OK);
	b.live = must(live_new(&(struct live_limits){ .lines_max = 64, .trunk_groups_max = 8, .nonces = 64,
		.guard_entries = 64, .connections = 16 }, 1));
	assert_int_equal(office_new(&b.office), OK);
	put_group("sip:+16035550100@carrier.example", 2, true);
	assert_int_equal(outbox_init(&b.out, 64, 0), OK);
	assert_int_equal(addr_parse(&b.listener, STR("192.0.2.1:5060")), OK);
	b.stack = sip_stack_new(&b.env, &b.out, &user, NULL, &(struct sip_stack_limits){ 64, 1 << 20 }, STR("00"));
	assert_non_null(b.stack);
	assert_int_equal(registrant_init(&b.r, &(struct registrant_setup){ .env = &b.env, .stack = b.stack,
		.office = b.office, .live = b.live, .workers = 1, .listener_count = 1, .listeners = &b.listener }), OK);
	return 0;
}

static int end_bench(void **state)
{
	(void)state;
	registrant_fini(&b.r);
	sip_stack_free(b.stack);
	outbox_fini(&b.out);
	live_free(b.live);
	office_free(b.office);
	arena_fini(&b.env.scratch);
	return 0;
}

static void pass(uint64_t ms)
{
	for (uint64_t until = b.env.now_ms + ms; b.env.now_ms < until;) {
		b.env.now_ms += 500;
		arena_reset(&b.env.scratch);
		sip_stack_tick(b.stack);
		registrant_tick(&b.r);
		outbox_flush(&b.out);
	}
}

static bool says(const char *text)
{
	return strstr(b.sent, text) != NULL;
}

// The carrier answers the request that was sent last.
static void answer(const char *status, const char *headers)
{
	static struct sip_msg m;
	static char memory[8192];
	char text[4096];
	struct arena arena = { .p = memory, .cap = sizeof memory };
	struct buf out = buf_on(text, sizeof text);
	struct sip_fault fault;
	struct sip_source from = { .listener = 0 };
	assert_int_equal(sip_msg_parse(&m, str_from(b.sent), &arena, &fault), PARSE_OK);
	assert_int_equal(addr_parse(&from.peer, str_from(b.to)), OK);
	put_fmt(&out, "SIP/2.0 %s\r\n", status);
	put_sip_header(&out, SIP_H_VIA, m.via.text);
	put_sip_header(&out, SIP_H_FROM, sip_msg_header(&m, SIP_H_FROM));
	put_fmt(&out, "To: %.*s;tag=far\r\n", STR_FMT(sip_msg_header(&m, SIP_H_TO)));
	put_sip_header(&out, SIP_H_CALL_ID, m.call_id);
	put_fmt(&out, "CSeq: %u REGISTER\r\n%sContent-Length: 0\r\n\r\n", m.cseq.number, headers);
	const struct packet p = { .data = buf_str(&out), .peer = from.peer };
	arena_reset(&b.env.scratch);
	sip_stack_input(b.stack, &p);
	outbox_flush(&b.out);
}

static struct trunk_registered state_now(void)
{
	return trunk_registered_get(b.live->registered, GROUP);
}

static void it_registers_and_refreshes(void **state)
{
	(void)state;
	pass(1000);
	assert_true(says("REGISTER sip:carrier.example SIP/2.0\r\n"));
	assert_true(says("From: <sip:+16035550100@carrier.example>;tag="));
	assert_true(says("To: <sip:+16035550100@carrier.example>\r\n"));
	assert_true(says("Contact: <sip:+16035550100@192.0.2.1:5060>\r\nExpires: 600\r\n"));
	assert_int_equal(state_now().state, REGISTERED_ASKING);
	answer("200 OK", "Contact: <sip:+16035550100@192.0.2.9>;expires=7\r\n"
		"Contact: <sip:+16035550100@192.0.2.1:5060>;expires=300\r\n");
	assert_int_equal(state_now().state, REGISTERED_UP);
	assert_int_equal(state_now().at_ms, b.env.now_ms + 300000);
	uint32_t before = b.requests;
	pass(134000);
	assert_int_equal(b.requests, before);
	pass(18000); // between nine and ten tenths of half the time
	assert_true(says("CSeq: 2 REGISTER"));
	answer("200 OK", "");
	assert_int_equal(state_now().at_ms, b.env.now_ms + 600000);
}

static void a_challenge_is_answered_once(void **state)
{
	(void)state;
	pass(1000);
	answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n");
	assert_true(says("CSeq: 2 REGISTER"));
	assert_true(says("Authorization: Digest username=\"me\", realm=\"r\", nonce=\"n\", uri=\"sip:carrier.example\""));
	assert_false(says("so secret"));
	answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"m\", qop=\"auth\"\r\n");
	assert_int_equal(state_now().state, REGISTERED_REFUSED);
	assert_int_equal(state_now().status, 401);
}

static void a_longer_interval_is_asked_for(void **state)
{
	(void)state;
	pass(1000);
	answer("423 Interval Too Brief", "Min-Expires: 1800\r\n");
	assert_true(says("Expires: 1800\r\n"));
	answer("200 OK", "Expires: 1800\r\n");
	assert_int_equal(state_now().at_ms, b.env.now_ms + 1800000);
}

static void what_is_no_longer_interval_is_a_refusal(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "Min-Expires: 600\r\n", "Min-Expires: x\r\n", "Min-Expires: 99999999\r\n" };
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
		put_group("", 1, true);
		pass(2000);
		put_group("sip:a@b", 1, true);
		pass(2000);
		answer("423 Interval Too Brief", bad[i]);
		assert_int_equal(state_now().state, REGISTERED_REFUSED);
	}
}

static void a_refusal_leads_to_the_next_peer_then_to_longer_waits(void **state)
{
	(void)state;
	uint64_t waited_before = 0;
	pass(1000);
	for (uint32_t round = 0; round < 8; round++) {
		assert_string_equal(b.to, round % 2 ? "198.51.100.10:5060" : "198.51.100.9:5060");
		answer("503 Service Unavailable", "");
		assert_string_equal(b.to, round % 2 ? "198.51.100.9:5060" : "198.51.100.10:5060");
		answer("302 Moved", "Contact: <sip:thief.example>\r\n");
		assert_int_equal(state_now().state, REGISTERED_REFUSED);
		uint64_t wait = state_now().at_ms - b.env.now_ms;
		assert_true(wait <= WAIT_MOST_MS && wait >= WAIT_FIRST_MS / 2);
		assert_true(round < 2 || round > 6 || wait > waited_before / 2);
		if (round > 6) assert_true(wait >= WAIT_MOST_MS / 2);
		waited_before = wait;
		pass(wait + 1000);
	}
}

static void it_waits_as_long_as_it_is_told(void **state)
{
	(void)state;
	put_group("sip:a@b", 1, true);
	pass(1000);
	answer("503 Service Unavailable", "Retry-After: 3000 (busy)\r\n");
	assert_true(state_now().at_ms >= b.env.now_ms + 3000000);
}

static void silence_is_a_refusal_too(void **state)
{
	(void)state;
	put_group("sip:a@b", 1, true);
	pass(1000);
	pass(33000);
	assert_int_equal(state_now().state, REGISTERED_REFUSED);
	assert_int_equal(state_now().status, 0);
}

// While it is refreshed in vain the old binding stands, until its own end.
static void a_refresh_in_vain_ends_with_the_binding(void **state)
{
	(void)state;
	put_group("sip:a@b", 1, true);
	pass(1000);
	answer("200 OK", "Expires: 600\r\n");
	pass(300000);
	answer("403 Forbidden", "");
	assert_int_equal(state_now().state, REGISTERED_UP);
	for (int i = 0; i < 60 && state_now().state == REGISTERED_UP; i++) {
		uint32_t before = b.requests;
		pass(10000);
		if (b.requests != before) answer("403 Forbidden", "");
	}
	assert_int_equal(state_now().state, REGISTERED_REFUSED);
}

static void it_takes_leave(void **state)
{
	(void)state;
	pass(1000);
	answer("200 OK", "");
	put_group("sip:+16035550100@carrier.example", 2, false);
	pass(1000);
	assert_true(says("Expires: 0\r\n"));
	assert_int_equal(state_now().state, REGISTERED_NOT);
	answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
	assert_true(says("Expires: 0\r\n") && says("Authorization: "));
	answer("200 OK", "");
	put_group("sip:+16035550100@carrier.example", 2, true);
	pass(1000);
	assert_true(says("Expires: 600\r\n"));
}

static void a_change_of_what_it_hangs_on_begins_anew(void **state)
{
	(void)state;
	pass(1000);
	answer("200 OK", "");
	put_group("sip:other@carrier.example", 2, true);
	pass(1000);
	assert_true(says("To: <sip:+16035550100@carrier.example>") && says("Expires: 0\r\n"));
	answer("200 OK", "");
	pass(1000);
	assert_true(says("To: <sip:other@carrier.example>") && says("CSeq: 1 REGISTER"));
}

static void a_stop_is_waited_for(void **state)
{
	(void)state;
	pass(1000);
	assert_int_equal(registrant_leaving(&b.r), 0);
	answer("200 OK", "");
	registrant_stop(&b.r);
	assert_int_equal(registrant_leaving(&b.r), 1);
	pass(500);
	assert_true(says("Expires: 0\r\n"));
	answer("200 OK", "");
	assert_int_equal(registrant_leaving(&b.r), 0);
	uint32_t before = b.requests;
	pass(5000);
	assert_int_equal(b.requests, before);
}

static void an_answer_to_an_older_request_means_nothing(void **state)
{
	(void)state;
	char old[sizeof b.sent];
	pass(1000);
	memcpy(old, b.sent, sizeof old);
	answer("423 Interval Too Brief", "Min-Expires: 1800\r\n");
	char fresh[sizeof b.sent];
	memcpy(fresh, b.sent, sizeof fresh);
	memcpy(b.sent, old, sizeof old);
	answer("200 OK", "");
	assert_int_equal(state_now().state, REGISTERED_ASKING);
	memcpy(b.sent, fresh, sizeof fresh);
	answer("200 OK", "Expires: 0\r\n"); // nothing was given
	assert_string_equal(b.to, "198.51.100.10:5060");
}

int main(void)
{
#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, begin_bench, end_bench)
	const struct CMUnitTest tests[] = {
		BENCH_TEST(it_registers_and_refreshes),
		BENCH_TEST(a_challenge_is_answered_once),
		BENCH_TEST(a_longer_interval_is_asked_for),
		BENCH_TEST(what_is_no_longer_interval_is_a_refusal),
		BENCH_TEST(a_refusal_leads_to_the_next_peer_then_to_longer_waits),
		BENCH_TEST(it_waits_as_long_as_it_is_told),
		BENCH_TEST(silence_is_a_refusal_too),
		BENCH_TEST(a_refresh_in_vain_ends_with_the_binding),
		BENCH_TEST(it_takes_leave),
		BENCH_TEST(a_change_of_what_it_hangs_on_begins_anew),
		BENCH_TEST(a_stop_is_waited_for),
		BENCH_TEST(an_answer_to_an_older_request_means_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
