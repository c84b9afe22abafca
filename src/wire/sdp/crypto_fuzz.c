// Any octets as the value of an a=crypto, and as a message whose keys are struck out. What parses is written, and read
// again to the same; of a struck message the same lines parse, and none has a key.
#include "wire/sdp/crypto.h"

#include "wire/sdp/sdp.h"

#include <stdlib.h>

static void check_written(const struct sdp_crypto *c)
{
	char text[256];
	struct buf b = buf_on(text, sizeof text);
	struct sdp_crypto again;
	put_sdp_crypto(&b, c);
	if (b.err != OK || !sdp_crypto_find(&again, buf_str(&b)) || memcmp(c, &again, sizeof again) != 0) abort();
}

static uint32_t found(struct str message, bool struck)
{
	struct sdp_crypto c;
	struct str value;
	uint32_t n = 0;
	while (sdp_attribute_next(&message, STR("crypto"), &value)) {
		if (sdp_crypto_parse(&c, value) != OK) continue;
		for (uint32_t i = 0; struck && i < sizeof c.key; i++)
			if (c.key[i]) abort();
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp_crypto c;
	if (size > 4096) return 0;
	char *text = malloc(size ? size : 1);
	if (!text) return 0;
	if (size) memcpy(text, data, size);
	struct str whole = { text, (uint32_t)size };
	if (sdp_crypto_parse(&c, whole) == OK) check_written(&c);
	uint32_t before = found(whole, false);
	sdp_strike_keys(text, (uint32_t)size);
	if (found(whole, true) != before) abort();
	free(text);
	return 0;
}
