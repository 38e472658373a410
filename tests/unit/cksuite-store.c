// SPDX-License-Identifier: GPL-2.0
/* The controller's store on a real SQLite file: P8, P15, B6. */
#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "controller/store.h"
#include "suites.h"

static char *dir, *path;
static struct rn_store *store;
static uint64_t durable;
static unsigned int n_mappings, n_gateways;
static struct rn_store_mapping last_mapping;
static struct rn_store_gateway last_gateway;

static void setup(void)
{
	dir = g_dir_make_tmp("store-XXXXXX", NULL);
	ck_assert_ptr_nonnull(dir);
	path = g_build_filename(dir, "c.db", NULL);
	durable = 0;
}

static void teardown(void)
{
	static const char *const files[] = { "c.db", "c.db-wal", "c.db-shm", "c.db.lock" };

	g_clear_pointer(&store, rn_store_close);
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *file = g_build_filename(dir, files[i], NULL);

		g_unlink(file);
	}
	g_rmdir(dir);
	g_free(path);
	g_free(dir);
}

static void on_durable(uint64_t seq, void *data)
{
	(void)data;
	ck_assert_uint_ge(seq, durable);
	durable = seq;
}

static void on_failed(const char *message, void *data)
{
	(void)data;
	ck_abort_msg("store failed: %s", message);
}

static void on_gateway(const struct rn_store_gateway *row, void *data)
{
	(void)data;
	n_gateways++;
	last_gateway = *row;
}

static gboolean on_mapping(const struct rn_store_mapping *row, void *data, GError **error)
{
	(void)data;
	(void)error;
	n_mappings++;
	last_mapping = *row;
	return TRUE;
}

static GError *open_error(void)
{
	static const struct rn_store_visitor visitor = { on_gateway, on_mapping };
	GError *error = NULL;
	uint64_t rev;

	store = rn_store_open(path, &error);
	if (!store)
		return error;
	n_mappings = 0;
	n_gateways = 0;
	if (!rn_store_load(store, &visitor, NULL, &rev, &error))
		g_clear_pointer(&store, rn_store_close);
	return error;
}

static void open_store(void)
{
	static const struct rn_store_ops ops = { on_durable, on_failed };
	GError *error = open_error();

	ck_assert_msg(!error, "%s", error ? error->message : "");
	ck_assert(rn_store_start(store, &ops, NULL, NULL));
}

static void wait_durable(uint64_t seq)
{
	gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

	while (durable < seq && g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, FALSE);
	ck_assert_uint_ge(durable, seq);
}

static struct rn_store_mapping mapping(uint64_t id, uint64_t epoch)
{
	return (struct rn_store_mapping){
		.id = id, .state = 1, .epoch = epoch, .owner = 2, .preset = 60000,
		.vm = { .zone = 1, .kind = RN_KIND_ADDRESS, .addr = { 4, { 10, 0, id >> 8, id } } },
		.pub = { .addr = { 4, { 203, 0, id >> 8, id } } },
	};
}

static uint64_t put(uint64_t id, uint64_t epoch)
{
	const struct rn_store_mapping row = mapping(id, epoch);
	const struct rn_store_unit unit = { .mapping = &row };

	return rn_store_put(store, &unit);
}

static void expect_refusal(int code)
{
	GError *error = open_error();

	ck_assert_ptr_null(store);
	ck_assert_ptr_nonnull(error);
	ck_assert(g_error_matches(error, RN_STORE_ERROR, code));
	g_error_free(error);
}

START_TEST(what_is_durable_is_there_again)
{
	const struct rn_store_gateway gw = { .number = 2, .incarnation = 7, .fenced = true,
					     .name = "gw2", .identity = "spiffe://x/gw2" };
	const struct rn_store_unit unit = { .gateway = &gw };
	struct rn_store_mapping row = mapping(5, 9);
	struct stat st;

	open_store();
	put(5, 8);
	put(5, 9);
	wait_durable(rn_store_put(store, &unit));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 077, 0);
	g_clear_pointer(&store, rn_store_close);

	open_store();
	ck_assert_uint_eq(n_mappings, 1);
	ck_assert_uint_eq(n_gateways, 1);
	ck_assert_uint_eq(last_mapping.epoch, 9);
	ck_assert(rn_private_equal(&last_mapping.vm, &row.vm));
	ck_assert(rn_public_equal(&last_mapping.pub, &row.pub));
	ck_assert_uint_eq(last_gateway.incarnation, 7);
	ck_assert(last_gateway.fenced);
}
END_TEST

START_TEST(closing_writes_what_is_queued)
{
	open_store();
	for (int i = 1; i <= 3000; i++)
		put(i, 1);
	g_clear_pointer(&store, rn_store_close);
	open_store();
	ck_assert_uint_eq(n_mappings, 3000);
}
END_TEST

