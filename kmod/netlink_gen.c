// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	include/uapi/linux/roamnat.yaml */
/* by the kernel's ynl-gen-c.py; see `make gen`. */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/roamnat.h>

/* Integer value ranges */
static const struct netlink_range_validation roamnat_a_mapping_public_ports_range = {
	.max	= 32768ULL,
};

static const struct netlink_range_validation roamnat_a_config_hold_ms_range = {
	.min	= 10ULL,
	.max	= 60000ULL,
};

static const struct netlink_range_validation roamnat_a_config_udp_ms_range = {
	.min	= 1000ULL,
	.max	= 604800000ULL,
};

static const struct netlink_range_validation roamnat_a_config_tcp_established_ms_range = {
	.min	= 1000ULL,
	.max	= 604800000ULL,
};

static const struct netlink_range_validation roamnat_a_config_tcp_opening_ms_range = {
	.min	= 1000ULL,
	.max	= 604800000ULL,
};

static const struct netlink_range_validation roamnat_a_config_tcp_closing_ms_range = {
	.min	= 1000ULL,
	.max	= 604800000ULL,
};

static const struct netlink_range_validation roamnat_a_config_icmp_ms_range = {
	.min	= 1000ULL,
	.max	= 604800000ULL,
};

static const struct netlink_range_validation roamnat_a_config_port_hold_off_ms_range = {
	.max	= 604800000ULL,
};

static const struct netlink_range_validation roamnat_a_config_hold_packets_moving_range = {
	.min	= 1ULL,
	.max	= 65536ULL,
};

static const struct netlink_range_validation roamnat_a_config_forward_ms_range = {
	.min	= 100ULL,
	.max	= 3600000ULL,
};

/* Common nested types */
const struct nla_policy roamnat_binding_nl_policy[ROAMNAT_A_BINDING_PAD + 1] = {
	[ROAMNAT_A_BINDING_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, 255),
	[ROAMNAT_A_BINDING_PRIVATE_PORT] = { .type = NLA_U16, },
	[ROAMNAT_A_BINDING_PUBLIC_PORT] = { .type = NLA_U16, },
	[ROAMNAT_A_BINDING_STATE] = NLA_POLICY_RANGE(NLA_U32, 1, 5),
	[ROAMNAT_A_BINDING_ELAPSED_MS] = { .type = NLA_U64, },
	[ROAMNAT_A_BINDING_REMAINING_MS] = { .type = NLA_U64, },
	[ROAMNAT_A_BINDING_REMOTE_ADDR] = { .type = NLA_BINARY, },
	[ROAMNAT_A_BINDING_MANY_REMOTES] = { .type = NLA_FLAG, },
	[ROAMNAT_A_BINDING_REMOTE_HASH] = { .type = NLA_U32, },
};

const struct nla_policy roamnat_prefix_nl_policy[ROAMNAT_A_PREFIX_PAD + 1] = {
	[ROAMNAT_A_PREFIX_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_PREFIX_ADDR] = { .type = NLA_BINARY, },
	[ROAMNAT_A_PREFIX_LEN] = NLA_POLICY_MAX(NLA_U32, 128),
	[ROAMNAT_A_PREFIX_KIND] = NLA_POLICY_RANGE(NLA_U32, 1, 3),
	[ROAMNAT_A_PREFIX_ZONE] = { .type = NLA_U32, },
	[ROAMNAT_A_PREFIX_IDLE_MS] = { .type = NLA_U64, },
	[ROAMNAT_A_PREFIX_MARK] = { .type = NLA_U32, },
	[ROAMNAT_A_PREFIX_MARK_MASK] = { .type = NLA_U32, },
};

const struct nla_policy roamnat_timer_nl_policy[ROAMNAT_A_TIMER_PAD + 1] = {
	[ROAMNAT_A_TIMER_PRESET_MS] = { .type = NLA_U64, },
	[ROAMNAT_A_TIMER_ELAPSED_MS] = { .type = NLA_U64, },
	[ROAMNAT_A_TIMER_REMAINING_MS] = { .type = NLA_U64, },
};

const struct nla_policy roamnat_way_nl_policy[ROAMNAT_A_WAY_PAD + 1] = {
	[ROAMNAT_A_WAY_NUMBER] = NLA_POLICY_RANGE(NLA_U32, 1, 1024),
	[ROAMNAT_A_WAY_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_WAY_NEXT_HOP] = { .type = NLA_BINARY, },
	[ROAMNAT_A_WAY_NEXT_HOP6] = { .type = NLA_BINARY, },
	[ROAMNAT_A_WAY_ZONE] = { .type = NLA_U32, },
};

