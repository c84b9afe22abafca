// Commands on the switch as a whole: status, counters, log level, checks, manual.
#include "run/cli.h"

#include "keep/store.h"
#include "run/api.h"
#include "run/config_check.h"

#include <stdlib.h>

static void sheet_of(struct cli *c, const char *title, const json_t *of)
{
	sheet_line(c->out, title, "%s of %s", cli_cell(of, "now"), cli_cell(of, "max"));
}

static void print_status(struct cli *c, const json_t *s)
{
	json_int_t up = json_integer_value(json_object_get(s, "up_ms")) / 1000;
	bool healthy = json_is_true(json_object_get(s, "journal_healthy"));
	bool stopping = json_is_true(json_object_get(s, "stopping"));
	sheet_line(c->out, "node", "%s, dialtone %s", cli_cell(s, "node"), cli_cell(s, "version"));
	sheet_line(c->out, "office", "%s, rules version %s", cli_cell(s, "office"), cli_cell(s, "rules_version"));
	sheet_line(c->out, "up", "%lld d %lld h %lld min %lld s, since %s", (long long)(up / 86400),
	           (long long)(up / 3600 % 24), (long long)(up / 60 % 60), (long long)(up % 60), cli_cell(s, "started"));
	sheet_line(c->out, "threads", "%s that switch, %s that relay media", cli_cell(s, "workers"),
	           cli_cell(s, "media_threads"));
	sheet_of(c, "calls", json_object_get(s, "calls"));
	sheet_of(c, "transactions", json_object_get(s, "transactions"));
	sheet_of(c, "media ports", json_object_get(s, "media_ports"));
	sheet_of(c, "registrations", json_object_get(s, "registrations"));
	sheet_line(c->out, "lines", "%s", cli_cell(s, "lines"));
	sheet_line(c->out, "last record", "%s", cli_cell(s, "cdr_sequence"));
	sheet_line(c->out, "records", "%s", healthy ? "reach the disk in time" : "DO NOT reach the disk in time");
	if (stopping) sheet_line(c->out, "stopping", "no new call is taken");
	if (!json_is_true(json_object_get(s, "emergency_trunk")))
		sheet_line(c->out, "emergency", "NO TRUNK GROUP IS MARKED for 911, 933 and 988");
}

int cli_status(struct cli *c, int argc, char **argv)
{
	json_t *status;
	(void)argc;
	(void)argv;
	int exit_with = cli_ask(c, "GET", "/status", NULL, &status);
	if (exit_with != CLI_OK) return exit_with;
	if (c->options.json) cli_print_json(c, status);
	else print_status(c, status);
	json_decref(status);
	return CLI_OK;
}

int cli_counters(struct cli *c, int argc, char **argv)
{
	static const char *const heads[] = { "COUNTER", "VALUE", "WHAT", NULL };
	const json_t *row;
	json_t *answer, *kept = json_array();
	size_t i;
	struct table t;
	int exit_with = cli_ask(c, "GET", "/counters", NULL, &answer);
	if (exit_with == CLI_OK) {
		json_array_foreach(json_object_get(answer, "counters"), i, row)
			if (argc == 0 || strstr(cli_text(row, "name"), argv[0])) json_array_append(kept, (json_t *)(uintptr_t)row);
		if (c->options.json) cli_print_json(c, kept);
		table_begin(&t, c->out, heads);
		json_array_foreach(kept, i, row) {
			const char *cells[] = { cli_cell(row, "name"), cli_cell(row, "value"), cli_cell(row, "help") };
			if (!c->options.json) table_add(&t, cells);
		}
		table_end(&t);
		json_decref(answer);
	}
	json_decref(kept);
	return exit_with;
}

