// The sheet and the trail of a call.
#include "run/cli_call.h"

#define PARTY_TEXT_MAX 192

const char *call_party(const json_t *party)
{
	static char texts[4][PARTY_TEXT_MAX];
	static uint32_t next;
	char *text = texts[next++ % ARRAY_LEN(texts)];
	const char *line = cli_text(party, "line"), *trunk = cli_text(party, "trunk"), *number = cli_text(party, "number");
	const char *what = trunk[0] && !line[0] ? "trunk " : "", *space = (line[0] || trunk[0]) && number[0] ? " " : "";
	int n = snprintf(text, PARTY_TEXT_MAX, "%s%s%s%s", what, line[0] ? line : trunk, space, number);
	if (n <= 0) snprintf(text, PARTY_TEXT_MAX, "-");
	return text;
}

const char *call_cause(const json_t *cause)
{
	static char text[PARTY_TEXT_MAX];
	if (!json_is_object(cause)) return "none";
	bool ansi = strcmp(cli_text(cause, "standard"), "ansi") == 0;
	snprintf(text, sizeof text, "%s%lld, %s, from the %s", ansi ? "ANSI " : "",
	         (long long)json_integer_value(json_object_get(cause, "value")), cli_text(cause, "text"),
	         cli_text(cause, "location"));
	return text;
}

// 75,250 ms as "1 min 15.250 s".
static const char *duration(json_int_t ms)
{
	static char text[48];
	long long hours = ms / 3600000, minutes = ms / 60000 % 60, seconds = ms / 1000 % 60, rest = ms % 1000;
	if (hours) snprintf(text, sizeof text, "%lld h %lld min %lld s", hours, minutes, seconds);
	else if (minutes) snprintf(text, sizeof text, "%lld min %lld.%03lld s", minutes, seconds, rest);
	else snprintf(text, sizeof text, "%lld.%03lld s", seconds, rest);
	return text;
}

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static bool is(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

static const char *released_by(const json_t *call)
{
	static const char *const words[][2] = { { "caller", "the caller" }, { "called", "the called party" },
		                                    { "switch", "the switch" }, { "operator", "an operator" } };
	for (uint32_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(cli_text(call, "released_by"), words[i][0]) == 0) return words[i][1];
	return "";
}

// ---- Sheet ----

// "4.20": of what a telephone reported, "-" what it did not.
static const char *reported(char text[16], const json_t *heard, const char *name)
{
	const json_t *value = json_object_get(heard, name);
	if (!json_is_number(value)) return "-";
	snprintf(text, 16, json_is_real(value) ? "%.2f" : "%.0f", json_number_value(value));
	return text;
}

static void print_heard(FILE *out, const json_t *heard)
{
	char mos[16], loss[16], jitter[16], delay[16];
	if (!json_is_object(heard)) return;
	sheet_line(out, "  reports to hear", "MOS %s, %s %% lost, jitter %s ms, delay %s ms", reported(mos, heard, "mos_lq"),
	           reported(loss, heard, "loss_percent"), reported(jitter, heard, "jitter_ms"),
	           reported(delay, heard, "delay_ms"));
}

static void print_party(FILE *out, const char *title, const json_t *p)
{
	static const struct { const char *as, *words; } tied[] = {
		{ "transferred", "left, having transferred the other side to" },
		{ "begun", "opened it by transferring" },
		{ "joined", "left, having joined it with" },
	};
	const json_t *media = json_object_get(p, "received");
	sheet_line(out, title, "%s", call_party(p));
	if (cli_text(p, "name")[0]) sheet_line(out, "  name", "%s", cli_cell(p, "name"));
	if (cli_text(p, "customer")[0]) sheet_line(out, "  customer", "%s", cli_cell(p, "customer"));
	if (strcmp(cli_text(p, "presentation"), "allowed") != 0)
		sheet_line(out, "  number is", "%s", cli_cell(p, "presentation"));
	if (cli_text(p, "peer")[0]) sheet_line(out, "  signals from", "%s", cli_cell(p, "peer"));
	if (cli_text(p, "sip_call_id")[0]) sheet_line(out, "  Call-ID", "%s", cli_cell(p, "sip_call_id"));
	for (uint32_t i = 0; i < ARRAY_LEN(tied); i++)
		if (strcmp(cli_text(p, "tied_as"), tied[i].as) == 0)
			sheet_line(out, "  transfer", "%s call %s", tied[i].words, cli_cell(p, "tied_to"));
	if (number_of(media, "packets"))
		sheet_line(out, "  media received", "%lld packets, %lld lost, jitter %.1f ms",
		           (long long)number_of(media, "packets"), (long long)number_of(media, "lost"),
		           (double)number_of(media, "jitter_us") / 1000);
	print_heard(out, json_object_get(p, "reported"));
}

static void print_times(FILE *out, const json_t *call)
{
	static const char *const names[] = { "began", "alerted", "answered", "ended" };
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++)
		if (cli_text(call, names[i])[0]) sheet_line(out, names[i], "%s", cli_cell(call, names[i]));
	if (is(call, "is_answered")) sheet_line(out, "answered for", "%s", duration(number_of(call, "answered_for_ms")));
}

