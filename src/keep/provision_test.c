// Changing the office: each kind of object added, set, shown and removed; each refusal names its field; what calls see
// follows the store.
#include "provision.c"

#include "wire/sip/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka wants the three above first
#include <cmocka.h>

static struct {
	struct store *store;
	struct office *office;
	struct provision *p;
	struct provision_answer answer;
	char rows[16384]; // of the last show or list: their JSON, a line each
} test;

static bool same_octets(uint8_t *out, uint32_t n)
{
	memset(out, 7, n); // "hhhh..."
	return true;
}

static int make_office(void **state)
{
	(void)state;
	struct store_fault fault;
	assert_int_equal(store_create(&test.store, ":memory:", STR("Test"), STR("test.example"), &fault), OK);
	assert_int_equal(office_new(&test.office), OK);
	assert_int_equal(store_load(test.store, test.office, &fault), OK);
	assert_int_equal(provision_new(&test.p, test.store, test.office, same_octets), OK);
	return 0;
}

static int free_office(void **state)
{
	(void)state;
	test.p = provision_free(test.p);
	test.store = store_close(test.store);
	test.office = office_free(test.office);
	rcu_drain();
	return 0;
}

// ---- Commands: "add line alice customer=Granite~Works rate-centre=NH/Salem" -----------------------------------------

// Words are parted by spaces; ~ stands for a space within one.
static void act(const char *command)
{
	static char text[2048];
	struct provision_pair pairs[PROVISION_FIELDS_MAX];
	assert_true(str_to_z(text, sizeof text, str_from(command)));
	struct str rest = str_from(text), action = str_cut(&rest, ' '), kind = str_cut(&rest, ' ');
	struct provision_request q = { .key = str_cut(&rest, ' '), .pairs = pairs, .who = STR("test"), .wall_ms = 1000 };
	assert_true(provision_kind_of(&q.kind, kind));
	while (rest.n) {
		struct str pair = str_cut(&rest, ' '), name = str_cut(&pair, '=');
		pairs[q.pair_count++] = (struct provision_pair){ name, pair };
	}
	for (char *c = text; *c; c++)
		if (*c == '~') *c = ' ';
	if (str_eq(action, STR("add"))) provision_add(&test.answer, test.p, &q);
	else if (str_eq(action, STR("set"))) provision_set(&test.answer, test.p, &q);
	else provision_remove(&test.answer, test.p, &q);
}

static void done(const char *command)
{
	act(command);
	if (test.answer.err != OK) fail_msg("%s: %s (%s)", command, test.answer.why, test.answer.field);
	assert_string_equal(test.answer.why, "");
}

// Refused, blaming a field, with a sentence that holds some words; and nothing is changed.
static void refused(const char *command, enum err err, const char *field, const char *words)
{
	const struct office_rules *rules = office_rules(test.office);
	uint32_t version = test.p->version, lines = office_line_count(test.office);
	act(command);
	if (test.answer.err != err || strcmp(test.answer.field, field) != 0 || !strstr(test.answer.why, words))
		fail_msg("%s: error %d, field \"%s\", \"%s\"", command, test.answer.err, test.answer.field, test.answer.why);
	assert_int_equal(test.answer.version, 0);
	assert_int_equal(test.p->version, version);
	assert_ptr_equal(office_rules(test.office), rules);
	assert_int_equal(office_line_count(test.office), lines);
}

static enum err keep_row(void *self, const struct provision_row *row)
{
	struct buf *b = self;
	put_provision_json(b, row);
	put_c(b, '\n');
	return b->err;
}

static const char *show(enum provision_kind kind, const char *key)
{
	struct buf b = buf_on(test.rows, sizeof test.rows - 1);
	provision_show(&test.answer, test.p, kind, str_from(key), keep_row, &b);
	test.rows[b.n] = '\0';
	return test.rows;
}

