// Diversion and History-Info of anybody: the lines of the input are put into an INVITE. What is read is within its
// limits, and what is written of it can be read again: as many, with the same reasons.
#include "call/leg/sip_divert.c"

#include <stdlib.h>

static char octets[65536], memory[65536], written[16384];
static struct sip_msg msg;

void put_number_user(struct buf *b, const struct number *n)
{
	char plain[NUMBER_DIGITS_MAX + 1];
	struct buf p = buf_on(plain, sizeof plain);
	put_number(&p, n);
	put_sip_user(b, buf_str(&p));
}

static void must(bool holds)
{
	if (!holds) abort();
}

static bool read_from(struct sip_diversions *d, struct str headers, uint8_t spoken)
{
	struct arena arena = { .p = memory, .cap = sizeof memory };
	struct buf b = buf_on(octets, sizeof octets);
	struct sip_fault fault;
	put_z(&b, "INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
	          "To: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n");
	put(&b, headers);
	put_z(&b, "\r\n");
	if (b.err != OK || sip_msg_parse(&msg, buf_str(&b), &arena, &fault) != PARSE_OK) return false;
	divert_read(d, &msg, spoken, &arena);
	must(d->n <= DIVERSIONS_MAX && d->total >= d->n && d->total <= COUNTER_MAX);
	for (uint32_t i = 0; i < d->n; i++) {
		must(d->list[i].reason < DIVERSION_REASON_COUNT && d->list[i].from.n <= NUMBER_DIGITS_MAX);
		must(d->list[i].presentation == PRESENT_ALLOWED || d->list[i].presentation == PRESENT_RESTRICTED);
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_diversions d, again;
	if (size > 16384) return 0;
	if (!read_from(&d, (struct str){ (const char *)data, (uint32_t)size }, OFFICE_DIVERSION_BOTH)) return 0;
	const struct verb_offer o = { .diversions = d.list, .diversion_count = d.n, .diverted = d.total };
	for (uint8_t spoken = OFFICE_DIVERSION_DIVERSION; spoken <= OFFICE_DIVERSION_HISTORY; spoken++) {
		struct buf b = buf_on(written, sizeof written);
		put_diversions(&b, &(struct divert_told){ .offer = &o, .target = STR("sip:2@h"), .host = STR("h"),
			.spoken = spoken, .trusted = true });
		must(b.err == OK && read_from(&again, buf_str(&b), spoken) && again.n == d.n);
		for (uint32_t i = 0; i < d.n; i++) must(again.list[i].reason == d.list[i].reason);
		for (uint32_t i = 0; i < d.n; i++) must(number_eq(&again.list[i].from, &d.list[i].from));
	}
	return 0;
}
