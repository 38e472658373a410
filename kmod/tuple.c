// SPDX-License-Identifier: GPL-2.0
/*
 * skb -> tuple. Reads with skb_header_pointer only, so that the skb may be
 * shared, cloned, or have its headers in fragments.
 */
#include "tuple.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <uapi/linux/roamnat.h>

/* What of L4 an ICMP error quotes at least (RFC 792). */
#define QUOTE_MIN 8

/* RFC 8200 knows seven extension headers in an order; none of them twice but
 * one. Whoever sends more wants to keep us busy.
 */
#define EXT_MAX 8

/* Where the L4 header is, and what is known about its length. */
struct l4_room {
	unsigned int len;	/* bytes there are */
	bool whole;		/* they are all of the datagram */
	bool quote;		/* QUOTE_MIN of them are enough */
};

static bool room_for(const struct l4_room *room, unsigned int header)
{
	return room->len >= (room->quote ? QUOTE_MIN : header);
}

static enum rnat_l4 icmp_class(u8 type)
{
	switch (type) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
		return RNAT_L4_QUERY;
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return RNAT_L4_ERROR;
	}
	return RNAT_L4_OTHER;
}

static int parse_icmp(const struct sk_buff *skb, const struct l4_room *room,
		      struct rnat_tuple *t)
{
	const struct icmphdr *icmp;
	struct icmphdr _icmp;

	if (!room_for(room, sizeof(*icmp)))
		return -EBADMSG;
	icmp = skb_header_pointer(skb, t->thoff, sizeof(_icmp), &_icmp);
	if (!icmp)
		return -EBADMSG;
	t->l4 = icmp_class(icmp->type);
	if (t->l4 == RNAT_L4_QUERY) {
		t->sport = icmp->un.echo.id;
		t->dport = icmp->un.echo.id;
	}
	return 0;
}

/*
 * Errors of any type below 128 quote a packet in the same place (RFC 4443, 2.1).
 * What asks for neighbours, routers and listeners speaks of addresses in its
 * body and is of one link.
 */
static void classify_icmp6(u8 type, struct rnat_tuple *t)
{
	switch (type) {
	case ICMPV6_ECHO_REQUEST:
	case ICMPV6_ECHO_REPLY:
		t->l4 = RNAT_L4_QUERY;
		return;
	case 130 ... 138:	/* listeners, neighbours, routers, renumbering */
	case 141 ... 143:	/* inverse neighbours, listeners */
	case 148 ... 149:	/* secure neighbours */
	case 151 ... 153:	/* multicast routers */
		t->on_link = true;
		break;
	}
	t->l4 = type & ICMPV6_INFOMSG_MASK ? RNAT_L4_OTHER : RNAT_L4_ERROR;
}

static int parse_icmp6(const struct sk_buff *skb, const struct l4_room *room,
		       struct rnat_tuple *t)
{
	const struct icmp6hdr *icmp;
	struct icmp6hdr _icmp;

	if (!room_for(room, sizeof(*icmp)))
		return -EBADMSG;
	icmp = skb_header_pointer(skb, t->thoff, sizeof(_icmp), &_icmp);
	if (!icmp)
		return -EBADMSG;
	classify_icmp6(icmp->icmp6_type, t);
	if (t->l4 == RNAT_L4_QUERY) {
		t->sport = icmp->icmp6_identifier;
		t->dport = icmp->icmp6_identifier;
	}
	return 0;
}

/*
 * @header is what must be there to mend the checksum. A first fragment that
 * leaves it to the second (RFC 1858) cannot be translated and is malformed.
 */
static int parse_ports(const struct sk_buff *skb, const struct l4_room *room,
		       unsigned int header, struct rnat_tuple *t)
{
	const __be16 *ports;
	__be16 _ports[2];

	if (!room_for(room, header))
		return -EBADMSG;
	ports = skb_header_pointer(skb, t->thoff, sizeof(_ports), _ports);
	if (!ports)
		return -EBADMSG;
	t->l4 = RNAT_L4_PORTS;
	t->sport = ports[0];
	t->dport = ports[1];
	return 0;
}

static int parse_udp(const struct sk_buff *skb, const struct l4_room *room,
		     struct rnat_tuple *t)
{
	const struct udphdr *udp;
	struct udphdr _udp;
	unsigned int len;

	if (!room_for(room, sizeof(*udp)))
		return -EBADMSG;
	udp = skb_header_pointer(skb, t->thoff, sizeof(_udp), &_udp);
	if (!udp)
		return -EBADMSG;
	len = ntohs(udp->len);
	if (!room->quote && len < sizeof(*udp))
		return -EBADMSG;
	if (room->whole && len > room->len)
		return -EBADMSG;
	t->l4 = RNAT_L4_PORTS;
	t->sport = udp->source;
	t->dport = udp->dest;
	return 0;
}

