// What is provisioned, as calls read it: rows and snapshots in memory, swapped whole under RCU, never changed in place.
//
//     keep/store (SQLite) ──load, change──▶ struct office ◀──look-ups── every worker (between two rcu_quiescent)
//
// Lines and numbers are rows of their own, replaced one at a time; the small rule sets are one snapshot with a version.
// One thread (control) writes; all read. A pointer is good until the reader's next rcu_quiescent.
#pragma once

#include "base/addr.h"
#include "base/rcu.h"

#define OFFICE_NAME_MAX 48
#define OFFICE_DIGITS_MAX 24
#define OFFICE_SECRET_MAX 64
#define OFFICE_AOR_MAX 128
#define OFFICE_PEERS_MAX 8
#define OFFICE_NAMES_MAX 4  // of peers, that DNS is asked for
#define OFFICE_HOST_MAX 128 // such a name
#define OFFICE_NETS_MAX 16
#define OFFICE_ROUTE_CHOICES 4

// Features a line may have; each may be subscribed, and active with a target where it has one.
#define OFFICE_FEATURES(X)                                                                                             \
	X(FORWARD_ALL, "forward-all", "Call forwarding unconditional")                                                     \
	X(FORWARD_BUSY, "forward-busy", "Call forwarding on busy")                                                         \
	X(FORWARD_NO_ANSWER, "forward-no-answer", "Call forwarding on no answer")                                          \
	X(CALLER_ID_BLOCK, "caller-id-block", "Caller-ID blocking: *67 per call, or on every call when active")
#define OFFICE_FEATURE_ENUM(id, name, help) FEATURE_##id,
enum office_feature { OFFICE_FEATURES(OFFICE_FEATURE_ENUM) FEATURE_COUNT };

struct office_feature_state {
	bool subscribed, active;
	char target[OFFICE_DIGITS_MAX + 1]; // E.164 digits without +, or a short code; "" none
};

// May, must or must not the media of a leg be encrypted (SRTP by SDES, RFC 4568)?
enum office_srtp { OFFICE_SRTP_NEVER, OFFICE_SRTP_OFFERED, OFFICE_SRTP_REQUIRED };

enum office_digest { OFFICE_DIGEST_BOTH, OFFICE_DIGEST_MD5, OFFICE_DIGEST_SHA256 }; // offered; MD5 first of both

struct office_line {
	uint32_t id, customer, rate_centre; // ids; a line's id indexes its live state
	char name[OFFICE_NAME_MAX];         // the user of its address of record and of its credentials
	char display[OFFICE_NAME_MAX];      // calling name
	char number[OFFICE_DIGITS_MAX + 1]; // E.164 digits shown and charged for its calls, without +
	uint8_t ha1_md5[16], ha1_sha256[32];
	uint8_t digest;                     // enum office_digest
	uint8_t srtp;                       // enum office_srtp
	bool pbx;                           // of several numbers: calls carry the one that was dialled, and show the caller's
	bool suspended;                     // the line's own or its customer's: only emergency and 611 go out
	uint16_t calls_max;                 // simultaneous calls, both directions
	uint16_t no_answer_s;               // ringing time before no-answer treatment
	uint16_t contacts_max;              // registrations at once
	struct office_feature_state features[FEATURE_COUNT];
};

enum office_number_kind { OFFICE_NUMBER_LINE, OFFICE_NUMBER_VACANT, OFFICE_NUMBER_CHANGED, OFFICE_NUMBER_DISCONNECTED };
struct office_number {
	char digits[OFFICE_DIGITS_MAX + 1]; // E.164 without +
	uint8_t kind;                       // enum office_number_kind
	uint32_t line;                      // LINE
	char new_number[OFFICE_DIGITS_MAX + 1]; // CHANGED; "" when it may not be told
};

struct office_customer {
	uint32_t id;
	char name[OFFICE_NAME_MAX];
	bool suspended;
};

struct office_state { // a state of the union
	char code[3];
	char name[OFFICE_NAME_MAX];
	bool open; // interconnection, numbers, 911 and certification are ready: its lines may call and be called
};

struct office_rate_centre {
	uint32_t id;
	char name[OFFICE_NAME_MAX];
	char state[3];
	uint16_t lata;
};

