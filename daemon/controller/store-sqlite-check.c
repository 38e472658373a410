// SPDX-License-Identifier: GPL-2.0
/*
 * --check-store: every page, every checksum, and what the rows say together.
 * Changes nothing, and may run beside a controller: it reads one snapshot.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* locks of an open file description */
#endif
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "controller/store-sqlite.h"
#include "own/controller.h"

#define REPORTS	200	/* sentences; more would not be read */
#define RESTORE	"restore the store from a backup (docs/operations.md)"

struct checking {
	sqlite3 *sql;
	const char *path;
	rn_store_report_func report;
	void *data;
	unsigned int n;
	GError **error;
};

static void tell(struct checking *c, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void tell(struct checking *c, const char *format, ...)
{
	g_autofree char *sentence = NULL;
	va_list args;

	if (c->n++ >= REPORTS) {
		if (c->n == REPORTS + 1)
			c->report("and more of that kind", c->data);
		return;
	}
	va_start(args, format);
	sentence = g_strdup_vprintf(format, args);
	va_end(args);
	c->report(sentence, c->data);
}

/* Calls row with each of select's. */
static gboolean each(struct checking *c, const char *select,
		     void (*row)(struct checking *c, sqlite3_stmt *st))
{
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v2(c->sql, select, -1, &st, NULL);
	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			row(c, st);
	if (rc != SQLITE_DONE)
		rn_sqlite_fail(c->sql, c->path, select, c->error);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE;
}

/* ---- rows ---- */

static void page_row(struct checking *c, sqlite3_stmt *st)
{
	const char *text = (const char *)sqlite3_column_text(st, 0);

	if (!text || strcmp(text, "ok"))
		tell(c, "%s: " RESTORE, text ? text : "integrity_check says nothing");
}

static void gateway_row(struct checking *c, sqlite3_stmt *st)
{
	struct rn_store_gateway row;

	if (!rn_sqlite_get_gateway(st, &row))
		tell(c, "gateway %u (%s): the row is not as it was written: " RESTORE, row.number,
		     row.name);
	else if (!row.number || !*row.name)
		tell(c, "gateway %u has no number or no name: " RESTORE, row.number);
}

static void mapping_row(struct checking *c, sqlite3_stmt *st)
{
	struct rn_store_mapping row;
	char pub[RN_SIDE_TEXT] = "?";
	bool whole = rn_sqlite_get_mapping(st, &row);

	if (row.pub.addr.len)
		rn_public_print(&row.pub, pub);
	if (!whole)
		tell(c, "mapping %" G_GUINT64_FORMAT " (%s): the row is not as it was written: "
		     RESTORE, row.id, pub);
	else if (!row.id || row.state > OWN_CTL_QUARANTINE || !row.pub.addr.len)
		tell(c, "mapping %" G_GUINT64_FORMAT " (%s): no id, no address or no such state: "
		     RESTORE, row.id, pub);
}

static void evacuation_row(struct checking *c, sqlite3_stmt *st)
{
	struct rn_store_evacuation row;

	if (!rn_sqlite_get_evacuation(st, &row))
		tell(c, "evacuation of gateway %u: the row is not as it was written: " RESTORE,
		     row.gateway);
}

static void audit_row(struct checking *c, sqlite3_stmt *st)
{
	struct rn_store_audit row;

	if (!rn_sqlite_get_audit(st, &row))
		tell(c, "audit row %" G_GUINT64_FORMAT
		     " (%s): not as it was written: its testimony is worth nothing; ownership itself does not depend on it",
		     row.rev, row.what);
}

/* ---- what rows say together ---- */

static void two_of_a_vm(struct checking *c, sqlite3_stmt *st)
{
	tell(c, "mappings %lld and %lld are both granted to one VM (I7): " RESTORE,
	     sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1));
}

static void no_owner(struct checking *c, sqlite3_stmt *st)
{
	tell(c, "mapping %lld belongs to gateway %lld, which the store does not know: " RESTORE,
	     sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1));
}

