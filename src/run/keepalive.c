// A round over all registered lines every keepalive_s; each second a share of them is looked at.
#include "run/keepalive.h"

#include "base/count.h"
#include "wire/sip/msg.h"

COUNTER(keepalive_sent, "Empty lines sent to phones behind a NAT");

#define LOOK_MS 1000

void keepalive_init(struct keepalive *k, const struct keepalive_setup *setup)
{
	*k = (struct keepalive){ .setup = *setup, .next_ms = setup->env->now_ms + LOOK_MS };
}

// A phone whose packets come from elsewhere than where it says it is, has a NAT before it.
static bool is_behind_nat(const struct binding *b)
{
	struct sip_uri uri;
	struct addr said;
	if (sip_uri_parse(&uri, b->contact) != PARSE_OK || addr_parse(&said, uri.host) != OK) return true;
	said.port = uri.port ? uri.port : 5060;
	return !addr_eq(&said, &b->peer);
}

static void look_at(struct keepalive *k, uint32_t id)
{
	const struct keepalive_setup *s = &k->setup;
	struct binding b[LOCATION_BINDINGS_MAX];
	uint32_t n = location_get(s->live->location, id, s->env->now_ms, b, ARRAY_LEN(b));
	const struct office_line *line = n ? office_line(s->office, id) : NULL;
	if (!line || live_home(str_from(line->name), s->workers) != s->worker) return;
	for (uint32_t i = 0; i < n; i++) {
		// A phone keeps its connection up itself (RFC 5626 §4.4.1), and TCP tells when it is gone.
		if (addr_is_stream(&b[i].peer) || !is_behind_nat(&b[i])) continue;
		outbox_send(s->out, b[i].listener, &b[i].peer, STR("\r\n\r\n"));
		COUNT(keepalive_sent);
	}
}

uint64_t keepalive_tick(struct keepalive *k)
{
	const struct keepalive_setup *s = &k->setup;
	const struct location *l = s->live->location;
	uint32_t period_s = office_rules(s->office)->settings.keepalive_s;
	if (s->env->now_ms < k->next_ms) return k->next_ms;
	k->next_ms = s->env->now_ms + LOOK_MS;
	if (!period_s) return k->next_ms;
	if (!k->in_round && s->env->now_ms >= k->round_ms) {
		k->in_round = true;
		k->line = 0;
		k->round_ms = s->env->now_ms + (uint64_t)period_s * 1000;
	}
	for (uint64_t share = location_use(l).bindings / period_s + 1; k->in_round && share; share--) {
		k->in_round = location_next(l, &k->line);
		if (k->in_round) look_at(k, k->line);
	}
	return k->next_ms;
}
