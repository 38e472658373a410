// SPDX-License-Identifier: GPL-2.0
/*
 * Which addresses are announced, without a kernel: a set stands for it, and says what
 * the requests made of it. Then when neighbours are told, and with which bytes.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include "agent/announce.h"
#include "agent/counters.h"
#include "agent/garp.h"
#include "agent/sysctl.h"
#include "suites.h"

#define LINGER	1000

static struct agent_announce_config route, wire;
static struct rn_prefix route_prefixes[2], wire_prefixes[2];
static GPtrArray *configs;
static struct agent_announce *announce;
static GArray *kernel;		/* struct agent_announce_key */
static int64_t now;
static int refuse;		/* errno for each request that adds, 0 none */
static GString *order;		/* what was asked, as letters */

static void setup(void)
{
	route = (struct agent_announce_config) {
		.name = (char *)"routed", .kind = AGENT_ANNOUNCE_ROUTE, .table = 254,
		.prefixes = route_prefixes, .n_prefixes = 2, .linger_ms = LINGER,
	};
	wire = (struct agent_announce_config) {
		.name = (char *)"wire", .kind = AGENT_ANNOUNCE_NEIGHBOUR, .table = 254,
		.interface = "out0", .prefixes = wire_prefixes, .n_prefixes = 2,
		.times = { 0, 1100, 3000 }, .n_times = 3, .shared = TRUE,
	};
	rn_prefix_parse("203.0.113.0/24", &route_prefixes[0]);
	rn_prefix_parse("2001:db8::/64", &route_prefixes[1]);
	rn_prefix_parse("203.0.113.128/25", &wire_prefixes[0]);
	rn_prefix_parse("2001:db8:1::/64", &wire_prefixes[1]);
	configs = g_ptr_array_new();
	g_ptr_array_add(configs, &route);
	g_ptr_array_add(configs, &wire);
	announce = agent_announce_new(configs);
	agent_announce_set_links(announce, 1, 7, 9);
	kernel = g_array_new(FALSE, FALSE, sizeof(struct agent_announce_key));
	order = g_string_new("");
	now = 1000000;
	refuse = 0;
}

static void teardown(void)
{
	agent_announce_free(announce);
	g_array_unref(kernel);
	g_ptr_array_unref(configs);
	g_string_free(order, TRUE);
}

static struct agent_entry *entry_new(const char *pub, uint8_t kind)
{
	struct agent_entry *entry = g_new0(struct agent_entry, 1);

	ck_assert(rn_addr_parse(pub, &entry->own.pub.addr));
	entry->own.vm.kind = kind;
	return entry;
}

static gboolean enter(struct agent_entry *entry, enum own_gw_state state)
{
	entry->own.state = (uint8_t)state;	/* the machine's, by the test */
	return agent_announce_entered(announce, entry, now);
}

static int find(const char *addr, uint8_t object)
{
	struct rn_addr wanted;

	rn_addr_parse(addr, &wanted);
	for (guint i = 0; i < kernel->len; i++) {
		struct agent_announce_key *key =
			&g_array_index(kernel, struct agent_announce_key, i);

		if (key->object == object && rn_addr_equal(&key->addr, &wanted))
			return (int)i;
	}
	return -1;
}

static gboolean routed(const char *addr)
{
	return find(addr, AGENT_OBJECT_ROUTE) >= 0;
}

static gboolean answered(const char *addr)
{
	return find(addr, AGENT_OBJECT_PROXY) >= 0;
}

static void carry_out(const struct agent_announce_op *op)
{
	char text[RN_ADDR_TEXT];
	int at = find(rn_addr_print(&op->key.addr, text), op->key.object);

	g_string_append_c(order, op->key.object == AGENT_OBJECT_ROUTE ? (op->add ? 'R' : 'r') :
						       (op->add ? 'P' : 'p'));
	if (op->add && refuse) {
		agent_announce_done(announce, op, refuse, now);
	} else if (op->add && at >= 0) {
		agent_announce_done(announce, op, EEXIST, now);
	} else if (op->add) {
		g_array_append_val(kernel, op->key);
		agent_announce_done(announce, op, 0, now);
	} else {
		if (at >= 0)
			g_array_remove_index(kernel, (guint)at);
		agent_announce_done(announce, op, at >= 0 ? 0 : ESRCH, now);
	}
}

