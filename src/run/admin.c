// libmicrohttpd carries the bytes; here a request becomes a value for run/api, and its reply a response.
#include "run/admin.h"

#include "base/count.h"
#include "wire/net/clock.h"

#include <errno.h>
#include <microhttpd.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

COUNTER(api_requests, "Requests that the local API answered");
COUNTER(api_requests_refused, "Requests that the local API refused: malformed, too large or not allowed");

#define IDLE_WAIT_MS 1000

struct admin {
	struct MHD_Daemon *daemon; // owned
	struct api *api;           // borrowed
	int socket;                // the daemon's to close
	char path[CONFIG_PATH_MAX];
};

// One request while its body comes in.
struct exchange {
	char *body; // owned
	uint32_t body_n;
	bool too_large;
};

// ---- Who asks ----

// By the kernel's word for who opened the socket: root and the switch's own user may do all, others whom the file mode
// lets in may operate.
static void requester_of(struct api_request *q, struct buf *who, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t n = sizeof peer;
	q->role = ROLE_VIEWER;
	put_z(who, "api:");
	if (info && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0) {
		const struct passwd *user = getpwuid(peer.uid);
		q->role = peer.uid == 0 || peer.uid == geteuid() ? ROLE_ADMIN : ROLE_OPERATOR;
		if (user) put_z(who, user->pw_name);
		else put_u64(who, peer.uid);
	}
	q->who = buf_str(who);
}

// ---- Request ----

static enum MHD_Result add_query(void *self, enum MHD_ValueKind kind, const char *name, size_t name_n,
                                 const char *value, size_t value_n)
{
	struct api_request *q = self;
	(void)kind;
	if (q->query_count == API_QUERY_MAX) return MHD_NO;
	q->query[q->query_count++] = (struct provision_pair){ { name, (uint32_t)name_n }, { value, (uint32_t)value_n } };
	return MHD_YES;
}

// Parses the body and has the API answer; a body that is no JSON is answered here.
static void answer(struct api_reply *out, struct admin *a, struct api_request *q, const struct exchange *x)
{
	json_error_t error;
	json_t *body = NULL;
	*out = (struct api_reply){ 0 };
	if (x->body_n && !(body = json_loadb(x->body, x->body_n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error))) {
		api_fail(out, 400, NULL, "the body is no JSON: line %d, column %d: %s", error.line, error.column, error.text);
		return;
	}
	q->body = body;
	api_answer(out, a->api, q);
	json_decref(body);
}

// ---- Response ----

static ssize_t read_stream(void *self, uint64_t at, char *out, size_t cap)
{
	struct api_stream *stream = self;
	struct buf b = buf_on(out, cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX);
	(void)at;
	if (stream->read(stream, &b) != OK) return MHD_CONTENT_READER_END_WITH_ERROR;
	return b.n ? (ssize_t)b.n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_stream(void *self)
{
	struct api_stream *stream = self;
	stream->free(stream);
}

#define STREAM_BLOCK 65536

static struct MHD_Response *response_of(struct api_reply *r)
{
	if (r->stream) {
		struct MHD_Response *streamed = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream,
		                                                                  r->stream, free_stream);
		if (streamed) r->stream = NULL; // the response's now
		return streamed;
	}
	if (r->json) {
		r->text = json_dumps(r->json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		r->text_n = r->text ? strlen(r->text) : 0;
	}
	if (!r->text) return NULL;
	struct MHD_Response *whole = MHD_create_response_from_buffer(r->text_n, r->text, MHD_RESPMEM_MUST_FREE);
	if (whole) r->text = NULL;
	return whole;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct api_reply *r)
{
	const char *type = r->type && !r->json ? r->type : "application/json";
	struct MHD_Response *response = response_of(r);
	uint32_t status = r->status;
	api_reply_fini(r);
	if (!response) return MHD_NO;
	COUNT(api_requests);
	if (status >= 400 && status < 500) COUNT(api_requests_refused);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	enum MHD_Result sent = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return sent;
}

static enum MHD_Result finish(struct admin *a, struct MHD_Connection *connection, const char *method, const char *path,
                              const struct exchange *x)
{
	char who[64];
	struct buf who_buf = buf_on(who, sizeof who);
	struct api_request q = { .method = str_from(method), .path = str_from(path), .wall_ms = clock_wall_ms() };
	struct api_reply reply = { 0 };
	requester_of(&q, &who_buf, connection);
	int values = MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_query, &q);
	if (x->too_large) api_fail(&reply, 413, NULL, "the body is larger than %u octets", ADMIN_BODY_MAX);
	else if (values > API_QUERY_MAX) api_fail(&reply, 400, NULL, "more than %d parameters", API_QUERY_MAX);
	else answer(&reply, a, &q, x);
	return send_reply(connection, &reply);
}

