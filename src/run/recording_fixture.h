// For tests: recorded calls of test/corpus/recording_fuzz, as text that a test may change.
#pragma once

#include "base/testing.h"
#include "run/recording.h"

#include <stdio.h>
#include <stdlib.h>

#define RECORDED_MAX 65536

struct recorded {
	char text[RECORDED_MAX];
	uint32_t n;
	struct pool blocks;
	struct recording *recording;
	struct recording_fault fault;
};

static inline struct recorded *recorded_new(const char *name)
{
	char path[1024];
	struct recorded *r = calloc(1, sizeof *r);
	assert_non_null(r);
	snprintf(path, sizeof path, SOURCE_ROOT "/test/corpus/recording_fuzz/%s", name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	r->n = (uint32_t)fread(r->text, 1, sizeof r->text - 1, f);
	fclose(f);
	assert_int_equal(pool_init(&r->blocks, "test", sizeof(struct recording_block), 16), OK);
	return r;
}

// Puts `to` in the place of the first `from`, which must be there.
static inline void recorded_change(struct recorded *r, const char *from, const char *to)
{
	char *at = strstr(r->text, from);
	assert_non_null(at);
	size_t was = strlen(from), is = strlen(to);
	assert_true(r->n + is < sizeof r->text);
	memmove(at + is, at + was, r->n - (size_t)(at - r->text) - was + 1);
	memcpy(at, to, is);
	r->n += (uint32_t)(is - was);
}

static inline enum err recorded_read(struct recorded *r)
{
	return recording_read(&r->recording, &r->blocks, (struct str){ r->text, r->n }, &r->fault);
}

static inline void recorded_free(struct recorded *r)
{
	pool_fini(&r->blocks);
	free(r);
}
