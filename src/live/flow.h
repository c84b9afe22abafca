// Flows (RFC 5626 §3.2): each connection has a number of its own, which stands in the addresses of what came by it. A
// phone is registered, and reached, as long as its flow stands: the next connection from the same address and port,
// which a NAT may have given to somebody else, has another number.
//
//     slots[number % size] == number ──▶ it stands
//
// Any thread begins and ends flows, and asks.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct flows;

// For so many at once. NULL: no memory.
struct flows *flows_new(uint32_t max);
struct flows *flows_free(struct flows *f);

// The number of a new one, never 0: a number comes again after four thousand million others. 0: all are taken.
uint32_t flow_begin(struct flows *f);
void flow_end(struct flows *f, uint32_t flow);
// 0 is no connection's, and stands always; NULL: nobody keeps flows, and all stand.
bool flow_stands(const struct flows *f, uint32_t flow);
