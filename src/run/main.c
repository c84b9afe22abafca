// The program. `serve` is here: it opens what the switch stands on, starts the node, and is the control thread.
//
//     poll ─┬─ signals ──▶ stop, reload
//           ├─ API ──────▶ run/admin
//           └─ workers ──▶ what they have for the control thread (a feature set from a phone)
#include "run/admin.h"
#include "run/cli.h"
#include "run/config_check.h"
#include "run/node.h"

#include "base/count.h"
#include "keep/cdr.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DRAIN_LOOK_MS 100 // how often a stopping switch looks whether its calls are over

struct serve {
	struct config *config;       // borrowed
	struct store *store;         // owned, all that follow
	struct office *office;
	struct provision *provision;
	struct cdr_store *cdrs;
	struct node *node;
	struct admin *admin;
	int signals;
	char records_path[CONFIG_PATH_MAX + sizeof CONFIG_RECORDS_FILE];
	struct api api;
	bool stopping, ended;
};

// ---- Start and stop ----

// Tells systemd, where it waits for that (Type=notify).
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!path || !str_to_z(to.sun_path, sizeof to.sun_path, str_from(path))) return;
	if (to.sun_path[0] == '@') to.sun_path[0] = '\0'; // the abstract name space
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, n) < 0)
		LOG(WARN, "notify", LOG_TEXT("systemd could not be told how far the start is"));
	close(fd);
}

// Signals come through a descriptor, on this thread only: all others are started after this and inherit the mask.
static enum err take_signals(struct serve *s)
{
	static const int taken[] = { SIGTERM, SIGINT, SIGHUP };
	sigset_t set;
	sigemptyset(&set);
	for (uint32_t i = 0; i < ARRAY_LEN(taken); i++) {
		sigaddset(&set, taken[i]);
		signal(taken[i], SIG_DFL); // one that was inherited as ignored would never reach the descriptor
	}
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return ERR_SYSTEM;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? ERR_SYSTEM : OK;
}

static enum err open_office(struct serve *s, struct buf *why)
{
	char path[CONFIG_PATH_MAX + sizeof CONFIG_OFFICE_FILE];
	struct store_fault fault = { "" };
	snprintf(path, sizeof path, "%s/" CONFIG_OFFICE_FILE, s->config->data);
	enum err e = store_open(&s->store, path, &fault);
	if (e == OK) e = office_new(&s->office);
	if (e == OK) e = store_load(s->store, s->office, &fault);
	if (e == OK) e = provision_new(&s->provision, s->store, s->office, NULL);
	if (e != OK) put_fmt(why, "the office in %s cannot be used: %s", path, fault.why[0] ? fault.why : err_text(e));
	if (e == ERR_NOT_FOUND) put_z(why, "\nMake one with: dialtone init DIR");
	if (e == ERR_BAD) put_z(why, "\nWhat is wrong with it says: dialtone check");
	return e;
}

static enum err open_records(struct serve *s, struct buf *why)
{
	struct store_fault fault = { "" };
	snprintf(s->records_path, sizeof s->records_path, "%s/" CONFIG_RECORDS_FILE, s->config->data);
	enum err e = cdr_open(&s->cdrs, s->records_path, &fault);
	if (e != OK) put_fmt(why, "the records in %s cannot be used: %s", s->records_path, fault.why);
	return e;
}

static enum err open_api(struct serve *s, struct buf *why)
{
	s->api = (struct api){ .config = s->config, .office = s->office, .provision = s->provision, .cdrs = s->cdrs,
		                   .records_path = s->records_path, .control = node_control(s->node) };
	return admin_start(&s->admin, s->config->api_socket, &s->api, why);
}

static enum err start(struct serve *s, struct buf *why)
{
	struct node_setup setup = { .config = s->config };
	enum err e = take_signals(s);
	if (e == OK) e = open_office(s, why);
	if (e == OK) e = open_records(s, why);
	setup.office = s->office;
	setup.provision = s->provision;
	if (e == OK) e = node_start(&s->node, &setup, why);
	if (e == OK) e = open_api(s, why);
	return e;
}

static void stop(struct serve *s)
{
	s->admin = admin_stop(s->admin);
	s->node = node_stop(s->node);
	s->cdrs = cdr_close(s->cdrs);
	s->provision = provision_free(s->provision);
	s->office = office_free(s->office);
	s->store = store_close(s->store);
	if (s->signals >= 0) close(s->signals);
	rcu_drain();
}

// ---- Signals ----

static void log_change(const char *section, const char *title, const char *setting, bool at_restart)
{
	LOG(INFO, "setting_changed", LOG_TEXT(at_restart ? "waits for a restart" : "is taken over"),
	    LOG_Z("section", section ? section : ""), LOG_Z("title", title ? title : ""),
	    LOG_Z("setting", setting ? setting : "all"));
}

