// Where one message ends and the next begins in a stream (RFC 3261 §18.3), and the keep-alives between them
// (RFC 5626 §4.4.1). A length that could be read in two ways ends the stream: whoever reads it the other way would see
// other messages.
#pragma once

#include "base/str.h"

#define SIP_FRAME_MAX 65535u // octets of a message

enum sip_frame {
	SIP_FRAME_MORE,    // not whole yet
	SIP_FRAME_MESSAGE, // *length octets
	SIP_FRAME_PING,    // a double CRLF, to be answered by CRLF
	SIP_FRAME_PONG,    // a CRLF: of no meaning, or the answer to a ping of ours
	SIP_FRAME_BROKEN,  // *length octets of a message's head (0: not even that); what follows cannot be told apart
};

// What stands at the beginning of `bytes`. *looked: how far the last call for these octets has looked for the end of
// the head (0 at first), so that each is looked at once however slowly they come.
enum sip_frame sip_frame_next(uint32_t *length, uint32_t *looked, struct str bytes);
