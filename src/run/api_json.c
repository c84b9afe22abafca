// Records made into JSON, with names for ids.
#include "run/api_json.h"

#include "base/packet.h"
#include "call/media/prompt.h"
#include "call/media/tone_plan.h"
#include "call/number/translate.h"
#include "wire/sip/msg.h"

#include <stdlib.h>
#include <time.h>

json_t *api_text(struct str s)
{
	json_t *text = json_stringn(s.n ? s.p : "", s.n);
	char *copy = text ? NULL : malloc(s.n);
	if (!copy) return text;
	for (uint32_t i = 0; i < s.n; i++) copy[i] = s.p[i];
	for (uint32_t i = 0; i < s.n; i++)
		if ((unsigned char)copy[i] >= 0x80) copy[i] = '?';
	text = json_stringn(copy, s.n);
	free(copy);
	return text;
}

json_t *api_time(uint64_t wall_ms)
{
	if (wall_ms == 0) return json_null();
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm utc;
	char text[32], all[48];
	gmtime_r(&seconds, &utc);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
	struct buf b = buf_on(all, sizeof all);
	put_fmt(&b, "%s.%03uZ", text, (unsigned)(wall_ms % 1000));
	return json_stringn(all, b.n);
}

static json_t *text_of(const struct buf *b)
{
	return api_text(buf_str(b));
}

// A row's name; "#12" when the office does not have it any more.
static json_t *key_or_id(const char *name, uint32_t id)
{
	char text[16];
	struct buf b = buf_on(text, sizeof text);
	if (id == 0) return json_null();
	if (name) return json_string(name);
	put_fmt(&b, "#%u", id);
	return text_of(&b);
}

static const char *line_name(const struct api *a, uint32_t id)
{
	const struct office_line *line = office_line(a->office, id);
	return line ? line->name : NULL;
}

static const char *trunk_name(const struct api *a, uint32_t id)
{
	const struct office_trunk_group *group = office_trunk_group(office_rules(a->office), id);
	return group ? group->name : NULL;
}

json_t *api_line_key(const struct api *a, uint32_t id)
{
	return key_or_id(line_name(a, id), id);
}

json_t *api_trunk_key(const struct api *a, uint32_t id)
{
	return key_or_id(trunk_name(a, id), id);
}

json_t *api_customer_key(const struct api *a, uint32_t id)
{
	const struct office_customer *customer = office_customer(office_rules(a->office), id);
	return key_or_id(customer ? customer->name : NULL, id);
}

json_t *api_number(const struct number *n)
{
	char text[NUMBER_DIGITS_MAX + 2];
	struct buf b = buf_on(text, sizeof text);
	if (n->nature == NUMBER_NONE) return json_null();
	put_number(&b, n);
	return text_of(&b);
}

json_t *api_addr(const struct addr *a)
{
	char text[64];
	struct buf b = buf_on(text, sizeof text);
	if (a->family == 0) return json_null();
	put_transport_addr(&b, a);
	return text_of(&b);
}

json_t *api_call_number(uint64_t call)
{
	char text[24];
	struct buf b = buf_on(text, sizeof text);
	put_u64(&b, call);
	return text_of(&b);
}

// ---- A record ----

static json_t *figure(uint16_t one_more, double parts)
{
	if (!one_more) return json_null();
	return parts == 1 ? json_integer(one_more - 1) : json_real((one_more - 1) / parts);
}

// What the telephone reported that it heard; null: nothing.
static json_t *heard_json(const struct record_heard *h)
{
	static const struct record_heard nothing = { 0 };
	if (memcmp(h, &nothing, sizeof nothing) == 0) return json_null();
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "mos_lq", figure(h->mos_lq, 100), "mos_cq", figure(h->mos_cq, 100),
	                 "loss_percent", figure(h->loss, 100), "discard_percent", figure(h->discard, 100), "round_trip_ms",
	                 figure(h->round_trip_ms, 1), "delay_ms", figure(h->delay_ms, 1), "jitter_ms", figure(h->jitter_ms, 1));
}

// What a transfer made of this side.
static json_t *tied_as(const struct record_party *p)
{
	static const char *const words[] = { [RECORD_TIED_TRANSFERRED] = "transferred", [RECORD_TIED_BEGUN] = "begun",
		[RECORD_TIED_JOINED] = "joined" };
	const char *word = p->tied_as < ARRAY_LEN(words) ? words[p->tied_as] : NULL;
	return word ? json_string(word) : json_null();
}

