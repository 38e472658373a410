/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family. Handlers parse and refuse (netlink.c), dumps
 * walk (netlink_dump.c), messages are built in netlink_msg.c; what a command
 * does to mappings is in control.c.
 */
#ifndef _RNAT_NETLINK_H
#define _RNAT_NETLINK_H

#include <linux/types.h>
#include <uapi/linux/roamnat.h>

struct genl_family;
struct rnat_exclude;
struct rnat_map;
struct rnat_miss_info;
struct rnat_net;
struct rnat_prefix;
struct sk_buff;

extern struct genl_family rnat_netlink_family;

/* Tells the multicast group. Under RCU or the mutex. */
void rnat_netlink_notify(struct rnat_net *rn, const struct rnat_map *map,
			 enum roamnat_event event, gfp_t gfp);
/* Tells the agent; 0 if it was delivered. Any context. */
int rnat_netlink_send_miss(struct rnat_net *rn,
			   const struct rnat_miss_info *info, u32 lost);

/* Builders: 0 or -EMSGSIZE. */
int rnat_netlink_put_map(struct sk_buff *skb, const struct rnat_net *rn,
			 const struct rnat_map *map);
int rnat_netlink_put_prefix(struct sk_buff *skb,
			    const struct rnat_prefix *prefix);
int rnat_netlink_put_exclude(struct sk_buff *skb,
			     const struct rnat_exclude *exclude);
int rnat_netlink_put_stats(struct sk_buff *skb, struct rnat_net *rn);

int rnat_netlink_init(void);
void rnat_netlink_uninit(void);

#endif
