// Bodies of NOTIFY. XML is written, never read: phones ask for a state, they do not tell one.
#include "run/event_package.h"

#define DIALOGS_SHOWN_MAX 8 // a datagram has an end; a lamp needs one

void put_xml(struct buf *b, struct str text)
{
	while (text.n) {
		uint32_t n = utf8_len(text);
		char c = text.p[0];
		if (n == 0 || (unsigned char)c < ' ' || c == 0x7f) put_c(b, '?');
		else if (c == '&') put_z(b, "&amp;");
		else if (c == '<') put_z(b, "&lt;");
		else if (c == '>') put_z(b, "&gt;");
		else if (c == '"') put_z(b, "&quot;");
		else if (c == '\'') put_z(b, "&apos;");
		else put(b, str_head(text, n));
		text = str_from_at(text, n ? n : 1);
	}
}

static void put_attribute(struct buf *b, const char *name, struct str value)
{
	put_fmt(b, " %s=\"", name);
	put_xml(b, value);
	put_c(b, '"');
}

// ---- dialog ---------------------------------------------------------------------------------------------------------

static uint64_t dialog_print(const struct event_view *v)
{
	return watched_line_print(v->line);
}

static void put_far_uri(struct buf *b, const struct event_view *v, const struct party *far)
{
	char text[NUMBER_DIGITS_MAX + 2];
	struct buf number = buf_on(text, sizeof text);
	put_number(&number, &far->number);
	if (far->presentation == PRESENT_RESTRICTED || number.n == 0) {
		put_z(b, "sip:anonymous@anonymous.invalid");
	} else {
		put_z(b, "sip:");
		put_xml(b, buf_str(&number));
		put_c(b, '@');
		put_xml(b, v->realm);
	}
}

static void put_dialog(struct buf *b, const struct event_view *v, const struct line_dialog *d)
{
	static const char *const states[] = {
#define STATE_TEXT(id, text) text,
		DIALOG_STATES(STATE_TEXT)
	};
	put_fmt(b, "<dialog id=\"%llx-%d\"", (unsigned long long)d->call, d->called);
	if (d->call_id[0]) put_attribute(b, "call-id", str_from(d->call_id));
	if (d->phone_tag[0]) put_attribute(b, "local-tag", str_from(d->phone_tag));
	if (d->our_tag[0]) put_attribute(b, "remote-tag", str_from(d->our_tag));
	put_fmt(b, " direction=\"%s\">\r\n<state>%s</state>\r\n", d->called ? "recipient" : "initiator", states[d->state]);
	put_z(b, "<local><identity>");
	put_xml(b, v->entity);
	put_z(b, "</identity><target");
	put_attribute(b, "uri", v->entity);
	put_z(b, "/></local>\r\n<remote><identity");
	if (d->far.name_n) put_attribute(b, "display", (struct str){ d->far.name, d->far.name_n });
	put_c(b, '>');
	put_far_uri(b, v, &d->far);
	put_z(b, "</identity><target uri=\"");
	put_far_uri(b, v, &d->far);
	put_z(b, "\"/></remote>\r\n</dialog>\r\n");
}

static void put_dialog_body(struct buf *b, const struct event_view *v)
{
	uint32_t count = 0;
	put_fmt(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\""
	           " version=\"%u\" state=\"full\"", v->version);
	put_attribute(b, "entity", v->entity);
	put_z(b, ">\r\n");
	for (const struct list *it = v->line->dialogs.next; it != &v->line->dialogs && count < DIALOGS_SHOWN_MAX;
		it = it->next, count++)
		put_dialog(b, v, &LIST_OF(it, const struct watched_dialog, node)->is);
	// An empty list says that there are none; some phones turn their lamp off only by a dialog that ended.
	if (!count) put_z(b, "<dialog id=\"none\"><state>terminated</state></dialog>\r\n");
	put_z(b, "</dialog-info>\r\n");
}