// Called by libmicrohttpd: first with the headers, then with parts of the body, at last with none.
static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *data_n, void **context)
{
	struct exchange *x = *context;
	(void)version;
	if (!x) {
		*context = calloc(1, sizeof *x);
		return *context ? MHD_YES : MHD_NO;
	}
	if (*data_n == 0) return finish(self, connection, method, path, x);
	if (x->too_large || *data_n > ADMIN_BODY_MAX - x->body_n) {
		x->too_large = true; // the rest is read and dropped, so that the answer is heard
	} else {
		if (!x->body && !(x->body = malloc(ADMIN_BODY_MAX))) return MHD_NO;
		memcpy(x->body + x->body_n, data, *data_n);
		x->body_n += (uint32_t)*data_n;
	}
	*data_n = 0;
	return MHD_YES;
}

static void on_completed(void *self, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode end)
{
	struct exchange *x = *context;
	(void)self;
	(void)connection;
	(void)end;
	if (!x) return;
	free(x->body);
	free(x);
	*context = NULL;
}

// ---- The socket ----

// A switch that died leaves its socket; one that lives answers at it.
static enum err clear_path(const struct sockaddr_un *at, struct buf *why)
{
	struct stat is;
	if (lstat(at->sun_path, &is) != 0) return OK;
	if (!S_ISSOCK(is.st_mode)) {
		put_fmt(why, "%s is there and is no socket", at->sun_path);
		return ERR_SYSTEM;
	}
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool lives = probe >= 0 && connect(probe, (const struct sockaddr *)at, sizeof *at) == 0;
	if (probe >= 0) close(probe);
	if (lives) {
		put_fmt(why, "another switch answers at %s", at->sun_path);
		return ERR_EXISTS;
	}
	unlink(at->sun_path);
	return OK;
}

static enum err listen_at(int *out, const char *path, struct buf *why)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	if (!str_to_z(at.sun_path, sizeof at.sun_path, str_from(path))) {
		put_fmt(why, "the path %s is longer than a Unix socket's may be (%zu)", path, sizeof at.sun_path - 1);
		return ERR_SYSTEM;
	}
	enum err e = clear_path(&at, why);
	if (e != OK) return e;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || chmod(path, 0660) != 0 ||
	    listen(fd, ADMIN_CONNECTIONS_MAX) != 0) {
		put_fmt(why, "cannot listen at %s: %s", path, strerror(errno));
		if (fd >= 0) close(fd);
		return ERR_SYSTEM;
	}
	*out = fd;
	return OK;
}

enum err admin_start(struct admin **out, const char *path, struct api *api, struct buf *why)
{
	struct admin *a = calloc(1, sizeof *a);
	if (!a) return ERR_SYSTEM;
	a->api = api;
	enum err e = listen_at(&a->socket, path, why);
	if (e != OK) {
		free(a);
		return e;
	}
	str_to_z(a->path, sizeof a->path, str_from(path));
	a->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, a, MHD_OPTION_LISTEN_SOCKET, a->socket,
	                             MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
	                             (unsigned)ADMIN_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)ADMIN_IDLE_S,
	                             MHD_OPTION_END);
	if (!a->daemon) {
		put_fmt(why, "the HTTP server does not start at %s", path);
		close(a->socket);
		unlink(path);
		free(a);
		return ERR_SYSTEM;
	}
	*out = a;
	return OK;
}

struct admin *admin_stop(struct admin *a)
{
	if (!a) return NULL;
	MHD_stop_daemon(a->daemon);
	unlink(a->path);
	free(a);
	return NULL;
}

int admin_fd(const struct admin *a)
{
	return MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

uint32_t admin_run(struct admin *a)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	MHD_run(a->daemon);
	if (MHD_get_timeout(a->daemon, &wait_ms) != MHD_YES || wait_ms > IDLE_WAIT_MS) return IDLE_WAIT_MS;
	return (uint32_t)wait_ms;
}
