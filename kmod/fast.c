// SPDX-License-Identifier: GPL-2.0
/*
 * At netdev ingress, a packet has passed taps and tc, but nothing of IP. So this is
 * what ip_rcv(), ip_forward() and ip_output() ask of a packet, for the packets of
 * quick.h; where they would do more than forward it, it is left to them. For IPv6, see
 * fast6.h.
 */
#include "fast.h"

#include <linux/if_vlan.h>
#include <linux/inetdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/arp.h>
#include <net/neighbour.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "fast6.h"
#include "forward.h"
#include "hop.h"
#include "leave.h"
#include "net.h"
#include "quick.h"

/* After the chains that administrators have there, which are at 0 mostly. */
#define RNAT_FAST_PRIORITY	100

struct rnat_fast_dev {
	struct list_head list;
	struct nf_hook_ops ops;
	bool wanted;		/* of the set that is being made */
};

/* What the interfaces of one namespace share; there while there is one. */
struct rnat_fast {
	struct rnat_net *rn;
	struct rnat_hops_cpu __percpu *hops;
	struct list_head devs;	/* under the mutex */
};

/* Nothing of IPsec is configured, nor has this packet anything of it. */
static __always_inline bool is_clear(const struct net *net,
				     const struct sk_buff *skb)
{
#ifdef CONFIG_XFRM
	const unsigned int *count = net->xfrm.policy_count;
	const u8 *standard = net->xfrm.policy_default;

	return !READ_ONCE(count[XFRM_POLICY_FWD]) &&
	       !READ_ONCE(count[XFRM_POLICY_OUT]) &&
	       READ_ONCE(standard[XFRM_POLICY_FWD]) == XFRM_USERPOLICY_ACCEPT &&
	       READ_ONCE(standard[XFRM_POLICY_OUT]) == XFRM_USERPOLICY_ACCEPT &&
	       !secpath_exists(skb);
#else
	return true;
#endif
}

/* Is it one that the stack would take from this interface, and nobody but it? */
static __always_inline bool is_for_ip(struct sk_buff *skb)
{
	const struct net_device *dev = skb->dev;

	if (skb->pkt_type != PACKET_HOST || skb_vlan_tag_present(skb))
		return false;
	/* A bridge's, a bond's or a macvlan's. */
	if (rcu_access_pointer(dev->rx_handler) || !is_plain(dev))
		return false;
	/* Somebody before us has decided something about it. */
	if (skb->_skb_refdst || skb->_nfct)
		return false;
	/* It may still be its sender's, from another namespace; as for the stack, not
	 * if it has been given a socket.
	 */
	if (skb->sk && skb_sk_is_prefetched(skb))
		return false;
#ifdef CONFIG_NET_SWITCHDEV
	if (skb->offload_l3_fwd_mark)
		return false;
#endif
	/* LRO: it cannot be sent as it is. */
	return !skb_is_gso(skb) || skb_shinfo(skb)->gso_type;
}

#define HEADERS		(sizeof(struct iphdr) + sizeof(struct tcphdr))

static noinline bool pull(struct sk_buff *skb)
{
	return skb->len >= sizeof(struct iphdr) &&
	       pskb_may_pull(skb, min_t(unsigned int, skb->len, HEADERS));
}

/* As ip_rcv() and ip_forward() check it; read_ip() of quick.h sees to the rest. */
static __always_inline bool is_sound(struct sk_buff *skb)
{
	const struct iphdr *ip;
	unsigned int len;

	if (unlikely(skb_headlen(skb) < HEADERS) && !pull(skb))
		return false;
	ip = ip_hdr(skb);
	if (unlikely(*(const u8 *)ip != 0x45 || ip->ttl <= 1 ||
		     ip_fast_csum(ip, 5)))
		return false;
	len = ntohs(ip->tot_len);
	if (unlikely(len < sizeof(*ip)))
		return false;
	return rnat_leave_trim(skb, len);
}

/* Martians, which are not looked up with every packet. */
static __always_inline bool is_odd(__be32 addr)
{
	return ipv4_is_multicast(addr) || ipv4_is_lbcast(addr) ||
	       ipv4_is_loopback(addr) || ipv4_is_zeronet(addr);
}

