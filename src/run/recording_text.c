// A recording as text and back: an entry a line, its text below it line by line after a "|".
//
// What ends a line of a message is CR LF. A line that ends otherwise (the last one of a body) ends in "\-"; octets that
// are no text stand as \xHH, a backslash as two.
#include "run/recording.h"

#include "wire/sdp/crypto.h"
#include "wire/sip/digest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD "dialtone recording 1"
#define MARK "(left out)"

// ---- Writing -------------------------------------------------------------------------------------------------------

static void put_octet(struct buf *b, char c)
{
	unsigned char octet = (unsigned char)c;
	if (c == '\\') put_z(b, "\\\\");
	else if (octet >= ' ' && octet < 0x7f) put_c(b, c);
	else put_fmt(b, "\\x%02x", octet);
}

static void put_message(struct buf *b, struct str text)
{
	while (text.n) {
		const char *end = memmem(text.p, text.n, "\r\n", 2);
		uint32_t n = end ? (uint32_t)(end - text.p) : text.n;
		put_z(b, n ? "  | " : "  |");
		for (uint32_t i = 0; i < n; i++) put_octet(b, text.p[i]);
		put_z(b, end ? "\n" : "\\-\n");
		text = str_from_at(text, n + (end ? 2 : 0));
	}
}

static bool is_zero(const struct entry_field *f, const void *body)
{
	const char *at = (const char *)body + f->offset;
	if (f->type == FIELD_TEXT) return *at == '\0';
	for (uint32_t i = 0; i < f->size; i++)
		if (at[i]) return false;
	return true;
}

static void put_entry(struct buf *b, const struct recording_entry *e)
{
	uint32_t count;
	const struct entry_field *fields = entry_fields(e->kind, &count);
	const void *body = entry_body(e);
	if (entry_is_input(e->kind)) put_fmt(b, "\n%u.%03u ", e->at_ms / 1000, e->at_ms % 1000);
	else if (e->kind != ENTRY_BEGIN && e->kind != ENTRY_TRAIL && e->kind != ENTRY_END) put_z(b, "  ");
	put_z(b, entry_word(e->kind));
	for (uint32_t i = 0; i < count; i++) {
		if (!fields[i].always && is_zero(&fields[i], body)) continue;
		put_fmt(b, " %s=", fields[i].name);
		put_entry_field(b, &fields[i], body);
	}
	put_c(b, '\n');
	put_message(b, entry_text(e));
}

void put_recording(struct buf *b, const struct recording *r)
{
	put_z(b, HEAD "\n");
	for (const struct recording_entry *e = r->first; e; e = e->next) put_entry(b, e);
}

uint32_t recording_text_max(const struct recording *r)
{
	uint32_t n = 64;
	for (const struct recording_entry *e = r->first; e; e = e->next) {
		uint32_t count;
		entry_fields(e->kind, &count);
		// An octet takes four at most; a line of one octet takes eight more; a field its name and value.
		n += 64 + 48 * count + 4 * entry_size(e->kind) + 12 * e->text_n;
	}
	return n;
}

// ---- Reading -------------------------------------------------------------------------------------------------------

struct reading {
	struct recording *r;
	struct recording_fault *fault;
	uint32_t line;
	uint32_t at_ms;        // of the input that came last
	bool open;             // an entry waits for its text:
	enum entry_kind kind;
	uint32_t kind_line;
	uint64_t body[256];    // of the largest struct
	struct buf text;
	char text_memory[RECORDING_TEXT_MAX];
};

static bool fail(struct reading *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct reading *g, const char *format, ...)
{
	va_list args;
	struct buf why = buf_on(g->fault->why, sizeof g->fault->why - 1);
	va_start(args, format);
	put_vfmt(&why, format, args);
	va_end(args);
	g->fault->why[why.n] = '\0';
	g->fault->line = g->line;
	return false;
}

// Takes the entry that was begun, now that all of it is read.
static bool close_entry(struct reading *g)
{
	if (!g->open) return true;
	g->open = false;
	if (g->text.err != OK) return fail(g, "the message is longer than %u octets", RECORDING_TEXT_MAX);
	struct recording_entry *e = recording_add(g->r, g->kind, g->at_ms, g->body, buf_str(&g->text));
	if (!e) return fail(g, "the recording is longer than a recording can be");
	e->line = g->kind_line;
	return true;
}

