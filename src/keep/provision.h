// Changing the office: one small language for every kind of object, from which the CLI, the API and the console are
// made. Objects have a kind, a key and fields, all as text:
//
//     add line 6035550101 customer=granite rate-centre=NH/Manchester number=+16035550101 display="Front desk"
//
//     text ──types, ranges──▶ SQL transaction ──references──▶ office_change ──commit──▶ changed rows into struct office
//
// Each operation is done whole or not at all: OK with the version of the change, or a fault that names the field and
// says why in a sentence. Everything here is for the control thread only; a call in progress never waits for it.
#pragma once

#include "base/buf.h"
#include "keep/store.h"
#include "office/office.h"

#define PROVISION_VALUE_MAX 1024 // octets of one value
#define PROVISION_FIELDS_MAX 32
#define PROVISION_KEY_MAX 128
#define PROVISION_PASSWORD_MIN 8
#define PROVISION_PASSWORD_MAX 64

// ---- What there is to provision ------------------------------------------------------------------------------------

// Kinds that a key names in two parts are written PART/PART: NH/Manchester, 6035550101/forward-all.
// kind, name, help
#define PROVISION_KINDS(X)                                                                                             \
	X(SETTING, "setting", "What a carrier may want to change; fixed set, only set")                                    \
	X(STATE, "state", "A state of the union, open for service or not")                                                 \
	X(RATE_CENTRE, "rate-centre", "A rate centre, key STATE/NAME")                                                     \
	X(NPA, "npa", "An area code and its dialling plan")                                                                \
	X(EXCHANGE, "exchange", "An exchange of the public tables, key NPANXX")                                            \
	X(CUSTOMER, "customer", "Who is billed")                                                                           \
	X(LINE, "line", "A line: what registers and calls")                                                                \
	X(NUMBER, "number", "A number of ours, key in E.164")                                                              \
	X(FEATURE, "feature", "A feature of a line, key LINE/FEATURE")                                                     \
	X(TRUNK, "trunk", "A trunk group to another carrier's switch")                                                     \
	X(ROUTE, "route", "Trunk groups by prefix of E.164 digits; the key \"default\" stands for all")                    \
	X(CHANGE, "change", "What was changed, when and by whom; only shown")
#define PROVISION_KIND_ENUM(id, name, help) PROVISION_##id,
enum provision_kind { PROVISION_KINDS(PROVISION_KIND_ENUM) PROVISION_KIND_COUNT };

enum provision_type {
	PROVISION_TEXT,      // UTF-8 without control characters, at most max octets
	PROVISION_WORD,      // letters, digits and . _ - only
	PROVISION_U32,       // min to max
	PROVISION_BOOL,      // yes or no (also true, false, 1, 0)
	PROVISION_CHOICE,    // one of `choices`
	PROVISION_E164,      // +CC..., or 1NPANXXXXXX; shown with +
	PROVISION_REF,       // key of an object of kind `ref`
	PROVISION_PASSWORD,  // write-only
	PROVISION_PEERS,     // ADDRESS:PORT/PRIORITY or NAME/PRIORITY,...
	PROVISION_NETS,      // ADDRESS/BITS,...
	PROVISION_REFS,      // keys of objects of kind `ref`, in order, parted by commas
};

enum {
	PROVISION_KEY = 1,       // (part of) the key: given at add, never changed
	PROVISION_REQUIRED = 2,  // must be given at add
	PROVISION_SETTABLE = 4,  // may be given to set
	PROVISION_SECRET = 8,    // never shown, never in office_change
	PROVISION_FILTER = 16,   // list may ask for one value of it
};

struct provision_field {
	const char *name;
	uint8_t type, flags; // enum provision_type; PROVISION_KEY...
	uint8_t ref;         // enum provision_kind, of REF and REFS
	uint32_t min, max;   // U32: value; TEXT, WORD, PASSWORD: octets; lists: most members
	const char *preset;  // when it is not given to add; NULL: empty
	const char *choices; // CHOICE: "line|vacant|changed|disconnected"
	const char *help;
};

