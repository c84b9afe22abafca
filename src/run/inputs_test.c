#include "inputs.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"
#include "run/replay.h"
#include "run/worker.h"

// A worker with a trunk at 192.0.2.9 that calls line 1, which no phone registered; what is outside says yes to all.
struct bench {
	struct office *office;
	struct live *live;
	struct inputs *inputs;
	struct worker *worker;
	struct outbox out;
	struct media media;
	uint64_t now_ms, media_owner;
	uint32_t calls;
};

static struct bench *bench_of_media(struct media *m)
{
	return (struct bench *)(void *)((char *)m - offsetof(struct bench, media));
}

static enum err say_open(struct media *m, ref *session, uint64_t owner)
{
	bench_of_media(m)->media_owner = owner;
	*session = 1;
	return OK;
}

static enum err say_ports(struct media *m, ref session, const struct media_want *want,
                          struct addr rtp[MEDIA_STREAMS_MAX])
{
	(void)m, (void)session, (void)want;
	rtp[0] = (struct addr){ .family = 4, .port = 20000, .ip = { 192, 0, 2, 1 } };
	return OK;
}

static enum err say_told(struct media *m, ref session, const struct media_command *c)
{
	(void)m, (void)session, (void)c;
	return OK;
}

static bool say_nothing(struct media *m, struct media_event *e)
{
	(void)m, (void)e;
	return false;
}

static bool say_no(const struct media *m, const struct addr *a)
{
	(void)m, (void)a;
	return false;
}

static enum err say_kept(void *self, uint32_t worker, const struct call_record *r, uint64_t owner)
{
	(void)self, (void)worker, (void)r, (void)owner;
	return OK;
}

static bool say_healthy(void *self)
{
	(void)self;
	return true;
}

static const struct media_ops yes = { say_open, say_ports, say_told, say_nothing, NULL, say_no };
static bool say_room(void *self, uint32_t worker)
{
	(void)self, (void)worker;
	return true;
}

static const struct journal_ops kept = { say_kept, say_healthy, say_room };

static void drop(struct outbox *o, void *self)
{
	(void)o, (void)self;
}

static void put_office(struct office *o)
{
	struct office_rules *r = must(office_rules_dup(NULL));
	struct office_trunk_group g = { .id = 1, .name = "far", .in_service = true, .peer_count = 1 };
	assert_int_equal(addr_parse(&g.peers[0].addr, STR("192.0.2.9:5060")), OK);
	assert_int_equal(office_rules_add_trunk_group(r, &g), OK);
	assert_int_equal(office_rules_add_state(r, &(struct office_state){ .code = "NH", .open = true }), OK);
	assert_int_equal(office_rules_add_rate_centre(r, &(struct office_rate_centre){ .id = 1, .state = "NH" }), OK);
	assert_int_equal(office_put_rules(o, r), OK);
	assert_int_equal(office_put_line(o, &(struct office_line){ .id = 1, .name = "one", .number = "16035550101",
		.rate_centre = 1, .calls_max = 1, .no_answer_s = 20, .ha1_md5 = "secret" }), OK);
	assert_int_equal(office_put_number(o, &(struct office_number){ .digits = "16035550101", .line = 1 }), OK);
}

static struct bench *bench_new(enum config_inputs mode, uint64_t bytes_max)
{
	struct bench *b = must(calloc(1, sizeof *b));
	struct worker_setup s = { .count = 1, .seed = 1, .now_ms = 1000, .wall_ms = 1, .listener_count = 1, .calls_max = 64,
		.transactions_max = 256, .message_bytes_max = 1u << 20, .journal = { &kept, NULL } };
	b->now_ms = 1000;
	b->media.ops = &yes;
	assert_int_equal(office_new(&b->office), OK);
	put_office(b->office);
	b->live = must(live_new(&(struct live_limits){ .lines_max = 8, .trunk_groups_max = 8, .nonces = 64,
		.guard_entries = 64 }, 1));
	assert_int_equal(outbox_init(&b->out, 64, 4 * PACKET_MAX), OK);
	b->out.flush = drop;
	assert_int_equal(inputs_new(&b->inputs, bytes_max, mode), OK);
	assert_int_equal(addr_parse(&s.listeners[0].bound, STR("192.0.2.1:5060")), OK);
	s.listeners[0].advertised = s.listeners[0].bound;
	s.office = b->office;
	s.live = b->live;
	s.media = &b->media;
	s.out = &b->out;
	s.inputs = b->inputs;
	b->worker = worker_new(&s);
	assert_non_null(b->worker);
	return b;
}

static void bench_free(struct bench *b)
{
	worker_free(b->worker);
	inputs_free(b->inputs);
	outbox_fini(&b->out);
	live_free(b->live);
	office_free(b->office);
	rcu_drain();
	free(b);
}

