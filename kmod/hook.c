// SPDX-License-Identifier: GPL-2.0
/*
 * The only file that returns verdicts.
 *
 *   from outside ─► PRE_ROUTING  destination: public ─► private   (inbound)
 *   own packets ──► LOCAL_OUT    destination: public ─► private   (inbound)
 *   from inside ──► POST_ROUTING source: private ─► public        (outbound)
 *
 * Inbound comes before conntrack and outbound after everything but conntrack's
 * confirmation, which looks at no address: so conntrack and nftables see
 * private addresses in both directions. The same functions are registered for
 * IPv4 and IPv6; what differs is in family.h.
 */
#include "hook.h"

#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/l3mdev.h>

#include "compare.h"
#include "family.h"
#include "forward.h"
#include "hairpin.h"
#include "net.h"
#include "quick.h"
#include "quick6.h"
#include "trace.h"
#include "translate.h"
#include "unreach.h"

/* How often a packet that could not be held because its mapping changed is
 * looked up again. More than once needs a command in between.
 */
#define LOOK_MAX 4

/* Tries and holds until it is one or the other. True: the packet is held. */
static enum rnat_outcome run(struct rnat_job *job,
			     enum rnat_outcome (*way)(struct rnat_job *job))
{
	enum rnat_outcome outcome;
	int looks, ret;

	for (looks = 0; looks < LOOK_MAX; looks++) {
		outcome = way(job);
		if (outcome != RNAT_HOLD)
			return outcome;
		/* Another gateway's word makes no mapping. */
		if (unlikely(job->way) && !job->map)
			return rnat_translate_drop(job,
						   ROAMNAT_A_COUNTER_DROP_FORWARD_NOBODY);
		if (unlikely(job->asked)) {
			ret = rnat_upcall_peek(job->rn, job->skb, &job->key);
			return ret ? rnat_translate_drop(job, ret) : RNAT_HOLD;
		}
		ret = rnat_upcall_hold(job->rn, job->skb, job->state, &job->key,
				       &job->tuple, job->prefix);
		if (!ret)
			return RNAT_HOLD;
		if (ret != -EAGAIN)
			return rnat_translate_drop(job, ret);
	}
	return rnat_translate_drop(job, ROAMNAT_A_COUNTER_DROP_STALE_HOLD);
}

/* Is this packet's source one that POST_ROUTING translates and counts? Its
 * interface may be configured by its own name or by that of its VRF.
 */
static bool is_from_inside(struct rnat_job *job)
{
	const struct net_device *in = job->state->in;
	u8 pf = job->state->pf;
	bool many;
	u32 vrf;

	if (unlikely(job->way)) {
		job->prefix = rnat_forward_prefix(job->inside, job->way,
						  job->skb, pf, &many);
		return job->prefix;
	}
	job->prefix = rnat_family_lookup_src(job->inside, job->skb, pf,
					     rnat_family_iif(job->skb, pf, in));
	if (job->prefix)
		return true;
	vrf = l3mdev_master_ifindex_rcu(in);
	if (unlikely(vrf))
		job->prefix =
			rnat_family_lookup_src(job->inside, job->skb, pf, vrf);
	return job->prefix;
}

static bool is_to_inside(const struct rnat_job *job)
{
	const struct net_device *out = job->state->out;
	u32 vrf = l3mdev_master_ifindex_rcu(out);
	u8 pf = job->state->pf;

	return rnat_family_lookup_dst(job->inside, job->skb, pf,
				      out->ifindex) ||
	       (unlikely(vrf) &&
		rnat_family_lookup_dst(job->inside, job->skb, pf, vrf));
}

static u32 pass_counter(const struct rnat_job *job)
{
	const struct net_device *in = job->state->in;
	u32 vrf = l3mdev_master_ifindex_rcu(in);

	return rnat_inside_has_iface(job->inside, in->ifindex) ||
			       (vrf &&
				rnat_inside_has_iface(job->inside, vrf)) ?
		       ROAMNAT_A_COUNTER_PASS_NOT_INSIDE :
		       ROAMNAT_A_COUNTER_PASS_NOT_PUBLIC;
}

/*
 * What another gateway sent here and is no mapping's must not be routed: it could
 * come back. What is between the two gateways themselves may.
 */
static enum rnat_outcome of_nobody(struct rnat_job *job)
{
	u8 pf = job->state->pf;
	bool many;

