// SPDX-License-Identifier: GPL-2.0
/*
 * The store in one SQLite file: WAL with synchronous=FULL, so that a commit is
 * on disk when it returns. SQLite's log has checksums but its pages have none;
 * each mapping therefore carries its own (P8). A lock file keeps a second
 * controller out; the database itself stays open for readers (sqlite3, backup).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* locks of an open file description */
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "controller/store-engine.h"

#define APPLICATION_ID	0x726e6174	/* "rnat", for file(1) */

enum statement {
	ST_BEGIN, ST_COMMIT, ST_MAPPING, ST_GATEWAY, ST_AUDIT, ST_MAX,
};

struct db {
	sqlite3 *writer;
	sqlite3 *reader;
	sqlite3_stmt *st[ST_MAX];
	char *path;
	int lock;
};

/* Step n brings a store of schema n to schema n + 1. Append only. */
static const char *const migrations[RN_STORE_SCHEMA] = {
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE gateway ("
	"  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, identity TEXT NOT NULL,"
	"  incarnation INTEGER NOT NULL, fenced INTEGER NOT NULL) STRICT;"
	"CREATE TABLE mapping ("
	"  id INTEGER PRIMARY KEY, state INTEGER NOT NULL, epoch INTEGER NOT NULL,"
	"  owner INTEGER NOT NULL, zone INTEGER NOT NULL, kind INTEGER NOT NULL,"
	"  proto INTEGER NOT NULL, port INTEGER NOT NULL, addr BLOB NOT NULL,"
	"  pub_addr BLOB NOT NULL, pub_proto INTEGER NOT NULL, pub_port INTEGER NOT NULL,"
	"  preset INTEGER NOT NULL, free_at INTEGER NOT NULL, sum INTEGER NOT NULL,"
	"  UNIQUE (pub_addr, pub_proto, pub_port)) STRICT;"
	"CREATE TABLE audit ("
	"  rev INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, what TEXT NOT NULL,"
	"  ownership INTEGER NOT NULL, code INTEGER NOT NULL, cause INTEGER NOT NULL,"
	"  id INTEGER NOT NULL, epoch INTEGER NOT NULL, zone INTEGER NOT NULL,"
	"  kind INTEGER NOT NULL, proto INTEGER NOT NULL, port INTEGER NOT NULL,"
	"  addr BLOB NOT NULL, pub_addr BLOB NOT NULL, pub_proto INTEGER NOT NULL,"
	"  pub_port INTEGER NOT NULL, from_gw INTEGER NOT NULL, to_gw INTEGER NOT NULL,"
	"  verified_by INTEGER NOT NULL, by TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
	"CREATE INDEX audit_pub ON audit (pub_addr, pub_proto, pub_port, rev);"
};

static const char *const statements[ST_MAX] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	/* Not REPLACE: that would take away another id's row with this endpoint. */
	[ST_MAPPING] = "INSERT INTO mapping VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT (id) DO UPDATE SET state=excluded.state, epoch=excluded.epoch,"
		" owner=excluded.owner, zone=excluded.zone, kind=excluded.kind,"
		" proto=excluded.proto, port=excluded.port, addr=excluded.addr,"
		" preset=excluded.preset, free_at=excluded.free_at, sum=excluded.sum",
	[ST_GATEWAY] = "INSERT INTO gateway VALUES (?,?,?,?,?)"
		" ON CONFLICT (number) DO UPDATE SET name=excluded.name,"
		" identity=excluded.identity, incarnation=excluded.incarnation,"
		" fenced=excluded.fenced",
	[ST_AUDIT] = "INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
};

#define AUDIT_COLUMNS \
	"rev, time_ns, what, ownership, code, cause, id, epoch, zone, kind, proto, port," \
	" addr, pub_addr, pub_proto, pub_port, from_gw, to_gw, verified_by, by, text"

static gboolean fail(sqlite3 *sql, const struct db *db, const char *doing, GError **error)
{
	gboolean damaged = sqlite3_errcode(sql) == SQLITE_CORRUPT ||
			   sqlite3_errcode(sql) == SQLITE_NOTADB;

	g_set_error(error, RN_STORE_ERROR,
		    damaged ? RN_STORE_ERROR_DAMAGED : RN_STORE_ERROR_FAILED,
		    "%s: %s: %s%s", db->path, doing, sqlite3_errmsg(sql),
		    damaged ? ": restore it from a backup" : ": see to disk and permissions");
	return FALSE;
}

