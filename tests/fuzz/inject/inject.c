// SPDX-License-Identifier: GPL-2.0
/*
 * inject SAMPLES COUNT SEED: COUNT packets out of SEED (mutate.c) into the module's
 * hooks, through the tun devices in0 and out0 of this network namespace, which are
 * there, and forward to each other, and way0, behind which is another gateway. It sets up
 * mappings of every kind and changes them on the way, says what the counters have counted,
 * and leaves what it means to the script. As root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/roamnat.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "mutate.h"
#include "nl.h"

#define CHANGE 500		/* packets after which something about the mappings changes */
#define HOLD_MS 50

enum kind { ADDRESS, PORT, BLOCK, SIX, KINDS };

static struct nl nl = { .fd = -1 };
static struct nl_buf out, answer;
static uint64_t epoch = 1, incarnation = 1;
static struct mutate m;

static void die(const char *what, int err)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void start(uint8_t cmd)
{
	out.len = 0;
	nl_begin(&nl, &out, cmd, NLM_F_ACK);
}

static void must(const char *what)
{
	int err = nl_call(&nl, &out, NULL);

	if (err)
		die(what, err);
}

/* ---- the gateway ---- */

static void set_session(uint64_t to)
{
	start(ROAMNAT_CMD_SESSION_SET);
	nl_put_u64(&out, ROAMNAT_A_SESSION_INCARNATION, to);
	nl_put_u64(&out, ROAMNAT_A_SESSION_LEASE_END_NS, 0);
	must("session-set");
}

static void put_prefix(uint32_t kind, const uint8_t *addr, size_t size, uint32_t len)
{
	size_t nest = nl_nest(&out, ROAMNAT_A_INSIDE_ENTRY);

	nl_put_u32(&out, ROAMNAT_A_PREFIX_IFINDEX, if_nametoindex("in0"));
	nl_put(&out, ROAMNAT_A_PREFIX_ADDR, addr, size);
	nl_put_u32(&out, ROAMNAT_A_PREFIX_LEN, len);
	nl_put_u32(&out, ROAMNAT_A_PREFIX_KIND, kind);
	nl_put_u32(&out, ROAMNAT_A_PREFIX_ZONE, 1);
	nl_nest_end(&out, nest);
}

/*
 * Where something is excluded, outbound packets have no quick way; of one prefix of
 * addresses (@one), the quickest. 10.0.0.0/22 is inside in any case.
 */
static void set_inside(bool exclude, bool one)
{
	static const uint8_t six[16] = { 0xfd, 0, 0, 10 }, excluded[4] = { 198, 51, 99, 0 };
	uint8_t addr[4] = { 10, 0, 0, 0 };
	size_t nest;

	start(ROAMNAT_CMD_INSIDE_SET);
	put_prefix(ROAMNAT_KIND_ADDRESS, addr, 4, one ? 22 : 24);
	if (!one) {
		addr[2] = 1;
		put_prefix(ROAMNAT_KIND_PORT, addr, 4, 24);
		addr[2] = 2;
		put_prefix(ROAMNAT_KIND_BLOCK, addr, 4, 24);
		addr[2] = 3;
		put_prefix(ROAMNAT_KIND_ADDRESS, addr, 4, 24);
	}
	put_prefix(ROAMNAT_KIND_ADDRESS, six, 16, 64);
	if (exclude) {
		nest = nl_nest(&out, ROAMNAT_A_INSIDE_EXCLUDE);
		nl_put(&out, ROAMNAT_A_PREFIX_ADDR, excluded, 4);
		nl_put_u32(&out, ROAMNAT_A_PREFIX_LEN, 24);
		nl_nest_end(&out, nest);
	}
	must("inside-set");
}

