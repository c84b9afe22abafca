// The pool against a trivial model: random takes and returns, every handle asked for each time.
#include "pool.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

#define ITEMS 50

struct item {
	uint64_t stamp;
	char rest[33];
};

struct live {
	struct item *item;
	ref handle;
	uint64_t stamp;
};

static void check_live(const struct pool *p, const struct live *live, uint32_t count)
{
	assert_int_equal(p->used, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_ptr_equal(pool_at(p, live[i].handle), live[i].item);
		assert_int_equal(live[i].item->stamp, live[i].stamp);
		assert_int_equal((uintptr_t)live[i].item % 16, 0);
	}
}

static void objects_live_as_the_model_says(void **state)
{
	(void)state;
	static struct live live[ITEMS];
	static ref dead[20000];
	uint32_t live_count = 0, dead_count = 0;
	struct random r;
	struct pool p;
	random_seed(&r, 11);
	assert_int_equal(pool_init(&p, "items", sizeof(struct item), ITEMS), OK);
	for (uint32_t step = 0; step < 20000; step++) {
		if (random_below(&r, 2)) {
			struct item *item = pool_get(&p);
			if (live_count == ITEMS) {
				assert_null(item);
				continue;
			}
			assert_non_null(item);
			for (uint32_t i = 0; i < sizeof *item; i++) assert_int_equal(((char *)item)[i], 0);
			memset(item, 0xee, sizeof *item);
			item->stamp = step;
			live[live_count].item = item;
			live[live_count].stamp = step;
			live[live_count++].handle = pool_ref(&p, item);
		} else if (live_count) {
			uint32_t which = random_below(&r, live_count);
			assert_null(pool_put(&p, live[which].item));
			dead[dead_count++] = live[which].handle;
			live[which] = live[--live_count];
		}
		check_live(&p, live, live_count);
		if (dead_count) assert_null(pool_at(&p, dead[random_below(&r, dead_count)]));
	}
	for (uint32_t i = 0; i < dead_count; i++) assert_null(pool_at(&p, dead[i]));
	pool_fini(&p);
}

static void no_handle_finds_nothing(void **state)
{
	(void)state;
	struct pool p;
	assert_int_equal(pool_init(&p, "items", 8, 4), OK);
	assert_null(pool_at(&p, 0));
	assert_null(pool_at(&p, 1));
	assert_null(pool_at(&p, (ref)1 << 32 | 1)); // never taken
	assert_null(pool_at(&p, UINT64_MAX));
	assert_null(pool_put(&p, NULL));
	void *item = pool_get(&p);
	assert_int_not_equal(pool_ref(&p, item), 0);
	assert_null(pool_at(&p, pool_ref(&p, item) + 1));
	pool_fini(&p);
}

static void audit_sees_each_taken_object_once(void **state)
{
	(void)state;
	struct pool p;
	void *items[5];
	uint32_t at = 0;
	assert_int_equal(pool_init(&p, "items", 24, 8), OK);
	for (uint32_t i = 0; i < 5; i++) items[i] = pool_get(&p);
	pool_put(&p, items[0]);
	pool_put(&p, items[3]);
	assert_ptr_equal(pool_each(&p, &at), items[1]);
	assert_ptr_equal(pool_each(&p, &at), items[2]);
	assert_ptr_equal(pool_each(&p, &at), items[4]);
	assert_null(pool_each(&p, &at));
	assert_null(pool_each(&p, &at));
	pool_fini(&p);
}

static void generations_begin_anew_below_the_marks(void **state)
{
	(void)state;
	struct pool p;
	assert_int_equal(pool_init(&p, "items", 8, 1), OK);
	pool_put(&p, pool_get(&p));
	p.generations[0] = GENERATION_MASK - 1; // after half a thousand million takes
	void *item = pool_get(&p);
	ref last = pool_ref(&p, item);
	assert_int_equal(last >> 62, 0);
	assert_ptr_equal(pool_at(&p, last), item);
	pool_put(&p, item);
	item = pool_get(&p);
	assert_null(pool_at(&p, last));
	assert_ptr_equal(pool_at(&p, pool_ref(&p, item)), item);
	pool_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_live_as_the_model_says),
		cmocka_unit_test(no_handle_finds_nothing),
		cmocka_unit_test(audit_sees_each_taken_object_once),
		cmocka_unit_test(generations_begin_anew_below_the_marks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