int cli_log(struct cli *c, int argc, char **argv)
{
	json_t *answer, *body = argc ? json_pack("{s:s}", "level", argv[0]) : NULL;
	int exit_with = cli_ask(c, argc ? "PUT" : "GET", "/log", body, &answer);
	if (exit_with != CLI_OK) return exit_with;
	if (c->options.json) cli_print_json(c, answer);
	else fprintf(c->out, "The log level is %s.\n", cli_text(answer, "level"));
	json_decref(answer);
	return CLI_OK;
}

// ---- Without a switch ----

int cli_serve(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return cli_config(c) ? c->serve(c) : CLI_FAILED;
}

int cli_version(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (c->options.json) fprintf(c->out, "{\"version\": \"%s\"}\n", DIALTONE_VERSION);
	else fprintf(c->out, "dialtone %s\n", DIALTONE_VERSION);
	return CLI_OK;
}

#define MANUAL_MAX (256u * 1024)

int cli_manual(struct cli *c, int argc, char **argv)
{
	static const struct { const char *name; void (*print)(struct buf *b); } pages[] = {
		{ "cli", put_cli_manual }, { "configuration", put_config_manual }, { "api", put_api_manual },
	};
	(void)argc;
	for (uint32_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (strcmp(argv[0], pages[i].name) != 0) continue;
		char *text = malloc(MANUAL_MAX);
		if (!text) return CLI_FAILED;
		struct buf b = buf_on(text, MANUAL_MAX);
		pages[i].print(&b);
		fwrite(b.p, 1, b.n, c->out);
		free(text);
		return b.err == OK ? CLI_OK : CLI_FAILED;
	}
	cli_say(c, "there is no page \"%s\": cli, configuration or api", argv[0]);
	return CLI_USAGE;
}

struct findings { // of a check, as they come
	struct cli *cli;
	json_t *list;
};

static void report(void *self, enum store_severity severity, struct str sentence)
{
	struct findings *f = self;
	const char *what = severity == STORE_ERROR ? "error" : "warning";
	json_t *row = json_pack("{s:s,s:s%}", "severity", what, "text", sentence.p, (size_t)sentence.n);
	json_array_append_new(f->list, row);
	if (!f->cli->options.json) fprintf(f->cli->out, "%s: %.*s\n", what, STR_FMT(sentence));
}

static void report_z(struct findings *f, enum store_severity severity, const char *sentence)
{
	report(f, severity, str_from(sentence));
}

// What a start of the switch would say to this office.
static uint32_t check_office(struct findings *f, const char *path)
{
	struct store *store;
	struct office *office = NULL;
	struct store_fault fault = { "" };
	struct store_findings found = { 0 };
	if (store_open(&store, path, &fault) != OK) {
		report_z(f, STORE_ERROR, fault.why);
		return 1;
	}
	found = store_check(store, report, f);
	if (found.errors == 0 && (office_new(&office) != OK || store_load(store, office, &fault) != OK)) {
		report_z(f, STORE_ERROR, fault.why);
		found.errors++;
	}
	struct store_findings more = config_check(&f->cli->config, found.errors ? NULL : office_rules(office), report, f);
	office_free(office);
	store_close(store);
	return found.errors + more.errors;
}

int cli_check(struct cli *c, int argc, char **argv)
{
	char path[CONFIG_PATH_MAX + sizeof CONFIG_OFFICE_FILE], why[1024];
	struct buf b = buf_on(why, sizeof why - 1);
	struct findings f = { .cli = c, .list = json_array() };
	uint32_t errors = 1;
	(void)argc;
	(void)argv;
	if (config_load(&c->config, cli_config_path(c), &b) != OK) {
		why[b.n] = '\0';
		report_z(&f, STORE_ERROR, why);
	} else {
		snprintf(path, sizeof path, "%s/" CONFIG_OFFICE_FILE, c->config.data);
		errors = check_office(&f, path);
	}
	if (c->options.json) cli_print_json(c, f.list);
	else if (errors == 0) fprintf(c->out, "%s and its office are good.\n", cli_config_path(c));
	json_decref(f.list);
	return errors ? CLI_FAILED : CLI_OK;
}