/* ROAMNAT_CMD_AGENT_REGISTER - do */
const struct nla_policy roamnat_agent_register_nl_policy[ROAMNAT_A_SESSION_VERSION + 1] = {
	[ROAMNAT_A_SESSION_VERSION] = { .type = NLA_NUL_STRING, .len = 64, },
};

/* ROAMNAT_CMD_SESSION_SET - do */
const struct nla_policy roamnat_session_set_nl_policy[ROAMNAT_A_SESSION_LEASE_END_NS + 1] = {
	[ROAMNAT_A_SESSION_INCARNATION] = { .type = NLA_U64, },
	[ROAMNAT_A_SESSION_LEASE_END_NS] = { .type = NLA_U64, },
};

/* ROAMNAT_CMD_SESSION_GET - do */
const struct nla_policy roamnat_session_get_nl_policy[ROAMNAT_A_SESSION_VERSION + 1] = {
	[ROAMNAT_A_SESSION_VERSION] = { .type = NLA_NUL_STRING, .len = 64, },
};

/* ROAMNAT_CMD_CONFIG_SET - do */
const struct nla_policy roamnat_config_set_nl_policy[ROAMNAT_A_CONFIG_FORWARD_MS + 1] = {
	[ROAMNAT_A_CONFIG_MAX_MAPPINGS] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_MAX_FLOORS] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_MAX_MISSES] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_HOLD_PACKETS] = NLA_POLICY_RANGE(NLA_U32, 1, 1024),
	[ROAMNAT_A_CONFIG_HOLD_PACKETS_TOTAL] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_HOLD_BYTES_TOTAL] = NLA_POLICY_MIN(NLA_U32, 4096),
	[ROAMNAT_A_CONFIG_HOLD_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_hold_ms_range),
	[ROAMNAT_A_CONFIG_UPCALL_RATE] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_UPCALL_BURST] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_SOURCE_RATE] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_SOURCE_BURST] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_ICMP_RATE] = { .type = NLA_U32, },
	[ROAMNAT_A_CONFIG_MAX_BINDINGS] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_UDP_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_udp_ms_range),
	[ROAMNAT_A_CONFIG_TCP_ESTABLISHED_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_tcp_established_ms_range),
	[ROAMNAT_A_CONFIG_TCP_OPENING_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_tcp_opening_ms_range),
	[ROAMNAT_A_CONFIG_TCP_CLOSING_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_tcp_closing_ms_range),
	[ROAMNAT_A_CONFIG_ICMP_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_icmp_ms_range),
	[ROAMNAT_A_CONFIG_PORT_HOLD_OFF_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_port_hold_off_ms_range),
	[ROAMNAT_A_CONFIG_FILTERING] = NLA_POLICY_RANGE(NLA_U32, 1, 2),
	[ROAMNAT_A_CONFIG_INBOUND_REFRESH] = NLA_POLICY_MAX(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_PORT_PARITY] = NLA_POLICY_MAX(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_BLOCK_THRESHOLD] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[ROAMNAT_A_CONFIG_HOLD_PACKETS_MOVING] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_hold_packets_moving_range),
	[ROAMNAT_A_CONFIG_MAX_FORWARDS] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_CONFIG_FORWARD_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_forward_ms_range),
};

/* ROAMNAT_CMD_CONFIG_GET - do */
const struct nla_policy roamnat_config_get_nl_policy[ROAMNAT_A_CONFIG_HOLD_MS + 1] = {
	[ROAMNAT_A_CONFIG_HOLD_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_config_hold_ms_range),
};

/* ROAMNAT_CMD_INSIDE_SET - do */
const struct nla_policy roamnat_inside_set_nl_policy[ROAMNAT_A_INSIDE_EXCLUDE + 1] = {
	[ROAMNAT_A_INSIDE_ENTRY] = NLA_POLICY_NESTED(roamnat_prefix_nl_policy),
	[ROAMNAT_A_INSIDE_EXCLUDE] = NLA_POLICY_NESTED(roamnat_prefix_nl_policy),
};

