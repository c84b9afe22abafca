// Any octets as an answer of DNS. The first says which type was asked for; the name is always the same, as in the corpus.
#include "wire/net/dns_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) abort();
}

static void check_record(const struct dns_record *r, enum dns_type type)
{
	must(memchr(r->name, '\0', sizeof r->name) && memchr(r->service, '\0', sizeof r->service));
	for (const char *p = r->name; *p; p++) must(*p > ' ' && *p < 0x7f && !(*p >= 'A' && *p <= 'Z'));
	bool address = type == DNS_A || type == DNS_AAAA;
	must(r->addr.family == (type == DNS_A ? 4 : type == DNS_AAAA ? 6 : 0));
	must(!address || !addr_is_special(&r->addr) || addr_is_loopback(&r->addr));
	must(type != DNS_SRV || r->port != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR };
	static struct dns_answer answer;
	if (size < 1 || size > 65536) return 0;
	enum dns_type type = types[data[0] % ARRAY_LEN(types)];
	char *own = malloc(size); // so that whoever reads past the end is caught
	must(own != NULL);
	memcpy(own, data + 1, size - 1);
	enum err e = dns_answer_parse(&answer, (struct str){ own, (uint32_t)size - 1 }, type, "sip.example");
	free(own);
	if (e != OK) return 0;
	must(answer.count <= DNS_RECORDS_MAX && answer.ttl_s <= 604800);
	for (uint32_t i = 0; i < answer.count; i++) check_record(&answer.records[i], type);
	return 0;
}
