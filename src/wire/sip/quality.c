// Lines of a report: a name, a colon, and words that each have a key and a value. A line that begins with a space goes on
// with the one before it.
#include "wire/sip/quality.h"

static const struct {
	struct str name;
	uint8_t kind;
} kinds[] = {
	{ STR_INIT("VQSessionReport"), SIP_QUALITY_SESSION },
	{ STR_INIT("VQIntervalReport"), SIP_QUALITY_INTERVAL },
	{ STR_INIT("VQAlertReport"), SIP_QUALITY_ALERT },
};

// RFC 6035 4.6.1: the key, where it goes, and in which parts of its unit.
static const struct {
	struct str key;
	uint16_t at, parts;
} figures[] = {
	{ STR_INIT("MOSLQ"), offsetof(struct sip_quality, mos_lq), 100 },
	{ STR_INIT("MOSCQ"), offsetof(struct sip_quality, mos_cq), 100 },
	{ STR_INIT("NLR"), offsetof(struct sip_quality, loss), 100 },
	{ STR_INIT("JDR"), offsetof(struct sip_quality, discard), 100 },
	{ STR_INIT("RTD"), offsetof(struct sip_quality, round_trip_ms), 1 },
	{ STR_INIT("ESD"), offsetof(struct sip_quality, delay_ms), 1 },
	{ STR_INIT("IAJ"), offsetof(struct sip_quality, jitter_ms), 1 },
};

// "4.25" in hundredths is 425; more digits are cut. SIP_QUALITY_UNKNOWN: it is none, or too large.
static uint16_t decimal(struct str text, uint32_t parts)
{
	struct str rest = text, whole = str_cut(&rest, '.');
	uint32_t value;
	if (str_to_u32(&value, whole, SIP_QUALITY_UNKNOWN) != OK) return SIP_QUALITY_UNKNOWN;
	value *= parts;
	for (uint32_t i = 0; i < rest.n; i++) {
		if (!ascii_is_digit(rest.p[i])) return SIP_QUALITY_UNKNOWN;
		parts /= 10;
		value += parts * (uint32_t)(rest.p[i] - '0');
	}
	return value < SIP_QUALITY_UNKNOWN ? (uint16_t)value : SIP_QUALITY_UNKNOWN;
}

static void take_figure(struct sip_quality *out, struct str word)
{
	struct str value = word, key = str_cut(&value, '=');
	for (uint32_t i = 0; i < ARRAY_LEN(figures); i++) {
		uint16_t *at = (uint16_t *)(void *)((char *)out + figures[i].at);
		// The first counts: whoever says it twice means two things.
		if (str_eq_nocase(key, figures[i].key) && *at == SIP_QUALITY_UNKNOWN) *at = decimal(value, figures[i].parts);
	}
}

static void take_figures(struct sip_quality *out, struct str line)
{
	while (line.n) take_figure(out, str_trim(str_cut(&line, ' ')));
}

static bool take_kind(struct sip_quality *out, struct str name)
{
	for (uint32_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!str_eq_nocase(name, kinds[i].name)) continue;
		out->kind = kinds[i].kind;
		return true;
	}
	return false;
}

enum parse sip_quality_parse(struct sip_quality *out, struct str text)
{
	bool known = false, local = false;
	*out = (struct sip_quality){ .mos_lq = SIP_QUALITY_UNKNOWN, .mos_cq = SIP_QUALITY_UNKNOWN,
		.loss = SIP_QUALITY_UNKNOWN, .discard = SIP_QUALITY_UNKNOWN, .round_trip_ms = SIP_QUALITY_UNKNOWN,
		.delay_ms = SIP_QUALITY_UNKNOWN, .jitter_ms = SIP_QUALITY_UNKNOWN };
	while (text.n) {
		struct str line = str_cut(&text, '\n');
		bool goes_on = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
		struct str rest = str_trim(line), name = goes_on ? STR("") : str_trim(str_cut(&rest, ':'));
		rest = str_trim(rest);
		if (!known && name.n && !(known = take_kind(out, name))) return PARSE_BAD;
		if (str_eq_nocase(name, STR("CallID")) && !out->call_id.n) out->call_id = rest;
		else if (str_eq_nocase(name, STR("LocalMetrics"))) local = true;
		else if (str_eq_nocase(name, STR("RemoteMetrics"))) local = false;
		else if (local) take_figures(out, rest);
	}
	return known && out->call_id.n ? PARSE_OK : PARSE_BAD;
}
