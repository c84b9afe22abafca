// How calls and records look to a person: sheet, ladder, trail. They are given as the API's JSON.
#pragma once

#include "run/cli.h"

// "6035550101 +16035550101", "trunk far +1207...": in memory that is used again after a few calls.
const char *call_party(const json_t *party);
// "16, normal call clearing, from the user".
const char *call_cause(const json_t *cause);

// All of a call or record on a tidy sheet.
void call_print_sheet(FILE *out, const json_t *call);
// Its messages between the parties, one arrow each; the full text below, of those that were traced.
void call_print_ladder(FILE *out, const json_t *call);
// What it was, in a sentence or two, and its decisions with their times.
void call_print_trail(FILE *out, const json_t *call);
// The decisions alone.
void call_print_rows(FILE *out, const json_t *call);
