// Commands on what is provisioned: the same five for every kind of object.
#include "run/cli.h"
#include "run/suggest.h"

#include <stdlib.h>

#define PATH_MAX_OCTETS 2048
#define SHORT_MAX 64 // octets of a cell
#define PAGE 1000 // objects asked for at once

static void put_object_path(struct buf *b, const struct cli *c, const char *key)
{
	put_fmt(b, "/office/%s", provision_kind_name(c->kind));
	if (key) put_c(b, '/');
	put_url(b, str_from(key));
}

// A name that the kind does not have is said here, with the nearest that it has.
static bool field_known(struct cli *c, struct str name, uint8_t flags)
{
	uint32_t count;
	const struct provision_field *fields = provision_fields(c->kind, &count), *f = provision_field(c->kind, name);
	if (f && (f->flags & flags || flags == 0)) return true;
	struct suggest s = suggest_for(name);
	for (uint32_t i = 0; i < count; i++)
		if (flags == 0 || fields[i].flags & flags) suggest_offer(&s, str_from(fields[i].name));
	cli_say(c, "%.*s: a %s has no such field%s", STR_FMT(name), provision_kind_name(c->kind), f ? " to give here" : "");
	if (s.best.n) fprintf(c->err, "Did you mean \"%.*s\"?\n", STR_FMT(s.best));
	else fprintf(c->err, "dialtone %s --help lists the fields.\n", provision_kind_name(c->kind));
	return false;
}

// FIELD=VALUE arguments into the body. Values stay text: the switch knows their types.
static bool add_fields(struct cli *c, json_t *body, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		struct str name, value;
		if (!cli_pair(c, argv[i], &name, &value)) return false;
		if (!field_known(c, name, PROVISION_SETTABLE | PROVISION_REQUIRED)) return false;
		json_t *text = json_stringn(value.p, value.n);
		if (!text) {
			cli_say(c, "%.*s: the value is not UTF-8", STR_FMT(name));
			return false;
		}
		if (json_object_getn(body, name.p, name.n)) {
			json_decref(text);
			cli_say(c, "%.*s is given twice", STR_FMT(name));
			return false;
		}
		json_object_setn_new(body, name.p, name.n, text);
	}
	return true;
}

// The key's parts as the fields that they are: NH/Manchester is state=NH, name=Manchester.
static void add_key(struct cli *c, json_t *body, const char *key)
{
	uint32_t count;
	const struct provision_field *fields = provision_fields(c->kind, &count);
	struct str rest = str_from(key);
	for (uint32_t i = 0; i < count && fields[i].flags & PROVISION_KEY; i++) {
		bool last = i + 1 == count || !(fields[i + 1].flags & PROVISION_KEY);
		struct str part = last ? rest : str_cut(&rest, '/');
		json_object_set_new(body, fields[i].name, json_stringn(part.n ? part.p : "", part.n));
	}
}

