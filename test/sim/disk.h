// The disk of a run: files in memory with what is synced and what is not, behind the system calls that the journal is
// given. It is slow, full, failing or torn as the weather says.
//
// What a crash leaves: each file as of its last sync, with any of the pieces of 512 octets written since, or garbage in
// place of what was being written; the folder as of its last sync, with the first of the changes since, up to any of
// them. After a sync that failed the system still shows what it could not write, and takes it for written.
#pragma once

#include "keep/journal_file.h"
#include "sim/sim.h"

#define DISK_FOLDER "/journal" // the only one

struct disk;
struct disk *disk_new(struct sim *s);
struct disk *disk_free(struct disk *d);
const struct file_ops *disk_ops(void); // self: the struct disk
// How long it took since it was last asked, ms: who called it lets that time pass before anybody hears of it.
uint64_t disk_took_ms(struct disk *d);
// The power fails: from now on it refuses everything.
void disk_crash(struct disk *d);
// The power is back.
void disk_boot(struct disk *d);
// Octets that all files have.
uint64_t disk_use(const struct disk *d);
