// Segments of the journal: files of frames, each a record with its checksum, and the system calls they are made with.
//
//     00000000000000000001.journal   [SEGMENT][ANSWER][LIFE][RELEASE]...[zeros to the end of the file]
//
// A frame says how far this segment was on disk when it was written. Damage past that point is a torn write that nobody
// was told of: the segment ends there. Damage before it is the disk's: it is skipped, kept and logged.
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>

// What the journal asks of the system, so that a test or the simulator can make any of it fail, be slow or cut. All
// answer as the system does: -1 and errno.
struct file_ops {
	int (*open)(void *self, const char *path, int flags, unsigned mode);
	int (*close)(void *self, int fd);
	ssize_t (*pwrite)(void *self, int fd, const void *p, size_t n, off_t at);
	int (*fdatasync)(void *self, int fd);
	int (*ftruncate)(void *self, int fd, off_t size);
	int (*fallocate)(void *self, int fd, off_t size); // from 0, reading as zeros
	int (*unlink)(void *self, const char *path);
	ssize_t (*pread)(void *self, int fd, void *p, size_t n, off_t at);
	off_t (*size)(void *self, int fd);
	int (*lock)(void *self, int fd); // for this process alone, until it is closed; EWOULDBLOCK: another has it
	// Calls each(to, name) for the folder's entries until one answers false.
	int (*list)(void *self, const char *folder, bool (*each)(void *to, const char *name), void *to);
};
extern const struct file_ops file_ops_system;

#define JOURNAL_FRAME_MAX 16384 // octets of a frame, head included

enum journal_frame_kind { JOURNAL_SEGMENT = 16 }; // beside those of enum record_kind: the first of each segment

struct journal_frame {
	uint8_t kind;       // enum record_kind or JOURNAL_SEGMENT
	uint32_t boot;      // which start of the switch wrote it first
	uint64_t call;      // of ANSWER and RELEASE; of SEGMENT its number
	uint64_t sequence;  // of RELEASE; of SEGMENT the last one before it
	uint64_t committed; // octets of this segment that were on disk before
	uint64_t wall_ms;   // when it was written; of a former start's answer: when that start last showed life
	struct str payload; // of ANSWER and RELEASE: put_call_record; of SEGMENT the journal's id, 8 octets
	uint32_t size;      // of the whole frame, in octets
};
// Appends a frame (size is not needed).
void put_journal_frame(struct buf *b, const struct journal_frame *f);
// The frame that `bytes` begins with. MORE: it is longer than bytes (or bytes is empty); BAD: there is none.
enum parse journal_frame_parse(struct journal_frame *out, struct str bytes);

struct journal_files { // where, and how
	const char *folder;
	const struct file_ops *ops;
	void *self;
	uint64_t segment_bytes;
};
struct journal_segment {
	int fd; // -1: none
	uint64_t number;
	uint64_t end; // octets on disk
};
void put_journal_path(struct buf *b, const char *folder, uint64_t number); // with its NUL
// Opens the segment of this number to be read; -1 and errno: it cannot be.
int journal_segment_open(const struct journal_files *f, uint64_t number);
// Reads up to n octets, fewer only at the end of the file; -1 and errno as the system does.
ssize_t journal_read_at(const struct journal_files *f, int fd, char *p, size_t n, uint64_t at);
// Makes a file of full size, empty. ERR_EXISTS; ERR_FULL: the disk is; ERR_SYSTEM.
MUST_CHECK enum err journal_segment_make(struct journal_segment *s, const struct journal_files *f, uint64_t number);
// Writes at the end and waits for the disk. ERR_STATE: the wait failed, so the whole segment must be left; else nothing
// is lost but time, and the same may be tried again.
MUST_CHECK enum err journal_segment_append(struct journal_segment *s, const struct journal_files *f, struct str bytes);
// Gives back what the file has beyond its end, and closes it. A segment that is still empty is deleted.
void journal_segment_close(struct journal_segment *s, const struct journal_files *f);
