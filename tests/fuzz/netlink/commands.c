// SPDX-License-Identifier: GPL-2.0
#include "commands.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/roamnat.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct nl_buf nl_out, nl_answer;

void nl_command(struct nl *nl, uint8_t cmd)
{
	nl_out.len = 0;
	nl_begin(nl, &nl_out, cmd, NLM_F_ACK);
}

void nl_begin_command(struct nl *nl, const struct nl_command *command)
{
	nl_out.len = 0;
	nl_begin(nl, &nl_out, command->cmd, command->flags ? command->flags : NLM_F_ACK);
}

static void put_sides(const struct nl_grant *g)
{
	uint8_t priv[16] = { 0xfd, 0, 0, 10, [15] = g->host };
	uint8_t pub[16] = { 0x20, 1, 0xd, 0xb8, [15] = g->host };
	static const uint8_t priv4[3] = { 10, 0, 0 }, pub4[3] = { 203, 0, 113 };

	if (!g->six) {
		memcpy(priv, priv4, 3);
		memcpy(pub, pub4, 3);
		priv[3] = g->host;
		pub[3] = g->host;
	}
	nl_put(&nl_out, ROAMNAT_A_MAPPING_PRIVATE_ADDR, priv, g->six ? 16 : 4);
	nl_put(&nl_out, ROAMNAT_A_MAPPING_PUBLIC_ADDR, pub, g->six ? 16 : 4);
}

/* Of private port 0x5000 + @i, which nothing has used for @i ms. */
static void put_binding(unsigned int i)
{
	static const uint8_t protocols[] = { 17, 6, 1 };
	uint8_t remote[4] = { 192, 0, 2, 2 };
	size_t nest = nl_nest(&nl_out, ROAMNAT_A_MAPPING_BINDING);
	bool tcp = i % 3 == 1;

	nl_put_u32(&nl_out, ROAMNAT_A_BINDING_PROTOCOL, protocols[i % 3]);
	nl_put_u16(&nl_out, ROAMNAT_A_BINDING_PRIVATE_PORT, htons(0x5000 + i));
	nl_put_u16(&nl_out, ROAMNAT_A_BINDING_PUBLIC_PORT,
		   htons(NL_BLOCK_FIRST + i % NL_BLOCK_PORTS));
	nl_put_u32(&nl_out, ROAMNAT_A_BINDING_STATE, tcp ? ROAMNAT_BINDING_STATE_ESTABLISHED :
		   ROAMNAT_BINDING_STATE_OPEN);
	nl_put_u64(&nl_out, ROAMNAT_A_BINDING_ELAPSED_MS, i);
	nl_put_u64(&nl_out, ROAMNAT_A_BINDING_REMAINING_MS, 100000);
	nl_put(&nl_out, ROAMNAT_A_BINDING_REMOTE_ADDR, remote, 4);
	nl_nest_end(&nl_out, nest);
}

void nl_put_grant(const struct nl_grant *g)
{
	unsigned int i;
	size_t nest;

	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, g->id);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_EPOCH, g->epoch);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_INCARNATION, g->incarnation ? g->incarnation : 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, g->state);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_KIND, g->kind);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_ZONE, 1);
	put_sides(g);
	if (g->kind == ROAMNAT_KIND_PORT) {
		nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_PROTOCOL, 17);
		nl_put_u16(&nl_out, ROAMNAT_A_MAPPING_PRIVATE_PORT, htons(0x5000));
		nl_put_u16(&nl_out, ROAMNAT_A_MAPPING_PUBLIC_PORT, htons(0x5000));
	}
	if (g->kind == ROAMNAT_KIND_BLOCK) {
		nl_put_u16(&nl_out, ROAMNAT_A_MAPPING_PUBLIC_PORT, htons(NL_BLOCK_FIRST));
		nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_PUBLIC_PORTS, NL_BLOCK_PORTS);
		for (i = 0; i < g->bindings; i++)
			put_binding(i);
	}
	nest = nl_nest(&nl_out, ROAMNAT_A_MAPPING_TIMER);
	nl_put_u64(&nl_out, ROAMNAT_A_TIMER_PRESET_MS, 600000);
	nl_put_u64(&nl_out, ROAMNAT_A_TIMER_ELAPSED_MS, 0);
	nl_put_u64(&nl_out, ROAMNAT_A_TIMER_REMAINING_MS, 600000);
	nl_nest_end(&nl_out, nest);
}

