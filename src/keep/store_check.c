// What is wrong with a store, in sentences: each check is a row, a question whose answers are the sentences.
#include "keep/store_rows.h"

#include <stdio.h>

#define SENTENCES_MAX 10 // of one check; then how many more

#define FEATURE_SQL(id, name, help) "'" name "', "
#define TOO_LONG(column) "length(CAST(" column " AS BLOB)) > 47" // OFFICE_NAME_MAX - 1
_Static_assert(OFFICE_NAME_MAX == 48, "TOO_LONG says so");

static const struct check {
	enum store_severity severity;
	const char *sql;
} checks[] = {
	// What no office can be made of, or what would make calls go wrong.
	{ STORE_ERROR,
	  "SELECT 'the name \"' || name || '\" is too long' FROM (SELECT name FROM line UNION ALL SELECT display FROM line "
	  "UNION ALL SELECT name FROM customer UNION ALL SELECT name FROM state UNION ALL SELECT name FROM rate_centre "
	  "UNION ALL SELECT name FROM trunk_group UNION ALL SELECT host FROM trunk_group) WHERE " TOO_LONG("name") },
	{ STORE_ERROR,
	  "SELECT 'the number \"' || number || '\" is not of E.164' FROM (SELECT number FROM number UNION ALL "
	  "SELECT number FROM line WHERE number <> '' UNION ALL SELECT target FROM feature WHERE target <> '' UNION ALL "
	  "SELECT new_number FROM number WHERE new_number <> '') "
	  "WHERE number GLOB '*[^0-9]*' OR length(number) NOT BETWEEN 7 AND 15" },
	{ STORE_ERROR,
	  "SELECT 'the line ' || l.name || ' shows the number +' || l.number || ', which belongs to the line ' || "
	  "o.name || ' of another customer' FROM line l JOIN number n ON n.number = l.number JOIN line o ON o.id = n.line "
	  "WHERE o.customer <> l.customer" },
	{ STORE_ERROR,
	  "SELECT 'the line ' || l.name || ' has a feature \"' || f.feature || '\" that there is not' FROM feature f "
	  "JOIN line l ON l.id = f.line WHERE f.feature NOT IN (" OFFICE_FEATURES(FEATURE_SQL) "'')" },
	{ STORE_ERROR,
	  "SELECT 'the feature ' || f.feature || ' of the line ' || l.name || ' is active, but not subscribed' "
	  "FROM feature f JOIN line l ON l.id = f.line WHERE f.active AND NOT f.subscribed" },
	{ STORE_ERROR,
	  "SELECT 'the feature ' || f.feature || ' of the line ' || l.name || ' is active, but has no target' "
	  "FROM feature f JOIN line l ON l.id = f.line WHERE f.active AND f.target = '' AND f.feature LIKE 'forward-%'" },
	{ STORE_ERROR,
	  "SELECT 'the line ' || l.name || ' forwards its calls to itself by ' || f.feature FROM feature f "
	  "JOIN line l ON l.id = f.line JOIN number n ON n.number = f.target WHERE n.line = l.id" },
	{ STORE_ERROR,
	  "SELECT 'the exchange ' || e.npa_nxx || ' lies in ' || s.code || ' by its rate centre, but its area code in ' || "
	  "t.code FROM exchange e JOIN rate_centre c ON c.id = e.rate_centre JOIN state s ON s.id = c.state "
	  "JOIN npa n ON n.npa = e.npa_nxx / 1000 JOIN state t ON t.id = n.state WHERE s.id <> t.id" },
	{ STORE_ERROR,
	  "SELECT 'the peer ' || p.address || ' stands in the trunk groups ' || g.name || ' and ' || h.name "
	  "FROM trunk_peer p JOIN trunk_peer o ON o.address = p.address AND o.trunk_group > p.trunk_group "
	  "JOIN trunk_group g ON g.id = p.trunk_group JOIN trunk_group h ON h.id = o.trunk_group" },
	{ STORE_ERROR,
	  "SELECT 'the route ' || r.prefix || ' names no trunk group' FROM route r "
	  "WHERE NOT EXISTS (SELECT 1 FROM route_choice WHERE route = r.id)" },
	// What a carrier surely did not mean.
	{ STORE_WARNING,
	  "SELECT 'no trunk group is marked for emergency calls: 911, 933 and 988 cannot be completed' "
	  "WHERE NOT EXISTS (SELECT 1 FROM trunk_group WHERE emergency)" },
	{ STORE_WARNING,
	  "SELECT 'the trunk group ' || name || ' is marked for emergency calls, but out of service' FROM trunk_group "
	  "WHERE emergency AND NOT in_service" },
	{ STORE_WARNING,
	  "SELECT 'the trunk group ' || name || ' has no peers: no call can go there' FROM trunk_group g "
	  "WHERE NOT EXISTS (SELECT 1 FROM trunk_peer WHERE trunk_group = g.id)" },
	{ STORE_WARNING,
	  "SELECT 'no route stands for all other numbers: there is none with the prefix default' "
	  "WHERE NOT EXISTS (SELECT 1 FROM route WHERE prefix = 'default')" },
	{ STORE_WARNING,
	  "SELECT 'the line ' || name || ' has no number: nobody can call it' FROM line l "
	  "WHERE NOT EXISTS (SELECT 1 FROM number WHERE line = l.id)" },
	{ STORE_WARNING, "SELECT 'the line ' || name || ' shows no number on its calls' FROM line WHERE number = ''" },
	{ STORE_WARNING,
	  "SELECT 'the line ' || name || ' shows the number +' || number || ', which is none of ours' FROM line "
	  "WHERE number <> '' AND number NOT IN (SELECT number FROM number)" },
	{ STORE_WARNING,
	  "SELECT 'the line ' || l.name || ' shows the number +' || l.number || ', which is ' || n.kind FROM line l "
	  "JOIN number n ON n.number = l.number WHERE n.kind <> 'line'" },
	{ STORE_WARNING,
	  "SELECT 'the area code ' || npa || ' (of ' || count(*) || ' lines) has no dialling plan' "
	  "FROM (SELECT substr(number, 2, 3) AS npa FROM line WHERE number LIKE '1__________') "
	  "WHERE npa NOT IN (SELECT CAST(npa AS TEXT) FROM npa) GROUP BY npa" },
	{ STORE_WARNING,
	  "SELECT 'the state ' || s.code || ' is not open: its lines (' || count(*) || ') can make emergency calls only' "
	  "FROM line l JOIN rate_centre c ON c.id = l.rate_centre JOIN state s ON s.id = c.state WHERE NOT s.open "
	  "GROUP BY s.id" },
};

