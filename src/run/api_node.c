// The node itself over HTTP: status, health, counters, log level.
#include "run/api_json.h"

#include "base/count.h"

#include <stdlib.h>

static bool status_of(struct control_status *s, struct api_reply *out, struct api *a)
{
	enum err e = a->control.ops->status(a->control.self, s);
	if (e == OK) return true;
	api_fail(out, api_status_of(e), NULL, "the switch did not answer: %s", err_text(e));
	return false;
}

static json_t *of(uint64_t have, uint64_t max)
{
	return json_pack("{s:I,s:I}", "now", (json_int_t)have, "max", (json_int_t)max);
}

void api_status(struct api_reply *out, struct api *a, const struct api_request *q)
{
	const struct office_rules *rules = office_rules(a->office);
	struct control_status s;
	(void)q;
	if (!status_of(&s, out, a)) return;
	out->status = 200;
	out->json = json_pack("{s:s,s:s,s:s,s:o,s:I,s:b,s:b,s:i,s:i}", "node", a->config->name, "version", DIALTONE_VERSION,
	                      "office", rules->name, "started", api_time(s.started_wall_ms), "up_ms", (json_int_t)s.up_ms,
	                      "stopping", s.stopping, "journal_healthy", s.journal_healthy, "workers", (int)s.workers,
	                      "media_threads", (int)s.media_threads);
	json_object_set_new(out->json, "calls", of(s.calls, s.calls_max));
	json_object_set_new(out->json, "transactions", of(s.transactions, s.transactions_max));
	json_object_set_new(out->json, "media_ports", of(s.media_ports, s.media_ports_max));
	json_object_set_new(out->json, "registrations", of(s.registrations, a->config->registrations_max));
	json_object_set_new(out->json, "lines", json_integer(office_line_count(a->office)));
	json_object_set_new(out->json, "cdr_sequence", json_integer((json_int_t)s.cdr_sequence));
	json_object_set_new(out->json, "rules_version", json_integer(rules->version));
	json_object_set_new(out->json, "emergency_trunk", json_boolean(office_emergency_group(rules) != NULL));
}

void api_health(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct control_status s;
	(void)q;
	if (!status_of(&s, out, a)) return;
	bool good = s.journal_healthy && !s.stopping;
	out->status = good ? 200 : 503;
	out->json = json_pack("{s:b,s:b,s:b}", "healthy", good, "journal_healthy", s.journal_healthy, "stopping",
	                      s.stopping);
}

// ---- Counters ----

static int by_name(const void *a, const void *b)
{
	const struct counter *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

// All counters by name; *rows is the caller's to free.
static uint32_t counters_sorted(struct counter ***rows)
{
	uint32_t count = 0;
	while (count_at(count)) count++;
	*rows = calloc(count, sizeof **rows);
	if (!*rows) return 0;
	for (uint32_t i = 0; i < count; i++) (*rows)[i] = count_at(i);
	qsort(*rows, count, sizeof **rows, by_name);
	return count;
}

void api_counters(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct counter **rows;
	uint32_t count = counters_sorted(&rows);
	json_t *list = json_array();
	(void)a;
	(void)q;
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s,s:I,s:s}", "name", rows[i]->name, "value",
		                                      (json_int_t)count_sum(rows[i]), "help", rows[i]->help));
	free(rows);
	out->status = 200;
	out->json = json_pack("{s:o}", "counters", list);
}

static void put_gauges(struct buf *b, const struct control_status *s)
{
	const struct { const char *name, *help; uint64_t value; } rows[] = {
		{ "calls", "Calls that stand", s->calls },
		{ "calls_max", "Calls that may stand", s->calls_max },
		{ "transactions", "SIP transactions held", s->transactions },
		{ "transactions_max", "SIP transactions that may be held", s->transactions_max },
		{ "media_ports", "RTP ports taken", s->media_ports },
		{ "media_ports_max", "RTP ports there are", s->media_ports_max },
		{ "registrations", "Phones registered", s->registrations },
		{ "uptime_seconds", "Since the switch was started", s->up_ms / 1000 },
		{ "journal_healthy", "1: records reach the disk in time", s->journal_healthy },
		{ "stopping", "1: no new call is taken", s->stopping },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++)
		put_fmt(b, "# HELP dialtone_%s %s\n# TYPE dialtone_%s gauge\ndialtone_%s %llu\n", rows[i].name, rows[i].help,
		        rows[i].name, rows[i].name, (unsigned long long)rows[i].value);
}

// The text format of Prometheus, version 0.0.4.
void api_metrics(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct control_status s;
	struct counter **rows;
	(void)q;
	if (!status_of(&s, out, a)) return;
	uint32_t count = counters_sorted(&rows), cap = 4096 + count * 512;
	out->text = malloc(cap);
	struct buf b = buf_on(out->text, out->text ? cap : 0);
	put_gauges(&b, &s);
	for (uint32_t i = 0; i < count; i++)
		put_fmt(&b, "# HELP dialtone_%s_total %s\n# TYPE dialtone_%s_total counter\ndialtone_%s_total %llu\n",
		        rows[i]->name, rows[i]->help, rows[i]->name, rows[i]->name, (unsigned long long)count_sum(rows[i]));
	free(rows);
	if (b.err != OK) {
		api_fail(out, 500, NULL, "no room for the counters");
		return;
	}
	out->status = 200;
	out->type = "text/plain; version=0.0.4";
	out->text_n = b.n;
}

// ---- Log level ----

void api_log_show(struct api_reply *out, struct api *a, const struct api_request *q)
{
	(void)a;
	(void)q;
	out->status = 200;
	out->json = json_pack("{s:s}", "level", config_level_names[log_level]);
}

void api_log_set(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct str wanted = str_from(json_string_value(json_object_get(q->body, "level")));
	for (uint32_t i = 0; config_level_names[i]; i++) {
		if (!str_eq(wanted, str_from(config_level_names[i]))) continue;
		log_level = i;
		api_log_show(out, a, q);
		return;
	}
	api_fail(out, 400, "level", "must be error, warn, info or debug");
}
