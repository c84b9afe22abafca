// A leg by the Replaces that a party says of it (RFC 3891).
#include "call/leg/sip_inside.h"

#include "wire/sip/replaces.h"

// Our tag begins with the worker, as two hexadecimal digits.
static uint32_t worker_of(struct str tag)
{
	uint32_t v = 0;
	for (uint32_t i = 0; i < 2 && i < tag.n; i++) {
		char c = tag.p[i];
		v = v * 16 + (uint32_t)(ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0);
	}
	return v;
}

uint32_t sip_replaces_worker(struct str replaces)
{
	struct sip_replaces r;
	return sip_replaces_parse(&r, replaces) == PARSE_OK ? worker_of(r.to_tag) : 0;
}

static struct cause refused(uint8_t value, uint16_t status)
{
	struct cause c = cause_local(value);
	c.status = status;
	return c;
}

struct cause sip_replaces_find(struct sip_replaced *out, struct sip_legs *ls, struct str replaces)
{
	struct sip_replaces r;
	if (sip_replaces_parse(&r, replaces) != PARSE_OK) return refused(CAUSE_NORMAL_UNSPECIFIED, 400);
	const struct map_node *node = map_find(&ls->by_tag, r.to_tag);
	const struct sip_leg *leg = node ? LIST_OF(node, struct sip_leg, by_tag) : NULL;
	bool known = leg && leg->dialog.text && str_eq(leg->dialog.call_id, r.call_id) &&
		str_eq(leg->dialog.remote_tag, r.from_tag);
	if (!known) return refused(CAUSE_NORMAL_UNSPECIFIED, 481);
	bool stands = leg->state == LEG_UP_STATE || leg->state == LEG_ANSWERED_STATE || leg->state == LEG_INVITED_STATE;
	if (!stands) return refused(CAUSE_REJECTED, 603); // it ends
	if (r.early_only && leg->dialog.confirmed) return refused(CAUSE_BUSY, 486);
	*out = (struct sip_replaced){ .call = leg->call, .side = leg->side, .index = leg->index, .line = leg->line,
		.trunk_group = leg->trunk_group };
	return (struct cause){ 0 };
}
