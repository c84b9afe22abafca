// Parties: who there is, what each gets and sends, when one begins a call, and when all are done.
#include "sim/party_inside.h"

#include <stdio.h>
#include <stdlib.h>

#define TRUNK_CALLS_PERCENT 12u
#define DIALOGS_MAX 50000u
#define TXNS_MAX 1000000u
#define TEXTS_MAX (1ull << 30)
#define NOBODY_IDLE_MS 200u
#define NAT_PORT 20000u
#define REGISTERED_MS 3500u // the first call comes when most are registered

uint64_t party_now(const struct ua *p)
{
	return sim_now_ms(p->all->sim);
}

uint32_t party_between(const struct ua *p, uint32_t a, uint32_t b)
{
	return sim_between(p->all->sim, SIM_PARTIES, a, b);
}

bool party_chance(const struct ua *p, uint32_t of_10000)
{
	return of_10000 && sim_chance(p->all->sim, SIM_PARTIES, of_10000);
}

bool party_is_deaf(const struct ua *p)
{
	return party_now(p) < p->deaf_until_ms;
}

// TIME: one wheel for all, and one event of the simulator for the next that is due.

static void wake(struct sim *s, void *self, uint64_t at_ms);

static void sleep_on(struct parties *all)
{
	uint64_t next = wheel_next(&all->wheel), now = sim_now_ms(all->sim);
	if (next == UINT64_MAX || next >= all->wake_ms) return;
	all->wake_ms = next > now ? next : now;
	sim_at(all->sim, all->wake_ms, wake, all, all->wake_ms);
}

void party_timer(struct ua *p, struct timer *t, uint64_t after_ms, enum party_timer kind, ref owner)
{
	wheel_start(&p->all->wheel, t, party_now(p) + after_ms, kind, owner);
	sleep_on(p->all);
}

// NETWORK

void party_send(struct ua *p, struct str text)
{
	if (party_is_deaf(p) || !text.n) return;
	if (p->all->hostile) hostile_overhears(p->all, text);
	net_send(sim_net(p->all->sim), &p->end.addr, &p->sw, text);
}

static void receive(struct sim *s, struct endpoint *e, const struct packet *packet)
{
	struct ua *p = e->self;
	struct parties *all = p->all;
	judge_weather(all);
	if (party_is_deaf(p) || str_trim(packet->data).n == 0) return; // an empty line keeps a NAT open
	const struct reading *r = reading_of(s, packet->data);
	if (!r->good) {
		struct sip_msg raw = { .bytes = packet->data };
		if (judge_unspoiled(all, party_now(p))) judge_fail(p, &raw, r->fault.why ? r->fault.why : "no SIP");
		return;
	}
	if (all->hostile) hostile_overhears(all, packet->data);
	ua_txn_receive(p, &r->msg);
}

// WHO COULD CALL

void party_idle(struct ua *p)
{
	struct parties *all = p->all;
	if (p->group || p->idle_at || p->standing || !p->registered || party_is_deaf(p)) return;
	all->idle[all->idle_count++] = p->index;
	p->idle_at = all->idle_count;
}

void party_not_idle(struct ua *p)
{
	struct parties *all = p->all;
	if (!p->idle_at) return;
	struct ua *last = &all->list[all->idle[--all->idle_count]];
	all->idle[p->idle_at - 1] = last->index;
	last->idle_at = p->idle_at;
	p->idle_at = 0;
}

const struct ua *party_random_line(struct ua *p)
{
	struct parties *all = p->all;
	if (all->idle_count && party_chance(p, 8000))
		return &all->list[all->idle[party_between(p, 0, all->idle_count - 1)]];
	return &all->list[party_between(p, 0, all->phones - 1)];
}

static struct ua *who_calls(struct parties *all)
{
	uint32_t trunks = all->count - all->phones;
	bool trunk = trunks && sim_below(all->sim, SIM_PARTIES, 100) < TRUNK_CALLS_PERCENT;
	if (trunk) return &all->list[all->phones + sim_below(all->sim, SIM_PARTIES, trunks)];
	if (!all->idle_count) return NULL;
	return &all->list[all->idle[sim_below(all->sim, SIM_PARTIES, all->idle_count)]];
}

