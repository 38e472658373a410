/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What quick.h is for IPv4: IPv6 without extension headers, TCP or UDP, of an address
 * mapping that translates now, between addresses that are surely good on any link.
 * All else, ICMPv6 with its errors too, is left to translate.c.
 *
 * An address has four words, so it is read where it is and nothing is copied.
 */
#ifndef _RNAT_QUICK6_H
#define _RNAT_QUICK6_H

#include <linux/ipv6.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

#include "quick.h"

static __always_inline const struct tcphdr *
tcp_hdr_of6(const struct ipv6hdr *ip)
{
	return (const struct tcphdr *)(ip + 1);
}

/* Global or unique local, and not of the block 0::/3, in which the others of no prefix
 * are: whatever rnat_family_is_local() says yes to is not.
 */
static __always_inline bool is_global(const struct in6_addr *addr)
{
	u32 top = ntohl(addr->s6_addr32[0]);

	return (top >> 29) - 1 < 6 || top >> 25 == 0xfc >> 1;
}

static __always_inline bool is_absent6(const struct ipv6hdr *ip)
{
	return ip->nexthdr == IPPROTO_UDP &&
	       !((const struct udphdr *)(ip + 1))->check;
}

/* Where its checksum is, from the IPv6 header on; 0 for a packet that is not of
 * the kind that this file knows. skb->data is at the IPv6 header.
 */
static __always_inline unsigned int
check_at6(const struct sk_buff *skb, const struct ipv6hdr *ip)
{
	unsigned int len, at, has = ntohs(ip->payload_len);

	if (ip->nexthdr == IPPROTO_UDP) {
		len = sizeof(struct udphdr);
		at = sizeof(*ip) + offsetof(struct udphdr, check);
	} else if (ip->nexthdr == IPPROTO_TCP) {
		len = sizeof(struct tcphdr);
		at = sizeof(*ip) + offsetof(struct tcphdr, check);
	} else {
		return 0;
	}
	if (unlikely(*(const u8 *)ip >> 4 != 6 || has < len ||
		     skb_headlen(skb) < sizeof(*ip) + len))
		return 0;
	if (ip->nexthdr == IPPROTO_UDP) {
		len = ntohs(((const struct udphdr *)(ip + 1))->len);
		if (unlikely(len < sizeof(struct udphdr) || len > has))
			return 0;
	}
	if (unlikely(is_absent6(ip) && skb->ip_summed != CHECKSUM_NONE &&
		     skb->ip_summed != CHECKSUM_UNNECESSARY))
		return 0;
	/* One that is pending somewhere else: the packet is a tunnel. */
	if (skb->ip_summed == CHECKSUM_PARTIAL && !skb_is_gso(skb) &&
	    skb_checksum_start_offset(skb) != sizeof(*ip))
		return 0;
	return at;
}

/* What a checksum has to be mended by: eight words of 32 bits overflow no u64. */
static __always_inline __wsum difference6(const struct in6_addr *from,
					  const struct in6_addr *to)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < 4; i++)
		sum += (u64)(__force u32)~from->s6_addr32[i] +
		       (__force u32)to->s6_addr32[i];
	sum = (u32)sum + (sum >> 32);
	return (__force __wsum)((u32)sum + (u32)(sum >> 32));
}

/* @at: of the checksum. */
static __always_inline void rewrite6(struct sk_buff *skb, unsigned int at,
				     bool source, const struct in6_addr *to)
{
	struct ipv6hdr *ip = ipv6_hdr(skb);
	__sum16 *check = (__sum16 *)((u8 *)ip + at);
	struct in6_addr *addr = source ? &ip->saddr : &ip->daddr;

	if (likely(!is_absent6(ip))) {
		if (likely(skb->ip_summed == CHECKSUM_NONE ||
			   skb->ip_summed == CHECKSUM_UNNECESSARY))
			*check = csum_fold(csum_add(~csum_unfold(*check),
						    difference6(addr, to)));
		else
			inet_proto_csum_replace16(check, skb, addr->s6_addr32,
						  to->s6_addr32, true);
		if (ip->nexthdr == IPPROTO_UDP && !*check)
			*check = CSUM_MANGLED_0;
	}
	*addr = *to;
}

/* Restarts timers as rewritten() in translate.c does. */
static __always_inline void mark6(struct rnat_net *rn, struct rnat_map *map,
				  const struct sk_buff *skb, u64 now,
				  bool outbound)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	bool use = true;

	if (!outbound)
		use = READ_ONCE(rn->config.inbound_refresh);
	else if (ip->nexthdr == IPPROTO_TCP)
		use = !tcp_hdr_of6(ip)->rst;
	rnat_map_mark_translated(map, now, use);
}

static __always_inline bool is_key6(const struct rnat_key *key,
				    const struct in6_addr *addr, u32 zone)
{
	const u32 *word = (const u32 *)key;

	return ipv6_addr_equal(&key->addr.in6, addr) && word[4] == zone &&
	       word[5] == rnat_hash_tail(0, 0, NFPROTO_IPV6);
}

