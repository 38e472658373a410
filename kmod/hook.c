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

#include "bind.h"
#include "block.h"
#include "exclude.h"
#include "family.h"
#include "find.h"
#include "icmp.h"
#include "net.h"
#include "rewrite.h"
#include "tcp.h"
#include "trace.h"
#include "tuple.h"
#include "unreach.h"

/* How often a packet that could not be held because its mapping changed is
 * looked up again. More than once needs a command in between.
 */
#define LOOK_MAX	4

enum outcome {
	PASS,
	TRANSLATED,
	HOLD,
	DROP,
};

/* One packet on its way through this file. */
struct job {
	struct rnat_net *rn;
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	struct rnat_inside *inside;
	struct rnat_prefix *prefix;	/* outbound: of the source */
	struct rnat_tuple tuple;
	struct rnat_tuple quote;	/* of an ICMP error */
	struct rnat_key key;		/* outbound miss: the private side */
	struct rnat_map *map;
	struct rnat_binding *binding;	/* of a block */
	u64 now;
	u32 reason;			/* the counter it ends in, 0: not here */
	bool resumed;			/* it was held before */
	bool asked;			/* it is a question: change nothing */
};

static enum outcome drop(struct job *job, u32 reason)
{
	job->reason = reason;
	return DROP;
}

static enum outcome judge(struct job *job, bool outbound)
{
	u32 what;

	if (job->resumed) {
		if (!rnat_map_blocked(job->rn, job->map, job->now))
			return TRANSLATED;
		return drop(job, ROAMNAT_A_COUNTER_DROP_STALE_HOLD);
	}
	what = rnat_map_judge(job->rn, job->map, job->now, outbound);
	switch (what) {
	case RNAT_MAP_TRANSLATE:
		return TRANSLATED;
	case RNAT_MAP_HOLD:
		job->key = job->map->priv;
		return HOLD;
	case RNAT_MAP_NONE:
		return PASS;
	}
	return drop(job, what);
}

/* Does it restart idle timers? An ICMP error never does, nor what a VM answers
 * to strangers by (RFC 7857, section 7.1).
 */
static bool is_use(const struct job *job, bool outbound)
{
	const struct rnat_tuple *t = &job->tuple;

	if (t->l4 == RNAT_L4_ERROR)
		return false;
	if (!outbound)
		return READ_ONCE(job->rn->config.inbound_refresh);
	return t->l4 != RNAT_L4_PORTS || t->proto != IPPROTO_TCP ||
	       !(rnat_tcp_flags(job->skb, t) & RNAT_TCP_FLAG_RST);
}

static enum outcome rewritten(struct job *job, int err, bool outbound)
{
	bool use;

	if (likely(!err)) {
		if (unlikely(job->asked))
			return TRANSLATED;
		use = is_use(job, outbound);
		rnat_map_mark_translated(job->map, job->now, use);
		if (job->binding && job->tuple.l4 != RNAT_L4_ERROR)
			rnat_block_use(job->rn, job->binding, job->skb,
				       &job->tuple, job->now, outbound, use);
		return TRANSLATED;
	}
	return drop(job, err == -ENOMEM ? ROAMNAT_A_COUNTER_DROP_MEMORY :
					  ROAMNAT_A_COUNTER_DROP_MALFORMED);
}

/* The mapping that has all of the packet's destination address. */
static struct rnat_map *lookup_whole(struct job *job)
{
	struct rnat_key key;

	rnat_family_dst_key(job->skb, job->state->pf, &key);
	return rnat_find_whole(job->rn, &key);
}

/* An ICMP error to a public address belongs to the mapping that sent what it
 * quotes. Only where the whole address is ours is one without a mapping
 * nobody's.
 */
static enum outcome find_quoted(struct job *job)
{
	struct rnat_map *map = NULL;

