// Cuts a ladder file into words, items and scenes.
#include "ladders/script.h"

#include <stdio.h>
#include <stdlib.h>

#define SCRIPT_BYTES_MAX (1u << 20)

// A word before one of these begins an item, wherever in the row it stands.
static const char *const verbs[] = { "->", "is", "hears", "dials", "ignores", "moves", "learns", "falls" };

bool word_is(const struct word *w, const char *text)
{
	return !w->quoted && str_eq(w->text, str_from(text));
}

static bool is_verb(const struct word *w)
{
	for (uint32_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (word_is(w, verbs[i])) return true;
	return false;
}

uint32_t words_duration(uint64_t *ms, const struct word *words, uint32_t count)
{
	if (count < 2 || words[0].text.n == 0) return 0;
	const struct word *in = &words[1];
	uint32_t unit = word_is(in, "ms") ? 1 : word_is(in, "s") ? 1000 : word_is(in, "min") ? 60000 : 0;
	struct str fraction, whole;
	uint64_t units = 0, thousandths = 0;
	fraction = words[0].text;
	whole = str_cut(&fraction, '.');
	if (unit == 0 || str_to_u64(&units, whole, 1000000) != OK || fraction.n > 3) return 0;
	if (fraction.n && str_to_u64(&thousandths, fraction, 999) != OK) return 0;
	for (uint32_t n = fraction.n; n && n < 3; n++) thousandths *= 10;
	*ms = units * unit + thousandths * unit / 1000;
	return 2;
}

static char *file_read(const char *path, uint32_t *n)
{
	FILE *f = fopen(path, "rb");
	if (!f) return NULL;
	char *text = malloc(SCRIPT_BYTES_MAX + 1);
	size_t got = text ? fread(text, 1, SCRIPT_BYTES_MAX + 1, f) : 0;
	fclose(f);
	*n = (uint32_t)got;
	return text;
}

// Takes a quoted word that begins at s->p; writes it back in place, shorter, without its escapes. False: no end.
static bool take_quoted(struct word *w, struct str *s, char *at)
{
	char *from = at + 1, *to = at, *end = at + s->n;
	while (from < end && *from != '"' && *from != '\n') {
		if (*from == '\\' && from + 1 < end && from[1] == 'n') {
			*to++ = '\r';
			*to++ = '\n';
			from += 2;
			continue;
		}
		if (*from == '\\' && from + 1 < end) from++;
		*to++ = *from++;
	}
	if (from == end || *from != '"') return false;
	*w = (struct word){ { at, (uint32_t)(to - at) }, true };
	*s = str_from_at(*s, (uint32_t)(from + 1 - at));
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == ',';
}

// A comma ends a word only where one stands before a space: "0.5,0.5" is one word.
static bool ends_word(struct str row, uint32_t at)
{
	if (row.p[at] != ',') return is_space(row.p[at]);
	return at + 1 == row.n || is_space(row.p[at + 1]);
}

// Appends the words of one row. A comma after a word is decoration.
static bool take_words(struct script *s, struct str row, char *at)
{
	for (;;) {
		while (row.n && is_space(*row.p)) row = str_from_at(row, 1);
		if (row.n == 0 || *row.p == '#') return true;
		char *start = at + (row.p - at);
		struct word *w = &s->words[s->word_count];
		if (*row.p == '"') {
			if (!take_quoted(w, &row, start)) return false;
		} else {
			uint32_t n = 0;
			while (n < row.n && !ends_word(row, n)) n++;
			*w = (struct word){ str_head(row, n), false };
			row = str_from_at(row, n);
		}
		s->word_count++;
	}
}

// Makes items of the words from `first` on.
static void cut_items(struct script *s, uint32_t first, uint32_t line, bool indented)
{
	for (uint32_t i = first; i < s->word_count; i++) {
		bool before_verb = i + 1 < s->word_count && !s->words[i].quoted && is_verb(&s->words[i + 1]);
		bool begins = before_verb || (i == first && !indented);
		if (begins || s->item_count == 0) s->items[s->item_count++] = (struct item){ line, i, 0 };
		s->items[s->item_count - 1].count++;
	}
}

static void begin_scene(struct script *s, struct str row, uint32_t line)
{
	if (s->scene_count == 0) s->preamble_count = s->item_count;
	struct str rest = str_from_at(row, 2);
	struct str title = str_trim(rest);
	for (uint32_t i = 0; i + 1 < rest.n; i++)
		if (rest.p[i] == '=' && rest.p[i + 1] == '=') title = str_trim(str_head(rest, i));
	s->scenes[s->scene_count++] = (struct scene){ title, line, s->item_count, 0 };
}

static bool cut_rows(struct script *s, uint32_t n, uint32_t *bad_line)
{
	struct str rest = { s->text, n };
	for (uint32_t line = 1; rest.n; line++) {
		struct str row = str_cut(&rest, '\n');
		uint32_t first = s->word_count;
		bool indented = row.n && (*row.p == ' ' || *row.p == '\t');
		*bad_line = line;
		if (str_starts(row, STR("=="))) {
			begin_scene(s, row, line);
			continue;
		}
		if (!take_words(s, row, s->text + (row.p - s->text))) return false;
		bool opens_scene = s->scene_count && s->item_count == s->scenes[s->scene_count - 1].first;
		cut_items(s, first, line, indented && !opens_scene);
		if (s->scene_count) {
			struct scene *scene = &s->scenes[s->scene_count - 1];
			scene->count = s->item_count - scene->first;
		}
	}
	return true;
}

enum err script_read(struct script *s, const char *path, uint32_t *bad_line)
{
	uint32_t n = 0;
	*bad_line = 0;
	*s = (struct script){ .path = path, .text = file_read(path, &n) };
	if (!s->text) return ERR_SYSTEM;
	s->words = calloc(n / 2 + 2, sizeof *s->words);
	s->items = calloc(n / 2 + 2, sizeof *s->items);
	s->scenes = calloc(n / 2 + 2, sizeof *s->scenes);
	if (n <= SCRIPT_BYTES_MAX && s->words && s->items && s->scenes && cut_rows(s, n, bad_line)) {
		if (s->scene_count == 0 && s->item_count)
			s->scenes[s->scene_count++] = (struct scene){ str_from(path), 1, 0, s->item_count };
		return OK;
	}
	script_free(s);
	return ERR_BAD;
}

void script_free(struct script *s)
{
	free(s->text);
	free(s->words);
	free(s->items);
	free(s->scenes);
	*s = (struct script){ 0 };
}