struct office_npa { // dialling plan of an area code (NANP §4)
	uint16_t npa;
	char state[3];
	bool seven_digits; // 7 digits serve for home-NPA local calls
};

struct office_exchange { // NPA-NXX of the public tables
	uint32_t npa_nxx;
	uint32_t rate_centre;
};

struct office_peer { // one far SIP switch of a trunk group
	struct addr addr;
	uint8_t priority; // lower first
	uint8_t name;     // it was found by this name: place in the group's names, plus 1; 0: it was provisioned
	uint8_t rank;     // among those of its name, lower first (order and priority of DNS, RFC 3263)
	uint16_t weight;  // its share of the calls among its equals (RFC 2782); 0 of all: they are tried in order
};

// A name that stands for far switches. Which, DNS says; whoever asks it puts the answer by office_put_targets.
#define OFFICE_TRANSPORT_ANY 255
struct office_name {
	char host[OFFICE_HOST_MAX];
	uint16_t port;     // 0: DNS says (SRV), or that of the transport
	uint8_t transport; // enum transport, or ANY: DNS says (NAPTR, SRV), or UDP
	uint8_t priority;
};

// +1603..., 603..., 1603...
enum office_number_format { OFFICE_FORMAT_E164, OFFICE_FORMAT_NATIONAL, OFFICE_FORMAT_DIALLED };

// Which headers tell who forwarded a call (RFC 5806, RFC 7044): a set.
enum office_diversion {
	OFFICE_DIVERSION_NONE,
	OFFICE_DIVERSION_DIVERSION = 1,
	OFFICE_DIVERSION_HISTORY = 2,
	OFFICE_DIVERSION_BOTH = 3,
};

struct office_trunk_group {
	uint32_t id;
	char name[OFFICE_NAME_MAX];
	char host[OFFICE_NAME_MAX];  // host part of URIs sent to it; "" uses the peer's address
	bool in_service, trusted;    // trusted: their P-Asserted-Identity counts, restricted numbers pass (RFC 3325)
	bool emergency;              // 911, 933 and 988 go here
	bool certified;              // its packets are its own only over TLS, by a certificate of its host (RFC 5922)
	bool voicemail;              // it tells which lines have messages (RFC 3842)
	uint8_t format;              // enum office_number_format of called numbers
	uint8_t diversion;           // enum office_diversion: what it is told, and what of it counts
	bool overlap;                // it may dial in parts: 484 asks for more (RFC 3578)
	char user[OFFICE_NAME_MAX];  // of our credentials; "": none
	char realm[OFFICE_NAME_MAX]; // theirs, the only one that is answered; "": any
	char secret[OFFICE_SECRET_MAX + 1];  // the password, without a realm;
	uint8_t ha1_md5[16], ha1_sha256[32]; // else these, of user, realm and password
	char aor[OFFICE_AOR_MAX];    // "sip:user@host": it is registered with the carrier; "": none is
	uint32_t register_s;         // for how long at a time
	uint8_t srtp;                // enum office_srtp
	uint16_t calls_max;          // 0: no limit
	uint16_t failover_ms;        // silence on an INVITE before the next choice
	uint16_t options_s;          // period of OPTIONS; 0: not supervised
	uint8_t peer_count, net_count, name_count;
	struct office_peer peers[OFFICE_PEERS_MAX]; // those provisioned, then those of its names
	struct office_name names[OFFICE_NAMES_MAX];
	struct addr_net nets[OFFICE_NETS_MAX]; // whose packets are this group's, besides its peers'
};

struct office_route { // longest prefix wins
	uint32_t id;
	char prefix[OFFICE_DIGITS_MAX + 1]; // of E.164 digits; "" is the default route
	uint8_t choice_count;
	uint32_t choices[OFFICE_ROUTE_CHOICES]; // trunk group ids in order
};

