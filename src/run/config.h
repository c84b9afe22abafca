// The configuration file: what a node must know before it can read its office. All else is office data.
//
//     name = "nashua-1"
//     listener "access" { address = "192.0.2.1:5060" }
//     media "access" { address = "192.0.2.1"  port_first = 20000  port_last = 29999 }
//
// Each setting is a row of the lists below: the parser, the struct, a fresh file (`dialtone init`) and the manual
// (docs/configuration.md) are made from it.
#pragma once

#include "base/addr.h"
#include "base/log.h"

#define CONFIG_TEXT_MAX 48
#define CONFIG_LINE_MAX 256
#define CONFIG_PATH_MAX 512
#define CONFIG_LISTENERS_MAX 8
#define CONFIG_MEDIA_MAX 16
#define CONFIG_ADDRS_MAX 4 // in a list of addresses
// In the folder `data`:
#define CONFIG_OFFICE_FILE "office.db"
#define CONFIG_RECORDS_FILE "records.db"

// name, type, default (NULL: must be given), min, max (of a text: its length), when it takes effect, what it is
#define CONFIG_NODE(X)                                                                                                 \
	X(name, TEXT, "dialtone", 1, CONFIG_TEXT_MAX - 1, AT_RESTART, "Name of this node, in its logs")                    \
	X(data, PATH, ".", 1, CONFIG_PATH_MAX - 1, AT_RESTART,                                                             \
	  "Folder of the office, the journal and the records; a relative path starts at the folder of this file")          \
	X(api_socket, PATH, "api.sock", 1, 100, AT_RESTART,                                                                \
	  "Unix socket of the HTTP API, which the command line uses; a relative path starts at `data`")                    \
	X(log_level, LEVEL, "info", 0, 0, AT_RELOAD, "What is logged: this level and those before it")                     \
	X(stop_limit_s, U32, "60", 0, 86400, AT_RELOAD, "Longest wait for calls to finish when the switch is to stop, s")  \
	X(workers, U32, "0", 0, 64, AT_RESTART, "Threads that switch calls; 0: one per processor core")                    \
	X(media_threads, U32, "1", 1, 64, AT_RESTART, "Threads that relay media")                                          \
	X(calls_max, U32, "10000", 1, 1000000, AT_RESTART,                                                                 \
	  "Most calls held at once; each opens four sockets for its media (LimitNOFILE)")                                  \
	X(transactions_max, U32, "65536", 16, 4000000, AT_RESTART,                                                         \
	  "Most SIP transactions held at once; a finished one stays 32 s, so: requests a second, times 32")                \
	X(connections_max, U32, "20000", 1, 1000000, AT_RESTART,                                                           \
	  "Most connections (TCP, TLS) held at once; each needs a descriptor (LimitNOFILE)")                               \
	X(dscp_signalling, U32, "24", 0, 63, AT_RESTART, "Class of our SIP packets (DSCP, RFC 2474); 24: CS3")             \
	X(dscp_media, U32, "46", 0, 63, AT_RESTART, "Class of our RTP packets (DSCP); 46: expedited forwarding, voice")     \
	X(dns, ADDRS, "", 0, 0, AT_RESTART,                                                                               \
	  "DNS servers that the names of trunk peers are asked of, parted by commas; empty: the system's")                 \
	X(registrations_max, U32, "100000", 1, 4000000, AT_RESTART, "Most registered phones held at once")                 \
	X(subscriptions_max, U32, "100000", 0, 4000000, AT_RESTART,                                                        \
	  "Most subscriptions of phones held at once (busy lamps, waiting messages)")                                      \
	X(journal_file_mb, U32, "16", 1, 1024, AT_RESTART,                                                                 \
	  "Size of a file of the journal, MiB; the disk for it is taken before it is needed, so that calls in progress "   \
	  "find room for their records when the disk is full")                                                             \
	X(inputs, INPUTS, "none", 0, 0, AT_RELOAD,                                                                         \
	  "Of which calls all messages are kept in `data`/inputs, so that dialtone replay can run them again: those that " \
	  "failed, or all; passwords are left out")                                                                        \
	X(inputs_max_mb, U32, "256", 1, 1000000, AT_RELOAD, "Room for them on the disk, MiB; the oldest make place")       \
	X(inputs_memory_mb, U32, "64", 1, 65536, AT_RESTART,                                                               \
	  "Room for those of calls that stand, MiB: 16 KiB a call and more; calls past it are not kept")
