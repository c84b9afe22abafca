// The hostile ones: they hear what passes on the wire and send it again from their own addresses, as it was or changed,
// between floods of garbage. A sequence is 3 to 30 messages; none of them may do anybody harm. (Who hears a request and
// is faster with it than its sender has its call: digest cannot hinder that, so none is sent before it has arrived.)
#include "sim/party_inside.h"

#include <stdlib.h>

#define HEARD_MAX 1024u
#define HEARD_BYTES 1600u
#define HEARD_BEFORE_MS 5000u

struct hostile {
	char texts[HEARD_MAX][HEARD_BYTES];
	uint32_t lengths[HEARD_MAX], next;
	uint64_t heard_ms[HEARD_MAX];
	uint64_t sequences, messages;
};

bool hostile_new(struct parties *all)
{
	all->hostile = calloc(1, sizeof *all->hostile);
	return all->hostile != NULL;
}

void hostile_free(struct parties *all)
{
	free(all->hostile);
	all->hostile = NULL;
}

void hostile_overhears(struct parties *all, struct str text)
{
	struct hostile *h = all->hostile;
	if (!h || text.n > HEARD_BYTES) return;
	uint32_t at = h->next++ % HEARD_MAX;
	memcpy(h->texts[at], text.p, text.n);
	h->lengths[at] = text.n;
	h->heard_ms[at] = sim_now_ms(all->sim);
}

static void put_overheard(struct buf *b, const struct ua *p)
{
	const struct hostile *h = p->all->hostile;
	uint32_t known = h->next < HEARD_MAX ? h->next : HEARD_MAX;
	if (!known) return;
	uint32_t at = party_between(p, 0, known - 1);
	if (h->heard_ms[at] + HEARD_BEFORE_MS <= party_now(p)) put(b, (struct str){ h->texts[at], h->lengths[at] });
}

// MUTATIONS, each in place.

static void flip_octets(const struct ua *p, struct buf *b)
{
	for (uint32_t i = party_between(p, 1, 8); i && b->n; i--) {
		uint32_t at = party_between(p, 0, b->n - 1);
		b->p[at] = (char)party_between(p, 0, 255);
	}
}

static void cut_out(const struct ua *p, struct buf *b)
{
	uint32_t at = party_between(p, 0, b->n - 1), n = party_between(p, 1, b->n - at);
	memmove(b->p + at, b->p + at + n, b->n - at - n);
	b->n -= n;
}

static void double_part(const struct ua *p, struct buf *b)
{
	uint32_t at = party_between(p, 0, b->n - 1), n = party_between(p, 1, b->n - at);
	if (b->n + n > b->cap) return;
	memmove(b->p + at + n, b->p + at, b->n - at);
	b->n += n;
}

// A digit somewhere becomes another: CSeq, ports, lengths, tags.
static void change_digits(const struct ua *p, struct buf *b)
{
	for (uint32_t i = 0; i < 200; i++) {
		char *c = &b->p[party_between(p, 0, b->n - 1)];
		if (ascii_is_digit(*c)) *c = (char)('0' + party_between(p, 0, 9));
	}
}

// Another method in the first line and in CSeq: an overheard INVITE becomes the BYE or CANCEL of its dialog.
static void change_method(const struct ua *p, struct buf *b)
{
	static const char *const methods[] = { "BYE   ", "CANCEL", "ACK   ", "INVITE", "PRACK ", "REFER " };
	const char *to = methods[party_between(p, 0, ARRAY_LEN(methods) - 1)];
	uint32_t n = 0;
	if (b->n < 6 || !str_eq(str_head(buf_str(b), 6), STR("INVITE"))) return;
	while (n < 6 && to[n] != ' ') n++;
	char *cseq = memmem(b->p, b->n, " INVITE\r\n", 9);
	if (cseq) memcpy(cseq + 1, to, n), memset(cseq + 1 + n, ' ', 6 - n);
	memmove(b->p + n, b->p + 6, b->n - 6);
	memcpy(b->p, to, n);
	b->n -= 6 - n;
}

static void put_garbage(struct buf *b, const struct ua *p)
{
	static const char *const starts[] = { "INVITE sip:", "SIP/2.0 200 OK\r\n", "REGISTER ", "\r\n\r\n", "",
		"GET / HTTP/1.1\r\n", "INVITE sip:911@x SIP/2.0\r\nVia: " };
	put_z(b, starts[party_between(p, 0, ARRAY_LEN(starts) - 1)]);
	for (uint32_t i = party_between(p, 0, 300); i; i--) put_c(b, (char)party_between(p, 0, 255));
}

static void send_one(struct ua *p)
{
	char text[2 * HEARD_BYTES];
	struct buf b = buf_on(text, sizeof text);
	uint32_t die = party_between(p, 0, 99);
	if (die < 10) put_garbage(&b, p);
	else put_overheard(&b, p);
	if (!b.n) return;
	if (die >= 30 && die < 45) flip_octets(p, &b);
	else if (die >= 45 && die < 55) cut_out(p, &b);
	else if (die >= 55 && die < 65) double_part(p, &b);
	else if (die >= 65 && die < 80) change_digits(p, &b);
	else if (die >= 80) change_method(p, &b);
	p->all->hostile->messages++;
	net_send(sim_net(p->all->sim), &p->end.addr, &p->sw, buf_str(&b));
}

void hostile_timer(struct ua *p)
{
	struct parties *all = p->all;
	if (all->ending) return;
	if (p->left_to_send == 0) {
		p->left_to_send = party_between(p, 3, 30);
		all->hostile->sequences++;
	}
	send_one(p);
	uint32_t pause = party_chance(p, 5000) ? 0 : party_between(p, 0, 600);
	if (--p->left_to_send == 0) pause = party_between(p, 100, 8000);
	party_timer(p, &p->own, pause, TIMER_PARTY, p->index + 1);
}

uint64_t parties_hostile_sequences(const struct parties *all)
{
	return all->hostile ? all->hostile->sequences : 0;
}
