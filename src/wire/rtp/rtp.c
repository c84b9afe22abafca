// RTP headers.
#include "wire/rtp/rtp.h"

enum err rtp_parse(struct rtp_packet *out, uint8_t *data, uint32_t n)
{
	if (n < RTP_HEADER || data[0] >> 6 != 2) return ERR_BAD;
	if (data[1] >= 192 && data[1] <= 223) return ERR_BAD; // RTCP
	uint32_t head = RTP_HEADER + 4 * (data[0] & 0xfu), padding = 0;
	if (data[0] & 0x10) { // extension: 16 bits of the profile's, 16 bits of length in words
		if (n < head + 4) return ERR_BAD;
		head += 4 + 4 * ((uint32_t)data[head + 2] << 8 | data[head + 3]);
	}
	if (head > n) return ERR_BAD;
	if (data[0] & 0x20) { // the last octet tells how many to leave out, itself included
		padding = data[n - 1];
		if (padding == 0 || padding > n - head) return ERR_BAD;
	}
	*out = (struct rtp_packet){ .pt = data[1] & 0x7f,
		                        .marker = data[1] & 0x80,
		                        .seq = (uint16_t)(data[2] << 8 | data[3]),
		                        .ts = rtp_get32(data + 4),
		                        .ssrc = rtp_get32(data + 8),
		                        .payload = data + head,
		                        .payload_n = n - head - padding };
	return OK;
}

void rtp_patch(uint8_t *data, const struct rtp_packet *p)
{
	data[1] = (uint8_t)((p->marker ? 0x80 : 0) | (p->pt & 0x7f));
	data[2] = (uint8_t)(p->seq >> 8);
	data[3] = (uint8_t)p->seq;
	rtp_set32(data + 4, p->ts);
	rtp_set32(data + 8, p->ssrc);
}

void rtp_write(uint8_t *data, const struct rtp_packet *p)
{
	data[0] = 0x80;
	rtp_patch(data, p);
}
