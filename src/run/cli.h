// The command line: one row a command. Most of them ask the running switch through its local API; init, check, manual
// and version work without one.
//
//     dialtone line set 6035550101 calls-max=2 ──▶ PATCH /v1/office/line/6035550101 { "calls-max": "2" }
//
// Objects, their fields and the words for them come from keep/provision, so a new field needs no change here.
#pragma once

#include "keep/provision.h"
#include "run/config.h"

#include <jansson.h>
#include <stdio.h>

enum cli_exit { CLI_OK, CLI_FAILED, CLI_USAGE, CLI_NO_SWITCH };

// name, letter, argument (NULL: none), commands that take it ("": all), help
#define CLI_OPTIONS(X)                                                                                                 \
	X(config, 'c', "FILE", "", "The configuration file; else $DIALTONE_CONF, else /etc/dialtone/dialtone.conf")        \
	X(json, 'j', NULL, "", "Print JSON, for programs")                                                                 \
	X(help, 'h', NULL, "", "Say how the command is used")                                                              \
	X(sample, 0, NULL, "init", "Fill the office with a sample carrier of northern New England")         \
	X(name, 0, "NAME", "init", "Name of the office")                                                                   \
	X(realm, 0, "REALM", "init", "Realm of the phones' passwords, fixed from then on")                                 \
	X(listen, 0, "ADDRESS:PORT", "init", "Where SIP is received")                                                      \
	X(media, 0, "ADDRESS:FIRST-LAST", "init", "Where RTP is received, and the range of its ports")                     \
	X(public, 0, "ADDRESS", "init", "Address that phones are told, where a NAT stands between")
#define CLI_OPTION_FIELD(name, letter, argument, commands, help) const char *name;

struct cli {
	FILE *out, *err; // borrowed
	struct {
		CLI_OPTIONS(CLI_OPTION_FIELD) // the argument; "" of one without; NULL: not given
	} options;
	const struct cli_command *command;
	enum provision_kind kind;  // of a command on objects
	int (*serve)(struct cli *c); // runs the switch; main's
	struct config config;      // loaded when first needed
	bool config_loaded;
};

typedef int cli_handler(struct cli *c, int argc, char **argv); // arguments after the command's own words

// words ("{kind}": any kind of object), arguments, fewest, most arguments, handler, help
#define CLI_COMMANDS(X)                                                                                                \
	X("serve", "", 0, 0, cli_serve, "Run the switch, in the foreground; it logs to stderr")                            \
	X("init", "DIR", 1, 1, cli_init, "Make DIR/dialtone.conf and an office in DIR/office.db")                          \
	X("check", "", 0, 0, cli_check, "Check the configuration file and the office, whether the switch runs or not")     \
	X("{kind} add", "KEY [FIELD=VALUE ...]", 1, 99, cli_object_add, "Add one")                                         \
	X("{kind} set", "KEY FIELD=VALUE ...", 2, 99, cli_object_set, "Change fields; FIELD= clears one")                  \
	X("{kind} show", "KEY", 1, 1, cli_object_show, "Show one")                                                         \
	X("{kind} list", "[FIELD=VALUE ...]", 0, 99, cli_object_list, "List all, or those with these values")              \
	X("{kind} remove", "KEY", 1, 1, cli_object_remove, "Remove one")                                                   \
	X("registration list", "[line=LINE]", 0, 1, cli_registration_list, "Phones that are registered")                   \
	X("line messages", "LINE [NEW [OLD]]", 1, 3, cli_line_messages,                                                    \
	  "Messages that wait in a line's mailbox; with NEW, sets how many were not heard yet")                            \
	X("peer list", "", 0, 0, cli_peer_list, "Far switches of the trunk groups, and whether they answer")               \
	X("call list", "[line=LINE] [trunk=TRUNK]", 0, 2, cli_call_list, "Calls that stand")                               \
	X("call show", "CALL", 1, 1, cli_call_show, "One call, standing or ended")                                         \
	X("call ladder", "CALL", 1, 1, cli_call_ladder, "Its messages as an arrow diagram; in full if it was traced")      \
	X("call explain", "CALL", 1, 1, cli_call_explain, "Each decision of it, and why")                                  \
	X("call trace", "CALL|line=LINE on|off", 2, 2, cli_call_trace,                                                     \
	  "Keep the messages of a call in full, or of a line's next calls; of calls to it, from when the line is found")   \
	X("call release", "CALL", 1, 1, cli_call_release, "Release a call with cause 31")                                  \
	X("cdr list", "[line=LINE] [trunk=TRUNK] [number=NUMBER] [from=TIME] [to=TIME] [after=RECORD] [limit=N]", 0, 7,    \
	  cli_cdr_list, "The newest call detail records, or those that follow a record")                                   \
	X("cdr show", "RECORD", 1, 1, cli_cdr_show, "One call detail record")                                            \
	X("cdr export", "[format=csv|jsonl|text] [what list takes]", 0, 8, cli_cdr_export,                                 \
	  "Call detail records for another program, all that there are")                                                   \
	X("dial", "LINE DIGITS", 2, 2, cli_dial, "What would happen if this line dialled these digits now; calls nobody")  \
	X("inputs list", "", 0, 0, cli_inputs_list, "Calls whose inputs are kept, to be run again")                        \
	X("inputs show", "CALL", 1, 1, cli_inputs_show, "The inputs of one, as dialtone replay reads them")                \
	X("replay", "FILE", 1, 1, cli_replay, "Run a call again from its inputs, here, and say whether it goes as it did") \
	X("status", "", 0, 0, cli_status, "How the running switch is")                                                     \
	X("counters", "[WORD]", 0, 1, cli_counters, "What it counted; only what has WORD in its name")                     \
	X("log", "[error|warn|info|debug]", 0, 1, cli_log, "Show or set the log level of the running switch")              \
	X("manual", "cli|configuration|api", 1, 1, cli_manual, "Print a page of the manual, in Markdown")                  \
	X("version", "", 0, 0, cli_version, "Print the version")

