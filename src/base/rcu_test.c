// RCU: what a reader holds is not freed before its quiet point, and then it is.
#include "rcu.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdbool.h>

struct object {
	uint64_t number, check; // check is ~number while it lives
};

static _Atomic(struct object *) current;
static _Atomic bool stop;
static _Atomic uint32_t freed;

static struct object *object_new(uint64_t number)
{
	struct object *o = malloc(sizeof *o);
	assert_non_null(o);
	*o = (struct object){ number, ~number };
	return o;
}

static void object_free(void *object)
{
	struct object *o = object;
	o->check = 0;
	free(o);
	atomic_fetch_add(&freed, 1);
}

static void *reader(void *bad)
{
	rcu_join();
	while (!atomic_load(&stop)) {
		rcu_online();
		for (int i = 0; i < 50; i++) {
			struct object *o = atomic_load(&current);
			for (int k = 0; k < 20; k++)
				if (o->check != ~o->number) atomic_store((_Atomic bool *)bad, true);
			rcu_quiescent();
		}
		rcu_offline();
		sched_yield();
	}
	rcu_leave();
	return NULL;
}

static void readers_never_see_what_was_freed(void **state)
{
	(void)state;
	static _Atomic bool bad;
	pthread_t threads[3];
	atomic_store(&current, object_new(0));
	atomic_store(&freed, 0);
	for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, reader, &bad), 0);
	for (uint64_t n = 1; n <= 20000; n++) {
		rcu_defer(object_free, atomic_exchange(&current, object_new(n)));
		if (n % 64 == 0) sched_yield();
	}
	rcu_drain(); // the readers still run: it waits for their quiet points
	assert_int_equal(atomic_load(&freed), 20000);
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
	assert_false(atomic_load(&bad));
	free(atomic_load(&current));
}

static void nothing_is_freed_under_an_online_reader(void **state)
{
	(void)state;
	atomic_store(&freed, 0);
	rcu_join();
	rcu_online();
	rcu_defer(object_free, object_new(1));
	reclaim();
	assert_int_equal(atomic_load(&freed), 0);
	rcu_quiescent();
	assert_int_equal(atomic_load(&freed), 1);
	rcu_defer(object_free, object_new(2));
	rcu_defer(NULL, NULL); // nothing to free: nothing to wait for
	rcu_offline();
	rcu_drain();
	assert_int_equal(atomic_load(&freed), 2);
	rcu_leave();
	rcu_leave();
}

static void notes_are_kept_ready_for_when_there_is_no_memory(void **state)
{
	(void)state;
	struct deferred *all[SPARES];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < SPARES; i++) assert_non_null(all[i] = take_spare());
		assert_null(take_spare());
		for (int i = 0; i < SPARES; i++) forget(all[i]);
	}
	forget(malloc(sizeof(struct deferred)));
}

static void *join_and_leave(void *unused)
{
	(void)unused;
	rcu_join();
	rcu_online();
	rcu_leave();
	return NULL;
}

static void places_are_given_back(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * RCU_THREADS_MAX; i++) {
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, join_and_leave, NULL), 0);
		pthread_join(thread, NULL);
	}
	for (int i = 0; i < RCU_THREADS_MAX; i++) assert_int_equal(atomic_load(&readers[i].taken), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_never_see_what_was_freed),
		cmocka_unit_test(nothing_is_freed_under_an_online_reader),
		cmocka_unit_test(notes_are_kept_ready_for_when_there_is_no_memory),
		cmocka_unit_test(places_are_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
