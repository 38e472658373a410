// SPDX-License-Identifier: GPL-2.0
/* The controller's store on a real SQLite file: P8, I12. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "storebench.h"
#include "suites.h"

START_TEST(what_is_durable_is_there_again)
{
	const struct rn_store_gateway gw = { .number = 2, .incarnation = 7, .fenced = true,
					     .name = "gw2", .identity = "spiffe://x/gw2" };
	const struct rn_store_unit unit = { .gateway = &gw };
	struct rn_store_mapping row = store_mapping(5, 9);
	struct stat st;

	store_open();
	store_put(5, 8);
	store_put(5, 9);
	store_wait(rn_store_put(store, &unit));
	ck_assert_int_eq(stat(store_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 077, 0);
	store_close();

	store_open();
	ck_assert_uint_eq(store_mappings, 1);
	ck_assert_uint_eq(store_gateways, 1);
	ck_assert_uint_eq(store_last_mapping.epoch, 9);
	ck_assert(rn_private_equal(&store_last_mapping.vm, &row.vm));
	ck_assert(rn_public_equal(&store_last_mapping.pub, &row.pub));
	ck_assert_uint_eq(store_last_gateway.incarnation, 7);
	ck_assert(store_last_gateway.fenced);
}
END_TEST

START_TEST(single_values_stay)
{
	const struct rn_store_value value = { .key = RN_STORE_CLOCK, .value = -3600000 };
	const struct rn_store_unit unit = { .value = &value };

	store_open();
	ck_assert_int_eq(store_state.value[RN_STORE_CLOCK], 0);
	store_wait(rn_store_put(store, &unit));
	store_close();
	store_open();
	ck_assert_int_eq(store_state.value[RN_STORE_CLOCK], -3600000);
	ck_assert_int_eq(store_state.value[RN_STORE_RESTORED], 0);
}
END_TEST

START_TEST(closing_writes_what_is_queued)
{
	store_open();
	for (int i = 1; i <= 3000; i++)
		store_put(i, 1);
	store_close();
	store_open();
	ck_assert_uint_eq(store_mappings, 3000);
}
END_TEST

START_TEST(durable_is_told_after_the_disk_has_it)
{
	store_open();
	for (int i = 1; i <= 200; i++) {
		store_syncs = 0;
		store_wait(store_put(i, 1));
		ck_assert_uint_eq(rn_store_durable(store), i);
		/* P8: each of them alone, so each has its fsync. */
		ck_assert_uint_ge(store_syncs, 1);
	}
	/* Another connection sees every one of them. */
	ck_assert_int_eq(store_number("SELECT count(*) FROM mapping"), 200);
}
END_TEST

START_TEST(a_group_shares_a_commit)
{
	struct rn_store_stats stats;
	uint64_t seq = 0;

	store_open();
	for (int i = 1; i <= 5000; i++)
		seq = store_put(i, 1);
	store_wait(seq);
	stats = rn_store_stats(store);
	ck_assert_uint_eq(stats.units, 5000);
	ck_assert_uint_lt(stats.commits, 500);
	ck_assert_uint_gt(stats.largest_group, 10);
}
END_TEST

START_TEST(one_controller_at_a_time)
{
	struct rn_store *first;

	store_open();
	first = g_steal_pointer(&store);
	store_expect_refusal(RN_STORE_ERROR_LOCKED);
	store = first;
}
END_TEST

START_TEST(newer_schema_is_refused)
{
	store_open();
	store_close();
	store_sql("PRAGMA user_version = 999");
	store_expect_refusal(RN_STORE_ERROR_NEWER);
}
END_TEST

START_TEST(changed_row_is_refused)
{
	static const char *const changes[] = {
		"UPDATE mapping SET epoch = 4",
		"UPDATE mapping SET owner = 3",
		"UPDATE mapping SET pub_addr = x'cb007109'",
		"UPDATE gateway SET incarnation = 6",
		"UPDATE gateway SET fenced = 1",
		"UPDATE gateway SET name = 'gw9'",
	};

	store_open();
	store_put_gateway(2, 7);
	store_wait(store_put(1, 5));
	store_close();
	store_sql(changes[_i]);
	store_expect_refusal(RN_STORE_ERROR_DAMAGED);
}
END_TEST

