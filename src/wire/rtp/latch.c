// The latch.
#include "wire/rtp/latch.h"

void latch_open(struct latch *l, const struct addr *said, const struct addr *signalling)
{
	bool same = addr_eq(&l->said, said) && addr_host_eq(&l->signalling, signalling);
	if (!same) l->source = (struct addr){ 0 };
	l->said = *said;
	l->signalling = *signalling;
	l->first_us = 0;
}

static bool host_is_named(const struct latch *l, const struct addr *from)
{
	return (l->said.family && addr_host_eq(from, &l->said)) ||
	       (l->signalling.family && addr_host_eq(from, &l->signalling));
}

// May this source, which is not the present one, take its place?
static bool may_become(const struct latch *l, const struct addr *from, const uint32_t *ssrc, uint64_t now_us)
{
	uint64_t quiet_us = now_us - l->last_us;
	bool settling = now_us - l->first_us < LATCH_SETTLE_US;
	if (!host_is_named(l, from)) return false;
	if (!l->source.family) return true;
	if (addr_eq(&l->source, &l->said) && quiet_us < LATCH_SILENCE_US) return false;
	if (!l->first_us || (settling && quiet_us >= LATCH_QUIET_US)) return true;
	if (!settling && quiet_us < LATCH_SILENCE_US) return false;
	return addr_eq(from, &l->said) || (ssrc && l->ssrc_known && *ssrc == l->ssrc);
}

bool latch_accept(struct latch *l, const struct addr *from, const uint32_t *ssrc, uint64_t now_us)
{
	if (!l->source.family || !addr_eq(from, &l->source)) {
		if (!may_become(l, from, ssrc, now_us)) return false;
		l->source = *from;
		l->first_us = 0; // a new source settles anew
	}
	if (!l->first_us) l->first_us = now_us;
	l->last_us = now_us;
	l->ssrc_known = ssrc != NULL;
	if (ssrc) l->ssrc = *ssrc;
	return true;
}

const struct addr *latch_to(const struct latch *l)
{
	return l->source.family ? &l->source : l->said.family ? &l->said : NULL;
}
