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
 */
#define RNAT_QUICK_NO	-1

static __always_inline const struct tcphdr *
tcp_hdr_of(const struct iphdr *ip)
{
	return (const struct tcphdr *)(ip + 1);
}

static __always_inline bool is_absent(const struct iphdr *ip)
{
	return ip->protocol == IPPROTO_UDP &&
	       !((const struct udphdr *)(ip + 1))->check;
}

/* Where its checksum is, from the IPv4 header on; 0 for a packet that is not of
 * the kind that this file knows.
 */
static __always_inline unsigned int
check_at(const struct sk_buff *skb, const struct iphdr *ip)
{
	const u8 *l4 = (const u8 *)(ip + 1);
	unsigned int len, at;

	if (unlikely(*(const u8 *)ip != 0x45 || ip_is_fragment(ip)))
		return 0;
	if (ip->protocol == IPPROTO_UDP) {
		len = sizeof(*ip) + sizeof(struct udphdr);
		at = sizeof(*ip) + offsetof(struct udphdr, check);
	} else if (ip->protocol == IPPROTO_TCP) {
		len = sizeof(*ip) + sizeof(struct tcphdr);
		at = sizeof(*ip) + offsetof(struct tcphdr, check);
	} else {
		return 0;
	}
	/* skb->data is at the IPv4 header in all hooks. */
	if (unlikely(skb_headlen(skb) < len || ntohs(ip->tot_len) < len))
		return 0;
	if (ip->protocol == IPPROTO_UDP) {
		const struct udphdr *udp = (const struct udphdr *)l4;

		len = ntohs(udp->len);
		if (unlikely(len < sizeof(*udp) ||
			     len > ntohs(ip->tot_len) - sizeof(*ip)))
			return 0;
	}
	if (unlikely(is_absent(ip) && skb->ip_summed != CHECKSUM_NONE &&
		     skb->ip_summed != CHECKSUM_UNNECESSARY))
		return 0;
	/* One that is pending somewhere else: the packet is a tunnel. */
	if (skb->ip_summed == CHECKSUM_PARTIAL && !skb_is_gso(skb) &&
	    skb_checksum_start_offset(skb) != sizeof(*ip))
		return 0;
	return at;
}

static __always_inline void
mend_l4(struct sk_buff *skb, __sum16 *check, __be32 from, __be32 to,
	__be16 port_from, __be16 port_to)
{
	if (likely(skb->ip_summed == CHECKSUM_NONE ||
		   skb->ip_summed == CHECKSUM_UNNECESSARY))
		csum_replace4(check, from, to);
	else
		inet_proto_csum_replace4(check, skb, from, to, true);
	if (port_from != port_to)
		inet_proto_csum_replace2(check, skb, port_from, port_to, false);
}

static __always_inline bool is_writable(struct sk_buff *skb, unsigned int at)
{
	return !skb_cloned(skb) ||
	       !skb_ensure_writable(skb, at + sizeof(__sum16));
}