static int hex_of(char c)
{
	return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// One escape, of which the backslash is behind; false: there is no such one.
static bool read_escape(struct buf *out, struct str *rest)
{
	if (rest->n && (rest->p[0] == '\\' || rest->p[0] == '"')) {
		put_c(out, rest->p[0]);
		*rest = str_from_at(*rest, 1);
		return true;
	}
	if (rest->n < 3 || rest->p[0] != 'x' || hex_of(rest->p[1]) < 0 || hex_of(rest->p[2]) < 0) return false;
	put_c(out, (char)(hex_of(rest->p[1]) * 16 + hex_of(rest->p[2])));
	*rest = str_from_at(*rest, 3);
	return true;
}

static bool read_message_line(struct reading *g, struct str line)
{
	if (!g->open || !entry_has_text(g->kind)) return fail(g, "a line of a message stands where none belongs");
	line = str_from_at(line, line.n > 1 && line.p[1] == ' ' ? 2 : 1);
	while (line.n) {
		char c = line.p[0];
		line = str_from_at(line, 1);
		if (c != '\\') put_c(&g->text, c);
		else if (line.n == 1 && line.p[0] == '-') return true;
		else if (!read_escape(&g->text, &line)) return fail(g, "after a \\ stands what is no escape");
	}
	put_z(&g->text, "\r\n");
	return true;
}

// The next NAME=VALUE; the value without its quotes and escapes, in memory.
static bool read_pair(struct reading *g, struct str *rest, struct str *name, struct buf *value)
{
	int32_t at = str_find_char(*rest, '=');
	if (at <= 0) return fail(g, "\"%.*s\" should be NAME=VALUE", STR_FMT(str_head(*rest, 40)));
	*name = str_head(*rest, (uint32_t)at);
	*rest = str_from_at(*rest, (uint32_t)at + 1);
	value->n = 0;
	if (!rest->n || rest->p[0] != '"') {
		put(value, str_cut(rest, ' '));
		return value->err == OK || fail(g, "the value of %.*s is too long", STR_FMT(str_head(*name, 40)));
	}
	*rest = str_from_at(*rest, 1);
	while (rest->n && rest->p[0] != '"') {
		char c = rest->p[0];
		*rest = str_from_at(*rest, 1);
		if (c != '\\') put_c(value, c);
		else if (!read_escape(value, rest)) return fail(g, "after a \\ stands what is no escape");
	}
	if (!rest->n || (rest->n > 1 && rest->p[1] != ' ')) return fail(g, "a quote is not closed");
	*rest = str_from_at(*rest, 2);
	return value->err == OK || fail(g, "the value of %.*s is too long", STR_FMT(str_head(*name, 40)));
}

static bool read_fields(struct reading *g, struct str rest)
{
	char memory[512];
	struct buf value = buf_on(memory, sizeof memory);
	struct str name = { "", 0 };
	uint32_t count, i;
	const struct entry_field *fields = entry_fields(g->kind, &count);
	while ((rest = str_trim(rest)).n) {
		if (!read_pair(g, &rest, &name, &value)) return false;
		for (i = 0; i < count && !str_eq(name, str_from(fields[i].name)); i++) {}
		if (i == count) return fail(g, "%s has no field %.*s", entry_word(g->kind), STR_FMT(str_head(name, 40)));
		if (!entry_field_read(g->body, &fields[i], buf_str(&value)))
			return fail(g, "%s cannot be \"%.*s\"", fields[i].name, STR_FMT(str_head(buf_str(&value), 60)));
	}
	return true;
}

// "12.345": seconds since the call began.
static bool read_time(struct reading *g, struct str word)
{
	uint32_t s, ms;
	struct str seconds = str_cut(&word, '.');
	if (str_to_u32(&s, seconds, 4000000) != OK || word.n != 3 || str_to_u32(&ms, word, 999) != OK)
		return fail(g, "a time should be as 12.345");
	if (s * 1000 + ms < g->at_ms) return fail(g, "the time goes backwards");
	g->at_ms = s * 1000 + ms;
	return true;
}

static bool read_entry(struct reading *g, struct str line)
{
	struct str word = str_cut(&line, ' ');
	bool timed = word.n && ascii_is_digit(word.p[0]);
	uint32_t kind = 0;
	if (!close_entry(g) || (timed && !read_time(g, word))) return false;
	if (timed) word = str_cut(&line, ' ');
	while (kind < ENTRY_KIND_COUNT && !str_eq(word, str_from(entry_word(kind)))) kind++;
	if (kind == ENTRY_KIND_COUNT) return fail(g, "there is no entry \"%.*s\"", STR_FMT(str_head(word, 40)));
	if (timed != entry_is_input(kind))
		return fail(g, "a time belongs before what reached the call, and before nothing else");
	if ((kind == ENTRY_BEGIN) == (g->r->first != NULL)) return fail(g, "\"call\" begins a recording, once");
	g->open = true;
	g->kind = (enum entry_kind)kind;
	g->kind_line = g->line;
	g->text.n = 0;
	memset(g->body, 0, sizeof g->body);
	return read_fields(g, line);
}

static bool read_line(struct reading *g, struct str line)
{
	struct str trimmed = str_trim(line);
	g->line++;
	if (g->line == 1) return str_eq(trimmed, STR(HEAD)) || fail(g, "the first line should be \"%s\"", HEAD);
	if (trimmed.n == 0 || trimmed.p[0] == '#') return true;
	if (trimmed.p[0] != '|') return read_entry(g, trimmed);
	// A message keeps the spaces at the end of its lines.
	return read_message_line(g, (struct str){ trimmed.p, (uint32_t)(line.p + line.n - trimmed.p) });
}

enum err recording_read(struct recording **out, struct pool *blocks, struct str text, struct recording_fault *fault)
{
	struct reading reading = { .r = recording_new(blocks, blocks->max), .fault = fault }, *g = &reading;
	*fault = (struct recording_fault){ 0 };
	g->text = buf_on(g->text_memory, sizeof g->text_memory);
	bool good = g->r || fail(g, "no memory");
	while (good && text.n) good = read_line(g, str_cut(&text, '\n'));
	good = good && close_entry(g);
	if (good && !g->r->first) good = fail(g, "it is empty");
	if (!good) g->r = recording_free(g->r);
	*out = g->r;
	return good ? OK : ERR_BAD;
}

static enum err load(char *memory, uint32_t *n, const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f) return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
	*n = (uint32_t)fread(memory, 1, RECORDING_FILE_MAX, f);
	int why = ferror(f) ? errno : 0;
	fclose(f);
	errno = why;
	if (why) return ERR_SYSTEM;
	return *n < RECORDING_FILE_MAX ? OK : ERR_BAD;
}

