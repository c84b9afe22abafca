// The sample office: rows of text, added as a person would.
#include "keep/sample.h"

#include <stdio.h>

static const struct sample_row {
	enum provision_kind kind;
	const char *key, *fields; // "field=value|field=value"
} places[] = {
	{ PROVISION_STATE, "NH", "name=New Hampshire|open=yes" },
	{ PROVISION_STATE, "ME", "name=Maine|open=yes" },
	{ PROVISION_STATE, "VT", "name=Vermont|open=no" },
	{ PROVISION_NPA, "603", "state=NH|seven-digits=no" }, // ended for 988 on 2021-10-24
	{ PROVISION_NPA, "207", "state=ME|seven-digits=yes" },
	{ PROVISION_NPA, "802", "state=VT|seven-digits=no" },
};

static const struct exchange {
	const char *state, *town;
	uint32_t npa_nxx;
} exchanges[] = {
#define X(state, town, npa_nxx) { #state, town, npa_nxx },
#include "keep/sample_exchanges.tab"
	X(NH, "Concord", 603555) X(ME, "Portland", 207555) X(VT, "Burlington", 802555) // the fictitious ones
#undef X
};

static const struct sample_row rows[] = {
	{ PROVISION_CUSTOMER, "Granite Bakery", "" },
	{ PROVISION_CUSTOMER, "Amoskeag Legal", "" },
	{ PROVISION_CUSTOMER, "Elm City Books", "suspended=yes" },
	{ PROVISION_CUSTOMER, "Casco Boats", "" },
	{ PROVISION_CUSTOMER, "Kennebec Tea", "" },
	{ PROVISION_CUSTOMER, "Green Mountain Cider", "" },

	{ PROVISION_LINE, "6035550101", "customer=Granite Bakery|rate-centre=NH/Concord|display=Granite Bakery" },
	{ PROVISION_LINE, "6035550102", "customer=Granite Bakery|rate-centre=NH/Concord|display=Granite Oven" },
	{ PROVISION_LINE, "6035550103", "customer=Amoskeag Legal|rate-centre=NH/Manchester|display=Amoskeag Legal" },
	{ PROVISION_LINE, "6035550104", "customer=Amoskeag Legal|rate-centre=NH/Nashua|display=Amoskeag Nashua" },
	{ PROVISION_LINE, "6035550105", "customer=Elm City Books|rate-centre=NH/Keene|display=Elm City Books" },
	{ PROVISION_LINE, "2075550101", "customer=Casco Boats|rate-centre=ME/Portland|display=Casco Boats" },
	{ PROVISION_LINE, "2075550102", "customer=Casco Boats|rate-centre=ME/Bangor|display=Casco Bangor" },
	{ PROVISION_LINE, "2075550103", "customer=Kennebec Tea|rate-centre=ME/Augusta|display=Kennebec Tea" },
	{ PROVISION_LINE, "8025550101", "customer=Green Mountain Cider|rate-centre=VT/Burlington|display=Green Mtn Cider" },

	{ PROVISION_FEATURE, "6035550101/forward-all", "" },
	{ PROVISION_FEATURE, "6035550101/forward-busy", "" },
	{ PROVISION_FEATURE, "6035550101/forward-no-answer", "" },
	{ PROVISION_FEATURE, "6035550101/caller-id-block", "" },
	{ PROVISION_FEATURE, "6035550102/caller-id-block", "" },
	{ PROVISION_FEATURE, "6035550103/forward-busy", "" },
	{ PROVISION_FEATURE, "6035550103/forward-no-answer", "" },
	{ PROVISION_FEATURE, "2075550101/forward-all", "" },
	{ PROVISION_FEATURE, "2075550101/forward-busy", "" },
	{ PROVISION_FEATURE, "2075550101/forward-no-answer", "" },
	{ PROVISION_FEATURE, "2075550101/caller-id-block", "" },
	{ PROVISION_FEATURE, "2075550102/caller-id-block", "" },

	{ PROVISION_NUMBER, "+16035550190", "kind=vacant" },
	{ PROVISION_NUMBER, "+16035550191", "kind=changed|new-number=+16035550102" },
	{ PROVISION_NUMBER, "+16035550192", "kind=disconnected" },
	{ PROVISION_NUMBER, "+12075550190", "kind=vacant" },
};

