// Carries out the items of a ladder, one after the other.
#include "base/count.h"
#include "ladders/exchange.h"
#include "ladders/expect.h"
#include "ladders/actor.h"

#include <stdio.h>
#include <stdlib.h>

// Time after which nothing of a finished call may be left: the longest timer of a transaction (64 * T1) twice over.
#define QUIET_MS 70000
#define BEGIN_MS 1000000

bool ladder_fail(struct ladder *l, struct message *culprit, const char *format, ...)
{
	va_list args;
	if (l->failed) return false;
	l->failed = true;
	l->culprit = culprit;
	va_start(args, format);
	vsnprintf(l->failure, sizeof l->failure, format, args);
	va_end(args);
	return false;
}

struct str ladder_text(struct ladder *l, const char *format, ...)
{
	char text[8192];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof text) n = 0;
	return arena_dup(&l->arena, (struct str){ text, (uint32_t)n });
}

const char *ladder_z(struct ladder *l, struct str text)
{
	char *z = arena_alloc(&l->arena, text.n + 1);
	if (!z) return "";
	str_to_z(z, text.n + 1, text);
	return z;
}

void ladder_remark(struct ladder *l, struct str text)
{
	if (l->event_count < LADDER_EVENTS_MAX)
		l->events[l->event_count++] = (struct event){ .at_ms = l->now_ms, .remark = text };
}

void ladder_note(struct ladder *l, const struct message *m, bool lost, struct str text)
{
	if (l->event_count < LADDER_EVENTS_MAX)
		l->events[l->event_count++] = (struct event){ .at_ms = l->now_ms, .message = m, .remark = text, .lost = lost };
}

const struct word *ladder_words(const struct ladder *l, const struct item *item)
{
	return &l->script->words[item->first];
}

struct actor *ladder_actor(struct ladder *l, struct str name)
{
	for (uint32_t i = 0; i < l->actor_count; i++)
		if (str_eq(l->actors[i].name, name)) return &l->actors[i];
	return NULL;
}

// The words of an item as they stand, for remarks.
static struct str item_text(struct ladder *l, const struct item *item)
{
	struct str text = STR("");
	for (uint32_t i = 0; i < item->count; i++)
		text = ladder_text(l, "%.*s%s%.*s", STR_FMT(text), i ? " " : "", STR_FMT(ladder_words(l, item)[i].text));
	return text;
}

// A -> B without the switch: sent, and taken as it comes.
static bool do_direct(struct ladder *l, const struct arrow *a)
{
	if (!send_arrow(l, a)) return false;
	struct message *m = &l->messages[l->message_count - 1];
	if (m->lost) return true;
	if (!m->m) return ladder_fail(l, m, "this is no SIP message: %s", m->fault);
	if (actor_deals_with(l, m)) {
		const char *wrong = check_message(l, m);
		return !wrong || ladder_fail(l, m, "%s", wrong);
	}
	return expect_take(l, m, a);
}

static bool do_arrow(struct ladder *l, const struct item *item)
{
	struct arrow a;
	if (!arrow_read(&a, l, item)) return false;
	if (l->weather && a.again) return true; // what is lost, and so is repeated, is the weather's business
	if (l->weather && !a.returned) a.lost = false;
	if (a.from) net_turn(l, a.from);
	bool good = !a.from ? expect_arrow(l, &a) : a.to ? do_direct(l, &a) : send_arrow(l, &a);
	net_settle(l);
	return good && !l->failed;
}

static bool do_office(struct ladder *l, const struct item *item)
{
	if (item->count != 2) return ladder_fail(l, NULL, "which office?");
	return exchange_office(l, ladder_words(l, item)[1].text);
}

static bool do_set(struct ladder *l, const struct item *item)
{
	if (l->message_count) ladder_remark(l, item_text(l, item));
	return exchange_set(l, item);
}

static bool do_drop(struct ladder *l, const struct item *item)
{
	ladder_remark(l, item_text(l, item));
	return exchange_drop(l, item);
}

static bool do_wait(struct ladder *l, const struct item *item)
{
	uint64_t ms;
	if (!words_duration(&ms, ladder_words(l, item) + 1, item->count - 1)) return ladder_fail(l, NULL, "wait how long?");
	ladder_remark(l, item_text(l, item));
	l->waited_ms += ms;
	return net_wait(l, ms);
}

