// The media plane of a run. A session is two sides; each has ports of ours, and what the switch was told of the far
// end. Who hears whom follows from that alone; nothing but commands and digits ever moves here.
#include "sim/plane.h"

#include "base/wheel.h"
#include "sim/check.h"
#include "sim/node.h"
#include "sim/weather.h"

#include <stdlib.h>

#define SESSIONS_MAX 16384
#define PLAYS_MAX 5      // one is heard, four wait
#define PORT_FIRST 16384 // even ports from here to the end
#define PORT_PAIRS ((65536 - PORT_FIRST) / 2)
#define PROMPT_MS 4000   // one announcement, its special information tone with it
#define BURST_MS 1000    // one tone that ends by itself
#define SEATS_MAX 64
#define EVENTS_MAX (2 * SESSIONS_MAX) // of a seat
#define FAMILIES 2

struct side {
	struct addr local[FAMILIES][MEDIA_STREAMS_MAX];
	struct media_remote remote[MEDIA_STREAMS_MAX];
	struct media_play plays[PLAYS_MAX];
	uint32_t play_count;
	struct timer play_ends, silence;
	bool collects, quiet;
	char digit; // the last that reached this side
};

struct session {
	struct seat *seat;
	uint64_t owner;
	uint16_t silent_s; // of WATCH
	struct side sides[MEDIA_SIDES];
};

struct seat { // the plane as one worker sees it
	struct media media; // first
	struct plane *plane;
	struct media_event *events; // owned: a queue
	uint32_t first, count;
};

// What a port of ours belongs to.
struct port_owner {
	ref session;       // 0: it is free
	uint64_t freed_ms; // since then
	uint8_t side, stream, family;
};

struct plane {
	struct sim *sim;
	struct pool sessions;
	struct wheel wheel;
	struct seat seats[SEATS_MAX];
	struct addr host[FAMILIES]; // of our ports
	struct port_owner owners[PORT_PAIRS];
	uint16_t free[PORT_PAIRS]; // pairs, in the order in which they were given back
	uint32_t free_first, free_count;
};

enum timer_kind { PLAY_ENDS_A, PLAY_ENDS_B, SILENCE_A, SILENCE_B };

static uint32_t family_at(uint8_t family)
{
	return family == 6;
}

// EVENTS

static void post(struct session *s, struct media_event e)
{
	struct seat *seat = s->seat;
	e.owner = s->owner;
	e.session = pool_ref(&seat->plane->sessions, s);
	if (seat->count == EVENTS_MAX) abort(); // the node forgot to take them
	seat->events[(seat->first + seat->count++) % EVENTS_MAX] = e;
	node_media_waits(sim_node(seat->plane->sim), (uint32_t)(seat - seat->plane->seats));
}

static bool take_event(struct media *m, struct media_event *out)
{
	struct seat *seat = (struct seat *)m;
	if (!seat->count) return false;
	*out = seat->events[seat->first];
	seat->first = (seat->first + 1) % EVENTS_MAX;
	seat->count--;
	return true;
}

// PORTS

static const struct port_owner *owner_of(const struct plane *p, const struct addr *a)
{
	if (a->port < PORT_FIRST) return NULL;
	const struct port_owner *o = &p->owners[(a->port - PORT_FIRST) / 2];
	return o->session && addr_host_eq(a, &p->host[o->family]) ? o : NULL;
}

static bool take_pair(struct plane *p, struct session *s, const struct media_want *want, uint8_t stream)
{
	const struct weather *w = sim_weather(p->sim);
	uint8_t which = want->side, family = (uint8_t)family_at(want->family);
	struct addr *local = &s->sides[which].local[family][stream];
	if (!p->free_count || w->media_full || (w->media_kept && !want->emergency)) return false;
	uint16_t pair = p->free[p->free_first];
	p->free_first = (p->free_first + 1) % PORT_PAIRS;
	p->free_count--;
	*local = p->host[family];
	local->port = (uint16_t)(PORT_FIRST + pair * 2);
	p->owners[pair] = (struct port_owner){ .session = pool_ref(&p->sessions, s), .side = which, .stream = stream,
		.family = family };
	return true;
}

