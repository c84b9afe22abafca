// Ports.
#include "run/media_port.h"

#include "base/count.h"
#include "base/log.h"

#include <stdlib.h>

COUNTER(media_ports_lost, "Pairs of media ports given up because another program has one of them");
COUNTER(media_ports_full, "Times that no media port was free");
COUNTER(media_ports_no_descriptor, "Media sockets that the system refused to open");

#define KEPT_SHARE 16     // of so many pairs one is kept for emergency calls,
#define KEPT_MIN 2        // ... but as many as one call needs at least
#define IDLE_MIN 64       // as many open pairs must be idle before one of them is chosen: else it could be guessed

static bool init_address(struct media_ports *p, uint32_t a, uint32_t share, uint32_t shares)
{
	struct media_pair_set *fresh = &p->addresses[a].fresh, *idle = &p->addresses[a].idle;
	uint32_t pairs = media_pair_count(&p->setup->addresses[a]);
	fresh->numbers = calloc(pairs / shares + 1, sizeof *fresh->numbers);
	idle->numbers = calloc(pairs / shares + 1, sizeof *idle->numbers);
	if (!fresh->numbers || !idle->numbers) return false;
	for (uint32_t number = share; number < pairs; number += shares) fresh->numbers[fresh->count++] = (uint16_t)number;
	return true;
}

// Pairs of a family that nobody has; those that are open alone count when there is no descriptor to open more.
static uint32_t count_free(const struct media_ports *p, uint8_t family, bool open_only)
{
	uint32_t n = 0;
	for (uint32_t a = 0; a < p->setup->address_count; a++)
		if (p->setup->addresses[a].bound.family == family)
			n += (open_only ? 0 : p->addresses[a].fresh.count) + p->addresses[a].idle.count;
	return n;
}

static uint32_t kept_of(uint32_t pairs)
{
	uint32_t kept = pairs / KEPT_SHARE > KEPT_MIN ? pairs / KEPT_SHARE : KEPT_MIN;
	return kept < pairs / 2 ? kept : pairs / 2;
}

enum err media_ports_init(struct media_ports *p, const struct media_setup *setup, uint32_t share, uint32_t shares)
{
	*p = (struct media_ports){ .setup = setup };
	for (uint32_t a = 0; a < setup->address_count; a++) {
		if (init_address(p, a, share, shares)) continue;
		media_ports_fini(p);
		return ERR_FULL;
	}
	for (uint32_t six = 0; six < 2; six++) p->kept[six] = kept_of(count_free(p, six ? 6 : 4, false));
	return OK;
}

void media_ports_fini(struct media_ports *p)
{
	for (uint32_t a = 0; a < MEDIA_ADDRESSES_MAX; a++) {
		free(p->addresses[a].fresh.numbers);
		free(p->addresses[a].idle.numbers);
	}
	*p = (struct media_ports){ 0 };
}

// The address for the next pair of this family: at random among those that have one free, so that they fill evenly.
static uint32_t choose_address(const struct media_ports *p, struct random *random, uint8_t family)
{
	uint32_t chosen = MEDIA_ADDRESSES_MAX, seen = 0;
	for (uint32_t a = 0; a < p->setup->address_count; a++) {
		bool none = !p->addresses[a].fresh.count && !p->addresses[a].idle.count;
		if (none || p->setup->addresses[a].bound.family != family) continue;
		if (random_below(random, ++seen) == 0) chosen = a;
	}
	return chosen;
}

static uint16_t draw(struct media_pair_set *set, struct random *random)
{
	uint32_t at = random_below(random, set->count);
	uint16_t number = set->numbers[at];
	set->numbers[at] = set->numbers[--set->count];
	return number;
}

static enum err open_pair(const struct media_ports *p, struct media_pair pair, struct media_pair_opened *out)
{
	struct udp_settings settings = { .local = p->setup->addresses[pair.address].bound, .dscp = p->setup->dscp };
	settings.local.port = media_pair_port(p->setup, pair);
	enum err e = udp_open(&out->rtp, &settings, 0, NULL);
	if (e != OK) return e;
	settings.local.port++;
	e = udp_open(&out->rtcp, &settings, 0, NULL);
	if (e != OK) udp_close(&out->rtp);
	out->fresh = e == OK;
	return e;
}

// Opens pairs until one opens. A port that another program has is given up.
static enum err take_fresh(struct media_ports *p, struct random *random, struct media_pair *out,
                           struct media_pair_opened *opened)
{
	struct media_pair_set *fresh = &p->addresses[out->address].fresh;
	while (fresh->count) {
		out->number = draw(fresh, random);
		enum err e = open_pair(p, *out, opened);
		p->no_descriptor = e != OK && e != ERR_EXISTS;
		if (e == OK) return OK;
		if (e != ERR_EXISTS) {
			COUNT(media_ports_no_descriptor);
			fresh->numbers[fresh->count++] = out->number;
			return ERR_FULL;
		}
		COUNT(media_ports_lost);
		LOG(WARN, "media_port_taken", LOG_TEXT("another program has this port or the next"),
		    LOG_U64("port", media_pair_port(p->setup, *out)));
	}
	return ERR_FULL;
}

// Of this address; one that must be fresh leaves those that are open alone.
static enum err take_of(struct media_ports *p, struct random *random, uint32_t address, bool must_be_fresh,
                        struct media_pair *out, struct media_pair_opened *opened)
{
	struct media_pair_set *idle = &p->addresses[address].idle;
	*out = (struct media_pair){ .address = (uint8_t)address };
	if ((must_be_fresh || idle->count < IDLE_MIN) && take_fresh(p, random, out, opened) == OK) return OK;
	if (must_be_fresh || !idle->count) return ERR_FULL;
	out->number = draw(idle, random);
	return OK;
}

enum err media_ports_take(struct media_ports *p, struct random *random, const struct media_port_want *want,
                          struct media_pair *out, struct media_pair_opened *opened)
{
	bool any = want->address == MEDIA_ADDRESSES_MAX;
	uint32_t spare = want->emergency ? 0 : p->kept[want->family == 6];
	bool kept = spare && count_free(p, want->family, false) <= spare;
	bool fresh = spare && p->no_descriptor && count_free(p, want->family, true) <= spare; // if there are some again
	uint32_t a = any ? choose_address(p, random, want->family) : want->address;
	*opened = (struct media_pair_opened){ 0 };
	if (!kept && a < MEDIA_ADDRESSES_MAX && take_of(p, random, a, fresh, out, opened) == OK) return OK;
	// Without descriptors, or when others have the ports of that address, what is open and idle elsewhere will do.
	for (a = 0; any && !kept && a < p->setup->address_count; a++)
		if (p->setup->addresses[a].bound.family == want->family && take_of(p, random, a, fresh, out, opened) == OK)
			return OK;
	COUNT(media_ports_full);
	return ERR_FULL;
}

void media_ports_give(struct media_ports *p, struct media_pair pair)
{
	struct media_pair_set *idle = &p->addresses[pair.address].idle;
	idle->numbers[idle->count++] = pair.number;
}

void media_ports_undo(struct media_ports *p, struct media_pair pair, struct media_pair_opened *opened)
{
	if (!opened->fresh) {
		media_ports_give(p, pair);
		return;
	}
	udp_close(&opened->rtp);
	udp_close(&opened->rtcp);
	struct media_pair_set *fresh = &p->addresses[pair.address].fresh;
	fresh->numbers[fresh->count++] = pair.number;
}
