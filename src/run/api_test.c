#include "api.c"

#include "keep/cdr_text.h"
#include "run/edge_fixture.h"

#include <setjmp.h>
#include <cmocka.h>

static struct edge edge;
static struct api_reply reply;

static int open_edge(void **state)
{
	(void)state;
	return edge_open(&edge) ? 0 : -1;
}

static int close_edge(void **state)
{
	(void)state;
	api_reply_fini(&reply);
	edge_close(&edge);
	return 0;
}

// Asks as an administrator; "GET /v1/calls?line=x". The reply stays until the next.
static uint32_t ask_as(enum api_role role, const char *request, const char *body)
{
	struct str rest = str_from(request);
	struct api_request q = { .role = role, .who = STR("cli:test"), .wall_ms = 1769860900000 };
	json_t *json = body ? json_loads(body, JSON_DECODE_ANY, NULL) : NULL;
	q.method = str_cut(&rest, ' ');
	q.path = str_cut(&rest, '?');
	q.body = json;
	while (rest.n) {
		struct str value = str_cut(&rest, '&');
		struct str name = str_cut(&value, '=');
		q.query[q.query_count++] = (struct provision_pair){ name, value };
	}
	api_reply_fini(&reply);
	api_answer(&reply, &edge.api, &q);
	json_decref(json);
	return reply.status;
}

static uint32_t ask(const char *request, const char *body)
{
	return ask_as(ROLE_ADMIN, request, body);
}

// The member at a path of names and indexes, as compact JSON; static.
static const char *at(const char *path)
{
	static char text[2048];
	const json_t *json = reply.json;
	struct str rest = str_from(path);
	while (rest.n) {
		struct str name = str_cut(&rest, '.');
		json = ascii_is_digit(name.p[0]) ? json_array_get(json, (size_t)(name.p[0] - '0'))
		                                 : json_object_getn(json, name.p, name.n);
	}
	size_t n = json ? json_dumpb(json, text, sizeof text - 1, JSON_COMPACT | JSON_ENCODE_ANY) : 0;
	text[n < sizeof text ? n : 0] = '\0';
	return text;
}

static bool says(const char *path, const char *part)
{
	return strstr(at(path), part) != NULL;
}

// ---- Routes ----

// Every row answers to its own path, and to nobody below its role.
static void test_every_route(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(routes); i++) {
		char request[128];
		assert_true(routes[i].help[0]);
		snprintf(request, sizeof request, "%s %s", routes[i].method, routes[i].path);
		uint32_t status = ask(request, "{}");
		if (status == 405 || (status == 404 && says("error.why", "no such path"))) fail_msg("%s: %u", request, status);
		if (!reply.json && !reply.text) fail_msg("%s: no answer", request);
		if (routes[i].role == ROLE_VIEWER) continue;
		assert_int_equal(ask_as(routes[i].role - 1, request, "{}"), 403);
		assert_true(says("error.why", role_names[routes[i].role]));
	}
	assert_int_equal(ask("GET /v1/routes", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "routes")), ARRAY_LEN(routes));
}

static void test_unknown(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /v1/nothing", NULL), 404);
	assert_string_equal(at("error.field"), "null");
	assert_true(says("error.why", "/v1/routes"));
	assert_int_equal(ask("POST /v1/status", NULL), 405);
	assert_int_equal(ask("GET /v1/office/castle", NULL), 404);
	assert_true(says("error.why", "castle"));
}

// docs/api.md is what the rows say now.
static void test_manual_is_current(void **state)
{
	(void)state;
	static char text[32768], file[32768];
	struct buf b = buf_on(text, sizeof text);
	put_api_manual(&b);
	assert_int_equal(b.err, OK);
	FILE *f = fopen(SOURCE_ROOT "/docs/api.md", "r");
	assert_non_null(f);
	size_t n = fread(file, 1, sizeof file, f);
	fclose(f);
	if (!str_eq(buf_str(&b), (struct str){ file, (uint32_t)n }))
		fail_msg("out of date; mend it with: build/dialtone manual api >docs/api.md");
}

// ---- Objects ----

