// Who hears whom: each of two parties that talk hears the other, and nobody hears anyone else, nor one who holds him; and
// so it is with the keys that they press.
#include "sim/check_inside.h"
#include "sim/party.h"

#define RECOVERS_MS 5000 // what was refused memory comes again by then

// The party's row, when its word counts.
static struct ledger_call *row_of(const struct checker *c, const struct call *call, enum call_side side)
{
	struct str id = str_from(call->call_ids[side]);
	struct ledger_call *row = ledger_find(c->ledger, id, side == SIDE_O ? LEDGER_CALLER : LEDGER_CALLED);
	return row && !row->hostile && row->ear.family && row->told.family ? row : NULL;
}

static void put_who(struct buf *b, const struct ledger_call *row)
{
	put_fmt(b, "line %u at ", row->line);
	put_addr(b, &row->party);
}

// What each of the two said last the other has got, and neither waits for more. (What came in this millisecond the
// switch may look at within it.)
static bool agrees(const struct checker *c, const struct ledger_call *row)
{
	const struct leg_seen *l = wire_leg(c, row->call_id);
	return l && !l->inviting && l->described_ms < check_now(c) &&
	       party_agrees(sim_parties(c->sim), row, &(struct party_words){ .heard = l->told, .said = l->heard });
}

static bool is_spoiled(const struct checker *c)
{
	return sim_plan(c->sim)->faults & FAULT(SPOILED); // so may be what they told each other
}

// Both parties and the switch agree.
static bool is_settled(const struct checker *c, const struct ledger_call *a, const struct ledger_call *b)
{
	bool misses = sim_plan(c->sim)->faults & FAULT(ALLOCATION); // the switch may miss what it got
	if (misses && c->calm_since_ms + RECOVERS_MS >= check_now(c)) return false;
	// An answer in a 183 that came changed, and was none, is told to the other one for good (RFC 3261 13.2.1).
	bool refused = !a->told.port || !b->told.port;
	return !(is_spoiled(c) && refused) && agrees(c, a) && agrees(c, b);
}

static void check_ear(struct checker *c, const struct call *call, const struct ledger_call *ear,
                      const struct ledger_call *mouth, bool must)
{
	struct plane_heard heard;
	bool known = plane_hears(sim_plane(c->sim), &ear->ear, &ear->told, &heard);
	bool right = known && addr_host_eq(&heard.voice, &mouth->ear);
	bool wrong = known && heard.voice.family && !right;
	bool stand = !ear->ended_ms && !mouth->ended_ms; // who left, with a word or without, hears of no agreement any more
	bool held = right && stand && !(ear->receives && mouth->sends) && is_settled(c, ear, mouth);
	if (!wrong && !held && (right || !must || !is_settled(c, ear, mouth))) return;
	char text[256];
	struct buf b = buf_on(text, sizeof text - 1);
	put_who(&b, ear);
	if (held) {
		put_z(&b, ear->receives ? " hears who does not send to it, " : " holds, and hears ");
	} else if (wrong) {
		put_z(&b, " hears ");
		put_addr(&b, &heard.voice);
		put_z(&b, ", and talks with ");
	} else {
		put_z(&b, known ? " hears nothing of " : " is known to no media session, and talks with ");
	}
	put_who(&b, mouth);
	text[b.n] = '\0';
	FAIL(c, str_from(call->call_ids[SIDE_O]), "%s", text);
}

void check_media(struct checker *c, const struct call *call)
{
	if (call->o.pic != O_ACTIVE || !call->answered) return;
	const struct ledger_call *o = row_of(c, call, SIDE_O), *t = row_of(c, call, SIDE_T);
	if (!o || !t || (is_spoiled(c) && !is_settled(c, o, t))) return;
	bool talk = media_talks(&call->media, MEDIA_A) && media_talks(&call->media, MEDIA_B);
	bool must = talk && !o->ended_ms && !t->ended_ms;
	check_ear(c, call, o, t, must);
	check_ear(c, call, t, o, must);
}

// KEYS