static void give_pair(struct plane *p, const struct addr *local)
{
	if (!local->family) return;
	uint16_t pair = (uint16_t)((local->port - PORT_FIRST) / 2);
	p->owners[pair] = (struct port_owner){ .freed_ms = sim_now_ms(p->sim) };
	p->free[(p->free_first + p->free_count++) % PORT_PAIRS] = pair;
}

static enum err take_ports(struct media *m, ref session, const struct media_want *want,
                           struct addr rtp[MEDIA_STREAMS_MAX])
{
	struct plane *p = ((struct seat *)m)->plane;
	struct session *s = pool_at(&p->sessions, session);
	uint8_t f = (uint8_t)family_at(want->family);
	if (!s) return ERR_NOT_FOUND;
	for (uint8_t i = 0; i < want->count && i < MEDIA_STREAMS_MAX; i++) {
		struct addr *local = &s->sides[want->side].local[f][i];
		if (!local->family && !take_pair(p, s, want, i)) return ERR_FULL;
		rtp[i] = *local;
	}
	return OK;
}

static bool is_own(const struct media *m, const struct addr *a)
{
	const struct plane *p = ((const struct seat *)m)->plane;
	return addr_host_eq(a, &p->host[family_at(a->family)]);
}

// WHAT IS PLAYED

static bool ends_by_itself(const struct media_play *play)
{
	bool burst = play->tone == MEDIA_TONE_CONFIRMATION || play->tone >= MEDIA_TONE_SIT_IC;
	return play->times && (play->prompt || burst);
}

// Begins what stands first.
static void play_first(struct session *s, uint32_t which)
{
	struct plane *p = s->seat->plane;
	struct side *side = &s->sides[which];
	const struct media_play *play = &side->plays[0];
	wheel_stop(&p->wheel, &side->play_ends);
	if (!side->play_count || !ends_by_itself(play)) return;
	wheel_start(&p->wheel, &side->play_ends,
		sim_now_ms(p->sim) + (uint64_t)play->times * (play->prompt ? PROMPT_MS : BURST_MS), PLAY_ENDS_A + which,
		pool_ref(&p->sessions, s));
}

static void play(struct session *s, uint32_t which, const struct media_play *what)
{
	struct side *side = &s->sides[which];
	if (side->remote[0].law == MEDIA_LAW_NONE) { // it cannot hear us
		post(s, (struct media_event){ .kind = MEDIA_EV_PLAYED, .side = (uint8_t)which });
		return;
	}
	if (!what->after) side->play_count = 0;
	if (side->play_count == PLAYS_MAX) return;
	side->plays[side->play_count++] = *what;
	if (side->play_count == 1) play_first(s, which);
}

static void stop_playing(struct session *s, uint32_t which)
{
	s->sides[which].play_count = 0;
	play_first(s, which);
}

// What stands first is over, and what waits behind it begins.
static void on_play_ends(struct session *s, uint32_t which)
{
	struct side *side = &s->sides[which];
	for (uint32_t i = 1; i < side->play_count; i++) side->plays[i - 1] = side->plays[i];
	side->play_count--;
	play_first(s, which);
	if (!side->play_count) post(s, (struct media_event){ .kind = MEDIA_EV_PLAYED, .side = (uint8_t)which });
}

// SILENCE. As wire/rtp/session.h has it; every party is taken to have been heard, and to go on until plane_quiet.

static void listen_for_silence(struct session *s, uint32_t which)
{
	struct plane *p = s->seat->plane;
	struct side *side = &s->sides[which];
	wheel_stop(&p->wheel, &side->silence);
	if (s->silent_s && side->quiet)
		wheel_start(&p->wheel, &side->silence, sim_now_ms(p->sim) + s->silent_s * 1000ull, SILENCE_A + which,
			pool_ref(&p->sessions, s));
}

static void on_silence(struct session *s, uint32_t which)
{
	struct side *side = &s->sides[which];
	if (side->remote[0].send && side->remote[0].receive)
		post(s, (struct media_event){ .kind = MEDIA_EV_SILENT, .side = (uint8_t)which, .silent_s = s->silent_s });
	listen_for_silence(s, which);
}

// COMMANDS

static void set_remote(struct session *s, const struct media_command *c)
{
	struct side *side = &s->sides[c->side];
	struct media_remote *r = &side->remote[c->stream];
	if (!addr_eq(&r->rtp, &c->remote.rtp)) side->quiet = false; // somebody else
	*r = c->remote;
	listen_for_silence(s, c->side);
}

