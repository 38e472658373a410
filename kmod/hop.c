// SPDX-License-Identifier: GPL-2.0
#include "hop.h"

#include <linux/mm.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip_fib.h>

static struct hlist_head *dsts_of(struct rnat_hops *hops,
				  const struct dst_entry *dst)
{
	return &hops->dsts[hash_ptr(dst, ilog2(RNAT_HOP_DSTS))];
}

/* One reference to a route, however many destinations it has: many packets in a row
 * that are not remembered would else write to the count that all CPUs share.
 */
static struct rnat_hop *get(struct rnat_hops *hops, struct dst_entry *dst)
{
	struct hlist_head *head = dsts_of(hops, dst);
	struct rnat_hop *hop;

	hlist_for_each_entry(hop, head, node) {
		if (hop->dst == dst) {
			hop->users++;
			return hop;
		}
	}
	hop = kmalloc(sizeof(*hop), GFP_ATOMIC | __GFP_NOWARN);
	if (!hop)
		return NULL;
	if (!dst_hold_safe(dst)) {
		kfree(hop);
		return NULL;
	}
	hop->dst = dst;
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

static void remember(struct rnat_hops *hops, struct sk_buff *skb,
		     struct in_device *in, __be32 from, __be32 to, int genid)
{
	u32 ifindex = in->dev->ifindex;
	struct rnat_hop_to *there = &hops->to[rnat_hop_slot(to, ifindex)];
	struct rnat_hop_from *here = &hops->from[rnat_hop_slot(from, ifindex)];
	struct rnat_hop *hop = get(hops, skb_dst(skb));

	if (!hop)
		return;
	put(there->hop);
	*there = (struct rnat_hop_to) {
		.addr = to,
		.ifindex = ifindex,
		.tos = rnat_hop_tos(skb),
		.hop = hop,
	};
	*here = (struct rnat_hop_from) {
		.addr = from,
		.ifindex = ifindex,
		.genid = genid,
		.tos = rnat_hop_tos(skb),
		.filter = IN_DEV_RPFILTER(in),
	};
}

bool rnat_hop_ask(struct rnat_hops *hops, struct sk_buff *skb,
		  struct in_device *in, __be32 from, __be32 to)
{
	struct net *net = dev_net(in->dev);
	int genid = rt_genid_ipv4(net);
	const struct rtable *rt;

	/* The stack clears it when the packet gets there. */
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	IPCB(skb)->iif = skb->skb_iif;
	smp_rmb();
	if (ip_route_input_noref(skb, to, from, ip_hdr(skb)->tos, in->dev))
		return false;
	rt = skb_rtable(skb);
	if (rt->rt_type != RTN_UNICAST || !rt->rt_is_input || rt->dst.error ||
	    rt->dst.lwtstate || IPCB(skb)->flags & IPSKB_DOREDIRECT) {
		skb_dst_drop(skb);
		return false;
	}
	/* With what was known before a change, a route of after it may have come. */
	smp_rmb();
	if (is_simple(net, skb) && genid == rt_genid_ipv4(net))
		remember(hops, skb, in, from, to, genid);
	return true;
}

static void forget(struct rnat_hops *hops)
{
	u32 i;

	if (!hops)
		return;
	for (i = 0; i < ARRAY_SIZE(hops->to); i++)
		put(hops->to[i].hop);
	kvfree(hops);
}

struct rnat_hops * __percpu *rnat_hops_new(void)
{
	struct rnat_hops * __percpu *hops = alloc_percpu(struct rnat_hops *);
	struct rnat_hops *mine;
	int cpu;

	if (!hops)
		return NULL;
	for_each_possible_cpu(cpu) {
		mine = kvzalloc_node(sizeof(*mine), GFP_KERNEL_ACCOUNT,
				     cpu_to_node(cpu));
		if (!mine) {
			rnat_hops_free(hops);
			return NULL;
		}
		*per_cpu_ptr(hops, cpu) = mine;
	}
	return hops;
}

void rnat_hops_free(struct rnat_hops * __percpu *hops)
{
	int cpu;

	if (!hops)
		return;
	for_each_possible_cpu(cpu)
		forget(*per_cpu_ptr(hops, cpu));
	free_percpu(hops);
}
