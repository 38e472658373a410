// SPDX-License-Identifier: GPL-2.0
/*
 * Questions to the audit log, and its pruning.
 *
 * Revisions order the log; times only label it. Within a stretch, from one row
 * that says `clock-set` or `restored` to the next, times do not fall, so a time
 * becomes a revision by halving, and who had an endpoint then is the last row
 * of audit_own up to that revision: O(log n), however long the log is. Where
 * the clock was set back a time lies in two stretches, and has two answers.
 */
#include <string.h>
#include "controller/store-sqlite.h"

/* A block has its ports of every protocol. */
#define IN_BLOCK(port)	"(pub_ports > 0 AND " port " BETWEEN pub_port AND pub_port + pub_ports - 1)"
#define VM_ENDPOINTS	1000	/* that one VM had, as far as they are looked at */

struct stretch {
	uint64_t lo, hi;	/* revisions lo < rev <= hi */
	int64_t begin_ns;	/* of its first row, if it is not the first stretch */
	int64_t end_ns;		/* of its last row */
	bool restored;		/* it begins with a restored backup */
};

struct reading {
	struct rn_sqlite *db;
	sqlite3_stmt *next;	/* first row in a range of revisions */
	sqlite3_stmt *holder;
	GArray *stretches;
	GError **error;
};

static gboolean prepare(struct reading *r, const char *text, sqlite3_stmt **st)
{
	return sqlite3_prepare_v2(r->db->reader, text, -1, st, NULL) == SQLITE_OK ||
	       rn_sqlite_fail(r->db->reader, r->db->path, text, r->error);
}

/* ---- times and revisions ---- */

/* The first row from `from` on, up to `to`. False: none, or an error. */
static bool row_from(struct reading *r, uint64_t from, uint64_t to, uint64_t *rev, int64_t *ns)
{
	bool found;

	sqlite3_bind_int64(r->next, 1, from);
	sqlite3_bind_int64(r->next, 2, to);
	found = sqlite3_step(r->next) == SQLITE_ROW;
	if (found) {
		*rev = sqlite3_column_int64(r->next, 0);
		*ns = sqlite3_column_int64(r->next, 1);
	}
	sqlite3_reset(r->next);
	return found;
}

/* The last revision of the stretch that is not later than ns; lo for none. */
static uint64_t rev_at(struct reading *r, const struct stretch *s, int64_t ns)
{
	uint64_t best = s->lo, lo = s->lo + 1, hi = s->hi;

	while (lo <= hi) {
		uint64_t mid = lo + (hi - lo) / 2, rev;
		int64_t at;

		if (row_from(r, mid, hi, &rev, &at) && at <= ns) {
			best = rev;
			lo = rev + 1;
		} else {
			hi = mid - 1;
		}
	}
	return best;
}

static gboolean read_stretches(struct reading *r)
{
	struct stretch s = { .hi = INT64_MAX, .end_ns = INT64_MAX };
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_ERROR;

	/* Each break, and the time of the row before it. */
	if (!prepare(r, "SELECT b.rev, b.time_ns, b.what = 'restored',"
		     " (SELECT time_ns FROM audit p WHERE p.rev < b.rev ORDER BY p.rev DESC LIMIT 1)"
		     " FROM audit b WHERE b.what IN ('clock-set', 'restored') ORDER BY b.rev", &st))
		return FALSE;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct stretch before = s;

		before.hi = sqlite3_column_int64(st, 0) - 1;
		before.end_ns = sqlite3_column_int64(st, 3);
		g_array_append_val(r->stretches, before);
		s.lo = before.hi;
		s.begin_ns = sqlite3_column_int64(st, 1);
		s.restored = sqlite3_column_int64(st, 2);
	}
	g_array_append_val(r->stretches, s);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ||
	       rn_sqlite_fail(r->db->reader, r->db->path, "read the audit log", r->error);
}

