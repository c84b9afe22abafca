// From digits to what they mean: cleaned, matched with the plan, resolved in the office, screened.
#include "call/number/translate.h"

#include "call/number/plan.h"

// ---- Words ----------------------------------------------------------------------------------------------------------

const char *dial_class_text(uint8_t class)
{
#define CLASS_TEXT(id, text) [DIAL_##id] = text,
	static const char *const texts[] = { DIAL_CLASSES(CLASS_TEXT) };
	return class < DIAL_CLASS_COUNT ? texts[class] : "unknown class";
}

#define INTERCEPT_ROW(id, cause, text) [INTERCEPT_##id] = { cause, text },
static const struct {
	uint8_t cause;
	const char *text;
} intercepts[] = { INTERCEPTS(INTERCEPT_ROW) };

const char *intercept_text(uint8_t intercept)
{
	return intercept < INTERCEPT_COUNT ? intercepts[intercept].text : "unknown intercept";
}

// ---- What is at hand during one translation -------------------------------------------------------------------------

struct translating {
	struct translation *out;
	const struct office *office;
	const struct office_rules *rules;
	const struct office_line *caller;   // NULL: a trunk
	char memory[NUMBER_DIGITS_MAX + 1]; // a leading + takes no digit's place
	struct str digits;                  // cleaned
	bool complete;
};

static void answer_intercept(struct translating *t, enum intercept why)
{
	t->out->class = DIAL_INTERCEPT;
	t->out->intercept = (uint8_t)why;
	t->out->cause = cause_local(intercepts[why].cause);
}

// Leaves out what people write between digits; # at the end completes. false: what nobody can dial, or too many digits.
static bool clean(struct translating *t, struct str dialled)
{
	struct buf b = buf_on(t->memory, sizeof t->memory);
	for (uint32_t i = 0; i < dialled.n; i++) {
		char c = dialled.p[i];
		if (c == ' ' || c == '-' || c == '.' || c == '(' || c == ')') continue;
		if (!ascii_is_digit(c) && c != '*' && c != '#' && !(c == '+' && b.n == 0)) b.err = ERR_BAD;
		put_c(&b, c);
	}
	if (b.n > 1 && b.p[b.n - 1] == '#') {
		b.n--;
		t->complete = true;
	}
	t->digits = buf_str(&b);
	return b.err == OK && b.n - (b.n && b.p[0] == '+') <= NUMBER_DIGITS_MAX;
}

// For digits that are known to be so: they come out of `digits` or of the office.
static void set_number(struct number *out, enum number_nature nature, struct str digits)
{
	if (number_set(out, nature, digits) != OK) *out = (struct number){ 0 };
}

static uint32_t value_of(struct str digits)
{
	uint32_t value;
	return str_to_u32(&value, digits, UINT32_MAX) == OK ? value : 0;
}

// ---- Our numbers and others' ----------------------------------------------------------------------------------------

static bool state_is_open(const struct office_rules *r, uint32_t rate_centre)
{
	const struct office_rate_centre *rc = office_rate_centre(r, rate_centre);
	const struct office_state *state = rc ? office_state(r, str_from(rc->state)) : NULL;
	return state && state->open;
}

static void resolve_line(struct translating *t, uint32_t id)
{
	const struct office_line *line = office_line(t->office, id);
	t->out->line = id;
	if (!line) answer_intercept(t, INTERCEPT_VACANT); // removed since its number was read
	else if (!state_is_open(t->rules, line->rate_centre)) answer_intercept(t, INTERCEPT_CLOSED);
	else t->out->class = DIAL_LINE;
}

// Resolves out->called, which is E.164.
static void resolve(struct translating *t, enum dial_class when_foreign)
{
	const struct office_number *n = office_number(t->office, number_str(&t->out->called));
	if (!n) {
		t->out->class = (uint8_t)when_foreign;
	} else if (n->kind == OFFICE_NUMBER_LINE) {
		resolve_line(t, n->line);
	} else if (n->kind == OFFICE_NUMBER_CHANGED) {
		answer_intercept(t, INTERCEPT_CHANGED);
		set_number(&t->out->new_number, NUMBER_INTERNATIONAL, str_from(n->new_number));
	} else {
		answer_intercept(t, n->kind == OFFICE_NUMBER_DISCONNECTED ? INTERCEPT_DISCONNECTED : INTERCEPT_VACANT);
	}
}

