// Storms: what each fault may do, drawn when a storm begins. And production code's malloc, which a storm may refuse.
#include "sim/weather.h"

#include "sim/net.h"
#include "sim/node.h"

#include <stdlib.h>

#define HOUR_MS 3600000
#define DAY_MS 86400000
#define CALM_MIN_MS 2000u
#define CALM_MAX_MS 30000u
#define STORM_MIN_MS 1000u
#define STORM_MAX_MS 20000u
#define STOP_LIMIT_MS 60000u // as is the default of the program
#define STOPPED_MAX_MS 5000u

#define FAULT_NAME(id, name) name,
const char *const fault_names[FAULT_COUNT] = { FAULTS(FAULT_NAME) };

static void turn(struct sim *s, void *self, uint64_t arg);

static uint32_t between(struct weather *w, uint32_t a, uint32_t b)
{
	return sim_between(w->sim, SIM_WEATHER, a, b);
}

// Small chances as often as great ones: each power of two between the ends is as common as the next.
static uint32_t chance_between(struct weather *w, uint32_t least, uint32_t most)
{
	uint32_t doublings = 0;
	while (least << (doublings + 1) <= most) doublings++; // least > 0
	uint32_t floor = least << between(w, 0, doublings);
	uint32_t c = between(w, floor, 2 * floor);
	return c < most ? c : most;
}

// THE WALL CLOCK

uint64_t weather_wall_ms(const struct weather *w)
{
	int64_t passed = (int64_t)(sim_now_ms(w->sim) - w->wall_from_ms);
	return w->wall_ms + (uint64_t)(passed + passed * w->slew_ppm / 1000000);
}

static void set_wall(struct weather *w, uint64_t wall_ms, int32_t slew_ppm)
{
	w->wall_ms = wall_ms;
	w->wall_from_ms = sim_now_ms(w->sim);
	w->slew_ppm = slew_ppm;
}

// Ten seconds before it is the 29th of February (UTC) in the first leap year after this time (until 2100).
static uint64_t before_leap_day(uint64_t wall_ms)
{
	const uint64_t four_years_ms = 1461 * (uint64_t)DAY_MS, feb_29_1972_ms = 789 * (uint64_t)DAY_MS;
	uint64_t cycles = wall_ms < feb_29_1972_ms ? 0 : (wall_ms - feb_29_1972_ms) / four_years_ms + 1;
	return feb_29_1972_ms + cycles * four_years_ms - 10000;
}

// By an hour or a day either way; to a leap day; a second back, as a leap second is shown by a clock that has none.
static void jump(struct weather *w)
{
	static const int64_t jumps_ms[] = { HOUR_MS, -HOUR_MS, DAY_MS, -DAY_MS, -1000 };
	uint32_t which = between(w, 0, ARRAY_LEN(jumps_ms));
	uint64_t now = weather_wall_ms(w);
	set_wall(w, which < ARRAY_LEN(jumps_ms) ? now + (uint64_t)jumps_ms[which] : before_leap_day(now), w->slew_ppm);
}

// STORMS

static void be_calm(struct weather *w)
{
	struct weather calm = { .sim = w->sim, .ended = w->ended, .delay_min_ms = 2, .delay_max_ms = 20, .sync_min_ms = 1,
	                        .sync_max_ms = 5, .boot_ms = 500, .wall_ms = weather_wall_ms(w),
	                        .wall_from_ms = sim_now_ms(w->sim) };
	bool clogged = w->clogged;
	*w = calm;
	if (clogged) net_unclog(sim_net(w->sim));
}

static void unclog(struct sim *s, void *self, uint64_t arg)
{
	struct weather *w = self;
	(void)arg;
	if (!w->clogged) return;
	w->clogged = false;
	net_unclog(sim_net(s));
}

static void change_office(struct sim *s, void *self, uint64_t arg)
{
	struct weather *w = self;
	(void)arg;
	if (!(w->faults >> FAULT_OFFICE & 1)) return; // that storm is over
	if (node_is_up(sim_node(s))) node_change_office(sim_node(s));
	sim_at(s, sim_now_ms(s) + between(w, 50, 2000), change_office, w, 0);
}

static void stop_node(struct sim *s, void *self, uint64_t arg)
{
	(void)self, (void)arg;
	uint32_t limit_ms = sim_below(s, SIM_STOPS, sim_below(s, SIM_STOPS, 2) ? 2000 : STOP_LIMIT_MS);
	node_stop(sim_node(s), limit_ms, sim_between(s, SIM_STOPS, 1, STOPPED_MAX_MS));
}

