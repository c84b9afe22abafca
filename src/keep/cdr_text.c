// CDRs as text.
#include "keep/cdr_text.h"

#include "keep/cdr_column.h"

#include <time.h>

#define CELL_MAX 512

// 2026-01-31T12:00:00.123Z; nothing for never.
static void put_time(struct buf *b, uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm t;
	if (wall_ms == 0 || !gmtime_r(&seconds, &t)) return;
	put_fmt(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
	        t.tm_sec, (unsigned)(wall_ms % 1000));
}

static void put_id(struct buf *b, enum cdr_kind kind, uint32_t id, const struct trail_names *names)
{
	char what = kind == CDR_LINE ? 'L' : kind == CDR_TRUNK ? 'T' : 'F';
	uint32_t before = b->n;
	if (names) names->put_name(names->self, b, what, id);
	if (b->n == before) put_u64(b, id);
}

static bool is_no_feature(const struct cdr_column *c, const struct call_record *r)
{
	return c->kind == CDR_FEATURE && r->diverted_from.nature == NUMBER_NONE;
}

// The text of a field; empty for none and never.
static void put_value(struct buf *b, const struct cdr_column *c, const struct call_record *r,
                      const struct trail_names *names)
{
	uint64_t value = cdr_column_is_text(c) ? 0 : cdr_column_uint(c, r);
	switch ((enum cdr_kind)c->kind) {
	case CDR_FIGURE:
		if (value) put_u64(b, value - 1);
		return;
	case CDR_UINT:
	case CDR_NAMED: put_u64(b, value); return;
	case CDR_FLAG: put_z(b, value ? "yes" : "no"); return;
	case CDR_TIME: put_time(b, value); return;
	case CDR_LINE:
	case CDR_TRUNK:
		if (value) put_id(b, c->kind, (uint32_t)value, names);
		return;
	case CDR_FEATURE:
		if (is_no_feature(c, r)) return;
		if (value == RECORD_BY_TRANSFER) put_z(b, "transfer");
		else put_id(b, c->kind, (uint32_t)value, names);
		return;
	case CDR_TEXT:
	case CDR_NUMBER:
	case CDR_NAME:
	case CDR_ADDR: put_cdr_column(b, c, r); return;
	}
}

// Printable UTF-8 only: what else a terminal or a spreadsheet would obey becomes "?".
static void put_clean(struct buf *b, struct str s)
{
	while (s.n) {
		uint32_t n = utf8_len(s);
		uint8_t first = (uint8_t)s.p[0];
		bool control = first < 0x20 || first == 0x7f || (n == 2 && first == 0xc2 && (uint8_t)s.p[1] < 0xa0); // C1
		if (n && !control) put(b, str_head(s, n));
		else put_c(b, '?');
		s = str_from_at(s, n ? n : 1);
	}
}

// ---- CSV (RFC 4180) -------------------------------------------------------------------------------------------------

static bool is_telephone_number(struct str s)
{
	if (s.n < 2 || s.p[0] != '+') return false;
	for (uint32_t i = 1; i < s.n; i++)
		if (!ascii_is_digit(s.p[i])) return false;
	return true;
}

static void put_csv(struct buf *b, struct str raw)
{
	char clean[CELL_MAX];
	struct buf c = buf_on(clean, sizeof clean);
	put_clean(&c, raw);
	struct str s = buf_str(&c);
	bool formula = s.n && memchr("=+-@", s.p[0], 4) && !is_telephone_number(s);
	bool quote = str_find_char(s, ',') >= 0 || str_find_char(s, '"') >= 0;
	if (quote) put_c(b, '"');
	if (formula) put_c(b, '\'');
	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"') put_c(b, '"');
		put_c(b, s.p[i]);
	}
	if (quote) put_c(b, '"');
}

static void put_csv_row(struct buf *b, const struct call_record *r, const struct trail_names *names)
{
	uint32_t count;
	const struct cdr_column *columns = cdr_columns(&count);
	for (uint32_t i = 0; i < count; i++) {
		char cell[CELL_MAX];
		struct buf value = buf_on(cell, sizeof cell);
		put_value(&value, &columns[i], r, names);
		if (i) put_c(b, ',');
		put_csv(b, buf_str(&value));
	}
	put_z(b, "\r\n");
}