struct making {
	struct provision_answer *out;
	struct provision *p;
	const struct sample_options *options;
};

static bool add(struct making *m, enum provision_kind kind, struct str key, const struct provision_pair *pairs,
                uint32_t count)
{
	provision_add(m->out, m->p, &(struct provision_request){ .kind = kind, .key = key, .pairs = pairs,
		.pair_count = count, .who = STR("sample"), .wall_ms = m->options->wall_ms });
	return m->out->err == OK;
}

static bool add_row(struct making *m, const struct sample_row *row)
{
	struct provision_pair pairs[PROVISION_FIELDS_MAX];
	uint32_t count = 0;
	struct str rest = str_from(row->fields), key = str_from(row->key);
	char number[16], password[64];
	while (rest.n) {
		struct str pair = str_cut(&rest, '|'), name = str_cut(&pair, '=');
		pairs[count++] = (struct provision_pair){ name, pair };
	}
	if (row->kind != PROVISION_LINE) return add(m, row->kind, key, pairs, count);

	snprintf(number, sizeof number, "+1%s", row->key); // lines are named by their ten digits
	pairs[count++] = (struct provision_pair){ STR("number"), str_from(number) };
	snprintf(password, sizeof password, "sample-%s", row->key);
	if (!m->options->random_passwords)
		pairs[count++] = (struct provision_pair){ STR("password"), str_from(password) };
	if (!add(m, row->kind, key, pairs, count)) return false;
	const char *told = m->options->random_passwords ? m->out->password : password;
	if (m->options->told) m->options->told(m->options->self, key, str_from(told));
	return true;
}

static const char *lata_of(const char *state)
{
	return strcmp(state, "NH") == 0 ? "122" : strcmp(state, "ME") == 0 ? "120" : "124";
}

// An exchange, and before the first of a town its rate centre. The towns of the table stand together.
static bool add_exchange(struct making *m, const struct exchange *e, bool new_town)
{
	char key[PROVISION_KEY_MAX], digits[8];
	snprintf(key, sizeof key, "%s/%s", e->state, e->town);
	snprintf(digits, sizeof digits, "%u", e->npa_nxx);
	const struct provision_pair lata = { STR("lata"), str_from(lata_of(e->state)) };
	const struct provision_pair rate_centre = { STR("rate-centre"), str_from(key) };
	if (new_town && !add(m, PROVISION_RATE_CENTRE, str_from(key), &lata, 1)) return false;
	return add(m, PROVISION_EXCHANGE, str_from(digits), &rate_centre, 1);
}

static bool add_exchanges(struct making *m)
{
	for (uint32_t i = 0; i < ARRAY_LEN(exchanges); i++) {
		const struct exchange *e = &exchanges[i];
		bool fictitious = e->npa_nxx % 1000 == 555;
		bool same_town = i && strcmp(e->town, e[-1].town) == 0 && strcmp(e->state, e[-1].state) == 0;
		if (!add_exchange(m, e, !same_town && !fictitious)) return false;
	}
	return true;
}

static bool add_trunk(struct making *m)
{
	const struct provision_pair group[] = {
		{ STR("peers"), m->options->far_peers },
		{ STR("emergency"), m->options->emergency ? STR("yes") : STR("no") },
		{ STR("trusted"), STR("yes") },
	};
	const struct provision_pair route = { STR("choices"), STR("far") };
	return add(m, PROVISION_TRUNK, STR("far"), group, ARRAY_LEN(group)) &&
	       add(m, PROVISION_ROUTE, STR("default"), &route, 1);
}

static bool add_all(struct making *m)
{
	for (uint32_t i = 0; i < ARRAY_LEN(places); i++)
		if (!add_row(m, &places[i])) return false;
	if (!add_exchanges(m) || !add_trunk(m)) return false;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!add_row(m, &rows[i])) return false;
	return true;
}

void sample_office(struct provision_answer *out, struct provision *p, const struct sample_options *options)
{
	struct making m = { .out = out, .p = p, .options = options };
	*out = (struct provision_answer){ 0 };
	if (provision_begin(p) != OK) {
		*out = (struct provision_answer){ .err = ERR_STATE, .why = "the store is being changed" };
		return;
	}
	if (add_all(&m)) provision_commit(out, p);
	else provision_abort(p);
}
