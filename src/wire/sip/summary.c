// Lines of a message summary; those of fax, text and other messages are passed over.
#include "wire/sip/summary.h"

static bool take_count(uint32_t *out, struct str text)
{
	return str_to_u32(out, str_trim(text), UINT16_MAX) == OK;
}

// "2/8", new and old.
static bool take_pair(uint32_t *fresh, uint32_t *old, struct str text)
{
	struct str rest = text, first = str_cut(&rest, '/');
	return take_count(fresh, first) && take_count(old, rest);
}

// "2/8 (0/2)": all, and the urgent ones among them.
static bool take_voice(struct sip_summary *out, struct str text)
{
	struct str rest = text, all = str_cut(&rest, '(');
	if (!take_pair(&out->fresh, &out->old, all)) return false;
	if (!rest.n) return true;
	struct str urgent = str_cut(&rest, ')');
	return take_pair(&out->fresh_urgent, &out->old_urgent, urgent);
}

enum parse sip_summary_parse(struct sip_summary *out, struct str text)
{
	bool known = false, waits = false, counted = false;
	*out = (struct sip_summary){ 0 };
	while (text.n) {
		struct str rest = str_cut(&text, '\n'), name = str_trim(str_cut(&rest, ':'));
		rest = str_trim(rest);
		if (str_eq_nocase(name, STR("Messages-Waiting"))) {
			waits = str_eq_nocase(rest, STR("yes"));
			if (!waits && !str_eq_nocase(rest, STR("no"))) return PARSE_BAD;
			known = true;
		} else if (str_eq_nocase(name, STR("Message-Account"))) {
			out->account = rest;
		} else if (str_eq_nocase(name, STR("Voice-Message"))) {
			if (!take_voice(out, rest)) return PARSE_BAD;
			counted = true;
		}
	}
	if (known && waits && !counted) out->fresh = 1;
	return known ? PARSE_OK : PARSE_BAD;
}
