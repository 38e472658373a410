// SPDX-License-Identifier: GPL-2.0
/* Questions to the audit log, and its pruning: B6. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "storebench.h"
#include "suites.h"

static uint64_t put_row(const struct rn_store_audit *from)
{
	struct rn_store_audit row = *from;
	const struct rn_store_unit unit = { .audit = &row, .n_audit = 1 };

	row.rev = ++store_rev;
	return rn_store_put(store, &unit);
}

static uint64_t put_break(const char *what, int64_t time_ns)
{
	struct rn_store_audit row = { .time_ns = time_ns, .by = "controller" };

	g_strlcpy(row.what, what, sizeof(row.what));
	return put_row(&row);
}

static const struct rn_store_audit *nth(const GArray *rows, guint i)
{
	ck_assert_uint_lt(i, rows->len);
	return &g_array_index(rows, struct rn_store_audit, i);
}

static struct rn_store_query of(uint64_t id)
{
	return (struct rn_store_query){ .addr = store_mapping(id, 1).pub.addr, .limit = 100 };
}

/* Who had mapping id's address: a gateway's number, 0 nobody. */
static uint32_t holder(uint64_t id, int64_t at_ns)
{
	struct rn_store_query q = of(id);
	const GArray *rows;

	q.at_ns = at_ns;
	rows = store_query(&q);
	ck_assert_uint_le(rows->len, 1);
	return rows->len ? nth(rows, 0)->to : 0;
}

START_TEST(who_had_it_at_a_time)
{
	const struct rn_store_audit refused = {
		.time_ns = 3500, .what = "alarm", .id = 1, .epoch = 2, .to = 9,
		.pub = store_mapping(1, 1).pub, .vm = store_mapping(1, 1).vm,
	};

	store_open();
	store_put_event(1, 1, 1, 1000);
	store_put_event(2, 1, 2, 1500);
	store_put_event(1, 2, 3, 2000);
	store_put_event(1, 2, 0, 3000);
	put_row(&refused);
	store_wait(store_put_event(1, 3, 2, 4000));
	ck_assert_uint_eq(holder(1, 999), 0);
	ck_assert_uint_eq(holder(1, 1000), 1);
	ck_assert_uint_eq(holder(1, 1999), 1);
	ck_assert_uint_eq(holder(1, 2000), 3);
	/* Released, in quarantine, free: nobody's. */
	ck_assert_uint_eq(holder(1, 3000), 0);
	ck_assert_str_eq(nth(store_page.rows, 0)->what, "released");
	/* A refusal changes nothing. */
	ck_assert_uint_eq(holder(1, 3500), 0);
	ck_assert_uint_eq(holder(1, 3999), 0);
	ck_assert_uint_eq(holder(1, 4000), 2);
	ck_assert_uint_eq(holder(1, INT64_MAX), 2);
	ck_assert_uint_eq(holder(2, 1500), 2);
	ck_assert_uint_eq(holder(3, 4000), 0);
}
END_TEST

/* Against the plain answer, over a long log with gaps in its revisions. */
START_TEST(random_logs_agree)
{
	static struct {
		uint64_t id;
		uint32_t to;
		int64_t ns;
	} log[3000];
	uint64_t seq = 0;
	int64_t ns = 0;

	srand(7);
	store_open();
	for (int i = 0; i < 3000; i++) {
		log[i].id = 1 + rand() % 20;
		log[i].to = rand() % 4;
		log[i].ns = ns += rand() % 3;
		store_rev += rand() % 5 ? 0 : rand() % 100000;
		seq = store_put_event(log[i].id, i + 1, log[i].to, log[i].ns);
	}
	store_wait(seq);
	for (int i = 0; i < 400; i++) {
		uint64_t id = 1 + rand() % 20;
		int64_t at = 1 + rand() % (ns + 10);
		uint32_t want = 0;

		for (int j = 0; j < 3000 && log[j].ns <= at; j++)
			if (log[j].id == id)
				want = log[j].to;
		ck_assert_uint_eq(holder(id, at), want);
	}
}
END_TEST

