// What tests of the API and the command line stand on: an office in a folder of its own, two lines, a trunk group, the
// records of two calls that ended, and a switch that is a fake.
#pragma once

#include "run/api.h"
#include "run/control_fake.h"

#include "keep/cdr.h"
#include "keep/journal.h"

#include <setjmp.h>
#include <stdlib.h>
#include <sys/stat.h>
// cmocka wants the first above
#include <cmocka.h>

#include "base/testing.h"

struct edge {
	char folder[TEST_FOLDER_MAX];
	char records_path[96];
	struct config config;
	struct store *store;
	struct office *office;
	struct provision *provision;
	struct cdr_store *cdrs;
	struct control_fake fake;
	struct api api;
};

static bool edge_add(struct edge *e, const char *kind, const char *key, const struct provision_pair *pairs,
                     uint32_t count)
{
	struct provision_answer answer;
	struct provision_request q = { .key = str_from(key), .pairs = pairs, .pair_count = count, .who = STR("test"),
		                           .wall_ms = 1769860800000 };
	if (!provision_kind_of(&q.kind, str_from(kind))) return false;
	provision_add(&answer, e->provision, &q);
	if (answer.err != OK) fprintf(stderr, "%s %s: %s: %s\n", kind, key, answer.field, answer.why);
	return answer.err == OK;
}
#define EDGE_PAIR(name, value) { STR_INIT(name), STR_INIT(value) }
#define EDGE_ADD(e, kind, key, ...)                                                                                    \
	edge_add(e, kind, key, (const struct provision_pair[]){ __VA_ARGS__ },                                             \
	         ARRAY_LEN(((const struct provision_pair[]){ __VA_ARGS__ })))

static bool edge_office(struct edge *e)
{
	char path[96];
	struct store_fault fault;
	snprintf(path, sizeof path, "%s/" CONFIG_OFFICE_FILE, e->folder);
	return store_create(&e->store, path, STR("Test Telephone"), STR("test.example"), &fault) == OK &&
	    office_new(&e->office) == OK && store_load(e->store, e->office, &fault) == OK &&
	    provision_new(&e->provision, e->store, e->office, NULL) == OK &&
	    EDGE_ADD(e, "state", "NH", EDGE_PAIR("name", "New Hampshire"), EDGE_PAIR("open", "yes")) &&
	    EDGE_ADD(e, "rate-centre", "NH/Manchester", EDGE_PAIR("lata", "122")) &&
	    EDGE_ADD(e, "npa", "603", EDGE_PAIR("state", "NH")) &&
	    EDGE_ADD(e, "customer", "granite", EDGE_PAIR("suspended", "no")) &&
	    EDGE_ADD(e, "line", "6035550101", EDGE_PAIR("customer", "granite"), EDGE_PAIR("rate-centre", "NH/Manchester"),
	             EDGE_PAIR("number", "+16035550101"), EDGE_PAIR("password", "correct horse")) &&
	    EDGE_ADD(e, "line", "6035550102", EDGE_PAIR("customer", "granite"), EDGE_PAIR("rate-centre", "NH/Manchester"),
	             EDGE_PAIR("number", "+16035550102"), EDGE_PAIR("password", "battery staple")) &&
	    EDGE_ADD(e, "trunk", "far", EDGE_PAIR("peers", "198.51.100.1:5060/1"));
}

// Two ended calls, journaled and loaded as the switch does it.
static bool edge_records(struct edge *e)
{
	char journal_folder[80];
	struct journal_log *log;
	struct cdr_loader *loader;
	struct store_fault fault;
	struct call_record r;
	snprintf(journal_folder, sizeof journal_folder, "%s/journal", e->folder);
	snprintf(e->records_path, sizeof e->records_path, "%s/" CONFIG_RECORDS_FILE, e->folder);
	if (mkdir(journal_folder, 0700) != 0) return false;
	if (journal_open(&log, &(struct journal_setup){ .folder = journal_folder, .workers = 1 }) != OK) return false;
	if (journal_start(log) != OK) return false;
	struct journal journal = journal_of(log);
	for (uint64_t call = 5001; call <= 5002; call++) {
		fake_record(&r, call);
		r.kind = RECORD_RELEASE;
		r.ended_wall_ms = 1769860813000;
		r.answered_for_ms = 10000;
		r.cause = (struct cause){ .value = 16 };
		if (journal.ops->put(journal.self, 0, &r, 0) != OK) return false;
	}
	struct cdr_loader_setup setup = { .journal = log, .path = e->records_path };
	if (cdr_loader_start(&loader, &setup) != OK) return false;
	AWAIT(journal_status(log).sequence == 2);
	cdr_loader_stop(loader);
	e->fake.sequence = journal_status(log).sequence;
	journal_close(log);
	return cdr_open(&e->cdrs, e->records_path, &fault) == OK;
}

static bool edge_open(struct edge *e)
{
	*e = (struct edge){ 0 };
	log_quiet = true;
	test_folder_make(e->folder);
	config_default(&e->config);
	if (!edge_office(e) || !edge_records(e)) return false;
	e->api = (struct api){ .config = &e->config, .office = e->office, .provision = e->provision, .cdrs = e->cdrs,
		                   .records_path = e->records_path, .control = { &fake_ops, &e->fake } };
	return true;
}

static void edge_close(struct edge *e)
{
	cdr_close(e->cdrs);
	provision_free(e->provision);
	office_free(e->office);
	store_close(e->store);
	rcu_drain();
	test_folder_remove(e->folder);
}
