// From the words of an item to an arrow: each option is a row of a table.
#include "ladders/arrow.h"

struct cursor {
	struct ladder *l;
	const struct word *words;
	uint32_t at, count;
};

static const struct word *next_word(struct cursor *c)
{
	return c->at < c->count ? &c->words[c->at++] : NULL;
}

static bool need(struct cursor *c, struct str *out, const char *what)
{
	const struct word *w = next_word(c);
	if (!w) return ladder_fail(c->l, NULL, "%s is missing at the end", what);
	*out = w->text;
	return true;
}

static bool add_rule(struct cursor *c, struct arrow *a, struct rule r)
{
	if (a->rule_count == ARROW_RULES_MAX) return ladder_fail(c->l, NULL, "too many headers on one arrow");
	a->rules[a->rule_count++] = r;
	return true;
}

// "Name: value" in one quoted word.
static bool option_header(struct cursor *c, struct arrow *a, enum rule_kind kind)
{
	struct str line = { 0 };
	if (!need(c, &line, "a header in quotes")) return false;
	int32_t colon = str_find_char(line, ':');
	if (colon < 0) return ladder_fail(c->l, NULL, "\"%.*s\" is no header line", STR_FMT(line));
	return add_rule(c, a, (struct rule){ kind, str_trim(str_head(line, (uint32_t)colon)),
	                                     str_trim(str_from_at(line, (uint32_t)colon + 1)) });
}

static bool option_with(struct cursor *c, struct arrow *a) { return option_header(c, a, RULE_WITH); }
static bool option_also(struct cursor *c, struct arrow *a) { return option_header(c, a, RULE_ALSO); }

static bool option_without(struct cursor *c, struct arrow *a)
{
	struct rule r = { .kind = RULE_WITHOUT };
	return need(c, &r.name, "a header name") && add_rule(c, a, r);
}

static bool option_has(struct cursor *c, struct arrow *a)
{
	struct rule r = { .kind = RULE_HAS };
	return need(c, &r.name, "a header name") && need(c, &r.value, "what the header has") && add_rule(c, a, r);
}

// lacks Name, or lacks Name "text"
static bool option_lacks(struct cursor *c, struct arrow *a)
{
	struct rule r = { .kind = RULE_LACKS };
	if (!need(c, &r.name, "a header name")) return false;
	if (c->at < c->count && c->words[c->at].quoted) r.value = c->words[c->at++].text;
	return add_rule(c, a, r);
}

// cause 17: a Reason header of Q.850
static bool option_cause(struct cursor *c, struct arrow *a)
{
	struct str number = { 0 };
	if (!need(c, &number, "a cause")) return false;
	struct rule r = { a->from ? RULE_WITH : RULE_HAS, STR("Reason"),
	                  ladder_text(c->l, "Q.850;cause=%.*s", STR_FMT(number)) };
	return add_rule(c, a, r);
}

static bool is_direction(const struct word *w)
{
	return word_is(w, "sendrecv") || word_is(w, "sendonly") || word_is(w, "recvonly") || word_is(w, "inactive");
}

static bool is_codec(const struct word *w)
{
	static const char *const names[] = { "PCMU", "PCMA", "G722", "G729", "opus", "telephone-event", "video", "t38",
	                                     "srtp", "srtp-if", "srtp-new", "clear" };
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++)
		if (word_is(w, names[i])) return true;
	return false;
}

static bool option_sdp(struct cursor *c, struct arrow *a)
{
	a->sdp = true;
	for (; c->at < c->count; c->at++) {
		const struct word *w = &c->words[c->at];
		if (is_direction(w)) a->sdp_direction = w->text;
		else if (is_codec(w) && a->codec_count < ARROW_CODECS_MAX) a->codecs[a->codec_count++] = w->text;
		else if (word_is(w, "same")) a->sdp_same = true;
		else if (w->quoted) a->sdp_text = w->text;
		else break;
	}
	return true;
}

static bool option_port(struct cursor *c, struct arrow *a)
{
	struct str number;
	uint32_t port;
	if (!need(c, &number, "a port")) return false;
	if (str_to_u32(&port, number, 65535) != OK) return ladder_fail(c->l, NULL, "no port: %.*s", STR_FMT(number));
	a->media_port = (uint16_t)port;
	return true;
}

static bool option_body(struct cursor *c, struct arrow *a)
{
	return need(c, &a->content_type, "the type of the body") && need(c, &a->body, "the body");
}

static bool option_call(struct cursor *c, struct arrow *a)
{
	struct str number;
	if (!need(c, &number, "the number of the call")) return false;
	return str_to_u32(&a->call, number, ACTOR_CALLS_MAX) == OK || ladder_fail(c->l, NULL, "calls are counted from 1");
}

static bool option_as(struct cursor *c, struct arrow *a)
{
	struct str name;
	if (!need(c, &name, "a party")) return false;
	a->as = ladder_actor(c->l, name);
	return a->as || ladder_fail(c->l, NULL, "there is no party %.*s", STR_FMT(name));
}

