// Packets of telephone events in any order: eight octets each, four of the payload and four of the timestamp. A key is
// never told twice for one timestamp in a row, and every told one is a key. The same octets then drive the sender.
#include "wire/rtp/event.h"
#include "wire/rtp/rtp.h"

#include <stdlib.h>
#include <string.h>

static void receive(const uint8_t *data, size_t size)
{
	struct event_rx e = { 0 };
	uint32_t told_ts = 0;
	bool told = false;
	for (size_t at = 0; at + 8 <= size; at += 8) {
		char digit = 0;
		uint32_t ts = rtp_get32(data + at + 4);
		if (!event_rx_take(&e, data + at, 4, ts, &digit)) continue;
		if (!digit || !strchr("0123456789*#ABCD", digit)) abort();
		if (told && ts == told_ts) abort();
		told = true;
		told_ts = ts;
	}
}

static void transmit(const uint8_t *data, size_t size)
{
	struct event_tx tx = { 0 };
	uint8_t payload[EVENT_OCTETS];
	uint32_t waiting = 0, ends = 0;
	for (size_t at = 0; at + 3 <= size; at += 3)
		waiting += event_tx_add(&tx, (char)data[at], (uint16_t)(data[at + 1] << 8 | data[at + 2])) == OK;
	for (uint32_t frames = 0; event_tx_busy(&tx); frames++) {
		if (frames > EVENT_QUEUE * (EVENT_MS_MAX / 20 + 10)) abort(); // never ends
		enum event_step step = event_tx_next(&tx, payload);
		if (step == EVENT_FIRST || step == EVENT_MORE) ends += payload[1] >> 7;
	}
	if (ends != 3 * waiting) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	receive(data, size);
	transmit(data, size);
	return 0;
}
