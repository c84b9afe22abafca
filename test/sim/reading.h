// Messages as our own strict parser reads them, each once, however many look at it: the checkers when the switch sends
// it, the party that gets it, whoever sent it and looks again.
#pragma once

#include "sim/sim.h"
#include "wire/sip/msg.h"

#define READINGS 128u // about as many as are on their way at a time

struct reading {
	struct sip_msg msg;
	struct sip_fault fault;
	bool good; // PARSE_OK
};

struct readings;
struct readings *readings_new(void);
struct readings *readings_free(struct readings *r);
// Of these octets, which it copies. Good until READINGS others were asked for.
const struct reading *reading_of(struct sim *s, struct str bytes);
