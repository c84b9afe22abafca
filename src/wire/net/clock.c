// The clocks.
#include "wire/net/clock.h"

#include <assert.h>
#include <time.h>

static uint64_t read_ms(clockid_t clock)
{
	struct timespec t;
	int failed = clock_gettime(clock, &t);
	assert(!failed); // both clocks are always there
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_monotonic_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}
