// Who sent a call on before, and why, as networks tell each other: Diversion (RFC 5806), newest first, or History-Info
// (RFC 7044) with the causes of RFC 4458, oldest first. From the one to the other: RFC 6044.
//
//     Diversion: <sip:+16035550102@a>;reason=user-busy;counter=1;privacy=off
//     History-Info: <sip:+16035550102@a>;index=1, <sip:+12125550123@b;cause=486>;index=1.1;mp=1
#include "call/leg/sip_inside.h"

#define HISTORY_MAX 16 // entries of a History-Info that are looked at
#define COUNTER_MAX 99 // of a Diversion: two digits

// The words of RFC 5806 §9.1 and the causes of RFC 4458 §2.1. What others send beside is in the tables below.
static const struct {
	struct str word;
	uint16_t cause;
} reasons[DIVERSION_REASON_COUNT] = {
	[DIVERSION_UNKNOWN] = { STR_INIT("unknown"), 404 },
	[DIVERSION_UNCONDITIONAL] = { STR_INIT("unconditional"), 302 },
	[DIVERSION_BUSY] = { STR_INIT("user-busy"), 486 },
	[DIVERSION_NO_ANSWER] = { STR_INIT("no-answer"), 408 },
	[DIVERSION_DEFLECTION] = { STR_INIT("deflection"), 480 },
	[DIVERSION_UNAVAILABLE] = { STR_INIT("unavailable"), 503 },
};

static uint8_t reason_of_word(struct str word)
{
	for (uint8_t i = 0; i < DIVERSION_REASON_COUNT; i++)
		if (str_eq_nocase(word, reasons[i].word)) return i;
	return DIVERSION_UNKNOWN;
}

static uint8_t reason_of_cause(uint32_t cause)
{
	for (uint8_t i = 0; i < DIVERSION_REASON_COUNT; i++)
		if (reasons[i].cause == cause) return i;
	return cause == 487 ? DIVERSION_DEFLECTION : DIVERSION_UNKNOWN; // RFC 4458: deflection while it rings
}

static bool is_nobody(const struct sip_uri *uri)
{
	return str_eq_nocase(uri->host, STR("anonymous.invalid")) || str_eq_nocase(uri->host, STR("unknown.invalid"));
}

static struct diversion diversion_from(const struct sip_uri *uri, uint8_t reason, bool hidden, struct arena *arena)
{
	struct diversion d = { .reason = reason, .presentation = hidden ? PRESENT_RESTRICTED : PRESENT_ALLOWED };
	if (is_nobody(uri) || number_from_uri_user(&d.from, sip_number(arena, uri)) != OK) d.from = (struct number){ 0 };
	return d;
}

// Privacy (RFC 3323, RFC 7044 §10.1.2) that hides who was asked before.
static bool hides_history(struct str privacy)
{
	while (privacy.n) {
		struct str token = str_trim(str_cut(&privacy, ';'));
		if (str_eq_nocase(token, STR("history")) || str_eq_nocase(token, STR("header"))) return true;
	}
	return false;
}

// One that is older than all before it. Of too many the second oldest gives way.
static void add_older(struct sip_diversions *out, const struct diversion *d, uint32_t times)
{
	out->total = (uint8_t)(out->total + times > COUNTER_MAX ? COUNTER_MAX : out->total + times);
	if (out->n == DIVERSIONS_MAX) out->n--;
	out->list[out->n++] = *d;
}