static const char *list(const struct provision_query *q)
{
	struct buf b = buf_on(test.rows, sizeof test.rows - 1);
	provision_list(&test.answer, test.p, q, keep_row, &b);
	test.rows[b.n] = '\0';
	return test.rows;
}

static void add_basics(void)
{
	done("add state NH name=New~Hampshire open=yes");
	done("add state ME name=Maine");
	done("add rate-centre NH/Salem lata=122");
	done("add rate-centre ME/Bath lata=120");
	done("add npa 603 state=NH");
	done("add npa 207 state=ME seven-digits=yes");
	done("add exchange 603555 rate-centre=NH/Salem");
	done("add customer Granite~Works");
}

static void add_line(const char *name, const char *number)
{
	char command[256];
	snprintf(command, sizeof command, "add line %s customer=Granite~Works rate-centre=NH/Salem number=%s "
	                                  "password=secret~word", name, number);
	done(command);
}

// ---- The kinds ------------------------------------------------------------------------------------------------------

static void rules_reach_the_office(void **state)
{
	(void)state;
	add_basics();
	const struct office_rules *r = office_rules(test.office);
	assert_true(office_state(r, STR("NH"))->open);
	assert_string_equal(office_state(r, STR("NH"))->name, "New Hampshire");
	assert_true(office_npa(r, 207)->seven_digits);
	assert_string_equal(office_rate_centre(r, office_exchange(r, 603555)->rate_centre)->name, "Salem");
	assert_int_equal(r->customer_count, 1);
	assert_int_equal(r->version, test.answer.version);
	done("set state ME open=yes");
	assert_true(office_state(office_rules(test.office), STR("ME"))->open);
	done("remove exchange 603555");
	assert_null(office_exchange(office_rules(test.office), 603555));
	done("set setting critical_digit_ms value=3000");
	assert_int_equal(office_rules(test.office)->settings.critical_digit_ms, 3000);
	done("set setting name value=Carrier~of~the~North");
	assert_string_equal(office_rules(test.office)->name, "Carrier of the North");
}

static void a_line_comes_with_its_number(void **state)
{
	(void)state;
	add_basics();
	add_line("6035550101", "+1-603-555-0101");
	const struct office_line *line = office_line_by_name(test.office, STR("6035550101"));
	assert_non_null(line);
	assert_string_equal(line->number, "16035550101");
	assert_int_equal(line->calls_max, 4);
	assert_int_equal(line->no_answer_s, 24);
	uint8_t ha1[32];
	sip_digest_ha1(ha1, SIP_DIGEST_MD5, STR("6035550101"), STR("test.example"), STR("secret word"));
	assert_memory_equal(line->ha1_md5, ha1, 16);
	sip_digest_ha1(ha1, SIP_DIGEST_SHA256, STR("6035550101"), STR("test.example"), STR("secret word"));
	assert_memory_equal(line->ha1_sha256, ha1, 32);
	assert_int_equal(office_number(test.office, STR("16035550101"))->line, line->id);

	done("set line 6035550101 display=Front~desk calls-max=2 digest=md5");
	line = office_line_by_name(test.office, STR("6035550101"));
	assert_string_equal(line->display, "Front desk");
	assert_int_equal(line->digest, OFFICE_DIGEST_MD5);
	assert_string_equal(show(PROVISION_LINE, "6035550101"),
	                    "{\"name\":\"6035550101\",\"customer\":\"Granite Works\",\"rate-centre\":\"NH/Salem\","
	                    "\"number\":\"+16035550101\",\"display\":\"Front desk\",\"digest\":\"md5\",\"calls-max\":2,"
	                    "\"no-answer-s\":24,\"contacts-max\":4,\"suspended\":false}\n");

	done("remove line 6035550101");
	assert_null(office_line_by_name(test.office, STR("6035550101")));
	assert_int_equal(office_number(test.office, STR("16035550101"))->kind, OFFICE_NUMBER_VACANT);
	add_line("again", "+16035550101"); // takes the vacant number
	assert_int_equal(office_number(test.office, STR("16035550101"))->kind, OFFICE_NUMBER_LINE);
}

