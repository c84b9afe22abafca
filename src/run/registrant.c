// One registration with a carrier: its machine, what it sends, and what answers mean.
#include "run/registrant.h"

#include "base/count.h"
#include "base/log.h"
#include "call/leg/sip_credentials.h"

#include <stdlib.h>

COUNTER(registrant_asked, "REGISTERs sent to carriers");
COUNTER(registrant_up, "Times that a carrier took a registration of ours, or its refresh");
COUNTER(registrant_refused, "Times that all peers of a trunk group refused our registration, or did not answer");
COUNTER(registrant_full, "Trunk groups that do not register since too many do");
COUNTER(registrant_dropped, "Events of registrations with carriers without a row in their table");

#define LOOK_MS 1000          // how often the groups are looked at
#define ANSWERED_MAX 4        // challenges and 423s of one attempt
#define INTERVAL_MAX_S 86400u
#define WAIT_FIRST_MS 30000u  // after the first round of refusals; doubled by each (RFC 5626 §4.5)
#define WAIT_MOST_MS 1800000u
#define MARK 3u               // the two highest bits of owners of our transactions (base/pool.h)

// ---- The machine ---------------------------------------------------------------------------------------------------

#define STATES(X) X(OFF) X(ASKING) X(REGISTERED) X(REFRESHING) X(WAITING) X(LEAVING)
#define EVENTS(X) X(BEGIN) X(DUE) X(RX_OK) X(RX_AGAIN) X(RX_NEXT) X(RX_FAIL) X(END)
#define ACTIONS(X) X(none) X(ask) X(up) X(again) X(next) X(wait) X(leave) X(over)
enum state { STATES(FSM_ENUM) STATE_COUNT };
enum event { EVENTS(FSM_ENUM) EVENT_COUNT };
#define DO_ENUM(name) DO_##name,
enum { ACTIONS(DO_ENUM) DO_COUNT };

#define OPEN (IN(ASKING) | IN(REFRESHING))

static const struct fsm_row rows[] = {
	{ IN(OFF), BEGIN, ASKING, DO_ask, "RFC 3261 10.2" },
	{ OPEN, RX_OK, REGISTERED, DO_up, "RFC 3261 10.2.4" },
	{ OPEN, RX_AGAIN, FSM_SAME, DO_again, "RFC 3261 10.2.8, 22.2: 423, 401, 407" },
	{ OPEN, RX_NEXT, ASKING, DO_next, "RFC 3263 4.3: another peer" },
	{ OPEN, RX_FAIL, WAITING, DO_wait, "RFC 5626 4.5" },
	{ IN(REGISTERED), DUE, REFRESHING, DO_ask, "RFC 3261 10.2.4" },
	{ IN(WAITING), DUE, ASKING, DO_ask, "RFC 5626 4.5" },
	{ OPEN | IN(REGISTERED), END, LEAVING, DO_leave, "RFC 3261 10.2.2" },
	{ IN(WAITING), END, OFF, DO_over, "" },
	{ IN(LEAVING), RX_AGAIN, FSM_SAME, DO_again, "RFC 3261 22.2" },
	{ IN(LEAVING), RX_OK, OFF, DO_over, "" },
	{ IN(LEAVING), RX_NEXT, OFF, DO_over, "it ends by itself" },
	{ IN(LEAVING), RX_FAIL, OFF, DO_over, "it ends by itself" },
	{ IN(LEAVING), END, FSM_SAME, DO_none, "" },
};

static const char *const state_names[] = { STATES(FSM_NAME) };
static const char *const event_names[] = { EVENTS(FSM_NAME) };
static const char *const action_names[] = { ACTIONS(X_TEXT) };

const struct fsm registrant_machine = {
	.name = "registration with a carrier", .rows = rows, .row_count = ARRAY_LEN(rows),
	.states = state_names, .events = event_names, .actions = action_names,
	.state_count = STATE_COUNT, .event_count = EVENT_COUNT, .dropped = &counter_registrant_dropped,
};

// What came with an event.
struct input {
	const struct sip_msg *msg; // an answer; NULL: none came
	const struct sip_login *login;
	struct str sent;           // the request that was challenged
};
static void step(struct registrant *r, struct registration *g, enum event event, const struct input *in);

// ---- What is sent --------------------------------------------------------------------------------------------------

