// Addresses: text, comparison, and the system's form.
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define TRANSPORT_NAME(id, name) name,
static const char *const transport_names[TRANSPORT_COUNT] = { TRANSPORTS(TRANSPORT_NAME) };

const char *transport_name(enum transport t)
{
	return transport_names[t];
}

enum err transport_parse(enum transport *out, struct str name)
{
	for (uint32_t i = 0; i < TRANSPORT_COUNT; i++) {
		if (!str_eq_nocase(name, str_from(transport_names[i]))) continue;
		*out = (enum transport)i;
		return OK;
	}
	return ERR_BAD;
}

bool transport_is_ws(enum transport t)
{
	return t == TRANSPORT_WS || t == TRANSPORT_WSS;
}

bool transport_is_secure(enum transport t)
{
	return t == TRANSPORT_TLS || t == TRANSPORT_WSS;
}

bool addr_is_stream(const struct addr *a)
{
	return a->transport != TRANSPORT_UDP;
}

static enum err host_parse(struct addr *out, struct str host)
{
	char z[INET6_ADDRSTRLEN];
	if (host.n == 0 || !str_to_z(z, sizeof z, host)) return ERR_BAD;
	if (memchr(host.p, 0, host.n)) return ERR_BAD;
	if (inet_pton(AF_INET, z, out->ip) == 1) out->family = 4;
	else if (inet_pton(AF_INET6, z, out->ip) == 1) out->family = 6;
	else return ERR_BAD;
	return OK;
}

enum err addr_parse(struct addr *out, struct str text)
{
	struct addr a = { 0 };
	struct str host = text, port = { "", 0 };
	int32_t colon = str_find_char(text, ':');
	bool port_said = false;
	if (text.n && text.p[0] == '[') {
		int32_t end = str_find_char(text, ']');
		if (end < 0) return ERR_BAD;
		host = str_head(str_from_at(text, 1), (uint32_t)end - 1);
		port = str_from_at(text, (uint32_t)end + 1);
		port_said = port.n > 0;
		if (port_said && port.p[0] != ':') return ERR_BAD;
		port = str_from_at(port, 1);
		if (str_find_char(host, ':') < 0) return ERR_BAD;
	} else if (colon >= 0 && str_find_char(str_from_at(text, (uint32_t)colon + 1), ':') < 0) {
		host = str_head(text, (uint32_t)colon);
		port = str_from_at(text, (uint32_t)colon + 1);
		port_said = true;
	}
	uint32_t number = 0;
	if (port_said && str_to_u32(&number, port, 65535) != OK) return ERR_BAD;
	if (host_parse(&a, host) != OK) return ERR_BAD;
	a.port = (uint16_t)number;
	*out = a;
	return OK;
}

void put_addr_host(struct buf *b, const struct addr *a)
{
	if (a->family == 0) {
		put_c(b, '-');
	} else if (a->family == 6) {
		char z[INET6_ADDRSTRLEN];
		put_c(b, '[');
		put_z(b, inet_ntop(AF_INET6, a->ip, z, sizeof z));
		put_c(b, ']');
	} else { // by hand: a call writes some thirty, and inet_ntop takes a microsecond for each
		for (uint32_t i = 0; i < 4; i++) {
			if (i) put_c(b, '.');
			put_u64(b, a->ip[i]);
		}
	}
}

void put_addr(struct buf *b, const struct addr *a)
{
	put_addr_host(b, a);
	put_c(b, ':');
	put_u64(b, a->port);
}

#define TRANSPORT_PARAM ";transport="

enum err transport_addr_parse(struct addr *out, struct str text)
{
	struct addr a;
	enum transport transport = TRANSPORT_UDP;
	int32_t at = str_find_char(text, ';');
	struct str param = at < 0 ? STR("") : str_from_at(text, (uint32_t)at);
	if (addr_parse(&a, str_head(text, text.n - param.n)) != OK) return ERR_BAD;
	if (param.n && (!str_starts_nocase(param, STR(TRANSPORT_PARAM)) ||
	                transport_parse(&transport, str_from_at(param, sizeof TRANSPORT_PARAM - 1)) != OK))
		return ERR_BAD;
	a.transport = (uint8_t)transport;
	*out = a;
	return OK;
}

