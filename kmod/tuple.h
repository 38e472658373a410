/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a packet says about who talks to whom. Read-only on the skb.
 *
 * Pure: needs nothing of this module but the uapi header, so that the same
 * file is loaded by the selftests and can be fuzzed outside the kernel.
 */
#ifndef _RNAT_TUPLE_H
#define _RNAT_TUPLE_H

#include <linux/netfilter.h>
#include <linux/types.h>

struct sk_buff;

/**
 * struct rnat_key - one side of a mapping
 * @addr:   IPv4 in .ip, the rest zero; or all of it IPv6
 * @zone:   tenant; 0 on the public side
 * @port:   port or ICMP query id; 0 for an address mapping
 * @proto:  IPPROTO_* of a port mapping, 0 for an address mapping
 * @family: NFPROTO_IPV4, NFPROTO_IPV6 (address mappings only)
 *
 * Hashed and compared whole: who fills one sets all of it to zero first.
 */
struct rnat_key {
	union nf_inet_addr addr;
	u32 zone;
	__be16 port;
	u8 proto;
	u8 family;
} __aligned(8);

static inline bool rnat_key_equal(const struct rnat_key *a,
				  const struct rnat_key *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

/* What can be done with the header after the IP header. */
enum rnat_l4 {
	RNAT_L4_OTHER,		/* nothing: only the address is known */
	RNAT_L4_FRAGMENT,	/* not the first fragment: there is none */
	RNAT_L4_PORTS,		/* TCP, UDP, UDP-Lite, SCTP, DCCP */
	RNAT_L4_QUERY,		/* ICMP echo request or reply */
	RNAT_L4_ERROR,		/* ICMP error, quotes a packet */
};

/**
 * struct rnat_tuple - a parsed packet, or a parsed quote of one
 * @src:        source address
 * @dst:        destination address
 * @sport:      source port; the id of a query; else 0
 * @dport:      destination port; the id of a query; else 0
 * @nhoff:      offset of the IP header from skb->data
 * @thoff:      offset of what follows it and its extension headers
 * @family:     NFPROTO_IPV4, NFPROTO_IPV6
 * @proto:      IPPROTO_* of what follows
 * @l4:         enum rnat_l4
 * @first_frag: has the L4 header, but more fragments follow
 * @on_link:    ICMPv6 that means one link only (neighbour discovery, multicast
 *              listeners): never translated
 * @routed:     a routing header names the last destination, and the L4 checksum
 *              covers that one instead of @dst (RFC 8200, 8.1)
 */
struct rnat_tuple {
	union nf_inet_addr src, dst;
	__be16 sport, dport;
	u16 nhoff, thoff;
	u8 family, proto;
	u8 l4;
	bool first_frag;
	bool on_link;
	bool routed;
};

/*
 * Parses the packet whose IPv4 header, or IPv6 header, is at @nhoff, without
 * touching it. 0, or -EBADMSG if a header is cut short or contradicts itself.
 */
int rnat_tuple_parse(const struct sk_buff *skb, unsigned int nhoff,
		     struct rnat_tuple *t);
int rnat_tuple_parse6(const struct sk_buff *skb, unsigned int nhoff,
		      struct rnat_tuple *t);

/*
 * The same for a packet of which only the beginning is there, up to @end: its
 * own length is not believed, and the eight bytes after the IP header that
 * RFC 792 promises are enough. The business of icmp.c.
 */
int rnat_tuple_parse_quote(const struct sk_buff *skb, unsigned int nhoff,
			   unsigned int end, struct rnat_tuple *t);
int rnat_tuple_parse_quote6(const struct sk_buff *skb, unsigned int nhoff,
			    unsigned int end, struct rnat_tuple *t);

/*
 * The side of the packet that a mapping of @kind (enum roamnat_kind) would be
 * found by. 0, -EPROTONOSUPPORT if a port mapping cannot carry the packet, or
 * -EAGAIN if it is a fragment that has no ports.
 */
int rnat_tuple_key_src(const struct rnat_tuple *t, u32 kind, u32 zone,
		       struct rnat_key *k);
int rnat_tuple_key_dst(const struct rnat_tuple *t, u32 kind, u32 zone,
		       struct rnat_key *k);

#endif