static void reload(struct serve *s)
{
	char text[1024];
	struct buf why = buf_on(text, sizeof text);
	struct config *read = calloc(1, sizeof *read);
	if (read && config_load(read, s->config->path, &why) == OK) {
		LOG(INFO, "reload", LOG_TEXT("the configuration file is read again"), LOG_Z("file", s->config->path));
		config_compare(s->config, read, log_change);
		config_take_reloadable(s->config, read);
		log_level = s->config->log_level;
		if (s->api.control.ops->reload(s->api.control.self, s->config) != OK)
			LOG(WARN, "reload", LOG_TEXT("the switch did not take the new settings over"));
	} else {
		LOG(ERROR, "reload_refused", LOG_TEXT("the configuration file has an error: nothing is changed"),
		    LOG_STR("why", buf_str(&why)));
	}
	free(read);
}

// The first asks to end when the calls are over, the second to end now.
static void on_stop_signal(struct serve *s)
{
	s->ended = s->stopping;
	if (s->ended) return;
	s->stopping = true;
	notify("STOPPING=1");
	node_drain(s->node, s->config->stop_limit_s * 1000);
	LOG(INFO, "stopping", LOG_TEXT("no new call is taken, calls that stand may finish; a second signal ends them"),
	    LOG_U64("calls", node_calls(s->node)), LOG_U64("limit_s", s->config->stop_limit_s));
}

static void read_signals(struct serve *s)
{
	struct signalfd_siginfo got;
	while (read(s->signals, &got, sizeof got) == sizeof got) {
		if (got.ssi_signo == SIGHUP) reload(s);
		else on_stop_signal(s);
	}
}

// ---- The control thread ----

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void run(struct serve *s)
{
	const struct control *control = &s->api.control;
	while (!s->ended) {
		uint32_t wait_ms = least(admin_run(s->admin), control->ops->step(control->self));
		if (s->stopping) wait_ms = least(wait_ms, DRAIN_LOOK_MS);
		rcu_quiescent(); // what this thread replaced is freed when all have left it
		rcu_offline();
		struct pollfd fds[] = {
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = admin_fd(s->admin), .events = POLLIN },
			{ .fd = control->ops->wake_fd(control->self), .events = POLLIN },
		};
		poll(fds, ARRAY_LEN(fds), (int)wait_ms);
		read_signals(s);
		if (s->stopping && !s->ended) s->ended = node_is_drained(s->node);
	}
}

static void log_finding(void *self, enum store_severity severity, struct str sentence)
{
	(void)self;
	if (severity == STORE_ERROR) LOG(ERROR, "config_check", LOG_TEXT("this cannot work"), LOG_STR("what", sentence));
	else LOG(WARN, "config_check", LOG_TEXT("this will not work, or not for long"), LOG_STR("what", sentence));
}

static void say_started(const struct serve *s)
{
	const struct office_rules *rules = office_rules(s->office);
	LOG(INFO, "started", LOG_Z("node", s->config->name), LOG_Z("version", DIALTONE_VERSION),
	    LOG_Z("office", rules->name), LOG_U64("lines", office_line_count(s->office)),
	    LOG_U64("rules_version", rules->version), LOG_ADDR("listens", &s->config->listeners[0].address),
	    LOG_Z("api", s->config->api_socket));
	config_check(s->config, rules, log_finding, NULL);
	if (!office_emergency_group(rules))
		LOG(WARN, "no_emergency_trunk",
		    LOG_TEXT("no trunk group is marked for emergency calls: 911, 933 and 988 reach nobody, and callers are "
		             "told so. Mark one with: dialtone trunk set NAME emergency=yes"));
}

static int serve(struct cli *c)
{
	char text[1024];
	struct buf why = buf_on(text, sizeof text - 1);
	struct serve *s = calloc(1, sizeof *s);
	if (!s) return CLI_FAILED;
	s->config = &c->config;
	s->signals = -1;
	log_level = s->config->log_level;
	umask(027);
	rcu_join();
	count_join();
	enum err e = start(s, &why);
	if (e == OK) {
		say_started(s);
		notify("READY=1");
		run(s);
		LOG(INFO, "stopped", LOG_TEXT("the switch ends"), LOG_U64("calls_released", node_calls(s->node)));
	} else {
		text[why.n] = '\0';
		cli_say(c, "%s", why.n ? text : err_text(e));
	}
	stop(s);
	rcu_leave();
	free(s);
	return e == OK ? CLI_OK : CLI_FAILED;
}

int main(int argc, char **argv)
{
	return cli_main(argc, argv, stdout, stderr, serve);
}
