// Calls, registrations, far switches and dry runs over HTTP: all of it asked of the running switch through run/control.
#include "run/api_json.h"
#include "run/api_cdr.h"

#include <stdlib.h>

#define LIST_MAX 10000 // rows of one answer; more are counted, not shown

// Answers with the switch's error; `what` for ERR_NOT_FOUND.
static void fail_by(struct api_reply *out, enum err e, const char *what)
{
	if (e == ERR_NOT_FOUND) api_fail(out, 404, NULL, "%s", what);
	else if (e == ERR_TIMEOUT) api_fail(out, 504, NULL, "the switch did not answer within %d ms", CONTROL_WAIT_MS);
	else api_fail(out, api_status_of(e), NULL, "%s", err_text(e));
}

static void answer_list(struct api_reply *out, const char *name, json_t *rows, uint32_t total)
{
	out->status = 200;
	out->json = json_pack("{s:o,s:I}", name, rows, "total", (json_int_t)total);
}

// ---- Registrations and far switches ----

static json_t *registration_json(const struct api *a, const struct control_registration *r)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "line", api_line_key(a, r->line), "contact",
	                 api_text(str_from(r->contact)), "peer", api_addr(&r->peer), "agent", api_text(str_from(r->agent)),
	                 "since", api_time(r->since_wall_ms), "expires", api_time(r->expires_wall_ms));
}

void api_registrations(struct api_reply *out, struct api *a, const struct api_request *q)
{
	uint32_t line, max, total;
	if (!api_line_id(&line, out, a, api_query(q, "line"))) return;
	if (!api_query_u32(&max, out, q, "limit", API_PAGE_MAX, LIST_MAX)) return;
	struct control_registration *rows = calloc(max, sizeof *rows);
	enum err e = rows ? a->control.ops->registrations(a->control.self, line, rows, max, &total) : ERR_SYSTEM;
	if (e != OK) {
		fail_by(out, e, "");
	} else {
		json_t *list = json_array();
		for (uint32_t i = 0; i < total && i < max; i++) json_array_append_new(list, registration_json(a, &rows[i]));
		answer_list(out, "registrations", list, total);
	}
	free(rows);
}

json_t *api_registered(const struct control_peer *p)
{
	char text[96];
	json_t *at = api_time(p->registered.at_wall_ms);
	const char *when = json_is_string(at) ? json_string_value(at) : "any moment";
	switch (p->registered.state) {
	case REGISTERED_ASKING: snprintf(text, sizeof text, "asking"); break;
	case REGISTERED_UP: snprintf(text, sizeof text, "registered until %s", when); break;
	case REGISTERED_REFUSED:
		if (p->registered.status) snprintf(text, sizeof text, "refused (%u), again at %s", p->registered.status, when);
		else snprintf(text, sizeof text, "no answer, again at %s", when);
		break;
	default: text[0] = '\0';
	}
	json_decref(at);
	return text[0] ? json_string(text) : json_null();
}

json_t *api_trunk_registered(struct api *a, struct str name)
{
	uint32_t id, total = 0;
	struct api_reply unused = { 0 };
	struct control_peer *rows = calloc(LIST_MAX, sizeof *rows);
	json_t *out = NULL;
	bool known = api_trunk_id(&id, &unused, a, name);
	json_decref(unused.json);
	if (known && rows && a->control.ops->peers(a->control.self, rows, LIST_MAX, &total) == OK)
		for (uint32_t i = 0; i < total && i < LIST_MAX && !out; i++)
			if (rows[i].trunk_group == id) out = api_registered(&rows[i]);
	free(rows);
	return out ? out : json_null();
}

static json_t *peer_json(const struct api *a, const struct control_peer *p)
{
	return json_pack("{s:o,s:o,s:b,s:b,s:o,s:I,s:o,s:o,s:I,s:b,s:o}", "trunk", api_trunk_key(a, p->trunk_group), "address",
	                 p->addr.family ? api_addr(&p->addr) : json_null(), "supervised", p->supervised, "answers", p->answers,
	                 "since", api_time(p->since_wall_ms), "calls", (json_int_t)p->calls, "name",
	                 p->name[0] ? api_text(str_from(p->name)) : json_null(), "found", api_time(p->found_wall_ms),
	                 "good_for_s", (json_int_t)p->good_for_s, "stale", p->stale,
	                 "registered", api_registered(p));
}

void api_peers(struct api_reply *out, struct api *a, const struct api_request *q)
{
	uint32_t total;
	struct control_peer *rows = calloc(LIST_MAX, sizeof *rows);
	enum err e = rows ? a->control.ops->peers(a->control.self, rows, LIST_MAX, &total) : ERR_SYSTEM;
	(void)q;
	if (e != OK) {
		fail_by(out, e, "");
	} else {
		json_t *list = json_array();
		for (uint32_t i = 0; i < total && i < LIST_MAX; i++) json_array_append_new(list, peer_json(a, &rows[i]));
		answer_list(out, "peers", list, total);
	}
	free(rows);
}

// ---- Calls ----

static json_t *side_json(const struct api *a, const struct control_side *s)
{
	return json_pack("{s:o,s:o,s:o,s:o}", "line", api_line_key(a, s->line), "trunk", api_trunk_key(a, s->trunk_group),
	                 "number", api_number(&s->number), "state", api_text(str_from(s->state)));
}

static json_t *call_json(const struct api *a, const struct control_call *c)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:b}", "call", api_call_number(c->call), "calling",
	                 side_json(a, &c->o), "called", side_json(a, &c->t), "began", api_time(c->began_wall_ms), "alerted",
	                 api_time(c->alerted_wall_ms), "answered", api_time(c->answered_wall_ms), "emergency", c->emergency,
	                 "traced", c->traced);
}

