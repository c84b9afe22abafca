// Any octets as a record and as a frame: what can be read can be written, and reads the same again.
#include "keep/journal_file.h"
#include "keep/journal_record.h"

#include <stdlib.h>

static void check_record(struct str bytes)
{
	static struct call_record first, again;
	char text[CALL_RECORD_BYTES_MAX];
	struct buf b = buf_on(text, sizeof text);
	if (call_record_parse(&first, bytes) != OK) return;
	put_call_record(&b, &first);
	if (b.err != OK || call_record_parse(&again, buf_str(&b)) != OK) abort();
	if (memcmp(&first, &again, sizeof first) != 0) abort();
}

static void check_frame(struct str bytes)
{
	char text[JOURNAL_FRAME_MAX];
	struct journal_frame f;
	struct buf b = buf_on(text, sizeof text);
	if (journal_frame_parse(&f, bytes) == PARSE_OK && f.size > bytes.n) abort();
	if (bytes.n > 8192) return;
	put_journal_frame(&b, &(struct journal_frame){ .kind = RECORD_RELEASE, .call = bytes.n, .payload = bytes });
	if (journal_frame_parse(&f, buf_str(&b)) != PARSE_OK || !str_eq(f.payload, bytes)) abort();
	text[bytes.n / 2] ^= 1; // any octet
	if (journal_frame_parse(&f, buf_str(&b)) == PARSE_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data, (uint32_t)size };
	check_record(bytes);
	check_frame(bytes);
	return 0;
}
