// Numbers from text and back.
#include "call/model/number.h"

enum err number_set(struct number *out, enum number_nature nature, struct str digits)
{
	struct number n = { .nature = (uint8_t)nature };
	for (uint32_t i = 0; i < digits.n; i++) {
		char c = digits.p[i];
		if (c == ' ' || c == '-' || c == '.' || c == '(' || c == ')') continue;
		if (!ascii_is_digit(c) && c != '*' && c != '#') return ERR_BAD;
		if (n.n == NUMBER_DIGITS_MAX) return ERR_BAD;
		n.digits[n.n++] = c;
	}
	if (n.n == 0) return ERR_BAD;
	*out = n;
	return OK;
}

enum err number_from_uri_user(struct number *out, struct str user)
{
	user = str_cut(&user, ';');
	if (user.n && user.p[0] == '+') return number_set(out, NUMBER_INTERNATIONAL, str_from_at(user, 1));
	return number_set(out, NUMBER_UNKNOWN, user);
}

bool number_eq(const struct number *a, const struct number *b)
{
	return a->nature == b->nature && str_eq(number_str(a), number_str(b));
}

void put_number(struct buf *b, const struct number *n)
{
	if (n->nature == NUMBER_INTERNATIONAL) put_c(b, '+');
	put(b, number_str(n));
}
