// SPDX-License-Identifier: GPL-2.0
#include "packet.h"

#include <linux/gfp.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#define HEADROOM 32
#define FRAME_LEN 14
#define FRAME_PAD 6

static void put_check(u8 *at, __sum16 sum)
{
	memcpy(at, &sum, sizeof(sum));
}

static __sum16 get_check(const u8 *at)
{
	__sum16 sum;

	memcpy(&sum, at, sizeof(sum));
	return sum;
}

static void note_sum(struct rnat_bytes *b, unsigned int at, bool udp)
{
	if (WARN_ON_ONCE(b->nr_sums == ARRAY_SIZE(b->sums)))
		return;
	b->sums[b->nr_sums].at = at;
	b->sums[b->nr_sums++].udp = udp;
}

const struct in6_addr rnat_packet_last = { .s6_addr = { 0xfd, [15] = 99 } };

/* The extension headers in their order: how long, and which protocol number. */
static const struct ext {
	u8 bit, proto, len;
} exts[] = {
	{ RNAT_EXT_HOP, IPPROTO_HOPOPTS, 8 },
	{ RNAT_EXT_DEST, IPPROTO_DSTOPTS, 16 },
	{ RNAT_EXT_ROUTED, IPPROTO_ROUTING, 24 },
	{ RNAT_EXT_ROUTE, IPPROTO_ROUTING, 24 },
	{ 0, IPPROTO_FRAGMENT, 8 },
	{ RNAT_EXT_AUTH, IPPROTO_AH, 24 },
};

static bool has_ext(const struct rnat_packet *p, const struct ext *ext)
{
	if (ext->proto == IPPROTO_FRAGMENT)
		return p->frag_off;
	if (ext->proto == IPPROTO_AH && p->frag_off & IP_OFFSET)
		return false;
	return p->ext & ext->bit;
}

/* The IP header, with its options or extension headers. */
static unsigned int ip_len(const struct rnat_packet *p)
{
	unsigned int i, len = sizeof(struct ipv6hdr);

	if (!p->src6)
		return sizeof(struct iphdr) + p->options;
	for (i = 0; i < ARRAY_SIZE(exts); i++)
		if (has_ext(p, &exts[i]))
			len += exts[i].len;
	return len;
}

static unsigned int l4_header_len(const struct rnat_packet *p)
{
	if (p->frag_off & IP_OFFSET)
		return 0;
	switch (p->proto) {
	case IPPROTO_TCP:
		return sizeof(struct tcphdr);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return sizeof(struct udphdr);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return sizeof(struct icmphdr);
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
		return 12;
	}
	return 0;
}

/* Where the L4 checksum is that we are responsible for, or -1. */
static int l4_check_at(const struct rnat_packet *p)
{
	if (p->frag_off & IP_OFFSET)
		return -1;
	switch (p->proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	}
	return -1;
}

static bool is_echo(const struct rnat_packet *p)
{
	if (p->proto == IPPROTO_ICMPV6)
		return p->type == ICMPV6_ECHO_REQUEST ||
		       p->type == ICMPV6_ECHO_REPLY;
	return p->type == ICMP_ECHO || p->type == ICMP_ECHOREPLY;
}

static void fill_l4_header(const struct rnat_packet *p, u8 *l4, unsigned int len)
{
	switch (p->proto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: {
		struct icmphdr icmp = { .type = p->type };

		if (is_echo(p))
			icmp.un.echo.id = p->sport;
		memcpy(l4, &icmp, sizeof(icmp));
		break;
	}
	case IPPROTO_TCP: {
		struct tcphdr tcp = {
			.source = p->sport, .dest = p->dport, .doff = 5,
		};

		memcpy(l4, &tcp, sizeof(tcp));
		break;
	}
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE: {
		struct udphdr udp = {
			.source = p->sport, .dest = p->dport, .len = htons(len),
		};

		memcpy(l4, &udp, sizeof(udp));
		break;
	}
	default:
		memcpy(l4, &p->sport, sizeof(p->sport));
		memcpy(l4 + 2, &p->dport, sizeof(p->dport));
	}
}

