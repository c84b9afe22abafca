// The crew by hand: who is woken when, whose packet goes where, and who ends the calls that a crash cut off.
#include "crew.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/testing.h"
#include "keep/journal_fixture.h"

#define NOW_MS 1000000
#define WALL_MS 1700000000000
#define MEMBERS 2

static struct bench {
	struct fixture f;
	struct office *office;
	struct live *live;
	struct crew *crew;
	uint32_t wakes[MEMBERS], sent[MEMBERS];
} b;

static bool no_event(struct media *m, struct media_event *out)
{
	(void)m, (void)out;
	return false;
}

static struct media *media_of(void *self, uint32_t index)
{
	static const struct media_ops ops = { .take = no_event };
	static struct media plane = { .ops = &ops };
	(void)self, (void)index;
	return &plane;
}

static void count_wake(void *self, uint32_t index)
{
	(void)self;
	b.wakes[index]++;
}

static void count_sent(void *self, uint32_t index, struct outbox *o)
{
	(void)self;
	b.sent[index] += o->count;
}

static void make_crew(void)
{
	struct crew_setup s = { .count = MEMBERS, .mail_max = 8, .journal = b.f.log, .media = media_of, .send = count_sent,
		.wake = count_wake };
	s.worker = (struct worker_setup){ .seed = 1, .now_ms = NOW_MS, .wall_ms = WALL_MS, .listener_count = 1,
		.calls_max = 16, .transactions_max = 256, .message_bytes_max = 1 << 20, .office = b.office, .live = b.live };
	assert_int_equal(addr_parse(&s.worker.listeners[0].bound, STR("192.0.2.1:5060")), OK);
	s.worker.listeners[0].advertised = s.worker.listeners[0].bound;
	assert_int_equal(crew_new(&b.crew, &s), OK);
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof b);
	log_quiet = true;
	fixture_init(&b.f);
	fixture_open_log(&b.f);
	b.live = must(live_new(&(struct live_limits){ .lines_max = 64, .trunk_groups_max = 8, .nonces = 64,
		.guard_entries = 64 }, 1));
	assert_int_equal(office_new(&b.office), OK);
	assert_int_equal(office_put_rules(b.office, must(office_rules_dup(NULL))), OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	b.crew = crew_free(b.crew);
	fixture_fini(&b.f);
	live_free(b.live);
	office_free(b.office);
	return 0;
}

static void a_member_is_woken_once_until_its_next_turn(void **state)
{
	(void)state;
	make_crew();
	struct member *m = &b.crew->members[1];
	crew_wake(b.crew, 1); // it is awake: it will see for itself
	assert_int_equal(b.wakes[1], 0);
	assert_false(crew_may_sleep(m));
	crew_turn(m, NOW_MS, WALL_MS);
	assert_true(crew_may_sleep(m));
	for (int i = 0; i < 3; i++) crew_wake(b.crew, 1);
	assert_int_equal(b.wakes[1], 1);
	assert_int_equal(b.wakes[0], 0);
	crew_turn(m, NOW_MS, WALL_MS);
	assert_true(crew_may_sleep(m));
}

// Of packets with many Call-IDs some are another member's: they reach it as mail, and are lost when that is full.
static void packets_reach_whose_they_are(void **state)
{
	(void)state;
	uint64_t passed = count_by_name("node_packets_passed"), lost = count_by_name("node_mail_full");
	make_crew();
	for (uint32_t i = 0; i < 40; i++) {
		char text[512];
		int n = snprintf(text, sizeof text, "OPTIONS sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;"
			"branch=z9hG4bKa%u\r\nMax-Forwards: 70\r\nFrom: <sip:a@x.example>;tag=a%u\r\nTo: <sip:x@192.0.2.1>\r\n"
			"Call-ID: a%u\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", i, i, i);
		struct packet p = { .data = { text, (uint32_t)n } };
		assert_int_equal(addr_parse(&p.peer, STR("192.0.2.9:5060")), OK);
		worker_at(b.crew->members[0].worker, NOW_MS, WALL_MS);
		crew_input(&b.crew->members[0], &p);
	}
	passed = count_by_name("node_packets_passed") - passed;
	lost = count_by_name("node_mail_full") - lost;
	assert_in_range(passed, 9, 39);
	assert_int_equal(passed - lost, 8);
	for (uint32_t i = 0; i < MEMBERS; i++) crew_turn(&b.crew->members[i], NOW_MS, WALL_MS);
	assert_int_equal(b.sent[0], 40 - passed);
	assert_int_equal(b.sent[1], 8);
}