/* @at: of the checksum. @to_port 0: the port stays. */
static __always_inline void
rewrite(struct sk_buff *skb, unsigned int at, bool source,
	__be32 to, __be16 to_port)
{
	struct iphdr *ip = ip_hdr(skb);
	__sum16 *check = (__sum16 *)((u8 *)ip + at);
	__be16 *port = (__be16 *)(ip + 1) + !source;
	__be32 *addr = source ? &ip->saddr : &ip->daddr;
	__be32 from = *addr;

	to_port = to_port ?: *port;
	if (likely(!is_absent(ip))) {
		mend_l4(skb, check, from, to, *port, to_port);
		if (ip->protocol == IPPROTO_UDP && !*check)
			*check = CSUM_MANGLED_0;
	}
	*port = to_port;
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
static __always_inline void mark(struct rnat_net *rn, struct rnat_map *map,
				 struct rnat_binding *binding,
				 struct sk_buff *skb, u64 now, bool outbound)
{
	const struct iphdr *ip = ip_hdr(skb);
	bool tcp = ip->protocol == IPPROTO_TCP;
	bool use = true;

	if (!outbound)
		use = READ_ONCE(rn->config.inbound_refresh);
	else if (tcp)
		use = !tcp_hdr_of(ip)->rst;
	rnat_map_mark_translated(map, now, use);
	if (!binding)
		return;
	if (tcp)
		rnat_quick_segment(rn, binding, skb, now, outbound, use);
	else if (use)
		rnat_binding_mark(binding, now);
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

/* A mapping that is found is there; one that is not may be in a table that is
 * being resized, which translate.c looks for.
 */
static __always_inline struct rnat_map *
find_map(struct rhashtable *ht, struct quick_key key, bool priv)
{
	const struct bucket_table *tbl = rht_dereference_rcu(ht->tbl, ht);
	u32 hash = rnat_hash_words((__force u32)key.addr, key.zone, key.tail,
				   tbl->hash_rnd) & (tbl->size - 1);
	struct rhash_lock_head __rcu *const *bucket = rht_bucket(tbl, hash);
	struct rhash_head *head;
	struct rnat_map *map;

	rht_for_each_rcu_from(head, rht_ptr_rcu(bucket), tbl, hash) {
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
	u32 hash = rnat_hash_words((__force u32)key.addr, key.zone, key.tail,
				   tbl->hash_rnd) & (tbl->size - 1);
	struct rhash_lock_head __rcu *const *bucket = rht_bucket(tbl, hash);
	struct rnat_binding *binding;
	const struct rnat_key *side;
	struct rhash_head *head;

	rht_for_each_rcu_from(head, rht_ptr_rcu(bucket), tbl, hash) {
		binding = priv ?
			container_of(head, struct rnat_binding, by_priv) :
			container_of(head, struct rnat_binding, by_pub);
		side = priv ? &binding->map->priv : &binding->map->pub;
		if (rnat_hash_tail(priv ? binding->priv_port :
					  binding->pub_port,
				   binding->proto, NFPROTO_IPV4) == key.tail &&
		    side->addr.ip == key.addr && side->zone == key.zone)
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
	__be16 port = ((const __be16 *)(ip + 1))[1];
	struct rnat_map *map;
	struct quick_key key;

	*binding = NULL;
	if (READ_ONCE(table->orders) || READ_ONCE(table->ports)) {
		key = quick_key(ip->daddr, 0, port, ip->protocol);
		if (READ_ONCE(table->orders))
			*binding = find_binding(&rn->bindings.by_pub, key,
						false);
		if (*binding)
			return rnat_binding_is_open(*binding) ?
			       (*binding)->map : NULL;
		if (READ_ONCE(table->ports)) {
			map = find_map(&table->by_pub, key, false);
			if (map)
				return map;
		}
	}
	map = find_map(&table->by_pub, quick_key(ip->daddr, 0, 0, 0), false);
	return map && !map->block ? map : NULL;
}

static __always_inline bool is_plain(const struct net_device *dev)
{
	return !(dev->priv_flags & (IFF_L3MDEV_MASTER | IFF_L3MDEV_SLAVE));
}

/* What a packet becomes, before it does. */
struct rnat_quick {
	struct rnat_map *map;
	struct rnat_binding *binding;
	unsigned int at;	/* of the checksum, from the IPv4 header on */
	__be16 port;		/* to write, 0: as it is */
	u64 now;
};

/* False: it is not sure that this packet, which may be to a public address, is
 * translated. Nothing has changed.
 */
static __always_inline bool rnat_quick_find_in(struct rnat_net *rn,
					       struct rnat_inside *inside,
					       struct sk_buff *skb,
					       struct rnat_quick *quick)
{
	const struct iphdr *ip = ip_hdr(skb);

	quick->at = check_at(skb, ip);
	if (!quick->at || inside->has_marks ||
	    READ_ONCE(rn->config.filtering) !=
	    ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT)
		return false;
	quick->map = find_public(rn, ip, &quick->binding);
	if (!quick->map)
		return false;
	quick->now = rnat_clock();
	if (!rnat_judge_is_clear(rn, quick->map, quick->now))
		return false;

	quick->port = 0;
	if (quick->binding)
		quick->port = quick->binding->priv_port;
	else if (quick->map->priv.proto)
		quick->port = quick->map->priv.port;
	return true;
}

/* The same of one whose source is in @prefix, and which does not go to the inside
 * nor to an excluded destination.
 */
static __always_inline bool rnat_quick_find_out(struct rnat_net *rn,
						const struct rnat_prefix *prefix,
						struct sk_buff *skb,
						struct rnat_quick *quick)
{
	const struct iphdr *ip = ip_hdr(skb);
	struct quick_key key;

	quick->binding = NULL;
	quick->port = 0;
	quick->at = check_at(skb, ip);
	if (!quick->at)
		return false;

	if (prefix->kind == ROAMNAT_KIND_ADDRESS) {
		key = quick_key(ip->saddr, prefix->zone, 0, 0);
		quick->map = find_map(&rn->table.by_priv, key, true);
		if (!quick->map)
			return false;
	} else {
		key = quick_key(ip->saddr, prefix->zone,
				*(const __be16 *)(ip + 1), ip->protocol);
		if (prefix->kind == ROAMNAT_KIND_PORT) {
			quick->map = find_map(&rn->table.by_priv, key, true);
		} else {
			quick->binding = find_binding(&rn->bindings.by_priv,
						      key, true);
			quick->map = quick->binding &&
				     rnat_binding_is_open(quick->binding) ?
				     quick->binding->map : NULL;
		}
		if (!quick->map ||
		    (quick->binding &&
		     READ_ONCE(rn->config.filtering) !=
		     ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT))
			return false;
		quick->port = quick->binding ? quick->binding->pub_port :
					       quick->map->pub.port;
	}
	quick->now = rnat_clock();
	return rnat_judge_is_clear(rn, quick->map, quick->now);
}

/* Of a packet that is writable. */
static __always_inline void rnat_quick_write(struct rnat_net *rn,
					     struct sk_buff *skb,
					     const struct rnat_quick *quick,
					     bool outbound)
{
	mark(rn, quick->map, quick->binding, skb, quick->now, outbound);
	rewrite(skb, quick->at, outbound,
		outbound ? quick->map->pub.addr.ip : quick->map->priv.addr.ip,
		quick->port);
}

/* One whose destination may be public. Out of line, for all that are not. */
static noinline int rnat_quick_public(struct rnat_net *rn,
				      struct rnat_inside *inside,
				      struct sk_buff *skb, u32 ifindex)
{
	struct rnat_quick quick;

	if (!rnat_quick_find_in(rn, inside, skb, &quick) ||
	    !is_writable(skb, quick.at))
		return RNAT_QUICK_NO;
	rnat_quick_write(rn, skb, &quick, false);
	skb_dst_drop(skb);
	rnat_family_set_hairpin(skb, NFPROTO_IPV4);
	if (!rnat_inside_lookup(inside, ifindex, ip_hdr(skb)->saddr))
		return ROAMNAT_A_COUNTER_IN_TRANSLATED;
	/* POST_ROUTING counts it. */
	rnat_hairpin_note(rn, skb, NFPROTO_IPV4);
	return 0;
}

static __always_inline int
rnat_quick_inbound(struct rnat_net *rn, struct rnat_inside *inside,
		   struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *ip = ip_hdr(skb);
	u32 ifindex = state->in->ifindex;

	if (unlikely(!is_plain(state->in)))
		return RNAT_QUICK_NO;
	if (rnat_table_may_be_public(&rn->table, ip->daddr))
		return rnat_quick_public(rn, inside, skb, ifindex);
	if (!rnat_inside_may_be(inside, ifindex))
		return ROAMNAT_A_COUNTER_PASS_NOT_PUBLIC;
	return rnat_inside_lookup(inside, ifindex, ip->saddr) ?
	       0 : RNAT_QUICK_NO;
}

static __always_inline int
rnat_quick_outbound(struct rnat_net *rn, struct rnat_inside *inside,
		    struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct rnat_prefix *prefix;
	struct rnat_quick quick;

	if (unlikely(!state->in || !is_plain(state->in)))
		return RNAT_QUICK_NO;
	prefix = rnat_inside_lookup(inside, state->in->ifindex,
				    ip_hdr(skb)->saddr);
	if (!prefix)
		return 0;
	/* Perhaps between two VMs, perhaps one that is not translated. */
	if (rnat_family_is_hairpin(skb, NFPROTO_IPV4))
		return RNAT_QUICK_NO;
	if (!is_plain(state->out) || inside->n_exclude ||
	    rnat_inside_may_be(inside, state->out->ifindex))
		return RNAT_QUICK_NO;
	if (!rnat_quick_find_out(rn, prefix, skb, &quick) ||
	    !is_writable(skb, quick.at))
		return RNAT_QUICK_NO;
	rnat_quick_write(rn, skb, &quick, true);
	return ROAMNAT_A_COUNTER_OUT_TRANSLATED;
}

#endif
