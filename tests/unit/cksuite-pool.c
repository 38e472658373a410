// SPDX-License-Identifier: GPL-2.0
/*
 * Pools, plan and heap of the controller: S2, S4, S15, P15; and of the RFCs, as in
 * tests/conformance/requirements.tsv: 4787-2, 4787-3, 4787-3a, 4787-4, 6888-2,
 * 6888-3, 6888-8, 6888-13, 7857-4.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "controller/heap.h"
#include "controller/plan.h"
#include "controller/pool.h"
#include "suites.h"

static struct rn_pools *pools;

static void setup(void)
{
	pools = rn_pools_new();
}

static void teardown(void)
{
	rn_pools_free(pools);
}

static struct rn_prefix prefix(const char *text)
{
	struct rn_prefix p;

	ck_assert(rn_prefix_parse(text, &p));
	return p;
}

static struct rn_addr addr(const char *text)
{
	struct rn_addr a;

	ck_assert(rn_addr_parse(text, &a));
	return a;
}

static struct rn_private vm_address(const char *text)
{
	return (struct rn_private){ .kind = RN_KIND_ADDRESS, .zone = 1, .addr = addr(text) };
}

static struct rn_private vm_port(const char *text, uint8_t proto, uint16_t port)
{
	return (struct rn_private){ .kind = RN_KIND_PORT, .zone = 1, .proto = proto,
				    .port = port, .addr = addr(text) };
}

static void add(const char *name, const char *text, uint8_t kind, uint16_t lo, uint16_t hi)
{
	struct rn_prefix p = prefix(text);
	const struct rn_pool_spec spec = {
		.name = name, .kind = kind, .prefixes = &p, .n_prefixes = 1, .port_lo = lo,
		.port_hi = hi, .protocols = RN_POOL_TCP | RN_POOL_UDP,
	};
	GError *error = NULL;

	ck_assert_msg(rn_pools_add(pools, &spec, &error), "%s", error ? error->message : "");
}

/* Picks and takes; false when there is none. */
static bool take(const struct rn_private *vm, const struct rn_public *earlier, int64_t wall,
		 struct rn_public *pub)
{
	const char *why = NULL;

	if (!rn_pools_pick(pools, vm, earlier, wall, pub, &why)) {
		ck_assert_ptr_nonnull(why);
		return false;
	}
	rn_pools_grant(pools, pub, vm);
	return true;
}

/* A static endpoint is for its VM alone, also after that gave it back. */
START_TEST(static_endpoint)
{
	const struct rn_private owner = vm_address("10.0.0.1"), other = vm_address("10.0.0.2");
	const struct rn_private third = vm_address("10.0.0.3");
	struct rn_static fixed = { .name = "s", .vm = owner };
	struct rn_public pub;

	add("two", "203.0.113.0/31", RN_KIND_ADDRESS, 0, 0);
	fixed.pub.addr = addr("203.0.113.0");
	ck_assert(rn_pools_reserve(pools, &fixed, NULL));
	ck_assert(take(&other, NULL, 0, &pub));
	ck_assert(!rn_public_equal(&pub, &fixed.pub));
	ck_assert(!take(&third, NULL, 0, &pub));
	ck_assert(take(&owner, NULL, 0, &pub));
	ck_assert(rn_public_equal(&pub, &fixed.pub));
	rn_pools_quarantine(pools, &pub, &owner, 10);
	rn_pools_expire(pools, 10);
	ck_assert(!take(&third, &fixed.pub, 20, &pub));
	ck_assert(take(&owner, NULL, 20, &pub));
}
END_TEST

START_TEST(every_address_once)
{
	struct rn_private vm = vm_address("10.0.0.1");
	struct rn_public pub, seen[8];

	add("a", "203.0.113.0/29", RN_KIND_ADDRESS, 0, 0);
	for (int i = 0; i < 8; i++) {
		vm.addr.b[3] = i;
		ck_assert(take(&vm, NULL, 0, &pub));
		for (int j = 0; j < i; j++)
			ck_assert(!rn_public_equal(&pub, &seen[j]));
		seen[i] = pub;
	}
	/* The edges of the prefix go last. */
	ck_assert_uint_eq(seen[0].addr.b[3], 1);
	ck_assert_uint_eq(seen[6].addr.b[3], 7);
	ck_assert_uint_eq(seen[7].addr.b[3], 0);
	ck_assert(!take(&vm, NULL, 0, &pub));
	ck_assert_uint_eq(rn_pool_counts(rn_pools_nth(pools, 0)).granted, 8);
}
END_TEST