START_TEST(damaged_file_is_refused)
{
	struct stat st;
	int fd;

	store_open();
	for (int i = 1; i <= 2000; i++)
		store_put(i, 1);
	store_close();
	ck_assert_int_eq(stat(store_path, &st), 0);
	fd = open(store_path, O_RDWR);
	/* Every page but the first, in the middle. */
	for (off_t at = 4096; at < st.st_size; at += 4096)
		ck_assert_int_eq(pwrite(fd, "\xde\xad\xbe\xef\xde\xad\xbe\xef", 8, at + 3), 8);
	close(fd);
	store_expect_refusal(RN_STORE_ERROR_DAMAGED);
}
END_TEST

START_TEST(no_database_is_refused)
{
	ck_assert(g_file_set_contents(store_path, "this is not a database, and long enough to tell so. "
				      "It has more than a hundred bytes, as a header has, so there.",
				      -1, NULL));
	store_expect_refusal(RN_STORE_ERROR_DAMAGED);
}
END_TEST

/* ---- the log after a crash ---- */

#define COMMITS	40	/* of one mapping each, so that each has its frames */

struct image {			/* of the two files, as a crash would leave them */
	char *db, *wal;
	gsize db_size, wal_size;
};

static void take_image(struct image *image)
{
	g_autofree char *wal = g_strconcat(store_path, "-wal", NULL);

	store_open();
	for (int i = 1; i <= COMMITS; i++)
		store_wait(store_put(i, 1));
	ck_assert(g_file_get_contents(store_path, &image->db, &image->db_size, NULL));
	ck_assert(g_file_get_contents(wal, &image->wal, &image->wal_size, NULL));
	ck_assert_uint_gt(image->wal_size, COMMITS * 4096);
	store_close();
}

static void put_image(const struct image *image, gsize wal_size)
{
	g_autofree char *wal = g_strconcat(store_path, "-wal", NULL);
	g_autofree char *shm = g_strconcat(store_path, "-shm", NULL);

	unlink(shm);
	ck_assert(g_file_set_contents(store_path, image->db, image->db_size, NULL));
	ck_assert(g_file_set_contents(wal, image->wal, wal_size, NULL));
}

/* Offset of the n-th frame that commits, and how many there are. */
static gsize commit_frame(const struct image *image, unsigned int n, unsigned int *count)
{
	gsize found = 0;

	*count = 0;
	for (gsize at = 32; at + 4120 <= image->wal_size; at += 4120) {
		if (!memcmp(image->wal + at + 4, "\0\0\0\0", 4))
			continue;
		if (++*count == n)
			found = at;
	}
	return found;
}

START_TEST(torn_tail_is_cut)
{
	struct image image;
	unsigned int n, left;

	take_image(&image);
	commit_frame(&image, 0, &n);
	ck_assert_uint_ge(n, COMMITS);
	/* Wherever the last write stopped, each commit before it is there. */
	for (gsize size = 0; size <= image.wal_size; size += 1373) {
		struct image part = image;

		part.wal_size = size;
		commit_frame(&part, 0, &left);
		put_image(&image, size);
		store_open();
		/* The first commits of the log are of the schema. */
		ck_assert_uint_eq(store_mappings, left > n - COMMITS ? left - (n - COMMITS) : 0);
		store_close();
	}
	g_free(image.db);
	g_free(image.wal);
}
END_TEST

START_TEST(damage_in_the_middle_is_refused)
{
	/* In a page, in a checksum, in the salt, in the mark of the commit. */
	static const int offsets[] = { 24 + 100, 17, 9, 2 };
	struct image image;
	unsigned int n;
	gsize at;

	take_image(&image);
	at = commit_frame(&image, COMMITS / 2, &n);
	image.wal[at + offsets[_i]] ^= 0x10;
	put_image(&image, image.wal_size);
	store_expect_refusal(RN_STORE_ERROR_DAMAGED);
	/* And again: refusing has not cut it. */
	store_expect_refusal(RN_STORE_ERROR_DAMAGED);
	g_free(image.db);
	g_free(image.wal);
}
END_TEST

START_TEST(damaged_header_of_the_log_is_refused)
{
	struct image image;

	take_image(&image);
	image.wal[18] ^= 1;
	put_image(&image, image.wal_size);
	store_expect_refusal(RN_STORE_ERROR_DAMAGED);
	g_free(image.db);
	g_free(image.wal);
}
END_TEST