static void a_password_is_made_and_told_once(void **state)
{
	(void)state;
	add_basics();
	done("add line alice customer=Granite~Works rate-centre=NH/Salem");
	assert_string_equal(test.answer.password, "hhhhhhhhhhhhhhhh");
	uint8_t ha1[32];
	sip_digest_ha1(ha1, SIP_DIGEST_MD5, STR("alice"), STR("test.example"), STR("hhhhhhhhhhhhhhhh"));
	assert_memory_equal(office_line_by_name(test.office, STR("alice"))->ha1_md5, ha1, 16);
	done("set line alice password=another~one");
	assert_string_equal(test.answer.password, "");
	sip_digest_ha1(ha1, SIP_DIGEST_MD5, STR("alice"), STR("test.example"), STR("another one"));
	assert_memory_equal(office_line_by_name(test.office, STR("alice"))->ha1_md5, ha1, 16);
	const char *history = list(&(struct provision_query){ .kind = PROVISION_CHANGE });
	assert_null(strstr(history, "another one"));
	assert_null(strstr(history, "hhhh"));
	assert_non_null(strstr(history, "\"password\":\"changed\""));
	assert_null(strstr(show(PROVISION_LINE, "alice"), "password"));
}

static void suspending_a_customer_suspends_its_lines(void **state)
{
	(void)state;
	add_basics();
	add_line("alice", "+16035550101");
	assert_false(office_line_by_name(test.office, STR("alice"))->suspended);
	done("set customer Granite~Works suspended=yes");
	assert_true(office_line_by_name(test.office, STR("alice"))->suspended);
	assert_true(office_rules(test.office)->customers[0].suspended);
	done("set customer Granite~Works suspended=no");
	assert_false(office_line_by_name(test.office, STR("alice"))->suspended);
	done("set line alice suspended=true");
	assert_true(office_line_by_name(test.office, STR("alice"))->suspended);
}

static void numbers_have_their_kinds(void **state)
{
	(void)state;
	add_basics();
	add_line("alice", "+16035550101");
	done("add number +16035550102 line=alice"); // a second one
	assert_int_equal(office_number(test.office, STR("16035550102"))->kind, OFFICE_NUMBER_LINE);
	done("add number 16035550190");
	assert_int_equal(office_number(test.office, STR("16035550190"))->kind, OFFICE_NUMBER_VACANT);
	done("set number +16035550102 new-number=+16035550101");
	const struct office_number *n = office_number(test.office, STR("16035550102"));
	assert_int_equal(n->kind, OFFICE_NUMBER_CHANGED);
	assert_string_equal(n->new_number, "16035550101");
	assert_int_equal(n->line, 0);
	done("set number +16035550102 kind=disconnected");
	n = office_number(test.office, STR("16035550102"));
	assert_int_equal(n->kind, OFFICE_NUMBER_DISCONNECTED);
	assert_string_equal(n->new_number, "");
	refused("set number +16035550101 line=", ERR_BAD, "kind", "kind=vacant");
	refused("set number +16035550101 kind=vacant line=alice", ERR_BAD, "line", "only a number of kind line");
	refused("set number +16035550190 kind=line", ERR_BAD, "line", "needs line=");
	refused("add number +16035550195 kind=vacant new-number=+16035550101", ERR_BAD, "new-number", "kind changed");
	refused("add number +16035550195 new-number=+16035550195", ERR_BAD, "new-number", "itself");
	refused("add number +16035550190", ERR_EXISTS, "number", "already");
	refused("add number 6035550190", ERR_BAD, "number", "in full");
	refused("add number +1603555019", ERR_BAD, "number", "North American");
	refused("add number +442079460000x", ERR_BAD, "number", "E.164");
	done("add number +442079460000");
	done("remove number +442079460000");
	assert_null(office_number(test.office, STR("442079460000")));
}

