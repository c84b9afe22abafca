// The map against a trivial model, with several objects of one key.
#include "map.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OBJECTS 300
#define KEYS 40

static struct object {
	struct map_node node;
	char key[8];
	bool in;
} objects[OBJECTS];

static uint32_t found_of(const struct map *m, struct str key)
{
	uint32_t found = 0;
	for (struct map_node *n = map_find(m, key); n; n = map_find_next(m, n)) {
		assert_true(str_eq(n->key, key));
		found++;
	}
	return found;
}

static void objects_are_found_as_the_model_says(void **state)
{
	(void)state;
	struct random r;
	struct map m;
	uint32_t of_key[KEYS] = { 0 }, count = 0;
	random_seed(&r, 5);
	assert_int_equal(map_init(&m, 20, (struct hash_key){ { 1, 2 } }), OK); // far fewer than come: chains
	for (uint32_t step = 0; step < 30000; step++) {
		struct object *o = &objects[random_below(&r, OBJECTS)];
		if (o->in) {
			uint32_t key = (uint32_t)(o->key[0] - '!');
			map_remove(&m, &o->node);
			map_remove(&m, &o->node); // twice does no harm
			of_key[key]--, count--;
		} else {
			uint32_t key = random_below(&r, KEYS);
			o->key[0] = (char)('!' + key);
			map_add(&m, &o->node, (struct str){ o->key, 1 });
			of_key[key]++, count++;
		}
		o->in = !o->in;
		assert_int_equal(m.count, count);
		uint32_t asked = random_below(&r, KEYS);
		char text = (char)('!' + asked);
		assert_int_equal(found_of(&m, (struct str){ &text, 1 }), of_key[asked]);
	}
	assert_null(map_find(&m, STR("")));
	assert_null(map_find(&m, STR("!!")));
	map_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_found_as_the_model_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
