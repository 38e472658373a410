// SPDX-License-Identifier: GPL-2.0
/* Addresses, sides, endpoints and timers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "suites.h"

static struct rn_addr addr(const char *text)
{
	struct rn_addr a;

	ck_assert_msg(rn_addr_parse(text, &a), "%s is an address", text);
	return a;
}

START_TEST(address_round_trip)
{
	static const char *const good[] = {
		"0.0.0.0", "203.0.113.7", "255.255.255.255", "::", "2001:db8::1",
		"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
	};
	char text[RN_ADDR_TEXT];
	struct rn_addr a;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		a = addr(good[i]);
		ck_assert_str_eq(rn_addr_print(&a, text), good[i]);
	}
}
END_TEST

START_TEST(each_byte)
{
	char text[RN_ADDR_TEXT], wanted[16];

	for (unsigned int n = 0; n < 256; n++) {
		struct rn_addr a = {
			.len = 4, .b = { (uint8_t)n, 0, (uint8_t)(255 - n), (uint8_t)n },
		};

		snprintf(wanted, sizeof(wanted), "%u.0.%u.%u", n, 255 - n, n);
		ck_assert_str_eq(rn_addr_print(&a, text), wanted);
	}
}
END_TEST

START_TEST(address_refused)
{
	static const char *const bad[] = {
		"", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "a", ":",
		"2001:db8::1::2", "[::1]", "fe80::1%eth0", "203.0.113.0/24",
	};
	struct rn_addr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(!rn_addr_parse(bad[i], &a), "`%s' is no address", bad[i]);
		ck_assert_uint_eq(a.len, 0);
	}
}
END_TEST

START_TEST(address_order)
{
	static const char *const sorted[] = {
		"0.0.0.0", "9.0.0.0", "10.0.0.0", "10.0.0.255", "10.0.1.0", "::", "2001:db8::",
	};
	size_t n = sizeof(sorted) / sizeof(sorted[0]);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			struct rn_addr a = addr(sorted[i]), b = addr(sorted[j]);
			int c = rn_addr_compare(&a, &b);

			ck_assert_int_eq((c > 0) - (c < 0), (i > j) - (i < j));
			ck_assert_int_eq(rn_addr_equal(&a, &b), i == j);
		}
	}
}
END_TEST

/* Neighbours, as pools have them, must not share buckets. */
START_TEST(hash_spreads)
{
	static unsigned int buckets[4096];
	struct rn_public side = { .proto = 6, .addr = addr("203.0.113.7") };
	unsigned int most = 0;

	for (unsigned int port = 0; port < 65536; port++) {
		unsigned int b;

		side.port = (uint16_t)port;
		b = rn_public_hash(&side) % 4096;
		if (++buckets[b] > most)
			most = buckets[b];
	}
	/* 16 are the mean; 50 would be eight standard deviations. */
	ck_assert_uint_lt(most, 50);
}
END_TEST

START_TEST(endpoint)
{
	static const char *const bad[] = {
		"", ":", "198.51.100.11", "198.51.100.11:", ":7413", "198.51.100.11:65536",
		"198.51.100.11:+1", "198.51.100.11: 1", "198.51.100.11:01", "2001:db8::1:80",
		"[2001:db8::1]", "[198.51.100.11]:80", "[]:80", "[:80", "gw1:7414",
	};
	struct rn_addr a, b = addr("198.51.100.11"), c = addr("2001:db8::1");
	uint16_t port;

	ck_assert(rn_endpoint_parse("198.51.100.11:7414", &a, &port));
	ck_assert(rn_addr_equal(&a, &b) && port == 7414);
	ck_assert(rn_endpoint_parse("[2001:db8::1]:0", &a, &port));
	ck_assert(rn_addr_equal(&a, &c) && port == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!rn_endpoint_parse(bad[i], &a, &port), "`%s'", bad[i]);
}
END_TEST

START_TEST(prefix_parse)
{
	static const char *const good[] = {
		"0.0.0.0/0", "203.0.113.0/24", "203.0.113.128/25", "203.0.113.7/32",
		"::/0", "2001:db8::/32", "2001:db8::1/128",
	};
	static const char *const bad[] = {
		"203.0.113.1/24", "203.0.113.0/33", "203.0.113.0", "203.0.113.0/", "/24",
		"203.0.113.0/-1", "203.0.113.0/024", "203.0.113.128/24", "2001:db8::1/127",
		"2001:db8::/129", "203.0.113.0/24 ",
	};
	struct rn_prefix p;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(rn_prefix_parse(good[i], &p), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!rn_prefix_parse(bad[i], &p), "%s", bad[i]);
}
END_TEST

