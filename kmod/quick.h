/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The packet that nearly all packets are: IPv4 without options, whole, TCP or UDP,
 * of a mapping that translates now. It becomes what translate.c would make of it,
 * in a tenth of the steps; whatever is not sure is left to translate.c.
 *
 * Inline, for the two functions of hook.c that all packets pass, and without anything
 * on the stack that has an address: that would cost as much as the look-up.
 */
#ifndef _RNAT_QUICK_H
#define _RNAT_QUICK_H

#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>

#include "binding.h"
#include "block.h"
#include "clock.h"
#include "family.h"
#include "find.h"
#include "hairpin.h"
#include "hash.h"
#include "judge.h"
#include "map.h"
#include "net.h"
#include "table.h"
#include "tuple.h"

/*
 * What rnat_quick_inbound() and rnat_quick_outbound() say: it is as it was; or it is
 * done and to be accepted, and the counter (ROAMNAT_A_COUNTER_*) that it ends in, 0 for
 * none in this hook. Under RCU, bottom halves off; for the hooks of IPv4.
 *
 * @hot: the first try. It calls no function, so that a packet on its way needs none of
 * the registers that calls would have to save, and gives up where one would be called:
 * more than one prefix, sessions, a header that is shared, a clock not yet read in this
 * tick. The second try does all of it.
 */
#define RNAT_QUICK_NO		-1
/* @hot only: this far it is sure, and rnat_quick_public() may know the rest. */
#define RNAT_QUICK_PUBLIC	-2

/* Debian's kernels are built so that all that is on the stack is zero first, which is
 * for those who forget to set what they read: eight instructions here.
 */
#if __has_attribute(__uninitialized__)
#define RNAT_UNSET __attribute__((__uninitialized__))
#else
#define RNAT_UNSET
#endif

/* What a packet becomes, before it does. */
struct rnat_quick {
	struct rnat_map *map;
	struct rnat_binding *binding;
	unsigned int at;	/* of the checksum, from the IP header on; 0: it has none */
	unsigned int len;	/* of the headers that are written to */
	__be16 port;		/* to write, 0: as it is */
	bool tcp;
	bool summed;		/* more than the checksum is to be mended */
	u64 now;
};

static __always_inline const struct tcphdr *
tcp_hdr_of(const struct iphdr *ip)
{
	return (const struct tcphdr *)(ip + 1);
}

/* Has the skb a sum, or one that is pending, of a packet without a checksum, or is it
 * pending somewhere else, in a tunnel?
 */
static __always_inline bool is_odd_sum(const struct sk_buff *skb, unsigned int l4,
				       bool absent)
{
	return absent || (skb->ip_summed == CHECKSUM_PARTIAL && !skb_is_gso(skb) &&
			  skb_checksum_start_offset(skb) != l4);
}

/*
 * Where the TCP or UDP checksum is, from the IP header on, and what else can be said of
 * such a packet, whose header is @l4 bytes from there; false if it is not of the kind
 * that this file knows. skb->data is at the IP header in all hooks, and the packet no
 * longer than its IP header says.
 */
static __always_inline bool read_l4(const struct sk_buff *skb, const void *ip,
				    unsigned int l4, u8 proto,
				    struct rnat_quick *quick)
{
	const struct udphdr *udp = ip + l4;
	bool absent = false;

	quick->tcp = proto == IPPROTO_TCP;
	if (!quick->tcp) {
		quick->len = l4 + sizeof(struct udphdr);
		quick->at = l4 + offsetof(struct udphdr, check);
		if (unlikely(proto != IPPROTO_UDP ||
			     skb_headlen(skb) < quick->len))
			return false;
		/* From 8 to what there is. */
		if (unlikely(ntohs(udp->len) - sizeof(*udp) >
			     skb->len - quick->len))
			return false;
		absent = !udp->check;
	} else {
		quick->len = l4 + sizeof(struct tcphdr);
		quick->at = l4 + offsetof(struct tcphdr, check);
		if (unlikely(skb_headlen(skb) < quick->len))
			return false;
	}
	quick->summed = skb->ip_summed == CHECKSUM_PARTIAL ||
			skb->ip_summed == CHECKSUM_COMPLETE;
	if (unlikely(quick->summed) && is_odd_sum(skb, l4, absent))
		return false;
	if (absent)
		quick->at = 0;
	return true;
}

