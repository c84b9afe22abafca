// The kinds of objects and their fields: the rows from which commands, API, forms and manual are made.
#include "keep/provision_inside.h"

#define KEY PROVISION_KEY
#define REQUIRED PROVISION_REQUIRED
#define SET PROVISION_SETTABLE
#define SECRET PROVISION_SECRET
#define FILTER PROVISION_FILTER
#define NAME (OFFICE_NAME_MAX - 1)

// X(name, type, flags, referred kind, min, max, preset, choices, column, SQL of what is shown, help)

#define SETTING_HELP(id, preset, min, max, help) " WHEN '" #id "' THEN '" help " (" #min " to " #max ")'"
#define SETTING_FIELDS(X)                                                                                              \
	X("name", WORD, KEY, 0, 1, NAME, NULL, NULL, "name", NULL, "Name of the setting")                                  \
	X("value", TEXT, REQUIRED | SET, 0, 1, NAME, NULL, NULL, "value", NULL, "Its value")                               \
	X("meaning", TEXT, 0, 0, 0, 0, NULL, NULL, NULL,                                                                   \
	  "CASE t.name WHEN 'name' THEN 'Name of the office' WHEN 'realm' THEN 'Realm of its passwords, fixed when the '"  \
	  " || 'office was made'" OFFICE_SETTINGS(SETTING_HELP) " ELSE 'Of another version' END", "What it is for")

#define STATE_FIELDS(X)                                                                                                \
	X("code", WORD, KEY, 0, 2, 2, NULL, NULL, "code", NULL, "Two letters")                                             \
	X("name", TEXT, REQUIRED | SET, 0, 1, NAME, NULL, NULL, "name", NULL, "Its name")                                  \
	X("open", BOOL, SET | FILTER, 0, 0, 1, "no", NULL, "open", NULL,                                                   \
	  "Interconnection, numbers, 911 and certification are ready: its lines may call and be called")

#define RATE_CENTRE_FIELDS(X)                                                                                          \
	X("state", REF, KEY | FILTER, PROVISION_STATE, 0, 0, NULL, NULL, "state", NULL, "Its state")                       \
	X("name", TEXT, KEY, 0, 1, NAME, NULL, NULL, "name", NULL, "Its name, unique in the state")                        \
	X("lata", U32, SET | FILTER, 0, 0, 999, "0", NULL, "lata", NULL, "Its LATA; 0: not known")

#define NPA_FIELDS(X)                                                                                                  \
	X("npa", U32, KEY, 0, 200, 999, NULL, NULL, "npa", NULL, "Area code")                                              \
	X("state", REF, REQUIRED | SET | FILTER, PROVISION_STATE, 0, 0, NULL, NULL, "state", NULL, "Its state")            \
	X("seven-digits", BOOL, SET, 0, 0, 1, "no", NULL, "seven_digits", NULL,                                            \
	  "7 digits serve for calls within the area code; else they meet the announcement to dial it")

#define EXCHANGE_FIELDS(X)                                                                                             \
	X("npa-nxx", U32, KEY, 0, 200200, 999999, NULL, NULL, "npa_nxx", NULL, "Area code and exchange, six digits")       \
	X("rate-centre", REF, REQUIRED | SET | FILTER, PROVISION_RATE_CENTRE, 0, 0, NULL, NULL, "rate_centre", NULL,       \
	  "Its rate centre, STATE/NAME")

#define CUSTOMER_FIELDS(X)                                                                                             \
	X("name", TEXT, KEY, 0, 1, NAME, NULL, NULL, "name", NULL, "Its name, unique")                                     \
	X("suspended", BOOL, SET | FILTER, 0, 0, 1, "no", NULL, "suspended", NULL,                                         \
	  "All its lines can call only emergency numbers and 611")

