// RFC 4733, the keys.
#include "wire/rtp/event.h"

#include <string.h>

#define FRAME_MS 20
#define UNITS_PER_MS 8 // of a clock of 8,000 Hz
#define LATE_UNITS 80000 // a timestamp further back is a new time line

static const char keys[] = "0123456789*#ABCD"; // event codes 0 to 15 (table 3)

// A key held longer than a duration can say goes on as another event that begins where the first stopped (§2.5.1.3).
static bool goes_on(const struct event_rx *e, uint8_t code, uint32_t ts)
{
	return code == e->code && e->duration >= 0xf000 && ts - e->ts <= 0xffff;
}

bool event_rx_take(struct event_rx *e, const uint8_t *payload, uint32_t n, uint32_t ts, char *digit)
{
	if (n < EVENT_OCTETS || payload[0] >= sizeof keys - 1) return false;
	uint8_t code = payload[0];
	uint16_t duration = (uint16_t)(payload[2] << 8 | payload[3]);
	if (e->begun && ts == e->ts) {
		if (duration > e->duration) e->duration = duration;
		return false;
	}
	if (e->begun && e->ts - ts < LATE_UNITS) return false; // late, of a key that was told
	bool same = e->begun && goes_on(e, code, ts);
	*e = (struct event_rx){ .begun = true, .code = code, .duration = duration, .ts = ts };
	*digit = keys[code];
	return !same;
}

enum err event_tx_add(struct event_tx *e, char digit, uint16_t ms)
{
	if (!digit || !strchr(keys, digit)) return ERR_BAD;
	if (e->count == EVENT_QUEUE) return ERR_FULL;
	if (ms == 0) ms = EVENT_MS_DEFAULT;
	if (ms < EVENT_MS_MIN) ms = EVENT_MS_MIN;
	if (ms > EVENT_MS_MAX) ms = EVENT_MS_MAX;
	e->queue[e->count].digit = digit;
	e->queue[e->count++].ms = ms;
	return OK;
}

bool event_tx_take(struct event_tx *e, char *digit, uint16_t *ms)
{
	e->ends = 0;
	e->done_ms = e->gap_ms = 0;
	if (!e->count) return false;
	*digit = e->queue[0].digit;
	*ms = e->queue[0].ms;
	e->count--;
	memmove(e->queue, e->queue + 1, e->count * sizeof e->queue[0]);
	return true;
}

enum event_step event_tx_next(struct event_tx *e, uint8_t payload[EVENT_OCTETS])
{
	char digit;
	uint16_t ms;
	if (e->gap_ms) {
		e->gap_ms = e->gap_ms > FRAME_MS ? e->gap_ms - FRAME_MS : 0;
		return EVENT_GAP;
	}
	if (!e->count) return EVENT_IDLE;
	bool first = e->done_ms == 0;
	if (e->done_ms < e->queue[0].ms) e->done_ms += FRAME_MS;
	bool end = e->done_ms >= e->queue[0].ms;
	uint32_t duration = e->done_ms * UNITS_PER_MS;
	payload[0] = (uint8_t)(strchr(keys, e->queue[0].digit) - keys);
	payload[1] = EVENT_VOLUME | (end ? 0x80 : 0);
	payload[2] = (uint8_t)(duration >> 8);
	payload[3] = (uint8_t)duration;
	if (end && ++e->ends == 3) {
		event_tx_take(e, &digit, &ms);
		e->gap_ms = EVENT_GAP_MS;
	}
	return first ? EVENT_FIRST : EVENT_MORE;
}
