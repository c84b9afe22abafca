// What happens in a call that stands: holds, new offers, digits, a NAT that rebinds, a phone that reboots, its end.
#include "sim/party_inside.h"
#include "sim/check.h"
#include "sim/plane.h"
#include "sim/weather.h"

#define TONE_LOOK_MS 200u // how often it listens for dial tone
#define TONE_LOOKS 50u

enum act { ACT_NONE, ACT_HOLD, ACT_RETRIEVE, ACT_REINVITE, ACT_REBIND, ACT_REBOOT, ACT_DIGIT, ACT_DIAL };

static void wait_until(struct dialog *d)
{
	struct ua *p = d->party;
	uint64_t now = party_now(p), at = d->act != ACT_NONE && d->act_ms < d->hang_up_ms ? d->act_ms : d->hang_up_ms;
	party_timer(p, &d->clock, at > now ? (uint32_t)(at - now) : 0, TIMER_DIALOG, pool_ref(&p->all->dialogs, d));
}

static void next(struct dialog *d, enum act act, uint32_t after_ms)
{
	d->act = (uint8_t)act;
	d->act_ms = party_now(d->party) + after_ms;
}

// In such a plan all have much to do with menus and mailboxes.
static bool presses_keys(const struct ua *p)
{
	return sim_plan(p->all->sim)->faults & 1u << FAULT_KEYS && sim_chance(p->all->sim, SIM_KEYS, 5000);
}

// What it will do next, if anything, before it hangs up.
static void choose(struct dialog *d)
{
	struct ua *p = d->party;
	const struct character *as = p->as;
	uint32_t soon = party_between(p, 200, 6000);
	if (d->held_by_me) next(d, ACT_RETRIEVE, soon);
	else if (presses_keys(p)) next(d, ACT_DIGIT, sim_between(p->all->sim, SIM_KEYS, 200, 3000));
	else if (party_chance(p, as->holds) || (d->held_by_far && party_chance(p, as->hold_in_hold)))
		next(d, ACT_HOLD, soon);
	else if (party_chance(p, as->reinvites)) next(d, ACT_REINVITE, party_between(p, 0, 2) ? soon : 50);
	else if (party_chance(p, as->rebinds_nat)) next(d, ACT_REBIND, soon);
	else if (party_chance(p, as->reboots)) next(d, ACT_REBOOT, soon);
	else if (party_chance(p, 300)) next(d, ACT_DIGIT, soon);
	else next(d, ACT_NONE, 0);
}

void talk_begin(struct dialog *d)
{
	struct ua *p = d->party;
	uint64_t now = party_now(p);
	d->hang_up_ms = now + party_between(p, p->as->talk_min_ms, p->as->talk_max_ms);
	if (p->all->ending) d->hang_up_ms = now;
	if (d->caller && d->dial_tone) {
		d->hang_up_ms += 20000;
		next(d, ACT_DIAL, TONE_LOOK_MS);
	} else if (party_chance(p, p->as->glare)) {
		next(d, ACT_REINVITE, 2000); // as its like on the other side will: they meet
	} else {
		choose(d);
	}
	wait_until(d);
}

void talk_reinvite(struct dialog *d)
{
	char memory[MESSAGE_MAX];
	if (d->inviting || d->invited || d->talk != TALK_UP) return; // RFC 3261 14.1
	dialog_send(d, SIP_INVITE, sdp_mine(d, false, memory));
}

void talk_later(struct dialog *d, uint32_t after_ms)
{
	if (d->talk != TALK_UP) return;
	next(d, ACT_REINVITE, after_ms);
	wait_until(d);
}

