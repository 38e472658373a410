/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A quick way and the general one, packet by packet: with RNAT_SELFTEST=1 and the
 * module's parameter compare=1, each packet that comes to a quick way also goes the
 * general way, as a copy, and must become the same: bytes, what the skb says of them,
 * verdict, counter, and the state of its mapping and binding. A difference is told as
 * a bug; the parameters inbound, outbound, passed, left, ticked and differed count.
 *
 * It puts back what the quick way has written and lets the general way write it again,
 * so it wants one CPU (tests/debug: User-mode Linux).
 */
#ifndef _RNAT_COMPARE_H
#define _RNAT_COMPARE_H

#include <linux/types.h>

struct nf_hook_state;
struct rnat_net;
struct sk_buff;

#ifdef RNAT_SELFTEST
#include "translate.h"

/* What of a mapping and of a binding packets write. */
struct rnat_compare_state {
	u64 last_used;
	u64 last_translated;
	u64 first_translated;
	u32 stamp;
	u32 remote;
	u8 tcp;
	u8 seen;
};

struct rnat_compare {
	struct sk_buff *asked;	/* what the general way makes of it; NULL: not now */
	struct sk_buff *before;
	struct rnat_compare_state state;
	struct rnat_job job;
	enum rnat_outcome outcome;
};

bool rnat_compare_is_on(void);
/*
 * Before a quick way sees @skb, whose data is at the IPv4 header: at the hook of @state,
 * which one that is not called by netfilter makes up (pf, hook, in, out, net). Under
 * RCU, bottom halves off.
 */
void rnat_compare_begin(struct rnat_compare *c, struct rnat_net *rn,
			struct sk_buff *skb, const struct nf_hook_state *state);
/* After it has said @counter, as rnat_quick_inbound(). */
void rnat_compare_end(struct rnat_compare *c, struct sk_buff *skb, int counter);
#else
struct rnat_compare {
};

static inline void rnat_compare_begin(struct rnat_compare *c,
				      struct rnat_net *rn, struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
}

static inline void rnat_compare_end(struct rnat_compare *c,
				    struct sk_buff *skb, int counter)
{
}
#endif

#endif