static void put_sides(enum kind kind, uint8_t host)
{
	uint8_t priv6[16] = { 0xfd, 0, 0, 10, [15] = host };
	uint8_t pub6[16] = { 0x20, 1, 0xd, 0xb8, [15] = host };
	uint8_t priv[4] = { 10, 0, kind, host }, pub[4] = { 203, 0, 113, host };
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP };

	nl_put_u32(&out, ROAMNAT_A_MAPPING_ZONE, 1);
	switch (kind) {
	case PORT:
		/* Public ports that no block has, of the address that the blocks share. */
		pub[3] = 200;
		nl_put_u32(&out, ROAMNAT_A_MAPPING_KIND, ROAMNAT_KIND_PORT);
		nl_put_u32(&out, ROAMNAT_A_MAPPING_PROTOCOL, protocols[host % 3]);
		nl_put_u16(&out, ROAMNAT_A_MAPPING_PRIVATE_PORT, htons(5000 + host % 4));
		nl_put_u16(&out, ROAMNAT_A_MAPPING_PUBLIC_PORT, htons(5000 + host));
		break;
	case BLOCK:
		pub[3] = 200;
		nl_put_u32(&out, ROAMNAT_A_MAPPING_KIND, ROAMNAT_KIND_BLOCK);
		nl_put_u16(&out, ROAMNAT_A_MAPPING_PUBLIC_PORT, htons(1024 + 64 * (host - 1)));
		nl_put_u32(&out, ROAMNAT_A_MAPPING_PUBLIC_PORTS, 64);
		break;
	default:
		nl_put_u32(&out, ROAMNAT_A_MAPPING_KIND, ROAMNAT_KIND_ADDRESS);
		break;
	}
	nl_put(&out, ROAMNAT_A_MAPPING_PRIVATE_ADDR, kind == SIX ? priv6 : priv,
	       kind == SIX ? 16 : 4);
	nl_put(&out, ROAMNAT_A_MAPPING_PUBLIC_ADDR, kind == SIX ? pub6 : pub, kind == SIX ? 16 : 4);
}

static uint64_t id_of(enum kind kind, uint8_t host)
{
	return 1 + kind * 100 + host;
}

static int grant(enum kind kind, uint8_t host, uint32_t state)
{
	size_t nest;

	start(ROAMNAT_CMD_MAPPING_NEW);
	nl_put_u64(&out, ROAMNAT_A_MAPPING_ID, id_of(kind, host));
	nl_put_u64(&out, ROAMNAT_A_MAPPING_EPOCH, ++epoch);
	nl_put_u64(&out, ROAMNAT_A_MAPPING_INCARNATION, incarnation);
	nl_put_u32(&out, ROAMNAT_A_MAPPING_STATE, state);
	put_sides(kind, host);
	nest = nl_nest(&out, ROAMNAT_A_MAPPING_TIMER);
	nl_put_u64(&out, ROAMNAT_A_TIMER_PRESET_MS, 600000);
	nl_put_u64(&out, ROAMNAT_A_TIMER_ELAPSED_MS, 0);
	nl_put_u64(&out, ROAMNAT_A_TIMER_REMAINING_MS, 600000);
	nl_nest_end(&out, nest);
	return nl_call(&nl, &out, NULL);
}

static uint64_t epoch_of(uint64_t id)
{
	const struct nlattr *a;

	start(ROAMNAT_CMD_MAPPING_GET);
	nl_put_u64(&out, ROAMNAT_A_MAPPING_ID, id);
	a = nl_call(&nl, &out, &answer) ? NULL :
	    nl_find(answer.data, answer.len, ROAMNAT_A_MAPPING_EPOCH);
	return a ? nl_number(a) : 0;
}

static void end_mapping(enum kind kind, uint8_t host, uint32_t state)
{
	uint64_t id = id_of(kind, host), at = epoch_of(id);

	start(state ? ROAMNAT_CMD_MAPPING_FREEZE : ROAMNAT_CMD_MAPPING_DEL);
	nl_put_u64(&out, ROAMNAT_A_MAPPING_ID, id);
	nl_put_u64(&out, ROAMNAT_A_MAPPING_EPOCH, at);
	if (state)
		nl_put_u32(&out, ROAMNAT_A_MAPPING_STATE, state);
	/* Its packets wait for the other gateway's word. */
	if (state == ROAMNAT_STATE_MOVING_OUT && mutate_below(&m, 2))
		nl_put_u32(&out, ROAMNAT_A_MAPPING_FORWARD, 1);
	nl_call(&nl, &out, NULL);
}

