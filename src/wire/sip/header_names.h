// Finding a header by its name, as the index pass does for every line of a message.
#pragma once

#include "wire/sip/msg.h"

// The id of a header name in any case, compact forms included; SIP_H_OTHER for what is not in the list.
enum sip_header_id sip_header_from(struct str name);
// SIP_COMMA or SIP_SINGLE.
bool sip_header_is_list(enum sip_header_id id);
