// Call detail records over HTTP; api_call.c asks here for calls that have ended.
#pragma once

#include "run/api.h"

// The record of an ended call by the call's number. ERR_NOT_FOUND: none has it.
MUST_CHECK enum err api_cdr_of_call(struct api *a, uint64_t call, struct call_record *out);