static void test_object_life(void **state)
{
	(void)state;
	assert_int_equal(ask("POST /v1/office/line", "{\"name\": \"6035550103\", \"customer\": \"granite\","
	                     "\"rate-centre\": \"NH/Manchester\", \"number\": \"+16035550103\", \"calls-max\": 3}"), 201);
	assert_string_equal(at("key"), "\"6035550103\"");
	assert_true(strlen(json_string_value(json_object_get(reply.json, "password"))) >= PROVISION_PASSWORD_MIN);
	assert_int_equal(ask("GET /v1/office/line/6035550103", NULL), 200);
	assert_string_equal(at("calls-max"), "3");
	assert_string_equal(at("suspended"), "false");
	assert_null(strstr(at(""), "password\":\""));
	assert_int_equal(ask("PATCH /v1/office/line/6035550103", "{\"calls-max\": 5, \"suspended\": true}"), 200);
	assert_int_equal(ask("GET /v1/office/line/6035550103", NULL), 200);
	assert_string_equal(at("calls-max"), "5");
	assert_string_equal(at("suspended"), "true");
	assert_int_equal(ask("PATCH /v1/office/line/6035550103", "{\"calls-max\": 5}"), 200);
	assert_string_equal(at("version"), "0"); // nothing changed
	assert_int_equal(ask("DELETE /v1/office/line/6035550103", NULL), 200);
	assert_int_equal(ask("GET /v1/office/line/6035550103", NULL), 404);
	assert_int_equal(ask("GET /v1/office/change?who=cli:test&kind=line", NULL), 200); // and each left its row
	assert_int_equal(json_array_size(json_object_get(reply.json, "items")), 3);
}

static void test_key_of_two_parts(void **state)
{
	(void)state;
	assert_int_equal(ask("POST /v1/office/feature", "{\"line\": \"6035550101\", \"feature\": \"forward-all\","
	                     "\"active\": true, \"target\": \"+16035550102\"}"), 201);
	assert_string_equal(at("key"), "\"6035550101/forward-all\"");
	assert_int_equal(ask("PATCH /v1/office/feature/6035550101/forward-all", "{\"active\": false}"), 200);
	assert_int_equal(ask("GET /v1/office/feature/6035550101/forward-all", NULL), 200);
	assert_string_equal(at("active"), "false");
	assert_int_equal(ask("DELETE /v1/office/feature/6035550101/forward-all", NULL), 200);
}

// Refused with the field and the reason, and nothing changed.
static void test_object_refused(void **state)
{
	(void)state;
	static const struct { const char *request, *body; uint32_t status; const char *field; } rows[] = {
		{ "POST /v1/office/line", "{\"name\": \"x\"}", 400, "\"customer\"" },
		{ "POST /v1/office/line", "{\"customer\": \"granite\"}", 400, "\"name\"" },
		{ "POST /v1/office/line", "{\"name\": \"6035550101\", \"customer\": \"granite\","
		  "\"rate-centre\": \"NH/Manchester\"}", 409, "" },
		{ "POST /v1/office/line", "[]", 400, "null" },
		{ "POST /v1/office/line", NULL, 400, "null" },
		{ "PATCH /v1/office/line/6035550101", "{\"calls-max\": 0}", 400, "\"calls-max\"" },
		{ "PATCH /v1/office/line/6035550101", "{\"calls-max\": 1.5}", 400, "\"calls-max\"" },
		{ "PATCH /v1/office/line/6035550101", "{\"calls-max\": {}}", 400, "\"calls-max\"" },
		{ "PATCH /v1/office/line/6035550101", "{\"nonsense\": 1}", 400, "" },
		{ "PATCH /v1/office/line/6035550101", "{\"customer\": \"nobody\"}", 400, "\"customer\"" },
		{ "PATCH /v1/office/line/none", "{\"calls-max\": 2}", 404, "" },
		{ "DELETE /v1/office/customer/granite", NULL, 409, "" },
		{ "DELETE /v1/office/setting/no_answer_network_ms", NULL, 409, "" },
		{ "GET /v1/office/line?limit=0", NULL, 400, "\"limit\"" },
		{ "GET /v1/office/line?limit=1001", NULL, 400, "\"limit\"" },
		{ "GET /v1/office/line?display=x", NULL, 400, "" },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t status = ask(rows[i].request, rows[i].body);
		if (status != rows[i].status || !says("error.field", rows[i].field) || !at("error.why")[2])
			fail_msg("%s %s: %u %s", rows[i].request, rows[i].body ? rows[i].body : "", status, at("error"));
	}
	assert_int_equal(ask("GET /v1/office/line/6035550101", NULL), 200);
	assert_string_equal(at("calls-max"), "4");
}

