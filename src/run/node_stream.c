// Connections of the workers: which worker has which, to whom one may be opened, and TLS.
#include "run/node_inside.h"

#include "base/count.h"
#include "base/log.h"
#include "base/rcu.h"
#include "wire/net/clock.h"
#include "wire/sip/frame.h"
#include "wire/sip/msg.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define OF_ADDRESS_MAX 2000 // telephones of a business behind one NAT
#define UNSENT_MAX (1u << 20)
#define MEMORY_MAX (128u << 20) // of all workers
#define FIRST_MS 10000
#define IDLE_MS 3900000     // longer than the hour that a registration lasts

COUNTER(node_sent_anew, 
	"Messages to trunk peers sent over a new connection, since that which they were for had ended");
COUNTER(node_connections_passed, "Connections that another worker than their own accepted");

static_assert(LISTENERS_MAX <= STREAM_LISTENERS_MAX, "a listener for connections has its number");

static struct member *member_of(const struct node_worker *nw)
{
	return &nw->node->crew->members[nw->index];
}

static enum stream_piece piece_of(uint32_t *length, uint32_t *looked, struct str bytes)
{
	switch (sip_frame_next(length, looked, bytes)) {
	case SIP_FRAME_MESSAGE: return STREAM_MESSAGE;
	case SIP_FRAME_PING: return STREAM_PING;
	case SIP_FRAME_PONG: return STREAM_SKIP;
	case SIP_FRAME_BROKEN: return STREAM_BROKEN;
	case SIP_FRAME_MORE: break;
	}
	return STREAM_MORE;
}

static void on_message(void *self, const struct packet *p)
{
	struct node_worker *nw = self;
	struct member *m = member_of(nw);
	rcu_online(); // the loop calls from within its wait
	worker_at(m->worker, p->arrived_ms, clock_wall_ms());
	crew_input(m, p);
}

static void on_accepted(void *self, int fd, uint16_t listener, const struct addr *peer)
{
	struct node_worker *nw = self;
	struct member *m = member_of(nw);
	uint32_t owner = crew_of_peer(m->crew, peer);
	if (owner == nw->index) streams_adopt(nw->streams, fd, listener, peer);
	else if (crew_pass_socket(m, owner, fd, listener, peer) == OK) COUNT(node_connections_passed);
	else close(fd);
}

static uint32_t on_began(void *self)
{
	const struct node_worker *nw = self;
	return flow_begin(nw->node->live->flows);
}

static void on_ended(void *self, const struct addr *peer, bool asked)
{
	const struct node_worker *nw = self;
	flow_end(nw->node->live->flows, peer->flow);
	if (asked) crew_connection_ended(member_of(nw), peer);
}

// ---- Calling --------------------------------------------------------------------------------------------------------

static const struct office_trunk_group *group_that_lists(const struct office_rules *rules, const struct addr *peer)
{
	for (uint32_t i = 0; i < rules->trunk_group_count; i++)
		for (uint32_t k = 0; k < rules->trunk_groups[i].peer_count; k++)
			if (addr_eq(&rules->trunk_groups[i].peers[k].addr, peer)) return &rules->trunk_groups[i];
	return NULL;
}

// Only far switches of trunk groups are called: behind the address of a telephone, which opened its connection itself,
// nobody may listen by now, or somebody else. The same is so of the port from which a switch called us.
static bool may_open(void *self, const struct addr *peer, char *host)
{
	const struct node_worker *nw = self;
	rcu_online();
	const struct office_rules *rules = office_rules(nw->node->setup.office);
	const struct office_trunk_group *g = group_that_lists(rules, peer);
	if (transport_is_ws((enum transport)peer->transport)) return false;
	if (!g && !peer->flow) g = office_trunk_group_of(rules, peer);
	if (!g) return false;
	struct buf b = buf_on(host, STREAM_HOST_MAX - 1);
	struct str name = office_host_of(g, peer);
	if (name.n) put(&b, name);
	else put_addr_host(&b, peer);
	host[b.n] = '\0';
	return true;
}

static bool must_be(void *self, const struct addr *peer, char *host)
{
	const struct node_worker *nw = self;
	rcu_online();
	struct str name = office_certified_host(office_rules(nw->node->setup.office), peer);
	return name.n && str_to_z(host, STREAM_HOST_MAX, name);
}

static bool is_response(struct str message)
{
	return str_starts(message, STR("SIP/2.0 "));
}

// Where a far switch is called whose connection has ended: for an answer the port that its request named (RFC 3261
// §18.2.2), for a request where its trunk group says.
static bool find_anew(const struct node_worker *nw, const struct packet *p, struct addr *anew)
{
	const struct office_rules *rules = office_rules(nw->node->setup.office);
	const struct office_trunk_group *g = office_trunk_group_of(rules, &p->peer);
	struct str vias = sip_raw_header(p->data, STR("Via"), 'v');
	struct sip_via via;
	if (!g || group_that_lists(rules, &p->peer)) return false;
	*anew = p->peer;
	anew->flow = 0;
	if (is_response(p->data)) {
		if (sip_via_parse(&via, str_cut(&vias, ',')) != PARSE_OK) return false;
		anew->port = via.port ? via.port : p->peer.transport == TRANSPORT_TLS ? 5061 : 5060;
		return !addr_eq(anew, &p->peer);
	}
	for (uint32_t i = 0; i < g->peer_count; i++) {
		if (!addr_host_eq(&g->peers[i].addr, &p->peer) || g->peers[i].addr.transport != p->peer.transport) continue;
		anew->port = g->peers[i].addr.port;
		return true;
	}
	return false;
}

