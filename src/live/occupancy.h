// How busy: calls that each line and each trunk group has now. Atomic counters, taken and given back as actions of a
// call, never twice, and audited against the calls that stand.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define OCCUPANCY_MOST 65535 // calls that one counter can hold

enum occupancy_kind { OCCUPANCY_LINE, OCCUPANCY_TRUNK_GROUP, OCCUPANCY_KINDS };

struct occupancy;

struct occupancy *occupancy_new(uint32_t lines_max, uint32_t trunk_groups_max);
struct occupancy *occupancy_free(struct occupancy *o);

// Takes one place; false when `max` (0: no limit) are taken, and for an id past the maximum given at start.
bool occupancy_take(struct occupancy *o, enum occupancy_kind kind, uint32_t id, uint32_t max);
// Gives it back, once per take. More gives than takes are a fault of ours: counted, and the counter stays 0.
void occupancy_give(struct occupancy *o, enum occupancy_kind kind, uint32_t id);
uint32_t occupancy_now(const struct occupancy *o, enum occupancy_kind kind, uint32_t id);
// The sum over all ids: 0 when no call stands.
uint64_t occupancy_total(const struct occupancy *o, enum occupancy_kind kind);

// An audit: begin; then each worker, between two steps, names every place that each of its calls holds; then end. A
// counter that did not move from begin to end must equal what was named; one that does not is set right, counted
// and logged. Returns how many were wrong. One audit at a time; NULL: no memory.
struct occupancy_audit;
struct occupancy_audit *occupancy_audit_begin(const struct occupancy *o);
void occupancy_audit_hold(struct occupancy_audit *a, enum occupancy_kind kind, uint32_t id);
uint32_t occupancy_audit_end(struct occupancy *o, struct occupancy_audit *a);
// Instead of the end, when not all workers can be asked: nothing is set right. Takes NULL, returns NULL.
struct occupancy_audit *occupancy_audit_free(struct occupancy_audit *a);
