// Octets as SRTP and SRTCP packets: none of them opens, and what we seal opens once, as it was.
#include "wire/rtp/srtp.h"

#include "wire/rtp/rtp.h"

#include <stdlib.h>
#include <string.h>

static void try_packet(struct srtp_pair *pair, bool control, const uint8_t *data, uint32_t n)
{
	uint8_t *forged = malloc(n + SRTP_GROWTH_MAX), *ours = malloc(n + SRTP_GROWTH_MAX);
	uint32_t length = n;
	if (forged && ours) {
		memcpy(forged, data, n);
		memcpy(ours, data, n);
		if (srtp_pair_open(pair, control, forged, &length) == SRTP_OPENED) abort();
		length = n;
		if (srtp_pair_seal(pair, control, ours, &length) == OK && n >= RTP_HEADER) {
			if (length > n + SRTP_GROWTH_MAX) abort();
			memcpy(forged, ours, n); // half of it is the same: another tag
			uint32_t cut = n;
			if (srtp_pair_open(pair, control, forged, &cut) == SRTP_OPENED) abort();
			if (srtp_pair_open(pair, control, ours, &length) == SRTP_OPENED && (length != n || memcmp(ours, data, n) != 0)) abort();
		}
	}
	free(forged);
	free(ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 4096) return 0;
	struct srtp_keys keys = { .suite = (uint8_t)(1 + data[0] % (SRTP_SUITE_COUNT - 1)), .in = { 7 }, .out = { 7 } };
	struct srtp_pair *pair = NULL;
	srtp_pair_set(&pair, &keys);
	data++, size--;
	while (size > 1) {
		uint32_t n = data[0] & 127, control = data[0] >> 7;
		data++, size--;
		if (n > size) n = (uint32_t)size;
		try_packet(pair, control, data, n);
		data += n, size -= n;
	}
	srtp_pair_free(pair);
	return 0;
}
