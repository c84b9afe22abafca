// Recordings of calls: which the switch keeps, and what becomes of one when it runs again here, without a switch.
#include "run/api_json.h"
#include "run/cli_call.h"
#include "run/replay.h"

#include "base/rcu.h"

#include <errno.h>
#include <stdlib.h>

#define PATH_OCTETS 1024
#define BLOCKS_MAX 256 // 4 MiB

int cli_inputs_list(struct cli *c, int argc, char **argv)
{
	static const char *const heads[] = { "CALL", "WRITTEN", "OCTETS", NULL };
	json_t *answer;
	const json_t *row;
	size_t i;
	struct table t;
	(void)argc, (void)argv;
	int exit_with = cli_ask(c, "GET", "/inputs?limit=10000", NULL, &answer);
	if (exit_with != CLI_OK) return exit_with;
	const json_t *rows = json_object_get(answer, "inputs");
	if (c->options.json) {
		cli_print_json(c, rows);
	} else {
		table_begin(&t, c->out, heads);
		json_array_foreach(rows, i, row) {
			const char *cells[] = { cli_cell(row, "call"), cli_cell(row, "written"), cli_cell(row, "octets") };
			table_add(&t, cells);
		}
		table_end(&t);
		if (json_array_size(rows) == 0)
			fprintf(c->err, "There are none: `inputs` of the configuration says whose are kept.\n");
	}
	json_decref(answer);
	return CLI_OK;
}

int cli_inputs_show(struct cli *c, int argc, char **argv)
{
	char path[PATH_OCTETS] = "";
	struct buf b = buf_on(path, sizeof path - 1);
	(void)argc;
	put_z(&b, "/inputs/");
	put_url(&b, str_from(argv[0]));
	return cli_ask_text(c, path);
}

// ---- Replay --------------------------------------------------------------------------------------------------------

// NULL: it said why not.
static char *load(struct cli *c, const char *path, struct str *text)
{
	char *memory;
	enum err e = recording_load(&memory, &text->n, path);
	text->p = memory;
	switch (e) {
	case OK: break;
	case ERR_BAD: cli_say(c, "%s: it is too large for a recording", path); break;
	case ERR_FULL: cli_say(c, "%s: no memory", path); break;
	default: cli_say(c, "%s: %s", path, strerror(errno));
	}
	return memory;
}

static json_t *differences_json(const struct replay *r)
{
	json_t *rows = json_array();
	for (uint32_t i = 0; i < r->difference_count && i < REPLAY_DIFFERENCES_MAX; i++) {
		const struct replay_difference *d = &r->differences[i];
		json_array_append_new(rows, json_pack("{s:I,s:o,s:o}", "at_ms", (json_int_t)d->at_ms, "was",
		                                      api_text(str_from(d->was)), "is", api_text(str_from(d->is))));
	}
	return rows;
}

// The new run as the API tells a call, with its names from the rows of the recording.
static json_t *replay_json(struct replay *r)
{
	const struct api a = { .office = r->office };
	json_t *out = api_record(&a, &r->record);
	json_object_set_new(out, "ladder", api_ladder(&a, &r->record));
	json_object_set_new(out, "trail", api_trail(&a, &r->record));
	json_object_set_new(out, "stands", json_boolean(r->began && !r->ended));
	json_object_set_new(out, "as_before", json_boolean(r->difference_count == 0));
	json_object_set_new(out, "cut", json_boolean(r->cut));
	json_object_set_new(out, "differences", differences_json(r));
	return out;
}

static void print_side(struct cli *c, const char *when, const char *what)
{
	if (what[0]) fprintf(c->out, "    %s  %s\n", when, what);
	else fprintf(c->out, "    %s  nothing\n", when);
}

static void print_verdict(struct cli *c, const struct replay *r, const struct entry_begin *began)
{
	if (r->cut) fprintf(c->out, "\nThe recording is cut: what follows its end is not known, and not compared.\n");
	if (r->difference_count == 0) {
		fprintf(c->out, "\nThis build (%s) decides as before (%s).\n", DIALTONE_VERSION, began->build);
		return;
	}
	fprintf(c->out, "\nThis build (%s) decides otherwise than before (%s):\n", DIALTONE_VERSION, began->build);
	for (uint32_t i = 0; i < r->difference_count && i < REPLAY_DIFFERENCES_MAX; i++) {
		const struct replay_difference *d = &r->differences[i];
		fprintf(c->out, "  at %u.%03u s\n", d->at_ms / 1000, d->at_ms % 1000);
		print_side(c, "then", d->was);
		print_side(c, "now ", d->is);
	}
}

static int print_replay(struct cli *c, struct replay *r, const struct entry_begin *began)
{
	json_t *call = replay_json(r);
	if (c->options.json) {
		cli_print_json(c, call);
	} else {
		if (!r->began) fprintf(c->out, "The first message does not become a call any more.\n");
		else call_print_ladder(c->out, call);
		fputc('\n', c->out);
		if (r->began) call_print_trail(c->out, call);
		print_verdict(c, r, began);
	}
	json_decref(call);
	return r->difference_count ? CLI_FAILED : CLI_OK;
}

static int run_replay(struct cli *c, const char *path, struct pool *blocks, struct str text)
{
	struct recording *recorded;
	struct recording_fault fault;
	struct replay *r = NULL;
	enum err e = recording_read(&recorded, blocks, text, &fault);
	if (e == OK) e = replay_run(&r, recorded, &fault);
	if (e != OK) {
		if (fault.line) cli_say(c, "%s:%u: %s", path, fault.line, fault.why);
		else cli_say(c, "%s: %s", path, fault.why[0] ? fault.why : err_text(e));
		return CLI_FAILED;
	}
	int exit_with = print_replay(c, r, entry_body(recorded->first));
	replay_free(r);
	return exit_with;
}

int cli_replay(struct cli *c, int argc, char **argv)
{
	struct pool blocks;
	struct str text;
	int exit_with = CLI_FAILED;
	(void)argc;
	char *memory = load(c, argv[0], &text);
	if (!memory) return CLI_FAILED;
	log_level = LOG_ERROR; // what the new run logs is no news
	rcu_join();
	if (pool_init(&blocks, "replay", sizeof(struct recording_block), BLOCKS_MAX) == OK) {
		exit_with = run_replay(c, argv[0], &blocks, text);
		pool_fini(&blocks);
	}
	rcu_leave();
	free(memory);
	return exit_with;
}