static uint64_t owner_of(const struct registrant *r, const struct registration *g)
{
	return (uint64_t)MARK << 62 | (uint64_t)(g - r->all) << 32 | g->cseq;
}

bool registrant_owns(uint64_t owner)
{
	return owner >> 62 == MARK;
}

// Of the answer or failure to the request that was sent last; NULL: of an older one, which nobody waits for.
static struct registration *waiting_for(struct registrant *r, uint64_t owner)
{
	uint32_t i = (uint32_t)(owner >> 32) & 0x3fffffff;
	struct registration *g = i < r->count ? &r->all[i] : NULL;
	return g && g->group && owner_of(r, g) == owner ? g : NULL;
}

static bool send_request(struct registrant *r, const struct registration *g, struct str branch, const struct buf *b)
{
	ref txn;
	const struct sip_client_request q = { .method = SIP_REGISTER, .branch = branch, .message = buf_str(b),
		.identity = { str_from(g->tag), str_from(g->call_id), g->cseq, { "", 0 } }, .to = g->to,
		.listener = g->listener, .owner = owner_of(r, g) };
	if (b->err != OK || sip_client_send(&txn, r->setup.stack, &q) != OK) return false;
	COUNT(registrant_asked);
	return true;
}

// The Contact is the user of the address of record at our own address: the same after each restart.
static void put_register(struct buf *b, const struct registrant *r, const struct registration *g, struct str branch,
                         uint32_t seconds)
{
	const struct addr *me = &r->setup.listeners[g->listener];
	struct sip_uri aor;
	if (sip_uri_parse(&aor, str_from(g->aor)) != PARSE_OK) b->err = ERR_BAD;
	put_fmt(b, "REGISTER sip:%.*s SIP/2.0\r\n", STR_FMT(aor.host));
	put_sip_via(b, me, branch);
	put_fmt(b, "Max-Forwards: 70\r\nFrom: <%s>;tag=%s\r\nTo: <%s>\r\n", g->aor, g->tag, g->aor);
	put_fmt(b, "Call-ID: %s\r\nCSeq: %u REGISTER\r\n", g->call_id, g->cseq);
	put_fmt(b, "Contact: <sip:%.*s@", STR_FMT(aor.user));
	put_uri_addr(b, me);
	put_fmt(b, ">\r\nExpires: %u\r\n", seconds);
	put_sip_body(b, STR(""), STR(""));
}

static void ask_for(struct registrant *r, struct registration *g, uint32_t seconds)
{
	char text[1536];
	struct buf b = buf_on(text, sizeof text);
	struct str branch = arena_dup(&r->setup.env->scratch, sip_stack_branch(r->setup.stack));
	g->cseq++;
	put_register(&b, r, g, branch, seconds);
	if (!send_request(r, g, branch, &b)) step(r, g, RX_FAIL, &(struct input){ 0 });
}

// ---- What it means -------------------------------------------------------------------------------------------------

static void show(const struct registrant *r, const struct registration *g, enum trunk_registered_state state,
                 uint64_t at_ms)
{
	trunk_registered_put(r->setup.live->registered, g->group,
		&(struct trunk_registered){ .state = (uint8_t)state, .status = g->status, .at_ms = at_ms });
}

static struct str name_of(const struct registrant *r, const struct registration *g)
{
	const struct office_trunk_group *group = office_trunk_group(office_rules(r->setup.office), g->group);
	return str_from(group ? group->name : "");
}

// The seconds that were given: of our Contact, else of the answer, else those asked for.
static uint32_t seconds_given(const struct registration *g, const struct sip_msg *m, const struct addr *me)
{
	char text[128];
	struct buf mine = buf_on(text, sizeof text);
	struct sip_walk walk = { 0 };
	struct str value, expires = sip_msg_header(m, SIP_H_EXPIRES);
	uint32_t seconds = g->interval_s;
	put_uri_addr(&mine, me);
	while (sip_msg_each(m, SIP_H_CONTACT, &walk, &value)) {
		struct sip_name_addr c;
		struct str own;
		if (sip_name_addr_parse(&c, value) != PARSE_OK || c.star) continue;
		bool is_ours = memmem(c.uri.text.p, c.uri.text.n, text, mine.n) != NULL;
		if (is_ours && sip_param(&own, c.params, STR("expires"))) expires = own;
	}
	if (expires.n && str_to_u32(&seconds, expires, UINT32_MAX) != OK) seconds = g->interval_s;
	return seconds < INTERVAL_MAX_S ? seconds : INTERVAL_MAX_S;
}

