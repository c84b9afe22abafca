#include "replay.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "run/recording_fixture.h"

// Runs a recording that was changed, or not.
static struct replay *run_again(struct recorded *recorded)
{
	struct replay *r = NULL;
	if (recorded_read(recorded) != OK) fail_msg("line %u: %s", recorded->fault.line, recorded->fault.why);
	if (replay_run(&r, recorded->recording, &recorded->fault) != OK) fail_msg("%s", recorded->fault.why);
	return r;
}

static void free_both(struct replay *r, struct recorded *recorded)
{
	replay_free(r);
	recorded_free(recorded);
	rcu_drain();
}

static bool differs_so(const struct replay *r, const char *was, const char *is)
{
	for (uint32_t i = 0; i < r->difference_count && i < REPLAY_DIFFERENCES_MAX; i++)
		if (strstr(r->differences[i].was, was) && strstr(r->differences[i].is, is)) return true;
	return false;
}

static void a_recorded_call_goes_as_it_went(void **state)
{
	static const struct {
		const char *name;
		bool answered;
		uint8_t cause;
	} rows[] = {
		{ "answered", true, CAUSE_NORMAL }, { "refused", false, CAUSE_BUSY }, { "forwarded", true, CAUSE_NORMAL },
		{ "failover", true, CAUSE_NORMAL }, { "no-answer", false, CAUSE_NO_ANSWER },
		{ "cancelled", false, CAUSE_NORMAL },
	};
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct recorded *recorded = recorded_new(rows[i].name);
		struct replay *r = run_again(recorded);
		if (r->difference_count) fail_msg("%s: %s, %s", rows[i].name, r->differences[0].was, r->differences[0].is);
		assert_true(r->began && r->ended && !r->cut);
		assert_int_equal(r->record.answered, rows[i].answered);
		assert_int_equal(r->record.cause.value, rows[i].cause);
		assert_true(r->record.trail_n > 2 && r->record.ladder_n > 2);
		free_both(r, recorded);
	}
}

static void another_office_decides_otherwise(void **state)
{
	(void)state;
	struct recorded *recorded = recorded_new("answered");
	recorded_change(recorded, "line id=2", "line suspended=yes id=2");
	struct replay *r = run_again(recorded);
	assert_true(differs_so(r, "is rung on 1 phone", "line 6035550102 is suspended"));
	assert_true(differs_so(r, "sends leg 1: INVITE", "sends leg 0: SIP/2.0 "));
	assert_true(differs_so(r, "answered is yes", "answered is no"));
	free_both(r, recorded);
}

// What was asked of the live state then may have had another answer.
static void other_answers_decide_otherwise(void **state)
{
	(void)state;
	struct recorded *recorded = recorded_new("answered");
	recorded_change(recorded, "line-calls id=2 count=0", "line-calls id=2 count=99");
	struct replay *r = run_again(recorded);
	assert_true(differs_so(r, "is rung on 1 phone", "has its 4 calls already"));
	free_both(r, recorded);
	recorded = recorded_new("answered");
	recorded_change(recorded, "  sent leg=1", "  refused what=ports side=called family=4 streams=1\n  sent leg=1");
	r = run_again(recorded);
	assert_true(differs_so(r, "is rung on 1 phone", "no media port is free"));
	free_both(r, recorded);
	recorded = recorded_new("answered");
	recorded_change(recorded, "  sent leg=1", "  refused what=leg streams=0\n  sent leg=1");
	r = run_again(recorded);
	assert_true(differs_so(r, "is rung on 1 phone", "the switch releases: cause 42"));
	free_both(r, recorded);
}

// A timer that the recording has not fires when it is due.
static void another_time_limit_is_kept(void **state)
{
	(void)state;
	struct recorded *recorded = recorded_new("no-answer");
	recorded_change(recorded, "no-answer-s=18 contacts-max=4", "no-answer-s=5 contacts-max=4");
	struct replay *r = run_again(recorded);
	assert_true(differs_so(r, "no answer after 18000 ms", "no answer after 5000 ms"));
	assert_int_equal(r->record.ended_wall_ms - r->record.began_wall_ms, 5000);
	free_both(r, recorded);
	recorded = recorded_new("no-answer");
	recorded_change(recorded, "no-answer-s=18 contacts-max=4", "no-answer-s=30 contacts-max=4");
	r = run_again(recorded); // after all that was recorded, time goes on
	assert_true(differs_so(r, "no answer after 18000 ms", "no answer after 30000 ms"));
	assert_true(r->ended);
	free_both(r, recorded);
}

static void a_message_that_becomes_no_call_is_told(void **state)
{
	(void)state;
	struct recorded *recorded = recorded_new("answered");
	recorded_change(recorded, "username=\"6035550101\"", "username=\"6035550199\"");
	struct replay *r = run_again(recorded);
	assert_false(r->began);
	assert_true(differs_so(r, "the call ends", "there is no call"));
	free_both(r, recorded);
}

static void a_cut_recording_is_compared_as_far_as_it_goes(void **state)
{
	(void)state;
	struct recorded *recorded = recorded_new("answered");
	char *second = strstr(strstr(recorded->text, "\n\n") + 2, "\n\n"), *third = strstr(second + 2, "\n\n");
	strcpy(third + 1, "  cut lost=9\n");
	recorded->n = (uint32_t)strlen(recorded->text);
	struct replay *r = run_again(recorded);
	assert_true(r->cut && r->began && !r->ended);
	assert_int_equal(r->difference_count, 0);
	free_both(r, recorded);
}

static void what_cannot_be_run_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *from, *to, *why;
	} rows[] = {
		{ "line id=2", "line id=0", "the office refuses this row" },
		{ "line-calls id=1 count=0", "line-calls id=1 count=4000000000", "the office refuses this row" },
		{ "listener number=0", "listener number=99", "its listeners are not those of a switch" },
		{ "packet from=198.51.100.10:5060", "packet from=198.51.100.10:5060 listener=7", "there is no such listener" },
	};
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct recorded *recorded = recorded_new("answered");
		struct replay *r = NULL;
		recorded_change(recorded, rows[i].from, rows[i].to);
		assert_int_equal(recorded_read(recorded), OK);
		assert_int_equal(replay_run(&r, recorded->recording, &recorded->fault), ERR_BAD);
		assert_null(r);
		assert_string_equal(recorded->fault.why, rows[i].why);
		free_both(r, recorded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_call_goes_as_it_went),
		cmocka_unit_test(another_office_decides_otherwise),
		cmocka_unit_test(other_answers_decide_otherwise),
		cmocka_unit_test(another_time_limit_is_kept),
		cmocka_unit_test(a_message_that_becomes_no_call_is_told),
		cmocka_unit_test(a_cut_recording_is_compared_as_far_as_it_goes),
		cmocka_unit_test(what_cannot_be_run_is_refused_with_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
