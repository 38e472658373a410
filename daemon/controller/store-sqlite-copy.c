// SPDX-License-Identifier: GPL-2.0
/*
 * Backups, and the way back from one.
 *
 * A backup is older than what gateways know as soon as it is made. Taken for the
 * store as it is, it would grant epochs again that were granted, and addresses
 * that are in use. So a backup is marked, the controller refuses it, and
 * rn_sqlite_restore raises everything that may have gone on meanwhile by more
 * than it can have gone on; who still translates is settled by registrations
 * (restored.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "controller/store-sqlite.h"

#define PAGES	1000	/* copied between two looks at `stop` */

static gboolean fail_file(const char *file, const char *doing, GError **error)
{
	g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
		    "%s: %s: %s: the controller's user has to be able to write there", file, doing,
		    g_strerror(errno));
	return FALSE;
}

static gboolean sync_path(const char *path, int flags, GError **error)
{
	int fd = open(path, flags | O_CLOEXEC);
	gboolean ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		fail_file(path, "fsync", error);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- copy ---- */

static gboolean copy_pages(sqlite3 *from, sqlite3 *to, const char *name, const int *stop,
			   GError **error)
{
	sqlite3_backup *backup;
	int rc;

	/* One snapshot for all steps: without it each commit beside starts the
	 * copy anew. In WAL mode nobody waits for a reader.
	 */
	if (!rn_sqlite_run(from, name, "BEGIN; SELECT count(*) FROM sqlite_schema", error))
		return FALSE;
	backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return rn_sqlite_fail(to, name, "begin the copy", error);
	do {
		rc = sqlite3_backup_step(backup, PAGES);
	} while (rc == SQLITE_OK && !(stop && g_atomic_int_get(stop)));
	if (rc == SQLITE_OK)
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
			    "%s: not finished, the controller ends: repeat it", name);
	sqlite3_backup_finish(backup);
	if (rc != SQLITE_DONE && rc != SQLITE_OK)
		rn_sqlite_fail(to, name, "copy", error);
	return rc == SQLITE_DONE;
}

static gboolean mark(sqlite3 *to, const char *name, GError **error)
{
	g_autofree char *text =
		g_strdup_printf("INSERT OR REPLACE INTO meta VALUES ('copy', '%" G_GINT64_FORMAT "')",
				g_get_real_time() / G_USEC_PER_SEC);

	return rn_sqlite_run(to, name, text, error);
}

static gboolean copy_file(const char *from_name, const char *name, gboolean backup,
			  const int *stop, GError **error)
{
	sqlite3 *from = NULL, *to = NULL;
	gboolean ok = FALSE;

	if (sqlite3_open_v2(from_name, &from, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		rn_sqlite_fail(from, from_name, "open", error);
	else if (sqlite3_open_v2(name, &to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		rn_sqlite_fail(to, name, "open", error);
	else
		/* No log beside it: a backup is one file. */
		ok = copy_pages(from, to, name, stop, error) &&
		     rn_sqlite_run(to, name, "PRAGMA journal_mode=DELETE", error) &&
		     (!backup || mark(to, name, error));
	sqlite3_close(to);
	sqlite3_close(from);
	return ok;
}

static void first_report(const char *sentence, void *data)
{
	char **first = data;

	if (!*first)
		*first = g_strdup(sentence);
}

static gboolean copy_checked(const char *name, GError **error)
{
	g_autofree char *wrong = NULL;

	if (!rn_sqlite_check(name, first_report, &wrong, error))
		return FALSE;
	if (!wrong)
		return TRUE;
	g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_DAMAGED,
		    "the copy is as damaged as the store: %s", wrong);
	return FALSE;
}

gboolean rn_sqlite_copy(const char *from, const char *to, gboolean backup, const int *stop,
			GError **error)
{
	g_autofree char *part = g_strconcat(to, ".part", NULL);
	g_autofree char *dir = g_path_get_dirname(to);
	gboolean ok;
	int fd;

	unlink(part);
	fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_file(part, "create", error);
	close(fd);
	ok = copy_file(from, part, backup, stop, error) && sync_path(part, O_RDONLY, error) &&
	     (!backup || copy_checked(part, error));
	if (ok && rename(part, to) < 0)
		ok = fail_file(to, "rename", error);
	if (!ok) {
		unlink(part);
		return FALSE;
	}
	return sync_path(dir, O_RDONLY | O_DIRECTORY, error);
}

/* ---- backup ---- */

static gboolean may_replace(const struct rn_sqlite *db, const char *file, GError **error)
{
	struct stat there, store;
	char head[72] = "";
	int fd;

	if (stat(file, &there) < 0)
		return TRUE;
	if (!stat(db->path, &store) && there.st_dev == store.st_dev &&
	    there.st_ino == store.st_ino) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
			    "%s is the store itself: name another file", file);
		return FALSE;
	}
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		/* Where an SQLite file has its application's number. */
		if (read(fd, head, sizeof(head)) == sizeof(head) &&
		    !memcmp(head + 68, "rnat", 4) && S_ISREG(there.st_mode))
			*head = 1;
		else
			*head = 0;
		close(fd);
	}
	if (*head)
		return TRUE;
	g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
		    "%s is there, and is no earlier backup: name another file", file);
	return FALSE;
}

