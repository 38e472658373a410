// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of one packet whose hook is known: found, judged, rewritten.
 * What is held, counted and dropped is the hook's business.
 */
#include "translate.h"

#include "bind.h"
#include "block.h"
#include "exclude.h"
#include "family.h"
#include "find.h"
#include "forward.h"
#include "hairpin.h"
#include "icmp.h"
#include "net.h"
#include "rewrite.h"
#include "tcp.h"

static enum rnat_outcome drop(struct rnat_job *job, u32 reason)
{
	job->reason = reason;
	return RNAT_DROP;
}

enum rnat_outcome rnat_translate_drop(struct rnat_job *job, u32 reason)
{
	return drop(job, reason);
}

/*
 * Nothing is forwarded twice, so nothing goes in a circle, whatever gateways
 * think of each other. What an own mapping has translated already, so that it
 * is on its way to a neighbour, is not understood elsewhere.
 */
static enum rnat_outcome forward(struct rnat_job *job, bool outbound)
{
	if (job->way)
		return drop(job, ROAMNAT_A_COUNTER_DROP_FORWARD_AGAIN);
	if (outbound && rnat_family_is_hairpin(job->skb, job->state->pf))
		return drop(job, ROAMNAT_A_COUNTER_DROP_MOVING_OUT);
	job->reason = outbound ? ROAMNAT_A_COUNTER_FORWARDED_OUT :
				 ROAMNAT_A_COUNTER_FORWARDED_IN;
	return RNAT_FORWARD;
}

static enum rnat_outcome judge(struct rnat_job *job, bool outbound)
{
	u32 what;

	/* As if it were not here: its sender is translated on the way out, and
	 * the packet comes to whoever the public address is routed to.
	 */
	if (!outbound && job->near && rnat_map_is_leaving(job->map))
		return RNAT_PASS;
	what = job->resumed ?
		       rnat_map_judge_held(job->rn, job->map, job->now) :
		       rnat_map_judge(job->rn, job->map, job->now, outbound);
	switch (what) {
	case RNAT_MAP_TRANSLATE:
		return RNAT_TRANSLATED;
	case RNAT_MAP_FORWARD:
		return forward(job, outbound);
	case RNAT_MAP_HOLD:
		job->key = job->map->priv;
		return RNAT_HOLD;
	case RNAT_MAP_NONE:
		return RNAT_PASS;
	}
	return drop(job, what);
}

/* Does it restart idle timers? An ICMP error never does, nor what a VM answers
 * to strangers by (RFC 7857, section 7.1).
 */
static bool is_use(const struct rnat_job *job, bool outbound)
{
	const struct rnat_tuple *t = &job->tuple;

	if (t->l4 == RNAT_L4_ERROR)
		return false;
	if (!outbound)
		return READ_ONCE(job->rn->config.inbound_refresh);
	return t->l4 != RNAT_L4_PORTS || t->proto != IPPROTO_TCP ||
	       !(rnat_tcp_flags(job->skb, t) & RNAT_TCP_FLAG_RST);
}

static enum rnat_outcome rewritten(struct rnat_job *job, int err, bool outbound)
{
	bool use;

	if (likely(!err)) {
		if (unlikely(job->asked))
			return RNAT_TRANSLATED;
		use = is_use(job, outbound);
		rnat_map_mark_translated(job->map, job->now, use);
		if (job->binding && job->tuple.l4 != RNAT_L4_ERROR)
			rnat_block_use(job->rn, job->binding, job->skb,
				       &job->tuple, job->now, outbound, use);
		return RNAT_TRANSLATED;
	}
	return drop(job, err == -ENOMEM ? ROAMNAT_A_COUNTER_DROP_MEMORY :
				      ROAMNAT_A_COUNTER_DROP_MALFORMED);
}

/* The mapping that has all of the packet's destination address. */
static struct rnat_map *lookup_whole(struct rnat_job *job)
{
	struct rnat_key key;

	rnat_family_dst_key(job->skb, job->state->pf, &key);
	return rnat_find_whole(job->rn, &key);
}

/* An ICMP error to a public address belongs to the mapping that sent what it
 * quotes. Only where the whole address is ours is one without a mapping
 * nobody's.
 */
static enum rnat_outcome find_quoted(struct rnat_job *job)
{
	struct rnat_map *map = NULL;

