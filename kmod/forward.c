// SPDX-License-Identifier: GPL-2.0
/*
 * What this sends was decided in hook.c; here is only how. The packet is routed
 * to the way's next hop, on its device, as ip_forward() would if a route said
 * so, and leaves through the normal output path: neighbours are resolved and
 * fragments are made there. It does not pass POST_ROUTING: a packet that is
 * diverted there has been through it, and what masquerades behind the device
 * must not touch it, for nobody but the other gateway translates it.
 */
#include "forward.h"

#include <linux/icmpv6.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/route.h>

#include "family.h"
#include "inside.h"
#include "net.h"

struct rnat_ways *rnat_forward_new(u32 count)
{
	struct rnat_ways *ways = kvzalloc(struct_size(ways, way, count),
					  GFP_KERNEL_ACCOUNT);

	if (ways)
		ways->count = count;
	return ways;
}

static int cmp_way(const void *a, const void *b)
{
	const struct rnat_way *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int rnat_forward_seal(struct rnat_ways *ways, struct netlink_ext_ack *extack)
{
	struct rnat_way *way = ways->way;
	u32 i;

	sort(way, ways->count, sizeof(*way), cmp_way, NULL);
	for (i = 0; i < ways->count; i++) {
		if (ways->by_number[way[i].number]) {
			NL_SET_ERR_MSG(extack, "Two ways have one number; give each its own");
			return -EINVAL;
		}
		ways->by_number[way[i].number] = i + 1;
		if (!i || way[i - 1].ifindex != way[i].ifindex)
			continue;
		if (way[i - 1].has_zone != way[i].has_zone ||
		    way[i - 1].zone != way[i].zone) {
			NL_SET_ERR_MSG(extack, "Two ways by one device have different zones; what comes in by it must be of one tenant, or of any");
			return -EINVAL;
		}
	}
	return 0;
}

void rnat_forward_set(struct rnat_net *rn, struct rnat_ways *ways)
{
	struct rnat_ways *old;
	u64 ifaces = 0;
	u32 i;

	for (i = 0; ways && i < ways->count; i++)
		ifaces |= BIT_ULL(ways->way[i].ifindex % 64);
	/* Both, while some packets have the old ones and some the new. */
	WRITE_ONCE(rn->way_ifaces, rn->way_ifaces | ifaces);
	old = rcu_replace_pointer(rn->ways, ways, lockdep_is_held(&rn->lock));
	WRITE_ONCE(rn->way_ifaces, ifaces);
	if (old)
		kvfree_rcu(old, rcu);
}

bool rnat_forward_has(const struct rnat_net *rn, u32 number)
{
	const struct rnat_ways *ways;

	ways = rcu_dereference_protected(rn->ways, lockdep_is_held(&rn->lock));
	return ways && number <= ROAMNAT_FORWARD_MAX &&
	       ways->by_number[number];
}

static const struct rnat_way *find(const struct rnat_net *rn, u32 number)
{
	const struct rnat_ways *ways = rcu_dereference(rn->ways);

	if (!ways || number > ROAMNAT_FORWARD_MAX || !ways->by_number[number])
		return NULL;
	return &ways->way[ways->by_number[number] - 1];
}

const struct rnat_way *rnat_forward_from(const struct rnat_net *rn,
					 u32 ifindex)
{
	const struct rnat_ways *ways = rcu_dereference(rn->ways);
	u32 low = 0, high;

	if (likely(!ways))
		return NULL;
	high = ways->count;
	while (low < high) {
		u32 middle = (low + high) / 2;

		if (ways->way[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ways->count && ways->way[low].ifindex == ifindex ?
	       &ways->way[low] : NULL;
}

struct rnat_prefix *rnat_forward_prefix(struct rnat_inside *inside,
					const struct rnat_way *way,
					const struct sk_buff *skb, u8 pf,
					bool *many)
{
	struct rnat_prefix *best = NULL;
	union nf_inet_addr src = { };
	u32 i;

	*many = false;
	if (rnat_family_is_beyond(skb, pf))
		return NULL;
	if (pf == NFPROTO_IPV6)
		src.in6 = ipv6_hdr(skb)->saddr;
	else
		src.ip = ip_hdr(skb)->saddr;
	for (i = 0; i < inside->count; i++) {
		struct rnat_prefix *p = &inside->prefix[i];

		if ((way->has_zone && p->zone != way->zone) ||
		    !rnat_inside_contains(p, pf, &src))
			continue;
		if (best && best->zone != p->zone) {
			*many = true;
			return NULL;
		}
		if (!best || p->len > best->len)
			best = p;
	}
	return best;
}

/* Without a next hop any address will do: the device has one other end. */
static struct dst_entry *route4(struct rnat_net *rn, const struct rnat_way *way,
				const struct sk_buff *skb)
{
	struct flowi4 flow = {
		.flowi4_oif = way->ifindex,
		.flowi4_scope = RT_SCOPE_UNIVERSE,
		.flowi4_flags = FLOWI_FLAG_KNOWN_NH,
		.daddr = way->has_hop ? way->hop : ip_hdr(skb)->daddr,
	};
	struct rtable *rt = ip_route_output_key(rn->net, &flow);

	if (IS_ERR(rt))
		return NULL;
	if (rt->dst.dev->ifindex == way->ifindex)
		return &rt->dst;
	ip_rt_put(rt);
	return NULL;
}

static struct dst_entry *route6(struct rnat_net *rn, const struct rnat_way *way)
{
	struct flowi6 flow = {
		.flowi6_oif = way->ifindex,
		.flowi6_flags = FLOWI_FLAG_KNOWN_NH,
		.daddr = way->hop6,
	};
	struct dst_entry *dst;

	/* fe80::/64 is what each device has a route for. */
	if (!way->has_hop6) {
		flow.daddr.s6_addr32[0] = htonl(0xfe800000);
		flow.daddr.s6_addr32[3] = htonl(1);
	}
	dst = ip6_route_output(rn->net, NULL, &flow);
	if (!dst->error && dst->dev->ifindex == way->ifindex)
		return dst;
	dst_release(dst);
	return NULL;
}

/* As ip_forward() and ip6_pkt_too_big() have it. */
static bool fits(const struct sk_buff *skb, u32 mtu)
{
	return skb->len <= mtu ||
	       (skb_is_gso(skb) && skb_gso_validate_network_len(skb, mtu));
}

static u32 prepare4(struct sk_buff *skb, bool ends_here)
{
	u32 mtu = ip_dst_mtu_maybe_forward(skb_dst(skb), true);
	struct iphdr *iph;

	if (skb_ensure_writable(skb, sizeof(*iph)))
		return ROAMNAT_A_COUNTER_DROP_MEMORY;
	iph = ip_hdr(skb);
	if (ends_here && iph->ttl <= 1) {
		icmp_send(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		return ROAMNAT_A_COUNTER_DROP_FORWARD_TTL;
	}
	if ((iph->frag_off & htons(IP_DF)) && !fits(skb, mtu)) {
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
		return ROAMNAT_A_COUNTER_DROP_FORWARD_TOO_BIG;
	}
	if (ends_here)
		ip_decrease_ttl(iph);
	IPCB(skb)->flags |= IPSKB_FORWARDED | IPSKB_REROUTED;
	return 0;
}

static u32 prepare6(struct sk_buff *skb, bool ends_here)
{
	u32 mtu = ip6_dst_mtu_maybe_forward(skb_dst(skb), true);
	struct ipv6hdr *iph;

	if (skb_ensure_writable(skb, sizeof(*iph)))
		return ROAMNAT_A_COUNTER_DROP_MEMORY;
	iph = ipv6_hdr(skb);
	if (ends_here && iph->hop_limit <= 1) {
		icmpv6_send(skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
		return ROAMNAT_A_COUNTER_DROP_FORWARD_TTL;
	}
	if (!fits(skb, mtu)) {
		icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
		return ROAMNAT_A_COUNTER_DROP_FORWARD_TOO_BIG;
	}
	if (ends_here)
		iph->hop_limit--;
	IP6CB(skb)->flags |= IP6SKB_FORWARDED | IP6SKB_REROUTED;
	return 0;
}

u32 rnat_forward_send(struct rnat_net *rn, struct sk_buff *skb, u8 pf,
		      unsigned int hook, u32 number)
{
	const struct rnat_way *way = find(rn, number);
	bool inbound = hook == NF_INET_PRE_ROUTING;
	struct dst_entry *dst = NULL;
	u32 reason = ROAMNAT_A_COUNTER_DROP_FORWARD_NO_WAY;

	if (way)
		dst = pf == NFPROTO_IPV6 ? route6(rn, way) :
					   route4(rn, way, skb);
	if (dst) {
		skb_dst_drop(skb);
		skb_dst_set(skb, dst);
		reason = pf == NFPROTO_IPV6 ? prepare6(skb, inbound) :
					      prepare4(skb, inbound);
	}
	if (reason) {
		kfree_skb_reason(skb, SKB_DROP_REASON_NETFILTER_DROP);
		return reason;
	}
	/* The other gateway's conntrack sees it; here it goes no further. */
	nf_reset_ct(skb);
	skb_forward_csum(skb);
	skb_clear_tstamp(skb);
	dst_output(rn->net, NULL, skb);
	return inbound ? ROAMNAT_A_COUNTER_FORWARDED_IN :
			 ROAMNAT_A_COUNTER_FORWARDED_OUT;
}
