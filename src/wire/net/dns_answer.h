// Answers of DNS (RFC 1035 §4.1; SRV: RFC 2782, NAPTR: RFC 3403, AAAA: RFC 3596): the records of one type for the name
// that was asked for, by whatever other name it goes there (CNAME), with the time that they may be kept.
#pragma once

#include "base/addr.h"

#define DNS_NAME_MAX 254    // with its end
#define DNS_RECORDS_MAX 16  // of an answer; the rest are left out
#define DNS_SERVICE_MAX 24

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };

struct dns_record {
	struct addr addr;         // A, AAAA: port 0
	uint16_t first, second;   // SRV: priority, weight; NAPTR: order, preference
	uint16_t port;            // SRV
	bool final;               // NAPTR: its flag is "s": the name is to be asked for SRV
	char service[DNS_SERVICE_MAX]; // NAPTR, small letters: "sip+d2u"
	char name[DNS_NAME_MAX];  // SRV, NAPTR: where to; small letters, without the last dot, "" is the root
};

struct dns_answer {
	uint32_t ttl_s; // least of its records, or how long it may be believed that there are none (RFC 2308 §5)
	uint32_t count; // 0: there are none
	struct dns_record records[DNS_RECORDS_MAX];
};

// ERR_BAD: it cannot be understood, or is the answer to something else. ERR_NOT_FOUND: it says nothing (the server is
// refusing, or failing). An answer of none is OK.
MUST_CHECK enum err dns_answer_parse(struct dns_answer *out, struct str bytes, enum dns_type type, const char *name);
const char *dns_type_name(enum dns_type type);
