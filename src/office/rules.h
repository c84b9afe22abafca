// The folder's own: a snapshot is made ready to be read.
#pragma once

#include "office/office.h"

// Sorts and checks every table and makes the index of sources; ERR_BAD as told at office_put_rules.
MUST_CHECK enum err office_rules_finish(struct office_rules *rules);
