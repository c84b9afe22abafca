// What is said at the end: counts, and delays by their median, 99th percentile and worst.
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLES_MAX (8u << 20)

enum err delays_init(struct delays *d, uint64_t max)
{
	*d = (struct delays){ .max = max < SAMPLES_MAX ? (uint32_t)max : SAMPLES_MAX };
	d->samples = malloc(d->max * sizeof *d->samples);
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

static void report_delays(struct delays *d, const char *name)
{
	if (d->count == 0) return;
	qsort(d->samples, d->count, sizeof *d->samples, compare);
	printf(",\n  \"%s_us\": {\"median\": %u, \"p99\": %u, \"worst\": %u}", name, d->samples[d->count / 2],
	       d->samples[(uint64_t)d->count * 99 / 100], d->samples[d->count - 1]);
}

static void report_count(const char *name, uint64_t n)
{
	printf(",\n  \"%s\": %" PRIu64, name, n);
}

static void report_refusals(const struct load *l)
{
	const char *comma = "";
	printf(",\n  \"refusals\": {");
	for (uint32_t i = 0; i < ARRAY_LEN(l->refusals); i++) {
		if (l->refusals[i] == 0) continue;
		if (i == 0) printf("\"no answer\": %" PRIu64, l->refusals[i]);
		else printf("%s\"%u\": %" PRIu64, comma, i, l->refusals[i]);
		comma = ", ";
	}
	printf("}");
}

void report(struct load *l)
{
	double seconds = (double)(l->ended_us - l->began_us) / 1e6;
	uint64_t good = l->done - l->failed;
	bool calls = l->o.mode == LOAD_CALL;
	printf("{\n  \"mode\": \"%s\"", calls ? "call" : "register");
	report_count("operations", good);
	report_count("failures", l->failed);
	report_count("unfinished", l->ops.used);
	report_count("challenges", l->challenged);
	report_count("stale", l->stale);
	report_count("retransmissions", l->repeated);
	report_count("server_retransmissions", l->repeated_by_server);
	report_count("unacknowledged", l->callees.unacknowledged);
	report_count("cut_off", l->cut_off);
	report_count("strays", l->strays);
	report_count("sent", l->sent);
	report_count("unsent", l->unsent);
	report_count("received", l->received);
	if (calls) report_count("invite_octets", l->invite_octets);
	printf(",\n  \"seconds\": %.3f,\n  \"per_second\": %.1f", seconds, seconds > 0 ? (double)good / seconds : 0);
	report_delays(&l->ringing, "ringing");
	report_delays(&l->answer, calls ? "answer" : "registered");
	report_refusals(l);
	printf("\n}\n");
}
