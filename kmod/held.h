/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One packet that waits: what it holds on to while it does, and its end.
 */
#ifndef _RNAT_HELD_H
#define _RNAT_HELD_H

#include <linux/types.h>

struct list_head;
struct net_device;
struct nf_hook_state;
struct rnat_held;
struct rnat_net;
struct rnat_tuple;
struct sk_buff;

/* NULL if there is no memory, or if its route or socket are going away. */
struct rnat_held *rnat_held_new(struct sk_buff *skb,
				const struct nf_hook_state *state,
				const struct rnat_tuple *tuple, u64 now);
/* Drops the references; the packet itself is somebody else's by now. */
void rnat_held_free(struct rnat_held *held);
/* Counts, tells the sender if it is an outbound one's deadline or refusal,
 * and frees packet and references.
 */
void rnat_held_drop(struct rnat_net *rn, struct rnat_held *held, u32 reason);

bool rnat_held_uses(const struct rnat_held *held, const struct net_device *dev);
/* Packets of one flow that wait in @queue share one conntrack entry. */
void rnat_held_share_ct(struct rnat_held *held, struct list_head *queue);
/* How long a packet may wait, in ns. */
u64 rnat_held_deadline(const struct rnat_net *rn);

#endif
