/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ways to other gateways: by which device late packets of a mapping that has
 * left go after it, and which ones came here like that.
 *
 * The whole set is replaced at once; readers are under RCU and see the old one
 * or the new one.
 */
#ifndef _RNAT_FORWARD_H
#define _RNAT_FORWARD_H

#include <linux/in6.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <uapi/linux/roamnat.h>

#include "net.h"

struct netlink_ext_ack;
struct rnat_inside;
struct rnat_prefix;
struct sk_buff;

struct rnat_way {
	u32 ifindex;
	u32 number;		/* 1 to ROAMNAT_FORWARD_MAX */
	u32 zone;
	bool has_zone;
	bool has_hop;		/* IPv4; else the device has one other end */
	bool has_hop6;
	__be32 hop;
	struct in6_addr hop6;
};

struct rnat_ways {
	struct rcu_head rcu;
	u32 count;
	u16 by_number[ROAMNAT_FORWARD_MAX + 1];	/* place + 1; 0: none */
	struct rnat_way way[];			/* by ifindex */
};

struct rnat_ways *rnat_forward_new(u32 count);
/*
 * Sorts the ways. -EINVAL with a sentence if two have one number, or if the ways
 * of one device disagree on the tenant.
 */
int rnat_forward_seal(struct rnat_ways *ways, struct netlink_ext_ack *extack);
/* Takes over @ways; NULL: none. Under the mutex. */
void rnat_forward_set(struct rnat_net *rn, struct rnat_ways *ways);

/* Is there such a way? Under the mutex. */
bool rnat_forward_has(const struct rnat_net *rn, u32 number);

/* False: there is no way by this device. One look for most. */
static inline bool rnat_forward_may_be_from(const struct rnat_net *rn, u32 ifindex)
{
	return READ_ONCE(rn->way_ifaces) >> ifindex % 64 & 1;
}

/* A way by that device, or NULL: what comes in by it is another gateway's late
 * packet. Under RCU.
 */
const struct rnat_way *rnat_forward_from(const struct rnat_net *rn,
					 u32 ifindex);

/*
 * The inside prefix that has the source of a late packet, or NULL. *@many: of
 * more than one tenant, so of none. Under RCU. Linear in the prefixes: such
 * packets there are for a while after a move only.
 */
struct rnat_prefix *rnat_forward_prefix(struct rnat_inside *inside,
					const struct rnat_way *way,
					const struct sk_buff *skb, u8 pf,
					bool *many);

/*
 * Sends the packet by the way of that number, as it is but for its time to
 * live, which is lowered where @hook is PRE_ROUTING; what does not fit is
 * fragmented on its way out or, if it must not be, refused to its sender. Uses
 * the packet up. The counter of what became of it. Under RCU, bottom halves off.
 */
u32 rnat_forward_send(struct rnat_net *rn, struct sk_buff *skb, u8 pf,
		      unsigned int hook, u32 number);

#endif