static bool is_n11(struct str code)
{
	return code.p[1] == '1' && code.p[2] == '1';
}

// Ten digits of the North American plan; the form is right, but area codes and exchanges are never N11.
static void resolve_ten(struct translating *t, struct str ten)
{
	if (is_n11(ten) || is_n11(str_from_at(ten, 3))) {
		answer_intercept(t, INTERCEPT_INVALID);
		return;
	}
	char e164[11];
	struct buf b = buf_on(e164, sizeof e164);
	put_c(&b, '1');
	put(&b, ten);
	set_number(&t->out->called, NUMBER_INTERNATIONAL, buf_str(&b));
	resolve(t, DIAL_FOREIGN);
}

// ---- Seven digits ---------------------------------------------------------------------------------------------------

// The area code of the caller's own number; empty when that is none of the North American plan.
static struct str home_npa(const struct office_line *caller)
{
	struct str number = caller ? str_from(caller->number) : STR("");
	return number.n == 11 && number.p[0] == '1' ? str_head(str_from_at(number, 1), 3) : STR("");
}

static bool seven_digits_serve(const struct office_rules *r, const struct office_line *caller)
{
	const struct office_npa *npa = office_npa(r, (uint16_t)value_of(home_npa(caller)));
	return npa && npa->seven_digits;
}

static void resolve_seven(struct translating *t, struct str seven)
{
	if (!seven_digits_serve(t->rules, t->caller)) {
		answer_intercept(t, INTERCEPT_NEED_AREA_CODE);
		return;
	}
	char ten[10];
	struct buf b = buf_on(ten, sizeof ten);
	put(&b, home_npa(t->caller));
	put(&b, seven);
	resolve_ten(t, buf_str(&b));
}

// ---- Star codes -----------------------------------------------------------------------------------------------------

static const struct {
	uint8_t code, action, feature;
} star_codes[] = {
	{ 67, STAR_BLOCK, FEATURE_CALLER_ID_BLOCK },
	{ 72, STAR_SET, FEATURE_FORWARD_ALL },
	{ 73, STAR_CLEAR, FEATURE_FORWARD_ALL },
	{ 82, STAR_UNBLOCK, FEATURE_CALLER_ID_BLOCK },
	{ 90, STAR_SET, FEATURE_FORWARD_BUSY },
	{ 91, STAR_CLEAR, FEATURE_FORWARD_BUSY },
	{ 92, STAR_SET, FEATURE_FORWARD_NO_ANSWER },
	{ 93, STAR_CLEAR, FEATURE_FORWARD_NO_ANSWER },
};

static void answer_star(struct translating *t, struct str code, struct str rest)
{
	for (uint32_t i = 0; i < ARRAY_LEN(star_codes); i++) {
		if (star_codes[i].code != value_of(code)) continue;
		t->out->class = DIAL_STAR;
		t->out->star_code = star_codes[i].code;
		t->out->star = star_codes[i].action;
		t->out->feature = star_codes[i].feature;
		t->out->rest_n = (uint8_t)rest.n;
		memcpy(t->out->rest, rest.p, rest.n);
		return;
	}
	answer_intercept(t, INTERCEPT_NOT_OFFERED);
}

// ---- The answer -----------------------------------------------------------------------------------------------------

// May this caller make this call? If not, the intercept is answered. Emergency calls are not asked; repair (611) is
// open to a suspended line (NANP §8), and after a star code it is the number that follows that is screened.
static bool passes_screening(struct translating *t, enum plan_meaning meaning, struct str code)
{
	if (!t->caller || meaning == PLAN_EMERGENCY || meaning == PLAN_STAR) return true;
	if (t->caller->suspended && !(meaning == PLAN_SHORT && str_eq(code, STR("611")))) {
		answer_intercept(t, INTERCEPT_SUSPENDED);
		return false;
	}
	if (!state_is_open(t->rules, t->caller->rate_centre)) {
		answer_intercept(t, INTERCEPT_LINE_CLOSED);
		return false;
	}
	return true;
}