/* What may be asked of it last; true: it has been sent. */
static __always_inline bool go(struct rnat_net *rn, struct rnat_inside *inside,
			       struct rnat_hops *hops, struct sk_buff *skb,
			       struct in_device *in,
			       const struct rnat_quick *quick, bool outbound)
{
	__be32 from = ip_hdr(skb)->saddr;
	__be32 to = outbound ? ip_hdr(skb)->daddr : quick->map->priv.addr.ip;
	const struct rnat_hop *hop;
	struct neighbour *neigh;

	if (unlikely(is_odd(from)))
		return false;
	hop = rnat_hop_find(hops, skb, in, from, to);
	if (unlikely(!hop))
		return false;
	if (outbound && rnat_inside_may_be(inside, hop->dev->ifindex))
		return false;
	skb_set_transport_header(skb, sizeof(struct iphdr));
	if (unlikely(skb->len > hop->mtu ||
		     READ_ONCE(rn->net->ipv4.sysctl_ip_fwd_use_pmtu)) &&
	    rnat_leave_is_too_long(skb, ip_dst_mtu_maybe_forward(hop->dst, true)))
		return false;
	neigh = ip_neigh_gw4(hop->dev, hop->gateway ?: to);
	if (IS_ERR(neigh) || !rnat_leave_own(skb, hop->room))
		return false;

	skb_orphan(skb);
	skb_forward_csum(skb);
	rnat_quick_write(rn, skb, quick, outbound);
	rnat_stats_inc(rn, outbound ? ROAMNAT_A_COUNTER_OUT_TRANSLATED :
				      ROAMNAT_A_COUNTER_IN_TRANSLATED);
	rnat_stats_inc(rn, RNAT_STAT_FAST);
	ip_decrease_ttl(ip_hdr(skb));
	if (READ_ONCE(rn->net->ipv4.sysctl_ip_fwd_update_priority))
		skb->priority = rt_tos2priority(ip_hdr(skb)->tos);
	rnat_leave_by(skb, neigh, hop);
	return true;
}

/* Has it a mapping that translates it now, and does all else go well? */
static __always_inline bool is_sent(struct rnat_net *rn,
				    struct rnat_inside *inside,
				    struct rnat_hops *hops, struct sk_buff *skb)
{
	struct in_device *in = __in_dev_get_rcu(skb->dev);
	const struct rnat_prefix *prefix;
	const struct iphdr *ip;
	struct rnat_quick quick RNAT_UNSET;

	if (unlikely(!in || !is_sound(skb)))
		return false;
	ip = ip_hdr(skb);
	prefix = rnat_inside_lookup(inside, skb->dev->ifindex, ip->saddr);
	if (rnat_table_may_be_public(&rn->table, ip->daddr))
		return !prefix && rnat_quick_find_in(rn, inside, skb, &quick) &&
		       go(rn, inside, hops, skb, in, &quick, false);
	return prefix && !inside->n_exclude &&
	       rnat_quick_find_out(rn, prefix, skb, &quick, false) &&
	       go(rn, inside, hops, skb, in, &quick, true);
}

static unsigned int ingress(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct rnat_fast *fast = priv;
	struct rnat_net *rn = fast->rn;
	struct rnat_inside *inside = rcu_dereference(rn->inside);
	struct rnat_hops *hops = this_cpu_ptr(fast->hops)->hops;

	if (unlikely(!inside || !is_for_ip(skb) || !is_clear(rn->net, skb)))
		return NF_ACCEPT;
	if (unlikely(rnat_forward_may_be_from(rn, skb->dev->ifindex)) &&
	    rnat_forward_from(rn, skb->dev->ifindex))
		return NF_ACCEPT;
	if (likely(skb->protocol == htons(ETH_P_IP))) {
		if (likely(is_sent(rn, inside, hops, skb)))
			return NF_STOLEN;
		/* A route that was found would be taken for its own. */
		skb_dst_drop(skb);
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		if (rnat_fast6_send(rn, inside, hops, skb))
			return NF_STOLEN;
	}
	return NF_ACCEPT;
}

static struct rnat_fast_dev *dev_of(const struct rnat_fast *fast,
				    const struct net_device *dev)
{
	struct rnat_fast_dev *d;

	list_for_each_entry(d, &fast->devs, list)
		if (d->ops.dev == dev)
			return d;
	return NULL;
}

static int add(struct rnat_fast *fast, u32 ifindex,
	       struct netlink_ext_ack *extack)
{
	struct net *net = fast->rn->net;
	struct net_device *dev;
	struct rnat_fast_dev *d;
	int err;