static void do_none(struct registrant *r, struct registration *g, const struct input *in)
{
	(void)r, (void)g, (void)in;
}

static void do_ask(struct registrant *r, struct registration *g, const struct input *in)
{
	(void)in;
	const struct office_trunk_group *group = office_trunk_group(office_rules(r->setup.office), g->group);
	g->answered = 0;
	if (group && g->peer < group->peer_count) g->to = group->peers[g->peer].addr;
	bool reachable = addr_local_for(&g->listener, r->setup.listeners, r->setup.listener_count, &g->to) == OK;
	if (g->state == ASKING && !g->failures) show(r, g, REGISTERED_ASKING, 0);
	if (reachable) ask_for(r, g, g->interval_s);
	else step(r, g, RX_FAIL, &(struct input){ 0 });
}

// Refreshed when half the time is over, and at least ten minutes before the end; not all in one moment.
static void do_up(struct registrant *r, struct registration *g, const struct input *in)
{
	uint64_t now = r->setup.env->now_ms;
	uint64_t given_ms = seconds_given(g, in->msg, &r->setup.listeners[g->listener]) * 1000ull;
	uint64_t after_ms = given_ms >= 1200000 ? given_ms - 600000 : given_ms / 2;
	COUNT(registrant_up);
	g->ends_ms = now + given_ms;
	g->due_ms = now + after_ms - random_below(&r->setup.env->random, (uint32_t)(after_ms / 10) + 1);
	bool news = trunk_registered_get(r->setup.live->registered, g->group).state != REGISTERED_UP;
	g->status = 0;
	g->failures = g->tried = 0;
	show(r, g, REGISTERED_UP, g->ends_ms);
	if (news)
		LOG(INFO, "trunk_registered", LOG_TEXT("a carrier has our registration"), LOG_STR("trunk", name_of(r, g)),
		    LOG_U64("for_s", given_ms / 1000));
}

// With credentials, or for as long as the carrier wants at least.
static void do_again(struct registrant *r, struct registration *g, const struct input *in)
{
	struct env *env = r->setup.env;
	char text[4096], lines[SIP_CREDENTIALS_MAX];
	struct buf b = buf_on(text, sizeof text), credentials = buf_on(lines, sizeof lines);
	g->answered++;
	if (in->msg->status == 423) {
		ask_for(r, g, g->interval_s);
		return;
	}
	const struct sip_again a = { .login = in->login, .challenge = in->msg, .sent = in->sent,
		.sent_by = r->setup.listeners[g->listener],
		.branch = arena_dup(&env->scratch, sip_stack_branch(r->setup.stack)),
		.cnonce = arena_printf(&env->scratch, "%016llx", (unsigned long long)random_u64(&env->random)),
		.cseq = ++g->cseq };
	g->status = in->msg->status;
	if (!put_sip_again(&b, &credentials, &a) || !send_request(r, g, a.branch, &b))
		step(r, g, RX_FAIL, &(struct input){ 0 });
}

static void do_next(struct registrant *r, struct registration *g, const struct input *in)
{
	const struct office_trunk_group *group = office_trunk_group(office_rules(r->setup.office), g->group);
	if (group && group->peer_count) g->peer = (uint8_t)((g->peer + 1u) % group->peer_count);
	do_ask(r, g, in);
}

static uint64_t retry_after_ms(const struct sip_msg *m)
{
	uint32_t seconds = 0;
	struct str value = m ? sip_msg_header(m, SIP_H_RETRY_AFTER) : STR(""), rest = value;
	int32_t end = str_find_char(rest, ' ');
	if (end < 0) end = str_find_char(rest, ';');
	value = end < 0 ? value : str_head(value, (uint32_t)end);
	return str_to_u32(&seconds, value, UINT32_MAX) == OK ? (seconds < 3600 ? seconds : 3600) * 1000ull : 0;
}