static void run(void)
{
	struct agent_announce_op op;

	while (agent_announce_next(announce, &op))
		carry_out(&op);
}

static void sync_all(void)
{
	g_autoptr(GArray) copy = g_array_copy(kernel);

	agent_announce_sync_begin(announce);
	for (guint i = 0; i < copy->len; i++)
		agent_announce_found(announce, &g_array_index(copy, struct agent_announce_key, i));
	agent_announce_sync_end(announce, now);
	run();
}

START_TEST(one_address)
{
	struct agent_entry *e = entry_new("203.0.113.7", RN_KIND_ADDRESS);

	enter(e, OWN_GW_PENDING);
	enter(e, OWN_GW_MOVING_IN);
	run();
	ck_assert(!routed("203.0.113.7"));	/* a transfer alone attracts nothing (I8) */
	enter(e, OWN_GW_ACTIVE);
	run();
	ck_assert(routed("203.0.113.7"));
	ck_assert_uint_eq(agent_announce_count(announce), 1);
	enter(e, OWN_GW_MOVING_OUT);
	run();
	ck_assert(routed("203.0.113.7"));	/* until the controller has confirmed */
	ck_assert_int_eq(agent_announce_due(announce), INT64_MAX);
	enter(e, OWN_GW_NONE);
	run();
	ck_assert(routed("203.0.113.7"));	/* and the other one has announced */
	ck_assert_int_eq(agent_announce_due(announce), now + LINGER);
	now += LINGER;
	agent_announce_time(announce, now);
	run();
	ck_assert(!routed("203.0.113.7"));
	ck_assert_uint_eq(agent_announce_count(announce), 0);
	ck_assert(!agent_announce_knows(announce, &e->own.pub.addr));
	g_free(e);
}
END_TEST

static void take_view(const struct agent_announce_view *view, void *data)
{
	*(struct agent_announce_view *)data = *view;
}

static enum agent_announce_state viewed(struct agent_announce_view *view)
{
	view->state = 99;
	agent_announce_each(announce, now, take_view, view);
	return view->state;
}

/* What natctl route list says of it meanwhile. */
START_TEST(told)
{
	struct agent_entry *e = entry_new("203.0.113.200", RN_KIND_ADDRESS);
	struct agent_entry *f = entry_new("203.0.113.7", RN_KIND_ADDRESS);
	struct agent_announce_view view;

	ck_assert_int_eq((int)viewed(&view), 99);
	enter(e, OWN_GW_ACTIVE);
	ck_assert_int_eq(viewed(&view), AGENT_ANNOUNCE_COMING);
	refuse = EEXIST;
	run();
	ck_assert_int_eq(viewed(&view), AGENT_ANNOUNCE_REFUSED);
	refuse = 0;
	sync_all();
	ck_assert_int_eq(viewed(&view), AGENT_ANNOUNCE_THERE);
	ck_assert_uint_eq(view.group, 1);
	ck_assert_uint_eq(view.mappings, 1);
	ck_assert_uint_eq(view.table, 254);
	enter(e, OWN_GW_MOVING_OUT);
	ck_assert_int_eq(viewed(&view), AGENT_ANNOUNCE_ENDING);
	enter(e, OWN_GW_NONE);
	run();
	ck_assert_int_eq((int)viewed(&view), 99);

	enter(f, OWN_GW_ACTIVE);
	run();
	enter(f, OWN_GW_NONE);
	now += 300;
	ck_assert_int_eq(viewed(&view), AGENT_ANNOUNCE_LINGERING);
	ck_assert_uint_eq(view.linger_ms, LINGER - 300);
	ck_assert_uint_eq(view.mappings, 0);
	g_free(e);
	g_free(f);
}
END_TEST

