// All features, in order of precedence at each detection point. To add one: a row here, a file beside this one.
#include "call/feature/feature.h"

static const struct feature_row rows[] = {
	// What was dialled is analysed. Withholding the number comes first: *67 may stand before any other code.
	{ DP_O_ANALYSED, FEATURE_CALLER_ID_BLOCK, caller_id_block },
	{ DP_O_ANALYSED, FEATURE_FORWARD_ALL, forward_access },
	// A call for the line: unconditional forwarding looks before the line's own limits and state.
	{ DP_T_ATTEMPT, FEATURE_FORWARD_ALL, forward_all },
	{ DP_T_BUSY, FEATURE_FORWARD_BUSY, forward_busy },
	{ DP_T_NO_ANSWER, FEATURE_FORWARD_NO_ANSWER, forward_no_answer },
};

struct feature_table feature_table(void)
{
	return (struct feature_table){ .rows = rows, .count = ARRAY_LEN(rows) };
}