static void make_digit(struct session *s, const struct media_command *c)
{
	struct seat *seat = s->seat;
	struct side *side = &s->sides[c->side];
	side->digit = c->digit.digit;
	check_made_digit(sim_checker(seat->plane->sim),
		&(struct made_digit){ .worker = (uint32_t)(seat - seat->plane->seats), .side = c->side, .digit = side->digit,
			.session = pool_ref(&seat->plane->sessions, s), .ear = side->remote[0].rtp });
}

static void close_session(struct session *s)
{
	struct plane *p = s->seat->plane;
	post(s, (struct media_event){ .kind = MEDIA_EV_CLOSED });
	for (uint32_t which = 0; which < MEDIA_SIDES; which++) {
		struct side *side = &s->sides[which];
		wheel_stop(&p->wheel, &side->play_ends);
		wheel_stop(&p->wheel, &side->silence);
		for (uint32_t i = 0; i < FAMILIES * MEDIA_STREAMS_MAX; i++) give_pair(p, &side->local[0][0] + i);
	}
	pool_put(&p->sessions, s);
}

static enum err open_session(struct media *m, ref *session, uint64_t owner)
{
	struct seat *seat = (struct seat *)m;
	struct session *s = pool_get(&seat->plane->sessions);
	if (!s) return ERR_FULL;
	s->seat = seat;
	s->owner = owner;
	*session = pool_ref(&seat->plane->sessions, s);
	return OK;
}

static enum err secret(struct media *m, uint8_t *out, uint32_t n)
{
	(void)m;
	memset(out, 0x5e, n);
	return OK;
}

static enum err tell(struct media *m, ref session, const struct media_command *c)
{
	struct session *s = pool_at(&((struct seat *)m)->plane->sessions, session);
	if (!s) return ERR_NOT_FOUND;
	switch ((enum media_command_kind)c->kind) {
	case MEDIA_DO_REMOTE: set_remote(s, c); break;
	case MEDIA_DO_PLAY: play(s, c->side, &c->play); break;
	case MEDIA_DO_STOP: stop_playing(s, c->side); break;
	case MEDIA_DO_COLLECT: s->sides[c->side].collects = c->on; break;
	case MEDIA_DO_DIGIT: make_digit(s, c); break;
	case MEDIA_DO_WATCH:
		s->silent_s = c->silent_s;
		for (uint32_t which = 0; which < MEDIA_SIDES; which++) listen_for_silence(s, which);
		break;
	case MEDIA_DO_CLOSE: close_session(s); break;
	case MEDIA_DO_KEYS:
	case MEDIA_DO_MAP:
	case MEDIA_DO_COUNT: break;
	}
	return OK;
}

static const struct media_ops ops = { open_session, take_ports, tell, take_event, secret, is_own };

// LIFE

struct plane *plane_new(struct sim *s)
{
	struct plane *p = calloc(1, sizeof *p);
	if (!p) return NULL;
	p->sim = s;
	wheel_init(&p->wheel, sim_now_ms(s));
	if (pool_init(&p->sessions, "media sessions", sizeof(struct session), SESSIONS_MAX) != OK ||
	    addr_parse(&p->host[0], STR(NODE_ADDR_4)) != OK || addr_parse(&p->host[1], STR(NODE_ADDR_6)) != OK)
		return plane_free(p);
	for (uint32_t i = 0; i < sim_plan(s)->workers && i < SEATS_MAX; i++) {
		p->seats[i] = (struct seat){ .media = { .ops = &ops }, .plane = p,
			.events = calloc(EVENTS_MAX, sizeof *p->seats[i].events) };
		if (!p->seats[i].events) return plane_free(p);
	}
	for (uint32_t i = 0; i < PORT_PAIRS; i++) p->free[i] = (uint16_t)i;
	p->free_count = PORT_PAIRS;
	return p;
}

struct plane *plane_free(struct plane *p)
{
	if (!p) return NULL;
	for (uint32_t i = 0; i < SEATS_MAX; i++) free(p->seats[i].events);
	pool_fini(&p->sessions);
	free(p);
	return NULL;
}

