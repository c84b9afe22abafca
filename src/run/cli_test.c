#include "cli.c"

#include "run/cli_fixture.h"

#define NUMBERS 1200 // more than a page of the API

// ---- Help and mistakes ----

static void test_help(void **state)
{
	(void)state;
	assert_int_equal(run("--help"), CLI_OK);
	for (uint32_t i = 0; i < ARRAY_LEN(commands); i++)
		if (!is_kind_command(&commands[i]) && !out_has(commands[i].words)) fail_msg("%s: no help", commands[i].words);
	for (uint32_t k = 0; k < PROVISION_KIND_COUNT; k++) assert_true(out_has(provision_kind_name(k)));
	assert_int_equal(run("call --help"), CLI_OK);
	assert_true(out_has("dialtone call explain CALL"));
	assert_false(out_has("dialtone cdr"));
	assert_int_equal(run("line --help"), CLI_OK);
	assert_true(out_has("dialtone line add KEY [FIELD=VALUE ...]"));
	assert_true(out_has("calls-max"));
	assert_int_equal(run("line add --help"), CLI_OK);
	assert_true(out_has("dialtone line add"));
	assert_false(out_has("dialtone line remove"));
	assert_int_equal(run("change --help"), CLI_OK);
	assert_true(out_has("dialtone change list"));
	assert_false(out_has("dialtone change add"));
	assert_int_equal(run("init --help"), CLI_OK);
	assert_true(out_has("--sample"));
	assert_int_equal(run(""), CLI_USAGE);
	assert_true(err_has("Usage:"));
}