static void write_sysctl(const char *root, const char *path, const char *value)
{
	g_autofree char *file = g_build_filename(root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(file);

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	ck_assert(g_file_set_contents(file, value, -1, NULL));
}

static void has_trouble(const char *root, const char *expected)
{
	g_autofree char *said = agent_sysctl_trouble(configs, root);

	if (expected)
		ck_assert_msg(said && strstr(said, expected), "%s: %s", expected, said);
	else
		ck_assert_msg(!said, "%s", said);
}

/* What the kernel must be set to for kind=neighbour, and is not. */
START_TEST(sysctls)
{
	g_autofree char *root = g_dir_make_tmp("sysctl-XXXXXX", NULL);
	g_autofree char *remove = g_strconcat("rm -r ", root, NULL);

	has_trouble(root, NULL);	/* no interface */
	write_sysctl(root, "ipv4/conf/out0/forwarding", "1\n");
	write_sysctl(root, "ipv4/conf/out0/proxy_arp", "0\n");
	write_sysctl(root, "ipv4/conf/all/proxy_arp", "0\n");
	has_trouble(root, NULL);	/* nor IPv6 */
	write_sysctl(root, "ipv6/conf/out0/forwarding", "1\n");
	write_sysctl(root, "ipv6/conf/out0/proxy_ndp", "0\n");
	write_sysctl(root, "ipv6/conf/all/proxy_ndp", "0\n");
	has_trouble(root, "[announce wire]: the kernel answers no neighbour solicitations for others on out0 without proxy_ndp: sysctl -w net.ipv6.conf.out0.proxy_ndp=1");
	write_sysctl(root, "ipv6/conf/all/proxy_ndp", "1\n");
	has_trouble(root, NULL);
	write_sysctl(root, "ipv6/conf/out0/forwarding", "0\n");
	has_trouble(root, "net.ipv6.conf.out0.forwarding=1");
	wire.n_prefixes = 1;		/* 203.0.113.128/25 alone wants no IPv6 */
	has_trouble(root, NULL);
	write_sysctl(root, "ipv4/conf/all/proxy_arp", "1\n");
	has_trouble(root, "proxy_arp=0");
	write_sysctl(root, "ipv4/conf/out0/forwarding", "0\n");
	has_trouble(root, "net.ipv4.conf.out0.forwarding=1");
	wire.kind = AGENT_ANNOUNCE_ROUTE;
	has_trouble(root, NULL);
	ck_assert_int_eq(system(remove), 0);
}
END_TEST

/* Suspended for a moment, as in a registration: the route does not flap. */
START_TEST(a_moment)
{
	struct agent_entry *e = entry_new("2001:db8::7", RN_KIND_ADDRESS);

	enter(e, OWN_GW_ACTIVE);
	run();
	enter(e, OWN_GW_SUSPENDED);
	run();
	now += LINGER - 1;
	agent_announce_time(announce, now);
	enter(e, OWN_GW_ACTIVE);
	run();
	now += 10 * LINGER;
	agent_announce_time(announce, now);
	run();
	ck_assert_str_eq(order->str, "R");
	enter(e, OWN_GW_SUSPENDED);
	now += LINGER;
	agent_announce_time(announce, now);
	run();
	ck_assert(!routed("2001:db8::7"));	/* a lease that is over */
	g_free(e);
}
END_TEST

/* A frozen mapping announces nothing that was not: after a restart of the agent. */
START_TEST(frozen)
{
	struct agent_entry *e = entry_new("203.0.113.7", RN_KIND_ADDRESS);

	enter(e, OWN_GW_RELEASING);
	run();
	ck_assert(!routed("203.0.113.7"));
	enter(e, OWN_GW_ACTIVE);
	enter(e, OWN_GW_RELEASING);
	run();
	ck_assert_str_eq(order->str, "");
	enter(e, OWN_GW_NONE);
	ck_assert(!agent_announce_knows(announce, &e->own.pub.addr));
	g_free(e);
}
END_TEST

START_TEST(shared)
{
	struct agent_entry *a = entry_new("203.0.113.130", RN_KIND_PORT);
	struct agent_entry *b = entry_new("203.0.113.130", RN_KIND_BLOCK);
	struct agent_entry *c = entry_new("203.0.113.7", RN_KIND_BLOCK);

	enter(a, OWN_GW_ACTIVE);
	enter(b, OWN_GW_ACTIVE);
	enter(c, OWN_GW_ACTIVE);
	run();
	ck_assert(routed("203.0.113.130"));
	ck_assert(!routed("203.0.113.7"));	/* shared=no */
	enter(a, OWN_GW_NONE);
	run();
	ck_assert(answered("203.0.113.130"));
	enter(b, OWN_GW_MOVING_OUT);
	run();
	ck_assert(!answered("203.0.113.130"));
	enter(b, OWN_GW_NONE);
	run();
	ck_assert_uint_eq(kernel->len, 0);
	g_free(a);
	g_free(b);
	g_free(c);
}
END_TEST

/* The next mapping of an address comes before the last one's end was told. */
START_TEST(handed_on)
{
	struct agent_entry *a = entry_new("203.0.113.7", RN_KIND_ADDRESS);
	struct agent_entry *b = entry_new("203.0.113.7", RN_KIND_ADDRESS);
	struct agent_announce_op op;

	enter(a, OWN_GW_ACTIVE);
	ck_assert(agent_announce_next(announce, &op));	/* under way */
	enter(a, OWN_GW_NONE);
	now += LINGER;
	agent_announce_time(announce, now);
	run();
	ck_assert_str_eq(order->str, "");	/* one request at a time */
	enter(b, OWN_GW_ACTIVE);
	carry_out(&op);
	run();
	ck_assert(routed("203.0.113.7"));
	ck_assert_str_eq(order->str, "R");
	/* An entry that goes over to another address leaves the old one. */
	rn_addr_parse("203.0.113.8", &b->own.pub.addr);
	enter(b, OWN_GW_ACTIVE);
	now += LINGER;
	agent_announce_time(announce, now);
	run();
	ck_assert(!routed("203.0.113.7"));
	ck_assert(routed("203.0.113.8"));
	g_free(a);
	g_free(b);
}
END_TEST

START_TEST(old_stops_first)
{
	struct agent_entry *e = entry_new("203.0.113.130", RN_KIND_ADDRESS);
	struct agent_entry *others[20];
	struct agent_announce_op op;

	enter(e, OWN_GW_ACTIVE);
	run();
	ck_assert_str_eq(order->str, "RP");	/* an answer needs its route */
	ck_assert_int_ge(find("203.0.113.130", AGENT_OBJECT_PROXY), 0);
	for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
		g_autofree char *pub = g_strdup_printf("203.0.113.%u", i + 1);

		others[i] = entry_new(pub, RN_KIND_ADDRESS);
		ck_assert(!enter(others[i], OWN_GW_ACTIVE));
	}
	/* Before what waits, so before the promise leaves. */
	ck_assert(enter(e, OWN_GW_MOVING_OUT));
	ck_assert(agent_announce_next(announce, &op));
	ck_assert_int_eq(op.key.object, AGENT_OBJECT_PROXY);
	ck_assert(!op.add);
	carry_out(&op);
	run();
	ck_assert(!routed("203.0.113.130"));
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		g_free(others[i]);
	g_free(e);
}
END_TEST

