// The disk of a run: files in memory with what is synced and what is not, behind the system calls that the journal is
// given. It is slow, full, failing or torn as the weather says.
#pragma once

#include "keep/journal_file.h"
#include "sim/sim.h"

struct disk;
struct disk *disk_new(struct sim *s);
struct disk *disk_free(struct disk *d);
const struct file_ops *disk_ops(void); // self: the struct disk
// How long the last fdatasync took, ms: who called it lets that time pass before anybody hears of it.
uint64_t disk_sync_ms(const struct disk *d);
// The power fails: of each write since the last sync any part may be there, in pieces of 512 octets, in any order.
void disk_crash(struct disk *d);