START_TEST(quarantine_holds_back_from_others_only)
{
	struct rn_private a = vm_address("10.0.0.1"), b = vm_address("10.0.0.2");
	struct rn_public pub, other;

	add("a", "203.0.113.7/32", RN_KIND_ADDRESS, 0, 0);
	ck_assert(take(&a, NULL, 0, &pub));
	rn_pools_quarantine(pools, &pub, &a, 1000);
	ck_assert_uint_eq(rn_pool_counts(rn_pools_nth(pools, 0)).quarantined, 1);
	ck_assert(!take(&b, NULL, 999, &other));
	/* The same VM may have it back at once. */
	ck_assert(take(&a, &pub, 999, &other));
	ck_assert(rn_public_equal(&pub, &other));
	rn_pools_quarantine(pools, &pub, &a, 2000);
	ck_assert(take(&b, NULL, 2000, &other));
	ck_assert(rn_public_equal(&pub, &other));
	/* Now it is b's, so a's earlier one is gone. */
	ck_assert(!take(&a, &pub, 9000, &other));
}
END_TEST

START_TEST(earlier_address_first)
{
	struct rn_private a = vm_address("10.0.0.1"), b = vm_address("10.0.0.2");
	struct rn_public mine, other;

	add("a", "203.0.113.0/28", RN_KIND_ADDRESS, 0, 0);
	ck_assert(take(&a, NULL, 0, &mine));
	rn_pools_quarantine(pools, &mine, &a, 10);
	/* Others get unused ones as long as there are any. */
	ck_assert(take(&b, NULL, 100, &other));
	ck_assert(!rn_public_equal(&mine, &other));
	ck_assert(take(&a, &mine, 100, &other));
	ck_assert(rn_public_equal(&mine, &other));
}
END_TEST

/* P15: of the free ones the one that has been free for longest, whatever the
 * order in which they were given or in which the store tells of them at start.
 */
START_TEST(longest_free_first)
{
	static const int order[] = { 5, 2, 7, 0, 3, 6, 1, 4 };
	struct rn_private vm = vm_address("10.0.0.1");
	struct rn_public pub[8], got;

	add("a", "203.0.113.0/29", RN_KIND_ADDRESS, 0, 0);
	for (int i = 0; i < 8; i++) {
		vm.addr.b[3] = i;
		ck_assert(take(&vm, NULL, 0, &pub[i]));
	}
	/* Told in the order of ids, freed in another. */
	for (int i = 0; i < 8; i++)
		rn_pools_quarantine(pools, &pub[order[i]], &vm, 1000 + i);
	for (int i = 0; i < 8; i++) {
		vm.addr.b[3] = 100 + i;
		/* Each as soon as its quarantine is over, and not before. */
		ck_assert(!take(&vm, NULL, 999 + i, &got));
		ck_assert(take(&vm, NULL, 1000 + i, &got));
		ck_assert(rn_public_equal(&got, &pub[order[i]]));
	}
	/* All over at once: still the oldest first. */
	for (int i = 7; i >= 0; i--)
		rn_pools_quarantine(pools, &pub[order[i]], &vm, 2000 + i);
	for (int i = 0; i < 8; i++) {
		ck_assert(take(&vm, NULL, 9000, &got));
		ck_assert(rn_public_equal(&got, &pub[order[i]]));
	}
}
END_TEST