#define LINE_FIELDS(X)                                                                                                 \
	X("name", WORD, KEY, 0, 1, NAME, NULL, NULL, "name", NULL, "User of its address and of its credentials")           \
	X("customer", REF, REQUIRED | SET | FILTER, PROVISION_CUSTOMER, 0, 0, NULL, NULL, "customer", NULL,                \
	  "Who is billed")                                                                                                 \
	X("rate-centre", REF, REQUIRED | SET | FILTER, PROVISION_RATE_CENTRE, 0, 0, NULL, NULL, "rate_centre", NULL,       \
	  "Where it is, STATE/NAME")                                                                                       \
	X("number", E164, SET | FILTER, 0, 0, 0, NULL, NULL, "number", NULL,                                               \
	  "Shown and charged for its calls; made a number of this line if it is new or vacant")                            \
	X("display", TEXT, SET, 0, 0, NAME, "", NULL, "display", NULL, "Calling name")                                     \
	X("password", PASSWORD, SET | SECRET, 0, PROVISION_PASSWORD_MIN, PROVISION_PASSWORD_MAX, NULL, NULL, NULL, "''",   \
	  "Of its phones; made at random and told once when it is not given. Never shown")                                 \
	X("digest", CHOICE, SET, 0, 0, 0, "md5", STORE_DIGESTS, "digest", NULL,                                          \
	  "What its phones are asked for; some fail when SHA-256 is offered")                                              \
	X("srtp", CHOICE, SET | FILTER, 0, 0, 0, "offered", STORE_SRTP, "srtp", NULL,                                      \
	  "Media of its phones: in the clear, encrypted where the phone can (RFC 4568), or only encrypted")                \
	X("calls-max", U32, SET, 0, 1, 1000, "4", NULL, "calls_max", NULL, "Calls at once, both directions")               \
	X("no-answer-s", U32, SET, 0, 6, 180, "24", NULL, "no_answer_s", NULL, "Ringing time, s (6 s a ring)")             \
	X("contacts-max", U32, SET, 0, 1, 8, "4", NULL, "contacts_max", NULL, "Phones registered at once")                 \
	X("suspended", BOOL, SET | FILTER, 0, 0, 1, "no", NULL, "suspended", NULL,                                         \
	  "It can call only emergency numbers and 611")                                                                    \
	X("pbx", BOOL, SET | FILTER, 0, 0, 1, "no", NULL, "pbx", NULL,                                                     \
	  "A PBX: calls carry the number dialled; it may show any of its numbers, and register in bulk (RFC 6140)")

#define NUMBER_FIELDS(X)                                                                                               \
	X("number", E164, KEY, 0, 0, 0, NULL, NULL, "number", NULL, "In E.164: +16035550101")                              \
	X("kind", CHOICE, SET | FILTER, 0, 0, 0, "vacant", STORE_NUMBER_KINDS, "kind", NULL,                               \
	  "What calls to it meet; follows from line and new-number when it is not given")                                  \
	X("line", REF, SET | FILTER, PROVISION_LINE, 0, 0, NULL, NULL, "line", NULL, "The line that it rings")             \
	X("new-number", E164, SET, 0, 0, 0, NULL, NULL, "new_number", NULL,                                                \
	  "Of a changed number, when it may be told")

#define FEATURE_CHOICE(id, name, help) "|" name
#define FEATURE_CHOICES &(OFFICE_FEATURES(FEATURE_CHOICE))[1] // without the first |
#define FEATURE_FIELDS(X)                                                                                              \
	X("line", REF, KEY | FILTER, PROVISION_LINE, 0, 0, NULL, NULL, "line", NULL, "Whose")                              \
	X("feature", CHOICE, KEY | FILTER, 0, 0, 0, NULL, FEATURE_CHOICES, "feature", NULL, "Which")                       \
	X("subscribed", BOOL, SET | FILTER, 0, 0, 1, "yes", NULL, "subscribed", NULL, "The line may use it")               \
	X("active", BOOL, SET | FILTER, 0, 0, 1, "no", NULL, "active", NULL, "It is switched on")                          \
	X("target", E164, SET, 0, 0, 0, NULL, NULL, "target", NULL, "Where calls are forwarded to")