static void put_line(uint32_t id, const char *name)
{
	struct office_line line = { .id = id, .calls_max = 2 };
	struct office_number number = { .kind = OFFICE_NUMBER_LINE, .line = id };
	snprintf(line.name, sizeof line.name, "%s", name);
	snprintf(number.digits, sizeof number.digits, "1603555010%u", id);
	assert_int_equal(office_put_line(b.office, &line), OK);
	assert_int_equal(office_put_number(b.office, &number), OK);
}

static void subscribe(const char *user, const char *tag)
{
	char text[512];
	int n = snprintf(text, sizeof text, "SUBSCRIBE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;"
		"branch=z9hG4bK%s%s\r\nMax-Forwards: 70\r\nFrom: <sip:a@x.example>;tag=a\r\nTo: <sip:%s@192.0.2.1>%s\r\n"
		"Call-ID: %s\r\nCSeq: 1 SUBSCRIBE\r\nEvent: dialog\r\nContent-Length: 0\r\n\r\n", user, tag + (*tag != 0), user,
		tag, user);
	struct packet p = { .data = { text, (uint32_t)n } };
	assert_int_equal(addr_parse(&p.peer, STR("192.0.2.9:5060")), OK);
	worker_at(b.crew->members[0].worker, NOW_MS, WALL_MS);
	crew_input(&b.crew->members[0], &p);
}

static void turns(void)
{
	b.sent[0] = b.sent[1] = 0;
	for (uint32_t i = 0; i < MEMBERS; i++) crew_turn(&b.crew->members[i], NOW_MS, WALL_MS);
}

// Who subscribes to a line speaks with its home worker, whatever name of the line he says, and in the dialog too.
static void subscriptions_live_with_the_line(void **state)
{
	(void)state;
	const char *names[2] = { NULL, NULL };
	char text[8][8];
	make_crew();
	for (uint32_t i = 0; i < 8; i++) {
		snprintf(text[i], sizeof text[i], "line%u", i + 1);
		put_line(i + 1, text[i]);
		names[live_home(str_from(text[i]), MEMBERS)] = text[i];
	}
	for (uint32_t home = 0; home < MEMBERS; home++) {
		char number[16];
		assert_non_null(names[home]);
		snprintf(number, sizeof number, "603555010%s", names[home] + 4);
		subscribe(names[home], "");
		subscribe(number, "");
		subscribe(names[home], ";tag=s0123456789abcdef");
		turns();
		assert_int_equal(b.sent[home], 3);
		assert_int_equal(b.sent[1 - home], 0);
	}
	subscribe(names[1], ";tag=000123456789abcdef"); // in the dialog of a leg of member 0
	turns();
	assert_int_equal(b.sent[0], 1);
}

// A call of member 0 asks for one of member 1, which is not there: the letter arrives whole, and so does the answer.
static void letters_of_ties_cross(void **state)
{
	(void)state;
	static char long_call_id[3 * MAIL_INLINE];
	memset(long_call_id, 'x', sizeof long_call_id);
	const struct str asked[] = { STR("x;to-tag=010123456789abcdef;from-tag=1"), { long_call_id, sizeof long_call_id } };
	make_crew();
	for (uint32_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct tie_letter l = { .kind = TIE_LETTER_ASK, .to_worker = 1, .from = 7, .line = 1, .text = asked[i] };
		struct mail answer;
		assert_int_equal(send_tie(&b.crew->members[0], &l), OK);
		crew_turn(&b.crew->members[1], NOW_MS, WALL_MS);
		assert_true(ring_take(&b.crew->members[0].mail[1], &answer));
		assert_int_equal(answer.kind, MAIL_TIE);
		assert_int_equal(answer.tie.to, 7);
		assert_int_equal(answer.tie.verb, VERB_RELEASE);
		assert_int_equal(answer.tie.cause.status, i == 0 ? 481 : 400);
	}
	assert_int_equal(send_tie(&b.crew->members[0], &(struct tie_letter){ .to_worker = MEMBERS }), ERR_BAD);
}

