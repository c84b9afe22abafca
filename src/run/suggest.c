// Distance between words, after Damerau and Levenshtein, over three rows of the usual matrix.
#include "run/suggest.h"

#define WORD_MAX 32

static uint32_t min_of(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t distance(struct str a, struct str b)
{
	uint32_t rows[3][WORD_MAX + 1];
	for (uint32_t j = 0; j <= b.n; j++) rows[0][j] = j;
	for (uint32_t i = 1; i <= a.n; i++) {
		uint32_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (uint32_t j = 1; j <= b.n; j++) {
			bool same = ascii_lower(a.p[i - 1]) == ascii_lower(b.p[j - 1]);
			row[j] = min_of(min_of(above[j], row[j - 1]) + 1, above[j - 1] + !same);
			bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
			if (swapped) row[j] = min_of(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

void suggest_offer(struct suggest *s, struct str candidate)
{
	if (s->word.n == 0 || s->word.n > WORD_MAX || candidate.n > WORD_MAX) return;
	uint32_t far = distance(s->word, candidate);
	bool begins = str_starts_nocase(candidate, s->word) || (candidate.n > 1 && str_starts_nocase(s->word, candidate));
	if (begins) far = min_of(far, 1);
	uint32_t limit = s->word.n < 3 ? 1 : (s->word.n + 2) / 3;
	if (far > limit || far >= s->distance) return;
	s->best = candidate;
	s->distance = far;
}
