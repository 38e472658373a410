// SPDX-License-Identifier: GPL-2.0
/* The store brought forward, checked, copied and restored: P8, B2, I6, I7. */
#include <check.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>
#include "storebench.h"
#include "suites.h"

#define V1	"tests/unit/store-v1.sql"
#define V2	"tests/unit/store-v2.sql"
#define V3	"tests/unit/store-v3.sql"

/* ---- forward ---- */

static void make_older(const char *file)
{
	g_autofree char *text = NULL;
	g_autofree char *wal = g_strconcat(store_path, "-wal", NULL);

	ck_assert_msg(g_file_get_contents(file, &text, NULL, NULL), "%s: run in the top folder",
		      file);
	g_unlink(store_path);
	g_unlink(wal);
	store_sql(text);
}

static void make_v1(void)
{
	make_older(V1);
}

/* Blocks of ports came with schema 3: what was there has none, and its sum. */
START_TEST(schema_2_is_brought_forward)
{
	const struct rn_store_query q = {
		.addr = { 4, { 203, 0, 113, 200 } }, .has_port = true, .port = 1600, .limit = 10,
	};
	struct rn_store_mapping row;
	uint64_t seq;

	make_older(V2);
	store_open();
	ck_assert_uint_eq(store_mappings, 5);
	ck_assert_uint_eq(store_last_mapping.pub.port, 40001);
	ck_assert_uint_eq(store_last_mapping.pub.ports, 0);
	ck_assert_uint_eq(store_state.last_rev, 11);
	/* Two sizes of block that begin at the same port are two endpoints. */
	for (uint64_t id = 6; id < 8; id++) {
		struct rn_store_audit event = {
			.rev = 6 + id, .time_ns = 1800000000000000000, .ownership = true,
			.id = id, .epoch = 1, .to = id == 7, .what = "granted",
		};
		const struct rn_store_unit unit = {
			.mapping = &row, .audit = &event, .n_audit = 1,
		};

		row = store_mapping(id, 1);
		row.vm.kind = RN_KIND_BLOCK;
		row.vm.port = id - 6;
		row.pub = (struct rn_public){
			.port = 1024, .ports = id == 6 ? 512 : 1024, .addr = q.addr,
		};
		event.vm = row.vm;
		event.pub = row.pub;
		seq = rn_store_put(store, &unit);
	}
	store_wait(seq);
	/* Who had this port: the block that it is in (RFC 6888, section 4). */
	ck_assert_uint_eq(store_query(&q)->len, 1);
	ck_assert_uint_eq(g_array_index(store_query(&q), struct rn_store_audit, 0).id, 7);
	store_close();
	store_open();
	ck_assert_uint_eq(store_mappings, 7);
	ck_assert_uint_eq(store_last_mapping.pub.ports, 1024);
	store_close();
	store_sql("UPDATE mapping SET pub_ports = 2048 WHERE id = 7");
	store_expect_refusal(RN_STORE_ERROR_DAMAGED);
}
END_TEST

/* Drains and evacuations came with schema 4: no gateway is drained, and every sum of
 * schema 3, blocks' too, is that of today.
 */
START_TEST(schema_3_is_brought_forward)
{
	struct rn_store_gateway gw;
	uint64_t seq;

	make_older(V3);
	ck_assert_int_eq(store_number("PRAGMA user_version"), 3);
	store_open();
	ck_assert_uint_eq(store_mappings, 7);
	ck_assert_uint_eq(store_last_mapping.id, 7);
	ck_assert_uint_eq(store_last_mapping.vm.kind, RN_KIND_BLOCK);
	ck_assert_uint_eq(store_last_mapping.pub.ports, 1024);
	ck_assert_uint_eq(store_gateways, 2);
	ck_assert_uint_eq(store_last_gateway.incarnation, 5);
	ck_assert(!store_last_gateway.drained);
	ck_assert_uint_eq(store_state.last_rev, 13);
	gw = store_last_gateway;
	gw.drained = true;
	seq = rn_store_put(store, &(struct rn_store_unit){ .gateway = &gw });
	store_wait(seq);
	store_close();
	ck_assert_int_eq(store_number("PRAGMA user_version"), RN_STORE_SCHEMA);
	store_open();
	ck_assert(store_last_gateway.drained);
	store_close();
	/* A sum that is not that of its row is noticed as before. */
	make_older(V3);
	store_sql("UPDATE gateway SET incarnation = 4 WHERE number = 2");
	store_expect_refusal(RN_STORE_ERROR_DAMAGED);
}
END_TEST