static void read_diversion(struct sip_diversions *out, const struct sip_msg *m, bool hidden, struct arena *arena)
{
	struct sip_walk walk = { 0 };
	struct sip_name_addr who;
	struct str value, text;
	while (sip_msg_each(m, SIP_H_DIVERSION, &walk, &value)) {
		uint32_t times = 1;
		if (sip_name_addr_parse(&who, value) != PARSE_OK || who.star) continue;
		if (sip_param(&text, who.params, STR("counter")) && str_to_u32(&times, text, COUNTER_MAX) != OK) times = 1;
		uint8_t reason = sip_param(&text, who.params, STR("reason")) ? reason_of_word(text) : DIVERSION_UNKNOWN;
		// What is no word for "all may be shown" hides.
		bool shown = !sip_param(&text, who.params, STR("privacy")) || str_eq_nocase(text, STR("off")) ||
			str_eq_nocase(text, STR("name"));
		const struct diversion d = diversion_from(&who.uri, reason, hidden || !shown, arena);
		add_older(out, &d, times ? times : 1);
	}
}

// An entry of History-Info.
struct entry {
	struct sip_uri uri;
	struct str index, mapped_from;
	bool mapped, moved_only; // ;mp: to another person; ;rc, ;np: to another address of the same one (RFC 7044 §10.4)
	uint32_t cause;          // why the call came to this one (RFC 4458); 0: not said
};

// A header of a URI ("?Reason=SIP%3Bcause%3D486&Privacy=history"), made plain; empty: it is not there.
static struct str uri_header(const struct sip_uri *uri, struct str wanted, struct arena *arena)
{
	for (struct str rest = uri->headers; rest.n;) {
		struct str value = str_cut(&rest, '&'), name = str_cut(&value, '=');
		if (str_eq_nocase(name, wanted)) return sip_unescape(arena, value);
	}
	return STR("");
}

// The status with which it left this entry: Reason (RFC 7044 §10.2); 0: not said.
static uint32_t left_by(const struct entry *e, struct arena *arena)
{
	struct str params = uri_header(&e->uri, STR("Reason"), arena), text;
	uint32_t status = 0;
	int32_t at = str_find_char(params, ';');
	if (at < 0 || !str_eq_nocase(str_trim(str_head(params, (uint32_t)at)), STR("SIP"))) return 0;
	if (!sip_param(&text, str_from_at(params, (uint32_t)at), STR("cause"))) return 0;
	return str_to_u32(&status, text, 699) == OK ? status : 0;
}

static bool read_entry(struct entry *e, struct str value)
{
	struct sip_name_addr who;
	struct str text, unused;
	*e = (struct entry){ 0 };
	if (sip_name_addr_parse(&who, value) != PARSE_OK || who.star) return false;
	e->uri = who.uri;
	if (!sip_param(&e->index, who.params, STR("index"))) e->index = STR("");
	e->mapped = sip_param(&e->mapped_from, who.params, STR("mp"));
	e->moved_only = sip_param(&unused, who.params, STR("rc")) || sip_param(&unused, who.params, STR("np"));
	if (!sip_param(&text, who.uri.params, STR("cause")) || str_to_u32(&e->cause, text, 699) != OK) e->cause = 0;
	return true;
}

// The entry from which the call came to entry `to`: the one that it names, else the one before it.
static uint32_t source_of(const struct entry *entries, uint32_t to)
{
	for (uint32_t i = to; i-- > 0;)
		if (entries[to].mapped && str_eq(entries[i].index, entries[to].mapped_from)) return i;
	return to - 1;
}

static void read_history(struct sip_diversions *out, const struct sip_msg *m, bool hidden, struct arena *arena)
{
	struct entry entries[HISTORY_MAX];
	struct sip_walk walk = { 0 };
	struct str value;
	uint32_t n = 0;
	while (n < HISTORY_MAX && sip_msg_each(m, SIP_H_HISTORY_INFO, &walk, &value)) n += read_entry(&entries[n], value);
	for (uint32_t to = n; to-- > 1;) {
		const struct entry *source = &entries[source_of(entries, to)];
		uint32_t cause = entries[to].cause ? entries[to].cause : entries[to].moved_only ? 0 : left_by(source, arena);
		if (!cause && !entries[to].mapped) continue;
		bool hides = hidden || hides_history(uri_header(&source->uri, STR("Privacy"), arena));
		const struct diversion d = diversion_from(&source->uri, reason_of_cause(cause), hides, arena);
		add_older(out, &d, 1);
	}
}