	if (!rnat_icmp_quote(job->skb, &job->tuple, &job->quote))
		map = rnat_find_public(job->rn, &job->quote,
				       rnat_tuple_key_src, &job->binding);
	if (map && nf_inet_addr_cmp(&map->pub.addr, &job->tuple.dst)) {
		job->map = map;
		return TRANSLATED;
	}
	if (lookup_whole(job))
		return drop(job, ROAMNAT_A_COUNTER_DROP_ICMP_QUOTE);
	return PASS;
}

/* So that policy routing and conntrack zones can tell tenants apart. */
static void set_mark(struct job *job)
{
	const struct rnat_prefix *prefix;

	if (!job->inside || !job->inside->has_marks)
		return;
	prefix = rnat_inside_lookup_zone(job->inside, job->map->priv.zone);
	if (prefix)
		job->skb->mark = (job->skb->mark & ~prefix->mark_mask) |
				 (prefix->mark & prefix->mark_mask);
}

/* RFC 4787, REQ-8 */
static bool is_filtered(const struct job *job)
{
	return READ_ONCE(job->rn->config.filtering) ==
	       ROAMNAT_FILTERING_ADDRESS_DEPENDENT &&
	       !rnat_binding_knows(job->binding, job->tuple.src.ip);
}

static enum outcome inbound(struct job *job)
{
	const struct rnat_key *to;
	enum outcome outcome;
	__be16 port;
	int err = 0;

	if (rnat_family_parse(job->skb, job->state->pf, &job->tuple)) {
		/* Not ours to judge unless the address is. */
		if (lookup_whole(job))
			return drop(job, ROAMNAT_A_COUNTER_DROP_MALFORMED);
		return PASS;
	}
	if (rnat_family_is_on_link(&job->tuple))
		return PASS;
	if (job->tuple.l4 == RNAT_L4_ERROR) {
		outcome = find_quoted(job);
		if (outcome != TRANSLATED)
			return outcome;
	} else {
		job->map = rnat_find_public(job->rn, &job->tuple,
					    rnat_tuple_key_dst, &job->binding);
		if (!job->map)
			return rnat_find_is_block(job->rn, &job->tuple) ?
			       drop(job, ROAMNAT_A_COUNTER_DROP_NO_BINDING) :
			       PASS;
		if (job->binding && is_filtered(job))
			return drop(job, ROAMNAT_A_COUNTER_DROP_FILTERED);
	}
	outcome = judge(job, false);
	if (outcome != TRANSLATED)
		return outcome;

	to = &job->map->priv;
	port = rnat_find_priv_port(job->map, job->binding);
	if (job->tuple.l4 == RNAT_L4_ERROR)
		err = rnat_icmp_rewrite_src(job->skb, &job->tuple, &job->quote,
					    &to->addr, port);
	if (!err)
		err = rnat_rewrite_dst(job->skb, &job->tuple, &to->addr,
				       job->tuple.l4 == RNAT_L4_ERROR ?
				       0 : port);
	if (!err)
		set_mark(job);
	return rewritten(job, err, false);
}

/* An ICMP error from a VM, about a packet that was sent to a public side. */
static enum outcome outbound_error(struct job *job)
{
	const struct rnat_key *to, *outer;
	const struct rnat_prefix *prefix = job->prefix;
	struct rnat_map *map;
	struct rnat_key key;
	enum outcome outcome;
	int err;

	if (rnat_icmp_quote(job->skb, &job->tuple, &job->quote) ||
	    rnat_tuple_key_dst(&job->quote, prefix->kind, prefix->zone, &key))
		return drop(job, ROAMNAT_A_COUNTER_DROP_ICMP_QUOTE);
	job->map = rnat_find_private(job->rn, &key, prefix->kind,
				     &job->binding);
	if (!job->map)
		return drop(job, ROAMNAT_A_COUNTER_DROP_ICMP_QUOTE);
	outcome = judge(job, true);
	if (outcome != TRANSLATED)
		return outcome;