// ---- message-summary ------------------------------------------------------------------------------------------------

static uint64_t messages_print(const struct event_view *v)
{
	const struct waiting w = waiting_get(v->live->waiting, v->line->line);
	return 1 + w.fresh + ((uint64_t)w.old << 14) + ((uint64_t)w.fresh_urgent << 28) + ((uint64_t)w.old_urgent << 42);
}

static void put_messages_body(struct buf *b, const struct event_view *v)
{
	const struct waiting w = waiting_get(v->live->waiting, v->line->line);
	put_fmt(b, "Messages-Waiting: %s\r\nMessage-Account: %.*s\r\n", w.fresh ? "yes" : "no", STR_FMT(v->entity));
	put_fmt(b, "Voice-Message: %u/%u (%u/%u)\r\n", w.fresh, w.old, w.fresh_urgent, w.old_urgent);
}

// ---- reg ------------------------------------------------------------------------------------------------------------

static const struct hash_key contact_key = { { 0x636f6e74616374 } };

static uint64_t registration_print(const struct event_view *v)
{
	struct binding b[LOCATION_BINDINGS_MAX];
	uint32_t n = location_get(v->live->location, v->line->line, v->now_ms, b, LOCATION_BINDINGS_MAX);
	uint64_t sum = 1;
	for (uint32_t i = 0; i < n; i++) sum += hash_str(&contact_key, b[i].contact);
	return sum ? sum : 1;
}

static void put_registration_body(struct buf *b, const struct event_view *v)
{
	struct binding is[LOCATION_BINDINGS_MAX];
	uint32_t n = location_get(v->live->location, v->line->line, v->now_ms, is, LOCATION_BINDINGS_MAX);
	put_fmt(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\""
	           " version=\"%u\" state=\"full\">\r\n<registration id=\"%u\"", v->version, v->line->line);
	put_attribute(b, "aor", v->entity);
	put_fmt(b, " state=\"%s\">\r\n", n ? "active" : "init");
	for (uint32_t i = 0; i < n; i++) {
		put_fmt(b, "<contact id=\"%llx\" state=\"active\" event=\"registered\" expires=\"%llu\"",
			(unsigned long long)hash_str(&contact_key, is[i].contact),
			(unsigned long long)((is[i].expires_ms - v->now_ms + 999) / 1000));
		if (is[i].q != 1000) put_fmt(b, " q=\"0.%03u\"", is[i].q);
		put_z(b, "><uri>");
		put_xml(b, is[i].contact);
		put_z(b, "</uri></contact>\r\n");
	}
	put_z(b, "</registration>\r\n</reginfo>\r\n");
}

// ---- The table ------------------------------------------------------------------------------------------------------

#define PACKAGE_ROW(id, fn, name, type) { STR_INIT(name), STR_INIT(type), fn##_print, put_##fn##_body },
static const struct {
	struct str name, type;
	uint64_t (*print)(const struct event_view *v);
	void (*put)(struct buf *b, const struct event_view *v);
} packages[] = { EVENT_PACKAGES(PACKAGE_ROW) };

enum event_package event_package_from(struct str name)
{
	uint32_t i = 0;
	while (i < EVENT_PACKAGE_COUNT && !str_eq_nocase(packages[i].name, name)) i++;
	return (enum event_package)i;
}

struct str event_package_name(enum event_package p)
{
	return packages[p].name;
}

struct str event_package_type(enum event_package p)
{
	return packages[p].type;
}

void put_event_packages(struct buf *b)
{
	for (uint32_t i = 0; i < EVENT_PACKAGE_COUNT; i++) {
		if (i) put_z(b, ", ");
		put(b, packages[i].name);
	}
}

uint64_t event_print(enum event_package p, const struct event_view *v)
{
	return packages[p].print(v);
}

void put_event_body(struct buf *b, enum event_package p, const struct event_view *v)
{
	packages[p].put(b, v);
}