static const struct stretch *stretch(const struct reading *r, guint i)
{
	return &g_array_index(r->stretches, struct stretch, i);
}

/* The revisions that ns means, one for each stretch that it lies in. */
static GArray *revs_at(struct reading *r, int64_t ns, struct rn_store_page *page)
{
	GArray *revs = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	guint last = 0;
	uint64_t rev;

	for (guint i = 0; i < r->stretches->len; i++) {
		const struct stretch *s = stretch(r, i);

		if (i && s->begin_ns > ns)
			continue;
		last = i;
		if (i + 1 < r->stretches->len && s->end_ns <= ns)
			continue;
		rev = rev_at(r, s, ns);
		if (revs->len) {
			page->twice = true;
			page->gap_from_ns = s->begin_ns;
			page->gap_to_ns = stretch(r, i - 1)->end_ns;
		}
		g_array_append_val(revs, rev);
	}
	if (revs->len)
		return revs;
	/* Between two stretches: as it was at the end of the first. */
	rev = stretch(r, last)->hi;
	if (last + 1 < r->stretches->len && stretch(r, last + 1)->restored) {
		page->gap_from_ns = stretch(r, last)->end_ns;
		page->gap_to_ns = stretch(r, last + 1)->begin_ns;
	}
	g_array_append_val(revs, rev);
	return revs;
}

/* ---- who had it at a time ---- */

/* Its address, protocol and port. */
static void bind_endpoint(sqlite3_stmt *to, sqlite3_stmt *from)
{
	for (int i = 0; i < 3; i++) {
		const sqlite3_value *value = sqlite3_column_value(from, i);

		sqlite3_bind_value(to, i + 1, value);
	}
}

static gboolean take_holder(struct reading *r, const struct rn_store_query *query,
			    sqlite3_stmt *endpoint, uint64_t rev, GArray *rows)
{
	struct rn_store_audit row;
	int rc;

	bind_endpoint(r->holder, endpoint);
	sqlite3_bind_int64(r->holder, 4, rev);
	rc = sqlite3_step(r->holder);
	if (rc == SQLITE_ROW) {
		bool mine;

		if (!rn_sqlite_get_audit(r->holder, &row))
			return rn_sqlite_damaged(r->db->path, r->error,
						 "audit row %" G_GUINT64_FORMAT " is damaged",
						 row.rev);
		mine = !query->vm.len ||
		       (row.to && rn_addr_equal(&row.vm.addr, &query->vm) &&
			(!query->has_zone || row.vm.zone == query->zone));
		if (mine)
			g_array_append_val(rows, row);
	}
	sqlite3_reset(r->holder);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ||
	       rn_sqlite_fail(r->db->reader, r->db->path, "read the audit log", r->error);
}

/* ?1 address, ?2 zone matters, ?3 zone, ?4 after, ?5 limit, ?6 port matters,
 * ?7 protocol, ?8 port. Endpoints of a public address in the order of its index,
 * or those that a VM ever had.
 */
static const char *endpoints_text(const struct rn_store_query *query)
{
	if (query->vm.len)
		return "SELECT DISTINCT pub_addr, pub_proto, pub_port, 0 FROM audit"
		       " WHERE addr = ?1 AND addr <> x'' AND ownership = 1"
		       " AND (NOT ?2 OR zone = ?3) LIMIT ?5";
	return "SELECT DISTINCT pub_addr, pub_proto, pub_port, 1 + pub_proto * 65536 + pub_port FROM mapping"
	       " WHERE pub_addr = ?1 AND (pub_proto, pub_port) > (?4 / 65536, ?4 % 65536)"
	       " AND (NOT ?6 OR (pub_port = ?8 AND ?7 IN (0, pub_proto)) OR " IN_BLOCK("?8") ")"
	       " ORDER BY pub_proto, pub_port LIMIT ?5";
}