static __always_inline bool read_ip(const struct sk_buff *skb,
				    const struct iphdr *ip,
				    struct rnat_quick *quick)
{
	return likely(*(const u8 *)ip == 0x45 && !ip_is_fragment(ip)) &&
	       read_l4(skb, ip, sizeof(*ip), ip->protocol, quick);
}

static __always_inline void
mend_l4(struct sk_buff *skb, __sum16 *check, const struct rnat_quick *quick,
	__be32 from, __be32 to, __be16 port_from, __be16 port_to)
{
	if (likely(!quick->summed))
		csum_replace4(check, from, to);
	else
		inet_proto_csum_replace4(check, skb, from, to, true);
	if (port_from != port_to)
		inet_proto_csum_replace2(check, skb, port_from, port_to, false);
	if (!quick->tcp && !*check)
		*check = CSUM_MANGLED_0;
}

static __always_inline bool is_writable(struct sk_buff *skb,
					const struct rnat_quick *quick)
{
	/* As skb_ensure_writable(), of what is in the head already. */
	return likely(!skb_cloned(skb)) || skb_clone_writable(skb, quick->len) ||
	       !pskb_expand_head(skb, 0, 0, GFP_ATOMIC);
}

static __always_inline void
rewrite(struct sk_buff *skb, struct iphdr *ip, const struct rnat_quick *quick,
	bool source, __be32 to)
{
	__be16 *port = (__be16 *)(ip + 1) + !source;
	__be32 *addr = source ? &ip->saddr : &ip->daddr;
	__be32 from = *addr;

	if (quick->at)
		mend_l4(skb, (__sum16 *)((u8 *)ip + quick->at), quick, from, to,
			*port, quick->port ?: *port);
	if (quick->port)
		*port = quick->port;
	csum_replace4(&ip->check, from, to);
	*addr = to;
}

/* Out of line, so that the tuple is not on everybody's stack. */
static noinline void rnat_quick_segment(struct rnat_net *rn,
					struct rnat_binding *binding,
					struct sk_buff *skb, u64 now,
					bool outbound, bool use)
{
	const struct iphdr *ip = ip_hdr(skb);
	struct rnat_tuple t = {
		.src.ip = ip->saddr,
		.dst.ip = ip->daddr,
		.sport = tcp_hdr_of(ip)->source,
		.dport = tcp_hdr_of(ip)->dest,
		.family = NFPROTO_IPV4,
		.proto = IPPROTO_TCP,
		.l4 = RNAT_L4_PORTS,
		.thoff = sizeof(*ip),
	};

	rnat_block_use(rn, binding, skb, &t, now, outbound, use);
}

/* Restarts timers as rewritten() in translate.c does. */
static __always_inline void mark(struct rnat_net *rn, struct sk_buff *skb,
				 const struct iphdr *ip,
				 const struct rnat_quick *quick, bool outbound)
{
	bool use = true;

	if (!outbound)
		use = READ_ONCE(rn->config.inbound_refresh);
	else if (quick->tcp)
		use = !tcp_hdr_of(ip)->rst;
	rnat_map_mark_translated(quick->map, quick->now, use);
	if (!quick->binding)
		return;
	if (quick->tcp)
		rnat_quick_segment(rn, quick->binding, skb, quick->now,
				   outbound, use);
	else if (use)
		rnat_binding_mark(quick->binding, quick->now);
}

/* All words of a key of IPv4 that are not zero. */
struct quick_key {
	__be32 addr;
	u32 zone;
	u32 tail;
};

