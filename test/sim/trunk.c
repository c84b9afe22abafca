// A far switch: one peer of a trunk group. It has one address, no password, calls any line, takes any number of calls,
// and is silent now and then.
#include "sim/party_inside.h"

#define SILENT_CHANCE 1500u
#define LOOK_MIN_MS 30000u
#define LOOK_MAX_MS 120000u

void trunk_timer(struct ua *p)
{
	if (party_chance(p, SILENT_CHANCE) && !p->all->ending)
		p->silent_until_ms = party_now(p) + party_between(p, 5000, 60000);
	party_timer(p, &p->own, party_between(p, LOOK_MIN_MS, LOOK_MAX_MS), TIMER_PARTY, p->index + 1);
}

void trunk_caller(const struct ua *p, char from[192])
{
	struct buf b = buf_on(from, 191);
	put_z(&b, "<sip:+1");
	put_u64(&b, party_between(p, 212, 219));
	put_z(&b, "555");
	put_u64(&b, party_between(p, 1000, 9999));
	put_c(&b, '@');
	put_z(&b, p->host);
	put_c(&b, '>');
	from[b.n] = '\0';
}

uint16_t trunk_refusal(const struct ua *p)
{
	static const uint16_t why[] = { 404, 480, 486, 500, 503, 603, 488, 484, 410, 302 };
	if (party_chance(p, p->as->busy)) return 486;
	return party_chance(p, p->as->declines) ? why[party_between(p, 0, ARRAY_LEN(why) - 1)] : 0;
}