// Asks for one object (key) or the kind (NULL); with --json a good answer is printed here. false: *exit_with says what.
static bool ask_object(int *exit_with, struct cli *c, const char *method, const char *key, json_t *body,
                       json_t **answer)
{
	char path[PATH_MAX_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	put_object_path(&b, c, key);
	*exit_with = cli_ask(c, method, path, body, answer);
	if (*exit_with == CLI_OK && c->options.json) cli_print_json(c, *answer);
	return *exit_with == CLI_OK;
}

static void say_done(struct cli *c, const char *key, const char *what)
{
	if (!c->options.json) fprintf(c->out, "%s %s %s.\n", provision_kind_name(c->kind), key, what);
}

int cli_object_add(struct cli *c, int argc, char **argv)
{
	json_t *body = json_object(), *answer;
	int exit_with;
	add_key(c, body, argv[0]);
	if (!add_fields(c, body, argc - 1, argv + 1)) {
		json_decref(body);
		return CLI_USAGE;
	}
	if (!ask_object(&exit_with, c, "POST", NULL, body, &answer)) return exit_with;
	say_done(c, argv[0], "is added");
	if (!c->options.json && cli_text(answer, "password")[0])
		fprintf(c->out, "Its password, which is not shown again: %s\n", cli_text(answer, "password"));
	json_decref(answer);
	return CLI_OK;
}

int cli_object_set(struct cli *c, int argc, char **argv)
{
	json_t *body = json_object(), *answer;
	int exit_with;
	if (!add_fields(c, body, argc - 1, argv + 1)) {
		json_decref(body);
		return CLI_USAGE;
	}
	if (!ask_object(&exit_with, c, "PATCH", argv[0], body, &answer)) return exit_with;
	bool changed = json_integer_value(json_object_get(answer, "version")) != 0;
	say_done(c, argv[0], changed ? "is changed" : "was so already");
	json_decref(answer);
	return CLI_OK;
}

int cli_object_remove(struct cli *c, int argc, char **argv)
{
	json_t *answer;
	int exit_with;
	(void)argc;
	if (!ask_object(&exit_with, c, "DELETE", argv[0], NULL, &answer)) return exit_with;
	say_done(c, argv[0], "is removed");
	json_decref(answer);
	return CLI_OK;
}

int cli_object_show(struct cli *c, int argc, char **argv)
{
	json_t *answer, *value;
	const char *name;
	int exit_with;
	(void)argc;
	if (!ask_object(&exit_with, c, "GET", argv[0], NULL, &answer)) return exit_with;
	json_object_foreach(answer, name, value)
		if (!c->options.json) sheet_line(c->out, name, "%s", cli_cell(answer, name));
	json_decref(answer);
	return CLI_OK;
}

// ---- Lists ----

// Which fields are worth a column: those of the key, and those that say something other than their preset somewhere.
static uint32_t choose_columns(const struct cli *c, const json_t *items, const char **heads)
{
	uint32_t count, n = 0;
	const struct provision_field *fields = provision_fields(c->kind, &count);
	for (uint32_t i = 0; i < count && n < TABLE_COLUMNS_MAX; i++) {
		const struct provision_field *f = &fields[i];
		bool says = f->flags & PROVISION_KEY;
		const json_t *item;
		size_t at;
		json_array_foreach(items, at, item) {
			const char *cell = cli_cell(item, f->name);
			says = says || (strcmp(cell, "-") != 0 && (!f->preset || strcmp(cell, f->preset) != 0));
		}
		if (says && !(f->flags & PROVISION_SECRET)) heads[n++] = f->name;
	}
	heads[n] = NULL;
	return n;
}

// Long values (what an object was before a change) are cut: `show` has them whole.
static void put_short(char *out, const char *cell)
{
	uint32_t n = 0;
	for (uint32_t at = 0; cell[at] && n < SHORT_MAX; at++) {
		bool starts = ((unsigned char)cell[at] & 0xC0) != 0x80; // a character of UTF-8
		if (starts && at >= SHORT_MAX - 8) break;
		out[n++] = cell[at];
	}
	str_to_z(out + n, SHORT_MAX + 8 - n, str_from(cell[n] ? "..." : ""));
}

static void print_page(struct table *t, const json_t *items)
{
	const json_t *item;
	size_t at;
	json_array_foreach(items, at, item) {
		char texts[TABLE_COLUMNS_MAX][SHORT_MAX + 8];
		const char *cells[TABLE_COLUMNS_MAX];
		for (uint32_t i = 0; i < t->columns; i++) {
			put_short(texts[i], cli_cell(item, t->heads[i]));
			cells[i] = texts[i];
		}
		table_add(t, cells);
	}
}

// The path of one page: the filters, how many, and after which key.
static bool put_page_path(struct cli *c, struct buf *path, int argc, char **argv, const char *after)
{
	put_object_path(path, c, NULL);
	put_fmt(path, "?limit=%d", PAGE);
	if (!cli_query(c, path, argc, argv)) return false;
	if (!after) return true;
	put_z(path, "&after=");
	put_url(path, str_from(after));
	return path->err == OK;
}

// All pages, one after the other; each is printed when it is there.
static int list_pages(struct cli *c, struct table *t, const char **heads, int argc, char **argv)
{
	char path[PATH_MAX_OCTETS], after[PROVISION_KEY_MAX + 1];
	json_t *answer, *all = json_array();
	int exit_with = CLI_OK;
	bool more = true, first = true;
	while (more && exit_with == CLI_OK) {
		memset(path, 0, sizeof path);
		struct buf b = buf_on(path, sizeof path - 1);
		if (!put_page_path(c, &b, argc, argv, first ? NULL : after)) exit_with = CLI_USAGE;
		if (exit_with == CLI_OK) exit_with = cli_ask(c, "GET", path, NULL, &answer);
		if (exit_with != CLI_OK) break;
		const json_t *items = json_object_get(answer, "items");
		if (c->options.json) json_array_extend(all, (json_t *)(uintptr_t)items);
		else if (first && json_array_size(items)) choose_columns(c, items, heads), table_begin(t, c->out, heads);
		if (!c->options.json) print_page(t, items);
		more = str_to_z(after, sizeof after, str_from(cli_text(answer, "next"))) && after[0];
		first = false;
		json_decref(answer);
	}
	if (c->options.json && exit_with == CLI_OK) cli_print_json(c, all);
	json_decref(all);
	return exit_with;
}

int cli_object_list(struct cli *c, int argc, char **argv)
{
	const char *heads[TABLE_COLUMNS_MAX + 1] = { NULL };
	struct table t = { 0 };
	for (int i = 0; i < argc; i++) {
		struct str name, value;
		if (!cli_pair(c, argv[i], &name, &value) || !field_known(c, name, PROVISION_FILTER)) return CLI_USAGE;
	}
	int exit_with = list_pages(c, &t, heads, argc, argv);
	if (t.cells) table_end(&t);
	else if (exit_with == CLI_OK && !c->options.json) fprintf(c->err, "There are none.\n");
	return exit_with;
}