static void test_pages(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /v1/office/line?limit=1", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "items")), 1);
	assert_string_equal(at("items.0.name"), "\"6035550101\"");
	assert_string_equal(at("next"), "\"6035550101\"");
	assert_int_equal(ask("GET /v1/office/line?limit=1&after=6035550101", NULL), 200);
	assert_string_equal(at("items.0.name"), "\"6035550102\"");
	assert_string_equal(at("next"), "null");
	assert_int_equal(ask("GET /v1/office/line?customer=granite", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "items")), 2);
	assert_int_equal(ask("GET /v1/office/line?suspended=yes", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "items")), 0);
}

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /v1/office", NULL), 200);
	const json_t *kinds = json_object_get(reply.json, "kinds");
	assert_int_equal(json_array_size(kinds), PROVISION_KIND_COUNT);
	const json_t *line = json_array_get(kinds, PROVISION_LINE);
	assert_string_equal(json_string_value(json_object_get(line, "kind")), "line");
	const json_t *name = json_array_get(json_object_get(line, "fields"), 0);
	assert_true(json_is_true(json_object_get(name, "key")));
}

// ---- Calls ----

static void test_calls(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /v1/calls", NULL), 200);
	assert_string_equal(at("total"), "2");
	assert_string_equal(at("calls.0.call"), "\"7001\""); // the oldest first
	assert_string_equal(at("calls.0.calling.line"), "\"6035550101\"");
	assert_string_equal(at("calls.0.calling.state"), "\"ACTIVE\"");
	assert_int_equal(ask("GET /v1/calls?limit=1", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "calls")), 1);
	assert_int_equal(ask("GET /v1/calls?trunk=far", NULL), 200);
	assert_string_equal(at("total"), "0");
	assert_int_equal(ask("GET /v1/calls?line=none", NULL), 404);
	assert_string_equal(at("error.field"), "\"line\"");
}

static void test_one_call(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /v1/calls/7001", NULL), 200);
	assert_string_equal(at("stands"), "true");
	assert_string_equal(at("calling_state"), "\"ACTIVE\"");
	assert_string_equal(at("released_by"), "null");
	assert_string_equal(at("trail.0.text"), "\"line 6035550101 opens a call\"");
	assert_string_equal(at("ladder.1.message"), "\"100 Trying\"");
	assert_true(says("ladder.0.text", "INVITE sip:5550102@example")); // it is traced
	assert_string_equal(at("ladder.1.text"), "null");
	assert_int_equal(ask("GET /v1/calls/5001", NULL), 200); // ended: from its record
	assert_string_equal(at("stands"), "false");
	assert_string_equal(at("released_by"), "\"caller\"");
	assert_string_equal(at("trail.0.text"), "\"line 6035550101 opens a call\"");
	assert_int_equal(ask("GET /v1/calls/1", NULL), 404);
	assert_int_equal(ask("GET /v1/calls/x", NULL), 400);
}

static void test_release_and_trace(void **state)
{
	(void)state;
	assert_int_equal(ask("DELETE /v1/calls/7002", NULL), 200);
	assert_int_equal(edge.fake.released, 7002);
	assert_int_equal(ask("DELETE /v1/calls/5001", NULL), 404);
	assert_int_equal(ask("PUT /v1/calls/7001/trace", "{\"on\": true}"), 200);
	assert_int_equal(edge.fake.traced, 7001);
	assert_true(edge.fake.trace_on);
	assert_int_equal(ask("PUT /v1/calls/7001/trace", "{}"), 400);
	assert_int_equal(ask("PUT /v1/trace/6035550102", "{\"on\": false}"), 200);
	assert_int_equal(edge.fake.traced, 2);
	assert_false(edge.fake.trace_on);
	assert_int_equal(ask("PUT /v1/trace/none", "{\"on\": true}"), 404);
}

static void test_dial(void **state)
{
	(void)state;
	assert_int_equal(ask("POST /v1/dial", "{\"line\": \"6035550101\", \"digits\": \"5550102\"}"), 200);
	assert_int_equal(edge.fake.dialled_line, 1);
	assert_string_equal(edge.fake.dialled, "5550102");
	assert_string_equal(at("called.line"), "\"6035550102\"");
	assert_string_equal(at("cause"), "null");
	assert_int_equal(ask("POST /v1/dial", "{\"line\": \"6035550101\", \"digits\": \"123\"}"), 200);
	assert_string_equal(at("cause.value"), "1");
	assert_int_equal(ask("POST /v1/dial", "{\"line\": \"6035550101\"}"), 400);
	assert_string_equal(at("error.field"), "\"digits\"");
	assert_int_equal(ask("POST /v1/dial", "{\"line\": \"none\", \"digits\": \"1\"}"), 404);
}

