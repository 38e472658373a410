// SPDX-License-Identifier: GPL-2.0
/*
 * A disk that forgets: preloaded into the controller, notes what the files of
 * one directory were before each write that was not followed by a sync, so that
 * after a kill -9 lostsync.py can take all of it back, or any part, as a power
 * loss does. What was synced is never touched.
 *
 *  LD_PRELOAD=lostsync.so LOSTSYNC_DIR=/run/store LOSTSYNC_LOG=/run/store.undo
 *  LOSTSYNC_LIES=1   the planted bug: a sync is believed done and is not noted
 *  RN_FAILPOINT_FILE as for the daemons (base/failpoint.h), with points of ours:
 *                    disk.write, disk.before-sync, disk.after-sync; a kill at random
 *                    would never fall between a write and its sync
 *
 * The note is in the log before the write is in the file. A file whose name ends
 * with -shm (SQLite's index, mapped and never synced) or .lock is not followed;
 * lostsync.py removes the first. Unlinked files keep their content under a name
 * of ours until the directory is synced.
 *
 * The log: struct record, then name_len bytes of the name and data_len of what
 * was there.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define RN_FAILPOINTS
#include "base/failpoint.h"

enum what {
	WROTE = 1,	/* [off, off + len) was data, size the file's size */
	CUT,		/* ftruncate to off; data: what was behind */
	SYNCED,		/* all before, of this file, is durable */
	CREATED,
	UNLINKED,	/* its content is now called data */
	DIR_SYNCED,	/* all names before are durable */
};

struct record {
	uint32_t magic, what;
	uint64_t off, len, size;
	uint32_t name_len, data_len;
};

#define MAGIC	0x6c6f7374

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir;
static size_t dir_len;
static int undo = -1, lies;
static unsigned int gone;
static struct rn_failpoint_armed *armed;

static ssize_t (*real_pwrite)(int fd, const void *data, size_t n, off64_t off);
static ssize_t (*real_write)(int fd, const void *data, size_t n);
static int (*real_ftruncate)(int fd, off64_t size);
static int (*real_fsync)(int fd);
static int (*real_fdatasync)(int fd);
static int (*real_unlink)(const char *path);
static int (*real_open)(const char *path, int flags, ...);

static void reach(const char *name)
{
	if (!armed || __atomic_load_n(&armed->state, __ATOMIC_ACQUIRE) != RN_FAILPOINT_ARMED ||
	    strcmp(armed->name, name) || __atomic_sub_fetch(&armed->left, 1, __ATOMIC_ACQ_REL))
		return;
	__atomic_store_n(&armed->state, RN_FAILPOINT_HIT, __ATOMIC_RELEASE);
	kill(getpid(), (int)armed->signal);
}

static void __attribute__((constructor)) init(void)
{
	const char *log = getenv("LOSTSYNC_LOG"), *point = getenv("RN_FAILPOINT_FILE");
	int fd;

	real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
	real_write = dlsym(RTLD_NEXT, "write");
	real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
	real_fsync = dlsym(RTLD_NEXT, "fsync");
	real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
	real_unlink = dlsym(RTLD_NEXT, "unlink");
	real_open = dlsym(RTLD_NEXT, "open64");
	if (!log || !getenv("LOSTSYNC_DIR"))
		return;
	undo = real_open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (undo < 0) {
		fprintf(stderr, "lostsync: %s: %s\n", log, strerror(errno));
		_exit(2);
	}
	fd = point ? real_open(point, O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0) {
		armed = mmap(NULL, sizeof(*armed), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (armed == MAP_FAILED)
			armed = NULL;
		close(fd);
	}
	lies = getenv("LOSTSYNC_LIES") != NULL;
	dir = getenv("LOSTSYNC_DIR");
	dir_len = strlen(dir);
}

/* The name below our directory, in buf; NULL for what is not followed. */
static const char *followed(const char *path)
{
	size_t n = strlen(path);

	if (!dir || strncmp(path, dir, dir_len) || path[dir_len] != '/')
		return NULL;
	if ((n > 4 && !strcmp(path + n - 4, "-shm")) || (n > 5 && !strcmp(path + n - 5, ".lock")) ||
	    strstr(path, ".gone."))
		return NULL;
	return path + dir_len + 1;
}

static const char *path_of(int fd, char buf[PATH_MAX])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, PATH_MAX - 1);
	if (n <= 0)
		return NULL;
	buf[n] = 0;
	return buf;
}

static const char *name_of(int fd, char buf[PATH_MAX])
{
	return dir && path_of(fd, buf) ? followed(buf) : NULL;
}

