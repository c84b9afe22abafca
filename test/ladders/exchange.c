// The switch of a ladder: wiring.
#include "ladders/exchange_inside.h"

#include "ladders/actor.h"
#include "ladders/weather.h"

#include <stdio.h>
#include <stdlib.h>

#define WALL_BEGIN_MS 1767625200000u // Monday, 5 January 2026, 15:00 UTC
#define LINES_MAX 256
#define CALLS_MAX 64
#define TRANSACTIONS_MAX 1024
#define INPUTS_BYTES (64u << 20)

uint64_t exchange_wall_ms(const struct ladder *l)
{
	return WALL_BEGIN_MS + (l->now_ms - l->began_ms);
}

static void deliver(struct outbox *o, void *self)
{
	struct exchange *x = self;
	for (uint32_t i = 0; i < o->count; i++) net_receive(x->ladder, &o->packets[i]);
}

static struct live *new_live(void)
{
	return live_new(&(struct live_limits){ .lines_max = LINES_MAX, .trunk_groups_max = 16, .nonces = 1024,
	                                       .guard_entries = 256 }, 7);
}

bool exchange_need(struct ladder *l)
{
	if (l->exchange) return true;
	struct exchange *x = calloc(1, sizeof *x);
	if (!x) return ladder_fail(l, NULL, "no memory");
	l->exchange = x;
	x->ladder = l;
	x->transactions_max = TRANSACTIONS_MAX;
	x->calls_max = CALLS_MAX;
	journal_init(&x->journal);
	plane_init(x);
	x->live = new_live();
	if (!x->live || office_new(&x->office) != OK || outbox_init(&x->out, 256, 4 * PACKET_MAX) != OK)
		return ladder_fail(l, NULL, "no memory");
	x->out.flush = deliver;
	x->out.self = x;
	struct office_rules *rules = office_rules_dup(NULL);
	if (!rules) return ladder_fail(l, NULL, "no memory");
	str_to_z(rules->name, sizeof rules->name, STR("ladder"));
	str_to_z(rules->realm, sizeof rules->realm, l->realm);
	return office_put_rules(x->office, rules) == OK || ladder_fail(l, NULL, "the office refuses its first rules");
}

// Letters of ties, each taken in a later step.
static enum err send_tie(void *self, const struct tie_letter *sent)
{
	struct exchange *x = self;
	char *text = malloc(sent->text.n + 1u);
	if (!text || x->letter_count == LETTERS_MAX) {
		free(text);
		return ERR_FULL;
	}
	if (sent->text.n) memcpy(text, sent->text.p, sent->text.n);
	struct letter *l = &x->letters[(x->letter_first + x->letter_count++) % LETTERS_MAX];
	*l = (struct letter){ .letter = *sent, .text = text };
	l->letter.text.p = text;
	return OK;
}

static struct letter take_letter(struct exchange *x)
{
	struct letter l = x->letters[x->letter_first];
	x->letter_first = (x->letter_first + 1) % LETTERS_MAX;
	x->letter_count--;
	return l;
}

static bool tie_step(struct exchange *x)
{
	bool any = x->letter_count > 0;
	while (x->letter_count) {
		struct letter l = take_letter(x);
		worker_tie(x->worker, &l.letter);
		free(l.text);
	}
	return any;
}

static void drop_letters(struct exchange *x)
{
	while (x->letter_count) free(take_letter(x).text);
}

void exchange_free(struct ladder *l)
{
	struct exchange *x = l->exchange;
	if (!x) return;
	drop_letters(x);
	worker_free(x->worker);
	inputs_free(x->inputs);
	live_free(x->live);
	office_free(x->office);
	outbox_fini(&x->out);
	journal_fini(&x->journal);
	free(x);
	l->exchange = NULL;
}

// A feature that was set from a phone: what the control thread would do, done at once and answered in a later step.
static enum err set_feature(void *self, uint32_t worker, uint64_t owner, uint32_t line, uint8_t feature, bool active,
                            struct str target)
{
	struct exchange *x = self;
	const struct office_line *known = office_line(x->office, line);
	(void)worker;
	if (x->feature.waits) return ERR_FULL;
	x->feature = (struct feature_request){ .waits = true, .owner = owner, .result = ERR_NOT_FOUND };
	if (!known) return OK;
	struct office_line changed = *known;
	struct office_feature_state *state = &changed.features[feature];
	state->active = active;
	if (active) str_to_z(state->target, sizeof state->target, target);
	x->feature.result = office_put_line(x->office, &changed);
	return OK;
}