static void put_version(uint64_t id, uint64_t epoch)
{
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, id);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_EPOCH, epoch);
}

static void new_mapping(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 9, .epoch = 1, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = 9 });
}

static void new_port(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 9, .epoch = 1, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_PORT, .host = 9 });
}

static void hold_mapping(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 9, .epoch = 1, .state = ROAMNAT_STATE_HELD,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = 9 });
}

/* Both sides of a frozen mapping of another id. */
static void new_rival(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 9, .epoch = 1, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = 2 });
}

/* The same id, with other sides. */
static void new_sides(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 2, .epoch = 7, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = 9 });
}

static void grant_again(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 1, .epoch = 2, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = 1 });
}

static void grant_held(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 3, .epoch = 5, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = 3 });
}

static void new_six(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 9, .epoch = 1, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = 9, .six = true });
}

static void new_block(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 9, .epoch = 1, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_BLOCK, .host = 9 });
}

/* As after a transfer. */
static void new_bindings(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 9, .epoch = 1, .state = ROAMNAT_STATE_HELD,
		     .kind = ROAMNAT_KIND_BLOCK, .host = 9, .bindings = 5 });
}

static void more_bindings(void)
{
	nl_put_grant(&(struct nl_grant){ .id = 4, .epoch = 1, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_BLOCK, .host = 4, .bindings = 6 });
}

static void freeze_block(void)
{
	put_version(4, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, ROAMNAT_STATE_MOVING_OUT);
}

static void delete_block(void)
{
	put_version(4, 1);
}

static void freeze(void)
{
	put_version(1, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, ROAMNAT_STATE_MOVING_OUT);
}

static void delete(void)
{
	put_version(1, 1);
}

static void floor_set(void)
{
	nl_put_u64(&nl_out, ROAMNAT_A_FLOOR_ID, 77);
	nl_put_u64(&nl_out, ROAMNAT_A_FLOOR_EPOCH, 7);
}

static void floor_get(void)
{
	nl_put_u64(&nl_out, ROAMNAT_A_FLOOR_ID, 1);
}

static void by_id(void)
{
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, 1);
}

static void session(void)
{
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_INCARNATION, 1);
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_LEASE_END_NS, 1ULL << 60);
}

static void suspend(void)
{
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_INCARNATION, 0);
}

static void config(void)
{
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_HOLD_PACKETS, 3);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_MAX_MISSES, 5);
}

static void put_prefix(uint16_t type, uint32_t kind, uint8_t third)
{
	uint8_t addr[4] = { 10, 0, third, 0 };
	size_t nest = nl_nest(&nl_out, type);

	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_IFINDEX, 1);
	nl_put(&nl_out, ROAMNAT_A_PREFIX_ADDR, addr, 4);
	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_LEN, 24);
	if (kind)
		nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_KIND, kind);
	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_ZONE, 1);
	nl_nest_end(&nl_out, nest);
}

static void put_prefix6(void)
{
	uint8_t addr[16] = { 0xfd, 0, 0, 10 };
	size_t nest = nl_nest(&nl_out, ROAMNAT_A_INSIDE_ENTRY);

	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_IFINDEX, 1);
	nl_put(&nl_out, ROAMNAT_A_PREFIX_ADDR, addr, 16);
	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_LEN, 64);
	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_KIND, ROAMNAT_KIND_ADDRESS);
	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_ZONE, 1);
	nl_nest_end(&nl_out, nest);
}

static void inside(void)
{
	put_prefix(ROAMNAT_A_INSIDE_ENTRY, ROAMNAT_KIND_ADDRESS, 0);
	put_prefix(ROAMNAT_A_INSIDE_ENTRY, ROAMNAT_KIND_PORT, 1);
	put_prefix(ROAMNAT_A_INSIDE_ENTRY, ROAMNAT_KIND_BLOCK, 2);
	put_prefix6();
	put_prefix(ROAMNAT_A_INSIDE_EXCLUDE, 0, 9);
}

static void inside_six(void)
{
	put_prefix6();
}

static void inside_get(void)
{
	uint8_t addr[4] = { 10, 0, 0, 5 };

	nl_put_u32(&nl_out, ROAMNAT_A_INSIDE_IFINDEX, 1);
	nl_put(&nl_out, ROAMNAT_A_INSIDE_ADDR, addr, 4);
}