static void answer(struct translating *t, const struct plan_match *m)
{
	struct str code = str_head(t->digits, m->form_n), number = str_from_at(code, m->prefix_n);
	if (!passes_screening(t, m->meaning, code)) return;
	switch (m->meaning) {
	case PLAN_NOTHING:
		answer_intercept(t, m->may_go_on ? INTERCEPT_INCOMPLETE : INTERCEPT_INVALID);
		break;
	case PLAN_EMERGENCY:
	case PLAN_SHORT:
		t->out->class = m->meaning == PLAN_EMERGENCY ? DIAL_EMERGENCY : DIAL_SHORT;
		set_number(&t->out->called, NUMBER_SHORT, number);
		break;
	case PLAN_SEVEN: resolve_seven(t, number); break;
	case PLAN_TEN:
	case PLAN_ELEVEN: resolve_ten(t, number); break;
	case PLAN_ABROAD:
		set_number(&t->out->called, NUMBER_INTERNATIONAL, number);
		resolve(t, DIAL_INTERNATIONAL);
		break;
	case PLAN_STAR: answer_star(t, number, str_from_at(t->digits, m->form_n)); break;
	case PLAN_ONE_IN_ERROR: answer_intercept(t, INTERCEPT_ONE_IN_ERROR); break;
	case PLAN_NOT_OFFERED: answer_intercept(t, INTERCEPT_NOT_OFFERED); break;
	}
}

// ---- The reason -----------------------------------------------------------------------------------------------------

static uint32_t rate_centre_of(const struct translating *t, uint32_t line_id)
{
	const struct office_line *line = office_line(t->office, line_id);
	return line ? line->rate_centre : 0;
}

// The row of an intercept and its operand.
static enum trail_kind reason_of_intercept(const struct translating *t, uint32_t *operand)
{
	*operand = 0;
	switch ((enum intercept)t->out->intercept) {
	case INTERCEPT_VACANT: return TRAIL_NUMBER_VACANT;
	case INTERCEPT_DISCONNECTED: return TRAIL_NUMBER_DISCONNECTED;
	case INTERCEPT_CHANGED: return TRAIL_NUMBER_CHANGED;
	case INTERCEPT_CLOSED: *operand = rate_centre_of(t, t->out->line); return TRAIL_STATE_CLOSED;
	case INTERCEPT_NEED_AREA_CODE: *operand = value_of(home_npa(t->caller)); return TRAIL_SEVEN_NOT_SERVED;
	case INTERCEPT_ONE_IN_ERROR: return TRAIL_ONE_IN_ERROR;
	case INTERCEPT_INCOMPLETE: *operand = t->digits.n; return TRAIL_NUMBER_INCOMPLETE;
	case INTERCEPT_NOT_OFFERED: return TRAIL_NOT_OFFERED;
	case INTERCEPT_LINE_CLOSED: *operand = t->caller->rate_centre; return TRAIL_STATE_CLOSED;
	case INTERCEPT_SUSPENDED: *operand = t->caller->id; return TRAIL_LINE_SUSPENDED;
	case INTERCEPT_NOT_OURS: return TRAIL_NUMBER_NOT_OURS;
	case INTERCEPT_INVALID:
	case INTERCEPT_NONE:
	case INTERCEPT_COUNT: break;
	}
	*operand = trail_cause(t->out->cause);
	return TRAIL_NUMBER_INVALID;
}

