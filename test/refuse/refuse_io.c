// What a test may be refused beside memory, with REFUSE_WHAT=io: calls of the system that our own code makes (a disk
// that is full or broken, no descriptor left, nobody there), and those that SQLite makes on the files of its databases.
#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

// ---- The system ------------------------------------------------------------------------------------------------------

// Answers -1 and this error. The names that end in 64 are what the system's headers make of those without.
#define FAILS(type, name, error, parameters, arguments)                                                                \
	type __real_##name parameters;                                                                                     \
	type __wrap_##name parameters;                                                                                     \
	type __wrap_##name parameters                                                                                      \
	{                                                                                                                  \
		if (!refused(REFUSE_IO)) return __real_##name arguments;                                                       \
		errno = error;                                                                                                 \
		return -1;                                                                                                     \
	}

FAILS(ssize_t, write, ENOSPC, (int fd, const void *p, size_t n), (fd, p, n))
FAILS(ssize_t, pwrite64, ENOSPC, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
FAILS(ssize_t, read, EIO, (int fd, void *p, size_t n), (fd, p, n))
FAILS(ssize_t, pread64, EIO, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
FAILS(int, fdatasync, EIO, (int fd), (fd))
FAILS(int, fsync, EIO, (int fd), (fd))
FAILS(int, fallocate64, ENOSPC, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
FAILS(int, ftruncate64, EIO, (int fd, off_t n), (fd, n))
FAILS(int, rename, EACCES, (const char *from, const char *to), (from, to))
FAILS(int, unlink, EACCES, (const char *path), (path))
FAILS(int, mkdir, ENOSPC, (const char *path, mode_t mode), (path, mode))
FAILS(int, socket, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
FAILS(int, bind, EADDRINUSE, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
FAILS(int, listen, EADDRINUSE, (int fd, int n), (fd, n))
FAILS(int, connect, ECONNREFUSED, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
FAILS(int, accept4, EMFILE, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
FAILS(ssize_t, send, EPIPE, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
FAILS(ssize_t, recv, ECONNRESET, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
FAILS(ssize_t, sendto, ENETUNREACH, (int fd, const void *p, size_t n, int flags, const struct sockaddr *a, socklen_t an),
      (fd, p, n, flags, a, an))
FAILS(int, sendmmsg, ENETUNREACH, (int fd, struct mmsghdr *v, unsigned n, int flags), (fd, v, n, flags))
FAILS(int, epoll_ctl, ENOSPC, (int fd, int op, int of, struct epoll_event *e), (fd, op, of, e))

int __real_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, ...);

int __wrap_open64(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (!refused(REFUSE_IO)) return __real_open64(path, flags, mode);
	errno = EMFILE;
	return -1;
}

// ---- The database ----------------------------------------------------------------------------------------------------

// Files of SQLite's own, whose methods are called through ours.
static struct {
	const sqlite3_io_methods *real;
	sqlite3_io_methods ours;
} kinds[8];
static sqlite3_vfs refusing, *real_vfs;

static const sqlite3_io_methods *real_of(const sqlite3_file *f)
{
	for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (f->pMethods == &kinds[i].ours) return kinds[i].real;
	abort();
}

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return refused(REFUSE_IO) ? SQLITE_IOERR_READ : real_of(f)->xRead(f, p, n, at);
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	return refused(REFUSE_IO) ? SQLITE_FULL : real_of(f)->xWrite(f, p, n, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return refused(REFUSE_IO) ? SQLITE_IOERR_TRUNCATE : real_of(f)->xTruncate(f, n);
}

static int file_sync(sqlite3_file *f, int flags)
{
	return refused(REFUSE_IO) ? SQLITE_IOERR_FSYNC : real_of(f)->xSync(f, flags);
}

static int file_lock(sqlite3_file *f, int level)
{
	return refused(REFUSE_IO) ? SQLITE_IOERR_LOCK : real_of(f)->xLock(f, level);
}

static const sqlite3_io_methods *ours_for(const sqlite3_io_methods *real)
{
	unsigned i = 0;
	while (i < sizeof kinds / sizeof kinds[0] && kinds[i].real && kinds[i].real != real) i++;
	if (i == sizeof kinds / sizeof kinds[0]) abort();
	kinds[i].real = real;
	kinds[i].ours = *real;
	kinds[i].ours.xRead = file_read;
	kinds[i].ours.xWrite = file_write;
	kinds[i].ours.xTruncate = file_truncate;
	kinds[i].ours.xSync = file_sync;
	kinds[i].ours.xLock = file_lock;
	return &kinds[i].ours;
}

static int file_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *out_flags)
{
	f->pMethods = NULL;
	if (refused(REFUSE_IO)) return SQLITE_CANTOPEN;
	int code = real_vfs->xOpen(vfs, path, f, flags, out_flags);
	if (code == SQLITE_OK && f->pMethods) f->pMethods = ours_for(f->pMethods);
	return code;
}

void refuse_database(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	refusing = *real_vfs;
	refusing.zName = "refusing";
	refusing.xOpen = file_open;
	sqlite3_vfs_register(&refusing, 1);
}