static bool do_quiet(struct ladder *l, const struct item *item)
{
	(void)item;
	if (!net_wait(l, QUIET_MS)) return false;
	struct message *m = net_unexpected(l);
	if (m) return ladder_fail(l, m, "nobody expected this");
	const char *left = l->exchange ? exchange_left_over(l) : NULL;
	if (left) return ladder_fail(l, NULL, "not quiet: %s", left);
	return exchange_replay(l);
}

// What the program had counted when the ladder began: counters outlive ladders.
static uint64_t counted_before(const struct ladder *l, const char *name)
{
	const struct counter *c;
	for (uint32_t i = 0; i < LADDER_COUNTERS_MAX && (c = count_at(i)); i++)
		if (strcmp(c->name, name) == 0) return l->counted[i];
	return 0;
}

static bool do_counter(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	char name[96];
	uint64_t want;
	if (item->count != 3 || !str_to_z(name, sizeof name, w[1].text) ||
	    str_to_u64(&want, w[2].text, UINT64_MAX - 1) != OK)
		return ladder_fail(l, NULL, "counter NAME NUMBER");
	uint64_t got = count_by_name(name) - counted_before(l, name);
	return got == want || ladder_fail(l, NULL, "%s counted %llu", name, (unsigned long long)got);
}

static bool do_stop(struct ladder *l, const struct item *item)
{
	ladder_remark(l, item_text(l, item));
	return exchange_stop(l);
}

static bool do_restart(struct ladder *l, const struct item *item)
{
	ladder_remark(l, item_text(l, item));
	bool good = exchange_restart(l);
	net_settle(l);
	return good;
}

static bool do_expected_failure(struct ladder *l, const struct item *item)
{
	if (item->count != 2) return ladder_fail(l, NULL, "fails \"how\"");
	l->expected_failure = ladder_words(l, item)[1].text;
	return true;
}

// Why a ladder is not for weather.
static bool do_calm(struct ladder *l, const struct item *item)
{
	return item->count == 2 || ladder_fail(l, NULL, "calm \"why\"");
}

// The ladder says what is right, and the switch is known not to do it yet: counted as an expected failure.
static bool do_awaits(struct ladder *l, const struct item *item)
{
	if (item->count != 2) return ladder_fail(l, NULL, "awaits \"what\"");
	l->awaits = ladder_words(l, item)[1].text;
	return true;
}

static bool do_ignores(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	struct actor *p = ladder_actor(l, w[0].text);
	if (!p) return ladder_fail(l, NULL, "there is no party %.*s", STR_FMT(w[0].text));
	p->ignores = 0;
	for (uint32_t i = 2; i < item->count; i++)
		p->ignores |= word_is(&w[i], "everything") ? 1ull << 63 : 1ull << sip_method_from(w[i].text);
	return true;
}

// A phone that lost its power, or whose network went: neither RTP nor RTCP comes from it any more.
static bool do_falls(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	struct actor *p = ladder_actor(l, w[0].text);
	if (!p || item->count != 3 || !word_is(&w[2], "silent")) return ladder_fail(l, NULL, "PARTY falls silent");
	p->silent = true;
	p->silent_ms = l->now_ms;
	ladder_remark(l, item_text(l, item));
	return true;
}

// A phone behind a NAT that rebinds, or one that was carried elsewhere.
static bool do_moves(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	struct actor *p = ladder_actor(l, w[0].text);
	if (!p || item->count != 3 || addr_parse(&p->addr, w[2].text) != OK)
		return ladder_fail(l, NULL, "PARTY moves ADDRESS:PORT");
	ladder_remark(l, item_text(l, item));
	return true;
}

// A party that guesses passwords, and then has the right one.
static bool do_learns(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	struct actor *p = ladder_actor(l, w[0].text);
	if (!p || item->count != 4 || !word_is(&w[2], "password"))
		return ladder_fail(l, NULL, "PARTY learns password \"TEXT\"");
	p->password = w[3].text;
	return true;
}