static void refuse(void)
{
	uint8_t addr[4] = { 10, 0, 0, 3 };

	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_ZONE, 1);
	nl_put(&nl_out, ROAMNAT_A_MAPPING_PRIVATE_ADDR, addr, 4);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_HOLD_OFF_MS, 60000);
}

static void by_private(void)
{
	uint8_t addr[4] = { 10, 0, 0, 1 };

	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_ZONE, 1);
	nl_put(&nl_out, ROAMNAT_A_MAPPING_PRIVATE_ADDR, addr, 4);
}

static void by_public(void)
{
	uint8_t addr[4] = { 203, 0, 113, 1 };

	nl_put(&nl_out, ROAMNAT_A_MAPPING_PUBLIC_ADDR, addr, 4);
}

static void binding(void)
{
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, 4);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_PROTOCOL, 17);
	nl_put_u16(&nl_out, ROAMNAT_A_MAPPING_PRIVATE_PORT, htons(0x5000));
}

static void of_block(void)
{
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, 4);
}

static void put_packet(const uint8_t *src, const uint8_t *dst, size_t len)
{
	nl_put_u32(&nl_out, ROAMNAT_A_PACKET_IFINDEX, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_PACKET_PROTOCOL, 17);
	nl_put(&nl_out, ROAMNAT_A_PACKET_SRC, src, len);
	nl_put(&nl_out, ROAMNAT_A_PACKET_DST, dst, len);
	nl_put_u16(&nl_out, ROAMNAT_A_PACKET_SPORT, htons(0x5000));
	nl_put_u16(&nl_out, ROAMNAT_A_PACKET_DPORT, htons(53));
}

static void why_out(void)
{
	static const uint8_t src[4] = { 10, 0, 0, 1 }, dst[4] = { 192, 0, 2, 2 };

	put_packet(src, dst, 4);
}

static void why_in(void)
{
	static const uint8_t src[4] = { 192, 0, 2, 2 }, dst[4] = { 203, 0, 113, 1 };

	put_packet(src, dst, 4);
}

static void why_six(void)
{
	static const uint8_t src[16] = { 0x20, 1, 0xd, 0xb8, 1, [15] = 5 };
	static const uint8_t dst[16] = { 0x20, 1, 0xd, 0xb8, [15] = 5 };

	put_packet(src, dst, 16);
}

static void put_way(uint32_t number, uint8_t host)
{
	uint8_t hop[4] = { 192, 0, 2, host };
	size_t nest = nl_nest(&nl_out, ROAMNAT_A_FORWARD_ENTRY);

	nl_put_u32(&nl_out, ROAMNAT_A_WAY_NUMBER, number);
	nl_put_u32(&nl_out, ROAMNAT_A_WAY_IFINDEX, 1);
	nl_put(&nl_out, ROAMNAT_A_WAY_NEXT_HOP, hop, 4);
	nl_put_u32(&nl_out, ROAMNAT_A_WAY_ZONE, 1);
	nl_nest_end(&nl_out, nest);
}

static void ways(void)
{
	put_way(1, 1);
	put_way(2, 2);
}

static void other_way(void)
{
	put_way(3, 3);
}

static void freeze_awaited(void)
{
	freeze();
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_FORWARD, 2);
}

/* Mapping 2 is frozen. */
static void forward(void)
{
	put_version(2, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, ROAMNAT_STATE_MOVING_OUT);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_FORWARD, 1);
}

static void forward_moved(void)
{
	put_version(2, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, ROAMNAT_STATE_MOVED);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_FORWARD, 1);
}

static void nothing(void)
{
}