static gboolean ask_at(struct reading *r, const struct rn_store_query *query,
		       struct rn_store_page *page, GArray *rows)
{
	const struct rn_addr *addr = query->vm.len ? &query->vm : &query->addr;
	g_autoptr(GArray) revs = revs_at(r, query->at_ns, page);
	unsigned int limit = query->vm.len ? VM_ENDPOINTS : query->limit, n = 0;
	int64_t after = (int64_t)query->after - 1;	/* the first may be (0, 0) */
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_ERROR;
	gboolean ok = TRUE;

	if (!prepare(r, endpoints_text(query), &st))
		return FALSE;
	sqlite3_bind_blob(st, 1, addr->b, addr->len, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, query->has_zone);
	sqlite3_bind_int64(st, 3, query->zone);
	sqlite3_bind_int64(st, 4, after);
	sqlite3_bind_int64(st, 5, limit);
	sqlite3_bind_int64(st, 6, query->has_port);
	sqlite3_bind_int64(st, 7, query->proto);
	sqlite3_bind_int64(st, 8, query->port);
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (guint i = 0; ok && i < revs->len; i++)
			ok = take_holder(r, query, st, g_array_index(revs, uint64_t, i), rows);
		page->next = sqlite3_column_int64(st, 3);
		n++;
	}
	if (n < limit)
		page->next = 0;
	sqlite3_finalize(st);
	return ok && (rc == SQLITE_DONE ||
		      rn_sqlite_fail(r->db->reader, r->db->path, "read the audit log", r->error));
}

/* ---- histories ---- */

/* Where the times begin and end; the query itself leaves out what is between. */
static void bounds(struct reading *r, const struct rn_store_query *query, uint64_t *lo,
		   uint64_t *hi)
{
	*lo = 0;
	*hi = INT64_MAX;
	for (guint i = 0; query->since_ns && i < r->stretches->len; i++) {
		const struct stretch *s = stretch(r, i);

		*lo = rev_at(r, s, query->since_ns - 1);
		if (*lo < s->hi)
			break;
	}
	for (guint i = r->stretches->len; query->until_ns && i--; ) {
		const struct stretch *s = stretch(r, i);

		*hi = rev_at(r, s, query->until_ns);
		if (*hi > s->lo)
			break;
	}
}

/* ?1 address or gateway, ?2 and ?3 revisions, ?4 limit, ?5 port or zone matters,
 * ?6 protocol, ?7 port or zone, ?8 and ?9 times
 */
static const char *history_text(const struct rn_store_query *query)
{
#define ROWS	"SELECT " RN_SQLITE_AUDIT_COLUMNS " FROM audit WHERE "
#define RANGE	"rev > ?2 AND rev <= ?3 AND time_ns BETWEEN ?8 AND ?9"
#define PAGE	" ORDER BY rev LIMIT ?4"
#define OF(side) "SELECT rev FROM (SELECT rev FROM audit WHERE " side " = ?1 AND " side \
		" <> 0 AND " RANGE PAGE ")"
	if (query->addr.len)
		return ROWS "pub_addr = ?1 AND pub_addr <> x''"
		       " AND (NOT ?5 OR (pub_port = ?7 AND ?6 IN (0, pub_proto)) OR " IN_BLOCK("?7")
		       ") AND " RANGE PAGE;
	if (query->vm.len)
		return ROWS "addr = ?1 AND addr <> x'' AND (NOT ?5 OR zone = ?7) AND " RANGE PAGE;
	if (query->gateway)
		return ROWS "rev IN (" OF("from_gw") " UNION " OF("to_gw") ")" PAGE;
	return ROWS RANGE PAGE;
#undef ROWS
#undef RANGE
#undef PAGE
#undef OF
}

static gboolean ask_history(struct reading *r, const struct rn_store_query *query,
			    struct rn_store_page *page, GArray *rows)
{
	const struct rn_addr *addr = query->addr.len ? &query->addr : &query->vm;
	sqlite3_stmt *st = NULL;
	struct rn_store_audit row;
	uint64_t lo, hi;
	int rc;

