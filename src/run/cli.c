// From arguments to a command: options, words, help, and what to say when there is no such command.
#include "run/cli.h"

#include "run/suggest.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

#define COMMAND_ROW(words, arguments, fewest, most, handler, help) { words, arguments, fewest, most, handler, help },
static const struct cli_command commands[] = { CLI_COMMANDS(COMMAND_ROW) };

struct option_row {
	const char *name, *argument, *commands, *help;
	char letter;
	size_t offset; // in struct cli
};
#define OPTION_ROW(name, letter, argument, commands, help)                                                             \
	{ #name, argument, commands, help, letter, offsetof(struct cli, options.name) },
static const struct option_row options[] = { CLI_OPTIONS(OPTION_ROW) };

#define DEFAULT_CONFIG "/etc/dialtone/dialtone.conf"

void cli_say(struct cli *c, const char *format, ...)
{
	va_list args;
	fputs("dialtone: ", c->err);
	va_start(args, format);
	vfprintf(c->err, format, args);
	va_end(args);
	fputc('\n', c->err);
}

const char *cli_config_path(const struct cli *c)
{
	const char *set = getenv("DIALTONE_CONF");
	return c->options.config ? c->options.config : set && set[0] ? set : DEFAULT_CONFIG;
}

bool cli_config(struct cli *c)
{
	char why[1024];
	struct buf b = buf_on(why, sizeof why - 1);
	if (c->config_loaded) return true;
	enum err e = config_load(&c->config, cli_config_path(c), &b);
	why[b.n] = '\0';
	c->config_loaded = e == OK;
	if (e == ERR_SYSTEM) cli_say(c, "%s\nName the configuration file with -c FILE or in DIALTONE_CONF.", why);
	else if (e != OK) cli_say(c, "%s", why);
	return e == OK;
}

bool cli_pair(struct cli *c, const char *argument, struct str *name, struct str *value)
{
	struct str all = str_from(argument);
	int32_t at = str_find_char(all, '=');
	if (at <= 0) {
		cli_say(c, "\"%s\" should be NAME=VALUE", argument);
		return false;
	}
	*name = str_head(all, (uint32_t)at);
	*value = str_from_at(all, (uint32_t)at + 1);
	return true;
}

// ---- Which command ----

static bool kind_command_fits(const struct cli_command *row, enum provision_kind kind)
{
	if (row->handler == cli_object_add || row->handler == cli_object_remove) return provision_kind_can_add(kind);
	return row->handler != cli_object_set || provision_kind_can_set(kind);
}

static bool is_kind_command(const struct cli_command *row)
{
	return strncmp(row->words, "{kind}", 6) == 0;
}

// How many of the words given are this command's: 0 when it is another.
static int command_matches(const struct cli_command *row, int count, char **words, enum provision_kind *kind)
{
	struct str rest = str_from(row->words);
	int n = 0;
	for (; rest.n; n++) {
		struct str want = str_cut(&rest, ' ');
		if (n >= count) return 0;
		bool any_kind = str_eq(want, STR("{kind}"));
		if (any_kind && !provision_kind_of(kind, str_from(words[n]))) return 0;
		if (!any_kind && !str_eq(want, str_from(words[n]))) return 0;
	}
	return is_kind_command(row) && !kind_command_fits(row, *kind) ? 0 : n;
}

// Does a command start with this word? (That of "call list" is "call".)
static bool starts_with_word(const struct cli_command *row, struct str word)
{
	struct str rest = str_from(row->words);
	enum provision_kind kind;
	return is_kind_command(row) ? provision_kind_of(&kind, word) : str_eq(str_cut(&rest, ' '), word);
}

static bool is_group(struct str word)
{
	for (uint32_t i = 0; i < ARRAY_LEN(commands); i++)
		if (starts_with_word(&commands[i], word)) return true;
	return false;
}

static void offer_first_words(struct suggest *s)
{
	for (uint32_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct str rest = str_from(commands[i].words);
		if (!is_kind_command(&commands[i])) suggest_offer(s, str_cut(&rest, ' '));
	}
	for (uint32_t k = 0; k < PROVISION_KIND_COUNT; k++) suggest_offer(s, str_from(provision_kind_name(k)));
}

static void offer_second_words(struct suggest *s, struct str first)
{
	for (uint32_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct str rest = str_from(commands[i].words);
		str_cut(&rest, ' ');
		if (starts_with_word(&commands[i], first)) suggest_offer(s, rest);
	}
}

// ---- Help ----

static void print_usage(FILE *to, const struct cli_command *row, const char *kind)
{
	struct str rest = str_from(row->words);
	struct str first = str_cut(&rest, ' ');
	fprintf(to, "  dialtone %.*s", kind ? (int)strlen(kind) : (int)first.n, kind ? kind : first.p);
	if (rest.n) fprintf(to, " %.*s", STR_FMT(rest));
	fprintf(to, "%s%s\n", row->arguments[0] ? " " : "", row->arguments);
	fprintf(to, "      %s\n", row->help);
}

static void print_options(FILE *to, const char *command)
{
	for (uint32_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option_row *o = &options[i];
		char left[64], letter[8] = "    ";
		if (strcmp(o->commands, command) != 0) continue;
		if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
		const char *argument = o->argument ? o->argument : "";
		snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, argument[0] ? " " : "", argument);
		fprintf(to, "  %-34s %s\n", left, o->help);
	}
}