	if (!rnat_icmp_quote(job->skb, &job->tuple, &job->quote))
		map = rnat_find_public(job->rn, &job->quote, rnat_tuple_key_src,
				       &job->binding);
	if (map && nf_inet_addr_cmp(&map->pub.addr, &job->tuple.dst)) {
		job->map = map;
		return RNAT_TRANSLATED;
	}
	if (lookup_whole(job))
		return drop(job, ROAMNAT_A_COUNTER_DROP_ICMP_QUOTE);
	return RNAT_PASS;
}

/* So that policy routing and conntrack zones can tell tenants apart. */
static void set_mark(struct rnat_job *job)
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
static bool is_filtered(const struct rnat_job *job)
{
	return READ_ONCE(job->rn->config.filtering) ==
		       ROAMNAT_FILTERING_ADDRESS_DEPENDENT &&
	       !rnat_binding_knows(job->binding, job->tuple.src.ip);
}

enum rnat_outcome rnat_translate_inbound(struct rnat_job *job)
{
	const struct rnat_key *to;
	enum rnat_outcome outcome;
	__be16 port;
	int err = 0;

	if (rnat_family_parse(job->skb, job->state->pf, &job->tuple)) {
		/* Not ours to judge unless the address is. */
		if (lookup_whole(job))
			return drop(job, ROAMNAT_A_COUNTER_DROP_MALFORMED);
		return RNAT_PASS;
	}
	if (rnat_family_is_on_link(&job->tuple))
		return RNAT_PASS;
	if (job->tuple.l4 == RNAT_L4_ERROR) {
		outcome = find_quoted(job);
		if (outcome != RNAT_TRANSLATED)
			return outcome;
	} else {
		job->map = rnat_find_public(job->rn, &job->tuple,
					    rnat_tuple_key_dst, &job->binding);
		if (!job->map)
			return rnat_find_is_block(job->rn, &job->tuple) ?
				       drop(job, ROAMNAT_A_COUNTER_DROP_NO_BINDING) :
				       RNAT_PASS;
		if (job->binding && is_filtered(job))
			return drop(job, ROAMNAT_A_COUNTER_DROP_FILTERED);
	}
	outcome = judge(job, false);
	if (outcome != RNAT_TRANSLATED)
		return outcome;

	to = &job->map->priv;
	port = rnat_find_priv_port(job->map, job->binding);
	if (job->tuple.l4 == RNAT_L4_ERROR)
		err = rnat_icmp_rewrite_src(job->skb, &job->tuple, &job->quote,
					    &to->addr, port);
	if (!err)
		err = rnat_rewrite_dst(job->skb, &job->tuple, &to->addr,
				       job->tuple.l4 == RNAT_L4_ERROR ? 0 :
									port);
	if (!err)
		set_mark(job);
	return rewritten(job, err, false);
}

/* An ICMP error from a VM, about a packet that was sent to a public side. */
static enum rnat_outcome outbound_error(struct rnat_job *job)
{
	const struct rnat_key *to, *outer;
	const struct rnat_prefix *prefix = job->prefix;
	struct rnat_map *map;
	struct rnat_key key;
	enum rnat_outcome outcome;
	int err;

	if (rnat_icmp_quote(job->skb, &job->tuple, &job->quote) ||
	    rnat_tuple_key_dst(&job->quote, prefix->kind, prefix->zone, &key))
		return drop(job, ROAMNAT_A_COUNTER_DROP_ICMP_QUOTE);
	job->map =
		rnat_find_private(job->rn, &key, prefix->kind, &job->binding);
	if (!job->map)
		return drop(job, ROAMNAT_A_COUNTER_DROP_ICMP_QUOTE);
	outcome = judge(job, true);
	if (outcome != RNAT_TRANSLATED)
		return outcome;