static __always_inline struct quick_key quick_key(__be32 addr, u32 zone,
						  __be16 port, u8 proto)
{
	return (struct quick_key) {
		.addr = addr,
		.zone = zone,
		.tail = rnat_hash_tail(port, proto, NFPROTO_IPV4),
	};
}

static __always_inline bool is_key(const struct rnat_key *key,
				   struct quick_key wanted)
{
	const u32 *word = (const u32 *)key;

	return key->addr.ip == wanted.addr && word[4] == wanted.zone &&
	       word[5] == wanted.tail;
}

/*
 * The first in a bucket of rhashtable's, NULL if it is empty. A mapping that is found is
 * there; one that is not may be in a table that is being resized, or in one that had to
 * be nested for want of memory, which translate.c looks for.
 */
static __always_inline struct rhash_head *
first_of(const struct bucket_table *tbl, u32 hash)
{
	unsigned long first;

	if (unlikely(tbl->nest))
		return NULL;
	first = (unsigned long)rcu_dereference(tbl->buckets[hash &
							    (tbl->size - 1)]);
	/* The bit is its lock. */
	return (struct rhash_head *)(first & ~BIT(0));
}

/* The next one, NULL behind the last. */
static __always_inline struct rhash_head *next_of(const struct rhash_head *head)
{
	head = rcu_dereference(head->next);
	return rht_is_a_nulls(head) ? NULL : (struct rhash_head *)head;
}

static __always_inline struct rnat_map *
find_map(struct rhashtable *ht, struct quick_key key, bool priv)
{
	const struct bucket_table *tbl = rht_dereference_rcu(ht->tbl, ht);
	struct rhash_head *head =
		first_of(tbl, rnat_hash_words((__force u32)key.addr, key.zone,
					      key.tail, tbl->hash_rnd));
	struct rnat_map *map;

	for (; head; head = next_of(head)) {
		map = priv ? container_of(head, struct rnat_map, by_priv) :
			     container_of(head, struct rnat_map, by_pub);
		if (is_key(priv ? &map->priv : &map->pub, key))
			return map;
	}
	return NULL;
}

static __always_inline struct rnat_binding *
find_binding(struct rhashtable *ht, struct quick_key key, bool priv)
{
	const struct bucket_table *tbl = rht_dereference_rcu(ht->tbl, ht);
	struct rhash_head *head =
		first_of(tbl, rnat_hash_words((__force u32)key.addr, key.zone,
					      key.tail, tbl->hash_rnd));
	struct rnat_binding *binding;
	const struct rnat_key *side;

	for (; head; head = next_of(head)) {
		binding = priv ?
			container_of(head, struct rnat_binding, by_priv) :
			container_of(head, struct rnat_binding, by_pub);
		if (rnat_hash_tail(priv ? binding->priv_port :
					  binding->pub_port,
				   binding->proto, NFPROTO_IPV4) != key.tail)
			continue;
		side = priv ? &binding->map->priv : &binding->map->pub;
		if (side->addr.ip == key.addr && side->zone == key.zone)
			return binding;
	}
	return NULL;
}

/* As rnat_find_public(). */
static __always_inline struct rnat_map *
find_public(struct rnat_net *rn, const struct iphdr *ip,
	    struct rnat_binding **binding)
{
	struct rnat_table *table = &rn->table;
	struct rnat_map *map = NULL;
	struct quick_key key;

	*binding = NULL;
	if (READ_ONCE(table->shared)) {
		key = quick_key(ip->daddr, 0, ((const __be16 *)(ip + 1))[1],
				ip->protocol);
		if (READ_ONCE(table->orders))
			*binding = find_binding(&rn->bindings.by_pub, key,
						false);
		if (*binding)
			return rnat_binding_is_open(*binding) ?
			       (*binding)->map : NULL;
		if (READ_ONCE(table->ports))
			map = find_map(&table->by_pub, key, false);
		/* Else the compiler does a part of this before it is known whether it is needed. */
		barrier();
	}
	if (!map)
		map = find_map(&table->by_pub, quick_key(ip->daddr, 0, 0, 0), false);
	/* A block that begins at port 0 has the key of an address. */
	return map && !map->order ? map : NULL;
}

