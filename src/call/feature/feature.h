// The features of a line, in one ordered table: what each does at which detection point, all interaction on one page.
#pragma once

#include "call/half/call.h"

// The table; its rows live as long as the program.
struct feature_table feature_table(void);

// call/feature/forward.c
feature_function forward_access, forward_all, forward_busy, forward_no_answer;
// call/feature/caller_id.c
feature_function caller_id_block;