START_TEST(clock_set_back)
{
	struct rn_store_query q = of(1);

	store_open();
	store_put_event(1, 1, 1, 1000);
	store_put_event(1, 2, 2, 5000);
	put_break("clock-set", 2000);
	store_put_event(1, 3, 3, 4000);
	store_wait(store_put_event(1, 4, 4, 9000));
	ck_assert_uint_eq(holder(1, 1500), 1);
	ck_assert(!store_page.twice);
	/* 3000 came twice: before 2 had it, and before 3 had it. */
	q.at_ns = 3000;
	store_query(&q);
	ck_assert(store_page.twice);
	ck_assert_int_eq(store_page.gap_from_ns, 2000);
	ck_assert_int_eq(store_page.gap_to_ns, 5000);
	ck_assert_uint_eq(store_page.rows->len, 2);
	ck_assert_uint_eq(nth(store_page.rows, 0)->to, 1);
	ck_assert_uint_eq(nth(store_page.rows, 1)->to, 2);
	q.at_ns = 4500;
	store_query(&q);
	ck_assert_uint_eq(nth(store_page.rows, 0)->to, 1);
	ck_assert_uint_eq(nth(store_page.rows, 1)->to, 3);
	ck_assert_uint_eq(holder(1, 6000), 3);
	ck_assert(!store_page.twice);
	ck_assert_uint_eq(holder(1, 9000), 4);
}
END_TEST

START_TEST(clock_set_forward)
{
	store_open();
	store_put_event(1, 1, 1, 1000);
	put_break("clock-set", 8000);
	store_wait(store_put_event(1, 2, 2, 9000));
	ck_assert_uint_eq(holder(1, 5000), 1);
	ck_assert_int_eq(store_page.gap_to_ns, 0);
	ck_assert_uint_eq(holder(1, 8500), 1);
	ck_assert_uint_eq(holder(1, 9500), 2);
}
END_TEST

static uint64_t put_port(uint16_t port, uint8_t proto, uint32_t to, int64_t ns)
{
	struct rn_store_mapping row = store_mapping(port + proto * 65536, 1);
	struct rn_store_audit event = {
		.rev = ++store_rev, .time_ns = ns, .ownership = true, .id = row.id, .epoch = 1,
		.to = to, .what = "granted", .by = "gw",
	};
	const struct rn_store_unit unit = { .mapping = &row, .audit = &event, .n_audit = 1 };

	row.pub = (struct rn_public){ .proto = proto, .port = port,
				      .addr = { 4, { 203, 0, 113, 64 } } };
	row.vm.kind = RN_KIND_PORT;
	row.vm.proto = proto;
	row.vm.port = port;
	event.vm = row.vm;
	event.pub = row.pub;
	return rn_store_put(store, &unit);
}

START_TEST(ports_of_an_address)
{
	struct rn_store_query q = { .addr = { 4, { 203, 0, 113, 64 } }, .limit = 100 };
	unsigned int n = 0, pages = 0;
	uint64_t seq = 0;

	store_open();
	for (int port = 1; port <= 250; port++)
		for (int tcp = 0; tcp < 2; tcp++)
			seq = put_port(port, tcp ? 6 : 17, 1 + port % 3, 1000 + port);
	store_wait(seq);
	/* All of them, each once. */
	q.at_ns = 1200;
	do {
		n += store_query(&q)->len;
		q.after = store_page.next;
		pages++;
	} while (q.after);
	ck_assert_uint_eq(n, 400);
	ck_assert_uint_ge(pages, 5);
	/* One port, of one protocol or of both. */
	q.has_port = true;
	q.port = 77;
	ck_assert_uint_eq(store_query(&q)->len, 2);
	q.proto = 17;
	ck_assert_uint_eq(store_query(&q)->len, 1);
	ck_assert_uint_eq(nth(store_page.rows, 0)->pub.proto, 17);
	q.at_ns = 0;
	ck_assert_uint_eq(store_query(&q)->len, 1);
}
END_TEST