#define CMD(name) ROAMNAT_CMD_##name
const struct nl_command nl_commands[] = {
	{ "agent-register", CMD(AGENT_REGISTER), nothing, NL_SESSION, 0, false },
	{ "session-set", CMD(SESSION_SET), session, NL_SESSION, 0, false },
	{ "session-set 0", CMD(SESSION_SET), suspend, NL_SESSION, 0, false },
	{ "session-get", CMD(SESSION_GET), nothing, NL_SESSION, 0, false },
	{ "config-set", CMD(CONFIG_SET), config, NL_SESSION, 0, false },
	{ "config-get", CMD(CONFIG_GET), nothing, NL_SESSION, 0, false },
	{ "inside-set", CMD(INSIDE_SET), inside, NL_SESSION, 0, false },
	{ "inside-set of IPv6", CMD(INSIDE_SET), inside_six, NL_SESSION, 0, false },
	{ "inside-set again", CMD(INSIDE_SET), inside, NL_PREFIXES, 0, false },
	{ "inside-set nothing", CMD(INSIDE_SET), nothing, NL_PREFIXES, 0, false },
	{ "inside-get", CMD(INSIDE_GET), inside_get, NL_PREFIXES, 0, false },
	{ "inside-get all", CMD(INSIDE_GET), nothing, NL_PREFIXES, NLM_F_DUMP, false },
	{ "mapping-new", CMD(MAPPING_NEW), new_mapping, NL_PREFIXES, 0, false },
	{ "mapping-new of a port", CMD(MAPPING_NEW), new_port, NL_PREFIXES, 0, false },
	{ "mapping-new of IPv6", CMD(MAPPING_NEW), new_six, NL_PREFIXES, 0, false },
	{ "mapping-new of a block", CMD(MAPPING_NEW), new_block, NL_PREFIXES, 0, false },
	{ "mapping-new of a block with bindings", CMD(MAPPING_NEW), new_bindings, NL_PREFIXES, 0,
	  false },
	{ "mapping-new with more bindings", CMD(MAPPING_NEW), more_bindings, NL_PREFIXES, 0, true },
	{ "mapping-new held", CMD(MAPPING_NEW), hold_mapping, NL_PREFIXES, 0, false },
	{ "mapping-new over a frozen one", CMD(MAPPING_NEW), new_rival, NL_PREFIXES, 0, false },
	{ "mapping-new with other sides", CMD(MAPPING_NEW), new_sides, NL_PREFIXES, 0, false },
	{ "mapping-new again", CMD(MAPPING_NEW), grant_again, NL_PREFIXES, 0, false },
	{ "mapping-new of a held one", CMD(MAPPING_NEW), grant_held, NL_PREFIXES, 0, false },
	{ "mapping-new of one that is waited for", CMD(MAPPING_NEW), grant_held, NL_MISS, 0,
	  false },
	{ "mapping-freeze", CMD(MAPPING_FREEZE), freeze, NL_PREFIXES, 0, false },
	{ "mapping-freeze of a block", CMD(MAPPING_FREEZE), freeze_block, NL_PREFIXES, 0, false },
	{ "mapping-del", CMD(MAPPING_DEL), delete, NL_PREFIXES, 0, false },
	{ "mapping-del of a block", CMD(MAPPING_DEL), delete_block, NL_PREFIXES, 0, false },
	{ "mapping-flush", CMD(MAPPING_FLUSH), nothing, NL_PREFIXES, 0, false },
	{ "mapping-get", CMD(MAPPING_GET), by_id, NL_PREFIXES, 0, false },
	{ "mapping-get by private side", CMD(MAPPING_GET), by_private, NL_PREFIXES, 0, false },
	{ "mapping-get by public side", CMD(MAPPING_GET), by_public, NL_PREFIXES, 0, false },
	{ "mapping-get all", CMD(MAPPING_GET), nothing, NL_PREFIXES, NLM_F_DUMP, false },
	{ "binding-get", CMD(BINDING_GET), binding, NL_PREFIXES, 0, false },
	{ "binding-get all of a block", CMD(BINDING_GET), of_block, NL_PREFIXES, NLM_F_DUMP,
	  false },
	{ "floor-set", CMD(FLOOR_SET), floor_set, NL_SESSION, 0, false },
	{ "floor-get", CMD(FLOOR_GET), floor_get, NL_SESSION, 0, false },
	{ "miss-refuse", CMD(MISS_REFUSE), refuse, NL_MISS, 0, false },
	{ "forward-set", CMD(FORWARD_SET), ways, NL_PREFIXES, 0, false },
	{ "forward-set another", CMD(FORWARD_SET), other_way, NL_WAYS, 0, false },
	{ "forward-set nothing", CMD(FORWARD_SET), nothing, NL_WAYS, 0, false },
	{ "forward-get", CMD(FORWARD_GET), nothing, NL_WAYS, 0, false },
	{ "mapping-freeze that is awaited", CMD(MAPPING_FREEZE), freeze_awaited, NL_WAYS, 0,
	  false },
	{ "mapping-forward", CMD(MAPPING_FORWARD), forward, NL_WAYS, 0, false },
	{ "mapping-forward of a moved one", CMD(MAPPING_FORWARD), forward_moved, NL_WAYS, 0,
	  false },
	{ "stats-get", CMD(STATS_GET), nothing, NL_SESSION, 0, false },
	{ "why, from inside", CMD(WHY), why_out, NL_MISS, 0, false },
	{ "why, from outside", CMD(WHY), why_in, NL_MISS, 0, false },
	{ "why, of IPv6", CMD(WHY), why_six, NL_MISS, 0, false },
};