static void features_reach_the_line(void **state)
{
	(void)state;
	add_basics();
	add_line("alice", "+16035550101");
	done("add feature alice/forward-all");
	const struct office_feature_state *f = office_line_by_name(test.office, STR("alice"))->features;
	assert_true(f[FEATURE_FORWARD_ALL].subscribed && !f[FEATURE_FORWARD_ALL].active);
	refused("set feature alice/forward-all active=yes", ERR_BAD, "target", "without a target");
	refused("set feature alice/forward-all target=+16035550101", ERR_BAD, "target", "itself");
	done("set feature alice/forward-all active=yes target=+12075550101");
	f = office_line_by_name(test.office, STR("alice"))->features;
	assert_true(f[FEATURE_FORWARD_ALL].active);
	assert_string_equal(f[FEATURE_FORWARD_ALL].target, "12075550101");
	done("set feature alice/forward-all subscribed=no");
	f = office_line_by_name(test.office, STR("alice"))->features;
	assert_false(f[FEATURE_FORWARD_ALL].active);
	refused("set feature alice/forward-all active=yes", ERR_BAD, "active", "subscribe");
	refused("add feature alice/music", ERR_BAD, "feature", "one of forward-all|");
	refused("add feature alice", ERR_BAD, "line", "line/feature");
	refused("add feature bob/forward-all", ERR_NOT_FOUND, "line", "no line bob");
	refused("add feature alice/caller-id-block target=+12075550101", ERR_BAD, "target", "has no target");
	done("remove feature alice/forward-all");
	assert_false(office_line_by_name(test.office, STR("alice"))->features[FEATURE_FORWARD_ALL].subscribed);
}

static void features_are_set_from_the_phone(void **state)
{
	(void)state;
	add_basics();
	add_line("alice", "+16035550101");
	struct provision_feature_change q = { .line = office_line_by_name(test.office, STR("alice"))->id,
		.feature = FEATURE_FORWARD_BUSY, .active = true, .target = STR("12075550101"), .who = STR("phone:alice"),
		.wall_ms = 5 };
	provision_set_feature(&test.answer, test.p, &q);
	assert_int_equal(test.answer.err, ERR_REFUSED);
	done("add feature alice/forward-busy");
	provision_set_feature(&test.answer, test.p, &q);
	assert_int_equal(test.answer.err, OK);
	const struct office_feature_state *f = &office_line(test.office, q.line)->features[FEATURE_FORWARD_BUSY];
	assert_true(f->active);
	assert_string_equal(f->target, "12075550101");
	q.active = false;
	q.target = STR("");
	provision_set_feature(&test.answer, test.p, &q);
	f = &office_line(test.office, q.line)->features[FEATURE_FORWARD_BUSY];
	assert_false(f->active);
	assert_string_equal(f->target, "12075550101"); // kept for the next time
	struct provision_pair who = { STR("who"), STR("phone:alice") };
	list(&(struct provision_query){ .kind = PROVISION_CHANGE, .filters = &who, .filter_count = 1 });
	assert_non_null(strstr(test.rows, "\"key\":\"alice/forward-busy\""));
	q.line = 999;
	provision_set_feature(&test.answer, test.p, &q);
	assert_int_equal(test.answer.err, ERR_REFUSED);
}