START_TEST(older_store_is_brought_forward)
{
	const struct rn_store_query q = { .addr = { 4, { 203, 0, 113, 3 } }, .limit = 10 };
	const struct rn_store_audit *row;
	const GArray *rows;

	make_v1();
	store_open();
	ck_assert_uint_eq(store_mappings, 5);
	ck_assert_uint_eq(store_gateways, 2);
	ck_assert_uint_eq(store_last_mapping.id, 5);
	ck_assert_uint_eq(store_last_mapping.pub.port, 40001);
	ck_assert_uint_eq(store_last_gateway.incarnation, 5);
	ck_assert(store_last_gateway.fenced);
	ck_assert(!store_last_gateway.unheard);
	ck_assert_uint_eq(store_state.last_rev, 11);
	rows = store_query(&q);
	ck_assert_uint_eq(rows->len, 3);
	row = &g_array_index(rows, struct rn_store_audit, 1);
	ck_assert_str_eq(row->what, "moved");
	ck_assert_uint_eq(row->verified_by, 2);
	ck_assert_str_eq(row->by, "uid 0 (root) pid 7");
	store_wait(store_put(6, 1));
	store_close();
	ck_assert_int_eq(store_number("PRAGMA user_version"), RN_STORE_SCHEMA);
	/* Once is enough. */
	store_open();
	ck_assert_uint_eq(store_mappings, 6);
}
END_TEST

START_TEST(file_before_is_kept)
{
	g_autofree char *bak = g_strconcat(store_path, ".v1.bak", NULL);
	char *path = store_path;

	make_v1();
	store_open();
	store_close();
	store_path = bak;
	ck_assert_int_eq(store_number("PRAGMA user_version"), 1);
	ck_assert_int_eq(store_number("SELECT count(*) FROM mapping"), 5);
	ck_assert_int_eq(store_number("SELECT sum(rev) FROM audit"), 66);
	store_path = path;
}
END_TEST

/* Wherever the disk fails, the store is the one or the other, whole. */
START_TEST(bringing_forward_is_all_or_nothing)
{
	gboolean done = FALSE;
	int failed = 0;

	for (int i = 0; !done; i += 3) {
		GError *error;

		make_v1();
		store_fail_writes = i;
		error = store_open_error();
		done = !error;
		failed += !done;
		g_clear_error(&error);
		store_fail_writes = -1;
		store_close();
		store_open();
		ck_assert_uint_eq(store_mappings, 5);
		ck_assert_uint_eq(store_gateways, 2);
		store_close();
		ck_assert_int_eq(store_number("SELECT count(*) FROM audit"), 11);
	}
	ck_assert_int_gt(failed, 3);
}
END_TEST

/* ---- check ---- */

static GPtrArray *sentences;

static void report(const char *sentence, void *data)
{
	(void)data;
	g_ptr_array_add(sentences, g_strdup(sentence));
}

static void check(const char *path)
{
	GError *error = NULL;

	g_clear_pointer(&sentences, g_ptr_array_unref);
	sentences = g_ptr_array_new_with_free_func(g_free);
	ck_assert_msg(rn_store_check(path, report, NULL, &error), "%s",
		      error ? error->message : "");
}

static void fill(void)
{
	store_put_gateway(1, 1);
	store_put_gateway(2, 4);
	for (int i = 1; i <= 20; i++)
		store_put_event(i, 1, 1 + i % 2, i * 1000);
	store_wait(store_put_event(3, 1, 0, 30000));
}

START_TEST(nothing_wrong_is_told)
{
	store_open();
	fill();
	/* Beside the controller, and without. */
	check(store_path);
	ck_assert_uint_eq(sentences->len, 0);
	store_close();
	check(store_path);
	ck_assert_uint_eq(sentences->len, 0);
	make_v1();
	store_open();
	store_close();
	check(store_path);
	ck_assert_uint_eq(sentences->len, 0);
}
END_TEST

START_TEST(each_wrong_row_is_told)
{
	static const struct {
		const char *sql, *text;
	} cases[] = {
		{ "UPDATE mapping SET epoch = 9 WHERE id = 4",
		  "mapping 4 (203.0.0.4): the row is not" },
		{ "UPDATE gateway SET incarnation = 9 WHERE number = 2",
		  "gateway 2 (gw2): the row is" },
		{ "UPDATE audit SET to_gw = 2 WHERE rev = 8",
		  "audit row 8 (granted): not as it was" },
		{ "UPDATE audit SET time_ns = 1 WHERE rev = 7",
		  "audit row 7 (granted): not as it was" },
		{ "UPDATE audit SET text = 'x' WHERE rev = 7",
		  "audit row 7 (granted): not as it was" },
		{ "DELETE FROM audit WHERE rev = 6",
		  "mapping 6 is at epoch 1, and the audit log never" },
		{ "DELETE FROM audit WHERE rev = 21",
		  "mapping 3 belongs to gateway 0 (0: nobody), the audit" },
		{ "DELETE FROM gateway WHERE number = 1",
		  "belongs to gateway 1, which the store does not know" },
		{ "UPDATE mapping SET addr = x'0a000008' WHERE id = 9",
		  "mappings 8 and 9 are both granted" },
		{ "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql ="
		  " replace(sql, '<> 0', '<> 1') WHERE name = 'audit_to'",
		  "restore the store from a backup" },
	};
	gboolean found = FALSE;

	store_open();
	fill();
	store_close();
	store_sql(cases[_i].sql);
	check(store_path);
	for (guint i = 0; i < sentences->len; i++)
		found = found || strstr(sentences->pdata[i], cases[_i].text);
	if (!sentences->len)
		g_ptr_array_add(sentences, g_strdup("nothing told"));
	ck_assert_msg(found, "%s: %s", cases[_i].sql, (char *)sentences->pdata[0]);
}
END_TEST

