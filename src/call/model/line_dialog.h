// What a call is to one of its lines, as those see it who watch the line (a dialog of RFC 4235): a value that crosses
// from the call's worker to the line's home worker.
#pragma once

#include "call/model/number.h"

#define LINE_DIALOG_CALL_ID_MAX 128 // octets; what is longer is not told
#define LINE_DIALOG_TAG_MAX 64

// RFC 4235 3.7.1; NONE: there is none, or it ended.
#define DIALOG_STATES(X) X(NONE, "terminated") X(TRYING, "trying") X(EARLY, "early") X(CONFIRMED, "confirmed")
#define DIALOG_STATE_ENUM(id, text) DIALOG_##id,
enum dialog_state { DIALOG_STATES(DIALOG_STATE_ENUM) DIALOG_STATE_COUNT };

struct line_dialog {
	uint64_t call; // its number; with `called` it names the dialog
	uint32_t line;
	uint8_t state; // enum dialog_state
	bool called;   // the line is called: else it calls
	struct party far;
	// What the telephone calls it, as it sees it: empty when it is not known.
	char call_id[LINE_DIALOG_CALL_ID_MAX + 1], phone_tag[LINE_DIALOG_TAG_MAX + 1], our_tag[LINE_DIALOG_TAG_MAX + 1];
};
