// The simulator: a whole switch with its disk, the network, and the parties that use it, on virtual time in one thread.
// All that happens is drawn from a seed; the same seed gives the same run, to the octet.
//
//     party ──▶ network ──▶ node ──▶ network ──▶ party        parties (party.h) are phones and far switches with habits
//       │       weather      │ │                              the network (net.h) loses, delays, doubles, spoils
//       ▼                    ▼ ▼                              the node (node.h) is production code but for its outermost
//     ledger ──▶ checkers ◀─ disk, media plane                layer: clock, chance, network, disk (disk.h), sockets of
//                                                             media (plane.h)
//
// A run: the office is made, the node boots, parties register and call; calm and storm alternate (weather.h); at the end
// the storm stops, all calls end, and nothing may be left. The checkers (check.h) look after every event and at the end.
#pragma once

#include "base/addr.h"
#include "base/random.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct sim;

// Something that happens at a time. Events of one millisecond happen in an order that is drawn, too.
typedef void sim_event(struct sim *s, void *self, uint64_t arg);

struct sim_plan { // drawn from the seed, or said on the command line
	uint64_t seed;
	uint32_t calls;      // that parties begin, in all
	uint32_t lines;      // with a phone each, some with several
	uint32_t workers;    // of the node
	uint32_t calls_per_s;
	uint32_t faults;       // bits of enum fault (weather.h): those that storms are made of; 0: calm throughout
	uint32_t loss;         // of 10,000 datagrams, storm or not: for figures
	const char *character; // all parties have this one (party.h); NULL: mixed
	uint64_t events_max;   // the end begins after so many events (to find the shortest prefix that fails); 0: no limit
	bool keep;             // the network keeps what passed, for a ladder
	bool print;            // messages, as they pass
};

struct sim *sim_new(const struct sim_plan *plan);
struct sim *sim_free(struct sim *s);
// Runs to the end, or to the first failure. True: nothing failed. The node calls check_event after each of its steps and
// check_sent for each message; the run calls check_end.
bool sim_run(struct sim *s);

// For all files of the simulator.
const struct sim_plan *sim_plan(const struct sim *s);
uint64_t sim_now_ms(const struct sim *s);  // monotonic; begins at 1,000,000
uint64_t sim_wall_ms(const struct sim *s); // UTC as the node's clock shows it: it may jump (weather.h)
void sim_at(struct sim *s, uint64_t at_ms, sim_event *run, void *self, uint64_t arg);
// Streams of chance: each part has its own, so that one part's more or less does not change the others' course.
enum sim_stream {
	SIM_NET, SIM_PARTIES, SIM_DISK, SIM_WEATHER, SIM_NODE, SIM_ORDER, SIM_POOLS, SIM_KEYS, SIM_STOPS, SIM_STREAMS
};
struct random *sim_random(struct sim *s, enum sim_stream stream);
uint32_t sim_below(struct sim *s, enum sim_stream stream, uint32_t n);         // 0 to n - 1
uint32_t sim_between(struct sim *s, enum sim_stream stream, uint32_t a, uint32_t b); // a to b
bool sim_chance(struct sim *s, enum sim_stream stream, uint32_t of_10000);
// A quick one, against nobody's malice: for the simulator's own tables, and to tell texts apart.
uint64_t sim_hash(struct str bytes);
// Mixed into the sum of the run: what is to be equal when the run is repeated.
void sim_note(struct sim *s, struct str bytes);
uint64_t sim_sum(const struct sim *s);
uint64_t sim_events(const struct sim *s); // that have happened
// The first failure ends the run; the text says what was promised and what is.
void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Said before sim_fail, of which call: its ladder and trail are shown. The Call-ID of either leg will do.
void sim_about(struct sim *s, struct str call_id);
const char *sim_failure(const struct sim *s); // NULL: none
struct str sim_concerns(const struct sim *s); // the Call-ID; empty: none was said

// The parts, made by sim_new in this order, freed in the reverse one.
struct weather *sim_weather(struct sim *s);
struct readings *sim_readings(struct sim *s);
struct net *sim_net(struct sim *s);
struct disk *sim_disk(struct sim *s);
struct plane *sim_plane(struct sim *s);
struct ledger *sim_ledger(struct sim *s);
struct node_sim *sim_node(struct sim *s);
struct parties *sim_parties(struct sim *s);
struct checker *sim_checker(struct sim *s);
