// Keys as RTP events (RFC 4733). One key is many packets that share a timestamp, with a growing duration; the last is
// sent three times with the end bit:
//
//     payload: octet 0 event   1: E R volume   2-3: duration, in timestamp units
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define EVENT_OCTETS 4
#define EVENT_QUEUE 16      // keys that wait to be sent to one side
#define EVENT_MS_DEFAULT 100
#define EVENT_MS_MIN 40
#define EVENT_MS_MAX 8000   // a duration is 16 bits of 125 us
#define EVENT_GAP_MS 60     // between two keys
#define EVENT_VOLUME 10     // -10 dBm0

// The reception of keys. A key is told once, at the first of its packets that comes: so dial tone breaks at once, any
// packet may be lost, and a lost end costs nothing.
struct event_rx {
	bool begun;
	uint8_t code;      // of the last key
	uint16_t duration; // as far as it came
	uint32_t ts;
};
// A packet of events came; true when it begins a key: *digit is 0-9 * # A-D. Other events are no keys.
bool event_rx_take(struct event_rx *e, const uint8_t *payload, uint32_t n, uint32_t ts, char *digit);

// Sending: a queue of keys, one packet's payload each 20 ms.
struct event_tx {
	struct {
		char digit;
		uint16_t ms;
	} queue[EVENT_QUEUE];
	uint8_t count;
	uint8_t ends;       // packets with the end bit that were sent
	uint16_t done_ms;   // of the key that is being sent
	uint16_t gap_ms;    // still to wait before the next
};
// ERR_BAD: no such key. ERR_FULL: too many wait. ms 0: the usual; cut to what is possible.
MUST_CHECK enum err event_tx_add(struct event_tx *e, char digit, uint16_t ms);
static inline bool event_tx_busy(const struct event_tx *e)
{
	return e->count || e->gap_ms;
}
// What is to be done in the next 20 ms.
enum event_step {
	EVENT_IDLE,  // nothing
	EVENT_FIRST, // a packet: the first of a key (new timestamp, marker bit)
	EVENT_MORE,  // a packet of the same timestamp
	EVENT_GAP,   // nothing, but stay silent
};
enum event_step event_tx_next(struct event_tx *e, uint8_t payload[EVENT_OCTETS]);
// Takes the next key from the queue (begun or not), for a side that does not understand events and must hear it; false
// when none waits.
bool event_tx_take(struct event_tx *e, char *digit, uint16_t *ms);