// The fields of a kind, as the arguments of add and set.
static void print_fields(FILE *to, enum provision_kind kind)
{
	uint32_t count;
	const struct provision_field *fields = provision_fields(kind, &count);
	fprintf(to, "\nFields of a %s:\n", provision_kind_name(kind));
	for (uint32_t i = 0; i < count; i++) {
		const struct provision_field *f = &fields[i];
		const char *mark = f->flags & PROVISION_KEY ? " (key)" : f->flags & PROVISION_REQUIRED ? " (required)" : "";
		fprintf(to, "  %-20s %s%s", f->name, f->help, mark);
		if (f->choices) fprintf(to, "; one of %s", f->choices);
		if (f->preset && f->preset[0]) fprintf(to, "; else %s", f->preset);
		fputc('\n', to);
	}
}

static void print_overview(FILE *to)
{
	fprintf(to, "dialtone %s, the switch of a communications carrier\n\n"
	            "Usage: dialtone [OPTION ...] COMMAND [ARGUMENT ...]\n", DIALTONE_VERSION);
	for (uint32_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct cli_command *row = &commands[i];
		if (is_kind_command(row)) continue;
		char left[64];
		snprintf(left, sizeof left, "%s%s%s", row->words, row->arguments[0] ? " " : "", row->arguments);
		if (strlen(left) > 34) snprintf(left, sizeof left, "%s ...", row->words);
		fprintf(to, "%s  %-34s %s\n", i == 0 ? "\nCommands:\n" : "", left, row->help);
	}
	fprintf(to, "\nWhat is provisioned, with KIND add|set|show|list|remove:\n");
	for (uint32_t k = 0; k < PROVISION_KIND_COUNT; k++)
		fprintf(to, "  %-34s %s\n", provision_kind_name(k), provision_kind_help(k));
	fprintf(to, "\nOptions:\n");
	print_options(to, "");
	fprintf(to, "\ndialtone COMMAND --help says more of one.\n");
}

// Of the commands that the words begin, or of the one that they are.
static void print_help(FILE *to, int count, char **words)
{
	enum provision_kind kind = 0;
	bool of_kind = count > 0 && provision_kind_of(&kind, str_from(words[0]));
	if (count == 0 || !is_group(str_from(words[0]))) {
		print_overview(to);
		return;
	}
	for (int pass = 0, printed = 0; pass < 2 && !printed; pass++) {
		for (uint32_t i = 0; i < ARRAY_LEN(commands); i++) {
			const struct cli_command *row = &commands[i];
			bool of_group = starts_with_word(row, str_from(words[0])) && (!of_kind || kind_command_fits(row, kind));
			bool shown = pass == 0 ? command_matches(row, count, words, &kind) > 0 : of_group;
			if (!shown) continue;
			fputs(printed++ ? "" : "Usage:\n", to);
			print_usage(to, row, of_kind ? words[0] : NULL);
		}
	}
	if (of_kind) print_fields(to, kind);
	bool own = false;
	for (uint32_t i = 0; i < ARRAY_LEN(options); i++) own = own || strcmp(options[i].commands, words[0]) == 0;
	fprintf(to, "\nOptions:\n");
	if (own) print_options(to, words[0]);
	print_options(to, "");
}

// ---- Options and the rest ----

