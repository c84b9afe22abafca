// Runs command lines against a switch of which all is real but its calls: office, records, and the API on its socket.
#pragma once

#include "run/admin.h"
#include "run/cli.h"
#include "run/edge_fixture.h"

#include <poll.h>
#include <pthread.h>

#include <setjmp.h>
#include <cmocka.h>

static struct edge edge;
static struct admin *admin;
static char config_path[96];
static pthread_t thread;
static _Atomic bool ends;

static void *control_thread(void *self)
{
	(void)self;
	while (!ends) {
		uint32_t wait_ms = admin_run(admin);
		struct pollfd fd = { .fd = admin_fd(admin), .events = POLLIN };
		poll(&fd, 1, wait_ms < 20 ? (int)wait_ms : 20); // it looks often whether the test is over
	}
	return NULL;
}

static bool write_config(void)
{
	char text[8192], why_text[256];
	struct buf b = buf_on(text, sizeof text), why = buf_on(why_text, sizeof why_text);
	edge.config.listener_count = edge.config.media_count = 1;
	edge.config.listeners[0] = (struct config_listener){ .title = "access" };
	edge.config.media[0] = (struct config_media){ .title = "access", .port_first = 20000, .port_last = 20099 };
	if (addr_parse(&edge.config.listeners[0].address, STR("192.0.2.1:5060")) != OK) return false;
	if (addr_parse(&edge.config.media[0].address, STR("192.0.2.1")) != OK) return false;
	put_config(&b, &edge.config);
	snprintf(config_path, sizeof config_path, "%s/dialtone.conf", edge.folder);
	FILE *f = fopen(config_path, "w");
	if (!f || b.err != OK) return false;
	fwrite(b.p, 1, b.n, f);
	fclose(f);
	return config_load(&edge.config, config_path, &why) == OK;
}

static int start(void **state)
{
	char why_text[256];
	struct buf why = buf_on(why_text, sizeof why_text);
	(void)state;
	if (!edge_open(&edge) || !write_config()) return -1;
	if (admin_start(&admin, edge.config.api_socket, &edge.api, &why) != OK) return -1;
	return pthread_create(&thread, NULL, control_thread, NULL);
}

static char *out_text, *said;

static int stop(void **state)
{
	(void)state;
	ends = true;
	pthread_join(thread, NULL);
	admin_stop(admin);
	edge_close(&edge);
	free(out_text);
	free(said);
	return 0;
}

static int no_serve(struct cli *c)
{
	(void)c;
	return 77;
}

// Runs one command line, its words parted by spaces ("~" stands for a space within a word); what it prints stays in
// out_text and said.
static int run_at(const char *config, const char *line)
{
	char *words[32] = { (char[]){ "dialtone" }, (char[]){ "-c" } }, copy[512], path[96], *save = NULL;
	size_t out_n, err_n;
	int count = 2;
	snprintf(copy, sizeof copy, "%s", line);
	snprintf(path, sizeof path, "%s", config);
	words[count++] = path;
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		for (char *c = word; *c; c++)
			if (*c == '~') *c = ' ';
		words[count++] = word;
	}
	free(out_text);
	free(said);
	FILE *out = must(open_memstream(&out_text, &out_n)), *err = must(open_memstream(&said, &err_n));
	int exit_with = cli_main(count, words, out, err, no_serve);
	fclose(out);
	fclose(err);
	return exit_with;
}

static int run(const char *line)
{
	return run_at(config_path, line);
}

static bool out_has(const char *part)
{
	return strstr(out_text, part) != NULL;
}

static bool err_has(const char *part)
{
	return strstr(said, part) != NULL;
}

static json_t *out_json(void)
{
	json_error_t error;
	json_t *json = json_loads(out_text, JSON_DECODE_ANY, &error);
	if (!json) fail_msg("no JSON: %s: %s", error.text, out_text);
	return json;
}
