// SPDX-License-Identifier: GPL-2.0
/*
 * The routes of 20 000 addresses in a real kernel, in a network namespace of the test:
 * none is missing and none is left over, whatever came in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/counters.h"
#include "agent/garp.h"
#include "agent/route.h"
#include "agent/rtnl.h"
#include "suites.h"

#define N	20000	/* half of them IPv6 */

static struct rn_prefix prefixes[2];
static struct agent_announce_config group = {
	.name = (char *)"all", .kind = AGENT_ANNOUNCE_ROUTE, .table = 254,
	.prefixes = prefixes, .n_prefixes = 2, .metric = 7,
};

static struct agent_config config;
static struct agent_entry *entries;

static gboolean begin(void)
{
	g_autofree char *root = g_strdup_printf("0 %u 1\n", getuid());
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		g_printerr("route: no namespace of its own (%s): not tested\n", g_strerror(errno));
		return FALSE;
	}
	/* So that programs that are started have our rights. */
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(write(fd, root, strlen(root)), (ssize_t)strlen(root));
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
	rn_prefix_parse("203.0.0.0/16", &prefixes[0]);
	rn_prefix_parse("2001:db8::/64", &prefixes[1]);
	config.announces = g_ptr_array_new();
	g_ptr_array_add(config.announces, &group);
	entries = g_new0(struct agent_entry, N);
	for (guint i = 0; i < N; i++) {
		struct rn_addr *addr = &entries[i].own.pub.addr;

		*addr = prefixes[i % 2].addr;
		addr->b[addr->len - 2] = (uint8_t)(i / 2 >> 8);
		addr->b[addr->len - 1] = (uint8_t)(i / 2);
		entries[i].own.vm.kind = RN_KIND_ADDRESS;
	}
	return TRUE;
}

static void enter(struct agent_route *route, guint from, guint to, enum own_gw_state state)
{
	for (guint i = from; i < to; i++) {
		entries[i].own.state = (uint8_t)state;
		agent_route_entered(route, &entries[i]);
	}
}

static void count_one(const struct agent_announce_key *key, void *data)
{
	(*(guint *)data)++;
}

static guint in_kernel(void)
{
	guint n = 0;

	ck_assert(agent_rtnl_dump(FALSE, count_one, &n, NULL));
	return n;
}

/* Until all is done that is to be done, and no longer than it may take. */
static void run(struct agent_route *route, guint wanted)
{
	gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
	guint refused;

	while (g_get_monotonic_time() < end) {
		if (g_main_context_iteration(NULL, FALSE))
			continue;
		if (agent_route_count(route, &refused) == wanted && !refused)
			return;
		g_usleep(1000);
	}
	ck_abort_msg("%u of %u announced, %u refused", agent_route_count(route, &refused), wanted,
		     refused);
}

static struct agent_route *route_new(void)
{
	g_autoptr(GError) error = NULL;
	struct agent_route *route = agent_route_new(&config, &error);

	ck_assert_msg(route != NULL, "%s", error ? error->message : "");
	return route;
}

START_TEST(many)
{
	struct agent_route *route;

	if (!begin())
		return;
	route = route_new();
	agent_route_start(route);
	enter(route, 0, N, OWN_GW_ACTIVE);
	run(route, N);
	ck_assert_uint_eq(in_kernel(), N);
	enter(route, 0, N, OWN_GW_MOVING_OUT);
	run(route, N);
	enter(route, 0, N, OWN_GW_NONE);
	run(route, 0);
	ck_assert_uint_eq(in_kernel(), 0);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_ANNOUNCED), N);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_WITHDRAWN), N);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_FAILED), 0);
	agent_route_free(route);
}
END_TEST

/* The agent ends, half of the mappings end, the next agent comes. */
START_TEST(next_agent)
{
	struct agent_route *route;

	if (!begin())
		return;
	route = route_new();
	agent_route_start(route);
	enter(route, 0, N, OWN_GW_ACTIVE);
	run(route, N);
	agent_route_free(route);
	ck_assert_uint_eq(in_kernel(), N);	/* B4 */

	for (guint i = 0; i < N; i++)
		entries[i].announced = NULL;
	ck_assert_int_eq(system("ip route add blackhole 198.51.100.0/24"), 0);
	route = route_new();
	enter(route, 0, N / 2, OWN_GW_ACTIVE);
	agent_route_start(route);
	run(route, N / 2);
	ck_assert_uint_eq(in_kernel(), N / 2);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_STALE), N / 2);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_ANNOUNCED), N);	/* not touched */
	ck_assert_int_eq(system("ip route show | grep -q 198.51.100.0/24"), 0);
	agent_route_free(route);
}
END_TEST

/* Somebody deletes half of them, more than the socket takes news of; and one, of which
 * it does.
 */
START_TEST(deleted)
{
	struct agent_route *route;

	if (!begin())
		return;
	route = route_new();
	agent_route_start(route);
	enter(route, 0, N, OWN_GW_ACTIVE);
	run(route, N);
	/* More news than any buffer holds; those of host routes are not filtered out. */
	ck_assert_int_eq(system("awk 'BEGIN { for (i = 0; i < 30000; i++) "
				"printf \"route add blackhole 198.18.%d.%d\\n\", i / 256, i % 256 }' |"
				"ip -batch - && ip route flush root 198.18.0.0/16"), 0);
	/* IPv4's only: iproute2 gives up on 10 000 of IPv6 on a busy machine. */
	ck_assert_int_eq(system("ip route flush proto 142"), 0);
	ck_assert_uint_eq(in_kernel(), N / 2);
	while (agent_counters_get(AGENT_ROUTES_ANNOUNCED) < N + N / 2)
		g_main_context_iteration(NULL, TRUE);
	run(route, N);
	ck_assert_uint_eq(in_kernel(), N);
	ck_assert_uint_ge(agent_counters_get(AGENT_ROUTE_OVERRUNS), 1);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_REPAIRED), N / 2);

	ck_assert_int_eq(system("ip route del blackhole 203.0.0.5 metric 7"), 0);
	while (agent_counters_get(AGENT_ROUTES_ANNOUNCED) < N + N / 2 + 1)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_eq(agent_counters_get(AGENT_ROUTES_REPAIRED), N / 2 + 1);
	ck_assert_uint_eq(in_kernel(), N);
	agent_route_free(route);
}
END_TEST

