// Runs ladders:   ladders [--print] [--only TEXT] [--weather SEED [--skies N]] FILE|FOLDER...
//
// Of a folder, all files that end in .ladder. One test of TAP for each ladder; --print draws each, whether it fails or
// not; --only takes those whose title has TEXT. With --weather, they run in the weather of that seed (0: of one that
// nobody has seen, which is told), under N skies of it one after the other; those that say "calm" are passed over.
#include "base/log.h"
#include "base/rcu.h"
#include "ladders/draw.h"
#include "ladders/weather.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PICTURE_MAX (4u << 20)

struct options {
	bool print;
	const char *only;
	bool weather;
	uint32_t seed, skies;
};

struct tally {
	struct ladder *ladder;   // owned; one after the other
	struct weather *weather; // owned
	uint32_t run, failed, passed_over;
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

static const struct item *statement(const struct script *s, const struct scene *scene, const char *word)
{
	uint32_t preamble = scene->first ? s->preamble_count : 0;
	for (uint32_t i = 0; i < preamble + scene->count; i++) {
		const struct item *item = &s->items[i < preamble ? i : scene->first + i - preamble];
		if (word_is(&s->words[item->first], word)) return item;
	}
	return NULL;
}

// Why a ladder does not run in weather; empty: it does.
static struct str calm(const struct script *s, const struct scene *scene)
{
	const struct item *item = statement(s, scene, "calm");
	if (item) return s->words[item->first + item->count - 1].text;
	if (statement(s, scene, "fails")) return STR("a test of the runner");
	if (statement(s, scene, "awaits")) return STR("the switch is not yet as it says");
	return statement(s, scene, "office") ? STR("") : STR("no switch and no way to it");
}

static void run_scene(const struct script *s, const struct scene *scene, const struct options *o, struct tally *t)
{
	static char text[PICTURE_MAX];
	struct ladder *l = t->ladder;
	struct str why = o->weather ? calm(s, scene) : STR("");
	if (why.n) {
		t->passed_over++;
		printf("ok %u - %.*s # SKIP calm: %.*s\n", ++t->run, STR_FMT(scene->title), STR_FMT(why));
		return;
	}
	if (o->weather) weather_begin(t->weather, o->seed, scene->title);
	bool good = ladder_run(l, s, scene, o->weather ? t->weather : NULL);
	struct buf b = buf_on(text, sizeof text);
	if (!good && o->weather)
		put_fmt(&b, "again: ladders --weather %u --only \"%.*s\" %s\n", o->seed, STR_FMT(scene->title), s->path);
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

// Under one sky after the other.
static void run_skies(const char *path, struct options o, struct tally *t)
{
	for (uint32_t i = 0; i < o.skies; i++, o.seed++) {
		if (o.weather) printf("# weather %u\n", o.seed);
		run_path(path, &o, t);
	}
}

static uint32_t number(const char *text)
{
	uint32_t n = 0;
	return str_to_u32(&n, str_from(text), UINT32_MAX - 1) == OK ? n : 0;
}

int main(int argc, char **argv)
{
	struct options o = { .skies = 1 };
	struct tally t = { .ladder = ladder_new(), .weather = weather_new() };
	if (!t.ladder || !t.weather) return 1;
	rcu_join();
	rcu_online();
	log_quiet = true;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--print") == 0) o.print = true;
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) o.only = argv[++i];
		else if (strcmp(argv[i], "--weather") == 0 && i + 1 < argc) {
			o.weather = true;
			o.seed = number(argv[++i]);
			if (!o.seed) o.seed = (uint32_t)time(NULL) % 1000000000;
		} else if (strcmp(argv[i], "--skies") == 0 && i + 1 < argc) o.skies = number(argv[++i]);
		else run_skies(argv[i], o, &t);
	}
	if (o.weather) printf("# %u of %u ladders ran in weather\n", t.run - t.passed_over, t.run);
	printf("1..%u\n", t.run);
	if (t.run == 0) printf("Bail out! no ladders\n");
	ladder_free(t.ladder);
	weather_free(t.weather);
	rcu_offline();
	rcu_drain();
	return t.run == 0 || t.failed != 0;
}
