/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the store-sqlite*.c files, the only ones that speak SQL; nobody else
 * includes this. rc, where a function has one, is SQLite's.
 */
#ifndef RN_CONTROLLER_STORE_SQLITE_H
#define RN_CONTROLLER_STORE_SQLITE_H

#include <sqlite3.h>
#include "controller/store-engine.h"

enum rn_sqlite_st {
	RN_ST_BEGIN, RN_ST_COMMIT, RN_ST_MAPPING, RN_ST_GATEWAY, RN_ST_EVACUATION, RN_ST_AUDIT,
	RN_ST_VALUE,
	RN_ST_OLDEST, RN_ST_OLD_ROWS, RN_ST_FORGET_ROW, RN_ST_FORGET_BEFORE, RN_ST_N,
};

struct rn_sqlite {
	sqlite3 *writer;
	sqlite3 *reader;
	sqlite3_stmt *st[RN_ST_N];
	char *path;
	int lock;
	int wal_frames;		/* as of the last commit */
};

/* ---- store-sqlite.c ---- */

/* Sets the error from sql's state, and returns FALSE. doing: what was tried. */
gboolean rn_sqlite_fail(sqlite3 *sql, const char *path, const char *doing, GError **error);
gboolean rn_sqlite_damaged(const char *path, GError **error, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
gboolean rn_sqlite_run(sqlite3 *sql, const char *path, const char *text, GError **error);
/* First column of the first row as an integer; fallback when there is no row. */
gboolean rn_sqlite_int(sqlite3 *sql, const char *path, const char *text, int64_t fallback,
		       int64_t *value, GError **error);
/* The lock that keeps a second controller out; -1 with an error. */
int rn_sqlite_lock(const char *path, GError **error);

/* ---- store-sqlite-row.c ---- */

#define RN_SQLITE_AUDIT_COLUMNS \
	"rev, time_ns, what, ownership, code, cause, id, epoch, zone, kind, proto, port," \
	" addr, pub_addr, pub_proto, pub_port, from_gw, to_gw, verified_by, by, text," \
	" epoch_from, sum, pub_ports"
#define RN_SQLITE_MAPPING_COLUMNS \
	"id, state, epoch, owner, zone, kind, proto, port, addr, pub_addr, pub_proto," \
	" pub_port, preset, free_at, sum, pub_ports"
#define RN_SQLITE_GATEWAY_COLUMNS \
	"number, name, identity, incarnation, fenced, unheard, lease_ms, sum, drained"
#define RN_SQLITE_EVACUATION_COLUMNS \
	"gateway, state, force, in_flight, total, moved, began_ns, ended_ns, targets, by," \
	" reason, text, sum"

/* Rows in the order of the columns above. Reading: false when the sum is wrong. */
void rn_sqlite_bind_mapping(sqlite3_stmt *st, const struct rn_store_mapping *row);
void rn_sqlite_bind_gateway(sqlite3_stmt *st, const struct rn_store_gateway *row);
void rn_sqlite_bind_evacuation(sqlite3_stmt *st, const struct rn_store_evacuation *row);
void rn_sqlite_bind_audit(sqlite3_stmt *st, const struct rn_store_audit *row);
bool rn_sqlite_get_mapping(sqlite3_stmt *st, struct rn_store_mapping *row);
bool rn_sqlite_get_gateway(sqlite3_stmt *st, struct rn_store_gateway *row);
bool rn_sqlite_get_evacuation(sqlite3_stmt *st, struct rn_store_evacuation *row);
bool rn_sqlite_get_audit(sqlite3_stmt *st, struct rn_store_audit *row);

/* ---- store-sqlite-schema.c ---- */

/* To RN_STORE_SCHEMA, or refuses; a file of an older one is copied first. */
gboolean rn_sqlite_migrate(struct rn_sqlite *db, GError **error);
extern const char *const rn_sqlite_keys[RN_STORE_KEY_N];

/* ---- store-sqlite-wal.c ---- */

/* P8: a torn tail is SQLite's to cut, damage before it is refused here. */
gboolean rn_sqlite_wal_check(const char *path, GError **error);

/* ---- store-sqlite-audit.c ---- */

gboolean rn_sqlite_query(void *db, const struct rn_store_query *query,
			 struct rn_store_page *page, GArray *rows, GError **error);
gboolean rn_sqlite_prune(void *db, const struct rn_store_prune *prune, unsigned int *n,
			 unsigned int *telling, GError **error);
gboolean rn_sqlite_oldest(void *db, int64_t *oldest_ns, GError **error);

/* ---- store-sqlite-check.c, store-sqlite-copy.c ---- */

gboolean rn_sqlite_check(const char *location, rn_store_report_func report, void *data,
			 GError **error);
/* One snapshot of `from`, whole and on disk before it has the name `to`. backup:
 * marked as one, and every row checked. *stop as in the engine, NULL never.
 */
gboolean rn_sqlite_copy(const char *from, const char *to, gboolean backup, const int *stop,
			GError **error);
gboolean rn_sqlite_backup(void *db, const char *file, const int *stop, uint64_t *bytes,
			  GError **error);
gboolean rn_sqlite_restore(const char *location, const char *const *off, const char *by,
			   GError **error);

#endif
