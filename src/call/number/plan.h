// The forms that dialled digits may take (NANP §3): one row each, and the one place that decides whether a number is
// complete.
#pragma once

#include "base/str.h"

enum plan_meaning {
	PLAN_NOTHING,       // fits no form
	PLAN_EMERGENCY,     // 911, 988, 933
	PLAN_SHORT,         // 0, 00, N11
	PLAN_SEVEN,         // NXX-XXXX
	PLAN_TEN,           // NPA-NXX-XXXX
	PLAN_ELEVEN,        // 1+10, +1 and 10
	PLAN_ABROAD,        // 011+ and + with a country code
	PLAN_STAR,          // *XX, 11XX
	PLAN_ONE_IN_ERROR,  // 1 before N11 or 7 digits
	PLAN_NOT_OFFERED,   // operator-assisted, carrier access
};

struct plan_match {
	enum plan_meaning meaning; // of the digits as they stand; NOTHING: none, or not yet
	bool may_go_on;            // more digits could make a (or another) number of them
	uint32_t prefix_n;         // digits of access code before the number or star code: "011", "+", "1", "*"
	uint32_t form_n;           // digits that the form took; all, but of forms that end at once
};

// What cleaned digits are: 0-9 * #, with + first or nowhere. seven_digits: do they serve where the caller is?
struct plan_match plan_match(struct str digits, bool seven_digits);