/* ROAMNAT_CMD_INSIDE_GET - do */
const struct nla_policy roamnat_inside_get_nl_policy[ROAMNAT_A_INSIDE_ADDR + 1] = {
	[ROAMNAT_A_INSIDE_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[ROAMNAT_A_INSIDE_ADDR] = { .type = NLA_BINARY, },
};

/* ROAMNAT_CMD_MAPPING_NEW - do */
const struct nla_policy roamnat_mapping_new_nl_policy[ROAMNAT_A_MAPPING_BINDING + 1] = {
	[ROAMNAT_A_MAPPING_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_EPOCH] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_INCARNATION] = { .type = NLA_U64, },
	[ROAMNAT_A_MAPPING_STATE] = NLA_POLICY_RANGE(NLA_U32, 1, 5),
	[ROAMNAT_A_MAPPING_KIND] = NLA_POLICY_RANGE(NLA_U32, 1, 3),
	[ROAMNAT_A_MAPPING_ZONE] = { .type = NLA_U32, },
	[ROAMNAT_A_MAPPING_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, 255),
	[ROAMNAT_A_MAPPING_PRIVATE_ADDR] = { .type = NLA_BINARY, },
	[ROAMNAT_A_MAPPING_PRIVATE_PORT] = { .type = NLA_U16, },
	[ROAMNAT_A_MAPPING_PUBLIC_ADDR] = { .type = NLA_BINARY, },
	[ROAMNAT_A_MAPPING_PUBLIC_PORT] = { .type = NLA_U16, },
	[ROAMNAT_A_MAPPING_TIMER] = NLA_POLICY_NESTED(roamnat_timer_nl_policy),
	[ROAMNAT_A_MAPPING_PUBLIC_PORTS] = NLA_POLICY_FULL_RANGE(NLA_U32, &roamnat_a_mapping_public_ports_range),
	[ROAMNAT_A_MAPPING_BINDING] = NLA_POLICY_NESTED(roamnat_binding_nl_policy),
};

/* ROAMNAT_CMD_MAPPING_FREEZE - do */
const struct nla_policy roamnat_mapping_freeze_nl_policy[ROAMNAT_A_MAPPING_FORWARD + 1] = {
	[ROAMNAT_A_MAPPING_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_EPOCH] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_STATE] = NLA_POLICY_RANGE(NLA_U32, 1, 5),
	[ROAMNAT_A_MAPPING_FORWARD] = NLA_POLICY_RANGE(NLA_U32, 1, 1024),
};

/* ROAMNAT_CMD_MAPPING_DEL - do */
const struct nla_policy roamnat_mapping_del_nl_policy[ROAMNAT_A_MAPPING_EPOCH + 1] = {
	[ROAMNAT_A_MAPPING_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_EPOCH] = NLA_POLICY_MIN(NLA_U64, 1),
};

/* ROAMNAT_CMD_MAPPING_FLUSH - do */
const struct nla_policy roamnat_mapping_flush_nl_policy[ROAMNAT_A_MAPPING_INCARNATION + 1] = {
	[ROAMNAT_A_MAPPING_INCARNATION] = { .type = NLA_U64, },
};

/* ROAMNAT_CMD_MAPPING_GET - do */
const struct nla_policy roamnat_mapping_get_nl_policy[ROAMNAT_A_MAPPING_PUBLIC_PORT + 1] = {
	[ROAMNAT_A_MAPPING_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_ZONE] = { .type = NLA_U32, },
	[ROAMNAT_A_MAPPING_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, 255),
	[ROAMNAT_A_MAPPING_PRIVATE_ADDR] = { .type = NLA_BINARY, },
	[ROAMNAT_A_MAPPING_PRIVATE_PORT] = { .type = NLA_U16, },
	[ROAMNAT_A_MAPPING_PUBLIC_ADDR] = { .type = NLA_BINARY, },
	[ROAMNAT_A_MAPPING_PUBLIC_PORT] = { .type = NLA_U16, },
};

/* ROAMNAT_CMD_FLOOR_SET - do */
const struct nla_policy roamnat_floor_set_nl_policy[ROAMNAT_A_FLOOR_EPOCH + 1] = {
	[ROAMNAT_A_FLOOR_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_FLOOR_EPOCH] = { .type = NLA_U64, },
};

/* ROAMNAT_CMD_FLOOR_GET - do */
const struct nla_policy roamnat_floor_get_nl_policy[ROAMNAT_A_FLOOR_ID + 1] = {
	[ROAMNAT_A_FLOOR_ID] = NLA_POLICY_MIN(NLA_U64, 1),
};

/* ROAMNAT_CMD_MISS_REFUSE - do */
const struct nla_policy roamnat_miss_refuse_nl_policy[ROAMNAT_A_MAPPING_HOLD_OFF_MS + 1] = {
	[ROAMNAT_A_MAPPING_ZONE] = { .type = NLA_U32, },
	[ROAMNAT_A_MAPPING_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, 255),
	[ROAMNAT_A_MAPPING_PRIVATE_ADDR] = { .type = NLA_BINARY, },
	[ROAMNAT_A_MAPPING_PRIVATE_PORT] = { .type = NLA_U16, },
	[ROAMNAT_A_MAPPING_HOLD_OFF_MS] = { .type = NLA_U64, },
};