static void trunks_and_routes(void **state)
{
	(void)state;
	done("add trunk far peers=192.0.2.1:5060/1,[2001:db8::1]:5060 nets=198.51.100.0/24 trusted=yes format=national");
	const struct office_rules *r = office_rules(test.office);
	assert_int_equal(r->trunk_groups[0].peer_count, 2);
	assert_int_equal(r->trunk_groups[0].peers[0].priority, 1);
	assert_int_equal(r->trunk_groups[0].net_count, 1);
	assert_int_equal(r->trunk_groups[0].format, OFFICE_FORMAT_NATIONAL);
	assert_true(r->trunk_groups[0].trusted && r->trunk_groups[0].in_service);
	assert_non_null(strstr(show(PROVISION_TRUNK, "far"),
	                       "\"peers\":[\"192.0.2.1:5060/1\",\"[2001:db8::1]:5060/0\"],\"nets\":[\"198.51.100.0/24\"]"));
	done("add trunk spare peers=192.0.2.9:5060/0");
	done("add route default choices=far,spare");
	done("add route 1207 choices=spare");
	r = office_rules(test.office);
	assert_int_equal(r->route_count, 2);
	assert_string_equal(r->routes[0].prefix, "");
	assert_int_equal(r->routes[0].choice_count, 2);
	assert_string_equal(show(PROVISION_ROUTE, "default"), "{\"prefix\":\"default\",\"choices\":[\"far\",\"spare\"]}\n");
	done("set route default choices=spare");
	assert_int_equal(office_rules(test.office)->routes[0].choice_count, 1);
	done("set trunk far peers=");
	assert_int_equal(office_rules(test.office)->trunk_groups[0].peer_count, 0);
	refused("remove trunk spare", ERR_REFUSED, "", "route default, route 1207");
	refused("set trunk far peers=192.0.2.9:5060", ERR_BAD, "peers", "is a peer of the trunk group spare");
	refused("set trunk far peers=192.0.2.9", ERR_BAD, "peers", "needs a port");
	refused("set trunk far peers=far.example:5060", ERR_BAD, "peers", "ADDRESS:PORT");
	refused("set trunk far peers=0.0.0.0:5060", ERR_BAD, "peers", "no address of a switch");
	refused("set trunk far peers=192.0.2.1:5060,192.0.2.1:5060", ERR_BAD, "peers", "twice");
	refused("set trunk far nets=198.51.100.0/33", ERR_BAD, "nets", "ADDRESS/BITS");
	refused("set route 1207 choices=", ERR_BAD, "choices", "must not be empty");
	refused("set route 1207 choices=nowhere", ERR_NOT_FOUND, "choices", "no trunk nowhere");
	refused("add route 12O7 choices=far", ERR_BAD, "prefix", "digits");
	done("remove route 1207");
	done("remove route default");
	done("remove trunk spare");
	assert_int_equal(office_rules(test.office)->trunk_group_count, 1);
}