void talk_hang_up(struct dialog *d)
{
	struct ua *p = d->party;
	if (d->talk == TALK_LEAVING) return;
	if (!d->seen->ended_ms) {
		d->seen->ended_ms = party_now(p);
		d->seen->by_me = true;
	}
	wheel_stop(&p->all->wheel, &d->clock);
	if (!p->all->ending && party_chance(p, p->as->no_bye)) {
		d->seen->forgets = true;
		dialog_end(d, true);
		return;
	}
	d->talk = TALK_LEAVING;
	d->tries = 0;
	dialog_send(d, SIP_BYE, STR(""));
}

// DIGITS

static bool say_digit(struct dialog *d, char digit)
{
	struct addr ear;
	struct sim *s = d->party->all->sim;
	bool heard = plane_digit(sim_plane(s), &d->seen->ear, &d->seen->told, digit, &ear);
	check_said_digit(sim_checker(s), d->seen, digit, &ear);
	size_t n = strlen(d->seen->said);
	if (heard && n + 1 < sizeof d->seen->said) d->seen->said[n] = digit;
	return heard;
}

// By RFC 4733, or where keys are pressed often half of them by INFO; but not while the switch may still want a number.
static void press(struct dialog *d, char key)
{
	struct sim *s = d->party->all->sim;
	char text[40];
	struct buf b = buf_on(text, sizeof text);
	if (!(sim_plan(s)->faults & 1u << FAULT_KEYS) || d->dial_tone || sim_below(s, SIM_KEYS, 2)) {
		say_digit(d, key);
		return;
	}
	put_fmt(&b, "Signal=%c\r\nDuration=160\r\n", key);
	dialog_send(d, SIP_INFO, buf_str(&b));
}

static bool hears_dial_tone(const struct dialog *d)
{
	struct plane_heard heard = { 0 };
	if (!plane_hears(sim_plane(d->party->all->sim), &d->seen->ear, &d->seen->told, &heard)) return false;
	return heard.tone == MEDIA_TONE_DIAL || heard.tone == MEDIA_TONE_RECALL_DIAL;
}

// First it waits for the tone, then it dials, and after a star code it waits again.
static void dial(struct dialog *d)
{
	char digit = d->digits[d->digit_at];
	bool waits = d->digit_at == 0 || (d->digits[0] == '*' && d->digit_at == 3);
	if (waits && !hears_dial_tone(d) && ++d->ring < TONE_LOOKS) {
		next(d, ACT_DIAL, TONE_LOOK_MS);
		return;
	}
	if (digit && say_digit(d, digit)) d->digit_at++;
	else digit = '\0';
	if (digit) {
		next(d, ACT_DIAL, party_between(d->party, 80, 400));
		return;
	}
	d->seen->dialled_all = !d->digits[d->digit_at];
	choose(d);
}

static void act(struct dialog *d)
{
	static const char keys[] = "0123456789*#";
	enum act what = (enum act)d->act;
	struct ua *p = d->party;
	bool busy = d->inviting || d->invited;
	if (what == ACT_DIAL) {
		dial(d);
		return;
	}
	if (busy && what != ACT_DIGIT && what != ACT_REBOOT) { // when that is over
		next(d, what, 500);
		return;
	}
	d->act = ACT_NONE;
	switch (what) {
	case ACT_HOLD:
	case ACT_RETRIEVE:
		d->held_by_me = what == ACT_HOLD;
		talk_reinvite(d);
		break;
	case ACT_REINVITE: talk_reinvite(d); break;
	case ACT_REBIND: party_rebind(p); break;
	case ACT_DIGIT: press(d, keys[party_between(p, 0, sizeof keys - 2)]); break;
	default: break;
	}
	choose(d);
}

void talk_timer(struct dialog *d)
{
	struct ua *p = d->party;
	uint64_t now = party_now(p);
	if (d->act == ACT_REBOOT && now >= d->act_ms) {
		party_reboot(p); // d is gone
		return;
	}
	if (now >= d->hang_up_ms) {
		talk_hang_up(d);
		return;
	}
	if (d->act != ACT_NONE && now >= d->act_ms) act(d);
	wait_until(d);
}
