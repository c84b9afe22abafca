// RTCP.
#include "wire/rtp/rtcp.h"

#include <string.h>

#define REPORT 24 // octets of one report
#define SR_HEAD 28
#define RR_HEAD 8

static uint32_t item_length(const uint8_t *p)
{
	return 4 * (((uint32_t)p[2] << 8 | p[3]) + 1);
}

// Octets before the reports; 0 for a type without.
static uint32_t report_head(const struct rtcp_item *item)
{
	return item->type == RTCP_SR ? SR_HEAD : item->type == RTCP_RR ? RR_HEAD : 0;
}

// A chunk of a description: an SSRC, items of type, length and text, a zero, and zeros to the next word. Where the
// one at `at` ends; 0 when it does not.
static uint32_t chunk_end(const uint8_t *p, uint32_t n, uint32_t at)
{
	at += 4;
	while (at < n && p[at]) at += at + 1 < n ? 2u + p[at + 1] : 2;
	at = (at / 4 + 1) * 4;
	return at <= n ? at : 0;
}

static bool sdes_is_good(const uint8_t *p, uint32_t n, uint32_t chunks)
{
	uint32_t at = 4;
	for (uint32_t i = 0; i < chunks && at; i++) at = chunk_end(p, n, at);
	return at != 0;
}

static bool item_is_good(const uint8_t *p, uint32_t n, bool last)
{
	struct rtcp_item item = { .type = p[1], .count = p[0] & 0x1f, .n = n };
	if (p[0] >> 6 != 2 || p[1] < 192 || p[1] > 223) return false;
	uint32_t padding = 0;
	if (p[0] & 0x20) {
		padding = p[n - 1];
		if (!last || padding == 0 || padding % 4 || padding > n - 4) return false;
	}
	uint32_t used = n - padding, head = report_head(&item);
	if (head) return used >= head + REPORT * item.count;
	if (item.type == RTCP_BYE) return used >= 4 + 4u * item.count;
	if (item.type == RTCP_SDES) return sdes_is_good(p, used, item.count);
	return used >= (item.type == RTCP_RTPFB || item.type == RTCP_PSFB ? 12u : 8u);
}

enum err rtcp_check(const uint8_t *data, uint32_t n)
{
	uint32_t at = 0;
	if (n < 4 || n % 4) return ERR_BAD;
	while (at < n) {
		uint32_t length = item_length(data + at); // there are four octets: all lengths are multiples
		if (length > n - at || !item_is_good(data + at, length, at + length == n)) return ERR_BAD;
		at += length;
	}
	return OK;
}

bool rtcp_next(struct rtcp_item *out, uint8_t *data, uint32_t n, uint32_t *at)
{
	if (*at >= n) return false;
	uint8_t *p = data + *at;
	*out = (struct rtcp_item){ .type = p[1], .count = p[0] & 0x1f, .data = p, .n = item_length(p) };
	*at += out->n;
	return true;
}

bool rtcp_sender(uint32_t *ssrc, uint8_t *data, uint32_t n)
{
	struct rtcp_item item;
	for (uint32_t at = 0; rtcp_next(&item, data, n, &at);) {
		bool of_nobody = (item.type == RTCP_SDES || item.type == RTCP_BYE) && item.count == 0;
		if (of_nobody || item.n < 8) continue;
		*ssrc = rtp_get32(item.data + 4);
		return true;
	}
	return false;
}

bool rtcp_report(struct rtcp_report *out, const struct rtcp_item *item, uint32_t i)
{
	uint32_t head = report_head(item);
	if (!head || i >= item->count) return false;
	const uint8_t *p = item->data + head + REPORT * i;
	uint32_t lost = rtp_get32(p + 4) & 0xffffff;
	*out = (struct rtcp_report){ .ssrc = rtp_get32(p),
		                         .fraction_lost = p[4],
		                         .lost = (int32_t)(lost & 0x800000 ? lost | 0xff000000 : lost),
		                         .highest_seq = rtp_get32(p + 8),
		                         .jitter = rtp_get32(p + 12),
		                         .last_sr = rtp_get32(p + 16),
		                         .since_sr = rtp_get32(p + 20) };
	return true;
}