START_TEST(what_is_no_store_cannot_be_checked)
{
	static const char *const texts[] = { NULL, "no store", "" };
	g_autoptr(GError) error = NULL;

	if (texts[_i])
		ck_assert(g_file_set_contents(store_path, texts[_i], -1, NULL));
	ck_assert(!rn_store_check(store_path, report, NULL, &error));
	ck_assert(strstr(error->message, store_path));
}
END_TEST

/* ---- backup ---- */

static char *backup_error;
static gboolean backup_done;

static void on_backup(const char *error, uint64_t bytes, void *data)
{
	(void)data;
	g_free(backup_error);
	backup_error = g_strdup(error);
	backup_done = TRUE;
	if (!error)
		ck_assert_uint_gt(bytes, 4096);
}

/* The number of units that became durable while it was made. */
static uint64_t backup(const char *file)
{
	gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
	uint64_t before = store_durable, put = 0;
	GError *error = NULL;

	backup_done = FALSE;
	ck_assert_msg(rn_store_backup(store, file, on_backup, NULL, &error), "%s",
		      error ? error->message : "");
	while (!backup_done && g_get_monotonic_time() < until) {
		if (store_durable >= before + put) {
			put++;
			store_put_event(1000, put, 2, 40000 + put);
		}
		g_main_context_iteration(NULL, FALSE);
	}
	ck_assert(backup_done);
	return store_durable - before;
}

static char *copy_name(void)
{
	return g_build_filename(store_dir, "copy", NULL);
}

START_TEST(backup_while_running)
{
	g_autofree char *file = copy_name();
	char *path = store_path;
	int64_t rows;

	store_open();
	fill();
	for (int i = 2001; i <= 12000; i++)
		store_put_event(i, 1, 1, 30000 + i);
	store_wait(store_put_event(12000, 2, 1, 43000));
	ck_assert_uint_gt(backup(file), 3);
	ck_assert_msg(!backup_error, "%s", backup_error);
	/* One file, one snapshot, nobody else's to read. */
	check(file);
	ck_assert_uint_eq(sentences->len, 0);
	store_path = file;
	rows = store_number("SELECT count(*) FROM mapping");
	ck_assert_int_ge(rows, 10020);
	ck_assert_int_eq(store_number("SELECT epoch FROM mapping WHERE id = 12000"), 2);
	store_path = path;
}
END_TEST