	to = &job->map->pub;
	outer = to;
	/* From a VM that routes for the one the packet went to: as itself if it
	 * has a public address, else as ours (RFC 5508, REQ-5c).
	 */
	if (!nf_inet_addr_cmp(&job->tuple.src, &job->map->priv.addr) &&
	    !rnat_tuple_key_src(&job->tuple, ROAMNAT_KIND_ADDRESS,
				prefix->zone, &key)) {
		map = rnat_table_lookup_priv(&job->rn->table, &key);
		if (map && !rnat_map_blocked(job->rn, map, job->now))
			outer = &map->pub;
	}
	err = rnat_icmp_rewrite_dst(job->skb, &job->tuple, &job->quote,
				    &to->addr,
				    rnat_find_pub_port(job->map, job->binding));
	if (!err)
		err = rnat_rewrite_src(job->skb, &job->tuple, &outer->addr, 0);
	return rewritten(job, err, true);
}

/* The mapping that job->key is the private side of. */
static enum outcome find_source(struct job *job)
{
	struct rnat_bind bind = {
		.rn = job->rn,
		.skb = job->skb,
		.tuple = &job->tuple,
		.prefix = job->prefix,
		.now = job->now,
		.resumed = job->resumed,
		.asked = job->asked,
		.key = &job->key,
	};
	u32 what;

	if (job->prefix->kind != ROAMNAT_KIND_BLOCK) {
		job->map = rnat_table_lookup_priv(&job->rn->table, &job->key);
		if (job->map)
			return TRANSLATED;
		return job->resumed ?
		       drop(job, ROAMNAT_A_COUNTER_DROP_STALE_HOLD) : HOLD;
	}
	what = rnat_bind_source(&bind);
	if (what == RNAT_MAP_HOLD)
		return HOLD;
	if (what != RNAT_MAP_TRANSLATE)
		return drop(job, what);
	job->map = bind.map;
	job->binding = bind.binding;
	return TRANSLATED;
}

/* Who is sent to may answer, where that matters. */
static int learn(const struct job *job)
{
	if (READ_ONCE(job->rn->config.filtering) ==
	    ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT)
		return 0;
	return rnat_block_learn(job->binding, job->tuple.dst.ip);
}

static enum outcome outbound(struct job *job)
{
	const struct rnat_prefix *prefix = job->prefix;
	enum outcome outcome;
	int err;

	if (rnat_family_parse(job->skb, job->state->pf, &job->tuple))
		return drop(job, ROAMNAT_A_COUNTER_DROP_MALFORMED);
	if (rnat_family_is_on_link(&job->tuple))
		return PASS;
	if (job->tuple.l4 == RNAT_L4_ERROR)
		return outbound_error(job);

	err = rnat_tuple_key_src(&job->tuple, prefix->kind, prefix->zone,
				 &job->key);
	if (err == -EAGAIN)
		return drop(job, ROAMNAT_A_COUNTER_DROP_FRAGMENT);
	if (err)
		return drop(job, ROAMNAT_A_COUNTER_DROP_PROTOCOL);
	outcome = find_source(job);
	if (outcome != TRANSLATED)
		return outcome;
	outcome = judge(job, true);
	if (outcome != TRANSLATED)
		return outcome;
	if (job->binding && !job->asked && learn(job))
		return drop(job, ROAMNAT_A_COUNTER_DROP_MEMORY);
	err = rnat_rewrite_src(job->skb, &job->tuple, &job->map->pub.addr,
			       rnat_find_pub_port(job->map, job->binding));
	return rewritten(job, err, true);
}

static bool init_job(struct job *job, struct rnat_net *rn, struct sk_buff *skb,
		     const struct nf_hook_state *state)
{
	job->rn = rn;
	job->skb = skb;
	job->state = state;
	job->inside = rcu_dereference(rn->inside);
	job->prefix = NULL;
	job->map = NULL;
	job->binding = NULL;
	job->now = rnat_clock();
	job->reason = 0;
	job->resumed = false;
	job->asked = false;
	return job->inside;
}