// What a store would keep of subscriptions.
static enum err keep_subscription(void *self, const struct kept_subscription *row)
{
	struct exchange *x = self;
	uint32_t i = 0;
	while (i < x->kept_count && strcmp(x->kept[i].tag, row->tag) != 0) i++;
	if (i == SUBSCRIPTIONS_MAX) return ERR_FULL;
	if (row->over && i < x->kept_count) x->kept[i] = x->kept[--x->kept_count];
	if (row->over) return OK;
	if (i == x->kept_count) x->kept_count++;
	x->kept[i] = *row;
	return OK;
}

// What phones report is taken: the store is not there.
static enum err take_report(void *self, const struct quality_report *r)
{
	(void)self, (void)r;
	return OK;
}

static void restore_subscriptions(struct exchange *x)
{
	for (uint32_t i = 0; i < x->kept_count; i++)
		if (x->kept[i].expires_ms > x->ladder->now_ms) worker_restore(x->worker, &x->kept[i]);
}

static bool need_worker(struct ladder *l)
{
	struct exchange *x = l->exchange;
	if (!x) return ladder_fail(l, NULL, "there is no switch: the ladder names no office");
	if (x->worker) return true;
	struct worker_setup setup = {
		.count = 1, .seed = 0x1adde7 + x->boots++, .now_ms = l->now_ms, .wall_ms = exchange_wall_ms(l), .listener_count = 2,
		.calls_max = x->calls_max, .transactions_max = x->transactions_max, .message_bytes_max = 8u << 20,
		.office = x->office, .live = x->live, .media = &x->plane.media, .journal = journal_of(x), .out = &x->out,
		.set_feature = set_feature, .set_feature_self = x, .send_tie = send_tie, .send_tie_self = x,
		.subscriptions_max = SUBSCRIPTIONS_MAX, .keep = keep_subscription, .keep_self = x, .report = take_report,
	};
	x->inputs = inputs_free(x->inputs);
	if (inputs_new(&x->inputs, INPUTS_BYTES, INPUTS_ALL) != OK) return ladder_fail(l, NULL, "no memory");
	setup.inputs = x->inputs;
	const char *const addresses[] = { EXCHANGE_ADDR_4, EXCHANGE_ADDR_6 };
	for (uint32_t i = 0; i < ARRAY_LEN(addresses); i++) {
		if (addr_parse(&setup.listeners[i].bound, str_from(addresses[i])) != OK) return false;
		setup.listeners[i].advertised = setup.listeners[i].bound;
	}
	memset(setup.nonce_secret.octets, 0x5a, sizeof setup.nonce_secret.octets);
	x->worker = worker_new(&setup);
	return x->worker || ladder_fail(l, NULL, "the switch does not start");
}

static void set_time(struct ladder *l)
{
	worker_at(l->exchange->worker, l->now_ms, exchange_wall_ms(l));
}

// What must hold between two events.
static bool is_sound(struct ladder *l)
{
	struct str call_id;
	const char *wrong = worker_wrong(l->exchange->worker, &call_id);
	return !wrong || ladder_fail(l, NULL, "an invariant broke in call %.*s: %s", STR_FMT(call_id), wrong);
}

bool exchange_input(struct ladder *l, const struct packet *p)
{
	if (!need_worker(l)) return false;
	// An exact copy, so that the sanitizer sees a read past its end.
	char *bytes = malloc(p->data.n ? p->data.n : 1);
	struct packet copy = *p;
	if (!bytes) return ladder_fail(l, NULL, "no memory");
	memcpy(bytes, p->data.p, p->data.n);
	copy.data.p = bytes;
	set_time(l);
	worker_input(l->exchange->worker, &copy);
	outbox_flush(&l->exchange->out);
	rcu_quiescent();
	free(bytes);
	return is_sound(l);
}

bool exchange_step(struct ladder *l)
{
	struct exchange *x = l->exchange;
	if (!x || !x->worker) return false;
	set_time(l);
	bool any = journal_step(x);
	any |= plane_step(x);
	any |= tie_step(x);
	if (x->feature.waits) {
		x->feature.waits = false;
		worker_feature_done(x->worker, x->feature.owner, x->feature.result);
		any = true;
	}
	outbox_flush(&x->out);
	rcu_quiescent();
	return is_sound(l) && any;
}

uint64_t exchange_tick(struct ladder *l)
{
	struct exchange *x = l->exchange;
	if (!x || !x->worker) return UINT64_MAX;
	set_time(l);
	uint64_t next = worker_tick(x->worker), journal = journal_next(x), plane = plane_next(x);
	outbox_flush(&x->out);
	is_sound(l);
	if (journal < next) next = journal;
	return plane < next ? plane : next;
}