static json_t *party_json(const struct api *a, const struct record_party *p)
{
	static const char *const presentations[] = { "allowed", "restricted", "unavailable" };
	const struct party *who = &p->party;
	const char *shown = who->presentation < ARRAY_LEN(presentations) ? presentations[who->presentation] : "unknown";
	json_t *media = json_pack("{s:I,s:I,s:I,s:I}", "packets", (json_int_t)p->media.packets, "octets",
	                          (json_int_t)p->media.octets, "lost", (json_int_t)p->media.lost, "jitter_us",
	                          (json_int_t)p->media.jitter_us);
	return json_pack("{s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "line", api_line_key(a, p->line), "trunk",
	                 api_trunk_key(a, p->trunk_group), "customer", api_customer_key(a, p->customer), "number",
	                 api_number(&who->number), "presentation", shown, "name",
	                 api_text((struct str){ who->name, who->name_n }), "peer", api_addr(&p->peer), "sip_call_id",
	                 api_text(str_from(p->call_id)), "received", media, "reported", heard_json(&p->heard), "tied_to",
	                 p->tied_to ? api_call_number(p->tied_to) : json_null(), "tied_as", tied_as(p));
}

static json_t *cause_json(struct cause c)
{
	if (c.value == 0) return json_null();
	const char *standard = c.standard == CAUSE_ANSI ? "ansi" : "itu";
	return json_pack("{s:i,s:s,s:s,s:s}", "value", c.value, "standard", standard, "text", cause_text(c), "location",
	                 cause_location_text(c.location));
}

static json_t *diverted_by(const struct call_record *r)
{
#define FEATURE_NAME(id, name, help) name,
	static const char *const names[] = { OFFICE_FEATURES(FEATURE_NAME) };
	if (r->diverted_from.nature != NUMBER_NONE && r->diversion_feature == RECORD_BY_TRANSFER) return json_string("transfer");
	if (r->diverted_from.nature == NUMBER_NONE || r->diversion_feature >= ARRAY_LEN(names)) return json_null();
	return json_string(names[r->diversion_feature]);
}

static json_t *times_json(const struct call_record *r)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:I}", "began", api_time(r->began_wall_ms), "alerted",
	                 api_time(r->alerted_wall_ms), "answered", api_time(r->answered_wall_ms), "ended",
	                 api_time(r->ended_wall_ms), "answered_for_ms", (json_int_t)r->answered_for_ms);
}

json_t *api_record(const struct api *a, const struct call_record *r)
{
	static const char *const released_by[] = { "caller", "called", "switch", "operator" };
	const char *by = r->released_by < ARRAY_LEN(released_by) ? released_by[r->released_by] : "unknown";
	json_t *out = json_pack("{s:o,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "call", api_call_number(r->call), "sequence",
	                        (json_int_t)r->sequence, "calling", party_json(a, &r->o), "called", party_json(a, &r->t),
	                        "dialled", api_text(str_from(r->dialled)), "number", api_number(&r->called),
	                        "diverted_from", api_number(&r->diverted_from), "diverted_by", diverted_by(r));
	json_object_update_new(out, times_json(r));
	json_object_update_new(out, json_pack("{s:s?,s:o,s:o,s:b,s:b,s:b,s:b,s:I}", "released_by",
	                                      r->kind == RECORD_RELEASE ? by : NULL, "cause", cause_json(r->cause), "codec",
	                                      api_text(str_from(r->codec)), "is_answered", r->answered, "emergency",
	                                      r->emergency, "unsynced", r->unsynced, "recovered", r->recovered,
	                                      "rules_version", (json_int_t)r->rules_version));
	return out;
}

// ---- Trail and ladder ----

static const char *route_name(const struct api *a, uint32_t id)
{
	const struct office_rules *rules = office_rules(a->office);
	for (uint32_t i = 0; i < rules->route_count; i++)
		if (rules->routes[i].id == id) return rules->routes[i].prefix[0] ? rules->routes[i].prefix : "default";
	return NULL;
}

static const char *rate_centre_name(const struct api *a, uint32_t id)
{
	const struct office_rate_centre *centre = office_rate_centre(office_rules(a->office), id);
	return centre ? centre->name : NULL;
}

