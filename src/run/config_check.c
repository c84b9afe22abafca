// Certificates against the clock, peers against listeners.
#include "run/config_check.h"

#include "wire/net/tls.h"

#define WARN_DAYS 30 // authorities that renew by themselves do it before

struct check {
	store_report *report;
	void *self;
	struct store_findings found;
	char text[1024];
	struct buf sentence;
};

static void begin(struct check *k)
{
	k->sentence = buf_on(k->text, sizeof k->text);
}

static void tell(struct check *k, enum store_severity severity)
{
	if (severity == STORE_ERROR) k->found.errors++;
	else k->found.warnings++;
	k->report(k->self, severity, buf_str(&k->sentence));
}

static void check_certificate(struct check *k, const struct config_listener *l)
{
	static const uint8_t no_tickets[TLS_TICKET_KEY_BYTES];
	struct tls *t;
	begin(k);
	put_fmt(&k->sentence, "listener \"%s\": ", l->title);
	if (tls_new(&t, &(struct tls_settings){ .certificate = l->certificate, .key = l->key,
		.authorities = l->authorities, .clients = l->clients, .ticket_key = no_tickets }, &k->sentence) != OK) {
		tell(k, STORE_ERROR);
		return;
	}
	int32_t days = tls_days_left(t);
	tls_free(t);
	if (days >= WARN_DAYS) return;
	if (days < 0) put_fmt(&k->sentence, "the certificate %s has expired: whoever checks it refuses to talk to us",
		l->certificate);
	else put_fmt(&k->sentence, "the certificate %s ends in %d days", l->certificate, days);
	tell(k, STORE_WARNING);
}

static void check_peer(struct check *k, const struct config *c, const char *group, const struct addr *peer)
{
	uint16_t index;
	struct addr locals[CONFIG_LISTENERS_MAX];
	for (uint32_t i = 0; i < c->listener_count; i++) locals[i] = c->listeners[i].address;
	if (addr_local_for(&index, locals, c->listener_count, peer) == OK) return;
	begin(k);
	put_fmt(&k->sentence, "the trunk group %s has the peer ", group);
	put_transport_addr(&k->sentence, peer);
	put_fmt(&k->sentence, ", which no call can reach: no listener is for %s over IPv%u",
		transport_name((enum transport)peer->transport), peer->family);
	tell(k, STORE_WARNING);
}

struct store_findings config_check(const struct config *c, const struct office_rules *rules, store_report *report,
                                   void *self)
{
	struct check k = { .report = report, .self = self };
	for (uint32_t i = 0; i < c->listener_count; i++)
		if (transport_is_secure((enum transport)c->listeners[i].transport)) check_certificate(&k, &c->listeners[i]);
	for (uint32_t i = 0; rules && i < rules->trunk_group_count; i++) {
		const struct office_trunk_group *g = &rules->trunk_groups[i];
		for (uint32_t p = 0; p < g->peer_count; p++) check_peer(&k, c, g->name, &g->peers[p].addr);
	}
	return k.found;
}