static int parse_l4(const struct sk_buff *skb, const struct l4_room *room,
		    struct rnat_tuple *t)
{
	switch (t->proto) {
	case IPPROTO_TCP:
		return parse_ports(skb, room, sizeof(struct tcphdr), t);
	case IPPROTO_UDP:
		return parse_udp(skb, room, t);
	case IPPROTO_UDPLITE:
		return parse_ports(skb, room, sizeof(struct udphdr), t);
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:	/* both: 12 bytes before what follows */
		return parse_ports(skb, room, 12, t);
	case IPPROTO_ICMP:
		if (t->family == NFPROTO_IPV4)
			return parse_icmp(skb, room, t);
		break;
	case IPPROTO_ICMPV6:
		if (t->family == NFPROTO_IPV6)
			return parse_icmp6(skb, room, t);
		break;
	}
	t->l4 = RNAT_L4_OTHER;
	return 0;
}

/* Fills @t from the IP header alone. */
static int parse_ip(const struct iphdr *ip, unsigned int nhoff,
		    struct rnat_tuple *t)
{
	unsigned int hlen = ip->ihl * 4;

	if (ip->version != 4 || hlen < sizeof(*ip) || nhoff + hlen > U16_MAX)
		return -EBADMSG;
	memset(t, 0, sizeof(*t));
	t->src.ip = ip->saddr;
	t->dst.ip = ip->daddr;
	t->nhoff = nhoff;
	t->thoff = nhoff + hlen;
	t->family = NFPROTO_IPV4;
	t->proto = ip->protocol;
	if (ip->frag_off & htons(IP_OFFSET))
		t->l4 = RNAT_L4_FRAGMENT;
	else if (ip->frag_off & htons(IP_MF))
		t->first_frag = true;
	return 0;
}

int rnat_tuple_parse(const struct sk_buff *skb, unsigned int nhoff,
		     struct rnat_tuple *t)
{
	struct l4_room room = { 0 };
	const struct iphdr *ip;
	struct iphdr _ip;
	unsigned int len, hlen;
	int err;

	ip = skb_header_pointer(skb, nhoff, sizeof(_ip), &_ip);
	if (!ip)
		return -EBADMSG;
	err = parse_ip(ip, nhoff, t);
	if (err)
		return err;
	hlen = t->thoff - nhoff;
	len = ntohs(ip->tot_len);
	/* A TCP super-packet above 64 KB does not say how long it is. */
	if (!len && skb_is_gso(skb))
		len = skb->len - nhoff;
	if (len < hlen || len > skb->len - nhoff)
		return -EBADMSG;
	if (t->l4 == RNAT_L4_FRAGMENT)
		return 0;
	room.len = len - hlen;
	room.whole = !t->first_frag;
	return parse_l4(skb, &room, t);
}

int rnat_tuple_parse_quote(const struct sk_buff *skb, unsigned int nhoff,
			   unsigned int end, struct rnat_tuple *t)
{
	struct l4_room room = { .quote = true };
	const struct iphdr *ip;
	struct iphdr _ip;
	int err;

	ip = skb_header_pointer(skb, nhoff, sizeof(_ip), &_ip);
	if (!ip)
		return -EBADMSG;
	err = parse_ip(ip, nhoff, t);
	if (err)
		return err;
	if (end > skb->len || t->thoff > end)
		return -EBADMSG;
	if (t->l4 == RNAT_L4_FRAGMENT)
		return 0;
	room.len = end - t->thoff;
	return parse_l4(skb, &room, t);
}

static bool is_ext(u8 proto)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
		return true;
	}
	return false;
}

/* Steps over the extension header at t->thoff, which ends before @end. */
static int parse_ext(const struct sk_buff *skb, unsigned int end,
		     struct rnat_tuple *t)
{
	const u8 *ext;
	u8 _ext[8];
	unsigned int len;

