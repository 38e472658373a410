// SPDX-License-Identifier: GPL-2.0
/*
 * The store in one SQLite file: WAL with synchronous=FULL, so that a commit is
 * on disk when it returns. A lock file keeps a second controller out; the
 * database itself stays open for readers (sqlite3, --check-store, backup).
 *
 * Checkpoints are ours, between commits: SQLite's own would forget a failed
 * fsync, and a failed fsync ends the process (P8) because the kernel may have
 * dropped the pages it could not write and would call the next fsync a success.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* locks of an open file description */
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "controller/store-sqlite.h"

#define WAL_FRAMES	4000	/* 16 MB in the log: back into the file */
#define CACHE_KB	"65536"	/* the writer's: the rows of a busy minute, and the indexes */

static const char *const statements[RN_ST_N] = {
	[RN_ST_BEGIN] = "BEGIN IMMEDIATE",
	[RN_ST_COMMIT] = "COMMIT",
	/* Not REPLACE: that would take away another id's row with this endpoint. */
	[RN_ST_MAPPING] = "INSERT INTO mapping (" RN_SQLITE_MAPPING_COLUMNS ")"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT (id) DO UPDATE SET state=excluded.state, epoch=excluded.epoch,"
		" owner=excluded.owner, zone=excluded.zone, kind=excluded.kind,"
		" proto=excluded.proto, port=excluded.port, addr=excluded.addr,"
		" preset=excluded.preset, free_at=excluded.free_at, sum=excluded.sum",
	[RN_ST_GATEWAY] = "INSERT INTO gateway (" RN_SQLITE_GATEWAY_COLUMNS ")"
		" VALUES (?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT (number) DO UPDATE SET name=excluded.name,"
		" identity=excluded.identity, incarnation=excluded.incarnation,"
		" fenced=excluded.fenced, unheard=excluded.unheard,"
		" lease_ms=excluded.lease_ms, sum=excluded.sum, drained=excluded.drained",
	[RN_ST_EVACUATION] = "INSERT OR REPLACE INTO evacuation ("
		RN_SQLITE_EVACUATION_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[RN_ST_AUDIT] = "INSERT INTO audit (" RN_SQLITE_AUDIT_COLUMNS ")"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[RN_ST_VALUE] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
	[RN_ST_OLDEST] = "SELECT time_ns FROM audit WHERE rev >"
		" coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'pruned'), 0)"
		" ORDER BY rev LIMIT 1",
	[RN_ST_OLD_ROWS] = "SELECT rev, time_ns, what, ownership, pub_addr, pub_proto, pub_port"
		" FROM audit WHERE rev >"
		" coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'pruned'), 0)"
		" ORDER BY rev LIMIT ?",
	[RN_ST_FORGET_ROW] = "DELETE FROM audit WHERE rev = ?",
	[RN_ST_FORGET_BEFORE] = "DELETE FROM audit WHERE pub_addr = ? AND pub_proto = ?"
		" AND pub_port = ? AND ownership = 1 AND rev < ?",
};

/* ---- errors ---- */

gboolean rn_sqlite_fail(sqlite3 *sql, const char *path, const char *doing, GError **error)
{
	int code = sql ? sqlite3_errcode(sql) : SQLITE_NOMEM;
	gboolean damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;

	g_set_error(error, RN_STORE_ERROR,
		    damaged ? RN_STORE_ERROR_DAMAGED : RN_STORE_ERROR_FAILED,
		    "%s: %s: %s%s", path, doing, sql ? sqlite3_errmsg(sql) : "out of memory",
		    damaged ? ": restore it from a backup (docs/operations.md)" :
		    ": see to disk and permissions");
	return FALSE;
}

gboolean rn_sqlite_damaged(const char *path, GError **error, const char *format, ...)
{
	g_autofree char *what = NULL;
	va_list args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_DAMAGED,
		    "%s: %s: restore the store from a backup (docs/operations.md)", path, what);
	return FALSE;
}

gboolean rn_sqlite_run(sqlite3 *sql, const char *path, const char *text, GError **error)
{
	return sqlite3_exec(sql, text, NULL, NULL, NULL) == SQLITE_OK ||
	       rn_sqlite_fail(sql, path, text, error);
}