static void send_packet(struct node_worker *nw, const struct packet *p)
{
	struct member *m = member_of(nw);
	uint32_t owner = crew_of_peer(m->crew, &p->peer);
	if (owner == nw->index) streams_send(nw->streams, p, !is_response(p->data));
	else crew_pass_out(m, owner, p);
}

static void on_unsent(void *self, const struct packet *p, bool stood)
{
	struct node_worker *nw = self;
	struct packet again = *p;
	rcu_online();
	worker_at(member_of(nw)->worker, p->arrived_ms, clock_wall_ms());
	if (find_anew(nw, p, &again.peer)) {
		COUNT(node_sent_anew);
		again.returned = false;
		send_packet(nw, &again);
	} else if (!stood && !is_response(p->data)) { // what was under way when one broke, on_ended tells
		crew_input(member_of(nw), p);
	}
}

void node_adopt_stream(void *self, uint32_t worker, int fd, uint16_t listener, const struct addr *peer)
{
	streams_adopt(((struct node *)self)->workers[worker].streams, fd, listener, peer);
}

void node_send_streams(struct node_worker *nw, struct outbox *o)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < o->count; i++) {
		const struct packet *p = &o->packets[i];
		if (!addr_is_stream(&p->peer)) {
			o->packets[kept++] = *p;
			continue;
		}
		send_packet(nw, p);
	}
	o->count = kept;
}

static struct tls_settings tls_settings_of(const struct config_listener *l, const uint8_t ticket_key[TLS_TICKET_KEY_BYTES])
{
	return (struct tls_settings){ .certificate = l->certificate, .key = l->key, .authorities = l->authorities,
		.clients = l->clients, .ticket_key = ticket_key };
}

static enum err open_listener(struct node_worker *nw, uint16_t index, struct buf *why)
{
	const struct node *n = nw->node;
	const struct config_listener *l = &n->setup.config->listeners[index];
	const struct tls_settings tls = tls_settings_of(l, n->ticket_key);
	uint32_t at = why->n;
	put_fmt(why, "listener \"%s\": ", l->title);
	enum err e = transport_is_secure((enum transport)l->transport) ? tls_new(&nw->tls[index], &tls, why) : OK;
	if (e == OK) why->n = at;
	if (e != OK) return e;
	return streams_listen(nw->streams, index, &(struct stream_settings){ .local = l->address,
		.share_port = n->worker_count > 1, .dscp = (uint8_t)n->setup.config->dscp_signalling, .tls = nw->tls[index],
		.websocket = transport_is_ws((enum transport)l->transport), .origins = str_from(l->origins) }, why);
}

enum err node_open_streams(struct node_worker *nw, struct buf *why)
{
	const struct config *c = nw->node->setup.config;
	const struct stream_user user = { .self = nw, .piece = piece_of, .pong = STR("\r\n"), .message = on_message,
		.unsent = on_unsent, .may_open = may_open, .must_be = must_be, .began = on_began, .ended = on_ended, .accepted = on_accepted };
	struct stream_limits limits = { .connections_max = c->connections_max / nw->node->worker_count + 1,
		.of_address_max = OF_ADDRESS_MAX, .message_max = SIP_FRAME_MAX, .unsent_max = UNSENT_MAX,
		.memory_max = MEMORY_MAX / nw->node->worker_count, .first_ms = FIRST_MS, .idle_ms = IDLE_MS };
	if (getrandom(&limits.seed, sizeof limits.seed, 0) != sizeof limits.seed) return ERR_SYSTEM;
	for (uint16_t i = 0; i < c->listener_count; i++) {
		if (c->listeners[i].transport == TRANSPORT_UDP) continue;
		if (!nw->streams) nw->streams = streams_new(&nw->loop, &user, &limits, clock_monotonic_ms());
		if (!nw->streams) return ERR_FULL;
		enum err e = open_listener(nw, i, why);
		if (e != OK) return e;
	}
	return OK;
}

void node_close_streams(struct node_worker *nw)
{
	nw->streams = streams_free(nw->streams);
	for (uint32_t i = 0; i < LISTENERS_MAX; i++) nw->tls[i] = tls_free(nw->tls[i]);
}

// ---- New certificates -----------------------------------------------------------------------------------------------

static void reload_worker(struct member *m, struct job *j)
{
	struct node *n = m->crew->setup.self;
	struct node_worker *nw = &n->workers[m->index];
	char text[512];
	for (uint32_t i = 0; i < LISTENERS_MAX; i++) {
		struct buf why = buf_on(text, sizeof text - 1);
		if (!nw->tls[i]) continue;
		const struct tls_settings settings = tls_settings_of(&n->setup.config->listeners[i], j->ticket_key);
		enum err e = tls_reload(nw->tls[i], &settings, &why);
		if (e == OK) continue;
		j->err = e;
		text[why.n] = '\0';
		LOG(ERROR, "tls_not_reloaded", LOG_TEXT("new TLS sessions use the certificate of before"), LOG_Z("why", text));
	}
}

// With a new key for tickets: a session that resumes is asked for no certificate, so what was resumed would go by the
// authorities of before.
enum err node_reload_tls(struct node *n)
{
	enum err result = OK;
	uint8_t ticket_key[sizeof n->ticket_key];
	if (getrandom(ticket_key, sizeof ticket_key, 0) != sizeof ticket_key) return ERR_SYSTEM;
	for (uint32_t i = 0; i < n->worker_count; i++) {
		struct job *j = job_new(reload_worker);
		if (j) memcpy(j->ticket_key, ticket_key, sizeof ticket_key);
		enum err e = node_ask(n, i, j);
		if (e == OK) {
			e = j->err;
			job_free(j);
		}
		if (e != OK) result = e;
	}
	return result;
}