START_TEST(durable_is_told_after_the_disk_has_it)
{
	sqlite3_stmt *st;
	sqlite3 *other;

	open_store();
	for (int i = 1; i <= 200; i++) {
		wait_durable(put(i, 1));
		ck_assert_uint_eq(rn_store_durable(store), i);
	}
	/* Another connection sees every one of them. */
	ck_assert_int_eq(sqlite3_open_v2(path, &other, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	sqlite3_prepare_v2(other, "SELECT count(*) FROM mapping", -1, &st, NULL);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	ck_assert_int_eq(sqlite3_column_int(st, 0), 200);
	sqlite3_finalize(st);
	sqlite3_close(other);
}
END_TEST

START_TEST(a_group_shares_a_commit)
{
	struct rn_store_stats stats;
	uint64_t seq = 0;

	open_store();
	for (int i = 1; i <= 5000; i++)
		seq = put(i, 1);
	wait_durable(seq);
	stats = rn_store_stats(store);
	ck_assert_uint_eq(stats.units, 5000);
	ck_assert_uint_lt(stats.commits, 500);
	ck_assert_uint_gt(stats.largest_group, 10);
}
END_TEST

START_TEST(one_controller_at_a_time)
{
	struct rn_store *first;

	open_store();
	first = g_steal_pointer(&store);
	expect_refusal(RN_STORE_ERROR_LOCKED);
	store = first;
}
END_TEST

static void run_sql(const char *text)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

START_TEST(newer_schema_is_refused)
{
	open_store();
	g_clear_pointer(&store, rn_store_close);
	run_sql("PRAGMA user_version = 999");
	expect_refusal(RN_STORE_ERROR_NEWER);
}
END_TEST

START_TEST(changed_row_is_refused)
{
	open_store();
	wait_durable(put(1, 5));
	g_clear_pointer(&store, rn_store_close);
	run_sql("UPDATE mapping SET epoch = 4");
	expect_refusal(RN_STORE_ERROR_DAMAGED);
}
END_TEST

START_TEST(damaged_file_is_refused)
{
	struct stat st;
	int fd;

	open_store();
	for (int i = 1; i <= 2000; i++)
		put(i, 1);
	g_clear_pointer(&store, rn_store_close);
	ck_assert_int_eq(stat(path, &st), 0);
	fd = open(path, O_RDWR);
	/* Every page but the first, in the middle. */
	for (off_t at = 4096; at < st.st_size; at += 4096)
		ck_assert_int_eq(pwrite(fd, "\xde\xad\xbe\xef\xde\xad\xbe\xef", 8, at + 3), 8);
	close(fd);
	expect_refusal(RN_STORE_ERROR_DAMAGED);
}
END_TEST

START_TEST(no_database_is_refused)
{
	ck_assert(g_file_set_contents(path, "this is not a database, and long enough to tell so. "
				      "It has more than a hundred bytes, as a header has, so there.",
				      -1, NULL));
	expect_refusal(RN_STORE_ERROR_DAMAGED);
}
END_TEST

static GArray *page_rows;
static gboolean page_done;

static void on_page(const GArray *rows, const char *error, void *data)
{
	(void)data;
	ck_assert_msg(rows != NULL, "%s", error);
	page_rows = g_array_copy((GArray *)rows);
	page_done = TRUE;
}

static void query(const struct rn_store_query *q)
{
	gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

	g_clear_pointer(&page_rows, g_array_unref);
	page_done = FALSE;
	rn_store_audit(store, q, on_page, NULL);
	while (!page_done && g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, FALSE);
	ck_assert(page_done);
}

START_TEST(audit_tells_who_had_it_at_a_time)
{
	struct rn_store_query q = { .addr = { 4, { 203, 0, 113, 7 } }, .limit = 10 };
	uint64_t seq = 0;

	open_store();
	for (int i = 1; i <= 20; i++) {
		struct rn_store_audit row = {
			.rev = i, .time_ns = i * 100, .ownership = i % 2, .what = "moved",
			.to = i, .pub.addr = q.addr, .by = "gw1",
		};
		const struct rn_store_unit unit = { .audit = &row, .n_audit = 1 };

		if (i == 20)
			row.pub.addr.b[3] = 8;
		seq = rn_store_put(store, &unit);
	}
	wait_durable(seq);
	query(&q);
	ck_assert_uint_eq(page_rows->len, 10);
	q.after = 10;
	query(&q);
	ck_assert_uint_eq(page_rows->len, 9);
	q.after = 0;
	q.at_ns = 1650;
	query(&q);
	ck_assert_uint_eq(page_rows->len, 1);
	/* 16 came before 1650 too, but changed no owner. */
	ck_assert_uint_eq(g_array_index(page_rows, struct rn_store_audit, 0).to, 15);
	q.at_ns = 50;
	query(&q);
	ck_assert_uint_eq(page_rows->len, 0);
	q = (struct rn_store_query){ .limit = 100 };
	query(&q);
	ck_assert_uint_eq(page_rows->len, 20);
	g_clear_pointer(&page_rows, g_array_unref);
}
END_TEST

Suite *suite_store(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("store");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, what_is_durable_is_there_again);
	tcase_add_test(tc, closing_writes_what_is_queued);
	tcase_add_test(tc, durable_is_told_after_the_disk_has_it);
	tcase_add_test(tc, a_group_shares_a_commit);
	tcase_add_test(tc, one_controller_at_a_time);
	tcase_add_test(tc, newer_schema_is_refused);
	tcase_add_test(tc, changed_row_is_refused);
	tcase_add_test(tc, damaged_file_is_refused);
	tcase_add_test(tc, no_database_is_refused);
	tcase_add_test(tc, audit_tells_who_had_it_at_a_time);
	suite_add_tcase(suite, tc);
	return suite;
}