static void test_mistakes(void **state)
{
	(void)state;
	static const struct { const char *line, *says; } rows[] = {
		{ "lines list", "Did you mean \"line\"?" },
		{ "line lst", "Did you mean \"line list\"?" },
		{ "line", "line what?" },
		{ "setting add x", "there is no command \"setting add\"" },
		{ "zebra", "dialtone --help lists the commands" },
		{ "call show", "too few arguments" },
		{ "call show 1 2", "too many arguments" },
		{ "--loud status", "there is no option --loud" },
		{ "status --sample", "--sample is for dialtone init" },
		{ "init --listen", "wants an argument" },
		{ "line set 6035550101 calls-mx=2", "Did you mean \"calls-max\"?" },
		{ "line set 6035550101 calls-max", "\"calls-max\" should be NAME=VALUE" },
		{ "line set 6035550101 calls-max=2 calls-max=3", "calls-max is given twice" },
		{ "line list display=x", "has no such field to give here" },
		{ "call trace 7001 maybe", "should be on or off" },
		{ "manual cooking", "there is no page \"cooking\"" },
		{ "cdr list limit", "should be NAME=VALUE" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		int exit_with = run(rows[i].line);
		if (exit_with != CLI_USAGE || !err_has(rows[i].says) || out_text[0])
			fail_msg("%s: exit %d: %s%s", rows[i].line, exit_with, said, out_text);
	}
}

// docs/cli.md is what the rows say now.
static void test_manual_is_current(void **state)
{
	(void)state;
	static char file[262144];
	assert_int_equal(run("manual cli"), CLI_OK);
	FILE *f = fopen(SOURCE_ROOT "/docs/cli.md", "r");
	assert_non_null(f);
	file[fread(file, 1, sizeof file - 1, f)] = '\0';
	fclose(f);
	if (strcmp(file, out_text) != 0) fail_msg("out of date; mend it with: build/dialtone manual cli >docs/cli.md");
	assert_int_equal(run("manual configuration"), CLI_OK);
	assert_int_equal(run("manual api"), CLI_OK);
}

static void test_no_switch(void **state)
{
	char path[96], says[512];
	(void)state;
	snprintf(path, sizeof path, "%s/other.conf", edge.folder);
	FILE *f = must(fopen(path, "w"));
	fputs("api_socket = \"none.sock\"\n"
	      "listener \"a\" { address = \"192.0.2.1:5060\" }\nmedia \"a\" { address = 192.0.2.1 }\n", f);
	fclose(f);
	assert_int_equal(run_at(path, "status"), CLI_NO_SWITCH);
	snprintf(says, sizeof says, "at %s/none.sock\nStart it with: dialtone -c %s serve", edge.folder, path);
	assert_true(err_has(says));
	assert_int_equal(run_at("/nowhere.conf", "status"), CLI_FAILED);
	assert_true(err_has("/nowhere.conf: No such file"));
	assert_true(err_has("DIALTONE_CONF"));
	f = must(fopen(path, "w"));
	fputs("\nnonsense = 1\n", f);
	fclose(f);
	assert_int_equal(run_at(path, "status"), CLI_FAILED);
	assert_true(err_has("other.conf:2: "));
}

static void test_serve_gets_the_configuration(void **state)
{
	(void)state;
	assert_int_equal(run("serve"), 77);
	assert_int_equal(run_at("/nowhere.conf", "serve"), CLI_FAILED);
}

// ---- Objects ----

static void test_line_life(void **state)
{
	(void)state;
	assert_int_equal(run("line add 6035550104 customer=granite rate-centre=NH/Manchester display=Front~desk"), CLI_OK);
	assert_true(out_has("line 6035550104 is added.\nIts password, which is not shown again: "));
	assert_int_equal(run("line show 6035550104"), CLI_OK);
	assert_true(out_has("display             Front desk\n"));
	assert_true(out_has("customer            granite\n"));
	assert_int_equal(run("line set 6035550104 display= calls-max=2"), CLI_OK);
	assert_string_equal(out_text, "line 6035550104 is changed.\n");
	assert_int_equal(run("line set 6035550104 calls-max=2"), CLI_OK);
	assert_string_equal(out_text, "line 6035550104 was so already.\n");
	assert_int_equal(run("line set 6035550104 calls-max=0"), CLI_FAILED);
	assert_true(err_has("dialtone: calls-max: "));
	assert_int_equal(run("line add 6035550104 customer=granite rate-centre=NH/Manchester"), CLI_FAILED);
	assert_true(err_has("dialtone: "));
	assert_int_equal(run("line remove 6035550104"), CLI_OK);
	assert_int_equal(run("line show 6035550104"), CLI_FAILED);
	assert_int_equal(run("--json change list kind=line key=6035550104"), CLI_OK);
	json_t *changes = out_json();
	assert_int_equal(json_array_size(changes), 3);
	assert_true(strncmp(cli_text(json_array_get(changes, 0), "who"), "api:", 4) == 0);
	json_decref(changes);
}

static void test_lists(void **state)
{
	(void)state;
	assert_int_equal(run("line list"), CLI_OK);
	assert_true(strncmp(out_text, "name        customer  rate-centre    number\n", 44) == 0);
	assert_true(out_has("\n6035550101  granite   NH/Manchester  +16035550101\n"));
	assert_false(out_has("password"));
	assert_int_equal(run("line list suspended=yes"), CLI_OK);
	assert_string_equal(out_text, "");
	assert_true(err_has("There are none."));
	assert_int_equal(run("line list --json customer=granite"), CLI_OK);
	json_t *lines = out_json();
	assert_int_equal(json_array_size(lines), 2);
	json_decref(lines);
	assert_int_equal(run("rate-centre list"), CLI_OK);
	assert_true(out_has("NH     Manchester"));
}

// More objects than a page of the API holds, walked as one list.
static void test_long_list(void **state)
{
	(void)state;
	struct provision_answer answer;
	assert_int_equal(provision_begin(edge.provision), OK);
	for (int i = 0; i < NUMBERS; i++) {
		char key[16];
		snprintf(key, sizeof key, "+1603666%04d", i);
		assert_true(EDGE_ADD(&edge, "number", key, EDGE_PAIR("kind", "vacant")));
	}
	provision_commit(&answer, edge.provision);
	assert_int_equal(answer.err, OK);
	assert_int_equal(run("number list"), CLI_OK);
	uint32_t lines = 0;
	for (const char *c = out_text; *c; c++) lines += *c == '\n';
	assert_true(lines > NUMBERS);
	assert_int_equal(run("number list --json kind=vacant"), CLI_OK);
	json_t *numbers = out_json();
	assert_int_equal(json_array_size(numbers), NUMBERS);
	json_decref(numbers);
}

static void test_key_with_a_slash(void **state)
{
	(void)state;
	assert_int_equal(run("feature add 6035550101/forward-busy active=yes target=+16035550102"), CLI_OK);
	assert_int_equal(run("feature show 6035550101/forward-busy"), CLI_OK);
	assert_true(out_has("target              +16035550102\n"));
	assert_int_equal(run("feature remove 6035550101/forward-busy"), CLI_OK);
	assert_int_equal(run("rate-centre add NH/North~Conway lata=122"), CLI_OK);
	assert_int_equal(run("rate-centre show NH/North~Conway"), CLI_OK);
	assert_int_equal(run("number show +16035550101"), CLI_OK);
	assert_true(out_has("line                6035550101\n"));
}

// ---- Calls and records ----

static void test_calls(void **state)
{
	(void)state;
	assert_int_equal(run("call list"), CLI_OK);
	assert_true(out_has("CALL  BEGAN"));
	assert_true(out_has("7001  2026-01-31T12:00:07.001Z  6035550101  6035550102  ACTIVE"));
	assert_int_equal(run("call list --json line=6035550101"), CLI_OK);
	json_t *calls = out_json();
	assert_int_equal(json_array_size(calls), 2);
	json_decref(calls);
	assert_int_equal(run("call list trunk=far"), CLI_OK);
	assert_true(err_has("There are none."));
	assert_int_equal(run("call show 7001"), CLI_OK);
	assert_true(out_has("state               ACTIVE / ACTIVE\n"));
	assert_int_equal(run("call ladder 7001"), CLI_OK);
	assert_true(out_has("INVITE, media"));
	assert_true(out_has("    INVITE sip:5550102@example SIP/2.0\n"));
	assert_int_equal(run("call explain 7001"), CLI_OK);
	assert_true(out_has("+0.000 s  O  line 6035550101 opens a call"));
	assert_int_equal(run("call explain 5002"), CLI_OK); // ended
	assert_true(out_has("answered for 10.000 s; released by the caller; cause 16"));
	assert_int_equal(run("call explain 1"), CLI_FAILED);
	assert_true(err_has("no such call stands"));
}

static void test_operating(void **state)
{
	(void)state;
	assert_int_equal(run("call release 7001"), CLI_OK);
	assert_int_equal(edge.fake.released, 7001);
	assert_int_equal(run("call trace 7001 on"), CLI_OK);
	assert_true(edge.fake.trace_on);
	assert_int_equal(run("call trace line=6035550102 off"), CLI_OK);
	assert_int_equal(edge.fake.traced, 2);
	assert_false(edge.fake.trace_on);
	assert_int_equal(run("registration list"), CLI_OK);
	assert_true(out_has("sip:a@192.0.2.5"));
	assert_int_equal(run("peer list"), CLI_OK);
	assert_true(out_has("silent"));
	assert_int_equal(run("line messages 6035550101 3"), CLI_OK);
	assert_true(out_has("6035550101: 3 new, 0 old"));
	assert_int_equal(run("line messages 6035550101 2 7"), CLI_OK);
	assert_int_equal(run("line messages 6035550101"), CLI_OK);
	assert_true(out_has("6035550101: 2 new, 7 old"));
	assert_int_equal(run("line messages 6035550101 many"), CLI_USAGE);
	assert_int_equal(run("line messages 6035559999 1"), CLI_FAILED);
}

static void test_dial(void **state)
{
	(void)state;
	assert_int_equal(run("dial 6035550101 5550102"), CLI_OK);
	assert_true(out_has("Line 6035550101 dialling 5550102 would ring line 6035550102"));
	assert_true(out_has("line 6035550101 opens a call"));
	assert_int_equal(run("dial 6035550101 *67"), CLI_OK);
	assert_true(out_has("would not get through: cause 1, "));
	assert_int_equal(run("dial 6035559999 1"), CLI_FAILED);
	assert_true(err_has("line: there is no line \"6035559999\""));
}

static void test_records(void **state)
{
	(void)state;
	assert_int_equal(run("cdr list"), CLI_OK);
	assert_true(out_has("1       5001  2026-01-31T12:00:00.000Z  6035550101  6035550102  5550102  10.000   16"));
	assert_int_equal(run("cdr list after=0 limit=1"), CLI_OK);
	assert_true(err_has("There are more: dialtone cdr list after=1"));
	assert_int_equal(run("cdr list --json"), CLI_OK);
	json_t *records = out_json();
	assert_int_equal(json_array_size(records), 2);
	json_decref(records);
	assert_int_equal(run("cdr show 2"), CLI_OK);
	assert_true(out_has("record              2\ncall                5002\n"));
	assert_int_equal(run("cdr export"), CLI_OK);
	assert_true(out_has("\n"));
	assert_int_equal(run("cdr export format=jsonl limit=1"), CLI_OK);
	json_t *record = out_json();
	assert_true(json_is_object(record));
	json_decref(record);
	assert_int_equal(run("cdr export format=xml"), CLI_FAILED);
	assert_true(err_has("format: must be json, jsonl, csv or text"));
}

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(run("status"), CLI_OK);
	assert_true(out_has("up                  1 d 1 h 1 min 1 s, since 2026-01-31T12:00:00.000Z\n"));
	assert_true(out_has("calls               2 of 100\n"));
	assert_true(out_has("NO TRUNK GROUP IS MARKED"));
	assert_int_equal(run("status --json"), CLI_OK);
	json_decref(out_json());
	assert_int_equal(run("counters api_requests"), CLI_OK);
	assert_true(out_has("api_requests_refused"));
	assert_false(out_has("base_counter_none"));
	assert_int_equal(run("log"), CLI_OK);
	assert_true(out_has("The log level is info."));
	assert_int_equal(run("log loud"), CLI_FAILED);
	assert_true(err_has("level: must be"));
	assert_int_equal(run("version"), CLI_OK);
	assert_true(out_has(DIALTONE_VERSION));
	assert_int_equal(run("--json version"), CLI_OK);
	json_decref(out_json());
}