static void refusals_name_the_field(void **state)
{
	(void)state;
	add_basics();
	add_line("alice", "+16035550101");
	refused("add line alice customer=Granite~Works rate-centre=NH/Salem", ERR_EXISTS, "name", "already");
	refused("add line bob rate-centre=NH/Salem", ERR_BAD, "customer", "needs customer=");
	refused("add line bob customer=Nobody rate-centre=NH/Salem", ERR_NOT_FOUND, "customer", "no customer Nobody");
	refused("add line bob customer=Granite~Works rate-centre=NH/Nowhere", ERR_NOT_FOUND, "rate-centre", "NH/Nowhere");
	refused("add line bob customer=Granite~Works rate-centre=Salem", ERR_BAD, "rate-centre", "state/name");
	refused("add line b@b customer=Granite~Works rate-centre=NH/Salem", ERR_BAD, "name", "letters, digits");
	refused("set line alice calls-max=0", ERR_BAD, "calls-max", "from 1 to 1000");
	refused("set line alice calls-max=many", ERR_BAD, "calls-max", "from 1 to 1000");
	refused("set line alice password=short", ERR_BAD, "password", "8 to 64");
	refused("set line alice digest=sha1", ERR_BAD, "digest", "both|md5|sha256");
	refused("set line alice suspended=maybe", ERR_BAD, "suspended", "yes or no");
	refused("set line alice colour=red", ERR_BAD, "", "no field \"colour\"");
	refused("set line alice name=bob", ERR_BAD, "name", "is the key");
	refused("set line alice display=a display=b", ERR_BAD, "display", "twice");
	refused("set line alice display=\x01", ERR_BAD, "display", "control");
	refused("set line alice display=\xff", ERR_BAD, "display", "UTF-8");
	refused("set line carol display=x", ERR_NOT_FOUND, "", "no line carol");
	refused("set line alice customer=", ERR_BAD, "customer", "must not be empty");
	refused("add customer ", ERR_BAD, "name", "must not be empty");
	refused("add state nh name=x", ERR_BAD, "code", "capital");
	refused("add state NHX name=x", ERR_BAD, "code", "2 characters");
	refused("add npa 611 state=NH", ERR_BAD, "npa", "cannot be an area code");
	refused("add exchange 603511 rate-centre=NH/Salem", ERR_BAD, "npa-nxx", "cannot be an exchange");
	refused("add exchange 603556 rate-centre=ME/Bath", ERR_BAD, "rate-centre", "another state");
	refused("set npa 603 state=ME", ERR_BAD, "state", "another state");
	refused("set setting realm value=x", ERR_REFUSED, "value", "cannot be changed");
	refused("set setting critical_digit_ms value=1", ERR_BAD, "value", "from 1000 to 10000");
	refused("set setting colour value=1", ERR_NOT_FOUND, "", "no setting colour");
	refused("add setting colour value=1", ERR_REFUSED, "", "neither added nor removed");
	refused("set change 1 who=me", ERR_REFUSED, "", "cannot be set");
	refused("remove state NH", ERR_REFUSED, "", "rate-centre NH/Salem, npa 603");
	refused("remove customer Granite~Works", ERR_REFUSED, "", "line alice");
	done("add customer Other");
	refused("add line dave customer=Other rate-centre=NH/Salem number=+16035550101", ERR_BAD, "number",
	        "another customer");
	add_line("alice2", "+16035550101"); // shows its company's number
	done("add number +16035550193 kind=disconnected");
	refused("set line alice number=+16035550193", ERR_BAD, "number", "disconnected");
}

// ---- Lists, history, many at once -----------------------------------------------------------------------------------

static void lists_are_filtered_and_paged(void **state)
{
	(void)state;
	add_basics();
	for (uint32_t i = 0; i < 10; i++) {
		char name[16], number[16];
		snprintf(name, sizeof name, "line%u", i);
		snprintf(number, sizeof number, "+1603555010%u", i);
		add_line(name, number);
	}
	done("set line line3 suspended=yes");
	struct provision_pair filters[] = { { STR("suspended"), STR("yes") }, { STR("customer"), STR("Granite Works") } };
	list(&(struct provision_query){ .kind = PROVISION_LINE, .filters = filters, .filter_count = 2 });
	assert_non_null(strstr(test.rows, "\"line3\""));
	assert_ptr_equal(strchr(test.rows, '\n') + 1, test.rows + strlen(test.rows)); // one row
	list(&(struct provision_query){ .kind = PROVISION_LINE, .after = STR("line3"), .limit = 2 });
	assert_null(strstr(test.rows, "\"line3\""));
	assert_non_null(strstr(test.rows, "\"line4\""));
	assert_non_null(strstr(test.rows, "\"line5\""));
	assert_null(strstr(test.rows, "\"line6\""));
	list(&(struct provision_query){ .kind = PROVISION_RATE_CENTRE, .after = STR("NH/Salem") });
	assert_string_equal(test.rows, "{\"state\":\"ME\",\"name\":\"Bath\",\"lata\":120}\n");
	struct provision_pair number = { STR("number"), STR("+1-603-555-0107") };
	list(&(struct provision_query){ .kind = PROVISION_LINE, .filters = &number, .filter_count = 1 });
	assert_non_null(strstr(test.rows, "\"line7\""));
	struct provision_pair wrong = { STR("display"), STR("x") };
	list(&(struct provision_query){ .kind = PROVISION_LINE, .filters = &wrong, .filter_count = 1 });
	assert_int_equal(test.answer.err, ERR_BAD);
	struct provision_pair nobody = { STR("customer"), STR("Nobody") };
	list(&(struct provision_query){ .kind = PROVISION_LINE, .filters = &nobody, .filter_count = 1 });
	assert_int_equal(test.answer.err, ERR_NOT_FOUND);
	list(&(struct provision_query){ .kind = PROVISION_SETTING });
	assert_non_null(strstr(test.rows, "{\"name\":\"realm\",\"value\":\"test.example\""));
	assert_non_null(strstr(test.rows, "{\"name\":\"first_digit_ms\",\"value\":\"16000\",\"meaning\":\"Dial tone"));
}