gboolean rn_sqlite_int(sqlite3 *sql, const char *path, const char *text, int64_t fallback,
		       int64_t *value, GError **error)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(sql, text, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	*value = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : fallback;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		rn_sqlite_fail(sql, path, text, error);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* ---- open and close ---- */

int rn_sqlite_lock(const char *path, GError **error)
{
	g_autofree char *name = g_strconcat(path, ".lock", NULL);
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
			    "%s: %s: the directory has to exist and be writable for us",
			    name, g_strerror(errno));
		return -1;
	}
	if (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_LOCKED,
			    "%s: another controller uses this store: stop it first, or set another store=",
			    path);
		close(fd);
		return -1;
	}
	return fd;
}

static gboolean check_whole(const struct rn_sqlite *db, GError **error)
{
	sqlite3_stmt *st = NULL;
	gboolean ok = FALSE;

	if (sqlite3_prepare_v2(db->writer, "PRAGMA quick_check(1)", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);

		ok = text && !strcmp(text, "ok");
		if (!ok)
			rn_sqlite_damaged(db->path, error, "damaged: %s",
					  text ? text : "no answer of quick_check");
	} else {
		rn_sqlite_fail(db->writer, db->path, "quick_check", error);
	}
	sqlite3_finalize(st);
	return ok;
}

/* Epochs have gone on since it was made; who takes it for the store as it was
 * would grant some of them twice.
 */
static gboolean refuse_copy(const struct rn_sqlite *db, GError **error)
{
	int64_t made;

	if (!rn_sqlite_int(db->writer, db->path,
			   "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'copy'", 0,
			   &made, error))
		return FALSE;
	if (!made)
		return TRUE;
	g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_COPY,
		    "%s: is a backup, and what was decided since then is not in it: read docs/operations.md, then run roamnat-controller --restored once",
		    db->path);
	return FALSE;
}

static int on_commit(void *data, sqlite3 *sql, const char *name, int frames)
{
	struct rn_sqlite *db = data;

	(void)sql;
	(void)name;
	db->wal_frames = frames;
	return SQLITE_OK;
}

/* store-sqlite-wal.c says why. A reader that is in the way is in no danger from
 * what stays in the log.
 */
static gboolean empty_log(struct rn_sqlite *db, GError **error)
{
	int rc = sqlite3_wal_checkpoint_v2(db->writer, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
					   NULL);

	return rc == SQLITE_OK || rc == SQLITE_BUSY ||
	       rn_sqlite_fail(db->writer, db->path, "empty the log", error);
}

