// The media plane of a ladder: it carries no packet, but obeys every command and so knows who would hear what. A party
// is heard when the switch told it a port, hears at that port what comes from where the party said, passes it on, and
// sends it to where the other party said.
#include "ladders/exchange_inside.h"

#include "ladders/actor.h"

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/evp.h>
#undef ERR_STATE

#define PROMPT_MS 4000 // one announcement, its special information tone with it
#define BURST_MS 1000  // one tone that ends by itself
#define LISTEN_MS 5000 // patience in weather

static struct plane_session *session_at(struct memory_plane *p, ref r)
{
	uint32_t index = (uint32_t)r - 1;
	if (index >= PLANE_SESSIONS_MAX) return NULL;
	struct plane_session *s = &p->sessions[index];
	return s->open && s->generation == r >> 32 ? s : NULL;
}

static ref session_ref(const struct memory_plane *p, const struct plane_session *s)
{
	return (ref)s->generation << 32 | (uint32_t)(s - p->sessions + 1);
}

static void tell_worker(struct memory_plane *p, const struct media_event *e)
{
	if (p->event_count == PLANE_EVENTS_MAX) return;
	p->events[(p->event_first + p->event_count++) % PLANE_EVENTS_MAX] = *e;
}

// OPERATIONS

static enum err open_session(struct media *m, ref *session, uint64_t owner)
{
	struct memory_plane *p = (struct memory_plane *)m;
	for (uint32_t i = 0; i < PLANE_SESSIONS_MAX; i++) {
		struct plane_session *s = &p->sessions[i];
		if (s->open) continue;
		*s = (struct plane_session){ .open = true, .generation = s->generation + 1, .owner = owner };
		*session = session_ref(p, s);
		return OK;
	}
	return ERR_FULL;
}

static enum err take_ports(struct media *m, ref session, const struct media_want *want,
                           struct addr rtp[MEDIA_STREAMS_MAX])
{
	struct memory_plane *p = (struct memory_plane *)m;
	struct plane_session *s = session_at(p, session);
	if (!s) return ERR_NOT_FOUND;
	for (uint32_t i = 0; i < want->count && i < MEDIA_STREAMS_MAX; i++) {
		struct addr *local = &s->sides[want->side].local[i];
		if (local->family != want->family) {
			if (p->no_ports && !(p->ports_kept && want->emergency)) return ERR_FULL;
			if (addr_parse(local, str_from(want->family == 6 ? EXCHANGE_ADDR_6 : EXCHANGE_ADDR_4)) != OK) return ERR_FULL;
			local->port = p->port_next;
			p->port_next = (uint16_t)(p->port_next + 2);
		}
		rtp[i] = *local;
	}
	return OK;
}

static bool ends_by_itself(const struct media_play *play)
{
	bool burst = play->tone == MEDIA_TONE_CONFIRMATION || play->tone >= MEDIA_TONE_SIT_IC;
	return play->times && (play->prompt || burst);
}

static void start_play(struct memory_plane *p, struct plane_side *side)
{
	const struct media_play *play = &side->plays[0];
	side->play_ends_ms = 0;
	if (side->play_count && ends_by_itself(play))
		side->play_ends_ms = p->ladder->now_ms + (uint64_t)play->times * (play->prompt ? PROMPT_MS : BURST_MS);
}

static bool can_hear(const struct plane_side *side)
{
	return side->remote[0].law != MEDIA_LAW_NONE;
}

static void command_play(struct memory_plane *p, struct plane_session *s, const struct media_command *c)
{
	struct plane_side *side = &s->sides[c->side];
	struct media_event played = { .owner = s->owner, .session = session_ref(p, s), .kind = MEDIA_EV_PLAYED,
		.side = c->side };
	if (!can_hear(side)) {
		tell_worker(p, &played);
		return;
	}
	if (!c->play.after) side->play_count = 0;
	if (side->play_count == PLANE_PLAYS_MAX) return;
	side->plays[side->play_count++] = c->play;
	if (side->play_count == 1) start_play(p, side);
}

static void command_close(struct memory_plane *p, struct plane_session *s)
{
	struct media_event closed = { .owner = s->owner, .session = session_ref(p, s), .kind = MEDIA_EV_CLOSED };
	tell_worker(p, &closed);
	s->open = false;
}