static void pass(struct bench *b, uint64_t ms)
{
	b->now_ms += ms;
	worker_at(b->worker, b->now_ms, b->now_ms);
	worker_tick(b->worker);
	outbox_flush(&b->out);
	rcu_quiescent();
}

// A call of the trunk, whose header `more` may make its INVITE long. It ends by itself.
static void call_without_end(struct bench *b, const char *more)
{
	static char text[PACKET_MAX];
	struct packet p = { .listener = 0 };
	struct buf out = buf_on(text, sizeof text);
	put_fmt(&out, "INVITE sip:+16035550101@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK%u\r\n"
	        "From: <sip:+12125550100@192.0.2.9>;tag=a\r\nTo: <sip:+16035550101@192.0.2.1>\r\nCall-ID: call-%u\r\n"
	        "CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:192.0.2.9>\r\n%sContent-Length: 0\r\n\r\n",
	        b->calls, b->calls, more);
	b->calls++;
	assert_int_equal(addr_parse(&p.peer, STR("192.0.2.9:5060")), OK);
	p.data = buf_str(&out);
	worker_input(b->worker, &p);
	outbox_flush(&b->out);
}

static void call(struct bench *b)
{
	call_without_end(b, "");
	for (int i = 0; i < 100; i++) pass(b, 1000);
	assert_int_equal(calls_count(worker_calls(b->worker)), 0);
}

static bool is_kept(struct bench *b)
{
	struct recording *r = inputs_take(b->inputs);
	if (r) inputs_give_back(b->inputs, r);
	return r != NULL;
}

static void only_what_is_wanted_is_kept(void **state)
{
	(void)state;
	struct bench *b = bench_new(INPUTS_NONE, 1u << 20);
	call(b);
	assert_false(is_kept(b));
	inputs_set_mode(b->inputs, INPUTS_FAILED);
	call(b); // subscriber absent
	assert_true(is_kept(b));
	assert_true(occupancy_take(b->live->occupancy, OCCUPANCY_LINE, 1, 0));
	call(b); // busy is no failure
	assert_false(is_kept(b));
	inputs_set_mode(b->inputs, INPUTS_ALL);
	call(b);
	assert_true(is_kept(b));
	assert_false(is_kept(b));
	pass(b, 1);
	assert_int_equal(b->inputs->blocks.used, 0); // all came back
	assert_int_equal(b->inputs->standing + b->inputs->away, 0);
	assert_null(office_watch);
	bench_free(b);
}

static void a_row_is_kept_once_and_again_when_it_changed(void **state)
{
	(void)state;
	struct bench *b = bench_new(INPUTS_ALL, 1u << 20);
	uint32_t lines = 0;
	call_without_end(b, "");
	const struct office_line *line = office_line(b->office, 1);
	struct office_line changed = *line;
	changed.calls_max = 9;
	assert_int_equal(office_put_line(b->office, &changed), OK);
	for (int i = 0; i < 100; i++) pass(b, 1000);
	struct recording *r = inputs_take(b->inputs);
	assert_non_null(r);
	for (const struct recording_entry *e = entry_find(r->first, ENTRY_LINE); e; e = entry_find(e->next, ENTRY_LINE)) {
		const struct office_line *l = entry_body(e);
		lines++;
		assert_int_equal(l->id, 1);
		assert_int_equal(l->ha1_md5[0], 0); // no secret
	}
	assert_in_range(lines, 1, 2);
	assert_non_null(entry_find(r->first, ENTRY_TRUNK_GROUP)); // found before there was a call
	assert_non_null(entry_find(r->first, ENTRY_NUMBER));
	assert_non_null(entry_find(r->first, ENTRY_END));
	bench_free(b);
}

static void without_memory_calls_go_on(void **state)
{
	(void)state;
	struct bench *b = bench_new(INPUTS_ALL, sizeof(struct recording_block));
	uint64_t before = count_by_name("inputs_no_room");
	call_without_end(b, "");
	call_without_end(b, ""); // the only block is taken
	assert_int_equal(count_by_name("inputs_no_room") - before, 1);
	for (int i = 0; i < 100; i++) pass(b, 1000);
	assert_int_equal(calls_count(worker_calls(b->worker)), 0);
	assert_true(is_kept(b));
	assert_false(is_kept(b));
	call(b);
	assert_true(is_kept(b));
	bench_free(b);
}