	ASSERT_RTNL();
	dev = __dev_get_by_index(net, ifindex);
	if (!dev) {
		NL_SET_ERR_MSG(extack, "There is no interface of this index; see ip link");
		return -ENODEV;
	}
	d = dev_of(fast, dev);
	if (d) {
		d->wanted = true;
		return 0;
	}
	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return -ENOMEM;
	d->wanted = true;
	d->ops = (struct nf_hook_ops) {
		.hook = ingress,
		.pf = NFPROTO_NETDEV,
		.hooknum = NF_NETDEV_INGRESS,
		.priority = RNAT_FAST_PRIORITY,
		.dev = dev,
		.priv = fast,
	};
	err = nf_register_net_hook(net, &d->ops);
	if (err) {
		NL_SET_ERR_MSG(extack, "The ingress hook of an interface could not be registered");
		kfree(d);
		return err;
	}
	list_add_tail(&d->list, &fast->devs);
	return 0;
}

/* Those that are not wanted; waits until no packet is there. */
static void clean(struct rnat_fast *fast)
{
	struct rnat_fast_dev *d, *next;
	LIST_HEAD(gone);

	list_for_each_entry_safe(d, next, &fast->devs, list) {
		if (d->wanted)
			continue;
		nf_unregister_net_hook(fast->rn->net, &d->ops);
		list_move(&d->list, &gone);
	}
	if (list_empty(&gone))
		return;
	synchronize_net();
	list_for_each_entry_safe(d, next, &gone, list)
		kfree(d);
}

static struct rnat_fast *fast_new(struct rnat_net *rn)
{
	struct rnat_fast *fast = kzalloc(sizeof(*fast), GFP_KERNEL_ACCOUNT);

	if (!fast)
		return NULL;
	fast->hops = rnat_hops_new();
	if (!fast->hops) {
		kfree(fast);
		return NULL;
	}
	fast->rn = rn;
	INIT_LIST_HEAD(&fast->devs);
	return fast;
}

static void free_if_empty(struct rnat_net *rn)
{
	if (!list_empty(&rn->fast->devs))
		return;
	rnat_hops_free(rn->fast->hops);
	kfree(rn->fast);
	rn->fast = NULL;
}

static void want(struct rnat_fast *fast, bool wanted)
{
	struct rnat_fast_dev *d;

	list_for_each_entry(d, &fast->devs, list)
		d->wanted = wanted;
}

/* After a failure: those up to @last, the last one of before, stay. */
static void keep(struct rnat_fast *fast, const struct rnat_fast_dev *last)
{
	struct rnat_fast_dev *d;
	bool old = last;

	list_for_each_entry(d, &fast->devs, list) {
		d->wanted = old;
		old = old && d != last;
	}
}

int rnat_fast_set(struct rnat_net *rn, const u32 *ifindex, u32 count,
		  struct netlink_ext_ack *extack)
{
	struct rnat_fast_dev *last = NULL;
	int err = 0;
	u32 i;

	lockdep_assert_held(&rn->lock);
	if (!rn->fast && !count)
		return 0;
	if (!rn->fast)
		rn->fast = fast_new(rn);
	if (!rn->fast)
		return -ENOMEM;
	if (!list_empty(&rn->fast->devs))
		last = list_last_entry(&rn->fast->devs, struct rnat_fast_dev,
				       list);
	want(rn->fast, false);
	for (i = 0; !err && i < count; i++)
		err = add(rn->fast, ifindex[i], extack);
	if (err)
		keep(rn->fast, last);
	clean(rn->fast);
	free_if_empty(rn);
	return err;
}

void rnat_fast_forget(struct rnat_net *rn, const struct net_device *dev)
{
	struct rnat_fast_dev *d;

	mutex_lock(&rn->lock);
	d = rn->fast ? dev_of(rn->fast, dev) : NULL;
	if (d) {
		want(rn->fast, true);
		d->wanted = false;
		clean(rn->fast);
		free_if_empty(rn);
	}
	mutex_unlock(&rn->lock);
}

u32 rnat_fast_list(const struct rnat_net *rn, u32 *ifindex, u32 max)
{
	const struct rnat_fast_dev *d;
	u32 n = 0;

	lockdep_assert_held(&rn->lock);
	if (!rn->fast)
		return 0;
	list_for_each_entry(d, &rn->fast->devs, list)
		if (n < max)
			ifindex[n++] = d->ops.dev->ifindex;
	return n;
}
