// CDRs as text: a table for people, CSV (RFC 4180) and JSON lines for programs. Columns and names come from one list
// (CDR_COLUMNS in keep/cdr_column.h). Times are UTC, ISO 8601 with milliseconds.
//
// Text that came from the network cannot harm where it is shown: octets that are no printable UTF-8 become "?" in table
// and CSV, and a CSV cell that a spreadsheet would take for a formula (=, +, -, @ first) has an apostrophe before it,
// unless it is a telephone number: + and digits.
#pragma once

#include "call/model/record.h"

enum cdr_format { CDR_TABLE, CDR_CSV, CDR_JSON };

// The line above the rows; nothing for JSON. `names` may be NULL: ids are shown as numbers.
void put_cdr_head(struct buf *b, enum cdr_format format);
// One row with its line end; at most CDR_ROW_MAX octets.
#define CDR_ROW_MAX 6144
void put_cdr(struct buf *b, enum cdr_format format, const struct call_record *r, const struct trail_names *names);
