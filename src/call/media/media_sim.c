// The simulated plane.
#include "call/media/media_sim.h"

#include <stdlib.h>

static struct media_sim *sim_of(struct media *m)
{
	return (struct media_sim *)(void *)m;
}

static void post(struct media_sim *sim, struct media_event *e, const struct sim_session *s)
{
	e->owner = s->owner;
	e->session = pool_ref(&sim->sessions, s);
	if (sim->event_count == SIM_EVENTS) abort(); // the test forgot to take them
	sim->events[(sim->event_first + sim->event_count++) % SIM_EVENTS] = *e;
}

static enum err sim_open(struct media *m, ref *session, uint64_t owner)
{
	struct media_sim *sim = sim_of(m);
	struct sim_session *s = pool_get(&sim->sessions);
	if (!s) return ERR_FULL;
	s->owner = owner;
	rtp_session_init(&s->rtp, &s->more, owner);
	*session = pool_ref(&sim->sessions, s);
	return OK;
}

static enum err sim_ports(struct media *m, ref session, const struct media_want *want,
                          struct addr rtp[MEDIA_STREAMS_MAX])
{
	static const struct addr hosts[2] = {
		{ .family = 4, .ip = { 192, 0, 2, 100 } },
		{ .family = 6, .ip = { 0x20, 1, 0xd, 0xb8, [14] = 1 } },
	};
	struct media_sim *sim = sim_of(m);
	struct sim_session *s = pool_at(&sim->sessions, session);
	if (!s) return ERR_NOT_FOUND;
	for (uint32_t i = 0; i < want->count; i++) {
		struct addr *local = &s->local[want->side][want->family == 6][i];
		if (!local->family) {
			if (!sim->pairs_left) return ERR_FULL;
			sim->pairs_left--;
			*local = hosts[want->family == 6];
			local->port = sim->port_next;
			sim->port_next += 2;
		}
		rtp[i] = *local;
	}
	return OK;
}

static void sim_close(struct media_sim *sim, struct sim_session *s)
{
	struct media_event e = { .kind = MEDIA_EV_CLOSED };
	media_stats_of(&e, &s->rtp);
	post(sim, &e, s);
	for (uint32_t i = 0; i < MEDIA_SIDES * 2 * MEDIA_STREAMS_MAX; i++)
		sim->pairs_left += (&s->local[0][0][0])[i].family != 0;
	rtp_session_fini(&s->rtp);
	pool_put(&sim->sessions, s);
}

static enum err sim_tell(struct media *m, ref session, const struct media_command *c)
{
	struct media_sim *sim = sim_of(m);
	struct sim_session *s = pool_at(&sim->sessions, session);
	if (!s) return ERR_NOT_FOUND;
	if (c->kind == MEDIA_DO_CLOSE) sim_close(sim, s);
	else media_command_do(&s->rtp, c, sim->now_us);
	return OK;
}

static bool sim_take(struct media *m, struct media_event *out)
{
	struct media_sim *sim = sim_of(m);
	if (!sim->event_count) return false;
	*out = sim->events[sim->event_first++ % SIM_EVENTS];
	sim->event_count--;
	return true;
}

static enum err sim_secret(struct media *m, uint8_t *out, uint32_t n)
{
	(void)m;
	memset(out, 0x5e, n);
	return OK;
}

static bool sim_is_own(const struct media *m, const struct addr *a)
{
	(void)m;
	return (a->family == 4 && memcmp(a->ip, "\xc0\0\2\x64", 4) == 0) || (a->family == 6 && a->ip[14] == 1);
}

static const struct media_ops sim_ops = { sim_open, sim_ports, sim_tell, sim_take, sim_secret, sim_is_own };

enum err media_sim_init(struct media_sim *sim, uint32_t pairs)
{
	*sim = (struct media_sim){
		.media = { .ops = &sim_ops }, .port_next = 40000, .pairs_left = pairs, .now_us = 1000000
	};
	return pool_init(&sim->sessions, "sim", sizeof(struct sim_session), SIM_SESSIONS);
}

void media_sim_fini(struct media_sim *sim)
{
	struct sim_session *s;
	for (uint32_t at = 0; (s = pool_each(&sim->sessions, &at));) rtp_session_fini(&s->rtp);
	pool_fini(&sim->sessions);
}

// The session, side and stream that a local address belongs to.
static struct sim_session *find_local(struct media_sim *sim, const struct addr *to, struct rtp_arrival *in)
{
	struct sim_session *s;
	for (uint32_t at = 0; (s = pool_each(&sim->sessions, &at));)
		for (uint8_t side = 0; side < MEDIA_SIDES; side++)
			for (uint8_t stream = 0; stream < MEDIA_STREAMS_MAX; stream++) {
				const struct addr *local = &s->local[side][to->family == 6][stream];
				if (!addr_host_eq(local, to) || local->port != (to->port & ~1)) continue;
				in->side = side;
				in->stream = stream;
				in->control = to->port & 1;
				return s;
			}
	return NULL;
}

static void sent(const struct sim_session *s, const struct rtp_departure *d, struct sim_sent *out)
{
	*out = (struct sim_sent){ .from = s->local[d->side][d->to.family == 6][d->stream],
		                      .to = d->to,
		                      .data = { (const char *)d->data, d->n } };
	out->from.port = (uint16_t)(out->from.port + d->control);
}

bool media_sim_input(struct media_sim *sim, const struct addr *from, const struct addr *to, char *data, uint32_t n,
                     struct sim_sent *out)
{
	struct rtp_arrival in = { .from = *from, .data = (uint8_t *)data, .n = n, .now_us = sim->now_us };
	struct rtp_departure d;
	struct rtp_news news;
	struct media_event e;
	struct sim_session *s = find_local(sim, to, &in);
	if (!s) return false;
	bool any = rtp_session_input(&s->rtp, &in, &d, &news);
	if (media_event_of(&e, &news)) post(sim, &e, s);
	if (any) sent(s, &d, out);
	return any;
}

bool media_sim_tick(struct media_sim *sim, ref session, enum media_side side, char frame[RTP_FRAME],
                    struct sim_sent *out)
{
	struct sim_session *s = pool_at(&sim->sessions, session);
	struct rtp_departure d;
	struct rtp_news news;
	struct media_event e;
	if (!s) return false;
	sim->now_us += RTP_TICK_US;
	bool any = rtp_session_tick(&s->rtp, side, sim->now_us, (uint8_t *)frame, &d, &news);
	if (media_event_of(&e, &news)) post(sim, &e, s);
	if (any) sent(s, &d, out);
	return any;
}
