// The outbox.
#include "base/packet.h"

#include <stdlib.h>

enum err outbox_init(struct outbox *o, uint32_t packets_max, uint32_t bytes_max)
{
	if (bytes_max < 2 * PACKET_MAX) bytes_max = 2 * PACKET_MAX;
	*o = (struct outbox){ .max = packets_max };
	o->packets = calloc(packets_max, sizeof *o->packets);
	o->bytes = buf_on(malloc(bytes_max), bytes_max);
	if (o->packets && o->bytes.p) return OK;
	outbox_fini(o);
	return ERR_FULL;
}

void outbox_fini(struct outbox *o)
{
	free(o->packets);
	free(o->bytes.p);
	*o = (struct outbox){ 0 };
}

void outbox_flush(struct outbox *o)
{
	if (o->count && o->flush) o->flush(o, o->self);
	o->count = 0;
	o->bytes.n = 0;
	o->bytes.err = OK;
}

struct buf *outbox_open(struct outbox *o, uint16_t listener, const struct addr *to)
{
	if (o->count == o->max || o->bytes.cap - o->bytes.n < PACKET_MAX) outbox_flush(o);
	o->packets[o->count] =
		(struct packet){ .peer = *to, .listener = listener, .data = { o->bytes.p + o->bytes.n, o->bytes.n } };
	return &o->bytes;
}

struct str outbox_close(struct outbox *o)
{
	struct packet *p = &o->packets[o->count];
	uint32_t start = p->data.n; // kept there since outbox_open
	if (o->bytes.err != OK || o->bytes.n - start > PACKET_MAX) {
		o->bytes.n = start;
		o->bytes.err = OK;
		return (struct str){ "", 0 };
	}
	p->data.n = o->bytes.n - start;
	o->count++;
	return p->data;
}

void outbox_send(struct outbox *o, uint16_t listener, const struct addr *to, struct str data)
{
	put(outbox_open(o, listener, to), data);
	outbox_close(o);
}
