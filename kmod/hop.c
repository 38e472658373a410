// SPDX-License-Identifier: GPL-2.0
#include "hop.h"

#include <linux/mm.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ip_fib.h>
#include <net/nexthop.h>

static struct hlist_head *dsts_of(struct rnat_hops *hops,
				  const struct dst_entry *dst)
{
	return &hops->dsts[hash_ptr(dst, ilog2(RNAT_HOP_DSTS))];
}

/* One reference to a route, however many destinations it has: many packets in a row
 * that are not remembered would else write to the count that all CPUs share.
 */
static struct rnat_hop *get(struct rnat_hops *hops, const struct rnat_hop *once)
{
	struct hlist_head *head = dsts_of(hops, once->dst);
	struct rnat_hop *hop;

	hlist_for_each_entry(hop, head, node) {
		if (hop->dst == once->dst) {
			hop->users++;
			return hop;
		}
	}
	hop = kmalloc(sizeof(*hop), GFP_ATOMIC | __GFP_NOWARN);
	if (!hop)
		return NULL;
	*hop = *once;
	if (!dst_hold_safe(hop->dst)) {
		kfree(hop);
		return NULL;
	}
	hop->users = 1;
	hlist_add_head(&hop->node, head);
	return hop;
}

static void put(struct rnat_hop *hop)
{
	if (!hop || --hop->users)
		return;
	hlist_del(&hop->node);
	dst_release(hop->dst);
	kfree(hop);
}

/* Does the way depend on the addresses and the field only, and on one at a time? */
static bool is_simple(const struct net *net, const struct sk_buff *skb)
{
	return !fib4_has_custom_rules(net) &&
	       !fib_num_tclassid_users((struct net *)net) &&
	       !(IPCB(skb)->flags & IPSKB_MULTIPATH);
}

static void remember(struct rnat_hops *hops, struct in_device *in, __be32 from,
		     __be32 to, u64 tag)
{
	u64 key = rnat_hop_key(to, in), back = rnat_hop_key(from, in);
	struct rnat_hop_to *there = &hops->to[rnat_hop_slot(key)];
	struct rnat_hop *hop = get(hops, &hops->once);

	if (!hop)
		return;
	put(there->hop);
	*there = (struct rnat_hop_to) { key, tag, hop };
	hops->from[rnat_hop_slot(back)] = (struct rnat_hop_from) { back, tag };
}

/* Is that all that it takes to send by it? */
static bool is_usable(const struct rtable *rt, const struct sk_buff *skb,
		      const struct in_device *in)
{
	const struct net_device *out = rt->dst.dev;

	if (rt->rt_type != RTN_UNICAST || !rt->rt_is_input || rt->dst.error ||
	    rt->dst.lwtstate || rt->rt_gw_family == AF_INET6)
		return false;
	/* Back by where it came: a redirect may be due. */
	return out != in->dev && !(IPCB(skb)->flags & IPSKB_DOREDIRECT) &&
	       !netif_is_l3_master(out) && !netif_is_l3_slave(out);
}

static void describe(struct rnat_hop *hop, struct rtable *rt)
{
	struct net_device *out = rt->dst.dev;

	hop->dst = &rt->dst;
	hop->dev = out;
	hop->gateway = rt->rt_gw_family ? rt->rt_gw4 : 0;
	hop->room = LL_RESERVED_SPACE(out) + rt->dst.header_len;
	/* Else it changes with time. A new one of the device ends the route. */
	hop->mtu = ip_mtu_locked(&rt->dst) ?
		   0 : ip_dst_mtu_maybe_forward(&rt->dst, true);
}

const struct rnat_hop *rnat_hop_ask(struct rnat_hops *hops, struct sk_buff *skb,
				    struct in_device *in, __be32 from,
				    __be32 to)
{
	struct net *net = dev_net(in->dev);
	int genid = rt_genid_ipv4(net);
	u64 tag = rnat_hop_tag(genid, skb, in);

	/* The stack clears it when the packet gets there. */
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	IPCB(skb)->iif = skb->skb_iif;
	/* The generation is older than the route, whatever comes between. */
	smp_rmb();
	if (ip_route_input_noref(skb, to, from, ip_hdr(skb)->tos, in->dev) ||
	    !is_usable(skb_rtable(skb), skb, in))
		return NULL;
	describe(&hops->once, skb_rtable(skb));
	/* With what was known before a change, a route of after it may have come. */
	smp_rmb();
	if (is_simple(net, skb) && genid == rt_genid_ipv4(net))
		remember(hops, in, from, to, tag);
	return &hops->once;
}

