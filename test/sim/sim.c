// Virtual time: a heap of events, streams of chance, and the course of a run from boot to quiet.
#include "sim/check.h"
#include "sim/disk.h"
#include "sim/ledger.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/party.h"
#include "sim/plane.h"
#include "sim/reading.h"
#include "sim/weather.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BEGIN_MS 1000000u
#define MIXER 0x9e3779b97f4a7c15u // odd, so that nothing is lost; its bits are well spread
#define HEAP_FIRST 4096
#define FAILURE_MAX 4096
#define LAST_CALLS_MS 300000u   // what stands so long after the last call began is hung up by its parties
#define QUIET_AFTER_MS 1800000u // so long after that nothing may be left: the longest are a silent call and its BYE
#define LOOK_MS 100u            // how often the run asks whether its next part can begin

struct event {
	uint64_t at_ms;
	uint64_t order; // chance, then the count of events: no two are equal
	sim_event *run;
	void *self;
	uint64_t arg;
};

enum part { PART_CALLS, PART_LAST, PART_QUIET, PART_OVER };

struct sim {
	struct sim_plan plan;
	uint64_t now_ms, sum, events, scheduled;
	struct event *heap; // owned; each is before the four that stand at 4i + 1 and on
	uint32_t count, max;
	struct random chance[SIM_STREAMS];
	enum part part;
	uint64_t part_until_ms; // it must be over by then
	bool failed;
	char failure[FAILURE_MAX], concerns[RECORD_TEXT_MAX];
	// owned
	struct weather *weather;
	struct readings *readings;
	struct net *net;
	struct disk *disk;
	struct plane *plane;
	struct ledger *ledger;
	struct node_sim *node;
	struct parties *parties;
	struct checker *checker;
};

const struct sim_plan *sim_plan(const struct sim *s) { return &s->plan; }
uint64_t sim_now_ms(const struct sim *s) { return s->now_ms; }
uint64_t sim_wall_ms(const struct sim *s) { return weather_wall_ms(s->weather); }
uint64_t sim_sum(const struct sim *s) { return s->sum; }
uint64_t sim_events(const struct sim *s) { return s->events; }
const char *sim_failure(const struct sim *s) { return s->failed ? s->failure : NULL; }
struct str sim_concerns(const struct sim *s) { return str_from(s->concerns); }
struct weather *sim_weather(struct sim *s) { return s->weather; }
struct readings *sim_readings(struct sim *s) { return s->readings; }
struct net *sim_net(struct sim *s) { return s->net; }
struct disk *sim_disk(struct sim *s) { return s->disk; }
struct plane *sim_plane(struct sim *s) { return s->plane; }
struct ledger *sim_ledger(struct sim *s) { return s->ledger; }
struct node_sim *sim_node(struct sim *s) { return s->node; }
struct parties *sim_parties(struct sim *s) { return s->parties; }
struct checker *sim_checker(struct sim *s) { return s->checker; }

// CHANCE AND THE SUM

struct random *sim_random(struct sim *s, enum sim_stream stream)
{
	return &s->chance[stream];
}

uint32_t sim_below(struct sim *s, enum sim_stream stream, uint32_t n)
{
	return random_below(&s->chance[stream], n);
}

uint32_t sim_between(struct sim *s, enum sim_stream stream, uint32_t a, uint32_t b)
{
	return a + random_below(&s->chance[stream], b - a + 1);
}

bool sim_chance(struct sim *s, enum sim_stream stream, uint32_t of_10000)
{
	return of_10000 && random_below(&s->chance[stream], 10000) < of_10000;
}

static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * MIXER;
	return sum ^ sum >> 29;
}

uint64_t sim_hash(struct str bytes)
{
	uint64_t words[4], a = bytes.n, b = 1, c = 2, d = 3;
	uint32_t at = 0;
	for (; at + sizeof words <= bytes.n; at += sizeof words) { // four at a time, that do not wait for each other
		memcpy(words, bytes.p + at, sizeof words);
		a = (a ^ words[0]) * MIXER;
		b = (b ^ words[1]) * MIXER;
		c = (c ^ words[2]) * MIXER;
		d = (d ^ words[3]) * MIXER;
	}
	for (; at < bytes.n; at += 8) {
		words[0] = 0;
		memcpy(words, bytes.p + at, bytes.n - at < 8 ? bytes.n - at : 8);
		a = mix(a, words[0]);
	}
	return mix(mix(a, b), mix(c, d));
}

void sim_note(struct sim *s, struct str bytes)
{
	s->sum = mix(s->sum, sim_hash(bytes));
}

// THE HEAP

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void grow(struct sim *s)
{
	uint32_t max = s->max ? s->max * 2 : HEAP_FIRST;
	struct event *heap = realloc(s->heap, max * sizeof *heap);
	if (!heap) abort(); // the simulator's own memory is no part of the test
	s->heap = heap;
	s->max = max;
}

void sim_at(struct sim *s, uint64_t at_ms, sim_event *run, void *self, uint64_t arg)
{
	if (s->count == s->max) grow(s);
	if (at_ms < s->now_ms) at_ms = s->now_ms;
	uint64_t chance = random_u64(&s->chance[SIM_ORDER]);
	struct event e = { at_ms, chance << 32 | (s->scheduled++ & 0xffffffffu), run, self, arg };
	uint32_t i = s->count++;
	while (i && before(&e, &s->heap[(i - 1) / 4])) {
		s->heap[i] = s->heap[(i - 1) / 4];
		i = (i - 1) / 4;
	}
	s->heap[i] = e;
}