static void generate(struct parties *all)
{
	const struct sim_plan *plan = sim_plan(all->sim);
	uint32_t rate = plan->calls_per_s ? plan->calls_per_s : 1, each = rate / 1000 + 1, pause = 2000 * each / rate;
	if (all->ending || all->calls_begun >= plan->calls) return;
	for (uint32_t i = 0; i < each && all->calls_begun < plan->calls; i++) {
		struct ua *p = who_calls(all);
		if (!p) {
			pause = NOBODY_IDLE_MS;
			break;
		}
		if (call_begin(p)) all->calls_begun++;
	}
	party_timer(&all->list[0], &all->generate, sim_between(all->sim, SIM_PARTIES, 0, pause), TIMER_GENERATE, 0);
}

// A PARTY'S TROUBLES

void party_rebind(struct ua *p)
{
	struct net *net = sim_net(p->all->sim);
	uint16_t before = p->end.addr.port;
	net_unbind(net, &p->end);
	p->end.addr.port = (uint16_t)(before < NAT_PORT + 2000 ? before + 1u : NAT_PORT);
	if (net_bind(net, &p->end) != OK) {
		p->end.addr.port = before;
		if (net_bind(net, &p->end) != OK) sim_fail(p->all->sim, "a party lost its own address");
		return;
	}
	p->whole_since_ms = party_now(p);
	LIST_EACH(node, &p->dialogs) LIST_OF(node, struct dialog, of_party)->seen->forgets = true; // not to be reached now
}

static void go_deaf(struct ua *p, uint32_t ms)
{
	p->deaf_until_ms = p->whole_since_ms = party_now(p) + ms;
	party_not_idle(p);
	LIST_EACH(node, &p->dialogs) {
		struct dialog *d = LIST_OF(node, struct dialog, of_party);
		d->seen->forgets = true;
		dialog_voice(d, false);
	}
	party_timer(p, &p->own, ms, TIMER_PARTY, p->index + 1);
}

void party_reboot(struct ua *p)
{
	struct parties *all = p->all;
	uint32_t at = 0;
	go_deaf(p, party_between(p, 2000, 20000));
	for (struct txn *t; (t = pool_each(&all->txns, &at));)
		if (t->party == p) ua_txn_free(all, t);
	LIST_EACH(node, &p->dialogs) dialog_end(LIST_OF(node, struct dialog, of_party), true);
	p->registered = false;
	p->register_id[0] = '\0';
	p->nonce[0] = '\0';
	register_again(p, (uint32_t)(p->deaf_until_ms - party_now(p)) + 10);
}

static void own_timer(struct ua *p)
{
	if (p->group) {
		trunk_timer(p);
	} else if (p->as->hostile) {
		hostile_timer(p);
	} else if (p->as->mute && !p->all->ending) {
		LIST_EACH(node, &p->dialogs) dialog_voice(LIST_OF(node, struct dialog, of_party), true);
		if (party_chance(p, p->as->mute)) go_deaf(p, party_between(p, 500, 40000));
		else party_timer(p, &p->own, party_between(p, 5000, 60000), TIMER_PARTY, p->index + 1);
	}
	party_idle(p);
}

static void run_timer(struct parties *all, struct timer *t)
{
	struct dialog *d;
	struct ua *p = t->kind == TIMER_PARTY || t->kind == TIMER_REGISTER ? &all->list[t->owner - 1] : NULL;
	switch ((enum party_timer)t->kind) {
	case TIMER_GENERATE: generate(all); break;
	case TIMER_PARTY: own_timer(p); break;
	case TIMER_REGISTER: register_begin(p); break;
	case TIMER_DIALOG:
		d = pool_at(&all->dialogs, t->owner);
		if (!d) break;
		if (d->talk == TALK_CALLING) call_give_up(d);
		else if (d->talk == TALK_INVITED) answer_timer(d);
		else talk_timer(d);
		break;
	default: ua_txn_timer(all, t);
	}
}

static void wake(struct sim *s, void *self, uint64_t at_ms)
{
	struct parties *all = self;
	struct timer *t;
	if (at_ms != all->wake_ms) return; // another was sooner, and has seen to it
	all->wake_ms = UINT64_MAX;
	judge_weather(all);
	while (!sim_failure(s) && (t = wheel_expire(&all->wheel, sim_now_ms(s)))) run_timer(all, t);
	sleep_on(all);
}