	if (!prepare(r, history_text(query), &st))
		return FALSE;
	bounds(r, query, &lo, &hi);
	if (addr->len)
		sqlite3_bind_blob(st, 1, addr->b, addr->len, SQLITE_STATIC);
	else
		sqlite3_bind_int64(st, 1, query->gateway);
	sqlite3_bind_int64(st, 2, MAX(lo, query->after));
	sqlite3_bind_int64(st, 3, hi);
	sqlite3_bind_int64(st, 4, query->limit);
	sqlite3_bind_int64(st, 5, query->addr.len ? query->has_port : query->has_zone);
	sqlite3_bind_int64(st, 6, query->proto);
	sqlite3_bind_int64(st, 7, query->addr.len ? query->port : query->zone);
	sqlite3_bind_int64(st, 8, query->since_ns);
	sqlite3_bind_int64(st, 9, query->until_ns ? query->until_ns : INT64_MAX);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (!rn_sqlite_get_audit(st, &row)) {
			sqlite3_finalize(st);
			return rn_sqlite_damaged(r->db->path, r->error,
						 "audit row %" G_GUINT64_FORMAT " is damaged",
						 row.rev);
		}
		g_array_append_val(rows, row);
	}
	page->next = rows->len == query->limit ? row.rev : 0;
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ||
	       rn_sqlite_fail(r->db->reader, r->db->path, "read the audit log", r->error);
}

gboolean rn_sqlite_query(void *data, const struct rn_store_query *query,
			 struct rn_store_page *page, GArray *rows, GError **error)
{
	struct rn_sqlite *db = data;
	struct reading r = { .db = db, .error = error };
	gboolean ok;

	/* One snapshot for all of it: pruning goes on beside. */
	if (!rn_sqlite_run(db->reader, db->path, "BEGIN", error))
		return FALSE;
	r.stretches = g_array_new(FALSE, FALSE, sizeof(struct stretch));
	ok = rn_sqlite_int(db->reader, db->path,
			   "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'begins'", 0,
			   &page->begins_ns, error) &&
	     prepare(&r, "SELECT rev, time_ns FROM audit WHERE rev >= ?1 AND rev <= ?2"
		     " ORDER BY rev LIMIT 1", &r.next) &&
	     prepare(&r, "SELECT " RN_SQLITE_AUDIT_COLUMNS " FROM audit WHERE pub_addr = ?1"
		     " AND pub_proto = ?2 AND pub_port = ?3 AND ownership = 1 AND rev <= ?4"
		     " ORDER BY rev DESC LIMIT 1", &r.holder) &&
	     read_stretches(&r);
	if (ok)
		ok = query->at_ns ? ask_at(&r, query, page, rows) :
				    ask_history(&r, query, page, rows);
	sqlite3_finalize(r.next);
	sqlite3_finalize(r.holder);
	g_array_unref(r.stretches);
	sqlite3_exec(db->reader, "COMMIT", NULL, NULL, NULL);
	return ok;
}

/* ---- pruning ---- */

struct old {
	uint64_t rev;
	int64_t time_ns;
	bool ownership, telling, breaks;
	struct rn_public pub;
};

static gboolean forget(struct rn_sqlite *db, enum rn_sqlite_st which, unsigned int *n,
		       GError **error)
{
	gboolean ok = sqlite3_step(db->st[which]) == SQLITE_DONE;

	if (ok)
		*n += sqlite3_changes(db->writer);
	else
		rn_sqlite_fail(db->writer, db->path, "prune the audit log", error);
	sqlite3_reset(db->st[which]);
	return ok;
}

/* A row of ownership makes the older ones of its endpoint unneeded, and stays
 * itself: who has an address now is known for ever. Breaks stay as well, they
 * tell what times mean.
 */