static void test_registrations_and_peers(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /v1/registrations", NULL), 200);
	assert_string_equal(at("registrations.0.line"), "\"6035550101\"");
	assert_string_equal(at("registrations.0.agent"), "\"phone ?\"");
	assert_string_equal(at("registrations.0.peer"), "\"192.0.2.5:5060\"");
	assert_int_equal(ask("GET /v1/registrations?line=6035550102", NULL), 200);
	assert_string_equal(at("total"), "0");
	assert_int_equal(ask("GET /v1/peers", NULL), 200);
	assert_string_equal(at("peers.0.trunk"), "\"far\"");
	assert_string_equal(at("peers.0.answers"), "false");
	assert_string_equal(at("peers.0.registered"), "\"refused (403), again at 2026-01-31T12:00:00.000Z\"");
	assert_int_equal(ask("GET /v1/office/trunk/far", NULL), 200);
	assert_string_equal(at("registered"), "\"refused (403), again at 2026-01-31T12:00:00.000Z\"");
}

static void test_messages(void **state)
{
	(void)state;
	assert_int_equal(ask("PUT /v1/messages/6035550101", "{\"new\":3,\"old\":4,\"new_urgent\":1}"), 200);
	assert_string_equal(at("new"), "3");
	assert_int_equal(ask("PUT /v1/messages/6035550101", "{\"new\":2}"), 200); // what is not said stays
	assert_int_equal(ask("GET /v1/messages/6035550101", NULL), 200);
	assert_string_equal(at("new"), "2");
	assert_string_equal(at("old"), "4");
	assert_string_equal(at("new_urgent"), "1");
	assert_int_equal(ask("PUT /v1/messages/6035550101", "{\"new\":-1}"), 400);
	assert_int_equal(ask("PUT /v1/messages/6035550101", "{\"old\":\"x\"}"), 400);
	assert_int_equal(ask("PUT /v1/messages/6035550101", "{\"old\":16384}"), 400);
	assert_string_equal(at("error.field"), "\"old\"");
	assert_int_equal(ask("GET /v1/messages/6035559999", NULL), 404);
}

static void test_switch_does_not_answer(void **state)
{
	static const char *const requests[] = {
		"GET /v1/status", "GET /v1/health", "GET /metrics", "GET /v1/calls", "GET /v1/calls/7001",
		"GET /v1/registrations", "GET /v1/peers", "GET /v1/messages/6035550101", "DELETE /v1/calls/7001",
	};
	(void)state;
	edge.fake.fails = ERR_TIMEOUT;
	for (uint32_t i = 0; i < ARRAY_LEN(requests); i++) assert_int_equal(ask(requests[i], NULL), 504);
	edge.fake.fails = OK;
}

// ---- Records ----

static void test_records(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /v1/cdrs", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "cdrs")), 2);
	assert_string_equal(at("cdrs.0.sequence"), "1");
	assert_string_equal(at("cdrs.1.call"), "\"5002\"");
	assert_string_equal(at("next"), "null");
	assert_int_equal(ask("GET /v1/cdrs?limit=1", NULL), 200);
	assert_string_equal(at("cdrs.0.sequence"), "2"); // the newest
	assert_int_equal(ask("GET /v1/cdrs?limit=1&after=0", NULL), 200);
	assert_string_equal(at("cdrs.0.sequence"), "1"); // the first of the walk
	assert_string_equal(at("next"), "1");
	assert_int_equal(ask("GET /v1/cdrs?limit=1&after=1", NULL), 200);
	assert_string_equal(at("cdrs.0.sequence"), "2");
	assert_string_equal(at("next"), "null");
	assert_int_equal(ask("GET /v1/cdrs?line=6035550101&from=2026-01-31&to=2026-02-01", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "cdrs")), 2);
	assert_int_equal(ask("GET /v1/cdrs?from=2026-02-01", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(reply.json, "cdrs")), 0);
	assert_int_equal(ask("GET /v1/cdrs?from=soon", NULL), 400);
	assert_int_equal(ask("GET /v1/cdrs?after=x", NULL), 400);
	assert_int_equal(ask("GET /v1/cdrs?format=xml", NULL), 400);
	assert_int_equal(ask("GET /v1/cdrs/2", NULL), 200);
	assert_string_equal(at("cause.value"), "16");
	assert_int_equal(ask("GET /v1/cdrs/3", NULL), 404);
	assert_int_equal(ask("GET /v1/cdrs/0", NULL), 400);
}

