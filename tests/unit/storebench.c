// SPDX-License-Identifier: GPL-2.0
#include <check.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include "storebench.h"

char *store_dir, *store_path;
struct rn_store *store;
uint64_t store_durable, store_rev;
unsigned int store_failures, store_mappings, store_gateways;
struct rn_store_mapping store_last_mapping;
struct rn_store_gateway store_last_gateway;
struct rn_store_state store_state;
struct rn_store_page store_page;
int store_fail_writes, store_fail_syncs;
bool store_fail_checkpoint;
unsigned int store_writes, store_syncs;

/* ---- the disk ---- */

struct file {
	sqlite3_file base;
	sqlite3_file *real;
	bool database;		/* and no log */
};

static sqlite3_vfs disk;

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

static int f_close(sqlite3_file *f)
{
	sqlite3_file *r = real(f);
	int rc = r->pMethods ? r->pMethods->xClose(r) : SQLITE_OK;

	g_free(r);
	return rc;
}

static int f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return real(f)->pMethods->xRead(real(f), p, n, at);
}

static int f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	store_writes++;
	if (store_fail_writes >= 0 && store_fail_writes-- == 0) {
		store_fail_writes = 0;
		return SQLITE_IOERR_WRITE;
	}
	return real(f)->pMethods->xWrite(real(f), p, n, at);
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int f_sync(sqlite3_file *f, int flags)
{
	store_syncs++;
	if (store_fail_checkpoint && ((struct file *)f)->database)
		return SQLITE_IOERR_FSYNC;
	if (store_fail_syncs >= 0 && store_fail_syncs-- == 0) {
		store_fail_syncs = 0;
		return SQLITE_IOERR_FSYNC;
	}
	return real(f)->pMethods->xSync(real(f), flags);
}

static int f_size(sqlite3_file *f, sqlite3_int64 size[1])
{
	return real(f)->pMethods->xFileSize(real(f), size);
}

static int f_lock(sqlite3_file *f, int lock)
{
	return real(f)->pMethods->xLock(real(f), lock);
}

static int f_unlock(sqlite3_file *f, int lock)
{
	return real(f)->pMethods->xUnlock(real(f), lock);
}

static int f_reserved(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int f_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int f_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int f_device(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int f_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
	return real(f)->pMethods->xShmMap(real(f), region, size, extend, out);
}

static int f_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void f_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int f_shm_unmap(sqlite3_file *f, int del)
{
	return real(f)->pMethods->xShmUnmap(real(f), del);
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 2, .xClose = f_close, .xRead = f_read, .xWrite = f_write,
		.xTruncate = f_truncate, .xSync = f_sync, .xFileSize = f_size, .xLock = f_lock,
		.xUnlock = f_unlock, .xCheckReservedLock = f_reserved, .xFileControl = f_control,
		.xSectorSize = f_sector, .xDeviceCharacteristics = f_device,
		.xShmMap = f_shm_map, .xShmLock = f_shm_lock, .xShmBarrier = f_shm_barrier,
		.xShmUnmap = f_shm_unmap,
	};
	sqlite3_vfs *under = vfs->pAppData;
	struct file *file = (struct file *)f;
	int rc;

	file->real = g_malloc0(under->szOsFile);
	file->database = flags & SQLITE_OPEN_MAIN_DB;
	rc = under->xOpen(under, name, file->real, flags, out);
	if (rc == SQLITE_OK)
		f->pMethods = &methods;
	else
		g_clear_pointer(&file->real, g_free);
	return rc;
}

static void disk_register(void)
{
	sqlite3_vfs *under;

	if (disk.zName)
		return;
	under = sqlite3_vfs_find(NULL);
	disk = *under;
	disk.zName = "testdisk";
	disk.pAppData = under;
	disk.szOsFile = sizeof(struct file);
	disk.xOpen = disk_open;
	sqlite3_vfs_register(&disk, 1);
}

/* ---- the store ---- */

void store_setup(void)
{
	disk_register();
	store_dir = g_dir_make_tmp("store-XXXXXX", NULL);
	ck_assert_ptr_nonnull(store_dir);
	store_path = g_build_filename(store_dir, "c.db", NULL);
	store_durable = 0;
	store_rev = 0;
	store_failures = 0;
	store_fail_writes = -1;
	store_fail_syncs = -1;
	store_fail_checkpoint = false;
}

void store_teardown(void)
{
	GDir *dir;
	const char *name;

	store_fail_writes = -1;
	store_fail_syncs = -1;
	store_fail_checkpoint = false;
	store_close();
	dir = g_dir_open(store_dir, 0, NULL);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(store_dir, name, NULL);

		g_unlink(file);
	}
	g_dir_close(dir);
	g_rmdir(store_dir);
	g_free(store_path);
	g_free(store_dir);
	if (store_page.rows)
		g_array_unref((GArray *)store_page.rows);
	store_page.rows = NULL;
}

