// The sentences of the errors.
#include "base/err.h"

const char *err_text(enum err e)
{
#define ERR_TEXT(name, text) text,
	static const char *const texts[] = { ERRORS(ERR_TEXT) };
	return e < ERR_COUNT ? texts[e] : "unknown error";
}
