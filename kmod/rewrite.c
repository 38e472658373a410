// SPDX-License-Identifier: GPL-2.0
/*
 * Tuple change -> skb.
 *
 * skb->csum of a CHECKSUM_COMPLETE packet covers the IP header, too. A right
 * IPv4 header sums to nothing, before and after, so that only what happens
 * behind it has to be carried over; the inet_proto_csum_replace family does.
 * IPv6 has no sum in its header: a new address and the L4 checksum that makes
 * up for it are nothing together, and where no L4 checksum does, the address
 * has to be carried over.
 */
#include "rewrite.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/stddef.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include "tuple.h"

/* Bytes of each header that we write: up to the checksum or the last port. */
#define PORTS_LEN 4
#define QUERY_LEN offsetofend(struct icmphdr, un.echo.id)

enum side { SRC, DST };

int rnat_rewrite_check_offset(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return offsetof(struct udphdr, check);
	case IPPROTO_DCCP:
		return 6;	/* RFC 4340, 5.1 */
	}
	return -1;
}

int rnat_rewrite_check_at(const struct rnat_tuple *t)
{
	int offset = -1;

	switch ((enum rnat_l4)t->l4) {
	case RNAT_L4_PORTS:
		offset = rnat_rewrite_check_offset(t->proto);
		break;
	case RNAT_L4_OTHER:
	case RNAT_L4_QUERY:
	case RNAT_L4_ERROR:
		if (t->family == NFPROTO_IPV6 && t->proto == IPPROTO_ICMPV6)
			offset = offsetof(struct icmp6hdr, icmp6_cksum);
		break;
	case RNAT_L4_FRAGMENT:
		break;
	}
	return offset < 0 ? -1 : t->thoff + offset;
}

__wsum rnat_rewrite_sum_address(const struct rnat_tuple *t,
				const union nf_inet_addr *from,
				const union nf_inet_addr *to, __wsum sum)
{
	if (t->family == NFPROTO_IPV4)
		return csum_add(csum_sub(sum, (__force __wsum)from->ip),
				(__force __wsum)to->ip);
	return csum_sub(csum_partial(to, sizeof(to->in6), sum),
			csum_partial(from, sizeof(from->in6), 0));
}

/*
 * Whether the checksum at @check is still to be completed, so that only the
 * pseudo header is in it. CHECKSUM_PARTIAL alone does not tell: in a tunnel it
 * may speak of the header inside, and then the outer one is final, unless the
 * packet is to be segmented.
 */
static bool is_pending(const struct sk_buff *skb, unsigned int thoff)
{
	return skb->ip_summed == CHECKSUM_PARTIAL &&
	       (skb_is_gso(skb) || skb_checksum_start_offset(skb) == thoff);
}

static bool can_be_absent(u8 proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE;
}

/* What changes, and what of it the L4 checksum covers. */
struct change {
	const struct rnat_tuple *t;
	const union nf_inet_addr *from, *to;
	__be16 port_from, port_to;
	bool pseudo;		/* the pseudo header has the address */
};

static void mend_address(struct sk_buff *skb, __sum16 *check,
			 const struct change *c)
{
	if (!c->pseudo)
		return;
	if (c->t->family == NFPROTO_IPV4)
		inet_proto_csum_replace4(check, skb, c->from->ip, c->to->ip,
					 true);
	else
		inet_proto_csum_replace16(check, skb, c->from->ip6, c->to->ip6,
					  true);
}

/* One that is final although skb->ip_summed speaks of a pending one. */
static void mend_final(__sum16 *check, const struct change *c)
{
	if (c->pseudo)
		*check = csum_fold(rnat_rewrite_sum_address(c->t, c->from, c->to,
							    ~csum_unfold(*check)));
	csum_replace2(check, c->port_from, c->port_to);
}

static void mend_l4(struct sk_buff *skb, __sum16 *check, const struct change *c)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL && !is_pending(skb, c->t->thoff)) {
		mend_final(check, c);
	} else {
		mend_address(skb, check, c);
		if (c->port_from != c->port_to)
			inet_proto_csum_replace2(check, skb, c->port_from,
						 c->port_to, false);
	}
	/* Zero would say that there is none. A pending one is finished later. */
	if (can_be_absent(c->t->proto) && !*check)
		*check = CSUM_MANGLED_0;
}

/* Nothing else makes up for it in what COMPLETE has summed. */
static void carry_port(struct sk_buff *skb, const struct change *c)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE &&
	    c->port_from != c->port_to)
		csum_replace(&skb->csum, (__force __wsum)c->port_from,
			     (__force __wsum)c->port_to);
}