	if (rnat_family_is_ours(job->rn->net, job->skb, pf))
		return RNAT_PASS;
	rnat_forward_prefix(job->inside, job->way, job->skb, pf, &many);
	return rnat_translate_drop(job,
				   many ? ROAMNAT_A_COUNTER_DROP_FORWARD_ZONE :
					  ROAMNAT_A_COUNTER_DROP_FORWARD_NOBODY);
}

static enum rnat_outcome at_pre_routing(struct rnat_job *job)
{
	bool from_inside = is_from_inside(job);
	enum rnat_outcome outcome;

	job->prefix = NULL;
	job->near = from_inside;
	outcome = run(job, rnat_translate_inbound);
	if (unlikely(job->way) && outcome == RNAT_PASS && !from_inside)
		outcome = of_nobody(job);
	if (outcome == RNAT_PASS && !from_inside)
		job->reason = pass_counter(job);
	if (outcome != RNAT_TRANSLATED)
		return outcome;
	/* A route that was found for the public address is void. */
	skb_dst_drop(job->skb);
	rnat_family_set_hairpin(job->skb, job->state->pf);
	if (!from_inside)
		job->reason = ROAMNAT_A_COUNTER_IN_TRANSLATED;
	else if (!job->asked)
		rnat_hairpin_note(job->rn, job->skb, job->state->pf);
	return outcome;
}

/* Uses the packet up. */
static void send_after(const struct rnat_job *job)
{
	u32 counter = rnat_forward_send(job->rn, job->skb, job->state->pf,
					job->state->hook,
					READ_ONCE(job->map->forward));

	rnat_stats_inc(job->rn, counter);
}

static unsigned int conclude(const struct rnat_job *job,
			     enum rnat_outcome outcome)
{
	if (outcome == RNAT_HOLD)
		return NF_STOLEN;
	if (outcome == RNAT_FORWARD) {
		send_after(job);
		return NF_STOLEN;
	}
	if (job->reason)
		rnat_stats_inc(job->rn, job->reason);
	if (outcome != RNAT_DROP)
		return NF_ACCEPT;
	trace_rnat_drop(job->skb, job->reason);
	return NF_DROP;
}

typedef int (*quick_way)(struct rnat_net *rn, struct rnat_inside *inside,
			 struct sk_buff *skb, const struct nf_hook_state *state,
			 bool hot);

/*
 * Is it so simple that all is done? RNAT_QUICK_NO, RNAT_QUICK_PUBLIC, or not below 0:
 * it is, and counted. @hot: see quick.h.
 */
static __always_inline int
quickly(struct rnat_net *rn, struct rnat_inside *inside, struct sk_buff *skb,
	const struct nf_hook_state *state, quick_way way, bool hot)
{
	struct rnat_compare compare;
	int counter;

	if (unlikely(!inside))
		return RNAT_QUICK_NO;
	if (state->in &&
	    unlikely(rnat_forward_may_be_from(rn, state->in->ifindex)) &&
	    (hot || rnat_forward_from(rn, state->in->ifindex)))
		return RNAT_QUICK_NO;
	rnat_compare_begin(&compare, rn, skb, state);
	counter = way(rn, inside, skb, state, hot);
	rnat_compare_end(&compare, skb, counter);
	if (counter > 0)
		rnat_stats_inc(rn, counter);
	return counter;
}

/* What is left of it after RNAT_QUICK_PUBLIC, with the same @inside: the next one may be
 * none.
 */
static __always_inline bool
is_public(struct rnat_net *rn, struct rnat_inside *inside, struct sk_buff *skb,
	  const struct nf_hook_state *state,
	  int (*way)(struct rnat_net *rn, struct rnat_inside *inside,
		     struct sk_buff *skb, const struct nf_hook_state *state))
{
	struct rnat_compare compare;
	int counter;

	rnat_compare_begin(&compare, rn, skb, state);
	counter = way(rn, inside, skb, state);
	rnat_compare_end(&compare, skb, counter);
	if (counter > 0)
		rnat_stats_inc(rn, counter);
	return counter >= 0;
}

static noinline unsigned int
pre_routing_slowly(struct rnat_net *rn, struct sk_buff *skb,
		   const struct nf_hook_state *state)
{
	struct rnat_job job;

	if (rnat_family_is_second_round(skb, state->pf, state->in))
		return NF_ACCEPT;
	if (unlikely(!rnat_translate_init(&job, rn, skb, state))) {
		rnat_stats_inc(rn, ROAMNAT_A_COUNTER_PASS_NO_CONFIG);
		return NF_ACCEPT;
	}
	return conclude(&job, at_pre_routing(&job));
}