/* Where late packets of one that is frozen go. */
static void forward(enum kind kind, uint8_t host)
{
	uint64_t id = id_of(kind, host), at = epoch_of(id);

	start(ROAMNAT_CMD_MAPPING_FORWARD);
	nl_put_u64(&out, ROAMNAT_A_MAPPING_ID, id);
	nl_put_u64(&out, ROAMNAT_A_MAPPING_EPOCH, at);
	nl_put_u32(&out, ROAMNAT_A_MAPPING_STATE, mutate_below(&m, 4) ? ROAMNAT_STATE_MOVED :
		   ROAMNAT_STATE_MOVING_OUT);
	nl_put_u32(&out, ROAMNAT_A_MAPPING_FORWARD, 1);
	nl_call(&nl, &out, NULL);
}

static void set_way(void)
{
	size_t nest;

	start(ROAMNAT_CMD_FORWARD_SET);
	nest = nl_nest(&out, ROAMNAT_A_FORWARD_ENTRY);
	nl_put_u32(&out, ROAMNAT_A_WAY_NUMBER, 1);
	nl_put_u32(&out, ROAMNAT_A_WAY_IFINDEX, if_nametoindex("way0"));
	nl_put_u32(&out, ROAMNAT_A_WAY_ZONE, 1);
	nl_nest_end(&out, nest);
	must("forward-set");
}

static void set_config(uint16_t attr, uint32_t value)
{
	start(ROAMNAT_CMD_CONFIG_SET);
	nl_put_u32(&out, attr, value);
	must("config-set");
}

static void refuse(enum kind kind, uint8_t host)
{
	start(ROAMNAT_CMD_MISS_REFUSE);
	put_sides(kind, host);
	nl_put_u64(&out, ROAMNAT_A_MAPPING_HOLD_OFF_MS, mutate_below(&m, 100));
	nl_call(&nl, &out, NULL);
}

static void reset_session(void)
{
	uint8_t host;

	set_session(0);
	set_session(++incarnation);
	for (host = 1; host <= MUTATE_HOSTS; host++)
		grant(mutate_below(&m, KINDS), host, ROAMNAT_STATE_ACTIVE);
}

static void change(void)
{
	enum kind kind = mutate_below(&m, KINDS);
	uint8_t host = 1 + mutate_below(&m, MUTATE_HOSTS);

	switch (mutate_below(&m, 20)) {
	case 0:
	case 10:
		end_mapping(kind, host, ROAMNAT_STATE_MOVING_OUT);
		forward(kind, host);
		break;
	case 11: end_mapping(kind, host, ROAMNAT_STATE_MOVING_OUT); break;
	case 1: end_mapping(kind, host, ROAMNAT_STATE_RELEASING); break;
	case 2:
	case 3: end_mapping(kind, host, 0); break;
	case 4: grant(kind, host, ROAMNAT_STATE_HELD); break;
	case 5: refuse(kind, host); break;
	case 6:
		set_config(ROAMNAT_A_CONFIG_FILTERING,
			   ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT + !mutate_below(&m, 4));
		break;
	case 7: set_config(ROAMNAT_A_CONFIG_MAX_BINDINGS, 1 << mutate_below(&m, 14)); break;
	case 8: set_config(ROAMNAT_A_CONFIG_HOLD_PACKETS, 1 + mutate_below(&m, 32)); break;
	case 9:
		if (!mutate_below(&m, 8))
			reset_session();
		break;
	case 12: set_inside(!mutate_below(&m, 4), !mutate_below(&m, 2)); break;
	default: grant(kind, host, ROAMNAT_STATE_ACTIVE); break;
	}
}

static void set_up(void)
{
	enum kind kind;
	uint8_t host;
	int err = nl_open(&nl);

	if (err)
		die("the module", err);
	set_session(incarnation);
	set_inside(false, false);
	set_way();
	set_config(ROAMNAT_A_CONFIG_HOLD_MS, HOLD_MS);
	start(ROAMNAT_CMD_AGENT_REGISTER);
	must("agent-register");
	for (kind = 0; kind < KINDS; kind++)
		for (host = 1; host <= MUTATE_HOSTS; host++) {
			err = grant(kind, host, ROAMNAT_STATE_ACTIVE);
			if (err)
				die("mapping-new", err);
		}
}