/* A sum that goes on with the pseudo header of the packet. */
static __sum16 pseudo(const struct rnat_packet *p, unsigned int len, __wsum sum)
{
	if (!p->src6)
		return csum_tcpudp_magic(p->src, p->dst, len, p->proto, sum);
	return csum_ipv6_magic(p->src6, p->ext & RNAT_EXT_ROUTE ?
			       &rnat_packet_last : p->dst6, len, p->proto, sum);
}

static void fill_l4_check(const struct rnat_packet *p, u8 *l4, unsigned int len)
{
	int at = l4_check_at(p);
	bool udp = p->proto == IPPROTO_UDP || p->proto == IPPROTO_UDPLITE;
	__sum16 sum;

	if (at < 0)
		return;
	put_check(l4 + at, 0);
	if (p->absent)
		return;
	if (p->proto == IPPROTO_ICMP)
		sum = csum_fold(csum_partial(l4, len, 0));
	else
		sum = pseudo(p, len, csum_partial(l4, len, 0));
	if (udp && !sum)
		sum = CSUM_MANGLED_0;
	put_check(l4 + at, sum);
}

static void fill_inner_check(u8 *payload, unsigned int len)
{
	u8 *at = payload + RNAT_PACKET_INNER_CHECK;
	__sum16 sum;

	put_check(at, (__force __sum16)RNAT_PACKET_INNER_SEED);
	sum = csum_fold(csum_partial(payload + RNAT_PACKET_INNER_START,
				     len - RNAT_PACKET_INNER_START, 0));
	put_check(at, sum ?: CSUM_MANGLED_0);
}

static void fill_ip(const struct rnat_packet *p, u8 *at, unsigned int hlen,
		    unsigned int len)
{
	struct iphdr ip = {
		.version = 4, .ihl = hlen / 4, .ttl = 64, .id = htons(0x4711),
		.protocol = p->proto, .tot_len = htons(len),
		.frag_off = htons(p->frag_off),
		.saddr = p->src, .daddr = p->dst,
	};

	memcpy(at, &ip, sizeof(ip));
	memset(at + sizeof(ip), 1 /* IPOPT_NOOP */, hlen - sizeof(ip));
	put_check(at + offsetof(struct iphdr, check),
		  csum_fold(csum_partial(at, hlen, 0)));
}

static void fill_ext(const struct rnat_packet *p, const struct ext *ext, u8 *at)
{
	memset(at, 0, ext->len);
	at[1] = ext->len / 8 - 1;
	switch (ext->proto) {
	case IPPROTO_FRAGMENT:
		at[1] = 0;
		at[2] = (p->frag_off & IP_OFFSET) >> 5;
		at[3] = (p->frag_off & IP_OFFSET) << 3;
		if (p->frag_off & IP_MF)
			at[3] |= 1;
		break;
	case IPPROTO_ROUTING:
		at[3] = ext->bit == RNAT_EXT_ROUTE;
		memcpy(at + 8, &rnat_packet_last, sizeof(rnat_packet_last));
		break;
	case IPPROTO_AH:
		at[1] = ext->len / 4 - 2;
		break;
	default:
		at[2] = 1;	/* PadN */
		at[3] = ext->len - 4;
	}
}

static void fill_ip6(const struct rnat_packet *p, u8 *at, unsigned int len)
{
	struct ipv6hdr ip = {
		.version = 6, .hop_limit = 64, .saddr = *p->src6,
		.daddr = *p->dst6, .payload_len = htons(len - sizeof(ip)),
	};
	u8 *next = at + offsetof(struct ipv6hdr, nexthdr);
	unsigned int i, offset = sizeof(ip);

	memcpy(at, &ip, sizeof(ip));
	for (i = 0; i < ARRAY_SIZE(exts); i++) {
		if (!has_ext(p, &exts[i]))
			continue;
		fill_ext(p, &exts[i], at + offset);
		*next = exts[i].proto;
		next = at + offset;
		offset += exts[i].len;
	}
	*next = p->proto;
}

