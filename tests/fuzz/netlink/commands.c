// SPDX-License-Identifier: GPL-2.0
#include "commands.h"

#include <errno.h>
#include <linux/roamnat.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nl_buf nl_out, nl_answer;

void nl_command(struct nl *nl, uint8_t cmd)
{
	nl_out.len = 0;
	nl_begin(nl, &nl_out, cmd, NLM_F_ACK);
}

void nl_put_grant(const struct nl_grant *g)
{
	uint8_t priv[4] = { 10, 0, 0, g->host }, pub[4] = { 203, 0, 113, g->host };
	size_t nest;

	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, g->id);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_EPOCH, g->epoch);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_INCARNATION, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, g->state);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_KIND, g->kind);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_ZONE, 1);
	nl_put(&nl_out, ROAMNAT_A_MAPPING_PRIVATE_ADDR, priv, 4);
	nl_put(&nl_out, ROAMNAT_A_MAPPING_PUBLIC_ADDR, pub, 4);
	if (g->kind == ROAMNAT_KIND_PORT) {
		nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_PROTOCOL, 17);
		nl_put_u16(&nl_out, ROAMNAT_A_MAPPING_PRIVATE_PORT, 0x5000);
		nl_put_u16(&nl_out, ROAMNAT_A_MAPPING_PUBLIC_PORT, 0x5000);
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
	nl_put_grant(&(struct nl_grant){ 9, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 9 });
}

static void new_port(void)
{
	nl_put_grant(&(struct nl_grant){ 9, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_PORT, 9 });
}

static void hold_mapping(void)
{
	nl_put_grant(&(struct nl_grant){ 9, 1, ROAMNAT_STATE_HELD, ROAMNAT_KIND_ADDRESS, 9 });
}

/* Both sides of a frozen mapping of another id. */
static void new_rival(void)
{
	nl_put_grant(&(struct nl_grant){ 9, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 2 });
}

/* The same id, with other sides. */
static void new_sides(void)
{
	nl_put_grant(&(struct nl_grant){ 2, 7, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 9 });
}

static void grant_again(void)
{
	nl_put_grant(&(struct nl_grant){ 1, 2, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 1 });
}

static void grant_held(void)
{
	nl_put_grant(&(struct nl_grant){ 3, 5, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 3 });
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

static void put_prefix(uint32_t kind, uint8_t third)
{
	uint8_t addr[4] = { 10, 0, third, 0 };
	size_t nest = nl_nest(&nl_out, ROAMNAT_A_INSIDE_ENTRY);

	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_IFINDEX, 1);
	nl_put(&nl_out, ROAMNAT_A_PREFIX_ADDR, addr, 4);
	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_LEN, 24);
	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_KIND, kind);
	nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_ZONE, 1);
	nl_nest_end(&nl_out, nest);
}

static void inside(void)
{
	put_prefix(ROAMNAT_KIND_ADDRESS, 0);
	put_prefix(ROAMNAT_KIND_PORT, 1);
}

static void inside_get(void)
{
	uint8_t addr[4] = { 10, 0, 0, 5 };

	nl_put_u32(&nl_out, ROAMNAT_A_INSIDE_IFINDEX, 1);
	nl_put(&nl_out, ROAMNAT_A_INSIDE_ADDR, addr, 4);
}

static void nothing(void)
{
}

const struct nl_command nl_commands[] = {
	{ "agent-register", ROAMNAT_CMD_AGENT_REGISTER, nothing, false },
	{ "session-set", ROAMNAT_CMD_SESSION_SET, session, false },
	{ "session-set 0", ROAMNAT_CMD_SESSION_SET, suspend, false },
	{ "session-get", ROAMNAT_CMD_SESSION_GET, nothing, false },
	{ "config-set", ROAMNAT_CMD_CONFIG_SET, config, false },
	{ "config-get", ROAMNAT_CMD_CONFIG_GET, nothing, false },
	{ "inside-set", ROAMNAT_CMD_INSIDE_SET, inside, false },
	{ "inside-set again", ROAMNAT_CMD_INSIDE_SET, inside, true },
	{ "inside-set nothing", ROAMNAT_CMD_INSIDE_SET, nothing, true },
	{ "inside-get", ROAMNAT_CMD_INSIDE_GET, inside_get, true },
	{ "mapping-new", ROAMNAT_CMD_MAPPING_NEW, new_mapping, true },
	{ "mapping-new of a port", ROAMNAT_CMD_MAPPING_NEW, new_port, true },
	{ "mapping-new held", ROAMNAT_CMD_MAPPING_NEW, hold_mapping, true },
	{ "mapping-new over a frozen one", ROAMNAT_CMD_MAPPING_NEW, new_rival, true },
	{ "mapping-new with other sides", ROAMNAT_CMD_MAPPING_NEW, new_sides, true },
	{ "mapping-new again", ROAMNAT_CMD_MAPPING_NEW, grant_again, true },
	{ "mapping-new of a held one", ROAMNAT_CMD_MAPPING_NEW, grant_held, true },
	{ "mapping-freeze", ROAMNAT_CMD_MAPPING_FREEZE, freeze, true },
	{ "mapping-del", ROAMNAT_CMD_MAPPING_DEL, delete, true },
	{ "mapping-flush", ROAMNAT_CMD_MAPPING_FLUSH, nothing, true },
	{ "mapping-get", ROAMNAT_CMD_MAPPING_GET, by_id, true },
	{ "floor-set", ROAMNAT_CMD_FLOOR_SET, floor_set, false },
	{ "floor-get", ROAMNAT_CMD_FLOOR_GET, floor_get, false },
	{ "stats-get", ROAMNAT_CMD_STATS_GET, nothing, false },
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

/* A namespace with a session, an active, a frozen and a held mapping. */
void nl_prepare(struct nl *nl, bool configured)
{
	static const struct nl_grant grants[] = {
		{ 1, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 1 },
		{ 2, 1, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, 2 },
		{ 3, 1, ROAMNAT_STATE_HELD, ROAMNAT_KIND_ADDRESS, 3 },
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
	for (i = 0; i < 3; i++) {
		nl_command(nl, ROAMNAT_CMD_MAPPING_NEW);
		nl_put_grant(&grants[i]);
		nl_must(nl, "mapping-new");
	}
	nl_command(nl, ROAMNAT_CMD_MAPPING_FREEZE);
	put_version(2, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, ROAMNAT_STATE_MOVING_OUT);
	nl_must(nl, "mapping-freeze");
	if (!configured)
		return;
	nl_command(nl, ROAMNAT_CMD_INSIDE_SET);
	inside();
	nl_must(nl, "inside-set");
}
