// Why a call or a leg ended: coding standard, value and location of ITU-T Q.850 (ANSI's own values of T1.113 beside).
#pragma once

#include "base/err.h"

#include <stdint.h>

#define CAUSE_LOCATIONS(X)                                                                                             \
	X(USER, 0, "user") X(PRIVATE_LOCAL, 1, "private network, local user")                                              \
	X(PUBLIC_LOCAL, 2, "public network, local user")                                                                   \
	X(TRANSIT, 3, "transit network") X(PUBLIC_REMOTE, 4, "public network, remote user")                               \
	X(PRIVATE_REMOTE, 5, "private network, remote user") X(INTERNATIONAL, 7, "international network")                  \
	X(BEYOND, 10, "beyond an interworking point")
#define CAUSE_LOCATION_ENUM(id, value, text) LOCATION_##id = (value),
enum cause_location { CAUSE_LOCATIONS(CAUSE_LOCATION_ENUM) };

enum cause_standard { CAUSE_ITU, CAUSE_ANSI };

// The values that our own code gives; any of 1 to 127 may come from outside.
enum {
	CAUSE_UNALLOCATED = 1,
	CAUSE_NO_ROUTE = 3,
	CAUSE_PREFIX_1_MISSING = 10, // ANSI
	CAUSE_NORMAL = 16,
	CAUSE_BUSY = 17,
	CAUSE_NO_RESPONSE = 18,
	CAUSE_NO_ANSWER = 19,
	CAUSE_ABSENT = 20,
	CAUSE_REJECTED = 21,
	CAUSE_CHANGED = 22,
	CAUSE_ROUTING_ERROR = 25,
	CAUSE_NOT_SELECTED = 26,
	CAUSE_OUT_OF_ORDER = 27,
	CAUSE_INCOMPLETE = 28,
	CAUSE_FACILITY_REJECTED = 29,
	CAUSE_NORMAL_UNSPECIFIED = 31,
	CAUSE_NO_CIRCUIT = 34,
	CAUSE_NETWORK_OUT_OF_ORDER = 38,
	CAUSE_TEMPORARY = 41,
	CAUSE_CONGESTION = 42,
	CAUSE_NOT_SUBSCRIBED = 50,
	CAUSE_BARRED = 57,
	CAUSE_BEARER = 65,
	CAUSE_INCOMPATIBLE = 88,
	CAUSE_TIMER = 102,
	CAUSE_INTERWORKING = 127,
};

struct cause {
	uint8_t standard, value, location, unused;
	uint16_t status; // of SIP, with which it came; 0: with none
};

static inline struct cause cause_local(uint8_t value)
{
	return (struct cause){ .standard = CAUSE_ITU, .value = value, .location = LOCATION_PUBLIC_LOCAL };
}

// "user busy"; "unknown cause" where Q.850 has none. Never NULL.
const char *cause_text(struct cause c);
const char *cause_location_text(uint8_t location);