// Longer each time, and each trunk group for itself: a carrier that comes back is not met by all at once.
static void do_wait(struct registrant *r, struct registration *g, const struct input *in)
{
	uint64_t wait_ms = WAIT_FIRST_MS, asked_ms = retry_after_ms(in->msg);
	for (uint32_t i = 0; i < g->failures && wait_ms < WAIT_MOST_MS; i++) wait_ms *= 2;
	if (wait_ms > WAIT_MOST_MS) wait_ms = WAIT_MOST_MS;
	wait_ms = wait_ms / 2 + random_below(&r->setup.env->random, (uint32_t)wait_ms / 2 + 1);
	if (wait_ms < asked_ms) wait_ms = asked_ms;
	COUNT(registrant_refused);
	g->tried = 0;
	g->due_ms = r->setup.env->now_ms + wait_ms;
	if (g->failures++ == 0)
		LOG(WARN, "trunk_not_registered", LOG_TEXT("no peer of a trunk group takes our registration"),
		    LOG_STR("trunk", name_of(r, g)), LOG_U64("status", g->status), LOG_U64("again_in_ms", wait_ms));
	// What stood before stands until its own end.
	if (g->ends_ms <= r->setup.env->now_ms) show(r, g, REGISTERED_REFUSED, g->due_ms);
}

static void do_leave(struct registrant *r, struct registration *g, const struct input *in)
{
	(void)in;
	g->answered = 0;
	show(r, g, REGISTERED_NOT, 0);
	ask_for(r, g, 0);
}

static void do_over(struct registrant *r, struct registration *g, const struct input *in)
{
	(void)in;
	show(r, g, REGISTERED_NOT, 0);
	g->group = 0;
}

typedef void action(struct registrant *r, struct registration *g, const struct input *in);
#define DO_ROW(name) [DO_##name] = do_##name,
static action *const actions[DO_COUNT] = { ACTIONS(DO_ROW) };

static void step(struct registrant *r, struct registration *g, enum event event, const struct input *in)
{
	const struct fsm_row *row = fsm_step(&registrant_machine, &g->state, event);
	if (row) actions[row->action](r, g, in);
}

// ---- Answers -------------------------------------------------------------------------------------------------------

// The next peer, while there is one that was not asked in this round.
static void refused(struct registrant *r, struct registration *g, const struct sip_msg *m)
{
	const struct office_trunk_group *group = office_trunk_group(office_rules(r->setup.office), g->group);
	g->status = m ? m->status : 0;
	bool more = group && ++g->tried < group->peer_count;
	step(r, g, more ? RX_NEXT : RX_FAIL, &(struct input){ .msg = m });
}

// RFC 3261 §10.2.8. What is shorter than what we asked for, or longer than any, is no answer.
static bool takes_interval(struct registration *g, const struct sip_msg *m)
{
	uint32_t least;
	if (str_to_u32(&least, sip_msg_header(m, SIP_H_MIN_EXPIRES), INTERVAL_MAX_S) != OK) return false;
	if (least <= g->interval_s || g->state == LEAVING) return false;
	g->interval_s = least;
	return true;
}

bool registrant_on_response(struct registrant *r, uint64_t owner, const struct sip_msg *m)
{
	if (!registrant_owns(owner)) return false;
	struct registration *g = waiting_for(r, owner);
	if (!g || m->status < 200) return true;
	const struct office_trunk_group *group = office_trunk_group(office_rules(r->setup.office), g->group);
	struct sip_login login;
	bool asked = m->status == 401 || m->status == 407;
	const struct input in = { .msg = m, .login = &login, .sent = sip_client_refused(r->setup.stack) };
	if (m->status < 300 && (g->state == LEAVING || seconds_given(g, m, &r->setup.listeners[g->listener]) > 0))
		step(r, g, RX_OK, &in);
	else if (g->answered < ANSWERED_MAX && asked && group && credentials_of(&login, group))
		step(r, g, RX_AGAIN, &in);
	else if (g->answered < ANSWERED_MAX && m->status == 423 && takes_interval(g, m))
		step(r, g, RX_AGAIN, &in);
	else refused(r, g, m);
	return true;
}

bool registrant_on_failure(struct registrant *r, uint64_t owner)
{
	if (!registrant_owns(owner)) return false;
	struct registration *g = waiting_for(r, owner);
	if (g) refused(r, g, NULL);
	return true;
}

// ---- Which groups register -----------------------------------------------------------------------------------------