START_TEST(what_a_vm_had)
{
	struct rn_store_query q = { .vm = store_mapping(1, 1).vm.addr, .limit = 100 };
	struct rn_store_audit other = {
		.time_ns = 2500, .what = "granted", .ownership = true, .id = 1, .epoch = 3,
		.to = 4, .by = "gw", .pub = store_mapping(1, 1).pub,
		.vm = { .zone = 1, .kind = RN_KIND_ADDRESS, .addr = { 4, { 10, 9, 9, 9 } } },
	};

	store_open();
	store_put_event(1, 1, 1, 1000);
	store_put_event(1, 1, 0, 2000);
	store_wait(put_row(&other));
	q.at_ns = 1500;
	ck_assert_uint_eq(store_query(&q)->len, 1);
	ck_assert_uint_eq(nth(store_page.rows, 0)->id, 1);
	q.at_ns = 2200;
	ck_assert_uint_eq(store_query(&q)->len, 0);
	q.at_ns = 2600;		/* the address is another's now */
	ck_assert_uint_eq(store_query(&q)->len, 0);
	q.at_ns = 0;
	ck_assert_uint_eq(store_query(&q)->len, 2);
	q.has_zone = true;
	q.zone = 2;
	ck_assert_uint_eq(store_query(&q)->len, 0);
	q.zone = 1;
	ck_assert_uint_eq(store_query(&q)->len, 2);
	q.at_ns = 1500;
	ck_assert_uint_eq(store_query(&q)->len, 1);
}
END_TEST

START_TEST(what_a_gateway_did)
{
	struct rn_store_query q = { .gateway = 3, .limit = 5 };
	const struct rn_store_audit moved = {
		.time_ns = 5000, .what = "moved", .ownership = true, .from = 3, .to = 2, .id = 2,
		.pub = store_mapping(2, 1).pub, .vm = store_mapping(2, 1).vm,
	};
	uint64_t seq = 0;
	guint n = 0;

	store_open();
	for (int i = 1; i <= 20; i++)
		seq = store_put_event(i, 1, i % 2 ? 3 : 2, i * 100);
	put_row(&moved);
	seq = put_row(&(struct rn_store_audit){ .time_ns = 6000, .what = "registered", .from = 3 });
	store_wait(seq);
	do {
		n += store_query(&q)->len;
		q.after = store_page.next;
	} while (q.after);
	ck_assert_uint_eq(n, 12);
	ck_assert_str_eq(nth(store_page.rows, 1)->what, "registered");
	/* Between two times. */
	q.limit = 100;
	q.since_ns = 500;
	q.until_ns = 1500;
	ck_assert_uint_eq(store_query(&q)->len, 6);
	ck_assert_int_eq(nth(store_page.rows, 0)->time_ns, 500);
	ck_assert_int_eq(nth(store_page.rows, 5)->time_ns, 1500);
	q = (struct rn_store_query){ .since_ns = 5001, .limit = 100 };
	ck_assert_uint_eq(store_query(&q)->len, 1);
	q = (struct rn_store_query){ .until_ns = 100, .limit = 100 };
	ck_assert_uint_eq(store_query(&q)->len, 1);
}
END_TEST

/* ---- pruning ---- */

static uint64_t prune(int64_t before_ns, unsigned int limit)
{
	const struct rn_store_prune what = { .before_ns = before_ns, .limit = limit };
	struct rn_store_audit event = {
		.rev = ++store_rev, .time_ns = before_ns + 1000000, .what = "pruned",
		.by = "controller",
	};
	const struct rn_store_unit unit = { .prune = &what, .audit = &event, .n_audit = 1 };

	return rn_store_put(store, &unit);
}

static const GArray *everything(void)
{
	const struct rn_store_query q = { .limit = 10000 };

	return store_query(&q);
}

