/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which prefixes on which inside interfaces are translated. The whole set is
 * replaced at once; readers are under RCU and see the old one or the new one.
 */
#ifndef _RNAT_INSIDE_H
#define _RNAT_INSIDE_H

#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "limit.h"

struct netlink_ext_ack;
struct rnat_net;

struct rnat_prefix {
	u32 ifindex;
	u32 first;		/* host order; the lowest address */
	u32 last;
	u32 len;
	u32 kind;		/* enum roamnat_kind */
	u32 zone;
	u32 mark;
	u32 mark_mask;
	u64 idle_ms;
	int parent;		/* the next wider prefix that contains it, -1 */
	u32 index;		/* of itself */
	u32 iface;		/* of its interface's first prefix */
	struct rnat_bucket bucket;	/* of the interface; upcall.lock */
};

struct rnat_inside {
	struct rcu_head rcu;
	u32 count;
	bool has_ports;
	bool has_marks;
	struct rnat_prefix prefix[];	/* by ifindex, first address, length */
};

struct rnat_inside *rnat_inside_new(u32 count);
void rnat_inside_free_rcu(struct rnat_inside *inside);

/*
 * Sorts the prefixes and finds out who contains whom. -EINVAL with a sentence
 * if two of them contradict each other.
 */
int rnat_inside_seal(struct rnat_inside *inside,
		     struct netlink_ext_ack *extack);

/* The narrowest prefix of the interface that has the address, or NULL. */
struct rnat_prefix *rnat_inside_lookup(struct rnat_inside *inside,
				       u32 ifindex, __be32 addr);
bool rnat_inside_has_iface(const struct rnat_inside *inside, u32 ifindex);
/* Any prefix of the zone, for its mark. */
const struct rnat_prefix *
rnat_inside_lookup_zone(const struct rnat_inside *inside, u32 zone);

#endif