static gboolean forget_one(struct rn_sqlite *db, const struct old *old, unsigned int *n,
			   GError **error)
{
	sqlite3_stmt *st = db->st[RN_ST_FORGET_BEFORE];

	if (old->breaks)
		return TRUE;
	if (!old->ownership) {
		sqlite3_bind_int64(db->st[RN_ST_FORGET_ROW], 1, old->rev);
		return forget(db, RN_ST_FORGET_ROW, n, error);
	}
	sqlite3_bind_blob(st, 1, old->pub.addr.b, old->pub.addr.len, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, old->pub.proto);
	sqlite3_bind_int64(st, 3, old->pub.port);
	sqlite3_bind_int64(st, 4, old->rev);
	return forget(db, RN_ST_FORGET_BEFORE, n, error);
}

/* Rows not looked at before; a row from the future of a wrong clock is old when
 * one behind it is.
 */
static gboolean read_old(struct rn_sqlite *db, const struct rn_store_prune *prune, GArray *rows,
			 GError **error)
{
	sqlite3_stmt *st = db->st[RN_ST_OLD_ROWS];
	guint due = 0;
	int rc;

	sqlite3_bind_int64(st, 1, prune->limit);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *what = (const char *)sqlite3_column_text(st, 2);
		struct old old = {
			.rev = sqlite3_column_int64(st, 0),
			.time_ns = sqlite3_column_int64(st, 1),
			.telling = strcmp(what, "pruned") != 0,
			.breaks = !strcmp(what, "clock-set") || !strcmp(what, "restored"),
			.ownership = sqlite3_column_int64(st, 3),
			.pub.addr.len = MIN(sqlite3_column_bytes(st, 4), 16),
			.pub.proto = sqlite3_column_int64(st, 5),
			.pub.port = sqlite3_column_int64(st, 6),
		};

		if (old.pub.addr.len)
			memcpy(old.pub.addr.b, sqlite3_column_blob(st, 4), old.pub.addr.len);
		g_array_append_val(rows, old);
		if (old.time_ns < prune->before_ns)
			due = rows->len;
	}
	g_array_set_size(rows, due);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ||
	       rn_sqlite_fail(db->writer, db->path, "prune the audit log", error);
}

gboolean rn_sqlite_prune(void *data, const struct rn_store_prune *prune, unsigned int *n,
			 unsigned int *telling, GError **error)
{
	struct rn_sqlite *db = data;
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(struct old));
	g_autofree char *text = NULL;
	const struct old *last;

	*n = 0;
	*telling = 0;
	if (!read_old(db, prune, rows, error))
		return FALSE;
	if (!rows->len)
		return TRUE;
	for (guint i = 0; i < rows->len; i++) {
		const struct old *old = &g_array_index(rows, struct old, i);
		unsigned int before = *n;

		if (!forget_one(db, old, n, error))
			return FALSE;
		if (old->telling)
			*telling += *n - before;
	}
	last = &g_array_index(rows, struct old, rows->len - 1);
	text = g_strdup_printf("INSERT OR REPLACE INTO meta VALUES ('pruned', '%" G_GUINT64_FORMAT "')",
			       last->rev);
	if (!rn_sqlite_run(db->writer, db->path, text, error))
		return FALSE;
	if (!*telling)
		return TRUE;
	g_free(text);
	text = g_strdup_printf("INSERT OR REPLACE INTO meta VALUES ('begins', '%" G_GINT64_FORMAT "')",
			       last->time_ns);
	return rn_sqlite_run(db->writer, db->path, text, error);
}

gboolean rn_sqlite_oldest(void *data, int64_t *oldest_ns, GError **error)
{
	struct rn_sqlite *db = data;
	sqlite3_stmt *st = db->st[RN_ST_OLDEST];
	int rc = sqlite3_step(st);

	*oldest_ns = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ||
	       rn_sqlite_fail(db->writer, db->path, "read the audit log", error);
}