START_TEST(keys)
{
	struct agent_entry *v4 = entry_new("203.0.113.130", RN_KIND_ADDRESS);
	struct agent_entry *v6 = entry_new("2001:db8:1::1", RN_KIND_ADDRESS);
	struct agent_announce_key *key;

	enter(v4, OWN_GW_ACTIVE);
	enter(v6, OWN_GW_ACTIVE);
	run();
	key = &g_array_index(kernel, struct agent_announce_key,
			     (guint)find("203.0.113.130", AGENT_OBJECT_ROUTE));
	ck_assert_uint_eq(key->type, RTN_UNICAST);
	ck_assert_uint_eq(key->ifindex, 9);
	ck_assert_uint_eq(key->len, 32);
	key = &g_array_index(kernel, struct agent_announce_key,
			     (guint)find("2001:db8:1::1", AGENT_OBJECT_ROUTE));
	ck_assert_uint_eq(key->type, RTN_BLACKHOLE);
	ck_assert_uint_eq(key->metric, 1024);	/* or the kernel's answer would not match */
	key = &g_array_index(kernel, struct agent_announce_key,
			     (guint)find("2001:db8:1::1", AGENT_OBJECT_PROXY));
	ck_assert_uint_eq(key->ifindex, 7);
	g_free(v4);
	g_free(v6);
}
END_TEST

