// SPDX-License-Identifier: GPL-2.0
/*
 * Is SQLite's write-ahead log whole (P8)? SQLite takes frames up to the first
 * one that is wrong and forgets the rest: right for a tail that a crash tore,
 * wrong for damage in the middle, behind which there are decisions that were
 * told to gateways. The two differ: every commit is on disk before the next one
 * begins, so nothing follows the commit of a torn one. What cannot be told apart
 * is damage within the last transaction itself.
 *
 * The log begins empty with each process (sqlite_open truncates it), so that no
 * frames of an earlier tail are in it. https://www.sqlite.org/walformat.html
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "controller/store-sqlite.h"

#define HEADER		32
#define FRAME		24	/* before each page */
#define MAGIC		0x377f0682u	/* its last bit: sums of big-endian words */

struct wal {
	int fd;
	uint32_t page;
	uint64_t n;		/* frames */
	bool big_endian;
	uint32_t salt[2], sum[2];
	uint8_t *frame;		/* FRAME + page */
};

static uint32_t be32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t word(const struct wal *wal, const uint8_t *b)
{
	return wal->big_endian ? be32(b) : GUINT32_SWAP_LE_BE(be32(b));
}

static void sum(const struct wal *wal, uint32_t s[2], const uint8_t *b, gsize n)
{
	for (gsize i = 0; i + 8 <= n; i += 8) {
		s[0] += word(wal, b + i) + s[1];
		s[1] += word(wal, b + i + 4) + s[0];
	}
}

static bool read_frame(const struct wal *wal, uint64_t i)
{
	gsize size = FRAME + wal->page;

	return pread(wal->fd, wal->frame, size, HEADER + i * size) == (ssize_t)size;
}

static bool ours(const struct wal *wal)
{
	return be32(wal->frame + 8) == wal->salt[0] && be32(wal->frame + 12) == wal->salt[1];
}

/* The frame that was read comes next, and is whole. */
static bool follows(struct wal *wal)
{
	uint32_t s[2] = { wal->sum[0], wal->sum[1] };

	sum(wal, s, wal->frame, 8);
	sum(wal, s, wal->frame + FRAME, wal->page);
	if (!ours(wal) || be32(wal->frame + 16) != s[0] || be32(wal->frame + 20) != s[1])
		return false;
	wal->sum[0] = s[0];
	wal->sum[1] = s[1];
	return true;
}

static bool commits(const struct wal *wal)
{
	return be32(wal->frame + 4) != 0;
}

/* False when the header is none of a log. */
static bool read_header(struct wal *wal, off_t size)
{
	uint8_t head[HEADER];

	if (pread(wal->fd, head, HEADER, 0) != HEADER)
		return false;
	wal->page = be32(head + 8);
	wal->big_endian = be32(head) & 1;
	wal->salt[0] = be32(head + 16);
	wal->salt[1] = be32(head + 20);
	sum(wal, wal->sum, head, 24);
	if ((be32(head) & ~1u) != MAGIC || wal->sum[0] != be32(head + 24) ||
	    wal->sum[1] != be32(head + 28) || wal->page < 512 || wal->page > 65536)
		return false;
	wal->n = (size - HEADER) / (FRAME + wal->page);
	return true;
}

/* A log without header: nothing but zeroes is one that was never written. */
static bool only_zeroes(int fd, off_t size)
{
	uint8_t block[4096];

	for (off_t at = 0; at < size; at += sizeof(block)) {
		ssize_t n = pread(fd, block, sizeof(block), at);

		for (ssize_t i = 0; i < n; i++)
			if (block[i])
				return false;
	}
	return true;
}

/* The first of the frames that were lost, when others follow its commit. */
static bool damaged(struct wal *wal, uint64_t *at)
{
	bool committed = false;
	uint64_t i = 0;

	while (i < wal->n && read_frame(wal, i) && follows(wal))
		i++;
	*at = i;
	for (; i < wal->n && read_frame(wal, i); i++) {
		if (!ours(wal))
			continue;
		if (committed)
			return true;
		committed = commits(wal);
	}
	return false;
}

gboolean rn_sqlite_wal_check(const char *path, GError **error)
{
	g_autofree char *name = g_strconcat(path, "-wal", NULL);
	struct wal wal = { .fd = open(name, O_RDONLY | O_CLOEXEC) };
	gboolean ok = TRUE;
	struct stat st;
	uint64_t at;

	if (wal.fd < 0) {
		if (errno == ENOENT)
			return TRUE;
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED, "%s: %s: see to permissions",
			    name, g_strerror(errno));
		return FALSE;
	}
	if (fstat(wal.fd, &st) < 0 || st.st_size <= HEADER) {
		close(wal.fd);
		return TRUE;
	}
	if (!read_header(&wal, st.st_size)) {
		ok = only_zeroes(wal.fd, st.st_size);
		if (!ok)
			rn_sqlite_damaged(name, error, "the header of the log is damaged");
	} else {
		wal.frame = g_malloc(FRAME + wal.page);
		ok = !damaged(&wal, &at);
		if (!ok)
			rn_sqlite_damaged(name, error,
					  "frame %" G_GUINT64_FORMAT " of the log is damaged, and decisions follow it",
					  at);
		g_free(wal.frame);
	}
	close(wal.fd);
	return ok;
}