/* ---- packets ---- */

static int open_tun(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die(name, -errno);
	return fd;
}

/* False: the device wants no such packet. */
static bool inject(int fd)
{
	struct iovec parts[] = {
		{ &m.vnet, sizeof(m.vnet) }, { m.packet, m.len },
	};

	if (writev(fd, parts, 2) >= 0)
		return true;
	if (errno != EINVAL && errno != ENOMEM)
		die("writev", -errno);
	return false;
}

/* ---- counters ---- */

static uint64_t stats(uint16_t gauge)
{
	const struct nlattr *a;

	start(ROAMNAT_CMD_STATS_GET);
	if (nl_call(&nl, &out, &answer))
		die("stats-get", -EIO);
	a = nl_find(answer.data, answer.len, gauge);
	return a && gauge != ROAMNAT_A_STATS_COUNTERS ? nl_number(a) : 0;
}

/* All counters together; *@named: how many of them are not 0. */
static uint64_t sum_up(unsigned int *named)
{
	const struct nlattr *nest, *a;
	uint64_t sum = 0;
	size_t at, len;

	stats(ROAMNAT_A_STATS_COUNTERS);
	nest = nl_find(answer.data, answer.len, ROAMNAT_A_STATS_COUNTERS);
	len = nest ? nest->nla_len - NLA_HDRLEN : 0;
	for (*named = 0, at = 0; at < len; at += NLA_ALIGN(a->nla_len)) {
		a = (const struct nlattr *)((const uint8_t *)nest + NLA_HDRLEN + at);
		/* Eight bytes are aligned by an empty attribute. */
		if (a->nla_len != NLA_HDRLEN + 8)
			continue;
		sum += nl_number(a);
		*named += !!nl_number(a);
	}
	return sum;
}

/* Until nothing waits for anything any more. A packet is held no longer before it is
 * counted, and a device's last ones may wait for a kernel thread: so the counters must
 * stand still, too.
 */
static void settle(void)
{
	struct timespec nap = { .tv_nsec = 20000000 };
	uint64_t before = 0, sum = 0;
	unsigned int i, named;

	for (i = 0; i < 1000; i++) {
		sum = sum_up(&named);
		if (i && sum == before && !stats(ROAMNAT_A_STATS_HELD_PACKETS))
			return;
		before = sum;
		nanosleep(&nap, NULL);
	}
	die("packets are held for ever", -ETIMEDOUT);
}

static void report(void)
{
	unsigned int named;
	uint64_t sum = sum_up(&named);

	printf("counted %llu\nnamed %u\n", (unsigned long long)sum, named);
}

int main(int argc, char **argv)
{
	uint64_t i, refused = 0, count = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	struct timespec from, to;
	double seconds;
	int err, in0, out0, way0;

	if (argc != 4) {
		fprintf(stderr, "usage: inject SAMPLES COUNT SEED\n");
		return 2;
	}
	m.random = strtoull(argv[3], NULL, 0);
	err = mutate_load(&m, argv[1]);
	if (err)
		die(argv[1], err);
	in0 = open_tun("in0");
	out0 = open_tun("out0");
	way0 = open_tun("way0");
	set_up();
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < count; i++) {
		if (i % CHANGE == 0)
			change();
		mutate_next(&m);
		refused += !inject(!mutate_below(&m, 8) ? way0 : m.inside ? in0 : out0);
		if (i % (count / 10 + 1) == 0) {
			printf("# inject: %llu packets\n", (unsigned long long)i);
			fflush(stdout);
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	settle();
	printf("# inject: %llu packets in %.0f s, %.0f a second; %llu were nothing for a device\n",
	       (unsigned long long)count, seconds, count / seconds, (unsigned long long)refused);
	report();
	mutate_free(&m);
	nl_close(&nl);
	close(in0);
	close(out0);
	close(way0);
	return 0;
}