/* A new agent finds what the last one left: right, wrong, too much, too little. */
START_TEST(comparing)
{
	struct agent_entry *a = entry_new("203.0.113.1", RN_KIND_ADDRESS);
	struct agent_entry *b = entry_new("203.0.113.2", RN_KIND_ADDRESS);
	struct agent_entry *c = entry_new("203.0.113.3", RN_KIND_ADDRESS);
	struct agent_announce_key key = { .len = 32, .type = RTN_BLACKHOLE, .table = 254 };
	uint64_t stale = agent_counters_get(AGENT_ROUTES_STALE);
	uint64_t repaired = agent_counters_get(AGENT_ROUTES_REPAIRED);

	key.addr = a->own.pub.addr;
	g_array_append_val(kernel, key);
	key.addr = b->own.pub.addr;
	key.metric = 5;			/* of another configuration */
	g_array_append_val(kernel, key);
	rn_addr_parse("203.0.113.99", &key.addr);
	g_array_append_val(kernel, key);
	enter(a, OWN_GW_ACTIVE);
	enter(b, OWN_GW_ACTIVE);
	enter(c, OWN_GW_ACTIVE);
	sync_all();
	ck_assert_str_eq(order->str, "rrRR");	/* what is wrong makes room first */
	ck_assert_uint_eq(kernel->len, 3);
	ck_assert_uint_eq(agent_announce_count(announce), 3);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_STALE), stale + 2);
	sync_all();
	ck_assert_str_eq(order->str, "rrRR");
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_REPAIRED), repaired);
	/* Somebody deletes two: one is told, the other found out. */
	key = g_array_index(kernel, struct agent_announce_key, 0);
	g_array_remove_index(kernel, 0);
	agent_announce_gone(announce, &key);
	run();
	ck_assert_uint_eq(kernel->len, 3);
	g_array_remove_index(kernel, 0);
	sync_all();
	ck_assert_uint_eq(kernel->len, 3);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_REPAIRED), repaired + 2);
	g_free(a);
	g_free(b);
	g_free(c);
}
END_TEST

/* Refused, answers lost: tried again with the next comparison, and not before. */
START_TEST(refusals)
{
	struct agent_entry *e = entry_new("203.0.113.1", RN_KIND_ADDRESS);
	struct agent_announce_op op;

	refuse = ENOMEM;
	enter(e, OWN_GW_ACTIVE);
	run();
	ck_assert_uint_eq(agent_announce_blocked(announce), 1);
	run();
	ck_assert_str_eq(order->str, "R");
	refuse = 0;
	sync_all();
	ck_assert(routed("203.0.113.1"));
	ck_assert_uint_eq(agent_announce_blocked(announce), 0);

	enter(e, OWN_GW_NONE);
	agent_announce_time(announce, INT64_MAX);
	ck_assert(agent_announce_next(announce, &op));
	g_array_set_size(kernel, 0);		/* done, but the answer is lost */
	agent_announce_forget(announce);
	sync_all();
	ck_assert(!agent_announce_knows(announce, &e->own.pub.addr));
	g_free(e);
}
END_TEST

