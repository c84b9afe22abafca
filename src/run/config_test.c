#include "config.c"

#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#define GOOD                                                                                                           \
	"name = \"nashua-1\"\ncalls_max = 500\n"                                                                           \
	"listener \"access\" {\n\taddress = \"192.0.2.1:5060\"\n\tpublic = \"203.0.113.5\"\n}\n"                           \
	"media \"access\" {\n\taddress = \"192.0.2.1\"\n\tport_first = 20000\n\tport_last = 20099\n}\n"

static char path[64];
static char words[512];

static int make_path(void **state)
{
	(void)state;
	str_to_z(path, sizeof path, STR("/tmp/dialtone-config-XXXXXX"));
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int drop_path(void **state)
{
	(void)state;
	return unlink(path);
}

static enum err load(struct config *c, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	struct buf why = buf_on(words, sizeof words - 1);
	enum err e = config_load(c, path, &why);
	words[why.n] = '\0';
	return e;
}

static void test_good(void **state)
{
	(void)state;
	struct config c;
	assert_int_equal(load(&c, GOOD), OK);
	assert_string_equal(words, "");
	assert_string_equal(c.name, "nashua-1");
	assert_int_equal(c.calls_max, 500);
	assert_int_equal(c.workers, 0);
	assert_int_equal(c.log_level, LOG_INFO);
	assert_string_equal(c.data, "/tmp");
	assert_string_equal(c.api_socket, "/tmp/api.sock");
	assert_int_equal(c.listener_count, 1);
	assert_string_equal(c.listeners[0].title, "access");
	assert_int_equal(c.listeners[0].address.port, 5060);
	assert_int_equal(c.listeners[0].public.family, 4);
	assert_int_equal(c.listeners[0].public.port, 0);
	assert_int_equal(c.media_count, 1);
	assert_int_equal(c.media[0].public.family, 0);
	assert_int_equal(c.media[0].port_last, 20099);
}

static void test_paths(void **state)
{
	(void)state;
	struct config c;
	assert_int_equal(load(&c, "data = \"office\"\napi_socket = \"run/api\"\n" GOOD), OK);
	assert_string_equal(c.data, "/tmp/office");
	assert_string_equal(c.api_socket, "/tmp/office/run/api");
	assert_int_equal(load(&c, "data = \"/var/lib/d\"\napi_socket = \"/run/d/api\"\n" GOOD), OK);
	assert_string_equal(c.data, "/var/lib/d");
	assert_string_equal(c.api_socket, "/run/d/api");
	assert_true(str_eq(folder_of("dialtone.conf"), STR(".")));
	assert_true(str_eq(folder_of("/dialtone.conf"), STR("/")));
}

// Every error names the file, the line and what would be right; and leaves what was loaded before untouched.
static void test_errors_have_lines(void **state)
{
	static const struct { const char *text, *line, *says; } rows[] = {
		{ "\ncalls_max = 0\n" GOOD, ":2: ", "calls_max must be 1 to 1000000, not \"0\"" },
		{ "calls_max = many\n" GOOD, ":1: ", "not \"many\"" },
		{ "calls_max = 99999999999\n" GOOD, ":1: ", "not \"99999999999\"" },
		{ "\n\nlog_level = loud\n" GOOD, ":3: ", "log_level must be error or warn or info or debug, not \"loud\"" },
		{ "name = \"\"\n" GOOD, ":1: ", "name must be a text of 1 to 47 characters" },
		{ "calls_mx = 5\n" GOOD, ":1: ", "did you mean 'calls_max'?" },
		{ "listner \"x\" { }\n" GOOD, ":1: ", "did you mean 'listener'?" },
		{ "listener \"b\" {\n\taddress = \"198.51.100.1\"\n}\n" GOOD, ":2: ", "an address with its port" },
		{ "listener \"b\" {\n\tadres = \"198.51.100.1:5060\"\n}\n" GOOD, ":2: ", "did you mean 'address'?" },
		{ "listener \"b\" {\n}\n" GOOD, ":2: ", "listener \"b\" has no address" },
		{ "listener \"b\" {\n\taddress = \"192.0.2.9:5060\"\n\ttransport = \"sctp\"\n}\n" GOOD, ":3: ",
		  "transport must be udp or tcp or tls" },
		{ "listener \"b\" {\n\taddress = \"192.0.2.9:5061\"\n\ttransport = \"tls\"\n\tkey = \"k\"\n}\n" GOOD, ":5: ",
		  "listener \"b\" needs a certificate and a key for tls" },
		{ "listener \"b\" {\n\taddress = \"192.0.2.9:5061\"\n\ttransport = \"tcp\"\n\tkey = \"k\"\n}\n" GOOD, ":5: ",
		  "listener \"b\" has settings of tls" },
		{ "listener \"b\" {\n\taddress = \"192.0.2.1:5060\"\n}\n" GOOD, ":9: ", "has the address of listener \"b\"" },
		{ "listener \"b c\" {\n\taddress = \"192.0.2.2:5060\"\n}\n" GOOD, ":3: ", "a title is 1 to 47 letters" },
		{ GOOD "listener \"access\" {\n\taddress = \"192.0.2.1:5070\"\n}\n", ":12: ", "access" },
		{ GOOD "media \"b\" {\n\taddress = \"192.0.2.1\"\n\tport_first = 20098\n}\n", ":15: ",
		  "has ports of media \"access\"" },
		{ GOOD "media \"b\" {\n\taddress = \"192.0.2.2\"\n\tport_first = 20001\n}\n", ":15: ", "odd port_first" },
		{ GOOD "media \"b\" {\n\taddress = \"192.0.2.2\"\n\tport_last = 20100\n}\n", ":15: ", "even port_last" },
		{ GOOD "media \"b\" {\n\taddress = \"192.0.2.2\"\n\tport_last = 19999\n}\n", ":15: ", "before its port_first" },
		{ GOOD "media \"b\" {\n\taddress = \"192.0.2.2:9\"\n}\n", ":14: ", "port in its address" },
		{ "media \"m\" { address = \"192.0.2.1\" }\n", ": ", "no listener: nothing could be called" },
		{ "listener \"m\" { address = \"192.0.2.1:5060\" }\n", ": ", "no media" },
		{ "name = \"never closed\n", ":", "" },
		{ "name { }\n", ":1: ", "" },
	};
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config c = { .calls_max = 4242 };
		char start[128];
		snprintf(start, sizeof start, "%s%s", path, rows[i].line);
		assert_int_equal(load(&c, rows[i].text), ERR_BAD);
		if (strncmp(words, start, strlen(start)) != 0 || !strstr(words, rows[i].says))
			fail_msg("row %u: %s", i, words);
		assert_int_equal(c.calls_max, 4242);
	}
}

