// The local API: what may be asked of a switch over HTTP, one row a route. The handlers know nothing of sockets: they
// are given a request as a value and leave an answer as a value (run/admin.c carries both).
//
//     GET /v1/office/line/6035550101 ──route──▶ handler ──▶ 200 { "name": "6035550101", ... }
//                                                          404 { "error": { "field": null, "why": "..." } }
//
// All of it runs on the control thread.
#pragma once

#include "keep/provision.h"
#include "run/config.h"
#include "run/control.h"

#include <jansson.h>

#define API_QUERY_MAX 16
#define API_PAGE_DEFAULT 100
#define API_PAGE_MAX 1000

// Who may do what; each may do what stands before it too.
#define API_ROLES(X) X(VIEWER, "viewer") X(OPERATOR, "operator") X(ADMIN, "admin")
#define API_ROLE_ENUM(id, name) ROLE_##id,
enum api_role { API_ROLES(API_ROLE_ENUM) };

// method, path, role, handler, what the query or the body may hold, help. {x} is one part of a path, {x...} the rest.
#define API_ROUTES(X)                                                                                                  \
	X(GET, "/v1/status", VIEWER, api_status, "", "Node, uptime, calls, registrations, journal")                        \
	X(GET, "/v1/health", VIEWER, api_health, "", "200 when new calls are taken and records reach the disk, else 503")  \
	X(GET, "/v1/routes", VIEWER, api_routes, "", "These routes")                                                       \
	X(GET, "/v1/counters", VIEWER, api_counters, "", "All counters of the program")                                    \
	X(GET, "/metrics", VIEWER, api_metrics, "", "The same and the gauges of the status, for Prometheus")               \
	X(GET, "/v1/log", VIEWER, api_log_show, "", "The log level")                                                       \
	X(PUT, "/v1/log", OPERATOR, api_log_set, "level", "Sets the log level until the next start or reload")             \
	X(GET, "/v1/office", VIEWER, api_office_kinds, "", "The kinds of objects, with their fields")                      \
	X(GET, "/v1/office/{kind}", VIEWER, api_office_list, "limit, after, and fields to filter by",                      \
	  "Objects of a kind, a page at a time: `next` is what to ask for with `after`")                                   \
	X(POST, "/v1/office/{kind}", ADMIN, api_office_add, "the fields, those of the key among them", "Adds an object")   \
	X(GET, "/v1/office/{kind}/{key...}", VIEWER, api_office_show, "", "One object")                                    \
	X(PATCH, "/v1/office/{kind}/{key...}", ADMIN, api_office_set, "the fields to change", "Changes an object")         \
	X(DELETE, "/v1/office/{kind}/{key...}", ADMIN, api_office_remove, "", "Removes an object")                         \
	X(GET, "/v1/registrations", VIEWER, api_registrations, "line, limit", "Phones that are registered")                \
	X(GET, "/v1/messages/{line...}", VIEWER, api_messages_show, "", "Messages that wait in a line's mailbox")          \
	X(PUT, "/v1/messages/{line...}", OPERATOR, api_messages_set, "new, old, new_urgent, old_urgent",                   \
	  "Sets how many wait: its phones show it, and its dial tone stutters")                                            \
	X(GET, "/v1/peers", VIEWER, api_peers, "", "Far switches of the trunk groups, and whether they answer")            \
	X(GET, "/v1/calls", VIEWER, api_calls, "line, trunk, limit", "Calls that stand")                                   \
	X(GET, "/v1/calls/{call}", VIEWER, api_call_show, "",                                                              \
	  "One call, standing or ended, with trail and ladder")                                                            \
	X(DELETE, "/v1/calls/{call}", OPERATOR, api_call_release, "", "Releases a call with cause 31")                     \
	X(PUT, "/v1/calls/{call}/trace", OPERATOR, api_call_trace, "on", "Keeps a call's messages in full, or no longer")  \
	X(PUT, "/v1/trace/{line...}", OPERATOR, api_line_trace, "on",                                                      \
	  "Keeps the messages of a line's next calls in full; of calls to it, from when the line is found")                \
	X(GET, "/v1/inputs", OPERATOR, api_inputs_list, "limit", "Calls whose inputs are kept, the newest first")          \
	X(GET, "/v1/inputs/{call}", OPERATOR, api_inputs_show, "", "The inputs of one: a text for dialtone replay")        \
	X(POST, "/v1/dial", VIEWER, api_dial, "line, digits", "What would happen if a line dialled; touches nothing")      \
	X(GET, "/v1/cdrs", VIEWER, api_cdrs, "line, trunk, number, from, to, after, limit, format",                        \
	  "Call detail records in the order of their numbers: the newest, or with `after` a page of those that follow; "   \
	  "with `format` csv, jsonl or text all of them, as a stream")                                                     \
	X(GET, "/v1/cdrs/{sequence}", VIEWER, api_cdr_show, "", "One call detail record, with trail and ladder")

struct cdr_store;

struct api { // borrowed, all of it
	const struct config *config;
	struct office *office;
	struct provision *provision;
	struct cdr_store *cdrs;
	const char *records_path; // of the file that cdrs is a connection to
	struct control control;
};

struct api_request { // borrowed
	struct str method, path; // the path without escapes
	struct provision_pair query[API_QUERY_MAX];
	uint32_t query_count;
	const json_t *body; // NULL: none
	enum api_role role;
	struct str who;     // "cli:root": for office_change
	uint64_t wall_ms;
	struct str args[2]; // what stood for the {parts} of the route's path; filled by api_answer
};

// Text that is made while it is sent: read fills `out` from its start, and leaves it empty at the end.
struct api_stream {
	enum err (*read)(struct api_stream *s, struct buf *out);
	void (*free)(struct api_stream *s);
};

struct api_reply {
	uint32_t status;   // of HTTP
	const char *type;  // of `text` and `stream`; JSON when NULL
	json_t *json;      // owned
	char *text;        // owned, from malloc
	size_t text_n;
	struct api_stream *stream; // owned
};

typedef void api_handler(struct api_reply *out, struct api *a, const struct api_request *q);

struct api_route {
	const char *method, *path;
	enum api_role role;
	api_handler *handler;
	const char *takes, *help;
};
// The rows of API_ROUTES.
const struct api_route *api_route_rows(uint32_t *count);

// Always answers: 404 and 405 too. The reply is the caller's.
void api_answer(struct api_reply *out, struct api *a, struct api_request *q);
void api_reply_fini(struct api_reply *r);
// The manual of the API, in Markdown.
void put_api_manual(struct buf *b);

// ---- For the handlers (run/api_*.c) ----

// An error answer; field may be NULL. The text is cut at 511 octets.
void api_fail(struct api_reply *out, uint32_t status, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
// The status of HTTP for an error of ours.
uint32_t api_status_of(enum err e);
// The value of a query parameter; empty when it is not there.
struct str api_query(const struct api_request *q, const char *name);
// A number of the query, within bounds; false (answered) when it is none.
bool api_query_u32(uint32_t *out, struct api_reply *r, const struct api_request *q, const char *name, uint32_t dflt,
                   uint32_t max);
// The line or trunk group that a text names, as its id; 0 (and true) for the empty text; false (answered): no such one.
bool api_line_id(uint32_t *out, struct api_reply *r, struct api *a, struct str name);
bool api_trunk_id(uint32_t *out, struct api_reply *r, struct api *a, struct str name);

#define API_ROUTE_HANDLER(method, path, role, handler, takes, help) api_handler handler;
API_ROUTES(API_ROUTE_HANDLER)