START_TEST(pruning_keeps_who_has_it)
{
	const struct rn_store_audit refused = {
		.time_ns = 1500, .what = "refused", .id = 1, .pub = store_mapping(1, 1).pub,
	};

	store_open();
	store_put_event(1, 1, 1, 1000);
	put_row(&refused);
	store_put_event(1, 2, 2, 2000);
	store_put_event(2, 1, 3, 2500);
	store_put_event(1, 3, 3, 4000);
	ck_assert_int_eq(rn_store_oldest(store), 0);
	store_wait(prune(3000, 100));
	/* Of mapping 1 the row at 2000, of mapping 2 its only one, and what is new. */
	ck_assert_uint_eq(everything()->len, 4);
	ck_assert_uint_eq(nth(store_page.rows, 0)->to, 2);
	ck_assert_str_eq(nth(store_page.rows, 3)->what, "pruned");
	ck_assert_msg(g_str_has_prefix(nth(store_page.rows, 3)->text, "2 events before 1970-01-01"),
		      "%s", nth(store_page.rows, 3)->text);
	ck_assert_int_eq(store_page.begins_ns, 2500);
	/* From the beginning of the log on every answer is as it was. */
	ck_assert_uint_eq(holder(1, 2600), 2);
	ck_assert_uint_eq(holder(2, 2600), 3);
	ck_assert_uint_eq(holder(1, 4000), 3);
	ck_assert_int_eq(rn_store_oldest(store), 4000);
	/* Much later: who has it now is known for ever. */
	store_wait(prune(1000000000, 100));
	ck_assert_uint_eq(holder(1, INT64_MAX), 3);
	ck_assert_uint_eq(holder(2, INT64_MAX), 3);
	store_close();
	store_open();
	ck_assert_uint_eq(store_mappings, 2);
}
END_TEST

START_TEST(pruning_goes_in_parts)
{
	uint64_t seq = 0;
	int n = 0;

	store_open();
	for (int i = 1; i <= 1000; i++)
		seq = store_put_event(1 + i % 10, i, 1 + i % 3, i * 10);
	store_wait(seq);
	while (n++ < 100) {
		store_wait(prune(8000, 100));
		if (rn_store_oldest(store) >= 8000)
			break;
	}
	ck_assert_int_ge(n, 8);
	ck_assert_int_lt(n, 12);
	ck_assert_int_eq(rn_store_oldest(store), 8000);
	/* 201 that are young, ten that tell who had it, and one for each part that
	 * found something; the first rows of each endpoint have nothing before them.
	 */
	ck_assert_uint_ge(everything()->len, 201 + 10);
	ck_assert_uint_le(store_page.rows->len, 201 + 10 + 10);
}
END_TEST

START_TEST(prunings_alone_make_no_more)
{
	store_open();
	store_put_event(1, 1, 1, 1000);
	store_put_event(1, 1, 0, 2000);
	store_wait(prune(3000, 100));
	ck_assert_uint_eq(everything()->len, 2);
	/* The row about the pruning gets old as well, and goes without another. */
	for (int i = 1; i <= 5; i++)
		store_wait(prune(i * INT64_C(10000000), 100));
	ck_assert_uint_eq(everything()->len, 1);
	ck_assert_str_eq(nth(store_page.rows, 0)->what, "released");
	ck_assert_int_eq(rn_store_oldest(store), 0);
}
END_TEST

START_TEST(pruning_keeps_breaks)
{
	store_open();
	store_put_event(1, 1, 1, 9000);
	put_break("clock-set", 1000);
	store_put_event(1, 2, 2, 2000);
	store_wait(store_put_event(1, 3, 3, 8000));
	/* The first is of a time to come, and yet older than the second. */
	store_wait(prune(3000, 100));
	ck_assert_uint_eq(holder(1, 8500), 3);
	ck_assert_uint_eq(holder(1, 4000), 2);
	ck_assert_uint_eq(everything()->len, 4);
}
END_TEST

Suite *suite_store_audit(void)
{
	Suite *suite = suite_create("store_audit");
	TCase *tc = tcase_create("store_audit");

	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, who_had_it_at_a_time);
	tcase_add_test(tc, random_logs_agree);
	tcase_add_test(tc, clock_set_back);
	tcase_add_test(tc, clock_set_forward);
	tcase_add_test(tc, ports_of_an_address);
	tcase_add_test(tc, what_a_vm_had);
	tcase_add_test(tc, what_a_gateway_did);
	tcase_add_test(tc, pruning_keeps_who_has_it);
	tcase_add_test(tc, pruning_goes_in_parts);
	tcase_add_test(tc, prunings_alone_make_no_more);
	tcase_add_test(tc, pruning_keeps_breaks);
	suite_add_tcase(suite, tc);
	return suite;
}
