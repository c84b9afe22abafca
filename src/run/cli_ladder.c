// The ladder of a call: a lifeline per party, an arrow per message.
//
//        time  caller                            switch                            called
//       0.000  │──────── INVITE, media ─────────▶│                                 │
//       0.001  │◀───────── 100 Trying ───────────│                                 │
//       0.004  │                                 │──────── INVITE, media ─────────▶│
#include "run/cli_call.h"

#define LEGS_MAX 8
#define GAP 34 // columns between two lifelines
#define LEFT 12
#define LABEL_MAX (GAP - 6)

// Lifelines from the left: leg 0, the switch, legs 1 and up.
static uint32_t lifeline_of(uint32_t leg)
{
	return leg == 0 ? 0 : leg + 1;
}

static uint32_t legs_of(const json_t *ladder)
{
	uint32_t legs = 1;
	const json_t *row;
	size_t i;
	json_array_foreach(ladder, i, row) {
		uint32_t leg = (uint32_t)json_integer_value(json_object_get(row, "leg"));
		if (leg >= legs && leg < LEGS_MAX) legs = leg + 1;
	}
	return legs < 2 ? 2 : legs;
}

static void print_heads(FILE *out, const json_t *call, uint32_t legs)
{
	char heads[LEGS_MAX + 1][64] = { "caller", "switch" };
	if (legs == 2) snprintf(heads[2], sizeof heads[2], "called");
	for (uint32_t i = 1; legs > 2 && i < legs; i++) snprintf(heads[i + 1], sizeof heads[0], "called %u", i);
	fprintf(out, "%*s  ", LEFT - 4, "time");
	for (uint32_t i = 0; i <= legs; i++) fprintf(out, i < legs ? "%-*s" : "%.*s", GAP, heads[i]);
	const char *from = cli_text(json_object_get(call, "calling"), "peer");
	const char *to = cli_text(json_object_get(call, "called"), "peer");
	fprintf(out, "\n%*s%-*s%s\n", LEFT - 2, "", 2 * GAP, from, to);
}

// An arrow over `width` columns with its label in the middle.
static void print_arrow(FILE *out, const char *label, uint32_t width, bool to_right)
{
	uint32_t n = (uint32_t)strlen(label), room = width - 1 - n - 2, before = room / 2;
	if (!to_right) fputs("◀", out);
	for (uint32_t i = 0; i < before; i++) fputs("─", out);
	fprintf(out, " %s ", label);
	for (uint32_t i = before; i < room; i++) fputs("─", out);
	if (to_right) fputs("▶", out);
}

static void print_step(FILE *out, const json_t *row, uint32_t legs)
{
	char label[LABEL_MAX + 1];
	uint32_t leg = (uint32_t)json_integer_value(json_object_get(row, "leg"));
	uint32_t party = lifeline_of(leg < legs ? leg : legs - 1);
	uint32_t left = party < 1 ? party : 1, right = party < 1 ? 1 : party;
	bool sent = json_is_true(json_object_get(row, "sent")), media = json_is_true(json_object_get(row, "media"));
	snprintf(label, sizeof label, "%s%s", cli_text(row, "message"), media ? ", media" : "");
	json_int_t at = json_integer_value(json_object_get(row, "at_ms"));
	fprintf(out, "%*lld.%03lld  ", LEFT - 8, (long long)(at / 1000), (long long)(at % 1000));
	for (uint32_t i = 0; i <= legs; i++) {
		fputs("│", out);
		if (i == left) print_arrow(out, label, (right - left) * GAP - 1, sent == (party > 1)), i = right - 1;
		else if (i < legs) fprintf(out, "%*s", GAP - 1, "");
	}
	fputc('\n', out);
}

static void print_texts(FILE *out, const json_t *ladder)
{
	const json_t *row;
	size_t i;
	json_array_foreach(ladder, i, row) {
		const char *text = cli_text(row, "text");
		if (!text[0]) continue;
		json_int_t at = json_integer_value(json_object_get(row, "at_ms"));
		bool sent = json_is_true(json_object_get(row, "sent"));
		fprintf(out, "\n%lld.%03lld s, leg %lld, %s\n", (long long)(at / 1000), (long long)(at % 1000),
		        (long long)json_integer_value(json_object_get(row, "leg")), sent ? "sent" : "received");
		for (bool start = true; *text; text++) {
			if (start) fputs("    ", out);
			start = *text == '\n';
			if (*text != '\r') fputc((unsigned char)*text < ' ' && *text != '\n' ? '?' : *text, out);
		}
		fputc('\n', out);
	}
}

void call_print_ladder(FILE *out, const json_t *call)
{
	const json_t *ladder = json_object_get(call, "ladder"), *row;
	uint32_t legs = legs_of(ladder);
	size_t i;
	print_heads(out, call, legs);
	json_array_foreach(ladder, i, row) print_step(out, row, legs);
	print_texts(out, ladder);
}
