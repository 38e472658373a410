// SPDX-License-Identifier: GPL-2.0
/*
 * The tables, and the way to them from each older schema, in one transaction:
 * after a crash the file has the one schema or the other, whole.
 */
#include "base/log.h"
#include "controller/store-sqlite.h"

#define APPLICATION_ID	0x726e6174	/* "rnat", for file(1) */

const char *const rn_sqlite_keys[RN_STORE_KEY_N] = {
	[RN_STORE_CLOCK] = "clock",
	[RN_STORE_RESTORED] = "restored",
	[RN_STORE_NEXT_ID] = "next-id",
};

/* Step n brings a store of schema n to schema n + 1. Append only. */
static const char *const steps[RN_STORE_SCHEMA] = {
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
	"CREATE INDEX audit_pub ON audit (pub_addr, pub_proto, pub_port, rev);",

	/*
	 * Checksums for all rows, and the epoch before. Time becomes a range of
	 * revisions by a search in the table itself, so no index has it: audit_own
	 * answers who had an endpoint at a revision, the others tell histories.
	 */
	"ALTER TABLE gateway ADD COLUMN unheard INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE gateway ADD COLUMN lease_ms INTEGER NOT NULL DEFAULT -1;"
	"ALTER TABLE gateway ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE audit ADD COLUMN epoch_from INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE audit ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX audit_pub;"
	"CREATE INDEX audit_pub ON audit (pub_addr, rev) WHERE pub_addr <> x'';"
	"CREATE INDEX audit_own ON audit (pub_addr, pub_proto, pub_port, rev) WHERE ownership = 1;"
	"CREATE INDEX audit_vm ON audit (addr, rev) WHERE addr <> x'';"
	"CREATE INDEX audit_from ON audit (from_gw, rev) WHERE from_gw <> 0;"
	"CREATE INDEX audit_to ON audit (to_gw, rev) WHERE to_gw <> 0;"
	"CREATE INDEX audit_break ON audit (rev) WHERE what IN ('clock-set', 'restored');",

	/* Blocks of ports. Those of another size at the same place are others. */
	"ALTER TABLE audit ADD COLUMN pub_ports INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE mapping RENAME TO mapping2;"
	"CREATE TABLE mapping ("
	"  id INTEGER PRIMARY KEY, state INTEGER NOT NULL, epoch INTEGER NOT NULL,"
	"  owner INTEGER NOT NULL, zone INTEGER NOT NULL, kind INTEGER NOT NULL,"
	"  proto INTEGER NOT NULL, port INTEGER NOT NULL, addr BLOB NOT NULL,"
	"  pub_addr BLOB NOT NULL, pub_proto INTEGER NOT NULL, pub_port INTEGER NOT NULL,"
	"  pub_ports INTEGER NOT NULL, preset INTEGER NOT NULL, free_at INTEGER NOT NULL,"
	"  sum INTEGER NOT NULL, UNIQUE (pub_addr, pub_proto, pub_port, pub_ports)) STRICT;"
	"INSERT INTO mapping SELECT id, state, epoch, owner, zone, kind, proto, port, addr,"
	"  pub_addr, pub_proto, pub_port, 0, preset, free_at, sum FROM mapping2 ORDER BY id;"
	"DROP TABLE mapping2;",

	/* What an orchestrator began and has not ended. */
	"ALTER TABLE gateway ADD COLUMN drained INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE evacuation ("
	"  gateway INTEGER PRIMARY KEY, state INTEGER NOT NULL, force INTEGER NOT NULL,"
	"  in_flight INTEGER NOT NULL, total INTEGER NOT NULL, moved INTEGER NOT NULL,"
	"  began_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL, targets TEXT NOT NULL,"
	"  by TEXT NOT NULL, reason TEXT NOT NULL, text TEXT NOT NULL,"
	"  sum INTEGER NOT NULL) STRICT;",
};

