// Calls, records and times as JSON.
#pragma once

#include "run/api.h"

// A text of the network's or a user's, whatever its octets: what is no UTF-8 becomes "?". New.
json_t *api_text(struct str s);
// "2026-01-31T12:00:00.000Z", or null for 0. New.
json_t *api_time(uint64_t wall_ms);
// Keys by id, null for 0, "#12" when it is not in the office any more. New.
json_t *api_line_key(const struct api *a, uint32_t id);
json_t *api_trunk_key(const struct api *a, uint32_t id);
json_t *api_customer_key(const struct api *a, uint32_t id);
// "+16035550101", or null for none. New.
json_t *api_number(const struct number *n);
json_t *api_addr(const struct addr *a);
// How a trunk group stands with its carrier, in words: "registered until 2026-...", "refused (403), again at ..."; null
// when it registers with nobody. New.
struct control_peer;
json_t *api_registered(const struct control_peer *p);
// The same for the group of this name, asked of the switch.
json_t *api_trunk_registered(struct api *a, struct str name);
// A call's number: a text, for it may have more digits than a number of JavaScript holds. New.
json_t *api_call_number(uint64_t call);

// All of a record but trail and ladder. New.
json_t *api_record(const struct api *a, const struct call_record *r);
// What makes names of the ids in a trail.
struct trail_names api_trail_names(const struct api *a);
// Its trail in words; its ladder message by message, with the full text of those that were traced, where the switch
// still has it. New, both.
json_t *api_trail(const struct api *a, const struct call_record *r);
json_t *api_ladder(const struct api *a, const struct call_record *r);