// Registrations and messages outlive a restart; of all else that is live nothing does.
static bool renew_live(struct exchange *x)
{
	struct live *fresh = new_live();
	struct binding bindings[LOCATION_BINDINGS_MAX];
	if (!fresh) return false;
	for (uint32_t line = 1; line <= office_line_count(x->office); line++) {
		uint32_t n = location_get(x->live->location, line, x->ladder->now_ms, bindings, LOCATION_BINDINGS_MAX);
		if (n && location_put(fresh->location, line, 0, bindings, n) != OK) return false;
		waiting_set(fresh->waiting, line, waiting_get(x->live->waiting, line));
	}
	live_free(x->live);
	x->live = fresh;
	return true;
}

bool exchange_restart(struct ladder *l)
{
	struct exchange *x = l->exchange;
	if (!need_worker(l)) return false;
	x->worker = worker_free(x->worker);
	if (!renew_live(x)) return ladder_fail(l, NULL, "no memory");
	if (l->weather) weather_forget(l);
	journal_crash(x);
	plane_init(x);
	x->feature.waits = false;
	drop_letters(x);
	if (!need_worker(l)) return false;
	set_time(l);
	restore_subscriptions(x);
	journal_recover(x);
	outbox_flush(&x->out);
	return true;
}

bool exchange_stop(struct ladder *l)
{
	if (!need_worker(l)) return false;
	set_time(l);
	worker_stop(l->exchange->worker);
	return true;
}

const char *exchange_left_over(struct ladder *l)
{
	struct exchange *x = l->exchange;
	if (!x->worker) return NULL;
	struct worker_use use = worker_use(x->worker);
	uint64_t lines = occupancy_total(x->live->occupancy, OCCUPANCY_LINE);
	uint64_t trunks = occupancy_total(x->live->occupancy, OCCUPANCY_TRUNK_GROUP);
	uint32_t sessions = plane_open_count(x);
	if (use.calls + use.legs + use.ties + use.transactions + use.tombstones + lines + trunks + sessions == 0) return NULL;
	struct str text = ladder_text(l,
		"%u calls, %u legs, %u ties, %u transactions, %u tombstones, %u media sessions; places taken: "
	                                 "%llu of lines, %llu of trunk groups",
	                              use.calls, use.legs, use.ties, use.transactions, use.tombstones, sessions,
	                              (unsigned long long)lines, (unsigned long long)trunks);
	return ladder_z(l, text);
}

// PARTIES

bool exchange_line_actor(struct ladder *l, struct actor *p, struct str number)
{
	const struct office_line *line = l->exchange ? office_line_by_name(l->exchange->office, number) : NULL;
	if (!line) return ladder_fail(l, NULL, "the office has no line %.*s", STR_FMT(number));
	p->kind = ACTOR_LINE;
	p->line = line->id;
	p->user = p->number = number;
	p->password = STR(EXCHANGE_PASSWORD);
	return true;
}

bool exchange_trunk_actor(struct ladder *l, struct actor *p, struct str name, uint32_t peer)
{
	const struct office_rules *rules = l->exchange ? office_rules(l->exchange->office) : NULL;
	for (uint32_t i = 0; rules && i < rules->trunk_group_count; i++) {
		const struct office_trunk_group *g = &rules->trunk_groups[i];
		if (!str_eq(str_from(g->name), name)) continue;
		if (peer >= g->peer_count) return ladder_fail(l, NULL, "trunk group %.*s has no such peer", STR_FMT(name));
		p->kind = ACTOR_TRUNK;
		p->trunk_group = g->id;
		p->addr = g->peers[peer].addr;
		p->user = STR("+12125550100");
		return true;
	}
	return ladder_fail(l, NULL, "the office has no trunk group %.*s", STR_FMT(name));
}

bool exchange_office(struct ladder *l, struct str name)
{
	char path[1024];
	uint32_t bad_line;
	struct script rows;
	const char *slash = strrchr(l->script->path, '/');
	int folder = slash ? (int)(slash - l->script->path) + 1 : 0;
	snprintf(path, sizeof path, "%.*s%.*s.office", folder, l->script->path, STR_FMT(name));
	if (script_read(&rows, path, &bad_line) != OK) return ladder_fail(l, NULL, "%s:%u: cannot be read", path, bad_line);
	const struct script *ladder = l->script;
	bool good = exchange_need(l);
	l->script = &rows; // so that words are found
	for (uint32_t i = 0; good && i < rows.item_count; i++) {
		bool set = word_is(&rows.words[rows.items[i].first], "set");
		good = set ? exchange_set(l, &rows.items[i])
		           : ladder_fail(l, NULL, "%s:%u: only set", path, rows.items[i].line);
	}
	l->script = ladder;
	script_free(&rows);
	return good;
}
