// The trail of a call: kept as numbers, told in words.
#include "call/model/trail.h"

#include "call/model/invariant.h"
#include "call/model/media.h"

static const struct {
	const char *words;
	char what[2]; // of the operands
} kinds[] = {
#define TRAIL_ROW(id, words, a, b) { words, { a, b } },
	TRAIL_KINDS(TRAIL_ROW)
};
_Static_assert(ARRAY_LEN(kinds) <= 256, "a kind is an octet");

void trail_add(struct trail *t, uint64_t now_ms, uint8_t side, uint32_t version, enum trail_kind kind, uint32_t a,
               uint32_t b)
{
	uint64_t at_ms = now_ms > t->began_ms ? now_ms - t->began_ms : 0;
	if (t->n < TRAIL_MAX) t->n++;
	t->rows[t->n - 1] = (struct trail_row){
		.at_ms = at_ms < UINT32_MAX ? (uint32_t)at_ms : UINT32_MAX,
		.kind = (uint8_t)kind,
		.side = side,
		.version = (uint16_t)version,
		.a = a,
		.b = b,
	};
}

static void put_cause(struct buf *b, uint32_t operand)
{
	struct cause c = trail_cause_of(operand);
	if (c.standard == CAUSE_ANSI) put_z(b, "ANSI ");
	put_u64(b, c.value);
	put_z(b, " (");
	put_z(b, cause_text(c));
	put_c(b, ')');
}

const char *call_invariant_text(uint32_t invariant)
{
#define CALL_INVARIANT_TEXT(id, words) words,
	static const char *const texts[CALL_INVARIANT_COUNT] = { "not noted", CALL_INVARIANTS(CALL_INVARIANT_TEXT) };
	return invariant < CALL_INVARIANT_COUNT ? texts[invariant] : NULL;
}

static void put_invariant(struct buf *b, uint32_t invariant)
{
	const char *text = call_invariant_text(invariant);
	if (text) put_z(b, text);
}

static void put_suite(struct buf *b, uint32_t suite)
{
	static const char *const names[MEDIA_SUITE_COUNT] = { "nothing", MEDIA_SUITES(X_TEXT) };
	if (suite < MEDIA_SUITE_COUNT) put_z(b, names[suite]);
}

static void put_operand(struct buf *b, char what, uint32_t value, const struct trail_names *names)
{
	uint32_t before = b->n;
	if (what == 'C') put_cause(b, value);
	else if (what == 'I') put_invariant(b, value);
	else if (what == 'E') put_suite(b, value);
	else if (what == 'S' && value == 0) put_z(b, "nothing");
	else if (!strchr("NS", what) && names) names->put_name(names->self, b, what, value);
	if (b->n == before) put_u64(b, value);
}

void put_trail_row(struct buf *b, const struct trail_row *row, const struct trail_names *names)
{
	if (row->kind >= TRAIL_KIND_COUNT) { // of a newer program
		put_fmt(b, "decision %u (%u, %u)", row->kind, row->a, row->b);
		return;
	}
	uint32_t value = 0; // the last that was told
	for (const char *at = kinds[row->kind].words; *at; at++) {
		if (at[0] == '$') {
			uint32_t operand = *++at == 'b';
			value = operand ? row->b : row->a;
			put_operand(b, kinds[row->kind].what[operand], value, names);
		} else if (strncmp(at, "(s)", 3) == 0) {
			if (value != 1) put_c(b, 's');
			at += 2;
		} else {
			put_c(b, at[0]);
		}
	}
}
