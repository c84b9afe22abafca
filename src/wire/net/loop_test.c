#include "loop.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

struct party {
	struct loop *loop;
	struct loop_watch watch;
	struct party *other; // removed when this one is called
	uint32_t events, times;
};

static void on_ready(void *self, uint32_t events)
{
	struct party *p = self;
	p->events = events;
	p->times++;
	if (p->other) loop_remove(p->loop, &p->other->watch);
}

static struct party party_on(struct loop *l, int fd)
{
	return (struct party){ .loop = l, .watch = { .fd = fd, .ready = on_ready } };
}

static void calls_what_is_ready(void **state)
{
	(void)state;
	struct loop l;
	int pair[2];
	assert_int_equal(loop_init(&l), OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct party p = party_on(&l, pair[0]);
	p.watch.self = &p;
	assert_int_equal(loop_watch(&l, &p.watch, LOOP_READ), OK);
	assert_false(loop_wait(&l, 0));
	assert_int_equal(p.times, 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_false(loop_wait(&l, UINT64_MAX));
	assert_int_equal(p.events, LOOP_READ);
	loop_wait(&l, UINT64_MAX); // as long as it is so
	assert_int_equal(p.times, 2);
	assert_int_equal(loop_watch(&l, &p.watch, LOOP_READ | LOOP_WRITE), OK);
	loop_wait(&l, UINT64_MAX);
	assert_int_equal(p.events, LOOP_READ | LOOP_WRITE);
	assert_int_equal(loop_watch(&l, &p.watch, 0), OK); // paused
	assert_false(loop_wait(&l, 1));
	assert_int_equal(p.times, 3);
	close(pair[1]); // a hang-up is told all the same
	loop_wait(&l, UINT64_MAX);
	assert_int_equal(p.events, LOOP_READ | LOOP_WRITE);
	loop_remove(&l, &p.watch);
	assert_false(loop_wait(&l, 1));
	assert_int_equal(p.times, 4);
	close(pair[0]);
	loop_fini(&l);
}

// Of two that are ready at once, the first removes the second: it is not called.
static void a_removed_watch_is_not_called(void **state)
{
	(void)state;
	struct loop l;
	int a[2], b[2];
	assert_int_equal(loop_init(&l), OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	struct party first = party_on(&l, a[0]), second = party_on(&l, b[0]);
	first.watch.self = &first;
	second.watch.self = &second;
	first.other = &second;
	second.other = &first;
	assert_int_equal(loop_watch(&l, &first.watch, LOOP_WRITE), OK);
	assert_int_equal(loop_watch(&l, &second.watch, LOOP_WRITE), OK);
	loop_wait(&l, UINT64_MAX);
	assert_int_equal(first.times + second.times, 1);
	loop_fini(&l);
	for (int i = 0; i < 2; i++) close(a[i]), close(b[i]);
}

static void waits_for_its_time(void **state)
{
	(void)state;
	struct loop l;
	struct timespec from, to;
	assert_int_equal(loop_init(&l), OK);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_false(loop_wait(&l, 30));
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 29);
	loop_fini(&l);
}

static void *wake_later(void *loop)
{
	const struct timespec nap = { .tv_nsec = 20 * 1000000 };
	nanosleep(&nap, NULL);
	loop_wake(loop);
	return NULL;
}

static void another_thread_wakes_it(void **state)
{
	(void)state;
	struct loop l;
	pthread_t thread;
	assert_int_equal(loop_init(&l), OK);
	loop_wake(&l);
	loop_wake(&l);
	assert_true(loop_wait(&l, UINT64_MAX)); // twice is once
	assert_false(loop_wait(&l, 0));
	assert_int_equal(pthread_create(&thread, NULL, wake_later, &l), 0);
	assert_true(loop_wait(&l, UINT64_MAX));
	pthread_join(thread, NULL);
	loop_fini(&l);
}

static void what_cannot_be_watched(void **state)
{
	(void)state;
	struct loop l;
	assert_int_equal(loop_init(&l), OK);
	struct party p = party_on(&l, -1);
	assert_int_equal(loop_watch(&l, &p.watch, LOOP_READ), ERR_SYSTEM);
	loop_fini(&l);
	assert_int_equal(l.epoll_fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_what_is_ready),   cmocka_unit_test(a_removed_watch_is_not_called),
		cmocka_unit_test(waits_for_its_time),    cmocka_unit_test(another_thread_wakes_it),
		cmocka_unit_test(what_cannot_be_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
