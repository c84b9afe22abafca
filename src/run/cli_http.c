// The running switch's API, asked through libcurl over its Unix socket.
#include "run/cli.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

#define ANSWER_MAX (64u * 1024 * 1024) // octets; a page of 1,000 objects has about one million
#define WAIT_S 30L

struct answer {
	char *text; // owned
	size_t n;
	FILE *through; // where a good answer goes while it comes; NULL: it is kept
	CURL *curl;
};

static size_t on_data(char *data, size_t size, size_t count, void *self)
{
	struct answer *a = self;
	size_t n = size * count;
	long status = 0;
	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
	if (a->through && status == 200) return fwrite(data, 1, n, a->through);
	if (n > ANSWER_MAX - a->n) return 0;
	char *grown = realloc(a->text, a->n + n + 1);
	if (!grown) return 0;
	memcpy(grown + a->n, data, n);
	a->text = grown;
	a->n += n;
	return n;
}

// Why there was no answer at all.
static int say_no_answer(struct cli *c, CURL *curl, CURLcode result)
{
	long system = 0;
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &system);
	const char *at = c->config.api_socket;
	if (result != CURLE_COULDNT_CONNECT) cli_say(c, "the switch at %s: %s", at, curl_easy_strerror(result));
	else if (system == EACCES) cli_say(c, "you may not open %s: ask whoever runs the switch for its group", at);
	else
		cli_say(c, "the switch is not running: nobody answers at %s\nStart it with: dialtone -c %s serve", at,
		        cli_config_path(c));
	return result == CURLE_COULDNT_CONNECT && system != EACCES ? CLI_NO_SWITCH : CLI_FAILED;
}

// What the switch said against it: { "error": { "field": ..., "why": ... } }
static int say_refused(struct cli *c, long status, const struct answer *a)
{
	json_t *json = a->text ? json_loadb(a->text, a->n, 0, NULL) : NULL;
	const json_t *error = json_object_get(json, "error");
	const char *field = cli_text(error, "field"), *why = cli_text(error, "why");
	if (c->options.json && json) cli_print_json(c, json);
	if (!error) cli_say(c, "the switch answered %ld, and not why", status);
	else cli_say(c, "%s%s%s", field, field[0] ? ": " : "", why);
	json_decref(json);
	return CLI_FAILED;
}

static CURL *request_new(struct cli *c, const char *method, const char *path, const char *body, struct answer *a,
                         struct curl_slist **headers)
{
	char url[4096];
	struct buf b = buf_on(url, sizeof url - 1);
	put_fmt(&b, "http://switch/v1%s", path);
	url[b.n] = '\0';
	CURL *curl = b.err == OK ? curl_easy_init() : NULL;
	if (!curl) return NULL;
	a->curl = curl;
	*headers = curl_slist_append(NULL, "Expect:"); // no waiting for a 100
	if (body) *headers = curl_slist_append(*headers, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->config.api_socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (body) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	if (!a->through) curl_easy_setopt(curl, CURLOPT_TIMEOUT, WAIT_S);
	return curl;
}

static int ask(struct cli *c, const char *method, const char *path, const char *body, struct answer *a)
{
	struct curl_slist *headers = NULL;
	long status = 0;
	if (!cli_config(c)) return CLI_FAILED;
	CURL *curl = request_new(c, method, path, body, a, &headers);
	if (!curl) {
		cli_say(c, "the request is too long");
		return CLI_FAILED;
	}
	CURLcode result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	int exit_with = CLI_OK;
	if (result != CURLE_OK) exit_with = say_no_answer(c, curl, result);
	else if (status / 100 != 2) exit_with = say_refused(c, status, a);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return exit_with;
}

int cli_ask(struct cli *c, const char *method, const char *path, json_t *body, json_t **out)
{
	struct answer a = { 0 };
	json_error_t error;
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	*out = NULL;
	int exit_with = ask(c, method, path, text, &a);
	if (exit_with == CLI_OK && !(*out = json_loadb(a.text, a.n, 0, &error))) {
		cli_say(c, "the switch's answer is no JSON: %s", error.text);
		exit_with = CLI_FAILED;
	}
	free(text);
	free(a.text);
	return exit_with;
}

int cli_ask_text(struct cli *c, const char *path)
{
	struct answer a = { .through = c->out };
	int exit_with = ask(c, "GET", path, NULL, &a);
	free(a.text);
	return exit_with;
}

void put_url(struct buf *b, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i], lower = ascii_lower(c);
		bool plain = ascii_is_digit(c) || (lower >= 'a' && lower <= 'z') || str_find_char(STR("-._~/"), c) >= 0;
		if (plain) put_c(b, c);
		else put_fmt(b, "%%%02X", (unsigned char)c);
	}
}

bool cli_query(struct cli *c, struct buf *path, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		struct str name, value;
		if (!cli_pair(c, argv[i], &name, &value)) return false;
		put_c(path, str_find_char(buf_str(path), '?') < 0 ? '?' : '&');
		put_url(path, name);
		put_c(path, '=');
		put_url(path, value);
	}
	if (path->err != OK) cli_say(c, "the arguments are too long");
	return path->err == OK;
}
