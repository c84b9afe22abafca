// Commands on call detail records.
#include "run/cli_call.h"

#define PATH_OCTETS 1024

static void add_record(struct table *t, const json_t *row)
{
	char seconds[24];
	const json_t *cause = json_object_get(row, "cause");
	json_int_t ms = json_integer_value(json_object_get(row, "answered_for_ms"));
	snprintf(seconds, sizeof seconds, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
	const char *cells[] = {
		cli_cell(row, "sequence"), cli_cell(row, "call"), cli_cell(row, "began"),
		call_party(json_object_get(row, "calling")), call_party(json_object_get(row, "called")),
		cli_cell(row, "dialled"), json_is_true(json_object_get(row, "is_answered")) ? seconds : "-",
		cli_cell(cause, "value"), cli_cell(cause, "text"),
	};
	table_add(t, cells);
}

int cli_cdr_list(struct cli *c, int argc, char **argv)
{
	static const char *const heads[] = { "RECORD", "CALL", "BEGAN", "FROM", "TO", "DIALLED", "SECONDS", "CAUSE",
		                                 "MEANING", NULL };
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	struct table t;
	json_t *answer;
	const json_t *row;
	size_t i;
	put_z(&b, "/cdrs");
	if (!cli_query(c, &b, argc, argv)) return CLI_USAGE;
	int exit_with = cli_ask(c, "GET", path, NULL, &answer);
	if (exit_with != CLI_OK) return exit_with;
	const json_t *rows = json_object_get(answer, "cdrs");
	if (c->options.json) {
		cli_print_json(c, rows);
	} else {
		table_begin(&t, c->out, heads);
		json_array_foreach(rows, i, row) add_record(&t, row);
		table_end(&t);
		if (json_array_size(rows) == 0) fprintf(c->err, "There are none.\n");
		if (json_is_integer(json_object_get(answer, "next")))
			fprintf(c->err, "There are more: dialtone cdr list after=%s\n", cli_cell(answer, "next"));
	}
	json_decref(answer);
	return CLI_OK;
}

int cli_cdr_show(struct cli *c, int argc, char **argv)
{
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	json_t *record;
	(void)argc;
	put_z(&b, "/cdrs/");
	put_url(&b, str_from(argv[0]));
	int exit_with = cli_ask(c, "GET", path, NULL, &record);
	if (exit_with != CLI_OK) return exit_with;
	if (c->options.json) cli_print_json(c, record);
	else call_print_sheet(c->out, record);
	json_decref(record);
	return CLI_OK;
}

// The switch sends what there is while it reads it, however much that is.
int cli_cdr_export(struct cli *c, int argc, char **argv)
{
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	bool named = false;
	put_z(&b, "/cdrs");
	if (!cli_query(c, &b, argc, argv)) return CLI_USAGE;
	for (int i = 0; i < argc; i++) named = named || strncmp(argv[i], "format=", 7) == 0;
	if (!named) put_fmt(&b, "%sformat=%s", argc ? "&" : "?", c->options.json ? "jsonl" : "csv");
	return cli_ask_text(c, path);
}