// What a carrier may want to change: rows of one table, from which checks, CLI and manual are made too.
// id, default, min, max, what it is
#define OFFICE_SETTINGS(X)                                                                                             \
	X(first_digit_ms, 16000, 1000, 60000, "Dial tone without a digit before permanent signal treatment, ms (GR-505)")  \
	X(inter_digit_ms, 16000, 1000, 60000, "Between digits when more must come, ms (RFC 3660 Tpar)")                    \
	X(critical_digit_ms, 4000, 1000, 10000, "Between digits when the number may be complete, ms (Tcrit)")              \
	X(no_answer_network_ms, 180000, 30000, 600000, "Ringing of a call to another network before it is given up, ms")   \
	X(answer_commit_ms, 200, 0, 10000,                                                                                 \
	  "Longest wait of an answer for its record on disk, ms; that of an emergency call waits for none")                \
	X(slow_disk_refuses, 0, 0, 1, "When records are late: 0 passes calls on, marked and alarmed; 1 refuses new calls") \
	X(treatment_ms, 30000, 1000, 120000, "Longest tone of a failed call, ms")                                          \
	X(call_max_s, 86400, 60, 604800, "Longest call, s")                                                                \
	X(media_silence_s, 120, 0, 3600,                                                                                   \
	  "Neither RTP nor RTCP from a side of an answered call before it is released, s; 0: never")                       \
	X(srtp_needs_tls, 1, 0, 1,                                                                                         \
	  "Keys of encrypted media (SRTP) are said and taken over TLS only: 1; over any transport: 0")                     \
	X(register_min_s, 60, 10, 3600, "Shortest registration or subscription, s (423 below)")                            \
	X(register_max_s, 3600, 60, 86400, "Longest registration or subscription, s")                                      \
	X(nonce_life_s, 300, 30, 3600, "Life of a digest nonce, s")                                                        \
	X(session_s, 1800, 0, 86400,                                                                                       \
	  "Session timer that calls are given (RFC 4028), s; 0: none, but what the other side asks for is kept")           \
	X(session_min_s, 90, 90, 3600, "Shortest session timer that is taken, s (422 below)")                              \
	X(keepalive_s, 25, 0, 300, "Between two keep-alives to a phone behind a NAT, s; 0: none are sent")
#define OFFICE_SETTING_FIELD(id, dflt, min, max, help) uint32_t id;

struct office_source { // whose packets: a peer's address, from which its group is known
	struct addr addr; // port 0: any
	uint32_t group;   // index into trunk_groups
};

struct office_rules { // one immutable snapshot
	uint32_t version; // of office_change
	char name[OFFICE_NAME_MAX];
	char realm[OFFICE_NAME_MAX]; // fixed when the office is made: HA1 hangs on it
	struct { OFFICE_SETTINGS(OFFICE_SETTING_FIELD) } settings;
	uint32_t customer_count, state_count, rate_centre_count, npa_count, exchange_count, trunk_group_count, route_count;
	struct office_customer *customers;       // by id
	struct office_state *states;             // by code
	struct office_rate_centre *rate_centres; // by id
	struct office_npa *npas;                 // by npa
	struct office_exchange *exchanges;       // by npa_nxx
	struct office_trunk_group *trunk_groups; // by id
	struct office_route *routes;             // by prefix
	uint32_t source_count;
	struct office_source *sources;           // by address, then port; made by office_put_rules
};

struct office;

// "sip.carrier.example", with a port or a transport or both: "sip.carrier.example:5070;transport=tcp". ERR_BAD: it is
// none; priority and letters: 0, small.
MUST_CHECK enum err office_name_parse(struct office_name *out, struct str text);
void put_office_name(struct buf *b, const struct office_name *name);
// Equal but for the priority.
bool office_name_eq(const struct office_name *a, const struct office_name *b);

