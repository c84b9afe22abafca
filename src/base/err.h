// What an action answers: OK, or the one reason why not. Questions return bool instead.
#pragma once

#define MUST_CHECK __attribute__((warn_unused_result))

#define ERRORS(X)                                                                                  \
	X(OK, "no error")                                                                              \
	X(ERR_FULL, "a limit is reached")                                                              \
	X(ERR_BAD, "the input is malformed or contradictory")                                          \
	X(ERR_NOT_FOUND, "no such thing")                                                              \
	X(ERR_EXISTS, "it exists already")                                                             \
	X(ERR_REFUSED, "not allowed")                                                                  \
	X(ERR_STATE, "not in this state")                                                              \
	X(ERR_SYSTEM, "the operating system refused")                                                  \
	X(ERR_TIMEOUT, "no answer in time")

#define ERR_ENUM(name, text) name,
enum err { ERRORS(ERR_ENUM) ERR_COUNT };

// The sentence for an error; never NULL.
const char *err_text(enum err e);

// What a parser answers: all good, a longer input could be good, or bad whatever follows.
enum parse { PARSE_OK, PARSE_MORE, PARSE_BAD };

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
// For X lists of (NAME, ...): the name alone, as an enumerator or as text.
#define X_ENUM(...) X_FIRST_ENUM(__VA_ARGS__, )
#define X_TEXT(...) X_FIRST_TEXT(__VA_ARGS__, )
#define X_FIRST_ENUM(name, ...) name,
#define X_FIRST_TEXT(name, ...) #name,