static gboolean open_writer(struct rn_sqlite *db, GError **error)
{
	static const char settings[] = "PRAGMA cell_size_check=ON; PRAGMA cache_size=-" CACHE_KB;

	if (sqlite3_open_v2(db->path, &db->writer,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return rn_sqlite_fail(db->writer, db->path, "open", error);
	sqlite3_busy_timeout(db->writer, 5000);
	sqlite3_wal_hook(db->writer, on_commit, db);
	return rn_sqlite_run(db->writer, db->path, settings, error) &&
	       check_whole(db, error) &&
	       rn_sqlite_run(db->writer, db->path, "PRAGMA journal_mode=WAL", error) &&
	       rn_sqlite_run(db->writer, db->path, "PRAGMA synchronous=FULL", error) &&
	       empty_log(db, error) && rn_sqlite_migrate(db, error) && refuse_copy(db, error);
}

static gboolean open_all(struct rn_sqlite *db, GError **error)
{
	int fd;

	db->lock = rn_sqlite_lock(db->path, error);
	if (db->lock < 0 || !rn_sqlite_wal_check(db->path, error))
		return FALSE;
	/* Who talked to whom is nobody's business; SQLite's other files follow. */
	fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	if (!open_writer(db, error))
		return FALSE;
	for (int i = 0; i < RN_ST_N; i++)
		if (sqlite3_prepare_v3(db->writer, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &db->st[i], NULL) != SQLITE_OK)
			return rn_sqlite_fail(db->writer, db->path, statements[i], error);
	if (sqlite3_open_v2(db->path, &db->reader, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return rn_sqlite_fail(db->reader, db->path, "open for reading", error);
	sqlite3_busy_timeout(db->reader, 5000);
	return TRUE;
}

static void sqlite_close(void *data, gboolean failed)
{
	struct rn_sqlite *db = data;

	for (int i = 0; i < RN_ST_N; i++)
		sqlite3_finalize(db->st[i]);
	sqlite3_close(db->reader);
	if (failed && db->writer)
		sqlite3_db_config(db->writer, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db->writer);
	if (db->lock >= 0)
		close(db->lock);
	g_free(db->path);
	g_free(db);
}

static void *sqlite_open(const char *location, GError **error)
{
	struct rn_sqlite *db = g_new0(struct rn_sqlite, 1);

	db->path = g_strdup(location);
	db->lock = -1;
	if (open_all(db, error))
		return db;
	/* Whatever was wrong, it stays as it is. */
	sqlite_close(db, TRUE);
	return NULL;
}

/* ---- writing ---- */

static gboolean step(struct rn_sqlite *db, enum rn_sqlite_st which, GError **error)
{
	sqlite3_stmt *st = db->st[which];
	gboolean ok = sqlite3_step(st) == SQLITE_DONE;

	if (!ok)
		rn_sqlite_fail(db->writer, db->path, statements[which], error);
	sqlite3_reset(st);
	return ok;
}

static gboolean sqlite_begin(void *db, GError **error)
{
	return step(db, RN_ST_BEGIN, error);
}

static gboolean sqlite_commit(void *db, GError **error)
{
	return step(db, RN_ST_COMMIT, error);
}

static gboolean sqlite_mapping(void *data, const struct rn_store_mapping *row, GError **error)
{
	struct rn_sqlite *db = data;

	rn_sqlite_bind_mapping(db->st[RN_ST_MAPPING], row);
	return step(db, RN_ST_MAPPING, error);
}

static gboolean sqlite_gateway(void *data, const struct rn_store_gateway *row, GError **error)
{
	struct rn_sqlite *db = data;

	rn_sqlite_bind_gateway(db->st[RN_ST_GATEWAY], row);
	return step(db, RN_ST_GATEWAY, error);
}

static gboolean sqlite_evacuation(void *data, const struct rn_store_evacuation *row,
				  GError **error)
{
	struct rn_sqlite *db = data;

	rn_sqlite_bind_evacuation(db->st[RN_ST_EVACUATION], row);
	return step(db, RN_ST_EVACUATION, error);
}

static gboolean sqlite_audit(void *data, const struct rn_store_audit *row, GError **error)
{
	struct rn_sqlite *db = data;

	rn_sqlite_bind_audit(db->st[RN_ST_AUDIT], row);
	return step(db, RN_ST_AUDIT, error);
}

static gboolean sqlite_value(void *data, const struct rn_store_value *value, GError **error)
{
	struct rn_sqlite *db = data;
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value->value);

	sqlite3_bind_text(db->st[RN_ST_VALUE], 1, rn_sqlite_keys[value->key], -1, SQLITE_STATIC);
	sqlite3_bind_text(db->st[RN_ST_VALUE], 2, text, -1, SQLITE_TRANSIENT);
	return step(db, RN_ST_VALUE, error);
}

/* Into the file what it holds; an old snapshot that is still read (a backup, a
 * long query) leaves some for the next time.
 */
static gboolean sqlite_tidy(void *data, GError **error)
{
	struct rn_sqlite *db = data;
	int rc;

	if (db->wal_frames < WAL_FRAMES)
		return TRUE;
	rc = sqlite3_wal_checkpoint_v2(db->writer, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	db->wal_frames = 0;
	return rc == SQLITE_OK || rc == SQLITE_BUSY ||
	       rn_sqlite_fail(db->writer, db->path, "checkpoint", error);
}

/* ---- reading at start ---- */

static gboolean load_gateways(struct rn_sqlite *db, const struct rn_store_visitor *visitor,
			      void *data, GError **error)
{
	sqlite3_stmt *st = NULL;
	gboolean ok = TRUE;
	int rc = SQLITE_DONE;

	if (sqlite3_prepare_v2(db->writer, "SELECT " RN_SQLITE_GATEWAY_COLUMNS
			       " FROM gateway ORDER BY number", -1, &st, NULL) != SQLITE_OK)
		return rn_sqlite_fail(db->writer, db->path, "read gateways", error);
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct rn_store_gateway row;

		ok = rn_sqlite_get_gateway(st, &row) ||
		     rn_sqlite_damaged(db->path, error, "gateway %u is damaged, its checksum is wrong",
				       row.number);
		if (ok)
			visitor->gateway(&row, data);
	}
	sqlite3_finalize(st);
	return ok && (rc == SQLITE_DONE ||
		      rn_sqlite_fail(db->writer, db->path, "read gateways", error));
}

static gboolean load_evacuations(struct rn_sqlite *db, const struct rn_store_visitor *visitor,
				 void *data, GError **error)
{
	sqlite3_stmt *st = NULL;
	gboolean ok = TRUE;
	int rc = SQLITE_DONE;

	if (!visitor->evacuation)
		return TRUE;
	if (sqlite3_prepare_v2(db->writer, "SELECT " RN_SQLITE_EVACUATION_COLUMNS
			       " FROM evacuation ORDER BY gateway", -1, &st, NULL) != SQLITE_OK)
		return rn_sqlite_fail(db->writer, db->path, "read evacuations", error);
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct rn_store_evacuation row;

		ok = rn_sqlite_get_evacuation(st, &row) ||
		     rn_sqlite_damaged(db->path, error,
				       "the evacuation of gateway %u is damaged, its checksum is wrong",
				       row.gateway);
		if (ok)
			visitor->evacuation(&row, data);
	}
	sqlite3_finalize(st);
	return ok && (rc == SQLITE_DONE ||
		      rn_sqlite_fail(db->writer, db->path, "read evacuations", error));
}

static gboolean load_mappings(struct rn_sqlite *db, const struct rn_store_visitor *visitor,
			      void *data, GError **error)
{
	sqlite3_stmt *st = NULL;
	gboolean ok = TRUE;
	int rc = SQLITE_DONE;

	if (sqlite3_prepare_v2(db->writer, "SELECT " RN_SQLITE_MAPPING_COLUMNS
			       " FROM mapping ORDER BY id", -1, &st, NULL) != SQLITE_OK)
		return rn_sqlite_fail(db->writer, db->path, "read mappings", error);
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct rn_store_mapping row;

		ok = rn_sqlite_get_mapping(st, &row) ||
		     rn_sqlite_damaged(db->path, error,
				       "mapping %" G_GUINT64_FORMAT " is damaged, its checksum is wrong",
				       row.id);
		ok = ok && visitor->mapping(&row, data, error);
	}
	sqlite3_finalize(st);
	return ok && (rc == SQLITE_DONE ||
		      rn_sqlite_fail(db->writer, db->path, "read mappings", error));
}

static gboolean load_state(struct rn_sqlite *db, struct rn_store_state *state, GError **error)
{
	int64_t rev;

	if (!rn_sqlite_int(db->writer, db->path, "SELECT max(rev) FROM audit", 0, &rev, error) ||
	    !rn_sqlite_int(db->writer, db->path,
			   "SELECT time_ns FROM audit ORDER BY rev DESC LIMIT 1", 0,
			   &state->last_ns, error))
		return FALSE;
	state->last_rev = rev;
	for (int key = 0; key < RN_STORE_KEY_N; key++) {
		g_autofree char *text =
			g_strdup_printf("SELECT CAST(value AS INTEGER) FROM meta WHERE key = '%s'",
					rn_sqlite_keys[key]);

		if (!rn_sqlite_int(db->writer, db->path, text, 0, &state->value[key], error))
			return FALSE;
	}
	return TRUE;
}

static gboolean sqlite_load(void *data, const struct rn_store_visitor *visitor, void *user,
			    struct rn_store_state *state, GError **error)
{
	struct rn_sqlite *db = data;

	return load_state(db, state, error) && load_gateways(db, visitor, user, error) &&
	       load_mappings(db, visitor, user, error) &&
	       load_evacuations(db, visitor, user, error);
}

const struct rn_store_engine rn_store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.load = sqlite_load,
	.begin = sqlite_begin,
	.mapping = sqlite_mapping,
	.gateway = sqlite_gateway,
	.evacuation = sqlite_evacuation,
	.audit = sqlite_audit,
	.value = sqlite_value,
	.prune = rn_sqlite_prune,
	.oldest = rn_sqlite_oldest,
	.commit = sqlite_commit,
	.tidy = sqlite_tidy,
	.query = rn_sqlite_query,
	.backup = rn_sqlite_backup,
	.close = sqlite_close,
	.check = rn_sqlite_check,
	.restore = rn_sqlite_restore,
};
