// Commands on calls, registrations and far switches.
#include "run/cli_call.h"

#include <stdlib.h>

#define PATH_OCTETS 1024

// ---- Lists ----

// Prints one table of the rows of an answer: a column per head, whose cell `cells_of` fills.
typedef void cells_of(const char **cells, const json_t *row);

static int list_rows(struct cli *c, const char *path, const char *name, const char *const *heads, cells_of *fill)
{
	json_t *answer;
	const json_t *row;
	size_t i;
	struct table t;
	int exit_with = cli_ask(c, "GET", path, NULL, &answer);
	if (exit_with != CLI_OK) return exit_with;
	const json_t *rows = json_object_get(answer, name);
	if (c->options.json) {
		cli_print_json(c, rows);
	} else {
		table_begin(&t, c->out, heads);
		json_array_foreach(rows, i, row) {
			const char *cells[TABLE_COLUMNS_MAX];
			fill(cells, row);
			table_add(&t, cells);
		}
		table_end(&t);
		json_int_t total = json_integer_value(json_object_get(answer, "total"));
		if (total == 0) fprintf(c->err, "There are none.\n");
		if (total > (json_int_t)json_array_size(rows))
			fprintf(c->err, "These are %zu of %lld.\n", json_array_size(rows), (long long)total);
	}
	json_decref(answer);
	return CLI_OK;
}

static void registration_cells(const char **cells, const json_t *row)
{
	cells[0] = cli_cell(row, "line");
	cells[1] = cli_cell(row, "contact");
	cells[2] = cli_cell(row, "peer");
	cells[3] = cli_cell(row, "expires");
	cells[4] = cli_cell(row, "agent");
}

int cli_registration_list(struct cli *c, int argc, char **argv)
{
	static const char *const heads[] = { "LINE", "CONTACT", "FROM", "EXPIRES", "PHONE", NULL };
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	put_z(&b, "/registrations?limit=10000");
	if (!cli_query(c, &b, argc, argv)) return CLI_USAGE;
	return list_rows(c, path, "registrations", heads, registration_cells);
}

static void peer_cells(const char **cells, const json_t *row)
{
	bool supervised = json_is_true(json_object_get(row, "supervised"));
	cells[0] = cli_cell(row, "trunk");
	cells[1] = cli_cell(row, "address");
	cells[2] = json_is_null(json_object_get(row, "address")) ? "no address" : !supervised ? "not asked" : json_is_true(json_object_get(row, "answers")) ? "answers" : "silent";
	cells[3] = cli_cell(row, "since");
	cells[4] = cli_cell(row, "calls");
	cells[5] = cli_cell(row, "name");
	cells[6] = cli_cell(row, "found");
	cells[7] = json_is_true(json_object_get(row, "stale")) ? "stale" : cli_cell(row, "good_for_s");
	cells[8] = cli_cell(row, "registered");
}

int cli_peer_list(struct cli *c, int argc, char **argv)
{
	static const char *const heads[] = { "TRUNK", "ADDRESS", "STATE", "SINCE", "CALLS OF GROUP", "NAME", "FOUND", "GOOD FOR S",
		"REGISTERED", NULL };
	(void)argc;
	(void)argv;
	return list_rows(c, "/peers", "peers", heads, peer_cells);
}

static void call_cells(const char **cells, const json_t *row)
{
	const json_t *o = json_object_get(row, "calling"), *t = json_object_get(row, "called");
	cells[0] = cli_cell(row, "call");
	cells[1] = cli_cell(row, "began");
	cells[2] = call_party(o);
	cells[3] = call_party(t);
	cells[4] = cli_cell(o, "state");
	cells[5] = cli_cell(row, "answered");
}

int cli_call_list(struct cli *c, int argc, char **argv)
{
	static const char *const heads[] = { "CALL", "BEGAN", "FROM", "TO", "STATE", "ANSWERED", NULL };
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	put_z(&b, "/calls?limit=10000");
	if (!cli_query(c, &b, argc, argv)) return CLI_USAGE;
	return list_rows(c, path, "calls", heads, call_cells);
}

// ---- One call ----

static bool ask_call(int *exit_with, struct cli *c, const char *call, json_t **answer)
{
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	put_z(&b, "/calls/");
	put_url(&b, str_from(call));
	*exit_with = cli_ask(c, "GET", path, NULL, answer);
	return *exit_with == CLI_OK;
}

int cli_call_show(struct cli *c, int argc, char **argv)
{
	json_t *call;
	int exit_with;
	(void)argc;
	if (!ask_call(&exit_with, c, argv[0], &call)) return exit_with;
	if (c->options.json) cli_print_json(c, call);
	else call_print_sheet(c->out, call);
	json_decref(call);
	return CLI_OK;
}