/* Is there another route to the same prefix that the choice is between? */
static bool has_rival6(const struct fib6_info *from)
{
	const struct fib6_node *node = rcu_dereference(from->fib6_node);
	const struct fib6_info *other;

	if (!node)
		return true;
	for (other = rcu_dereference(node->leaf); other;
	     other = rcu_dereference(other->fib6_next))
		if (other != from && other->fib6_metric == from->fib6_metric)
			return true;
	return false;
}

/* Is it forwarded by that, simply; and does the way depend on its destination and on
 * where it came in only, until a route changes?
 */
static bool is_usable6(const struct rt6_info *rt, const struct sk_buff *skb)
{
	const struct fib6_info *from = rcu_dereference(rt->from);
	const struct net_device *out = rt->dst.dev;
	u32 flags;

	if (rt->dst.error || rt->dst.lwtstate || !from ||
	    READ_ONCE(rt->dst.obsolete) != DST_OBSOLETE_FORCE_CHK)
		return false;
	flags = rt->rt6i_flags | from->fib6_flags;
	if (flags & (RTF_REJECT | RTF_LOCAL | RTF_ANYCAST | RTF_EXPIRES) ||
	    from->fib6_type != RTN_UNICAST)
		return false;
	if (from->nh ? nexthop_is_multipath(from->nh) :
		       READ_ONCE(from->fib6_nsiblings) || has_rival6(from))
		return false;
	/* Back by where it came: a redirect is due. */
	return out != skb->dev && netif_carrier_ok(out) &&
	       !netif_is_l3_master(out) && !netif_is_l3_slave(out);
}

static void remember6(struct rnat_hops *hops, const struct sk_buff *skb,
		      const struct in6_addr *to, int genid)
{
	struct rnat_hop_to6 *there = rnat_hop_of6(hops, to, skb->dev->ifindex);
	struct rnat_hop *hop = get(hops, &hops->once);

	if (!hop)
		return;
	put(there->hop);
	*there = (struct rnat_hop_to6) {
		*to, skb->dev->ifindex, genid, hop
	};
}

/* As ip6_route_input() asks for it. */
const struct rnat_hop *rnat_hop_ask6(struct rnat_hops *hops,
				     struct sk_buff *skb,
				     const struct in6_addr *from,
				     const struct in6_addr *to)
{
	int flags = RT6_LOOKUP_F_HAS_SADDR | RT6_LOOKUP_F_DST_NOREF;
	struct net *net = dev_net(skb->dev);
	int genid = rt_genid_ipv6(net);
	struct flowi6 fl6 = {
		.flowi6_iif = skb->dev->ifindex,
		.daddr = *to,
		.saddr = *from,
		.flowlabel = ip6_flowinfo(ipv6_hdr(skb)),
		.flowi6_mark = skb->mark,
		.flowi6_proto = ipv6_hdr(skb)->nexthdr,
	};
	struct dst_entry *dst;
	struct rt6_info *rt;

	if (fib6_has_custom_rules(net) || fib6_routes_require_src(net))
		return NULL;
	/* The generation is older than the route, whatever comes between. */
	smp_rmb();
	dst = ip6_route_input_lookup(net, skb->dev, &fl6, skb, flags);
	rt = container_of(dst, struct rt6_info, dst);
	if (!is_usable6(rt, skb))
		return NULL;
	hops->once = (struct rnat_hop) {
		.dst = dst,
		.dev = dst->dev,
		.room = LL_RESERVED_SPACE(dst->dev) + dst->header_len,
	};
	/* With what was known before a change, a route of after it may have come. */
	smp_rmb();
	if (genid == rt_genid_ipv6(net))
		remember6(hops, skb, to, genid);
	return &hops->once;
}

static void forget(struct rnat_hops *hops)
{
	u32 i;

	if (!hops)
		return;
	for (i = 0; i < ARRAY_SIZE(hops->to); i++)
		put(hops->to[i].hop);
	for (i = 0; i < ARRAY_SIZE(hops->to6); i++)
		put(hops->to6[i].hop);
	kvfree(hops);
}

struct rnat_hops_cpu __percpu *rnat_hops_new(void)
{
	struct rnat_hops_cpu __percpu *cpus = alloc_percpu(struct rnat_hops_cpu);
	struct rnat_hops *mine;
	int cpu;

	if (!cpus)
		return NULL;
	for_each_possible_cpu(cpu) {
		mine = kvzalloc_node(sizeof(*mine), GFP_KERNEL_ACCOUNT,
				     cpu_to_node(cpu));
		if (!mine) {
			rnat_hops_free(cpus);
			return NULL;
		}
		per_cpu_ptr(cpus, cpu)->hops = mine;
	}
	return cpus;
}

void rnat_hops_free(struct rnat_hops_cpu __percpu *cpus)
{
	int cpu;

	if (!cpus)
		return;
	for_each_possible_cpu(cpu)
		forget(per_cpu_ptr(cpus, cpu)->hops);
	free_percpu(cpus);
}