/* id, state, epoch, owner; epoch and to_gw of the last event of ownership */
static void last_event(struct checking *c, sqlite3_stmt *st)
{
	int64_t id = sqlite3_column_int64(st, 0);
	bool granted = sqlite3_column_int64(st, 1) == OWN_CTL_GRANTED;
	uint64_t epoch = sqlite3_column_int64(st, 2), told = sqlite3_column_int64(st, 4);
	int64_t owner = granted ? sqlite3_column_int64(st, 3) : 0;

	if (sqlite3_column_type(st, 4) == SQLITE_NULL)
		tell(c, "mapping %lld is at epoch %llu, and the audit log never tells of it: "
		     RESTORE, (long long)id, (unsigned long long)epoch);
	else if (epoch < told || (epoch - told) % RN_STORE_STEP)
		/* A restore raises epochs without an event for each. */
		tell(c, "mapping %lld is at epoch %llu, the audit log says %llu: " RESTORE,
		     (long long)id, (unsigned long long)epoch, (unsigned long long)told);
	else if (owner != sqlite3_column_int64(st, 5))
		tell(c, "mapping %lld belongs to gateway %lld (0: nobody), the audit log says %lld: "
		     RESTORE, (long long)id, (long long)owner,
		     (long long)sqlite3_column_int64(st, 5));
}

static gboolean check_rows(struct checking *c)
{
	if (!each(c, "PRAGMA integrity_check", page_row))
		return FALSE;
	/* What the pages of a damaged file say is not worth reading. */
	if (c->n)
		return TRUE;
	return each(c, "SELECT " RN_SQLITE_GATEWAY_COLUMNS " FROM gateway", gateway_row) &&
	       each(c, "SELECT " RN_SQLITE_MAPPING_COLUMNS " FROM mapping", mapping_row) &&
	       each(c, "SELECT " RN_SQLITE_EVACUATION_COLUMNS " FROM evacuation",
		    evacuation_row) &&
	       each(c, "SELECT " RN_SQLITE_AUDIT_COLUMNS " FROM audit", audit_row) &&
	       each(c, "SELECT min(id), max(id) FROM mapping WHERE state = 1"
		    " GROUP BY zone, kind, proto, port, addr HAVING count(*) > 1", two_of_a_vm) &&
	       each(c, "SELECT id, owner FROM mapping WHERE epoch > 0 AND owner NOT IN"
		    " (SELECT number FROM gateway)", no_owner) &&
	       each(c, "SELECT m.id, m.state, m.epoch, m.owner, a.epoch, a.to_gw FROM mapping m"
		    " LEFT JOIN audit a ON a.rev = (SELECT rev FROM audit b"
		    "  WHERE b.pub_addr = m.pub_addr AND b.pub_proto = m.pub_proto"
		    "  AND b.pub_port = m.pub_port AND b.pub_ports = m.pub_ports"
		    "  AND b.ownership = 1 ORDER BY b.rev DESC LIMIT 1)"
		    " WHERE m.epoch > 0", last_event);
}

/* ---- the file ---- */

/* Takes the lock of a controller that does not run (*lock, if there is one).
 * False when one runs: its log changes while one looks.
 */
static bool lock_if_idle(const char *path, int *lock)
{
	g_autofree char *name = g_strconcat(path, ".lock", NULL);
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	*lock = open(name, O_RDWR | O_CLOEXEC);
	if (*lock < 0 || !fcntl(*lock, F_OFD_SETLK, &whole))
		return true;
	close(*lock);
	*lock = -1;
	return false;
}

static gboolean check_version(struct checking *c)
{
	int64_t version;

	if (!rn_sqlite_int(c->sql, c->path, "PRAGMA user_version", 0, &version, c->error))
		return FALSE;
	if (version == RN_STORE_SCHEMA)
		return TRUE;
	g_set_error(c->error, RN_STORE_ERROR, RN_STORE_ERROR_NEWER,
		    "%s: schema %d, this program checks %d: %s", c->path, (int)version,
		    RN_STORE_SCHEMA, version > RN_STORE_SCHEMA ?
		    "check it with the newer roamnat-controller" :
		    "it is brought forward when the controller starts");
	return FALSE;
}

gboolean rn_sqlite_check(const char *location, rn_store_report_func report, void *data,
			 GError **error)
{
	struct checking c = {
		.path = location, .report = report, .data = data, .error = error,
	};
	static const char settings[] =
		"PRAGMA query_only=ON; PRAGMA cell_size_check=ON; BEGIN";
	int lock;
	gboolean ok = !lock_if_idle(location, &lock) || rn_sqlite_wal_check(location, error);

	/* For writing, because the log may have to be read into shared memory. */
	if (ok && sqlite3_open_v2(location, &c.sql, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		ok = rn_sqlite_fail(c.sql, location, "open", error);
	if (ok) {
		sqlite3_db_config(c.sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_busy_timeout(c.sql, 5000);
		ok = rn_sqlite_run(c.sql, location, settings, error) &&
		     check_version(&c) && check_rows(&c);
	}
	sqlite3_close(c.sql);
	if (lock >= 0)
		close(lock);
	return ok;
}