static enum err tell(struct media *m, ref session, const struct media_command *c)
{
	struct memory_plane *p = (struct memory_plane *)m;
	struct plane_session *s = session_at(p, session);
	if (!s) return ERR_NOT_FOUND;
	if (p->behind && c->kind == MEDIA_DO_PLAY) return ERR_FULL;
	struct plane_side *side = &s->sides[c->side];
	switch ((enum media_command_kind)c->kind) {
	case MEDIA_DO_KEYS: side->keys[c->stream] = c->keys; break;
	case MEDIA_DO_REMOTE:
		if (!c->remote.form) side->keys[c->stream].suite = MEDIA_PLAIN;
		side->remote[c->stream] = c->remote;
		side->quiet_ms = p->ladder->now_ms;
		break;
	case MEDIA_DO_WATCH:
		s->silent_s = c->silent_s;
		s->sides[MEDIA_A].quiet_ms = s->sides[MEDIA_B].quiet_ms = p->ladder->now_ms;
		break;
	case MEDIA_DO_PLAY: command_play(p, s, c); break;
	case MEDIA_DO_STOP: side->play_count = 0; break;
	case MEDIA_DO_COLLECT: side->collects = c->on; break;
	case MEDIA_DO_DIGIT: side->digit = c->digit.digit; break;
	case MEDIA_DO_CLOSE: command_close(p, s); break;
	case MEDIA_DO_MAP:
	case MEDIA_DO_COUNT: break;
	}
	return OK;
}

static bool take_event(struct media *m, struct media_event *out)
{
	struct memory_plane *p = (struct memory_plane *)m;
	if (p->event_count == 0) return false;
	*out = p->events[p->event_first];
	p->event_first = (p->event_first + 1) % PLANE_EVENTS_MAX;
	p->event_count--;
	return true;
}

static enum err secret(struct media *m, uint8_t *out, uint32_t n)
{
	struct memory_plane *p = (struct memory_plane *)m;
	memset(out, ++p->secrets, n);
	return OK;
}

static bool is_own(const struct media *m, const struct addr *a)
{
	struct addr own;
	(void)m;
	const char *text = a->family == 6 ? EXCHANGE_ADDR_6 : EXCHANGE_ADDR_4;
	return addr_parse(&own, str_from(text)) == OK && addr_host_eq(&own, a);
}

static const struct media_ops ops = { open_session, take_ports, tell, take_event, secret, is_own };

void plane_init(struct exchange *x)
{
	x->plane = (struct memory_plane){ .media = { .ops = &ops }, .ladder = x->ladder, .port_next = 20000 };
}

// WHAT TIME BRINGS

struct ear {
	struct plane_session *session;
	enum media_side side;
};

static bool has_key(struct str sdp, const uint8_t *key, uint8_t suite)
{
	char text[MEDIA_KEY_MAX * 2];
	bool gcm_128 = suite == MEDIA_AEAD_AES_128_GCM, gcm_256 = suite == MEDIA_AEAD_AES_256_GCM;
	int n = EVP_EncodeBlock((unsigned char *)text, key, gcm_128 ? 28 : gcm_256 ? 44 : 30);
	return memmem(sdp.p, sdp.n, text, (size_t)n) != NULL;
}

// Does the plane encrypt as the descriptions say? With the key that each gave; not at all where one gave none.
static bool keys_agree(const struct plane_side *side, const struct actor_call *call)
{
	const struct media_keys *keys = &side->keys[0];
	struct str ours = call->switch_sdp, theirs = call->sdp;
	if (keys->suite) return has_key(theirs, keys->in, keys->suite) && has_key(ours, keys->out, keys->suite);
	return !memmem(ours.p, ours.n, "a=crypto:", 9) || !memmem(theirs.p, theirs.n, "a=crypto:", 9);
}

// The side of a session that stands for this party: it sends to where the party listens, and the party was told to send
// to where this side listens.
static bool find_ear(struct ladder *l, const struct actor *p, struct ear *out)
{
	const struct actor_call *call = p->current;
	if (!call) return false;
	for (uint32_t i = 0; l->exchange && i < PLANE_SESSIONS_MAX; i++) {
		struct plane_session *s = &l->exchange->plane.sessions[i];
		for (uint32_t side = 0; s->open && side < MEDIA_SIDES; side++) {
			bool to = addr_eq(&s->sides[side].remote[0].rtp, &call->media);
			bool from = addr_eq(&s->sides[side].local[0], &call->switch_media);
			if (!to || !from || !keys_agree(&s->sides[side], call)) continue;
			*out = (struct ear){ s, (enum media_side)side };
			return true;
		}
	}
	return false;
}

// When the worker is to be told of this party's silence; UINT64_MAX: it sends, or nobody asks.
static uint64_t silence_ms(const struct exchange *x, const struct actor *p, struct ear *ear)
{
	if (!p->silent || !find_ear(x->ladder, p, ear) || !ear->session->silent_s) return UINT64_MAX;
	const struct plane_side *side = &ear->session->sides[ear->side];
	if (!side->remote[0].send || !side->remote[0].receive) return UINT64_MAX; // on hold
	uint64_t since_ms = p->silent_ms > side->quiet_ms ? p->silent_ms : side->quiet_ms;
	return since_ms + ear->session->silent_s * 1000ull;
}

