// Plans: drawn, read and written.
#include "sim/plan.h"

#include "sim/weather.h"

#define FAULTS_UNSAID UINT32_MAX

struct sim_plan plan_unsaid(void)
{
	return (struct sim_plan){ .faults = FAULTS_UNSAID };
}

static enum err read_faults(uint32_t *out, struct str names)
{
	uint32_t faults = 0;
	while (names.n && !str_eq(names, STR("none"))) {
		struct str name = str_cut(&names, ',');
		bool without = str_starts(name, STR("-"));
		uint32_t i = 0;
		if (without) name = str_from_at(name, 1);
		while (i < FAULT_COUNT && !str_eq(name, str_from(fault_names[i]))) i++;
		if (str_eq(name, STR("all"))) faults |= FAULTS_ALL;
		else if (i == FAULT_COUNT) return ERR_BAD;
		else if (without) faults &= ~(1u << i);
		else faults |= 1u << i;
	}
	*out = faults;
	return OK;
}

struct option {
	const char *word;
	uint32_t offset, max; // of a number in struct sim_plan
};
#define NUMBER(word, field, max) { word, offsetof(struct sim_plan, field), max }
static const struct option numbers[] = {
	NUMBER("--calls", calls, 10000000), NUMBER("--lines", lines, 9999), NUMBER("--workers", workers, 64),
	NUMBER("--rate", calls_per_s, 10000), NUMBER("--loss", loss, 10000),
};

int plan_read(struct sim_plan *said, char *const *words, int count)
{
	struct str word = str_from(words[0]), value = str_from(count > 1 ? words[1] : "");
	if (str_eq(word, STR("--calm"))) {
		said->faults = 0;
		return 1;
	}
	if (str_eq(word, STR("--print"))) {
		said->print = true;
		return 1;
	}
	if (str_eq(word, STR("--faults"))) return value.n && read_faults(&said->faults, value) == OK ? 2 : -1;
	if (str_eq(word, STR("--character"))) {
		said->character = value.p;
		return value.n ? 2 : -1;
	}
	if (str_eq(word, STR("--events"))) return str_to_u64(&said->events_max, value, UINT64_MAX) == OK ? 2 : -1;
	for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint32_t *field = (uint32_t *)(void *)((char *)said + numbers[i].offset);
		if (str_eq(word, str_from(numbers[i].word))) return str_to_u32(field, value, numbers[i].max) == OK ? 2 : -1;
	}
	return 0;
}

// Calm, one fault alone, a mixture, or all.
static uint32_t draw_faults(struct random *r)
{
	// One draw a statement: in what order the operands of one are evaluated is the compiler's affair.
	uint32_t kind = random_below(r, 8), one = 1u << random_below(r, FAULT_POOLS), some = random_u32(r);
	some &= random_u32(r);
	switch (kind) {
	case 0: return 0;
	case 1: return FIRST_FAULTS;
	case 2: case 3: case 4: return one;
	default: return one | (some & FIRST_FAULTS);
	}
}

// What came later than most seeds is rarer and each drawn by itself, so that they keep their runs: in one plan of
// sixteen it is alone, to one of eight of the others that are not calm it is added.
static uint32_t draw_later_faults(uint32_t faults, uint64_t seed)
{
	struct random r;
	if (!faults) return 0;
	for (uint32_t i = FAULT_POOLS; i < FAULT_COUNT; i++) {
		random_seed(&r, ~seed ^ (uint64_t)(i - FAULT_POOLS) << 32);
		uint32_t alone = random_below(&r, 16);
		if (alone == 0) faults = 1u << i;
		else if (alone <= 2) faults |= 1u << i;
	}
	return faults;
}

struct sim_plan plan_of(const struct sim_plan *said, uint64_t seed)
{
	struct random r;
	random_seed(&r, seed);
	struct sim_plan drawn = { .seed = seed }; // all is drawn whatever was said, so that one word changes one thing
	drawn.calls = 20 + random_below(&r, random_below(&r, 4) ? 200 : 1500);
	drawn.lines = 4 + random_below(&r, random_below(&r, 2) ? 20 : 200);
	drawn.workers = 1 + random_below(&r, 4);
	drawn.calls_per_s = 1 + random_below(&r, random_below(&r, 2) ? 8 : 100);
	drawn.faults = draw_later_faults(draw_faults(&r), seed);
	struct sim_plan p = *said;
	p.seed = seed;
	if (!p.calls) p.calls = drawn.calls;
	if (!p.lines) p.lines = drawn.lines;
	if (!p.workers) p.workers = drawn.workers;
	if (!p.calls_per_s) p.calls_per_s = drawn.calls_per_s;
	if (p.faults == FAULTS_UNSAID) p.faults = drawn.faults;
	return p;
}

void put_plan(struct buf *b, const struct sim_plan *said, uint64_t seed)
{
	put_fmt(b, "sim --seed %llu", (unsigned long long)seed);
	for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++) {
		const uint32_t *field = (const uint32_t *)(const void *)((const char *)said + numbers[i].offset);
		if (*field) put_fmt(b, " %s %u", numbers[i].word, *field);
	}
	if (said->faults != FAULTS_UNSAID) {
		put_z(b, said->faults ? " --faults " : " --calm");
		bool first = true;
		for (uint32_t i = 0; i < FAULT_COUNT; i++) {
			if (!(said->faults >> i & 1)) continue;
			put_fmt(b, "%s%s", first ? "" : ",", fault_names[i]);
			first = false;
		}
	}
	if (said->character) put_fmt(b, " --character %s", said->character);
	if (said->events_max) put_fmt(b, " --events %llu", (unsigned long long)said->events_max);
}