#define TRUNK_FIELDS(X)                                                                                                \
	X("name", WORD, KEY, 0, 1, NAME, NULL, NULL, "name", NULL, "Its name")                                             \
	X("host", WORD, SET, 0, 0, NAME, "", NULL, "host", NULL,                                                           \
	  "Host part of addresses sent to it; empty: the peer's address")                                                  \
	X("peers", PEERS, SET, 0, 0, OFFICE_PEERS_MAX, "", NULL, NULL,                                                     \
	  "(SELECT coalesce(group_concat(m, ','), '') FROM (SELECT address || '/' || priority AS m FROM trunk_peer "       \
	  "WHERE trunk_group = t.id ORDER BY position))",                                                                  \
	  "Its switches: ADDRESS:PORT[;transport=tcp|tls]/PRIORITY,...; lower is tried first. A NAME in place of the "      \
	  "address, with or without port and transport, is asked of DNS (RFC 3263)")                             \
	X("nets", NETS, SET, 0, 0, OFFICE_NETS_MAX, "", NULL, NULL,                                                        \
	  "(SELECT coalesce(group_concat(net, ','), '') FROM (SELECT net FROM trunk_net WHERE trunk_group = t.id "         \
	  "ORDER BY position))", "Whose packets are its own besides its peers': ADDRESS/BITS,...")                         \
	X("in-service", BOOL, SET | FILTER, 0, 0, 1, "yes", NULL, "in_service", NULL, "It is tried")                       \
	X("trusted", BOOL, SET | FILTER, 0, 0, 1, "no", NULL, "trusted", NULL,                                             \
	  "Its asserted identities count, and withheld numbers pass to it (RFC 3325)")                                     \
	X("certified", BOOL, SET | FILTER, 0, 0, 1, "no", NULL, "certified", NULL,                                         \
	  "Its packets are its own only over TLS, by a certificate of its host (RFC 5922); the listener has `clients`")     \
	X("emergency", BOOL, SET | FILTER, 0, 0, 1, "no", NULL, "emergency", NULL, "911, 933 and 988 go here")             \
	X("voicemail", BOOL, SET, 0, 0, 1, "no", NULL, "voicemail", NULL,                                                  \
	  "It tells which lines have messages (message-summary, RFC 3842)")                                                \
	X("format", CHOICE, SET, 0, 0, 0, "e164", STORE_FORMATS, "format", NULL,                                           \
	  "Of called numbers: +16035550101, 6035550101, 16035550101")                                                      \
	X("diversion", CHOICE, SET, 0, 0, 0, "diversion", STORE_DIVERSIONS, "diversion", NULL,                             \
	  "How it is told who forwarded a call, and why; what it tells counts when it is trusted (RFC 5806, RFC 7044)")    \
	X("overlap", BOOL, SET, 0, 0, 1, "no", NULL, "overlap", NULL,                                                      \
	  "It may dial in parts: 484 asks for more digits (RFC 3578)")                                                     \
	X("user", TEXT, SET, 0, 0, NAME, "", NULL, "user", NULL, "Of our credentials, when it challenges us; empty: none") \
	X("realm", TEXT, SET, 0, 0, NAME, "", NULL, "realm", NULL,                                                         \
	  "Its realm, the only one that is answered; empty: any, and then the password itself is stored")                  \
	X("password", PASSWORD, SET | SECRET, 0, 0, OFFICE_SECRET_MAX, NULL, NULL, NULL, "''",                             \
	  "Of our credentials; with a realm only its hashes are stored. Never shown")                                      \
	X("stored", TEXT, 0, 0, 0, 0, NULL, NULL, NULL,                                                                    \
	  "CASE WHEN length(t.ha1_md5) THEN 'hashes for the realm' WHEN t.secret <> '' THEN "                              \
	  "'the password itself, since no realm is given' ELSE 'nothing' END", "What is stored of the password")           \
	X("register", TEXT, SET, 0, 0, OFFICE_AOR_MAX - 1, "", NULL, "aor", NULL,                                          \
	  "Address of record that is registered with it, like sip:+16035550100@carrier.example; empty: none is")           \
	X("register-s", U32, SET, 0, 60, 86400, "3600", NULL, "register_s", NULL, "For how long at a time, s")             \
	X("srtp", CHOICE, SET | FILTER, 0, 0, 0, "offered", STORE_SRTP, "srtp", NULL,                                      \
	  "Media to it: in the clear, encrypted where it can (RFC 4568), or only encrypted")                               \
	X("calls-max", U32, SET, 0, 0, 65535, "0", NULL, "calls_max", NULL, "Calls at once; 0: no limit")                  \
	X("failover-ms", U32, SET, 0, 500, 30000, "4000", NULL, "failover_ms", NULL,                                       \
	  "Silence of a peer before the next is tried, ms")                                                                \
	X("options-s", U32, SET, 0, 0, 3600, "30", NULL, "options_s", NULL,                                                \
	  "Period of OPTIONS to its peers, s; 0: not supervised")

#define ROUTE_FIELDS(X)                                                                                                \
	X("prefix", WORD, KEY, 0, 1, 15, NULL, NULL, "prefix", NULL, "First digits of E.164 without +, or default")        \
	X("choices", REFS, REQUIRED | SET, PROVISION_TRUNK, 1, OFFICE_ROUTE_CHOICES, NULL, NULL, NULL,                     \
	  "(SELECT coalesce(group_concat(name, ','), '') FROM (SELECT g.name FROM route_choice c JOIN trunk_group g "      \
	  "ON g.id = c.trunk_group WHERE c.route = t.id ORDER BY c.position))", "Trunk groups in the order of trying")

