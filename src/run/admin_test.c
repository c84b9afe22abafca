#include "admin.c"

#include "run/control_fake.h"

#include <fcntl.h>
#include <poll.h>

#include <setjmp.h>
#include <cmocka.h>

#include "base/testing.h"

static char folder[TEST_FOLDER_MAX], path[96];
static struct config config;
static struct office *office;
static struct control_fake fake;
static struct api api;
static struct admin *admin;
static char why_text[512];

static struct buf fresh_why(void)
{
	memset(why_text, 0, sizeof why_text);
	return buf_on(why_text, sizeof why_text - 1);
}

static int start(void **state)
{
	struct buf why = fresh_why();
	(void)state;
	test_folder_make(folder);
	if (office_new(&office) != OK) return -1;
	if (office_put_rules(office, office_rules_dup(NULL)) != OK) return -1;
	config_default(&config);
	api = (struct api){ .config = &config, .office = office, .control = { &fake_ops, &fake } };
	snprintf(path, sizeof path, "%s/api.sock", folder);
	return admin_start(&admin, path, &api, &why) == OK ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	admin = admin_stop(admin);
	office = office_free(office);
	rcu_drain();
	return rmdir(folder); // the socket is gone, nothing else is there
}

static int client(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	str_to_z(at.sun_path, sizeof at.sun_path, str_from(path));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

// Sends a request, running the server meanwhile; the answer as text, until the server ends the connection. Static.
static const char *ask(const char *head, const char *body, uint32_t body_n)
{
	static char answer[65536];
	uint32_t sent = 0, got = 0, head_n;
	char *request = must(malloc(512 + body_n));
	head_n = (uint32_t)snprintf(request, 512, "%s HTTP/1.1\r\nHost: switch\r\nConnection: close\r\n"
	                            "Content-Length: %u\r\n\r\n", head, body_n);
	for (uint32_t i = 0; i < body_n; i++) request[head_n + i] = body[i];
	int fd = client();
	for (uint32_t turns = 0;;) {
		ssize_t n = send(fd, request + sent, head_n + body_n - sent, MSG_NOSIGNAL);
		if (n > 0) sent += (uint32_t)n;
		admin_run(admin);
		n = recv(fd, answer + got, sizeof answer - 1 - got, 0);
		if (n > 0) got += (uint32_t)n;
		if (n == 0) break;
		if (n < 0 && !await_turn(&turns)) fail_msg("no answer to %s", head);
	}
	close(fd);
	free(request);
	answer[got] = '\0';
	return answer;
}

static bool answers(const char *head, const char *body, const char *status, const char *part)
{
	const char *answer = ask(head, body, (uint32_t)strlen(body));
	bool good = strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0 && strstr(answer, part);
	if (!good) print_error("%s: %s\n", head, answer);
	return good;
}

static void test_requests(void **state)
{
	(void)state;
	assert_true(answers("GET /v1/status", "", "200", "application/json"));
	assert_true(answers("GET /v1/calls/7001/", "", "404", "no such path"));
	assert_true(answers("GET /metrics", "", "200", "text/plain; version=0.0.4"));
	assert_true(answers("PUT /v1/log", "{\"level\": \"loud\"}", "400", "\"field\": \"level\""));
	assert_true(answers("GET /v1/calls?limit=0", "", "400", "\"field\": \"limit\""));
	assert_true(answers("GET /v1/calls?limit", "", "200", "\"total\""));
	assert_true(answers("BREW /v1/status", "", "405", "BREW"));
}

static void test_bad_bodies(void **state)
{
	(void)state;
	assert_true(answers("PUT /v1/log", "{\n\"level\" }", "400", "no JSON: line 2"));
	assert_true(answers("PUT /v1/log", "{\"level\": \"info\", \"level\": \"warn\"}", "400", "no JSON"));
	assert_true(answers("PUT /v1/log", "\"info\"", "400", "\"field\": \"level\""));
	assert_true(answers("PUT /v1/log", "{\"level\": \"\xff\"}", "400", "no JSON"));
	char *large = must(malloc(ADMIN_BODY_MAX + 1));
	memset(large, ' ', ADMIN_BODY_MAX + 1);
	assert_non_null(strstr(ask("PUT /v1/log", large, ADMIN_BODY_MAX + 1), "413"));
	memcpy(large, "{\"level\": \"info\"}", 17);
	assert_non_null(strstr(ask("PUT /v1/log", large, ADMIN_BODY_MAX), "200 OK"));
	free(large);
}

static void test_many_parameters(void **state)
{
	char head[512];
	struct buf b = buf_on(head, sizeof head - 1);
	(void)state;
	put_z(&b, "GET /v1/calls?a=1");
	for (int i = 1; i < API_QUERY_MAX; i++) put_fmt(&b, "&p%d=1", i);
	head[b.n] = '\0';
	assert_true(answers(head, "", "200", "calls"));
	put_z(&b, "&more=1");
	head[b.n] = '\0';
	assert_true(answers(head, "", "400", "more than 16 parameters"));
}

// A client that goes away in the middle, or says nothing, disturbs nobody.
static void test_rude_clients(void **state)
{
	(void)state;
	int silent = client(), half = client(), nonsense = client();
	assert_true(send(half, "PUT /v1/log HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", 56, MSG_NOSIGNAL) > 0);
	assert_true(send(nonsense, "\x16\x03\x01\x02\x00\r\n\r\n", 9, MSG_NOSIGNAL) > 0);
	for (int i = 0; i < 10; i++) admin_run(admin);
	close(half);
	assert_true(answers("GET /v1/status", "", "200", "calls"));
	close(silent);
	close(nonsense);
	for (int i = 0; i < 10; i++) admin_run(admin);
}

static void test_socket(void **state)
{
	struct admin *other = NULL;
	struct stat is;
	char taken[128], longer[256];
	struct buf why = fresh_why();
	(void)state;
	assert_int_equal(stat(path, &is), 0);
	assert_int_equal(is.st_mode & 0777, 0660);
	assert_int_equal(admin_start(&other, path, &api, &why), ERR_EXISTS); // it is alive
	assert_non_null(strstr(why_text, "another switch answers"));
	snprintf(taken, sizeof taken, "%s/file", folder);
	close(open(taken, O_CREAT | O_WRONLY, 0600));
	why = fresh_why();
	assert_int_equal(admin_start(&other, taken, &api, &why), ERR_SYSTEM);
	assert_non_null(strstr(why_text, "is no socket"));
	assert_int_equal(access(taken, F_OK), 0); // and it is not removed
	unlink(taken);
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	why = fresh_why();
	assert_int_equal(admin_start(&other, longer, &api, &why), ERR_SYSTEM);
	assert_non_null(strstr(why_text, "longer than"));
	why = fresh_why();
	assert_int_equal(admin_start(&other, "/nowhere/api.sock", &api, &why), ERR_SYSTEM);
	assert_non_null(strstr(why_text, "No such file"));
}

static void test_stale_socket(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct admin *other = NULL;
	struct buf why = fresh_why();
	(void)state;
	snprintf(at.sun_path, sizeof at.sun_path, "%s/stale", folder);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	close(fd); // as of a switch that was killed
	assert_int_equal(admin_start(&other, at.sun_path, &api, &why), OK);
	admin_stop(other);
	assert_int_equal(access(at.sun_path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_bad_bodies), cmocka_unit_test(test_many_parameters),
		cmocka_unit_test(test_rude_clients), cmocka_unit_test(test_socket), cmocka_unit_test(test_stale_socket),
	};
	log_quiet = true;
	return cmocka_run_group_tests(tests, start, stop);
}