static bool tell_silence(struct exchange *x, const struct actor *p)
{
	struct ear ear = { 0 };
	if (silence_ms(x, p, &ear) > x->ladder->now_ms) return false;
	ear.session->sides[ear.side].quiet_ms = x->ladder->now_ms;
	tell_worker(&x->plane, &(struct media_event){ .owner = ear.session->owner, .kind = MEDIA_EV_SILENT,
		.session = session_ref(&x->plane, ear.session), .side = (uint8_t)ear.side, .silent_s = ear.session->silent_s });
	return true;
}

// What is over ends, and what waits behind it begins.
static bool end_plays(struct memory_plane *p, struct plane_session *s, uint8_t which)
{
	struct plane_side *side = &s->sides[which];
	if (side->play_count == 0 || side->play_ends_ms == 0 || side->play_ends_ms > p->ladder->now_ms) return false;
	for (uint32_t i = 1; i < side->play_count; i++) side->plays[i - 1] = side->plays[i];
	side->play_count--;
	start_play(p, side);
	struct media_event played = { .owner = s->owner, .session = session_ref(p, s), .kind = MEDIA_EV_PLAYED,
		.side = which };
	if (side->play_count == 0) tell_worker(p, &played);
	return true;
}

bool plane_step(struct exchange *x)
{
	struct memory_plane *p = &x->plane;
	struct media_event e;
	bool any = false;
	for (uint32_t i = 0; i < PLANE_SESSIONS_MAX; i++)
		for (uint8_t side = 0; p->sessions[i].open && side < MEDIA_SIDES; side++)
			any |= end_plays(p, &p->sessions[i], side);
	for (uint32_t i = 0; i < x->ladder->actor_count; i++) any |= tell_silence(x, &x->ladder->actors[i]);
	while (p->media.ops->take(&p->media, &e)) {
		worker_media_event(x->worker, &e);
		any = true;
	}
	return any;
}

uint64_t plane_next(const struct exchange *x)
{
	uint64_t next = UINT64_MAX;
	struct ear ear;
	for (uint32_t i = 0; i < x->ladder->actor_count; i++) {
		uint64_t silence = silence_ms(x, &x->ladder->actors[i], &ear);
		if (silence < next) next = silence;
	}
	for (uint32_t i = 0; i < PLANE_SESSIONS_MAX; i++)
		for (uint32_t side = 0; x->plane.sessions[i].open && side < MEDIA_SIDES; side++) {
			const struct plane_side *s = &x->plane.sessions[i].sides[side];
			if (s->play_count && s->play_ends_ms && s->play_ends_ms < next) next = s->play_ends_ms;
		}
	return next;
}

uint32_t plane_open_count(const struct exchange *x)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < PLANE_SESSIONS_MAX; i++) n += x->plane.sessions[i].open;
	return n;
}

// WHAT PARTIES HEAR

// "SIT_IC" is written "sit-ic"; ring is another word for ringback.
static bool is_name(struct str word, const char *id)
{
	if (str_eq(word, STR("ring"))) word = STR("ringback");
	if (strlen(id) != word.n) return false;
	for (uint32_t i = 0; i < word.n; i++)
		if (word.p[i] != (id[i] == '_' ? '-' : ascii_lower(id[i]))) return false;
	return true;
}

static const char *const tones[] = {
#define TONE_TEXT(id) #id,
	"", MEDIA_TONES(TONE_TEXT)
};
static const char *const prompts[] = {
#define PROMPT_TEXT(id) #id,
	"", MEDIA_PROMPTS(PROMPT_TEXT)
};

// The side of another session to which this side sends: over a tie media go on there.
static bool find_tied(struct ladder *l, const struct plane_side *side, struct ear *out)
{
	for (uint32_t i = 0; i < PLANE_SESSIONS_MAX; i++) {
		struct plane_session *s = &l->exchange->plane.sessions[i];
		for (uint32_t at = 0; s->open && at < MEDIA_SIDES; at++) {
			if (!addr_eq(&s->sides[at].local[0], &side->remote[0].rtp)) continue;
			if (!addr_eq(&s->sides[at].remote[0].rtp, &side->local[0]) || !s->sides[at].remote[0].send) continue;
			*out = (struct ear){ s, media_other((enum media_side)at) };
			return true;
		}
	}
	return false;
}

