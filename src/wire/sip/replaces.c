// Replaces: call-id ;to-tag=... ;from-tag=... [;early-only] in any order.
#include "wire/sip/replaces.h"

// One parameter of them; false: that one was there already, or has no value.
static bool take(struct str *slot, struct str value)
{
	if (slot->n || !value.n) return false;
	*slot = value;
	return true;
}

enum parse sip_replaces_parse(struct sip_replaces *out, struct str text)
{
	*out = (struct sip_replaces){ .call_id = str_trim(str_cut(&text, ';')) };
	if (!out->call_id.n || out->call_id.n > SIP_PARAM_MAX) return PARSE_BAD;
	while (text.n) {
		struct str value = str_cut(&text, ';'), name = str_trim(str_cut(&value, '='));
		value = str_trim(value);
		if (value.n > SIP_PARAM_MAX) return PARSE_BAD;
		if (str_eq_nocase(name, STR("to-tag")) && !take(&out->to_tag, value)) return PARSE_BAD;
		if (str_eq_nocase(name, STR("from-tag")) && !take(&out->from_tag, value)) return PARSE_BAD;
		if (str_eq_nocase(name, STR("early-only"))) out->early_only = true;
	}
	return out->to_tag.n && out->from_tag.n ? PARSE_OK : PARSE_BAD;
}
