// The ring of traced texts. Each is a header and the text, padded to 8 octets; none wraps over the end of the ring.
#include "run/trace.h"

#include "wire/sdp/crypto.h"

#include <stdlib.h>

struct header {
	uint64_t call;
	uint32_t place, n;
};

enum err trace_init(struct trace *t)
{
	*t = (struct trace){ .bytes = calloc(1, TRACE_BYTES) }; // touched when it is used
	return t->bytes ? OK : ERR_FULL;
}

void trace_fini(struct trace *t)
{
	free(t->bytes);
	t->bytes = NULL;
}

// Digest responses tell a password to whoever can guess: all that follows the word in such a header, up to the next
// comma, becomes dots. The header may go on over several lines, and the value stand without quotes or after spaces.
static void blot(char *text, uint32_t n)
{
	static const struct str key = STR_INIT("response");
	struct str rest = { text, n };
	bool secret = false, within = false;
	while (rest.n) {
		char *at = text + (n - rest.n);
		struct str line = str_cut(&rest, '\n');
		if (!line.n || (line.p[0] != ' ' && line.p[0] != '\t')) {
			secret = str_starts_nocase(line, STR("Authorization")) ||
			         str_starts_nocase(line, STR("Proxy-Authorization"));
			within = false;
		}
		for (uint32_t i = 0; secret && i < line.n; i++) {
			if (at[i] == ',') within = false;
			else if (within && !strchr("=\" \t\r", at[i])) at[i] = '.';
			else if (str_starts_nocase(str_from_at(line, i), key)) {
				within = true;
				i += key.n - 1;
			}
		}
	}
}

uint32_t trace_keep(struct trace *t, uint64_t call, struct str text)
{
	uint32_t size = (uint32_t)(sizeof(struct header) + text.n + 7) & ~7u, at = t->next % TRACE_BYTES;
	if (size > TRACE_BYTES / 4) return UINT32_MAX;
	if (at + size > TRACE_BYTES) {
		t->next += TRACE_BYTES - at;
		at = 0;
	}
	struct header h = { .call = call, .place = t->next, .n = text.n };
	memcpy(t->bytes + at, &h, sizeof h);
	memcpy(t->bytes + at + sizeof h, text.p, text.n);
	blot(t->bytes + at + sizeof h, text.n);
	sdp_strike_keys(t->bytes + at + sizeof h, text.n);
	t->next += size;
	return h.place;
}

struct str trace_find(const struct trace *t, uint64_t call, uint32_t place)
{
	struct header h;
	uint32_t at = place % TRACE_BYTES;
	if (t->next - place > TRACE_BYTES || at + sizeof h > TRACE_BYTES || at % 8) return STR("");
	memcpy(&h, t->bytes + at, sizeof h);
	if (h.call != call || h.place != place || h.n > TRACE_BYTES - at - sizeof h) return STR("");
	return (struct str){ t->bytes + at + sizeof h, h.n };
}

enum err trace_line(struct trace *t, uint32_t line, bool on)
{
	uint32_t *place = NULL;
	for (uint32_t i = 0; i < TRACE_LINES_MAX; i++) {
		if (t->lines[i] == line) place = &t->lines[i];
		if (!place && !t->lines[i]) place = &t->lines[i];
	}
	if (!on) {
		for (uint32_t i = 0; i < TRACE_LINES_MAX; i++)
			if (t->lines[i] == line) t->lines[i] = 0;
		return OK;
	}
	if (!place) return ERR_FULL;
	*place = line;
	return OK;
}

bool trace_has_line(const struct trace *t, uint32_t line)
{
	for (uint32_t i = 0; i < TRACE_LINES_MAX; i++)
		if (t->lines[i] == line) return true;
	return false;
}