START_TEST(backup_is_checked)
{
	g_autofree char *file = copy_name();

	store_open();
	fill();
	store_sql("UPDATE audit SET by = 'nobody' WHERE rev = 5");
	backup(file);
	ck_assert_ptr_nonnull(backup_error);
	ck_assert_msg(strstr(backup_error, "audit row 5"), "%s", backup_error);
	ck_assert(!g_file_test(file, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(backup_replaces_backups_only)
{
	g_autofree char *file = copy_name();
	g_autofree char *nowhere = g_build_filename(store_dir, "no", "such", NULL);

	store_open();
	fill();
	ck_assert(g_file_set_contents(file, "a letter to my mother", -1, NULL));
	backup(file);
	ck_assert_msg(backup_error && strstr(backup_error, "no earlier backup"), "%s",
		      backup_error);
	backup(store_path);
	ck_assert_msg(backup_error && strstr(backup_error, "the store itself"), "%s", backup_error);
	backup(nowhere);
	ck_assert_msg(backup_error && strstr(backup_error, "has to be able to write"), "%s",
		      backup_error);
}
END_TEST

/* ---- restore ---- */

static void make_copy(void)
{
	store_open();
	fill();
	store_close();
	store_sql("INSERT INTO meta VALUES ('copy', '1790000000')");
}

START_TEST(backup_is_no_store)
{
	make_copy();
	store_expect_refusal(RN_STORE_ERROR_COPY);
}
END_TEST

START_TEST(restore_raises_everything)
{
	static const char *const off[] = { "gw2", NULL };
	const struct rn_store_query q = { .addr = { 4, { 203, 0, 0, 4 } }, .limit = 10,
					  .at_ns = 10000 };
	GError *error = NULL;

	make_copy();
	ck_assert(rn_store_restore(store_path, off, "me", &error));
	store_open();
	ck_assert_uint_eq(store_last_mapping.epoch, 1 + RN_STORE_STEP);
	ck_assert_uint_eq(store_last_gateway.incarnation, 4 + RN_STORE_STEP);
	ck_assert(store_last_gateway.fenced);
	ck_assert(!store_last_gateway.unheard);
	ck_assert_uint_eq(store_state.last_rev, 21 + RN_STORE_STEP);
	ck_assert_int_eq(store_state.value[RN_STORE_RESTORED], 1);
	ck_assert_int_eq(store_state.value[RN_STORE_NEXT_ID], 20 + RN_STORE_STEP);
	/* What happened since the backup is not known, and that is told. */
	ck_assert_uint_eq(store_query(&q)->len, 1);
	ck_assert_int_eq(store_page.gap_to_ns, 0);
	store_close();
	ck_assert_int_eq(store_number("SELECT unheard FROM gateway WHERE number = 1"), 1);
	ck_assert_int_eq(store_number("SELECT fenced FROM gateway WHERE number = 1"), 0);
	check(store_path);
	ck_assert_msg(!sentences->len, "%s", (char *)sentences->pdata[0]);
}
END_TEST

START_TEST(restore_leaves_a_gap_in_the_log)
{
	struct rn_store_query q = { .addr = { 4, { 203, 0, 0, 4 } }, .limit = 10 };

	make_copy();
	ck_assert(rn_store_restore(store_path, NULL, "me", NULL));
	store_open();
	q.at_ns = 31000;		/* after the last event of the backup */
	ck_assert_uint_eq(store_query(&q)->len, 1);
	ck_assert_int_eq(store_page.gap_from_ns, 30000);
	ck_assert_int_gt(store_page.gap_to_ns, INT64_C(1000000000000000000));
	ck_assert(!store_page.twice);
	q.at_ns = g_get_real_time() * 1000;
	store_query(&q);
	ck_assert_int_eq(store_page.gap_to_ns, 0);
}
END_TEST

START_TEST(restore_knows_its_gateways)
{
	static const char *const off[] = { "gw7", NULL };
	g_autoptr(GError) error = NULL;

	make_copy();
	ck_assert(!rn_store_restore(store_path, off, "me", &error));
	ck_assert_msg(strstr(error->message, "gw7"), "%s", error->message);
	ck_assert_int_eq(store_number("SELECT max(epoch) FROM mapping"), 1);
	store_expect_refusal(RN_STORE_ERROR_COPY);
}
END_TEST

START_TEST(restore_is_all_or_nothing)
{
	make_copy();
	for (int i = 0; i < 8; i++) {
		store_fail_writes = i;
		if (rn_store_restore(store_path, NULL, "me", NULL))
			break;
		store_fail_writes = -1;
		ck_assert_int_eq(store_number("SELECT max(epoch) FROM mapping"), 1);
	}
	store_fail_writes = -1;
	store_expect_refusal(RN_STORE_ERROR_COPY);
	/* A store that is in use is nobody's to restore. */
	ck_assert(rn_store_restore(store_path, NULL, "me", NULL));
	store_open();
	ck_assert(!rn_store_restore(store_path, NULL, "me", NULL));
}
END_TEST

Suite *suite_store_copy(void)
{
	Suite *suite = suite_create("store_copy");
	TCase *tc = tcase_create("store_copy");

	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, older_store_is_brought_forward);
	tcase_add_test(tc, schema_2_is_brought_forward);
	tcase_add_test(tc, schema_3_is_brought_forward);
	tcase_add_test(tc, file_before_is_kept);
	tcase_add_test(tc, bringing_forward_is_all_or_nothing);
	tcase_add_test(tc, nothing_wrong_is_told);
	tcase_add_loop_test(tc, each_wrong_row_is_told, 0, 10);
	tcase_add_loop_test(tc, what_is_no_store_cannot_be_checked, 0, 3);
	tcase_add_test(tc, backup_while_running);
	tcase_add_test(tc, backup_is_checked);
	tcase_add_test(tc, backup_replaces_backups_only);
	tcase_add_test(tc, backup_is_no_store);
	tcase_add_test(tc, restore_raises_everything);
	tcase_add_test(tc, restore_leaves_a_gap_in_the_log);
	tcase_add_test(tc, restore_knows_its_gateways);
	tcase_add_test(tc, restore_is_all_or_nothing);
	suite_add_tcase(suite, tc);
	return suite;
}