struct media *plane_of(struct plane *p, uint32_t worker)
{
	return &p->seats[worker % SEATS_MAX].media;
}

void plane_crash(struct plane *p)
{
	uint32_t at = 0;
	for (struct session *s; (s = pool_each(&p->sessions, &at));) close_session(s);
	for (uint32_t i = 0; i < SEATS_MAX; i++) p->seats[i].count = 0;
}

uint64_t plane_next_ms(const struct plane *p)
{
	return wheel_next(&p->wheel);
}

void plane_tick(struct plane *p)
{
	struct timer *t;
	while ((t = wheel_expire(&p->wheel, sim_now_ms(p->sim)))) {
		struct session *s = pool_at(&p->sessions, t->owner);
		if (!s) continue;
		if (t->kind <= PLAY_ENDS_B) on_play_ends(s, t->kind - PLAY_ENDS_A);
		else on_silence(s, t->kind - SILENCE_A);
	}
}

uint32_t plane_open(const struct plane *p)
{
	return p->sessions.used;
}

bool plane_has(const struct plane *p, const struct addr *port)
{
	// What is written down in this millisecond may leave when its call is over already.
	const struct port_owner *o = port->port >= PORT_FIRST ? &p->owners[(port->port - PORT_FIRST) / 2] : NULL;
	return (o && o->freed_ms == sim_now_ms(p->sim)) || owner_of(p, port);
}

uint32_t plane_ports_taken(const struct plane *p)
{
	return PORT_PAIRS - p->free_count;
}

// WHAT PARTIES DO AND HEAR

static bool find(struct plane *p, const struct addr *local, struct session **s, const struct port_owner **owner)
{
	const struct port_owner *o = owner_of(p, local);
	*s = o ? pool_at(&p->sessions, o->session) : NULL;
	*owner = o;
	return *s && o->stream == 0;
}

// Does what comes from this side reach the other?
static bool passes(const struct session *s, uint32_t from)
{
	uint32_t to = media_other(from);
	const struct media_remote *speaker = &s->sides[from].remote[0], *listener = &s->sides[to].remote[0];
	return speaker->receive && listener->send && speaker->rtp.family && listener->rtp.family &&
	       speaker->form == MEDIA_FORM_AUDIO && listener->form == MEDIA_FORM_AUDIO;
}

bool plane_digit(struct plane *p, const struct addr *from, const struct addr *to, char digit, struct addr *ear)
{
	struct session *s;
	const struct port_owner *o;
	*ear = (struct addr){ 0 };
	if (!find(p, to, &s, &o)) return false;
	struct side *side = &s->sides[o->side], *other = &s->sides[media_other(o->side)];
	const struct media_remote *r = &side->remote[0];
	// A stranger is not heard (wire/rtp/latch.h).
	if (!addr_host_eq(&r->rtp, from) && !addr_host_eq(&r->signalling, from)) return false;
	if (passes(s, o->side)) {
		other->digit = digit;
		*ear = other->remote[0].rtp;
	}
	if (side->collects)
		post(s, (struct media_event){ .kind = MEDIA_EV_DIGIT, .side = o->side, .digit = digit });
	return ear->family || side->collects;
}

void plane_quiet(struct plane *p, const struct addr *ear, const struct addr *told, bool quiet)
{
	struct session *s;
	const struct port_owner *o;
	if (!find(p, told, &s, &o) || !addr_eq(&s->sides[o->side].remote[0].rtp, ear)) return;
	s->sides[o->side].quiet = quiet;
	listen_for_silence(s, o->side);
}

bool plane_hears(struct plane *p, const struct addr *ear, const struct addr *told, struct plane_heard *out)
{
	struct session *s;
	const struct port_owner *o;
	*out = (struct plane_heard){ 0 };
	if (!find(p, told, &s, &o)) return false;
	const struct side *side = &s->sides[o->side], *other = &s->sides[media_other(o->side)];
	if (!addr_eq(&side->remote[0].rtp, ear)) return false;
	out->digit = side->digit;
	if (!side->remote[0].send) return true;
	if (side->play_count) {
		out->tone = side->plays[0].tone;
		out->prompt = side->plays[0].prompt;
	} else if (passes(s, media_other(o->side))) {
		out->voice = other->remote[0].rtp;
	}
	return true;
}
