// The folder's own: rows of the store as rows of the office.
#pragma once

#include "keep/store_db.h"

// The tables of the rules, as a set: one bit each.
#define STORE_TABLE_BIT(row, table) STORE_TABLE_BIT_##row,
enum store_table_bit { OFFICE_TABLES(STORE_TABLE_BIT) STORE_TABLE_BIT_settings, STORE_TABLE_COUNT };
#define STORE_TABLE(row) (1u << STORE_TABLE_BIT_##row)
#define STORE_ALL_TABLES ((1u << STORE_TABLE_COUNT) - 1)

// Reads the tables of a set anew into a snapshot, in place of what it has there, and its version.
MUST_CHECK enum err store_read_rules(struct store_db *db, struct office_rules *rules, uint32_t tables,
                                     struct store_fault *fault);
// One line with its features, one number. ERR_NOT_FOUND: there is none (any more).
MUST_CHECK enum err store_read_line(struct store_db *db, uint32_t id, struct office_line *out);
MUST_CHECK enum err store_read_number(struct store_db *db, struct str digits, struct office_number *out);

// The word in the choices "a|b|c" as 0, 1, 2; 0 when it is none of them.
uint8_t store_choice(const char *choices, struct str word);

// The choices as the tables and fields spell them, in the order of the office's enumerations.
#define STORE_DIGESTS "both|md5|sha256"
#define STORE_SRTP "never|offered|required"
#define STORE_NUMBER_KINDS "line|vacant|changed|disconnected"
#define STORE_FORMATS "e164|national|dialled"
#define STORE_DIVERSIONS "none|diversion|history-info|both"
