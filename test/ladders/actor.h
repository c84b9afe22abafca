// The scripted parties: phones of lines, far switches of trunk groups, strangers. A party remembers its dialogs and
// what it sent, and does by itself only what is a matter of course: it answers a challenge, acknowledges a refusal,
// passes over a 100 and over the ACK of its own refusal, and, as a trunk, answers OPTIONS.
#pragma once

#include "ladders/arrow.h"

// "A is line 6035550101 ...": makes a party; a phone registers unless told not to. False: failed.
bool actor_is(struct ladder *l, const struct item *item);
struct actor *actor_at(struct ladder *l, const struct addr *addr);
bool actor_ignores(const struct actor *p, const struct sip_msg *m);

// Its calls: a new one, the one of a Call-ID (NULL: none), the one that a script counts as n (made when it is the
// next).
struct actor_call *actor_call_new(struct ladder *l, struct actor *p);
struct actor_call *actor_call_of(struct actor *p, struct str call_id);
struct actor_call *actor_call_number(struct ladder *l, struct actor *p, uint32_t n);

struct sent_request *actor_sent(struct actor_call *call, const struct sip_msg *response);
struct sent_request *actor_last_sent(struct actor_call *call, enum sip_method method);
struct got_request *actor_got(struct actor_call *call, const struct message *request);

// Learns from a message that it takes: tags, target, routes, session description.
void actor_learn(struct ladder *l, struct message *m);
// The automatic rules, for a message that just came. True: dealt with.
bool actor_deals_with(struct ladder *l, struct message *m);
// Notes an ACK of an INVITE that the party refused; false when it is none.
bool actor_acknowledged(const struct message *m);
// An INVITE that it refused and whose ACK never came, or NULL.
const struct message *actor_unacknowledged(const struct actor *p);
// Acknowledges a final response that is no 2xx.
void actor_ack_failure(struct ladder *l, struct message *response);

// Remembers a challenge, for the answer.
void actor_challenged(struct actor *p, const struct sip_msg *m);

struct str actor_addr_text(struct ladder *l, const struct addr *a);
struct str actor_contact(struct ladder *l, const struct actor *p);
// host:port as it stands in URIs.
struct str actor_branch(struct ladder *l, struct actor *p);

// SENDING (send.c): what an arrow says that a party sends.
bool send_arrow(struct ladder *l, const struct arrow *a);
// Sends a request again with the answer to the last challenge.
bool send_with_credentials(struct ladder *l, struct sent_request *r, struct actor_call *call);

// SESSION DESCRIPTIONS (sdp.c): the party's own, as the arrow says; a new version when it changed.
struct str sdp_of_actor(struct ladder *l, struct actor_call *call, const struct arrow *a, bool answer);
// Reads the switch's: where it listens. Empty when all is well, else what is wrong with it.
const char *sdp_take(struct ladder *l, struct actor_call *call, struct str text);
// The direction of the first m-line: "sendrecv" when none is said.
struct str sdp_direction(struct str text);
// Does an rtpmap or static payload type of this codec stand in an m-line?
bool sdp_lists(struct str text, struct str codec);
uint32_t sdp_media_count(struct str text);