// BEGINNING AND END

static void set_texts(struct ua *p)
{
	struct addr said = p->end.addr;
	struct buf host = buf_on(p->host, sizeof p->host - 1), sw = buf_on(p->sw_host, sizeof p->sw_host - 1);
	struct buf aor = buf_on(p->aor, sizeof p->aor - 1), from = buf_on(p->register_from, sizeof p->register_from - 1);
	char tag[17];
	if (p->as->rebinds_nat)
		said = (struct addr){ .family = 4, .port = 5060, .ip = { 192, 168, 1, (uint8_t)(p->index % 250 + 2) } };
	put_addr(&host, &said);
	put_addr(&sw, &p->sw);
	put_fmt(&aor, "<sip:%s@%s>", p->user, p->sw_host);
	new_tag(tag, p, STR("register"));
	put_fmt(&from, "%s;tag=%s", p->aor, tag);
}

static struct addr address_of(uint32_t index, const struct character *as)
{
	uint32_t n = index + 256;
	if (index % 8 == 7 && !as->rebinds_nat)
		return (struct addr){ .family = 6, .port = 5060,
			.ip = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, [15] = 1 } };
	return (struct addr){ .family = 4, .port = as->rebinds_nat ? NAT_PORT : 5060,
		.ip = { 198, (uint8_t)(18 + (n >> 16)), (uint8_t)(n >> 8), (uint8_t)n } };
}

static bool add(struct parties *all, struct ua party)
{
	struct ua *p = &all->list[all->count];
	*p = party;
	p->all = all;
	p->index = all->count++;
	p->media_port = (uint16_t)(10000 + 2 * sim_below(all->sim, SIM_PARTIES, 10000));
	p->codecs = (uint8_t)sim_below(all->sim, SIM_PARTIES, 8);
	if (sim_chance(all->sim, SIM_PARTIES, 500)) p->codecs |= 8;
	list_init(&p->dialogs);
	p->end.self = p;
	p->end.receive = receive;
	if (addr_parse(&p->sw, p->end.addr.family == 6 ? STR(NODE_ADDR_6) : STR(NODE_ADDR_4)) != OK) return false;
	set_texts(p);
	return net_bind(sim_net(all->sim), &p->end) == OK;
}

static bool add_line(struct parties *all, const struct office_line *line)
{
	const char *all_are = sim_plan(all->sim)->character;
	const struct character *as = all_are ? character_named(all_are) : character_draw(all->sim, line->contacts_max);
	uint32_t phones = as->contacts < line->contacts_max ? as->contacts : line->contacts_max;
	bool good = true;
	if (as->hostile && !all->hostile) good = hostile_new(all);
	for (uint32_t i = 0; i < phones && good; i++) {
		struct ua p = { .as = as, .line = line->id, .end.addr = address_of(all->count, as) };
		str_to_z(p.user, sizeof p.user, str_from(line->name));
		str_to_z(p.number, sizeof p.number, str_from(line->number));
		good = add(all, p);
	}
	return good;
}

static bool add_lines(struct parties *all, const struct office *office)
{
	uint32_t left = office_line_count(office);
	bool good = true;
	for (uint32_t id = 1; left && id < OFFICE_LINE_ID_MAX && good; id++) {
		const struct office_line *line = office_line(office, id);
		if (!line) continue;
		left--;
		good = add_line(all, line);
	}
	all->phones = all->count;
	return good && all->phones;
}

static bool add_trunks(struct parties *all, const struct office_rules *rules)
{
	for (uint32_t i = 0; i < rules->trunk_group_count; i++) {
		const struct office_trunk_group *g = &rules->trunk_groups[i];
		for (uint32_t j = 0; j < g->peer_count; j++) {
			struct ua p = { .as = character_named("trunk"), .group = g->id, .end.addr = g->peers[j].addr };
			snprintf(p.user, sizeof p.user, "%.40s-%u", g->name, j + 1);
			if (!add(all, p)) return false;
		}
	}
	return true;
}

