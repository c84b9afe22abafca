// The loop. Watches stand in epoll by their address; NULL is the wake-up.
#include "wire/net/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH 64

enum err loop_init(struct loop *l)
{
	*l = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	l->batch = calloc(BATCH, sizeof *l->batch);
	struct epoll_event wake = { .events = EPOLLIN };
	enum err err = l->batch ? OK : ERR_FULL;
	if (l->epoll_fd < 0 || l->wake_fd < 0) err = ERR_SYSTEM;
	else if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &wake) < 0) err = ERR_SYSTEM;
	if (err != OK) loop_fini(l);
	return err;
}

void loop_fini(struct loop *l)
{
	if (l->epoll_fd >= 0) close(l->epoll_fd);
	if (l->wake_fd >= 0) close(l->wake_fd);
	free(l->batch);
	*l = (struct loop){ .epoll_fd = -1, .wake_fd = -1 };
}

enum err loop_watch(struct loop *l, struct loop_watch *w, uint32_t events)
{
	struct epoll_event e = { .data.ptr = w };
	if (events & LOOP_READ) e.events |= EPOLLIN;
	if (events & LOOP_WRITE) e.events |= EPOLLOUT;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, w->fd, &e) == 0) return OK;
	if (errno == EEXIST && epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) == 0) return OK;
	return ERR_SYSTEM;
}

void loop_remove(struct loop *l, struct loop_watch *w)
{
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	// It may be ready in the batch that is being worked through.
	for (uint32_t i = 0; i < l->batch_count; i++)
		if (l->batch[i].data.ptr == w) l->batch[i].events = 0;
}

static bool take_wake(const struct loop *l)
{
	uint64_t times;
	return read(l->wake_fd, &times, sizeof times) == sizeof times;
}

static void call(const struct epoll_event *e)
{
	const struct loop_watch *w = e->data.ptr;
	uint32_t events = 0;
	if (e->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) events |= LOOP_READ;
	if (e->events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) events |= LOOP_WRITE;
	if (events) w->ready(w->self, events);
}

bool loop_wait(struct loop *l, uint64_t timeout_ms)
{
	bool woken = false;
	int timeout = timeout_ms == UINT64_MAX ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	int count = epoll_wait(l->epoll_fd, l->batch, BATCH, timeout);
	l->batch_count = count > 0 ? (uint32_t)count : 0; // a signal ends the wait: nothing was ready
	for (uint32_t i = 0; i < l->batch_count; i++) {
		if (l->batch[i].data.ptr) call(&l->batch[i]);
		else woken = take_wake(l);
	}
	l->batch_count = 0;
	return woken;
}

void loop_wake(struct loop *l)
{
	uint64_t once = 1;
	ssize_t written = write(l->wake_fd, &once, sizeof once); // full only when it was woken already
	(void)written;
}
