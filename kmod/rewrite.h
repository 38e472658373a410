/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A new source or destination for a packet: addresses, ports, checksums.
 *
 * Pure on the skb. Right in each of the states in which a checksum travels:
 * NONE, UNNECESSARY, COMPLETE (skb->csum keeps covering what it covered) and
 * PARTIAL (only the pseudo header's part of the checksum is in the packet).
 * @t says which family the addresses are of.
 */
#ifndef _RNAT_REWRITE_H
#define _RNAT_REWRITE_H

#include <linux/netfilter.h>
#include <linux/types.h>

struct sk_buff;
struct rnat_tuple;

/*
 * Writes @addr, and @port unless it is 0, into the packet that @t was parsed
 * from. Headers may move: pointers into the skb are void afterwards, @t's
 * offsets stay right, its addresses and ports are those of before.
 * 0; -ENOMEM, and -EBADMSG if @t does not fit the packet: then the packet must
 * be dropped, though nothing has been written.
 */
int rnat_rewrite_src(struct sk_buff *skb, const struct rnat_tuple *t,
		     const union nf_inet_addr *addr, __be16 port);
int rnat_rewrite_dst(struct sk_buff *skb, const struct rnat_tuple *t,
		     const union nf_inet_addr *addr, __be16 port);

/*
 * Where in the header of @proto the checksum stands that covers addresses too,
 * or -1 if there is none: then a new address needs no change after the IP
 * header.
 */
int rnat_rewrite_check_offset(u8 proto);

/*
 * The same for the packet that @t was parsed from, from skb->data on; that of
 * ICMPv6 covers addresses, too (RFC 4443, 2.3). Of a fragment that is not the
 * first: -1.
 */
int rnat_rewrite_check_at(const struct rnat_tuple *t);

/* Adds to @sum what changes when @to takes the place of @from; for what is to
 * be folded into a checksum, begin with ~csum_unfold() of the old one.
 */
__wsum rnat_rewrite_sum_address(const struct rnat_tuple *t,
				const union nf_inet_addr *from,
				const union nf_inet_addr *to, __wsum sum);

#endif
