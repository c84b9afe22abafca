// The tables of records.db. A migration that was released is never changed: what comes later is another one.
#include "keep/cdr_db.h"

#include "keep/store_migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SIDE(s)                                                                                                        \
	s "_line INTEGER NOT NULL, " s "_trunk_group INTEGER NOT NULL, " s "_customer INTEGER NOT NULL,"                  \
	s "_number TEXT NOT NULL, " s "_name TEXT NOT NULL, " s "_presentation INTEGER NOT NULL,"                         \
	s "_screening INTEGER NOT NULL, " s "_peer TEXT NOT NULL, " s "_call_id TEXT NOT NULL,"                           \
	s "_packets INTEGER NOT NULL, " s "_octets INTEGER NOT NULL, " s "_lost INTEGER NOT NULL,"                        \
	s "_jitter_us INTEGER NOT NULL,"

// Times are UTC in ms, 0 never. trail and ladder are the rows of call/model/trail.h as they are in memory.
static const char records[] =
	"CREATE TABLE call_record ("
	"sequence INTEGER PRIMARY KEY, call INTEGER NOT NULL,"
	"began INTEGER NOT NULL, alerted INTEGER NOT NULL, answered INTEGER NOT NULL, ended INTEGER NOT NULL,"
	"answered_for_ms INTEGER NOT NULL, was_answered INTEGER NOT NULL, emergency INTEGER NOT NULL,"
	"unsynced INTEGER NOT NULL, recovered INTEGER NOT NULL, released_by INTEGER NOT NULL,"
	"cause_standard INTEGER NOT NULL, cause INTEGER NOT NULL, cause_location INTEGER NOT NULL,"
	"dialled TEXT NOT NULL, called TEXT NOT NULL, diverted_from TEXT NOT NULL, diversion_feature INTEGER NOT NULL,"
	"codec TEXT NOT NULL, rules_version INTEGER NOT NULL," SIDE("o") SIDE("t")
	"trail BLOB NOT NULL, ladder BLOB NOT NULL) STRICT;"
	"CREATE INDEX call_record_began ON call_record (began);"
	"CREATE INDEX call_record_call ON call_record (call);"
	"CREATE INDEX call_record_o_line ON call_record (o_line) WHERE o_line <> 0;"
	"CREATE INDEX call_record_t_line ON call_record (t_line) WHERE t_line <> 0;"
	"CREATE INDEX call_record_o_number ON call_record (o_number);"
	"CREATE INDEX call_record_called ON call_record (called);"
	// How far which journal is loaded: one row.
	"CREATE TABLE journal_place ("
	"id INTEGER PRIMARY KEY CHECK (id = 1),"
	"journal INTEGER NOT NULL, segment INTEGER NOT NULL, place INTEGER NOT NULL) STRICT;"
	"INSERT INTO journal_place (id, journal, segment, place) VALUES (1, 0, 0, 0);";

static const char registrations[] =
	"CREATE TABLE registration ("
	"line INTEGER NOT NULL, contact TEXT NOT NULL, call_id TEXT NOT NULL, instance TEXT NOT NULL,"
	"user_agent TEXT NOT NULL, peer TEXT NOT NULL, listener INTEGER NOT NULL, q INTEGER NOT NULL,"
	"cseq INTEGER NOT NULL, expires INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;"
	"CREATE INDEX registration_line ON registration (line);";

static const char line_states[] =
	"CREATE TABLE message_waiting ("
	"line INTEGER PRIMARY KEY, fresh INTEGER NOT NULL, old INTEGER NOT NULL, fresh_urgent INTEGER NOT NULL,"
	"old_urgent INTEGER NOT NULL) STRICT;"
	"CREATE TABLE subscription ("
	"tag TEXT PRIMARY KEY, watcher INTEGER NOT NULL, watched INTEGER NOT NULL, local_cseq INTEGER NOT NULL,"
	"remote_cseq INTEGER NOT NULL, loose INTEGER NOT NULL, peer TEXT NOT NULL, listener INTEGER NOT NULL,"
	"text TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

// What telephones reported of calls (RFC 6035), by line and Call-ID: a report may come before the record, and long after
// it. NULL: not reported. A reader finds both together in cdr.
#define HEARD(s)                                                                                                       \
	"coalesce(" s ".mos_lq + 1, 0) AS " s "_mos_lq, coalesce(" s ".mos_cq + 1, 0) AS " s "_mos_cq,"                    \
	"coalesce(" s ".loss + 1, 0) AS " s "_heard_loss, coalesce(" s ".discard + 1, 0) AS " s "_heard_discard,"          \
	"coalesce(" s ".round_trip_ms + 1, 0) AS " s "_round_trip_ms, coalesce(" s ".delay_ms + 1, 0) AS " s "_delay_ms,"  \
	"coalesce(" s ".jitter_ms + 1, 0) AS " s "_heard_jitter_ms"
#define HEARD_BY(s) " LEFT JOIN quality_report AS " s " ON " s ".line = c." s "_line AND " s ".call_id = c." s "_call_id"
static const char reports[] =
	"CREATE TABLE quality_report ("
	"line INTEGER NOT NULL, call_id TEXT NOT NULL, at INTEGER NOT NULL, mos_lq INTEGER, mos_cq INTEGER, loss INTEGER,"
	"discard INTEGER, round_trip_ms INTEGER, delay_ms INTEGER, jitter_ms INTEGER,"
	"PRIMARY KEY (line, call_id)) STRICT, WITHOUT ROWID;"
	"CREATE VIEW cdr AS SELECT c.*, " HEARD("o") ", " HEARD("t") " FROM call_record AS c" HEARD_BY("o") HEARD_BY("t") ";";

// A side whose party a transfer replaced, or that a transfer brought: the number of the other call, and what it is to
// this one (enum record_tied).
#define TIED(s)                                                                                                        \
	"ALTER TABLE call_record ADD COLUMN " s "_tied_to INTEGER NOT NULL DEFAULT 0;"                                     \
	"ALTER TABLE call_record ADD COLUMN " s "_tied_as INTEGER NOT NULL DEFAULT 0;"
static const char transfers[] = TIED("o") TIED("t");

static const struct store_migration migrations[] = {
	{ 100, "records", records },
	{ 101, "registrations", registrations },
	{ 102, "messages and subscriptions", line_states },
	{ 103, "reports of voice quality", reports },
	{ 104, "transfers", transfers },
	{ 0, NULL, NULL },
};

static enum err make_file(const char *path, struct store_fault *fault)
{
	if (path[0] == ':') return OK;
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(fault->why, sizeof fault->why, "cannot make %s: %s", path, strerror(errno));
		return ERR_SYSTEM;
	}
	close(fd);
	return OK;
}

enum err cdr_db_open(struct store_db *db, const char *path, struct store_fault *fault)
{
	*db = (struct store_db){ 0 };
	enum err err = make_file(path, fault);
	if (err == OK) err = store_db_open(db, path, fault);
	if (err != OK) return err;
	err = store_migrate(db, migrations, fault);
	if (err != OK) store_db_close(db);
	return err;
}
