// Each call is told by its caller's word and the called one's; which two those are, the record says.
#include "sim/completed.h"

#include "sim/ledger.h"
#include "sim/node.h"

// A number of a line, in the ten digits that a telephone dials.
static bool is_of_line(struct sim *s, const char *dialled)
{
	char digits[sizeof((struct ledger_call *)0)->dialled + 1];
	struct buf b = buf_on(digits, sizeof digits);
	put_c(&b, '1');
	put_z(&b, dialled);
	const struct office_number *number = office_number(node_office(sim_node(s)), buf_str(&b));
	return number && number->kind == OFFICE_NUMBER_LINE;
}

static bool is_clear(struct sim *s, const struct ledger_call *c)
{
	if (c->side != LEDGER_CALLER || !c->line || c->hostile || c->forgets || c->dial_tone) return false;
	bool gave_up = c->by_me && !c->answered_ms && c->status; // and heard that it was so
	return !gave_up && is_of_line(s, c->dialled);
}

static bool got_answer(const struct ledger_call *c, const struct ledger_call *far)
{
	if (!far) return false;
	if (far->status == 200 || c->answered_ms) return far->status == 200 && c->answered_ms;
	return far->status && (c->status == 480 || c->status == 486 || c->status == 603);
}

struct completed completed_calls(struct sim *s)
{
	struct completed sum = { 0 };
	struct ledger_call *c, *far;
	const struct call_record *r;
	for (uint32_t i = 0; (r = node_cdr(sim_node(s), i)); i++) {
		c = ledger_find(sim_ledger(s), str_from(r->o.call_id), LEDGER_CALLER);
		far = ledger_find(sim_ledger(s), str_from(r->t.call_id), LEDGER_CALLED);
		bool rung = r->t.line && r->t.call_id[0] && (!far || far->line == r->t.line); // another: of before a forwarding
		if (!c) continue;
		c->recorded = true;
		if (!rung || !is_clear(s, c)) continue;
		sum.begun++;
		sum.completed += got_answer(c, far);
	}
	for (uint32_t at = 0; (c = ledger_each(sim_ledger(s), &at));) // those that never reached the switch
		sum.begun += !c->recorded && is_clear(s, c);
	return sum;
}