void divert_read(struct sip_diversions *out, const struct sip_msg *m, uint8_t spoken, struct arena *arena)
{
	bool hidden = hides_history(sip_msg_header(m, SIP_H_PRIVACY));
	*out = (struct sip_diversions){ 0 };
	// Who sends both says the same twice, and in History-Info more (RFC 6044 §2.2).
	if (spoken & OFFICE_DIVERSION_HISTORY && sip_msg_has(m, SIP_H_HISTORY_INFO)) read_history(out, m, hidden, arena);
	if (spoken & OFFICE_DIVERSION_DIVERSION && out->n == 0 && sip_msg_has(m, SIP_H_DIVERSION))
		read_diversion(out, m, hidden, arena);
	for (uint32_t i = 0, j = out->n; i + 1 < j; i++) { // oldest first
		struct diversion d = out->list[i];
		out->list[i] = out->list[--j];
		out->list[j] = d;
	}
}

static void put_who(struct buf *b, const struct diversion *d, struct str host, bool shown)
{
	if (!shown) {
		put_z(b, "sip:anonymous@anonymous.invalid");
		return;
	}
	put_z(b, "sip:");
	put_number_user(b, &d->from);
	put_c(b, '@');
	put(b, host);
}

// A number that may not be shown goes to those only who are trusted not to show it (RFC 5806 §11, RFC 3325).
static bool may_pass(const struct diversion *d, bool trusted)
{
	return d->from.n && (trusted || d->presentation == PRESENT_ALLOWED);
}

static void put_diversion_header(struct buf *b, const struct verb_offer *o, struct str host, bool trusted)
{
	for (uint32_t i = o->diversion_count; i-- > 0;) {
		const struct diversion *d = &o->diversions[i];
		// Those of whom nothing is told are counted with the oldest.
		uint32_t times = i == 0 && o->diverted > o->diversion_count ? o->diverted - o->diversion_count + 1u : 1;
		put_z(b, "Diversion: <");
		put_who(b, d, host, may_pass(d, trusted));
		put_fmt(b, ">;reason=%.*s;counter=%u;privacy=%s\r\n", STR_FMT(reasons[d->reason].word), times,
			d->presentation == PRESENT_ALLOWED ? "off" : "full");
	}
}

// 1, 1.1, 1.1.1 ...: each was reached from the one before it.
static void put_index(struct buf *b, uint32_t depth)
{
	put_c(b, '1');
	while (depth-- > 0) put_z(b, ".1");
}

static void put_history_header(struct buf *b, const struct verb_offer *o, struct str target, struct str host,
	bool trusted)
{
	for (uint32_t i = 0; i <= o->diversion_count; i++) {
		const struct diversion *d = i < o->diversion_count ? &o->diversions[i] : NULL;
		bool shown = d && may_pass(d, trusted);
		put_z(b, "History-Info: <");
		if (d) put_who(b, d, host, shown);
		else put(b, target);
		if (i > 0) put_fmt(b, ";cause=%u", reasons[o->diversions[i - 1].reason].cause);
		if (shown && d->presentation != PRESENT_ALLOWED) put_z(b, "?Privacy=history");
		put_z(b, ">;index=");
		put_index(b, i);
		if (i > 0) {
			put_z(b, ";mp=");
			put_index(b, i - 1);
		}
		put_z(b, "\r\n");
	}
}

void put_diversions(struct buf *b, const struct divert_told *t)
{
	if (t->offer->diversion_count == 0) return;
	if (t->spoken & OFFICE_DIVERSION_DIVERSION) put_diversion_header(b, t->offer, t->host, t->trusted);
	if (t->spoken & OFFICE_DIVERSION_HISTORY) put_history_header(b, t->offer, t->target, t->host, t->trusted);
}
