// The wheel against a trivial model: a sorted look through all timers.
#include "wheel.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

#define TIMERS 60

static struct timer timers[TIMERS];
static uint64_t due_at[TIMERS]; // of the model; 0: not armed

// A distance on any level of the wheel, and past its end.
static uint64_t any_distance(struct random *r)
{
	return random_u64(r) >> (24 + random_below(r, 40));
}

static uint64_t model_next(void)
{
	uint64_t next = UINT64_MAX;
	for (int i = 0; i < TIMERS; i++)
		if (due_at[i] && due_at[i] < next) next = due_at[i];
	return next;
}

static void expire_all(struct wheel *w, uint64_t now_ms)
{
	uint64_t last = 0;
	struct timer *t;
	while ((t = wheel_expire(w, now_ms))) {
		long i = t - timers;
		assert_true(i >= 0 && i < TIMERS);
		assert_false(t->armed);
		assert_true(due_at[i] != 0 && due_at[i] == t->at_ms); // each once, and only if it was started
		assert_true(due_at[i] <= now_ms);
		assert_true(due_at[i] >= last);
		assert_int_equal(t->kind, i);
		assert_int_equal(t->owner, due_at[i] + 1);
		last = due_at[i];
		due_at[i] = 0;
	}
	assert_true(model_next() > now_ms); // none was forgotten
}

static void timers_fire_as_the_model_says(void **state)
{
	(void)state;
	static struct wheel w;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct random r;
		random_seed(&r, seed);
		uint64_t now = random_u64(&r) >> (20 + random_below(&r, 44));
		memset(timers, 0, sizeof timers);
		memset(due_at, 0, sizeof due_at);
		wheel_init(&w, now);
		for (int step = 0; step < 5000; step++) {
			uint32_t i = random_below(&r, TIMERS);
			switch (random_below(&r, 4)) {
			case 0:
			case 1: // not in the past, so that the order of time is the order of firing
				due_at[i] = now + 1 + any_distance(&r);
				wheel_start(&w, &timers[i], due_at[i], i, due_at[i] + 1);
				break;
			case 2:
				wheel_stop(&w, &timers[i]);
				due_at[i] = 0;
				break;
			default: // to the next deadline, short of it, or far past it
				if (random_below(&r, 2) && wheel_next(&w) != UINT64_MAX) now = wheel_next(&w);
				else now += any_distance(&r);
				expire_all(&w, now);
			}
			uint32_t armed = 0;
			for (int k = 0; k < TIMERS; k++) armed += due_at[k] != 0;
			assert_int_equal(w.count, armed);
			assert_true(wheel_next(&w) <= model_next());
		}
	}
}

static void past_is_due_at_once(void **state)
{
	(void)state;
	static struct wheel w;
	struct timer t = { 0 }, u = { 0 };
	wheel_init(&w, 1000);
	assert_true(wheel_next(&w) == UINT64_MAX);
	assert_null(wheel_expire(&w, 1000));
	wheel_start(&w, &t, 5, 0, 0);
	wheel_start(&w, &u, 1000, 0, 0);
	assert_int_equal(wheel_next(&w), 1000);
	assert_ptr_equal(wheel_expire(&w, 1000), &t);
	assert_ptr_equal(wheel_expire(&w, 1000), &u);
	assert_null(wheel_expire(&w, 1000));
	assert_true(wheel_next(&w) == UINT64_MAX);
	wheel_stop(&w, &t); // not armed: nothing
	assert_int_equal(w.count, 0);
}

// Restarting moves a timer; it fires once, at its last time.
static void restart_moves(void **state)
{
	(void)state;
	static struct wheel w;
	struct timer t = { 0 };
	wheel_init(&w, 0);
	wheel_start(&w, &t, 10, 1, 0);
	wheel_start(&w, &t, 100000, 2, 0);
	wheel_start(&w, &t, 50, 3, 0);
	assert_int_equal(w.count, 1);
	assert_null(wheel_expire(&w, 49));
	assert_ptr_equal(wheel_expire(&w, 50), &t);
	assert_int_equal(t.kind, 3);
	assert_null(wheel_expire(&w, 1000000));
}

// Where all bits of the wheel turn over at once, a moment stays a moment.
static void turn_of_the_top_level_delays_nothing(void **state)
{
	(void)state;
	static struct wheel w;
	struct timer t = { 0 };
	uint64_t turn = 1ull << 6 * WHEEL_LEVELS;
	wheel_init(&w, turn - 5);
	wheel_start(&w, &t, turn + 3, 0, 0);
	assert_null(wheel_expire(&w, turn + 2));
	assert_ptr_equal(wheel_expire(&w, turn + 3), &t);
}

// An idle wheel sleeps until its timer is near: the looks on the way are few.
static void far_timers_wake_seldom(void **state)
{
	(void)state;
	static struct wheel w;
	struct timer t = { 0 };
	uint64_t at = 30ull * 24 * 3600 * 1000 + 12345;
	uint32_t looks = 0;
	wheel_init(&w, 77);
	wheel_start(&w, &t, at, 0, 0);
	for (uint64_t now = 77; now < at; looks++) {
		assert_null(wheel_expire(&w, now));
		now = wheel_next(&w);
		assert_true(now <= at);
	}
	assert_ptr_equal(wheel_expire(&w, at), &t);
	assert_in_range(looks, 1, WHEEL_LEVELS + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_as_the_model_says),
		cmocka_unit_test(past_is_due_at_once),
		cmocka_unit_test(restart_moves),
		cmocka_unit_test(turn_of_the_top_level_delays_nothing),
		cmocka_unit_test(far_timers_wake_seldom),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