struct cli_command {
	const char *words, *arguments;
	int fewest, most;
	cli_handler *handler;
	const char *help;
};

// Does what the arguments say; an exit status.
int cli_main(int argc, char **argv, FILE *out, FILE *err, int (*serve)(struct cli *c));
// The manual of the commands, in Markdown.
void put_cli_manual(struct buf *b);

// ---- For the handlers (run/cli_*.c) ----

// Loads the configuration file once; false (said).
bool cli_config(struct cli *c);
const char *cli_config_path(const struct cli *c);
// Says "dialtone: ..." on err.
void cli_say(struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Splits NAME=VALUE; false (said): it has no "=".
bool cli_pair(struct cli *c, const char *argument, struct str *name, struct str *value);

// Asks the switch. `path` starts after /v1; `body` is taken over, NULL for none. Returns CLI_OK with the answer in *out
// (the caller's to free), else what to exit with: the reason was said.
int cli_ask(struct cli *c, const char *method, const char *path, json_t *body, json_t **out);
// The same of GET, as text that goes to c->out while it comes.
int cli_ask_text(struct cli *c, const char *path);
// Text with what has a meaning in a URL escaped.
void put_url(struct buf *b, struct str s);
// "&name=value" of each argument NAME=VALUE, the first after a "?". false (said): an argument is none, or too long.
bool cli_query(struct cli *c, struct buf *path, int argc, char **argv);

// Prints any answer as JSON.
int cli_print_json(struct cli *c, const json_t *json);
// A value as a person reads it: "-" for null, yes or no, a list parted by commas.
void put_cell(struct buf *b, const json_t *value);

// A table of aligned columns, printed when it is full or finished. Widths are in characters, not octets.
#define TABLE_COLUMNS_MAX 16
struct table {
	FILE *out;
	const char *const *heads; // NULL ends
	uint32_t columns, rows, rows_max;
	char **cells;  // owned, row by row
	uint32_t widths[TABLE_COLUMNS_MAX];
	bool headed;   // the heads are printed
};
void table_begin(struct table *t, FILE *out, const char *const *heads);
// Copies; one text per column.
void table_add(struct table *t, const char *const *cells);
void table_end(struct table *t);
// A field of a sheet: "name        value", the values below each other.
void sheet_line(FILE *out, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

// The text of a member, "" when there is none.
const char *cli_text(const json_t *object, const char *name);
// A member's member as a cell, in memory that is used again after eight calls.
const char *cli_cell(const json_t *object, const char *name);

#define CLI_COMMAND_HANDLER(words, arguments, fewest, most, handler, help) cli_handler handler;
CLI_COMMANDS(CLI_COMMAND_HANDLER)
