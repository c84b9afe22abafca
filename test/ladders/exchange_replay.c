// Every call of a ladder is recorded, written as text, read again and replayed: the same build must decide as before.
#include "ladders/exchange_inside.h"

#include "run/replay.h"

#include <stdlib.h>

static bool tell_difference(struct ladder *l, const struct replay *r)
{
	const struct replay_difference *d = &r->differences[0];
	return ladder_fail(l, NULL, "replayed, the call differs %u times: at %u ms was \"%s\", is \"%s\"",
	                   r->difference_count, d->at_ms, d->was, d->is);
}

static bool replay_text(struct ladder *l, struct str text)
{
	struct pool blocks;
	struct recording *recorded;
	struct recording_fault fault;
	struct replay *r = NULL;
	if (pool_init(&blocks, "replay", sizeof(struct recording_block), 64) != OK)
		return ladder_fail(l, NULL, "no memory");
	bool good = recording_read(&recorded, &blocks, text, &fault) == OK && replay_run(&r, recorded, &fault) == OK;
	if (!good) ladder_fail(l, NULL, "the recording of a call, line %u: %s", fault.line, fault.why);
	else if (r->difference_count) good = tell_difference(l, r);
	replay_free(r);
	pool_fini(&blocks);
	return good;
}

bool exchange_replay(struct ladder *l)
{
	struct exchange *x = l->exchange;
	bool good = true;
	for (struct recording *r; x && x->inputs && (r = inputs_take(x->inputs));) {
		uint32_t room = recording_text_max(r);
		char *memory = malloc(room);
		struct buf b = buf_on(memory, memory ? room : 0);
		put_recording(&b, r);
		inputs_give_back(x->inputs, r);
		good = (b.err == OK || ladder_fail(l, NULL, "a recording is longer than it says")) &&
			replay_text(l, buf_str(&b)) && good;
		free(memory);
	}
	return good;
}