/* Tries and holds until it is one or the other. True: the packet is held. */
static enum outcome run(struct job *job, enum outcome (*way)(struct job *job))
{
	enum outcome outcome;
	int looks, ret;

	for (looks = 0; looks < LOOK_MAX; looks++) {
		outcome = way(job);
		if (outcome != HOLD)
			return outcome;
		if (unlikely(job->asked)) {
			ret = rnat_upcall_peek(job->rn, job->skb, &job->key);
			return ret ? drop(job, ret) : HOLD;
		}
		ret = rnat_upcall_hold(job->rn, job->skb, job->state,
				       &job->key, &job->tuple, job->prefix);
		if (!ret)
			return HOLD;
		if (ret != -EAGAIN)
			return drop(job, ret);
	}
	return drop(job, ROAMNAT_A_COUNTER_DROP_STALE_HOLD);
}

/* Is this packet's source one that POST_ROUTING translates and counts? Its
 * interface may be configured by its own name or by that of its VRF.
 */
static bool is_from_inside(struct job *job)
{
	const struct net_device *in = job->state->in;
	u32 vrf = l3mdev_master_ifindex_rcu(in);
	u8 pf = job->state->pf;

	job->prefix = rnat_family_lookup_src(job->inside, job->skb, pf,
					     rnat_family_iif(job->skb, pf, in));
	if (!job->prefix && unlikely(vrf))
		job->prefix = rnat_family_lookup_src(job->inside, job->skb, pf,
						     vrf);
	return job->prefix;
}

static bool is_to_inside(const struct job *job)
{
	const struct net_device *out = job->state->out;
	u32 vrf = l3mdev_master_ifindex_rcu(out);
	u8 pf = job->state->pf;

	return rnat_family_lookup_dst(job->inside, job->skb, pf,
				      out->ifindex) ||
	       (unlikely(vrf) &&
		rnat_family_lookup_dst(job->inside, job->skb, pf, vrf));
}

static u32 pass_counter(const struct job *job)
{
	const struct net_device *in = job->state->in;
	u32 vrf = l3mdev_master_ifindex_rcu(in);

	return rnat_inside_has_iface(job->inside, in->ifindex) ||
	       (vrf && rnat_inside_has_iface(job->inside, vrf)) ?
	       ROAMNAT_A_COUNTER_PASS_NOT_INSIDE :
	       ROAMNAT_A_COUNTER_PASS_NOT_PUBLIC;
}

static enum outcome at_pre_routing(struct job *job)
{
	bool from_inside = is_from_inside(job);
	enum outcome outcome;

	job->prefix = NULL;
	outcome = run(job, inbound);
	if (outcome == PASS && !from_inside)
		job->reason = pass_counter(job);
	if (outcome != TRANSLATED)
		return outcome;
	/* A route that was found for the public address is void. */
	skb_dst_drop(job->skb);
	rnat_family_set_hairpin(job->skb, job->state->pf);
	if (!from_inside)
		job->reason = ROAMNAT_A_COUNTER_IN_TRANSLATED;
	return outcome;
}

static unsigned int conclude(const struct job *job, enum outcome outcome)
{
	if (outcome == HOLD)
		return NF_STOLEN;
	if (job->reason)
		rnat_stats_inc(job->rn, job->reason);
	if (outcome != DROP)
		return NF_ACCEPT;
	trace_rnat_drop(job->skb, job->reason);
	return NF_DROP;
}

static unsigned int pre_routing(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct rnat_net *rn = priv;
	struct job job;

	if (rnat_family_is_second_round(skb, state->pf, state->in))
		return NF_ACCEPT;
	if (unlikely(!init_job(&job, rn, skb, state))) {
		rnat_stats_inc(rn, ROAMNAT_A_COUNTER_PASS_NO_CONFIG);
		return NF_ACCEPT;
	}
	return conclude(&job, at_pre_routing(&job));
}

