// The journal's own thread: does its steps when they are due, and sleeps until somebody puts a record.
#include "keep/journal_core.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STOP_PAUSE_MS 20 // between two attempts to write what waits at the stop

void journal_wake(struct journal_log *j)
{
	const uint64_t one = 1;
	if (write(j->event_fd, &one, sizeof one) < 0) {} // full of wake-ups: it wakes
}

static void sleep_until(struct journal_log *j, uint64_t due_ms)
{
	uint64_t now_ms = journal_time(j).now_ms, count;
	struct pollfd wait = { .fd = j->event_fd, .events = POLLIN };
	if (due_ms <= now_ms) return;
	// Whoever counts a put after this store sees it and wakes us; whoever counted before is seen here.
	atomic_store(&j->sleeping, true);
	bool idle = j->first || atomic_load(&j->puts) == j->puts_seen; // what waits for the disk makes company wait too
	if (idle && !atomic_load(&j->stop)) poll(&wait, 1, (int)(due_ms - now_ms));
	atomic_store(&j->sleeping, false);
	if (wait.revents && read(j->event_fd, &count, sizeof count) < 0) {} // it was read already: nothing is lost
}

// What waits at the stop is tried for a while; what cannot be written then is told to be lost.
static void end(struct journal_log *j)
{
	uint64_t until_ms = journal_time(j).now_ms + j->setup.stop_ms;
	do {
		j->retry_at_ms = 0;
		if (!journal_begin(j)) break;
		journal_finish(j);
		if (j->attempt.err != OK) poll(NULL, 0, STOP_PAUSE_MS);
	} while (j->attempt.err == OK || journal_time(j).now_ms < until_ms);
	journal_give_up(j);
}

static void *work(void *journal)
{
	struct journal_log *j = journal;
	count_join();
	while (!atomic_load(&j->stop)) {
		if (journal_begin(j)) journal_finish(j);
		else sleep_until(j, journal_due_ms(j));
	}
	end(j);
	return NULL;
}

enum err journal_start(struct journal_log *j)
{
	j->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->event_fd < 0 || pthread_create(&j->thread, NULL, work, j) != 0) return ERR_SYSTEM;
	j->started = true;
	return OK;
}

void journal_stop(struct journal_log *j)
{
	atomic_store(&j->stop, true);
	if (j->started) {
		journal_wake(j);
		pthread_join(j->thread, NULL);
	}
	if (j->event_fd >= 0) close(j->event_fd);
}