// ---- A new node ----

static void test_init(void **state)
{
	char line[512], path[128];
	(void)state;
	snprintf(line, sizeof line, "init --sample --json --listen 127.0.0.1:5070 --media 127.0.0.1:30000-30099 %s/new",
	         edge.folder);
	assert_int_equal(run(line), CLI_OK);
	json_t *told = out_json();
	snprintf(path, sizeof path, "%s", cli_text(told, "config"));
	const json_t *first = json_array_get(json_object_get(told, "lines"), 0);
	assert_string_equal(cli_text(first, "name"), "6035550101");
	assert_string_equal(cli_text(first, "number"), "+16035550101");
	assert_true(strlen(cli_text(first, "password")) >= PROVISION_PASSWORD_MIN);
	json_decref(told);
	assert_int_equal(run_at(path, "check"), CLI_OK);
	struct config config;
	char why_text[256];
	struct buf why = buf_on(why_text, sizeof why_text);
	assert_int_equal(config_load(&config, path, &why), OK);
	assert_int_equal(config.listeners[0].address.port, 5070);
	assert_int_equal(config.media[0].port_first, 30000);
	assert_int_equal(config.media[0].port_last, 30099);
	assert_int_equal(run(line), CLI_FAILED); // once is enough
	assert_true(err_has("office.db is there already"));
}

