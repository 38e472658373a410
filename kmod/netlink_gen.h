/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	include/uapi/linux/roamnat.yaml */
/* by the kernel's ynl-gen-c.py; see `make gen`. */

#ifndef _LINUX_ROAMNAT_GEN_H
#define _LINUX_ROAMNAT_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/roamnat.h>

/* Common nested types */
extern const struct nla_policy roamnat_binding_nl_policy[ROAMNAT_A_BINDING_PAD + 1];
extern const struct nla_policy roamnat_prefix_nl_policy[ROAMNAT_A_PREFIX_PAD + 1];
extern const struct nla_policy roamnat_timer_nl_policy[ROAMNAT_A_TIMER_PAD + 1];
extern const struct nla_policy roamnat_way_nl_policy[ROAMNAT_A_WAY_PAD + 1];

extern const struct nla_policy roamnat_agent_register_nl_policy[ROAMNAT_A_SESSION_VERSION + 1];

extern const struct nla_policy roamnat_session_set_nl_policy[ROAMNAT_A_SESSION_LEASE_END_NS + 1];

extern const struct nla_policy roamnat_session_get_nl_policy[ROAMNAT_A_SESSION_VERSION + 1];

extern const struct nla_policy roamnat_config_set_nl_policy[ROAMNAT_A_CONFIG_FORWARD_MS + 1];

extern const struct nla_policy roamnat_config_get_nl_policy[ROAMNAT_A_CONFIG_HOLD_MS + 1];

extern const struct nla_policy roamnat_inside_set_nl_policy[ROAMNAT_A_INSIDE_EXCLUDE + 1];

extern const struct nla_policy roamnat_inside_get_nl_policy[ROAMNAT_A_INSIDE_ADDR + 1];

extern const struct nla_policy roamnat_mapping_new_nl_policy[ROAMNAT_A_MAPPING_BINDING + 1];

extern const struct nla_policy roamnat_mapping_freeze_nl_policy[ROAMNAT_A_MAPPING_FORWARD + 1];

extern const struct nla_policy roamnat_mapping_del_nl_policy[ROAMNAT_A_MAPPING_EPOCH + 1];

extern const struct nla_policy roamnat_mapping_flush_nl_policy[ROAMNAT_A_MAPPING_INCARNATION + 1];

extern const struct nla_policy roamnat_mapping_get_nl_policy[ROAMNAT_A_MAPPING_PUBLIC_PORT + 1];

extern const struct nla_policy roamnat_floor_set_nl_policy[ROAMNAT_A_FLOOR_EPOCH + 1];

extern const struct nla_policy roamnat_floor_get_nl_policy[ROAMNAT_A_FLOOR_ID + 1];

extern const struct nla_policy roamnat_miss_refuse_nl_policy[ROAMNAT_A_MAPPING_HOLD_OFF_MS + 1];

extern const struct nla_policy roamnat_stats_get_nl_policy[ROAMNAT_A_STATS_MAPPINGS + 1];

extern const struct nla_policy roamnat_binding_get_nl_policy[ROAMNAT_A_MAPPING_PUBLIC_PORT + 1];

extern const struct nla_policy roamnat_why_nl_policy[ROAMNAT_A_PACKET_DPORT + 1];

extern const struct nla_policy roamnat_forward_set_nl_policy[ROAMNAT_A_FORWARD_ENTRY + 1];

extern const struct nla_policy roamnat_forward_get_nl_policy[ROAMNAT_A_FORWARD_ENTRY + 1];

extern const struct nla_policy roamnat_mapping_forward_nl_policy[ROAMNAT_A_MAPPING_FORWARD + 1];

extern const struct nla_policy roamnat_fast_set_nl_policy[ROAMNAT_A_FAST_IFINDEX + 1];

extern const struct nla_policy roamnat_fast_get_nl_policy[ROAMNAT_A_FAST_IFINDEX + 1];

/* Ops table for roamnat */
extern const struct genl_ops roamnat_nl_ops[23];

int roamnat_nl_agent_register_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_session_set_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_session_get_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_config_set_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_config_get_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_inside_set_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_inside_get_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_inside_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int roamnat_nl_mapping_new_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_mapping_freeze_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_mapping_del_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_mapping_flush_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_mapping_get_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_mapping_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int roamnat_nl_floor_set_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_floor_get_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_miss_refuse_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_binding_get_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_binding_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int roamnat_nl_why_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_forward_set_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_forward_get_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_mapping_forward_doit(struct sk_buff *skb,
				    struct genl_info *info);
int roamnat_nl_fast_set_doit(struct sk_buff *skb, struct genl_info *info);
int roamnat_nl_fast_get_doit(struct sk_buff *skb, struct genl_info *info);

extern const struct genl_multicast_group roamnat_nl_mcgrps[1];

enum {
	ROAMNAT_NLGRP_MAPPING,
};

#endif /* _LINUX_ROAMNAT_GEN_H */