struct checking {
	struct store_db *db;
	struct store_findings findings;
	store_report *report;
	void *self;
};

static void say(struct checking *c, enum store_severity severity, struct str sentence)
{
	if (severity == STORE_ERROR) c->findings.errors++;
	else c->findings.warnings++;
	c->report(c->self, severity, sentence);
}

// A question that could not be asked is an error itself.
static void end_question(struct checking *c, struct store_query *q)
{
	struct store_fault fault;
	enum err err = store_end(q);
	if (err == OK) return;
	store_explain(&fault, c->db, err, "read what is stored");
	say(c, STORE_ERROR, str_from(fault.why));
}

static void run_check(struct checking *c, const struct check *check)
{
	struct store_query q = store_ask_once(c->db, check->sql);
	uint32_t count = 0;
	while (store_next(&q))
		if (++count <= SENTENCES_MAX) say(c, check->severity, store_get_str(&q));
	if (count > SENTENCES_MAX) {
		char text[48];
		struct buf b = buf_on(text, sizeof text);
		put_fmt(&b, "... and %u more of this kind", count - SENTENCES_MAX);
		say(c, check->severity, buf_str(&b));
	}
	end_question(c, &q);
}

// The pages of the file; and its references, which could be wrong if another program had written it.
static void check_file(struct checking *c)
{
	struct store_query q = store_ask_once(c->db, "PRAGMA quick_check(10)");
	while (store_next(&q)) {
		struct str sentence = store_get_str(&q);
		if (!str_eq(sentence, STR("ok"))) say(c, STORE_ERROR, sentence);
	}
	end_question(c, &q);
	run_check(c, &(struct check){ STORE_ERROR,
		"SELECT 'the row ' || coalesce(rowid, '') || ' of the table ' || \"table\" || ' refers to a row of ' || "
		"parent || ' that is not there' FROM pragma_foreign_key_check" });
}

static void check_setting(struct checking *c, const char *name, uint32_t min, uint32_t max)
{
	struct store_query q = store_ask_once(c->db, "SELECT value FROM office WHERE name = ?");
	store_bind_str(&q, str_from(name));
	uint32_t value = 0;
	if (store_next(&q) && (str_to_u32(&value, store_get_str(&q), max) != OK || value < min)) {
		char text[160];
		struct buf b = buf_on(text, sizeof text);
		put_fmt(&b, "the setting %s must be between %u and %u", name, min, max);
		say(c, STORE_ERROR, buf_str(&b));
	}
	end_question(c, &q);
}

static void check_addresses(struct checking *c)
{
	struct store_query q = store_ask_once(c->db, "SELECT g.name, p.address, 0 FROM trunk_peer p JOIN trunk_group g "
		"ON g.id = p.trunk_group UNION ALL SELECT g.name, n.net, 1 FROM trunk_net n JOIN trunk_group g "
		"ON g.id = n.trunk_group");
	while (store_next(&q)) {
		struct addr addr;
		struct addr_net net;
		struct str group = store_get_str(&q), text = store_get_str(&q);
		struct office_name name;
		bool is_net = store_get_u64(&q);
		if ((is_net ? addr_net_parse(&net, text) : transport_addr_parse(&addr, text)) == OK) continue;
		if (!is_net && office_name_parse(&name, text) == OK) continue;
		char sentence[256];
		struct buf b = buf_on(sentence, sizeof sentence);
		put_fmt(&b, "the trunk group %.*s has a peer or network \"%.*s\" that is no address or name", STR_FMT(group),
		        STR_FMT(str_head(text, 64)));
		say(c, STORE_ERROR, buf_str(&b));
	}
	end_question(c, &q);
}

struct store_findings store_check(struct store *s, store_report *report, void *self)
{
	struct checking c = { .db = store_db_of(s), .report = report, .self = self };
	check_file(&c);
	for (uint32_t i = 0; i < ARRAY_LEN(checks); i++) run_check(&c, &checks[i]);
#define CHECK_SETTING(id, preset, min, max, help) check_setting(&c, #id, min, max);
	OFFICE_SETTINGS(CHECK_SETTING)
	check_addresses(&c);
	return c.findings;
}
