// Runs ladders:   ladders [--print] [--only TEXT] FILE|FOLDER...
//
// Of a folder, all files that end in .ladder. One test of TAP for each ladder; --print draws each, whether it fails or
// not; --only takes those whose title has TEXT.
#include "base/log.h"
#include "base/rcu.h"
#include "ladders/draw.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define PICTURE_MAX (4u << 20)

struct options {
	bool print;
	const char *only;
};

struct tally {
	struct ladder *ladder; // owned; one after the other
	uint32_t run, failed;
};

// As TAP wants what is no result: behind a #.
static void print_lines(struct str text)
{
	while (text.n) {
		struct str line = str_cut(&text, '\n');
		printf("# %.*s\n", STR_FMT(line));
	}
}

static bool wanted(const struct scene *scene, const struct options *o)
{
	char title[256];
	str_to_z(title, sizeof title, scene->title);
	return !o->only || strstr(title, o->only);
}

static void run_scene(const struct script *s, const struct scene *scene, const struct options *o, struct tally *t)
{
	static char text[PICTURE_MAX];
	struct ladder *l = t->ladder;
	bool good = ladder_run(l, s, scene);
	struct buf b = buf_on(text, sizeof text);
	if (!good && l->failed) put_failure(&b, l);
	else if (!good)
		put_fmt(&b, "%s:%u: it went well, and should have failed: %.*s\n", s->path, scene->line,
			STR_FMT(l->expected_failure));
	else if (o->print) put_picture(&b, l);
	t->run++;
	t->failed += good == (l->awaits.n != 0);
	printf("%sok %u - %.*s", good ? "" : "not ", t->run, STR_FMT(scene->title));
	if (l->awaits.n) printf(" # TODO %.*s", STR_FMT(l->awaits)); // TAP's word for an expected failure
	printf("\n");
	print_lines(buf_str(&b));
	fflush(stdout);
}

static void run_file(const char *path, const struct options *o, struct tally *t)
{
	struct script s;
	uint32_t bad_line;
	enum err err = script_read(&s, path, &bad_line);
	if (err != OK) {
		printf("not ok %u - %s\n# line %u: %s\n", ++t->run, path, bad_line, err_text(err));
		t->failed++;
		return;
	}
	for (uint32_t i = 0; i < s.scene_count; i++)
		if (wanted(&s.scenes[i], o)) run_scene(&s, &s.scenes[i], o, t);
	script_free(&s);
}

static int is_ladder(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');
	return dot && strcmp(dot, ".ladder") == 0;
}

static void run_path(const char *path, const struct options *o, struct tally *t)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_ladder, alphasort);
	if (n < 0) { // no folder
		run_file(path, o, t);
		return;
	}
	for (int i = 0; i < n; i++) {
		char file[4096];
		snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
		run_file(file, o, t);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct tally t = { .ladder = ladder_new() };
	if (!t.ladder) return 1;
	rcu_join();
	rcu_online();
	log_quiet = true;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--print") == 0) o.print = true;
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) o.only = argv[++i];
		else run_path(argv[i], &o, &t);
	}
	printf("1..%u\n", t.run);
	if (t.run == 0) printf("Bail out! no ladders\n");
	ladder_free(t.ladder);
	rcu_offline();
	rcu_drain();
	return t.run == 0 || t.failed != 0;
}
