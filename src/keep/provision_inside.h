// The folder's own: how the kinds lie in tables, and what one change has at hand.
//
//     provision_kinds.c    kinds and fields as rows
//     provision_value.c    text to values and back, keys to rows
//     provision_login.c    what is stored of a trunk group's password
//     provision_change.c   add, set, remove: one object, inside a transaction
//     provision_rules.c    what must hold between fields and between objects
//     provision_publish.c  changed rows into the office in memory
//     provision_show.c     rows as text and JSON
//     provision.c          transactions, and the functions of the header
#pragma once

#include "base/arena.h"
#include "keep/provision.h"
#include "keep/store_rows.h"

struct provision_column {
	const char *column; // of the table; NULL: the field lies elsewhere
	const char *shown;  // SQL of its text, of the row t; NULL: from type and column
};

struct provision_table {
	const char *name; // SQL
	bool can_add, can_set;
	const struct provision_field *fields;
	const struct provision_column *columns;
	uint32_t field_count, key_count;
	uint32_t rules; // set of STORE_TABLE(...) that a change of it touches
};
const struct provision_table *provision_table(enum provision_kind kind);

struct provision_mark { // how much is touched
	uint32_t rules; // set of STORE_TABLE(...)
	uint32_t lines, numbers;
};

struct provision {
	struct store_db *db;
	struct office *office;       // NULL: only the store is changed
	provision_entropy *entropy;
	char realm[OFFICE_NAME_MAX];
	struct arena lasting;        // the SQL below
	struct arena scratch;        // of one operation
	const char *select_all[PROVISION_KIND_COUNT], *select_one[PROVISION_KIND_COUNT];
	bool in_bulk;
	uint32_t version;            // of the last change that stands; 0: none since the start
	uint32_t version_before;     // the bulk
	struct provision_mark mark_before;
	struct { // what is to be published at commit; first what could not be published before
		struct provision_mark mark;
		uint32_t line_cap, number_cap;
		uint32_t *lines; // ids; owned
		struct { char digits[OFFICE_DIGITS_MAX + 1]; } *numbers; // owned
	} touched;
};

// A value as it is stored: text, or a number (also of truth and references).
struct provision_value {
	bool given, null;
	uint64_t number;
	struct str text; // in the scratch arena
};

enum provision_action { PROVISION_ADD, PROVISION_SET, PROVISION_REMOVE };

struct provision_step { // one object being changed
	struct provision *p;
	struct provision_answer *out;
	enum provision_action action;
	const struct provision_request *q;
	const struct provision_table *table;
	uint64_t id; // of its row; 0 before it is added
	struct provision_value values[PROVISION_FIELDS_MAX];
};

// Fills the answer; returns false, for callers to return.
bool provision_fail(struct provision_answer *out, enum err err, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
// The store's own refusal, while doing something.
bool provision_fail_store(struct provision_answer *out, struct provision *p, enum err err, const char *doing);

// ---- provision_value.c
bool provision_parse(struct provision *p, struct provision_answer *out, const struct provision_field *f,
                     struct str text, struct provision_value *value);
// A key's parts as values of the key's fields.
bool provision_parse_key(struct provision *p, struct provision_answer *out, enum provision_kind kind, struct str key,
                         struct provision_value *values);
// The row that a key names; ERR_NOT_FOUND in the answer, blamed on `field` (or NULL), when there is none.
bool provision_find(struct provision *p, struct provision_answer *out, enum provision_kind kind, struct str key,
                    const char *field, uint64_t *id);
void provision_bind(struct store_query *q, const struct provision_field *f, const struct provision_value *value);

// ---- provision_change.c
// One change inside an open transaction, with its row of office_change; remembers what is to be published.
bool provision_apply(struct provision_answer *out, struct provision *p, enum provision_action action,
                     const struct provision_request *q);
// The same for an object that another brings with it.
bool provision_apply_also(struct provision_step *step, enum provision_action action, enum provision_kind kind,
                          struct str key, const struct provision_pair *pairs, uint32_t pair_count);

// ---- provision_rules.c
// Before it is written: fields that follow from others, and what fields must be together.
bool provision_prepare(struct provision_step *step);
// After it is written: what it brings with it.
bool provision_follow(struct provision_step *step);
// After that: what must hold between it and others.
bool provision_check_rules(struct provision_step *step);
// Before it is removed: may it? What belongs to it goes first.
bool provision_prepare_removal(struct provision_step *step);

// ---- provision_login.c
// A trunk group's password: what is stored of it, when its row is written.
bool provision_write_login(struct provision_step *step);

// ---- provision_publish.c
bool provision_touch(struct provision_step *step);
// Of the store, which was committed, into the office. What cannot be (no memory) stays touched, for the next time.
enum err provision_publish(struct provision *p);

// ---- provision_show.c
enum err provision_make_selects(struct provision *p);
// The row of an id as JSON, in the scratch arena; empty when it cannot be had.
struct str provision_row_json(struct provision *p, enum provision_kind kind, uint64_t id);
// The key of an id, likewise.
struct str provision_row_key(struct provision *p, enum provision_kind kind, uint64_t id);