/* The VM's own one as long as nobody else needed it, even when it is not next. */
START_TEST(own_address_after_its_quarantine)
{
	struct rn_private a = vm_address("10.0.0.1"), b = vm_address("10.0.0.2");
	struct rn_public first, second, got;

	add("a", "203.0.113.6/31", RN_KIND_ADDRESS, 0, 0);
	ck_assert(take(&a, NULL, 0, &first));
	ck_assert(take(&b, NULL, 0, &second));
	rn_pools_quarantine(pools, &first, &a, 1000);
	rn_pools_quarantine(pools, &second, &b, 2000);
	ck_assert(take(&b, &second, 5000, &got));
	ck_assert(rn_public_equal(&got, &second));
	ck_assert(take(&a, &first, 5000, &got));
	ck_assert(rn_public_equal(&got, &first));
}
END_TEST

/* A million endpoints: picks, quarantines and ends do not depend on how many.
 * Far beyond the time-out of the suite if one of them walked the others.
 */
START_TEST(a_million)
{
	struct rn_private vm = vm_address("10.0.0.1");
	struct rn_public pub;
	int64_t wall = 0;

	add("a", "10.64.0.0/12", RN_KIND_ADDRESS, 0, 0);
	for (int i = 0; i < 1000000; i++) {
		vm.addr.b[1] = i >> 16;
		vm.addr.b[2] = i >> 8;
		vm.addr.b[3] = i;
		ck_assert(take(&vm, NULL, wall, &pub));
		if (i % 2) {
			rn_pools_quarantine(pools, &pub, &vm, wall + 120000);
			wall += i % 3;
		}
	}
	for (int i = 0; i < 500000; i++) {
		vm.addr.b[0] = 11;
		vm.addr.b[1] = i >> 16;
		vm.addr.b[2] = i >> 8;
		vm.addr.b[3] = i;
		wall++;
		ck_assert(take(&vm, NULL, wall, &pub));
	}
}
END_TEST

START_TEST(zones_and_exclusions)
{
	struct rn_prefix p = prefix("203.0.113.0/30");
	const uint32_t zones[] = { 7 };
	struct rn_addr out[] = { addr("203.0.113.1"), addr("203.0.113.2") };
	const struct rn_pool_spec spec = {
		.name = "z", .kind = RN_KIND_ADDRESS, .prefixes = &p, .n_prefixes = 1,
		.zones = zones, .n_zones = 1, .exclude = out, .n_exclude = 2,
	};
	struct rn_private vm = vm_address("10.0.0.1");
	struct rn_public pub;

	ck_assert(rn_pools_add(pools, &spec, NULL));
	ck_assert(!take(&vm, NULL, 0, &pub));
	vm.zone = 7;
	ck_assert(take(&vm, NULL, 0, &pub));
	ck_assert_uint_eq(pub.addr.b[3], 3);
	ck_assert_uint_eq(rn_pool_counts(rn_pools_nth(pools, 0)).total, 2);
}
END_TEST

START_TEST(overlap_is_refused)
{
	struct rn_prefix p = prefix("203.0.113.8/30");
	const struct rn_pool_spec spec = {
		.name = "second", .kind = RN_KIND_ADDRESS, .prefixes = &p, .n_prefixes = 1,
	};
	GError *error = NULL;

	add("first", "203.0.113.0/28", RN_KIND_ADDRESS, 0, 0);
	ck_assert(!rn_pools_add(pools, &spec, &error));
	ck_assert_ptr_nonnull(error);
	g_error_free(error);
}
END_TEST

START_TEST(ports_keep_number_parity_and_side)
{
	struct rn_private vm = vm_port("10.0.0.1", 6, 80), twin = vm_port("10.0.0.2", 6, 80);
	struct rn_public pub;

	add("p", "203.0.113.7/32", RN_KIND_PORT, 1, 65535);
	ck_assert(take(&vm, NULL, 0, &pub));
	ck_assert_uint_eq(pub.port, 80);
	ck_assert(take(&twin, NULL, 0, &pub));
	ck_assert_uint_lt(pub.port, 1024);
	ck_assert_uint_eq(pub.port % 2, 0);
	vm.port = 40001;
	twin.port = 40001;
	ck_assert(take(&vm, NULL, 0, &pub));
	ck_assert_uint_eq(pub.port, 40001);
	ck_assert(take(&twin, NULL, 0, &pub));
	ck_assert_uint_ge(pub.port, 1024);
	ck_assert_uint_eq(pub.port % 2, 1);
	/* Another protocol has its own ports. */
	twin.proto = 17;
	ck_assert(take(&twin, NULL, 0, &pub));
	ck_assert_uint_eq(pub.port, 40001);
}
END_TEST

