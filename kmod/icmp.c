// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors.
 *
 * Two checksums are about bytes of the quote: the quoted ones, which were right
 * when the packet was sent and must be so again for whoever sent it, and the
 * ICMP error's own, which covers every quoted byte. The latter takes up each
 * change, so that in sum nothing changes for a CHECKSUM_COMPLETE packet.
 */
#include "icmp.h"

#include <linux/icmp.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/stddef.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>
#include "rewrite.h"
#include "tuple.h"

enum side { SRC, DST };

/* Where the ICMP error ends; what follows in the skb is link layer padding. */
static int message_end(const struct sk_buff *skb, const struct rnat_tuple *outer)
{
	const struct ipv6hdr *ip6;
	const struct iphdr *ip;
	struct ipv6hdr _ip6;
	struct iphdr _ip;
	unsigned int end;

	if (outer->family == NFPROTO_IPV6) {
		ip6 = skb_header_pointer(skb, outer->nhoff, sizeof(_ip6), &_ip6);
		if (!ip6)
			return -EBADMSG;
		end = outer->nhoff + sizeof(*ip6) + ntohs(ip6->payload_len);
	} else {
		ip = skb_header_pointer(skb, outer->nhoff, sizeof(_ip), &_ip);
		if (!ip)
			return -EBADMSG;
		end = outer->nhoff + ntohs(ip->tot_len);
	}
	return end <= skb->len ? end : -EBADMSG;
}

/*
 * Small and rare enough to be summed up here whatever the device has said. Of
 * a fragment it cannot be known; a pending one was made on this machine.
 */
static bool checksum_ok(const struct sk_buff *skb, const struct rnat_tuple *outer,
			unsigned int end)
{
	unsigned int len = end - outer->thoff;
	__wsum sum;

	if (outer->first_frag || skb->ip_summed == CHECKSUM_PARTIAL)
		return true;
	sum = skb_checksum(skb, outer->thoff, len, 0);
	if (outer->family == NFPROTO_IPV4)
		return !csum_fold(sum);
	/* It was made with an address that only a routing header tells. */
	if (outer->routed)
		return false;
	return !csum_ipv6_magic(&outer->src.in6, &outer->dst.in6, len,
				IPPROTO_ICMPV6, sum);
}

static int parse_quote(const struct sk_buff *skb, const struct rnat_tuple *outer,
		       unsigned int nhoff, int end, struct rnat_tuple *inner)
{
	return outer->family == NFPROTO_IPV6 ?
	       rnat_tuple_parse_quote6(skb, nhoff, end, inner) :
	       rnat_tuple_parse_quote(skb, nhoff, end, inner);
}

int rnat_icmp_quote(const struct sk_buff *skb, const struct rnat_tuple *outer,
		    struct rnat_tuple *inner)
{
	unsigned int nhoff = outer->thoff + sizeof(struct icmphdr);
	int end, err;

	if (outer->l4 != RNAT_L4_ERROR)
		return -EBADMSG;
	end = message_end(skb, outer);
	if (end < 0)
		return end;
	err = parse_quote(skb, outer, nhoff, end, inner);
	if (err)
		return err;
	if (inner->l4 == RNAT_L4_ERROR)	/* RFC 1122: none about an error */
		return -EBADMSG;
	if (!checksum_ok(skb, outer, end))
		return -EBADMSG;
	/* RFC 5508, REQ-3a */
	if (inner->family == NFPROTO_IPV4 &&
	    csum_fold(skb_checksum(skb, nhoff, inner->thoff - nhoff, 0)))
		return -EBADMSG;
	return 0;
}

/* One rewrite: the skb and the checksum that covers all of the quote. */
struct quote {
	struct sk_buff *skb;
	const struct rnat_tuple *inner;
	__sum16 *icmp_check;
};

static void put16(const struct quote *q, __be16 *field, __be16 value)
{
	inet_proto_csum_replace2(q->icmp_check, q->skb, *field, value, false);
	*field = value;
}

static void put_address(const struct quote *q, void *field,
			const union nf_inet_addr *from,
			const union nf_inet_addr *to)
{
	if (q->inner->family == NFPROTO_IPV6) {
		inet_proto_csum_replace16(q->icmp_check, q->skb, from->ip6,
					  to->ip6, false);
		memcpy(field, to, sizeof(to->in6));
		return;
	}
	inet_proto_csum_replace4(q->icmp_check, q->skb, from->ip, to->ip, false);
	memcpy(field, to, sizeof(to->ip));
}

static void put_check(const struct quote *q, __sum16 *field, __sum16 value)
{
	put16(q, (__force __be16 *)field, (__force __be16)value);
}

/* Where the quoted L4 checksum stands, or -1 if it has none that we change. */
static int check_at(const struct rnat_tuple *inner, __be16 port)
{
	if (port && inner->l4 == RNAT_L4_QUERY)
		return inner->thoff + offsetof(struct icmphdr, checksum);
	return rnat_rewrite_check_at(inner);
}

