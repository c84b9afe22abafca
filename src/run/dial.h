// A dry run: what would happen if a line dialled digits now. The very code of real calls decides, with legs that send
// nothing, a media plane that has no ports and limits that nobody else sees.
#pragma once

#include "live/live.h"
#include "office/office.h"
#include "run/control.h"

// Fills the record of the call that never was. ERR_NOT_FOUND: no such line; ERR_FULL: no memory.
MUST_CHECK enum err dial_dry(struct call_record *out, const struct control_dial *q, const struct office *office,
                             const struct live *live, uint64_t now_ms, uint64_t wall_ms);
