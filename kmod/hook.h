/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The netfilter hooks: parse, look up, rewrite or miss.
 */
#ifndef _RNAT_HOOK_H
#define _RNAT_HOOK_H

#include <linux/netfilter.h>

#include "translate.h"

struct rnat_held;
struct rnat_net;
struct sk_buff;

/* What becomes of a packet that is only asked about. */
struct rnat_answer {
	u32 counter;		/* ROAMNAT_A_COUNTER_*; 0: it would be held */
	u32 out_ifindex;	/* the asker's; 0: not known */
	u64 id;			/* of the mapping that decides, 0: none does */
	u8 hook;		/* where it is decided, enum nf_inet_hooks */
	bool any_port;		/* a port of the block that is free then */
};

/* Fills rn->ops; net.c registers them. */
void rnat_hook_init(struct rnat_net *rn);

/*
 * Translates a packet that was held and sends it on its way, after the hook
 * that held it. Uses up the packet, not the references beside it. Under RCU,
 * bottom halves off.
 */
void rnat_hook_resume(struct rnat_net *rn, struct rnat_held *held);

/* PRE_ROUTING or POST_ROUTING as it is without quick.h. Under RCU, bottom halves off. */
enum rnat_outcome rnat_hook_decide(struct rnat_job *job);

/*
 * The hook of @state, PRE_ROUTING or POST_ROUTING, for a packet that nobody
 * sent: it becomes what it would become, and nothing else changes. What a rate
 * limit would say is not asked, for asking costs a token. True: the packet goes
 * on and is not decided here. Under RCU, bottom halves off.
 */
bool rnat_hook_ask(struct rnat_net *rn, struct sk_buff *skb,
		   const struct nf_hook_state *state,
		   struct rnat_answer *answer);

#endif
