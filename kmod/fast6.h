/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path of IPv6: what ip6_rcv(), ip6_forward() and ip6_output() ask of a
 * packet, for the packets of quick6.h.
 */
#ifndef _RNAT_FAST6_H
#define _RNAT_FAST6_H

#include <linux/types.h>

struct rnat_hops;
struct rnat_inside;
struct rnat_net;
struct sk_buff;

/*
 * True: it is translated, counted and sent, and used up; false: it is as it came, but
 * without what a link has added behind a short one. For a packet at ingress that is
 * for the stack and for nobody before it. Under RCU, bottom halves off.
 */
bool rnat_fast6_send(struct rnat_net *rn, struct rnat_inside *inside,
		     struct rnat_hops *hops, struct sk_buff *skb);

#endif