static void carry_address(struct sk_buff *skb, const struct change *c)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE &&
	    c->t->family == NFPROTO_IPV6)
		skb->csum = rnat_rewrite_sum_address(c->t, c->from, c->to,
						     skb->csum);
}

/* The part of the packet that will be written, from skb->data; or -EBADMSG. */
static int written_len(const struct sk_buff *skb, const struct rnat_tuple *t,
		       __be16 port)
{
	unsigned int len = t->nhoff + sizeof(struct iphdr);
	int check = rnat_rewrite_check_at(t);

	if (t->family == NFPROTO_IPV6)
		len = t->nhoff + sizeof(struct ipv6hdr);
	if (check >= 0)
		len = check + sizeof(__sum16);
	switch ((enum rnat_l4)t->l4) {
	case RNAT_L4_OTHER:
	case RNAT_L4_FRAGMENT:
	case RNAT_L4_ERROR:
		if (port)
			return -EBADMSG;
		break;
	case RNAT_L4_QUERY:
		if (port)
			len = t->thoff + QUERY_LEN;
		break;
	case RNAT_L4_PORTS:
		if (check < 0 && port)	/* that of SCTP is none of ours */
			return -EBADMSG;
		break;
	}
	return len <= skb->len ? len : -EBADMSG;
}

/* Writes the port or id; what it was is in @c for the checksum. */
static void put_port(struct sk_buff *skb, enum side side, __be16 port,
		     struct change *c)
{
	u8 *l4 = skb->data + c->t->thoff;
	__be16 *field = (__be16 *)l4 + side;

	if (c->t->l4 == RNAT_L4_QUERY)
		field = (__be16 *)(l4 + offsetof(struct icmphdr, un.echo.id));
	c->port_from = *field;
	c->port_to = port;
	*field = port;
}

/* The checksum that a new port or id changes, or a new address, or -1. */
static int check_of(const struct rnat_tuple *t, __be16 port)
{
	if (port && t->l4 == RNAT_L4_QUERY)
		return t->thoff + offsetof(struct icmphdr, checksum);
	return rnat_rewrite_check_at(t);
}

static void rewrite_l4(struct sk_buff *skb, enum side side, __be16 port,
		       struct change *c)
{
	int at = check_of(c->t, port);
	__sum16 *check = (__sum16 *)(skb->data + at);

	if (port)
		put_port(skb, side, port, c);
	if (at < 0 || (can_be_absent(c->t->proto) && !*check)) {
		carry_port(skb, c);
		carry_address(skb, c);
		return;
	}
	c->pseudo = rnat_rewrite_check_at(c->t) >= 0 &&
		    !(side == DST && c->t->routed);
	mend_l4(skb, check, c);
	if (!c->pseudo)
		carry_address(skb, c);
}

static int rewrite(struct sk_buff *skb, const struct rnat_tuple *t,
		   enum side side, const union nf_inet_addr *addr, __be16 port)
{
	union nf_inet_addr from = { };
	struct change c = { .t = t, .from = &from, .to = addr };
	struct in6_addr *addr6;
	struct ipv6hdr *ip6;
	struct iphdr *ip;
	__be32 *addr4;
	int len;

	len = written_len(skb, t, port);
	if (len < 0)
		return len;
	if (skb_ensure_writable(skb, len))
		return -ENOMEM;

	if (t->family == NFPROTO_IPV6) {
		ip6 = (struct ipv6hdr *)(skb->data + t->nhoff);
		addr6 = side == SRC ? &ip6->saddr : &ip6->daddr;
		from.in6 = *addr6;
		rewrite_l4(skb, side, port, &c);
		*addr6 = addr->in6;
		return 0;
	}
	ip = (struct iphdr *)(skb->data + t->nhoff);
	addr4 = side == SRC ? &ip->saddr : &ip->daddr;
	from.ip = *addr4;
	rewrite_l4(skb, side, port, &c);
	csum_replace4(&ip->check, from.ip, addr->ip);
	*addr4 = addr->ip;
	return 0;
}

int rnat_rewrite_src(struct sk_buff *skb, const struct rnat_tuple *t,
		     const union nf_inet_addr *addr, __be16 port)
{
	return rewrite(skb, t, SRC, addr, port);
}

int rnat_rewrite_dst(struct sk_buff *skb, const struct rnat_tuple *t,
		     const union nf_inet_addr *addr, __be16 port)
{
	return rewrite(skb, t, DST, addr, port);
}
