// The registrar: REGISTER into live/location (RFC 3261 §10.3).
//
//     Require? 420   digest? 401   whose AOR? 403   too short? 423   order? 500   too many? 403   else 200
//
// A 200 lists all bindings. The address that the REGISTER came from is kept as the phone's flow: what we send to the
// phone goes there, through the same socket, whatever its Contact says (NAT). A phone that comes back after a restart
// replaces its old binding: the same contact, or the same instance.
#pragma once

#include "call/leg/sip_auth.h"

struct registrar {
	struct sip_auth auth;
	struct sip_stack *stack; // borrowed
	uint32_t home;           // this worker, as live_home names it
};

// A REGISTER of the stack's request callback; answers it.
void registrar_request(const struct registrar *r, ref txn, const struct sip_msg *m, const struct sip_source *from);
// The same without a stack: writes the answer and returns its status.
uint16_t registrar_answer(struct buf *out, const struct registrar *r, const struct sip_msg *m,
                          const struct sip_source *from);