// All that a stream has, read in pieces of `piece` octets.
static uint32_t read_all(char *out, uint32_t cap, uint32_t piece)
{
	uint32_t n = 0;
	for (;;) {
		assert_true(n + piece <= cap);
		struct buf b = buf_on(out + n, piece);
		assert_int_equal(reply.stream->read(reply.stream, &b), OK);
		if (b.n == 0) return n;
		n += b.n;
	}
}

static void test_export(void **state)
{
	static const char *const formats[] = { "csv", "jsonl", "text" };
	static char text[65536];
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(formats); i++) {
		char request[64];
		snprintf(request, sizeof request, "GET /v1/cdrs?format=%s", formats[i]);
		assert_int_equal(ask(request, NULL), 200);
		uint32_t n = read_all(text, sizeof text, CDR_ROW_MAX), lines = 0;
		for (uint32_t k = 0; k < n; k++) lines += text[k] == '\n';
		assert_true(lines >= 2);
		assert_int_equal(text[n - 1], '\n');
	}
	assert_int_equal(ask("GET /v1/cdrs?format=jsonl&limit=1", NULL), 200);
	uint32_t n = read_all(text, sizeof text, CDR_ROW_MAX);
	json_t *row = json_loadb(text, n, 0, NULL);
	assert_non_null(row);
	json_decref(row);
}

// ---- The node ----

static void test_node(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /v1/status", NULL), 200);
	assert_string_equal(at("calls"), "{\"now\":2,\"max\":100}");
	assert_string_equal(at("emergency_trunk"), "false");
	assert_string_equal(at("office"), "\"Test Telephone\"");
	assert_int_equal(ask("GET /v1/health", NULL), 200);
	edge.fake.sick = true;
	assert_int_equal(ask("GET /v1/health", NULL), 503);
	edge.fake.sick = false;
	edge.fake.stopping = true;
	assert_int_equal(ask("GET /v1/health", NULL), 503);
	edge.fake.stopping = false;
}

static void test_metrics(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /metrics", NULL), 200);
	assert_non_null(reply.text);
	char *text = must(strndup(reply.text, reply.text_n));
	assert_non_null(strstr(text, "# TYPE dialtone_calls gauge\ndialtone_calls 2\n"));
	assert_non_null(strstr(text, "# TYPE dialtone_base_counter_none_total counter\n"
	                             "dialtone_base_counter_none_total 0\n"));
	free(text);
	assert_int_equal(ask("GET /v1/counters", NULL), 200);
	const json_t *counters = json_object_get(reply.json, "counters");
	for (size_t i = 1; i < json_array_size(counters); i++) {
		const char *before = json_string_value(json_object_get(json_array_get(counters, i - 1), "name"));
		assert_true(strcmp(before, json_string_value(json_object_get(json_array_get(counters, i), "name"))) < 0);
	}
}

static void test_log_level(void **state)
{
	(void)state;
	enum log_level before = log_level;
	assert_int_equal(ask("PUT /v1/log", "{\"level\": \"debug\"}"), 200);
	assert_int_equal(log_level, LOG_DEBUG);
	assert_int_equal(ask("GET /v1/log", NULL), 200);
	assert_string_equal(at("level"), "\"debug\"");
	assert_int_equal(ask("PUT /v1/log", "{\"level\": \"loud\"}"), 400);
	assert_int_equal(log_level, LOG_DEBUG);
	log_level = before;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_route), cmocka_unit_test(test_unknown), cmocka_unit_test(test_manual_is_current),
		cmocka_unit_test(test_object_life), cmocka_unit_test(test_key_of_two_parts),
		cmocka_unit_test(test_object_refused), cmocka_unit_test(test_pages), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_calls), cmocka_unit_test(test_one_call), cmocka_unit_test(test_release_and_trace),
		cmocka_unit_test(test_dial), cmocka_unit_test(test_registrations_and_peers),
		cmocka_unit_test(test_messages), cmocka_unit_test(test_switch_does_not_answer), cmocka_unit_test(test_records), cmocka_unit_test(test_export),
		cmocka_unit_test(test_node), cmocka_unit_test(test_metrics), cmocka_unit_test(test_log_level),
	};
	return cmocka_run_group_tests(tests, open_edge, close_edge);
}