	if (t->thoff + sizeof(_ext) > end)
		return -EBADMSG;
	ext = skb_header_pointer(skb, t->thoff, sizeof(_ext), _ext);
	if (!ext)
		return -EBADMSG;
	switch (t->proto) {
	case IPPROTO_AH:	/* RFC 4302, 2.2: in words, less two */
		len = (ext[1] + 2) * 4;
		break;
	case IPPROTO_FRAGMENT:
		len = 8;
		/* Bits 0 to 12 of the second word are the offset, 15 says more. */
		if ((ext[2] << 8 | ext[3]) & 0xfff8)
			t->l4 = RNAT_L4_FRAGMENT;
		else
			t->first_frag = ext[3] & 1;
		break;
	case IPPROTO_ROUTING:
		t->routed |= ext[3] != 0;
		fallthrough;
	default:
		len = (ext[1] + 1) * 8;
	}
	if (len > end - t->thoff || t->thoff + len > U16_MAX)
		return -EBADMSG;
	t->proto = ext[0];
	t->thoff += len;
	return 0;
}

/* Fills @t from the IPv6 header and what follows it up to the L4 header. */
static int parse_ip6(const struct sk_buff *skb, const struct ipv6hdr *ip,
		     unsigned int nhoff, unsigned int end, struct rnat_tuple *t)
{
	int n, err;

	if (ip->version != 6 || nhoff + sizeof(*ip) > min(end, U16_MAX + 0u))
		return -EBADMSG;
	memset(t, 0, sizeof(*t));
	t->src.in6 = ip->saddr;
	t->dst.in6 = ip->daddr;
	t->nhoff = nhoff;
	t->thoff = nhoff + sizeof(*ip);
	t->family = NFPROTO_IPV6;
	t->proto = ip->nexthdr;
	for (n = 0; is_ext(t->proto) && t->l4 != RNAT_L4_FRAGMENT; n++) {
		if (n == EXT_MAX)
			return -EBADMSG;
		err = parse_ext(skb, end, t);
		if (err)
			return err;
	}
	return 0;
}

int rnat_tuple_parse6(const struct sk_buff *skb, unsigned int nhoff,
		      struct rnat_tuple *t)
{
	struct l4_room room = { 0 };
	const struct ipv6hdr *ip;
	struct ipv6hdr _ip;
	unsigned int end;
	int err;

	ip = skb_header_pointer(skb, nhoff, sizeof(_ip), &_ip);
	if (!ip)
		return -EBADMSG;
	end = nhoff + sizeof(*ip) + ntohs(ip->payload_len);
	/* A super-packet above 64 KB does not say how long it is. */
	if (!ip->payload_len && skb_is_gso(skb))
		end = skb->len;
	if (end > skb->len)
		return -EBADMSG;
	err = parse_ip6(skb, ip, nhoff, end, t);
	if (err || t->l4 == RNAT_L4_FRAGMENT)
		return err;
	room.len = end - t->thoff;
	room.whole = !t->first_frag;
	return parse_l4(skb, &room, t);
}

int rnat_tuple_parse_quote6(const struct sk_buff *skb, unsigned int nhoff,
			    unsigned int end, struct rnat_tuple *t)
{
	struct l4_room room = { .quote = true };
	const struct ipv6hdr *ip;
	struct ipv6hdr _ip;
	int err;

	ip = skb_header_pointer(skb, nhoff, sizeof(_ip), &_ip);
	if (!ip || end > skb->len)
		return -EBADMSG;
	err = parse_ip6(skb, ip, nhoff, end, t);
	if (err || t->l4 == RNAT_L4_FRAGMENT)
		return err;
	room.len = end - t->thoff;
	return parse_l4(skb, &room, t);
}

/* The caller names one side; everything else is the same for both. */
static int make_key(const struct rnat_tuple *t, const union nf_inet_addr *addr,
		    __be16 port, u32 kind, u32 zone, struct rnat_key *k)
{
	memset(k, 0, sizeof(*k));
	k->addr = *addr;
	k->zone = zone;
	k->family = t->family;
	if (kind == ROAMNAT_KIND_ADDRESS)
		return 0;

	switch ((enum rnat_l4)t->l4) {
	case RNAT_L4_FRAGMENT:
		return -EAGAIN;
	case RNAT_L4_OTHER:
	case RNAT_L4_ERROR:
		return -EPROTONOSUPPORT;
	case RNAT_L4_PORTS:
		if (t->proto != IPPROTO_TCP && t->proto != IPPROTO_UDP)
			return -EPROTONOSUPPORT;
		break;
	case RNAT_L4_QUERY:
		break;
	}
	k->port = port;
	k->proto = t->proto;
	return 0;
}

int rnat_tuple_key_src(const struct rnat_tuple *t, u32 kind, u32 zone,
		       struct rnat_key *k)
{
	return make_key(t, &t->src, t->sport, kind, zone, k);
}

int rnat_tuple_key_dst(const struct rnat_tuple *t, u32 kind, u32 zone,
		       struct rnat_key *k)
{
	return make_key(t, &t->dst, t->dport, kind, zone, k);
}