START_TEST(ports_give_way_when_they_must)
{
	struct rn_private vm = vm_port("10.0.0.1", 6, 81);
	struct rn_public pub;

	add("p", "203.0.113.7/32", RN_KIND_PORT, 2000, 2003);
	for (int i = 0; i < 4; i++) {
		ck_assert(take(&vm, NULL, 0, &pub));
		ck_assert_uint_ge(pub.port, 2000);
		ck_assert_uint_le(pub.port, 2003);
		/* The odd ones first. */
		ck_assert_uint_eq(pub.port % 2, i < 2);
	}
	ck_assert(!take(&vm, NULL, 0, &pub));
	rn_pools_quarantine(pools, &pub, &vm, 5);
	ck_assert(!take(&vm, NULL, 4, &pub));
	ck_assert(take(&vm, NULL, 5, &pub));
}
END_TEST

START_TEST(ports_pair_a_vm_with_an_address)
{
	struct rn_private a = vm_port("10.0.0.1", 6, 5000), b = vm_port("10.0.0.2", 6, 5000);
	struct rn_public first, pub;

	add("p", "203.0.113.0/30", RN_KIND_PORT, 1024, 65535);
	ck_assert(take(&a, NULL, 0, &first));
	ck_assert(take(&b, NULL, 0, &pub));
	ck_assert(!rn_addr_equal(&first.addr, &pub.addr));
	for (int i = 1; i < 100; i++) {
		a.port = 5000 + i;
		a.proto = i % 2 ? 17 : 6;
		ck_assert(take(&a, NULL, 0, &pub));
		ck_assert(rn_addr_equal(&first.addr, &pub.addr));
	}
}
END_TEST

START_TEST(ports_are_given_once)
{
	struct rn_private vm = vm_port("10.0.0.1", 17, 0);
	g_autofree uint8_t *seen = calloc(4, 65536);
	struct rn_public pub;
	int n = 0;

	add("p", "203.0.113.0/30", RN_KIND_PORT, 60000, 65535);
	for (vm.port = 1; take(&vm, NULL, 0, &pub); vm.port++, n++) {
		uint8_t *s = &seen[pub.addr.b[3] * 65536 + pub.port];

		ck_assert(!*s);
		*s = 1;
		if (!(vm.port % 7))
			vm.addr.b[3]++;
	}
	ck_assert_int_eq(n, 4 * 5536);
}
END_TEST

/* Neither a /64 nor a million addresses may cost a walk. */
START_TEST(large_pools)
{
	struct rn_private vm = vm_address("10.0.0.0"), six = vm_address("fd00::1");
	const int n = 1 << 20;
	struct rn_public pub;

	add("four", "100.64.0.0/12", RN_KIND_ADDRESS, 0, 0);
	add("six", "2001:db8::/64", RN_KIND_ADDRESS, 0, 0);
	ck_assert(take(&six, NULL, 0, &pub));
	ck_assert_uint_eq(pub.addr.len, 16);
	for (int i = 0; i < n; i++) {
		vm.addr.b[1] = i >> 16;
		vm.addr.b[2] = i >> 8;
		vm.addr.b[3] = i;
		ck_assert(take(&vm, NULL, 0, &pub));
	}
	ck_assert(!take(&vm, NULL, 0, &pub));
	rn_pools_quarantine(pools, &pub, &vm, 1);
	ck_assert(take(&vm, NULL, 2, &pub));
}
END_TEST

/* A /64 is never used up; what it keeps in mind of the past is bounded. */
START_TEST(given_back_is_used_again_before_it_is_too_many)
{
	struct rn_private six = vm_address("fd00::1");
	struct rn_public first = { 0 }, pub;
	const int max = 65536;

	add("six", "2001:db8::/64", RN_KIND_ADDRESS, 0, 0);
	for (int i = 0; i <= max; i++) {
		ck_assert(take(&six, NULL, 2 * i, &pub));
		ck_assert_int_eq(i && rn_public_equal(&pub, &first), i == max);
		if (!i)
			first = pub;
		rn_pools_quarantine(pools, &pub, &six, 2 * i + 1);
	}
}
END_TEST