const char *provision_kind_name(enum provision_kind kind);
const char *provision_kind_help(enum provision_kind kind);
// false: there is no kind of this name.
bool provision_kind_of(enum provision_kind *out, struct str name);
// The operations that a kind knows: settings are only set, changes only shown.
bool provision_kind_can_add(enum provision_kind kind);
bool provision_kind_can_set(enum provision_kind kind);
// The fields of a kind in the order in which they are shown; the key's parts come first.
const struct provision_field *provision_fields(enum provision_kind kind, uint32_t *count);
const struct provision_field *provision_field(enum provision_kind kind, struct str name);

// ---- Asking and answering ------------------------------------------------------------------------------------------

struct provision_pair { // borrowed
	struct str name, value;
};

struct provision_request {
	enum provision_kind kind;
	struct str key;
	const struct provision_pair *pairs;
	uint32_t pair_count;
	struct str who;   // "cli:root", "phone:6035550101": for office_change
	uint64_t wall_ms; // when
};

struct provision_answer {
	enum err err;     // OK, or ERR_BAD, ERR_NOT_FOUND, ERR_EXISTS, ERR_REFUSED, ERR_FULL, ERR_SYSTEM
	uint32_t version; // of the change, when OK; 0 when set changed nothing
	char field[32];   // the field at fault; "" when it is no field's
	char why[256];    // a sentence for a person; "" when OK
	char password[PROVISION_PASSWORD_MAX + 1]; // of a line added without one: told once, here
};

struct provision;

// Where secrets come from; false when there is none. NULL takes the system's.
typedef bool provision_entropy(uint8_t *out, uint32_t n);
// Store and office must outlive it; `office` may be NULL to change a store that no switch runs on.
MUST_CHECK enum err provision_new(struct provision **out, struct store *store, struct office *office,
                                  provision_entropy *entropy);
struct provision *provision_free(struct provision *p);

// A line's password is made (and told) when none is given. Fields that are not given take their presets.
void provision_add(struct provision_answer *out, struct provision *p, const struct provision_request *q);
// Only the fields given; an empty value clears a field that need not be there.
void provision_set(struct provision_answer *out, struct provision *p, const struct provision_request *q);
// ERR_REFUSED, naming them, while other objects refer to it. A line takes its features with it and leaves its numbers
// vacant.
void provision_remove(struct provision_answer *out, struct provision *p, const struct provision_request *q);

// From a line's phone by star code. ERR_REFUSED: the line does not subscribe to it. `target` is E.164 without +, and is
// ignored (kept) when it is empty.
struct provision_feature_change {
	uint32_t line;
	uint8_t feature; // enum office_feature
	bool active;
	struct str target;
	struct str who;
	uint64_t wall_ms;
};
void provision_set_feature(struct provision_answer *out, struct provision *p, const struct provision_feature_change *q);

// Many changes as one: they become visible, in the store and in the office, at commit or not at all. A change that is
// refused leaves the others standing; the caller decides to abort. No nesting.
MUST_CHECK enum err provision_begin(struct provision *p);
void provision_commit(struct provision_answer *out, struct provision *p);
void provision_abort(struct provision *p);

// ---- Showing -------------------------------------------------------------------------------------------------------

struct provision_row { // one object, its values in the order of provision_fields, without the secret ones (empty)
	enum provision_kind kind;
	uint32_t count;
	struct str values[PROVISION_FIELDS_MAX]; // good during the visit
};
// Called for each row; anything but OK ends the list and is returned.
typedef enum err provision_visit(void *self, const struct provision_row *row);

void provision_show(struct provision_answer *out, struct provision *p, enum provision_kind kind, struct str key,
                    provision_visit *visit, void *self);

struct provision_query {
	enum provision_kind kind;
	const struct provision_pair *filters; // all must hold; fields flagged FILTER
	uint32_t filter_count;
	struct str after; // key: the rows after it, in the order of the list; empty from the first
	uint32_t limit;   // 0: no limit
};
void provision_list(struct provision_answer *out, struct provision *p, const struct provision_query *q,
                    provision_visit *visit, void *self);

// The key of a row as it is written, and the row as a JSON object (numbers and truth values without quotes, lists as
// arrays of text, an empty reference or number as null).
void put_provision_key(struct buf *b, const struct provision_row *row);
void put_provision_json(struct buf *b, const struct provision_row *row);