static struct event take(struct sim *s)
{
	struct event first = s->heap[0], last = s->heap[--s->count];
	uint32_t i = 0;
	for (uint32_t child; (child = 4 * i + 1) < s->count; i = child) {
		uint32_t end = child + 4 < s->count ? child + 4 : s->count;
		for (uint32_t other = child + 1; other < end; other++)
			if (before(&s->heap[other], &s->heap[child])) child = other;
		if (!before(&s->heap[child], &last)) break;
		s->heap[i] = s->heap[child];
	}
	s->heap[i] = last;
	return first;
}

// FAILURE

void sim_fail(struct sim *s, const char *format, ...)
{
	va_list args;
	if (s->failed) return;
	s->failed = true;
	va_start(args, format);
	vsnprintf(s->failure, sizeof s->failure, format, args);
	va_end(args);
}

void sim_about(struct sim *s, struct str call_id)
{
	if (!s->failed) str_to_z(s->concerns, sizeof s->concerns, call_id);
}

// THE COURSE OF A RUN

static void boot(struct sim *s, void *self, uint64_t arg)
{
	(void)self, (void)arg;
	if (!node_is_up(s->node) && !node_boot(s->node)) sim_fail(s, "the node does not boot");
}

static void maybe_crash(struct sim *s)
{
	if (sim_chance(s, SIM_WEATHER, s->weather->crash) && node_crash(s->node))
		sim_at(s, s->now_ms + s->weather->boot_ms, boot, NULL, 0);
}

static bool is_quiet(struct sim *s)
{
	return parties_done(s->parties) && net_in_flight(s->net) == 0 && node_is_up(s->node) && node_is_quiet(s->node);
}

static void begin_part(struct sim *s, enum part part, uint64_t for_ms)
{
	s->part = part;
	s->part_until_ms = s->now_ms + for_ms;
}

static void fail_left(struct sim *s)
{
	char text[FAILURE_MAX / 2];
	struct buf b = buf_on(text, sizeof text);
	put_node_left(&b, s->node);
	put_z(&b, "; ");
	put_parties_left(&b, s->parties);
	sim_fail(s, "%u s after the last party hung up, something is left: %u datagrams on their way, node: %.*s",
	         QUIET_AFTER_MS / 1000, net_in_flight(s->net), (int)b.n, b.p);
}

// Looks whether the next part of the run can begin: all calls begun ▸ time to end ▸ hung up ▸ nothing left.
static void look(struct sim *s, void *self, uint64_t arg)
{
	(void)self, (void)arg;
	bool cut = s->plan.events_max && s->events >= s->plan.events_max;
	bool late = s->now_ms >= s->part_until_ms;
	if (s->part == PART_CALLS && (cut || parties_begun(s->parties) >= s->plan.calls)) {
		begin_part(s, PART_LAST, LAST_CALLS_MS);
	} else if (s->part == PART_LAST && (cut || late || parties_done(s->parties))) {
		weather_end(s->weather);
		parties_end(s->parties);
		begin_part(s, PART_QUIET, QUIET_AFTER_MS);
	} else if (s->part == PART_QUIET && is_quiet(s)) {
		check_end(s->checker);
		s->part = PART_OVER;
	} else if (s->part == PART_QUIET && late) {
		fail_left(s);
	}
	sim_at(s, s->now_ms + LOOK_MS, look, NULL, 0);
}

bool sim_run(struct sim *s)
{
	begin_part(s, PART_CALLS, 0);
	boot(s, NULL, 0);
	if (s->failed) return false;
	weather_start(s->weather);
	parties_start(s->parties);
	sim_at(s, s->now_ms, look, NULL, 0);
	while (s->part != PART_OVER && !s->failed) {
		struct event e = take(s);
		s->now_ms = e.at_ms;
		s->sum = mix(s->sum, e.at_ms);
		s->events++;
		e.run(s, e.self, e.arg);
		maybe_crash(s);
	}
	return !s->failed;
}

struct sim *sim_new(const struct sim_plan *plan)
{
	struct sim *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	s->plan = *plan;
	s->now_ms = BEGIN_MS;
	s->sum = plan->seed;
	for (uint32_t i = 0; i < SIM_STREAMS; i++) random_seed(&s->chance[i], mix(plan->seed, i + 1));
	if ((s->weather = weather_new(s)) && (s->readings = readings_new()) && (s->net = net_new(s)) &&
	    (s->disk = disk_new(s)) && (s->plane = plane_new(s)) && (s->ledger = ledger_new(s)) &&
	    (s->node = node_sim_new(s)) && (s->parties = parties_new(s)) && (s->checker = checker_new(s))) return s;
	return sim_free(s);
}

struct sim *sim_free(struct sim *s)
{
	if (!s) return NULL;
	s->checker = checker_free(s->checker); // the node's end is no crash
	parties_free(s->parties);
	node_sim_free(s->node);
	ledger_free(s->ledger);
	plane_free(s->plane);
	disk_free(s->disk);
	net_free(s->net);
	readings_free(s->readings);
	weather_free(s->weather);
	free(s->heap);
	free(s);
	return NULL;
}