static void print_marks(FILE *out, const json_t *call)
{
	static const struct { const char *name, *words; } marks[] = {
		{ "emergency", "an emergency call" },
		{ "unsynced", "the answer was passed on before its record was on disk" },
		{ "recovered", "closed after a restart of the switch, at its last proof of life" },
		{ "traced", "its messages are kept in full" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(marks); i++)
		if (is(call, marks[i].name)) sheet_line(out, "marked", "%s", marks[i].words);
}

void call_print_sheet(FILE *out, const json_t *call)
{
	if (number_of(call, "sequence")) sheet_line(out, "record", "%lld", (long long)number_of(call, "sequence"));
	sheet_line(out, "call", "%s", cli_cell(call, "call"));
	if (is(call, "stands"))
		sheet_line(out, "state", "%s / %s", cli_cell(call, "calling_state"), cli_cell(call, "called_state"));
	print_party(out, "calling", json_object_get(call, "calling"));
	print_party(out, "called", json_object_get(call, "called"));
	sheet_line(out, "dialled", "%s", cli_cell(call, "dialled"));
	sheet_line(out, "which is", "%s", cli_cell(call, "number"));
	if (cli_text(call, "diverted_from")[0])
		sheet_line(out, "diverted", "from %s by %s", cli_cell(call, "diverted_from"), cli_cell(call, "diverted_by"));
	print_times(out, call);
	if (released_by(call)[0]) sheet_line(out, "released by", "%s", released_by(call));
	if (json_is_object(json_object_get(call, "cause")))
		sheet_line(out, "cause", "%s", call_cause(json_object_get(call, "cause")));
	if (cli_text(call, "codec")[0]) sheet_line(out, "codec", "%s", cli_cell(call, "codec"));
	sheet_line(out, "rules version", "%s", cli_cell(call, "rules_version"));
	print_marks(out, call);
}

// ---- Trail ----

void call_print_rows(FILE *out, const json_t *call)
{
	const json_t *row;
	size_t i;
	json_int_t version = -1;
	json_array_foreach(json_object_get(call, "trail"), i, row) {
		json_int_t at = number_of(row, "at_ms"), now = number_of(row, "version");
		fprintf(out, "  +%lld.%03lld s  %s  %s", (long long)(at / 1000), (long long)(at % 1000), cli_cell(row, "side"),
		        cli_cell(row, "text"));
		if (now != version && now) fprintf(out, "  (rules %lld)", (long long)now);
		if (now) version = now;
		fputc('\n', out);
	}
}

// "line 6035550101 (+16035550101)", "trunk far (+12125550142)".
static void print_who(FILE *out, const json_t *party)
{
	const char *line = cli_text(party, "line"), *trunk = cli_text(party, "trunk"), *number = cli_text(party, "number");
	if (line[0]) fprintf(out, "line %s", line);
	else if (trunk[0]) fprintf(out, "trunk %s", trunk);
	else fprintf(out, "nobody");
	if (number[0]) fprintf(out, " (%s)", cli_cell(party, "number"));
}

void call_print_trail(FILE *out, const json_t *call)
{
	const char *by = released_by(call), *dialled = cli_text(call, "dialled");
	const json_t *cause = json_object_get(call, "cause");
	fprintf(out, "Call %s: from ", cli_cell(call, "call"));
	print_who(out, json_object_get(call, "calling"));
	fprintf(out, " to ");
	print_who(out, json_object_get(call, "called"));
	if (dialled[0]) fprintf(out, ", dialled %s", cli_cell(call, "dialled"));
	fprintf(out, ".\nBegan %s, ", cli_cell(call, "began"));
	if (is(call, "stands"))
		fprintf(out, "stands: %s / %s", cli_cell(call, "calling_state"), cli_cell(call, "called_state"));
	else if (is(call, "is_answered"))
		fprintf(out, "answered for %s", duration(number_of(call, "answered_for_ms")));
	else
		fprintf(out, "never answered");
	if (by[0]) fprintf(out, "; released by %s", by);
	if (json_is_object(cause)) fprintf(out, "; cause %s", call_cause(cause));
	fprintf(out, ".\n\n");
	call_print_rows(out, call);
}
