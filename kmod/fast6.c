// SPDX-License-Identifier: GPL-2.0
#include "fast6.h"

#include <net/addrconf.h>
#include <net/ip6_route.h>
#include <net/ndisc.h>

#include "hop.h"
#include "leave.h"
#include "net.h"
#include "quick6.h"

#define HEADERS		(sizeof(struct ipv6hdr) + sizeof(struct tcphdr))

static noinline bool pull(struct sk_buff *skb)
{
	return skb->len >= sizeof(struct ipv6hdr) &&
	       pskb_may_pull(skb, min_t(unsigned int, skb->len, HEADERS));
}

/* As ip6_rcv() and ip6_forward() check it; read_ip6() of quick6.h sees to the rest. */
static __always_inline bool is_sound(struct sk_buff *skb)
{
	const struct ipv6hdr *ip;
	unsigned int len;

	if (unlikely(skb_headlen(skb) < HEADERS) && !pull(skb))
		return false;
	ip = ipv6_hdr(skb);
	if (unlikely(ip->version != 6 || ip->hop_limit <= 1))
		return false;
	len = ntohs(ip->payload_len);
	/* One above 64 KB, or of a jumbo option, does not say how long it is. */
	return len && rnat_leave_trim(skb, sizeof(*ip) + len);
}

/* Is it forwarded here, and by nobody who answers for neighbours? */
static __always_inline bool is_router(const struct net *net)
{
	const struct ipv6_devconf *all = net->ipv6.devconf_all;

	return READ_ONCE(all->forwarding) && !READ_ONCE(all->proxy_ndp);
}

static __always_inline const struct inet6_dev *
enabled(const struct net_device *dev)
{
	const struct inet6_dev *idev = __in6_dev_get(dev);

	return idev && !READ_ONCE(idev->cnf.disable_ipv6) ? idev : NULL;
}

/* The device's, which ip6_forward() asks for, or the route's, which ip6_output() does. */
static __always_inline unsigned int mtu_of(const struct rnat_hop *hop,
					   const struct inet6_dev *out)
{
	u32 mtu = READ_ONCE(out->cnf.mtu6);
	u32 route = dst_metric_raw(hop->dst, RTAX_MTU);

	return unlikely(route) ? min(mtu, route) : mtu;
}

/* What may be asked of it last; true: it has been sent. */
static __always_inline bool go(struct rnat_net *rn, struct rnat_inside *inside,
			       struct rnat_hops *hops, struct sk_buff *skb,
			       const struct rnat_quick *quick, bool outbound)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	const struct in6_addr *to = outbound ? &ip->daddr :
					       &quick->map->priv.addr.in6;
	const struct inet6_dev *out;
	const struct rnat_hop *hop;
	struct neighbour *neigh;

	hop = rnat_hop_find6(hops, skb, &ip->saddr, to);
	if (unlikely(!hop))
		return false;
	if (outbound && rnat_inside_may_be(inside, hop->dev->ifindex))
		return false;
	out = enabled(hop->dev);
	if (unlikely(!out))
		return false;
	skb_set_transport_header(skb, sizeof(*ip));
	if (unlikely(rnat_leave_is_too_long(skb, mtu_of(hop, out))))
		return false;
	neigh = __ipv6_neigh_lookup_noref(hop->dev,
					  rt6_nexthop(rnat_hop_rt6(hop), to));
	if (unlikely(!neigh) || !rnat_leave_own(skb, hop->room))
		return false;

	skb_orphan(skb);
	skb_forward_csum(skb);
	rnat_quick6_write(rn, skb, quick, outbound);
	rnat_stats_inc(rn, outbound ? ROAMNAT_A_COUNTER_OUT_TRANSLATED :
				      ROAMNAT_A_COUNTER_IN_TRANSLATED);
	rnat_stats_inc(rn, RNAT_STAT_FAST);
	ipv6_hdr(skb)->hop_limit--;
	rnat_leave_by(skb, neigh, hop);
	return true;
}

bool rnat_fast6_send(struct rnat_net *rn, struct rnat_inside *inside,
		     struct rnat_hops *hops, struct sk_buff *skb)
{
	const struct rnat_prefix *prefix;
	const struct ipv6hdr *ip;
	struct rnat_quick quick RNAT_UNSET;

	if (unlikely(!is_router(rn->net) || !enabled(skb->dev) ||
		     !is_sound(skb)))
		return false;
	ip = ipv6_hdr(skb);
	if (!is_global(&ip->saddr) || !is_global(&ip->daddr))
		return false;
	prefix = rnat_inside_lookup6(inside, skb->dev->ifindex, &ip->saddr);
	if (rnat_table_may_be_public6(&rn->table, &ip->daddr))
		return !prefix &&
		       rnat_quick6_find_in(rn, inside, skb, &quick) &&
		       go(rn, inside, hops, skb, &quick, false);
	return prefix && !inside->n_exclude &&
	       rnat_quick6_find_out(rn, prefix, skb, &quick, false) &&
	       go(rn, inside, hops, skb, &quick, true);
}