/* The second try, and the hook, which is the first. */
static noinline unsigned int pre_routing_again(struct rnat_net *rn, struct sk_buff *skb,
					       const struct nf_hook_state *state)
{
	if (quickly(rn, rcu_dereference(rn->inside), skb, state,
		    rnat_quick_inbound, false) >= 0)
		return NF_ACCEPT;
	return pre_routing_slowly(rn, skb, state);
}

static noinline unsigned int
pre_routing_public(struct rnat_net *rn, struct sk_buff *skb,
		   const struct nf_hook_state *state, struct rnat_inside *inside)
{
	if (is_public(rn, inside, skb, state, rnat_quick_public))
		return NF_ACCEPT;
	return pre_routing_slowly(rn, skb, state);
}

static unsigned int pre_routing(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct rnat_net *rn = priv;
	struct rnat_inside *inside = rcu_dereference(rn->inside);
	int counter = quickly(rn, inside, skb, state, rnat_quick_inbound, true);

	if (counter >= 0)
		return NF_ACCEPT;
	return counter == RNAT_QUICK_PUBLIC ?
	       pre_routing_public(rn, skb, state, inside) :
	       pre_routing_again(rn, skb, state);
}

static noinline unsigned int pre_routing6_again(struct rnat_net *rn, struct sk_buff *skb,
						const struct nf_hook_state *state)
{
	if (quickly(rn, rcu_dereference(rn->inside), skb, state,
		    rnat_quick6_inbound, false) >= 0)
		return NF_ACCEPT;
	return pre_routing_slowly(rn, skb, state);
}

static noinline unsigned int
pre_routing6_public(struct rnat_net *rn, struct sk_buff *skb,
		    const struct nf_hook_state *state, struct rnat_inside *inside)
{
	if (is_public(rn, inside, skb, state, rnat_quick6_public))
		return NF_ACCEPT;
	return pre_routing_slowly(rn, skb, state);
}

static unsigned int pre_routing6(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct rnat_net *rn = priv;
	struct rnat_inside *inside = rcu_dereference(rn->inside);
	int counter = quickly(rn, inside, skb, state, rnat_quick6_inbound, true);

	if (counter >= 0)
		return NF_ACCEPT;
	return counter == RNAT_QUICK_PUBLIC ?
	       pre_routing6_public(rn, skb, state, inside) :
	       pre_routing6_again(rn, skb, state);
}

static unsigned int local_out(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	struct rnat_net *rn = priv;
	enum rnat_outcome outcome;
	struct rnat_job job;
	int err;

	if (unlikely(!rnat_translate_init(&job, rn, skb, state)))
		return NF_ACCEPT;
	job.near = true;
	outcome = run(&job, rnat_translate_inbound);
	if (outcome != RNAT_TRANSLATED)
		return conclude(&job, outcome);
	rnat_stats_inc(rn, ROAMNAT_A_COUNTER_LOCAL_TRANSLATED);
	err = rnat_family_reroute(state, skb);
	return err < 0 ? NF_DROP_ERR(err) : NF_ACCEPT;
}

/* Of what is its sender told by ICMP (RFC 5508, REQ-8; RFC 6888, REQ-11)? */
static bool is_told(u32 reason)
{
	return reason == ROAMNAT_A_COUNTER_DROP_REFUSED ||
	       reason == ROAMNAT_A_COUNTER_DROP_BLOCK_FULL ||
	       reason == ROAMNAT_A_COUNTER_DROP_BINDINGS_FULL;
}

static enum rnat_outcome at_post_routing(struct rnat_job *job)
{
	const struct nf_hook_state *state = job->state;
	bool hairpin = rnat_family_is_hairpin(job->skb, state->pf);
	enum rnat_outcome outcome;

	if (!is_from_inside(job))
		return RNAT_PASS;
	if (hairpin && !job->asked)
		rnat_hairpin_forget();
	if (!hairpin && is_to_inside(job)) {
		job->reason = ROAMNAT_A_COUNTER_PASS_INSIDE;
		return RNAT_PASS;
	}
	/* A hairpin was sent to a public address, whatever it became. */
	if (!hairpin && rnat_family_is_excluded(job->inside, job->prefix, job->skb)) {
		job->reason = ROAMNAT_A_COUNTER_PASS_EXCLUDED;
		return RNAT_PASS;
	}
	outcome = run(job, rnat_translate_outbound);
	if (outcome == RNAT_PASS)
		job->reason = ROAMNAT_A_COUNTER_PASS_NOT_INSIDE;
	else if (outcome == RNAT_TRANSLATED)
		job->reason = ROAMNAT_A_COUNTER_OUT_TRANSLATED;
	return outcome;
}