START_TEST(ports_are_of_ipv4)
{
	struct rn_prefix p = prefix("2001:db8::/120");
	const struct rn_pool_spec spec = {
		.name = "six", .kind = RN_KIND_PORT, .prefixes = &p, .n_prefixes = 1,
		.port_lo = 1024, .port_hi = 65535, .protocols = RN_POOL_TCP,
	};
	g_autoptr(GError) error = NULL;

	ck_assert(!rn_pools_add(pools, &spec, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "kind=address"));
}
END_TEST

START_TEST(plan_counts_those_on_their_way)
{
	struct rn_plan plan = { .planned = 10 };

	ck_assert(rn_plan_allows(&plan, 9, 0));
	ck_assert(!rn_plan_allows(&plan, 9, 1));
	ck_assert(!rn_plan_allows(&plan, 10, 0));
	plan.planned = 0;
	ck_assert(rn_plan_allows(&plan, UINT32_MAX, UINT32_MAX));
}
END_TEST

START_TEST(overload_is_told_once_per_crossing)
{
	struct rn_plan plan = { .overload = 20 };

	ck_assert(!rn_plan_crossed(&plan, 19));
	ck_assert(rn_plan_crossed(&plan, 20));
	ck_assert(!rn_plan_crossed(&plan, 21));
	ck_assert(!rn_plan_crossed(&plan, 19));
	ck_assert(!rn_plan_crossed(&plan, 20));
	ck_assert(!rn_plan_crossed(&plan, 17));
	ck_assert(rn_plan_crossed(&plan, 20));
}
END_TEST

START_TEST(heap_against_a_scan)
{
	struct rn_heap_node node[200] = { 0 };
	struct rn_heap heap;
	unsigned int x = 12345;

	rn_heap_init(&heap);
	for (int round = 0; round < 20000; round++) {
		struct rn_heap_node *n, *first = NULL;

		x = x * 1103515245 + 12345;
		n = &node[(x >> 16) % 200];
		if (x & 0x8000)
			rn_heap_set(&heap, n, (x >> 4) % 1000);
		else
			rn_heap_remove(&heap, n);
		for (int i = 0; i < 200; i++)
			if (node[i].index && (!first || node[i].due < first->due))
				first = &node[i];
		if (!first)
			ck_assert_ptr_null(rn_heap_first(&heap));
		else
			ck_assert_int_eq(rn_heap_first(&heap)->due, first->due);
	}
	rn_heap_uninit(&heap);
}
END_TEST

Suite *suite_pool(void)
{
	Suite *suite = suite_create("pool");
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, every_address_once);
	tcase_add_test(tc, static_endpoint);
	tcase_add_test(tc, quarantine_holds_back_from_others_only);
	tcase_add_test(tc, earlier_address_first);
	tcase_add_test(tc, longest_free_first);
	tcase_add_test(tc, own_address_after_its_quarantine);
	tcase_add_test(tc, a_million);
	tcase_add_test(tc, zones_and_exclusions);
	tcase_add_test(tc, overlap_is_refused);
	tcase_add_test(tc, ports_keep_number_parity_and_side);
	tcase_add_test(tc, ports_give_way_when_they_must);
	tcase_add_test(tc, ports_pair_a_vm_with_an_address);
	tcase_add_test(tc, ports_are_given_once);
	tcase_add_test(tc, large_pools);
	tcase_add_test(tc, given_back_is_used_again_before_it_is_too_many);
	tcase_add_test(tc, ports_are_of_ipv4);
	tcase_add_test(tc, plan_counts_those_on_their_way);
	tcase_add_test(tc, overload_is_told_once_per_crossing);
	tcase_add_test(tc, heap_against_a_scan);
	suite_add_tcase(suite, tc);
	return suite;
}
