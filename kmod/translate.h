/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One packet: whose is it, may it be translated now, and then it is.
 */
#ifndef _RNAT_TRANSLATE_H
#define _RNAT_TRANSLATE_H

#include <linux/netfilter.h>

#include "map.h"
#include "tuple.h"

struct rnat_binding;
struct rnat_inside;
struct rnat_net;
struct rnat_prefix;
struct rnat_way;
struct sk_buff;

enum rnat_outcome {
	RNAT_PASS,
	RNAT_TRANSLATED,
	RNAT_HOLD,
	RNAT_FORWARD, /* to the gateway that its mapping left for */
	RNAT_DROP,
};

/* One packet on its way through the hooks. */
struct rnat_job {
	struct rnat_net *rn;
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	struct rnat_inside *inside;
	struct rnat_prefix *prefix; /* outbound: of the source */
	struct rnat_tuple tuple;
	struct rnat_tuple quote; /* of an ICMP error */
	struct rnat_key key; /* outbound miss: the private side */
	struct rnat_map *map;
	struct rnat_binding *binding; /* of a block */
	const struct rnat_way *way; /* by which another gateway sent it */
	u64 now;
	u32 reason; /* the counter it ends in, 0: not here */
	bool resumed; /* it was held before */
	bool asked; /* it is a question: change nothing */
	bool near; /* inbound, but from inside or of ours */
};

/* False: nothing is configured in this namespace. Under RCU. */
bool rnat_translate_init(struct rnat_job *job, struct rnat_net *rn,
			 struct sk_buff *skb,
			 const struct nf_hook_state *state);

/* Both under RCU, bottom halves off. RNAT_HOLD: job->key is what to ask for. */
enum rnat_outcome rnat_translate_inbound(struct rnat_job *job);
/* job->prefix is that of the source. */
enum rnat_outcome rnat_translate_outbound(struct rnat_job *job);

enum rnat_outcome rnat_translate_drop(struct rnat_job *job, u32 reason);

/*
 * An ICMP error of the gateway itself, about an inbound packet whose
 * destination was translated already: its quote must say the public side, or
 * the sender knows no such packet and path MTU discovery fails. The quote does
 * not tell the zone; where two tenants could be meant nothing is changed. Nor
 * is it for one to which the VM goes untranslated, nor for a VM, unless it sent
 * what is quoted to a public address (hairpin.h).
 */
void rnat_translate_own_error(struct rnat_job *job);

#endif
