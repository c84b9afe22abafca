// The Replaces header (RFC 3891 §6.1): names a dialog, as the one sees it who gets it.
#pragma once

#include "wire/sip/msg.h"

struct sip_replaces {
	struct str call_id, to_tag, from_tag; // to_tag: of who gets it; from_tag: of the party that it replaces
	bool early_only;
};
// PARSE_BAD: not one, or a tag is missing or there twice.
enum parse sip_replaces_parse(struct sip_replaces *out, struct str text);
