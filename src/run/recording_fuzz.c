// Any octets as the text of a recording: what can be read can be written, and what was written reads the same again.
// What reads is also run, since a file that somebody sends may hold anything.
#include "run/replay.h"

#include <stdlib.h>

#define BLOCKS 64

static char *write_out(struct buf *b, const struct recording *r)
{
	uint32_t room = recording_text_max(r);
	char *memory = malloc(room);
	*b = buf_on(memory, memory ? room : 0);
	put_recording(b, r);
	if (b->err != OK) abort();
	return memory;
}

static void check_round_trip(struct pool *blocks, const struct recording *r)
{
	struct recording_fault fault;
	struct recording *again;
	struct buf first, second;
	char *one = write_out(&first, r);
	if (recording_read(&again, blocks, buf_str(&first), &fault) != OK) abort();
	char *two = write_out(&second, again);
	if (!str_eq(buf_str(&first), buf_str(&second))) abort();
	recording_free(again);
	free(one);
	free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool blocks;
	struct recording *r;
	struct recording_fault fault;
	struct replay *replay;
	if (size > 1u << 18 || pool_init(&blocks, "fuzz", sizeof(struct recording_block), BLOCKS) != OK) return 0;
	if (recording_read(&r, &blocks, (struct str){ (const char *)data, (uint32_t)size }, &fault) == OK) {
		check_round_trip(&blocks, r);
		if (replay_run(&replay, r, &fault) == OK) replay_free(replay);
		recording_free(r);
	} else if (!fault.why[0]) {
		abort(); // a refusal has its reason
	}
	pool_fini(&blocks);
	return 0;
}