struct parties *parties_new(struct sim *s)
{
	struct parties *all = calloc(1, sizeof *all);
	const struct office *office = node_office(sim_node(s));
	const struct office_rules *rules = office_rules(office);
	uint32_t max = office_line_count(office) * PHONES_OF_LINE_MAX + rules->trunk_group_count * OFFICE_PEERS_MAX;
	if (!all) return NULL;
	all->sim = s;
	all->wake_ms = UINT64_MAX;
	all->tag_key = (struct hash_key){ { random_u64(sim_random(s, SIM_PARTIES)), 1 } };
	slab_init(&all->texts, TEXTS_MAX);
	wheel_init(&all->wheel, sim_now_ms(s));
	all->list = calloc(max, sizeof *all->list);
	all->idle = calloc(max, sizeof *all->idle);
	if (!all->list || !all->idle ||
	    pool_init(&all->dialogs, "dialogs of parties", sizeof(struct dialog), DIALOGS_MAX) != OK ||
	    pool_init(&all->txns, "transactions of parties", sizeof(struct txn), TXNS_MAX) != OK ||
	    map_init(&all->by_id, 4096, all->tag_key) != OK || map_init(&all->by_branch, 16384, all->tag_key) != OK ||
	    !add_lines(all, office) || !add_trunks(all, rules))
		return parties_free(all);
	return all;
}

struct parties *parties_free(struct parties *all)
{
	if (!all) return NULL;
	for (uint32_t i = 0; i < all->count; i++) net_unbind(sim_net(all->sim), &all->list[i].end);
	hostile_free(all);
	map_fini(&all->by_branch);
	map_fini(&all->by_id);
	pool_fini(&all->txns);
	pool_fini(&all->dialogs);
	slab_fini(&all->texts);
	free(all->idle);
	free(all->list);
	free(all);
	return NULL;
}

void parties_start(struct parties *all)
{
	all->boots = node_boots(sim_node(all->sim));
	for (uint32_t i = 0; i < all->count; i++) {
		struct ua *p = &all->list[i];
		if (!p->group) register_again(p, party_between(p, 10, 3000));
		if (p->group || p->as->hostile || p->as->mute)
			party_timer(p, &p->own, party_between(p, 5000, 30000), TIMER_PARTY, p->index + 1);
	}
	party_timer(&all->list[0], &all->generate, REGISTERED_MS, TIMER_GENERATE, 0);
}

void parties_end(struct parties *all)
{
	all->ending = true;
	for (uint32_t i = 0; i < all->count; i++) {
		struct ua *p = &all->list[i];
		p->silent_until_ms = 0;
		LIST_EACH(node, &p->dialogs) {
			struct dialog *d = LIST_OF(node, struct dialog, of_party);
			if (d->talk == TALK_UP) talk_hang_up(d);
			else if (d->talk == TALK_CALLING) call_give_up(d);
			else answer_end(d);
		}
	}
}

bool parties_done(const struct parties *all)
{
	bool begun = all->ending || all->calls_begun >= sim_plan(all->sim)->calls;
	return begun && all->dialogs.used == 0 && all->live_txns == 0;
}

void put_parties_left(struct buf *b, const struct parties *all)
{
	uint32_t at = 0;
	const struct dialog *d = pool_each(&all->dialogs, &at);
	put_fmt(b, "%u dialogs of parties, %u transactions that wait", all->dialogs.used, all->live_txns);
	if (d) put_fmt(b, "; %s has Call-ID %s", d->party->user, d->call_id);
	at = 0;
	for (const struct txn *t; (t = pool_each(&all->txns, &at));)
		if (t->server ? t->status == 0 || (t->method == SIP_INVITE && !t->acked) : t->status == 0)
			put_fmt(b, "; %s %s %.*s", t->party->user, t->server ? "is asked to" : "asks for",
			        STR_FMT(sip_method_name(t->method)));
}

uint32_t parties_begun(const struct parties *all)
{
	return all->calls_begun;
}

uint32_t parties_of_line(const struct parties *all, uint32_t line)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < all->phones; i++) n += all->list[i].line == line;
	return n;
}

const char *party_name_at(struct parties *all, const struct addr *a)
{
	static char name[96];
	for (uint32_t i = 0; i < all->count; i++) {
		const struct ua *p = &all->list[i];
		if (!addr_host_eq(&p->end.addr, a)) continue; // a NAT changes ports
		snprintf(name, sizeof name, "%s (%s)", p->user, p->as->name);
		return name;
	}
	return NULL;
}
