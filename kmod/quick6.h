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

static __always_inline bool read_ip6(const struct sk_buff *skb,
				     const struct ipv6hdr *ip,
				     struct rnat_quick *quick)
{
	return likely(*(const u8 *)ip >> 4 == 6) &&
	       read_l4(skb, ip, sizeof(*ip), ip->nexthdr, quick);
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

static __always_inline void mend_l4_6(struct sk_buff *skb, __sum16 *check,
				      const struct rnat_quick *quick,
				      const struct in6_addr *from,
				      const struct in6_addr *to)
{
	if (likely(!quick->summed))
		*check = csum_fold(csum_add(~csum_unfold(*check),
					    difference6(from, to)));
	else
		inet_proto_csum_replace16(check, skb, from->s6_addr32,
					  to->s6_addr32, true);
	if (!quick->tcp && !*check)
		*check = CSUM_MANGLED_0;
}

/* Restarts timers as rewritten() in translate.c does. */
static __always_inline void mark6(struct rnat_net *rn, const struct ipv6hdr *ip,
				  const struct rnat_quick *quick, bool outbound)
{
	bool use = true;

	if (!outbound)
		use = READ_ONCE(rn->config.inbound_refresh);
	else if (quick->tcp)
		use = !tcp_hdr_of6(ip)->rst;
	rnat_map_mark_translated(quick->map, quick->now, use);
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
	struct rhash_head *head =
		first_of(tbl, rnat_hash_address6(addr, zone, tbl->hash_rnd));
	struct rnat_map *map;

	for (; head; head = next_of(head)) {
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

	if (!read_ip6(skb, ip, quick) || inside->has_marks ||
	    !is_global(&ip->saddr) || !is_global(&ip->daddr))
		return false;
	quick->map = find_map6(&rn->table.by_pub, &ip->daddr, 0, false);
	if (!quick->map)
		return false;
	quick->now = rnat_clock_packet();
	return rnat_judge_is_clear(rn, quick->map, quick->now);
}

/* The same of one whose source is in @prefix, and which does not go to the inside
 * nor to an excluded destination.
 */
static __always_inline bool
rnat_quick6_find_out(struct rnat_net *rn, const struct rnat_prefix *prefix,
		     struct sk_buff *skb, struct rnat_quick *quick, bool hot)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);

	if (!read_ip6(skb, ip, quick) || prefix->kind != ROAMNAT_KIND_ADDRESS)
		return false;
	quick->map = find_map6(&rn->table.by_priv, &ip->saddr, prefix->zone,
			       true);
	return quick->map && take_clock(quick, hot) &&
	       rnat_judge_is_clear(rn, quick->map, quick->now);
}

/* Of a packet that is writable. */
static __always_inline void rnat_quick6_write(struct rnat_net *rn,
					      struct sk_buff *skb,
					      const struct rnat_quick *quick,
					      bool outbound)
{
	struct ipv6hdr *ip = ipv6_hdr(skb);
	struct in6_addr *addr = outbound ? &ip->saddr : &ip->daddr;
	const struct in6_addr *to = outbound ? &quick->map->pub.addr.in6 :
					       &quick->map->priv.addr.in6;

	mark6(rn, ip, quick, outbound);
	if (quick->at)
		mend_l4_6(skb, (__sum16 *)((u8 *)ip + quick->at), quick, addr, to);
	*addr = *to;
}

static __always_inline int
rnat_quick6_public(struct rnat_net *rn, struct rnat_inside *inside,
		   struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct rnat_quick quick RNAT_UNSET;

	if (!rnat_quick6_find_in(rn, inside, skb, &quick) ||
	    !is_writable(skb, &quick))
		return RNAT_QUICK_NO;
	rnat_quick6_write(rn, skb, &quick, false);
	skb_dst_drop(skb);
	rnat_family_set_hairpin(skb, NFPROTO_IPV6);
	if (!rnat_inside_lookup6(inside, state->in->ifindex, &ipv6_hdr(skb)->saddr))
		return ROAMNAT_A_COUNTER_IN_TRANSLATED;
	/* POST_ROUTING counts it. */
	rnat_hairpin_note(rn, skb, NFPROTO_IPV6);
	return 0;
}

static __always_inline bool has_one6(const struct rnat_inside *inside)
{
	return inside->count - inside->count4 == 1;
}

static __always_inline int
rnat_quick6_inbound(struct rnat_net *rn, struct rnat_inside *inside,
		    struct sk_buff *skb, const struct nf_hook_state *state,
		    bool hot)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	u32 ifindex = state->in->ifindex;

	if (unlikely(!is_plain(state->in)))
		return RNAT_QUICK_NO;
	if (rnat_table_may_be_public6(&rn->table, &ip->daddr))
		return hot ? RNAT_QUICK_PUBLIC :
			     rnat_quick6_public(rn, inside, skb, state);
	if (!rnat_inside_may_be(inside, ifindex))
		return ROAMNAT_A_COUNTER_PASS_NOT_PUBLIC;
	if ((hot && !has_one6(inside)) || !is_global(&ip->saddr) ||
	    !is_global(&ip->daddr))
		return RNAT_QUICK_NO;
	return rnat_inside_lookup6(inside, ifindex, &ip->saddr) ?
	       0 : RNAT_QUICK_NO;
}

static __always_inline int
rnat_quick6_outbound(struct rnat_net *rn, struct rnat_inside *inside,
		     struct sk_buff *skb, const struct nf_hook_state *state,
		     bool hot)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	const struct rnat_prefix *prefix;
	struct rnat_quick quick RNAT_UNSET;

	if (unlikely(!state->in || !is_plain(state->in)))
		return RNAT_QUICK_NO;
	if (!rnat_inside_may_be(inside, state->in->ifindex))
		return 0;
	if ((hot && !has_one6(inside)) || !is_global(&ip->saddr) ||
	    !is_global(&ip->daddr))
		return RNAT_QUICK_NO;
	prefix = rnat_inside_lookup6(inside, state->in->ifindex, &ip->saddr);
	if (!prefix)
		return 0;
	if (is_near(inside, prefix, skb, NFPROTO_IPV6, state->out, false) ||
	    !rnat_quick6_find_out(rn, prefix, skb, &quick, hot))
		return RNAT_QUICK_NO;
	if (hot ? skb_cloned(skb) || quick.summed : !is_writable(skb, &quick))
		return RNAT_QUICK_NO;
	rnat_quick6_write(rn, skb, &quick, true);
	return ROAMNAT_A_COUNTER_OUT_TRANSLATED;
}

#endif
