// How answers look to a person: tables, sheets, cells.
#include "run/cli.h"

#include <stdarg.h>
#include <stdlib.h>

#define TABLE_ROWS_MAX 1000 // then what there is is printed
#define SHEET_NAME_WIDTH 20
#define CELL_MAX 1024

int cli_print_json(struct cli *c, const json_t *json)
{
	json_dumpf(json, c->out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	fputc('\n', c->out);
	return CLI_OK;
}

// Control characters would reach the terminal: they are shown as "?".
static void put_printable(struct buf *b, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) put_c(b, (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F ? '?' : s.p[i]);
}

void put_cell(struct buf *b, const json_t *value)
{
	const json_t *member;
	size_t i;
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING: put_printable(b, str_from(json_string_value(value))); break;
	case JSON_INTEGER: put_fmt(b, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
	case JSON_TRUE: put_z(b, "yes"); break;
	case JSON_FALSE: put_z(b, "no"); break;
	case JSON_ARRAY:
		json_array_foreach(value, i, member) {
			if (i) put_c(b, ',');
			put_cell(b, member);
		}
		break;
	default: put_c(b, '-'); break;
	}
}

const char *cli_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

const char *cli_cell(const json_t *object, const char *name)
{
	static char cells[8][CELL_MAX];
	static uint32_t next;
	char *cell = cells[next++ % ARRAY_LEN(cells)];
	struct buf b = buf_on(cell, CELL_MAX - 1);
	put_cell(&b, json_object_get(object, name));
	if (b.n == 0) put_c(&b, '-');
	cell[b.n] = '\0';
	return cell;
}

// ---- Tables ----

// Characters of UTF-8: octets that are not continuations.
static uint32_t width_of(const char *text)
{
	uint32_t n = 0;
	for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
	return n;
}

void table_begin(struct table *t, FILE *out, const char *const *heads)
{
	*t = (struct table){ .out = out, .heads = heads };
	for (; heads[t->columns]; t->columns++) t->widths[t->columns] = width_of(heads[t->columns]);
	t->cells = calloc((size_t)t->columns * TABLE_ROWS_MAX, sizeof *t->cells);
	t->rows_max = t->cells ? TABLE_ROWS_MAX : 0;
}

static void print_row(const struct table *t, const char *const *cells)
{
	for (uint32_t i = 0; i < t->columns; i++) {
		uint32_t pad = i + 1 < t->columns ? t->widths[i] - width_of(cells[i]) + 2 : 0;
		fprintf(t->out, "%s%*s", cells[i], (int)pad, "");
	}
	fputc('\n', t->out);
}

static void table_flush(struct table *t)
{
	if (!t->headed && t->rows) print_row(t, t->heads);
	t->headed = t->headed || t->rows;
	for (uint32_t r = 0; r < t->rows; r++) {
		char **row = &t->cells[(size_t)r * t->columns];
		print_row(t, (const char *const *)row);
		for (uint32_t i = 0; i < t->columns; i++) free(row[i]);
	}
	t->rows = 0;
}

void table_add(struct table *t, const char *const *cells)
{
	if (t->rows_max == 0) return;
	if (t->rows == t->rows_max) table_flush(t);
	char **row = &t->cells[(size_t)t->rows++ * t->columns];
	for (uint32_t i = 0; i < t->columns; i++) {
		row[i] = strdup(cells[i]);
		if (!row[i] && !(row[i] = calloc(1, 1))) abort();
		uint32_t width = width_of(row[i]);
		if (width > t->widths[i]) t->widths[i] = width;
	}
}

void table_end(struct table *t)
{
	table_flush(t);
	free(t->cells);
}

void sheet_line(FILE *out, const char *name, const char *format, ...)
{
	va_list args;
	fprintf(out, "%-*s", SHEET_NAME_WIDTH, name);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputc('\n', out);
}
