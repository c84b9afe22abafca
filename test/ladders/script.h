// A ladder file as words: what stands in it, not yet what it means.
//
//     # comment                                 to the end of the line
//     office sample                             what stands before the first heading is done in each ladder of the file
//     A is line 6035550101   B is line 6035550102
//
//     == A calls B ==        RFC 3665 3.1       a heading begins a ladder and names it
//     A -> sw   INVITE 6035550102 sdp           sw -> A   100        several items may share a row
//               with "Privacy: id"                                   an indented row goes on with the last item
//
// A word with spaces, or one that must not be taken for a keyword, stands in quotes; inside, \n is CR LF and \" a
// quote.
#pragma once

#include "base/arena.h"

struct word {
	struct str text;
	bool quoted;
};

struct item {
	uint32_t line;
	uint32_t first, count; // of words
};

struct scene { // one ladder of the file
	struct str title;
	uint32_t line;
	uint32_t first, count; // of items
};

struct script {
	const char *path; // borrowed
	char *text;       // owned, as are the arrays
	struct word *words;
	struct item *items;
	struct scene *scenes;
	uint32_t word_count, item_count, scene_count;
	uint32_t preamble_count; // items before the first heading
};

// Reads a file. ERR_SYSTEM: it cannot be read; ERR_BAD: a quote is not closed (*bad_line says where), or it is too
// long.
MUST_CHECK enum err script_read(struct script *s, const char *path, uint32_t *bad_line);
void script_free(struct script *s);

// Is it this plain (unquoted) word?
bool word_is(const struct word *w, const char *text);
// A time of two words: "2 s", "500 ms", "3 min", "1.5 s". Returns the words used, 0 if it is none.
uint32_t words_duration(uint64_t *ms, const struct word *words, uint32_t count);