// Reading. NULL: no such row.
const struct office_rules *office_rules(const struct office *o);
const struct office_line *office_line(const struct office *o, uint32_t id);
const struct office_line *office_line_by_name(const struct office *o, struct str name);
const struct office_number *office_number(const struct office *o, struct str e164_digits);
const struct office_trunk_group *office_trunk_group(const struct office_rules *r, uint32_t id);
// Whose packet is this? By source address and, where a peer lists it, port: the only thing that tells a trunk. Of a group
// that is certified it must have come over TLS, and who has no certificate of its host gets no connection
// (office_certified_host).
const struct office_trunk_group *office_trunk_group_of(const struct office_rules *r, const struct addr *source);
// Who connects from here must have a certificate of this name; empty: nobody asks.
struct str office_certified_host(const struct office_rules *r, const struct addr *source);
// What a peer's URIs and its certificate say: the group's host, or the name that it was found by; empty: its address.
struct str office_host_of(const struct office_trunk_group *g, const struct addr *peer);
const struct office_customer *office_customer(const struct office_rules *r, uint32_t id);
const struct office_rate_centre *office_rate_centre(const struct office_rules *r, uint32_t id);
const struct office_state *office_state(const struct office_rules *r, struct str code);
const struct office_npa *office_npa(const struct office_rules *r, uint16_t npa);
const struct office_exchange *office_exchange(const struct office_rules *r, uint32_t npa_nxx);
uint32_t office_line_count(const struct office *o);
// The trunk group that the office marks for emergency calls, or NULL.
const struct office_trunk_group *office_emergency_group(const struct office_rules *r);

// Who looks over a reader's shoulder: told each row that a look-up of this thread finds. Whoever keeps the inputs of
// calls sets it around a step (run/inputs.h); NULL: nobody looks.
#define OFFICE_ROWS(X)                                                                                                 \
	X(line) X(number) X(trunk_group) X(rate_centre) X(state) X(npa) X(route)
#define OFFICE_ROW_ENUM(row) OFFICE_ROW_##row,
enum office_row { OFFICE_ROWS(OFFICE_ROW_ENUM) OFFICE_ROW_COUNT };
struct office_watch {
	void (*found)(struct office_watch *w, enum office_row kind, const void *row); // a struct office_<kind>
};
extern _Thread_local struct office_watch *office_watch;

static inline const void *office_found(enum office_row kind, const void *row)
{
	if (office_watch && row) office_watch->found(office_watch, kind, row);
	return row;
}

// Writing: the control thread, and tests that make an office without a store. Rows are copied; names end in NUL.
#define OFFICE_LINE_ID_MAX (1u << 24) // ids are dense: lines are found, and their live state is, by index
MUST_CHECK enum err office_new(struct office **out);
// No reader may be left. NULL is fine; returns NULL.
struct office *office_free(struct office *o);
// Adds, or replaces the line of this id. ERR_BAD: id 0 or too large, no name; ERR_EXISTS: another line has its name.
MUST_CHECK enum err office_put_line(struct office *o, const struct office_line *line);
void office_drop_line(struct office *o, uint32_t id);
// Adds, or replaces the number of these digits.
MUST_CHECK enum err office_put_number(struct office *o, const struct office_number *number);
void office_drop_number(struct office *o, struct str e164_digits);
// Takes ownership of a snapshot from office_rules_dup; sorts its tables. ERR_BAD: an id or key stands twice, or a rate
// centre, area code, exchange or route refers to what is not there; then the snapshot is freed and the old one stays.
MUST_CHECK enum err office_put_rules(struct office *o, struct office_rules *rules);
// One address that a name stands for.
struct office_target {
	struct addr addr;
	uint8_t rank;
	uint16_t weight;
};
// From now on a name stands for these (as many as fit), in all trunk groups that have it, now and after every change.
// ERR_FULL: no memory, and nothing changed.
MUST_CHECK enum err office_put_targets(struct office *o, const struct office_name *name,
                                       const struct office_target *targets, uint32_t count);
// A deep copy to be changed and put; with defaults when `from` is NULL. NULL when there is no memory.
struct office_rules *office_rules_dup(const struct office_rules *from);
// One that was not put after all. NULL is fine; returns NULL.
struct office_rules *office_rules_free(struct office_rules *rules);

// Appends a row to a snapshot that is not put yet, in any order: office_rules_add_customer(rules, &row), and so on.
#define OFFICE_TABLES(X)                                                                                               \
	X(customer, customers) X(state, states) X(rate_centre, rate_centres) X(npa, npas) X(exchange, exchanges)           \
	X(trunk_group, trunk_groups) X(route, routes)
#define OFFICE_ADD_DECLARE(row, table) \
	MUST_CHECK enum err office_rules_add_##row(struct office_rules *rules, const struct office_##row *it);
OFFICE_TABLES(OFFICE_ADD_DECLARE)