gboolean rn_sqlite_backup(void *data, const char *file, const int *stop, uint64_t *bytes,
			  GError **error)
{
	const struct rn_sqlite *db = data;
	struct stat st;

	if (!may_replace(db, file, error) || !rn_sqlite_copy(db->path, file, TRUE, stop, error))
		return FALSE;
	*bytes = stat(file, &st) ? 0 : st.st_size;
	return TRUE;
}

/* ---- restore ---- */

static gboolean is_off(const char *name, const char *const *off)
{
	return off && g_strv_contains(off, name);
}

/* One row at a time through the codec, which renews the sums. */
static gboolean raise_rows(sqlite3 *sql, const char *path, const char *select, const char *insert,
			   bool (*raise)(sqlite3_stmt *from, sqlite3_stmt *to, const void *data),
			   const void *data, GError **error)
{
	sqlite3_stmt *from = NULL, *to = NULL;
	int rc = SQLITE_ERROR;
	bool whole = true;

	if (sqlite3_prepare_v2(sql, select, -1, &from, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(sql, insert, -1, &to, NULL) == SQLITE_OK) {
		while ((rc = sqlite3_step(from)) == SQLITE_ROW) {
			whole = raise(from, to, data);
			if (!whole || sqlite3_step(to) != SQLITE_DONE)
				break;
			sqlite3_reset(to);
		}
	}
	if (!whole)
		rn_sqlite_damaged(path, error, "a row is damaged: run --check-store");
	else if (rc != SQLITE_DONE)
		rn_sqlite_fail(sql, path, "raise epochs and incarnations", error);
	sqlite3_finalize(from);
	sqlite3_finalize(to);
	return rc == SQLITE_DONE;
}

static bool raise_mapping(sqlite3_stmt *from, sqlite3_stmt *to, const void *data)
{
	struct rn_store_mapping row;

	(void)data;
	if (!rn_sqlite_get_mapping(from, &row))
		return false;
	row.epoch += RN_STORE_STEP;
	rn_sqlite_bind_mapping(to, &row);
	return true;
}

/* A fence may have ended since; who is off now was said now. */
static bool raise_gateway(sqlite3_stmt *from, sqlite3_stmt *to, const void *off)
{
	struct rn_store_gateway row;

	if (!rn_sqlite_get_gateway(from, &row))
		return false;
	row.incarnation += RN_STORE_STEP;
	row.fenced = is_off(row.name, off);
	row.unheard = !row.fenced;
	rn_sqlite_bind_gateway(to, &row);
	return true;
}

static gboolean names_known(sqlite3 *sql, const char *path, const char *const *off,
			    GError **error)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(sql, "SELECT 1 FROM gateway WHERE name = ?", -1, &st, NULL))
		return rn_sqlite_fail(sql, path, "read gateways", error);
	for (; off && *off; off++) {
		sqlite3_bind_text(st, 1, *off, -1, SQLITE_STATIC);
		if (sqlite3_step(st) != SQLITE_ROW)
			break;
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	if (!off || !*off)
		return TRUE;
	g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
		    "%s: the store knows no gateway `%s`: nothing was changed", path, *off);
	return FALSE;
}

