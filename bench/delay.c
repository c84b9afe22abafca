// Delays, kept one by one: medians and percentiles are exact.
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#define SAMPLES_MAX (8u << 20)

enum err delays_init(struct delays *d, uint64_t max)
{
	*d = (struct delays){ .max = max < SAMPLES_MAX ? (uint32_t)max : SAMPLES_MAX };
	d->samples = malloc((d->max ? d->max : 1) * sizeof *d->samples);
	return d->samples ? OK : ERR_FULL;
}

void delays_add(struct delays *d, uint64_t us)
{
	if (d->count < d->max) d->samples[d->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

void delays_print(struct delays *d, const char *name)
{
	if (d->count == 0) return;
	qsort(d->samples, d->count, sizeof *d->samples, compare);
	printf(",\n  \"%s_us\": {\"median\": %u, \"p99\": %u, \"worst\": %u}", name, d->samples[d->count / 2],
	       d->samples[(uint64_t)d->count * 99 / 100], d->samples[d->count - 1]);
}