/* ROAMNAT_CMD_STATS_GET - do */
const struct nla_policy roamnat_stats_get_nl_policy[ROAMNAT_A_STATS_MAPPINGS + 1] = {
	[ROAMNAT_A_STATS_MAPPINGS] = { .type = NLA_U32, },
};

/* ROAMNAT_CMD_BINDING_GET - do */
const struct nla_policy roamnat_binding_get_nl_policy[ROAMNAT_A_MAPPING_PUBLIC_PORT + 1] = {
	[ROAMNAT_A_MAPPING_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, 255),
	[ROAMNAT_A_MAPPING_PRIVATE_PORT] = { .type = NLA_U16, },
	[ROAMNAT_A_MAPPING_PUBLIC_PORT] = { .type = NLA_U16, },
};

/* ROAMNAT_CMD_WHY - do */
const struct nla_policy roamnat_why_nl_policy[ROAMNAT_A_PACKET_DPORT + 1] = {
	[ROAMNAT_A_PACKET_IFINDEX] = { .type = NLA_U32, },
	[ROAMNAT_A_PACKET_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, 255),
	[ROAMNAT_A_PACKET_SRC] = { .type = NLA_BINARY, },
	[ROAMNAT_A_PACKET_DST] = { .type = NLA_BINARY, },
	[ROAMNAT_A_PACKET_SPORT] = { .type = NLA_U16, },
	[ROAMNAT_A_PACKET_DPORT] = { .type = NLA_U16, },
};

/* ROAMNAT_CMD_FORWARD_SET - do */
const struct nla_policy roamnat_forward_set_nl_policy[ROAMNAT_A_FORWARD_ENTRY + 1] = {
	[ROAMNAT_A_FORWARD_ENTRY] = NLA_POLICY_NESTED(roamnat_way_nl_policy),
};

/* ROAMNAT_CMD_FORWARD_GET - do */
const struct nla_policy roamnat_forward_get_nl_policy[ROAMNAT_A_FORWARD_ENTRY + 1] = {
	[ROAMNAT_A_FORWARD_ENTRY] = NLA_POLICY_NESTED(roamnat_way_nl_policy),
};

/* ROAMNAT_CMD_MAPPING_FORWARD - do */
const struct nla_policy roamnat_mapping_forward_nl_policy[ROAMNAT_A_MAPPING_FORWARD + 1] = {
	[ROAMNAT_A_MAPPING_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_EPOCH] = NLA_POLICY_MIN(NLA_U64, 1),
	[ROAMNAT_A_MAPPING_STATE] = NLA_POLICY_RANGE(NLA_U32, 1, 5),
	[ROAMNAT_A_MAPPING_FORWARD] = NLA_POLICY_RANGE(NLA_U32, 1, 1024),
};

