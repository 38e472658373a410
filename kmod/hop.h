/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which way the IP stack would send a packet of IPv4 that is forwarded, remembered.
 *
 * Each CPU remembers for itself, without locks and without writing anything that
 * another reads. What is remembered is good for as long as the kernel's own cached
 * routes are: a change of a route, a rule, an address or a device ends it at once
 * (the routes' generation), and so does a path MTU that becomes known. Destinations
 * and sources are apart, since the first decide where a packet goes, and the second
 * only whether it may come from where it came. A route that depends on more, by
 * policy rules, realms or several next hops, is not remembered but asked for.
 */
#ifndef _RNAT_HOP_H
#define _RNAT_HOP_H

#include <linux/hash.h>
#include <linux/inetdevice.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <net/inet_dscp.h>
#include <net/route.h>

/* Of each CPU and kind: 40 bytes for both. */
#define RNAT_HOP_BITS	13
#define RNAT_HOP_DSTS	64

/* A route, as often as a CPU remembers it. */
struct rnat_hop {
	struct hlist_node node;
	struct dst_entry *dst;
	u32 users;
};

struct rnat_hop_to {
	__be32 addr;
	u32 ifindex;		/* it came in by */
	u32 tos;
	struct rnat_hop *hop;	/* NULL: empty */
};

struct rnat_hop_from {
	__be32 addr;		/* 0: empty */
	u32 ifindex;
	int genid;
	u8 tos;
	u8 filter;		/* how strictly it was checked: rp_filter */
};

struct rnat_hops {
	struct rnat_hop_to to[1 << RNAT_HOP_BITS];
	struct rnat_hop_from from[1 << RNAT_HOP_BITS];
	struct hlist_head dsts[RNAT_HOP_DSTS];
};

struct rnat_hops * __percpu *rnat_hops_new(void);
/* When no packet uses them any more. NULL is nothing. */
void rnat_hops_free(struct rnat_hops * __percpu *hops);

/* Asks the stack, and remembers. */
bool rnat_hop_ask(struct rnat_hops *hops, struct sk_buff *skb,
		  struct in_device *in, __be32 from, __be32 to);

static inline u32 rnat_hop_slot(__be32 addr, u32 ifindex)
{
	return hash_32(ntohl(addr) ^ ifindex << 16, RNAT_HOP_BITS);
}

/* All bits of the field that a route may depend on. */
static inline u8 rnat_hop_tos(const struct sk_buff *skb)
{
	return ip_hdr(skb)->tos & INET_DSCP_MASK;
}

/*
 * Gives the packet the route on which it would be forwarded to @to, if it came from
 * @from; false if it would not be, or not simply: then it has none. Under RCU,
 * bottom halves off, on this CPU's @hops; skb->data at the IPv4 header.
 */
static __always_inline bool rnat_hop_find(struct rnat_hops *hops,
					  struct sk_buff *skb,
					  struct in_device *in,
					  __be32 from, __be32 to)
{
	u32 ifindex = in->dev->ifindex;
	const struct rnat_hop_to *there = &hops->to[rnat_hop_slot(to, ifindex)];
	const struct rnat_hop_from *here =
		&hops->from[rnat_hop_slot(from, ifindex)];
	u8 tos = rnat_hop_tos(skb);

	if (likely(there->addr == to && there->ifindex == ifindex &&
		   there->tos == tos && there->hop &&
		   here->addr == from && here->ifindex == ifindex &&
		   here->tos == tos && here->filter == IN_DEV_RPFILTER(in) &&
		   here->genid == rt_genid_ipv4(dev_net(in->dev)) &&
		   dst_check(there->hop->dst, 0))) {
		skb_dst_set_noref(skb, there->hop->dst);
		return true;
	}
	return rnat_hop_ask(hops, skb, in, from, to);
}

#endif