/* ---- neighbours ---- */

static char *told_until(int64_t end)
{
	struct agent_unasked *unasked = agent_announce_unasked(announce);
	GString *times = g_string_new("");
	int64_t begin = now, due;

	while ((due = agent_unasked_due(unasked)) <= end) {
		now = MAX(now, due);
		if (agent_unasked_next(unasked, now))
			g_string_append_printf(times, "%d ", (int)(now - begin));
	}
	return g_string_free(times, FALSE);
}

START_TEST(times)
{
	struct agent_entry *e = entry_new("203.0.113.130", RN_KIND_ADDRESS);
	struct agent_unasked *unasked = agent_announce_unasked(announce);
	g_autofree char *first = NULL, *again = NULL;

	enter(e, OWN_GW_ACTIVE);
	run();
	first = told_until(INT64_MAX - 1);
	ck_assert_str_eq(first, "0 1100 3000 ");
	agent_announce_again(announce, now);
	ck_assert_ptr_nonnull(agent_unasked_next(unasked, now));
	now += 500;
	agent_announce_again(announce, now);	/* in the middle: from the beginning */
	again = told_until(INT64_MAX - 1);
	ck_assert_str_eq(again, "0 1100 3000 ");
	agent_announce_again(announce, now);
	enter(e, OWN_GW_MOVING_OUT);
	run();
	ck_assert_int_eq(agent_unasked_due(unasked), INT64_MAX);	/* not a word more */
	g_free(e);
}
END_TEST

START_TEST(frames)
{
	static const uint8_t mac[6] = { 2, 0, 0xb, 0, 0, 1 };
	static const uint8_t request[] = {
		0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0xb, 0, 0, 1, 203, 0, 113, 7,
		0, 0, 0, 0, 0, 0, 203, 0, 113, 7,
	};
	/* Checksum by scapy: IPv6(src=2001:db8::7,dst=ff02::1,hlim=255)/ICMPv6ND_NA(...) */
	static const uint8_t na[] = {
		0x60, 0, 0, 0, 0, 32, 58, 255,
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
		0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		136, 0, 0xee, 0x1e, 0x20, 0, 0, 0,
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
		2, 1, 2, 0, 0xb, 0, 0, 1,
	};
	uint8_t frame[AGENT_GARP_FRAME_MAX];
	struct rn_addr addr;

	rn_addr_parse("203.0.113.7", &addr);
	ck_assert_uint_eq(agent_garp_build_arp(frame, &addr, mac, FALSE), sizeof(request));
	ck_assert_mem_eq(frame, request, sizeof(request));
	ck_assert_uint_eq(agent_garp_build_arp(frame, &addr, mac, TRUE), sizeof(request));
	ck_assert_uint_eq(frame[7], 2);
	ck_assert_mem_eq(frame + 18, mac, 6);
	rn_addr_parse("2001:db8::7", &addr);
	ck_assert_uint_eq(agent_garp_build_na(frame, &addr, mac), sizeof(na));
	ck_assert_mem_eq(frame, na, sizeof(na));
}
END_TEST

Suite *suite_announce(void)
{
	Suite *suite = suite_create("announce");
	TCase *tc = tcase_create("announce");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, one_address);
	tcase_add_test(tc, told);
	tcase_add_test(tc, sysctls);
	tcase_add_test(tc, a_moment);
	tcase_add_test(tc, frozen);
	tcase_add_test(tc, shared);
	tcase_add_test(tc, handed_on);
	tcase_add_test(tc, old_stops_first);
	tcase_add_test(tc, keys);
	tcase_add_test(tc, comparing);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, times);
	tcase_add_test(tc, frames);
	suite_add_tcase(suite, tc);
	return suite;
}
