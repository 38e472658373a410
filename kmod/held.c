// SPDX-License-Identifier: GPL-2.0
#include "held.h"

#include <linux/netdevice.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/sock.h>

#include "net.h"
#include "unreach.h"

/* How far back a packet of the same flow is looked for. */
#define SHARE_MAX	32

struct rnat_held *rnat_held_new(struct sk_buff *skb,
				const struct nf_hook_state *state,
				const struct rnat_tuple *tuple, u64 now)
{
	struct rnat_held *held;

	if (skb_dst(skb) && !skb_dst_force(skb))
		return NULL;
	held = kmalloc(sizeof(*held), GFP_ATOMIC);
	if (!held)
		return NULL;
	*held = (struct rnat_held) {
		.skb = skb,
		.dev = skb->dev,
		.state = *state,
		.tuple = *tuple,
		.truesize = skb->truesize,
		.since = now,
	};
	if (state->sk && (!sk_fullsock(state->sk) ||
			  !refcount_inc_not_zero(&state->sk->sk_refcnt))) {
		kfree(held);
		return NULL;
	}
	dev_hold(held->dev);
	dev_hold(state->in);
	dev_hold(state->out);
	return held;
}

void rnat_held_free(struct rnat_held *held)
{
	dev_put(held->dev);
	dev_put(held->state.in);
	dev_put(held->state.out);
	if (held->state.sk)
		sock_put(held->state.sk);
	kfree(held);
}

static bool tells_sender(const struct rnat_held *held, u32 reason)
{
	return held->state.hook == NF_INET_POST_ROUTING &&
	       (reason == ROAMNAT_A_COUNTER_DROP_DEADLINE ||
		reason == ROAMNAT_A_COUNTER_DROP_REFUSED ||
		reason == ROAMNAT_A_COUNTER_DROP_BLOCK_FULL);
}

void rnat_held_drop(struct rnat_net *rn, struct rnat_held *held, u32 reason)
{
	rnat_stats_inc(rn, reason);
	if (tells_sender(held, reason)) {
		local_bh_disable();
		rcu_read_lock();
		rnat_unreach_send(rn, held->skb);
		rcu_read_unlock();
		local_bh_enable();
	}
	kfree_skb_reason(held->skb, SKB_DROP_REASON_NETFILTER_DROP);
	rnat_held_free(held);
}

bool rnat_held_uses(const struct rnat_held *held, const struct net_device *dev)
{
	return held->dev == dev || held->state.in == dev ||
	       held->state.out == dev;
}

static bool same_flow(const struct rnat_tuple *a, const struct rnat_tuple *b)
{
	return a->proto == b->proto && a->l4 == b->l4 &&
	       a->sport == b->sport && a->dport == b->dport &&
	       nf_inet_addr_cmp(&a->src, &b->src) &&
	       nf_inet_addr_cmp(&a->dst, &b->dst);
}

/*
 * Conntrack gave each packet of a flow that waits an entry of its own, because
 * none of them has reached its confirmation. When they leave, the first one's
 * is confirmed, and the others would be dropped as clashes (except UDP). So
 * they get the first one's entry now; they leave one after the other.
 */
void rnat_held_share_ct(struct rnat_held *held, struct list_head *queue)
{
	struct rnat_held *other;
	unsigned int n = 0;

	if (held->tuple.l4 == RNAT_L4_ERROR || !skb_nfct(held->skb))
		return;
	list_for_each_entry_reverse(other, queue, of_miss) {
		if (++n > SHARE_MAX)
			return;
		if (other->state.hook != held->state.hook ||
		    !skb_nfct(other->skb) ||
		    !same_flow(&other->tuple, &held->tuple))
			continue;
		nf_reset_ct(held->skb);
		nf_conntrack_get(skb_nfct(other->skb));
		skb_set_nfct(held->skb, skb_get_nfct(other->skb));
		return;
	}
}

u64 rnat_held_deadline(const struct rnat_net *rn)
{
	return READ_ONCE(rn->config.hold_ms) * (u64)NSEC_PER_MSEC;
}