/* Builds one packet at @at; the one it quotes has been built behind it. */
static unsigned int build_one(const struct rnat_packet *p, u8 *at,
			      unsigned int payload)
{
	unsigned int hlen = ip_len(p);
	unsigned int l4_header = l4_header_len(p), len = l4_header + payload;
	unsigned int i, kept = p->keep ? min_t(unsigned int, p->keep, len) : len;
	u8 *l4 = at + hlen;

	if (!p->quote)
		for (i = 0; i < payload; i++)
			l4[l4_header + i] = i * 37 + 11;
	if (p->tunnel)
		fill_inner_check(l4 + l4_header, payload);
	if (l4_header) {
		memset(l4, 0, l4_header);
		fill_l4_header(p, l4, len);
		fill_l4_check(p, l4, len);
	}
	if (p->src6)
		fill_ip6(p, at, hlen + (p->quoted ? len : kept));
	else
		fill_ip(p, at, hlen, hlen + (p->quoted ? len : kept));
	return hlen + kept;
}

static void note_sums(struct rnat_bytes *b, const struct rnat_packet *p,
		      unsigned int nhoff, unsigned int len)
{
	unsigned int thoff = nhoff + ip_len(p);
	int at = l4_check_at(p);

	if (!p->src6)
		note_sum(b, nhoff + offsetof(struct iphdr, check), false);
	if (at >= 0 && !p->absent && thoff + at + 2 <= nhoff + len)
		note_sum(b, thoff + at,
			 p->proto == IPPROTO_UDP || p->proto == IPPROTO_UDPLITE);
}

void rnat_packet_build(const struct rnat_packet *p, struct rnat_bytes *b)
{
	unsigned int payload = p->payload;
	int at = l4_check_at(p);

	memset(b, 0, sizeof(*b));
	b->thoff = ip_len(p);
	if (p->quote) {
		unsigned int inner = b->thoff + sizeof(struct icmphdr);

		payload = build_one(p->quote, b->data + inner,
				    p->quote->payload);
		/* What was cut off the quote is not there. */
		memset(b->data + inner + payload, 0,
		       sizeof(b->data) - inner - payload);
		note_sums(b, p->quote, inner, payload);
	}
	b->len = build_one(p, b->data, payload);
	note_sums(b, p, 0, b->len);
	b->check = at < 0 || p->absent ? -1 : b->thoff + at;
}

__be16 rnat_packet_zeroing_port(const struct rnat_bytes *b, __be16 port)
{
	__sum16 sum;
	int i;

	for (i = 0; i < b->nr_sums; i++) {
		if (!b->sums[i].udp)
			continue;
		sum = get_check(b->data + b->sums[i].at);
		return (__force __be16)csum16_add(sum, port);
	}
	return 0;
}

bool rnat_packet_can(const struct rnat_packet *p, enum rnat_csum csum)
{
	bool fragment = p->frag_off & (IP_OFFSET | IP_MF);

	switch (csum) {
	case RNAT_CSUM_NONE:
	case RNAT_CSUM_UNNECESSARY:
	case RNAT_CSUM_COMPLETE:
		return true;
	case RNAT_CSUM_PARTIAL:
		return l4_check_at(p) >= 0 && !p->absent && !fragment;
	case RNAT_CSUM_GSO:
		return !fragment && !p->absent &&
		       (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP);
	case RNAT_CSUM_TUNNEL:
	case RNAT_CSUM_TUNNEL_GSO:
		return p->tunnel;
	case RNAT_CSUM_MAX:
		break;
	}
	return false;
}

/* Copies into pages, in pieces of 6 bytes first, so that headers are torn. */
static int append_pages(struct sk_buff *skb, const u8 *data, unsigned int len)
{
	unsigned int done = 0, piece;
	struct page *page;
	int nr;

	for (nr = 0; done < len; nr++) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			return -ENOMEM;
		piece = nr < 6 ? min(len - done, 6u) : len - done;
		memcpy(page_address(page), data + done, piece);
		skb_add_rx_frag(skb, nr, page, 0, piece, PAGE_SIZE);
		done += piece;
	}
	return 0;
}

