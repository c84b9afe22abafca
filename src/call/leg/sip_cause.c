// Causes and statuses, both ways (RFC 3398 §7.2.4.1, §8.2.6.1; RFC 6432 where a Reason header tells the cause).
#include "call/leg/sip_leg.h"

// One row per Q.850 cause; 0 takes the default of its class.
static const uint16_t statuses[128] = {
	[1] = 404, [2] = 404, [3] = 404, [4] = 404, [8] = 404, [9] = 404, [10] = 404, [16] = 480, [17] = 486, [18] = 408,
	[19] = 480, [20] = 480, [21] = 403, [22] = 410, [23] = 410, [25] = 480, [26] = 404, [27] = 502, [28] = 484, [29] = 501,
	[31] = 480, [34] = 500, [38] = 500, [41] = 500, [42] = 500, [47] = 500, [50] = 403, [55] = 403, [57] = 403, [58] = 500,
	[65] = 488, [70] = 488, [79] = 501, [87] = 403, [88] = 488, [102] = 504,
};

// RFC 3398 gives 503 for 34, 38, 41, 42, 47 and 58. But a 503 takes the whole switch out of a carrier's routes, and
// these mostly speak of one call or of one trunk group: 500 sends that call elsewhere as well, and its Reason header
// has the cause. Our own congestion is a matter of the whole switch.
static bool is_of_the_switch(struct cause c)
{
	return c.value == CAUSE_CONGESTION && c.location == LOCATION_PUBLIC_LOCAL;
}

// Statuses that speak of the called party or its network, and so mean the same to whoever asked (RFC 3398 §5). All
// others speak of the request that we sent: of our credentials (401, 407), its form (4xx), another place to ask (3xx),
// its way (408), and become what their cause says.
static bool is_of_the_called(uint16_t status)
{
	switch (status) {
	case 403: case 404: case 410: case 480: case 483: case 484: case 486: case 488:
	case 428: case 436: case 437: case 438:           // RFC 8224: of the Identity that we passed on
	case 433:                                         // RFC 5079: no anonymous calls
	case 500: case 501: case 502: case 504:
	case 600: case 603: case 604: case 606: case 607: // RFC 8197: unwanted
	case 608: return true;                            // RFC 8688: rejected by analytics
	default: return false;
	}
}

uint16_t sip_status_of_cause(struct cause c)
{
	if (is_of_the_called(c.status)) return c.status;
	if (c.status == 503) return 500; // RFC 3261 16.7: a 503 would say that we are out of service
	if (is_of_the_switch(c)) return 503;
	uint16_t status = c.value < 128 ? statuses[c.value] : 0;
	if (c.value == CAUSE_REJECTED && c.location == LOCATION_USER) return 603;
	if (status) return status;
	return c.value < 32 ? 480 : 500;
}

struct cause sip_cause_of_status(uint16_t status)
{
	static const struct {
		uint16_t status;
		uint8_t value;
	} rows[] = {
		{ 400, 41 }, { 401, 21 }, { 402, 21 }, { 403, 21 }, { 404, 1 }, { 405, 63 }, { 406, 79 }, { 407, 21 },
		{ 408, 102 },
		{ 410, 22 }, { 413, 127 }, { 414, 127 }, { 415, 79 }, { 416, 127 }, { 420, 127 }, { 421, 127 }, { 423, 127 },
		{ 480, 18 }, { 481, 41 }, { 482, 25 }, { 483, 25 }, { 484, 28 }, { 485, 1 }, { 486, 17 }, { 487, 16 }, { 488, 88 },
		{ 500, 41 }, { 501, 79 }, { 502, 38 }, { 503, 41 }, { 504, 102 }, { 505, 127 }, { 513, 127 }, { 600, 17 },
		{ 603, 21 }, { 604, 1 }, { 606, 88 },
	};
	struct cause c = { .value = CAUSE_NORMAL_UNSPECIFIED, .location = LOCATION_BEYOND };
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status) c.value = rows[i].value;
	if (status == 486 || status == 600 || status == 603) c.location = LOCATION_USER;
	return c;
}

struct cause sip_cause_of_reason(const struct sip_msg *m)
{
	struct sip_walk walk = { 0 };
	struct str value, cause;
	while (sip_msg_each(m, SIP_H_REASON, &walk, &value)) {
		uint32_t number = 0;
		int32_t at = str_find_char(value, ';');
		if (at < 0 || !str_eq_nocase(str_trim(str_head(value, (uint32_t)at)), STR("Q.850"))) continue;
		value = str_from_at(value, (uint32_t)at);
		if (sip_param(&cause, value, STR("cause")) && str_to_u32(&number, cause, 127) == OK && number > 0)
			return (struct cause){ .value = (uint8_t)number, .location = LOCATION_BEYOND };
	}
	return (struct cause){ 0 };
}