/* ROAMNAT_CMD_FAST_SET - do */
const struct nla_policy roamnat_fast_set_nl_policy[ROAMNAT_A_FAST_IFINDEX + 1] = {
	[ROAMNAT_A_FAST_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* ROAMNAT_CMD_FAST_GET - do */
const struct nla_policy roamnat_fast_get_nl_policy[ROAMNAT_A_FAST_IFINDEX + 1] = {
	[ROAMNAT_A_FAST_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* Ops table for roamnat */
const struct genl_ops roamnat_nl_ops[23] = {
	{
		.cmd		= ROAMNAT_CMD_AGENT_REGISTER,
		.doit		= roamnat_nl_agent_register_doit,
		.policy		= roamnat_agent_register_nl_policy,
		.maxattr	= ROAMNAT_A_SESSION_VERSION,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_SESSION_SET,
		.doit		= roamnat_nl_session_set_doit,
		.policy		= roamnat_session_set_nl_policy,
		.maxattr	= ROAMNAT_A_SESSION_LEASE_END_NS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_SESSION_GET,
		.doit		= roamnat_nl_session_get_doit,
		.policy		= roamnat_session_get_nl_policy,
		.maxattr	= ROAMNAT_A_SESSION_VERSION,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_CONFIG_SET,
		.doit		= roamnat_nl_config_set_doit,
		.policy		= roamnat_config_set_nl_policy,
		.maxattr	= ROAMNAT_A_CONFIG_FORWARD_MS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_CONFIG_GET,
		.doit		= roamnat_nl_config_get_doit,
		.policy		= roamnat_config_get_nl_policy,
		.maxattr	= ROAMNAT_A_CONFIG_HOLD_MS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_INSIDE_SET,
		.doit		= roamnat_nl_inside_set_doit,
		.policy		= roamnat_inside_set_nl_policy,
		.maxattr	= ROAMNAT_A_INSIDE_EXCLUDE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_INSIDE_GET,
		.doit		= roamnat_nl_inside_get_doit,
		.dumpit		= roamnat_nl_inside_get_dumpit,
		.policy		= roamnat_inside_get_nl_policy,
		.maxattr	= ROAMNAT_A_INSIDE_ADDR,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_MAPPING_NEW,
		.doit		= roamnat_nl_mapping_new_doit,
		.policy		= roamnat_mapping_new_nl_policy,
		.maxattr	= ROAMNAT_A_MAPPING_BINDING,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_MAPPING_FREEZE,
		.doit		= roamnat_nl_mapping_freeze_doit,
		.policy		= roamnat_mapping_freeze_nl_policy,
		.maxattr	= ROAMNAT_A_MAPPING_FORWARD,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_MAPPING_DEL,
		.doit		= roamnat_nl_mapping_del_doit,
		.policy		= roamnat_mapping_del_nl_policy,
		.maxattr	= ROAMNAT_A_MAPPING_EPOCH,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_MAPPING_FLUSH,
		.doit		= roamnat_nl_mapping_flush_doit,
		.policy		= roamnat_mapping_flush_nl_policy,
		.maxattr	= ROAMNAT_A_MAPPING_INCARNATION,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_MAPPING_GET,
		.doit		= roamnat_nl_mapping_get_doit,
		.dumpit		= roamnat_nl_mapping_get_dumpit,
		.policy		= roamnat_mapping_get_nl_policy,
		.maxattr	= ROAMNAT_A_MAPPING_PUBLIC_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_FLOOR_SET,
		.doit		= roamnat_nl_floor_set_doit,
		.policy		= roamnat_floor_set_nl_policy,
		.maxattr	= ROAMNAT_A_FLOOR_EPOCH,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_FLOOR_GET,
		.doit		= roamnat_nl_floor_get_doit,
		.policy		= roamnat_floor_get_nl_policy,
		.maxattr	= ROAMNAT_A_FLOOR_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_MISS_REFUSE,
		.doit		= roamnat_nl_miss_refuse_doit,
		.policy		= roamnat_miss_refuse_nl_policy,
		.maxattr	= ROAMNAT_A_MAPPING_HOLD_OFF_MS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_STATS_GET,
		.doit		= roamnat_nl_stats_get_doit,
		.policy		= roamnat_stats_get_nl_policy,
		.maxattr	= ROAMNAT_A_STATS_MAPPINGS,
	},
	{
		.cmd		= ROAMNAT_CMD_BINDING_GET,
		.doit		= roamnat_nl_binding_get_doit,
		.dumpit		= roamnat_nl_binding_get_dumpit,
		.policy		= roamnat_binding_get_nl_policy,
		.maxattr	= ROAMNAT_A_MAPPING_PUBLIC_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_WHY,
		.doit		= roamnat_nl_why_doit,
		.policy		= roamnat_why_nl_policy,
		.maxattr	= ROAMNAT_A_PACKET_DPORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_FORWARD_SET,
		.doit		= roamnat_nl_forward_set_doit,
		.policy		= roamnat_forward_set_nl_policy,
		.maxattr	= ROAMNAT_A_FORWARD_ENTRY,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_FORWARD_GET,
		.doit		= roamnat_nl_forward_get_doit,
		.policy		= roamnat_forward_get_nl_policy,
		.maxattr	= ROAMNAT_A_FORWARD_ENTRY,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_MAPPING_FORWARD,
		.doit		= roamnat_nl_mapping_forward_doit,
		.policy		= roamnat_mapping_forward_nl_policy,
		.maxattr	= ROAMNAT_A_MAPPING_FORWARD,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_FAST_SET,
		.doit		= roamnat_nl_fast_set_doit,
		.policy		= roamnat_fast_set_nl_policy,
		.maxattr	= ROAMNAT_A_FAST_IFINDEX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ROAMNAT_CMD_FAST_GET,
		.doit		= roamnat_nl_fast_get_doit,
		.policy		= roamnat_fast_get_nl_policy,
		.maxattr	= ROAMNAT_A_FAST_IFINDEX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

const struct genl_multicast_group roamnat_nl_mcgrps[1] = {
	[ROAMNAT_NLGRP_MAPPING] = { "mapping", },
};
