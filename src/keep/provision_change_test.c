// Each kind of object added, set, shown and removed; each refusal names its field; what calls see follows the store.
#include "provision_change.c"

#include "keep/provision_fixture.h"

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
	                    "\"number\":\"+16035550101\",\"display\":\"Front desk\",\"digest\":\"md5\","
	                    "\"srtp\":\"offered\",\"calls-max\":2,"
	                    "\"no-answer-s\":24,\"contacts-max\":4,\"suspended\":false,\"pbx\":false}\n");

	done("remove line 6035550101");
	assert_null(office_line_by_name(test.office, STR("6035550101")));
	assert_int_equal(office_number(test.office, STR("16035550101"))->kind, OFFICE_NUMBER_VACANT);
	add_line("again", "+16035550101"); // takes the vacant number
	assert_int_equal(office_number(test.office, STR("16035550101"))->kind, OFFICE_NUMBER_LINE);
}

// With a realm nothing is stored of which the password could be made; without one it says that it is stored.
static void what_is_stored_of_a_trunks_password_is_said(void **state)
{
	(void)state;
	uint8_t ha1[32];
	done("add trunk far peers=192.0.2.1:5060/0 user=me password=so~secret");
	const struct office_trunk_group *g = &office_rules(test.office)->trunk_groups[0];
	assert_string_equal(g->secret, "so secret");
	assert_non_null(strstr(show(PROVISION_TRUNK, "far"), "\"stored\":\"the password itself, since no realm is given\""));
	done("set trunk far realm=carrier.example");
	g = &office_rules(test.office)->trunk_groups[0];
	sip_digest_ha1(ha1, SIP_DIGEST_MD5, STR("me"), STR("carrier.example"), STR("so secret"));
	assert_memory_equal(g->ha1_md5, ha1, sizeof g->ha1_md5);
	sip_digest_ha1(ha1, SIP_DIGEST_SHA256, STR("me"), STR("carrier.example"), STR("so secret"));
	assert_memory_equal(g->ha1_sha256, ha1, sizeof g->ha1_sha256);
	assert_string_equal(g->secret, "");
	assert_non_null(strstr(show(PROVISION_TRUNK, "far"), "\"stored\":\"hashes for the realm\""));
	assert_null(strstr(show(PROVISION_TRUNK, "far"), "secret"));
	refused("set trunk far user=you", ERR_BAD, "password", "must be given again");
	done("set trunk far user=you password=other");
	assert_non_null(strstr(show(PROVISION_CHANGE, "3"), "\"password\":\"changed\""));
	done("set trunk far password=");
	assert_string_equal(office_rules(test.office)->trunk_groups[0].user, "");
	assert_non_null(strstr(show(PROVISION_TRUNK, "far"), "\"stored\":\"nothing\""));
	done("set trunk far user=");
	refused("set trunk far password=alone", ERR_BAD, "user", "needs its user");
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
	refused("set trunk far peers=far..example:5060", ERR_BAD, "peers", "ADDRESS:PORT");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		OFFICE_TEST(rules_reach_the_office),
		OFFICE_TEST(a_line_comes_with_its_number),
		OFFICE_TEST(what_is_stored_of_a_trunks_password_is_said),
		OFFICE_TEST(a_password_is_made_and_told_once),
		OFFICE_TEST(suspending_a_customer_suspends_its_lines),
		OFFICE_TEST(numbers_have_their_kinds),
		OFFICE_TEST(features_reach_the_line),
		OFFICE_TEST(features_are_set_from_the_phone),
		OFFICE_TEST(trunks_and_routes),
		OFFICE_TEST(refusals_name_the_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
