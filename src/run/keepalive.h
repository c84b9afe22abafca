// Keep-alives to phones behind a NAT: an empty line now and then through the flow that the phone registered by, so that
// the NAT's binding, the only way in to the phone, does not lapse (RFC 5626 §4.4 asks it of the phone; many do not).
#pragma once

#include "base/env.h"
#include "base/packet.h"
#include "live/live.h"
#include "office/office.h"

struct keepalive_setup { // borrowed
	const struct env *env;
	struct outbox *out;
	const struct office *office;
	const struct live *live;
	uint32_t worker, workers;
};

struct keepalive {
	struct keepalive_setup setup;
	uint64_t next_ms, round_ms; // when to look again; when the next round begins
	uint32_t line;              // where the round stands
	bool in_round;
};

void keepalive_init(struct keepalive *k, const struct keepalive_setup *setup);
// Sends to those whose turn it is; the next deadline.
uint64_t keepalive_tick(struct keepalive *k);