#define CHANGE_FIELDS(X)                                                                                               \
	X("version", U32, KEY, 0, 1, UINT32_MAX, NULL, NULL, "version", NULL, "Number of the change")                      \
	X("at", TEXT, 0, 0, 0, 0, NULL, NULL, "at_ms",                                                                     \
	  "strftime('%Y-%m-%dT%H:%M:%S', t.at_ms / 1000, 'unixepoch') || printf('.%03dZ', t.at_ms % 1000)", "When, UTC")   \
	X("who", TEXT, FILTER, 0, 0, NAME, NULL, NULL, "who", NULL, "By whom")                                             \
	X("action", CHOICE, FILTER, 0, 0, 0, NULL, "add|set|remove", "action", NULL, "What was done")                      \
	X("kind", WORD, FILTER, 0, 0, NAME, NULL, NULL, "kind", NULL, "To an object of which kind")                        \
	X("key", TEXT, FILTER, 0, 0, PROVISION_KEY_MAX, NULL, NULL, "key", NULL, "To which object")                        \
	X("before", TEXT, 0, 0, 0, 0, NULL, NULL, "before", NULL, "The object before, JSON")                               \
	X("after", TEXT, 0, 0, 0, 0, NULL, NULL, "after", NULL, "The object after, JSON")

// kind, its table, whether it can be added (and removed) and set, the parts of its key, the rules that it touches
#define TABLES(X)                                                                                                      \
	X(SETTING, "office", false, true, 1, STORE_TABLE(settings))                                                        \
	X(STATE, "state", true, true, 1, STORE_TABLE(state))                                                               \
	X(RATE_CENTRE, "rate_centre", true, true, 2, STORE_TABLE(rate_centre))                                             \
	X(NPA, "npa", true, true, 1, STORE_TABLE(npa))                                                                     \
	X(EXCHANGE, "exchange", true, true, 1, STORE_TABLE(exchange))                                                      \
	X(CUSTOMER, "customer", true, true, 1, STORE_TABLE(customer))                                                      \
	X(LINE, "line", true, true, 1, 0)                                                                                  \
	X(NUMBER, "number", true, true, 1, 0)                                                                              \
	X(FEATURE, "feature", true, true, 2, 0)                                                                            \
	X(TRUNK, "trunk_group", true, true, 1, STORE_TABLE(trunk_group))                                                   \
	X(ROUTE, "route", true, true, 1, STORE_TABLE(route))                                                               \
	X(CHANGE, "office_change", false, false, 1, 0)

#define FIELD(name, type, flags, ref, min, max, preset, choices, column, shown, help) \
	{ name, PROVISION_##type, flags, ref, min, max, preset, choices, help },
#define COLUMN(name, type, flags, ref, min, max, preset, choices, column, shown, help) { column, shown },
#define ARRAYS(kind, table, add, set, parts, rules)                                                                    \
	static const struct provision_field fields_##kind[] = { kind##_FIELDS(FIELD) };                                    \
	static const struct provision_column columns_##kind[] = { kind##_FIELDS(COLUMN) };                                 \
	_Static_assert(ARRAY_LEN(fields_##kind) <= PROVISION_FIELDS_MAX, "a row holds all fields");
TABLES(ARRAYS)

static const struct provision_table tables[PROVISION_KIND_COUNT] = {
#define TABLE(kind, table, add, set, parts, rules) \
	[PROVISION_##kind] = { table, add, set, fields_##kind, columns_##kind, ARRAY_LEN(fields_##kind), parts, rules },
	TABLES(TABLE)
};

static const struct {
	const char *name, *help;
} kinds[] = {
#define KIND(id, name, help) [PROVISION_##id] = { name, help },
	PROVISION_KINDS(KIND)
};

const struct provision_table *provision_table(enum provision_kind kind)
{
	return &tables[kind];
}

const char *provision_kind_name(enum provision_kind kind)
{
	return kinds[kind].name;
}

const char *provision_kind_help(enum provision_kind kind)
{
	return kinds[kind].help;
}

bool provision_kind_of(enum provision_kind *out, struct str name)
{
	for (uint32_t i = 0; i < PROVISION_KIND_COUNT; i++) {
		if (!str_eq(name, str_from(kinds[i].name))) continue;
		*out = (enum provision_kind)i;
		return true;
	}
	return false;
}

bool provision_kind_can_add(enum provision_kind kind)
{
	return tables[kind].can_add;
}

bool provision_kind_can_set(enum provision_kind kind)
{
	return tables[kind].can_set;
}

const struct provision_field *provision_fields(enum provision_kind kind, uint32_t *count)
{
	*count = tables[kind].field_count;
	return tables[kind].fields;
}

const struct provision_field *provision_field(enum provision_kind kind, struct str name)
{
	for (uint32_t i = 0; i < tables[kind].field_count; i++)
		if (str_eq(name, str_from(tables[kind].fields[i].name))) return &tables[kind].fields[i];
	return NULL;
}