/* What the stack leaves in the L4 header when a device is to do the rest. */
static void put_pending(struct rnat_sample *s, const struct rnat_packet *p,
			const struct rnat_bytes *b, u8 *frame)
{
	__sum16 pending = 0;

	if (p->proto != IPPROTO_ICMP)
		pending = ~pseudo(p, b->len - b->thoff, 0);
	put_check(frame + s->nhoff + b->check, pending);
	s->skb->csum_start = HEADROOM + s->nhoff + b->thoff;
	s->skb->csum_offset = b->check - b->thoff;
	s->skb->ip_summed = CHECKSUM_PARTIAL;
}

static void put_inner_pending(struct rnat_sample *s, const struct rnat_packet *p,
			      const struct rnat_bytes *b, u8 *frame)
{
	unsigned int payload = s->nhoff + b->thoff + l4_header_len(p);

	put_check(frame + payload + RNAT_PACKET_INNER_CHECK,
		  (__force __sum16)RNAT_PACKET_INNER_SEED);
	s->skb->csum_start = HEADROOM + payload + RNAT_PACKET_INNER_START;
	s->skb->csum_offset = RNAT_PACKET_INNER_CHECK - RNAT_PACKET_INNER_START;
	s->skb->ip_summed = CHECKSUM_PARTIAL;
}

static void set_csum(struct rnat_sample *s, const struct rnat_packet *p,
		     const struct rnat_bytes *b, u8 *frame)
{
	struct sk_buff *skb = s->skb;

	switch (s->csum) {
	case RNAT_CSUM_NONE:
	case RNAT_CSUM_MAX:
		break;
	case RNAT_CSUM_UNNECESSARY:
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		break;
	case RNAT_CSUM_COMPLETE:
		skb->ip_summed = CHECKSUM_COMPLETE;
		skb->csum = csum_partial(frame + s->nhoff, b->len + s->pad, 0);
		break;
	case RNAT_CSUM_GSO:
	case RNAT_CSUM_PARTIAL:
		put_pending(s, p, b, frame);
		break;
	case RNAT_CSUM_TUNNEL:
		put_inner_pending(s, p, b, frame);
		break;
	case RNAT_CSUM_TUNNEL_GSO:
		put_pending(s, p, b, frame);
		put_inner_pending(s, p, b, frame);
		break;
	}
}

int rnat_sample_make(struct rnat_sample *s, const struct rnat_packet *p,
		     const struct rnat_bytes *b, enum rnat_shape shape,
		     enum rnat_csum csum)
{
	unsigned int len, linear;
	u8 *frame = s->before;

	/* There are many, and with KASAN each takes its time. */
	cond_resched();
	s->clone = NULL;
	s->csum = csum;
	s->thoff = b->thoff;
	s->check = b->check;
	s->nhoff = shape == RNAT_SHAPE_FRAMED ? FRAME_LEN : 0;
	s->pad = shape == RNAT_SHAPE_FRAMED ? FRAME_PAD : 0;
	len = s->nhoff + b->len + s->pad;
	s->skb = alloc_skb(HEADROOM + RNAT_PACKET_MAX, GFP_KERNEL);
	if (!s->skb)
		return -ENOMEM;
	skb_reserve(s->skb, HEADROOM);

	memset(frame, 0x5a, sizeof(s->before));
	memcpy(frame + s->nhoff, b->data, b->len);
	set_csum(s, p, b, frame);
	linear = len;
	if (shape == RNAT_SHAPE_PAGES)
		linear = 0;
	else if (shape == RNAT_SHAPE_SPLIT || shape == RNAT_SHAPE_SPLIT_CLONED)
		linear = sizeof(struct iphdr);
	skb_put_data(s->skb, frame, linear);
	if (append_pages(s->skb, frame + linear, len - linear))
		goto nomem;
	if (csum == RNAT_CSUM_GSO || csum == RNAT_CSUM_TUNNEL_GSO) {
		skb_shinfo(s->skb)->gso_size = 8;
		skb_shinfo(s->skb)->gso_type = p->proto == IPPROTO_TCP ?
			SKB_GSO_TCPV4 : SKB_GSO_UDP_L4;
	}
	if (shape == RNAT_SHAPE_CLONED || shape == RNAT_SHAPE_SPLIT_CLONED) {
		s->clone = skb_clone(s->skb, GFP_KERNEL);
		if (!s->clone)
			goto nomem;
	}
	return 0;
nomem:
	rnat_sample_free(s);
	return -ENOMEM;
}

