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

static void forget(struct rnat_hops *hops)
{
	u32 i;

	if (!hops)
		return;
	for (i = 0; i < ARRAY_SIZE(hops->to); i++)
		put(hops->to[i].hop);
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