static void test_unreadable(void **state)
{
	(void)state;
	struct config c;
	struct buf why = buf_on(words, sizeof words - 1);
	assert_int_equal(config_load(&c, "/nowhere/dialtone.conf", &why), ERR_SYSTEM);
	words[why.n] = '\0';
	assert_string_equal(words, "/nowhere/dialtone.conf: No such file or directory");
}

static void test_limits(void **state)
{
	(void)state;
	struct config c;
	char text[8192];
	struct buf b = buf_on(text, sizeof text - 1);
	put_z(&b, GOOD);
	for (uint32_t i = 1; i <= CONFIG_LISTENERS_MAX; i++)
		put_fmt(&b, "listener \"l%u\" { address = \"192.0.2.1:%u\" }\n", i, 6000 + i);
	text[b.n] = '\0';
	assert_int_equal(load(&c, text), ERR_BAD);
	assert_non_null(strstr(words, "more than 8 listeners"));
}

// A file that we wrote reads as what was written, quotes and all.
static void test_round_trip(void **state)
{
	(void)state;
	struct config c, again;
	char text[16384];
	config_default(&c);
	str_to_z(c.name, sizeof c.name, STR("a \"quoted\" \\ ${HOME} name"));
	c.listener_count = 1;
	c.listeners[0] = (struct config_listener){ .title = "one" };
	assert_int_equal(addr_parse(&c.listeners[0].address, STR("[2001:db8::1]:5060")), OK);
	c.media_count = 1;
	c.media[0] = (struct config_media){ .title = "two", .port_first = 3000, .port_last = 3999 };
	assert_int_equal(addr_parse(&c.media[0].address, STR("2001:db8::1")), OK);
	struct buf b = buf_on(text, sizeof text - 1);
	put_config(&b, &c);
	assert_int_equal(b.err, OK);
	text[b.n] = '\0';
	assert_int_equal(load(&again, text), OK);
	assert_string_equal(again.name, c.name);
	assert_memory_equal(&again.listeners[0].address, &c.listeners[0].address, sizeof(struct addr));
	assert_memory_equal(&again.media[0].address, &c.media[0].address, sizeof(struct addr));
	assert_int_equal(again.media[0].port_last, 3999);
	assert_int_equal(again.registrations_max, c.registrations_max);
}

static char told[512];
static struct buf telling;

static void tell(const char *section, const char *title, const char *setting, bool at_restart)
{
	put_fmt(&telling, "%s/%s/%s%s ", section ? section : "", title ? title : "", setting ? setting : "",
	        at_restart ? "!" : "");
}

static void test_reload(void **state)
{
	(void)state;
	struct config running, read;
	assert_int_equal(load(&running, GOOD), OK);
	read = running;
	telling = buf_on(told, sizeof told);
	config_compare(&running, &read, tell);
	assert_int_equal(telling.n, 0);
	read.log_level = LOG_DEBUG;
	read.calls_max = 7;
	read.listeners[0].address.port = 5070;
	str_to_z(read.media[0].title, CONFIG_TEXT_MAX, STR("new"));
	config_compare(&running, &read, tell);
	struct str expected = STR("//log_level //calls_max! listener/access/address! media/new/! media/access/! ");
	assert_true(str_eq(buf_str(&telling), expected));
	config_take_reloadable(&running, &read);
	assert_int_equal(running.log_level, LOG_DEBUG);
	assert_int_equal(running.calls_max, 500);
}

// docs/configuration.md is what the rows say now.
static void test_manual_is_current(void **state)
{
	(void)state;
	static char text[32768], file[32768];
	struct buf b = buf_on(text, sizeof text);
	put_config_manual(&b);
	assert_int_equal(b.err, OK);
	FILE *f = fopen(SOURCE_ROOT "/docs/configuration.md", "r");
	assert_non_null(f);
	size_t n = fread(file, 1, sizeof file, f);
	fclose(f);
	if (!str_eq(buf_str(&b), (struct str){ file, (uint32_t)n }))
		fail_msg("out of date; mend it with: build/dialtone manual configuration >docs/configuration.md");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_paths), cmocka_unit_test(test_errors_have_lines),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_limits), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_reload), cmocka_unit_test(test_manual_is_current),
	};
	return cmocka_run_group_tests(tests, make_path, drop_path);
}
