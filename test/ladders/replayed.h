// A call that was recorded is written as text, read again and replayed: the same build must decide as before. For the
// ladders and the simulator.
#pragma once

#include "run/inputs.h"
#include "run/replay.h"

#include <stdlib.h>

static inline void replayed_text(struct buf *wrong, struct str text)
{
	struct pool blocks;
	struct recording *recorded;
	struct recording_fault fault = { 0 };
	struct replay *r = NULL;
	if (pool_init(&blocks, "replay", sizeof(struct recording_block), 64) != OK) {
		put_z(wrong, "no memory");
		return;
	}
	if (recording_read(&recorded, &blocks, text, &fault) != OK || replay_run(&r, recorded, &fault) != OK)
		put_fmt(wrong, "its recording, line %u: %s", fault.line, fault.why);
	else if (r->difference_count)
		put_fmt(wrong, "at %u ms was \"%s\", is \"%s\"", r->differences[0].at_ms, r->differences[0].was,
		        r->differences[0].is);
	replay_free(r);
	pool_fini(&blocks);
}

// The next call that is over; false: there is none. In `wrong` what is otherwise when it runs again; nothing: all as
// before.
static inline bool replayed_next(struct inputs *in, struct buf *wrong)
{
	struct recording *r = inputs_take(in);
	if (!r) return false;
	uint32_t room = recording_text_max(r);
	char *memory = malloc(room);
	struct buf b = buf_on(memory, memory ? room : 0);
	put_recording(&b, r);
	inputs_give_back(in, r);
	if (b.err != OK) put_z(wrong, "its recording is longer than it says");
	else replayed_text(wrong, buf_str(&b));
	free(memory);
	return true;
}
