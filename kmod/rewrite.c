// SPDX-License-Identifier: GPL-2.0
/*
 * Tuple change -> skb.
 *
 * skb->csum of a CHECKSUM_COMPLETE packet covers the IP header, too. A right
 * header sums to nothing, before and after, so that only what happens behind
 * it has to be carried over; the inet_proto_csum_replace family does.
 */
#include "rewrite.h"

#include <linux/icmp.h>
#include <linux/ip.h>
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

/* What changes after the IP header, and what of it the checksum covers. */
struct l4_change {
	unsigned int thoff;
	u8 proto;
	__be32 addr_from, addr_to;
	__be16 port_from, port_to;
};

static void mend_l4(struct sk_buff *skb, __sum16 *check,
		    const struct l4_change *c)
{
	if (can_be_absent(c->proto) && !*check) {
		/* Nothing makes up for the port in what COMPLETE has summed. */
		if (skb->ip_summed == CHECKSUM_COMPLETE)
			csum_replace(&skb->csum,
				     (__force __wsum)c->port_from,
				     (__force __wsum)c->port_to);
		return;
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL && !is_pending(skb, c->thoff)) {
		csum_replace4(check, c->addr_from, c->addr_to);
		csum_replace2(check, c->port_from, c->port_to);
	} else {
		inet_proto_csum_replace4(check, skb, c->addr_from, c->addr_to,
					 true);
		if (c->port_from != c->port_to)
			inet_proto_csum_replace2(check, skb, c->port_from,
						 c->port_to, false);
	}
	/* Zero would say that there is none. A pending one is finished later. */
	if (can_be_absent(c->proto) && !*check)
		*check = CSUM_MANGLED_0;
}

/* The part of the packet that will be written, from skb->data; or -EBADMSG. */
static int written_len(const struct sk_buff *skb, const struct rnat_tuple *t,
		       __be16 port)
{
	unsigned int len = t->nhoff + sizeof(struct iphdr);
	int check;

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
		check = rnat_rewrite_check_offset(t->proto);
		if (check >= 0)
			len = t->thoff + check + sizeof(__sum16);
		else if (port)	/* the checksum of SCTP is none of ours */
			return -EBADMSG;
		break;
	}
	return len <= skb->len ? len : -EBADMSG;
}

static void rewrite_ports(struct sk_buff *skb, const struct rnat_tuple *t,
			  enum side side, __be32 from, __be32 to, __be16 port)
{
	int offset = rnat_rewrite_check_offset(t->proto);
	__be16 *field = (__be16 *)(skb->data + t->thoff) + side;
	struct l4_change c = {
		.thoff = t->thoff,
		.proto = t->proto,
		.addr_from = from,
		.addr_to = to,
	};

	if (offset < 0)
		return;
	if (port) {
		c.port_from = *field;
		c.port_to = port;
		*field = port;
	}
	mend_l4(skb, (__sum16 *)(skb->data + t->thoff + offset), &c);
}

static void rewrite_query(struct sk_buff *skb, const struct rnat_tuple *t,
			  __be16 id)
{
	struct icmphdr *icmp = (struct icmphdr *)(skb->data + t->thoff);

	inet_proto_csum_replace2(&icmp->checksum, skb, icmp->un.echo.id, id,
				 false);
	icmp->un.echo.id = id;
}

static int rewrite(struct sk_buff *skb, const struct rnat_tuple *t,
		   enum side side, const union nf_inet_addr *addr, __be16 port)
{
	struct iphdr *ip;
	__be32 *field;
	int len;

	len = written_len(skb, t, port);
	if (len < 0)
		return len;
	if (skb_ensure_writable(skb, len))
		return -ENOMEM;

	ip = (struct iphdr *)(skb->data + t->nhoff);
	field = side == SRC ? &ip->saddr : &ip->daddr;
	if (t->l4 == RNAT_L4_PORTS)
		rewrite_ports(skb, t, side, *field, addr->ip, port);
	else if (t->l4 == RNAT_L4_QUERY && port)
		rewrite_query(skb, t, port);
	csum_replace4(&ip->check, *field, addr->ip);
	*field = addr->ip;
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
