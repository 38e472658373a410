/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP errors: the packet quoted inside (RFC 5508, section 4).
 */
#ifndef _RNAT_ICMP_H
#define _RNAT_ICMP_H

#include <linux/netfilter.h>
#include <linux/types.h>

struct sk_buff;
struct rnat_tuple;

/*
 * Parses the packet that the ICMP error @outer (RNAT_L4_ERROR) quotes. It may
 * have IP options and be cut after eight bytes of L4. 0, or -EBADMSG. The
 * checksum of the quoted L4 is not looked at: most quotes are too short.
 */
int rnat_icmp_quote(const struct sk_buff *skb, const struct rnat_tuple *outer,
		    struct rnat_tuple *inner);

/*
 * Writes @addr, and @port unless it is 0, into the quote as its source or
 * destination, and mends the quoted checksums and the one of the ICMP error.
 * The outer header is the caller's business: rnat_rewrite_src/dst with port 0.
 * 0, -ENOMEM or -EBADMSG as in rewrite.h.
 */
int rnat_icmp_rewrite_src(struct sk_buff *skb, const struct rnat_tuple *outer,
			  const struct rnat_tuple *inner,
			  const union nf_inet_addr *addr, __be16 port);
int rnat_icmp_rewrite_dst(struct sk_buff *skb, const struct rnat_tuple *outer,
			  const struct rnat_tuple *inner,
			  const union nf_inet_addr *addr, __be16 port);

#endif
