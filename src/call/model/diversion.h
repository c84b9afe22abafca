// How a call came to where it is: who sent it on before, and why (RFC 5806, RFC 7044; Q.732.2 redirecting number).
#pragma once

#include "call/model/number.h"

enum diversion_reason {
	DIVERSION_UNKNOWN,
	DIVERSION_UNCONDITIONAL,
	DIVERSION_BUSY,
	DIVERSION_NO_ANSWER,
	DIVERSION_DEFLECTION,  // by whoever was rung
	DIVERSION_UNAVAILABLE, // no phone was there
	DIVERSION_REASON_COUNT,
};

struct diversion {
	struct number from;   // whose call it was; nature NUMBER_NONE: not known
	uint8_t presentation; // enum presentation: may `from` be shown?
	uint8_t reason;       // enum diversion_reason
};

#define DIVERSIONS_MAX 5 // told of one call: the first, which was dialled, and the last ones