static __always_inline bool is_plain(const struct net_device *dev)
{
	return !(dev->priv_flags & (IFF_L3MDEV_MASTER | IFF_L3MDEV_SLAVE));
}

/* The clock for it, or false: @hot, and it has to be read. */
static __always_inline bool take_clock(struct rnat_quick *quick, bool hot)
{
	if (hot && !rnat_clock_is_seen())
		return false;
	quick->now = hot ? __this_cpu_read(rnat_clock_seen.now) :
			   rnat_clock_packet();
	return true;
}

/* False: it is not sure that this packet, which may be to a public address, is
 * translated. Nothing has changed.
 */
static __always_inline bool rnat_quick_find_in(struct rnat_net *rn,
					       struct rnat_inside *inside,
					       struct sk_buff *skb,
					       struct rnat_quick *quick)
{
	const struct iphdr *ip = ip_hdr(skb);

	if (!read_ip(skb, ip, quick) || inside->has_marks ||
	    READ_ONCE(rn->config.filtering) !=
	    ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT)
		return false;
	quick->map = find_public(rn, ip, &quick->binding);
	if (!quick->map)
		return false;
	quick->now = rnat_clock_packet();
	if (!rnat_judge_is_clear(rn, quick->map, quick->now))
		return false;
	quick->port = quick->binding ? quick->binding->priv_port :
				       quick->map->priv.port;
	return true;
}

/* The binding, or the mapping of one port, of which it is; its port to write. */
static __always_inline bool find_port(struct rnat_net *rn,
				      const struct rnat_prefix *prefix,
				      const struct iphdr *ip,
				      struct rnat_quick *quick)
{
	struct quick_key key = quick_key(ip->saddr, prefix->zone,
					 *(const __be16 *)(ip + 1),
					 ip->protocol);

	if (prefix->kind == ROAMNAT_KIND_PORT) {
		quick->map = find_map(&rn->table.by_priv, key, true);
		if (!quick->map)
			return false;
		quick->port = quick->map->pub.port;
		return true;
	}
	quick->binding = find_binding(&rn->bindings.by_priv, key, true);
	if (!quick->binding || !rnat_binding_is_open(quick->binding) ||
	    READ_ONCE(rn->config.filtering) !=
	    ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT)
		return false;
	quick->map = quick->binding->map;
	quick->port = quick->binding->pub_port;
	return true;
}

/* The same as rnat_quick_find_in() of one whose source is in @prefix, and which does not
 * go to the inside nor to an excluded destination. @hot: the prefix is of addresses.
 */
static __always_inline bool rnat_quick_find_out(struct rnat_net *rn,
						const struct rnat_prefix *prefix,
						struct sk_buff *skb,
						struct rnat_quick *quick,
						bool hot)
{
	const struct iphdr *ip = ip_hdr(skb);

	if (!read_ip(skb, ip, quick))
		return false;
	quick->binding = NULL;
	quick->port = 0;
	if (hot || prefix->kind == ROAMNAT_KIND_ADDRESS) {
		quick->map = find_map(&rn->table.by_priv,
				      quick_key(ip->saddr, prefix->zone, 0, 0),
				      true);
		/* Blocks, of when the prefix was of another kind, are left. */
		if (!quick->map || unlikely(quick->map->order))
			return false;
	} else if (!find_port(rn, prefix, ip, quick)) {
		return false;
	}
	return take_clock(quick, hot) &&
	       rnat_judge_is_clear(rn, quick->map, quick->now);
}

