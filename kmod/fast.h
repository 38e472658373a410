/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path: packets that are translated and sent where they come in, without
 * the IP stack.
 *
 * On interfaces that are named for it only. A packet that is sent by it becomes,
 * to the bit, what it becomes by the hooks, and is counted and timed as there;
 * whatever is not sure goes on to them as it came.
 */
#ifndef _RNAT_FAST_H
#define _RNAT_FAST_H

#include <linux/types.h>

struct net_device;
struct netlink_ext_ack;
struct rnat_fast;
struct rnat_net;

/*
 * Replaces the set of interfaces by those @count indices, each of which may be given
 * more than once; on error nothing has changed, and @extack says why: -ENODEV,
 * -ENOMEM, -EOPNOTSUPP. When it returns, no packet is on the fast path of an
 * interface that left. Under RTNL, unless @count is 0, and the mutex.
 */
int rnat_fast_set(struct rnat_net *rn, const u32 *ifindex, u32 count,
		  struct netlink_ext_ack *extack);
/* An interface goes away. Under RTNL. */
void rnat_fast_forget(struct rnat_net *rn, const struct net_device *dev);

/* Their indices, up to @max; how many. Under the mutex. */
u32 rnat_fast_list(const struct rnat_net *rn, u32 *ifindex, u32 max);

#endif
