// The forms of the plan against the digits. A form is a row; what is complete, may be complete or never will be follows
// from comparing the digits with all of them:
//
//     digits         forms that they fill       forms that they begin       so
//     5550101        NXXXXXX                    -                           complete (no exchange begins with 0 or 1)
//     5552345        NXXXXXX                    NAXNXXXXXX                  may be complete
//     603            -                          NXXXXXX NAXNXXXXXX          more must come
//     0123           -                          -                           nothing
#include "call/number/plan.h"

enum {
	AT_ONCE = 1,       // ends the number as soon as it stands there, whatever would follow
	UNLESS_SEVEN = 2,  // ... but where 7 digits serve an exchange may begin so: then as other forms
};

// N is 2 to 9, A 0 to 8 (N9X area codes are kept for expansion), X any digit; the rest stands for itself.
static const struct form {
	const char *text;
	uint8_t more;     // digits that may still follow
	uint8_t prefix_n; // see struct plan_match
	uint8_t flags;
	enum plan_meaning meaning;
} forms[] = {
	{ "911", 0, 0, AT_ONCE, PLAN_EMERGENCY },
	{ "988", 0, 0, AT_ONCE, PLAN_EMERGENCY },                // 7-digit areas have no exchange 988 (NANP §4)
	{ "933", 0, 0, AT_ONCE | UNLESS_SEVEN, PLAN_EMERGENCY }, // they have 933: 207-933 is Monmouth, Maine
	{ "N11", 0, 0, AT_ONCE, PLAN_SHORT },                    // neither an area code nor an exchange
	{ "0", 0, 0, 0, PLAN_SHORT },
	{ "00", 0, 0, AT_ONCE, PLAN_SHORT },
	{ "011NXXXXXX", 8, 3, 0, PLAN_ABROAD },                  // 7 to 15 digits
	{ "01N", 0, 0, AT_ONCE, PLAN_NOT_OFFERED },              // operator-assisted, abroad
	{ "0N", 0, 0, AT_ONCE, PLAN_NOT_OFFERED },               // operator-assisted, national
	{ "101XXXX", 0, 0, AT_ONCE, PLAN_NOT_OFFERED },          // another long-distance carrier
	{ "950XXXX", 0, 0, AT_ONCE, PLAN_NOT_OFFERED },          // the same, Feature Group B; no area code
	{ "11XX", 0, 2, AT_ONCE, PLAN_STAR },                    // dial-pulse form
	{ "*XX", 0, 1, AT_ONCE, PLAN_STAR },
	{ "1N11", 0, 0, AT_ONCE, PLAN_ONE_IN_ERROR },
	{ "1NXXXXXX", 0, 0, 0, PLAN_ONE_IN_ERROR },
	{ "1NAXNXXXXXX", 0, 1, 0, PLAN_ELEVEN },
	{ "NAXNXXXXXX", 0, 0, 0, PLAN_TEN },
	{ "NXXXXXX", 0, 0, 0, PLAN_SEVEN },
	{ "+1NAXNXXXXXX", 0, 2, 0, PLAN_ELEVEN },
	{ "+911", 0, 1, 0, PLAN_EMERGENCY },                     // by phones that put + before everything
	{ "+NXXXXXX", 8, 1, 0, PLAN_ABROAD },
};

static bool fits(char form, char digit)
{
	switch (form) {
	case 'N': return digit >= '2' && digit <= '9';
	case 'A': return digit >= '0' && digit <= '8';
	case 'X': return ascii_is_digit(digit);
	default: return digit == form;
	}
}

// How many digits stand as the form wants them, from the first on; the form's length, or less.
static uint32_t fitting(const struct form *form, struct str digits)
{
	uint32_t n = 0;
	while (form->text[n] && n < digits.n && fits(form->text[n], digits.p[n])) n++;
	return n;
}

static bool all_digits(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i])) return false;
	return true;
}

struct plan_match plan_match(struct str digits, bool seven_digits)
{
	struct plan_match m = { .meaning = PLAN_NOTHING };
	for (const struct form *f = forms; f < forms + ARRAY_LEN(forms); f++) {
		uint32_t form_n = (uint32_t)strlen(f->text), n = fitting(f, digits);
		bool at_once = (f->flags & AT_ONCE) && !(seven_digits && (f->flags & UNLESS_SEVEN));
		if (n == form_n && at_once)
			return (struct plan_match){ .meaning = f->meaning, .prefix_n = f->prefix_n, .form_n = form_n };
		struct str beyond = str_from_at(digits, form_n);
		if (n < form_n && n == digits.n) m.may_go_on = true; // the form's beginning
		if (n < form_n || beyond.n > f->more || !all_digits(beyond)) continue;
		if (beyond.n < f->more) m.may_go_on = true;
		if (m.meaning != PLAN_NOTHING) continue;
		m.meaning = f->meaning;
		m.prefix_n = f->prefix_n;
		m.form_n = digits.n;
	}
	return m;
}
