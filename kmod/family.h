/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What IPv4 and IPv6 do differently on the way of a packet, so that hook.c is
 * about neither. @pf is that of the hook, NFPROTO_IPV4 or NFPROTO_IPV6.
 */
#ifndef _RNAT_FAMILY_H
#define _RNAT_FAMILY_H

#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "inside.h"
#include "tuple.h"

/*
 * In the flags of IPCB(skb) and IP6CB(skb) from PRE_ROUTING to POST_ROUTING:
 * the destination was translated, so a packet between two inside interfaces is
 * a hairpin and its source must be translated too (RFC 4787 REQ-9). The block
 * is cleared in ip_rcv_core() and ip6_rcv_core(), before our first hook, stays
 * with the packet on its way through ip_forward() and ip6_forward(), which only
 * set bits of their own, and is not looked at after ip_output() and
 * ip6_output(). The kernel's bits end at 9 and at 10.
 */
#define RNAT_CB_HAIRPIN	BIT(15)

static inline bool rnat_family_is_6(u8 pf)
{
	return unlikely(pf == NFPROTO_IPV6);
}

static inline void rnat_family_set_hairpin(struct sk_buff *skb, u8 pf)
{
	if (rnat_family_is_6(pf))
		IP6CB(skb)->flags |= RNAT_CB_HAIRPIN;
	else
		IPCB(skb)->flags |= RNAT_CB_HAIRPIN;
}

static inline bool rnat_family_is_hairpin(const struct sk_buff *skb, u8 pf)
{
	if (rnat_family_is_6(pf))
		return IP6CB(skb)->flags & RNAT_CB_HAIRPIN;
	return IPCB(skb)->flags & RNAT_CB_HAIRPIN;
}

/*
 * In a VRF a packet passes PRE_ROUTING once with its own interface and once
 * more with the VRF, which is all that POST_ROUTING knows. The block has kept
 * where it came from.
 */
static inline bool rnat_family_is_second_round(const struct sk_buff *skb, u8 pf,
					       const struct net_device *in)
{
	if (likely(!netif_is_l3_master(in)))
		return false;
	return rnat_family_is_6(pf) ? IP6CB(skb)->flags & IP6SKB_L3SLAVE :
				      IPCB(skb)->flags & IPSKB_L3SLAVE;
}

/* The index of the interface that it came in by, and not of its VRF. */
static inline u32 rnat_family_iif(const struct sk_buff *skb, u8 pf,
				  const struct net_device *in)
{
	if (likely(!rnat_family_is_second_round(skb, pf, in)))
		return in->ifindex;
	return rnat_family_is_6(pf) ? IP6CB(skb)->iif : IPCB(skb)->iif;
}

static inline int rnat_family_parse(const struct sk_buff *skb, u8 pf,
				    struct rnat_tuple *t)
{
	if (rnat_family_is_6(pf))
		return rnat_tuple_parse6(skb, skb_network_offset(skb), t);
	return rnat_tuple_parse(skb, skb_network_offset(skb), t);
}

/* An address that means something on its link only, or is not one host's. */
static inline bool rnat_family_is_local(const struct in6_addr *addr)
{
	int type = ipv6_addr_type(addr);

	return !(type & IPV6_ADDR_UNICAST) ||
	       (type & (IPV6_ADDR_LINKLOCAL | IPV6_ADDR_LOOPBACK));
}

/* IPv6: one of its ends is no address that a mapping could have. */
static inline bool rnat_family_is_beyond(const struct sk_buff *skb, u8 pf)
{
	return rnat_family_is_6(pf) &&
	       (rnat_family_is_local(&ipv6_hdr(skb)->saddr) ||
		rnat_family_is_local(&ipv6_hdr(skb)->daddr));
}

/* The inside prefix of the interface that has the packet's source. */
static inline struct rnat_prefix *
rnat_family_lookup_src(struct rnat_inside *inside, const struct sk_buff *skb,
		       u8 pf, u32 ifindex)
{
	if (!rnat_family_is_6(pf))
		return rnat_inside_lookup(inside, ifindex, ip_hdr(skb)->saddr);
	if (rnat_family_is_beyond(skb, pf))
		return NULL;
	return rnat_inside_lookup6(inside, ifindex, &ipv6_hdr(skb)->saddr);
}

static inline struct rnat_prefix *
rnat_family_lookup_dst(struct rnat_inside *inside, const struct sk_buff *skb,
		       u8 pf, u32 ifindex)
{
	if (!rnat_family_is_6(pf))
		return rnat_inside_lookup(inside, ifindex, ip_hdr(skb)->daddr);
	return rnat_inside_lookup6(inside, ifindex, &ipv6_hdr(skb)->daddr);
}

/* Of a packet whose source is in @prefix. */
static inline bool rnat_family_is_excluded(const struct rnat_inside *inside,
					   const struct rnat_prefix *prefix,
					   const struct sk_buff *skb)
{
	union nf_inet_addr dst;

	if (likely(!inside->n_exclude))
		return false;
	if (rnat_family_is_6(prefix->family))
		dst.in6 = ipv6_hdr(skb)->daddr;
	else
		dst.ip = ip_hdr(skb)->daddr;
	return rnat_exclude_match(inside, prefix, &dst);
}

/* The key of an address mapping whose public side is the destination. */
static inline void rnat_family_dst_key(const struct sk_buff *skb, u8 pf,
				       struct rnat_key *key)
{
	memset(key, 0, sizeof(*key));
	key->family = pf;
	if (rnat_family_is_6(pf))
		key->addr.in6 = ipv6_hdr(skb)->daddr;
	else
		key->addr.ip = ip_hdr(skb)->daddr;
}

/* A packet of one link, that nobody may translate. */
static inline bool rnat_family_is_on_link(const struct rnat_tuple *t)
{
	return rnat_family_is_6(t->family) &&
	       (t->on_link || rnat_family_is_local(&t->src.in6));
}

/* Is it worth looking whether it is an ICMP error? */
static inline bool rnat_family_is_icmp(const struct sk_buff *skb, u8 pf)
{
	if (rnat_family_is_6(pf))
		return ipv6_hdr(skb)->nexthdr == IPPROTO_ICMPV6;
	return ip_hdr(skb)->protocol == IPPROTO_ICMP;
}

/* Sent to this machine itself, or meant for one link only. Under RCU. */
bool rnat_family_is_ours(struct net *net, const struct sk_buff *skb, u8 pf);

/* A new route for a packet of this machine whose destination has changed. 0, or
 * -errno. May reallocate the header.
 */
int rnat_family_reroute(const struct nf_hook_state *state, struct sk_buff *skb);

/* All hooks where the packet was held. Under RCU. */
const struct nf_hook_entries *
rnat_family_hooks(const struct nf_hook_state *state);

#endif
