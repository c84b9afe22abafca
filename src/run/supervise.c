// OPTIONS to trunk peers. An owner of our transactions is a marked word: mark | tag of the address << 40 | group << 8 |
// peer.
#include "run/supervise.h"

#include "base/count.h"
#include "base/log.h"

COUNTER(supervise_asked, "OPTIONS sent to trunk peers");
COUNTER(supervise_unanswered, "OPTIONS to trunk peers without an answer");

#define MARK (1ull << 63)
#define LOOK_MS 1000 // how often the groups are looked at

void supervise_init(struct supervise *s, const struct supervise_setup *setup)
{
	*s = (struct supervise){ .setup = *setup, .next_ms = setup->env->now_ms };
}

static uint64_t owner_of(const struct office_trunk_group *g, uint32_t peer)
{
	return MARK | (uint64_t)peer_state_tag(&g->peers[peer].addr) << 40 | (uint64_t)g->id << 8 | peer;
}

bool supervise_owns(uint64_t owner)
{
	return owner >> 62 == MARK >> 62;
}

static void set_state(struct supervise *s, uint64_t owner, enum peer_state state)
{
	uint32_t group = (uint32_t)(owner >> 8), peer = owner & 0xff;
	const struct office_trunk_group *g = office_trunk_group(office_rules(s->setup.office), group);
	if (!g || peer >= g->peer_count || owner_of(g, peer) != owner) return; // another has its place meanwhile
	if (!peer_state_set(s->setup.live->peers, group, peer, state, s->setup.env->now_ms)) return;
	struct str name = str_from(g->name);
	if (state == PEER_SILENT)
		LOG(WARN, "trunk_silent", LOG_TEXT("a trunk's peer does not answer OPTIONS"), LOG_STR("trunk", name),
		    LOG_U64("peer", peer));
	else
		LOG(INFO, "trunk_answers", LOG_TEXT("a trunk's peer answers OPTIONS"), LOG_STR("trunk", name),
		    LOG_U64("peer", peer));
}

bool supervise_on_response(struct supervise *s, uint64_t owner, const struct sip_msg *m)
{
	if (!supervise_owns(owner)) return false;
	// Any answer is a sign of life, but one that says "out of service".
	if (m->status >= 200) set_state(s, owner, m->status == 503 || m->status == 408 ? PEER_SILENT : PEER_UP);
	return true;
}

bool supervise_on_failure(struct supervise *s, uint64_t owner)
{
	if (!supervise_owns(owner)) return false;
	COUNT(supervise_unanswered);
	set_state(s, owner, PEER_SILENT);
	return true;
}

static void ask(struct supervise *s, const struct office_trunk_group *g, uint32_t peer)
{
	char text[1024], me[64], far[OFFICE_HOST_MAX], tag[16], call_id[16];
	const struct addr *to = &g->peers[peer].addr;
	uint16_t listener;
	if (addr_local_for(&listener, s->setup.listeners, s->setup.listener_count, to) != OK) return;
	struct buf b = buf_on(text, sizeof text), m = buf_on(me, sizeof me), f = buf_on(far, sizeof far);
	put_addr(&m, &s->setup.listeners[listener]);
	struct str host = office_host_of(g, to);
	if (host.n) put(&f, host);
	else put_addr(&f, to);
	struct random *chance = &s->setup.env->random;
	struct buf t = buf_on(tag, sizeof tag), c = buf_on(call_id, sizeof call_id);
	struct str branch = sip_stack_branch(s->setup.stack);
	put_hex(&t, random_u64(chance), 16);
	put_hex(&c, random_u64(chance), 16);
	const struct sip_identity id = { .from_tag = buf_str(&t), .call_id = buf_str(&c), .cseq = 1 };
	put_fmt(&b, "OPTIONS sip:%.*s SIP/2.0\r\n", STR_FMT(buf_str(&f)));
	put_sip_via(&b, &s->setup.listeners[listener], branch);
	put_z(&b, "Max-Forwards: 70\r\n");
	put_fmt(&b, "From: <sip:dialtone@%.*s>;tag=%.*s\r\nTo: <sip:%.*s>\r\nCall-ID: %.*s\r\n", STR_FMT(buf_str(&m)),
		STR_FMT(id.from_tag), STR_FMT(buf_str(&f)), STR_FMT(id.call_id));
	put_z(&b, "CSeq: 1 OPTIONS\r\nContact: <sip:dialtone@");
	put_uri_addr(&b, &s->setup.listeners[listener]);
	put_z(&b, ">\r\nAccept: application/sdp\r\n");
	put_sip_body(&b, STR(""), STR(""));
	ref txn;
	if (b.err == OK && sip_client_send(&txn, s->setup.stack,
			&(struct sip_client_request){ .method = SIP_OPTIONS, .branch = branch, .message = buf_str(&b), .to = *to,
				.identity = id, .listener = listener, .owner = owner_of(g, peer) }) == OK)
		COUNT(supervise_asked);
}

uint64_t supervise_tick(struct supervise *s)
{
	const struct office_rules *r = office_rules(s->setup.office);
	uint64_t now = s->setup.env->now_ms;
	if (now < s->next_ms) return s->next_ms;
	s->next_ms = (now / LOOK_MS + 1) * LOOK_MS; // each second is looked at once: none is missed by being a little late
	for (uint32_t i = 0; i < r->trunk_group_count; i++) {
		const struct office_trunk_group *g = &r->trunk_groups[i];
		if (g->id % s->setup.workers != s->setup.worker) continue;
		if (!g->options_s || !g->in_service) {
			// Whom nobody asks is not silent: else one that was so when supervision ended would never be tried again.
			peer_state_forget(s->setup.live->peers, g->id);
			continue;
		}
		for (uint32_t peer = 0; peer < g->peer_count; peer++)
			peer_state_is(s->setup.live->peers, g->id, peer, peer_state_tag(&g->peers[peer].addr));
		// The groups take turns within their period, so that not all are asked in one moment.
		if ((now / LOOK_MS + g->id) % g->options_s != 0) continue;
		for (uint32_t peer = 0; peer < g->peer_count; peer++) ask(s, g, peer);
	}
	return s->next_ms;
}