static gboolean run(sqlite3 *sql, const struct db *db, const char *text, GError **error)
{
	return sqlite3_exec(sql, text, NULL, NULL, NULL) == SQLITE_OK ||
	       fail(sql, db, text, error);
}

/* First column of the first row as an integer; -1 on error. */
static int64_t pragma(const struct db *db, const char *text, GError **error)
{
	sqlite3_stmt *st = NULL;
	int64_t value = -1;

	if (sqlite3_prepare_v2(db->writer, text, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		value = sqlite3_column_int64(st, 0);
	else
		fail(db->writer, db, text, error);
	sqlite3_finalize(st);
	return value;
}

static gboolean lock_take(struct db *db, GError **error)
{
	g_autofree char *path = g_strconcat(db->path, ".lock", NULL);
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	db->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (db->lock < 0) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
			    "%s: %s: the directory has to exist and be writable for us",
			    path, g_strerror(errno));
		return FALSE;
	}
	if (fcntl(db->lock, F_OFD_SETLK, &whole) < 0) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_LOCKED,
			    "%s: another controller uses this store: stop it first, or set another store=",
			    db->path);
		return FALSE;
	}
	return TRUE;
}

static gboolean check_whole(const struct db *db, GError **error)
{
	sqlite3_stmt *st = NULL;
	gboolean ok = FALSE;

	if (sqlite3_prepare_v2(db->writer, "PRAGMA quick_check(1)", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);

		ok = text && !strcmp(text, "ok");
		if (!ok)
			g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_DAMAGED,
				    "%s: damaged: %s: restore it from a backup", db->path,
				    text ? text : "no answer of quick_check");
	} else {
		fail(db->writer, db, "quick_check", error);
	}
	sqlite3_finalize(st);
	return ok;
}

static gboolean migrate(const struct db *db, GError **error)
{
	int64_t version = pragma(db, "PRAGMA user_version", error);

	if (version < 0)
		return FALSE;
	if (version > RN_STORE_SCHEMA) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_NEWER,
			    "%s: schema %d is of a newer roamnat-controller, this one knows %d: install the newer one",
			    db->path, (int)version, RN_STORE_SCHEMA);
		return FALSE;
	}
	for (; version < RN_STORE_SCHEMA; version++) {
		g_autofree char *after =
			g_strdup_printf("PRAGMA application_id=%d;"
					"INSERT OR REPLACE INTO meta VALUES ('schema', '%d');"
					"PRAGMA user_version=%d;COMMIT", APPLICATION_ID,
					(int)version + 1, (int)version + 1);

		if (!run(db->writer, db, "BEGIN IMMEDIATE", error) ||
		    !run(db->writer, db, migrations[version], error) ||
		    !run(db->writer, db, after, error))
			return FALSE;
	}
	return TRUE;
}

static void sqlite_close(void *data)
{
	struct db *db = data;

	for (int i = 0; i < ST_MAX; i++)
		sqlite3_finalize(db->st[i]);
	sqlite3_close(db->reader);
	sqlite3_close(db->writer);
	if (db->lock >= 0)
		close(db->lock);
	g_free(db->path);
	g_free(db);
}

