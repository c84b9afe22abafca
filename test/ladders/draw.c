// Draws what passed:
//
//      time  A                        sw                       B
//     0.000  │── INVITE 6035550102 sdp ▶│                        │
//     2.000  │◀───────── 180 ──────────│                        │
#include "ladders/draw.h"

#include "ladders/exchange.h"

#define COLUMN 28    // cells from one party to the next
#define COLUMNS_MAX 12

struct canvas {
	const char *cells[COLUMN * COLUMNS_MAX + 64]; // one UTF-8 character each; NULL: a space
	uint32_t width;
};

// The first party stands left of the switch, the others right of it.
static uint32_t column_of(const struct ladder *l, const struct actor *p)
{
	if (!p) return 1;
	return p->index == 0 || !l->exchange ? p->index : p->index + 1;
}

static uint32_t column_count(const struct ladder *l)
{
	uint32_t n = l->actor_count + (l->exchange != NULL);
	if (l->exchange && n < 2) n = 2;
	return n < COLUMNS_MAX ? n : COLUMNS_MAX;
}

static void put_canvas(struct buf *b, const struct canvas *c)
{
	uint32_t end = c->width;
	while (end && !c->cells[end - 1]) end--;
	for (uint32_t i = 0; i < end; i++) put_z(b, c->cells[i] ? c->cells[i] : " ");
}

static void lifelines(struct canvas *c, uint32_t columns)
{
	*c = (struct canvas){ .width = columns * COLUMN + 2 };
	for (uint32_t i = 0; i < columns; i++) c->cells[i * COLUMN] = "│";
}

static void write_over(struct canvas *c, uint32_t at, struct str text)
{
	// One cell a character: texts are cut to ASCII here.
	static char letters[128][2];
	for (uint32_t i = 0; i < text.n && at + i < c->width; i++) {
		unsigned char ch = (unsigned char)text.p[i] < 0x7f && text.p[i] >= ' ' ? (unsigned char)text.p[i] : '?';
		letters[ch][0] = (char)ch;
		c->cells[at + i] = letters[ch];
	}
}

static struct str label(struct ladder *l, const struct message *m)
{
	const struct sip_msg *s = m->m;
	if (!s) return ladder_text(l, "(%u octets)", m->bytes.n);
	bool sdp = s->body.n && str_starts_nocase(sip_msg_header(s, SIP_H_CONTENT_TYPE), STR("application/sdp"));
	const char *body = sdp ? " sdp" : s->body.n ? " body" : "", *again = m->again ? " again" : "";
	if (!s->is_request) {
		if (s->method == SIP_INVITE) return ladder_text(l, "%u%s%s", s->status, body, again);
		return ladder_text(l, "%u (%.*s)%s", s->status, STR_FMT(s->cseq.method_name), again);
	}
	bool first = s->to.tag.n == 0 && s->method != SIP_ACK && s->method != SIP_CANCEL && s->method != SIP_REGISTER;
	const char *re = s->method == SIP_INVITE && s->to.tag.n ? "re-" : "";
	return ladder_text(l, "%s%.*s%s%.*s%s%s", re, STR_FMT(s->method_name), first ? " " : "",
	                   STR_FMT(first ? str_head(s->uri.user, 14) : STR("")), body, again);
}

static void put_time(struct buf *b, const struct ladder *l, uint64_t at_ms)
{
	uint64_t ms = at_ms - l->began_ms;
	put_fmt(b, "%5llu.%03llu  ", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
}

static void put_message(struct buf *b, struct ladder *l, const struct event *e)
{
	const struct message *m = e->message;
	bool lost = l->weather ? e->lost : m->lost;
	struct canvas c;
	uint32_t from = column_of(l, m->from), to = column_of(l, m->to), columns = column_count(l);
	lifelines(&c, columns);
	if ((m->to || m->from) && from < columns && to < columns && from != to) {
		uint32_t left = (from < to ? from : to) * COLUMN, right = (from < to ? to : from) * COLUMN;
		for (uint32_t i = left + 1; i < right; i++)
			if (!c.cells[i]) c.cells[i] = "─";
		struct str text = ladder_text(l, " %.*s ", STR_FMT(label(l, m)));
		text = str_head(text, COLUMN - 4);
		// Beside the sender or the receiver, whichever is not the switch: there it is read.
		uint32_t gap = m->from ? (from < to ? left : right - COLUMN) : (from < to ? right - COLUMN : left);
		write_over(&c, gap + (COLUMN - text.n) / 2, text);
		const char *head = lost ? "✗" : from < to ? "▶" : "◀";
		uint32_t middle = (left + right) / 2, at = from < to ? right - 1 : left + 1;
		if (lost) at = from < to ? middle + COLUMN / 3 : middle - COLUMN / 3;
		c.cells[at] = head;
	}
	put_time(b, l, e->at_ms);
	put_canvas(b, &c);
	if (m->line) put_fmt(b, "  line %u", m->line);
	if (e->remark.n) put_fmt(b, "  %.*s", STR_FMT(e->remark));
	if (!m->taken && !m->from) put_z(b, m->away ? "  not heard" : "  not expected");
	put_z(b, "\n");
}

static void put_heads(struct buf *b, const struct ladder *l)
{
	struct canvas c = { .width = column_count(l) * COLUMN + 20 };
	if (l->exchange) write_over(&c, COLUMN, STR("sw"));
	for (uint32_t i = 0; i < l->actor_count; i++) {
		uint32_t column = column_of(l, &l->actors[i]);
		if (column < COLUMNS_MAX) write_over(&c, column * COLUMN, l->actors[i].name);
	}
	put_z(b, "     time  ");
	put_canvas(b, &c);
	put_z(b, "\n");
}

void put_picture(struct buf *b, struct ladder *l)
{
	put_fmt(b, "%.*s\n", STR_FMT(l->scene->title));
	put_heads(b, l);
	for (uint32_t i = 0; i < l->event_count; i++) {
		const struct event *e = &l->events[i];
		if (e->message && e->message->automatic && e->message->m && e->message->m->method == SIP_REGISTER) continue;
		if (e->message) {
			put_message(b, l, e);
			continue;
		}
		put_time(b, l, e->at_ms);
		put_fmt(b, "· %.*s\n", STR_FMT(e->remark));
	}
}

static void put_indented(struct buf *b, struct str text, const char *before)
{
	while (text.n) {
		struct str line = str_trim(str_cut(&text, '\n'));
		put_z(b, before);
		for (uint32_t i = 0; i < line.n; i++)
			put_c(b, line.p[i] >= ' ' || line.p[i] == '\t' || line.p[i] < 0 ? line.p[i] : '.');
		put_z(b, "\n");
	}
}

void put_failure(struct buf *b, struct ladder *l)
{
	put_fmt(b, "%s:%u: %s\n", l->script->path, l->item ? l->item->line : l->scene->line, l->failure);
	if (l->item) {
		put_z(b, "    ");
		for (uint32_t i = 0; i < l->item->count; i++)
			put_fmt(b, "%.*s ", STR_FMT(ladder_words(l, l->item)[i].text));
		put_z(b, "\n");
	}
	put_z(b, "\n");
	put_picture(b, l);
	if (l->culprit) {
		put_z(b, "\nthe message:\n");
		put_indented(b, l->culprit->bytes, "    ");
	}
	put_journal_trails(b, l);
}