	to = &job->map->pub;
	outer = to;
	/* From a VM that routes for the one the packet went to: as itself if it
	 * has a public address, else as ours (RFC 5508, REQ-5c).
	 */
	if (!nf_inet_addr_cmp(&job->tuple.src, &job->map->priv.addr) &&
	    !rnat_tuple_key_src(&job->tuple, ROAMNAT_KIND_ADDRESS, prefix->zone,
				&key)) {
		map = rnat_table_lookup_priv(&job->rn->table, &key);
		if (map && !map->block &&
		    !rnat_map_blocked(job->rn, map, job->now))
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
static enum rnat_outcome find_source(struct rnat_job *job)
{
	struct rnat_bind bind = {
		.rn = job->rn,
		.skb = job->skb,
		.tuple = &job->tuple,
		.prefix = job->prefix,
		.now = job->now,
		.resumed = job->resumed,
		.asked = job->asked,
		.forwarded = job->way,
		.key = &job->key,
	};
	u32 what;

	if (job->prefix->kind != ROAMNAT_KIND_BLOCK) {
		job->map = rnat_table_lookup_priv(&job->rn->table, &job->key);
		/* A VM's first block has the key of an address. It is left when
		 * its prefix is configured anew, and its address is shared.
		 */
		if (job->map && job->map->block)
			return drop(job, ROAMNAT_A_COUNTER_DROP_NO_BINDING);
		if (job->map)
			return RNAT_TRANSLATED;
		return job->resumed ?
			       drop(job, ROAMNAT_A_COUNTER_DROP_STALE_HOLD) :
			       RNAT_HOLD;
	}
	what = rnat_bind_source(&bind);
	job->map = bind.map;
	if (what == RNAT_MAP_HOLD)
		return RNAT_HOLD;
	if (what == RNAT_MAP_FORWARD)
		return forward(job, true);
	if (what != RNAT_MAP_TRANSLATE)
		return drop(job, what);
	job->binding = bind.binding;
	return RNAT_TRANSLATED;
}

/* Who is sent to may answer, where that matters. */
static int learn(const struct rnat_job *job)
{
	if (READ_ONCE(job->rn->config.filtering) ==
	    ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT)
		return 0;
	return rnat_block_learn(job->binding, job->tuple.dst.ip);
}

enum rnat_outcome rnat_translate_outbound(struct rnat_job *job)
{
	const struct rnat_prefix *prefix = job->prefix;
	enum rnat_outcome outcome;
	int err;

	if (rnat_family_parse(job->skb, job->state->pf, &job->tuple))
		return drop(job, ROAMNAT_A_COUNTER_DROP_MALFORMED);
	if (rnat_family_is_on_link(&job->tuple))
		return RNAT_PASS;
	if (job->tuple.l4 == RNAT_L4_ERROR)
		return outbound_error(job);

	err = rnat_tuple_key_src(&job->tuple, prefix->kind, prefix->zone,
				 &job->key);
	if (err == -EAGAIN)
		return drop(job, ROAMNAT_A_COUNTER_DROP_FRAGMENT);
	if (err)
		return drop(job, ROAMNAT_A_COUNTER_DROP_PROTOCOL);
	outcome = find_source(job);
	if (outcome != RNAT_TRANSLATED)
		return outcome;
	outcome = judge(job, true);
	if (outcome != RNAT_TRANSLATED)
		return outcome;
	if (job->binding && !job->asked && learn(job))
		return drop(job, ROAMNAT_A_COUNTER_DROP_MEMORY);
	err = rnat_rewrite_src(job->skb, &job->tuple, &job->map->pub.addr,
			       rnat_find_pub_port(job->map, job->binding));
	return rewritten(job, err, true);
}

void rnat_translate_own_error(struct rnat_job *job)
{
	const struct rnat_inside *inside = job->inside;
	struct rnat_binding *binding = NULL, *its;
	struct rnat_map *map = NULL, *other;
	u8 pf = job->state->pf;
	struct rnat_key key;
	bool hairpin;
	u32 i;

	if (rnat_family_parse(job->skb, pf, &job->tuple) ||
	    job->tuple.l4 != RNAT_L4_ERROR ||
	    rnat_icmp_quote(job->skb, &job->tuple, &job->quote))
		return;
	hairpin = rnat_hairpin_was_last(job->rn, job->skb, &job->quote);
	for (i = 0; i < inside->count; i++) {
		const struct rnat_prefix *p = &inside->prefix[i];

		if (!hairpin && rnat_inside_contains(p, pf, &job->tuple.dst))
			return;
		if (!rnat_inside_contains(p, pf, &job->quote.dst) ||
		    (!hairpin && rnat_exclude_match(inside, p, &job->tuple.dst)) ||
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

bool rnat_translate_init(struct rnat_job *job, struct rnat_net *rn,
			 struct sk_buff *skb, const struct nf_hook_state *state)
{
	job->rn = rn;
	job->skb = skb;
	job->state = state;
	job->inside = rcu_dereference(rn->inside);
	job->prefix = NULL;
	job->map = NULL;
	job->binding = NULL;
	job->way = state->in ? rnat_forward_from(rn, state->in->ifindex) : NULL;
	job->now = rnat_clock();
	job->reason = 0;
	job->resumed = false;
	job->asked = false;
	job->near = false;
	return job->inside;
}
