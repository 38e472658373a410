/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP 3/13 or ICMPv6 1/1 (communication administratively prohibited) to the
 * sender of an outbound packet that was dropped; at most icmp-rate a second.
 */
#ifndef _RNAT_UNREACH_H
#define _RNAT_UNREACH_H

struct rnat_net;
struct sk_buff;

/* Under RCU, bottom halves off, not under upcall.lock. */
void rnat_unreach_send(struct rnat_net *rn, struct sk_buff *skb);

#endif