void put_transport_addr(struct buf *b, const struct addr *a)
{
	put_addr(b, a);
	if (!addr_is_stream(a)) return;
	put_z(b, TRANSPORT_PARAM);
	put_z(b, transport_names[a->transport]);
}

void put_uri_addr(struct buf *b, const struct addr *a)
{
	struct addr said = *a;
	if (said.transport == TRANSPORT_WSS) said.transport = TRANSPORT_WS;
	put_transport_addr(b, &said);
}

bool addr_host_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && a->transport == b->transport && addr_host_eq(a, b);
}

bool addr_flow_eq(const struct addr *a, const struct addr *b)
{
	return a->flow == b->flow && addr_eq(a, b);
}

enum err addr_local_for(uint16_t *index, const struct addr *locals, uint32_t count, const struct addr *peer)
{
	for (uint32_t i = 0; i < count; i++) {
		if (locals[i].family != peer->family || locals[i].transport != peer->transport) continue;
		*index = (uint16_t)i;
		return OK;
	}
	return ERR_NOT_FOUND;
}

// The IPv4 address that an IPv6 one carries (mapped, compatible, 6to4, NAT64), if it does.
static bool v4_inside(uint8_t out[4], const uint8_t ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, compatible[12] = { 0 };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
	const uint8_t *at = NULL;
	if (memcmp(ip, mapped, 12) == 0 || memcmp(ip, compatible, 12) == 0 || memcmp(ip, nat64, 12) == 0) at = ip + 12;
	else if (ip[0] == 0x20 && ip[1] == 0x02) at = ip + 2;
	if (at) memcpy(out, at, 4);
	return at != NULL;
}

static bool v4_is_special(const uint8_t ip[4])
{
	return ip[0] == 0 || ip[0] == 127 || ip[0] >= 224 || (ip[0] == 169 && ip[1] == 254);
}

bool addr_is_special(const struct addr *a)
{
	uint8_t v4[4];
	if (a->family == 4) return v4_is_special(a->ip);
	if (a->family != 6) return true;
	if (a->ip[0] == 0xff || (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80)) return true;
	return v4_inside(v4, a->ip) && v4_is_special(v4); // :: and ::1 are 0.0.0.0 and 0.0.0.1 in the compatible form
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };
	uint8_t v4[4];
	if (a->family == 4) return a->ip[0] == 127;
	return memcmp(a->ip, one, 16) == 0 || (v4_inside(v4, a->ip) && v4[0] == 127);
}

enum err addr_net_parse(struct addr_net *out, struct str text)
{
	struct addr_net net = { 0 };
	struct str bits = text, host = str_cut(&bits, '/');
	if (host_parse(&net.base, host) != OK) return ERR_BAD;
	uint32_t most = net.base.family == 4 ? 32 : 128, n = most;
	if (host.n != text.n && str_to_u32(&n, bits, most) != OK) return ERR_BAD;
	net.bits = (uint8_t)n;
	*out = net;
	return OK;
}

bool addr_in_net(const struct addr *a, const struct addr_net *net)
{
	if (a->family != net->base.family) return false;
	uint32_t whole = net->bits / 8, rest = net->bits % 8;
	if (memcmp(a->ip, net->base.ip, whole) != 0) return false;
	return rest == 0 || (a->ip[whole] ^ net->base.ip[whole]) >> (8 - rest) == 0;
}

uint32_t addr_to_sockaddr(struct sockaddr *out, const struct addr *a)
{
	if (a->family == 6) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
		memcpy(&in6.sin6_addr, a->ip, 16);
		memcpy(out, &in6, sizeof in6);
		return sizeof in6;
	}
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	memcpy(&in.sin_addr, a->ip, 4);
	memcpy(out, &in, sizeof in);
	return sizeof in;
}

void addr_from_sockaddr(struct addr *out, const struct sockaddr *sa)
{
	*out = (struct addr){ 0 };
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof in6);
		out->family = 6;
		out->port = ntohs(in6.sin6_port);
		memcpy(out->ip, &in6.sin6_addr, 16);
	} else if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof in);
		out->family = 4;
		out->port = ntohs(in.sin_port);
		memcpy(out->ip, &in.sin_addr, 4);
	}
}
