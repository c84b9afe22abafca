// Ports.
#include "run/media_port.h"

#include "base/count.h"
#include "base/log.h"

#include <stdlib.h>

COUNTER(media_ports_lost, "Pairs of media ports given up because another program has one of them");
COUNTER(media_ports_full, "Times that no media port was free");
COUNTER(media_ports_no_descriptor, "Media sockets that the system refused to open");

#define DSCP_EXPEDITED 46 // RFC 3246: voice

static bool init_address(struct media_ports *p, uint32_t a, uint32_t share, uint32_t shares)
{
	uint32_t max = media_pair_count(&p->setup->addresses[a]), at = 0;
	uint16_t *numbers = calloc(max / shares + 1, sizeof *numbers);
	p->addresses[a].opened = calloc(max, sizeof(bool));
	p->addresses[a].numbers = numbers;
	p->addresses[a].max = max;
	if (!numbers || !p->addresses[a].opened) return false;
	for (uint32_t number = share; number < max; number += shares) numbers[at++] = (uint16_t)number;
	p->addresses[a].free = at;
	return true;
}

enum err media_ports_init(struct media_ports *p, const struct media_setup *setup, uint32_t share, uint32_t shares)
{
	*p = (struct media_ports){ .setup = setup };
	for (uint32_t a = 0; a < setup->address_count; a++) {
		if (init_address(p, a, share, shares)) continue;
		media_ports_fini(p);
		return ERR_FULL;
	}
	return OK;
}

void media_ports_fini(struct media_ports *p)
{
	for (uint32_t a = 0; a < MEDIA_ADDRESSES_MAX; a++) {
		free(p->addresses[a].numbers);
		free(p->addresses[a].opened);
	}
	*p = (struct media_ports){ 0 };
}

// The address for the next pair of this family: at random among those that have one free, so that they fill evenly.
static uint32_t choose_address(const struct media_ports *p, struct random *random, uint8_t family)
{
	uint32_t chosen = MEDIA_ADDRESSES_MAX, seen = 0;
	for (uint32_t a = 0; a < p->setup->address_count; a++) {
		if (p->setup->addresses[a].bound.family != family || !p->addresses[a].free) continue;
		if (random_below(random, ++seen) == 0) chosen = a;
	}
	return chosen;
}

static enum err open_pair(const struct media_ports *p, struct media_pair pair, struct media_pair_opened *out)
{
	struct udp_settings settings = { .local = p->setup->addresses[pair.address].bound, .dscp = DSCP_EXPEDITED };
	settings.local.port = media_pair_port(p->setup, pair);
	enum err e = udp_open(&out->rtp, &settings, 0, NULL);
	if (e != OK) return e;
	settings.local.port++;
	e = udp_open(&out->rtcp, &settings, 0, NULL);
	if (e != OK) udp_close(&out->rtp);
	out->fresh = e == OK;
	return e;
}

static void give_up(const struct media_ports *p, struct media_pair pair)
{
	COUNT(media_ports_lost);
	LOG(WARN, "media_port_taken", LOG_TEXT("another program has this port or the next"),
	    LOG_U64("port", media_pair_port(p->setup, pair)));
}

enum err media_ports_take(struct media_ports *p, struct random *random, uint8_t family, uint32_t address,
                          struct media_pair *out, struct media_pair_opened *opened)
{
	*opened = (struct media_pair_opened){ 0 };
	for (;;) {
		uint32_t a = address < MEDIA_ADDRESSES_MAX ? address : choose_address(p, random, family);
		if (a == MEDIA_ADDRESSES_MAX || !p->addresses[a].free) {
			COUNT(media_ports_full);
			return ERR_FULL;
		}
		uint16_t *numbers = p->addresses[a].numbers;
		uint32_t at = random_below(random, p->addresses[a].free);
		*out = (struct media_pair){ .address = (uint8_t)a, .number = numbers[at] };
		numbers[at] = numbers[--p->addresses[a].free];
		if (p->addresses[a].opened[out->number]) return OK;
		enum err e = open_pair(p, *out, opened);
		if (e == OK) {
			p->addresses[a].opened[out->number] = true;
			return OK;
		}
		if (e != ERR_EXISTS) {
			COUNT(media_ports_no_descriptor);
			media_ports_give(p, *out);
			return ERR_FULL;
		}
		give_up(p, *out);
	}
}

void media_ports_give(struct media_ports *p, struct media_pair pair)
{
	p->addresses[pair.address].numbers[p->addresses[pair.address].free++] = pair.number;
}

void media_ports_undo(struct media_ports *p, struct media_pair pair, struct media_pair_opened *opened)
{
	if (opened->fresh) {
		udp_close(&opened->rtp);
		udp_close(&opened->rtcp);
		p->addresses[pair.address].opened[pair.number] = false;
	}
	media_ports_give(p, pair);
}
