// Lists, history, many changes at once, and the office in memory after all of them.
#include "provision.c"

#include "base/random.h"
#include "keep/provision_fixture.h"

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
	uint32_t version = office_rules(test.office)->version;
	done("set customer Granite~Works suspended=yes");
	done("remove line alice");
	provision_abort(test.p);
	assert_int_equal(office_line_count(test.office), 1);
	assert_int_equal(office_rules(test.office)->version, version);
	assert_non_null(strstr(show(PROVISION_LINE, "alice"), "alice"));
	done("set customer Granite~Works suspended=yes"); // takes the version that the aborted change had
	assert_true(test.answer.version > version);
	provision_commit(&test.answer, test.p);
	assert_int_equal(test.answer.err, ERR_STATE);
}

// A full disk refuses the change with its reason; once there is room again all goes on.
static void a_full_disk_changes_nothing(void **state)
{
	(void)state;
	add_basics();
	struct store_query pages = store_ask_once(test.p->db, "PRAGMA page_count");
	char sql[64];
	snprintf(sql, sizeof sql, "PRAGMA max_page_count = %u", (uint32_t)store_count(&pages));
	assert_int_equal(store_run(test.p->db, sql), OK);
	enum err err = OK;
	uint32_t held = 0;
	for (uint32_t i = 0; err == OK && i < 1000; i++) {
		char command[64];
		snprintf(command, sizeof command, "add customer Customer~%u", i);
		act(command);
		err = test.answer.err;
		held += err == OK;
	}
	assert_int_equal(err, ERR_SYSTEM);
	assert_non_null(strstr(test.answer.why, "the disk is full"));
	assert_int_equal(office_rules(test.office)->customer_count, held + 1);
	assert_int_equal(store_run(test.p->db, "PRAGMA max_page_count = 100000"), OK);
	done("add customer Another");
	assert_int_equal(office_rules(test.office)->customer_count, held + 2);
}

// What could not be published is, with whatever is changed next; a change that is refused meanwhile takes nothing away.
static void what_was_not_published_comes_with_the_next_change(void **state)
{
	(void)state;
	struct office_line in_the_way = { .id = 1000, .name = "alice" };
	add_basics();
	assert_int_equal(office_put_line(test.office, &in_the_way), OK);
	act("add line alice customer=Granite~Works rate-centre=NH/Salem number=+16035550101");
	assert_int_equal(test.answer.err, ERR_EXISTS);
	assert_true(test.answer.version > 0); // it is stored
	assert_non_null(strstr(test.answer.why, "with the next change"));
	assert_non_null(office_number(test.office, STR("16035550101"))); // the rest is there
	office_drop_line(test.office, 1000);
	refused("add line alice customer=Granite~Works rate-centre=NH/Salem", ERR_EXISTS, "name", "already");
	assert_int_equal(provision_begin(test.p), OK);
	done("add customer Another");
	provision_abort(test.p);
	assert_null(office_line_by_name(test.office, STR("alice")));
	done("add customer Another");
	assert_non_null(office_line_by_name(test.office, STR("alice")));
}

// What the store rolled back by itself does not go on in halves.
static void many_changes_that_are_lost_stay_so(void **state)
{
	(void)state;
	assert_int_equal(provision_begin(test.p), OK);
	done("add customer A");
	assert_int_equal(store_run(test.p->db, "ROLLBACK"), OK); // as a full disk may do
	act("add customer B");
	assert_int_equal(test.answer.err, ERR_SYSTEM);
	provision_commit(&test.answer, test.p);
	assert_int_equal(test.answer.err, ERR_SYSTEM);
	assert_non_null(strstr(test.answer.why, "gave up all changes"));
	assert_int_equal(office_rules(test.office)->customer_count, 0);
	done("add customer B");
	assert_int_equal(office_rules(test.office)->customer_count, 1);
}

static void put_random_command(char out[256], struct random *random)
{
	static const char *const actions[] = { "add", "set", "set", "remove" };
	const char *action = actions[random_below(random, 4)];
	uint32_t i = random_below(random, 6), j = random_below(random, 6);
	switch (random_below(random, 6)) {
	case 0:
		snprintf(out, 256, "add line line%u customer=Granite~Works rate-centre=NH/Salem number=+1603555010%u", i, j);
		break;
	case 1: snprintf(out, 256, "set line line%u number=+1603555010%u", i, j); break;
	case 2: snprintf(out, 256, "remove line line%u", i); break;
	case 3: snprintf(out, 256, "%s number +1603555010%u", action, i); break;
	case 4: snprintf(out, 256, "%s feature line%u/forward-all", action, i); break;
	default: snprintf(out, 256, "set customer Granite~Works suspended=%s", j & 1 ? "yes" : "no");
	}
}

static void compare_numbers(const struct office *a, const struct office *b)
{
	for (uint32_t i = 0; i < 6; i++) {
		char digits[16];
		snprintf(digits, sizeof digits, "1603555010%u", i);
		const struct office_number *in_a = office_number(a, str_from(digits));
		const struct office_number *in_b = office_number(b, str_from(digits));
		assert_int_equal(in_a == NULL, in_b == NULL);
		if (in_a) assert_memory_equal(in_a, in_b, sizeof *in_a);
	}
}

// After any mix of changes the office in memory is what a fresh load makes of the store.
static void the_office_follows_the_store(void **state)
{
	(void)state;
	struct random random;
	uint32_t accepted = 0;
	random_seed(&random, 535);
	add_basics();
	for (uint32_t step = 0; step < 400; step++) {
		char command[256];
		put_random_command(command, &random);
		act(command); // refused or done
		accepted += test.answer.err == OK;
	}
	assert_in_range(accepted, 100, 399);
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
	compare_numbers(fresh, test.office);
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
	const struct CMUnitTest tests[] = {
		OFFICE_TEST(lists_are_filtered_and_paged),
		OFFICE_TEST(a_visitor_may_stop),
		OFFICE_TEST(history_keeps_who_changed_what),
		OFFICE_TEST(many_changes_become_visible_at_once),
		OFFICE_TEST(a_full_disk_changes_nothing),
		OFFICE_TEST(what_was_not_published_comes_with_the_next_change),
		OFFICE_TEST(many_changes_that_are_lost_stay_so),
		OFFICE_TEST(the_office_follows_the_store),
		OFFICE_TEST(every_field_can_be_shown_and_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