static void what_is_too_long_cuts_the_recording(void **state)
{
	static char more[RECORDING_TEXT_MAX + 64];
	(void)state;
	struct bench *b = bench_new(INPUTS_ALL, 1u << 20);
	memset(more, 'x', sizeof more - 3);
	memcpy(more, "X: ", 3);
	memcpy(more + sizeof more - 3, "\r\n", 3);
	uint64_t before = count_by_name("inputs_cut");
	call_without_end(b, more);
	for (int i = 0; i < 100; i++) pass(b, 1000);
	struct recording *r = inputs_take(b->inputs);
	assert_non_null(r);
	assert_int_equal(count_by_name("inputs_cut") - before, 1);
	const struct recording_entry *cut = entry_find(r->first, ENTRY_CUT);
	assert_non_null(cut);
	assert_true(((const struct entry_cut *)entry_body(cut))->lost > 0);
	assert_non_null(entry_find(cut, ENTRY_END));
	bench_free(b);
}

// Without its credentials a message may be longer than with them: it is not kept with them for that.
static void credentials_are_not_kept_for_lack_of_room(void **state)
{
	static char more[RECORDING_TEXT_MAX];
	(void)state;
	struct bench *b = bench_new(INPUTS_ALL, 1u << 20);
	struct buf text = buf_on(more, sizeof more - 1);
	for (int i = 0; i < 40; i++) put_z(&text, "Authorization:x\r\n"); // each becomes ten octets longer
	put_z(&text, "X: ");
	while (text.n < RECORDING_TEXT_MAX - 422) put_c(&text, 'x'); // what stands around it is some 300
	put_z(&text, "\r\n");
	uint64_t before = count_by_name("inputs_cut");
	call_without_end(b, more);
	for (int i = 0; i < 100; i++) pass(b, 1000);
	assert_int_equal(count_by_name("inputs_cut") - before, 1);
	struct recording *r = inputs_take(b->inputs);
	assert_non_null(r);
	assert_null(entry_find(r->first, ENTRY_PACKET));
	assert_non_null(entry_find(r->first, ENTRY_CUT));
	bench_free(b);
}

static void when_nobody_takes_them_the_rest_is_counted(void **state)
{
	(void)state;
	struct bench *b = bench_new(INPUTS_ALL, 64u << 20);
	uint64_t before = count_by_name("inputs_behind");
	for (uint32_t i = 0; i < RING_COUNT + 3; i++) call(b);
	assert_int_equal(count_by_name("inputs_behind") - before, 3);
	for (uint32_t i = 0; i < RING_COUNT; i++) assert_true(is_kept(b));
	call(b);
	assert_true(is_kept(b));
	bench_free(b);
}

// The line's phone rings; then somebody releases the call. Its recording goes as it went.
static void check_release(void (*release)(struct bench *b), uint8_t released_by)
{
	struct bench *b = bench_new(INPUTS_ALL, 1u << 20);
	struct binding phone = { .contact = STR("sip:one@192.0.2.20"), .call_id = STR("r"), .expires_ms = UINT64_MAX / 2 };
	struct recording_fault fault;
	struct replay *again = NULL;
	assert_int_equal(addr_parse(&phone.peer, STR("192.0.2.20:5060")), OK);
	assert_int_equal(location_put(b->live->location, 1, 0, &phone, 1), OK);
	call_without_end(b, "");
	pass(b, 10);
	assert_int_equal(calls_count(worker_calls(b->worker)), 1);
	release(b);
	for (int i = 0; i < 100; i++) pass(b, 1000);
	struct recording *r = inputs_take(b->inputs);
	assert_non_null(r);
	assert_non_null(entry_find(r->first, ENTRY_RELEASE));
	const struct entry_end *end = entry_body(entry_find(r->first, ENTRY_END));
	assert_int_equal(end->released_by, released_by);
	assert_int_equal(replay_run(&again, r, &fault), OK);
	if (again->difference_count) fail_msg("%s, %s", again->differences[0].was, again->differences[0].is);
	assert_int_equal(again->record.released_by, released_by);
	replay_free(again);
	bench_free(b);
}

static void by_operator(struct bench *b)
{
	uint32_t at = 0;
	assert_int_equal(worker_release(b->worker, calls_each(worker_calls(b->worker), &at)->id), OK);
}

static void by_stop(struct bench *b)
{
	worker_release_all(b->worker);
}

static void who_releases_a_call_is_an_input(void **state)
{
	(void)state;
	check_release(by_operator, BY_OPERATOR);
	check_release(by_stop, BY_SWITCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_wanted_is_kept),
		cmocka_unit_test(a_row_is_kept_once_and_again_when_it_changed),
		cmocka_unit_test(without_memory_calls_go_on),
		cmocka_unit_test(what_is_too_long_cuts_the_recording),
		cmocka_unit_test(credentials_are_not_kept_for_lack_of_room),
		cmocka_unit_test(when_nobody_takes_them_the_rest_is_counted),
		cmocka_unit_test(who_releases_a_call_is_an_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