static unsigned int local_out(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	struct rnat_net *rn = priv;
	enum outcome outcome;
	struct job job;
	int err;

	if (unlikely(!init_job(&job, rn, skb, state)))
		return NF_ACCEPT;
	outcome = run(&job, inbound);
	if (outcome != TRANSLATED)
		return conclude(&job, outcome);
	rnat_stats_inc(rn, ROAMNAT_A_COUNTER_LOCAL_TRANSLATED);
	err = rnat_family_reroute(state, skb);
	return err < 0 ? NF_DROP_ERR(err) : NF_ACCEPT;
}

/*
 * An ICMP error of the gateway itself, about an inbound packet whose
 * destination was translated already: its quote must say the public side, or
 * the sender knows no such packet and path MTU discovery fails. The quote does
 * not tell the zone; where two tenants could be meant nothing is changed. Nor
 * is it for one to which the VM goes untranslated.
 */
static void mend_own_error(struct job *job)
{
	const struct rnat_inside *inside = job->inside;
	struct rnat_binding *binding = NULL, *its;
	struct rnat_map *map = NULL, *other;
	u8 pf = job->state->pf;
	struct rnat_key key;
	u32 i;

	if (rnat_family_parse(job->skb, pf, &job->tuple) ||
	    job->tuple.l4 != RNAT_L4_ERROR ||
	    rnat_icmp_quote(job->skb, &job->tuple, &job->quote))
		return;
	for (i = 0; i < inside->count; i++) {
		const struct rnat_prefix *p = &inside->prefix[i];

		if (rnat_inside_contains(p, pf, &job->tuple.dst))
			return;
		if (!rnat_inside_contains(p, pf, &job->quote.dst) ||
		    (pf == NFPROTO_IPV4 &&
		     rnat_exclude_match(inside, p, job->tuple.dst.ip)) ||
		    rnat_tuple_key_dst(&job->quote, p->kind, p->zone, &key))
			continue;
		other = rnat_find_private(job->rn, &key, p->kind, &its);
		if (map && other && map != other)
			return;
		if (other) {
			map = other;
			binding = its;
		}
	}
	if (map && !rnat_map_blocked(job->rn, map, job->now) &&
	    !rnat_icmp_rewrite_dst(job->skb, &job->tuple, &job->quote,
				   &map->pub.addr,
				   rnat_find_pub_port(map, binding)))
		rnat_stats_inc(job->rn, ROAMNAT_A_COUNTER_LOCAL_TRANSLATED);
}

/* Of what is its sender told by ICMP (RFC 5508, REQ-8; RFC 6888, REQ-11)? */
static bool is_told(u32 reason)
{
	return reason == ROAMNAT_A_COUNTER_DROP_REFUSED ||
	       reason == ROAMNAT_A_COUNTER_DROP_BLOCK_FULL ||
	       reason == ROAMNAT_A_COUNTER_DROP_BINDINGS_FULL;
}

static enum outcome at_post_routing(struct job *job)
{
	const struct nf_hook_state *state = job->state;
	bool hairpin = rnat_family_is_hairpin(job->skb, state->pf);
	enum outcome outcome;

	if (!is_from_inside(job))
		return PASS;
	if (!hairpin && is_to_inside(job)) {
		job->reason = ROAMNAT_A_COUNTER_PASS_INSIDE;
		return PASS;
	}
	/* A hairpin was sent to a public address, whatever it became. */
	if (!hairpin && state->pf == NFPROTO_IPV4 &&
	    rnat_exclude_match(job->inside, job->prefix,
			       ip_hdr(job->skb)->daddr)) {
		job->reason = ROAMNAT_A_COUNTER_PASS_EXCLUDED;
		return PASS;
	}
	outcome = run(job, outbound);
	if (outcome == PASS)
		job->reason = ROAMNAT_A_COUNTER_PASS_NOT_INSIDE;
	else if (outcome == TRANSLATED)
		job->reason = ROAMNAT_A_COUNTER_OUT_TRANSLATED;
	return outcome;
}