static int by_age(const void *a, const void *b)
{
	const struct control_call *x = a, *y = b;
	return x->began_wall_ms < y->began_wall_ms ? -1 : x->began_wall_ms > y->began_wall_ms;
}

void api_calls(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct control_calls_query query;
	uint32_t max, total;
	if (!api_line_id(&query.line, out, a, api_query(q, "line"))) return;
	if (!api_trunk_id(&query.trunk_group, out, a, api_query(q, "trunk"))) return;
	if (!api_query_u32(&max, out, q, "limit", API_PAGE_MAX, LIST_MAX)) return;
	struct control_call *rows = calloc(max, sizeof *rows);
	enum err e = rows ? a->control.ops->calls(a->control.self, &query, rows, max, &total) : ERR_SYSTEM;
	if (e != OK) {
		fail_by(out, e, "");
	} else {
		json_t *list = json_array();
		uint32_t count = total < max ? total : max;
		qsort(rows, count, sizeof *rows, by_age);
		for (uint32_t i = 0; i < count; i++) json_array_append_new(list, call_json(a, &rows[i]));
		answer_list(out, "calls", list, total);
	}
	free(rows);
}

static bool call_number_of(uint64_t *call, struct api_reply *out, const struct api_request *q)
{
	if (str_to_u64(call, q->args[0], UINT64_MAX) == OK) return true;
	api_fail(out, 400, "call", "\"%.*s\" is not the number of a call", STR_FMT(q->args[0]));
	return false;
}

// A call that stands is asked of the switch; else its record of the store.
void api_call_show(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct control_call standing;
	struct call_record record;
	uint64_t call;
	if (!call_number_of(&call, out, q)) return;
	enum err e = a->control.ops->call(a->control.self, call, &standing, &record);
	bool stands = e == OK;
	if (e == ERR_NOT_FOUND) e = api_cdr_of_call(a, call, &record);
	if (e != OK) {
		fail_by(out, e, "no such call stands, and no record has its number");
		return;
	}
	out->status = 200;
	out->json = api_record(a, &record);
	json_object_set_new(out->json, "stands", json_boolean(stands));
	if (stands) {
		json_object_set_new(out->json, "calling_state", api_text(str_from(standing.o.state)));
		json_object_set_new(out->json, "called_state", api_text(str_from(standing.t.state)));
		json_object_set_new(out->json, "traced", json_boolean(standing.traced));
	}
	json_object_set_new(out->json, "trail", api_trail(a, &record));
	json_object_set_new(out->json, "ladder", api_ladder(a, &record));
}

void api_call_release(struct api_reply *out, struct api *a, const struct api_request *q)
{
	uint64_t call;
	if (!call_number_of(&call, out, q)) return;
	enum err e = a->control.ops->call_release(a->control.self, call);
	if (e != OK) {
		fail_by(out, e, "no such call stands");
		return;
	}
	LOG(INFO, "call_released", LOG_TEXT("released by an operator"), LOG_U64("call", call), LOG_STR("who", q->who));
	out->status = 200;
	out->json = json_pack("{s:o}", "released", api_call_number(call));
}

// ---- Traces ----

static bool on_of(bool *on, struct api_reply *out, const struct api_request *q)
{
	const json_t *value = json_object_get(q->body, "on");
	*on = json_is_true(value);
	if (json_is_boolean(value)) return true;
	api_fail(out, 400, "on", "must be given: true or false");
	return false;
}

static void answer_trace(struct api_reply *out, const struct api_request *q, enum err e, bool on, const char *what)
{
	if (e != OK) {
		fail_by(out, e, what);
		return;
	}
	LOG(INFO, "trace", LOG_TEXT(on ? "messages are kept in full" : "messages are no longer kept in full"),
	    LOG_STR("of", q->args[0]), LOG_STR("who", q->who));
	out->status = 200;
	out->json = json_pack("{s:b}", "on", on);
}

void api_call_trace(struct api_reply *out, struct api *a, const struct api_request *q)
{
	uint64_t call;
	bool on;
	if (!call_number_of(&call, out, q) || !on_of(&on, out, q)) return;
	answer_trace(out, q, a->control.ops->trace_call(a->control.self, call, on), on, "no such call stands");
}

void api_line_trace(struct api_reply *out, struct api *a, const struct api_request *q)
{
	uint32_t line;
	bool on;
	if (!api_line_id(&line, out, a, q->args[0]) || !on_of(&on, out, q)) return;
	answer_trace(out, q, a->control.ops->trace_line(a->control.self, line, on), on, "there is no such line");
}

// ---- Dry runs ----

static bool text_of(struct str *text, struct api_reply *out, const struct api_request *q, const char *name)
{
	const json_t *value = json_object_get(q->body, name);
	*text = str_from(json_string_value(value));
	if (text->n > 0 && text->n < RECORD_TEXT_MAX) return true;
	api_fail(out, 400, name, "must be given: a text of at most %d characters", RECORD_TEXT_MAX - 1);
	return false;
}

void api_dial(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct control_dial dial;
	struct call_record record;
	struct str line;
	if (!text_of(&line, out, q, "line") || !text_of(&dial.digits, out, q, "digits")) return;
	if (!api_line_id(&dial.line, out, a, line)) return;
	enum err e = a->control.ops->dial(a->control.self, &dial, &record);
	if (e != OK) {
		fail_by(out, e, "there is no such line");
		return;
	}
	out->status = 200;
	out->json = api_record(a, &record);
	json_object_set_new(out->json, "trail", api_trail(a, &record));
}
