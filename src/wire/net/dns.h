// Questions to DNS, over the loop of one thread (c-ares): answers come whole, or not at all. Nothing is kept here.
#pragma once

#include "wire/net/dns_answer.h"
#include "wire/net/loop.h"

#define DNS_SERVERS_MAX 4

struct dns_user {
	void *self;
	// NULL: nobody answered, or nothing that could be understood. Good until the call returns; may ask anew.
	void (*answered)(void *self, enum dns_type type, const char *name, const struct dns_answer *answer);
};

struct dns;
// servers: none takes the system's (/etc/resolv.conf); port 0: 53. The loop is borrowed. ERR_FULL: no memory;
// ERR_SYSTEM: no server is known.
MUST_CHECK enum err dns_new(struct dns **out, struct loop *loop, const struct dns_user *user,
                            const struct addr *servers, uint32_t count);
// What is asked is answered no more. NULL is fine; returns NULL.
struct dns *dns_free(struct dns *d);
// Asks for the records of a type. The answer may come before this returns.
void dns_ask(struct dns *d, enum dns_type type, const char *name);
// Asks again who is silent, and gives up; when to come again, ms (UINT64_MAX: when something comes).
uint64_t dns_tick(struct dns *d);
