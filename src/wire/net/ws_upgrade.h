// How a WebSocket for SIP begins (RFC 6455 §4.2, RFC 7118 §4.1): one HTTP request, read by no more of HTTP than it
// takes, and the answer to it.
#pragma once

#include "base/buf.h"

#define WS_UPGRADE_MAX 8192 // octets of the request
#define WS_ANSWER_MAX 512

enum ws_upgrade {
	WS_UPGRADE_MORE, // not whole yet
	WS_UPGRADE_GOOD, // what follows is WebSocket
	WS_UPGRADE_BAD,  // the answer says why; then it ends
};

// Reads the request at the beginning of `in`, *length octets of it, and writes the answer (not of MORE). origins: those
// whose pages may connect, parted by commas; empty: all may. Who says no Origin is no browser, and may.
enum ws_upgrade ws_upgrade(uint32_t *length, struct buf *answer, struct str in, struct str origins);