static void put_csv_head(struct buf *b)
{
	uint32_t count;
	const struct cdr_column *columns = cdr_columns(&count);
	for (uint32_t i = 0; i < count; i++) {
		if (i) put_c(b, ',');
		put_z(b, columns[i].name);
	}
	put_z(b, "\r\n");
}

// ---- JSON lines -----------------------------------------------------------------------------------------------------

static void put_json_value(struct buf *b, const struct cdr_column *c, const struct call_record *r,
                           const struct trail_names *names)
{
	char text[CELL_MAX];
	struct buf value = buf_on(text, sizeof text);
	put_value(&value, c, r, names);
	if (c->kind == CDR_UINT || (c->kind == CDR_FIGURE && value.n)) {
		put(b, buf_str(&value));
	} else if (c->kind == CDR_FLAG) {
		put_z(b, cdr_column_uint(c, r) ? "true" : "false");
	} else if (value.n == 0) {
		put_z(b, "null");
	} else {
		put_c(b, '"');
		put_json(b, buf_str(&value));
		put_c(b, '"');
	}
}

static void put_json_row(struct buf *b, const struct call_record *r, const struct trail_names *names)
{
	uint32_t count;
	const struct cdr_column *columns = cdr_columns(&count);
	for (uint32_t i = 0; i < count; i++) {
		put_fmt(b, "%s\"%s\":", i ? "," : "{", columns[i].name);
		put_json_value(b, &columns[i], r, names);
	}
	put_z(b, "}\n");
}

// ---- A table for people ---------------------------------------------------------------------------------------------

// Pads what was written since `before` to `width` characters.
static void pad(struct buf *b, uint32_t before, uint32_t width)
{
	uint32_t characters = 0;
	for (uint32_t i = before; i < b->n; i++) characters += ((uint8_t)b->p[i] & 0xc0) != 0x80;
	for (; characters < width; characters++) put_c(b, ' ');
	put_z(b, "  ");
}

// Who: the line's or trunk group's name, else the number.
static void put_party(struct buf *b, const struct record_party *p, const struct number *number,
                      const struct trail_names *names)
{
	char text[CELL_MAX];
	struct buf who = buf_on(text, sizeof text);
	if (number->n) put_number(&who, number);
	else if (p->line) put_id(&who, CDR_LINE, p->line, names);
	if (p->trunk_group) {
		put_z(&who, who.n ? " " : "");
		put_id(&who, CDR_TRUNK, p->trunk_group, names);
	}
	put_clean(b, who.n ? buf_str(&who) : STR("-"));
}

static void put_duration(struct buf *b, const struct call_record *r)
{
	uint64_t s = (r->answered_for_ms + 500) / 1000;
	if (!r->answered) put_z(b, "-");
	else if (s >= 3600) put_fmt(b, "%u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	else put_fmt(b, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

static void put_table_row(struct buf *b, const struct call_record *r, const struct trail_names *names)
{
	uint32_t at = b->n;
	put_u64(b, r->sequence);
	pad(b, at, 8);
	at = b->n;
	put_time(b, r->began_wall_ms);
	pad(b, at, 24);
	at = b->n;
	put_party(b, &r->o, &r->o.party.number, names);
	pad(b, at, 22);
	at = b->n;
	put_party(b, &r->t, &r->called, names);
	pad(b, at, 22);
	at = b->n;
	put_duration(b, r);
	pad(b, at, 7);
	put_fmt(b, "%u ", r->cause.value);
	put_z(b, cause_text(r->cause));
	if (r->emergency) put_z(b, ", emergency");
	if (r->recovered) put_z(b, ", recovered");
	if (r->unsynced) put_z(b, ", unsynced");
	put_c(b, '\n');
}

void put_cdr_head(struct buf *b, enum cdr_format format)
{
	if (format == CDR_CSV) put_csv_head(b);
	if (format == CDR_TABLE)
		put_fmt(b, "%-8s  %-24s  %-22s  %-22s  %-7s  %s\n", "number", "began (UTC)", "from", "to", "talked", "cause");
}

void put_cdr(struct buf *b, enum cdr_format format, const struct call_record *r, const struct trail_names *names)
{
	if (format == CDR_CSV) put_csv_row(b, r, names);
	else if (format == CDR_JSON) put_json_row(b, r, names);
	else put_table_row(b, r, names);
}