// What was dialled, and what decided.
static void explain(const struct translating *t, struct trail *trail, uint64_t now_ms)
{
	const struct translation *out = t->out;
	uint32_t version = t->rules->version, a = 0, b = 0;
	enum trail_kind kind = TRAIL_NUMBER_FOREIGN;
	if (!trail) return;
	trail_add(trail, now_ms, 0, version, TRAIL_DIALLED, out->class, t->digits.n);
	switch ((enum dial_class)out->class) {
	case DIAL_EMERGENCY: kind = TRAIL_EMERGENCY; break;
	case DIAL_LINE: kind = TRAIL_NUMBER_OF_LINE; a = out->line; break;
	case DIAL_STAR: kind = TRAIL_STAR_CODE; a = out->star_code; b = out->feature; break;
	case DIAL_INTERCEPT: kind = reason_of_intercept(t, &a); break;
	case DIAL_FOREIGN:
	case DIAL_INTERNATIONAL: break;
	case DIAL_NONE:
	case DIAL_SHORT: // the class says it all
	case DIAL_CLASS_COUNT: return;
	}
	trail_add(trail, now_ms, 0, version, kind, a, b);
}

// Is it one already, though more digits could make another? An error is not: who pauses within a longer number would
// get intercept after the critical time.
static bool is_a_number(enum plan_meaning meaning, bool seven_digits)
{
	return meaning != PLAN_NOTHING && meaning != PLAN_ONE_IN_ERROR && (meaning != PLAN_SEVEN || seven_digits);
}

void number_translate(struct translation *out, const struct dialling *q, struct trail *trail, const struct env *env)
{
	struct translating t = { .out = out, .office = q->office, .rules = q->rules, .caller = q->caller,
		.complete = q->complete };
	struct plan_match m = { .meaning = PLAN_NOTHING };
	bool seven_digits = seven_digits_serve(q->rules, q->caller);
	*out = (struct translation){ .progress = DIALLING_DONE };
	if (clean(&t, q->digits)) m = plan_match(t.digits, seven_digits);
	if (m.may_go_on && !t.complete)
		out->progress = is_a_number(m.meaning, seven_digits) ? DIALLING_MAYBE : DIALLING_MORE;
	if (out->progress != DIALLING_MORE) answer(&t, &m);
	if (out->progress == DIALLING_DONE) explain(&t, trail, env->now_ms);
}

void number_of_trunk_call(struct translation *out, const struct trunk_dialling *q, struct trail *trail,
                          const struct env *env)
{
	struct str user = q->user;
	struct translating t = { .out = out, .office = q->office, .rules = q->rules };
	struct plan_match m = { .meaning = PLAN_NOTHING };
	*out = (struct translation){ .progress = DIALLING_DONE };
	if (clean(&t, str_cut(&user, ';'))) m = plan_match(t.digits, false);
	if (m.meaning == PLAN_TEN || m.meaning == PLAN_ELEVEN) resolve_ten(&t, str_from_at(t.digits, m.prefix_n));
	else answer_intercept(&t, q->overlap ? INTERCEPT_NOT_OURS : INTERCEPT_INVALID);
	if (out->class == DIAL_FOREIGN) answer_intercept(&t, INTERCEPT_NOT_OURS);
	explain(&t, trail, env->now_ms);
}

bool number_is_begun(struct str user)
{
	static const struct str longest[] = { STR_INIT("+12002002000"), STR_INIT("12002002000"), STR_INIT("2002002000") };
	struct translation unused;
	struct translating t = { .out = &unused };
	if (!clean(&t, str_cut(&user, ';')) || t.complete) return false;
	// Filled up with digits that fit it is one that the plan knows with 10 digits behind the 1.
	for (uint32_t i = 0; i < ARRAY_LEN(longest); i++) {
		char filled[NUMBER_DIGITS_MAX + 1];
		if (t.digits.n >= longest[i].n) continue;
		memcpy(filled, longest[i].p, longest[i].n);
		memcpy(filled, t.digits.p, t.digits.n);
		struct plan_match m = plan_match((struct str){ filled, longest[i].n }, false);
		if (m.meaning == PLAN_TEN || m.meaning == PLAN_ELEVEN) return true;
	}
	return false;
}

bool number_may_be_target(const struct translation *t)
{
	return t->class == DIAL_LINE || t->class == DIAL_FOREIGN;
}
