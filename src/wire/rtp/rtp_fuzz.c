// Any octets as an RTP packet; what parses is patched and parses again to the same.
#include "wire/rtp/rtp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtp_packet p, again;
	if (size > RTP_PACKET_MAX) return 0;
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact) return 0;
	if (size) memcpy(exact, data, size);
	if (rtp_parse(&p, exact, (uint32_t)size) == OK) {
		if (p.payload < exact + RTP_HEADER || p.payload + p.payload_n > exact + size) abort();
		rtp_patch(exact, &p);
		if (memcmp(exact, data, size) != 0) abort();
		p.seq++, p.ts += 7, p.ssrc ^= 1, p.pt = (p.pt & 63);
		rtp_patch(exact, &p);
		if (rtp_parse(&again, exact, (uint32_t)size) != OK) abort();
		if (again.seq != p.seq || again.ts != p.ts || again.ssrc != p.ssrc || again.payload_n != p.payload_n) abort();
	}
	free(exact);
	return 0;
}
