// The ladder of a call as a drawing in text, as an engineer draws it:
//
//         ms        6035550101              dialtone               granite
//          0             |── INVITE ── sdp ─────▶|                      |
//          1             |◀──────── 100 ─────────|                      |
//         12             |                       |── INVITE ── sdp ────▶|
//
// Each leg has a column: the caller's left, then the switch, then the called ones.
#pragma once

#include "call/model/trail.h"

#define LADDER_LEGS_MAX 9 // the caller's and eight called ones

struct ladder_names {
	uint32_t count;                    // names there are; legs without one are "leg N"
	struct str legs[LADDER_LEGS_MAX];  // 0 the caller's
};
void put_ladder(struct buf *b, const struct ladder_row *rows, uint32_t n, const struct ladder_names *names);
