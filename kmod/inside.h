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

#include "exclude.h"
#include "limit.h"
#include "wide.h"

struct netlink_ext_ack;
struct rnat_net;

struct rnat_prefix {
	u32 ifindex;
	__be32 net;		/* IPv4; what of an address is not in @mask is 0 */
	__be32 mask;
	u32 first;		/* the same in host order: the lowest address */
	u32 last;
	struct rnat_wide first6;	/* the same of IPv6 */
	struct rnat_wide last6;
	u32 family;		/* NFPROTO_IPV4, NFPROTO_IPV6 */
	u32 len;
	u32 kind;		/* enum roamnat_kind */
	u32 zone;
	u32 mark;
	u32 mark_mask;
	u64 idle_ms;
	int parent;		/* the next wider prefix that contains it, -1 */
	u32 index;		/* of itself */
	u32 iface;		/* of its interface's first prefix, of any family */
	struct rnat_bucket bucket;	/* of the interface; upcall.lock */
};

struct rnat_inside {
	struct rcu_head rcu;
	u32 count;
	u32 count4;		/* those of IPv4, which come first */
	bool has_ports;
	bool has_marks;
	bool is_one;		/* IPv4: one prefix, of addresses, without exclusions */
	u64 ifaces;		/* bits of ifindex % 64 that have prefixes */
	u32 n_exclude;
	struct rnat_exclude *exclude;	/* behind the last prefix */
	struct rnat_prefix prefix[];	/* by family, ifindex, address, length */
};

struct rnat_inside *rnat_inside_new(u32 count, u32 n_exclude);
void rnat_inside_free_rcu(struct rnat_inside *inside);

/*
 * Sorts the prefixes and finds out who contains whom. -EINVAL with a sentence
 * if two of them contradict each other.
 */
int rnat_inside_seal(struct rnat_inside *inside,
		     struct netlink_ext_ack *extack);

/* Sets what the prefix begins with, @prefix->family and the length being there
 * already. -EINVAL if the address has bits beyond the length.
 */
int rnat_inside_set_address(struct rnat_prefix *prefix,
			    const union nf_inet_addr *addr);
void rnat_inside_get_address(const struct rnat_prefix *prefix,
			     union nf_inet_addr *addr);

/* False: the interface has no prefix. One look for most interfaces. */
static inline bool rnat_inside_may_be(const struct rnat_inside *inside,
				      u32 ifindex)
{
	return inside->ifaces >> ifindex % 64 & 1;
}

struct rnat_prefix *rnat_inside_search(struct rnat_inside *inside,
				       u32 ifindex, __be32 addr);

/* The same where there is one prefix of IPv4. */
static inline struct rnat_prefix *
rnat_inside_lookup_only(struct rnat_inside *inside, u32 ifindex, __be32 addr)
{
	struct rnat_prefix *only = &inside->prefix[0];

	return only->ifindex == ifindex && !((addr ^ only->net) & only->mask) ?
	       only : NULL;
}

/* The narrowest prefix of the interface that has the address, or NULL. */
static inline struct rnat_prefix *
rnat_inside_lookup(struct rnat_inside *inside, u32 ifindex, __be32 addr)
{
	if (inside->count4 == 1)
		return rnat_inside_lookup_only(inside, ifindex, addr);
	if (!rnat_inside_may_be(inside, ifindex))
		return NULL;
	return rnat_inside_search(inside, ifindex, addr);
}

struct rnat_prefix *rnat_inside_search6(struct rnat_inside *inside,
					u32 ifindex,
					const struct in6_addr *addr);

static inline struct rnat_prefix *
rnat_inside_lookup6(struct rnat_inside *inside, u32 ifindex,
		    const struct in6_addr *addr)
{
	struct rnat_prefix *only = &inside->prefix[inside->count4];
	struct rnat_wide host;

	if (!rnat_inside_may_be(inside, ifindex))
		return NULL;
	if (inside->count - inside->count4 != 1)
		return rnat_inside_search6(inside, ifindex, addr);
	host = rnat_wide_of6(addr);
	return only->ifindex == ifindex &&
	       rnat_wide_cmp(&host, &only->first6) >= 0 &&
	       rnat_wide_cmp(&host, &only->last6) <= 0 ? only : NULL;
}

/* Has this one prefix the address, whatever the interface? */
bool rnat_inside_contains(const struct rnat_prefix *prefix, u32 family,
			  const union nf_inet_addr *addr);
bool rnat_inside_has_iface(const struct rnat_inside *inside, u32 ifindex);
/* Any prefix of the zone, for its mark. */
const struct rnat_prefix *
rnat_inside_lookup_zone(const struct rnat_inside *inside, u32 zone);

#endif