int cli_call_ladder(struct cli *c, int argc, char **argv)
{
	json_t *call;
	int exit_with;
	(void)argc;
	if (!ask_call(&exit_with, c, argv[0], &call)) return exit_with;
	if (c->options.json) cli_print_json(c, json_object_get(call, "ladder"));
	else call_print_ladder(c->out, call);
	json_decref(call);
	return CLI_OK;
}

int cli_call_explain(struct cli *c, int argc, char **argv)
{
	json_t *call;
	int exit_with;
	(void)argc;
	if (!ask_call(&exit_with, c, argv[0], &call)) return exit_with;
	if (c->options.json) cli_print_json(c, json_object_get(call, "trail"));
	else call_print_trail(c->out, call);
	json_decref(call);
	return CLI_OK;
}

int cli_call_release(struct cli *c, int argc, char **argv)
{
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	json_t *answer;
	(void)argc;
	put_z(&b, "/calls/");
	put_url(&b, str_from(argv[0]));
	int exit_with = cli_ask(c, "DELETE", path, NULL, &answer);
	if (exit_with != CLI_OK) return exit_with;
	if (c->options.json) cli_print_json(c, answer);
	else fprintf(c->out, "call %s is released.\n", argv[0]);
	json_decref(answer);
	return CLI_OK;
}

int cli_call_trace(struct cli *c, int argc, char **argv)
{
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	bool on = strcmp(argv[1], "on") == 0, of_line = strncmp(argv[0], "line=", 5) == 0;
	json_t *answer;
	(void)argc;
	if (!on && strcmp(argv[1], "off") != 0) {
		cli_say(c, "\"%s\" should be on or off", argv[1]);
		return CLI_USAGE;
	}
	put_z(&b, of_line ? "/trace/" : "/calls/");
	put_url(&b, str_from(argv[0] + (of_line ? 5 : 0)));
	put_z(&b, of_line ? "" : "/trace");
	int exit_with = cli_ask(c, "PUT", path, json_pack("{s:b}", "on", on), &answer);
	if (exit_with != CLI_OK) return exit_with;
	if (c->options.json) cli_print_json(c, answer);
	else fprintf(c->out, "messages of %s are %s kept in full.\n", argv[0], on ? "now" : "no longer");
	json_decref(answer);
	return CLI_OK;
}

// ---- A line's mailbox ----

int cli_line_messages(struct cli *c, int argc, char **argv)
{
	static const char *const names[] = { "new", "old" };
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	json_t *answer, *body = argc > 1 ? json_object() : NULL;
	put_z(&b, "/messages/");
	put_url(&b, str_from(argv[0]));
	for (int i = 1; i < argc; i++) {
		uint32_t count;
		if (str_to_u32(&count, str_from(argv[i]), UINT32_MAX) != OK) {
			cli_say(c, "\"%s\" should be a number", argv[i]);
			json_decref(body);
			return CLI_USAGE;
		}
		json_object_set_new(body, names[i - 1], json_integer(count));
	}
	int exit_with = cli_ask(c, body ? "PUT" : "GET", path, body, &answer);
	if (exit_with != CLI_OK) return exit_with;
	if (c->options.json) cli_print_json(c, answer);
	else
		fprintf(c->out, "%s: %d new, %d old\n", argv[0], (int)json_integer_value(json_object_get(answer, "new")),
		        (int)json_integer_value(json_object_get(answer, "old")));
	json_decref(answer);
	return CLI_OK;
}

// ---- A call that never was ----

int cli_dial(struct cli *c, int argc, char **argv)
{
	json_t *call;
	(void)argc;
	int exit_with = cli_ask(c, "POST", "/dial", json_pack("{s:s,s:s}", "line", argv[0], "digits", argv[1]), &call);
	if (exit_with != CLI_OK) return exit_with;
	if (c->options.json) {
		cli_print_json(c, call);
	} else {
		const json_t *to = json_object_get(call, "called"), *cause = json_object_get(call, "cause");
		const char *line = cli_text(to, "line"), *trunk = cli_text(to, "trunk");
		fprintf(c->out, "Line %s dialling %s ", argv[0], argv[1]);
		if (line[0]) fprintf(c->out, "would ring line %s (%s).\n\n", line, cli_cell(call, "number"));
		else if (trunk[0]) fprintf(c->out, "would go to trunk group %s as %s.\n\n", trunk, cli_cell(call, "number"));
		else fprintf(c->out, "would not get through: cause %s.\n\n", call_cause(cause));
		call_print_rows(c->out, call);
	}
	json_decref(call);
	return CLI_OK;
}
