// What the API reads of a request by itself; the rest is the HTTP and the JSON library's.
#pragma once

#include "base/str.h"

// Does the path fit the route's, "/v1/calls/{call}/trace"? Fills args with what stands for its {parts}, at most two; a
// {part...} at the end takes all that is left.
bool api_path_matches(struct str args[2], const char *pattern, struct str path);

// UTC: "2026-01-31", "2026-01-31T12:00", "2026-01-31T12:00:00.000Z"; false: it is no such time.
bool api_time_parse(uint64_t *wall_ms, struct str text);