static enum err stop_at_once(void *self, const struct provision_row *row)
{
	(void)row;
	(*(uint32_t *)self)++;
	return ERR_FULL;
}

static void a_visitor_may_stop(void **state)
{
	(void)state;
	uint32_t visits = 0;
	provision_list(&test.answer, test.p, &(struct provision_query){ .kind = PROVISION_SETTING }, stop_at_once, &visits);
	assert_int_equal(visits, 1);
	assert_int_equal(test.answer.err, ERR_FULL);
}

static void history_keeps_who_changed_what(void **state)
{
	(void)state;
	done("add customer A");
	uint32_t first = test.answer.version;
	done("set customer A suspended=yes");
	assert_int_equal(test.answer.version, first + 1);
	done("set customer A suspended=yes");
	assert_int_equal(test.answer.version, 0); // nothing to do
	done("remove customer A");
	list(&(struct provision_query){ .kind = PROVISION_CHANGE });
	assert_string_equal(test.rows,
		"{\"version\":1,\"at\":\"1970-01-01T00:00:01.000Z\",\"who\":\"test\",\"action\":\"add\",\"kind\":\"customer\","
		"\"key\":\"A\",\"before\":null,\"after\":{\"name\":\"A\",\"suspended\":false}}\n"
		"{\"version\":2,\"at\":\"1970-01-01T00:00:01.000Z\",\"who\":\"test\",\"action\":\"set\",\"kind\":\"customer\","
		"\"key\":\"A\",\"before\":{\"name\":\"A\",\"suspended\":false},\"after\":{\"name\":\"A\",\"suspended\":true}}\n"
		"{\"version\":3,\"at\":\"1970-01-01T00:00:01.000Z\",\"who\":\"test\",\"action\":\"remove\","
		"\"kind\":\"customer\",\"key\":\"A\",\"before\":{\"name\":\"A\",\"suspended\":true},\"after\":null}\n");
}

static void many_changes_become_visible_at_once(void **state)
{
	(void)state;
	assert_int_equal(provision_begin(test.p), OK);
	assert_int_equal(provision_begin(test.p), ERR_STATE);
	add_basics();
	add_line("alice", "+16035550101");
	act("add line alice customer=Granite~Works rate-centre=NH/Salem"); // refused alone
	assert_int_equal(test.answer.err, ERR_EXISTS);
	assert_int_equal(office_line_count(test.office), 0);
	assert_int_equal(office_rules(test.office)->state_count, 0);
	provision_commit(&test.answer, test.p);
	assert_int_equal(test.answer.err, OK);
	assert_int_equal(office_line_count(test.office), 1);
	assert_int_equal(office_rules(test.office)->state_count, 2);
	assert_non_null(office_number(test.office, STR("16035550101")));

	assert_int_equal(provision_begin(test.p), OK);
	done("remove line alice");
	provision_abort(test.p);
	assert_int_equal(office_line_count(test.office), 1);
	assert_non_null(strstr(show(PROVISION_LINE, "alice"), "alice"));
	provision_commit(&test.answer, test.p);
	assert_int_equal(test.answer.err, ERR_STATE);
}