static void note(enum what what, const char *name, uint64_t off, uint64_t len, uint64_t size,
		 const void *data, size_t data_len)
{
	struct record record = {
		.magic = MAGIC, .what = what, .off = off, .len = len, .size = size,
		.name_len = (uint32_t)strlen(name), .data_len = (uint32_t)data_len,
	};
	size_t total = sizeof(record) + record.name_len + data_len;
	char *all = malloc(total);

	if (!all)
		abort();
	memcpy(all, &record, sizeof(record));
	memcpy(all + sizeof(record), name, record.name_len);
	if (data_len)
		memcpy(all + sizeof(record) + record.name_len, data, data_len);
	/* In one call, so that it is whole unless we die within. */
	if (real_write(undo, all, total) != (ssize_t)total)
		abort();
	free(all);
}

/* What [off, off + n) of the file is before it is written over. */
static void note_write(int fd, const char *name, enum what what, off64_t off, size_t n)
{
	struct stat st;
	ssize_t got = 0;
	char *old;

	if (fstat(fd, &st) < 0)
		return;
	if (what == CUT)
		n = st.st_size > off ? (size_t)(st.st_size - off) : 0;
	old = malloc(n + 1);
	if (!old)
		abort();
	if (off < st.st_size)
		got = pread(fd, old, n, off);
	if (got < 0) {
		/* Not open for reading: by its name. */
		char path[PATH_MAX];
		int again = path_of(fd, path) ? real_open(path, O_RDONLY | O_CLOEXEC) : -1;

		got = again >= 0 ? pread(again, old, n, off) : -1;
		if (again >= 0)
			close(again);
		if (got < 0)
			abort();
	}
	note(what, name, (uint64_t)off, n, (uint64_t)st.st_size, old, (size_t)got);
	free(old);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t off)
{
	char path[PATH_MAX];
	const char *name = name_of(fd, path);
	ssize_t done;

	if (!name)
		return real_pwrite(fd, data, n, off);
	pthread_mutex_lock(&lock);
	note_write(fd, name, WROTE, off, n);
	done = real_pwrite(fd, data, n, off);
	pthread_mutex_unlock(&lock);
	reach("disk.write");
	return done;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t off)
{
	return pwrite64(fd, data, n, off);
}

ssize_t write(int fd, const void *data, size_t n)
{
	char path[PATH_MAX];
	const char *name = name_of(fd, path);
	ssize_t done;
	int flags;

	if (!name)
		return real_write(fd, data, n);
	flags = fcntl(fd, F_GETFL);
	pthread_mutex_lock(&lock);
	note_write(fd, name, WROTE, lseek64(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR), n);
	done = real_write(fd, data, n);
	pthread_mutex_unlock(&lock);
	return done;
}

int ftruncate64(int fd, off64_t size)
{
	char path[PATH_MAX];
	const char *name = name_of(fd, path);
	int rc;

	if (!name)
		return real_ftruncate(fd, size);
	pthread_mutex_lock(&lock);
	note_write(fd, name, CUT, size, 0);
	rc = real_ftruncate(fd, size);
	pthread_mutex_unlock(&lock);
	return rc;
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

/* Names that lost their last one go now. Called with the lock. */
static void forget_gone(void)
{
	char path[PATH_MAX];

	for (; gone; gone--) {
		snprintf(path, sizeof(path), "%s/x.gone.%u", dir, gone);
		real_unlink(path);
	}
}

static int synced(int fd, int (*sync)(int fd))
{
	char path[PATH_MAX];
	const char *whole = dir ? path_of(fd, path) : NULL;
	const char *name = whole ? followed(whole) : NULL;
	bool is_dir = whole && !strcmp(whole, dir);
	int rc;

	if ((!name && !is_dir) || lies)
		return sync(fd);
	reach("disk.before-sync");
	pthread_mutex_lock(&lock);
	rc = sync(fd);
	if (!rc)
		note(is_dir ? DIR_SYNCED : SYNCED, is_dir ? "" : name, 0, 0, 0, NULL, 0);
	if (!rc && is_dir)
		forget_gone();
	pthread_mutex_unlock(&lock);
	reach("disk.after-sync");
	return rc;
}

int fsync(int fd)
{
	return synced(fd, real_fsync);
}

int fdatasync(int fd)
{
	return synced(fd, real_fdatasync);
}

int unlink(const char *path)
{
	const char *name = followed(path);
	char kept[PATH_MAX];
	int rc;

	if (!name)
		return real_unlink(path);
	pthread_mutex_lock(&lock);
	snprintf(kept, sizeof(kept), "%s/x.gone.%u", dir, ++gone);
	rc = rename(path, kept);
	if (!rc)
		note(UNLINKED, name, 0, 0, 0, kept + dir_len + 1, strlen(kept + dir_len + 1));
	pthread_mutex_unlock(&lock);
	return rc;
}

int open64(const char *path, int flags, ...)
{
	const char *name = followed(path);
	mode_t mode = 0;
	va_list args;
	int fd;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (!name || !(flags & O_CREAT))
		return real_open(path, flags, mode);
	pthread_mutex_lock(&lock);
	if (!access(path, F_OK))
		name = NULL;
	fd = real_open(path, flags, mode);
	if (fd >= 0 && name)
		note(CREATED, name, 0, 0, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	return fd;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	return open64(path, flags, mode);
}
