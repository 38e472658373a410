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
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <linux/stddef.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include "rewrite.h"
#include "tuple.h"

enum side { SRC, DST };

/* Where the ICMP error ends; what follows in the skb is link layer padding. */
static int message_end(const struct sk_buff *skb, const struct rnat_tuple *outer)
{
	const struct iphdr *ip;
	struct iphdr _ip;
	unsigned int end;

	ip = skb_header_pointer(skb, outer->nhoff, sizeof(_ip), &_ip);
	if (!ip)
		return -EBADMSG;
	end = outer->nhoff + ntohs(ip->tot_len);
	return end <= skb->len ? end : -EBADMSG;
}

/*
 * Small and rare enough to be summed up here whatever the device has said. Of
 * a fragment it cannot be known; a pending one was made on this machine.
 */
static bool checksum_ok(const struct sk_buff *skb, const struct rnat_tuple *outer,
			unsigned int end)
{
	if (outer->first_frag || skb->ip_summed == CHECKSUM_PARTIAL)
		return true;
	return !csum_fold(skb_checksum(skb, outer->thoff, end - outer->thoff, 0));
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
	err = rnat_tuple_parse_quote(skb, nhoff, end, inner);
	if (err)
		return err;
	if (inner->l4 == RNAT_L4_ERROR)	/* RFC 1122: none about an error */
		return -EBADMSG;
	if (!checksum_ok(skb, outer, end))
		return -EBADMSG;
	/* RFC 5508, REQ-3a */
	if (csum_fold(skb_checksum(skb, nhoff, inner->thoff - nhoff, 0)))
		return -EBADMSG;
	return 0;
}

/* One rewrite: the skb and the checksum that covers all of the quote. */
struct quote {
	struct sk_buff *skb;
	__sum16 *icmp_check;
};

static void put16(const struct quote *q, __be16 *field, __be16 value)
{
	inet_proto_csum_replace2(q->icmp_check, q->skb, *field, value, false);
	*field = value;
}

static void put32(const struct quote *q, __be32 *field, __be32 value)
{
	inet_proto_csum_replace4(q->icmp_check, q->skb, *field, value, false);
	*field = value;
}

static void put_check(const struct quote *q, __sum16 *field, __sum16 value)
{
	put16(q, (__force __be16 *)field, (__force __be16)value);
}

/* Where the quoted L4 checksum stands, or -1 if it has none that we change. */
static int check_offset(const struct rnat_tuple *inner, __be16 port)
{
	int offset;

	switch ((enum rnat_l4)inner->l4) {
	case RNAT_L4_PORTS:
		offset = rnat_rewrite_check_offset(inner->proto);
		return offset < 0 ? -1 : inner->thoff + offset;
	case RNAT_L4_QUERY:
		return port ? inner->thoff + offsetof(struct icmphdr, checksum) : -1;
	case RNAT_L4_OTHER:
	case RNAT_L4_FRAGMENT:
	case RNAT_L4_ERROR:
		break;
	}
	return -1;
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
 * payload. The pseudo header is part of it for all but ICMP.
 */
static void mend_l4(const struct quote *q, const struct rnat_tuple *inner,
		    __sum16 *check, __be32 from, __be32 to,
		    __be16 port_from, __be16 port_to)
{
	bool udp = inner->proto == IPPROTO_UDP ||
		   inner->proto == IPPROTO_UDPLITE;
	__sum16 sum = *check;

	if (udp && !sum)
		return;
	if (inner->l4 == RNAT_L4_PORTS)
		csum_replace4(&sum, from, to);
	csum_replace2(&sum, port_from, port_to);
	if (udp && !sum)
		sum = CSUM_MANGLED_0;
	put_check(q, check, sum);
}

static void rewrite_l4(const struct quote *q, const struct rnat_tuple *inner,
		       int at_check, int at_port, __be32 from, __be32 to,
		       __be16 port)
{
	u8 *data = q->skb->data;
	__be16 old = port;

	if (port) {
		__be16 *field = (__be16 *)(data + at_port);

		old = *field;
		put16(q, field, port);
	}
	if (at_check >= 0)
		mend_l4(q, inner, (__sum16 *)(data + at_check), from, to, old, port);
}

static void rewrite_ip(const struct quote *q, struct iphdr *ip, __be32 *field,
		       __be32 to)
{
	__sum16 sum = ip->check;

	csum_replace4(&sum, *field, to);
	put_check(q, &ip->check, sum);
	put32(q, field, to);
}

static int rewrite(struct sk_buff *skb, const struct rnat_tuple *outer,
		   const struct rnat_tuple *inner, enum side side,
		   const union nf_inet_addr *addr, __be16 port)
{
	unsigned int len = inner->nhoff + sizeof(struct iphdr);
	int end, at_check, at_port = -1;
	struct quote q = { .skb = skb };
	struct iphdr *ip;
	__be32 *field;

	end = message_end(skb, outer);
	if (end < 0)
		return end;
	if (port) {
		at_port = port_offset(inner, side);
		if (at_port < 0)
			return at_port;
		len = at_port + sizeof(__be16);
	}
	/* That of TCP is beyond a short quote, and then nobody misses it. */
	at_check = check_offset(inner, port);
	if (at_check >= 0 && at_check + sizeof(__sum16) > end)
		at_check = -1;
	if (at_check >= 0)
		len = max_t(unsigned int, len, at_check + sizeof(__sum16));
	if (len > end)
		return -EBADMSG;
	if (skb_ensure_writable(skb, len))
		return -ENOMEM;

	q.icmp_check = &((struct icmphdr *)(skb->data + outer->thoff))->checksum;
	ip = (struct iphdr *)(skb->data + inner->nhoff);
	field = side == SRC ? &ip->saddr : &ip->daddr;
	rewrite_l4(&q, inner, at_check, at_port, *field, addr->ip, port);
	rewrite_ip(&q, ip, field, addr->ip);
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