static void brew(struct weather *w, enum fault fault)
{
	uint64_t now_ms = sim_now_ms(w->sim);
	switch (fault) {
	case FAULT_LOSS: w->loss = chance_between(w, 50, 3000); break;
	case FAULT_DOUBLED: w->doubled = chance_between(w, 100, 5000); break;
	case FAULT_SPOILED: w->spoiled = chance_between(w, 10, 1000); break;
	case FAULT_LATE: w->late = chance_between(w, 50, 2000); break;
	case FAULT_DELAY:
		w->delay_min_ms = between(w, 0, 200);
		w->delay_max_ms = w->delay_min_ms + between(w, 10, 1500);
		break;
	case FAULT_CLOGGED:
		w->clogged = true;
		sim_at(w->sim, now_ms + between(w, 100, 8000), unclog, w, 0);
		break;
	case FAULT_SOCKET_FULL: w->socket_full = chance_between(w, 100, 9000); break;
	case FAULT_SLOW_DISK:
		w->sync_min_ms = between(w, 5, 300);
		w->sync_max_ms = w->sync_min_ms + between(w, 10, 5000);
		break;
	case FAULT_SYNC_FAILS: w->sync_fails = chance_between(w, 100, 10000); break;
	case FAULT_WRITE_FAILS: w->write_fails = chance_between(w, 100, 10000); break;
	case FAULT_DISK_FULL: w->disk_full = true; break;
	case FAULT_CRASH:
		w->crash = chance_between(w, 1, 20);
		w->boot_ms = chance_between(w, 1, 5000);
		break;
	case FAULT_ALLOCATION: w->refuse_allocation = chance_between(w, 10, 5000); break;
	case FAULT_MEDIA_FULL: w->media_full = true; break;
	case FAULT_CLOCK: jump(w); break;
	case FAULT_SLEW: set_wall(w, weather_wall_ms(w), (int32_t)between(w, 0, 1000) - 500); break;
	case FAULT_OFFICE: sim_at(w->sim, now_ms, change_office, w, 0); break;
	case FAULT_POOLS: w->media_kept = true; break; // the node's own pools are small in such a plan from its boot
	case FAULT_KEYS: break; // it is the parties that press them (phone_talk.c)
	case FAULT_STOP: sim_at(w->sim, now_ms + sim_below(w->sim, SIM_STOPS, STORM_MAX_MS), stop_node, w, 0); break;
	case FAULT_COUNT: break;
	}
}

// One of the plan's faults for certain, each other with a chance of one in four.
static void be_stormy(struct weather *w, uint32_t allowed)
{
	uint32_t count = (uint32_t)__builtin_popcount(allowed), certain = between(w, 0, count - 1);
	w->storm = true;
	for (uint32_t i = 0; i < FAULT_COUNT; i++) {
		if (!(allowed >> i & 1)) continue;
		bool comes = certain-- == 0;
		if (sim_chance(w->sim, SIM_WEATHER, 2500) || comes) w->faults |= 1u << i;
	}
	for (uint32_t i = 0; i < FAULT_COUNT; i++)
		if (w->faults >> i & 1) brew(w, (enum fault)i);
}

static void turn(struct sim *s, void *self, uint64_t arg)
{
	struct weather *w = self;
	bool storm = !w->storm;
	(void)arg;
	if (w->ended) return;
	be_calm(w);
	if (storm) be_stormy(w, sim_plan(s)->faults);
	uint64_t for_ms = storm ? between(w, STORM_MIN_MS, STORM_MAX_MS) : between(w, CALM_MIN_MS, CALM_MAX_MS);
	sim_at(s, sim_now_ms(s) + for_ms, turn, w, 0);
}

void weather_start(struct weather *w)
{
	if (sim_plan(w->sim)->faults) sim_at(w->sim, sim_now_ms(w->sim) + between(w, 500, CALM_MAX_MS), turn, w, 0);
}

void weather_end(struct weather *w)
{
	w->ended = true;
	be_calm(w);
}

struct weather *weather_new(struct sim *s)
{
	struct weather *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	w->sim = s;
	// Some day of the years 2024 to 2031, at any hour.
	set_wall(w, 1704067200000u + random_u64(sim_random(s, SIM_WEATHER)) % (2922 * (uint64_t)DAY_MS), 0);
	be_calm(w);
	return w;
}

struct weather *weather_free(struct weather *w)
{
	weather_leave();
	free(w);
	return NULL;
}

// ALLOCATION: the program is linked so that its own files' malloc and the like come here (meson.build: --wrap).

// Production code runs, under this weather. Volatile: compilers hold that malloc reads no variable of ours.
static struct weather *volatile running;

void weather_enter(struct weather *w)
{
	running = w;
}

void weather_leave(void)
{
	running = NULL;
}

static bool refused(void)
{
	return running && running->refuse_allocation && sim_chance(running->sim, SIM_WEATHER, running->refuse_allocation);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return refused() ? NULL : __real_realloc(p, size);
}