static bool option_within(struct cursor *c, struct arrow *a)
{
	uint32_t used = words_duration(&a->within_ms, c->words + c->at, c->count - c->at);
	c->at += used;
	return used || ladder_fail(c->l, NULL, "within what time?");
}

static bool option_from(struct cursor *c, struct arrow *a) { return need(c, &a->caller, "the calling number"); }
static bool option_no_sdp(struct cursor *c, struct arrow *a) { (void)c; return a->no_sdp = true; }
static bool option_lost(struct cursor *c, struct arrow *a) { (void)c; return a->lost = true; }
static bool option_returned(struct cursor *c, struct arrow *a) { (void)c; return a->lost = a->returned = true; }
static bool option_again(struct cursor *c, struct arrow *a) { (void)c; return a->again = true; }
static bool option_new(struct cursor *c, struct arrow *a) { (void)c; return a->fresh = true; }
static bool option_no_ack(struct cursor *c, struct arrow *a) { (void)c; return a->silent = true; }

static bool option_no_credentials(struct cursor *c, struct arrow *a)
{
	(void)c;
	a->credentials = CREDENTIALS_NONE;
	return true;
}

static bool option_credentials(struct cursor *c, struct arrow *a)
{
	a->credentials = CREDENTIALS_NOW;
	if (c->at < c->count && word_is(&c->words[c->at], "replayed")) {
		a->credentials = CREDENTIALS_REPLAYED;
		c->at++;
	}
	return true;
}

static const struct {
	const char *name;
	bool (*read)(struct cursor *c, struct arrow *a);
} options[] = {
	{ "sdp", option_sdp },         { "nosdp", option_no_sdp },     { "with", option_with },
	{ "also", option_also },       { "without", option_without },  { "has", option_has },
	{ "lacks", option_lacks },     { "cause", option_cause },      { "body", option_body },
	{ "lost", option_lost },       { "again", option_again },      { "new", option_new },
	{ "noack", option_no_ack },    { "call", option_call },        { "within", option_within },
	{ "as", option_as },           { "from", option_from },        { "nocredentials", option_no_credentials },
	{ "credentials", option_credentials }, { "returned", option_returned }, { "mediaport", option_port },
};

static bool read_option(struct cursor *c, struct arrow *a, const struct word *w)
{
	for (uint32_t i = 0; i < ARRAY_LEN(options); i++)
		if (word_is(w, options[i].name)) return options[i].read(c, a);
	if (a->kind == ARROW_REQUEST && a->user.n == 0) {
		a->user = w->text;
		return true;
	}
	return ladder_fail(c->l, NULL, "\"%.*s\" is not understood here", STR_FMT(w->text));
}

// INVITE, re-INVITE, FOO, 200, 200 (BYE), raw FILE
static bool read_what(struct cursor *c, struct arrow *a)
{
	struct str what;
	uint32_t status;
	if (!need(c, &what, "what is sent")) return false;
	if (str_eq(what, STR("raw"))) {
		a->kind = ARROW_RAW;
		return need(c, &a->raw, "a file name");
	}
	if (what.n == 3 && str_to_u32(&status, what, 699) == OK && status >= 100) {
		a->kind = ARROW_RESPONSE;
		a->status = (uint16_t)status;
		if (c->at < c->count && !c->words[c->at].quoted && c->words[c->at].text.p[0] == '(') {
			struct str method = str_from_at(c->words[c->at++].text, 1);
			a->method_name = str_head(method, method.n - 1);
			a->method = sip_method_from(a->method_name);
			a->method_said = true;
		}
		return true;
	}
	a->kind = ARROW_REQUEST;
	a->re = str_starts(what, STR("re-"));
	a->method_name = a->re ? str_from_at(what, 3) : what;
	a->method = sip_method_from(a->method_name);
	a->method_said = true;
	return true;
}

static bool read_end(struct ladder *l, struct actor **out, struct str name)
{
	*out = NULL;
	if (str_eq(name, STR("sw"))) return true;
	*out = ladder_actor(l, name);
	return *out || ladder_fail(l, NULL, "there is no party %.*s", STR_FMT(name));
}

bool arrow_read(struct arrow *a, struct ladder *l, const struct item *item)
{
	struct cursor c = { .l = l, .words = ladder_words(l, item), .at = 3, .count = item->count };
	*a = (struct arrow){ .line = item->line };
	if (item->count < 4) return ladder_fail(l, NULL, "an arrow needs who, to whom, and what");
	if (!read_end(l, &a->from, c.words[0].text) || !read_end(l, &a->to, c.words[2].text)) return false;
	if (!a->from && !a->to) return ladder_fail(l, NULL, "the switch sends nothing to itself");
	if (!read_what(&c, a)) return false;
	for (const struct word *w; (w = next_word(&c));)
		if (!read_option(&c, a, w)) return false;
	return true;
}

bool arrow_is_to(const struct ladder *l, const struct item *item, const struct actor *p)
{
	const struct word *words = ladder_words(l, item);
	return item->count >= 4 && word_is(&words[1], "->") && word_is(&words[0], "sw") && str_eq(words[2].text, p->name);
}
