// The index against a trivial model.
#include "table.c"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka wants the three above first
#include <cmocka.h>

#include "base/testing.h"

struct row {
	struct table_node node;
	char key[12];
	uint32_t value;
};

#define KEYS 500

// 20,000 random additions, replacements and removals of 500 keys: the index always agrees with an array.
static void agrees_with_a_model(void **state)
{
	(void)state;
	struct table t;
	struct random random;
	struct row *model[KEYS] = { 0 };
	random_seed(&random, 7);
	assert_int_equal(table_init(&t), OK);
	for (uint32_t step = 0; step < 20000; step++) {
		uint32_t k = random_below(&random, KEYS), held = 0;
		char key[12];
		struct str name = { key, (uint32_t)snprintf(key, sizeof key, "row%u", k) };
		struct table_node *old;
		if (random_below(&random, 3)) {
			struct row *row = must(calloc(1, sizeof *row));
			memcpy(row->key, key, sizeof key);
			row->value = step;
			assert_int_equal(table_reserve(&t), OK);
			old = table_put(&t, &row->node, (struct str){ row->key, name.n });
			assert_ptr_equal(old, model[k]);
			free(model[k]);
			model[k] = row;
		} else {
			old = table_remove(&t, name);
			assert_ptr_equal(old, model[k]);
			free(model[k]);
			model[k] = NULL;
		}
		assert_ptr_equal(table_find(&t, name), model[k]);
		if (step % 500) continue;
		for (uint32_t i = 0; i < KEYS; i++) held += model[i] != NULL;
		assert_int_equal(t.count, held);
		uint32_t at = 0, seen = 0;
		while (table_each(&t, &at)) seen++;
		assert_int_equal(seen, held);
	}
	for (uint32_t i = 0; i < KEYS; i++) free(model[i]);
	table_fini(&t);
	rcu_drain();
}

// Rows that come and go for ever under new names leave graves, not a larger table.
static void graves_do_not_grow_it(void **state)
{
	(void)state;
	struct table t;
	struct row rows[2];
	assert_int_equal(table_init(&t), OK);
	for (uint32_t i = 0; i < 100000; i++) {
		struct row *row = &rows[i % 2];
		struct str key = { row->key, (uint32_t)snprintf(row->key, sizeof row->key, "r%u", i) };
		assert_int_equal(table_reserve(&t), OK);
		assert_null(table_put(&t, &row->node, key));
		assert_ptr_equal(table_remove(&t, key), &row->node);
	}
	assert_int_equal(t.count, 0);
	assert_true(slots_of(&t)->mask < 256);
	table_fini(&t);
	rcu_drain();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(graves_do_not_grow_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