static void on_durable(uint64_t seq, void *data)
{
	(void)data;
	ck_assert_uint_eq(store_failures, 0);
	ck_assert_uint_ge(seq, store_durable);
	store_durable = seq;
}

static void on_failed(const char *message, void *data)
{
	(void)data;
	ck_assert_ptr_nonnull(message);
	store_failures++;
}

static void on_gateway(const struct rn_store_gateway *row, void *data)
{
	(void)data;
	store_gateways++;
	store_last_gateway = *row;
}

static gboolean on_mapping(const struct rn_store_mapping *row, void *data, GError **error)
{
	(void)data;
	(void)error;
	store_mappings++;
	store_last_mapping = *row;
	return TRUE;
}

GError *store_open_error(void)
{
	static const struct rn_store_visitor visitor = {
		.gateway = on_gateway, .mapping = on_mapping,
	};
	GError *error = NULL;

	store_durable = 0;
	store = rn_store_open(store_path, &error);
	if (!store)
		return error;
	store_mappings = 0;
	store_gateways = 0;
	if (!rn_store_load(store, &visitor, NULL, &store_state, &error))
		store_close();
	return error;
}

void store_open(void)
{
	static const struct rn_store_ops ops = { on_durable, on_failed };
	GError *error = store_open_error();

	ck_assert_msg(!error, "%s", error ? error->message : "");
	ck_assert(rn_store_start(store, &ops, NULL, NULL));
}

void store_close(void)
{
	g_clear_pointer(&store, rn_store_close);
}

void store_expect_refusal(int code)
{
	GError *error = store_open_error();

	ck_assert_ptr_null(store);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(g_error_matches(error, RN_STORE_ERROR, code), "%s", error->message);
	g_error_free(error);
}

void store_wait(uint64_t seq)
{
	gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

	while (store_durable < seq && !store_failures && g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, FALSE);
	if (!store_failures)
		ck_assert_uint_ge(store_durable, seq);
}

void store_sql(const char *text)
{
	char *error = NULL;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(store_path, &db), SQLITE_OK);
	sqlite3_exec(db, text, NULL, NULL, &error);
	ck_assert_msg(!error, "%s: %s", text, error);
	sqlite3_close(db);
}

int64_t store_number(const char *sql)
{
	sqlite3_stmt *st = NULL;
	int64_t value;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open_v2(store_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return value;
}

/* ---- rows ---- */

struct rn_store_mapping store_mapping(uint64_t id, uint64_t epoch)
{
	return (struct rn_store_mapping){
		.id = id, .state = 1, .epoch = epoch, .owner = 2, .preset = 60000,
		.vm = { .zone = 1, .kind = RN_KIND_ADDRESS, .addr = { 4, { 10, 0, id >> 8, id } } },
		.pub = { .addr = { 4, { 203, 0, id >> 8, id } } },
	};
}

uint64_t store_put(uint64_t id, uint64_t epoch)
{
	const struct rn_store_mapping row = store_mapping(id, epoch);
	const struct rn_store_unit unit = { .mapping = &row };

	return rn_store_put(store, &unit);
}

uint64_t store_put_event(uint64_t id, uint64_t epoch, uint32_t to, int64_t time_ns)
{
	struct rn_store_mapping row = store_mapping(id, epoch);
	struct rn_store_audit event = {
		.rev = ++store_rev, .time_ns = time_ns, .ownership = true, .id = id, .epoch = epoch,
		.vm = row.vm, .pub = row.pub, .to = to, .by = "gw",
	};
	const struct rn_store_unit unit = { .mapping = &row, .audit = &event, .n_audit = 1 };

	if (to) {
		row.owner = to;
		g_strlcpy(event.what, "granted", sizeof(event.what));
	} else {
		row.state = 2;
		event.from = row.owner;
		g_strlcpy(event.what, "released", sizeof(event.what));
	}
	return rn_store_put(store, &unit);
}

uint64_t store_put_gateway(uint32_t number, uint64_t incarnation)
{
	struct rn_store_gateway row = { .number = number, .incarnation = incarnation };
	const struct rn_store_unit unit = { .gateway = &row };

	g_snprintf(row.name, sizeof(row.name), "gw%u", number);
	g_snprintf(row.identity, sizeof(row.identity), "spiffe://x/gw%u", number);
	return rn_store_put(store, &unit);
}

static void on_page(const struct rn_store_page *page, void *data)
{
	gboolean *done = data;

	ck_assert_msg(page->rows != NULL, "%s", page->error);
	store_page = *page;
	store_page.rows = g_array_copy((GArray *)page->rows);
	*done = TRUE;
}

const GArray *store_query(const struct rn_store_query *query)
{
	gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	gboolean done = FALSE;

	if (store_page.rows)
		g_array_unref((GArray *)store_page.rows);
	store_page.rows = NULL;
	rn_store_audit(store, query, on_page, &done);
	while (!done && g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, FALSE);
	ck_assert(done);
	return store_page.rows;
}