static void all_members_end_what_a_crash_cut_off(void **state)
{
	(void)state;
	enum { CALLS = 3 * RECOVER_AT_ONCE };
	uint64_t life, calls[CALLS], due_ms[MEMBERS];
	for (uint64_t call = 1; call <= CALLS; call++) {
		assert_int_equal(b.f.journal.ops->put(b.f.log, 0, fixture_record(RECORD_ANSWER, call), 0), OK);
		if (call % 32 == 0 && journal_begin(b.f.log)) journal_finish(b.f.log);
	}
	while (journal_begin(b.f.log)) journal_finish(b.f.log);
	fixture_close_log(&b.f);
	b.f.setup.in_flight_max = RECOVER_AT_ONCE / 2; // so few that they have to wait for the disk
	fixture_open_log(&b.f);
	make_crew();
	for (uint64_t ms = 0; b.crew->members[0].recovering || b.crew->members[1].recovering; ms += RECOVER_PAUSE_MS) {
		assert_in_range(ms, 0, 1000);
		for (uint32_t i = 0; i < MEMBERS; i++) due_ms[i] = crew_turn(&b.crew->members[i], NOW_MS + ms, WALL_MS);
		if (ms == 0)
			for (uint32_t i = 0; i < MEMBERS; i++) assert_int_equal(due_ms[i], NOW_MS + RECOVER_PAUSE_MS);
		if (journal_begin(b.f.log)) journal_finish(b.f.log);
	}
	while (journal_begin(b.f.log)) journal_finish(b.f.log);
	assert_int_equal(fixture_releases(&b.f, calls, CALLS), CALLS);
	b.crew = crew_free(b.crew);
	fixture_close_log(&b.f);
	fixture_open_log(&b.f);
	assert_int_equal(fixture_recovered(&b.f, &life), 0);
}

static void all_take_a_turn(uint64_t now_ms)
{
	for (uint32_t i = 0; i < MEMBERS; i++) crew_turn(&b.crew->members[i], now_ms, WALL_MS);
}

static void it_stops_when_all_have_heard_and_nothing_stands(void **state)
{
	(void)state;
	make_crew();
	assert_int_equal(crew_stopping(b.crew, NOW_MS), CREW_WORKS);
	crew_stop(b.crew, NOW_MS + 1000);
	assert_int_equal(crew_stopping(b.crew, NOW_MS), CREW_DRAINS); // no call stands, but not all have said so
	crew_turn(&b.crew->members[0], NOW_MS, WALL_MS);
	assert_false(crew_has_heard(b.crew));
	assert_int_equal(crew_stopping(b.crew, NOW_MS), CREW_DRAINS);
	all_take_a_turn(NOW_MS);
	assert_true(crew_has_heard(b.crew));
	for (uint32_t i = 0; i < MEMBERS; i++) assert_true(crew_may_sleep(&b.crew->members[i]));
	assert_int_equal(crew_stopping(b.crew, NOW_MS), CREW_RELEASES);
	for (uint32_t i = 0; i < MEMBERS; i++) assert_int_equal(b.wakes[i], 1);
	assert_int_equal(crew_stopping(b.crew, NOW_MS), CREW_RELEASES);
	all_take_a_turn(NOW_MS);
	assert_int_equal(crew_stopping(b.crew, NOW_MS), CREW_STOPPED);
	for (uint32_t i = 0; i < MEMBERS; i++) crew_leave(&b.crew->members[i]);
}

static void it_stops_without_a_member_that_hangs(void **state)
{
	(void)state;
	make_crew();
	crew_stop(b.crew, NOW_MS + 1000);
	assert_int_equal(crew_stopping(b.crew, NOW_MS + 999), CREW_DRAINS);
	crew_stop(b.crew, NOW_MS + 500); // sooner, after all
	assert_int_equal(crew_stopping(b.crew, NOW_MS + 500), CREW_RELEASES);
	crew_stop(b.crew, NOW_MS + 5000); // too late to wait
	assert_int_equal(crew_stopping(b.crew, NOW_MS + 500 + CREW_RELEASE_MS - 1), CREW_RELEASES);
	assert_int_equal(crew_stopping(b.crew, NOW_MS + 500 + CREW_RELEASE_MS), CREW_STOPPED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_member_is_woken_once_until_its_next_turn),
		TEST(packets_reach_whose_they_are),
		TEST(subscriptions_live_with_the_line),
		TEST(letters_of_ties_cross),
		TEST(all_members_end_what_a_crash_cut_off),
		TEST(it_stops_when_all_have_heard_and_nothing_stands),
		TEST(it_stops_without_a_member_that_hangs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
