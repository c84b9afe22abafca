// Finding the route of a request, and what all handlers share.
#include "run/api.h"

#include "run/api_read.h"

#include <stdarg.h>
#include <stdlib.h>

#define ROUTE_ROW(method, path, role, handler, takes, help) { #method, path, ROLE_##role, handler, takes, help },
static const struct api_route routes[] = { API_ROUTES(ROUTE_ROW) };

#define ROLE_NAME(id, name) name,
static const char *const role_names[] = { API_ROLES(ROLE_NAME) };

const struct api_route *api_route_rows(uint32_t *count)
{
	*count = ARRAY_LEN(routes);
	return routes;
}

static void answer_by(struct api_reply *out, struct api *a, struct api_request *q, const struct api_route *route)
{
	if (q->role < route->role) {
		api_fail(out, 403, NULL, "this needs the role %s; you are %s", role_names[route->role], role_names[q->role]);
		return;
	}
	route->handler(out, a, q);
}

void api_answer(struct api_reply *out, struct api *a, struct api_request *q)
{
	bool path_known = false;
	*out = (struct api_reply){ 0 };
	for (uint32_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!api_path_matches(q->args, routes[i].path, q->path)) continue;
		path_known = true;
		if (!str_eq(q->method, str_from(routes[i].method))) continue;
		answer_by(out, a, q, &routes[i]);
		return;
	}
	if (path_known) api_fail(out, 405, NULL, "%.*s is not for this path", STR_FMT(q->method));
	else api_fail(out, 404, NULL, "there is no such path; GET /v1/routes lists them");
}

void api_reply_fini(struct api_reply *r)
{
	json_decref(r->json);
	free(r->text);
	if (r->stream) r->stream->free(r->stream);
	*r = (struct api_reply){ 0 };
}

void api_fail(struct api_reply *out, uint32_t status, const char *field, const char *format, ...)
{
	char why[512];
	struct buf b = buf_on(why, sizeof why);
	va_list args;
	va_start(args, format);
	put_vfmt(&b, format, args);
	va_end(args);
	json_decref(out->json);
	out->status = status;
	json_t *text = json_stringn(why, b.n);
	if (!text) text = json_string("the reason is not UTF-8"); // a peer's or a user's octets stood in it
	out->json = json_pack("{s:{s:s?,s:o}}", "error", "field", field && field[0] ? field : NULL, "why", text);
}

uint32_t api_status_of(enum err e)
{
	switch (e) {
	case OK: return 200;
	case ERR_BAD: return 400;
	case ERR_NOT_FOUND: return 404;
	case ERR_EXISTS:
	case ERR_REFUSED:
	case ERR_STATE: return 409;
	case ERR_FULL: return 503;
	case ERR_TIMEOUT: return 504;
	default: return 500;
	}
}

struct str api_query(const struct api_request *q, const char *name)
{
	for (uint32_t i = 0; i < q->query_count; i++)
		if (str_eq(q->query[i].name, str_from(name))) return q->query[i].value;
	return (struct str){ 0 };
}

bool api_query_u32(uint32_t *out, struct api_reply *r, const struct api_request *q, const char *name, uint32_t dflt,
                   uint32_t max)
{
	struct str text = api_query(q, name);
	*out = dflt;
	if (text.n == 0 || (str_to_u32(out, text, max) == OK && *out > 0)) return true;
	api_fail(r, 400, name, "must be a number from 1 to %u, not \"%.*s\"", max, STR_FMT(text));
	return false;
}

bool api_line_id(uint32_t *out, struct api_reply *r, struct api *a, struct str name)
{
	const struct office_line *line = name.n ? office_line_by_name(a->office, name) : NULL;
	*out = line ? line->id : 0;
	if (line || name.n == 0) return true;
	api_fail(r, 404, "line", "there is no line \"%.*s\"", STR_FMT(name));
	return false;
}

bool api_trunk_id(uint32_t *out, struct api_reply *r, struct api *a, struct str name)
{
	const struct office_rules *rules = office_rules(a->office);
	*out = 0;
	if (name.n == 0) return true;
	for (uint32_t i = 0; i < rules->trunk_group_count; i++)
		if (str_eq(str_from(rules->trunk_groups[i].name), name)) *out = rules->trunk_groups[i].id;
	if (*out == 0) api_fail(r, 404, "trunk", "there is no trunk group \"%.*s\"", STR_FMT(name));
	return *out != 0;
}

void api_routes(struct api_reply *out, struct api *a, const struct api_request *q)
{
	(void)a;
	(void)q;
	json_t *rows = json_array();
	for (uint32_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct api_route *r = &routes[i];
		json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:s,s:s}", "method", r->method, "path", r->path, "role",
		                                      role_names[r->role], "takes", r->takes, "help", r->help));
	}
	out->status = 200;
	out->json = json_pack("{s:o}", "routes", rows);
}

static const char intro[] =
    "# The local API\n\n"
    "<!-- Made by `dialtone manual api`; a test compares. Change the rows in src/run/api.h. -->\n\n"
    "HTTP over the Unix socket that the setting `api_socket` names; the command line uses it:\n\n"
    "```\ncurl --unix-socket /var/lib/dialtone/api.sock http://switch/v1/status\n```\n\n"
    "Bodies and answers are JSON. An error has its HTTP status and `{\"error\": {\"field\": ..., \"why\": ...}}`:\n"
    "the field at fault (or null) and a sentence for a person. Who may open the socket is up to its file mode (0660);\n"
    "root and the user that the switch runs as have the role *admin*, others *operator*.\n\n"
    "| method | path | role | takes | what it is |\n| --- | --- | --- | --- | --- |\n";

void put_api_manual(struct buf *b)
{
	put_z(b, intro);
	for (uint32_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct api_route *r = &routes[i];
		put_fmt(b, "| %s | `%s` | %s | %s | %s |\n", r->method, r->path, role_names[r->role], r->takes, r->help);
	}
}