static gboolean open_checked(struct db *db, GError **error)
{
	int fd;

	if (!lock_take(db, error))
		return FALSE;
	/* Who talked to whom is nobody's business; SQLite's other files follow. */
	fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	if (sqlite3_open_v2(db->path, &db->writer,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return fail(db->writer, db, "open", error);
	sqlite3_busy_timeout(db->writer, 5000);
	if (!run(db->writer, db, "PRAGMA cell_size_check=ON", error) ||
	    !check_whole(db, error) ||
	    !run(db->writer, db, "PRAGMA journal_mode=WAL", error) ||
	    !run(db->writer, db, "PRAGMA synchronous=FULL", error) ||
	    !migrate(db, error))
		return FALSE;
	for (int i = 0; i < ST_MAX; i++)
		if (sqlite3_prepare_v3(db->writer, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &db->st[i], NULL) != SQLITE_OK)
			return fail(db->writer, db, statements[i], error);
	if (sqlite3_open_v2(db->path, &db->reader, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return fail(db->reader, db, "open for reading", error);
	sqlite3_busy_timeout(db->reader, 5000);
	return TRUE;
}

static void *sqlite_open(const char *location, GError **error)
{
	struct db *db = g_new0(struct db, 1);

	db->path = g_strdup(location);
	db->lock = -1;
	if (open_checked(db, error))
		return db;
	sqlite_close(db);
	return NULL;
}

/* ---- rows ---- */

/* FNV-1a over the row as it is stored. */
static int64_t mapping_sum(const struct rn_store_mapping *row)
{
	const uint64_t fields[] = {
		row->id, row->state, row->epoch, row->owner, row->vm.zone, row->vm.kind,
		row->vm.proto, row->vm.port, row->vm.addr.len, row->pub.addr.len,
		row->pub.proto, row->pub.port, row->preset, (uint64_t)row->free_at,
	};
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
		for (int shift = 0; shift < 64; shift += 8)
			sum = (sum ^ (fields[i] >> shift & 0xff)) * UINT64_C(0x100000001b3);
	for (gsize i = 0; i < row->vm.addr.len; i++)
		sum = (sum ^ row->vm.addr.b[i]) * UINT64_C(0x100000001b3);
	for (gsize i = 0; i < row->pub.addr.len; i++)
		sum = (sum ^ row->pub.addr.b[i]) * UINT64_C(0x100000001b3);
	return (int64_t)sum;
}

static void bind_addr(sqlite3_stmt *st, int column, const struct rn_addr *addr)
{
	sqlite3_bind_blob(st, column, addr->b, addr->len, SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *st, int column, const char *text)
{
	sqlite3_bind_text(st, column, text, -1, SQLITE_STATIC);
}

static void column_addr(sqlite3_stmt *st, int column, struct rn_addr *addr)
{
	int n = sqlite3_column_bytes(st, column);

	*addr = (struct rn_addr){ 0 };
	if (n != 4 && n != 16)
		return;
	addr->len = n;
	memcpy(addr->b, sqlite3_column_blob(st, column), n);
}

static void column_text(sqlite3_stmt *st, int column, char *text, gsize size)
{
	const char *from = (const char *)sqlite3_column_text(st, column);

	g_strlcpy(text, from ? from : "", size);
}

static gboolean step(struct db *db, enum statement which, GError **error)
{
	sqlite3_stmt *st = db->st[which];
	gboolean ok = sqlite3_step(st) == SQLITE_DONE;

	if (!ok)
		fail(db->writer, db, statements[which], error);
	sqlite3_reset(st);
	return ok;
}

static gboolean sqlite_begin(void *db, GError **error)
{
	return step(db, ST_BEGIN, error);
}

static gboolean sqlite_commit(void *db, GError **error)
{
	return step(db, ST_COMMIT, error);
}

static gboolean sqlite_mapping(void *data, const struct rn_store_mapping *row, GError **error)
{
	struct db *db = data;
	sqlite3_stmt *st = db->st[ST_MAPPING];
	int c = 1;

	sqlite3_bind_int64(st, c++, row->id);
	sqlite3_bind_int64(st, c++, row->state);
	sqlite3_bind_int64(st, c++, row->epoch);
	sqlite3_bind_int64(st, c++, row->owner);
	sqlite3_bind_int64(st, c++, row->vm.zone);
	sqlite3_bind_int64(st, c++, row->vm.kind);
	sqlite3_bind_int64(st, c++, row->vm.proto);
	sqlite3_bind_int64(st, c++, row->vm.port);
	bind_addr(st, c++, &row->vm.addr);
	bind_addr(st, c++, &row->pub.addr);
	sqlite3_bind_int64(st, c++, row->pub.proto);
	sqlite3_bind_int64(st, c++, row->pub.port);
	sqlite3_bind_int64(st, c++, row->preset);
	sqlite3_bind_int64(st, c++, row->free_at);
	sqlite3_bind_int64(st, c++, mapping_sum(row));
	return step(db, ST_MAPPING, error);
}

static gboolean sqlite_gateway(void *data, const struct rn_store_gateway *row, GError **error)
{
	struct db *db = data;
	sqlite3_stmt *st = db->st[ST_GATEWAY];

	sqlite3_bind_int64(st, 1, row->number);
	bind_text(st, 2, row->name);
	bind_text(st, 3, row->identity);
	sqlite3_bind_int64(st, 4, row->incarnation);
	sqlite3_bind_int64(st, 5, row->fenced);
	return step(db, ST_GATEWAY, error);
}

static gboolean sqlite_audit(void *data, const struct rn_store_audit *row, GError **error)
{
	struct db *db = data;
	sqlite3_stmt *st = db->st[ST_AUDIT];
	int c = 1;

	sqlite3_bind_int64(st, c++, row->rev);
	sqlite3_bind_int64(st, c++, row->time_ns);
	bind_text(st, c++, row->what);
	sqlite3_bind_int64(st, c++, row->ownership);
	sqlite3_bind_int64(st, c++, row->code);
	sqlite3_bind_int64(st, c++, row->cause);
	sqlite3_bind_int64(st, c++, row->id);
	sqlite3_bind_int64(st, c++, row->epoch);
	sqlite3_bind_int64(st, c++, row->vm.zone);
	sqlite3_bind_int64(st, c++, row->vm.kind);
	sqlite3_bind_int64(st, c++, row->vm.proto);
	sqlite3_bind_int64(st, c++, row->vm.port);
	bind_addr(st, c++, &row->vm.addr);
	bind_addr(st, c++, &row->pub.addr);
	sqlite3_bind_int64(st, c++, row->pub.proto);
	sqlite3_bind_int64(st, c++, row->pub.port);
	sqlite3_bind_int64(st, c++, row->from);
	sqlite3_bind_int64(st, c++, row->to);
	sqlite3_bind_int64(st, c++, row->verified_by);
	bind_text(st, c++, row->by);
	bind_text(st, c++, row->text);
	return step(db, ST_AUDIT, error);
}

/* ---- reading ---- */

static gboolean load_gateways(struct db *db, const struct rn_store_visitor *visitor,
			      void *data, GError **error)
{
	sqlite3_stmt *st = NULL;
	int rc;

	if (sqlite3_prepare_v2(db->writer, "SELECT number, name, identity, incarnation, fenced"
			       " FROM gateway ORDER BY number", -1, &st, NULL) != SQLITE_OK)
		return fail(db->writer, db, "read gateways", error);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct rn_store_gateway row = {
			.number = sqlite3_column_int64(st, 0),
			.incarnation = sqlite3_column_int64(st, 3),
			.fenced = sqlite3_column_int64(st, 4),
		};

		column_text(st, 1, row.name, sizeof(row.name));
		column_text(st, 2, row.identity, sizeof(row.identity));
		visitor->gateway(&row, data);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE || fail(db->writer, db, "read gateways", error);
}

static void column_mapping(sqlite3_stmt *st, struct rn_store_mapping *row)
{
	*row = (struct rn_store_mapping){
		.id = sqlite3_column_int64(st, 0),
		.state = sqlite3_column_int64(st, 1),
		.epoch = sqlite3_column_int64(st, 2),
		.owner = sqlite3_column_int64(st, 3),
		.vm.zone = sqlite3_column_int64(st, 4),
		.vm.kind = sqlite3_column_int64(st, 5),
		.vm.proto = sqlite3_column_int64(st, 6),
		.vm.port = sqlite3_column_int64(st, 7),
		.pub.proto = sqlite3_column_int64(st, 10),
		.pub.port = sqlite3_column_int64(st, 11),
		.preset = sqlite3_column_int64(st, 12),
		.free_at = sqlite3_column_int64(st, 13),
	};
	column_addr(st, 8, &row->vm.addr);
	column_addr(st, 9, &row->pub.addr);
}

static gboolean load_mappings(struct db *db, const struct rn_store_visitor *visitor,
			      void *data, GError **error)
{
	sqlite3_stmt *st = NULL;
	gboolean ok = TRUE;
	int rc = SQLITE_DONE;

	if (sqlite3_prepare_v2(db->writer, "SELECT * FROM mapping ORDER BY id", -1, &st,
			       NULL) != SQLITE_OK)
		return fail(db->writer, db, "read mappings", error);
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct rn_store_mapping row;

		column_mapping(st, &row);
		if (sqlite3_column_int64(st, 14) != mapping_sum(&row)) {
			g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_DAMAGED,
				    "%s: mapping %" PRIu64 " is damaged, its checksum is wrong: restore the store from a backup",
				    db->path, row.id);
			ok = FALSE;
			break;
		}
		ok = visitor->mapping(&row, data, error);
	}
	sqlite3_finalize(st);
	if (!ok)
		return FALSE;
	return rc == SQLITE_DONE || fail(db->writer, db, "read mappings", error);
}

static gboolean sqlite_load(void *data, const struct rn_store_visitor *visitor, void *user,
			    uint64_t *last_rev, GError **error)
{
	struct db *db = data;
	int64_t rev = pragma(db, "SELECT coalesce(max(rev), 0) FROM audit", error);

	if (rev < 0)
		return FALSE;
	*last_rev = rev;
	return load_gateways(db, visitor, user, error) &&
	       load_mappings(db, visitor, user, error);
}

/* ?1 address, ?2 time, ?3 rev, ?4 limit, ?5 port matters, ?6 protocol, ?7 port */
static const char *query_text(const struct rn_store_query *query)
{
#define PUB	"pub_addr = ?1 AND (NOT ?5 OR (pub_port = ?7 AND ?6 IN (0, pub_proto)))"
#define LAST	"SELECT " AUDIT_COLUMNS " FROM audit WHERE rev IN" \
		" (SELECT max(rev) FROM audit WHERE ownership AND time_ns <= ?2 AND "
#define EACH	" GROUP BY pub_addr, pub_proto, pub_port)"
#define PAGE	" AND rev > ?3 ORDER BY rev LIMIT ?4"
	if (query->at_ns)
		return query->addr.len ? LAST PUB EACH PAGE : LAST "1" EACH PAGE;
	if (query->addr.len)
		return "SELECT " AUDIT_COLUMNS " FROM audit WHERE " PUB PAGE;
	return "SELECT " AUDIT_COLUMNS " FROM audit WHERE 1" PAGE;
#undef PUB
#undef LAST
#undef EACH
#undef PAGE
}

static void column_audit(sqlite3_stmt *st, struct rn_store_audit *row)
{
	*row = (struct rn_store_audit){
		.rev = sqlite3_column_int64(st, 0),
		.time_ns = sqlite3_column_int64(st, 1),
		.ownership = sqlite3_column_int64(st, 3),
		.code = sqlite3_column_int64(st, 4),
		.cause = sqlite3_column_int64(st, 5),
		.id = sqlite3_column_int64(st, 6),
		.epoch = sqlite3_column_int64(st, 7),
		.vm.zone = sqlite3_column_int64(st, 8),
		.vm.kind = sqlite3_column_int64(st, 9),
		.vm.proto = sqlite3_column_int64(st, 10),
		.vm.port = sqlite3_column_int64(st, 11),
		.pub.proto = sqlite3_column_int64(st, 14),
		.pub.port = sqlite3_column_int64(st, 15),
		.from = sqlite3_column_int64(st, 16),
		.to = sqlite3_column_int64(st, 17),
		.verified_by = sqlite3_column_int64(st, 18),
	};
	column_addr(st, 12, &row->vm.addr);
	column_addr(st, 13, &row->pub.addr);
	column_text(st, 2, row->what, sizeof(row->what));
	column_text(st, 19, row->by, sizeof(row->by));
	column_text(st, 20, row->text, sizeof(row->text));
}

static GArray *sqlite_query(void *data, const struct rn_store_query *query, GError **error)
{
	struct db *db = data;
	sqlite3_stmt *st = NULL;
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct rn_store_audit));
	int rc = SQLITE_ERROR;

	if (sqlite3_prepare_v2(db->reader, query_text(query), -1, &st, NULL) == SQLITE_OK) {
		sqlite3_bind_blob(st, 1, query->addr.b, query->addr.len, SQLITE_STATIC);
		sqlite3_bind_int64(st, 2, query->at_ns);
		sqlite3_bind_int64(st, 3, query->after);
		sqlite3_bind_int64(st, 4, query->limit);
		sqlite3_bind_int64(st, 5, query->has_port);
		sqlite3_bind_int64(st, 6, query->proto);
		sqlite3_bind_int64(st, 7, query->port);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			struct rn_store_audit row;

			column_audit(st, &row);
			g_array_append_val(rows, row);
		}
	}
	if (rc != SQLITE_DONE) {
		fail(db->reader, db, "read the audit log", error);
		g_clear_pointer(&rows, g_array_unref);
	}
	sqlite3_finalize(st);
	return rows;
}

const struct rn_store_engine rn_store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.load = sqlite_load,
	.begin = sqlite_begin,
	.mapping = sqlite_mapping,
	.gateway = sqlite_gateway,
	.audit = sqlite_audit,
	.commit = sqlite_commit,
	.query = sqlite_query,
	.close = sqlite_close,
};
