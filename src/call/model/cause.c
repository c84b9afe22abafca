// The words of Q.850's causes, for trails, CDRs and people.
#include "call/model/cause.h"

#include <stddef.h>

static const char *const itu_texts[128] = {
	[1] = "unallocated number", [2] = "no route to transit network", [3] = "no route to destination",
	[4] = "send special information tone", [5] = "misdialled trunk prefix", [6] = "channel unacceptable",
	[7] = "call awarded in an established channel", [8] = "preemption", [9] = "preemption, circuit reserved",
	[14] = "ported number", [16] = "normal clearing", [17] = "user busy", [18] = "no user responding",
	[19] = "no answer", [20] = "subscriber absent", [21] = "call rejected", [22] = "number changed",
	[23] = "redirection to new destination", [24] = "rejected by a feature at the destination",
	[25] = "exchange routing error", [26] = "non-selected user clearing", [27] = "destination out of order",
	[28] = "invalid number format", [29] = "facility rejected", [30] = "response to status enquiry",
	[31] = "normal, unspecified", [34] = "no circuit available", [38] = "network out of order",
	[39] = "permanent frame mode connection out of service", [40] = "permanent frame mode connection operational",
	[41] = "temporary failure", [42] = "switching equipment congestion", [43] = "access information discarded",
	[44] = "requested circuit not available", [46] = "precedence call blocked", [47] = "resource unavailable",
	[49] = "quality of service not available", [50] = "facility not subscribed",
	[53] = "outgoing calls barred within closed user group", [55] = "incoming calls barred within closed user group",
	[57] = "bearer capability not authorised", [58] = "bearer capability not presently available",
	[62] = "inconsistent access information and subscriber class", [63] = "service not available",
	[65] = "bearer capability not implemented", [66] = "channel type not implemented",
	[69] = "facility not implemented", [70] = "only restricted digital information", [79] = "service not implemented",
	[81] = "invalid call reference", [82] = "channel does not exist",
	[87] = "user not member of closed user group", [88] = "incompatible destination",
	[90] = "closed user group does not exist", [91] = "invalid transit network selection", [95] = "invalid message",
	[96] = "mandatory element missing", [97] = "message type unknown", [98] = "message not compatible with state",
	[99] = "element unknown", [100] = "invalid element contents", [101] = "message not compatible with call state",
	[102] = "recovery on timer expiry", [103] = "parameter unknown, passed on",
	[110] = "message with unknown parameter, discarded", [111] = "protocol error", [127] = "interworking",
};

static const char *const ansi_texts[128] = {
	[4] = "vacant code", [8] = "prefix 0 dialled in error", [9] = "prefix 1 dialled in error",
	[10] = "prefix 1 missing", [11] = "excess digits received", [23] = "unallocated destination",
	[24] = "unknown business group", [25] = "exchange routing error", [26] = "misrouted ported number",
	[27] = "query on release: number not found",
};

const char *cause_text(struct cause c)
{
	const char *text = NULL;
	if (c.value < 128 && c.standard == CAUSE_ANSI) text = ansi_texts[c.value];
	if (c.value < 128 && !text) text = itu_texts[c.value];
	return text ? text : "unknown cause";
}

const char *cause_location_text(uint8_t location)
{
#define LOCATION_TEXT(id, value, text) case value: return text;
	switch (location) {
		CAUSE_LOCATIONS(LOCATION_TEXT)
	default: return "unknown location";
	}
}
