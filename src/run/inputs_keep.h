// The folder of recordings, DATA/inputs: a file for each call that was kept, named by the call's number.
// The control thread writes them; the oldest go when all together are larger than the configuration allows.
#pragma once

#include "run/inputs.h"

#define INPUTS_FOLDER "inputs"
#define INPUTS_SUFFIX ".call"

struct inputs_keep;

struct inputs_keep_setup {
	const char *data; // the node's folder; borrowed
	uint32_t workers;
	enum config_inputs mode;
	uint64_t bytes_max;  // of all files
	uint64_t memory_max; // of what is on its way to them
};
// Makes the folder when it is needed; removes what a crash left half written. ERR_FULL: no memory.
MUST_CHECK enum err inputs_keep_new(struct inputs_keep **out, const struct inputs_keep_setup *setup);
// The workers are gone: writes what is left. NULL is fine; returns NULL.
struct inputs_keep *inputs_keep_free(struct inputs_keep *k);

// What a worker is given, and only that one.
struct inputs *inputs_keep_of(struct inputs_keep *k, uint32_t worker);
// Takes over changed settings.
void inputs_keep_set(struct inputs_keep *k, enum config_inputs mode, uint64_t bytes_max);
// Writes the calls that are over.
void inputs_keep_step(struct inputs_keep *k);

// The files of a folder, the oldest first.
struct inputs_file {
	uint64_t call, bytes;
	uint64_t written_wall_ms; // when the call ended, or a little later
};
// All of them, or none and an error; *out is the caller's to free. A folder that is not there has none. ERR_FULL: no
// memory; ERR_SYSTEM: it cannot be read, errno says why.
MUST_CHECK enum err inputs_files(struct inputs_file **out, uint32_t *count, const char *data);
