// Messages that wait (application/simple-message-summary, RFC 3842 §5.2), as a voicemail server tells them.
#pragma once

#include "base/str.h"

struct sip_summary {
	struct str account; // URI of the mailbox; empty: that of the request
	uint32_t fresh, old, fresh_urgent, old_urgent; // voice messages; each at most UINT16_MAX
};

// "Messages-Waiting: yes" alone stands for one message. PARSE_BAD: it is no such body.
enum parse sip_summary_parse(struct sip_summary *out, struct str text);
