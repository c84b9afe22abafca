// Messages of parties, written without the switch's own writers: what comes out must not agree with it by construction.
#pragma once

#include "ladders/arrow.h"

// One header line; set replaces the first of that name (and drops its others), add appends.
void draft_set(struct draft *d, struct str name, struct str value);
void draft_add(struct draft *d, struct str name, struct str value);
void draft_remove(struct draft *d, struct str name);
struct str draft_get(const struct draft *d, struct str name);
// Does the list in its header have this token?
bool draft_lists(const struct draft *d, struct str name, struct str token);
// Content-Type and Content-Length are made of content_type and body, unless the headers say otherwise.
struct str draft_write(struct ladder *l, const struct draft *d);
// What the script wants changed; {A}, {sw}, {call-id}, {tag}, {remote-tag}, {branch} in values are filled in.
void draft_apply_rules(struct ladder *l, struct draft *d, const struct arrow *a, const struct actor_call *call);
struct str draft_fill_in(struct ladder *l, struct str text, const struct actor_call *call, struct str branch);

// A request of a party inside or outside a dialog, and its answer to a request; without body.
void draft_request(struct ladder *l, struct draft *d, struct actor_call *call, const struct arrow *a, struct str branch,
                   uint32_t cseq);
void draft_response(struct ladder *l, struct draft *d, struct actor_call *call, const struct got_request *to,
                    const struct arrow *a);
// What goes with an INVITE in its own transaction: the ACK of a final response that is no 2xx, whose To it takes
// (RFC 3261 17.1.1.3), or a CANCEL (9.1).
void draft_beside(struct ladder *l, struct draft *d, const struct sent_request *invite, enum sip_method method,
                  struct str to);