// After any mix of changes the office in memory is what a fresh load makes of the store.
static void the_office_follows_the_store(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 535);
	add_basics();
	static const char *const actions[] = { "add", "set", "set", "remove" };
	for (uint32_t step = 0; step < 400; step++) {
		char command[256];
		const char *action = actions[random_below(&random, 4)];
		uint32_t i = random_below(&random, 6), j = random_below(&random, 6);
		switch (random_below(&random, 4)) {
		case 0:
			snprintf(command, sizeof command, "%s line line%u%s%s%u", action, i,
			         *action == 'a' ? " customer=Granite~Works rate-centre=NH/Salem" : "",
			         *action == 'r' ? "" : " number=+1603555010", j);
			if (*action == 'r') snprintf(command, sizeof command, "remove line line%u", i);
			break;
		case 1: snprintf(command, sizeof command, "%s number +1603555010%u", action, i); break;
		case 2:
			snprintf(command, sizeof command, "%s feature line%u/forward-all%s", action, i,
			         *action == 's' ? " active=yes target=+12075550101" : "");
			break;
		default: snprintf(command, sizeof command, "set customer Granite~Works suspended=%s", j & 1 ? "yes" : "no");
		}
		act(command); // refused or done
	}
	struct office *fresh;
	struct store_fault fault;
	assert_int_equal(office_new(&fresh), OK);
	assert_int_equal(store_load(test.store, fresh, &fault), OK);
	assert_int_equal(office_line_count(fresh), office_line_count(test.office));
	for (uint32_t id = 1; id < 500; id++) {
		const struct office_line *a = office_line(fresh, id), *b = office_line(test.office, id);
		assert_int_equal(a == NULL, b == NULL);
		if (a) assert_memory_equal(a, b, sizeof *a);
	}
	for (uint32_t i = 0; i < 6; i++) {
		char digits[16];
		snprintf(digits, sizeof digits, "1603555010%u", i);
		const struct office_number *a = office_number(fresh, str_from(digits));
		const struct office_number *b = office_number(test.office, str_from(digits));
		assert_int_equal(a == NULL, b == NULL);
		if (a) assert_memory_equal(a, b, sizeof *a);
	}
	office_free(fresh);
}

static void every_field_can_be_shown_and_explained(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < PROVISION_KIND_COUNT; kind++) {
		uint32_t count;
		const struct provision_field *fields = provision_fields(kind, &count);
		assert_true(fields[0].flags & PROVISION_KEY);
		for (uint32_t i = 0; i < count; i++) {
			assert_ptr_equal(provision_field(kind, str_from(fields[i].name)), &fields[i]);
			assert_true(strlen(fields[i].help) > 2);
			// A field that may be left out has a preset that its own type takes.
			struct provision_value value;
			if ((fields[i].flags & ~(PROVISION_FILTER)) != PROVISION_SETTABLE) continue;
			assert_true(provision_parse(test.p, &test.answer, &fields[i], str_from(fields[i].preset), &value));
		}
		list(&(struct provision_query){ .kind = kind });
		assert_int_equal(test.answer.err, OK);
	}
}

int main(void)
{
#define OFFICE_TEST(name) cmocka_unit_test_setup_teardown(name, make_office, free_office)
	const struct CMUnitTest tests[] = {
		OFFICE_TEST(rules_reach_the_office),
		OFFICE_TEST(a_line_comes_with_its_number),
		OFFICE_TEST(a_password_is_made_and_told_once),
		OFFICE_TEST(suspending_a_customer_suspends_its_lines),
		OFFICE_TEST(numbers_have_their_kinds),
		OFFICE_TEST(features_reach_the_line),
		OFFICE_TEST(features_are_set_from_the_phone),
		OFFICE_TEST(trunks_and_routes),
		OFFICE_TEST(refusals_name_the_field),
		OFFICE_TEST(lists_are_filtered_and_paged),
		OFFICE_TEST(a_visitor_may_stop),
		OFFICE_TEST(history_keeps_who_changed_what),
		OFFICE_TEST(many_changes_become_visible_at_once),
		OFFICE_TEST(the_office_follows_the_store),
		OFFICE_TEST(every_field_can_be_shown_and_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