const unsigned int nl_command_count = sizeof(nl_commands) / sizeof(nl_commands[0]);

void nl_must(struct nl *nl, const char *what)
{
	int err = nl_call(nl, &nl_out, NULL);

	if (!err)
		return;
	fprintf(stderr, "netlink: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* Everything is behind lo, so that there is a route for what somebody asks about. */
static bool add_route(int fd)
{
	struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = (char *)"lo" };

	route.rt_dst.sa_family = AF_INET;
	route.rt_genmask.sa_family = AF_INET;
	return !ioctl(fd, SIOCADDRT, &route);
}

/* A packet of this machine to a held mapping's public side waits in LOCAL_OUT. */
static bool hold_packet(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	to.sin_addr.s_addr = htonl(203 << 24 | 113 << 8 | 3);
	ok = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &request) && add_route(fd) &&
	     !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) &&
	     sendto(fd, "held", 4, 0, (struct sockaddr *)&to, sizeof(to)) == 4;
	close(fd);
	return ok;
}

static void configure(struct nl *nl, enum nl_set_up how)
{
	nl_command(nl, ROAMNAT_CMD_INSIDE_SET);
	inside();
	nl_must(nl, "inside-set");
	if (how == NL_WAYS) {
		nl_command(nl, ROAMNAT_CMD_FORWARD_SET);
		ways();
		nl_must(nl, "forward-set");
	}
	if (how != NL_MISS)
		return;
	/* It must not be over while the command is tried. */
	nl_command(nl, ROAMNAT_CMD_CONFIG_SET);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_HOLD_MS, 60000);
	nl_must(nl, "config-set");
	nl_command(nl, ROAMNAT_CMD_AGENT_REGISTER);
	nl_must(nl, "agent-register");
	if (hold_packet())
		return;
	fprintf(stderr, "netlink: a packet that waits: %s\n", strerror(errno));
	exit(1);
}

void nl_prepare(struct nl *nl, enum nl_set_up how)
{
	static const struct nl_grant grants[] = {
		{ 1, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 1, false, 0, 1 },
		{ 2, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 2, false, 0, 1 },
		{ 3, 1, ROAMNAT_STATE_HELD, ROAMNAT_KIND_ADDRESS, 3, false, 0, 1 },
		{ 4, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_BLOCK, 4, false, 2, 1 },
		{ 5, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 5, true, 0, 1 },
	};
	unsigned int i;
	int err;

	err = unshare(CLONE_NEWNET) ? -errno : nl_open(nl);
	if (err) {
		fprintf(stderr, "netlink: a namespace: %s\n", strerror(-err));
		exit(1);
	}
	nl_command(nl, ROAMNAT_CMD_SESSION_SET);
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_INCARNATION, 1);
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_LEASE_END_NS, 0);
	nl_must(nl, "session-set");
	for (i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		nl_command(nl, ROAMNAT_CMD_MAPPING_NEW);
		nl_put_grant(&grants[i]);
		nl_must(nl, "mapping-new");
	}
	nl_command(nl, ROAMNAT_CMD_MAPPING_FREEZE);
	put_version(2, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, ROAMNAT_STATE_MOVING_OUT);
	nl_must(nl, "mapping-freeze");
	if (how != NL_SESSION)
		configure(nl, how);
}

static unsigned int passed, failed;

void nl_result(bool ok, const char *what, const char *how)
{
	if (ok)
		passed++;
	else
		failed++;
	printf("%s %u - %s %s\n", ok ? "ok" : "not ok", passed + failed, what, how);
	fflush(stdout);
}

int nl_end(const char *program)
{
	printf("%s: %u passed, %u failed\n", program, passed, failed);
	return failed != 0;
}