static const struct {
	const char *word;
	enum { FIRST, SECOND } at; // SECOND: after a party
	bool (*run)(struct ladder *l, const struct item *item);
	bool rests; // in weather: not before all is heard that was said
} statements[] = {
	{ "->", SECOND, do_arrow, false },             { "is", SECOND, actor_is, false },
	{ "hears", SECOND, media_hears, false },       { "dials", SECOND, media_dials, false },
	{ "ignores", SECOND, do_ignores, true },       { "moves", SECOND, do_moves, true },
	{ "learns", SECOND, do_learns, false },        { "falls", SECOND, do_falls, true },
	{ "office", FIRST, do_office, false },         { "set", FIRST, do_set, true },
	{ "wait", FIRST, do_wait, false },             { "quiet", FIRST, do_quiet, false },
	{ "cdr", FIRST, journal_cdr, false },          { "trail", FIRST, journal_trail, false },
	{ "journal", FIRST, journal_statement, true }, { "counter", FIRST, do_counter, false },
	{ "drop", FIRST, do_drop, true },              { "restart", FIRST, do_restart, true },
	{ "stop", FIRST, do_stop, true },
	{ "fails", FIRST, do_expected_failure, false }, { "awaits", FIRST, do_awaits, false },
	{ "calm", FIRST, do_calm, false },
};

static bool do_item(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	for (uint32_t i = 0; i < ARRAY_LEN(statements); i++) {
		uint32_t at = statements[i].at;
		if (at >= item->count || !word_is(&w[at], statements[i].word)) continue;
		if (statements[i].rests) net_rest(l);
		return !l->failed && statements[i].run(l, item);
	}
	return ladder_fail(l, NULL, "\"%.*s\" is not understood", STR_FMT(w[0].text));
}

static bool do_range(struct ladder *l, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		l->at = i;
		l->item = &l->script->items[i];
		if (!do_item(l, l->item) || l->failed) return false;
	}
	return true;
}

static bool to_the_end(struct ladder *l)
{
	uint32_t preamble = l->scene->first ? l->script->preamble_count : 0;
	if (!do_range(l, 0, preamble) || !do_range(l, l->scene->first, l->scene->count)) return false;
	l->at = l->scene->first + l->scene->count;
	struct message *m = l->weather ? NULL : net_unexpected(l);
	if (m) return ladder_fail(l, m, "nobody expected this");
	if (!do_quiet(l, NULL)) return false;
	for (uint32_t i = 0; i < l->actor_count; i++) {
		const struct message *refused = actor_unacknowledged(&l->actors[i]);
		if (refused) return ladder_fail(l, m, "%.*s waits for an ACK of its refusal", STR_FMT(l->actors[i].name));
	}
	struct str record = journal_unread(l);
	return record.n == 0 || ladder_fail(l, NULL, "a call left a record that no cdr line names: %.*s", STR_FMT(record));
}

struct ladder *ladder_new(void)
{
	struct ladder *l = calloc(1, sizeof *l);
	if (!l) return NULL;
	l->messages = calloc(LADDER_MESSAGES_MAX, sizeof *l->messages);
	l->events = calloc(LADDER_EVENTS_MAX, sizeof *l->events);
	return l->messages && l->events && arena_init(&l->arena, LADDER_MEMORY) == OK ? l : ladder_free(l);
}

struct ladder *ladder_free(struct ladder *l)
{
	if (!l) return NULL;
	exchange_free(l);
	arena_fini(&l->arena);
	free(l->messages);
	free(l->events);
	free(l);
	return NULL;
}

bool ladder_run(struct ladder *l, const struct script *s, const struct scene *scene, struct weather *weather)
{
	exchange_free(l);
	arena_reset(&l->arena);
	*l = (struct ladder){ .script = s, .scene = scene, .realm = STR("ladder.example"), .arena = l->arena,
	                      .messages = l->messages, .events = l->events, .weather = weather };
	l->now_ms = l->began_ms = BEGIN_MS;
	for (uint32_t i = 0; i < LADDER_COUNTERS_MAX && count_at(i); i++) l->counted[i] = count_sum(count_at(i));
	bool good = to_the_end(l) && !l->failed;
	if (l->expected_failure.n == 0) return good;
	return l->failed && strncmp(l->failure, l->expected_failure.p, l->expected_failure.n) == 0;
}