static const char *feature_name(uint32_t id)
{
	static const char *const names[] = { OFFICE_FEATURES(FEATURE_NAME) };
	return id < ARRAY_LEN(names) ? names[id] : NULL;
}

// "the announcement VACANT", "the tone BUSY".
static void put_heard(struct buf *b, uint32_t id)
{
	if (id & TRAIL_TONE) put_fmt(b, "the tone %s", media_tone_name((uint8_t)id));
	else put_fmt(b, "the announcement %s", media_prompt_name((uint8_t)id));
}

// Names for the trail's operands: what the office and the tables of the call know.
static void put_trail_name(void *self, struct buf *b, char what, uint32_t id)
{
	const struct api *a = self;
	const char *name = NULL;
	switch (what) {
	case 'L': name = line_name(a, id); break;
	case 'T': name = trunk_name(a, id); break;
	case 'R': name = route_name(a, id); break;
	case 'K': name = rate_centre_name(a, id); break;
	case 'F': name = feature_name(id); break;
	case 'D': name = dial_class_text((uint8_t)id); break;
	case 'P': put_heard(b, id); break;
	default: break;
	}
	put_z(b, name); // nothing, when it is unknown: the trail then shows the number
}

struct trail_names api_trail_names(const struct api *a)
{
	return (struct trail_names){ .self = (void *)(uintptr_t)a, .put_name = put_trail_name };
}

json_t *api_trail(const struct api *a, const struct call_record *r)
{
	static const char *const kinds[] = { TRAIL_KINDS(X_TEXT) };
	struct trail_names names = api_trail_names(a);
	json_t *rows = json_array();
	for (uint32_t i = 0; i < r->trail_n && i < TRAIL_MAX; i++) {
		const struct trail_row *row = &r->trail[i];
		char words[512];
		struct buf b = buf_on(words, sizeof words);
		put_trail_row(&b, row, &names);
		const char *kind = row->kind < ARRAY_LEN(kinds) ? kinds[row->kind] : "UNKNOWN";
		json_array_append_new(rows, json_pack("{s:I,s:s,s:s,s:i,s:o}", "at_ms", (json_int_t)row->at_ms, "side",
		                                      row->side ? "T" : "O", "kind", kind, "version", row->version, "text",
		                                      text_of(&b)));
	}
	return rows;
}

// The full text of a traced message, or null.
static json_t *ladder_text(const struct api *a, uint64_t call, const struct ladder_row *row)
{
	if (row->text == UINT32_MAX || !a->control.ops) return json_null();
	char *text = malloc(PACKET_MAX);
	if (!text) return json_null();
	struct buf b = buf_on(text, PACKET_MAX);
	json_t *out = a->control.ops->trace_text(a->control.self, call, row->text, &b) == OK ? text_of(&b) : json_null();
	free(text);
	return out;
}

// "INVITE", "180 Ringing".
static json_t *ladder_message(const struct ladder_row *row, const char *method)
{
	char text[96];
	struct buf b = buf_on(text, sizeof text);
	if (row->status == 0) return json_string(method);
	put_u64(&b, row->status);
	put_c(&b, ' ');
	put(&b, sip_status_text(row->status));
	return text_of(&b);
}

json_t *api_ladder(const struct api *a, const struct call_record *r)
{
	static const char *const methods[] = { SIP_METHODS(X_TEXT) };
	json_t *rows = json_array();
	for (uint32_t i = 0; i < r->ladder_n && i < RECORD_LADDER_MAX; i++) {
		const struct ladder_row *row = &r->ladder[i];
		const char *method = row->method < ARRAY_LEN(methods) ? methods[row->method] : "UNKNOWN";
		json_t *json = json_pack("{s:I,s:i,s:b,s:o,s:s,s:i,s:I,s:I,s:b,s:o}", "at_ms", (json_int_t)row->at_ms, "leg",
		                         row->leg, "sent", row->out, "message", ladder_message(row, method), "method", method,
		                         "status", row->status, "cseq", (json_int_t)row->cseq, "octets",
		                         (json_int_t)row->bytes, "media", row->body, "text", ladder_text(a, r->call, row));
		json_array_append_new(rows, json);
	}
	return rows;
}
