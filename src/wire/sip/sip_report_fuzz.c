// Any octets as a report of voice quality and as a message summary: what is read lies within them and within its limits.
#include "wire/sip/quality.h"
#include "wire/sip/summary.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) abort();
}

static void check_inside(struct str s, struct str in)
{
	must(s.n == 0 || (s.p >= in.p && s.p + s.n <= in.p + in.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, (uint32_t)size };
	struct sip_quality q;
	struct sip_summary s;
	if (size > 65535) return 0;
	if (sip_quality_parse(&q, in) == PARSE_OK) {
		check_inside(q.call_id, in);
		must(q.call_id.n && q.kind <= SIP_QUALITY_ALERT);
	}
	if (sip_summary_parse(&s, in) == PARSE_OK) {
		check_inside(s.account, in);
		must(s.fresh <= UINT16_MAX && s.old <= UINT16_MAX && s.fresh_urgent <= UINT16_MAX && s.old_urgent <= UINT16_MAX);
	}
	return 0;
}