#define CONFIG_LISTENER(X)                                                                                             \
	X(address, ADDR, NULL, 0, 0, AT_RESTART, "Address and port where SIP is received")                                 \
	X(transport, TRANSPORT, "udp", 0, 0, AT_RESTART, "Transport protocol; tls and wss need a certificate and its key") \
	X(certificate, PATH, "", 0, CONFIG_PATH_MAX - 1, AT_RELOAD,                                                        \
	  "Of tls and wss: file of our certificate and those between it and its authority, PEM; read again at a reload")   \
	X(key, PATH, "", 0, CONFIG_PATH_MAX - 1, AT_RELOAD, "Of tls and wss: file of its private key, PEM")                \
	X(authorities, PATH, "", 0, CONFIG_PATH_MAX - 1, AT_RELOAD,                                                        \
	  "Of tls and wss: file of authorities whose certificates we believe of those we call, PEM; empty: the system's")  \
	X(clients, PATH, "", 0, CONFIG_PATH_MAX - 1, AT_RELOAD,                                                            \
	  "Of tls and wss: file of authorities; whoever connects must show a certificate of theirs. Empty: nobody is asked") \
	X(origins, LINE, "", 0, CONFIG_LINE_MAX - 1, AT_RESTART,                                                           \
	  "Of ws and wss: origins whose pages may connect, such as https://console.example.com, parted by commas; "        \
	  "empty: all")                                                                                                    \
	X(public, HOST, "", 0, 0, AT_RESTART,                                                                              \
	  "Address that peers are told, where a NAT stands between; with a port if that differs too")
#define CONFIG_MEDIA(X)                                                                                                \
	X(address, HOST, NULL, 0, 0, AT_RESTART, "Address where RTP is received")                                          \
	X(public, HOST, "", 0, 0, AT_RESTART, "Address that peers are told, where a NAT stands between")                   \
	X(port_first, U32, "20000", 1024, 65534, AT_RESTART, "First RTP port, even; a call takes two pairs of ports")      \
	X(port_last, U32, "29999", 1025, 65535, AT_RESTART, "Last RTCP port, odd")

#define CONFIG_INPUTS(X) X(NONE, "none") X(FAILED, "failed") X(ALL, "all")
#define CONFIG_INPUTS_ENUM(id, text) INPUTS_##id,
enum config_inputs { CONFIG_INPUTS(CONFIG_INPUTS_ENUM) };

// What a row of each type becomes: a C type, and how it is stored.
#define CONFIG_MEMBER_TEXT(name) char name[CONFIG_TEXT_MAX];
#define CONFIG_MEMBER_LINE(name) char name[CONFIG_LINE_MAX];
#define CONFIG_MEMBER_PATH(name) char name[CONFIG_PATH_MAX];
#define CONFIG_MEMBER_U32(name) uint32_t name;
#define CONFIG_MEMBER_LEVEL(name) uint32_t name;     // enum log_level
#define CONFIG_MEMBER_TRANSPORT(name) uint32_t name; // enum transport; in address.transport too
#define CONFIG_MEMBER_INPUTS(name) uint32_t name;    // enum config_inputs
#define CONFIG_MEMBER_ADDR(name) struct addr name;   // with its port
#define CONFIG_MEMBER_HOST(name) struct addr name;   // family 0: not given; port 0: none given
#define CONFIG_MEMBER_ADDRS(name) struct config_addrs name;
#define CONFIG_MEMBER(name, type, ...) CONFIG_MEMBER_##type(name)

struct config_addrs {
	uint32_t count;
	struct addr addrs[CONFIG_ADDRS_MAX]; // port 0: none given
};

struct config_listener {
	char title[CONFIG_TEXT_MAX];
	CONFIG_LISTENER(CONFIG_MEMBER)
};

struct config_media {
	char title[CONFIG_TEXT_MAX];
	CONFIG_MEDIA(CONFIG_MEMBER)
};

struct config {
	char path[CONFIG_PATH_MAX]; // of the file itself
	CONFIG_NODE(CONFIG_MEMBER)  // data and api_socket: made absolute or relative to the working folder
	uint32_t listener_count, media_count;
	struct config_listener listeners[CONFIG_LISTENERS_MAX];
	struct config_media media[CONFIG_MEDIA_MAX];
};

// By enum log_level; NULL ends.
extern const char *const config_level_names[LOG_LEVEL_COUNT + 1];

// The defaults, without listeners and media addresses.
void config_default(struct config *c);
// Reads the file; *c is all of it or, on an error, untouched. ERR_BAD, ERR_SYSTEM (unreadable): `why` has it in words,
// with file and line where there is one: "dialtone.conf:12: calls_max must be 1 to 1000000, not 0".
// libconfuse gives its callbacks no context: one thread at a time, the control thread.
MUST_CHECK enum err config_load(struct config *c, const char *path, struct buf *why);

// Tells each setting that differs, for the log of a reload. section: NULL for the node itself; setting: NULL when the
// whole section came or went; at_restart: it takes effect at the next start only.
typedef void config_change(const char *section, const char *title, const char *setting, bool at_restart);
void config_compare(struct config *running, struct config *read, config_change *tell);
// Takes over into `running` what may change under a running switch.
void config_take_reloadable(struct config *running, const struct config *read);

// A file that config_load reads as c, with what each setting is in comments; paths as they stand in c.
void put_config(struct buf *b, const struct config *c);
// The manual of the file, in Markdown.
void put_config_manual(struct buf *b);
