/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a packet leaves by the fast path, whatever family it is of. Under RCU, bottom
 * halves off.
 */
#ifndef _RNAT_LEAVE_H
#define _RNAT_LEAVE_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/neighbour.h>
#include <net/sock.h>

#include "hop.h"

/* Cut off what the link has added to a short packet, as ip_rcv() does. */
static inline bool rnat_leave_trim(struct sk_buff *skb, unsigned int len)
{
	return likely(skb->len == len) ||
	       (skb->len > len && !pskb_trim_rcsum(skb, len));
}

/* Makes its headers writable, with room before them. One that is shared has been given
 * away by whoever has it, too (at ingress the kernel writes to it and sends it in any
 * case), but it cannot be copied.
 */
static __always_inline bool rnat_leave_own(struct sk_buff *skb,
					   unsigned int room)
{
	if (likely(!skb_cloned(skb) && skb_headroom(skb) >= room))
		return true;
	return !skb_shared(skb) && !skb_cow(skb, room);
}

/* Longer than @mtu, and not cut into what is not. */
static inline bool rnat_leave_is_too_long(const struct sk_buff *skb,
					  unsigned int mtu)
{
	return skb->len > mtu &&
	       !(skb_is_gso(skb) && skb_gso_validate_network_len(skb, mtu));
}

/* Where a neighbour is asked for first, or its device wants to know, it is as if it had
 * come by ip_output().
 */
static noinline void rnat_leave_slowly(struct sk_buff *skb,
				       struct neighbour *neigh,
				       struct dst_entry *dst)
{
	if (!skb_dst(skb))
		skb_dst_set_noref(skb, dst);
	memset(skb->cb, 0, sizeof(skb->cb));
	IPCB(skb)->iif = skb->skb_iif;
	neigh_output(neigh, skb, false);
}

/* Uses the packet up. */
static __always_inline void rnat_leave_by(struct sk_buff *skb,
					  struct neighbour *neigh,
					  const struct rnat_hop *hop)
{
	const struct hh_cache *hh = &neigh->hh;

	skb_clear_tstamp(skb);
	skb->dev = hop->dev;
	if (likely(READ_ONCE(neigh->nud_state) & NUD_CONNECTED &&
		   READ_ONCE(hh->hh_len) &&
		   hop->dev->priv_flags & IFF_XMIT_DST_RELEASE))
		neigh_hh_output(hh, skb);
	else
		rnat_leave_slowly(skb, neigh, hop->dst);
}

#endif