/* Where the quoted port or id stands, or -EBADMSG if it has none. */
static int port_offset(const struct rnat_tuple *inner, enum side side)
{
	switch ((enum rnat_l4)inner->l4) {
	case RNAT_L4_PORTS:
		return inner->thoff + side * sizeof(__be16);
	case RNAT_L4_QUERY:
		return inner->thoff + offsetof(struct icmphdr, un.echo.id);
	case RNAT_L4_OTHER:
	case RNAT_L4_FRAGMENT:
	case RNAT_L4_ERROR:
		break;
	}
	return -EBADMSG;
}

/*
 * The quoted checksum follows by itself, whatever state the skb is in: it is
 * payload. The pseudo header is part of it for all but ICMP, with the quoted
 * addresses unless a routing header names another destination.
 */
static void mend_l4(const struct quote *q, __sum16 *check, enum side side,
		    const union nf_inet_addr *from, const union nf_inet_addr *to,
		    __be16 port_from, __be16 port_to)
{
	const struct rnat_tuple *inner = q->inner;
	bool udp = inner->proto == IPPROTO_UDP ||
		   inner->proto == IPPROTO_UDPLITE;
	__sum16 sum = *check;

	if (udp && !sum)
		return;
	if (rnat_rewrite_check_at(inner) >= 0 && !(side == DST && inner->routed))
		sum = csum_fold(rnat_rewrite_sum_address(inner, from, to,
							 ~csum_unfold(sum)));
	csum_replace2(&sum, port_from, port_to);
	if (udp && !sum)
		sum = CSUM_MANGLED_0;
	put_check(q, check, sum);
}

static void rewrite_l4(const struct quote *q, int at_check, int at_port,
		       enum side side, const union nf_inet_addr *from,
		       const union nf_inet_addr *to, __be16 port)
{
	u8 *data = q->skb->data;
	__be16 old = port;

	if (port) {
		__be16 *field = (__be16 *)(data + at_port);

		old = *field;
		put16(q, field, port);
	}
	if (at_check >= 0)
		mend_l4(q, (__sum16 *)(data + at_check), side, from, to, old,
			port);
}

static void rewrite_ip(const struct quote *q, const union nf_inet_addr *from,
		       const union nf_inet_addr *to, enum side side)
{
	u8 *data = q->skb->data + q->inner->nhoff;
	struct ipv6hdr *ip6 = (struct ipv6hdr *)data;
	struct iphdr *ip = (struct iphdr *)data;
	__sum16 sum;

	if (q->inner->family == NFPROTO_IPV6) {
		put_address(q, side == SRC ? &ip6->saddr : &ip6->daddr, from, to);
		return;
	}
	sum = ip->check;
	csum_replace4(&sum, from->ip, to->ip);
	put_check(q, &ip->check, sum);
	put_address(q, side == SRC ? &ip->saddr : &ip->daddr, from, to);
}

/* What of the skb will be written to, or -EBADMSG; @at_check becomes -1 if the
 * quote ends before it.
 */
static int written_len(const struct rnat_tuple *inner, int end, int at_port,
		       int *at_check)
{
	int len = inner->nhoff + (inner->family == NFPROTO_IPV6 ?
				  sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	if (at_port >= 0)
		len = at_port + sizeof(__be16);
	/* That of TCP is beyond a short quote, and then nobody misses it. */
	if (*at_check + (int)sizeof(__sum16) > end)
		*at_check = -1;
	if (*at_check >= 0)
		len = max_t(int, len, *at_check + sizeof(__sum16));
	return len <= end ? len : -EBADMSG;
}

static int rewrite(struct sk_buff *skb, const struct rnat_tuple *outer,
		   const struct rnat_tuple *inner, enum side side,
		   const union nf_inet_addr *addr, __be16 port)
{
	const union nf_inet_addr *from = side == SRC ? &inner->src : &inner->dst;
	struct quote q = { .skb = skb, .inner = inner };
	int end, len, at_check, at_port = -1;

	end = message_end(skb, outer);
	if (end < 0)
		return end;
	if (port) {
		at_port = port_offset(inner, side);
		if (at_port < 0)
			return at_port;
	}
	at_check = check_at(inner, port);
	len = written_len(inner, end, at_port, &at_check);
	if (len < 0)
		return len;
	if (skb_ensure_writable(skb, len))
		return -ENOMEM;

	q.icmp_check = &((struct icmphdr *)(skb->data + outer->thoff))->checksum;
	rewrite_l4(&q, at_check, at_port, side, from, addr, port);
	rewrite_ip(&q, from, addr, side);
	return 0;
}

int rnat_icmp_rewrite_src(struct sk_buff *skb, const struct rnat_tuple *outer,
			  const struct rnat_tuple *inner,
			  const union nf_inet_addr *addr, __be16 port)
{
	return rewrite(skb, outer, inner, SRC, addr, port);
}

int rnat_icmp_rewrite_dst(struct sk_buff *skb, const struct rnat_tuple *outer,
			  const struct rnat_tuple *inner,
			  const union nf_inet_addr *addr, __be16 port)
{
	return rewrite(skb, outer, inner, DST, addr, port);
}
