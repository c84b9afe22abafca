// Any octets as RTCP; what passes the check is walked, changed there and back, and is then what it was.
#include "wire/rtp/rtcp.h"

#include <stdlib.h>
#include <string.h>

static void walk(uint8_t *data, uint32_t n)
{
	struct rtcp_item item;
	struct rtcp_report report;
	uint32_t at = 0, octets = 0;
	while (rtcp_next(&item, data, n, &at)) {
		octets += item.n;
		for (uint32_t i = 0; rtcp_report(&report, &item, i); i++)
			if (i > 31) abort();
	}
	if (octets != n) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > RTP_PACKET_MAX) return 0;
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact) return 0;
	if (size) memcpy(exact, data, size);
	uint32_t n = (uint32_t)size, ssrc = 0;
	if (rtcp_check(exact, n) == OK) {
		walk(exact, n);
		rtcp_sender(&ssrc, exact, n);
		struct rtcp_change there = { .said = true, .said_from = ssrc, .said_to = ssrc + 1, .said_ts = 5, .heard = true,
			                         .heard_from = 9, .heard_to = 10, .heard_seq = 3 };
		rtcp_change(exact, n, &there);
		if (rtcp_check(exact, n) != OK) abort(); // what was changed are numbers only
	}
	free(exact);
	return 0;
}
