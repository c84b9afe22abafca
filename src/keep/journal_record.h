// A call's record as octets: only what is used of it. A field is its tag, its length and its octets without the zeros
// at the end; unknown tags are passed over, fields that are not there are zero, so that programs older and newer than
// the one that wrote it can read it.
#pragma once

#include "call/model/record.h"

#define CALL_RECORD_BYTES_MAX 8192 // no record is longer

void put_call_record(struct buf *b, const struct call_record *r);
// ERR_BAD: it is none. Whatever the octets were, the result is in itself sound: counts within bounds, texts ended.
MUST_CHECK enum err call_record_parse(struct call_record *out, struct str bytes);