static uint64_t print_of(const struct office_trunk_group *g)
{
	static const struct hash_key key = { { 0x72656769737465 } };
	char text[1024];
	struct buf b = buf_on(text, sizeof text);
	put_fmt(&b, "%s|%s|%s|%s|%u", g->aor, g->user, g->realm, g->secret, g->register_s);
	put(&b, (struct str){ (const char *)g->ha1_sha256, sizeof g->ha1_sha256 });
	return hash_str(&key, buf_str(&b));
}

static bool wants(const struct registrant *r, const struct office_trunk_group *g)
{
	bool ours = g->id % r->setup.workers == r->setup.worker;
	return ours && g->aor[0] && g->register_s && g->in_service && g->peer_count && !r->stopping;
}

// Is the peer that has our binding one of the group's still? (Those of a name come and go.)
static bool is_peer(const struct office_trunk_group *group, const struct addr *a)
{
	for (uint32_t i = 0; i < group->peer_count; i++)
		if (addr_eq(&group->peers[i].addr, a)) return true;
	return false;
}

// Does what the registration hangs on stand as it was?
static bool stands(const struct registrant *r, const struct registration *g, const struct office_trunk_group *group)
{
	return group && wants(r, group) && print_of(group) == g->print && (g->state == WAITING || is_peer(group, &g->to));
}

static struct registration *registration_of(struct registrant *r, uint32_t group)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (r->all[i].group == group) return &r->all[i];
	return NULL;
}

static void begin(struct registrant *r, const struct office_trunk_group *group)
{
	struct registration *g = registration_of(r, 0);
	if (!g && r->count == REGISTRANT_MAX) {
		COUNT(registrant_full);
		return;
	}
	if (!g) g = &r->all[r->count++];
	*g = (struct registration){ .group = group->id, .interval_s = group->register_s, .print = print_of(group) };
	str_to_z(g->aor, sizeof g->aor, str_from(group->aor));
	struct buf id = buf_on(g->call_id, sizeof g->call_id - 1), tag = buf_on(g->tag, sizeof g->tag - 1);
	put_hex(&id, random_u64(&r->setup.env->random), 16);
	put_hex(&tag, random_u64(&r->setup.env->random), 16);
	step(r, g, BEGIN, &(struct input){ 0 });
}

static void look_at(struct registrant *r, struct registration *g, const struct office_rules *rules)
{
	const struct office_trunk_group *group = office_trunk_group(rules, g->group);
	uint64_t now = r->setup.env->now_ms;
	if (g->state != LEAVING && !stands(r, g, group)) step(r, g, END, &(struct input){ 0 });
	else if ((g->state == REGISTERED || g->state == WAITING) && now >= g->due_ms) step(r, g, DUE, &(struct input){ 0 });
	if (g->group && g->state == WAITING && g->ends_ms <= now) show(r, g, REGISTERED_REFUSED, g->due_ms);
}

uint64_t registrant_tick(struct registrant *r)
{
	const struct office_rules *rules = office_rules(r->setup.office);
	uint64_t now = r->setup.env->now_ms;
	if (now < r->next_ms) return r->next_ms;
	r->next_ms = (now / LOOK_MS + 1) * LOOK_MS;
	for (uint32_t i = 0; i < r->count; i++)
		if (r->all[i].group) look_at(r, &r->all[i], rules);
	for (uint32_t i = 0; i < rules->trunk_group_count; i++)
		if (wants(r, &rules->trunk_groups[i]) && !registration_of(r, rules->trunk_groups[i].id))
			begin(r, &rules->trunk_groups[i]);
	return r->next_ms;
}

void registrant_stop(struct registrant *r)
{
	r->stopping = true;
	r->next_ms = 0; // at the next turn
}

uint32_t registrant_leaving(const struct registrant *r)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < r->count; i++) n += r->all[i].group && r->stopping;
	return n;
}

enum err registrant_init(struct registrant *r, const struct registrant_setup *setup)
{
	*r = (struct registrant){ .setup = *setup, .next_ms = setup->env->now_ms,
		.all = calloc(REGISTRANT_MAX, sizeof *r->all) };
	return r->all ? OK : ERR_FULL;
}

void registrant_fini(struct registrant *r)
{
	free(r->all);
	r->all = NULL;
}
