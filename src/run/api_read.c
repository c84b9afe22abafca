// Paths against those of routes, and times.
#include "run/api_read.h"

#include <time.h>

bool api_path_matches(struct str args[2], const char *pattern, struct str path)
{
	struct str rest = str_from(pattern);
	uint32_t n = 0;
	if (!str_starts(path, STR("/")) || path.p[path.n - 1] == '/') return false;
	rest = str_from_at(rest, 1);
	path = str_from_at(path, 1);
	while (rest.n) {
		struct str want = str_cut(&rest, '/');
		bool takes_rest = want.n > 4 && str_eq(str_from_at(want, want.n - 4), STR("...}"));
		struct str have = takes_rest ? path : str_cut(&path, '/');
		if (takes_rest) path = (struct str){ 0 };
		if (want.p[0] != '{' ? !str_eq(want, have) : have.n == 0) return false;
		if (want.p[0] == '{') args[n++] = have;
	}
	return path.n == 0;
}

// One number of a time, with what stands before it: "-01". An absent one keeps its value; false: it is malformed.
static bool time_part(int *out, struct str *rest, char before, uint32_t digits, uint32_t max)
{
	uint32_t value;
	if (rest->n == 0 || rest->p[0] == 'Z') return true;
	if (before && rest->p[0] != before) return false;
	struct str text = str_head(str_from_at(*rest, before ? 1 : 0), digits);
	if (text.n != digits || str_to_u32(&value, text, max) != OK) return false;
	*rest = str_from_at(*rest, digits + (before ? 1 : 0));
	*out = (int)value;
	return true;
}

bool api_time_parse(uint64_t *wall_ms, struct str text)
{
	struct tm t = { .tm_mday = 1, .tm_mon = 1 };
	int ms = 0;
	struct str rest = text;
	if (text.n < 10) return false; // a day at least
	bool good = time_part(&t.tm_year, &rest, 0, 4, 9999) && time_part(&t.tm_mon, &rest, '-', 2, 12) &&
	    time_part(&t.tm_mday, &rest, '-', 2, 31) && time_part(&t.tm_hour, &rest, 'T', 2, 23) &&
	    time_part(&t.tm_min, &rest, ':', 2, 59) && time_part(&t.tm_sec, &rest, ':', 2, 60) &&
	    time_part(&ms, &rest, '.', 3, 999);
	if (!good || !(rest.n == 0 || str_eq(rest, STR("Z")))) return false;
	if (t.tm_year < 1970 || t.tm_mon < 1 || t.tm_mday < 1) return false;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	*wall_ms = (uint64_t)timegm(&t) * 1000 + (uint64_t)ms;
	return true;
}