// A header, and the SSRC that follows it in all that we write. The length counts words beyond the first.
static void write_head(uint8_t *p, uint8_t type, uint8_t count, uint32_t octets, uint32_t ssrc)
{
	rtp_set32(p, 0x80000000 | (uint32_t)count << 24 | (uint32_t)type << 16 | (octets / 4 - 1));
	rtp_set32(p + 4, ssrc);
}

uint32_t rtcp_write_own(uint8_t out[RTCP_OWN_MAX], const struct rtcp_own *own)
{
	enum { SDES_OCTETS = 28, CNAME = 1, NAME_OCTETS = 16, BYE_OCTETS = 8 };
	uint8_t *sdes = out + SR_HEAD, *bye = sdes + SDES_OCTETS;
	memset(out, 0, RTCP_OWN_MAX);
	write_head(out, RTCP_SR, 0, SR_HEAD, own->ssrc);
	rtp_set32(out + 8, (uint32_t)(own->now_us / 1000000));
	rtp_set32(out + 12, (uint32_t)(((own->now_us % 1000000) << 32) / 1000000));
	rtp_set32(out + 16, own->ts);
	rtp_set32(out + 20, own->packets);
	rtp_set32(out + 24, own->octets);
	write_head(sdes, RTCP_SDES, 1, SDES_OCTETS, own->ssrc);
	sdes[8] = CNAME;
	sdes[9] = NAME_OCTETS;
	for (uint32_t i = 0; i < NAME_OCTETS; i++) sdes[10 + i] = (uint8_t)"0123456789abcdef"[own->name >> 4 * i & 15];
	if (!own->bye) return SR_HEAD + SDES_OCTETS;
	write_head(bye, RTCP_BYE, 1, BYE_OCTETS, own->ssrc);
	return SR_HEAD + SDES_OCTETS + BYE_OCTETS;
}

static void change_said(uint8_t *ssrc, const struct rtcp_change *c)
{
	if (c->said && rtp_get32(ssrc) == c->said_from) rtp_set32(ssrc, c->said_to);
}

static bool change_heard(uint8_t *ssrc, const struct rtcp_change *c)
{
	if (!c->heard || rtp_get32(ssrc) != c->heard_from) return false;
	rtp_set32(ssrc, c->heard_to);
	return true;
}

static void change_sdes(const struct rtcp_item *item, const struct rtcp_change *c)
{
	uint32_t at = 4;
	for (uint32_t i = 0; i < item->count; i++) {
		change_said(item->data + at, c);
		at = chunk_end(item->data, item->n, at);
	}
}

static void change_reports(const struct rtcp_item *item, const struct rtcp_change *c)
{
	uint8_t *p = item->data + report_head(item);
	if (item->type == RTCP_SR && c->said && rtp_get32(item->data + 4) == c->said_from)
		rtp_set32(item->data + 16, rtp_get32(item->data + 16) + c->said_ts);
	change_said(item->data + 4, c);
	for (uint32_t i = 0; i < item->count; i++, p += REPORT)
		if (change_heard(p, c)) rtp_set32(p + 8, rtp_get32(p + 8) - c->heard_seq);
}

void rtcp_change(uint8_t *data, uint32_t n, const struct rtcp_change *c)
{
	struct rtcp_item item;
	for (uint32_t at = 0; rtcp_next(&item, data, n, &at);) {
		switch (item.type) {
		case RTCP_SR:
		case RTCP_RR: change_reports(&item, c); break;
		case RTCP_SDES: change_sdes(&item, c); break;
		case RTCP_BYE:
			for (uint32_t i = 0; i < item.count; i++) change_said(item.data + 4 + 4 * i, c);
			break;
		default:
			change_said(item.data + 4, c);
			if (item.type == RTCP_RTPFB || item.type == RTCP_PSFB) change_heard(item.data + 8, c);
		}
	}
}
