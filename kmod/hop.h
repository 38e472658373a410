/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which way the IP stack would send a packet that is forwarded, remembered.
 *
 * Each CPU remembers for itself, without locks and without writing anything that
 * another reads. What is remembered is good for as long as the kernel's own cached
 * routes are: a change of a route, a rule, an address or a device ends it at once
 * (the routes' generation), and so does a path MTU that becomes known. Destinations
 * and sources are apart, since the first decide where a packet goes, and the second
 * only whether it may come from where it came. A route that depends on more, by
 * policy rules, realms or several next hops, is not remembered but asked for.
 *
 * IPv6 does not ask where a source may come from, so that destinations do. A route of
 * several next hops, or that depends on policy rules or on sources, is left to the
 * stack: what it would choose, it chooses by more than we have.
 */
#ifndef _RNAT_HOP_H
#define _RNAT_HOP_H

#include <linux/hash.h>
#include <linux/inetdevice.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <net/inet_dscp.h>
#include <net/ip6_fib.h>
#include <net/route.h>

/* For each CPU: 40 bytes for each of both of IPv4, and 32 of IPv6. */
#define RNAT_HOP_BITS	13
#define RNAT_HOP_DSTS	64

/* A route, however many destinations a CPU remembers it for. */
struct rnat_hop {
	struct dst_entry *dst;
	struct net_device *dev;
	__be32 gateway;		/* 0: the destination is on the link */
	u32 mtu;		/* IPv4: what is not longer fits; 0: see the route */
	u32 room;		/* for headers, before that of IP */
	u32 users;
	struct hlist_node node;
};

/* What a look-up depends on: @key the address and the interface that it came in by;
 * @tag rnat_hop_tag(). Both 0: empty, for no interface has index 0.
 */
struct rnat_hop_to {
	u64 key;
	u64 tag;
	struct rnat_hop *hop;
};

struct rnat_hop_from {
	u64 key;
	u64 tag;
};

/* The same of IPv6: @genid is that of the routes. No route: empty. */
struct rnat_hop_to6 {
	struct in6_addr addr;
	u32 ifindex;
	int genid;
	struct rnat_hop *hop;
};

struct rnat_hops {
	struct rnat_hop_to to[1 << RNAT_HOP_BITS];
	struct rnat_hop_from from[1 << RNAT_HOP_BITS];
	struct rnat_hop_to6 to6[1 << RNAT_HOP_BITS];
	struct rnat_hop once;	/* what is not remembered */
	struct hlist_head dsts[RNAT_HOP_DSTS];
};

/* One for each CPU. */
struct rnat_hops_cpu {
	struct rnat_hops *hops;
};

struct rnat_hops_cpu __percpu *rnat_hops_new(void);
/* When no packet uses them any more. NULL is nothing. */
void rnat_hops_free(struct rnat_hops_cpu __percpu *cpus);

/* Asks the stack, and remembers. */
const struct rnat_hop *rnat_hop_ask(struct rnat_hops *hops, struct sk_buff *skb,
				    struct in_device *in, __be32 from,
				    __be32 to);

static inline u64 rnat_hop_key(__be32 addr, const struct in_device *in)
{
	return (u64)in->dev->ifindex << 32 | ntohl(addr);
}

static inline u32 rnat_hop_slot(u64 key)
{
	return hash_32((u32)key ^ (u32)(key >> 32) << 16, RNAT_HOP_BITS);
}

/* Of the routes' generation @genid; the bits of the field that one may depend on; and
 * how strictly sources are checked.
 */
static inline u64 rnat_hop_tag(int genid, const struct sk_buff *skb,
			       struct in_device *in)
{
	return (u32)genid | (u64)(ip_hdr(skb)->tos & INET_DSCP_MASK) << 32 |
	       (u64)IN_DEV_RPFILTER(in) << 40;
}

/*
 * The route on which the packet would be forwarded to @to, if it came from @from; NULL
 * if it would not be, or not simply. The packet may have been given it, or not. Good
 * for this packet only, and until it is sent. Under RCU, bottom halves off, on this
 * CPU's @hops; skb->data at the IPv4 header.
 */
static __always_inline const struct rnat_hop *
rnat_hop_find(struct rnat_hops *hops, struct sk_buff *skb,
	      struct in_device *in, __be32 from, __be32 to)
{
	u64 tag = rnat_hop_tag(rt_genid_ipv4(dev_net(in->dev)), skb, in);
	u64 key = rnat_hop_key(to, in), back = rnat_hop_key(from, in);
	const struct rnat_hop_to *there = &hops->to[rnat_hop_slot(key)];
	const struct rnat_hop_from *here = &hops->from[rnat_hop_slot(back)];

	/* The generation and this are what ipv4_dst_check() looks at. */
	if (likely(there->key == key && there->tag == tag &&
		   here->key == back && here->tag == tag &&
		   READ_ONCE(there->hop->dst->obsolete) ==
			   DST_OBSOLETE_FORCE_CHK))
		return there->hop;
	return rnat_hop_ask(hops, skb, in, from, to);
}

/* The same for IPv6. The packet has been given no route. */
const struct rnat_hop *rnat_hop_ask6(struct rnat_hops *hops,
				     struct sk_buff *skb,
				     const struct in6_addr *from,
				     const struct in6_addr *to);

static inline struct rnat_hop_to6 *rnat_hop_of6(struct rnat_hops *hops,
						const struct in6_addr *to,
						u32 ifindex)
{
	u64 sum = (u64)(__force u32)(to->s6_addr32[0] ^ to->s6_addr32[2]) << 32 |
		  (__force u32)(to->s6_addr32[1] ^ to->s6_addr32[3]);

	return &hops->to6[hash_64(sum ^ (u64)ifindex << 48, RNAT_HOP_BITS)];
}

static inline const struct rt6_info *rnat_hop_rt6(const struct rnat_hop *hop)
{
	return container_of(hop->dst, struct rt6_info, dst);
}

/* Is its route still there? Any other change is one of the generation; but that of a
 * link, which only matters to who ignores routes without one.
 */
static __always_inline bool rnat_hop_is_there6(const struct rnat_hop *hop)
{
	const struct fib6_info *from;

	if (unlikely(READ_ONCE(hop->dst->obsolete) != DST_OBSOLETE_FORCE_CHK))
		return false;
	from = rcu_dereference(rnat_hop_rt6(hop)->from);
	return from && rcu_access_pointer(from->fib6_node) &&
	       netif_carrier_ok(hop->dev);
}

static __always_inline const struct rnat_hop *
rnat_hop_find6(struct rnat_hops *hops, struct sk_buff *skb,
	       const struct in6_addr *from, const struct in6_addr *to)
{
	const struct net *net = dev_net(skb->dev);
	u32 ifindex = skb->dev->ifindex;
	const struct rnat_hop_to6 *there = rnat_hop_of6(hops, to, ifindex);

	if (likely(there->hop && there->genid == rt_genid_ipv6(net) &&
		   there->ifindex == ifindex &&
		   ipv6_addr_equal(&there->addr, to) &&
		   !fib6_has_custom_rules(net) &&
		   rnat_hop_is_there6(there->hop)))
		return there->hop;
	return rnat_hop_ask6(hops, skb, from, to);
}

#endif