/* Of a packet that is writable. */
static __always_inline void rnat_quick_write(struct rnat_net *rn,
					     struct sk_buff *skb,
					     const struct rnat_quick *quick,
					     bool outbound)
{
	struct iphdr *ip = ip_hdr(skb);

	mark(rn, skb, ip, quick, outbound);
	rewrite(skb, ip, quick, outbound,
		outbound ? quick->map->pub.addr.ip : quick->map->priv.addr.ip);
}

/* One that may be to a public address. */
static __always_inline int
rnat_quick_public(struct rnat_net *rn, struct rnat_inside *inside,
		  struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct rnat_quick quick RNAT_UNSET;

	if (!rnat_quick_find_in(rn, inside, skb, &quick) ||
	    !is_writable(skb, &quick))
		return RNAT_QUICK_NO;
	rnat_quick_write(rn, skb, &quick, false);
	skb_dst_drop(skb);
	rnat_family_set_hairpin(skb, NFPROTO_IPV4);
	if (!rnat_inside_lookup(inside, state->in->ifindex, ip_hdr(skb)->saddr))
		return ROAMNAT_A_COUNTER_IN_TRANSLATED;
	/* POST_ROUTING counts it. */
	rnat_hairpin_note(rn, skb, NFPROTO_IPV4);
	return 0;
}

static __always_inline int
rnat_quick_inbound(struct rnat_net *rn, struct rnat_inside *inside,
		   struct sk_buff *skb, const struct nf_hook_state *state,
		   bool hot)
{
	const struct iphdr *ip = ip_hdr(skb);
	u32 ifindex = state->in->ifindex;

	if (unlikely(!is_plain(state->in)))
		return RNAT_QUICK_NO;
	if (rnat_table_may_be_public(&rn->table, ip->daddr))
		return hot ? RNAT_QUICK_PUBLIC :
			     rnat_quick_public(rn, inside, skb, state);
	if (inside->count4 == 1) {
		if (rnat_inside_lookup_only(inside, ifindex, ip->saddr))
			return 0;
	} else if (!hot && rnat_inside_lookup(inside, ifindex, ip->saddr)) {
		return 0;
	}
	return rnat_inside_may_be(inside, ifindex) ?
	       RNAT_QUICK_NO : ROAMNAT_A_COUNTER_PASS_NOT_PUBLIC;
}

/* Perhaps between two VMs, or between networks inside; perhaps excluded. */
static __always_inline bool is_near(struct rnat_inside *inside,
				    const struct rnat_prefix *prefix,
				    const struct sk_buff *skb, u8 pf,
				    const struct net_device *out, bool hot)
{
	if (rnat_family_is_hairpin(skb, pf) || !is_plain(out))
		return true;
	if (hot)
		return out->ifindex == prefix->ifindex;
	return inside->n_exclude || rnat_inside_may_be(inside, out->ifindex);
}

static __always_inline int
rnat_quick_outbound(struct rnat_net *rn, struct rnat_inside *inside,
		    struct sk_buff *skb, const struct nf_hook_state *state,
		    bool hot)
{
	const struct rnat_prefix *prefix;
	struct rnat_quick quick RNAT_UNSET;

	if (unlikely(!state->in || !is_plain(state->in)) ||
	    (hot && !inside->is_one))
		return RNAT_QUICK_NO;
	prefix = hot ? rnat_inside_lookup_only(inside, state->in->ifindex,
					       ip_hdr(skb)->saddr) :
		       rnat_inside_lookup(inside, state->in->ifindex,
					  ip_hdr(skb)->saddr);
	if (!prefix)
		return 0;
	if (is_near(inside, prefix, skb, NFPROTO_IPV4, state->out, hot) ||
	    !rnat_quick_find_out(rn, prefix, skb, &quick, hot))
		return RNAT_QUICK_NO;
	if (hot ? skb_cloned(skb) || quick.summed : !is_writable(skb, &quick))
		return RNAT_QUICK_NO;
	rnat_quick_write(rn, skb, &quick, true);
	return ROAMNAT_A_COUNTER_OUT_TRANSLATED;
}

#endif