static gboolean write_event(sqlite3 *sql, const char *path, const char *const *off,
			    const char *by, GError **error)
{
	g_autofree char *names = off ? g_strjoinv(", ", (char **)off) : g_strdup("");
	struct rn_store_audit row = { .time_ns = g_get_real_time() * 1000, .what = "restored" };
	sqlite3_stmt *st = NULL;
	int64_t rev, made;
	int rc = SQLITE_ERROR;

	if (!rn_sqlite_int(sql, path, "SELECT max(rev) FROM audit", 0, &rev, error) ||
	    !rn_sqlite_int(sql, path, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'copy'",
			   0, &made, error))
		return FALSE;
	row.rev = rev + RN_STORE_STEP;
	g_strlcpy(row.by, by, sizeof(row.by));
	if (made) {
		g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(made);
		g_autofree char *text = g_date_time_format_iso8601(time);

		g_snprintf(row.text, sizeof(row.text), "from the backup of %s", text);
	} else {
		g_strlcpy(row.text, "from a copy of unknown age", sizeof(row.text));
	}
	if (*names) {
		g_strlcat(row.text, ", asserted to be off: ", sizeof(row.text));
		g_strlcat(row.text, names, sizeof(row.text));
	}
	if (sqlite3_prepare_v2(sql, "INSERT INTO audit (" RN_SQLITE_AUDIT_COLUMNS ") VALUES"
			       " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1, &st,
			       NULL) == SQLITE_OK) {
		rn_sqlite_bind_audit(st, &row);
		rc = sqlite3_step(st);
	}
	if (rc != SQLITE_DONE)
		rn_sqlite_fail(sql, path, "write the event", error);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE;
}

static gboolean raise_all(sqlite3 *sql, const char *path, const char *const *off, const char *by,
			  GError **error)
{
	g_autofree char *last =
		g_strdup_printf("INSERT OR REPLACE INTO meta SELECT '%s',"
				" max((SELECT coalesce(max(id), 0) FROM mapping), coalesce((SELECT"
				" CAST(value AS INTEGER) FROM meta WHERE key = '%s'), 0))"
				" + %" G_GUINT64_FORMAT ";"
				"INSERT OR REPLACE INTO meta VALUES ('%s', '1'), ('%s', '0');"
				"DELETE FROM meta WHERE key = 'copy'; COMMIT",
				rn_sqlite_keys[RN_STORE_NEXT_ID], rn_sqlite_keys[RN_STORE_NEXT_ID],
				RN_STORE_STEP, rn_sqlite_keys[RN_STORE_RESTORED],
				rn_sqlite_keys[RN_STORE_CLOCK]);

	return rn_sqlite_run(sql, path, "BEGIN IMMEDIATE", error) &&
	       names_known(sql, path, off, error) &&
	       raise_rows(sql, path, "SELECT " RN_SQLITE_MAPPING_COLUMNS " FROM mapping",
			  "UPDATE mapping SET epoch = ?3, sum = ?15, pub_ports = ?16 WHERE id = ?1",
			  raise_mapping, NULL, error) &&
	       raise_rows(sql, path, "SELECT " RN_SQLITE_GATEWAY_COLUMNS " FROM gateway",
			  "UPDATE gateway SET incarnation = ?4, fenced = ?5, unheard = ?6, sum = ?8,"
			  " drained = ?9"
			  " WHERE number = ?1", raise_gateway, off, error) &&
	       write_event(sql, path, off, by, error) &&
	       rn_sqlite_run(sql, path, last, error);
}

gboolean rn_sqlite_restore(const char *location, const char *const *off, const char *by,
			   GError **error)
{
	static const char settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL";
	struct rn_sqlite db = {
		.path = (char *)location, .lock = rn_sqlite_lock(location, error),
	};
	gboolean ok = FALSE;

	if (db.lock < 0)
		return FALSE;
	if (rn_sqlite_wal_check(location, error)) {
		if (sqlite3_open_v2(location, &db.writer, SQLITE_OPEN_READWRITE, NULL))
			rn_sqlite_fail(db.writer, location, "open", error);
		else
			ok = rn_sqlite_run(db.writer, location, settings, error) &&
			     rn_sqlite_migrate(&db, error) &&
			     raise_all(db.writer, location, off, by, error);
		sqlite3_close(db.writer);
	}
	close(db.lock);
	return ok;
}