static noinline unsigned int
post_routing_slowly(struct rnat_net *rn, struct sk_buff *skb,
		    const struct nf_hook_state *state)
{
	enum rnat_outcome outcome;
	unsigned int verdict;
	struct rnat_job job;

	if (unlikely(!rnat_translate_init(&job, rn, skb, state)))
		return NF_ACCEPT;
	if (!state->in) {
		if (rnat_family_is_icmp(skb, state->pf))
			rnat_translate_own_error(&job);
		return NF_ACCEPT;
	}
	outcome = at_post_routing(&job);
	verdict = conclude(&job, outcome);
	if (outcome == RNAT_DROP && is_told(job.reason))
		rnat_unreach_send(rn, skb);
	return verdict;
}

static noinline unsigned int post_routing_again(struct rnat_net *rn, struct sk_buff *skb,
						const struct nf_hook_state *state)
{
	if (quickly(rn, rcu_dereference(rn->inside), skb, state,
		    rnat_quick_outbound, false) >= 0)
		return NF_ACCEPT;
	return post_routing_slowly(rn, skb, state);
}

static unsigned int post_routing(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct rnat_net *rn = priv;

	if (quickly(rn, rcu_dereference(rn->inside), skb, state,
		    rnat_quick_outbound, true) >= 0)
		return NF_ACCEPT;
	return post_routing_again(rn, skb, state);
}

static noinline unsigned int post_routing6_again(struct rnat_net *rn, struct sk_buff *skb,
						 const struct nf_hook_state *state)
{
	if (quickly(rn, rcu_dereference(rn->inside), skb, state,
		    rnat_quick6_outbound, false) >= 0)
		return NF_ACCEPT;
	return post_routing_slowly(rn, skb, state);
}

static unsigned int post_routing6(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	struct rnat_net *rn = priv;

	if (quickly(rn, rcu_dereference(rn->inside), skb, state,
		    rnat_quick6_outbound, true) >= 0)
		return NF_ACCEPT;
	return post_routing6_again(rn, skb, state);
}

enum rnat_outcome rnat_hook_decide(struct rnat_job *job)
{
	return job->state->hook == NF_INET_PRE_ROUTING ? at_pre_routing(job) :
							 at_post_routing(job);
}

bool rnat_hook_ask(struct rnat_net *rn, struct sk_buff *skb,
		   const struct nf_hook_state *state,
		   struct rnat_answer *answer)
{
	enum rnat_outcome outcome;
	struct rnat_job job;

	answer->hook = state->hook;
	if (!rnat_translate_init(&job, rn, skb, state)) {
		answer->counter = ROAMNAT_A_COUNTER_PASS_NO_CONFIG;
		return false;
	}
	job.asked = true;
	outcome = rnat_hook_decide(&job);
	answer->counter = outcome == RNAT_HOLD ? 0 : job.reason;
	if (job.map) {
		answer->id = job.map->id;
		answer->any_port = job.map->block && !job.binding;
	}
	return !job.reason && outcome != RNAT_HOLD;
}

static void init_op(struct rnat_net *rn, nf_hookfn *hook, u8 pf,
		    unsigned int hooknum, int priority)
{
	unsigned int base = pf == NFPROTO_IPV6 ? RNAT_HOOK_COUNT : 0;
	static const u8 index[] = {
		[NF_INET_PRE_ROUTING] = RNAT_HOOK_PRE_ROUTING,
		[NF_INET_LOCAL_OUT] = RNAT_HOOK_LOCAL_OUT,
		[NF_INET_POST_ROUTING] = RNAT_HOOK_POST_ROUTING,
	};

	rn->ops[base + index[hooknum]] = (struct nf_hook_ops){
		.hook = hook,
		.hooknum = hooknum,
		.priority = priority,
		.pf = pf,
		.priv = rn,
	};
}