// The call that has a leg of this Call-ID; NULL: none stands.
static const struct call *call_of(const struct checker *c, const char *call_id, enum call_side *side)
{
	struct node_sim *n = sim_node(c->sim);
	const struct call *call;
	for (uint32_t i = 0; i < node_worker_count(n); i++)
		for (uint32_t at = 0; node_worker(n, i) && (call = calls_each(worker_calls(node_worker(n, i)), &at));)
			for (*side = SIDE_O; *side <= SIDE_T; ++*side)
				if (strcmp(call->call_ids[*side], call_id) == 0) return call;
	return NULL;
}

static bool stands(const struct call *call)
{
	return call && call->o.pic == O_ACTIVE && call->answered;
}

void check_said_digit(struct checker *c, const struct ledger_call *by, char digit, const struct addr *ear)
{
	enum call_side side;
	const struct call *call = call_of(c, by->call_id, &side);
	if (!stands(call) || by->hostile) return;
	const struct ledger_call *mouth = row_of(c, call, side), *far = row_of(c, call, side == SIDE_O ? SIDE_T : SIDE_O);
	if (mouth != by || !far || (is_spoiled(c) && !is_settled(c, mouth, far))) return;
	bool must = mouth->sends && far->receives && !mouth->ended_ms && !far->ended_ms;
	if (ear->family && !addr_host_eq(ear, &far->ear))
		FAIL(c, str_from(by->call_id), "line %u pressed %c, and somebody hears it that is not line %u", by->line, digit,
		     far->line);
	if (!ear->family && must && is_settled(c, mouth, far))
		FAIL(c, str_from(by->call_id), "line %u pressed %c, and line %u does not hear it", by->line, digit, far->line);
}

void media_got_info(struct checker *c, struct leg_seen *l, const struct sip_msg *m)
{
	struct str body = m->body, line = str_cut(&body, '\n'), name = str_cut(&line, '=');
	if (!str_eq(name, STR("Signal")) || !line.n) return;
	if (l->keys_ms != check_now(c)) {
		l->keys_ms = check_now(c);
		l->keys_came = 0;
		memset(l->keys, 0, sizeof l->keys);
	}
	size_t waiting = strlen(l->keys);
	l->keys_came++;
	if (waiting + 1 < sizeof l->keys) l->keys[waiting] = line.p[0];
}

// Which one of several was answered is not known.
const char *media_took_info(struct checker *c, struct leg_seen *l)
{
	enum call_side side;
	bool waits = l->keys_ms == check_now(c) && l->keys_came == 1 && l->keys[0];
	return waits && stands(call_of(c, l->call_id, &side)) ? "it takes a digit by INFO, and passes it to nobody" : NULL;
}

static bool take_key(const struct checker *c, struct leg_seen *speaker, char key)
{
	char *at = speaker && speaker->keys_ms == check_now(c) ? strchr(speaker->keys, key) : NULL;
	if (!at || !key) return false;
	memmove(at, at + 1, strlen(at));
	return true;
}

// It was said in this millisecond, by the far party, and its ear is that of whom it is made for.
void check_made_digit(struct checker *c, const struct made_digit *d)
{
	const struct call *call = NULL;
	for (uint32_t at = 0; (call = calls_each(worker_calls(node_worker(sim_node(c->sim), d->worker)), &at));)
		if (call->media.session == d->session) break;
	if (!call) return;
	enum call_side side = d->side == MEDIA_A ? SIDE_O : SIDE_T, other = side == SIDE_O ? SIDE_T : SIDE_O;
	const struct ledger_call *row = row_of(c, call, side);
	if (!take_key(c, wire_leg(c, call->call_ids[other]), d->digit))
		FAIL(c, str_from(call->call_ids[SIDE_O]), "a party hears the key %c, which the other one did not press", d->digit);
	else if (row && d->ear.family && !addr_host_eq(&d->ear, &row->ear) && !(is_spoiled(c) && !agrees(c, row)))
		FAIL(c, str_from(call->call_ids[SIDE_O]), "the key %c is heard by who is not in the call", d->digit);
}