static void test_init_refused(void **state)
{
	static const struct { const char *options, *says; } rows[] = {
		{ "--listen here", "--listen wants ADDRESS:PORT" },
		{ "--listen 127.0.0.1", "--listen wants ADDRESS:PORT" },
		{ "--media 127.0.0.1:20000", "--media wants ADDRESS:FIRST-LAST" },
		{ "--media 127.0.0.1:20000-x", "--media wants ADDRESS:FIRST-LAST" },
		{ "--media 127.0.0.1:20001-20099", "odd port_first" },
		{ "--public here", "--public wants an address" },
	};
	char line[512], path[128];
	(void)state;
	snprintf(path, sizeof path, "%s/refused", edge.folder);
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(line, sizeof line, "init %s %s", rows[i].options, path);
		if (run(line) == CLI_OK || !err_has(rows[i].says)) fail_msg("%s: %s", rows[i].options, said);
	}
	snprintf(line, sizeof line, "init %s", path); // nothing of all that was left behind
	assert_int_equal(run(line), CLI_OK);
	assert_true(out_has("Only this machine can reach it there"));
	assert_int_equal(run("init /nowhere/at/all"), CLI_FAILED);
	assert_true(err_has("cannot make /nowhere/at/all"));
}

static void test_check(void **state)
{
	(void)state;
	assert_int_equal(run("check"), CLI_OK);
	assert_true(out_has("warning: ")); // no emergency trunk
	assert_true(out_has("911"));
	assert_true(out_has("are good."));
	assert_int_equal(run("check --json"), CLI_OK);
	json_t *findings = out_json();
	assert_string_equal(cli_text(json_array_get(findings, 0), "severity"), "warning");
	json_decref(findings);
	assert_int_equal(run_at("/nowhere.conf", "check"), CLI_FAILED);
	assert_true(out_has("error: /nowhere.conf: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help), cmocka_unit_test(test_mistakes), cmocka_unit_test(test_manual_is_current),
		cmocka_unit_test(test_no_switch), cmocka_unit_test(test_serve_gets_the_configuration),
		cmocka_unit_test(test_line_life), cmocka_unit_test(test_lists), cmocka_unit_test(test_key_with_a_slash),
		cmocka_unit_test(test_calls), cmocka_unit_test(test_operating), cmocka_unit_test(test_dial),
		cmocka_unit_test(test_records), cmocka_unit_test(test_status), cmocka_unit_test(test_check),
		cmocka_unit_test(test_init), cmocka_unit_test(test_init_refused), cmocka_unit_test(test_long_list),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