enum err recording_load(char **out, uint32_t *n, const char *path)
{
	*n = 0;
	*out = malloc(RECORDING_FILE_MAX);
	if (!*out) return ERR_FULL;
	enum err e = load(*out, n, path);
	if (e == OK) {
		char *fits = realloc(*out, *n ? *n : 1);
		if (fits) *out = fits;
	} else {
		free(*out);
		*out = NULL;
	}
	return e;
}

// ---- Secrets -------------------------------------------------------------------------------------------------------

static void put_quoted(struct buf *b, const char *name, struct str value)
{
	put_fmt(b, " %s=\"%.*s\"", name, STR_FMT(value));
}

// Does this line begin a header of this name?
static bool is_header(struct str line, struct str name)
{
	if (!str_starts_nocase(line, name)) return false;
	struct str rest = str_trim(str_from_at(line, name.n));
	return rest.n && rest.p[0] == ':';
}

// Octets of the header that begins here, with the lines on which it goes on.
static uint32_t header_length(struct str message)
{
	struct str rest = message;
	do str_cut(&rest, '\n');
	while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t'));
	return rest.n ? (uint32_t)(rest.p - message.p) : message.n;
}

// The value of a header in one line.
static struct str unfolded(struct buf *memory, struct str value)
{
	for (uint32_t i = 0; i < value.n; i++)
		put_c(memory, value.p[i] == '\r' || value.p[i] == '\n' ? ' ' : value.p[i]);
	return str_trim(buf_str(memory));
}

static void put_left_out(struct buf *b, struct str header)
{
	char memory[2048];
	struct buf line = buf_on(memory, sizeof memory);
	struct sip_credentials c;
	struct str value = header;
	put(b, str_cut(&value, ':'));
	put_z(b, ": " MARK);
	if (sip_credentials_parse(&c, unfolded(&line, value)) == PARSE_OK && line.err == OK) {
		put_quoted(b, "username", c.username);
		put_quoted(b, "realm", c.realm);
		put_quoted(b, "uri", c.uri);
	}
	put_z(b, "\r\n");
}

void put_without_credentials(struct buf *b, struct str message)
{
	uint32_t start = b->n;
	while (message.n && message.p[0] != '\r' && message.p[0] != '\n') { // then the body follows
		struct str header = str_head(message, header_length(message));
		message = str_from_at(message, header.n);
		bool secret = is_header(header, STR("Authorization")) || is_header(header, STR("Proxy-Authorization"));
		if (secret) put_left_out(b, header);
		else put(b, header);
	}
	put(b, message);
	sdp_strike_keys(b->p + start, b->n - start);
}