// What this party hears, in a script's words: a tone, a prompt, a party's name, or nothing.
static struct str heard(struct ladder *l, const struct actor *p)
{
	struct ear ear;
	if (!find_ear(l, p, &ear)) return STR("nothing");
	const struct plane_side *side = &ear.session->sides[ear.side], *other = &ear.session->sides[media_other(ear.side)];
	if (!side->remote[0].send) return STR("nothing");
	if (side->play_count) {
		const struct media_play *play = &side->plays[0];
		if (play->prompt) return ladder_text(l, "prompt %s", prompts[play->prompt]);
		return str_from(tones[play->tone]);
	}
	if (!other->remote[0].receive) return STR("nothing");
	for (struct ear tied; find_tied(l, other, &tied);) {
		ear.session = tied.session;
		ear.side = media_other(tied.side);
		other = &tied.session->sides[tied.side];
		if (!other->remote[0].receive) return STR("nothing");
	}
	for (uint32_t i = 0; i < l->actor_count; i++) {
		struct ear mouth;
		if (find_ear(l, &l->actors[i], &mouth) && mouth.session == ear.session && mouth.side != ear.side)
			return l->actors[i].name;
	}
	return STR("nothing");
}

static bool hears(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	struct actor *p = ladder_actor(l, w[0].text);
	struct ear ear;
	if (!p || item->count < 3) return ladder_fail(l, NULL, "PARTY hears WHAT");
	struct str is = heard(l, p), want = w[2].text;
	if (word_is(&w[2], "digit") && item->count == 4) {
		bool right = find_ear(l, p, &ear) && w[3].text.n == 1 && ear.session->sides[ear.side].digit == w[3].text.p[0];
		return right || ladder_fail(l, NULL, "%.*s hears no such digit", STR_FMT(p->name));
	}
	bool prompt = str_starts(is, STR("prompt ")), right = str_eq(is, want);
	char id[64];
	if (prompt && word_is(&w[2], "prompt") && item->count == 4 && str_to_z(id, sizeof id, str_from_at(is, 7)))
		right = is_name(w[3].text, id);
	else if (!prompt && !right && str_to_z(id, sizeof id, is)) right = is_name(want, id);
	if (!right) return ladder_fail(l, NULL, "%.*s hears %.*s", STR_FMT(p->name), STR_FMT(is));
	ladder_remark(l, ladder_text(l, "%.*s hears %.*s", STR_FMT(p->name), STR_FMT(is)));
	return true;
}

// Does this party not know where to listen, because weather kept a provisional response from it?
static bool is_untold(const struct ladder *l, const struct actor *p)
{
	for (uint32_t i = 0; i < l->late_count; i++)
		if (arrow_is_to(l, &l->script->items[l->late[i]], p)) return true;
	return false;
}

bool media_hears(struct ladder *l, const struct item *item)
{
	uint64_t until = l->now_ms + LISTEN_MS;
	if (!l->weather) return hears(l, item);
	while (!hears(l, item)) {
		const struct actor *p = ladder_actor(l, ladder_words(l, item)[0].text);
		l->failed = false;
		if (net_advance(l, until)) continue;
		if (l->failed || (p && is_untold(l, p))) return !l->failed;
		l->failed = true; // as it says already
		return false;
	}
	return true;
}

// In weather the switch may begin to listen later than the script thinks.
static bool is_listened_to(struct ladder *l, const struct actor *p, struct ear *ear)
{
	uint64_t until = l->now_ms + LISTEN_MS;
	do
		if (find_ear(l, p, ear) && ear->session->sides[ear->side].collects) return true;
	while (l->weather && net_advance(l, until));
	return false;
}

// DTMF as RFC 4733 events: the plane tells the worker at the first packet of each.
bool media_dials(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	struct actor *p = ladder_actor(l, w[0].text);
	struct ear ear;
	if (!p || item->count != 3) return ladder_fail(l, NULL, "PARTY dials DIGITS");
	ladder_remark(l, ladder_text(l, "%.*s dials %.*s", STR_FMT(p->name), STR_FMT(w[2].text)));
	for (uint32_t i = 0; i < w[2].text.n && !l->failed; i++) {
		// A session may end between two digits.
		if (!is_listened_to(l, p, &ear))
			return ladder_fail(l, NULL, "nobody listens to the digits of %.*s", STR_FMT(p->name));
		struct media_event e = { .owner = ear.session->owner, .session = session_ref(&l->exchange->plane, ear.session),
		                         .kind = MEDIA_EV_DIGIT, .side = (uint8_t)ear.side, .digit = w[2].text.p[i] };
		tell_worker(&l->exchange->plane, &e);
		net_settle(l);
	}
	return !l->failed;
}