static unsigned int post_routing(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct rnat_net *rn = priv;
	enum outcome outcome;
	unsigned int verdict;
	struct job job;

	if (unlikely(!init_job(&job, rn, skb, state)))
		return NF_ACCEPT;
	if (!state->in) {
		if (rnat_family_is_icmp(skb, state->pf))
			mend_own_error(&job);
		return NF_ACCEPT;
	}
	outcome = at_post_routing(&job);
	verdict = conclude(&job, outcome);
	if (outcome == DROP && is_told(job.reason))
		rnat_unreach_send(rn, skb);
	return verdict;
}

bool rnat_hook_ask(struct rnat_net *rn, struct sk_buff *skb,
		   const struct nf_hook_state *state,
		   struct rnat_answer *answer)
{
	enum outcome outcome;
	struct job job;

	answer->hook = state->hook;
	if (!init_job(&job, rn, skb, state)) {
		answer->counter = ROAMNAT_A_COUNTER_PASS_NO_CONFIG;
		return false;
	}
	job.asked = true;
	outcome = state->hook == NF_INET_PRE_ROUTING ? at_pre_routing(&job) :
						       at_post_routing(&job);
	answer->counter = outcome == HOLD ? 0 : job.reason;
	if (job.map) {
		answer->id = job.map->id;
		answer->any_port = job.map->block && !job.binding;
	}
	return !job.reason && outcome != HOLD;
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

	rn->ops[base + index[hooknum]] = (struct nf_hook_ops) {
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
	BUILD_BUG_ON((int)NF_IP_PRI_CONNTRACK_DEFRAG !=
		     (int)NF_IP6_PRI_CONNTRACK_DEFRAG);
	BUILD_BUG_ON((int)NF_IP_PRI_LAST != (int)NF_IP6_PRI_LAST);
	init_op(rn, pre_routing, pf, NF_INET_PRE_ROUTING,
		NF_IP_PRI_CONNTRACK_DEFRAG + 10);
	init_op(rn, local_out, pf, NF_INET_LOCAL_OUT,
		NF_IP_PRI_CONNTRACK_DEFRAG + 10);
	init_op(rn, post_routing, pf, NF_INET_POST_ROUTING,
		NF_IP_PRI_LAST - 10);
}

void rnat_hook_init(struct rnat_net *rn)
{
	init_family(rn, NFPROTO_IPV4);
	init_family(rn, NFPROTO_IPV6);
}

/* Translates a held packet; the counter of what became of it. */
static u32 translate_held(struct job *job)
{
	const struct nf_hook_state *state = job->state;
	enum outcome outcome;
	int err;

	job->resumed = true;
	if (state->hook == NF_INET_POST_ROUTING) {
		if (!is_from_inside(job))
			return ROAMNAT_A_COUNTER_DROP_STALE_HOLD;
		outcome = outbound(job);
	} else {
		outcome = inbound(job);
	}
	if (outcome == DROP)
		return job->reason;
	if (outcome != TRANSLATED)
		return ROAMNAT_A_COUNTER_DROP_STALE_HOLD;

	switch (state->hook) {
	case NF_INET_PRE_ROUTING:
		skb_dst_drop(job->skb);
		rnat_family_set_hairpin(job->skb, state->pf);
		/* From inside, POST_ROUTING counts it. */
		return is_from_inside(job) ? 0 :
		       ROAMNAT_A_COUNTER_IN_TRANSLATED;
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
	u32 counter;
	struct job job;
	int i;

	e = rnat_family_hooks(&held->state);
	i = find_hook(rn, e, held->state.hook);
	if (i < 0 || !init_job(&job, rn, skb, &held->state))
		counter = ROAMNAT_A_COUNTER_DROP_FLUSHED;
	else
		counter = translate_held(&job);
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
