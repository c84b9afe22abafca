// Every call of a ladder is recorded and replayed: the same build must decide as before.
#include "ladders/exchange_inside.h"

#include "ladders/replayed.h"

bool exchange_replay(struct ladder *l)
{
	struct exchange *x = l->exchange;
	char text[512];
	struct buf wrong = buf_on(text, sizeof text);
	while (x && x->inputs && replayed_next(x->inputs, &wrong)) {
		if (wrong.n && !x->may_be_full)
			return ladder_fail(l, NULL, "replayed, a call goes otherwise: %.*s", STR_FMT(buf_str(&wrong)));
		wrong.n = 0;
	}
	return true;
}
