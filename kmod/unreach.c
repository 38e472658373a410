// SPDX-License-Identifier: GPL-2.0
#include "unreach.h"

#include <linux/icmpv6.h>
#include <net/icmp.h>

#include "map.h"
#include "net.h"

static bool take(struct rnat_net *rn)
{
	u32 rate = READ_ONCE(rn->config.icmp_rate);
	bool ok;

	if (!rate)
		return false;
	spin_lock_bh(&rn->upcall.lock);
	ok = rnat_limit_take(&rn->unreach, rnat_clock(), rate, rate);
	spin_unlock_bh(&rn->upcall.lock);
	return ok;
}

void rnat_unreach_send(struct rnat_net *rn, struct sk_buff *skb)
{
	if (!take(rn)) {
		rnat_stats_inc(rn, RNAT_STAT_ICMP_SUPPRESSED);
		return;
	}
	rnat_stats_inc(rn, RNAT_STAT_ICMP_SENT);
	if (skb->protocol == htons(ETH_P_IPV6))
		icmpv6_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADM_PROHIBITED, 0);
	else
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0);
}