static bool read_options(struct cli *c, int argc, char **argv)
{
	struct option longs[ARRAY_LEN(options) + 1] = { 0 };
	char shorts[2 * ARRAY_LEN(options) + 2] = ":";
	uint32_t at = 1;
	for (uint32_t i = 0; i < ARRAY_LEN(options); i++) {
		int has_argument = options[i].argument ? required_argument : no_argument;
		longs[i] = (struct option){ options[i].name, has_argument, NULL, (int)i + 256 };
		if (options[i].letter) shorts[at++] = options[i].letter;
		if (options[i].letter && options[i].argument) shorts[at++] = ':';
	}
	optind = 0; // starts over, for tests too
	opterr = 0;
	for (int got; (got = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
		uint32_t i = 0;
		if (got == ':' || got == '?') {
			cli_say(c, got == ':' ? "%s wants an argument" : "there is no option %s; dialtone --help lists them",
			        argv[optind - 1]);
			return false;
		}
		while (got < 256 ? options[i].letter != got : (int)i != got - 256) i++;
		*(const char **)(void *)((char *)c + options[i].offset) = optarg ? optarg : "";
	}
	return true;
}

// An option that is not of this command is a mistake, not to be passed over.
static bool options_fit(struct cli *c)
{
	for (uint32_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option_row *o = &options[i];
		const char *given = *(const char **)(void *)((char *)c + o->offset);
		if (!given || !o->commands[0] || strcmp(o->commands, c->command->words) == 0) continue;
		cli_say(c, "--%s is for dialtone %s", o->name, o->commands);
		return false;
	}
	return true;
}

static int say_unknown(struct cli *c, int count, char **words)
{
	struct str first = str_from(words[0]), second = str_from(count > 1 ? words[1] : "");
	bool group = is_group(first);
	struct suggest s = suggest_for(group ? second : first);
	if (group) offer_second_words(&s, first);
	else offer_first_words(&s);
	if (group && second.n == 0) cli_say(c, "%s what?", words[0]);
	else cli_say(c, "there is no command \"%s%s%s\"", words[0], group ? " " : "", group ? words[1] : "");
	const char *before = group ? words[0] : "", *space = group ? " " : "";
	if (s.best.n) fprintf(c->err, "Did you mean \"%s%s%.*s\"?\n", before, space, STR_FMT(s.best));
	else if (group) print_help(c->err, 1, words);
	else fprintf(c->err, "dialtone --help lists the commands.\n");
	return CLI_USAGE;
}

static int run_command(struct cli *c, int count, char **words)
{
	for (uint32_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct cli_command *row = &commands[i];
		int taken = command_matches(row, count, words, &c->kind);
		if (taken == 0) continue;
		c->command = row;
		if (!options_fit(c)) return CLI_USAGE;
		if (count - taken < row->fewest || count - taken > row->most) {
			cli_say(c, "%s arguments; usage:", count - taken < row->fewest ? "too few" : "too many");
			print_usage(c->err, row, is_kind_command(row) ? words[0] : NULL);
			return CLI_USAGE;
		}
		return row->handler(c, count - taken, words + taken);
	}
	return say_unknown(c, count, words);
}

int cli_main(int argc, char **argv, FILE *out, FILE *err, int (*serve)(struct cli *c))
{
	struct cli *c = calloc(1, sizeof *c);
	if (!c) return CLI_FAILED;
	c->out = out;
	c->err = err;
	c->serve = serve;
	int exit_with = CLI_USAGE;
	if (read_options(c, argc, argv)) {
		int count = argc - optind;
		char **words = argv + optind;
		if (c->options.help || count == 0) {
			print_help(c->options.help ? out : err, count, words);
			exit_with = c->options.help ? CLI_OK : CLI_USAGE;
		} else {
			exit_with = run_command(c, count, words);
		}
	}
	if (fflush(out) != 0 && exit_with == CLI_OK) exit_with = CLI_FAILED;
	free(c);
	return exit_with;
}

// ---- The manual ----

static const char intro[] =
    "# The command line\n\n"
    "<!-- Made by `dialtone manual cli`; a test compares. Change the rows in src/run/cli.h and src/keep. -->\n\n"
    "`dialtone [OPTION ...] COMMAND [ARGUMENT ...]`\n\n"
    "Commands ask the running switch through its [local API](api.md); `init`, `check`, `manual` and `version` work\n"
    "without one. `dialtone --help` lists them, `dialtone COMMAND --help` says more of one, with all fields of an\n"
    "object. The exit status is 0 when all went well, 1 when it was refused or failed, 2 when the command was not\n"
    "understood, 3 when the switch does not run. Times are UTC.\n";

// What a field takes, as one writes it.
static void put_takes(struct buf *b, const struct provision_field *f)
{
	switch (f->type) {
	case PROVISION_U32: put_fmt(b, "%u to %u", f->min, f->max); break;
	case PROVISION_BOOL: put_z(b, "yes or no"); break;
	case PROVISION_E164: put_z(b, "a number in E.164"); break;
	case PROVISION_REF: put_fmt(b, "key of a %s", provision_kind_name(f->ref)); break;
	case PROVISION_REFS: put_fmt(b, "keys, parted by commas, of a %s", provision_kind_name(f->ref)); break;
	default: break;
	}
	for (const char *at = f->choices ? f->choices : ""; *at; at++) {
		if (*at == '|') put_z(b, " or ");
		else put_c(b, *at);
	}
}

static void put_field_manual(struct buf *b, const struct provision_field *f)
{
	const char *use = f->flags & PROVISION_KEY ? "key" : f->flags & PROVISION_REQUIRED ? "required"
	    : f->flags & PROVISION_SETTABLE ? "" : "only shown";
	put_fmt(b, "| `%s` | %s | %s | ", f->name, use, f->preset && f->preset[0] ? f->preset : "");
	put_takes(b, f);
	put_fmt(b, " | %s |\n", f->help);
}

static void put_kind_manual(struct buf *b, enum provision_kind kind)
{
	uint32_t count;
	const struct provision_field *fields = provision_fields(kind, &count);
	put_fmt(b, "\n### `%s`\n\n%s.\n\n| field | | else | takes | what it is |\n| --- | --- | --- | --- | --- |\n",
	        provision_kind_name(kind), provision_kind_help(kind));
	for (uint32_t i = 0; i < count; i++) put_field_manual(b, &fields[i]);
}

static void put_settings_manual(struct buf *b)
{
	put_z(b, "\n## Settings\n\nThe keys of `setting`, beside `name` and `realm` of the office: "
	         "`dialtone setting set no_answer_network_ms value=120000`.\n\n"
	         "| setting | at first | takes | what it is |\n| --- | --- | --- | --- |\n");
#define SETTING_MANUAL(id, preset, min, max, help)                                                                     \
	put_fmt(b, "| `%s` | %u | %u to %u | %s |\n", #id, (unsigned)(preset), (unsigned)(min), (unsigned)(max), help);
	OFFICE_SETTINGS(SETTING_MANUAL)
}

static void put_options_manual(struct buf *b)
{
	put_z(b, "\n## Options\n\n| option | of | what it is |\n| --- | --- | --- |\n");
	for (uint32_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option_row *o = &options[i];
		put_z(b, "| `");
		if (o->letter) put_fmt(b, "-%c, ", o->letter);
		put_fmt(b, "--%s%s%s` | %s | %s |\n", o->name, o->argument ? " " : "", o->argument ? o->argument : "",
		        o->commands[0] ? o->commands : "all", o->help);
	}
}

// Words of a row in a cell of a table: {kind} is KIND, and | would end the cell.
static void put_words_manual(struct buf *b, const char *words)
{
	for (; *words; words++) {
		if (strncmp(words, "{kind}", 6) == 0) put_z(b, "KIND"), words += 5;
		else if (*words == '|') put_z(b, "\\|");
		else put_c(b, *words);
	}
}

void put_cli_manual(struct buf *b)
{
	put_z(b, intro);
	put_options_manual(b);
	put_z(b, "\n## Commands\n\n| command | what it does |\n| --- | --- |\n");
	for (uint32_t i = 0; i < ARRAY_LEN(commands); i++) {
		put_z(b, "| `");
		put_words_manual(b, commands[i].words);
		put_z(b, commands[i].arguments[0] ? " " : "");
		put_words_manual(b, commands[i].arguments);
		put_fmt(b, "` | %s |\n", commands[i].help);
	}
	put_z(b, "\n## Kinds of objects\n");
	for (uint32_t k = 0; k < PROVISION_KIND_COUNT; k++) put_kind_manual(b, k);
	put_settings_manual(b);
}