/* As find_map() of quick.h. */
static __always_inline struct rnat_map *
find_map6(struct rhashtable *ht, const struct in6_addr *addr, u32 zone,
	  bool priv)
{
	const struct bucket_table *tbl = rht_dereference_rcu(ht->tbl, ht);
	u32 hash = rnat_hash_address6(addr, zone, tbl->hash_rnd) &
		   (tbl->size - 1);
	struct rhash_lock_head __rcu *const *bucket = rht_bucket(tbl, hash);
	struct rhash_head *head;
	struct rnat_map *map;

	rht_for_each_rcu_from(head, rht_ptr_rcu(bucket), tbl, hash) {
		map = priv ? container_of(head, struct rnat_map, by_priv) :
			     container_of(head, struct rnat_map, by_pub);
		if (is_key6(priv ? &map->priv : &map->pub, addr, zone))
			return map;
	}
	return NULL;
}

/* False: it is not sure that this packet, which may be to a public address, is
 * translated. Nothing has changed.
 */
static __always_inline bool rnat_quick6_find_in(struct rnat_net *rn,
						struct rnat_inside *inside,
						struct sk_buff *skb,
						struct rnat_quick *quick)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);

	quick->at = check_at6(skb, ip);
	if (!quick->at || inside->has_marks || !is_global(&ip->saddr) ||
	    !is_global(&ip->daddr))
		return false;
	quick->map = find_map6(&rn->table.by_pub, &ip->daddr, 0, false);
	if (!quick->map)
		return false;
	quick->now = rnat_clock();
	return rnat_judge_is_clear(rn, quick->map, quick->now);
}

/* The same of one whose source is in @prefix, and which does not go to the inside
 * nor to an excluded destination.
 */
static __always_inline bool
rnat_quick6_find_out(struct rnat_net *rn, const struct rnat_prefix *prefix,
		     struct sk_buff *skb, struct rnat_quick *quick)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);

	quick->at = check_at6(skb, ip);
	if (!quick->at || prefix->kind != ROAMNAT_KIND_ADDRESS)
		return false;
	quick->map = find_map6(&rn->table.by_priv, &ip->saddr, prefix->zone,
			       true);
	if (!quick->map)
		return false;
	quick->now = rnat_clock();
	return rnat_judge_is_clear(rn, quick->map, quick->now);
}

/* Of a packet that is writable. */
static __always_inline void rnat_quick6_write(struct rnat_net *rn,
					      struct sk_buff *skb,
					      const struct rnat_quick *quick,
					      bool outbound)
{
	mark6(rn, quick->map, skb, quick->now, outbound);
	rewrite6(skb, quick->at, outbound,
		 outbound ? &quick->map->pub.addr.in6 :
			    &quick->map->priv.addr.in6);
}

/* One whose destination may be public. Out of line, for all that are not. */
static noinline int rnat_quick6_public(struct rnat_net *rn,
				       struct rnat_inside *inside,
				       struct sk_buff *skb, u32 ifindex)
{
	struct rnat_quick quick;

	if (!rnat_quick6_find_in(rn, inside, skb, &quick) ||
	    !is_writable(skb, quick.at))
		return RNAT_QUICK_NO;
	rnat_quick6_write(rn, skb, &quick, false);
	skb_dst_drop(skb);
	rnat_family_set_hairpin(skb, NFPROTO_IPV6);
	if (!rnat_inside_lookup6(inside, ifindex, &ipv6_hdr(skb)->saddr))
		return ROAMNAT_A_COUNTER_IN_TRANSLATED;
	/* POST_ROUTING counts it. */
	rnat_hairpin_note(rn, skb, NFPROTO_IPV6);
	return 0;
}

static __always_inline int
rnat_quick6_inbound(struct rnat_net *rn, struct rnat_inside *inside,
		    struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	u32 ifindex = state->in->ifindex;

	if (unlikely(!is_plain(state->in)))
		return RNAT_QUICK_NO;
	if (rnat_table_may_be_public6(&rn->table, &ip->daddr))
		return rnat_quick6_public(rn, inside, skb, ifindex);
	if (!rnat_inside_may_be(inside, ifindex))
		return ROAMNAT_A_COUNTER_PASS_NOT_PUBLIC;
	if (!is_global(&ip->saddr) || !is_global(&ip->daddr))
		return RNAT_QUICK_NO;
	return rnat_inside_lookup6(inside, ifindex, &ip->saddr) ?
	       0 : RNAT_QUICK_NO;
}

static __always_inline int
rnat_quick6_outbound(struct rnat_net *rn, struct rnat_inside *inside,
		     struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	const struct rnat_prefix *prefix;
	struct rnat_quick quick;

	if (unlikely(!state->in || !is_plain(state->in)))
		return RNAT_QUICK_NO;
	if (!rnat_inside_may_be(inside, state->in->ifindex))
		return 0;
	if (!is_global(&ip->saddr) || !is_global(&ip->daddr))
		return RNAT_QUICK_NO;
	prefix = rnat_inside_lookup6(inside, state->in->ifindex, &ip->saddr);
	if (!prefix)
		return 0;
	/* Perhaps between two VMs, perhaps one that is not translated. */
	if (rnat_family_is_hairpin(skb, NFPROTO_IPV6))
		return RNAT_QUICK_NO;
	if (!is_plain(state->out) || inside->n_exclude ||
	    rnat_inside_may_be(inside, state->out->ifindex))
		return RNAT_QUICK_NO;
	if (!rnat_quick6_find_out(rn, prefix, skb, &quick) ||
	    !is_writable(skb, quick.at))
		return RNAT_QUICK_NO;
	rnat_quick6_write(rn, skb, &quick, true);
	return ROAMNAT_A_COUNTER_OUT_TRANSLATED;
}

#endif