/* Reads every row of `select`, and writes it by `insert` with its sum. */
static gboolean rewrite(struct rn_sqlite *db, const char *select, const char *insert,
			void (*row)(sqlite3_stmt *from, sqlite3_stmt *to), GError **error)
{
	sqlite3_stmt *from = NULL, *to = NULL;
	int rc = SQLITE_ERROR;

	if (sqlite3_prepare_v2(db->writer, select, -1, &from, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(db->writer, insert, -1, &to, NULL) == SQLITE_OK) {
		while ((rc = sqlite3_step(from)) == SQLITE_ROW) {
			row(from, to);
			if (sqlite3_step(to) != SQLITE_DONE)
				break;
			sqlite3_reset(to);
		}
	}
	if (rc != SQLITE_DONE)
		rn_sqlite_fail(db->writer, db->path, "bring the rows forward", error);
	sqlite3_finalize(from);
	sqlite3_finalize(to);
	return rc == SQLITE_DONE;
}

static void sum_gateway(sqlite3_stmt *from, sqlite3_stmt *to)
{
	struct rn_store_gateway row;

	rn_sqlite_get_gateway(from, &row);
	rn_sqlite_bind_gateway(to, &row);
}

static void sum_audit(sqlite3_stmt *from, sqlite3_stmt *to)
{
	struct rn_store_audit row;

	rn_sqlite_get_audit(from, &row);
	rn_sqlite_bind_audit(to, &row);
}

/* What SQL alone cannot do; once the tables are those of today. from: the schema that
 * it was.
 */
static gboolean step_rows(struct rn_sqlite *db, int from, GError **error)
{
	if (from != 1)
		return TRUE;
	return rewrite(db, "SELECT " RN_SQLITE_GATEWAY_COLUMNS " FROM gateway",
		       "UPDATE gateway SET sum = ?8 WHERE number = ?1", sum_gateway, error) &&
	       rewrite(db, "SELECT " RN_SQLITE_AUDIT_COLUMNS " FROM audit ORDER BY rev",
		       "UPDATE audit SET sum = ?23, pub_ports = ?24 WHERE rev = ?1", sum_audit,
		       error);
}

static gboolean all_steps(struct rn_sqlite *db, int version, GError **error)
{
	g_autofree char *after =
		g_strdup_printf("PRAGMA application_id=%d;"
				"INSERT OR REPLACE INTO meta VALUES ('schema', '%d');"
				"PRAGMA user_version=%d;COMMIT", APPLICATION_ID, RN_STORE_SCHEMA,
				RN_STORE_SCHEMA);

	if (!rn_sqlite_run(db->writer, db->path, "BEGIN IMMEDIATE", error))
		return FALSE;
	for (int step = version; step < RN_STORE_SCHEMA; step++)
		if (!rn_sqlite_run(db->writer, db->path, steps[step], error))
			return FALSE;
	return step_rows(db, version, error) && rn_sqlite_run(db->writer, db->path, after, error);
}

/* The file before its first step. One of that name is of an attempt that did not
 * come so far, or of an earlier life of the older program: older in any case.
 */
static gboolean keep_older(struct rn_sqlite *db, int version, GError **error)
{
	g_autofree char *copy = g_strdup_printf("%s.v%d.bak", db->path, version);

	if (!rn_sqlite_copy(db->path, copy, FALSE, NULL, error))
		return FALSE;
	rn_notice("store: schema %d becomes %d, the file as it was is %s", version,
		  RN_STORE_SCHEMA, copy);
	return TRUE;
}

gboolean rn_sqlite_migrate(struct rn_sqlite *db, GError **error)
{
	int64_t version;

	if (!rn_sqlite_int(db->writer, db->path, "PRAGMA user_version", 0, &version, error))
		return FALSE;
	if (version > RN_STORE_SCHEMA) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_NEWER,
			    "%s: schema %d is of a newer roamnat-controller, this one knows %d: install the newer one",
			    db->path, (int)version, RN_STORE_SCHEMA);
		return FALSE;
	}
	if (version == RN_STORE_SCHEMA)
		return TRUE;
	return (!version || keep_older(db, version, error)) && all_steps(db, version, error);
}