void rnat_sample_free(struct rnat_sample *s)
{
	kfree_skb(s->skb);
	kfree_skb(s->clone);
}

static const char *clone_differs(struct rnat_sample *s)
{
	if (!s->clone)
		return NULL;
	if (skb_copy_bits(s->clone, 0, s->after, s->clone->len) ||
	    memcmp(s->before, s->after, s->clone->len))
		return "a clone was written to";
	return NULL;
}

/* Both zeroes of the one's complement are the same sum, except for UDP. */
static bool same_sum(__sum16 a, __sum16 b, bool udp)
{
	if (a == b)
		return true;
	return !udp && (!a || a == CSUM_MANGLED_0) &&
	       (!b || b == CSUM_MANGLED_0);
}

/* What a device does with a CHECKSUM_PARTIAL packet, on the flat copy. */
static void finish_at(struct rnat_sample *s, unsigned int start, unsigned int at)
{
	unsigned int len = s->skb->len - s->pad - start;
	__sum16 sum = csum_fold(csum_partial(s->after + start, len, 0));

	put_check(s->after + at, sum ?: CSUM_MANGLED_0);
}

static void finish_csum(struct rnat_sample *s)
{
	unsigned int start = skb_checksum_start_offset(s->skb);

	finish_at(s, start, start + s->skb->csum_offset);
	if (s->csum == RNAT_CSUM_TUNNEL_GSO)
		finish_at(s, s->nhoff + s->thoff, s->nhoff + s->check);
}

static const char *sums_differ(struct rnat_sample *s,
			       const struct rnat_bytes *want)
{
	u8 *got = s->after + s->nhoff;
	int i;

	for (i = 0; i < want->nr_sums; i++) {
		u8 *at = got + want->sums[i].at;
		__sum16 right = get_check(want->data + want->sums[i].at);

		if (!same_sum(get_check(at), right, want->sums[i].udp))
			return "a checksum is wrong";
		put_check(at, right);
	}
	return NULL;
}

const char *rnat_sample_differs(struct rnat_sample *s,
				const struct rnat_bytes *want)
{
	unsigned int tail = s->nhoff + want->len;
	const char *what = clone_differs(s);
	__wsum sum;

	if (what)
		return what;
	if (s->skb->len != tail + s->pad)
		return "the length changed";
	if (skb_copy_bits(s->skb, 0, s->after, s->skb->len))
		return "it cannot be read";
	sum = csum_partial(s->after + s->nhoff, s->skb->len - s->nhoff, 0);
	if (s->skb->ip_summed == CHECKSUM_COMPLETE &&
	    !same_sum(csum_fold(sum), csum_fold(s->skb->csum), false))
		return "skb->csum is wrong";
	if (s->skb->ip_summed == CHECKSUM_PARTIAL)
		finish_csum(s);
	what = sums_differ(s, want);
	if (what)
		return what;
	if (memcmp(s->after, s->before, s->nhoff) ||
	    memcmp(s->after + tail, s->before + tail, s->pad))
		return "what surrounds the packet changed";
	if (memcmp(s->after + s->nhoff, want->data, want->len))
		return "the bytes are not as wanted";
	return NULL;
}

const char *rnat_sample_touched(struct rnat_sample *s)
{
	if (skb_copy_bits(s->skb, 0, s->after, s->skb->len))
		return "it cannot be read";
	if (memcmp(s->before, s->after, s->skb->len))
		return "it was written to";
	return NULL;
}
