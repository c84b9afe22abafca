// The fields of a CDR, once: from this list the questions to the store and the columns of CSV and JSON are made.
#pragma once

#include "call/model/record.h"

// How a field is kept in the store, and written.
enum cdr_kind {
	CDR_UINT,   // a number
	CDR_FIGURE, // a number and one; 0: it is not known
	CDR_NAMED,  // a number of 64 bits that is a name: text in JSON, which has no such numbers
	CDR_FLAG,   // bool
	CDR_TIME,   // UTC in ms; 0 is never
	CDR_LINE, CDR_TRUNK, CDR_FEATURE, // ids, shown as names where those are at hand; 0 none
	CDR_TEXT,   // NUL-terminated
	CDR_NUMBER, // struct number: +16035550101, or the digits as they are
	CDR_NAME,   // the display name of a struct party
	CDR_ADDR,   // struct addr
};

// name, kind, field of struct call_record. Names are columns of records.db, which migrations make: a new field takes a
// new migration.
#define CDR_SIDE_COLUMNS(X, side)                                                                                      \
	X(side##_line, LINE, side.line)                                                                                    \
	X(side##_trunk_group, TRUNK, side.trunk_group)                                                                     \
	X(side##_customer, UINT, side.customer)                                                                            \
	X(side##_number, NUMBER, side.party.number)                                                                        \
	X(side##_name, NAME, side.party)                                                                                   \
	X(side##_presentation, UINT, side.party.presentation)                                                              \
	X(side##_screening, UINT, side.party.screening)                                                                    \
	X(side##_peer, ADDR, side.peer)                                                                                    \
	X(side##_call_id, TEXT, side.call_id)                                                                              \
	X(side##_packets, UINT, side.media.packets)                                                                        \
	X(side##_octets, UINT, side.media.octets)                                                                          \
	X(side##_lost, UINT, side.media.lost)                                                                              \
	X(side##_jitter_us, UINT, side.media.jitter_us)                                                                    \
	X(side##_tied_to, NAMED, side.tied_to)                                                                             \
	X(side##_tied_as, UINT, side.tied_as)
#define CDR_COLUMNS(X)                                                                                                 \
	X(sequence, UINT, sequence)                                                                                        \
	X(call, NAMED, call)                                                                                               \
	X(began, TIME, began_wall_ms)                                                                                      \
	X(alerted, TIME, alerted_wall_ms)                                                                                  \
	X(answered, TIME, answered_wall_ms)                                                                                \
	X(ended, TIME, ended_wall_ms)                                                                                      \
	X(answered_for_ms, UINT, answered_for_ms)                                                                          \
	X(was_answered, FLAG, answered)                                                                                    \
	X(emergency, FLAG, emergency)                                                                                      \
	X(unsynced, FLAG, unsynced)                                                                                        \
	X(recovered, FLAG, recovered)                                                                                      \
	X(released_by, UINT, released_by)                                                                                  \
	X(cause_standard, UINT, cause.standard)                                                                            \
	X(cause, UINT, cause.value)                                                                                        \
	X(cause_location, UINT, cause.location)                                                                            \
	X(dialled, TEXT, dialled)                                                                                          \
	X(called, NUMBER, called)                                                                                          \
	X(diverted_from, NUMBER, diverted_from)                                                                            \
	X(diversion_feature, FEATURE, diversion_feature)                                                                   \
	X(codec, TEXT, codec)                                                                                              \
	X(rules_version, UINT, rules_version)                                                                              \
	CDR_SIDE_COLUMNS(X, o)                                                                                             \
	CDR_SIDE_COLUMNS(X, t)

// What telephones reported, joined to the record when it is read (the view cdr).
#define CDR_SIDE_HEARD_COLUMNS(X, side)                                                                                \
	X(side##_mos_lq, FIGURE, side.heard.mos_lq)                                                                        \
	X(side##_mos_cq, FIGURE, side.heard.mos_cq)                                                                        \
	X(side##_heard_loss, FIGURE, side.heard.loss)                                                                      \
	X(side##_heard_discard, FIGURE, side.heard.discard)                                                                \
	X(side##_round_trip_ms, FIGURE, side.heard.round_trip_ms)                                                          \
	X(side##_delay_ms, FIGURE, side.heard.delay_ms)                                                                    \
	X(side##_heard_jitter_ms, FIGURE, side.heard.jitter_ms)
#define CDR_HEARD_COLUMNS(X) CDR_SIDE_HEARD_COLUMNS(X, o) CDR_SIDE_HEARD_COLUMNS(X, t)
#define CDR_COLUMN_ONE(name, kind, member) +1
enum { CDR_KEPT_COLUMNS = 0 CDR_COLUMNS(CDR_COLUMN_ONE) }; // those that come first: of the table call_record

struct cdr_column {
	const char *name;
	uint8_t kind; // enum cdr_kind
	uint16_t at, size; // in struct call_record
};
#define CDR_COLUMN_ROW(name_, kind_, member)                                                                           \
	{ #name_, CDR_##kind_, offsetof(struct call_record, member), sizeof(((struct call_record *)0)->member) },

// The value of a field: of UINT, FLAG and TIME; the text of the others into b.
uint64_t cdr_column_uint(const struct cdr_column *c, const struct call_record *r);
void put_cdr_column(struct buf *b, const struct cdr_column *c, const struct call_record *r);
// Sets it, from what the store kept.
void cdr_column_set_uint(const struct cdr_column *c, struct call_record *r, uint64_t value);
void cdr_column_set_text(const struct cdr_column *c, struct call_record *r, struct str text);
bool cdr_column_is_text(const struct cdr_column *c);
const struct cdr_column *cdr_columns(uint32_t *count);