/* Priorities have the same numbers in both families. */
static void init_family(struct rnat_net *rn, u8 pf)
{
	bool six = pf == NFPROTO_IPV6;

	BUILD_BUG_ON((int)NF_IP_PRI_CONNTRACK_DEFRAG !=
		     (int)NF_IP6_PRI_CONNTRACK_DEFRAG);
	BUILD_BUG_ON((int)NF_IP_PRI_LAST != (int)NF_IP6_PRI_LAST);
	init_op(rn, six ? pre_routing6 : pre_routing, pf, NF_INET_PRE_ROUTING,
		NF_IP_PRI_CONNTRACK_DEFRAG + 10);
	init_op(rn, local_out, pf, NF_INET_LOCAL_OUT,
		NF_IP_PRI_CONNTRACK_DEFRAG + 10);
	init_op(rn, six ? post_routing6 : post_routing, pf, NF_INET_POST_ROUTING,
		NF_IP_PRI_LAST - 10);
}

void rnat_hook_init(struct rnat_net *rn)
{
	init_family(rn, NFPROTO_IPV4);
	init_family(rn, NFPROTO_IPV6);
}

/* Translates a held packet; the counter of what became of it. *@way: it is to
 * be forwarded instead.
 */
static u32 translate_held(struct rnat_job *job, bool *way)
{
	const struct nf_hook_state *state = job->state;
	enum rnat_outcome outcome;
	int err;

	*way = false;
	job->resumed = true;
	if (state->hook == NF_INET_POST_ROUTING) {
		if (!is_from_inside(job))
			return ROAMNAT_A_COUNTER_DROP_STALE_HOLD;
		outcome = rnat_translate_outbound(job);
	} else {
		job->near = state->hook == NF_INET_LOCAL_OUT ||
			    is_from_inside(job);
		outcome = rnat_translate_inbound(job);
	}
	*way = outcome == RNAT_FORWARD;
	if (outcome == RNAT_DROP || outcome == RNAT_FORWARD)
		return job->reason;
	if (outcome != RNAT_TRANSLATED)
		return ROAMNAT_A_COUNTER_DROP_STALE_HOLD;

	switch (state->hook) {
	case NF_INET_PRE_ROUTING:
		skb_dst_drop(job->skb);
		rnat_family_set_hairpin(job->skb, state->pf);
		/* From inside, POST_ROUTING counts it. */
		return job->near ? 0 : ROAMNAT_A_COUNTER_IN_TRANSLATED;
	case NF_INET_LOCAL_OUT:
		err = rnat_family_reroute(state, job->skb);
		return err < 0 ? ROAMNAT_A_COUNTER_DROP_STALE_HOLD :
				 ROAMNAT_A_COUNTER_LOCAL_TRANSLATED;
	}
	return ROAMNAT_A_COUNTER_OUT_TRANSLATED;
}

static bool is_drop(u32 counter)
{
	return counter >= ROAMNAT_A_COUNTER_DROP_NO_AGENT;
}

/* Where our hook stands among the others now; -1 if it stands no more. */
static int find_hook(struct rnat_net *rn, const struct nf_hook_entries *e,
		     unsigned int hooknum)
{
	struct nf_hook_ops **ops;
	int i, k;

	if (!e)
		return -1;
	ops = nf_hook_entries_get_hook_ops(e);
	for (i = 0; i < e->num_hook_entries; i++)
		for (k = 0; k < ARRAY_SIZE(rn->ops); k++)
			if (ops[i] == &rn->ops[k] &&
			    rn->ops[k].hooknum == hooknum)
				return i;
	return -1;
}

void rnat_hook_resume(struct rnat_net *rn, struct rnat_held *held)
{
	const struct nf_hook_entries *e;
	struct sk_buff *skb = held->skb;
	struct rnat_job job;
	bool way = false;
	u32 counter;
	int i;

	e = rnat_family_hooks(&held->state);
	i = find_hook(rn, e, held->state.hook);
	if (i < 0 || !rnat_translate_init(&job, rn, skb, &held->state))
		counter = ROAMNAT_A_COUNTER_DROP_FLUSHED;
	else
		counter = translate_held(&job, &way);
	if (way) {
		send_after(&job);
		return;
	}
	if (counter)
		rnat_stats_inc(rn, counter);
	if (is_drop(counter)) {
		trace_rnat_drop(skb, counter);
		kfree_skb_reason(skb, SKB_DROP_REASON_NETFILTER_DROP);
		return;
	}
	if (nf_hook_slow(skb, &held->state, e, i + 1) == 1)
		held->state.okfn(held->state.net, held->state.sk, skb);
}