START_TEST(prefix_contains)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} cases[] = {
		{ "203.0.113.128/25", "203.0.113.128", true },
		{ "203.0.113.128/25", "203.0.113.255", true },
		{ "203.0.113.128/25", "203.0.113.127", false },
		{ "203.0.113.7/32", "203.0.113.7", true },
		{ "203.0.113.7/32", "203.0.113.6", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
	};
	struct rn_prefix p;
	struct rn_addr a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert(rn_prefix_parse(cases[i].prefix, &p));
		a = addr(cases[i].addr);
		ck_assert_msg(rn_prefix_contains(&p, &a) == cases[i].in, "%s %s", cases[i].prefix,
			      cases[i].addr);
	}
}
END_TEST

START_TEST(sides)
{
	struct rn_private vm = { .zone = 1, .kind = RN_KIND_ADDRESS, .addr = addr("10.0.0.5") };
	struct rn_public pub = { .addr = addr("203.0.113.7") };
	struct rn_private other = vm;
	char text[RN_SIDE_TEXT];

	ck_assert_str_eq(rn_private_print(&vm, text), "10.0.0.5 zone 1");
	ck_assert_str_eq(rn_public_print(&pub, text), "203.0.113.7");
	vm.kind = RN_KIND_PORT;
	vm.proto = 6;
	vm.port = 80;
	ck_assert_str_eq(rn_private_print(&vm, text), "10.0.0.5:80/tcp zone 1");
	pub.proto = 17;
	pub.port = 40001;
	ck_assert_str_eq(rn_public_print(&pub, text), "203.0.113.7:40001/udp");
	pub.addr = addr("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	pub.proto = 200;
	ck_assert_str_eq(rn_public_print(&pub, text),
			 "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:40001/200");
	ck_assert(!rn_private_equal(&vm, &other));
	other = vm;
	ck_assert(rn_private_equal(&vm, &other));
	ck_assert_uint_eq(rn_private_hash(&vm), rn_private_hash(&other));
	other.zone = 2;
	ck_assert(!rn_private_equal(&vm, &other));
}
END_TEST

START_TEST(protocols)
{
	static const char *const bad[] = { "", "TCP", "256", "-1", "6 ", "0x6", "sctp" };
	char name[8];
	uint8_t proto;

	ck_assert_str_eq(rn_proto_name(6, name), "tcp");
	ck_assert_str_eq(rn_proto_name(1, name), "icmp");
	ck_assert_str_eq(rn_proto_name(255, name), "255");
	ck_assert(rn_proto_parse("udp", &proto) && proto == 17);
	ck_assert(rn_proto_parse("132", &proto) && proto == 132);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!rn_proto_parse(bad[i], &proto), "`%s'", bad[i]);
}
END_TEST

/* S7: preset 60 s with 20 s elapsed goes on with 40 s. */
START_TEST(timer)
{
	struct rn_timer t = { 60000, 20000, 40000 };

	ck_assert(rn_timer_valid(&t));
	t = rn_timer_advance(t, 15000);
	ck_assert(t.preset == 60000 && t.elapsed == 35000 && t.remaining == 25000);
	t = rn_timer_advance(t, UINT64_MAX);
	ck_assert(t.elapsed == 60000 && t.remaining == 0 && rn_timer_valid(&t));
	ck_assert(rn_timer_valid(&(struct rn_timer) { 0, 0, 0 }));
	ck_assert(!rn_timer_valid(&(struct rn_timer) { 0, 0, 1 }));
	ck_assert(!rn_timer_valid(&(struct rn_timer) { 60, 20, 41 }));
	ck_assert(!rn_timer_valid(&(struct rn_timer) { 1, UINT64_MAX, 2 }));
}
END_TEST

Suite *suite_addr(void)
{
	Suite *suite = suite_create("addr");
	TCase *tc = tcase_create("addr");

	tcase_add_test(tc, address_round_trip);
	tcase_add_test(tc, each_byte);
	tcase_add_test(tc, address_refused);
	tcase_add_test(tc, address_order);
	tcase_add_test(tc, hash_spreads);
	tcase_add_test(tc, endpoint);
	tcase_add_test(tc, prefix_parse);
	tcase_add_test(tc, prefix_contains);
	tcase_add_test(tc, sides);
	tcase_add_test(tc, protocols);
	tcase_add_test(tc, timer);
	suite_add_tcase(suite, tc);
	return suite;
}
