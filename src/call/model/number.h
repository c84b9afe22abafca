// A telephone number as the call sees it: E.164 digits with their nature, beside what was dialled.
#pragma once

#include "base/buf.h"

#define NUMBER_DIGITS_MAX 24 // E.164 has 15; prefixes and short codes of others need more

enum number_nature {
	NUMBER_NONE,
	NUMBER_INTERNATIONAL, // full E.164: country code first, no prefix: 16035550101
	NUMBER_SHORT,         // as it stands, meaningful only here: 911, 411, 0
	NUMBER_UNKNOWN,       // another network's digits
};

struct number {
	uint8_t nature; // enum number_nature
	uint8_t n;      // digits
	char digits[NUMBER_DIGITS_MAX]; // '0'..'9', '*', '#'
};

static inline struct str number_str(const struct number *n)
{
	return (struct str){ n->digits, n->n };
}

// From digits; space, "-", "." and parentheses are left out. ERR_BAD when another character stands there, or too many.
MUST_CHECK enum err number_set(struct number *out, enum number_nature nature, struct str digits);
// From the user part of a URI or a tel: number: a leading + makes it international; without + the nature is unknown.
MUST_CHECK enum err number_from_uri_user(struct number *out, struct str user);
bool number_eq(const struct number *a, const struct number *b);
// "+16035550101", or the digits as they are.
void put_number(struct buf *b, const struct number *n);

// May the number be shown to the called party (RFC 3323, Q.731.3)?
enum presentation { PRESENT_ALLOWED, PRESENT_RESTRICTED, PRESENT_UNAVAILABLE };
// Who vouches for it (Q.763 3.10).
enum screening { SCREENED_NETWORK, SCREENED_USER_PASSED, SCREENED_NOT };

#define PARTY_NAME_MAX 48
struct party {
	struct number number;
	uint8_t presentation, screening;
	uint8_t name_n;
	char name[PARTY_NAME_MAX]; // display name, UTF-8, cut
};
