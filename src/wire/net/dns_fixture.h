// For tests only: writes answers of DNS.
#pragma once

#include "base/buf.h"
#include "wire/net/dns_answer.h"

static inline void put_dns_u16(struct buf *b, uint32_t v)
{
	put_c(b, (char)(v >> 8));
	put_c(b, (char)v);
}

static inline void put_dns_name(struct buf *b, const char *name)
{
	struct str rest = str_from(name);
	while (rest.n) {
		struct str label = str_cut(&rest, '.');
		put_c(b, (char)label.n);
		put(b, label);
	}
	put_c(b, '\0');
}

static inline void put_dns_head(struct buf *b, uint32_t flags, const char *name, uint32_t type, uint32_t answers)
{
	put_dns_u16(b, 0x1234);
	put_dns_u16(b, flags);
	put_dns_u16(b, 1);
	put_dns_u16(b, answers);
	put_dns_u16(b, 0);
	put_dns_u16(b, 0);
	put_dns_name(b, name);
	put_dns_u16(b, type);
	put_dns_u16(b, 1);
}

static inline void put_dns_rr(struct buf *b, const char *owner, uint32_t type, uint32_t ttl_s, struct str data)
{
	put_dns_name(b, owner);
	put_dns_u16(b, type);
	put_dns_u16(b, 1);
	put_dns_u16(b, ttl_s >> 16);
	put_dns_u16(b, ttl_s);
	put_dns_u16(b, data.n);
	put(b, data);
}