/* ---- neighbours: a veth pair, of which the test holds the other end ---- */

struct heard {
	guint replies, gratuitous, advertisements;
};

static int wire_open(void)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = g_htons(ETH_P_ALL),
				    .sll_ifindex = (int)if_nametoindex("peer0") };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, g_htons(ETH_P_ALL));

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* What came in since the last call. */
static struct heard hear(int fd)
{
	struct heard heard = { 0 };
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	uint8_t f[256];
	ssize_t n;

	for (; (n = recvfrom(fd, f, sizeof(f), 0, (struct sockaddr *)&from, &len)) > 0;
	     len = sizeof(from)) {
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		if (from.sll_protocol == g_htons(ETH_P_ARP) && !memcmp(f + 14, f + 24, 4))
			heard.gratuitous++;
		else if (from.sll_protocol == g_htons(ETH_P_ARP) && f[7] == 2)
			heard.replies++;
		else if (from.sll_protocol == g_htons(ETH_P_IPV6) && f[6] == 58 && f[40] == 136 &&
			 f[44] == 0x20)
			heard.advertisements++;
	}
	return heard;
}

/* Who has it? Answers are there on return: this wire has no delay. */
static guint ask(int fd, const struct rn_addr *addr)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 99 };
	static const uint8_t asker[4] = { 203, 0, 255, 1 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = g_htons(ETH_P_ARP),
				  .sll_ifindex = (int)if_nametoindex("peer0"), .sll_halen = 6,
				  .sll_addr = { 255, 255, 255, 255, 255, 255 } };
	struct rn_addr self = { .len = 4 };
	uint8_t frame[AGENT_GARP_FRAME_MAX];
	size_t len;

	memcpy(self.b, asker, 4);
	len = agent_garp_build_arp(frame, &self, mac, FALSE);
	memcpy(frame + 24, addr->b, 4);
	hear(fd);
	ck_assert_int_eq(sendto(fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)),
			 (ssize_t)len);
	g_usleep(20000);
	return hear(fd).replies;
}

START_TEST(wire)
{
	struct agent_entry *v4, *v6;
	struct agent_route *route;
	struct heard heard;
	int fd;

	if (!begin())
		return;
	if (system("ip link add out0 type veth peer name peer0 && ip link set out0 up && "
		   "ip link set peer0 up && ip addr add 203.0.255.254/16 dev out0 && "
		   "echo 1 >/proc/sys/net/ipv4/ip_forward && "
		   /* Any interface does; this kernel may have no dummy. */
		   "ip link add roamnat-sink type veth peer name sink1")) {
		g_printerr("route: no veth interface: not tested\n");
		return;
	}
	group.kind = AGENT_ANNOUNCE_NEIGHBOUR;
	group.interface = "out0";
	group.times[1] = 50;
	group.n_times = 2;
	fd = wire_open();
	route = route_new();
	agent_route_start(route);
	v4 = &entries[2];
	v6 = &entries[3];
	ck_assert_uint_eq(ask(fd, &v4->own.pub.addr), 0);
	enter(route, 2, 4, OWN_GW_ACTIVE);
	run(route, 2);
	ck_assert_uint_eq(ask(fd, &v4->own.pub.addr), 1);
	ck_assert_uint_eq(ask(fd, &entries[4].own.pub.addr), 0);	/* of nobody */

	/* Twice two for IPv4, twice one for IPv6; some of it was heard above. */
	while (agent_counters_get(AGENT_NEIGHBOURS_TOLD) < 6)
		g_main_context_iteration(NULL, TRUE);
	agent_route_again(route);
	hear(fd);
	while (agent_counters_get(AGENT_NEIGHBOURS_TOLD) < 12)
		g_main_context_iteration(NULL, TRUE);
	g_usleep(20000);
	heard = hear(fd);
	ck_assert_uint_eq(heard.gratuitous, 4);
	ck_assert_uint_eq(heard.advertisements, 2);

	/* The link comes and goes, and the kernel's entries with it. */
	ck_assert_int_eq(system("ip link set out0 down && ip link set out0 up"), 0);
	while (agent_counters_get(AGENT_NEIGHBOURS_ANSWERED) < 4)
		g_main_context_iteration(NULL, TRUE);
	run(route, 2);
	ck_assert_uint_eq(ask(fd, &v4->own.pub.addr), 1);

	/* Frozen: not one answer more, though the loop has not had a turn. */
	enter(route, 2, 3, OWN_GW_MOVING_OUT);
	ck_assert_uint_eq(ask(fd, &v4->own.pub.addr), 0);
	enter(route, 2, 4, OWN_GW_NONE);
	run(route, 0);
	ck_assert_uint_eq(in_kernel(), 0);
	ck_assert_uint_eq(v6->own.pub.addr.len, 16);
	close(fd);
	agent_route_free(route);
}
END_TEST

Suite *suite_route(void)
{
	Suite *suite = suite_create("route");
	TCase *tc = tcase_create("20000");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, many);
	tcase_add_test(tc, next_agent);
	tcase_add_test(tc, deleted);
	tcase_add_test(tc, wire);
	suite_add_tcase(suite, tc);
	return suite;
}