START_TEST(last_transaction_counts_as_torn)
{
	struct image image;
	unsigned int n;
	gsize at;

	take_image(&image);
	commit_frame(&image, 0, &n);
	at = commit_frame(&image, n, &n);
	image.wal[at + 24 + 100] ^= 1;
	put_image(&image, image.wal_size);
	store_open();
	ck_assert_uint_eq(store_mappings, COMMITS - 1);
	g_free(image.db);
	g_free(image.wal);
}
END_TEST

/* ---- a disk that fails ---- */

START_TEST(failed_fsync_ends_it)
{
	uint64_t before;

	store_open();
	store_wait(store_put(1, 1));
	before = store_durable;
	store_fail_syncs = _i;
	for (int i = 2; i <= 50 && !store_failures; i++)
		store_wait(store_put(i, 1));
	ck_assert_uint_eq(store_failures, 1);
	ck_assert_uint_ge(store_durable, before);
	/* What is put now is not told, however well the disk does again. */
	store_fail_syncs = -1;
	before = store_durable;
	store_put(60, 1);
	for (int i = 0; i < 100; i++)
		g_main_context_iteration(NULL, FALSE);
	ck_assert_uint_eq(store_durable, before);
	ck_assert_uint_eq(store_failures, 1);
	/* And closing brings nothing into the file by a later fsync. */
	store_syncs = 0;
	store_close();
	ck_assert_uint_eq(store_syncs, 0);
	store_failures = 0;
	store_open();
	ck_assert_uint_ge(store_mappings, before);
	ck_assert_uint_le(store_mappings, before + 1);
}
END_TEST

START_TEST(full_disk_ends_it)
{
	store_open();
	store_wait(store_put(1, 1));
	store_fail_writes = _i;
	for (int i = 2; i <= 50 && !store_failures; i++)
		store_wait(store_put(i, 1));
	ck_assert_uint_eq(store_failures, 1);
	store_fail_writes = -1;
	store_close();
	store_failures = 0;
	store_open();
	ck_assert_uint_ge(store_mappings, 1);
}
END_TEST

/* A checkpoint's fsync is one of ours as well, though nobody waits for it. */
START_TEST(failed_checkpoint_ends_it)
{
	uint64_t seq = 0;

	store_open();
	store_wait(store_put(1, 1));
	store_fail_checkpoint = true;
	/* Each row in another page, so that it is soon time for one. */
	for (int i = 2; i <= 200000 && !store_failures; i++) {
		seq = store_put(1 + i * 7919L % 50000, i);
		if (i % 10000 == 0)
			store_wait(seq);
	}
	ck_assert_uint_eq(store_failures, 1);
	/* What the log had is there. */
	store_fail_checkpoint = false;
	seq = MIN(store_durable, 50000);
	store_close();
	store_failures = 0;
	store_open();
	ck_assert_uint_ge(store_mappings, seq);
}
END_TEST

Suite *suite_store(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("store");

	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, what_is_durable_is_there_again);
	tcase_add_test(tc, single_values_stay);
	tcase_add_test(tc, closing_writes_what_is_queued);
	tcase_add_test(tc, durable_is_told_after_the_disk_has_it);
	tcase_add_test(tc, a_group_shares_a_commit);
	tcase_add_test(tc, one_controller_at_a_time);
	tcase_add_test(tc, newer_schema_is_refused);
	tcase_add_loop_test(tc, changed_row_is_refused, 0, 6);
	tcase_add_test(tc, damaged_file_is_refused);
	tcase_add_test(tc, no_database_is_refused);
	tcase_add_test(tc, torn_tail_is_cut);
	tcase_add_loop_test(tc, damage_in_the_middle_is_refused, 0, 4);
	tcase_add_test(tc, damaged_header_of_the_log_is_refused);
	tcase_add_test(tc, last_transaction_counts_as_torn);
	tcase_add_loop_test(tc, failed_fsync_ends_it, 0, 3);
	tcase_add_loop_test(tc, full_disk_ends_it, 0, 6);
	tcase_add_test(tc, failed_checkpoint_ends_it);
	suite_add_tcase(suite, tc);
	return suite;
}
